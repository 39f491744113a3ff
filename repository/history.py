"""How a model's figures went over time: every act that gave one, how far it lies from what holds now, the spread."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

import numpy as np
import pandas as pd

from device.stability import FEWEST_DAYS, over_days
from ontology.records import Grade, camel, figure_kinds
from repository.graph import Graph, frame
from repository.rq import bind, query
from repository.terms import Name, local

_KINDS = {camel(kind.name): kind for kind in figure_kinds()}
_QUALITY = ("accuracy_percent", "metric_value")
_NAMED = ("performance", "figure", "evidence", "run", "source", "metric", "test_set")
_PART = re.compile(r"(-rest(-[0-9]+)?)+$")


def drift(graph: Graph, model: str) -> pd.DataFrame:
    """All that was ever obtained for each figure of a model (local name), the oldest first; a row a figure of an act.

    Without a date an act counts as of its registration. Columns: `figure`, `value`, `unit`, `obtained` (a date as
    text), `registered` (a moment as text, in UTC; None for what was shipped), `evidence`, `performance`, `run`,
    `noisy`, `threads` (a number as text), `runtime_version`, `source`, `metric`, `test_set`, `current` (whether it
    holds now), `withdrawn_at`, `withdrawn_by`, `withdrawn_because`, and `difference_percent`: 100 × (value − current
    value) / |current value|. The difference is NaN where no value is current, where that is 0, and for qualities of
    another metric or data set. A figure that holds in a part of an act stands in the row of the act. Empty for a model
    without figures. Raises GraphError.
    """
    rows = frame(graph, bind(query("model-drift"), model=[Name("m", model)])).astype(object)
    rows = rows.where(rows.notna(), None)
    for column in _NAMED:
        rows[column] = [None if iri is None else local(iri) for iri in rows[column]]
    kinds = [_KINDS[f] for f in rows["figure"]]
    rows["figure"], rows["unit"] = [k.name for k in kinds], [k.unit for k in kinds]
    rows["value"] = rows["value"].astype(np.float64)
    rows["current"], rows["noisy"] = rows["current"] == "true", rows["noisy"] == "true"
    rows = _without_parts(rows)
    rows["difference_percent"] = _differences(rows)
    order = {k.name: i for i, k in enumerate(figure_kinds())}
    rows = rows.assign(place=rows["figure"].map(order), day=days(rows))
    rows["moment"] = pd.to_datetime(rows["registered"], utc=True, format="ISO8601")
    rows = rows.sort_values(["place", "day", "moment", "performance"], na_position="first").reset_index(drop=True)
    return rows[[
        "figure", "value", "unit", "obtained", "registered", "evidence", "performance", "run", "noisy", "threads",
        "runtime_version", "source", "metric", "test_set", "current", "difference_percent", "withdrawn_at",
        "withdrawn_by", "withdrawn_because",
    ]]  # fmt: skip


def days(rows: pd.DataFrame) -> list[str]:
    """The day as of which each row of `drift` counts: obtained, else registered, else empty; as 2026-11-20."""
    return [o or (r or "")[:10] for o, r in zip(rows["obtained"], rows["registered"], strict=True)]


def spread(drifted: pd.DataFrame) -> pd.DataFrame:
    """How far repeats lie apart: a row for each figure (of a metric on a data set) with two or more of them.

    `drifted` is what `drift` gives. Repeats are measured and not withdrawn. Columns: `figure`, `unit`, `metric`,
    `test_set`, `repeats`, `mean`, `lowest`, `highest`, `sd` (of a sample, n − 1), `spread_percent`, 100 × sd / |mean|,
    NaN where the mean is 0, `days` on which it was measured, and `stability_percent` over them, NaN for fewer than
    five (`device/stability.py`).
    """
    columns = ["figure", "unit", "metric", "test_set", "repeats", "mean", "lowest", "highest", "sd", "spread_percent",
               "days", "stability_percent"]  # fmt: skip
    measured = drifted[(drifted["evidence"] == Grade.MEASURED.value) & drifted["withdrawn_at"].isna()]
    found = []
    for key, group in measured.groupby(["figure", "unit", "metric", "test_set"], dropna=False, sort=False):
        values = group["value"].to_numpy(dtype=np.float64)
        if len(values) < 2:
            continue
        mean, sd = float(values.mean()), float(values.std(ddof=1))
        share = 100 * sd / abs(mean) if mean else float("nan")
        dated = [(date.fromisoformat(day), v) for day, v in zip(days(group), values, strict=True) if day]
        on = len({day for day, _ in dated})
        steady = over_days(dated) if on >= FEWEST_DAYS else None
        percent = float("nan") if steady is None else steady.percent
        found.append((*key, len(values), mean, values.min(), values.max(), sd, share, on, percent))
    return pd.DataFrame(found, columns=columns)


def _without_parts(rows: pd.DataFrame) -> pd.DataFrame:
    """A part repeats figures of its act, and says which of them hold: that is told of the act itself."""
    acts = set(rows["performance"])
    whole = [whole_act(p, acts) for p in rows["performance"]]
    holding = {(w, f) for w, f, c in zip(whole, rows["figure"], rows["current"], strict=True) if c}
    is_whole = np.array([p == w for p, w in zip(rows["performance"], whole, strict=True)], dtype=bool)
    kept = rows.loc[is_whole].copy()
    kept["current"] = [(p, f) in holding for p, f in zip(kept["performance"], kept["figure"], strict=True)]
    return kept


def whole_act(performance: str, acts: Collection[str]) -> str:
    """The act that a performance is a part of (local names, all of one model); itself when it is whole."""
    name = _PART.sub("", performance)
    return name if name in acts else performance


def _differences(rows: pd.DataFrame) -> list[float]:
    # Qualities can be compared on the same metric and data set only.
    alike = [
        (figure, metric, test_set) if figure in _QUALITY else (figure, None, None)
        for figure, metric, test_set in zip(rows["figure"], rows["metric"], rows["test_set"], strict=True)
    ]
    current = {key: v for key, v, c in zip(alike, rows["value"], rows["current"], strict=True) if c}
    bases = [current.get(key) for key in alike]
    return [100 * (v - b) / abs(b) if b else float("nan") for v, b in zip(rows["value"], bases, strict=True)]
