"""What every format on the shelf says of itself: how a trained network becomes a file that a device can run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ontology.records import Optimization

if TYPE_CHECKING:
    import keras

    from optimizer.data import Data

Convert = Callable[["keras.Model", "Data", Path], None]


class ConversionError(ValueError):
    """A network could not be converted, or the file does not compute what the network computes."""


@dataclass(frozen=True)
class Format:
    """One way to store a trained network.

    `optimization` is the local name of its `opt:`, `techniques` those of its `tech:` (none: stored as trained), and
    `library` the one that runs it, as in requirements. `tolerance` is the largest difference of a probability from
    the network's own that is accepted; `None` where the format rounds on purpose and only the share of equal
    predictions says something. `convert` writes the file; it may raise any fault of a converter.
    """

    name: str
    label: str
    suffix: str
    library: str
    optimization: str
    techniques: tuple[str, ...]
    precision: str
    weight_bits: int | None
    activation_bits: int | None
    tolerance: float | None
    why: str
    convert: Convert

    @property
    def record(self) -> Optimization:
        """The `opt:` of the graph."""
        return Optimization(
            name=self.optimization,
            label="No optimization (float)" if not self.techniques else self.label,
            technique=self.techniques,
            precision=self.precision,
            weight_bits=self.weight_bits,
            activation_bits=self.activation_bits,
        )
