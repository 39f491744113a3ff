"""ONNX files: the protobuf is parsed and checked by the onnx package, which does not run models."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from math import prod
from typing import Any

import onnx
import onnx.checker

from optimizer.inspection import onnx_macs
from optimizer.inspection.found import Content, Declared, Limits, RefusedFile, TensorSpec, precision_of

# Numbers of TensorProto.DataType: the numpy name and the bits of one element.
TYPES = {
    1: ("float32", 32), 2: ("uint8", 8), 3: ("int8", 8), 4: ("uint16", 16), 5: ("int16", 16), 6: ("int32", 32),
    7: ("int64", 64), 8: ("string", 8), 9: ("bool", 8), 10: ("float16", 16), 11: ("float64", 64), 12: ("uint32", 32),
    13: ("uint64", 64), 14: ("complex64", 64), 15: ("complex128", 128), 16: ("bfloat16", 16),
    17: ("float8e4m3fn", 8), 18: ("float8e4m3fnuz", 8), 19: ("float8e5m2", 8), 20: ("float8e5m2fnuz", 8),
    21: ("uint4", 4), 22: ("int4", 4), 23: ("float4e2m1", 4), 24: ("float8e8m0", 8), 25: ("uint2", 2), 26: ("int2", 2),
}  # fmt: skip
_WEIGHTS = ("float32", "float64", "float16", "bfloat16", "int8", "uint8", "int4", "uint4", "int2", "uint2")
# Inputs that are no weights although they have a weight's type: scales, zero points, bounds.
_NO_WEIGHTS: dict[str, frozenset[int]] = {
    "QuantizeLinear": frozenset({1, 2}),
    "DequantizeLinear": frozenset({1, 2}),
    "QLinearConv": frozenset({1, 2, 4, 5, 6, 7}),
    "QLinearMatMul": frozenset({1, 2, 4, 5, 6, 7}),
    "ConvInteger": frozenset({2, 3}),
    "MatMulInteger": frozenset({2, 3}),
    "Clip": frozenset({1, 2}),
    "Pad": frozenset({2}),
    "Resize": frozenset({1, 2}),
}
_BIASES = {"DequantizeLinear": 0, "QLinearConv": 8}  # inputs where a 32-bit integer is a weight
_SHAPED_BY = {"ConstantOfShape": 0, "Expand": 1}  # inputs that say how much such an operator makes
# Whose operators runtimes have built in; the last two are what ONNX Runtime writes when it stores what it optimized.
_DOMAINS = """
    ai.onnx ai.onnx.ml ai.onnx.preview.training ai.onnx.training com.microsoft com.microsoft.nchwc com.ms.internal.nhwc
