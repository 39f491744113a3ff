"""How often a model is right, and how sure one can be of it."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.runtimes.contract import Batch, MeasureError, Session, check_batch, shown

BATCH = 64
Z95 = 1.959963984540054  # the normal distribution's 97.5 % point


def wilson(right: int, samples: int, z: float = Z95) -> tuple[float, float]:
    """The score interval of a proportion, as two numbers in 0..1; 95 % unless `z` says otherwise.

    Wilson 1927, in the form of Newcombe 1998 (Statistics in Medicine 17, 857-872), method 3.
    Raises ValueError unless 0 ≤ right ≤ samples and samples > 0.
    """
    if samples < 1 or not 0 <= right <= samples:
        raise ValueError(f"{right} right of {samples} is no proportion")
    p = right / samples
    middle = 2 * samples * p + z * z
    half = z * sqrt(z * z + 4 * samples * p * (1 - p))
    below = 2 * (samples + z * z)
    return max(0.0, (middle - half) / below), min(1.0, (middle + half) / below)


def largest_batch(session: Session, x: NDArray[Any]) -> int:
    """64 where the model takes and answers as many inputs at a time, else 1: some files promise it and then fail.

    Raises MeasureError when the inputs `x` (n, …) have another shape than the model's.
    """
    check_batch(x[:1].astype(np.float32), session.input_shape)
    if session.input_shape[0] is not None:
        return 1
    try:
        return BATCH if len(session.run(repeated(x, BATCH))) == BATCH else 1
    except MeasureError:
        return 1


def repeated(x: NDArray[Any], size: int) -> Batch:
    """`size` inputs from `x`, from the first again when it has fewer."""
    return x[np.arange(size) % len(x)].astype(np.float32)


def outputs(session: Session, x: NDArray[Any], size: int) -> Iterator[Batch]:
    """Runs every input of `x` (n, …), `size` at a time, and gives what the model answers to each batch.

    Raises MeasureError for answers that are NaN, or not one for each input.
    """
    for start in range(0, len(x), size):
        batch = x[start : start + size].astype(np.float32)
        found = session.run(batch)
        if found.ndim == 0 or len(found) != len(batch):
            raise MeasureError(f"for {len(batch)} inputs the model gives {shown(found.shape)}, not an answer for each")
        broken = int(np.isnan(found).reshape(len(found), -1).any(axis=1).sum())
        if broken:
            raise MeasureError(
                f"the model gives NaN for {broken} of inputs {start} to {start + len(batch) - 1}; "
                "look for a division by zero or values out of range, and train or convert it again"
            )
        yield found


def class_scores(scores: Batch, inputs: int, highest: int) -> Batch:
    """`scores` as (n, classes) for labels up to `highest`; axes of size 1, as some networks leave them, are dropped.

    Raises MeasureError where scores and labels do not belong together.
    """
    if len(scores) != inputs or scores.ndim < 2 or sum(size > 1 for size in scores.shape[1:]) > 1:
        raise MeasureError(f"for {inputs} inputs the model gives {shown(scores.shape)}, not a score for each class")
    flat = scores.reshape(inputs, -1)
    if flat.shape[1] < 2:
        raise MeasureError("the model gives one score for each input; give it one output for each class (softmax)")
    if highest >= flat.shape[1]:
        raise MeasureError(
            f"the model knows {flat.shape[1]} classes, 0 to {flat.shape[1] - 1}; y has a label {highest}"
        )
    return flat
