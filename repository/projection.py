"""The graph as columns, one row a model: what verdicts, live counts, near misses and charts are computed from.

RDF stays the truth; this is rebuilt when the graph changes. A column is either numbers (NaN: not known) or codes into
a short list of distinct values (sets of names with their broader ones, or flags; None: not known).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ontology.namespaces import PREFIXES
from ontology.records import Fact, FigureKind, Grade, figure_kinds
from ontology.requirement import Value
from repository.graph import Graph, frame
from repository.rq import query
from repository.terms import local
from repository.triples import NONE_OF_THEM

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MODEL_NUMBERS = ("year_created", "number_of_devices", "declared_total_cost_usd", "other_cost_usd", "declared_rating")
_NETWORK_NUMBERS = ("layers", "inputs", "outputs", "parameters", "macs", "classes", "examples")
_NETWORK_TEXTS = ("activation", "loss_function", "hyper_parameters")
_DEVICE_NUMBERS = ("ram_mib", "flash_mib", "device_power_w", "price_usd", "cpu_cores", "clock_ghz")
_DEVICE_FLAGS = ("has_camera", "sold_singly")
_SEVERAL = frozenset({"device_type", "processor_kind", "operating_system", "framework", "security_protocol"})


@dataclass(frozen=True)
class Coded:
    """A column of few distinct values: row i holds `values[codes[i]]`."""

    codes: IntArray
    values: tuple[Value, ...]

    def __getitem__(self, row: int) -> Value:
        """The value of one row."""
        return self.values[int(self.codes[row])]


Column = FloatArray | Coded
Described = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Scale:
    """A frozen rating scale: the figure's values at equally spaced quantiles of the group it was made from."""

    objective: str
    figure: str
    purpose: str | None
    metric: str | None
    test_set: str | None
    version: int
    members: int
    breakpoints: tuple[float, ...]
    obtained: str


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

    def __len__(self) -> int:
        """The number of models."""
        return len(self.models)

    def label(self, prefix: str, name: str) -> str:
        """What a person reads for a name; the name itself when nobody has labelled it."""
        return self.labels.get((prefix, name), name)

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
            found[prefix] = dict(sorted(named.items(), key=lambda item: item[1].casefold()))
        texts = [n for n, c in self.columns.items() if isinstance(c, Coded)]
        for name in texts:
            column = self.columns[name]
            assert isinstance(column, Coded)
            used = sorted({v for value in column.values if isinstance(value, frozenset) for v in value})
            found[f"text:{name}"] = {v: v for v in used}
        for name in ("provider", "security_protocol"):
            used = sorted({v for c in self.clouds.values() for v in _several(c.get(name))})
            found["text:cloud_provider" if name == "provider" else f"text:{name}"] = {v: v for v in used}
        return found


_UNITS = {kind.name: kind.unit for kind in figure_kinds()}


