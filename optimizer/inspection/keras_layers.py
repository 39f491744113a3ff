"""What each Keras layer makes of the shape that it is given, and how many multiply-accumulates that takes.

By the layers' definitions in the Keras 3 documentation (https://keras.io/api/layers/), read from the configuration
alone: no layer is made. A shape is (batch, …) with all sizes known. A layer that is not here, or an option that is
not, leaves the count open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from optimizer.inspection.macs import (
    Sizes,
    broadcast,
    convolution,
    product,
    recurrent,
    transposed_convolution,
    window_positions,
)


class NotTold(Exception):
    """The configuration does not tell the shape or the work of a layer in a way that is known here."""


@dataclass(frozen=True)
class Step:
    """What one call of a layer makes (its shape), the multiply-accumulates that it takes, and the numbers of its kernel
    (of what is large among its weights).
    """

    out: Sizes
    macs: int = 0
    kernel: int = 0


Config = Mapping[str, Any]
_Rule = Callable[[Config, Sequence[Sizes]], Step]


def whole(config: Config, name: str, default: int | None = None) -> int:
    """A positive whole number of the configuration. Raises NotTold."""
    value = config.get(name, default)
    if type(value) is not int or value < 1:
        raise NotTold(name)
    return value


def _each(value: Any, rank: int) -> tuple[int, ...]:
    sizes = [value] * rank if type(value) is int else value
    if not isinstance(sizes, list | tuple) or len(sizes) != rank or any(type(s) is not int or s < 0 for s in sizes):
        raise NotTold("size")
    return tuple(sizes)


def _split(config: Config, shape: Sizes, rank: int) -> tuple[Sizes, int]:
    """The positions and the channels of an input of a layer of this rank."""
    if len(shape) != rank + 2:
        raise NotTold("rank")
    return (shape[2:], shape[1]) if _channels_first(config) else (shape[1:-1], shape[-1])


def _joined(config: Config, shape: Sizes, positions: Sizes, channels: int) -> Sizes:
    return (shape[0], channels, *positions) if _channels_first(config) else (shape[0], *positions, channels)


def _channels_first(config: Config) -> bool:
    order = config.get("data_format") or "channels_last"
    if order not in ("channels_last", "channels_first"):
        raise NotTold("data_format")
    return bool(order == "channels_first")


def _windows(config: Config, positions: Sizes, kernel: Sizes, stride: Any, dilation: Any = 1) -> Sizes:
    rank = len(positions)
    padding = str(config.get("padding", "valid")).lower()
    found = tuple(
        window_positions(size, k, s, d, padding)
        for size, k, s, d in zip(positions, kernel, _each(stride, rank), _each(dilation, rank), strict=True)
    )
    known = tuple(size for size in found if size is not None)
    if len(known) < rank:
        raise NotTold("padding")
    return known


def _convolution(rank: int) -> _Rule:
    def rule(config: Config, given: Sequence[Sizes]) -> Step:
        positions, channels = _split(config, given[0], rank)
        kernel = _each(config.get("kernel_size"), rank)
        places = _windows(config, positions, kernel, config.get("strides", 1), config.get("dilation_rate", 1))
        out = _joined(config, given[0], places, whole(config, "filters"))
        groups = whole(config, "groups", 1)
        return Step(
            out,
            convolution(out, kernel, channels, groups),
            prod(kernel) * (channels // groups) * whole(config, "filters"),
        )

    return rule


def _depthwise(rank: int) -> _Rule:
    def rule(config: Config, given: Sequence[Sizes]) -> Step:
        positions, channels = _split(config, given[0], rank)
        kernel = _each(config.get("kernel_size"), rank)
        places = _windows(config, positions, kernel, config.get("strides", 1), config.get("dilation_rate", 1))
        channels *= whole(config, "depth_multiplier", 1)
        out = _joined(config, given[0], places, channels)
        return Step(out, convolution(out, kernel, 1), prod(kernel) * channels)

    return rule


def _separable(rank: int) -> _Rule:
    def rule(config: Config, given: Sequence[Sizes]) -> Step:
        deep = _depthwise(rank)(config, given)
        places, channels = _split(config, deep.out, rank)
        filters = whole(config, "filters")
        out = _joined(config, deep.out, places, filters)
        return Step(out, deep.macs + product(out, channels), deep.kernel + channels * filters)

    return rule


def _transposed(rank: int) -> _Rule:
    def rule(config: Config, given: Sequence[Sizes]) -> Step:
        positions, channels = _split(config, given[0], rank)
        kernel, stride = _each(config.get("kernel_size"), rank), _each(config.get("strides", 1), rank)
        padding = str(config.get("padding", "valid")).lower()
        if config.get("output_padding") is not None or set(_each(config.get("dilation_rate", 1), rank)) != {1}:
            raise NotTold("output_padding")
        if padding not in ("same", "valid"):
            raise NotTold("padding")
        places = tuple(
            n * s + (max(k - s, 0) if padding == "valid" else 0)
            for n, k, s in zip(positions, kernel, stride, strict=True)
        )
        filters = whole(config, "filters")
        return Step(
            _joined(config, given[0], places, filters),
            transposed_convolution(given[0], kernel, filters),
            prod(kernel) * channels * filters,
        )

    return rule


def _pooling(rank: int) -> _Rule:
    def rule(config: Config, given: Sequence[Sizes]) -> Step:
        positions, channels = _split(config, given[0], rank)
        kernel = _each(config.get("pool_size", 2), rank)
        stride = config.get("strides")
        places = _windows(config, positions, kernel, list(kernel) if stride is None else stride)
        return Step(_joined(config, given[0], places, channels))

    return rule


def _global_pooling(rank: int) -> _Rule:
    def rule(config: Config, given: Sequence[Sizes]) -> Step:
        _, channels = _split(config, given[0], rank)
        if config.get("keepdims"):
            return Step(_joined(config, given[0], (1,) * rank, channels))
        return Step((given[0][0], channels))

    return rule


def _edges(config: Config, name: str, rank: int) -> list[tuple[int, int]]:
    said = config.get(name, 1)
    if rank == 1 or type(said) is int:
        pair = _each(said, 2)
        return [(pair[0], pair[1])] * rank
    if not isinstance(said, list | tuple) or len(said) != rank:
        raise NotTold(name)
    pairs = [_each(one, 2) for one in said]
    return [(pair[0], pair[1]) for pair in pairs]


def _resized(rank: int, name: str, sign: int) -> _Rule:
    """Padding (sign 1) and cropping (-1)."""

    def rule(config: Config, given: Sequence[Sizes]) -> Step:
        positions, channels = _split(config, given[0], rank)
        edges = _edges(config, name, rank)
        places = tuple(n + sign * (a + b) for n, (a, b) in zip(positions, edges, strict=True))
        return Step(_joined(config, given[0], places, channels))

    return rule


def _upsampling(rank: int) -> _Rule:
    def rule(config: Config, given: Sequence[Sizes]) -> Step:
        positions, channels = _split(config, given[0], rank)
        factors = _each(config.get("size", 2), rank)
        places = tuple(n * factor for n, factor in zip(positions, factors, strict=True))
        return Step(_joined(config, given[0], places, channels))

    return rule


def _resizing(config: Config, given: Sequence[Sizes]) -> Step:
    _, channels = _split(config, given[0], 2)
    return Step(_joined(config, given[0], (whole(config, "height"), whole(config, "width")), channels))


def _dense(config: Config, given: Sequence[Sizes]) -> Step:
    out = (*given[0][:-1], whole(config, "units"))
    return Step(out, product(out, given[0][-1]), given[0][-1] * out[-1])


def _flatten(_: Config, given: Sequence[Sizes]) -> Step:
    return Step((given[0][0], prod(given[0][1:])))


def _reshape(config: Config, given: Sequence[Sizes]) -> Step:
    said = config.get("target_shape")
    if not isinstance(said, list) or any(type(size) is not int for size in said) or said.count(-1) > 1:
        raise NotTold("target_shape")
    known, elements = prod(size for size in said if size != -1), prod(given[0][1:])
    if known < 1 or (elements % known if -1 in said else elements != known):
        raise NotTold("target_shape")
    return Step((given[0][0], *(elements // known if size == -1 else size for size in said)))


def _permute(config: Config, given: Sequence[Sizes]) -> Step:
    order = config.get("dims")
    if not isinstance(order, list) or sorted(order) != list(range(1, len(given[0]))):
        raise NotTold("dims")
    return Step((given[0][0], *(given[0][axis] for axis in order)))


def _repeat(config: Config, given: Sequence[Sizes]) -> Step:
    return Step((given[0][0], whole(config, "n"), *given[0][1:]))


def _concatenate(config: Config, given: Sequence[Sizes]) -> Step:
    axis = config.get("axis", -1)
    if type(axis) is not int or not -len(given[0]) <= axis < len(given[0]) or len({len(s) for s in given}) != 1:
        raise NotTold("axis")
    axis %= len(given[0])
    return Step(tuple(sum(s[i] for s in given) if i == axis else size for i, size in enumerate(given[0])))


def _elementwise(_: Config, given: Sequence[Sizes]) -> Step:
    out = broadcast(given)
    if out is None:
        raise NotTold("shapes")
    return Step(out)


def _same(_: Config, given: Sequence[Sizes]) -> Step:
    return Step(given[0])


def _embedding(config: Config, given: Sequence[Sizes]) -> Step:
    width = whole(config, "output_dim")
    return Step((*given[0], width), 0, whole(config, "input_dim") * width)


def _recurrent(gates: int) -> _Rule:
    def rule(config: Config, given: Sequence[Sizes]) -> Step:
        if len(given) != 1 or len(given[0]) != 3 or config.get("return_state"):
            raise NotTold("states")
        batch, steps, features = given[0]
        units = whole(config, "units")
        out = (batch, steps, units) if config.get("return_sequences") else (batch, units)
        return Step(out, recurrent(batch * steps, gates, units, features), gates * units * (features + units))

    return rule


_SHAPE_KEPT = """
    Activation ActivityRegularization AlphaDropout BatchNormalization Dropout ELU GaussianDropout GaussianNoise
    GroupNormalization Identity LayerNormalization LeakyReLU Masking Normalization PReLU RMSNormalization
    RandomBrightness RandomContrast RandomFlip RandomRotation RandomTranslation RandomZoom ReLU Rescaling Softmax
    SpatialDropout1D SpatialDropout2D SpatialDropout3D ThresholdedReLU UnitNormalization
