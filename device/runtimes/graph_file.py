"""What must be known of a frozen TensorFlow graph (.pb) before TensorFlow may load it, read without TensorFlow.

A graph can hold operators that read and write files, call Python or load libraries, so only those on the list
`COMPUTING` may be there, in the graph and in the functions of its library. The field numbers are those of
https://github.com/tensorflow/tensorflow/tree/master/tensorflow/core/framework: graph.proto, node_def.proto,
attr_value.proto, function.proto, tensor.proto and tensor_shape.proto.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from device.runtimes.contract import shown
from device.runtimes.graph_operators import COMPUTING, VARIABLES
from device.runtimes.onnx_file import Field, fields

_LARGEST = 2**31 - 1  # bytes of one message of Protocol Buffers
_MOST_FIELDS = 10_000_000  # looked at; a NASNet has 0.2 million
_MOST_RUN = 1_000_000  # with each function counted as often as it is called
_COUNTED_TO = 10**15  # operations of a function; calls that double would give numbers of any length
_DEEPEST = 20  # attributes within attributes
_MOST_FILLED = 2**30  # bytes
_GRAPH_FIELDS = {1, 2, 3, 4, 5}
# Bytes of a number, by DataType (types.proto); without strings, resources and variants.
_BYTES = {
    1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 8: 8, 9: 8, 10: 1, 11: 1, 12: 1, 13: 4, 14: 2, 15: 2, 16: 2, 17: 2, 18: 16,
    19: 2, 22: 4, 23: 8, 24: 1, 25: 1, 29: 1, 30: 1,
}  # fmt: skip
_STRING, _STRING_BYTES = 7, 24


@dataclass(frozen=True)
class Node:
    """One operation. `inputs` as the file has them: `name`, `name:1` for a further output, `^name` to wait only."""

    name: str
    op: str
    inputs: tuple[str, ...]
    calls: tuple[str, ...] = ()  # functions of the library


@dataclass(frozen=True)
class Graph:
    """The operations of the graph itself, and of each function in its library."""

    nodes: tuple[Node, ...]
    functions: dict[str, tuple[Node, ...]]


class _Refused(ValueError):
    """The graph is whole and is not loaded all the same."""


def fault(path: Path) -> str | None:
    """Why TensorFlow may not load the file; None when it may. What is computed may still take time and memory."""
    try:
        return fault_in(read(path))
    except _Refused as error:
        return str(error)
    except ValueError as error:
        return f"it is cut off or no frozen TensorFlow graph ({error})"


def fault_in(graph: Graph) -> str | None:
    """The same for a graph that has been read."""
    try:
        for nodes in (graph.nodes, *graph.functions.values()):
            _only_computing(nodes, graph.functions)
        check_order(graph)
    except _Refused as error:
        return str(error)
    return None


def check_order(graph: Graph) -> None:
    """Raises ValueError where operations or functions go round in a circle, or are too many once unfolded."""
    for nodes in (graph.nodes, *graph.functions.values()):
        _no_cycle(nodes)
    _few_enough(graph)


def nodes(path: Path) -> tuple[Node, ...]:
    """The operations of the graph itself. Raises ValueError for a file that is no whole graph."""
    return read(path).nodes


def ends(nodes: Iterable[Node]) -> tuple[list[str], list[str]]:
    """The names of the inputs, and of the outputs: what nothing else of the graph takes or waits for."""
    listed = tuple(nodes)
    used = {_source(given) for node in listed for given in node.inputs}
    inputs = [node.name for node in listed if node.op == "Placeholder" and node.name in used]
    inside = {"NoOp", "Const", "Assert", "Placeholder", "PlaceholderWithDefault"}
    return inputs, [node.name for node in listed if node.name not in used and node.op not in inside]


def read(path: Path) -> Graph:
    """The operations, without their weights. Raises ValueError for a file that is no whole graph, or too large."""
    size = path.stat().st_size
    if size == 0:
        raise _Refused("it is empty")
    if size > _LARGEST:
        raise _Refused(f"it has {size / 2**30:.1f} GiB; a graph in one file has at most 2")
    with path.open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return parsed(whole)


def parsed(whole: memoryview) -> Graph:
    """The operations of a graph of which these are the bytes. Raises ValueError."""
    if isinstance(next(fields(whole), (0, b""))[1], int):  # a SavedModel begins with a version, a graph with a node
        raise _Refused(
            "it is no frozen graph; if it belongs to a SavedModel, its weights are in the folder beside it: freeze it "
            "with tensorflow's convert_variables_to_constants_v2"
        )
    return _Reader().graph(whole)


class _Reader:
    """Reads one file, and stops where it would take too long or the constants too much memory."""

    def __init__(self) -> None:
        self._looked_at = 0
        self._filled = 0

    def graph(self, whole: memoryview) -> Graph:
        found: list[Node] = []
        functions: dict[str, tuple[Node, ...]] = {}
        for number, value in self._fields(whole):
            if number not in _GRAPH_FIELDS:
                raise ValueError(f"a graph has no field {number}")
            if number == 1 and isinstance(value, memoryview):
                found.append(self._node(value))
            elif number == 2 and isinstance(value, memoryview):
                for name, inner in self._library(value):
                    if name in functions:
                        raise ValueError(f"two functions are called {name[:60]!r}")
                    functions[name] = inner
        if not found:
            raise ValueError("no operation is in it")
        return Graph(tuple(found), functions)

    def _node(self, message: memoryview) -> Node:
        inputs: list[str] = []
        calls: list[str] = []
        for number, value in self._fields(message):
            if number == 3:
                inputs.append(_text(value))
            elif number == 5 and isinstance(value, memoryview):
                attribute = self._one(value, 2)
                if isinstance(attribute, memoryview):
                    calls += self._attribute(attribute, 0)
        return Node(_text(self._one(message, 1)), _text(self._one(message, 2)), tuple(inputs), tuple(calls))

    def _library(self, message: memoryview) -> Iterator[tuple[str, tuple[Node, ...]]]:
        for number, function in self._fields(message):
            if number == 1 and isinstance(function, memoryview):
                signature = self._one(function, 1)
                name = _text(self._one(signature, 1)) if isinstance(signature, memoryview) else ""
                body = [v for at, v in self._fields(function) if at == 3 and isinstance(v, memoryview)]
                yield name, tuple(self._node(value) for value in body)

    def _attribute(self, message: memoryview, depth: int) -> Iterator[str]:
        """The functions that an attribute, or its list (every odd depth), names; tensors are weighed on the way."""
        if depth > _DEEPEST:
            raise ValueError(f"attributes nested more than {_DEEPEST} deep")
        in_list = depth % 2 == 1
        for count, (number, value) in enumerate(self._fields(message)):
            if count and not in_list:
                raise ValueError("an attribute with two values")
            if isinstance(value, int):
                continue
            if number == 1 and not in_list:
                yield from self._attribute(value, depth + 1)
            elif number == 8:
                self._weigh(value)
            elif number == (9 if in_list else 10):
                yield _text(self._one(value, 1))
                for at, entry in self._fields(value):
                    inner = self._one(entry, 2) if at == 2 and isinstance(entry, memoryview) else None
                    if isinstance(inner, memoryview):
                        yield from self._attribute(inner, depth + 1 if in_list else depth + 2)

    def _weigh(self, tensor: memoryview) -> None:
        """Adds what a constant takes beyond what the file holds of it: one number can stand for any shape."""
        shape, dtype = self._one(tensor, 2), self._one(tensor, 1)
        if dtype != _STRING and dtype not in _BYTES:
            raise _Refused(f"it holds a constant of type {dtype!r}, which is neither numbers nor text")
        sizes: list[int] = []
        for number, dimension in self._fields(shape) if isinstance(shape, memoryview) else ():
            if number == 2 and isinstance(dimension, memoryview):
                size = self._one(dimension, 1) or 0
                sizes.append(size if isinstance(size, int) else -1)
        if any(size < 0 or size >= 2**63 for size in sizes):
            raise ValueError(f"a constant of shape {sizes}")
        self._filled += max(0, math.prod(sizes) * _BYTES.get(int(dtype), _STRING_BYTES) - len(tensor))
        if self._filled > _MOST_FILLED:
            raise _Refused(
                f"its constants take more than {_MOST_FILLED / 2**30:g} GiB beyond what the file holds, "
                f"such as one of shape {shown(tuple(sizes))}"
            )

    def _fields(self, message: memoryview) -> Iterator[Field]:
        for field in fields(message):
            self._looked_at += 1
            if self._looked_at > _MOST_FIELDS:
                raise _Refused(f"it has more than {_MOST_FIELDS:,} parts; it is not read further")
            yield field

    def _one(self, message: memoryview, wanted: int) -> int | memoryview | None:
        """The field `wanted`. Raises ValueError for two of them, which other readers would take otherwise."""
        found = [value for number, value in self._fields(message) if number == wanted]
        if len(found) > 1:
            raise ValueError(f"field {wanted} is given twice")
        return found[0] if found else None


def _only_computing(nodes: Iterable[Node], functions: dict[str, tuple[Node, ...]]) -> None:
    for node in nodes:
        if node.op in VARIABLES:
            raise _Refused(
                f"it holds variables ({node.op}), whose values are elsewhere; freeze it first with "
                "tensorflow's convert_variables_to_constants_v2"
            )
        if node.op not in COMPUTING and node.op not in functions:
            raise _Refused(
                f"it holds the operator {node.op[:60]!r} (node {node.name[:60]!r}), which is not on the list of those "
                "that only compute"
            )
        missing = next((name for name in node.calls if name not in functions), None)
        if missing is not None:
            raise _Refused(f"node {node.name[:60]!r} calls {missing[:60]!r}, which is not in the file")


def _no_cycle(nodes: tuple[Node, ...]) -> None:
    """Every circle of the graph must pass a NextIteration, as the loops of TensorFlow 1 do."""
    by_name = {node.name: node for node in nodes}
    if len(by_name) < len(nodes):
        raise ValueError("two nodes have one name")
    waits = {node.name: 0 for node in nodes}
    then: dict[str, list[str]] = {}
    for node in nodes:
        for source in map(_source, node.inputs):
            before = by_name.get(source)
            if before is not None and before.op != "NextIteration":  # a function's arguments are no nodes
                waits[node.name] += 1
                then.setdefault(source, []).append(node.name)
    ready = [name for name, count in waits.items() if count == 0]
    done = 0
    while ready:
        done += 1
        for name in then.get(ready.pop(), ()):
            waits[name] -= 1
            if waits[name] == 0:
                ready.append(name)
    if done < len(nodes):
        stuck = next(name for name, count in waits.items() if count > 0)
        raise _Refused(f"its operations wait for one another in a circle, near node {stuck[:60]!r}")


def _few_enough(graph: Graph) -> None:
    """With functions put in the place of their calls; also that no function calls itself."""
    sizes: dict[str, int] = {}
    called = {
        name: [f for node in nodes for f in (*node.calls, node.op) if f in graph.functions]
        for name, nodes in graph.functions.items()
    }
    callers: dict[str, list[str]] = {}
    for name, inner in called.items():
        for f in inner:
            callers.setdefault(f, []).append(name)
    waits = {name: len(inner) for name, inner in called.items()}
    ready = [name for name, count in waits.items() if count == 0]
    while ready:
        name = ready.pop()
        sizes[name] = min(_COUNTED_TO, len(graph.functions[name]) + sum(sizes[f] for f in called[name]))
        for caller in callers.get(name, ()):
            waits[caller] -= 1
            if waits[caller] == 0:
                ready.append(caller)
    if len(sizes) < len(called):
        stuck = next(name for name in called if name not in sizes)
        raise _Refused(f"its function {stuck[:60]!r} calls itself, or others that do")
    whole = len(graph.nodes)
    whole += sum(sizes[f] for node in graph.nodes for f in (*node.calls, node.op) if f in sizes)
    if whole > _MOST_RUN:
        raise _Refused(f"with its functions it has {whole:,} operations; at most {_MOST_RUN:,} are run")


def _source(given: str) -> str:
    """The node that an input comes from: `name`, `name:1`, `^name`, and in functions `name:output:0`."""
    return given.removeprefix("^").partition(":")[0]


def _text(value: int | memoryview | None) -> str:
    if isinstance(value, int):
        raise ValueError("a number in the place of a name")
    return "" if value is None else str(value, "utf-8")
