"""ONNX in 32-bit floats, by way of TFLite, whose converter merges batch normalization into convolutions first."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats import tflite
from optimizer.formats.contract import Format

if TYPE_CHECKING:
    import keras

    from optimizer.data import Data

_NUMBERED = re.compile(r"__\d|;")  # where a layer's name ends and a number, or the next merged layer, begins
OPSET = 18  # the newest that tf2onnx 1.17 writes


def convert(model: keras.Model, data: Data, out: Path) -> None:
    """Keras → TFLite → ONNX."""
    import onnx
    import tf2onnx.convert

    with tempfile.TemporaryDirectory() as folder:
        between = Path(folder) / "model.tflite"
        tflite.convert(model, data, between)
        made, _ = tf2onnx.convert.from_tflite(str(between), opset=OPSET)
    made.graph.doc_string = made.doc_string = ""  # it tells the temporary folder
    made.graph.name = model.name
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
