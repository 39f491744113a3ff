"""The real app over the five models of `tests/tiny.py`, for tests that ask it from outside."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from repository.graph import EmbeddedGraph
from repository.knowledge import SERVER, STORE
from tests.browser import app
from tests.tiny import tiny_graph


@dataclass(frozen=True)
class Served:
    """A running app: the folder of its state, a client of its address, and the header that lets one write."""

    home: Path
    client: httpx.Client
    key: dict[str, str]

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self.client.base_url.port is not None
        return self.client.base_url.port

    def ask(self, query: str, **headers: str) -> httpx.Response:
        """A query as anybody may send it."""
        return self.client.post("/sparql", data={"query": query}, headers=headers)

    def count(self, pattern: str) -> int:
        """How many solutions a pattern has."""
        answer = self.ask(f"SELECT (COUNT(*) AS ?n) {{ {pattern} }}").json()
        return int(answer["results"]["bindings"][0]["n"]["value"])

    def update(self, text: str) -> httpx.Response:
        """An update as the owner may send it."""
        return self.client.post("/sparql", data={"update": text}, headers=self.key)

    def statements(self) -> set[str]:
        """Every statement with its graph."""
        answer = self.ask("SELECT * { GRAPH ?g { ?s ?p ?o } }", Accept="text/tab-separated-values")
        return set(answer.text.splitlines())


@contextmanager
def served(home: Path, graph: EmbeddedGraph | None = None) -> Iterator[Served]:
    """The app with a graph, else the tiny one, in `home`, which it holds open."""
    (graph or tiny_graph()).snapshot(home / STORE)
    with app(home) as address, httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        end = time.monotonic() + 60
        while not (home / SERVER).exists():
            assert time.monotonic() < end, (home / "app.log").read_text()[-2000:]
            time.sleep(0.05)
        token = json.loads((home / SERVER).read_text())["token"]
        yield Served(home, client, {"Authorization": f"Bearer {token}"})
