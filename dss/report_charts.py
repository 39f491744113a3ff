"""Where the marks of the report's charts stand; the template draws them, so that every text passes its escaping.

Lengths are in the units of an SVG's viewBox, from its top left corner.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dss.explanation import shown
from dss.technique_notes import OBJECTIVE_WORDS
from dss.words import SHAPES
from ontology.records import Grade, Objective

WIDTH = 720.0
LABELS = 215.0  # left of the bars
BARS = 330.0  # the longest bar; what is right of it is for its number
ROW, BAR = 30.0, 18.0
TOP = 8.0
FOOT = 26.0  # below the rows, for the scale
BEST_SCORE = 5.0
STACKED_ROW = 44.0  # where the label stands above its bar
PLOT = (50.0, 34.0, 640.0, 320.0)  # left, top, width, height
PLOT_HEIGHT = 404.0
LOGARITHMIC_FROM = 8.0  # slowest over fastest
NAMED_PLACES = 10  # points that bear their place in the ranking, where there is room
ROOM = 16.0  # between two places, or they would hide each other


@dataclass(frozen=True)
class Bar:
    """One row of a bar chart. `open_to` is the end of the part that evidence does not decide, else None."""

    label: str
    text: str
    x: float
    y: float
    width: float
    open_to: float | None = None
    total: bool = False


@dataclass(frozen=True)
class Bars:
    """A bar chart with its scale below; `described` is its content in words, for those who cannot see it."""

    title: str
    described: str
    height: float
    rows: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    stacked: bool = False  # each label above its bar


@dataclass(frozen=True)
class Point:
    """One model of the scatter chart; `place` is "" where it bears none."""

    x: float
    y: float
    shape: str
    place: str
    text: str
    leads: bool


@dataclass(frozen=True)
class Scatter:
    """Latency against quality, the models that no other beats in both joined by a line."""

    title: str
    described: str
    x_label: str
    y_label: str
    points: tuple[Point, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    front: str  # the points of an SVG polyline
    grades: tuple[Grade, ...]


def weight_bars(weights: Mapping[str, Any]) -> Bars:
    """The weights as they were used; one that evidence leaves undecided is told as it was asked for.

    Where nothing was ranked no evidence was weighed, and they are all as asked for.
    """
    used, elicited = weights["used"], weights["elicited"]
    aside = set(weights["undecided_by_evidence"])
    if len(aside) == len(Objective):
        used, aside = elicited, set()
    rows = []
    for i, objective in enumerate(sorted(Objective, key=lambda o: -used[o.value])):
        share = used[objective.value]
        text = f"undecided (asked {elicited[objective.value]:.0%})" if objective.value in aside else f"{share:.0%}"
        rows.append(Bar(_objective(objective), text, LABELS, TOP + i * ROW, BARS * share))
    told = ", ".join(f"{r.label} {r.text}" for r in rows)
    ticks = tuple((LABELS + BARS * t / 4, f"{25 * t}%") for t in range(5))
    return Bars("Weights of the six objectives", told, TOP + len(rows) * ROW + FOOT, tuple(rows), ticks)


def contribution_bars(contributions: Sequence[Mapping[str, Any]], score: float, at_best: float) -> Bars:
    """What each objective adds, each bar beginning where the one before it ends; the last is their sum, the score."""
    scale = BARS / BEST_SCORE
    rows, reached = [], 0.0
    for i, c in enumerate(sorted(contributions, key=lambda c: -c["points"])):
        rated = f"rated {c['rating']:.1f}" if c["rating"] is not None else "not known, lowest rating"
        text = f"{c['points']:.2f} = {rated} × {c['weight']:.0%}"
        left = LABELS + reached * scale
        more = c["points_at_best"] - c["points"]
        end = left + c["points_at_best"] * scale if more > 0 else None
        label = _objective(Objective(c["objective"]))
        rows.append(Bar(label, text, left, TOP + i * ROW, c["points"] * scale, end))
        reached += c["points"]
    text = f"{score:.2f} of 5" + (f", up to {at_best:.2f}" if at_best - score > 0.005 else "")
    rows.append(Bar("Score", text, LABELS, TOP + len(rows) * ROW, score * scale, total=True))
    told = "; ".join(f"{r.label} {r.text}" for r in rows)
    ticks = tuple((LABELS + scale * t, str(t)) for t in range(6))
    return Bars("What each objective adds to the score", told, TOP + len(rows) * ROW + FOOT, tuple(rows), ticks)


def share_bars(title: str, shares: Sequence[tuple[str, float]]) -> Bars:
    """Shares of one whole, such as how often each model came first; long labels stand above their bars."""
    longest = max((share for _, share in shares), default=0.0)
    end = next((e for e in (0.04, 0.08, 0.2, 0.4, 0.8) if longest <= e), 1.0)
    full = LABELS + BARS
    rows = tuple(
        Bar(label, f"{share:.0%}" if share >= 0.005 else "under 1%", 0.0, TOP + i * STACKED_ROW, full * share / end)
        for i, (label, share) in enumerate(shares)
    )
    told = "; ".join(f"{r.label} {r.text}" for r in rows)
    ticks = tuple((full * t / 4, f"{end * t / 4:.0%}") for t in range(1, 5))
    return Bars(title, told, TOP + len(rows) * STACKED_ROW + FOOT, rows, ticks, stacked=True)


def scatter(chart: Mapping[str, Any], chosen: str | None) -> Scatter:
    """Latency against quality of models that were measured on one metric and data set."""
    given = chart["points"]
    latencies, qualities = [p["latency_ms"] for p in given], [p["quality"] for p in given]
    logarithmic = min(latencies) > 0 and max(latencies) / min(latencies) > LOGARITHMIC_FROM
    x_ticks = _decades(min(latencies), max(latencies)) if logarithmic else _steps(min(latencies), max(latencies))
    y_ticks = _steps(min(qualities), max(qualities))
    left, top, width, height = PLOT

    def across(value: float) -> float:
        a, b, v = (math.log10(n) if logarithmic else n for n in (x_ticks[0], x_ticks[-1], value))
        return left + width * (v - a) / (b - a)

    def up(value: float) -> float:
        return top + height * (1 - (value - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]))

    unit = f" {chart['unit']}".rstrip()
    points = [
        Point(
            x=round(across(p["latency_ms"]), 1),
            y=round(up(p["quality"]), 1),
            shape=SHAPES[Grade(p["latency_evidence"])],
            place=str(p["place"]) if p["place"] and 1 < p["place"] <= NAMED_PLACES else "",
            text=f"{p['title']}: {shown(p['latency_ms'])} ms, {shown(p['quality'])}{unit}"
            + (f", place {p['place']}" if p["place"] else ""),
            leads=p["place"] == 1 or p["model"] == chosen,
        )
        for p in given
    ]
    better = max if chart["higher_is_better"] else min
    best = better(given, key=lambda p: (p["quality"], -p["latency_ms"] if better is max else p["latency_ms"]))
    fastest = min(given, key=lambda p: p["latency_ms"])
    on_set = f" on {chart['data_set']}" if chart["data_set"] else ""
    told = (
        f"{len(given)} models. Fastest: {fastest['title']}, {shown(fastest['latency_ms'])} ms. "
        f"Best {chart['quality']}: {best['title']}, {shown(best['quality'])}{unit}."
    )
    return Scatter(
        title="Latency against quality",
        described=told,
        x_label="Inference latency, ms" + (" (each step is ten times the one before)" if logarithmic else ""),
        y_label=f"{chart['quality']}{on_set}" + (f", {chart['unit']}" if chart["unit"] else ""),
        points=tuple(sorted(_with_room(points), key=lambda p: (p.leads, bool(p.place)))),  # the leading ones on top
        x_ticks=tuple((round(across(t), 1), shown(t)) for t in x_ticks),
        y_ticks=tuple((round(up(t), 1), shown(t)) for t in y_ticks),
        front=" ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in _front(given, chart["higher_is_better"])),
        grades=tuple(g for g in Grade if any(p["latency_evidence"] == g.value for p in given)),
    )


def _with_room(points: Sequence[Point]) -> Iterator[Point]:
    """Without the places that would stand on a leading point or on another's place."""
    taken = [(p.x, p.y) for p in points if p.leads]
    for p in points:
        if p.place and not p.leads:
            if any(math.hypot(p.x - x, p.y - y) < ROOM for x, y in taken):
                p = replace(p, place="")
            else:
                taken.append((p.x, p.y))
        yield replace(p, place="") if p.leads else p


def _front(points: Sequence[Mapping[str, Any]], higher_is_better: bool) -> Iterator[tuple[float, float]]:
    """The models that no other beats in both, fastest first."""
    sign = 1 if higher_is_better else -1
    reached = -math.inf
    for p in sorted(points, key=lambda p: (p["latency_ms"], -sign * p["quality"])):
        if sign * p["quality"] > reached:
            reached = sign * p["quality"]
            yield p["latency_ms"], p["quality"]


def _decades(low: float, high: float) -> list[float]:
    return [10.0**e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def _steps(low: float, high: float) -> list[float]:
    """About five round numbers that hold both ends."""
    span = (high - low) or abs(high) or 1.0
    size = 10.0 ** math.floor(math.log10(span / 4))
    step = next(size * m for m in (1, 2, 5, 10) if span / (size * m) <= 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    last = last if last > first else first + 1
    return [round(step * n, 10) for n in range(first, last + 1)]


def _objective(objective: Objective) -> str:
    return OBJECTIVE_WORDS[objective].split(" (")[0].capitalize()
