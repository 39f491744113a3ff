"""A projection brought up to date from what was touched: only the rows of the models concerned are read again.

The rows come from the same queries as a whole projection, bound to those models, and go through the same
`in_columns`; here they only take the place of the old rows. Nothing of the old projection changes: who still draws
with it sees it as it was.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import fields
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ontology.namespaces import PREFIXES
from repository.graph import Graph
from repository.projection import Coded, Column, FloatArray, IntArray, Projection, in_columns, project
from repository.tables import Around, broader, described, labels, read_some, scales, statements, touched_models
from repository.terms import Name

# What registrations, votes, withdrawals and new rating scales touch. Whatever else was touched (a taxonomy, a metric,
# the ontology) may change any row or none, so that everything is read anew.
_BY_ROW = frozenset({
    "m", "p", "dev", "cloud", "net", "tn", "opt", "rt", "data", "src", "run", "part", "sha256", "vote",
    "decision", "scale", "replacement",
})  # fmt: skip
_OF_SEVERAL_MODELS = frozenset({"p", "dev", "net", "tn", "opt", "rt", "data", "vote"})
_LABELLED = _BY_ROW - {"m"}  # the label of a model is in its row
_MANY = 5_000  # models; beyond that reading everything is as quick


def updated(projection: Projection, graph: Graph, touched: Collection[str]) -> Projection:
    """What `project(graph)` would give, when nothing but the `touched` things has changed since `projection` was read.

    `touched` holds short names as `register` tells them (`m:local-1`, `dev:my-board`). Things whose rows cannot be
    told apart make it read the whole graph. Raises GraphError.
    """
    things = [_name(short) for short in sorted(set(touched))]
    if any(thing is None or thing.prefix not in _BY_ROW for thing in things):
        return project(graph)
    names = [thing for thing in things if thing is not None]
    if any(n.prefix == "data" for n in names) and broader(graph) != projection.broader:
        return project(graph)  # a subset counts as its whole, in the rows of any model
    models = _models(graph, names)
    if len(models) > _MANY:
        return project(graph)
    around = _around(projection, graph, names)
    return _merged(projection, in_columns(read_some(graph, models), around), models, around)


def _name(short: str) -> Name | None:
    prefix, _, rest = short.partition(":")
    return Name(prefix, unquote(rest)) if prefix in PREFIXES else None


def _models(graph: Graph, names: Collection[Name]) -> set[str]:
    """The touched models, and those whose rows say something of another touched thing."""
    found = {n.local for n in names if n.prefix == "m"}
    if others := [n for n in names if n.prefix in _OF_SEVERAL_MODELS]:
        found |= touched_models(graph, others)
    return found


def _around(projection: Projection, graph: Graph, names: Collection[Name]) -> Around:
    """The old surroundings with what is said now of the touched things."""
    found: dict[str, Any] = {}
    for table, prefix in (("devices", "dev"), ("clouds", "cloud")):
        old = getattr(projection, table)
        if touched := {n.local for n in names if n.prefix == prefix}:
            old = {k: v for k, v in old.items() if k not in touched} | described(graph, table, touched)
        found[table] = old
    told = projection.labels
    if named := [n for n in names if n.prefix in _LABELLED]:
        now, gone = labels(statements(graph, named), ()), {(n.prefix, n.local) for n in named}
        if now != {key: told[key] for key in gone if key in told}:
            told = {k: v for k, v in told.items() if k not in gone} | now
    if any(n.prefix == "scale" for n in names):
        found["scales"] = scales(graph)
    kept = {f.name: getattr(projection, f.name) for f in fields(Around)}
    return Around(**(kept | found | {"labels": told}))


class _Rows:
    """Which rows of an old and of a fresh table, one below the other, make the new one."""

    def __init__(self, rows: IntArray, old: int) -> None:
        """`rows` counts on from the `old` ones to the fresh ones."""
        fresh = rows >= old
        ends = np.flatnonzero((np.diff(rows) != 1) | (np.diff(fresh) != 0)) + 1
        begins = [0, *ends.tolist()] if len(rows) else []
        # Whole runs of rows: a registration puts one row among thousands.
        self._runs = [
            (bool(fresh[begin]), slice(first := int(rows[begin]) - old * bool(fresh[begin]), first + end - begin))
            for begin, end in zip(begins, [*begins[1:], len(rows)], strict=False)
        ]

    def of(self, old: NDArray[Any], fresh: NDArray[Any]) -> NDArray[Any]:
        """The new table's values; rows are the last axis."""
        if not self._runs:
            return old[..., :0].copy()
        return np.concatenate([(fresh if is_fresh else old)[..., run] for is_fresh, run in self._runs], axis=-1)

    def of_texts(self, old: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
        """The same for a table of objects."""
        values = self.of(*(t.to_numpy(dtype=object).T for t in (old, fresh)))
        return pd.DataFrame(values.T, columns=old.columns, dtype=object, copy=False)


def _merged(old: Projection, fresh: Projection, touched: Collection[str], around: Around) -> Projection:
    """The fresh rows in the place of the old ones of the touched models, in the order of the models' names."""
    stays = np.ones(len(old), dtype=bool)
    stays[[old.positions[m] for m in touched if m in old.positions]] = False
    kept = np.flatnonzero(stays)
    names = old.models["model"].to_numpy(dtype=object)
    kept_names = names[kept]
    places = [bisect_left(kept_names, name) for name in fresh.models["model"]]
    # Row i of the new table is row rows[i] of the old and the fresh one below each other.
    rows = np.insert(kept, places, len(old) + np.arange(len(fresh))).astype(np.int64)
    place_of = np.full(len(old) + len(fresh), -1, dtype=np.int64)
    place_of[rows] = np.arange(len(rows))
    merged = _Rows(rows, len(old))

    fresh_rows = fresh.performances["row"].to_numpy(dtype=np.int64) + len(old)
    owners = place_of[np.concatenate([old.performances["row"].to_numpy(dtype=np.int64), fresh_rows])]
    order = np.argsort(owners, kind="stable")
    order = order[np.searchsorted(owners[order], 0) :]  # the acts of rows that are gone come first, as -1
    act_of = np.full(len(owners) + 1, -1, dtype=np.int64)  # one more, which is where -1 (no figure) finds itself
    act_of[order] = np.arange(len(order))

    shifted = {n: np.where(r < 0, -1, r + len(old.performances)) for n, r in fresh.figure_rows.items()}
    models = merged.of_texts(old.models, fresh.models)
    return Projection(
        models,
        {n: _column(c, fresh.columns[n], merged) for n, c in old.columns.items()},
        {n: merged.of(g, fresh.evidence[n]) for n, g in old.evidence.items()},
        _performances(old.performances, fresh.performances, owners, order),
        {n: act_of[merged.of(r, shifted[n])] for n, r in old.figure_rows.items()},
        around.devices, around.clouds, around.labels, around.broader, _votes(old, fresh, touched), around.scales,
        around.higher_is_better, around.metric_units, around.rules,
        dict(zip(models["model"].to_list(), range(len(models)), strict=True)),
    )  # fmt: skip


def _performances(old: pd.DataFrame, fresh: pd.DataFrame, owners: IntArray, order: IntArray) -> pd.DataFrame:
    """The acts in their new order, each with the row of its model."""
    merged, numbers = _Rows(order, len(old)), np.array([kind == np.float64 for kind in old.dtypes])
    texts = merged.of_texts(old.loc[:, ~numbers], fresh.loc[:, ~numbers])
    values = merged.of(*(t.loc[:, numbers].to_numpy(dtype=np.float64).T for t in (old, fresh)))
    values[list(old.columns[numbers]).index("row")] = owners[order]
    return pd.concat([texts, pd.DataFrame(values.T, columns=old.columns[numbers], copy=False)], axis="columns")


def _stacked(old: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([old, fresh], ignore_index=True)


def _votes(old: Projection, fresh: Projection, touched: Collection[str]) -> pd.DataFrame:
    kept = old.votes[~old.votes["model"].isin(touched)]
    if len(kept) == len(old.votes) and fresh.votes.empty:
        return old.votes
    return _stacked(kept, fresh.votes).sort_values(["model", "objective", "rating"]).reset_index(drop=True)


def _column(old: Column, fresh: Column, merged: _Rows) -> Column:
    if not isinstance(old, Coded) or not isinstance(fresh, Coded):
        assert isinstance(old, np.ndarray) and isinstance(fresh, np.ndarray)
        numbers: FloatArray = merged.of(old, fresh)
        return numbers
    values = list(old.values[:-1])
    code_of = {value: code for code, value in enumerate(values)}
    translated = np.full(len(fresh.values), -1, dtype=np.int64)  # what is missing has the code -1 in both
    for code, value in enumerate(fresh.values[:-1]):
        if value not in code_of:
            code_of[value] = len(values)
            values.append(value)
        translated[code] = code_of[value]
    codes: IntArray = merged.of(old.codes, translated[fresh.codes])
    used = np.zeros(len(values) + 1, dtype=bool)
    used[codes] = True
    used[-1] = False
    if not used[:-1].all():  # a value that no model has any more is no choice
        anew = np.full(len(used), -1, dtype=np.int64)
        anew[used] = np.arange(used.sum())
        codes, values = anew[codes], [v for v, is_used in zip(values, used, strict=False) if is_used]
    return Coded(codes, (*values, None))
