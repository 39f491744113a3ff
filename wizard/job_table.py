"""A build's candidates as a table and a chart. Nothing here knows Streamlit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from device.data import TOP1
from device.runtimes import RUNTIMES
from dss.build_report import BuiltRow, metric_of
from dss.card import written_ms
from dss.explanation import shown
from dss.matching import Candidates
from dss.quality import METRICS, Metric
from dss.words import verdict_words
from ontology.requirement import Limit, Outcome, Relation, Verdict, limits
from optimizer.formats.shelf import FORMATS
from optimizer.networks.own import OWN
from optimizer.networks.shelf import NETWORKS
from optimizer.spec import JobSpec
from wizard import quality_axis
from wizard.theme import ACCENT, SERIES, SYMBOLS

REGISTERING = "being registered"
ON_DEMAND = ("95 % interval", "p95 (ms)", "p95 (µs)", "Per second", "Memory (MiB)")
"""Columns for which a narrow page has no room: shown when they are asked for."""
RUNTIME_LABELS: Mapping[str, str] = {spec.name: spec.label for spec in RUNTIMES}
DRAWN: Mapping[str, str] = {"inference_latency_ms": "x", "accuracy_percent": "y"}
_IN_US_BELOW_MS = 0.1
MARGIN = 1.5  # of the latencies, so that points do not stick to the frame


def time_unit(latencies_ms: Iterable[float]) -> tuple[str, float]:
    """In which unit times are shown, and how many of it are a ms: µs where the fastest takes less than a tenth."""
    return ("µs", 1000.0) if min(latencies_ms, default=1.0) < _IN_US_BELOW_MS else ("ms", 1.0)


def wide_enough(names: Iterable[str]) -> int:
    """The width in pixels of a column of such names: more where one says its runtime, too."""
    return 290 if any(" · " in name for name in names) else 190


def label_of_network(name: str) -> str:
    """What a person reads for a network of the shelf, or for one that they brought."""
    return "Your own model" if name == OWN else NETWORKS[name].label if name in NETWORKS else name


def in_words(spec: JobSpec) -> dict[str, str]:
    """A job's candidates by their names, as a person reads them: report-cnn-fiq is `CNN of the … as TFLite, …`."""
    return {spec.named(r): f"{label_of_network(spec.label(r))} as {FORMATS[r.format].label}" for r in spec.recipes}


def open_ends(row: BuiltRow, candidates: Candidates) -> tuple[Verdict, ...] | None:
    """The limits that a candidate does not meet or that are not known of it; None before it is registered."""
    position = candidates.projection.positions.get(row.model)
    if position is None:
        return None
    return tuple(v for v in candidates.verdicts(position) if v.outcome is not Outcome.MET)


def has_limits(candidates: Candidates) -> bool:
    """Whether more is asked for than a task, which all files of a build share."""
    return any(limit.field != "task" for limit in limits(candidates.requirement))


def verdict(row: BuiltRow, candidates: Candidates, chosen: str | None, best: str = "chosen") -> str:
    """`★ chosen` (in the words of `best`), `✓ meets every limit`, `✗ misses accuracy`; nothing without limits."""
    if row.model == chosen:
        return f"★ {best}"
    missed = open_ends(row, candidates)
    if missed is None:
        return REGISTERING
    said = [f"{'? not known' if v.outcome is Outcome.UNKNOWN else '✗ misses'} {v.limit.label.lower()}" for v in missed]
    return "; ".join(said) or ("✓ meets every limit" if has_limits(candidates) else "")


def misses(row: BuiltRow, candidates: Candidates) -> list[str]:
    """Each limit that is not met, with the candidate's figure and by how much."""
    return [verdict_words(v, candidates.projection) for v in open_ends(row, candidates) or ()]


def stored_as(rows: Sequence[BuiltRow]) -> list[str]:
    """`TFLite, float`; with the runtime behind it where one file was measured with several."""
    files = [(r.network, r.format) for r in rows]
    return [
        FORMATS[r.format].label + (f" · {RUNTIME_LABELS.get(r.runtime, r.runtime)}" if files.count(f) > 1 else "")
        for r, f in zip(rows, files, strict=True)
    ]


def table(rows: Sequence[BuiltRow], candidates: Candidates, chosen: str | None, best: str = "chosen") -> pd.DataFrame:
    """One line for each finished candidate, numbers as numbers so that they sort; no interval where none is known."""
    short, factor = time_unit(r.latency_p50_ms for r in rows)
    intervals = ["" if r.quality is None else r.quality.interval for r in rows]
    return pd.DataFrame(
        {
            "Verdict": [verdict(r, candidates, chosen, best) for r in rows],
            "Network": [label_of_network(r.network) for r in rows],
            "Stored as": stored_as(rows),
            metric_of(rows).title: [None if r.quality is None else r.quality.value for r in rows],
            **({"95 % interval": intervals} if any(intervals) else {}),
            f"Latency ({short})": [r.latency_p50_ms * factor for r in rows],
            f"p95 ({short})": [r.latency_p95_ms * factor for r in rows],
            "Per second": [r.throughput_per_s for r in rows],
            "Memory (MiB)": [r.peak_memory_mib for r in rows],
            "Size (KiB)": [r.size_kib for r in rows],
        }
    )


