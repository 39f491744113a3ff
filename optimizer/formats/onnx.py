"""ONNX in 32-bit floats: straight from the network, from a frozen graph, and from either float TFLite."""

from __future__ import annotations

import gc
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats import pb
from optimizer.formats.contract import Budget, Format

if TYPE_CHECKING:
    from optimizer.data import Data

_NUMBERED = re.compile(r"__\d|;")  # where a layer's name ends and a number, or the next merged layer, begins
OPSET = 18  # the newest that tf2onnx 1.17 writes


def from_keras(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """From the function that TensorFlow traces of a Keras file, with a batch of 1."""
    import keras
    import tensorflow as tf
    import tf2onnx

    model = keras.saving.load_model(parent, compile=False, safe_mode=True)
    example = tf.TensorSpec([1, *data.input_shape], tf.float32, name=pb.ENTRY)
    function = tf.function(lambda x: model(x, training=False))
    made, _ = tf2onnx.convert.from_function(function, input_signature=[example], opset=OPSET)
    made.graph.name = model.name
    write(made, out)


def from_graph(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """From a frozen graph, with a batch of 1."""
    import tf2onnx

    graph = pb.read(parent)
    entry, end = pb.ends(graph)
    made, _ = tf2onnx.convert.from_graph_def(
        graph,
        name=parent.stem,
        input_names=[f"{entry}:0"],
        output_names=[f"{end}:0"],
        opset=OPSET,
        shape_override={f"{entry}:0": [1, *data.input_shape]},
    )
    made.graph.name = "graph"  # not the name of a file that happened to be read
    write(made, out)


def from_tflite(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """From a TFLite file, whose dense layers are brought into the form that tf2onnx reads rightly (`flattened`)."""
    import tf2onnx

    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "model.tflite"
        plain.write_bytes(flattened(parent.read_bytes()))
        made, _ = tf2onnx.convert.from_tflite(str(plain), opset=OPSET)
    made.graph.name = "graph"
    write(made, out)


def flattened(model: bytes) -> bytes:
    """A TFLite model whose dense layers take rows: what TFLite flattens by itself gets an operation RESHAPE.

    tf2onnx 1.17 loses the bias of a dense layer that takes more than rows (`TflFullyConnectedOp` gives the layer two
    inputs again where it had three). A model without such a layer comes back as it was.
    """
    import flatbuffers
    import numpy as np
    from tensorflow.lite.python import schema_py_generated as schema

    read = schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(model), 0))
    dense = schema.BuiltinOperator.FULLY_CONNECTED
    changed = False
    for graph in read.subgraphs:
        operators = []
        for operator in graph.operators:
            code = read.operatorCodes[operator.opcodeIndex]
            kind = max(code.builtinCode, code.deprecatedBuiltinCode)  # files up to TensorFlow 2.3 have the latter
            if kind == dense and len(operator.inputs) == 3 and not operator.builtinOptions.keepNumDims:
                entry, weights = graph.tensors[operator.inputs[0]], graph.tensors[operator.inputs[1]]
                if entry.shape is not None and len(entry.shape) != 2:
                    width = int(weights.shape[1])
                    rows = np.array([int(np.prod(entry.shape)) // width, width], np.int32)
                    row = _reshape(schema, read, graph, int(operator.inputs[0]), rows)
                    operator.inputs = np.array([row.outputs[0], *operator.inputs[1:]], np.int32)
                    operators.append(row)
                    changed = True
            operators.append(operator)
        graph.operators = operators
    if not changed:
        return model
    builder = flatbuffers.Builder(len(model))
    builder.Finish(read.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _reshape(schema: Any, model: Any, graph: Any, entry: int, rows: Any) -> Any:
    """An operation RESHAPE of the tensor number `entry` to `rows`, its tensors added to the graph."""
    import numpy as np

    given = graph.tensors[entry]
    flat, shape, held = schema.TensorT(), schema.TensorT(), schema.BufferT()
    flat.name, flat.type, flat.shape, flat.quantization = given.name + b"/rows", given.type, rows, given.quantization
    held.data = np.frombuffer(rows.astype("<i4").tobytes(), np.uint8)
    model.buffers.append(held)
    shape.name, shape.type, shape.shape = given.name + b"/rows_shape", schema.TensorType.INT32, np.array([2], np.int32)
    shape.buffer = len(model.buffers) - 1
    graph.tensors += [flat, shape]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.RESHAPE
    code.version = 1
    model.operatorCodes.append(code)
    made = schema.OperatorT()
    made.opcodeIndex = len(model.operatorCodes) - 1
    made.inputs = np.array([entry, len(graph.tensors) - 1], np.int32)
    made.outputs = np.array([len(graph.tensors) - 2], np.int32)
    made.builtinOptionsType, made.builtinOptions = schema.BuiltinOptions.ReshapeOptions, schema.ReshapeOptionsT()
    made.builtinOptions.newShape = rows
    return made


def write(made: Any, out: Path) -> None:
    """Numbered and saved: the same model, the same bytes."""
    import onnx

    made.graph.doc_string = ""  # tells how many functions TensorFlow has traced before
    _number(made.graph)
    onnx.save(made, str(out))
    gc.collect()  # tf2onnx leaves graphs that refer to themselves, gigabytes of a large network


def _number(graph: Any) -> None:
    """Numbers constants and nodes in the order of their use, keeping the layers' names.

    tf2onnx numbers them through all conversions of a process, and as its sets happen to be ordered: the same network
    would be another file every time.
    """
    held = {c.name: c for c in graph.initializer}
    renamed = {v.name: v.name.partition(":")[0] for v in (*graph.input, *graph.output)}  # x:0 was TensorFlow's
    for value in (*graph.input, *graph.output):
        value.name = renamed[value.name]
    used = dict.fromkeys(name for node in graph.node for name in node.input if name in held)
    renamed |= {name: f"constant{k}" for k, name in enumerate(used, start=1)}
    for k, node in enumerate(graph.node, start=1):
        node.name = f"{re.split(_NUMBERED, node.name)[0]}_{k}"
        renamed |= {name: f"{node.name}:{n}" for n, name in enumerate(node.output) if name not in renamed}
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
    convert=from_keras,
    source="h5",
    proposed=True,
)
ONNX_PB = Format(
    name="onnx-pb",
    label="ONNX, float, from the frozen graph",
    suffix=".onnx",
    library="ONNX Runtime",
    optimization="float",
    techniques=(),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="the way to ONNX for a network of which only the graph is left",
    convert=from_graph,
    source="pb",
)
ONNX_TFLITE = Format(
    name="onnx-tflite",
    label="ONNX, float, from TFLite",
    suffix=".onnx",
    library="ONNX Runtime",
    optimization="float",
    techniques=(),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="the report's way to ONNX: TFLite's converter has merged batch normalization into the layers before it",
    convert=from_tflite,
    source="tflite",
)
ONNX_TFLITE_OPTIMIZED = Format(
    name="onnx-tflite-optimized",
    label="ONNX, float, from the optimized TFLite",
    suffix=".onnx",
    library="ONNX Runtime",
    optimization="float",
    techniques=(),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="the end of the report's longer way: optimized graph, TFLite, ONNX",
    convert=from_tflite,
    source="tflite-optimized",
)
