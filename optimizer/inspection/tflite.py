"""TFLite files, by the field numbers of TensorFlow's schema.fbs (version 3, as of LiteRT 2.3).

The names of types and operators come from the generated schema in ai_edge_litert; its readers are not used, because
they do not check what they follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ai_edge_litert.schema_py_generated import (
    BuiltinOperator,
    TensorType,
)

from optimizer.inspection.flatbuffer import Flatbuffer, Table
from optimizer.inspection.found import Content, Declared, Limits, RefusedFile, TensorSpec, precision_of
from optimizer.inspection.tflite_macs import total

_CUSTOM = 32
_OFTEN_CUT = 127  # operators beyond it have their number in a later field of the schema
_BITS = {
    "float64": 64, "int64": 64, "uint64": 64, "complex64": 64, "complex128": 128, "float32": 32, "int32": 32,
    "uint32": 32, "float16": 16, "bfloat16": 16, "int16": 16, "uint16": 16, "int8": 8, "uint8": 8, "bool": 8,
    "int4": 4, "uint4": 4, "int2": 2, "float8_e4m3fn": 8, "float8_e5m2": 8,
}  # fmt: skip
_FLOATS = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
_ACTIVATION_BITS = {"int8": 8, "uint8": 8, "int16": 16}
# Options that name other subgraphs: (field of the type, field of the options) → type → fields with an index.
_CALLS: dict[tuple[int, int], dict[int, tuple[int, ...]]] = {
    (3, 4): {16: (0,), 92: (0, 1), 93: (0, 1), 103: (0,)},  # Call, If, While, CallOnce
    (11, 12): {6: (1,), 7: (6,), 13: (5,), 14: (2,), 15: (0, 1), 21: (1,)},  # the same in StableHLO
}
_CASE = 23  # of StableHLO: a list of subgraphs
_AGAIN = "the file is damaged: export the model again"


def _names(constants: Any) -> dict[int, str]:
    return {number: name for name, number in vars(constants).items() if isinstance(number, int)}


TYPES = {number: name.lower() for number, name in _names(TensorType).items()}
OPERATORS = _names(BuiltinOperator)


@dataclass(frozen=True)
class _Tensor:
    name: str
    shape: tuple[int | None, ...]
    sizes: tuple[int, ...]  # open ones as the file stands for them, which is 1 for the batch
    dtype: str
    buffer: int
    elements: int
    quantized: bool
    variable: bool
    sparse: bool


@dataclass(frozen=True)
class _Operator:
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    calls: tuple[int, ...]


@dataclass(frozen=True)
class _Subgraph:
    tensors: list[_Tensor]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: list[_Operator]


def read(data: bytes, limits: Limits) -> Content:
    """What a TFLite file holds. Raises RefusedFile."""
    model = Flatbuffer(data).root
    version = model.number(0, "I")
    if version != 3:
        raise RefusedFile(f"it follows version {version} of the TFLite schema, and DLOM reads 3; export it again")
    if model.vector(8, 4).count or model.vector(9, 4).count:
        raise RefusedFile("its weights lie in other files, which the sha256 would not cover; export it as one file")
    declared = Declared(limits)
    sizes = [_buffer_bytes(buffer, len(data)) for buffer in model.tables(4)]
    names = [_operator_name(code) for code in model.tables(1)]
    subgraphs = [_subgraph(table, names, declared, limits) for table in model.tables(2)]
    if not subgraphs or not any(graph.operators for graph in subgraphs):
        raise RefusedFile("it holds no operators, so no network; export the model again")
    for number, graph in enumerate(subgraphs):
        _check_order(number, graph)
        for operator in graph.operators:
            _check_indices(f"operator {operator.name}", operator.calls, len(subgraphs))
    _check_calls([{call for op in graph.operators for call in op.calls} for graph in subgraphs])
    return _content(model, subgraphs, sizes, declared)


def _buffer_bytes(buffer: Table, file_bytes: int) -> int:
    """How many bytes a buffer holds; large files keep them behind the flatbuffer."""
    inside = buffer.vector(0, 1).count
    offset, size = buffer.number(1, "Q"), buffer.number(2, "Q")
    if offset > 1 and offset + size > file_bytes:  # 0 and 1 mean: not kept behind
        raise RefusedFile(f"a buffer of it ends at byte {offset + size:,} of {file_bytes:,}; {_AGAIN}")
    return size if offset > 1 else inside


def _operator_name(code: Table) -> str:
    number = (
        max(code.number(0, "b"), code.number(3, "i")) if code.number(0, "b") in (0, _OFTEN_CUT) else code.number(0, "b")
    )
    if number == _CUSTOM:
        return f"custom:{code.text(1)}"
    if number not in OPERATORS:
        raise RefusedFile(f"it uses operator {number}, which LiteRT does not have; update LiteRT or export it again")
    return OPERATORS[number]


def _subgraph(table: Table, names: Sequence[str], declared: Declared, limits: Limits) -> _Subgraph:
    tensors = [_tensor(tensor, declared) for tensor in table.tables(0)]
    operators = [_operator(operator, names) for operator in table.tables(3)]
    if len(operators) > limits.operators:
        raise RefusedFile(f"it has {len(operators):,} operators, more than {limits.operators:,}; no device runs that")
    graph = _Subgraph(tensors, table.integers(1), table.integers(2), operators)
    _check_indices("its list of inputs and outputs", graph.inputs + graph.outputs, len(tensors))
    for operator in operators:
        # -1 stands for an optional input that is left out
        _check_indices(f"operator {operator.name}", [i for i in operator.inputs if i != -1], len(tensors))
        _check_indices(f"operator {operator.name}", operator.outputs, len(tensors))
    return graph


def _tensor(table: Table, declared: Declared) -> _Tensor:
    number, name = table.number(1, "b"), table.text(3)
    if number not in TYPES:
        raise RefusedFile(f"tensor {name!r:.60} has the unknown type {number}; {_AGAIN}")
    dtype = TYPES[number]
    sizes = table.integers(0)
    elements = declared.add(f"tensor {name!r:.60}", sizes, _BITS.get(dtype, 8))
    open_shape = table.integers(7) or sizes
    quantization = table.table(4)
    return _Tensor(
        name,
        tuple(None if size < 0 else size for size in open_shape),
        sizes,
        dtype,
        table.number(2, "I"),
        elements,
        quantization is not None and quantization.vector(2, 4).count > 0,
        bool(table.number(5, "B")),
        table.table(6) is not None,
    )


def _operator(table: Table, names: Sequence[str]) -> _Operator:
    index = table.number(0, "I")
    _check_indices("an operator", [index], len(names))
    calls: list[int] = []
    for (kind_field, options_field), called in _CALLS.items():
        kind, options = table.number(kind_field, "B"), table.table(options_field)
        if options is not None:
            calls.extend(options.number(field, "i") for field in called.get(kind, ()))
            if kind_field == 11 and kind == _CASE:
                calls.extend(options.integers(0))
    return _Operator(names[index], table.integers(1), table.integers(2), tuple(calls))


def _check_indices(whose: str, indices: Sequence[int], count: int) -> None:
    for index in indices:
        if not 0 <= index < count:
            raise RefusedFile(f"{whose} refers to number {index} where there are {count}; {_AGAIN}")


def _check_order(number: int, graph: _Subgraph) -> None:
    """Refuses an operator that needs what only it or a later one makes: TFLite runs them in the order of the file."""
    made_by: dict[int, int] = {}
    for position, operator in enumerate(graph.operators):
        for tensor in operator.outputs:
            made_by.setdefault(tensor, position)
    given = set(graph.inputs)
    for position, operator in enumerate(graph.operators):
        for tensor in operator.inputs:
            late = made_by.get(tensor, -1) >= position
            if late and tensor not in given and not graph.tensors[tensor].variable:
                raise RefusedFile(
                    f"operator {position} ({operator.name}) of subgraph {number} needs "
                    f"{graph.tensors[tensor].name!r:.60}, which operator {made_by[tensor]} makes: a cycle; {_AGAIN}"
                )


def _check_calls(calls: Sequence[set[int]]) -> None:
    """Refuses subgraphs that call themselves, at once or by way of others: they would never end."""
    ended: set[int] = set()
    for start in range(len(calls)):
        path: list[tuple[int, list[int]]] = [(start, sorted(calls[start]))]
        within = {start}
        while path:
            graph, left = path[-1]
            if not left:
                path.pop()
                within.discard(graph)
                ended.add(graph)
                continue
            called = left.pop()
            if called in within:
                raise RefusedFile(f"subgraph {called} of it calls itself and would never end; {_AGAIN}")
            if called not in ended:
                within.add(called)
                path.append((called, sorted(calls[called])))


def _content(model: Table, subgraphs: list[_Subgraph], sizes: list[int], declared: Declared) -> Content:
    operators = Counter(operator.name for graph in subgraphs for operator in graph.operators)
    weights: Counter[str] = Counter()
    parameters = 0
    activations: Counter[str] = Counter()
    counted: set[int] = set()
    for graph in subgraphs:
        for tensor in graph.tensors:
            _check_indices(f"tensor {tensor.name!r:.60}", [tensor.buffer], len(sizes))
            held = sizes[tensor.buffer]
            if not held:
                activations[tensor.dtype] += 1
                continue
            _check_held(tensor, held)
            # Constants of integers without a scale are shapes, axes and paddings.
            if (tensor.dtype in _FLOATS or tensor.quantized) and tensor.buffer not in counted:
                counted.add(tensor.buffer)
                declared.add("the weights", (tensor.elements,), _BITS.get(tensor.dtype, 8), weights=True)
                parameters += tensor.elements
                if tensor.dtype not in ("int32", "int64"):  # biases
                    weights[tensor.dtype] += tensor.elements
    main, produced = subgraphs[0], activations.most_common(1)
    custom = sorted(name for name in operators if name.startswith("custom:"))
    return Content(
        parameters=parameters,
        layers=None,
        operators=dict(operators),
        inputs=tuple(_spec(main.tensors[i]) for i in main.inputs),
        outputs=tuple(_spec(main.tensors[i]) for i in main.outputs),
        precision=precision_of(weights, _ACTIVATION_BITS.get(produced[0][0]) if produced else None),
        producer=model.text(3) or None,
        warnings=tuple(f"{name} needs a library of its own; plain LiteRT cannot run it" for name in custom[:5]),
        macs=_macs(main),
        nodes=operators.total(),
    )


def _macs(graph: _Subgraph) -> int | None:
    """Of the main subgraph; `None` when a size beyond the batch is open, for other batches, and for loops."""
    for number in graph.inputs:
        shape = graph.tensors[number].shape
        if len(shape) > 1 and shape[0] not in (None, 1):
            return None
    seen = {*graph.inputs, *(number for operator in graph.operators for number in operator.outputs)}
    if any(None in graph.tensors[number].shape[1:] for number in seen):
        return None
    return total(
        (
            operator.name,
            [graph.tensors[i].sizes if i >= 0 else () for i in operator.inputs],
            [graph.tensors[i].sizes for i in operator.outputs],
        )
        for operator in graph.operators
    )


def _check_held(tensor: _Tensor, held: int) -> None:
    """A constant must have as many bytes as its shape says, or a runtime would read what lies behind it."""
    bits = _BITS.get(tensor.dtype)
    if bits is None or tensor.sparse:
        return
    needed = (tensor.elements * bits + 7) // 8
    if held != needed:
        raise RefusedFile(f"tensor {tensor.name!r:.60} needs {needed:,} bytes and has {held:,}; {_AGAIN}")


def _spec(tensor: _Tensor) -> TensorSpec:
    return TensorSpec(tensor.name, tensor.shape, tensor.dtype)
