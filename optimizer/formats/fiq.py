"""Full integer quantization (FIQ): weights, activations, input and output in 8 bits (DLOM², section 2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats import tflite_quantizer
from optimizer.formats.calibration import representatives
from optimizer.formats.contract import Budget, Format
from optimizer.formats.tflite import convert_with

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optimizer.data import Data


def convert(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """Ranges come from examples to learn from, never from those of the test."""
    if parent.suffix == ".tflite":
        tflite_quantizer.all_in_8_bits(parent, data, out)
        return

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        for example in representatives(data):
            yield [example[None]]

    def setting(converter: Any) -> None:
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        # Integer kernels only, where TFLite has them for the operation.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8

    convert_with(parent, data, out, setting)


FIQ = Format(
    name="fiq",
    label="TFLite, full integer quantization",
    suffix=".tflite",
    library="LiteRT",
    optimization="full-integer-quantization",
    techniques=("full-integer-quantization",),
    precision="w8a8",
    weight_bits=8,
    activation_bits=8,
    tolerance=None,
    why="everything in 8 bits, input and output too: a quarter of the size, and the only kind that microcontrollers "
    "and most accelerators take",
    convert=convert,
    source="pb",
    also_from=("tflite",),
    proposed=True,
)