"""
_STANDARD = frozenset(_DOMAINS.split()) | {""}
_ONE_FILE = (
    "store the model as one file: onnx.save_model(onnx.load('IN.onnx'), 'OUT.onnx', save_as_external_data=False)"
)
_AGAIN = "the file is damaged: export the model again"


def read(data: bytes, limits: Limits) -> Content:
    """What an ONNX file holds. Raises RefusedFile, and what onnx raises for files that break its rules."""
    model = onnx.load_model_from_string(data)
    if not model.HasField("graph") or not model.graph.node:
        raise RefusedFile("it is no ONNX model, or one without a network (no nodes): export the model again")
    graphs, nodes = _parts(model, limits)
    _check_functions(model)
    _check_domains(model, nodes)
    declared = Declared(limits)
    constants: dict[str, Any] = {}
    for tensor, name in _tensors(graphs, nodes):
        _check_tensor(tensor, declared)
        constants[name] = tensor
    for graph in graphs:
        for value in (*graph.input, *graph.output, *graph.value_info):
            _spec(value, declared)
    _check_made(nodes, constants, declared)
    try:
        onnx.checker.check_model(data)
    except onnx.checker.ValidationError as error:
        said = " ".join(str(error).split())[:300]
        raise RefusedFile(f"it breaks the rules of ONNX: {said}; export the model again") from None
    return _content(model, nodes, constants, declared)


def _parts(model: Any, limits: Limits) -> tuple[list[Any], list[Any]]:
    """All graphs, nested ones included, and all nodes, those of functions included. Raises RefusedFile for too many."""
    graphs: list[Any] = []
    nodes: list[Any] = []
    stack = [model.graph, *model.functions]
    while stack:
        part = stack.pop()
        if isinstance(part, onnx.GraphProto):
            graphs.append(part)
        nodes.extend(part.node)
        if len(nodes) > limits.operators:
            raise RefusedFile(f"it has more than {limits.operators:,} operators; no end or edge device runs that")
        for node in part.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    stack.append(attribute.g)
                stack.extend(attribute.graphs)
    return graphs, nodes


def _check_functions(model: Any) -> None:
    """Refuses functions that call themselves, at once or by way of others: unfolding them would never end."""
    bodies = {(f.domain, f.name): {(n.domain, n.op_type) for n in f.node} for f in model.functions}
    calls = {name: called & set(bodies) for name, called in bodies.items()}
    while calls:
        leaves = {name for name, called in calls.items() if not called}
        if not leaves:
            names = sorted(name for _, name in calls)[:3]
            raise RefusedFile(f"its functions {names} call one another in a circle and would never end; {_AGAIN}")
        calls = {name: called - leaves for name, called in calls.items() if name not in leaves}


def _check_domains(model: Any, nodes: Iterable[Any]) -> None:
    """Refuses operators that only a library of somebody's could run."""
    own = {(f.domain, f.name) for f in model.functions}
    for node in nodes:
        if node.domain not in _STANDARD and (node.domain, node.op_type) not in own:
            raise RefusedFile(
                f"its operator {node.op_type!r:.60} of {node.domain!r:.60} would need a library of its own, which is "
                "code that DLOM does not load; export the model with the operators of ONNX"
            )


def _tensors(graphs: Iterable[Any], nodes: Iterable[Any]) -> Iterator[tuple[Any, str]]:
    """Every stored tensor with the name by which nodes use it."""
    for graph in graphs:
        for tensor in graph.initializer:
            yield tensor, tensor.name
        for sparse in graph.sparse_initializer:
            yield sparse.values, sparse.values.name
            yield sparse.indices, f"{sparse.values.name}/indices"
    for node in nodes:
        for attribute in node.attribute:
            own = node.output[0] if node.op_type == "Constant" and node.output else f"{node.name}/{attribute.name}"
            if attribute.HasField("t"):
                yield attribute.t, own
            for i, tensor in enumerate(attribute.tensors):
                yield tensor, f"{own}/{i}"
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield sparse.values, f"{own}/values"
                yield sparse.indices, f"{own}/indices"


def _check_tensor(tensor: Any, declared: Declared) -> None:
    what = f"tensor {tensor.name!r:.60}"
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        place = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        if re.match(r"[/\\]|[A-Za-z][\w+.-]*:", place) or ".." in re.split(r"[/\\]", place):
            raise RefusedFile(
                f"{what} would be read from {place!r:.100}, outside of the model's folder: a way to read other files "
                f"of this machine. Do not use this file, or {_ONE_FILE}"
            )
        raise RefusedFile(f"{what} lies in another file, {place!r:.100}, which the sha256 would not cover; {_ONE_FILE}")
    if tensor.data_type == 0 and not tensor.dims:  # an empty message that protobuf made up
        return
    if tensor.data_type not in TYPES:
        raise RefusedFile(f"{what} has the unknown type {tensor.data_type}; {_AGAIN}")
    dtype, bits = TYPES[tensor.data_type]
    elements = declared.add(what, tensor.dims, bits, weights=True)
    if dtype == "string":
        held, needed = len(tensor.string_data), elements
    elif tensor.HasField("raw_data"):
        held, needed = len(tensor.raw_data), (elements * bits + 7) // 8
    else:  # one entry for each number, but two for complex ones and several numbers in one for less than 8 bits
        fields = (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data)
        held = sum(len(numbers) for numbers in fields)
        needed = elements * 2 if dtype.startswith("complex") else elements
        if bits < 8:
            needed = held if (elements * bits + 7) // 8 <= held * 4 and held <= elements else elements
    if held != needed:
        raise RefusedFile(f"{what} needs {needed:,} values or bytes for its shape and has {held:,}; {_AGAIN}")


