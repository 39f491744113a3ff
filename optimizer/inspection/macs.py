"""Multiply-accumulates (MACs) of one inference, by the sizes of tensors: pure arithmetic.

Counted are convolutions, dense layers, matrix products and the matrices of recurrent layers, one MAC for each product
that is added up, biases not: for a convolution D_K · D_K · M · N · D_F · D_F (Howard et al. 2017, MobileNets, section
3.1), which is also what the tables of published networks give as "MAdds" or "FLOPs". Work element by element
(activations, additions, normalization, pooling, resizing) counts as zero there and here. Padding counts as if it were
data. Sparse matrices count in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

Sizes = tuple[int, ...]


def convolution(out: Sizes, kernel: Sequence[int], channels_in: int, groups: int = 1) -> int:
    """`out` is the whole output (batch, positions and channels in any order); each element takes kernel · in / groups.

    A depthwise convolution has as many groups as channels.
    """
    return prod(out) * prod(kernel) * (channels_in // groups)


def transposed_convolution(given: Sizes, kernel: Sequence[int], channels_out: int, groups: int = 1) -> int:
    """`given` is the whole input: each of its elements is multiplied with a kernel for each channel of the output
    (Dumoulin and Visin 2016, chapter 4: it runs the convolution from output to input).
    """
    return prod(given) * prod(kernel) * (channels_out // groups)


def product(out: Sizes, inner: int) -> int:
    """A matrix product or dense layer with this output, which adds up `inner` products for each element."""
    return prod(out) * inner


def recurrent(steps: int, gates: int, units: int, features: int) -> int:
    """One direction of a recurrent layer: `gates` (LSTM 4, GRU 3, simple 1) matrices for input and state each step
    (Hochreiter and Schmidhuber 1997; Cho et al. 2014).
    """
    return steps * gates * units * (features + units)


def window_positions(size: int, kernel: int, stride: int, dilation: int, padding: str) -> int | None:
    """How often a window fits, by Keras's words for padding (Dumoulin and Visin 2016, relationships 3 and 6).

    `None` when it does not fit at all, or for another word.
    """
    if stride < 1 or kernel < 1 or dilation < 1:
        return None
    if padding in ("same", "causal"):
        return -(-size // stride)
    reach = dilation * (kernel - 1) + 1
    return (size - reach) // stride + 1 if padding == "valid" and size >= reach else None


def broadcast(shapes: Sequence[Sizes]) -> Sizes | None:
    """The shape of work element by element (numpy's rule); `None` when the shapes do not go together."""
    longest = max((len(shape) for shape in shapes), default=0)
    padded = [(1,) * (longest - len(shape)) + shape for shape in shapes]
    found = []
    for sizes in zip(*padded, strict=True):
        larger = {size for size in sizes if size != 1}
        if len(larger) > 1:
            return None
        found.append(larger.pop() if larger else 1)
    return tuple(found)