"""
RULES: dict[str, _Rule] = {
    "Dense": _dense, "Flatten": _flatten, "Reshape": _reshape, "Permute": _permute, "RepeatVector": _repeat,
    "Concatenate": _concatenate, "Embedding": _embedding, "Resizing": _resizing,
    "LSTM": _recurrent(4), "GRU": _recurrent(3), "SimpleRNN": _recurrent(1),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Divide", "Average", "Maximum", "Minimum"), _elementwise),
    **dict.fromkeys(_SHAPE_KEPT.split(), _same),
    **{f"Conv{n}D": _convolution(n) for n in (1, 2, 3)},
    **{f"DepthwiseConv{n}D": _depthwise(n) for n in (1, 2)},
    **{f"SeparableConv{n}D": _separable(n) for n in (1, 2)},
    **{f"Conv{n}DTranspose": _transposed(n) for n in (1, 2, 3)},
    **{f"{kind}Pooling{n}D": _pooling(n) for kind in ("Max", "Average") for n in (1, 2, 3)},
    **{f"Global{kind}Pooling{n}D": _global_pooling(n) for kind in ("Max", "Average") for n in (1, 2, 3)},
    **{f"ZeroPadding{n}D": _resized(n, "padding", 1) for n in (1, 2, 3)},
    **{f"Cropping{n}D": _resized(n, "cropping", -1) for n in (1, 2, 3)},
    **{f"UpSampling{n}D": _upsampling(n) for n in (1, 2, 3)},
}  # fmt: skip
