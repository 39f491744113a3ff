"""Frozen TensorFlow graphs (.pb), read as data: neither TensorFlow nor a generated reader of Protocol Buffers is used.

Which operators are safe is decided in `device/runtimes/graph_file.py`, as it is before a graph is run. The field
numbers are those of tensorflow/core/framework: graph.proto, node_def.proto, attr_value.proto, tensor.proto,
tensor_shape.proto and types.proto.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from device.runtimes import graph_file
from device.runtimes.onnx_file import fields, varint
from optimizer.inspection import graph_macs
from optimizer.inspection.found import Content, Declared, Limits, RefusedFile, TensorSpec, precision_of
from optimizer.inspection.graph_values import MOST_VALUES, Constant

# Numbers of DataType (types.proto): the numpy name and the bits of one element.
TYPES = {
    1: ("float32", 32), 2: ("float64", 64), 3: ("int32", 32), 4: ("uint8", 8), 5: ("int16", 16), 6: ("int8", 8),
    8: ("complex64", 64), 9: ("int64", 64), 10: ("bool", 8), 14: ("bfloat16", 16), 17: ("uint16", 16),
    18: ("complex128", 128), 19: ("float16", 16), 22: ("uint32", 32), 23: ("uint64", 64),
}  # fmt: skip
_WEIGHTS = ("float32", "float64", "float16", "bfloat16", "int8", "uint8")
_MOST_SIZES = 64


@dataclass(frozen=True)
class Operation:
    """One node of a graph: its inputs as the file has them, and its attributes as they are stored."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, memoryview]

    def text(self, name: str) -> str:
        """A text attribute; empty when it is absent."""
        return str(next((v for n, v in self._of(name) if n == 2 and not isinstance(v, int)), b""), "utf-8", "replace")

    def number(self, name: str, default: int) -> int:
        """A number, a truth value or a type."""
        return next((v for n, v in self._of(name) if n in (3, 5, 6) and isinstance(v, int)), default)

    def numbers(self, name: str) -> tuple[int, ...]:
        """A list of numbers; empty when it is absent."""
        listed = next((v for n, v in self._of(name) if n == 1 and not isinstance(v, int)), memoryview(b""))
        return tuple(_packed(listed, 3))

    def shape(self, name: str) -> tuple[int | None, ...] | None:
        """A shape; `None` when it is absent, or of any rank."""
        stored = next((v for n, v in self._of(name) if n == 7 and not isinstance(v, int)), None)
        return None if stored is None else shape_of(stored)

    def function(self, name: str) -> str:
        """The function that the attribute names; empty when it is absent."""
        named = next((v for n, v in self._of(name) if n == 10 and not isinstance(v, int)), memoryview(b""))
        return str(next((v for n, v in fields(named) if n == 1 and not isinstance(v, int)), b""), "utf-8", "replace")

    def tensor(self, name: str) -> memoryview | None:
        """A constant, still as stored."""
        return next((v for n, v in self._of(name) if n == 8 and not isinstance(v, int)), None)

    def _of(self, name: str) -> Iterator[tuple[int, int | memoryview]]:
        yield from fields(self.attributes[name]) if name in self.attributes else ()


def read(data: bytes, limits: Limits) -> Content:
    """What a frozen graph holds. Raises RefusedFile, and ValueError for a damaged one."""
    whole = memoryview(data)
    try:
        graph = graph_file.parsed(whole)
    except ValueError as error:
        raise RefusedFile(f"it is no frozen TensorFlow graph that can be read: {error}; freeze it again") from None
    fault = graph_file.fault_in(graph)
    if fault is not None:
        raise RefusedFile(f"{fault}: freeze the trained model itself again")
    operations = [operation(value) for at, value in fields(whole) if at == 1 and not isinstance(value, int)]
    if len(operations) > limits.operators:
        raise RefusedFile(f"it has {len(operations):,} operators, more than {limits.operators:,}; no device runs that")
    declared = Declared(limits)
    weights: Counter[str] = Counter()
    constants: dict[str, Constant] = {}
    specs: dict[str, TensorSpec] = {}
    for node in operations:
        dtype, bits = TYPES.get(node.number("dtype", 0) or node.number("T", 0), (None, 8))
        if node.op == "Const":
            constants[node.name] = constant(node, declared)
            if dtype in _WEIGHTS and constants[node.name].sizes:
                weights[dtype] += prod(constants[node.name].sizes)
        elif node.op == "Placeholder":
            declared.add(f"input {node.name!r:.60}", node.shape("shape") or (), bits)
            specs[node.name] = TensorSpec(node.name, node.shape("shape"), dtype)
    given, made = graph_file.ends(graph.nodes)
    found = graph_macs.follow(operations, constants, declared)
    by_name = {node.name: node for node in operations}
    return Content(
        parameters=weights.total(),
        layers=None,
        operators=dict(Counter(node.op for node in operations if node.op not in ("Const", "Placeholder", "NoOp"))),
        inputs=tuple(specs[name] for name in given if name in specs),
        outputs=tuple(
            TensorSpec(name, found.shapes.get(name), TYPES.get(by_name[name].number("T", 0), (None, 0))[0])
            for name in made
        ),
        precision=precision_of(weights, None),
        producer=None,
        macs=found.macs,
        nodes=len(operations),
    )


