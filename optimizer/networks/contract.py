"""What every network on the shelf says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

ValueRange = tuple[float, float]
Build = Callable[[tuple[int, ...], int, ValueRange], "keras.Model"]


class NetworkError(ValueError):
    """A network cannot be made for these data; the message says why and what to take instead."""


@dataclass(frozen=True)
class NetworkSpec:
    """One architecture. `name` is the local name of its `net:`.

    `build(input_shape, classes, value_range)` gives an untrained Keras model that takes raw values within
    `value_range` (scaling is its first layer, so that the file alone is enough) and gives one probability for each
    class. It raises NetworkError for shapes it cannot take. `light_rank` and `accurate_rank` say in which order the
    shelf's networks are tried where speed and size, or accuracy, is what is short: 0 comes first.
    """

    name: str
    label: str
    family: str
    why: str
    light_rank: int
    accurate_rank: int
    pictures_only: bool
    build: Build


def scaling(value_range: ValueRange) -> keras.layers.Layer:
    """The layer that brings raw values of `value_range` to 0…1."""
    import keras

    low, high = value_range
    if not high > low:
        raise NetworkError(f"the data lie between {low:g} and {high:g}; a network needs values that differ")
    return keras.layers.Rescaling(1.0 / (high - low), offset=-low / (high - low), name="scaling")


def needs_pictures(name: str, input_shape: tuple[int, ...]) -> None:
    """Raises NetworkError unless the examples are (height, width, channels)."""
    if len(input_shape) != 3:
        raise NetworkError(f"{name} takes pictures, and these examples have the shape {input_shape}; take an MLP")
