"""Judges what a model answers by what is right, as the data tell it: classes, numbers, several labels, or boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device import detection, quality
from device.accuracy import class_scores, outputs, wilson
from device.data import MAP, MARD, RMSE, TOP1, Examples
from device.runtimes.contract import Batch, MeasureError, Session, shown
from device.stability import Stability, over_folds

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Percent, but rmse in the unit of y. Those of classes are None for other tasks.

    `stability` is of the metric; None where the examples are too few, or hold too little in one of the parts.
    """

    metric: str
    value: float
    further: tuple[tuple[str, float], ...] = ()
    accuracy: tuple[float, float, float] | None = None  # with its 95 % interval (Wilson 1927)
    balanced_accuracy: float | None = None
    macro: tuple[float, float, float] | None = None  # precision, recall, F1
    stability: Stability | None = None


def judge(session: Session, examples: Examples, x: Array, size: int) -> Quality | None:
    """Runs every input of `x` (n, …), `size` at a time; None where nothing is known of what is right.

    Raises MeasureError for NaN, and where answers and data do not belong together.
    """
    answers = outputs(session, x, size)
    if examples.metric is None:
        for _ in answers:  # each is looked at for NaN
            pass
        return None
    if examples.boxes is not None:
        return _of_boxes(examples.boxes, _padded([_rows(a) for a in answers]))
    y = examples.y
    if y is None:
        raise MeasureError(f"{examples.metric} needs to know what is right; add y to the data")
    if examples.metric == TOP1:
        highest = int(y.max())
        return _of_classes(y, np.concatenate([class_scores(a, len(a), highest).argmax(axis=1) for a in answers]))
    said = np.concatenate([a.reshape(len(a), -1) for a in answers])
    wanted = y.reshape(len(y), -1)
    if said.shape != wanted.shape:
        raise MeasureError(
            f"the model gives {shown(said.shape[1:])} numbers for each input, y has {shown(wanted.shape[1:])}"
        )
    return _of_labels(wanted, said) if examples.metric == MAP else _of_numbers(examples.metric, wanted, said)


def _of_classes(y: Array, chosen: Array) -> Quality:
    right = y == chosen
    counts = quality.ClassCounts.of(y, chosen)
    low, high = wilson(int(right.sum()), len(y))
    accuracy = 100 * int(right.sum()) / len(y)
    return Quality(
        metric=TOP1,
        value=accuracy,
        accuracy=(accuracy, 100 * low, 100 * high),
        balanced_accuracy=quality.balanced_accuracy_percent(counts),
        macro=quality.macro_percent(counts),
        stability=over_folds(lambda part: 100 * float(right[part].mean()), y),
    )


def _of_numbers(metric: str, y: Array, said: Array) -> Quality:
    endless = int((~np.isfinite(said)).any(axis=1).sum())
    if endless:
        raise MeasureError(
            f"the model gives infinite numbers for {endless} of {len(said)} inputs; look for a division by zero or "
            "values out of range, and train or convert it again"
        )
    figure, other = (quality.mard_percent, RMSE) if metric == MARD else (quality.rmse, MARD)
    further = {RMSE: quality.rmse, MARD: quality.mard_percent}[other]
    return Quality(
        metric=metric,
        value=figure(y, said),
        further=() if other == MARD and (y == 0).any() else ((other, further(y, said)),),
        stability=over_folds(lambda part: figure(y[part], said[part]), y.mean(axis=1)),
    )


def _of_labels(y: Array, scores: Array) -> Quality:
    return Quality(
        metric=MAP,
        value=quality.mean_average_precision_percent(y, scores),
        stability=_if_in_all(lambda part: quality.mean_average_precision_percent(y[part], scores[part]), y.sum(axis=1)),
    )


def _of_boxes(boxes: Array, said: Array) -> Quality:
    of_each = detection.average_precisions(boxes, said)
    many = np.bincount(boxes[:, 0].astype(np.int64), minlength=len(said))
    return Quality(
        metric=MAP,
        value=float(np.mean(of_each)),
        further=(("ap50", of_each[0]), ("ap75", of_each[5])),
        stability=_if_in_all(partial(_boxes_in, boxes, said), many),
    )


def _boxes_in(boxes: Array, said: Array, part: NDArray[np.int64]) -> float:
    own = boxes[np.isin(boxes[:, 0], part)].astype(np.float64)
    own[:, 0] = np.searchsorted(part, own[:, 0])
    return float(np.mean(detection.average_precisions(own, said[part])))


def _if_in_all(figure: Callable[[NDArray[np.int64]], float], order_by: Array) -> Stability | None:
    try:
        return over_folds(figure, order_by)
    except ValueError:  # a part without any label or box has no such figure
        return None


def _rows(said: Batch) -> Batch:
    if said.ndim != 3 or said.shape[2] != 6:
        raise MeasureError(
            f"the model gives {shown(said.shape[1:])} for each input; for boxes it must give rows of 6 numbers: "
            "x1, y1, x2, y2, score, class. Export it with non-maximum suppression inside"
        )
    return said


def _padded(batches: list[Batch]) -> Batch:
    """One array, with rows of score 0 where a batch has fewer than the others."""
    most = max(b.shape[1] for b in batches)
    return np.concatenate([np.pad(b, ((0, 0), (0, most - b.shape[1]), (0, 0))) for b in batches])
