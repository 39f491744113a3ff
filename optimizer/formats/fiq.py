"""Full integer quantization (FIQ): weights, activations, input and output in 8 bits (DLOM², section 2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats.contract import Format
from optimizer.formats.tflite import convert_with

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from optimizer.data import Data

REPRESENTATIVES = 200
"""Examples from which the ranges of activations are taken; TensorFlow's guide says "around 100-500"."""


def convert(model: keras.Model, data: Data, out: Path) -> None:
    """Ranges come from examples to learn from, spread evenly over them; never from those of the test."""
    every = max(1, len(data.x_train) // REPRESENTATIVES)
    chosen = data.x_train[::every][:REPRESENTATIVES]

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        for example in chosen:
            yield [example[None]]

    def setting(converter: Any) -> None:
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        # Integer kernels only, where TFLite has them for the operation.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8

    convert_with(model, out, setting)


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
)
