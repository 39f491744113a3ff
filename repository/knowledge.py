"""What an installation knows: its graph, and the columns made of it, kept until the graph changes."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pandas as pd

from ontology.events import Event, Note
from ontology.settings import QueryLimits
from repository.graph import EmbeddedGraph, Format, Graph, GraphError, StoreBusy, frame
from repository.kept import KeptProjection
from repository.projection import Projection
from repository.remote import RemoteGraph
from repository.rq import query
from repository.terms import local
from repository.workers.pool import Answer, LimitedQueries

STORE = "graph"
SNAPSHOTS = "snapshots"  # copies of the store for workers; they go with the process that made them
POLL_S = 0.2  # between two tries for a store that another command holds
SERVER = "server.json"  # where the running app can be asked, and with which token


@dataclass(frozen=True)
class _Kept:
    """A query to be answered once for a state of the graph."""

    text: str
    graph: Graph = field(compare=False)

    def __call__(self, projection: Projection) -> pd.DataFrame:
        """Asks the graph that the columns were read from."""
        return frame(self.graph, self.text)


@dataclass
class Knowledge:
    """A graph with its projection, which is read once; again, wholly or in part, only after `changed()`."""

    graph: Graph
    limits: QueryLimits = field(default_factory=QueryLimits)
    snapshots: Path | None = None  # the folder for copies of the store that workers read; else a temporary one
    _kept: KeptProjection = field(init=False, repr=False)
    _queries: LimitedQueries | None = field(default=None, init=False, repr=False)
    _temporary: tempfile.TemporaryDirectory[str] | None = field(default=None, init=False, repr=False)
    _opening: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        """The projection is read when it is first asked for."""
        self._kept = KeptProjection(self.graph)

    @property
    def projection(self) -> Projection:
        """The graph in columns."""
        return self._kept.get()

    @property
    def version(self) -> int | None:
        """The graph's version that the last read projection is of: fresh while it equals `graph.version`.

        None before the first reading, and of a graph that has no version.
        """
        return self._kept.version

    def close(self) -> None:
        """Let the store go, so that another process, or a later command, may open it; queries that run are ended."""
        if self._queries is not None:
            self._queries.close()
        if self._temporary is not None:
            self._temporary.cleanup()
        if isinstance(self.graph, EmbeddedGraph):
            self.graph.close()

    def __enter__(self) -> Knowledge:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def changed(self) -> None:
        """Say that the graph was written to, and that anything may be different."""
        self._kept.drop()

    def touched(self, names: Collection[str], *, before: int, after: int) -> None:
        """Say that a write touched these short names (`m:local-1`) and nothing else: only their rows are read again.

        `before` and `after` are the graph's versions around the write, taken under its lock.
        """
        self._kept.touched(names, before, after)

    def refresh(self) -> None:
        """Read the graph anew beside those who still use the last reading, then put the new one in its place."""
        self._kept.reread()

    def ask(self, text: str, format: Format = Format.CSV) -> bytes:
        """An analyst's own query, as `answer` gives it. Raises RefusedQuery or GraphError."""
        return self.answer(text, format).body

    def answer(
        self,
        text: str,
        format: Format = Format.CSV,
        *,
        graph_format: Format = Format.TURTLE,
        id: str | None = None,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        seconds: float | None = None,
        rows: int | None = None,
    ) -> Answer:
        """An analyst's own query within limits: a table as `format`, of a CONSTRUCT or DESCRIBE a `graph_format`.

        Our own prefixes need not be declared. `Answer.note` says when rows were left out; `stop(id)` ends the query
        from another thread. `seconds` and `rows` may lower the limits of the installation; another process that holds
        the store keeps to its own rows. Raises RefusedQuery, or GraphError: QueryTimeout, QueryStopped, Busy.
        """
        if isinstance(self.graph, RemoteGraph):
            return self.graph.answer(
                text,
                format,
                graph_format,
                default_graphs,
                named_graphs,
                seconds=min(seconds or self.limits.seconds, self.limits.seconds),
            )
        return self.queries.answer(
            text,
            format,
            graph_format=graph_format,
            id=id,
            default_graphs=default_graphs,
            named_graphs=named_graphs,
            seconds=seconds,
            rows=rows,
            owner=True,
        )

    def stop(self, id: str) -> bool:
        """End the query that was asked with this id; False when none runs here."""
        return self._queries is not None and self._queries.stop(id)

    @property
    def queries(self) -> LimitedQueries:
        """The workers for foreign queries and updates. Raises GraphError where the store is not here."""
        if not isinstance(self.graph, EmbeddedGraph):
            raise GraphError("the store is held by another process; send this to its address instead")
        with self._opening:
            if self._queries is None:
                if self.snapshots is None:
                    self._temporary = tempfile.TemporaryDirectory(prefix="dlom-", ignore_cleanup_errors=True)
                folder = self.snapshots or Path(self._temporary.name) / SNAPSHOTS  # type: ignore[union-attr]
                self._queries = LimitedQueries(self.graph, folder, self.limits)
            return self._queries

    def run(self, text: str) -> pd.DataFrame:
        """A query of our own as a table of text."""
        return frame(self.graph, text)

    def run_once(self, text: str) -> pd.DataFrame:
        """The same, kept as long as the columns are; nobody may change what it gives."""
        return self.projection.once(_Kept(text, self.graph))

    def tallies(self) -> pd.DataFrame:
        """For each source and table how many rows had which outcome, and why."""
        found = self.run(query("tallies"))
        found["source"] = found["source"].map(local)
        found["rows"] = found["rows"].astype(int)
        return found


def open_knowledge(
    home: Path,
    limits: QueryLimits | None = None,
    *,
    wait_s: float = 0.0,
    tell: Callable[[Event], None] = lambda event: None,
) -> Knowledge:
    """The installation's knowledge: its store if that is free, else the running app that holds it.

    Where another command holds it, this one waits `wait_s` for its end, and tells so. Raises GraphError, with what to
    do, when it cannot be had.
    """
    until, told = time.monotonic() + wait_s, False
    while True:
        try:
            return Knowledge(EmbeddedGraph(home / STORE), limits or QueryLimits(), home / SNAPSHOTS)
        except StoreBusy as busy:
            server = _server(home)
            if server is not None:
                return Knowledge(RemoteGraph(f"{server['url']}/sparql", server["token"]), limits or QueryLimits())
            if time.monotonic() >= until:
                raise GraphError(
                    f"{busy}, which cannot be reached; wait until it has finished, or stop it and try again"
                ) from busy
        if not told:
            tell(Note(f"another command holds the knowledge graph; waiting for it, at most {wait_s:g} s"))
            told = True
        time.sleep(POLL_S)


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
