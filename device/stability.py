"""How much a figure holds: over disjoint parts of the data, and over days on which it was measured again.

stability = 100 × (1 − standard deviation / mean), the coefficient of variation turned round: 100 % is no change at
all, and it falls below 0 where the deviation is larger than the mean. The figure is the task's own: accuracy of
classifiers, mean average precision, root mean squared error, mean absolute relative difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
FEWEST_IN_FOLD = 10
FEWEST_DAYS = 5


@dataclass(frozen=True)
class Stability:
    """Of `parts` figures: `variance` is the sample variance, in the square of their unit."""

    percent: float
    variance: float
    parts: int


def of_figures(figures: Iterable[float]) -> Stability | None:
    """Of at least two figures; None where their mean is 0 or less, of which no share can be taken."""
    values = np.fromiter(figures, dtype=np.float64)
    if len(values) < 2:
        raise ValueError(f"{len(values)} figures have no deviation; give at least two")
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    return Stability(100 * (1 - variance**0.5 / mean), variance, len(values)) if mean > 0 else None


def over_folds(figure: Callable[[NDArray[np.int64]], float], order_by: NDArray[Any]) -> Stability | None:
    """Of `figure(positions)` over five disjoint parts of the examples, each as many of every label as the others.

    `order_by` (n,) are the labels, or anything by which the parts should be alike. None for fewer than 50 examples:
    one answer more would move a part's figure by more than a tenth.
    """
    if len(order_by) < FOLDS * FEWEST_IN_FOLD:
        return None
    order = np.argsort(order_by, kind="stable")
    return of_figures(figure(np.sort(order[start::FOLDS])) for start in range(FOLDS))


def over_days(figures: Iterable[tuple[date, float]]) -> Stability | None:
    """Of figures measured on different days; several of one day count as their mean. None where the mean is 0.

    Raises ValueError for fewer than five days.
    """
    days: defaultdict[date, list[float]] = defaultdict(list)
    for day, value in figures:
        days[day].append(value)
    if len(days) < FEWEST_DAYS:
        raise ValueError(f"{len(days)} different days were given; stability over days needs at least {FEWEST_DAYS}")
    return of_figures(float(np.mean(values)) for values in days.values())
