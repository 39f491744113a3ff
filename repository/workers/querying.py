"""In the worker: a foreign query on a snapshot that is opened for reading only."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyoxigraph as ox
from rdflib.plugins.sparql import parser as parser  # loaded now, while there is time

from ontology.namespaces import INSTANCES, PREFIXES
from repository.dotted import as_written, written_out
from repository.formats import Format, first_rows
from repository.guard import Reading, read_query

if TYPE_CHECKING:
    from typing_extensions import Buffer

_SHORT = 2**20  # bytes
_PREFIXES = re.compile(rb"(?:@prefix [^\n]*\n)*")
_USED = re.compile(rb"(?<![\w.-])([\w.-]*):")


class Full(Exception):
    """The answer has reached the bytes that it may have."""


class Queries:
    """Answers queries; the snapshot of the last one stays open for the next."""

    def __init__(self) -> None:
        self._snapshot = ""
        self._store: ox.Store | None = None

    def answer(self, header: dict[str, Any], _: bytes) -> tuple[dict[str, Any], bytes]:
        """The answer to a query, or a whole graph. Raises RefusedQuery, or the engine's own errors."""
        if self._store is None or header["snapshot"] != self._snapshot:
            self._store = None  # closed before the next is opened
            self._store = ox.Store.read_only(header["snapshot"])
            self._snapshot = header["snapshot"]
        return _whole_graph(self._store, header) if "graph" in header else _query(self._store, header)


def _query(store: ox.Store, header: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    known, text = header["reading"], header["text"]
    whole = written_out(text)
    reading = Reading(*known) if known else _read(text, whole)
    told: dict[str, Any] = {"reading": [reading.graph, reading.dataset]}
    wanted = header["formats"][reading.graph]
    if not wanted:
        return told | {"not_acceptable": True}, b""
    chosen = Format(wanted)
    default, named = header["default_graphs"], header["named_graphs"]
    given = bool(default or named)  # counts more than what the query says of graphs (SPARQL 1.1 Protocol, 2.1.4)
    try:
        results = store.query(
            whole,
            base_iri=INSTANCES,
            prefixes=dict(PREFIXES),
            use_default_graph_as_union=not (reading.dataset or given),  # it would overrule FROM
            default_graph=[ox.NamedNode(g) for g in default] if given else None,
            named_graphs=[ox.NamedNode(g) for g in named] if given else None,
        )
    except SyntaxError as error:
        raise SyntaxError(as_written(str(error), text)) from error
    rows, most = int(header["rows"]), int(header["bytes"])
    if isinstance(results, ox.QueryTriples):
        body, count, cut = _graph(results, chosen, rows, most)
    elif isinstance(results, ox.QuerySolutions):
        body, count, cut = _table(results, chosen, rows, most)
    else:
        body, count, cut = _truth(results, chosen), 1, False
    return told | {"format": chosen.value, "rows": count, "cut": cut}, body


def _read(text: str, whole: str) -> Reading:
    """What a query is; its faults are told where they stand in it, and what the engine gets is read as well."""
    reading = read_query(text)
    return reading if whole == text else read_query(whole)


def _truth(result: ox.QueryBoolean, chosen: Format) -> bytes:
    if chosen in (Format.CSV, Format.TSV):  # which the standards have no form for
        return f"answer\n{str(bool(result)).lower()}\n".encode()
    return result.serialize(format=ox.QueryResultsFormat.from_media_type(chosen.value)) or b""


def _table(results: ox.QuerySolutions, chosen: Format, rows: int, most: int) -> tuple[bytes, int, bool]:
    out, whole = Bounded(most, lambda so_far: first_rows(so_far, chosen, rows + 1, whole=False)[1] > rows), True
    try:
        results.serialize(out, ox.QueryResultsFormat.from_media_type(chosen.value))
    except Full:
        whole = False
    return first_rows(out.getvalue(), chosen, rows, whole=whole)


def _graph(results: ox.QueryTriples, chosen: Format, rows: int, most: int) -> tuple[bytes, int, bool]:
    counted, out = _Counted(results, rows), Bounded(most)
    try:
        ox.serialize(counted, out, ox.RdfFormat.from_media_type(chosen.value), prefixes=dict(PREFIXES))
    except Full:
        raise ValueError(f"the graph is larger than {most / 2**20:,.0f} MiB; ask for less of it, with LIMIT") from None
    body = out.getvalue()
    return _without_idle_prefixes(body) if chosen is Format.TURTLE else body, counted.given, counted.cut()


def _without_idle_prefixes(turtle: bytes) -> bytes:
    """Without the prefixes that nothing below them uses: else a short answer would stand under forty of them."""
    if len(turtle) > _SHORT:
        return turtle
    head = _PREFIXES.match(turtle)
    lines = head[0].splitlines(keepends=True) if head else []
    body = turtle[sum(map(len, lines)) :]
    used = set(_USED.findall(body))
    return b"".join(line for line in sorted(lines) if line.split()[1][:-1] in used) + body


def _whole_graph(store: ox.Store, header: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """One graph, all of it; `graph` is its IRI, or empty for the one without a name."""
    name = ox.NamedNode(header["graph"]) if header["graph"] else ox.DefaultGraph()
    if isinstance(name, ox.NamedNode) and not store.contains_named_graph(name):
        return {"missing": True}, b""
    chosen, out = Format(header["formats"][1]), Bounded(int(header["bytes"]))
    try:
        store.dump(out, format=ox.RdfFormat.from_media_type(chosen.value), from_graph=name, prefixes=dict(PREFIXES))
    except Full:
        raise ValueError(
            f"the graph is larger than {int(header['bytes']) / 2**20:,.0f} MiB; ask for parts of it with CONSTRUCT"
        ) from None
    body = out.getvalue()
    return {"format": chosen.value}, _without_idle_prefixes(body) if chosen is Format.TURTLE else body


class Bounded(io.BytesIO):
    """What is written to it, up to a number of bytes, or until it is found to be enough."""

    def __init__(self, most: int, enough: Callable[[bytes], bool] = lambda _: False) -> None:
        super().__init__()
        self._most = most
        self._enough = enough
        self._look_at = 2**20  # bytes; then at twice as many, so that looking costs no more than writing

    def write(self, data: Buffer) -> int:
        """Keep the bytes. Raises Full."""
        written = super().write(data)
        if self.tell() > self._most:
            raise Full
        if self.tell() >= self._look_at:
            self._look_at *= 2
            if self._enough(self.getvalue()):
                raise Full
        return written


class _Counted:
    """The first triples of a graph, and how many they were."""

    def __init__(self, items: Iterable[ox.Triple], most: int) -> None:
        self.given = 0
        self._items = iter(items)
        self._most = most

    def __iter__(self) -> Iterator[ox.Triple]:
        for item in islice(self._items, self._most):
            self.given += 1
            yield item

    def cut(self) -> bool:
        """Whether there are more."""
        return self.given == self._most and next(self._items, None) is not None
