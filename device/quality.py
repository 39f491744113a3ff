"""How good a model's answers are: of classifiers beyond accuracy, of regressions, and of several labels at once.

All in percent, but the root mean squared error, which has the unit of what is predicted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """What these figures need of a confusion table, (classes,) each: its diagonal, row sums and column sums."""

    right: Counts
    occurs: Counts
    chosen: Counts

    @classmethod
    def of(cls, true: NDArray[Any], chosen: NDArray[Any]) -> ClassCounts:
        """From the right class of each example and the class that was chosen, whole numbers from 0, both (n,)."""
        classes = int(max(true.max(), chosen.max())) + 1
        return cls(*(np.bincount(some, minlength=classes) for some in (true[true == chosen], true, chosen)))


def balanced_accuracy_percent(counts: ClassCounts) -> float:
    """The mean recall of the classes that occur (Brodersen et al. 2010)."""
    there = counts.occurs > 0
    return 100 * float((counts.right[there] / counts.occurs[there]).mean())


def macro_percent(counts: ClassCounts) -> tuple[float, float, float]:
    """Precision, recall and F1: of each class alone, then the mean over all that occur or were chosen, all alike.

    A class that was never chosen has precision 0, one that never occurs recall 0, as in scikit-learn with
    zero_division=0 (Sokolova & Lapalme 2009, macro-averaging).
    """
    there = (counts.occurs + counts.chosen) > 0
    right, occurs, chosen = (a[there].astype(np.float64) for a in (counts.right, counts.occurs, counts.chosen))
    precision, recall = right / np.maximum(chosen, 1), right / np.maximum(occurs, 1)
    f1 = 2 * right / (occurs + chosen)
    return 100 * float(precision.mean()), 100 * float(recall.mean()), 100 * float(f1.mean())


def rmse(true: NDArray[Any], said: NDArray[Any]) -> float:
    """The root mean squared error over all numbers of two arrays of one shape, in their unit."""
    return float(np.sqrt(np.mean((said.astype(np.float64) - true.astype(np.float64)) ** 2)))


def mard_percent(true: NDArray[Any], said: NDArray[Any]) -> float:
    """The mean absolute relative difference, 100 × mean(|said − true| / |true|), by which glucose monitors are judged.

    Clarke & Kovatchev 2009 (Diabetes Technology & Therapeutics 11, S-45). Raises ValueError where `true` has a 0.
    """
    reference = np.abs(true.astype(np.float64))
    zeros = int((reference == 0).sum())
    if zeros:
        raise ValueError(f"{zeros} of {reference.size} true values are 0, of which nothing is a share; take rmse")
    return 100 * float((np.abs(said.astype(np.float64) - true.astype(np.float64)) / reference).mean())


def average_precision(relevant: NDArray[Any], scores: NDArray[Any]) -> float:
    """Of one label over n examples, 0 to 1: Σ (recall − recall before) × precision, from the highest score down.

    Equal scores count as one step, as in scikit-learn. `relevant` (n,) is 0 or 1. Raises ValueError when it is all 0.
    """
    positives = int(relevant.sum())
    if not positives:
        raise ValueError("no example has this label")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(relevant[order] != 0)
    ranked = scores[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)  # of each run of equal scores
    recall, precision = hits[last] / positives, hits[last] / (last + 1)
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def mean_average_precision_percent(relevant: NDArray[Any], scores: NDArray[Any]) -> float:
    """The mean of `average_precision` over the labels that occur; both (n, labels). ValueError when none occurs."""
    there = np.flatnonzero(relevant.any(axis=0))
    if not len(there):
        raise ValueError("no label occurs in y")
    return 100 * float(np.mean([average_precision(relevant[:, k], scores[:, k]) for k in there]))
