"""A query's answer as a table: typed columns, short names, labels, units. Nothing here knows Streamlit."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import pandas as pd

from repository.terms import shortened

_XSD = "http://www.w3.org/2001/XMLSchema#"
_WHOLE = frozenset(_XSD + n for n in ("integer", "int", "long", "short", "nonNegativeInteger", "positiveInteger"))
_REAL = frozenset(_XSD + n for n in ("decimal", "double", "float"))
_ENDINGS = {
    "_ms": "ms", "_usd": "USD", "_percent": "%", "_mib": "MiB", "_kib": "KiB", "_mj": "mJ", "_w": "W", "_per_s": "per s"
}  # fmt: skip
LABEL = "_label"
Labels = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Column:
    """One variable. `kind` is number, iri or text; `values` holds numbers, IRIs or texts, None where unbound."""

    name: str
    kind: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """The rows of a SELECT, or the truth of an ASK as one row."""

    columns: tuple[Column, ...]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.columns[0].values) if self.columns else 0

    def column(self, name: str) -> Column:
        """The one of that name. Raises KeyError."""
        return {c.name: c for c in self.columns}[name]

    def names(self, kind: str) -> list[str]:
        """The columns of one kind."""
        return [c.name for c in self.columns if c.kind == kind]


def table_of(body: bytes) -> Table:
    """A result in SPARQL's JSON format."""
    told = json.loads(body)
    if "boolean" in told:
        return Table((Column("answer", "text", ("yes" if told["boolean"] else "no",)),))
    rows = told["results"]["bindings"]
    return Table(tuple(_column(name, [row.get(name) for row in rows]) for name in told["head"]["vars"]))


def _column(name: str, cells: list[dict[str, Any] | None]) -> Column:
    bound = [c for c in cells if c is not None]
    if bound and all(c.get("datatype") in _WHOLE | _REAL for c in bound):
        return Column(name, "number", tuple(None if c is None else _number(c) for c in cells))
    kind = "iri" if bound and all(c["type"] == "uri" for c in bound) else "text"
    return Column(name, kind, tuple(None if c is None else _text(c) for c in cells))


def _number(cell: Mapping[str, Any]) -> float | int | None:
    try:
        number = float(cell["value"])
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return int(cell["value"]) if cell["datatype"] in _WHOLE and abs(number) < 2**53 else number


def _text(cell: Mapping[str, Any]) -> str:
    if cell["type"] == "bnode":
        return f"_:{cell['value']}"
    return str(cell["value"]) if isinstance(cell["value"], str) else json.dumps(cell["value"])  # a triple as a term


def hidden(table: Table) -> set[str]:
    """Columns of names whose labels stand in a column of their own: `device` beside `device_label`."""
    names = {c.name for c in table.columns}
    return {c.name for c in table.columns if c.kind == "iri" and c.name + LABEL in names}


def shown(table: Table, labels: Labels) -> pd.DataFrame:
    """The table for the page: numbers as numbers, IRIs by their label or else shortened."""
    beside = hidden(table)
    columns: dict[str, Any] = {}
    for c in table.columns:
        if c.kind == "number":
            whole = all(v is None or isinstance(v, int) for v in c.values)
            columns[c.name] = pd.array(list(c.values), dtype="Int64" if whole else "Float64")
        elif c.kind == "iri" or any(v is not None and v.startswith("http") for v in c.values):
            known = {v: name_of(v, {} if c.name in beside else labels) for v in set(c.values) if v is not None}
            columns[c.name] = [None if v is None else known[v] for v in c.values]
        else:
            columns[c.name] = list(c.values)
    return pd.DataFrame(columns)


def name_of(iri: str, labels: Labels) -> str:
    """Its label, else its prefixed name, else the whole of it."""
    prefix, colon, rest = (short := shortened(iri)).partition(":")
    return labels.get((prefix, unquote(rest)), short) if colon and short != iri else iri


def model_link(iri: str) -> str:
    """The page of a model, as an address beside this one."""
    return f"/?model={quote(unquote(iri.rpartition('/')[2]), safe='')}"


def headings(table: Table, units: Mapping[str, str] | None) -> dict[str, str]:
    """What stands above each column: the variable as written; of a named question (`units` given) in words with units.

    `latency_ms` in ms becomes `latency (ms)`, `device_label` becomes `device`, and a `device` beside it `device name`.
    """
    if units is None:
        return {c.name: c.name for c in table.columns}
    beside = hidden(table)
    found = {}
    for c in table.columns:
        unit = units.get(c.name, "")
        words = c.name.removesuffix(LABEL)
        for ending, meant in _ENDINGS.items():
            if words.endswith(ending) and unit.startswith(meant):
                words = words.removesuffix(ending)
                break
        words = words.replace("_", " ") + (" name" if c.name in beside else "")
        found[c.name] = f"{words} ({unit})" if unit and unit != words else words
    return found if len(set(found.values())) == len(found) else {c.name: c.name for c in table.columns}


def as_csv(body: bytes) -> bytes:
    """A result in SPARQL's JSON format as CSV, as the endpoint writes it: each value in full, unbound cells empty."""
    told = json.loads(body)
    if "boolean" in told:
        return f"answer\n{str(told['boolean']).lower()}\n".encode()
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    names = told["head"]["vars"]
    writer.writerow(names)
    writer.writerows(
        ["" if (c := row.get(n)) is None else _text(c) for n in names] for row in told["results"]["bindings"]
    )
    return text.getvalue().encode()
