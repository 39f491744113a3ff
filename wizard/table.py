"""The ranked models as a table, built from whole columns: a row for each, numbers as numbers so that they sort."""

from __future__ import annotations

import numpy as np
import pandas as pd

from dss.ranking import Ranking
from flow import Selection
from ontology.records import Grade
from repository.projection import Projection
from wizard.words import MARKS

_GRADES = tuple(Grade)


def rows_of(ranking: Ranking) -> np.ndarray:
    """The models' rows in the order of the ranking."""
    return np.array([s.row for s in ranking.scored], dtype=np.int64)


def ranked(selection: Selection) -> pd.DataFrame:
    """Place, model, score and the main figures, each with the mark of its evidence."""
    p = selection.candidates.projection
    rows = rows_of(selection.ranking)
    models = p.models.iloc[rows]
    cost = selection.candidates.column("total_cost_usd")
    assert isinstance(cost, np.ndarray)
    quality, quality_marks, metrics = _quality(p, rows)
    return pd.DataFrame(
        {
            "Place": [s.place for s in selection.ranking.scored],
            "Score": [round(s.score, 2) for s in selection.ranking.scored],
            "Network": _labels(p, "net", models["network"]),
            "Device": _labels(p, "dev", models["device"]),
            "Latency (ms)": _numbers(p, "inference_latency_ms", rows),
            "Latency evidence": marks(p, "inference_latency_ms", rows),
            "Quality": quality,
            "Measure of quality": metrics,
            "Quality evidence": quality_marks,
            "Total cost (USD)": cost[rows],
            "Cost evidence": [_price_mark(p, d) for d in models["device"]],
            "Peak memory (MiB)": _numbers(p, "peak_memory_mib", rows),
            "Memory evidence": marks(p, "peak_memory_mib", rows),
            "Optimization": _labels(p, "opt", models["optimization"]),
            "Runtime": _labels(p, "rt", models["runtime"]),
        }
    )


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
