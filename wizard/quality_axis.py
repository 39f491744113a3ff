"""How good answers are, as the axis of a chart. Nothing here knows Streamlit."""

from __future__ import annotations

from collections.abc import Sequence

from dss.quality import Metric, Quality

_SPARE = 0.12  # of what is shown, at either end
_SPARE_POINTS, _TOP = 0.5, 104.0  # at least so much, and never much beyond 100 %


def title(metric: Metric) -> str:
    """`Accuracy (%)`, `RMSE, less is better`."""
    return metric.title + ("" if metric.higher_is_better else ", less is better")


def reach(quality: Quality | None) -> tuple[float, float]:
    """How far the interval reaches below and above the value; 0 where it is not known."""
    if quality is None or quality.low is None or quality.high is None:
        return 0.0, 0.0
    return quality.value - quality.low, quality.high - quality.value


def ends(quality: Quality | None) -> list[float]:
    """The value with the ends of its interval, as far as they are known."""
    return [] if quality is None else [e for e in (quality.low, quality.value, quality.high) if e is not None]


def span(shown: Sequence[float], metric: Metric) -> tuple[float, float]:
    """What the axis shows: all of `shown`, with room at either end."""
    low, high = min(shown, default=0.0), max(shown, default=100.0)
    if not metric.unit:
        spare = (high - low) * _SPARE or high * _SPARE
        return max(0.0, low - spare), high + spare
    spare = max(_SPARE_POINTS, (high - low) * _SPARE)
    return max(0.0, low - spare), min(_TOP, high + spare)
