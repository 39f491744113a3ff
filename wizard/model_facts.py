"""What the graph says of one model beyond its card: history, lineage, votes. Nothing here knows Streamlit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from ontology.records import Grade
from repository.history import whole_act
from repository.knowledge import Knowledge
from repository.projection import Projection
from repository.register import LOCAL
from repository.rq import bind, query
from repository.terms import Name, local
from wizard.drift_chart import obtained_or_registered
from wizard.words import MARKS

NOW, IN_PART, PAST = "now", "in part", "no, past"
_FIGURES = {
    "inference_latency_ms": "Latency (ms)",
    "p95_latency_ms": "p95 (ms)",
    "p99_latency_ms": "p99 (ms)",
    "latency_spread_percent": "Spread (%)",
    "system_latency_ms": "System latency (ms)",
    "throughput_per_s": "Per second",
    "peak_memory_mib": "Memory (MiB)",
    "size_kib": "Size (KiB)",
    "energy_mj": "Energy (mJ)",
    "stability_percent": "Stability (%)",
}
_OF_RUN = ("p95_latency_ms", "p99_latency_ms", "latency_spread_percent")  # they belong to the act that has the latency


def history(knowledge: Knowledge, model: str) -> pd.DataFrame:
    """One line for each act of obtaining figures, the newest first; empty where nothing was obtained.

    An act without a date stands where its registration puts it.

    `Name` is the act's local name, `Own` whether this installation states it, `Withdrawn` whether it was taken back.
    An act of which only some figures hold counts `in part`; the parts have no line of their own.
    """
    found = knowledge.run(bind(query("model-history"), model=[Name("m", model)]))
    p = knowledge.projection
    lines = []
    for _, row in found.iterrows():
        timed = _number(row["inference_latency_ms"]) is not None
        mark = MARKS[Grade(local(str(row["evidence"])))]
        lines.append(
            {
                "Obtained": obtained_or_registered(_text(row["obtained"]), _text(row["registered"])),
                "Evidence": f"{mark}{' ↷' if _text(row['carried_from']) else ''}",
                "Counts": _counts(row),
                "Quality": _quality(row, p),
                **{
                    label: _number(row[name]) if timed or name not in _OF_RUN else None
                    for name, label in _FIGURES.items()
                },
                "How": _how(row),
                "Source": p.label("src", local(str(row["source"]))) if _text(row["source"]) else "not stated",
                "Name": local(str(row["performance"])),
                "Own": bool(_text(row["source"])) and local(str(row["source"])) == LOCAL.name,
                "Withdrawn": bool(_text(row["withdrawn_at"])),
            }
        )
    frame = pd.DataFrame(_acts(lines))
    empty = [label for label in _FIGURES.values() if len(frame) and frame[label].isna().all()]
    empty += ["Quality"] if len(frame) and not frame["Quality"].any() else []
    return frame.drop(columns=empty)


def _acts(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines without those of parts; an act of which a part holds says so."""
    names = {line["Name"] for line in lines}
    holding = {whole_act(line["Name"], names) for line in lines if line["Counts"] == NOW}
    kept = [line for line in lines if whole_act(line["Name"], names) == line["Name"]]
    return [line | {"Counts": IN_PART} if line["Name"] in holding and line["Counts"] != NOW else line for line in kept]


def _counts(row: pd.Series) -> str:
    if _text(row["withdrawn_at"]):
        who, why = _text(row["withdrawn_by"]), _text(row["withdrawn_because"])
        return f"no, withdrawn on {_text(row['withdrawn_at'])} by {who}: {why}"
    return NOW if row["current"] == "true" else PAST


def counting(drifted: pd.DataFrame) -> list[str]:
    """Whether each value counts: `now`, `no, past` or `no, withdrawn`; of what `repository.history.drift` gives."""
    return [
        "no, withdrawn" if isinstance(w, str) else NOW if c else PAST
        for w, c in zip(drifted["withdrawn_at"], drifted["current"], strict=True)
    ]


def _quality(row: pd.Series, p: Projection) -> str:
    value, unit = _number(row["accuracy_percent"]), " %"
    if value is None:
        value, unit = _number(row["metric_value"]), ""
    if value is None:
        return ""
    low, high = _number(row["accuracy_low_percent"]), _number(row["accuracy_high_percent"])
    interval = "" if low is None or high is None else f" [{low:.1f} to {high:.1f}]"
    metric = p.label("metric", local(str(row["metric"]))) if _text(row["metric"]) else "accuracy"
    data = f" on {p.label('data', local(str(row['test_set'])))}" if _text(row["test_set"]) else ""
    samples = f", {int(float(row['samples'])):,} examples" if _text(row["samples"]) else ""
    return f"{value:.1f}{unit}{interval}: {metric}{data}{samples}"


def _how(row: pd.Series) -> str:
    told = [_text(row["detail"])]
    if _text(row["installation"]):
        told.append(_text(row["installation"]))
    elif _text(row["runtime_version"]):
        told.append(f"runtime {_text(row['runtime_version'])}")
    return "; ".join(filter(None, told))


def lineage(knowledge: Knowledge, model: str) -> list[tuple[str, str]]:
    """Where the model comes from, as (what, text), in the order in which it was made."""
    row = knowledge.run(bind(query("model-lineage"), model=[Name("m", model)])).iloc[0]
    p = knowledge.projection
    place = p.positions[model]
    technique = p.models["optimization"].iat[place]
    told = (
        ("Network", p.label("net", local(str(row["network"]))) if _text(row["network"]) else ""),
        ("Trained on", _data(p, row)),
        ("Training", _text(row["hyper_parameters"])),
        ("Random seed", _whole(row["seed"])),
        ("Parameters", _whole(row["parameters"])),
        ("Layers with weights", _whole(row["layers"])),
        ("Input", _text(row["input_shape"]).replace("x", " × ")),
        ("Techniques", p.label("opt", technique) if isinstance(technique, str) else ""),
        ("SHA-256 of the file", local(str(row["artifact"])) if _text(row["artifact"]) else ""),
    )
    return [(what, text) for what, text in told if text]


def _data(p: Projection, row: pd.Series) -> str:
    return p.label("data", local(str(row["training_data_set"]))) if _text(row["training_data_set"]) else ""


def parent(knowledge: Knowledge, model: str) -> str | None:
    """The model that this one was made from."""
    row = knowledge.run(bind(query("model-lineage"), model=[Name("m", model)])).iloc[0]
    return local(str(row["derived_from"])) if _text(row["derived_from"]) else None


def children(knowledge: Knowledge, model: str) -> list[str]:
    """The models that were made from this one."""
    found = knowledge.run(bind(query("model-children"), parent=[Name("m", model)]))
    return [local(name) for name in found["model"]]


def votes(knowledge: Knowledge, model: str) -> pd.DataFrame:
    """Every current vote on the model: objective, rating (int), who, when (texts), comment."""
    found = knowledge.run(bind(query("model-votes"), model=[Name("m", model)]))
    found["rating"] = found["rating"].astype(int)
    return found[["objective", "rating", "rated_by", "rated_at", "comment"]]


def mean_votes(found: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """For each objective that somebody rated `4.5 of 5 (2 votes)`."""
    for objective, ratings in found.groupby("objective")["rating"]:
        number = len(ratings)
        votes = "1 vote" if number == 1 else f"{number} votes"
        yield str(objective).capitalize(), f"{ratings.mean():.1f} of 5 ({votes})"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, str) and value else None


def _whole(value: object) -> str:
    found = _number(value)
    return "" if found is None else f"{found:,.0f}"
