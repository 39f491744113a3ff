"""The media types of answers, which of them a request accepts, and tables cut to their first rows.

The engine writes whole answers only. What is too long is therefore cut afterwards, between two rows, and closed again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_NESTED = 12  # braces within braces: a row, a term, and triples as terms below it


class Format(StrEnum):
    """Media types in which a query's result may be asked for: four of tables, four of graphs."""

    CSV = "text/csv"
    JSON = "application/sparql-results+json"
    TURTLE = "text/turtle"
    TSV = "text/tab-separated-values"
    XML = "application/sparql-results+xml"
    N_TRIPLES = "application/n-triples"
    JSON_LD = "application/ld+json"
    RDF_XML = "application/rdf+xml"

    @property
    def is_graph(self) -> bool:
        """Whether CONSTRUCT and DESCRIBE are written in it, rather than SELECT and ASK."""
        return self in GRAPHS


TABLES = (Format.JSON, Format.XML, Format.CSV, Format.TSV)  # the first is given to those who have no wish
GRAPHS = (Format.TURTLE, Format.N_TRIPLES, Format.JSON_LD, Format.RDF_XML)
_ALSO: Mapping[str, tuple[Format, ...]] = MappingProxyType(
    {
        "application/json": (Format.JSON, Format.JSON_LD),
        "application/xml": (Format.XML, Format.RDF_XML),
        "text/xml": (Format.XML, Format.RDF_XML),
        "text/plain": (Format.N_TRIPLES,),
        "application/x-turtle": (Format.TURTLE,),
    }
)


def accepted(header: str, among: tuple[Format, ...]) -> Format | None:
    """The best of `among` for an Accept header, by its q-values; the first when there is no header; None when none is.

    Of equals the one that is named most exactly, then the one named first. `q=0` excludes (RFC 9110, 12.5.1).
    """
    if not header.strip():
        return among[0]
    wishes: list[tuple[str, float]] = []
    for part in header.split(","):
        name, *parameters = (p.strip().lower() for p in part.split(";"))
        wishes.append((name, _quality(parameters)))
    best: tuple[float, int, int] | None = None
    found: Format | None = None
    for one in among:
        exact = [(_exactness(name, one), q, -at) for at, (name, q) in enumerate(wishes) if _exactness(name, one)]
        if not exact:
            continue
        exactness, q, at = max(exact, key=lambda wish: (wish[0], wish[2]))
        rank = (q, exactness, at)
        if q > 0 and (best is None or rank > best):
            best, found = rank, one
    return found


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(1.0, max(0.0, float(parameter[2:])))
            except ValueError:
                return 0.0
    return 1.0


def _exactness(name: str, format: Format) -> int:
    if name == format.value:
        return 4
    if format in _ALSO.get(name, ()):
        return 3
    if name == f"{format.value.split('/')[0]}/*":
        return 2
    return 1 if name == "*/*" else 0


def _braces(depth: int) -> bytes:
    inner = b"" if depth == 0 else b"|" + _braces(depth - 1)
    return rb"\{(?:[^{}" + rb'"]++|' + _STRING + inner + rb")*+\}"


_JSON_ROW = re.compile(_braces(_NESTED), re.DOTALL)
_CSV_ROW = re.compile(rb'(?:[^"\n]++|"[^"]*+")*+\n')
_END_OF_ROWS: Mapping[Format, bytes] = MappingProxyType({Format.JSON: b"]}}", Format.XML: b"</results></sparql>"})


def first_rows(body: bytes, format: Format, most: int, *, whole: bool) -> tuple[bytes, int, bool]:
    """A table that the engine has written, cut to `most` rows: the table, its rows, and whether it was cut.

    `whole` is False where the writing was stopped: what follows the last whole row is then cut off as well.
    """
    ends = _ends(body, format, most + 1)
    rows = min(len(ends), most)
    if len(ends) <= most and whole:
        return body, rows, False
    end = ends[rows - 1] if rows else _start(body, format)
    return body[:end] + _END_OF_ROWS.get(format, b""), rows, True


def _start(body: bytes, format: Format) -> int:
    """Where the first row begins."""
    if format is Format.JSON:
        return body.find(b'"bindings":[') + len(b'"bindings":[')
    if format is Format.XML:
        return body.find(b"<results>") + len(b"<results>")
    return body.find(b"\n") + 1


def _ends(body: bytes, format: Format, most: int) -> list[int]:
    """Where the first rows end."""
    ends: list[int] = []
    at = _start(body, format)
    while len(ends) < most:
        if format is Format.JSON:
            row = _JSON_ROW.match(body, at + (body[at : at + 1] == b","))
            end = row.end() if row else 0
        elif format is Format.CSV:
            row = _CSV_ROW.match(body, at)
            end = row.end() if row else 0
        else:
            closing = b"</result>" if format is Format.XML else b"\n"
            found = body.find(closing, at)
            end = found + len(closing) if found >= 0 else 0
        if not end:
            break
        ends.append(end)
        at = end
    return ends
