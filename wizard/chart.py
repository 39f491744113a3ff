"""Latency against quality, for one measure on one data set at a time: others may not be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dss.card import written_ms
from dss.explanation import shown
from flow import Selection
from repository.projection import FloatArray, IntArray, Projection
from wizard.table import marks
from wizard.theme import ACCENT, SERIES, SYMBOLS

Group = tuple[str, str]  # metric and data set


@dataclass(frozen=True)
class Points:
    """The matches of one group that have both figures."""

    rows: IntArray
    latency_ms: FloatArray
    quality: FloatArray
    higher_is_better: bool


def groups(selection: Selection) -> dict[Group, int]:
    """Each measure and data set with how many matches can be drawn, most first."""
    p, rows = selection.candidates.projection, selection.candidates.matches
    drawable = rows[~np.isnan(_latency(p)[rows]) & ~np.isnan(quality(p)[rows])]
    metrics, sets = p.models["metric"].to_numpy(dtype=object), p.models["test_set"].to_numpy(dtype=object)
    found = Counter((m, d) for m, d in zip(metrics[drawable], sets[drawable], strict=True) if m and d)
    return dict(found.most_common())


def group_of(selection: Selection, row: int) -> Group | None:
    """The measure and data set of one model."""
    models = selection.candidates.projection.models
    metric, test_set = models["metric"].iat[row], models["test_set"].iat[row]
    return (metric, test_set) if isinstance(metric, str) and isinstance(test_set, str) else None


def points(selection: Selection, group: Group) -> Points:
    """The matches of one group."""
    p, rows = selection.candidates.projection, selection.candidates.matches
    metrics, sets = p.models["metric"].to_numpy(dtype=object), p.models["test_set"].to_numpy(dtype=object)
    latency, good = _latency(p), quality(p)
    of_group = (metrics[rows] == group[0]) & (sets[rows] == group[1])
    kept = rows[of_group & ~np.isnan(latency[rows]) & ~np.isnan(good[rows])]
    return Points(kept, latency[kept], good[kept], p.higher_is_better.get(group[0], True))


def frontier(found: Points) -> IntArray:
    """Positions of the points that no other beats in both figures, fastest first."""
    better = found.quality if found.higher_is_better else -found.quality
    order = np.lexsort((-better, found.latency_ms))
    kept, best = [], -np.inf
    for i in order:
        if better[i] > best:
            kept.append(i)
            best = better[i]
    return np.array(kept, dtype=np.int64)


def figure(selection: Selection, group: Group, marked: Sequence[int] = ()) -> go.Figure:
    """The scatter, one colour and shape for each runtime; the winner is a star, those `marked` are rings."""
    p, found = selection.candidates.projection, points(selection, group)
    names = p.models["runtime"].to_numpy(dtype=object)[found.rows]
    chart = go.Figure()
    front = frontier(found)
    chart.add_scatter(
        x=found.latency_ms[front], y=found.quality[front], mode="lines", name="best trade-offs",
        line={"color": "#8c9aa1", "dash": "dot", "shape": "hv"}, hoverinfo="skip",
    )  # fmt: skip
    for i, runtime in enumerate(sorted({str(n) for n in names})):
        own = np.flatnonzero(names == runtime)
        _series(chart, p, found, own, p.label("rt", runtime), i)
    winner = selection.ranking.winner
    _single(chart, found, None if winner is None else winner.row, "recommended", "star", 18)
    for row in marked:
        if winner is None or row != winner.row:
            _single(chart, found, row, "picked", "circle-open", 20)
    metric = p.label("metric", group[0])
    chart.update_xaxes(type="log", title="Inference latency in ms (logarithmic)", showline=True, linecolor="#c8d1d5")
    chart.update_yaxes(title=metric + ("" if found.higher_is_better else " (less is better)"), rangemode="normal")
    chart.update_layout(
        height=430, margin={"l": 10, "r": 10, "t": 10, "b": 10}, hovermode="closest", clickmode="event+select",
        legend={"orientation": "h", "y": -0.22},
        dragmode=False,
    )  # fmt: skip
    return chart


def _series(chart: go.Figure, p: Projection, found: Points, own: IntArray, name: str, i: int) -> None:
    models = p.models.iloc[found.rows[own]]
    rows = found.rows[own]
    good = "accuracy_percent" if p.figure_rows["accuracy_percent"][rows[0]] >= 0 else "metric_value"
    texts = [
        f"{p.label('net', n)}<br>{p.label('dev', d)}<br>{p.label('opt', o)}<br>{written_ms(x)} {a}<br>{shown(y)} {b}"
        for n, d, o, x, a, y, b in zip(
            models["network"], models["device"], models["optimization"],
            found.latency_ms[own], marks(p, "inference_latency_ms", rows),
            found.quality[own], marks(p, good, rows),
            strict=True,
        )
    ]  # fmt: skip
    chart.add_scatter(
        x=found.latency_ms[own], y=found.quality[own], mode="markers", name=name, text=texts,
        hovertemplate="%{text}<extra></extra>", customdata=found.rows[own],
        marker={"color": SERIES[i % len(SERIES)], "symbol": SYMBOLS[i % len(SYMBOLS)], "size": 9, "opacity": 0.75},
        unselected={"marker": {"opacity": 0.75}},
    )  # fmt: skip


def _single(chart: go.Figure, found: Points, row: int | None, name: str, symbol: str, size: int) -> None:
    place = np.flatnonzero(found.rows == row) if row is not None else np.array([], dtype=np.int64)
    if len(place):
        chart.add_scatter(
            x=found.latency_ms[place], y=found.quality[place], mode="markers", name=name, customdata=found.rows[place],
            marker={"color": ACCENT, "symbol": symbol, "size": size, "line": {"color": "#1d2b33", "width": 1.5}},
            hovertemplate=name + "<extra></extra>",
        )  # fmt: skip


def quality(p: Projection) -> FloatArray:
    """An accuracy in percent where there is one, else the other measure of quality."""
    accuracy, other = p.columns["accuracy_percent"], p.columns["metric_value"]
    assert isinstance(accuracy, np.ndarray)
    assert isinstance(other, np.ndarray)
    return np.where(np.isnan(accuracy), other, accuracy)


def _latency(p: Projection) -> FloatArray:
    column = p.columns["inference_latency_ms"]
    assert isinstance(column, np.ndarray)
    return column
