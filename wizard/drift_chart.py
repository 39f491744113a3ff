"""The values of one figure over time as a chart and as sentences. Nothing here knows Streamlit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dss.explanation import shown
from wizard.theme import ACCENT

_PAST, _WITHDRAWN = "#5b6770", "#d55e00"


def figure(own: pd.DataFrame) -> go.Figure:
    """Each value at its turn, oldest on the left: a filled point counts now, a ring is past, a cross is withdrawn.

    The scale is that of the values that were not withdrawn; a cross beyond it stands at its edge. `own` is what
    `repository.history.drift` gives, of one figure.
    """
    turn = np.arange(1, len(own) + 1)
    withdrawn = own["withdrawn_at"].notna().to_numpy()
    current = own["current"].to_numpy(dtype=bool)
    unit = f" in {own['unit'].iat[0]}" if own["unit"].iat[0] else ""
    chart = go.Figure()
    valid = ~withdrawn
    low, high = _scale(own["value"][valid] if valid.any() else own["value"])
    edge = 0.05 * (high - low)
    drawn = own["value"].clip(low + edge, high - edge)
    days = np.array(dated(own), dtype=object)
    chart.add_scatter(
        x=turn[valid], y=own["value"][valid], mode="lines", line={"color": "#c8d1d5"}, hoverinfo="skip",
        showlegend=False,
    )  # fmt: skip
    for which, name, symbol, colour in (
        (current & ~withdrawn, "counts now", "circle", ACCENT),
        (~current & ~withdrawn, "past", "circle-open", _PAST),
        (withdrawn, "withdrawn", "x", _WITHDRAWN),
    ):
        if which.any():
            told = [
                f"{shown(v)}{unit}<br>{d}<br>{e}" + ("" if np.isnan(x) else f"<br>{x:+.2f} %")
                for v, d, e, x in zip(
                    own["value"][which], days[which], own["evidence"][which],
                    own["difference_percent"][which], strict=True,
                )
            ]  # fmt: skip
            chart.add_scatter(
                x=turn[which], y=drawn[which], mode="markers", name=name, text=told,
                hovertemplate="%{text}<extra></extra>",
                marker={"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2, "color": colour}},
            )  # fmt: skip
    chart.update_xaxes(
        title="oldest to newest", tickvals=turn.tolist(), ticktext=days.tolist(),
        showline=True, linecolor="#c8d1d5", range=[0.5, len(own) + 0.5], fixedrange=True,
    )  # fmt: skip
    chart.update_yaxes(title="value" + unit, range=[low, high], fixedrange=True)
    chart.update_layout(
        height=300, margin={"l": 10, "r": 10, "t": 10, "b": 10}, dragmode=False, legend={"orientation": "h", "y": 1.15}
    )
    return chart


def dated(own: pd.DataFrame) -> list[str]:
    """When each value was obtained; without a date, when it was registered."""
    return [obtained_or_registered(o, r) for o, r in zip(own["obtained"], own["registered"], strict=True)]


def obtained_or_registered(obtained: str | None, registered: str | None) -> str:
    """`2026-11-20`, or `registered 2026-11-20 10:03 UTC`, or `not dated` of what was shipped without a date."""
    if obtained:
        return obtained
    return f"registered {registered[:10]} {registered[11:16]} UTC" if registered else "not dated"


def _scale(values: pd.Series) -> tuple[float, float]:
    """From a little below the least to a little above the greatest."""
    low, high = float(values.min()), float(values.max())
    room = 0.25 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def read_words(own: pd.DataFrame, spreads: pd.DataFrame) -> Iterator[str]:
    """What the chart says, in sentences. `spreads` is what `repository.history.spread` gives for the same figure."""
    valid = own[own["withdrawn_at"].isna()]
    others = valid[~valid["current"]]["difference_percent"].dropna()
    if len(others):
        low, high = others.min(), others.max()
        between = f"{low:+.2f} %" if len(others) == 1 else f"{low:+.2f} to {high:+.2f} %"
        lie = "the other one lies" if len(others) == 1 else "the others lie"
        yield f"Beside the value that counts now, {lie} at {between}."
    for s in spreads.itertuples():
        unit = f" {s.unit}" if s.unit else ""
        share = "" if np.isnan(s.spread_percent) else f", which is {s.spread_percent:.2f} % of the mean"
        yield (
            f"{s.repeats} measured repeats: mean {shown(s.mean)}{unit}, {shown(s.lowest)} to {shown(s.highest)}; "
            f"standard deviation {shown(s.sd)}{unit}{share}."
        )
        if not np.isnan(s.stability_percent):
            yield f"Measured on {s.days} different days; stability over the days: {s.stability_percent:.2f} %."
    if spreads.empty:
        yield "Fewer than two of them were measured in the same way, so that no spread of repeats can be told."
    gone = len(own) - len(valid)
    if gone:
        yield f"{gone} withdrawn {'value is' if gone == 1 else 'values are'} left out of these."
