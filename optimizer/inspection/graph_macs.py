"""Multiply-accumulates of a TensorFlow graph: shapes are followed from the inputs to the outputs.

The rules are those of the operators' definitions, https://www.tensorflow.org/api_docs/python/tf/raw_ops. A shape that
does not follow from the file (an open size, an operator that is not here) stays open, and so does the count when an
operator with products depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from optimizer.inspection.found import Declared
from optimizer.inspection.graph_values import Constant, Node, computed
from optimizer.inspection.macs import Sizes, broadcast, convolution, product, transposed_convolution, window_positions

_FLOAT_BITS = 32


@dataclass(frozen=True)
class Followed:
    """The shapes that follow from the file, and the count; `None` where it stays open."""

    shapes: Mapping[str, Sizes]
    macs: int | None


class _Open(Exception):
    """A shape does not follow from the file."""


@dataclass(frozen=True)
class _Given:
    node: Node
    shapes: Sequence[Sizes]
    constants: Sequence[Constant | None]

    def values(self, index: int) -> tuple[int, ...]:
        constant = self.constants[index]
        if constant is None or constant.values is None:
            raise _Open
        return constant.values


_Rule = Callable[[_Given], tuple[Sizes, int]]


def _places(given: _Given) -> tuple[Sizes, int, bool]:
    """Positions and channels of a picture, and whether the channels come first."""
    shape, first = given.shapes[0], given.node.text("data_format") == "NCHW"
    if len(shape) != 4:
        raise _Open
    return (shape[2:], shape[1], True) if first else (shape[1:3], shape[3], False)


def _windows(given: _Given, kernel: Sizes) -> Sizes:
    positions, _, first = _places(given)
    axes = slice(2, 4) if first else slice(1, 3)
    strides = given.node.numbers("strides")[axes]
    dilations = given.node.numbers("dilations")[axes] or (1, 1)
    padding = given.node.text("padding").lower()
    found = [
        window_positions(n, k, s, d, padding) for n, k, s, d in zip(positions, kernel, strides, dilations, strict=True)
    ]
    known = tuple(size for size in found if size is not None)
    if len(known) < 2:  # among them EXPLICIT padding
        raise _Open
    return known


def _picture(given: _Given, places: Sizes, channels: int) -> Sizes:
    batch = given.shapes[0][0]
    return (batch, channels, *places) if _places(given)[2] else (batch, *places, channels)


def _conv(given: _Given) -> tuple[Sizes, int]:
    *kernel, channels, filters = given.shapes[1]  # (height, width, in / groups, out)
    out = _picture(given, _windows(given, tuple(kernel)), filters)
    return out, convolution(out, kernel, channels)


def _depthwise(given: _Given) -> tuple[Sizes, int]:
    *kernel, channels, multiplier = given.shapes[1]  # (height, width, in, multiplier)
    out = _picture(given, _windows(given, tuple(kernel)), channels * multiplier)
    return out, convolution(out, kernel, 1)


def _pool(given: _Given) -> tuple[Sizes, int]:
    _, channels, first = _places(given)
    kernel = given.node.numbers("ksize")[slice(2, 4) if first else slice(1, 3)]
    return _picture(given, _windows(given, kernel), channels), 0


def _transposed_conv(given: _Given) -> tuple[Sizes, int]:
    *kernel, filters, _ = given.shapes[1]  # (height, width, out, in)
    out = given.values(0)
    if min(out) < 1:
        raise _Open
    return out, transposed_convolution(given.shapes[2], kernel, filters)


def _matmul(given: _Given) -> tuple[Sizes, int]:
    (rows, inner), (again, columns) = given.shapes[:2]
    if given.node.number("transpose_a", 0):
        rows, inner = inner, rows
    if given.node.number("transpose_b", 0):
        again, columns = columns, again
    if inner != again:
        raise _Open
    return (rows, columns), product((rows, columns), inner)


def _batched(given: _Given) -> tuple[Sizes, int]:
    left, right = given.shapes[:2]
    rows, inner = (left[-1], left[-2]) if given.node.number("adj_x", 0) else (left[-2], left[-1])
    columns = right[-2] if given.node.number("adj_y", 0) else right[-1]
    before = broadcast([left[:-2], right[:-2]])
    if before is None:
        raise _Open
    out = (*before, rows, columns)
    return out, product(out, inner)


def _same(given: _Given) -> tuple[Sizes, int]:
    return given.shapes[0], 0


def _elementwise(given: _Given) -> tuple[Sizes, int]:
    out = broadcast(given.shapes)
    if out is None:
        raise _Open
    return out, 0


def _reshape(given: _Given) -> tuple[Sizes, int]:
    said, elements = given.values(1), prod(given.shapes[0])
    known = prod(size for size in said if size != -1)
    if said.count(-1) > 1 or any(size < -1 for size in said) or known < 1:
        raise _Open
    if elements % known if -1 in said else elements != known:
        raise _Open
    return tuple(elements // known if size == -1 else size for size in said), 0


def _squeeze(given: _Given) -> tuple[Sizes, int]:
    shape = given.shapes[0]
    axes = {axis % len(shape) for axis in given.node.numbers("squeeze_dims")}
    return tuple(n for i, n in enumerate(shape) if not (i in axes if axes else n == 1)), 0


def _expand(given: _Given) -> tuple[Sizes, int]:
    (axis,), shape = given.values(1), given.shapes[0]
    axis %= len(shape) + 1
    return (*shape[:axis], 1, *shape[axis:]), 0


def _reduced(given: _Given) -> tuple[Sizes, int]:
    shape = given.shapes[0]
    axes = {axis % len(shape) for axis in given.values(1)}
    if given.node.number("keep_dims", 0):
        return tuple(1 if i in axes else n for i, n in enumerate(shape)), 0
    return tuple(n for i, n in enumerate(shape) if i not in axes), 0


def _padded(given: _Given) -> tuple[Sizes, int]:
    edges = given.values(1)  # (rank, 2)
    return tuple(n + a + b for n, a, b in zip(given.shapes[0], edges[::2], edges[1::2], strict=True)), 0


def _joined(given: _Given) -> tuple[Sizes, int]:
    (axis,), shapes = given.values(-1), given.shapes[:-1]
    axis %= len(shapes[0])
    return tuple(sum(s[i] for s in shapes) if i == axis else n for i, n in enumerate(shapes[0])), 0


def _tiled(given: _Given) -> tuple[Sizes, int]:
    times = given.values(1)
    if min(times) < 1:
        raise _Open
    return tuple(n * k for n, k in zip(given.shapes[0], times, strict=True)), 0


def _transposed(given: _Given) -> tuple[Sizes, int]:
    return tuple(given.shapes[0][axis] for axis in given.values(1)), 0


def _resized(given: _Given) -> tuple[Sizes, int]:
    batch, _, _, channels = given.shapes[0]
    return (batch, *given.values(1), channels), 0


_BROADCAST = "Add AddV2 AddN Sub Mul RealDiv Div Maximum Minimum SquaredDifference Pow"
_SHAPE_KEPT = """
    Identity ReadVariableOp StopGradient BiasAdd Relu Relu6 LeakyRelu Elu Selu Softplus Softmax LogSoftmax Sigmoid Tanh
    Abs Neg Sqrt Rsqrt Square Exp Log Floor Cast FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LRN
    FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel
