"""TFLite (LiteRT) in 32-bit floats; and the converter that the quantized kinds share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats.contract import Format

if TYPE_CHECKING:
    import keras

    from optimizer.data import Data


def convert_with(model: keras.Model, out: Path, setting: Callable[[Any], None]) -> None:
    """Writes `model` as TFLite; `setting` is told the converter before it runs.

    The batch is 1, as on a device; a runtime may resize it.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    example = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32, name="x")
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(example)
    # Frozen first: the converter alone leaves the weights of a Keras 3 model behind as variables without values.
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    setting(converter)
    out.write_bytes(converter.convert())


def convert(model: keras.Model, data: Data, out: Path) -> None:
    """No optimization but what costs no accuracy: constants folded, batch normalization merged into convolutions."""
    convert_with(model, out, lambda converter: None)


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
)
