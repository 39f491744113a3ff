"""Float 16 quantization (F16): each weight the nearest 16-bit float (DLOM², section 2.4)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats import tflite_quantizer
from optimizer.formats.contract import Budget, Format
from optimizer.formats.tflite import convert_with

if TYPE_CHECKING:
    from optimizer.data import Data


def convert(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """Weights are stored in 16 bits; a processor without 16-bit arithmetic widens them once, when it loads."""
    if parent.suffix == ".tflite":
        tflite_quantizer.weights_in_16_bits(parent, out)
        return

    def setting(converter: Any) -> None:
        import tensorflow as tf

        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    convert_with(parent, data, out, setting)


F16 = Format(
    name="f16",
    label="TFLite, float 16",
    suffix=".tflite",
    library="LiteRT",
    optimization="float16-quantization",
    techniques=("float16-quantization",),
    precision="float16",
    weight_bits=16,
    activation_bits=None,
    tolerance=2e-2,
    why="half the size with next to no loss; faster only where the processor computes in 16 bits",
    convert=convert,
    source="pb",
    also_from=("tflite",),
    proposed=True,
)
