"""Baseline quantization (BLQ): weights in 8 bits, activations in floats (DLOM², section 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats import tflite_quantizer
from optimizer.formats.contract import Budget, Format
from optimizer.formats.tflite import convert_with

if TYPE_CHECKING:
    from optimizer.data import Data


def convert(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """TFLite's dynamic range quantization; layers of fewer than 1,024 weights stay in floats."""
    if parent.suffix == ".tflite":
        tflite_quantizer.weights_in_8_bits(parent, out)
        return

    def setting(converter: Any) -> None:
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    convert_with(parent, data, out, setting)


BLQ = Format(
    name="blq",
    label="TFLite, baseline quantization",
    suffix=".tflite",
    library="LiteRT",
    optimization="baseline-quantization",
    techniques=("baseline-quantization",),
    precision="w8",
    weight_bits=8,
    activation_bits=None,
    tolerance=None,
    why="weights in 8 bits, about a quarter of the size; needs no examples to convert. Depthwise convolutions may "
    "get slower",
    convert=convert,
    source="pb",
    also_from=("tflite",),
    proposed=True,
)
