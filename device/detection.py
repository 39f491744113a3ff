"""Average precision of detected boxes, as COCO counts it (Lin et al. 2014; cocodataset.org/#detection-eval).

Truth is `boxes` (m, 6): example, class, x1, y1, x2, y2. What a model says is (n, k, 6) for n examples: x1, y1, x2, y2,
score, class, as exports with non-maximum suppression inside give it; rows with a score of 0 or less are padding.
Crowd regions and areas are not told apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

THRESHOLDS = tuple(0.5 + 0.05 * step for step in range(10))  # of intersection over union
RECALLS = np.linspace(0, 1, 101)
MOST_IN_EXAMPLE = 100  # of one class, the highest scores first


def overlap(first: Floats, second: Floats) -> Floats:
    """(a, b): the intersection over the union of boxes (a, 4) and (b, 4), each x1, y1, x2, y2."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def average_precisions(
    truth: NDArray[Any], said: NDArray[Any], thresholds: tuple[float, ...] = THRESHOLDS
) -> tuple[float, ...]:
    """For each threshold the average precision in percent, the mean over the classes that occur in `truth`.

    Raises ValueError when `truth` has no box.
    """
    if not len(truth):
        raise ValueError("there is no box to find")
    flat = said.astype(np.float64).reshape(-1, 6)
    found = np.column_stack([np.repeat(np.arange(len(said)), said.shape[1]), flat])  # example before each row
    found = found[flat[:, 4] > 0]
    classes = np.unique(truth[:, 1])
    of_each = [
        _of_class(truth[truth[:, 1] == k].astype(np.float64), found[np.rint(found[:, 6]) == k], thresholds)
        for k in classes
    ]
    return tuple(100 * float(mean) for mean in np.mean(of_each, axis=0))


def _of_class(truth: Floats, found: Floats, thresholds: tuple[float, ...]) -> Floats:
    """(thresholds,): the average precisions of one class."""
    kept, right = [], []
    for example in np.unique(found[:, 0]):
        here = found[found[:, 0] == example]
        here = here[np.argsort(-here[:, 5], kind="stable")][:MOST_IN_EXAMPLE]
        overlaps = overlap(here[:, 1:5], truth[truth[:, 0] == example, 2:])
        kept.append(here[:, 5])
        right.append(np.array([_matched(overlaps, t) for t in thresholds], dtype=bool))
    if not kept:
        return np.zeros(len(thresholds))
    order = np.argsort(-np.concatenate(kept), kind="stable")
    return np.array([_interpolated(row[order], len(truth)) for row in np.concatenate(right, axis=1)])


def _matched(overlaps: Floats, threshold: float) -> list[bool]:
    """For each detection, highest score first, whether it finds a box that none before it has found."""
    free = np.ones(overlaps.shape[1], dtype=bool)
    hits = []
    for row in overlaps:
        best = int(np.where(free, row, -1.0).argmax()) if free.any() else -1
        hit = best >= 0 and bool(row[best] >= min(threshold, 1 - 1e-10))
        if hit:
            free[best] = False
        hits.append(hit)
    return hits


def _interpolated(right: NDArray[np.bool_], boxes: int) -> float:
    """The mean over 101 recalls of the best precision at that recall or a higher one."""
    hits = np.cumsum(right)
    recall, precision = hits / boxes, hits / np.arange(1, len(right) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS, side="left")
    return float(np.append(best, 0.0)[places].mean())