def project(graph: Graph) -> Projection:
    """Read the graph into columns. Works on any backend; takes well under a second for the shipped facts."""
    tables = {n: _localised(frame(graph, query(f"projection/{n}"))) for n in _TABLES}
    labels, broader = (
        _labels(frame(graph, query("projection/labels"))),
        _broader(frame(graph, query("projection/broader"))),
    )

    def up(prefix: str, names: Iterable[str]) -> frozenset[str]:
        return frozenset().union(*(broader.get((prefix, n), frozenset({n})) for n in names))

    models = tables["models"].drop_duplicates("model").sort_values("model").reset_index(drop=True)
    size = len(models)
    positions = {name: i for i, name in enumerate(models["model"])}
    devices, clouds = _described(tables["devices"], "device"), _described(tables["clouds"], "cloud")
    columns: dict[str, Column] = {}

    for name in _MODEL_NUMBERS:
        columns[name] = _numbers(models[name])
    columns["commercial_use"] = _coded(models["commercial_use"], lambda v: v == "true")
    columns["network"] = _coded(models["network"], lambda v: frozenset({v}))
    columns["purpose"] = _coded(models["purpose"], lambda v: up("purpose", [v]))
    columns["device"] = _coded(models["device"], lambda v: frozenset({v}))
    areas = tables["areas"].groupby("model")["area"].agg(lambda a: tuple(sorted(a)))
    columns["application_area"] = _coded(models["model"].map(areas), lambda v: up("area", v))

    families = dict(zip(tables["networks"]["network"], tables["networks"]["family"], strict=True))
    columns["family"] = _coded(models["network"].map(families), lambda v: frozenset({v}))
    runtimes = tables["runtimes"].drop_duplicates("runtime").set_index("runtime")
    columns["runtime_library"] = _coded(models["runtime"].map(runtimes["library"]), lambda v: frozenset({v}))
    models["compute_unit"] = models["runtime"].map(runtimes["compute_unit"])

    trained = tables["trained_networks"].drop_duplicates("trained").set_index("trained")
    for name in _NETWORK_NUMBERS:
        columns[name] = _numbers(models["trained"].map(trained[name]))
    for name in _NETWORK_TEXTS:
        columns[name] = _coded(models["trained"].map(trained[name]), lambda v: frozenset({v}))
    columns["training_data_set"] = _coded(
        models["trained"].map(trained["training_data_set"]), lambda v: up("data", [v])
    )
    columns["training_domain"] = _coded(models["trained"].map(trained["training_domain"]), lambda v: up("domain", [v]))
    models["input_shape"] = models["trained"].map(trained["input_shape"])
    models["weights_name"] = models["trained"].map(trained["weights_name"])

    for name in _DEVICE_NUMBERS:
        columns[name] = _numbers(models["device"].map({d: p.get(name) for d, p in devices.items()}))
    for name in _DEVICE_FLAGS:
        columns[name] = _coded(
            models["device"].map({d: p[name] for d, p in devices.items() if name in p}), lambda v: v == "true"
        )
    for name, prefix in (("device_type", "dtype"), ("processor_kind", ""), ("framework", "")):
        stated = {d: tuple(p[name]) for d, p in devices.items() if name in p}
        columns[name] = _coded(models["device"].map(stated), lambda v, prefix=prefix: up(prefix, v))

    techniques, precisions, algorithms = _optimizations(tables["optimizations"])
    columns["technique"] = _coded(models["optimization"].map(techniques), lambda v: up("tech", v) - {NONE_OF_THEM})
    columns["precision"] = _coded(models["optimization"].map(precisions), lambda v: frozenset({v}))
    columns["algorithm"] = _coded(models["optimization"].map(algorithms), lambda v: frozenset(v))

    performances = tables["figures"].reset_index(drop=True)
    evidence, figure_rows = _figures(performances, positions, size, columns)
    quality = np.maximum(figure_rows["accuracy_percent"], figure_rows["metric_value"])
    columns["metric"] = _coded(_taken(performances["metric"], quality), lambda v: frozenset({v}))
    columns["test_set"] = _coded(_taken(performances["test_set"], quality), lambda v: up("data", [v]))
    models["metric"], models["test_set"] = (_taken(performances[n], quality) for n in ("metric", "test_set"))
    columns["retained_percent"] = _retained(performances, figure_rows)
    votes = tables["votes"]
    columns["user_rating"] = _user_rating(models["model"], votes, columns["declared_rating"])
    return Projection(
        models, columns, evidence, performances, figure_rows, devices, clouds, labels, broader, votes,
        _scales(tables["scales"]), _directions(tables["metrics"]), _metric_units(tables["metrics"]),
        dict(zip(tables["rules"]["objective"], tables["rules"]["rule"], strict=True)), positions,
    )  # fmt: skip


_TABLES = (
    "models", "trained_networks", "devices", "clouds", "figures", "optimizations", "areas", "runtimes", "networks",
    "votes", "scales", "metrics",
    "rules",
)  # fmt: skip
_NAMED = frozenset({
    "model", "source", "network", "trained", "optimization", "device", "runtime", "cloud", "purpose", "area", "metric",
    "test_set", "training_data_set", "training_domain", "technique", "performance", "carried_from", "evidence",
    "property", "scale",
})  # fmt: skip


def _localised(table: pd.DataFrame) -> pd.DataFrame:
    """IRIs of ours cut down to local names; each distinct one is cut once."""
    for column in table.columns.intersection(list(_NAMED)):
        codes, uniques = pd.factorize(table[column])
        names = np.array([local(iri) for iri in uniques] + [None], dtype=object)
        table[column] = names[codes]
    return table


def _numbers(values: pd.Series) -> FloatArray:
    numbers: FloatArray = pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def _coded(values: pd.Series, meaning: Any) -> Coded:
    codes, uniques = pd.factorize(values)  # -1 for what is missing, which reads the None at the end
    return Coded(codes.astype(np.int64), (*(meaning(v) for v in uniques), None))


def _taken(values: pd.Series, rows: IntArray) -> pd.Series:
    picked = np.append(values.to_numpy(dtype=object), [None])[rows]
    return pd.Series(picked, dtype=object)


def _several(value: object) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]


