"""An answer drawn: bars, a line, points or a heat map. Nothing here knows Streamlit.

Rows are drawn as they are, never summed: where several share one place, bars become points and a cell of the heat map
shows the largest.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import plotly.graph_objects as go

from repository.questions import Chart
from wizard.console_table import Table, hidden
from wizard.theme import SERIES, SYMBOLS

KINDS: Mapping[str, str] = {"bar": "Bars", "line": "Line", "scatter": "Points", "heatmap": "Heat map"}
MOST_BARS = 40
_OTHERS = " others"
MOST_GROUPS = 8  # of colours and shapes together; what is beyond them is drawn as "others"
MOST_ACROSS_TOLD = 12  # columns of a heat map in whose cells a number can be read
_DATE = re.compile(r"\d{4}-\d\d(-\d\d.*)?")
_PATTERNS = ("", "/", "x")
_SHADES = [[0, "#eef5f5"], [0.35, "#8bbcbc"], [0.7, "#2f7f86"], [1, "#0b3c4a"]]  # light to dark: read without colour


class Undrawable(ValueError):
    """The columns chosen cannot be drawn like this; the message says what would do."""


@dataclass(frozen=True)
class Drawn:
    """A figure, and what a reader must know of it."""

    figure: go.Figure
    note: str = ""


@dataclass(frozen=True)
class Series:
    """The rows of one colour: the values of both axes, and what is said of each when pointed at."""

    name: str
    x: list[Any]
    y: list[Any]
    texts: list[str]


def suggested(table: Table) -> Chart | None:
    """How an answer without a header is best drawn; None where it has no numbers, or one row only."""
    beside = hidden(table)
    texts = [c.name for c in table.columns if c.kind != "number" and c.name not in beside]
    numbers = table.names("number")
    if table.rows < 2 or not numbers:
        return None
    dates = [n for n in texts if all(v is None or _DATE.fullmatch(v) for v in table.column(n).values)]
    colour = next((n for n in texts[1:] if len(set(table.column(n).values)) <= len(SERIES)), None)
    if dates:
        return Chart("line", dates[0], numbers[0], next((n for n in texts if n not in dates), None))
    if texts and len(set(table.column(texts[0]).values)) == table.rows <= MOST_BARS:
        return Chart("bar", texts[0], numbers[0], None)
    if len(numbers) > 1:
        return Chart("scatter", numbers[0], numbers[1], colour or (texts[0] if texts else None))
    return Chart("bar", texts[0], numbers[0], colour) if texts else None


def fitting(chart: Chart, table: Table) -> Chart | None:
    """The chart of a header where the answer has its columns and something to draw; else none."""
    known = {c.name for c in table.columns}
    named = {n for n in (chart.x, chart.y, chart.colour) if n}
    return chart if chart.kind != "none" and table.rows and named <= known else None


def drawn(table: Table, cells: Mapping[str, Sequence[Any]], chart: Chart, titles: Mapping[str, str]) -> Drawn:
    """The figure. `cells` are the columns as shown (labels, short names). Raises Undrawable."""
    if chart.kind == "heatmap":
        return _heat_map(table, cells, chart, titles)
    if not chart.x or not chart.y:
        raise Undrawable("Choose a column for each axis.")
    if table.column(chart.y).kind != "number":
        raise Undrawable(f"{titles[chart.y]} holds no numbers; choose a column of numbers for the length.")
    if chart.kind == "bar":
        return _bars(table, cells, chart, titles)
    return _points(table, cells, chart, titles)


def _bars(table: Table, cells: Mapping[str, Sequence[Any]], chart: Chart, titles: Mapping[str, str]) -> Drawn:
    """Lying bars, so that long names can be read; points where several rows share a name and a colour."""
    assert chart.x and chart.y
    places: list[str] = list(dict.fromkeys(_said(v) for v in cells[chart.x]))[:MOST_BARS]
    kept = [i for i, v in enumerate(cells[chart.x]) if _said(v) in set(places)]
    groups, note = _grouped(cells, replace(chart, x=chart.y, y=chart.x), titles, kept)
    pairs = [(p, s.name) for s in groups for p in s.y]
    alone = len(set(pairs)) == len(pairs)
    figure = go.Figure()
    for i, s in enumerate(groups):
        look = {"color": _colour(i, s.name)}
        if alone:
            pattern = {"shape": _PATTERNS[i // len(SERIES) % len(_PATTERNS)], "fgcolor": "#ffffff"}
            figure.add_bar(
                x=s.x, y=s.y, name=s.name, orientation="h", marker={**look, "pattern": pattern},
                text=[_number(v) for v in s.x], textposition="auto", hovertext=s.texts, hoverinfo="text",
            )  # fmt: skip
        else:
            figure.add_scatter(
                x=s.x, y=s.y, name=s.name, mode="markers", hovertext=s.texts, hoverinfo="text",
                marker={**look, "size": 10, "opacity": 0.8, "symbol": SYMBOLS[i % len(SYMBOLS)]},
                cliponaxis=False,
            )  # fmt: skip
    one_each = len({p for p, _ in pairs}) == len(pairs)
    lines = len(places) if one_each or not alone else len(pairs) + len(places) / 2
    figure.update_yaxes(
        autorange="reversed", categoryorder="array", categoryarray=places, tickvals=places,
        ticktext=[_short(p) for p in places],
    )  # fmt: skip
    figure.update_xaxes(title=titles[chart.y], rangemode="tozero", gridcolor="#e4eaec")
    _finish(figure, len(groups), 90 + 24 * lines, barmode="overlay" if one_each else "group")
    count = len(set(map(_said, cells[chart.x])))
    notes = [f"The first {MOST_BARS} of {count:,} are drawn; the table has all." if count > MOST_BARS else "", note]
    if not alone:
        notes.append("Points instead of bars, since several rows share one name.")
    return Drawn(figure, " ".join(n for n in notes if n))


def _points(table: Table, cells: Mapping[str, Sequence[Any]], chart: Chart, titles: Mapping[str, str]) -> Drawn:
    assert chart.x and chart.y
    groups, note = _grouped(cells, chart, titles, range(table.rows))
    figure = go.Figure()
    for i, s in enumerate(groups):
        x, y, texts = s.x, s.y, s.texts
        if chart.kind == "line":
            order = sorted((i for i, v in enumerate(x) if v is not None), key=lambda i: x[i])
            x, y, texts = ([values[j] for j in order] for values in (x, y, texts))
        figure.add_scatter(
            x=x, y=y, name=s.name, mode="lines+markers" if chart.kind == "line" else "markers", hovertext=texts,
            hoverinfo="text",
            marker={
                "color": _colour(i, s.name), "symbol": SYMBOLS[(i + i // len(SERIES)) % len(SYMBOLS)], "size": 9,
                "opacity": 0.8,
            },
        )  # fmt: skip
    wide = table.column(chart.x).kind == "number" and _is_wide(cells[chart.x])
    kind = "log" if wide else None
    figure.update_xaxes(title=titles[chart.x] + (" (logarithmic)" if wide else ""), type=kind, gridcolor="#e4eaec")
    figure.update_yaxes(title=titles[chart.y], gridcolor="#e4eaec")
    _finish(figure, len(groups), 430)
    return Drawn(figure, note)


def _heat_map(table: Table, cells: Mapping[str, Sequence[Any]], chart: Chart, titles: Mapping[str, str]) -> Drawn:
    if not (chart.x and chart.y and chart.colour):
        raise Undrawable("A heat map needs two columns for its axes and one of numbers for the colour.")
    if table.column(chart.colour).kind != "number":
        raise Undrawable(f"{titles[chart.colour]} holds no numbers; choose a column of numbers for the colour.")
    across, down = ([_said(v) for v in cells[name]] for name in (chart.x, chart.y))
    largest: dict[tuple[str, str], float] = {}
    shared = False
    for x, y, value in zip(across, down, table.column(chart.colour).values, strict=True):
        if value is not None:
            shared = shared or (x, y) in largest
            largest[x, y] = max(value, largest.get((x, y), value))
    xs, ys = sorted(set(across)), sorted(set(down), reverse=True)
    if len(xs) * len(ys) > 20_000:
        raise Undrawable(f"{len(xs):,} × {len(ys):,} cells are too many to be read; narrow the query.")
    told = len(xs) <= MOST_ACROSS_TOLD
    title, wide = titles[chart.colour], _is_wide(list(largest.values()))
    shades = [[_shade(largest.get((x, y)), wide) for x in xs] for y in ys]
    figure = go.Figure(
        go.Heatmap(
            x=xs, y=ys, z=shades,
            customdata=[[f"{y}<br>{x}<br>{title}: {_number(largest.get((x, y)))}" for x in xs] for y in ys],
            text=[[_number(largest.get((x, y)), 3) for x in xs] for y in ys] if told else None,
            texttemplate="%{text}" if told else None, hovertemplate="%{customdata}<extra></extra>", colorscale=_SHADES,
            colorbar=_bar_of_shades(title, list(largest.values()), wide), xgap=1, ygap=1, hoverongaps=False,
        )
    )  # fmt: skip
    figure.update_xaxes(tickvals=xs, ticktext=[_short(x, 26) for x in xs])
    figure.update_yaxes(tickvals=ys, ticktext=[_short(y) for y in ys])
    figure.update_xaxes(tickangle=-40, showgrid=False)
    figure.update_yaxes(showgrid=False)
    _finish(figure, 1, 190 + 22 * len(ys))
    return Drawn(figure, "A cell shows the largest of its rows; an empty one has none." if shared else "")


def _colour(place: int, name: str) -> str:
    return "#a3afb4" if name.endswith(_OTHERS) else SERIES[place % len(SERIES)]


def _shade(value: float | None, wide: bool) -> float | None:
    return value if value is None or not wide else math.log10(value)


def _bar_of_shades(title: str, values: Sequence[float], wide: bool) -> dict[str, Any]:
    bar: dict[str, Any] = {"title": {"text": _short(title, 30), "side": "right"}, "thickness": 12}
    if wide:
        decades = range(math.ceil(math.log10(min(values))), math.floor(math.log10(max(values))) + 1)
        bar |= {"tickvals": list(decades), "ticktext": [f"{10.0**d:,g}" for d in decades]}
    return bar


def _grouped(
    cells: Mapping[str, Sequence[Any]], chart: Chart, titles: Mapping[str, str], rows: Sequence[int]
) -> tuple[list[Series], str]:
    """The rows by their colour, the most frequent groups first by name; the rest together."""
    assert chart.x and chart.y
    colours = [_said(cells[chart.colour][i]) for i in rows] if chart.colour else [""] * len(rows)
    counts: dict[str, int] = {}
    for c in colours:
        counts[c] = counts.get(c, 0) + 1
    most = sorted(counts, key=lambda c: -counts[c])[: MOST_GROUPS if len(counts) <= MOST_GROUPS else MOST_GROUPS - 1]
    others = f"{len(counts) - len(most)}{_OTHERS}"
    found: dict[str, Series] = {}
    for i, colour in zip(rows, colours, strict=True):
        name = colour if colour in most else others
        s = found.setdefault(name, Series(name, [], [], []))
        s.x.append(_plain(cells[chart.x][i]))
        s.y.append(_plain(cells[chart.y][i]))
        s.texts.append("<br>".join(f"{titles[n]}: {_said(v[i])}" for n, v in cells.items()))
    if chart.colour and len(counts) == 1:
        return list(found.values()), f"All of them: {titles[chart.colour]} {next(iter(counts))}."
    note = f"{len(counts):,} groups: the {len(most)} largest have a colour of their own." if others in found else ""
    return sorted(found.values(), key=lambda s: (s.name == others, s.name)), note


def _finish(figure: go.Figure, groups: int, height: float, barmode: str | None = None) -> None:
    legend = {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "font": {"size": 12}}
    figure.update_layout(
        height=max(260, min(1150, height + 20 * (groups if groups > 1 else 0))), showlegend=groups > 1, legend=legend,
        barmode=barmode,
        margin={"l": 10, "r": 10, "t": 10, "b": 10}, hovermode="closest", dragmode=False, bargap=0.25,
    )  # fmt: skip


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float) else _said(value)


def _said(value: Any) -> str:
    if value is None:
        return "not stated"
    return _number(value) if isinstance(value, int | float) else str(value)


def _number(value: Any, digits: int = 4) -> str:
    if value is None:
        return ""
    if isinstance(value, int) or abs(value) >= 10**digits:
        return f"{value:,.0f}"
    return f"{value:,.{digits}g}"


def _short(text: str, most: int = 42) -> str:
    return text if len(text) <= most else f"{text[: most * 2 // 3].rstrip()}…{text[-most // 3 + 1 :].lstrip()}"


def _is_wide(values: Sequence[Any]) -> bool:
    """Whether positive numbers span more than two decades, so that small ones would lie on each other."""
    numbers = [v for v in values if isinstance(v, int | float)]
    return bool(numbers) and min(numbers) > 0 and max(numbers) / min(numbers) > 100
