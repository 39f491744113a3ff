"""The ranked models as a table, built from whole columns: a row for each, numbers as numbers so that they sort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dss.card import replaced
from dss.cost import total_cost_range
from dss.ranking import Ranking
from flow import Selection
from ontology.records import Grade
from ontology.requirement import limits
from repository.projection import Projection
from wizard.alternatives import best_of_each
from wizard.words import MARKS

IF_LIMITED: Mapping[str, str] = {
    "energy_mj": "Energy (mJ)",
    "system_latency_ms": "System latency (ms)",
    "throughput_per_s": "Per second",
    "size_kib": "Size (KiB)",
    "stability_percent": "Stability (%)",
}
"""Figures that have a column only where the request limits them."""
_GRADES = tuple(Grade)


def rows_of(ranking: Ranking) -> np.ndarray:
    """The models' rows in the order of the ranking."""
    return np.array([s.row for s in ranking.scored], dtype=np.int64)


def ranked(selection: Selection, *, everything: bool = True) -> pd.DataFrame:
    """Place, model, score and the main figures, each with the mark of its evidence; the index is the model's row.

    Unless `everything` is shown, near-copies are left out, and the best of each kind says how many it stands for.
    Latencies are in µs where the slowest takes less than a tenth of a millisecond.
    """
    p = selection.candidates.projection
    rows = rows_of(selection.ranking)
    copies = best_of_each(p, rows.tolist())
    shown = np.ones(len(rows), bool) if everything else np.isin(rows, list(copies))
    scored = [s for s, keep in zip(selection.ranking.scored, shown, strict=True) if keep]
    rows = rows[shown]
    models = p.models.iloc[rows]
    cost = selection.candidates.column("total_cost_usd")
    assert isinstance(cost, np.ndarray)
    low, high = total_cost_range(selection.requirement, p, selection.candidates.cloud)
    quality, quality_marks, metrics = _quality(p, rows)
    latency = _numbers(p, "inference_latency_ms", rows)
    in_us = bool((latency[~np.isnan(latency)] < 0.1).all()) and not np.isnan(latency).all()
    limited = {limit.figure for limit in limits(selection.requirement)}
    found = pd.DataFrame(
        {
            "Place": [s.place for s in scored],
            "Score": [round(s.score, 2) for s in scored],
            "Network": _labels(p, "net", models["network"]),
            "Optimization": _labels(p, "opt", models["optimization"]),
            "Device": _labels(p, "dev", models["device"]),
            "Also with": [_also(p, copies.get(int(row), ())) for row in rows],
            "Latency (µs)" if in_us else "Latency (ms)": latency * 1000 if in_us else latency,
            "Latency evidence": marks(p, "inference_latency_ms", rows),
            **{label: _numbers(p, figure, rows) for figure, label in IF_LIMITED.items() if figure in limited},
            "Quality": quality,
            "Measure of quality": metrics,
            "Quality evidence": quality_marks,
            "Total cost (USD)": cost[rows],
            "Cost may be (USD)": [_range(a, b) for a, b in zip(low[rows], high[rows], strict=True)],
            "Cost evidence": [_price_mark(p, d) for d in models["device"]],
            "Peak memory (MiB)": _numbers(p, "peak_memory_mib", rows),
            "Memory evidence": marks(p, "peak_memory_mib", rows),
            "Runtime": _labels(p, "rt", models["runtime"]),
        },
        index=rows,
    )
    marked = [replaced(p, int(row)).removeprefix("replaced ") for row in rows]
    if any(marked):
        found.insert(found.columns.get_loc("Device") + 1, "Replaced", marked)
    return found.drop(columns=["Also with"]) if everything else found


def _also(p: Projection, copies: Sequence[int]) -> str:
    """The runtimes of a model's near-copies."""
    names = _labels(p, "rt", p.models["runtime"].iloc[list(copies)])
    told = (n + " (replaced)" * bool(replaced(p, int(row))) for n, row in zip(names, copies, strict=True))
    return ", ".join(dict.fromkeys(told))


def _range(low: float, high: float) -> str:
    if np.isnan(low) or np.isnan(high) or low == high:
        return ""
    return f"{low:,.0f} to {high:,.0f}"


def _labels(p: Projection, prefix: str, names: pd.Series) -> list[str]:
    return [p.label(prefix, n) if isinstance(n, str) else "not stated" for n in names]


def _numbers(p: Projection, figure: str, rows: np.ndarray) -> np.ndarray:
    column = p.columns[figure]
    assert isinstance(column, np.ndarray)
    found: np.ndarray = column[rows]
    return found


def marks(p: Projection, figure: str, rows: np.ndarray) -> list[str]:
    """The mark of each model's figure, with ↷ when it was taken over from another device; "" for no figure."""
    carried = p.performances["carried_from"].notna().to_numpy()
    return [
        "" if place < 0 else str(MARKS[_GRADES[rank]]) + (" ↷" if carried[place] else "")
        for rank, place in zip(p.evidence[figure][rows], p.figure_rows[figure][rows], strict=True)
    ]


def _price_mark(p: Projection, device: object) -> str:
    described = p.devices.get(str(device), {})
    if "price_usd" not in described:
        return ""
    return str(MARKS[Grade(described.get("price_evidence", Grade.DECLARED))])


def _quality(p: Projection, rows: np.ndarray) -> tuple[np.ndarray, list[str], list[str]]:
    """An accuracy in percent where there is one, else the model's other measure of quality; its mark and its name."""
    accuracy, other = _numbers(p, "accuracy_percent", rows), _numbers(p, "metric_value", rows)
    percent = ~np.isnan(accuracy)
    found = [
        a if is_percent else b
        for is_percent, a, b in zip(
            percent, marks(p, "accuracy_percent", rows), marks(p, "metric_value", rows), strict=True
        )
    ]
    names = [
        " on ".join(p.label(prefix, n) for prefix, n in (("metric", m), ("data", d)) if isinstance(n, str))
        for m, d in zip(p.models["metric"].iloc[rows], p.models["test_set"].iloc[rows], strict=True)
    ]
    return np.where(percent, accuracy, other), found, names