def chart(rows: Sequence[BuiltRow], candidates: Candidates, chosen: str | None, best: str = "chosen") -> go.Figure:
    """Quality against latency, one colour and shape for each network, with what the requirement allows shaded."""
    drawn, metric = [r for r in rows if r.quality is not None], metric_of(rows)
    figure = go.Figure()
    asked = [limit for limit in limits(candidates.requirement) if limit.figure in DRAWN]
    if metric is not METRICS[TOP1]:
        asked = [limit for limit in asked if DRAWN[limit.figure] == "x"]
    short, factor = time_unit(r.latency_p50_ms for r in drawn)
    spans = _spans(drawn, asked, metric, factor)
    _limits(figure, asked, spans, factor)
    networks = dict.fromkeys((*NETWORKS, *(r.network for r in rows)))  # each keeps its colour while others come
    for i, network in enumerate(networks):
        if network not in {r.network for r in drawn}:
            continue
        own = [r for r in drawn if r.network == network]
        figure.add_scatter(
            x=[r.latency_p50_ms * factor for r in own],
            y=[r.quality.value for r in own if r.quality is not None],
            error_y={
                "type": "data", "symmetric": False, "thickness": 1, "width": 3, "color": "#b3c0c6",
                "array": [quality_axis.reach(r.quality)[1] for r in own],
                "arrayminus": [quality_axis.reach(r.quality)[0] for r in own],
            },
            mode="markers",
            name=label_of_network(network),
            text=[
                f"{label_of_network(r.network)}<br>{FORMATS[r.format].label}<br>{written_ms(r.latency_p50_ms)}<br>"
                f"{r.quality.with_interval}"
                for r in own
                if r.quality is not None
            ],
            hovertemplate="%{text}<extra></extra>",
            marker={"color": SERIES[i % len(SERIES)], "symbol": SYMBOLS[i % len(SYMBOLS)], "size": 10},
        )  # fmt: skip
    star = [r for r in drawn if r.model == chosen]
    if star:
        figure.add_scatter(
            x=[star[0].latency_p50_ms * factor], y=[q.value for q in (star[0].quality,) if q], mode="markers",
            name=best,
            marker={"color": ACCENT, "symbol": "star", "size": 18, "line": {"color": "#1d2b33", "width": 1.5}},
            hoverinfo="skip",
        )  # fmt: skip
    (left, right), (low, high) = spans["x"], spans["y"]
    figure.update_xaxes(
        type="log", range=[math.log10(left), math.log10(right)], showline=True, linecolor="#c8d1d5",
        title=f"Inference latency in {short}, median (logarithmic)", dtick=1 if right > 100 * left else None,
    )  # fmt: skip
    figure.update_yaxes(title=quality_axis.title(metric), range=[low, high])
    figure.update_layout(
        height=330, margin={"l": 10, "r": 10, "t": 24, "b": 10}, hovermode="closest", dragmode=False,
        legend={"orientation": "h", "y": -0.28, "yanchor": "top"}, uirevision="same",
    )  # fmt: skip
    return figure


def _spans(
    rows: Sequence[BuiltRow], asked: Sequence[Limit], metric: Metric, factor: float
) -> dict[str, tuple[float, float]]:
    """What both axes show: every point with its interval, and the limits. `factor`: the unit of times in one ms."""
    bounds = {axis: [float(x.value) for x in asked if DRAWN[x.figure] == axis] for axis in ("x", "y")}  # type: ignore[arg-type]
    latencies = [r.latency_p50_ms for r in rows] + bounds["x"] or [1.0]
    qualities = [end for r in rows for end in quality_axis.ends(r.quality)] + bounds["y"]
    return {
        "x": (min(latencies) * factor / MARGIN, max(latencies) * factor * MARGIN),
        "y": quality_axis.span(qualities, metric),
    }


def _limits(figure: go.Figure, asked: Sequence[Limit], spans: Mapping[str, tuple[float, float]], factor: float) -> None:
    """A line for each limit on a drawn figure, and the part of the plane that all of them allow."""
    allowed = {"x": list(spans["x"]), "y": list(spans["y"])}
    for limit in asked:
        value, axis = float(limit.value), DRAWN[limit.figure]  # type: ignore[arg-type]
        text = f"{limit.relation.value} {shown(value)} {limit.unit}"
        value *= factor if axis == "x" else 1.0
        end = 1 if limit.relation is Relation.AT_MOST else 0
        allowed[axis][end] = value
        along: dict[str, Any] = {"showarrow": False, "text": text, "font": {"color": "#a33a00", "size": 12}}
        if axis == "x":  # a logarithmic axis wants the logarithm in annotations, and the value itself in lines
            figure.add_vline(x=value, line={"color": "#a33a00", "dash": "dash", "width": 1.5})
            left, right = map(math.log10, spans["x"])
            side = "right" if math.log10(value) > left + 0.7 * (right - left) else "auto"  # else a phone cuts it off
            figure.add_annotation(x=math.log10(value), y=1, yref="paper", yanchor="bottom", xanchor=side, **along)
        else:
            figure.add_hline(y=value, line={"color": "#a33a00", "dash": "dash", "width": 1.5})
            figure.add_annotation(x=0, xref="paper", y=value, xanchor="left", yanchor="top", **along)
    if asked:
        figure.add_shape(
            type="rect", x0=allowed["x"][0], x1=allowed["x"][1], y0=allowed["y"][0], y1=allowed["y"][1],
            fillcolor=ACCENT, opacity=0.07, line_width=0, layer="below",
        )  # fmt: skip