def _spec(value: Any, declared: Declared) -> TensorSpec:
    if value.type.WhichOneof("value") != "tensor_type":
        return TensorSpec(value.name, None, value.type.WhichOneof("value"))
    tensor = value.type.tensor_type
    dtype, bits = TYPES.get(tensor.elem_type, (None, 8))
    if not tensor.HasField("shape"):
        return TensorSpec(value.name, None, dtype)
    shape = tuple(d.dim_value if d.WhichOneof("value") == "dim_value" else None for d in tensor.shape.dim)
    shape = tuple(None if size is not None and size < 0 else size for size in shape)  # some exporters write -1 for open
    declared.add(f"{value.name!r:.60}", shape, bits)
    return TensorSpec(value.name, shape, dtype)


def _check_made(nodes: Iterable[Any], constants: dict[str, Any], declared: Declared) -> None:
    """Refuses operators that make a huge tensor out of a few bytes, where the size is a constant."""
    for node in nodes:
        index = _SHAPED_BY.get(node.op_type)
        if index is None or index >= len(node.input):
            continue
        tensor = constants.get(node.input[index])
        if tensor is None or tensor.data_type != 7 or prod(tensor.dims) > 64:
            continue
        sizes = (
            struct.unpack(f"<{len(tensor.raw_data) // 8}q", tensor.raw_data) if tensor.raw_data else tensor.int64_data
        )
        declared.add(f"what {node.op_type} {node.name!r:.60} makes", [max(1, size) for size in sizes], 32)


def _content(model: Any, nodes: list[Any], constants: dict[str, Any], declared: Declared) -> Content:
    operators = Counter(_name(node) for node in nodes if node.op_type != "Constant")
    side: set[str] = set()
    main: set[str] = set()
    biases: set[str] = set()
    for node in nodes:
        for i, name in enumerate(node.input):
            (side if i in _NO_WEIGHTS.get(node.op_type, ()) else main).add(name)
        bias = _BIASES.get(node.op_type, len(node.input))
        biases |= set(node.input[bias : bias + 1])
    weights: Counter[str] = Counter()
    parameters = 0
    for name, tensor in constants.items():
        dtype = TYPES.get(tensor.data_type, ("", 0))[0]
        if name in side and name not in main:  # tf2onnx stores equal zeros once, as bias and as zero point
            continue
        if dtype in _WEIGHTS:
            weights[dtype] += prod(tensor.dims)
        if dtype in _WEIGHTS or (dtype == "int32" and name in biases):
            parameters += prod(tensor.dims)
    initialized = {tensor.name for tensor in model.graph.initializer}
    return Content(
        parameters=parameters,
        layers=None,
        operators=dict(operators),
        inputs=tuple(_spec(value, declared) for value in model.graph.input if value.name not in initialized),
        outputs=tuple(_spec(value, declared) for value in model.graph.output),
        precision=precision_of(weights, _activation_bits(nodes, constants)),
        producer=" ".join(part for part in (model.producer_name, model.producer_version) if part) or None,
        macs=onnx_macs.total(model, declared, {number: bits for number, (_, bits) in TYPES.items()}),
        nodes=len(nodes),
    )


def _name(node: Any) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}:{node.op_type}"


def _activation_bits(nodes: Iterable[Any], constants: dict[str, Any]) -> int | None:
    """8 or 16 when activations are stored as integers, by the zero points of QuantizeLinear; `None` otherwise."""
    found: Counter[int] = Counter()
    for node in nodes:
        if node.op_type == "QuantizeLinear" and node.input and node.input[0] not in constants:
            zero = constants.get(node.input[2]) if len(node.input) > 2 else None
            found[TYPES.get(zero.data_type, ("", 8))[1] if zero is not None else 8] += 1
        elif node.op_type.startswith("QLinear"):
            found[8] += 1
    return found.most_common(1)[0][0] if found else None
