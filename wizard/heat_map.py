"""The coverage map as a picture. Nothing here knows Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from repository.coverage import Coverage

# One hue from light to dark (after ColorBrewer's PuBu): the order stays in grey, and for colour-blind readers.
_SCALE = ["#e3eef2", "#bcd9e6", "#8fc0d6", "#4f93b8", "#1f5f86", "#0b2f4a"]
_HOLE = "#fbf3e7"
_INK, _FAINT = "#1d2b33", "#a08a6c"
_ROW_PX, _CELL_PX, _TOP_PX, _LETTER_PX, _BAR_PX = 26, 26, 40, 5.2, 90
_MOST_ACROSS = 40
_MOST_LETTERS = 34


def turned(found: Coverage) -> bool:
    """Whether rows and columns change places: a very wide map is drawn upright, so that it can be scrolled."""
    return len(found.columns) > max(_MOST_ACROSS, len(found.rows))


def least_px(found: Coverage) -> int:
    """The width below which the counts would not fit into the cells."""
    down, across = (found.column_labels, found.row_labels) if turned(found) else (found.row_labels, found.column_labels)
    return int(_longest(down) * 6.5 + len(across) * _CELL_PX + _BAR_PX)


def figure(found: Coverage) -> go.Figure:
    """A cell for each place with its count, on a logarithmic scale of colour; a hole has its own colour and a 0.

    The points that can be clicked hold the position of their place in `found.counts`, read row by row.
    """
    turn = turned(found)
    counts = found.counts.T if turn else found.counts
    down, across = (found.column_labels, found.row_labels) if turn else (found.row_labels, found.column_labels)
    rows, columns = counts.shape
    with np.errstate(divide="ignore"):
        shade = np.where(counts > 0, np.log10(counts), np.nan)
    most = max(1, int(counts.max(initial=0)))
    ticks = [10**i for i in range(int(np.log10(most)) + 1)]
    chart = go.Figure()
    chart.add_heatmap(
        z=np.where(counts > 0, np.nan, 0.0), text=np.where(counts > 0, "", "0"), texttemplate="%{text}",
        colorscale=[_HOLE, _HOLE], showscale=False, xgap=2, ygap=2, hoverinfo="skip",
        textfont={"size": 10, "color": _FAINT},
    )  # fmt: skip
    dark = 0.55 * float(np.log10(most))
    for which, ink in ((shade <= dark, _INK), (shade > dark, "#ffffff")):
        chart.add_heatmap(
            z=np.where(which, shade, np.nan), text=np.where(which, np.char.mod("%d", counts), ""),
            texttemplate="%{text}", coloraxis="coloraxis", xgap=2, ygap=2, hoverinfo="skip",
            textfont={"size": 11, "color": ink},
        )  # fmt: skip
    _add_points(chart, counts, down, across, turn)
    axis = {"showgrid": False, "zeroline": False, "fixedrange": True, "automargin": True, "ticks": ""}
    axis["tickfont"] = {"size": 12, "color": _INK}
    chart.update_xaxes(
        **axis, tickvals=list(range(columns)), ticktext=[_short(t) for t in across], side="top",
        tickangle=0 if columns <= 6 else -40, range=[-0.5, columns - 0.5],
    )  # fmt: skip
    chart.update_yaxes(**axis, tickvals=list(range(rows)), ticktext=[_short(t) for t in down], range=[rows - 0.5, -0.5])
    chart.update_layout(
        height=int(rows * _ROW_PX + _TOP_PX + _longest(across) * _LETTER_PX + 30),
        margin={"l": 10, "r": 10, "t": 20, "b": 10}, plot_bgcolor="#ffffff", hovermode="closest", hoverdistance=-1,
        clickmode="event+select", dragmode=False,
        coloraxis={
            "colorscale": _SCALE, "cmin": 0, "cmax": max(0.3, float(np.log10(most))),
            "colorbar": {
                "title": {"text": "models"}, "tickvals": [float(np.log10(t)) for t in ticks], "thickness": 12,
                "ticktext": [f"{t:,}" for t in ticks], "len": 230, "lenmode": "pixels", "y": 1, "yanchor": "top",
            },
        },
    )  # fmt: skip
    return chart


def _add_points(
    chart: go.Figure, counts: NDArray[np.int64], down: Sequence[str], across: Sequence[str], turn: bool
) -> None:
    """An invisible point in each cell: a heat map itself tells no clicks."""
    rows, columns = counts.shape
    y, x = np.divmod(np.arange(rows * columns), max(columns, 1))
    told = [
        f"{down[i]}<br>{across[j]}<br><b>"
        + (f"{n:,} {'model' if n == 1 else 'models'}</b>" if n else "a hole: no model with a figure</b>")
        for i, j, n in zip(y, x, counts.ravel(), strict=True)
    ]
    clear = {"marker": {"opacity": 0}}
    chart.add_scatter(
        x=x, y=y, mode="markers", text=told, customdata=x * rows + y if turn else y * columns + x,
        hovertemplate="%{text}<extra></extra>", marker={"size": 22, "symbol": "square", "opacity": 0},
        selected=clear, unselected=clear, showlegend=False,
    )  # fmt: skip


def _longest(labels: Sequence[str]) -> int:
    return max((len(_short(t)) for t in labels), default=0)


def _short(label: str) -> str:
    return label if len(label) <= _MOST_LETTERS else label[: _MOST_LETTERS - 1] + "…"