def operation(message: memoryview) -> Operation:
    """A NodeDef."""
    name = op = ""
    inputs: list[str] = []
    attributes: dict[str, memoryview] = {}
    for at, value in fields(message):
        if isinstance(value, int):
            continue
        if at == 1:
            name = str(value, "utf-8")
        elif at == 2:
            op = str(value, "utf-8")
        elif at == 3:
            inputs.append(str(value, "utf-8"))
        elif at == 5:
            key, stored = "", memoryview(b"")
            for n, part in fields(value):
                if n == 1 and not isinstance(part, int):
                    key = str(part, "utf-8")
                elif n == 2 and not isinstance(part, int):
                    stored = part
            attributes[key] = stored
    return Operation(name, op, tuple(inputs), attributes)


def shape_of(message: memoryview) -> tuple[int | None, ...] | None:
    """A TensorShapeProto; open sizes are `None`, and so is the whole when the rank is not known."""
    sizes: list[int | None] = []
    for at, value in fields(message):
        if at == 3 and value:
            return None
        if at == 2 and not isinstance(value, int):
            size = next((v for n, v in fields(value) if n == 1 and isinstance(v, int)), 0)
            sizes.append(None if size >= 2**63 else size)  # −1 as 64 bits
        if len(sizes) > _MOST_SIZES:
            raise RefusedFile(f"it holds a shape of more than {_MOST_SIZES} sizes; the file is damaged")
    return tuple(sizes)


def constant(node: Operation, declared: Declared) -> Constant:
    """A constant's shape, and its values when it may be a shape or a list of axes."""
    tensor = node.tensor("value") or memoryview(b"")
    dtype = next((v for n, v in fields(tensor) if n == 1 and isinstance(v, int)), 0)
    shape = next((shape_of(v) for n, v in fields(tensor) if n == 2 and not isinstance(v, int)), ())
    if shape is None or None in shape:
        raise RefusedFile(f"constant {node.name!r:.60} has an open shape; the file is damaged: freeze it again")
    sizes = tuple(size for size in shape if size is not None)
    name, bits = TYPES.get(dtype, ("", 8))
    elements = declared.add(f"constant {node.name!r:.60}", sizes, bits, weights=True)
    if name not in ("int32", "int64") or elements > MOST_VALUES:
        return Constant(sizes, None)
    content = next((v for n, v in fields(tensor) if n == 4 and not isinstance(v, int)), memoryview(b""))
    if content:
        values = struct.unpack(f"<{elements}{'i' if name == 'int32' else 'q'}", content)
    else:
        values = tuple(_packed(tensor, 7 if name == "int32" else 10))
        values += (values[-1:] or (0,)) * (elements - len(values))  # the last stands for all that follow, 0 for none
    return Constant(sizes, values if len(values) == elements else None)


def _packed(message: memoryview, wanted: int) -> Iterator[int]:
    """Signed numbers of a repeated field, stored one by one or packed."""
    for at, value in fields(message):
        if at != wanted:
            continue
        if isinstance(value, int):
            yield value - 2**64 if value >= 2**63 else value
        else:
            place = 0
            while place < len(value):
                one, place = varint(value, place)
                yield one - 2**64 if one >= 2**63 else one
