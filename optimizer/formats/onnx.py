"""ONNX in 32-bit floats, straight from the network's TensorFlow function."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats.contract import Format

if TYPE_CHECKING:
    import keras

    from optimizer.data import Data

_NUMBERED = re.compile(r"__\d|;")  # where a layer's name ends and a number, or the next merged layer, begins
OPSET = 18  # the newest that tf2onnx 1.17 writes


def convert(model: keras.Model, data: Data, out: Path) -> None:
    """Not by way of TFLite: tf2onnx 1.17 then loses the bias of a dense layer that follows a flattening."""
    import onnx
    import tensorflow as tf
    import tf2onnx

    example = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32, name="x")
    function = tf.function(lambda x: model(x, training=False))
    made, _ = tf2onnx.convert.from_function(function, input_signature=[example], opset=OPSET)
    made.graph.name = model.name
    made.graph.doc_string = ""  # tells how many functions TensorFlow has traced before
    _number(made.graph)
    onnx.save(made, str(out))


def _number(graph: Any) -> None:
    """Numbers constants and nodes in the order of their use, keeping the layers' names.

    tf2onnx numbers them through all conversions of a process, and as its sets happen to be ordered: the same network
    would be another file every time.
    """
    held = {c.name: c for c in graph.initializer}
    fixed = {v.name for v in (*graph.input, *graph.output)}
    used = dict.fromkeys(name for node in graph.node for name in node.input if name in held)
    renamed = {name: f"constant{k}" for k, name in enumerate(used, start=1)}
    for k, node in enumerate(graph.node, start=1):
        node.name = f"{re.split(_NUMBERED, node.name)[0]}_{k}"
        renamed |= {name: f"{node.name}:{n}" for n, name in enumerate(node.output) if name not in fixed}
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    constants = [type(c).FromString(c.SerializeToString()) for c in map(held.__getitem__, used)]
    for constant in constants:
        constant.name = renamed[constant.name]
    del graph.initializer[:]
    graph.initializer.extend(constants)
    del graph.value_info[:]  # shapes under the old names; a runtime infers them


ONNX = Format(
    name="onnx",
    label="ONNX, float",
    suffix=".onnx",
    library="ONNX Runtime",
    optimization="float",
    techniques=(),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="the same numbers for ONNX Runtime, which many systems have already",
    convert=convert,
)
