"""The graph as columns, one row a model: what verdicts, live counts, near misses and charts are computed from.

RDF stays the truth; this is made from it, and brought up to date when the graph changes (`repository/incremental.py`).
A column is either numbers (NaN: not known) or codes into a short list of distinct values (sets of names with their
broader ones, or flags; None: not known).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ontology.records import Fact, FigureKind, Grade, figure_kinds
from ontology.requirement import Value
from repository.graph import Graph
from repository.tables import Around, Described, Scale, Table, Tables, read, read_around
from repository.terms import local
from repository.triples import NONE_OF_THEM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_Made = TypeVar("_Made")

_MODEL_TEXTS = (
    "label", "source", "network", "trained", "optimization", "device", "runtime", "cloud", "purpose", "licence",
    "obtain", "replaced_by",
)  # fmt: skip
_MODEL_NUMBERS = ("year_created", "number_of_devices", "declared_total_cost_usd", "other_cost_usd", "declared_rating")
_NETWORK_NUMBERS = ("layers", "inputs", "outputs", "parameters", "macs")
_DATA_SET_NUMBERS = ("classes", "examples")
_NETWORK_TEXTS = ("activation", "loss_function", "hyper_parameters")
_DEVICE_NUMBERS = ("ram_mib", "flash_mib", "device_power_w", "price_usd", "cpu_cores", "clock_ghz")
_DEVICE_FLAGS = ("has_camera", "sold_singly", "reference_device")
_ACT_TEXTS = (
    "evidence", "source", "carried_from", "metric", "test_set", "samples", "obtained", "detail", "original_value",
)  # fmt: skip
_LINKS = frozenset({
    "source", "network", "trained", "optimization", "device", "runtime", "cloud", "purpose", "evidence", "carried_from",
    "metric", "test_set", "replaced_by",
})  # fmt: skip


@dataclass(frozen=True)
class Coded:
    """A column of few distinct values: row i holds `values[codes[i]]`."""

    codes: IntArray
    values: tuple[Value, ...]

    def __getitem__(self, row: int) -> Value:
        """The value of one row."""
        return self.values[int(self.codes[row])]


Column = FloatArray | Coded


@dataclass(frozen=True)
class Projection:
    """All models of the graph, in columns of equal length."""

    models: pd.DataFrame  # local names and texts: model, label, source, network, device, runtime, obtain, licence …
    columns: Mapping[str, Column]
    evidence: Mapping[str, NDArray[np.int8]]  # for each figure the rank of its grade, -1 where there is no figure
    performances: pd.DataFrame  # one row a performance, for the facts behind a figure
    figure_rows: Mapping[str, IntArray]  # for each figure the row of `performances` it comes from, -1 for none
    devices: Described
    clouds: Described
    labels: Mapping[tuple[str, str], str]
    broader: Mapping[tuple[str, str], frozenset[str]]
    votes: pd.DataFrame
    scales: tuple[Scale, ...]
    higher_is_better: Mapping[str, bool]  # for each metric
    metric_units: Mapping[str, str]
    rules: Mapping[str, str]  # for each objective the rule of its derived rating, in the ontology's words
    positions: Mapping[str, int] = field(repr=False)
    _made: dict[Callable[[Projection], Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        """The number of models."""
        return len(self.models)

    def label(self, prefix: str, name: str) -> str:
        """What a person reads for a name; the name itself when nobody has labelled it."""
        return self.labels.get((prefix, name), name)

    def once(self, make: Callable[[Projection], _Made]) -> _Made:
        """What `make` makes of these columns: made when it is first asked for, kept as long as the columns are.

        `make` is a function of a module, a class or a value with equality, and depends on nothing else than the state
        of the graph; nobody may change what it gives.
        """
        if make not in self._made:
            self._made.setdefault(make, make(self))  # of two threads that made it, both are given the same
        return cast("_Made", self._made[make])

    def with_broader(self, prefix: str, name: str) -> frozenset[str]:
        """A name and everything it is a narrower case of."""
        return self.broader.get((prefix, name), frozenset({name}))

    def fact(self, row: int, figure: str) -> Fact | None:
        """The figure of one model with how it was obtained, or None when it is not known."""
        position = int(self.figure_rows[figure][row])
        if position < 0:
            return None
        p = self.performances.iloc[position]
        unit = _UNITS[figure] or ("" if pd.isna(p["metric"]) else self.metric_units.get(p["metric"], ""))
        carried = p["carried_from"]
        return Fact(
            value=float(p[figure]),
            unit=unit,
            evidence=Grade(p["evidence"]),
            source=self.label("src", p["source"]) if isinstance(p["source"], str) else "not stated",
            carried_from=carried if isinstance(carried, str) else None,
            detail=p["detail"] if isinstance(p["detail"], str) else "",
            obtained=p["obtained"] if isinstance(p["obtained"], str) else "",
            samples=None if pd.isna(p["samples"]) else int(p["samples"]),
        )

    @cached_property
    def choices(self) -> dict[str, dict[str, str]]:
        """For each vocabulary of the requirement's fields what may be chosen, with labels, in alphabetical order."""
        found: dict[str, dict[str, str]] = {}
        for prefix in ("area", "purpose", "dtype", "net", "data", "domain", "dev", "cloud", "tech", "metric"):
            named = {n: text for (p, n), text in self.labels.items() if p == prefix and n != NONE_OF_THEM}
            found[prefix] = dict(sorted(named.items(), key=lambda item: (item[1].casefold(), item[0])))
        texts = [n for n, c in self.columns.items() if isinstance(c, Coded)]
        for name in texts:
            column = self.columns[name]
            assert isinstance(column, Coded)
            used = sorted({v for value in column.values if isinstance(value, frozenset) for v in value})
            found[f"text:{name}"] = {v: v for v in used}
        for name in ("provider", "security_protocol", "host_address"):
            used = sorted({v for c in self.clouds.values() for v in _several(c.get(name))})
            found["text:cloud_provider" if name == "provider" else f"text:{name}"] = {v: v for v in used}
        return found


