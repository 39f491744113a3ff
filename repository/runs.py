"""What is on record of a model that was measured: its file, and each figure that holds with the run that gave it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from ontology.records import camel, figure_kinds
from repository.graph import Graph, frame
from repository.history import drift, whole_act
from repository.measured import trained_name
from repository.rq import bind, query
from repository.terms import Name, local
from repository.withdraw import withdrawn_among

_KINDS = {camel(kind.name): kind for kind in figure_kinds()}
_EXAMPLES = re.compile(r"SHA-256 ([0-9a-f]{64})")  # in the detail of what was registered before the run said it


@dataclass(frozen=True, kw_only=True)
class MeasuredModel:
    """A model (local names). `artifact` is the SHA-256 of its file; None where there is no file of it."""

    name: str
    artifact: str | None
    format: str | None
    file_name: str | None
    network: str | None
    optimization: str | None
    trained_network: str | None
    purpose: str | None
    device: str | None
    fingerprint: str | None
    runtime: str | None


@dataclass(frozen=True, kw_only=True)
class RegisteredFigure:
    """A measured figure that holds, and what its run said; `None` is not said. Local names."""

    figure: str  # such as inference_latency_ms
    unit: str
    value: float
    performance: str | None = None  # the act that gave it
    obtained: str | None = None  # a day
    metric: str | None = None
    test_set: str | None = None
    low: float | None = None  # of the accuracy's 95 % interval
    high: float | None = None
    original_value: float | None = None
    runtime_version: str | None = None
    threads: int | None = None
    spread_percent: float | None = None  # of this figure, over the blocks of the run
    noisy: bool | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    arithmetic: str | None = None
    data_sha256: str | None = None
    installation: str | None = None


def measured_model(graph: Graph, model: str) -> MeasuredModel | None:
    """The model of that local name; None when there is none. Raises GraphError."""
    rows = _rows(graph, "model-measured", model)
    if not rows:
        return None
    row = rows[0]
    named = ("artifact", "network", "optimization", "purpose", "device", "runtime")
    return MeasuredModel(
        name=model, format=row["format"], file_name=row["file_name"], trained_network=_local(row["trained"]),
        fingerprint=row["fingerprint"], **{name: _local(row[name]) for name in named},
    )  # fmt: skip


def registered_figures(graph: Graph, model: str) -> tuple[RegisteredFigure, ...]:
    """The measured figures that hold of a model; empty where nothing was measured. Raises GraphError."""
    return tuple(_figure(row) for row in _rows(graph, "model-runs", model))


@dataclass(frozen=True, eq=False)
class OnRecord:
    """What is on record of a measured model at one moment. `drifted` is what `repository.history.drift` gives."""

    model: MeasuredModel
    registered: tuple[RegisteredFigure, ...]
    drifted: pd.DataFrame


def on_record(graph: Graph, model: str) -> OnRecord | None:
    """All that a comparison with the model of that local name needs; None when there is none. Raises GraphError."""
    found = measured_model(graph, model)
    return None if found is None else OnRecord(found, registered_figures(graph, model), drift(graph, model))


def changes_since(then: OnRecord, graph: Graph) -> tuple[str, ...]:
    """What no longer holds of what was read: a sentence each, empty when all of it does. Raises GraphError.

    Figures that were measured later change nothing of it: those that were read are history then.
    """
    now = on_record(graph, then.model.name)
    if now is None:
        return (f"m:{then.model.name} is not in the graph any more",)
    before, after = asdict(then.model), asdict(now.model)
    told = [f"its {name.replace('_', ' ')} was {before[name]}, and is {after[name]}" for name in before
            if before[name] != after[name]]  # fmt: skip
    acts = sorted({r.performance for r in then.registered if r.performance})
    withdrawn = withdrawn_among(graph, acts)
    there = set(now.drifted["performance"])
    gone = [p for p in acts if p not in withdrawn and whole_act(p, there) not in there]
    return (*told, *withdrawn.values(), *(f"p:{p} is not in the graph any more" for p in gone))


def examples_named(graph: Graph, data_sha256: str | None) -> str | None:
    """The data set that examples with this digest are on record as (a local name); None where they are not."""
    if data_sha256 is None:
        return None
    rows = frame(graph, bind(query("examples-named"), data=[data_sha256]))
    return local(rows["test_set"].iat[0]) if len(rows) else None


def network_on_record(graph: Graph, sha256: str) -> str | None:
    """The network (a local name) that a file with this digest was registered as; None where it was not."""
    terms = {"file": [Name("sha256", sha256)], "trained": [Name("tn", trained_name(sha256))]}
    rows = frame(graph, bind(query("networks-of-file"), **terms))
    return local(rows["network"].iat[0]) if len(rows) else None


def _figure(row: dict[str, Any]) -> RegisteredFigure:
    kind = _KINDS[local(row["figure"])]
    in_detail = _EXAMPLES.search(row["detail"] or "")
    return RegisteredFigure(
        figure=kind.name,
        unit=kind.unit,
        value=float(row["value"]),
        performance=_local(row["performance"]),
        obtained=row["obtained"],
        metric=_local(row["metric"]),
        test_set=_local(row["test_set"]),
        low=_number(row["low"]),
        high=_number(row["high"]),
        original_value=_number(row["original"]),
        runtime_version=row["runtime_version"],
        threads=_whole(row["threads"]),
        spread_percent=_number(row.get(f"spread_{kind.name}")),
        noisy=None if row["noisy"] is None else row["noisy"] == "true",
        p95_ms=_number(row["p95"]),
        p99_ms=_number(row["p99"]),
        arithmetic=row["arithmetic"],
        data_sha256=row["data"] or (in_detail[1] if in_detail else None),
        installation=row["installation"],
    )


def _rows(graph: Graph, name: str, model: str) -> list[dict[str, Any]]:
    found = frame(graph, bind(query(name), model=[Name("m", model)])).astype(object)
    found = found.where(found.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in found.to_dict("records")]


def _local(iri: str | None) -> str | None:
    return None if iri is None else local(iri)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _whole(text: str | None) -> int | None:
    return None if text is None else int(float(text))
