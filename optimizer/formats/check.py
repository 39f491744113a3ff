"""Conversion with a numeric check: does the file compute what the network computes?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from device.runtimes import runtime_for
from device.runtimes.contract import MeasureError
from optimizer.formats.contract import ConversionError, Format

if TYPE_CHECKING:
    import keras

    from optimizer.data import Data

SAMPLES = 256


@dataclass(frozen=True, kw_only=True)
class NumericCheck:
    """A file against the network it came from, on the same examples of the test.

    `largest_difference` is of any one output; `agreement_percent` is the share of equal predictions. Either says
    nothing of accuracy: that is measured.
    """

    samples: int
    largest_difference: float
    agreement_percent: float


def compare(expected: NDArray[np.float32], found: NDArray[np.float32]) -> NumericCheck:
    """Two tables of scores (n, classes), row by row. Raises ConversionError when they cannot be compared."""
    if expected.shape != found.shape:
        raise ConversionError(f"the file gives scores of shape {found.shape}, the network {expected.shape}")
    if not np.isfinite(found).all():
        raise ConversionError("the file gives NaN or infinite scores; try another format")
    same = expected.argmax(axis=1) == found.argmax(axis=1)
    return NumericCheck(
        samples=len(expected),
        largest_difference=float(np.abs(expected - found).max()),
        agreement_percent=100.0 * float(same.mean()),
    )


def converted(kind: Format, model: keras.Model, data: Data, out: Path) -> NumericCheck:
    """Writes `model` to `out` and checks the file on up to 256 examples of the test.

    Raises ConversionError with the reason: a converter's fault, or outputs that differ beyond the tolerance.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import ConverterError

    try:
        kind.convert(model, data, out)
    except (
        ConverterError,
        tf.errors.OpError,
        ArithmeticError,
        AttributeError,
        LookupError,
        NotImplementedError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:  # what TensorFlow's converter and tf2onnx raise is not documented; these were seen
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConversionError(f"{kind.label} could not be written: {lines[0][:300]}") from error
    examples = data.x_test[:SAMPLES]
    expected = np.asarray(model(examples, training=False), dtype=np.float32)
    try:
        found = _scores(out, examples)
    except MeasureError as error:
        raise ConversionError(f"{kind.label} was written and does not run: {error}") from error
    check = compare(expected, found)
    if kind.tolerance is not None and check.largest_difference > kind.tolerance:
        raise ConversionError(
            f"{kind.label} gives scores that differ by up to {check.largest_difference:.2g} from the network's own "
            f"(at most {kind.tolerance:g} is rounding); predictions agree on {check.agreement_percent:.1f} % of "
            f"{check.samples} examples"
        )
    return check


def _scores(file: Path, examples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the written file gives for each example: (n, classes)."""
    if file.suffix == ".h5":
        import keras

        # Read back here: the runtime of device/ wants TensorFlow to itself.
        model = keras.saving.load_model(file, compile=False)
        return np.asarray(model(examples, training=False), dtype=np.float32)
    session = runtime_for(file).open(file, 1)
    # One at a time, because the files of devices take a batch of 1.
    return np.concatenate([session.run(example[None]) for example in examples])
