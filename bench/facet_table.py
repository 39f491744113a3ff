"""The catalogue's facets as a DuckDB table and SQL: the peer of `wizard/catalogue.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.wide_table import Sql
from ontology.records import Grade, figure_kinds
from repository.coverage import DIMENSIONS
from repository.export import NONE_KNOWN
from repository.projection import Coded, Projection
from wizard.catalogue import ANY_FIGURE, FACETS, Wanted

if TYPE_CHECKING:
    import duckdb

_SEARCHED = ("network", "device", "source", "purpose", "optimization", "runtime")
_MARKS = re.compile(r"[\W_]+")
_COMMERCIAL = {True: ["yes"], False: ["no"], None: ["unknown"]}


def connect(projection: Projection) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory with a table `facets`: a list of names for each facet, and the text that words are sought in."""
    import duckdb
    import pyarrow as pa  # type: ignore[import-untyped]

    columns: dict[str, Any] = {f: pa.array(_names(projection, f), pa.list_(pa.string())) for f in FACETS}
    reference = projection.columns["reference_device"]
    assert isinstance(reference, Coded)
    columns["is_reference"] = pa.array([reference[row] is True for row in range(len(projection))])
    columns["said"] = pa.array(_texts(projection))
    table = pa.table(columns)
    connection = duckdb.connect()
    connection.register("incoming", table)
    connection.execute("CREATE TABLE facets AS SELECT * FROM incoming")
    connection.unregister("incoming")
    return connection


def counts(asked: Wanted) -> dict[str, Sql]:
    """For each facet a statement for its names and how many models each would leave, all else staying."""
    return {facet: _count(facet, asked) for facet in FACETS}


def _count(facet: str, asked: Wanted) -> Sql:
    conditions = [] if asked.reference else ["NOT is_reference"]
    values: list[Any] = []
    for other, names in asked.chosen.items():
        if names and other != facet:
            conditions.append(f'list_has_any("{other}", ?)')
            values.append(list(names))
    for word in asked.words.casefold().split():
        conditions.append("contains(said, ?)")
        values.append(word)
    where = " AND ".join(conditions) or "true"
    text = (  # the names of columns are our own
        f'SELECT name, count(*) FROM (SELECT unnest("{facet}") AS name FROM facets WHERE {where}) '  # noqa: S608
        "GROUP BY name"
    )
    return Sql(text, tuple(values))


def _names(p: Projection, facet: str) -> Iterable[Sequence[str]]:
    if facet == "grade":
        known = [(g.value, np.any([ranks == g.rank for ranks in p.evidence.values()], axis=0)) for g in Grade]
        return [[name for name, mask in known if mask[row]] for row in range(len(p))]
    if facet == "has":
        figures = [kind.name for kind in figure_kinds()]
        found = [[f for f in figures if p.evidence[f][row] >= 0] for row in range(len(p))]
        return [[*names, ANY_FIGURE] if names else [] for names in found]
    column = p.columns.get("commercial_use" if facet == "commercial" else facet)
    if column is None:
        return [[name] if isinstance(name, str) else [] for name in p.models[facet]]
    assert isinstance(column, Coded)
    if facet == "commercial":
        return [_COMMERCIAL[column.values[code]] for code in column.codes]
    distinct = [sorted(v) or [NONE_KNOWN] if isinstance(v, frozenset) else [] for v in column.values]
    return [distinct[code] for code in column.codes]


def _texts(p: Projection) -> list[str]:
    """Each model's name, and of what it is made of the label, the name, and the label without marks."""
    told = []
    for column in _SEARCHED:
        prefix = DIMENSIONS[column]
        known = {name: p.label(prefix, name) for name in p.models[column].dropna().unique()}
        texts = {name: f"{label} {name} {_MARKS.sub('', label)}".casefold() for name, label in known.items()}
        told.append([texts.get(name, "") for name in p.models[column]])
    return [" ".join(words) for words in zip(p.models["model"].str.casefold(), *told, strict=True)]