"""
_RULES: dict[str, _Rule] = {
    "Conv2D": _conv, "DepthwiseConv2dNative": _depthwise, "Conv2DBackpropInput": _transposed_conv, "MatMul": _matmul,
    "MaxPool": _pool, "AvgPool": _pool, "Reshape": _reshape, "Squeeze": _squeeze, "ExpandDims": _expand,
    "ConcatV2": _joined, "Transpose": _transposed, "Tile": _tiled,
    **dict.fromkeys(("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), _batched),
    **dict.fromkeys(("Mean", "Sum", "Max", "Min", "Prod"), _reduced),
    **dict.fromkeys(("Pad", "PadV2", "MirrorPad"), _padded),
    **dict.fromkeys(("ResizeBilinear", "ResizeNearestNeighbor"), _resized),
    **dict.fromkeys(_BROADCAST.split(), _elementwise),
    **dict.fromkeys(_SHAPE_KEPT.split(), _same),
}  # fmt: skip
# Operators that make what they take no part in counting: a count may do without their shape.
_AT_THE_SIDE = frozenset({"NoOp", "Const", "Placeholder", "Shape", "StridedSlice", "Pack", "GatherV2", "Assert"})
# Operators that give the numbers they take, at most in another shape or type.
_NUMBERS_KEPT = frozenset({"Identity", "Cast", "Reshape", "Squeeze", "ExpandDims"})


def follow(nodes: Sequence[Node], constants: Mapping[str, Constant], declared: Declared) -> Followed:
    """Shapes and count of one inference at batch 1, of a graph without cycles.

    Raises RefusedFile when a tensor would be larger than a file may declare.
    """
    known = dict(constants)
    shapes: dict[str, Sizes] = {name: constant.sizes for name, constant in known.items()}
    ordered = _in_order(nodes)
    macs = 0 if len(ordered) == len(nodes) else None
    for node in ordered:
        if node.op == "Placeholder":
            said = node.shape("shape")
            if said and said[0] in (None, 1) and None not in said[1:]:
                shapes[node.name] = tuple(1 if size is None else size for size in said)
        sources = [source.removesuffix(":0") for source in node.inputs if not source.startswith("^")]
        constants_given = [known.get(source) for source in sources]
        numbers = computed(node, shapes.get(sources[0]) if sources else None, constants_given)
        if numbers is not None:
            known[node.name], shapes[node.name] = numbers, numbers.sizes
            continue
        rule = _RULES.get(node.op)
        if rule is None:
            macs = macs if node.op in _AT_THE_SIDE else None
            continue
        try:
            given = _Given(node, [shapes[source] for source in sources], constants_given)
            out, more = rule(given)
        except (_Open, KeyError, ValueError, IndexError, TypeError, ZeroDivisionError):
            macs = None
            continue
        declared.add(f"what node {node.name!r:.60} makes", out, _FLOAT_BITS)
        shapes[node.name] = out
        if node.op in _NUMBERS_KEPT and given.constants[0] is not None:
            known[node.name] = Constant(out, given.constants[0].values)
        macs = None if macs is None else macs + more
    return Followed(shapes, macs)


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """Each node behind those that it takes from; what is in a loop is left out, and the count with it."""
    by_name = {node.name: node for node in nodes}
    waits, then = dict.fromkeys(by_name, 0), {name: list[str]() for name in by_name}
    for node in nodes:
        for source in {given.removeprefix("^").partition(":")[0] for given in node.inputs}:
            if source in by_name:
                waits[node.name] += 1
                then[source].append(node.name)
    ready = [name for name, count in waits.items() if not count]
    found: list[Node] = []
    while ready:
        name = ready.pop()
        found.append(by_name[name])
        for later in then[name]:
            waits[later] -= 1
            if not waits[later]:
                ready.append(later)
    return found
