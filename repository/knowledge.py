"""What an installation knows: its graph, and the columns made of it, kept until the graph changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pandas as pd

from repository.graph import EmbeddedGraph, Format, Graph, GraphError, StoreBusy, frame
from repository.guard import check
from repository.projection import Projection, project
from repository.remote import RemoteGraph
from repository.rq import query
from repository.terms import local

STORE = "graph"
SERVER = "server.json"  # where the running app can be asked, and with which token


@dataclass
class Knowledge:
    """A graph with its projection. The projection is read once and again only after `changed()`."""

    graph: Graph
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _projection: Projection | None = field(default=None, repr=False)

    @property
    def projection(self) -> Projection:
        """The graph in columns."""
        with self._lock:
            if self._projection is None:
                self._projection = project(self.graph)
            return self._projection

    def close(self) -> None:
        """Let the store go, so that another process, or a later command, may open it."""
        if isinstance(self.graph, EmbeddedGraph):
            self.graph.close()

    def __enter__(self) -> Knowledge:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def changed(self) -> None:
        """Say that the graph was written to."""
        with self._lock:
            self._projection = None

    def refresh(self) -> None:
        """Read the graph anew beside those who still use the last reading, then put the new one in its place."""
        fresh = project(self.graph)
        with self._lock:
            self._projection = fresh

    def ask(self, text: str, format: Format = Format.CSV) -> bytes:
        """An analyst's own query: checked first. Raises RefusedQuery or GraphError."""
        return self.answer(text, format)[0]

    def answer(self, text: str, format: Format = Format.CSV) -> tuple[bytes, Format]:
        """The same with the format that the answer has: of a CONSTRUCT or DESCRIBE Turtle, whatever was asked for."""
        chosen = Format.TURTLE if check(text) else format
        return self.graph.query(text, chosen), chosen

    def run(self, text: str) -> pd.DataFrame:
        """A query of our own as a table of text."""
        return frame(self.graph, text)

    def tallies(self) -> pd.DataFrame:
        """For each source and table how many rows had which outcome, and why."""
        found = self.run(query("tallies"))
        found["source"] = found["source"].map(local)
        found["rows"] = found["rows"].astype(int)
        return found


def open_knowledge(home: Path) -> Knowledge:
    """The installation's knowledge: its store if that is free, else the running app that holds it.

    Raises GraphError, with what to do, when neither can be had.
    """
    try:
        return Knowledge(EmbeddedGraph(home / STORE))
    except StoreBusy as busy:
        server = _server(home)
        if server is None:
            raise GraphError(
                f"{busy}, which cannot be reached; wait until it has finished, or stop it and try again"
            ) from busy
        return Knowledge(RemoteGraph(f"{server['url']}/sparql", server["token"]))


def announce(home: Path, url: str, token: str) -> None:
    """Leave word where the app that holds the store can be asked; only the owner of the folder may read it."""
    file = home / SERVER
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps({"url": url, "token": token}), encoding="utf-8")


def withdraw(home: Path) -> None:
    """Take that word back."""
    (home / SERVER).unlink(missing_ok=True)


def serving(home: Path) -> str | None:
    """The address of the app that holds this installation's store, when it answers; None otherwise."""
    server = _server(home)
    if server is None:
        return None
    try:  # with the token: after a kill another program may listen there
        RemoteGraph(f"{server['url']}/sparql", server["token"], httpx.Timeout(2.0)).query("ASK {}")
    except GraphError:
        return None
    return server["url"]


def _server(home: Path) -> Mapping[str, str] | None:
    try:
        found = json.loads((home / SERVER).read_text(encoding="utf-8"))
        return {"url": str(found["url"]), "token": str(found["token"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None
