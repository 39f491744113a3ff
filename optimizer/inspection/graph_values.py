"""Whole numbers that a TensorFlow graph computes from its own shapes, such as the batch that a flattening asks for.

The rules are those of https://www.tensorflow.org/api_docs/python/tf/raw_ops, for vectors and single numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol

from optimizer.inspection.macs import Sizes

MOST_VALUES = 64
"""Numbers of a constant that may be a shape, or a list of axes."""
_LARGEST = 2**63


class Node(Protocol):
    """What is needed of a node of the graph."""

    @property
    def name(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    def text(self, name: str) -> str: ...
    def number(self, name: str, default: int) -> int: ...
    def numbers(self, name: str) -> tuple[int, ...]: ...
    def shape(self, name: str) -> tuple[int | None, ...] | None: ...


@dataclass(frozen=True)
class Constant:
    """The shape of a constant, and its values where it may be a shape or a list of axes."""

    sizes: Sizes
    values: tuple[int, ...] | None


_Rule = Callable[[Node, Sequence["_Known"]], Constant]


@dataclass(frozen=True)
class _Known:
    sizes: Sizes
    values: tuple[int, ...]

    @property
    def vector(self) -> tuple[int, ...]:
        """Raises ValueError for what is no vector."""
        (_,) = self.sizes
        return self.values

    @property
    def one(self) -> int:
        """Raises ValueError for what is not one number."""
        (value,) = self.values
        return value


def computed(node: Node, first: Sizes | None, given: Sequence[Constant | None]) -> Constant | None:
    """What a node gives, from the shape of its first input and from what is known of all of them; `None`: not known."""
    known = [_Known(one.sizes, one.values) for one in given if one is not None and one.values is not None]
    try:
        if node.op == "Shape" and first is not None:
            found = Constant((len(first),), first)
        elif node.op in _RULES and known and len(known) == len(given):
            found = _RULES[node.op](node, known)
        else:
            return None
    except (LookupError, ValueError):
        return None
    values = found.values or ()
    return found if len(values) <= MOST_VALUES and all(-_LARGEST <= value < _LARGEST for value in values) else None


def _vector(values: Sequence[int]) -> Constant:
    return Constant((len(values),), tuple(values))


def _slice(node: Node, given: Sequence[_Known]) -> Constant:
    source, begin, end, step = given
    if node.number("ellipsis_mask", 0) or node.number("new_axis_mask", 0):
        raise ValueError
    if node.number("shrink_axis_mask", 0):
        return Constant((), (source.vector[begin.one],))
    first = None if node.number("begin_mask", 0) else begin.one
    last = None if node.number("end_mask", 0) else end.one
    return _vector(source.vector[first : last : step.one])


def _packed(_: Node, given: Sequence[_Known]) -> Constant:
    if any(one.sizes for one in given):
        raise ValueError
    return _vector([one.one for one in given])


def _gathered(_: Node, given: Sequence[_Known]) -> Constant:
    source, places, _axis = given
    if min(places.values, default=0) < 0:
        raise ValueError
    return Constant(places.sizes, tuple(source.vector[place] for place in places.values))


def _joined(_: Node, given: Sequence[_Known]) -> Constant:
    return _vector([value for one in given[:-1] for value in one.vector])


def _product(node: Node, given: Sequence[_Known]) -> Constant:
    return Constant((1,) if node.number("keep_dims", 0) else (), (prod(given[0].vector),))


def _multiplied(_: Node, given: Sequence[_Known]) -> Constant:
    left, right = given
    return Constant(max(left.sizes, right.sizes, key=len), (left.one * right.one,))


_RULES: dict[str, _Rule] = {
    "StridedSlice": _slice, "Pack": _packed, "GatherV2": _gathered, "ConcatV2": _joined, "Prod": _product,
    "Mul": _multiplied,
}  # fmt: skip