_UNITS = {kind.name: kind.unit for kind in figure_kinds()}


def project(graph: Graph) -> Projection:
    """Read the whole graph into columns. Works on any backend; takes one or two seconds for the shipped facts."""
    tables = read(graph)
    return in_columns(tables, read_around(graph, tables))


def in_columns(tables: Tables, around: Around) -> Projection:
    """The models of these tables in columns, in the order of their names."""

    def wider(prefix: str) -> Callable[[Any], Value]:
        """A name, or several, with everything that they are narrower cases of."""

        def names(given: Any) -> frozenset[str]:
            several = (given,) if isinstance(given, str) else given
            return frozenset().union(*(around.broader.get((prefix, n), frozenset({n})) for n in several))

        return names

    said = {name: tables.one(name) for name in (*_MODEL_TEXTS, *_MODEL_NUMBERS, "commercial_use")}
    iri_of = {local(iri): iri for iri in tables.models if iri in said["source"]}
    names = sorted(iri_of)
    iris = [iri_of[name] for name in names]
    positions = {name: i for i, name in enumerate(names)}
    told = {name: list(map(of.get, iris)) for name, of in said.items()}
    models: dict[str, list[str | None]] = {"model": cast("list[str | None]", names)}
    models |= {name: _local(values) if name in _LINKS else values for name, values in told.items()}
    columns: dict[str, Column] = {}

    for name in _MODEL_NUMBERS:
        columns[name] = _numbers(models[name])
    columns["commercial_use"] = _coded(models["commercial_use"], lambda v: v == "true")
    columns["network"] = _coded(models["network"], _alone)
    columns["purpose"] = _coded(models["purpose"], wider("purpose"))
    columns["device"] = _coded(models["device"], _alone)
    columns["application_area"] = _sets(tables.several("area"), iris, wider("area"))

    columns["family"] = _coded(map(tables.one("family").get, told["network"]), _alone)
    columns["runtime_library"] = _coded(map(tables.one("library").get, told["runtime"]), _alone)
    models["compute_unit"] = list(map(tables.one("compute_unit").get, told["runtime"]))

    data_sets = list(map(tables.one("training_data_set").get, told["trained"]))
    for name in _NETWORK_NUMBERS:
        columns[name] = _numbers(map(tables.one(name).get, told["trained"]))
    for name in _DATA_SET_NUMBERS:
        columns[name] = _numbers(map(tables.one(name).get, data_sets))
    for name in _NETWORK_TEXTS:
        columns[name] = _coded(map(tables.one(name).get, told["trained"]), _alone)
    columns["training_data_set"] = _coded(_local(data_sets), wider("data"))
    domains = map(tables.one("training_domain").get, data_sets)
    columns["training_domain"] = _coded(_local(domains), wider("domain"))
    for name in ("input_shape", "weights_name"):
        models[name] = list(map(tables.one(name).get, told["trained"]))

    devices: list[Mapping[str, Any]] = [around.devices.get(d or "", {}) for d in models["device"]]
    for name in _DEVICE_NUMBERS:
        columns[name] = _numbers(d.get(name) for d in devices)
    for name in _DEVICE_FLAGS:
        columns[name] = _coded((d.get(name) for d in devices), lambda v: v == "true")
    for name, prefix in (("device_type", "dtype"), ("processor_kind", ""), ("framework", "")):
        columns[name] = _coded((d.get(name) for d in devices), wider(prefix))

    columns["technique"] = _sets(tables.several("technique"), told["optimization"], wider("tech"))
    columns["algorithm"] = _coded(map(_tuples(tables.several("algorithm")).get, told["optimization"]), frozenset)
    columns["precision"] = _coded(map(tables.one("precision").get, told["optimization"]), _alone)

    acts, owners, figures = _acts(tables, names, iris)
    evidence, figure_rows = _figures(acts, figures, owners, len(names), columns)
    quality = np.maximum(figure_rows["accuracy_percent"], figure_rows["metric_value"])
    for name in ("metric", "test_set"):
        models[name] = [acts[name][act] if act >= 0 else None for act in quality]
    columns["metric"] = _coded(models["metric"], _alone)
    columns["test_set"] = _coded(models["test_set"], wider("data"))
    columns["retained_percent"] = _retained(_numbers(acts["original_value"]), figures, figure_rows)
    votes = _in_order(tables.votes, "model", "objective", "rating")
    columns["user_rating"] = _user_rating(names, votes, columns["declared_rating"])
    values = pd.DataFrame({**figures, "row": owners.astype(np.float64)})
    # In two blocks, which are quick to take rows of.
    performances = pd.concat([pd.DataFrame(acts, dtype=object), values], axis="columns").copy()
    return Projection(
        pd.DataFrame(models, dtype=object), columns, evidence, performances, figure_rows, around.devices,
        around.clouds, around.labels, around.broader, pd.DataFrame(votes, dtype=object), around.scales,
        around.higher_is_better, around.metric_units, around.rules, positions,
    )  # fmt: skip


