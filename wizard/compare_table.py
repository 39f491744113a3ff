"""A build's files beside the original as a table and a chart. Nothing here knows Streamlit."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dss.build_comparison import Comparison, Contender, Side
from dss.build_comparison_words import points, times
from dss.card import written_ms
from dss.explanation import shown
from wizard.theme import ACCENT

_IN_US_BELOW_MS = 0.1
_ORIGINAL, _OTHER, _DARK, _LOSS = "#d55e00", "#0072b2", "#1d2b33", "#a33a00"
_OTHERS = "other files"
_FACTOR = 1.6  # of the latencies beyond the outermost points, so that names have room


def unit(found: Comparison) -> tuple[str, float]:
    """In which unit times are shown, and how many of it are a ms: µs where the fastest takes less than a tenth."""
    fastest = min(s.row.latency_p50_ms for s in found.sides)
    return ("µs", 1000.0) if fastest < _IN_US_BELOW_MS else ("ms", 1.0)


def role(found: Comparison, row: Contender) -> str:
    """`★ winner`, `original` (with a star where it is to be kept), or nothing."""
    if row == found.winner:
        return "★ original" if row.is_original else "★ winner"
    return "original" if row.is_original else ""


def front(side: Side) -> str:
    """Whether no other file is at least as good in everything, and better in something."""
    return "◆ yes" if side.on_front else "◇ with size" if side.on_size_front else ""


def table(found: Comparison) -> pd.DataFrame:
    """One line a file, the fastest first, with numbers that sort; columns without a figure are left out."""
    short, factor = unit(found)
    rows = [s.row for s in found.sides]
    held = [r.structure for r in rows]
    frame = pd.DataFrame(
        {
            "": [role(found, r) for r in rows],
            "File": [r.label for r in rows],
            "Pareto front": [front(s) for s in found.sides],
            "Accuracy (%)": [r.accuracy_percent for r in rows],
            "95 % interval": [interval(r) for r in rows],
            "Change (points)": [s.accuracy_points for s in found.sides],
            f"p50 ({short})": [r.latency_p50_ms * factor for r in rows],
            f"p95 ({short})": [r.latency_p95_ms * factor for r in rows],
            "Times as fast": [s.times_original for s in found.sides],
            "Size (KiB)": [r.size_kib for r in rows],
            "Times smaller": [s.times_smaller for s in found.sides],
            "Runtime": [r.runtime for r in rows],
            f"p99 ({short})": [_scaled(r.latency_p99_ms, factor) for r in rows],
            "Times compiled Keras": [
                None if found.baseline is None or found.baseline.is_original else s.times_baseline for s in found.sides
            ],
            "Per second": [r.throughput_per_s for r in rows],
            "at batch": [r.throughput_batch for r in rows],
            "Memory (MiB)": [r.peak_memory_mib for r in rows],
            "gzip (KiB)": [r.size_gzip_kib for r in rows],
            "Nodes": [None if h is None else h.nodes for h in held],
            "Million MACs": [None if h is None or h.macs is None else h.macs / 1e6 for h in held],
            "Largest difference": [r.check_difference for r in rows],
            "Same answers (%)": [r.check_agreement_percent for r in rows],
            "Noisy": ["noisy" if r.noisy else "" for r in rows],
        }
    )
    empty = [c for c in frame if c and bool((frame[c].isna() | (frame[c] == "")).all())]
    return frame.drop(columns=empty)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def interval(row: Contender) -> str:
    """`93.2 to 97.5`; empty where it is not known."""
    if row.accuracy_low_percent is None or row.accuracy_high_percent is None:
        return ""
    return f"{row.accuracy_low_percent:.1f} to {row.accuracy_high_percent:.1f}"


def structure(row: Contender) -> list[tuple[str, str]]:
    """What the file holds, as (what, number): size, parameters, nodes, multiply-accumulates, operators by kind."""
    told = [("Size of the file", f"{shown(row.size_kib)} KiB"), ("Parameters of the network", f"{row.parameters:,}")]
    held = row.structure
    if held is None:
        return [*told, ("Operators", "not read")]
    if held.nodes is not None:
        told.append(("Nodes of the graph", f"{held.nodes:,}"))
    if held.macs is not None:
        told.append(("Multiply-accumulates", f"{held.macs:,}"))
    is_keras = row.format in ("h5", "keras")
    told.append(("Layers" if is_keras else "Operators", f"{sum(held.operators.values()):,}"))
    kinds = sorted(held.operators.items(), key=lambda item: (-item[1], item[0]))
    return [*told, *((f"· {kind}", f"{number:,}") for kind, number in kinds)]


def chart(found: Comparison) -> go.Figure:
    """Accuracy against latency: the Pareto front as a line, the tolerance shaded, original and winner marked."""
    short, factor = unit(found)
    drawn = [s for s in found.sides if s.row.accuracy_percent is not None]
    figure = go.Figure()
    on_front = [s for s in drawn if s.on_front]
    latencies = [s.row.latency_p50_ms * factor for s in drawn] or [1.0]
    right = max(latencies) * _FACTOR
    if on_front:  # to the right of its last point the front goes on: nothing slower is better there
        figure.add_scatter(
            x=[*(s.row.latency_p50_ms * factor for s in on_front), right],
            y=[*(s.row.accuracy_percent for s in on_front), max(s.row.accuracy_percent or 0 for s in on_front)],
            mode="lines", name="Pareto front", line={"color": ACCENT, "width": 2, "shape": "hv"}, hoverinfo="skip",
        )  # fmt: skip
    marked = [r for r in (found.original, found.winner) if r is not None]
    _points(figure, [s for s in drawn if s.row not in marked], factor, _OTHERS, _OTHER, "circle", 9)
    _points(figure, [s for s in drawn if s.row == found.original], factor, "original", _ORIGINAL, "square", 12)
    if found.successor is not None:
        _points(figure, [s for s in drawn if s.row == found.winner], factor, "winner", ACCENT, "star", 18)
    low, high = _accuracies(drawn, found)
    least = None if found.original is None else found.original.accuracy_percent
    if least is not None and found.winner is not None:
        figure.add_hrect(
            y0=low, y1=max(low, least - found.tolerance_points), fillcolor=_LOSS, opacity=0.06, line_width=0
        )
        figure.add_hline(y=least - found.tolerance_points, line={"color": _LOSS, "dash": "dash", "width": 1.5})
        figure.add_annotation(
            x=1, xref="paper", y=least - found.tolerance_points, xanchor="right", yanchor="top", showarrow=False,
            text=f"more than {points(found.tolerance_points)} lost", font={"color": _LOSS, "size": 12},
        )  # fmt: skip
    span = [math.log10(min(latencies) / _FACTOR), math.log10(right)]
    figure.update_xaxes(
        type="log", range=span, title=f"Inference latency in {short}, median (logarithmic)", showline=True,
        linecolor="#c8d1d5", dtick=1 if span[1] - span[0] > 2 else None,
    )  # fmt: skip
    figure.update_yaxes(title="Accuracy in %", range=[low, high])
    figure.update_layout(
        height=380, margin={"l": 10, "r": 10, "t": 16, "b": 10}, hovermode="closest", dragmode=False,
        legend={"orientation": "h", "y": -0.24}, uirevision="same",
    )  # fmt: skip
    return figure


def _points(
    figure: go.Figure, sides: Sequence[Side], factor: float, name: str, colour: str, symbol: str, size: int
) -> None:
    if not sides:
        return
    places = ["top center", "bottom center"]
    names = [s.row.format if s.on_front or name != _OTHERS else "" for s in sides]  # more would lie over each other
    figure.add_scatter(
        x=[s.row.latency_p50_ms * factor for s in sides],
        y=[s.row.accuracy_percent for s in sides],
        error_y={
            "type": "data", "symmetric": False, "thickness": 1, "width": 3, "color": "#c3ced3",
            "array": [_span(s.row.accuracy_percent, s.row.accuracy_high_percent) for s in sides],
            "arrayminus": [_span(s.row.accuracy_low_percent, s.row.accuracy_percent) for s in sides],
        },
        mode="markers+text", name=name, text=names,
        textposition=[places[i % 2] for i in range(len(sides))], textfont={"size": 11, "color": "#41525b"},
        hovertext=[_hover(s) for s in sides], hovertemplate="%{hovertext}<extra></extra>",
        marker={"color": colour, "symbol": symbol, "size": size, "line": {"color": _DARK, "width": 1}},
    )  # fmt: skip


def _span(low: float | None, high: float | None) -> float:
    return 0.0 if low is None or high is None else high - low


def _hover(side: Side) -> str:
    row = side.row
    change = "" if side.accuracy_points is None else f", {side.accuracy_points:+.2f} points"
    faster = "" if side.times_original is None else f", {times(side.times_original)} as fast"
    gzip = "" if row.size_gzip_kib is None else f", {shown(row.size_gzip_kib)} KiB compressed"
    return (
        f"<b>{row.label}</b><br>{row.runtime}<br>{row.accuracy_percent:.2f} % [{interval(row)}]{change}<br>"
        f"p50 {written_ms(row.latency_p50_ms)}, p95 {written_ms(row.latency_p95_ms)}{faster}<br>"
        f"{shown(row.size_kib)} KiB{gzip}, {shown(row.peak_memory_mib)} MiB of memory"
    )


def _accuracies(sides: Sequence[Side], found: Comparison) -> tuple[float, float]:
    """What the axis of accuracies shows: every point with its interval, and the tolerance."""
    ends = [
        e
        for s in sides
        for e in (s.row.accuracy_low_percent, s.row.accuracy_percent, s.row.accuracy_high_percent)
        if e is not None
    ]
    if found.original is not None and found.original.accuracy_percent is not None:
        ends.append(max(found.original.accuracy_percent - found.tolerance_points, min(ends, default=0.0) - 10))
    low, high = min(ends, default=0.0), max(ends, default=100.0)
    spare = max(0.5, (high - low) * 0.12)
    return max(0.0, low - spare), min(104.0, high + spare)
