"""Multiply-accumulates of a SavedModel's signature: its functions put in the place of their calls, then counted as a
frozen graph is.

The field numbers are those of tensorflow/core/framework: function.proto and op_def.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from device.runtimes.onnx_file import fields
from optimizer.inspection import graph_macs
from optimizer.inspection.found import Declared, TensorSpec
from optimizer.inspection.graph_def import Operation, constant, operation
from optimizer.inspection.graph_values import Constant

_TOP = "0/"
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_FIRST_OF_SEVERAL = {"FusedBatchNorm": "y", "FusedBatchNormV2": "y", "FusedBatchNormV3": "y"}


@dataclass(frozen=True)
class _Function:
    arguments: Mapping[str, int]
    nodes: Mapping[str, Operation]
    results: tuple[str, ...]  # what its body calls each of its outputs


@dataclass
class _Frame:
    """One call of a function, or the graph itself, where nobody calls."""

    prefix: str
    function: _Function
    given: tuple[str, ...] = ()
    caller: _Frame | None = None
    inner: dict[str, _Frame] = field(default_factory=dict)


def total(
    graph: memoryview, outputs: Iterable[str], variables: Mapping[str, TensorSpec], declared: Declared
) -> int | None:
    """Of one inference at batch 1, from the GraphDef and the tensors that a signature gives; `None` where it is open.

    Raises RefusedFile when a tensor would be larger than a file may declare, and ValueError for a damaged graph.
    """
    top = _Function({}, {node.name: node for node in _operations(graph, 1)}, tuple(outputs))
    functions = dict(_functions(graph))
    try:
        nodes = list(_Unfolded(top, functions, declared.limits.operators))
    except LookupError:  # calls that do not go with their functions, or too many
        return None
    constants: dict[str, Constant] = {}
    for node in nodes:
        if node.op == "Const":
            constants[node.name] = constant(node, declared)
        elif node.op == "VarHandleOp":
            spec = variables.get(node.name.removeprefix(_TOP))
            if spec is not None and spec.shape is not None and None not in spec.shape:
                constants[node.name] = Constant(tuple(size for size in spec.shape if size is not None), None)
    return graph_macs.follow([node for node in nodes if node.op != "VarHandleOp"], constants, declared).macs


class _Unfolded:
    """The nodes whose values lead to the results, under names of their own, taking tensors by those names."""

    def __init__(self, top: _Function, functions: Mapping[str, _Function], most: int) -> None:
        self._top, self._functions, self._most = _Frame(_TOP, top), functions, most
        self._counted = 0

    def __iter__(self) -> Iterator[Operation]:
        waiting = [self._source(self._top, result) for result in self._top.function.results]
        seen: set[str] = set()
        while waiting:
            frame, name, _ = waiting.pop()
            full = frame.prefix + name
            if full in seen:
                continue
            seen.add(full)
            self._count()
            node = frame.function.nodes[name]
            sources = [self._source(frame, given) for given in node.inputs if not given.startswith("^")]
            waiting += sources
            yield replace(node, name=full, inputs=tuple(f.prefix + n + (f":{k}" if k else "") for f, n, k in sources))

    def _count(self) -> int:
        """A number for one more node or call. Raises LookupError for more than a file may have."""
        self._counted += 1
        if self._counted > self._most:
            raise LookupError
        return self._counted

    def _source(self, frame: _Frame, tensor: str) -> tuple[_Frame, str, int]:
        """Where a tensor is made: by which node, no call, of which frame, and as which of its outputs."""
        while True:
            name, _, rest = tensor.partition(":")
            if frame.caller is not None and name in frame.function.arguments:
                tensor, frame = frame.given[frame.function.arguments[name]], frame.caller
                continue
            node = frame.function.nodes[name]
            output, _, place = rest.rpartition(":")
            index = int(place or 0)
            called = node.function("f") if node.op in _CALLS else node.op
            if called not in self._functions:
                return frame, name, index if output in ("", _FIRST_OF_SEVERAL.get(node.op, output)) else index + 1
            frame = self._entered(frame, node, self._functions[called])
            tensor = frame.function.results[index]

    def _entered(self, frame: _Frame, node: Operation, function: _Function) -> _Frame:
        if node.name not in frame.inner:
            given = tuple(name for name in node.inputs if not name.startswith("^"))
            frame.inner[node.name] = _Frame(f"{self._count()}/", function, given, frame)
        return frame.inner[node.name]


def _operations(message: memoryview, wanted: int) -> Iterator[Operation]:
    return (operation(value) for at, value in fields(message) if at == wanted and not isinstance(value, int))


def _functions(graph: memoryview) -> Iterator[tuple[str, _Function]]:
    for library in _parts(graph, 2):
        for function in _parts(library, 1):
            signature = next(_parts(function, 1), memoryview(b""))
            entries = [_text(argument, 1) for argument in _parts(signature, 2)]
            ends = {_text(pair, 1): _text(pair, 2) for pair in _parts(function, 4)}
            yield (
                _text(signature, 1),
                _Function(
                    {name: place for place, name in enumerate(entries)},
                    {node.name: node for node in _operations(function, 3)},
                    tuple(ends.get(_text(result, 1), "") for result in _parts(signature, 3)),
                ),
            )


def _parts(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (value for at, value in fields(message) if at == wanted and not isinstance(value, int))


def _text(message: memoryview, wanted: int) -> str:
    return str(next(_parts(message, wanted), b""), "utf-8")
