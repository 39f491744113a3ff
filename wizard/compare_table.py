"""A build's files beside the original as a table and a chart. Nothing here knows Streamlit."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from dss.build_comparison import Comparison, Contender, Side
from dss.build_comparison_words import sentences, times
from dss.card import written_ms
from dss.explanation import shown
from wizard import quality_axis
from wizard.job_table import RUNTIME_LABELS, time_unit
from wizard.theme import ACCENT

_ORIGINAL, _OTHER, _DARK, _LOSS = "#d55e00", "#0072b2", "#1d2b33", "#a33a00"
_OTHERS = "other files"
_FACTOR = 1.6  # of the latencies beyond the outermost points, so that names have room


def unit(found: Comparison) -> tuple[str, float]:
    """In which unit the times of its files are shown, and how many of it are a ms."""
    return time_unit(s.row.latency_p50_ms for s in found.sides)


def told(found: Comparison) -> list[str]:
    """The sentences, with runtimes as the page calls them."""
    pattern = "|".join(rf"(?<=\(){re.escape(name)}(?=\))" for name in RUNTIME_LABELS)
    return [re.sub(pattern, lambda name: RUNTIME_LABELS[name[0]], sentence) for sentence in sentences(found)]


def role(found: Comparison, row: Contender) -> str:
    """`★ winner`, `original` (with a star where it is to be kept), or nothing."""
    if row == found.winner:
        return "★ original" if row.is_original else "★ winner"
    return "original" if row.is_original else ""


def front(side: Side) -> str:
    """Whether no other file is at least as good in everything, and better in something."""
    return "◆ yes" if side.on_front else "◇ with size" if side.on_size_front else ""


def named(rows: Sequence[Contender]) -> list[str]:
    """`TFLite, float`; with the runtime behind it where one file was measured with several."""
    labels = [r.label for r in rows]
    return [
        r.label + (f" · {RUNTIME_LABELS.get(r.runtime, r.runtime)}" if labels.count(r.label) > 1 else "") for r in rows
    ]


def shown_first(found: Comparison) -> list[str]:
    """The columns for which a narrow page has room."""
    change = f"Change{' (points)' if found.metric.unit else ''}"
    return ["", "File", found.metric.title, change, f"Latency ({unit(found)[0]})", "Times as fast", "Size (KiB)"]


def table(found: Comparison) -> pd.DataFrame:
    """One line a file, the fastest first, with numbers that sort; columns without a figure are left out."""
    short, factor = unit(found)
    metric, rows = found.metric, [s.row for s in found.sides]
    held = [r.structure for r in rows]
    frame = pd.DataFrame(
        {
            "": [role(found, r) for r in rows],
            "File": named(rows),
            "Pareto front": [front(s) for s in found.sides],
            metric.title: [None if r.quality is None else r.quality.value for r in rows],
            "95 % interval": ["" if r.quality is None else r.quality.interval for r in rows],
            f"Change{' (points)' if metric.unit else ''}": [s.change for s in found.sides],
            f"Latency ({short})": [r.latency_p50_ms * factor for r in rows],
            f"p95 ({short})": [r.latency_p95_ms * factor for r in rows],
            "Times as fast": [s.times_original for s in found.sides],
            "Size (KiB)": [r.size_kib for r in rows],
            "Times smaller": [s.times_smaller for s in found.sides],
            "Runtime": [RUNTIME_LABELS.get(r.runtime, r.runtime) for r in rows],
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
            "Difference (% of range)": [r.check_range_percent for r in rows],
            "Noisy": ["noisy" if r.noisy else "" for r in rows],
        }
    )
    empty = [c for c in frame if c and bool((frame[c].isna() | (frame[c] == "")).all())]
    return frame.drop(columns=empty)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


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
    """Quality against latency: the Pareto front as a line, the tolerance shaded, original and winner marked."""
    (short, factor), metric = unit(found), found.metric
    drawn = [s for s in found.sides if s.row.quality is not None]
    figure = go.Figure()
    on_front = [s for s in drawn if s.on_front]
    latencies = [s.row.latency_p50_ms * factor for s in drawn] or [1.0]
    right = max(latencies) * _FACTOR
    if on_front:  # to the right of its last point the front goes on: nothing slower is better there
        figure.add_scatter(
            x=[*(s.row.latency_p50_ms * factor for s in on_front), right],
            y=[_value(s.row) for s in (*on_front, on_front[-1])],
            mode="lines", name="Pareto front", line={"color": ACCENT, "width": 2, "shape": "hv"}, hoverinfo="skip",
        )  # fmt: skip
    marked = [r for r in (found.original, found.winner) if r is not None]
    _points(figure, [s for s in drawn if s.row not in marked], factor, _OTHERS, _OTHER, "circle", 9)
    _points(figure, [s for s in drawn if s.row == found.original], factor, "original", _ORIGINAL, "square", 12)
    if found.successor is not None:
        _points(figure, [s for s in drawn if s.row == found.winner], factor, "winner", ACCENT, "star", 18)
    low, high = _values(drawn, found)
    bound = _bound(found)
    if bound is not None and found.winner is not None:
        worst, anchor = (min(low, bound), "top") if metric.higher_is_better else (max(high, bound), "bottom")
        figure.add_hrect(y0=worst, y1=bound, fillcolor=_LOSS, opacity=0.06, line_width=0)
        figure.add_hline(y=bound, line={"color": _LOSS, "dash": "dash", "width": 1.5})
        figure.add_annotation(
            x=1, xref="paper", y=bound, xanchor="right", yanchor=anchor, showarrow=False,
            text=f"more than {metric.amount(found.tolerance)} worse", font={"color": _LOSS, "size": 12},
        )  # fmt: skip
    span = [math.log10(min(latencies) / _FACTOR), math.log10(right)]
    figure.update_xaxes(
        type="log", range=span, title=f"Inference latency in {short}, median (logarithmic)", showline=True,
        linecolor="#c8d1d5", dtick=1 if span[1] - span[0] > 2 else None,
    )  # fmt: skip
    figure.update_yaxes(title=quality_axis.title(metric), range=[low, high])
    figure.update_layout(
        height=380, margin={"l": 10, "r": 10, "t": 16, "b": 10}, hovermode="closest", dragmode=False,
        legend={"orientation": "h", "y": -0.24, "yanchor": "top"}, uirevision="same",
    )  # fmt: skip
    return figure


def _points(
    figure: go.Figure, sides: Sequence[Side], factor: float, name: str, colour: str, symbol: str, size: int
) -> None:
    if not sides:
        return
    # What the legend does not name, written inwards; more would lie over each other.
    middle = math.sqrt(min(s.row.latency_p50_ms for s in sides) * max(s.row.latency_p50_ms for s in sides))
    names = [s.row.label if s.on_front and name == _OTHERS else "" for s in sides]
    figure.add_scatter(
        x=[s.row.latency_p50_ms * factor for s in sides],
        y=[_value(s.row) for s in sides],
        error_y={
            "type": "data", "symmetric": False, "thickness": 1, "width": 3, "color": "#c3ced3",
            "array": [quality_axis.reach(s.row.quality)[1] for s in sides],
            "arrayminus": [quality_axis.reach(s.row.quality)[0] for s in sides],
        },
        mode="markers+text", name=name, text=names,
        textposition=["top right" if s.row.latency_p50_ms <= middle else "top left" for s in sides],
        textfont={"size": 11, "color": "#41525b"},
        hovertext=[_hover(s) for s in sides], hovertemplate="%{hovertext}<extra></extra>",
        marker={"color": colour, "symbol": symbol, "size": size, "line": {"color": _DARK, "width": 1}},
    )  # fmt: skip


def _hover(side: Side) -> str:
    row, quality = side.row, side.row.quality
    assert quality is not None  # others are not drawn
    change = "" if side.change is None else f", {side.change:+.3g}{' points' if quality.kind.unit else ''}"
    faster = "" if side.times_original is None else f", {times(side.times_original)} as fast"
    gzip = "" if row.size_gzip_kib is None else f", {shown(row.size_gzip_kib)} KiB compressed"
    return (
        f"<b>{row.label}</b><br>{RUNTIME_LABELS.get(row.runtime, row.runtime)}<br>{quality.with_interval}{change}<br>"
        f"p50 {written_ms(row.latency_p50_ms)}, p95 {written_ms(row.latency_p95_ms)}{faster}<br>"
        f"{shown(row.size_kib)} KiB{gzip}, {shown(row.peak_memory_mib)} MiB of memory"
    )


def _value(row: Contender) -> float | None:
    return None if row.quality is None else row.quality.value


def _bound(found: Comparison) -> float | None:
    """The worst quality within the tolerance."""
    if found.original is None or found.original.quality is None:
        return None
    return found.original.quality.value - found.tolerance * (1 if found.metric.higher_is_better else -1)


def _values(sides: Sequence[Side], found: Comparison) -> tuple[float, float]:
    """What the axis of qualities shows: every point with its interval, and the tolerance where that is near."""
    ends = [end for s in sides for end in quality_axis.ends(s.row.quality)]
    bound = _bound(found)
    if bound is not None:
        far = 10.0 if found.metric.unit else max(ends)  # a greater tolerance would press the points together
        ends.append(min(max(bound, min(ends) - far), max(ends) + far))
    return quality_axis.span(ends, found.metric)
