"""Keras' H5 file: the network as it was trained, against which every other format is checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.formats.contract import Budget, Format

if TYPE_CHECKING:
    import keras

    from optimizer.data import Data


def save(model: keras.Model, out: Path) -> None:
    """Without the optimizer's state, which would treble the size (Adam keeps two numbers a weight)."""
    model.save(out, include_optimizer=False)


def convert(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """A Keras file, .keras or .h5, as H5 without the optimizer's state. Code that a file brings is not run."""
    import keras

    save(keras.saving.load_model(parent, compile=False, safe_mode=True), out)


H5 = Format(
    name="h5",
    label="Keras H5",
    suffix=".h5",
    library="Keras",
    optimization="float",
    techniques=(),
    precision="float",
    weight_bits=None,
    activation_bits=None,
    tolerance=1e-4,
    why="the network as it was trained; the others are compared with it",
    convert=convert,
    proposed=True,
)