def _described(rows: pd.DataFrame, key: str) -> dict[str, dict[str, Any]]:
    """property → value of everything described; tuples where a thing may have several."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for thing, prop, value in zip(rows[key], rows["property"], rows["value"], strict=True):
        name = _snake(prop)
        if name in _SEVERAL:
            short = local(value) if name == "device_type" else value
            found[thing][name] = tuple(sorted({*found[thing].get(name, ()), short}))
        else:
            found[thing][name] = local(value) if name in ("price_evidence", "variant_of") else value
    return dict(found)


def _snake(camel: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in camel)


def _labels(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    prefix_of = {iri: prefix for prefix, iri in PREFIXES.items()}
    found = {}
    for thing, text in zip(rows["thing"], rows["label"], strict=True):
        base = thing[: max(thing.rfind("/"), thing.rfind("#")) + 1]
        if base in prefix_of:
            found[prefix_of[base], local(thing)] = str(text)
    return found


def _broader(rows: pd.DataFrame) -> dict[tuple[str, str], frozenset[str]]:
    """Every narrower name with itself and all its broader ones, transitively."""
    prefix_of = {iri: prefix for prefix, iri in PREFIXES.items()}
    direct: dict[tuple[str, str], set[str]] = defaultdict(set)
    for narrower, wider in zip(rows["narrower"], rows["broader"], strict=True):
        direct[prefix_of[narrower[: narrower.rfind("/") + 1]], local(narrower)].add(local(wider))

    def closure(prefix: str, name: str, seen: frozenset[str]) -> frozenset[str]:
        if name in seen:
            return seen
        for wider in direct.get((prefix, name), ()):
            seen = closure(prefix, wider, seen | {name})
        return seen | {name}

    return {(prefix, name): closure(prefix, name, frozenset()) for prefix, name in direct}


def _optimizations(
    rows: pd.DataFrame,
) -> tuple[dict[str, tuple[str, ...]], dict[str, str], dict[str, tuple[str, ...]]]:
    techniques, precisions, algorithms = {}, {}, {}
    for name, group in rows.groupby("optimization"):
        if stated := tuple(sorted(group["technique"].dropna().unique())):
            techniques[str(name)] = stated
        if len(precision := group["precision"].dropna()):
            precisions[str(name)] = str(precision.iloc[0])
        if used := tuple(sorted(group["algorithm"].dropna().unique())):
            algorithms[str(name)] = used
    return techniques, precisions, algorithms


def _figures(
    performances: pd.DataFrame, positions: Mapping[str, int], size: int, columns: dict[str, Column]
) -> tuple[dict[str, NDArray[np.int8]], dict[str, IntArray]]:
    """Fill one number column for each figure; where a figure has several current values the strongest evidence wins."""
    ranks = performances["evidence"].map({g.value: g.rank for g in Grade}).to_numpy(dtype=np.int64)
    owners = performances["model"].map(positions).to_numpy(dtype=np.float64)
    performances["row"] = owners
    evidence, rows = {}, {}
    for kind in figure_kinds():
        values = _numbers(performances[kind.name])
        performances[kind.name] = values
        known = np.flatnonzero(~np.isnan(values) & ~np.isnan(owners))
        known = known[np.argsort(-ranks[known], kind="stable")]  # weakest first: the strongest is written last
        target = owners[known].astype(np.int64)
        column, rank, row = np.full(size, np.nan), np.full(size, -1, np.int8), np.full(size, -1, np.int64)
        column[target], rank[target], row[target] = values[known], ranks[known], known
        columns[kind.name], evidence[kind.name], rows[kind.name] = column, rank, row
    return evidence, rows


def _retained(performances: pd.DataFrame, figure_rows: Mapping[str, IntArray]) -> FloatArray:
    """100 × quality of the variant over that of its float original, on the same samples; NaN where not both known."""
    original = np.append(_numbers(performances["original_value"]), np.nan)
    found = np.full(len(figure_rows["accuracy_percent"]), np.nan)
    for figure in ("metric_value", "accuracy_percent"):
        rows = figure_rows[figure]
        value = np.append(performances[figure].to_numpy(dtype=np.float64), np.nan)[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = 100 * value / original[rows]
        usable = (rows >= 0) & np.isfinite(ratio) & (original[rows] > 0)
        found[usable] = ratio[usable]
    return found


def _user_rating(models: pd.Series, votes: pd.DataFrame, declared: Column) -> FloatArray:
    """The mean of a model's votes over all objectives; a rating that its source declares where nobody has voted."""
    means = pd.to_numeric(votes["rating"]).groupby(votes["model"]).mean()
    voted = models.map(means).to_numpy(dtype=np.float64)
    assert isinstance(declared, np.ndarray)
    return np.where(np.isnan(voted), declared, voted)


def _scales(rows: pd.DataFrame) -> tuple[Scale, ...]:
    if rows.empty:
        return ()
    newest = rows["version"].astype(int).max()
    current = rows[rows["version"].astype(int) == newest]
    return tuple(
        Scale(
            r.objective, r.figure, _or_none(r.purpose), _or_none(r.metric), _or_none(r.test_set), int(r.version),
            int(r.members), tuple(float(b) for b in r.breakpoints.split()), str(r.obtained),
        )
        for r in current.itertuples()
    )  # fmt: skip


def _directions(rows: pd.DataFrame) -> dict[str, bool]:
    return {m: d != "false" for m, d in zip(rows["metric"], rows["higher_is_better"], strict=True)}


def _metric_units(rows: pd.DataFrame) -> dict[str, str]:
    return {m: u for m, u in zip(rows["metric"], rows["unit"], strict=True) if isinstance(u, str)}


def _or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


__all__ = ["Coded", "Column", "FigureKind", "Projection", "Scale", "project"]
