"""A requirement as SQL on one wide DuckDB table made of the projection: the peer of our columns and of SPARQL.

Each limit becomes an expression that is true, false, or NULL when the figure is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dss.cost import CLOUD_FIELDS
from ontology.records import figure_kinds
from ontology.requirement import Limit, Relation, Requirement, limits
from repository.projection import Coded, Projection

if TYPE_CHECKING:
    import duckdb

_QUALITY = ("accuracy_percent", "metric_value")
_FIGURES = frozenset(kind.name for kind in figure_kinds())


@dataclass(frozen=True)
class Sql:
    """A statement with the values of its parameters."""

    text: str
    values: tuple[Any, ...]


def connect(projection: Projection) -> duckdb.DuckDBPyConnection:
    """DuckDB in memory with a table `models`: numbers, flags, lists of names, and the rank of each figure's grade."""
    import duckdb
    import pyarrow as pa  # type: ignore[import-untyped]

    columns: dict[str, Any] = {"model": pa.array(list(projection.models["model"]))}
    for name, column in projection.columns.items():
        if isinstance(column, Coded):
            is_flag = any(isinstance(v, bool) for v in column.values)
            distinct = [sorted(v) if isinstance(v, frozenset) else v for v in column.values]
            known = pa.array(distinct, pa.bool_() if is_flag else pa.list_(pa.string()))
            columns[name] = known.take(pa.array(column.codes % len(distinct)))
        else:
            columns[name] = pa.array(column, mask=np.isnan(column))
    for name, ranks in projection.evidence.items():
        columns[f"rank_of_{name}"] = pa.array(ranks)
    table = pa.table(columns)
    connection = duckdb.connect()
    connection.register("incoming", table)
    connection.execute("CREATE TABLE models AS SELECT * FROM incoming")
    connection.unregister("incoming")
    return connection


def matching(requirement: Requirement) -> Sql:
    """The names of the models that meet every limit."""
    conditions, values = _conditions(requirement)
    where = " AND ".join(conditions) or "true"
    return Sql(f"SELECT model FROM models WHERE {where} ORDER BY model", values)  # noqa: S608 - values are parameters


def counts(requirement: Requirement) -> Sql:
    """The live counts in one row: all, matching, matching if measured, then for each limit those it alone keeps out."""
    conditions, values = _conditions(requirement)
    names = [f"l{i}" for i in range(len(conditions))]
    judged = ", ".join(f"{c} AS {n}" for n, c in zip(names, conditions, strict=True)) or "true AS l"
    names = names or ["l"]
    met = " AND ".join(f"coalesce({n}, false)" for n in names)
    possible = " AND ".join(f"coalesce({n}, true)" for n in names)
    misses = " + ".join(f"({n} IS NOT TRUE)::int" for n in names)
    alone = ", ".join(f"count(*) FILTER (misses = 1 AND {n} IS NOT TRUE)" for n in names)
    text = (
        f"SELECT count(*), count(*) FILTER (met), count(*) FILTER (possible AND NOT met), {alone} FROM ("  # noqa: S608
        f"SELECT *, {met} AS met, {possible} AS possible, {misses} AS misses FROM (SELECT {judged} FROM models))"
    )
    return Sql(text, values)


def _conditions(requirement: Requirement) -> tuple[list[str], tuple[Any, ...]]:
    written = [_condition(limit, requirement) for limit in limits(requirement)]
    return [text for text, _ in written], tuple(v for _, values in written for v in values)


def _condition(limit: Limit, requirement: Requirement) -> tuple[str, Sequence[Any]]:
    """Three-valued SQL for one limit. Raises ValueError for a limit on the cloud, which is no column of a model."""
    if limit.field in CLOUD_FIELDS:
        raise ValueError(f"{limit.field}: the wide table has no clouds; ask without it")
    column = _column(limit.figure, requirement)
    match limit.relation:
        case Relation.AT_MOST:
            return f"({column} <= ?)", [limit.value]
        case Relation.AT_LEAST:
            return f"({column} >= ?)", [limit.value]
        case Relation.IS_TRUE:
            return f"({column})", []
    assert isinstance(limit.value, tuple)
    asked = list(limit.value)
    match limit.relation:
        case Relation.ONE_OF:
            return f"list_has_any({column}, ?)", [asked]
        case Relation.ONE_OF_IF_STATED:
            return f"coalesce(list_has_any({column}, ?), true)", [asked]
        case Relation.ALL_OF:
            return f"list_has_all({column}, ?)", [asked]
        case _:
            return f"(NOT list_has_any({column}, ?))", [asked]


def _column(figure: str, requirement: Requirement) -> str:
    """The column, cut down to the evidence that the request accepts."""
    weakest = requirement.evidence.rank
    if figure == "total_cost_usd":
        return f"(price_usd * {float(requirement.devices)!r}::double + coalesce(other_cost_usd, 0))"
    if figure in ("metric", "test_set"):
        ranks = " AND ".join(f"rank_of_{name} <= {weakest}" for name in _QUALITY)
        return f"(CASE WHEN {ranks} THEN {figure} END)"
    if figure in _FIGURES:
        return f"(CASE WHEN rank_of_{figure} <= {weakest} THEN {figure} END)"
    return figure
