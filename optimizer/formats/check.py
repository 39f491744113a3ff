"""Conversion with a numeric check: does the file compute what the network computes?"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from device.runtimes import runtime_for
from device.runtimes.contract import MeasureError
from optimizer.formats import pb
from optimizer.formats.contract import Budget, ConversionError, Format

if TYPE_CHECKING:
    import keras

    from optimizer.data import Data

SAMPLES = 256
FEWEST, SECONDS = 16, 30.0  # a file that takes longer than this is checked on fewer examples, but on so many
AT_ONCE = 32


@dataclass(frozen=True, kw_only=True)
class NumericCheck:
    """A file against the network it came from, on the same examples of the test.

    `largest_difference` is of any one output. Of classes, `agreement_percent` is the share of equal predictions; of
    other answers it is None, and `range_percent` says how large the difference is against the range (largest −
    smallest) of the network's own outputs. None of them says how good the answers are: that is measured.
    """

    samples: int
    largest_difference: float
    agreement_percent: float | None
    range_percent: float | None = None


def compare(expected: NDArray[np.float32], found: NDArray[np.float32], *, has_classes: bool = True) -> NumericCheck:
    """Two tables of outputs (n, outputs), row by row. Raises ConversionError when they cannot be compared.

    With `has_classes` the outputs are the scores of classes. `range_percent` stays None where all outputs are equal.
    """
    if expected.shape != found.shape:
        raise ConversionError(f"the file gives scores of shape {found.shape}, the network {expected.shape}")
    if not np.isfinite(found).all():
        raise ConversionError("the file gives NaN or infinite scores; try another format")
    difference = float(np.abs(expected - found).max())
    if has_classes:
        same = expected.argmax(axis=1) == found.argmax(axis=1)
        return NumericCheck(
            samples=len(expected), largest_difference=difference, agreement_percent=100.0 * float(same.mean())
        )
    width = float(expected.max() - expected.min())
    return NumericCheck(
        samples=len(expected),
        largest_difference=difference,
        agreement_percent=None,
        range_percent=100.0 * difference / width if width > 0 else None,
    )


def converted(
    kind: Format,
    parent: Path,
    data: Data,
    out: Path,
    expected: NDArray[np.float32],
    budget: Budget | None = None,
) -> NumericCheck | None:
    """Writes `out` from the file `parent`, and checks it against what the trained network gives for `checked_on(data)`.

    `expected` are the network's scores (n, classes), as `scores` of the file that the chain began with. `None` for a
    file that does not run here. Raises ConversionError with the reason: a converter's fault, or scores that differ
    beyond the tolerance; no file is left then.
    """
    try:
        _write(kind, parent, data, out, budget or Budget())
        return None if not kind.runs_here else _checked(kind, out, expected, data)
    except ConversionError:
        out.unlink(missing_ok=True)
        raise


def checked_on(data: Data) -> NDArray[np.float32]:
    """The examples of the test, at most 256 of them, on which files are checked: (n, …)."""
    return data.x_test[:SAMPLES]


def _write(kind: Format, parent: Path, data: Data, out: Path, budget: Budget) -> None:
    try:
        kind.convert(parent, data, out, budget)
    except ConversionError:
        raise
    except _faults() as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConversionError(f"{kind.label} could not be written: {lines[0][:300]}") from error


def _faults() -> tuple[type[Exception], ...]:
    """What converters raise, of those that are loaded; none documents it, and these were seen."""
    found: list[type[Exception]] = [
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        NotImplementedError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ]
    if "tensorflow" in sys.modules:
        import tensorflow as tf
        from tensorflow.lite.python.convert import ConverterError

        found += [ConverterError, tf.errors.OpError]
    if "google.protobuf" in sys.modules:
        from google.protobuf.message import Error  # type: ignore[import-untyped,unused-ignore]

        found.append(Error)
    if "onnxruntime" in sys.modules:
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        found += [getattr(state, name) for name in ("Fail", "InvalidArgument", "InvalidGraph", "NotImplemented")]
    return tuple(found)


def _checked(kind: Format, out: Path, expected: NDArray[np.float32], data: Data) -> NumericCheck:
    try:
        found = scores(out, checked_on(data))
    except MeasureError as error:
        raise ConversionError(f"{kind.label} was written and does not run: {error}") from error
    both = min(len(expected), len(found))  # a slow file answers fewer
    check = compare(expected[:both], found[:both], has_classes=data.has_classes)
    most = allowed(kind, expected, has_classes=data.has_classes)
    if most is not None and check.largest_difference > most:
        alike = (
            f"{check.range_percent or 0:.2g} % of their range"
            if check.agreement_percent is None
            else f"predictions agree on {check.agreement_percent:.1f} %"
        )
        raise ConversionError(
            f"{kind.label} gives outputs that differ by up to {check.largest_difference:.2g} from the network's own "
            f"(at most {most:g} is rounding); {alike} of {check.samples} examples"
        )
    return check


def allowed(kind: Format, expected: NDArray[np.float32], *, has_classes: bool = True) -> float | None:
    """The largest difference that is rounding; None: any. Numbers round by the size of the largest.

    Scores of classes lie between 0 and 1 as a rule, so theirs counts as 1 at least.
    """
    size = float(np.abs(expected).max())
    return None if kind.tolerance is None else kind.tolerance * (max(1.0, size) if has_classes else size)


def scores(file: Path, examples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a file gives for the examples (n, …): (m, classes), where m is n, or less for a slow file (FEWEST, SECONDS).

    Raises MeasureError or ConversionError.
    """
    if file.suffix in (".h5", ".keras"):
        import keras

        try:  # read back here: the runtime of device/ wants TensorFlow to itself
            model = keras.saving.load_model(file, compile=False, safe_mode=True)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise ConversionError(f"Keras cannot read {file.name} back: {lines[0][:300]}") from error
        return _table(file, scores_of(model, examples))
    run = pb.runner(file, examples.shape[1:]) if file.suffix == ".pb" else runtime_for(file).open(file, 1).run
    # One at a time, because the files of devices take a batch of 1.
    rows, began = [], time.monotonic()
    for example in examples:
        rows.append(run(np.ascontiguousarray(example[None])))
        if len(rows) >= FEWEST and time.monotonic() - began > SECONDS:
            break
    return _table(file, np.concatenate(rows).astype(np.float32))


def scores_of(model: keras.Model, examples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a network in memory gives for each example, a few at a time, because large ones fill the memory: (n, …)."""
    pieces = [
        np.asarray(model(examples[k : k + AT_ONCE], training=False), dtype=np.float32)
        for k in range(0, len(examples), AT_ONCE)
    ]
    return np.concatenate(pieces)


def _table(file: Path, found: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, classes); axes of size 1, as some networks leave them behind, are dropped."""
    flat = found.reshape(len(found), -1)
    if sum(size > 1 for size in found.shape[1:]) > 1:
        raise ConversionError(f"{file.name} gives {found.shape[1:]} for each example, not a score for each class")
    return flat