def _acts(tables: Tables, names: Sequence[str], iris: Sequence[str]) -> tuple[Table, IntArray, dict[str, FloatArray]]:
    """The current performances in the order of the models and their own names, whose they are, and their figures."""
    current, evidence, of_model = (tables.one("current"), tables.one("evidence"), tables.several("performance"))
    holds = {act for act, is_current in current.items() if is_current == "true" and act in evidence}
    found = [
        (row, act)
        for row, model in enumerate(iris)
        for act in sorted(of_model.get(model, ()), key=local)
        if act in holds
    ]
    owners = np.array([row for row, _ in found], dtype=np.int64)
    listed = [act for _, act in found]
    acts: Table = {"model": [names[row] for row, _ in found], "performance": _local(listed)}
    for name in _ACT_TEXTS:
        told = list(map(tables.one(name).get, listed))
        acts[name] = _local(told) if name in _LINKS else told
    figures = {kind.name: _numbers(map(tables.one(kind.name).get, listed)) for kind in figure_kinds()}
    return acts, owners, figures


def _local(iris: Iterable[str | None]) -> list[str | None]:
    """Local names; each distinct IRI is cut once."""
    listed = list(iris)
    short = {iri: local(iri) for iri in set(listed) if iri is not None}
    return [None if iri is None else short[iri] for iri in listed]


