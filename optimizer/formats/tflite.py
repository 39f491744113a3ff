"""TFLite (LiteRT) in 32-bit floats, from either frozen graph; and the converter that the quantized kinds share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats import pb
from optimizer.formats.contract import Budget, Format

if TYPE_CHECKING:
    from optimizer.data import Data


def convert_with(parent: Path, data: Data, out: Path, setting: Callable[[Any], None]) -> None:
    """Writes the frozen graph `parent` as TFLite; `setting` is told the converter before it runs.

    The batch is 1, as on a device; a runtime may resize it.
    """
    import tensorflow as tf

    entry, end = pb.ends(pb.read(parent))
    converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
        str(parent), [entry], [end], input_shapes={entry: [1, *data.input_shape]}
    )
    setting(converter)
    out.write_bytes(converter.convert())


def convert(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """No optimization but what costs no accuracy: constants folded, batch normalization merged into convolutions."""
    convert_with(parent, data, out, lambda converter: None)


TFLITE = Format(
    name="tflite",
    label="TFLite, float",
    suffix=".tflite",
    library="LiteRT",
    optimization="float",
    techniques=(),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="the same numbers in a runtime made for devices: same accuracy, far less memory than Keras",
    convert=convert,
    source="pb",
    proposed=True,
)
TFLITE_OPTIMIZED = Format(
    name="tflite-optimized",
    label="TFLite, float, from the optimized graph",
    suffix=".tflite",
    library="LiteRT",
    optimization="float",
    techniques=(),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="shows whether optimizing the graph beforehand gains anything that TFLite's own converter does not",
    convert=convert,
    source="pb-optimized",
)
