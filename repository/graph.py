"""The knowledge graph behind one small interface: embedded on disk or in memory, or any SPARQL 1.1 server.

A query without FROM sees the union of all named graphs. Results come as bytes in a standard format, which is what
a server sends, so that the embedded engine and a remote one are used in the same way.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import pandas as pd
import pyoxigraph as ox

from ontology.namespaces import PREFIXES
from repository.dotted import written_out
from repository.formats import Format as Format

_HELD = re.compile(r"While lock file: |lock hold by current process")  # RocksDB's words; a path may contain "lock"
_ONE_UPDATE = 20_000  # quads; a SPARQL update of more takes several times as long as two plain transactions


class GraphError(Exception):
    """The graph could not be opened, reached or asked; the message says what to do."""


class StoreBusy(GraphError):
    """Another process holds the embedded store, which only one may open."""


class Graph(Protocol):
    """What DLOM needs of a graph for reading."""

    def query(self, text: str, format: Format = Format.CSV) -> bytes:
        """The result of a SELECT or ASK as CSV or JSON, of a CONSTRUCT as Turtle. Raises GraphError."""
        ...


def frame(graph: Graph, text: str) -> pd.DataFrame:
    """A SELECT as a table of strings; unbound is NaN. IRIs are whole, numbers are still text."""
    csv = io.BytesIO(graph.query(text))
    # The row of a single unbound variable is a blank line.
    return pd.read_csv(csv, dtype=str, keep_default_na=False, na_values=[""], skip_blank_lines=False)


class EmbeddedGraph:
    """Oxigraph in this process, on disk under `folder`, or in memory.

    Writers hold `lock`: two threads that read, compute and write would otherwise lose one of the updates.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Open the store. Raises StoreBusy when another process has it open."""
        try:
            if folder is None:
                self._store = ox.Store()
            else:
                folder.mkdir(parents=True, exist_ok=True)
                self._store = ox.Store(str(folder))
        except OSError as error:
            if _HELD.search(str(error)):
                raise StoreBusy(f"the knowledge graph in {folder} is open in another process") from error
            raise GraphError(f"the knowledge graph in {folder} cannot be opened: {error}") from error
        self.lock = threading.RLock()
        self._folder = folder
        self._writes = 0

    @property
    def version(self) -> int:
        """How often this process has written; equal numbers mean equal content."""
        return self._writes

    def snapshot(self, folder: Path) -> int:
        """Put a copy of the store, as it is now, into the new folder `folder`, and say of which version it is.

        On disk the copy shares its files with the store, and takes a tenth of a second.
        """
        with self.lock:
            if self._folder is not None:
                self._store.flush()
                self._store.backup(str(folder))
            else:
                copy = ox.Store(str(folder))
                copy.bulk_extend(self._store)
                copy.flush()
            return self._writes

    def query(self, text: str, format: Format = Format.CSV) -> bytes:
        """Run one query over the union of all graphs. Raises GraphError with the engine's own words."""
        try:
            results = self._store.query(written_out(text), use_default_graph_as_union=True)
            return _serialised(results, format)
        except (SyntaxError, ValueError, OSError, RuntimeError) as error:
            raise GraphError(f"the query could not be run: {_one_line(error)}") from error

    def replace(self, graph: ox.NamedNode, quads: Iterable[ox.Quad]) -> int:
        """Make `quads`, all of them in `graph`, the whole content of that named graph; the number written.

        Up to 20,000 quads it is one transaction: a reader, or a kill, finds the old content or the new. Beyond that
        the graph is empty or half written for a while, so that who replaces a large one must be able to do it again.
        """
        fresh = list(quads)
        with self.lock:
            self._writes += 1
            if len(fresh) <= _ONE_UPDATE:
                content = "".join(f"{q.subject} {q.predicate} {q.object} .\n" for q in fresh)
                self.update(f"DROP SILENT GRAPH {graph} ;\nINSERT DATA {{ GRAPH {graph} {{\n{content}}} }}")
            else:
                self._store.remove_graph(graph)
                self._store.bulk_extend(fresh)  # three times as fast as one transaction, and not one
        return len(fresh)

    def quads(
        self,
        graph: ox.NamedNode | ox.DefaultGraph | None,
        subject: ox.NamedNode | ox.BlankNode | ox.Triple | None = None,
        predicate: ox.NamedNode | None = None,
        object: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple | None = None,
    ) -> list[ox.Quad]:
        """Everything in a named graph, or in all graphs, of a subject, a predicate and an object where one is named."""
        return list(self._store.quads_for_pattern(subject, predicate, object, graph))

    def names(self) -> list[ox.NamedNode]:
        """The named graphs, in order; one that was emptied may still be among them."""
        return sorted((g for g in self._store.named_graphs() if isinstance(g, ox.NamedNode)), key=lambda g: g.value)

    def drop(self, graph: ox.NamedNode) -> None:
        """Remove a named graph with everything in it."""
        with self.lock:
            self._writes += 1
            self._store.remove_graph(graph)

    def update(self, text: str) -> None:
        """One SPARQL update, all of it or nothing. For our own texts only: LOAD would fetch from outside."""
        with self.lock:
            self._writes += 1
            try:
                self._store.update(text)
            except (SyntaxError, ValueError, OSError, RuntimeError) as error:
                raise GraphError(f"the update could not be run: {_one_line(error)}") from error

    def load_turtle(self, text: bytes, graph: ox.NamedNode) -> None:
        """Add Turtle of our own to a named graph."""
        with self.lock:
            self._writes += 1
            self._store.load(text, format=ox.RdfFormat.TURTLE, to_graph=graph)

    def settle(self) -> None:
        """Have everything written so far survive a power cut; commits alone survive a kill."""
        self._store.flush()

    def close(self) -> None:
        """Let the store go, so that another process may open it."""
        self.__dict__.pop("_store", None)  # twice is the same as once

    def __len__(self) -> int:
        """The number of quads."""
        return len(self._store)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _serialised(results: ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples, format: Format) -> bytes:
    if isinstance(results, ox.QueryTriples):
        wanted = ox.RdfFormat.from_media_type(format.value) if format.is_graph else ox.RdfFormat.TURTLE
        return ox.serialize(results, format=wanted, prefixes=dict(PREFIXES)) or b""
    if format.is_graph:
        raise ValueError("only a CONSTRUCT or DESCRIBE can be written as a graph; ask for CSV or JSON")
    if isinstance(results, ox.QueryBoolean) and format is Format.CSV:
        return f"answer\n{str(bool(results)).lower()}\n".encode()
    return results.serialize(format=ox.QueryResultsFormat.from_media_type(format.value)) or b""