def _in_order(table: Table, *keys: str) -> Table:
    """The rows in the order of the key columns, so that it does not depend on the engine."""
    told = list(zip(*(cast("list[str]", table[k]) for k in keys), strict=True))
    order = sorted(range(len(told)), key=told.__getitem__)
    return {name: [values[i] for i in order] for name, values in table.items()}


def _tuples(several: Mapping[str | None, Sequence[str]]) -> dict[str | None, tuple[str, ...]]:
    return {thing: tuple(values) for thing, values in several.items()}


def _sets(
    several: Mapping[str | None, Sequence[str]], things: Iterable[str | None], meaning: Callable[[Any], Value]
) -> Coded:
    """For each thing the names that are said of it; one that is said to have none has the empty set."""
    names = {t: tuple(n for n in sorted(map(local, of)) if n != NONE_OF_THEM) for t, of in several.items()}
    return _coded(map(names.get, things), meaning)


def _numbers(values: Iterable[str | None]) -> FloatArray:
    return np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)


def _coded(values: Iterable[Any], meaning: Callable[[Any], Value]) -> Coded:
    code_of: dict[Any, int] = {None: -1}  # -1 for what is missing, which reads the None at the end
    codes = np.array([code_of.setdefault(v, len(code_of) - 1) for v in values], dtype=np.int64)
    del code_of[None]
    return Coded(codes, (*map(meaning, code_of), None))


def _alone(name: str) -> frozenset[str]:
    return frozenset({name})


def _several(value: object) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]


def _figures(
    acts: Table, figures: Mapping[str, FloatArray], owners: IntArray, size: int, columns: dict[str, Column]
) -> tuple[dict[str, NDArray[np.int8]], dict[str, IntArray]]:
    """Fill one number column for each figure; where a figure has several current values the strongest evidence wins."""
    rank_of: dict[str | None, int] = {g.value: g.rank for g in Grade}
    ranks = np.array([rank_of[e] for e in acts["evidence"]], dtype=np.int64)
    evidence, rows = {}, {}
    for name, values in figures.items():
        known = np.flatnonzero(~np.isnan(values))
        known = known[np.argsort(-ranks[known], kind="stable")]  # weakest first: the strongest is written last
        target = owners[known]
        column, rank, row = np.full(size, np.nan), np.full(size, -1, np.int8), np.full(size, -1, np.int64)
        column[target], rank[target], row[target] = values[known], ranks[known], known
        columns[name], evidence[name], rows[name] = column, rank, row
    return evidence, rows


def _retained(
    original: FloatArray, figures: Mapping[str, FloatArray], figure_rows: Mapping[str, IntArray]
) -> FloatArray:
    """100 × quality of the variant over that of its float original, on the same samples; NaN where not both known."""
    original = np.append(original, np.nan)  # a row of -1 reads it
    found = np.full(len(figure_rows["accuracy_percent"]), np.nan)
    for figure in ("metric_value", "accuracy_percent"):
        rows = figure_rows[figure]
        value = np.append(figures[figure], np.nan)[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = 100 * value / original[rows]
        usable = (rows >= 0) & np.isfinite(ratio) & (original[rows] > 0)
        found[usable] = ratio[usable]
    return found


def _user_rating(models: Iterable[str], votes: Table, declared: Column) -> FloatArray:
    """The mean of a model's votes over all objectives; a rating that its source declares where nobody has voted."""
    ratings: dict[str | None, list[int]] = defaultdict(list)
    for model, rating in zip(votes["model"], votes["rating"], strict=True):
        ratings[model].append(int(rating or 0))
    means = {model: sum(given) / len(given) for model, given in ratings.items()}
    voted = np.array([means.get(m, np.nan) for m in models], dtype=np.float64)
    assert isinstance(declared, np.ndarray)
    return np.where(np.isnan(voted), declared, voted)


__all__ = ["Coded", "Column", "FigureKind", "Projection", "Scale", "project"]
