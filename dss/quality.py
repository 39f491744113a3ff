"""How good a model's answers are, by the metric of its task: which way is better, and in what unit it is said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from device.data import MAP, MARD, RMSE, TOP1
from device.measured import Measured

POINTS = 1.0
SHARE = 0.05  # of an error without a unit of its own


class ToleranceError(ValueError):
    """A tolerance that is no amount of the metric by which the files are judged."""


@dataclass(frozen=True)
class Metric:
    """`unit` is %, or empty where it is that of what is predicted."""

    label: str
    unit: str
    higher_is_better: bool

    @property
    def title(self) -> str:
        """`Accuracy (%)`, for the head of a column or an axis."""
        return f"{self.label[0].upper()}{self.label[1:]}{f' ({self.unit})' if self.unit else ''}"

    def amount(self, number: float) -> str:
        """A difference: `1 point`, `0.3 points`, or `0.024` in the metric's own unit."""
        if not self.unit:
            return f"{number:.3g}"
        return "1 point" if f"{number:g}" == "1" else f"{number:.3g} points"


METRICS: Mapping[str, Metric] = {
    TOP1: Metric("accuracy", "%", True),
    MAP: Metric("mAP", "%", True),
    RMSE: Metric("RMSE", "", False),
    MARD: Metric("MARD", "%", False),
}
"""What `device/` measures; the repository's metrics say the same of them."""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """`value` by `metric`, of `METRICS`, with its 95 % interval where one is known."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None

    @classmethod
    def of(cls, measured: Measured) -> Quality | None:
        """What was measured of a file; None where its answers were not judged."""
        if measured.quality is None:
            return None
        return cls(
            metric=measured.metric or TOP1,
            value=measured.quality,
            low=measured.accuracy_low_percent,
            high=measured.accuracy_high_percent,
        )

    @property
    def kind(self) -> Metric:
        """Its label, unit and direction."""
        return METRICS[self.metric]

    @property
    def cost(self) -> float:
        """The value with the sign by which less is better."""
        return -self.value if self.kind.higher_is_better else self.value

    def overlaps(self, other: Quality) -> bool | None:
        """Whether the two intervals have something in common; None where one is not known."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return None
        return max(self.low, other.low) <= min(self.high, other.high)

    @property
    def interval(self) -> str:
        """`87.0 to 91.0`; empty where it is not known."""
        return "" if self.low is None or self.high is None else f"{self.low:.1f} to {self.high:.1f}"

    @property
    def with_interval(self) -> str:
        """`89.00 % [87.0, 91.0]`, as a table has it."""
        return f"{self}{f' [{self.low:.1f}, {self.high:.1f}]' if self.interval else ''}"

    def __str__(self) -> str:
        """`89.00 %`, or `0.412` in the unit of what is predicted."""
        return f"{self.value:.2f} %" if self.kind.unit else f"{self.value:.4g}"


def tolerance_for(quality: Quality) -> float:
    """What a file may lose against an original of this quality, where nobody says: a point, or 5 % of its error."""
    return POINTS if quality.kind.unit else SHARE * quality.value


def check_tolerance(tolerance: float, metric: str) -> None:
    """Raises ToleranceError for what is no amount of the metric."""
    kind = METRICS[metric]
    if kind.unit and not 0 <= tolerance <= 100:  # also refuses NaN
        raise ToleranceError(f"a tolerance of {tolerance:g}: give points of {kind.label} from 0 to 100, such as 1")
    if not (tolerance >= 0 and math.isfinite(tolerance)):
        raise ToleranceError(f"a tolerance of {tolerance:g}: give an amount of {kind.label}, 0 or more")
