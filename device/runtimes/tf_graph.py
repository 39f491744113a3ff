"""Frozen TensorFlow graphs (.pb) on the CPU, imported into one traced function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.runtimes import graph_file
from device.runtimes.contract import (
    NOT_TOLD,
    Batch,
    MeasureError,
    ModelFileError,
    RuntimeSpec,
    Session,
    Shape,
    check_batch,
    encoded,
    load_library,
    one_arithmetic,
    one_of,
    short,
)
from device.runtimes.keras_runtime import pin

MODULE, LABEL, PACKAGE = "tensorflow", "TensorFlow", "tensorflow"
_INPUTS = ("float32", "float16", "float64", "int8", "uint8", "int32")
_WITH_WEIGHTS = {
    "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2", "MatMul",
    "BatchMatMulV2", "BatchMatMulV3", "Einsum", "LSTMBlockCell", "BlockLSTMV2", "GRUBlockCell",
}  # fmt: skip


class GraphSession:
    """The graph from its one Placeholder to the one operation that nothing takes, as one traced function.

    Without `threads`, TensorFlow keeps those that it has: to compute in a process that also trains, not to measure.
    """

    def __init__(self, path: Path, threads: int | None) -> None:
        fault = graph_file.fault(path)  # again here, so that nobody loads a file that was not looked at
        if fault:
            raise ModelFileError(f"{path.name}: {fault}")
        names, ends = graph_file.ends(graph_file.nodes(path))
        one_of("input", len(names), path)
        one_of("output", len(ends), path)
        tf = SPEC.load()
        if threads is not None:
            pin(tf, threads)
        self._errors = (ValueError, TypeError, KeyError, tf.errors.OpError)
        decode_error = load_library("google.protobuf.message", LABEL, "protobuf").DecodeError
        try:
            graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
            spec = self._input(tf, next(node for node in graph.node if node.name == names[0]), path)
            self._function = _traced(tf, graph, names[0], ends[0], spec)
        except (*self._errors, decode_error) as error:
            raise ModelFileError(f"TensorFlow {tf.__version__} cannot load {path.name}: {short(error)}") from error
        self._tf = tf
        self.version: str = tf.__version__
        self.arithmetic = one_arithmetic(_precision(tf, node) for node in graph.node if node.op in _WITH_WEIGHTS)
        if self.arithmetic == NOT_TOLD:  # loops keep their layers in functions
            inner = (node for function in graph.library.function for node in function.node_def)
            self.arithmetic = one_arithmetic(_precision(tf, node) for node in inner if node.op in _WITH_WEIGHTS)

    def _input(self, tf: Any, placeholder: Any, path: Path) -> Any:
        self.input_dtype: str = tf.as_dtype(placeholder.attr["dtype"].type).name
        if self.input_dtype not in _INPUTS:
            raise ModelFileError(f"{path.name} takes {self.input_dtype}; measured are inputs of {', '.join(_INPUTS)}")
        shape = placeholder.attr["shape"].shape
        if "shape" not in placeholder.attr or shape.unknown_rank:
            raise ModelFileError(
                f"{path.name} does not say the shape of its input {placeholder.name}; "
                "freeze it from a function with an input_signature"
            )
        self.input_shape: Shape = tuple(None if size.size < 0 else int(size.size) for size in shape.dim)
        return tf.TensorSpec(self.input_shape, self.input_dtype)

    def prepare(self, batch: Batch) -> Callable[[], NDArray[Any]]:
        check_batch(batch, self.input_shape)
        given, function = self._tf.constant(encoded(batch, self.input_dtype, None)), self._function

        def infer() -> NDArray[Any]:
            result: NDArray[Any] = function(given).numpy()
            return result

        return infer

    def run(self, batch: Batch) -> Batch:
        infer = self.prepare(batch)
        try:
            return infer().astype(np.float32)
        except self._errors as error:
            raise MeasureError(f"TensorFlow stopped: {short(error)}") from error


def _traced(tf: Any, graph: Any, source: str, end: str, spec: Any) -> Any:
    """`graph` as a function from the operation `source` to the only tensor of the operation `end`, traced once."""
    whole = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    given = len(whole.graph.get_operation_by_name(end).outputs)
    if given != 1:
        raise ValueError(f"its last operation {end} gives {given} tensors, not one")
    inner = whole.prune(f"{source}:0", f"{end}:0")
    # Called by itself it would skip the optimizer of graphs; called in a traced function it becomes a part of it.
    function = tf.function(lambda x: inner(x), input_signature=[spec], autograph=False)
    function.get_concrete_function()
    return function


def _precision(tf: Any, node: Any) -> str:
    return str(tf.as_dtype(node.attr["T"].type).name) if node.attr["T"].type else NOT_TOLD


def start(path: Path, threads: int) -> Session:
    """Loads `path`. Raises ModelFileError or RuntimeMissing."""
    return GraphSession(path, threads)


SPEC = RuntimeSpec(
    "tensorflow-cpu",
    LABEL,
    {".pb": "pb"},
    MODULE,
    PACKAGE,
    graph_file.fault,
    start,
    environment=(("TF_CPP_MIN_LOG_LEVEL", "3"),),
)
