"""A trained Keras model of the user's own, taken as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.networks.contract import NetworkError

if TYPE_CHECKING:
    import keras

OWN = "own"
"""The name under which recipes speak of it; it is on no shelf, because each user brings another."""


def load(file: Path, input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """The model of a .keras or .h5 file. Raises NetworkError if it does not fit the data.

    It is loaded in safe mode: a Lambda layer, whose code would run here, is refused.
    """
    import keras

    try:
        # safe_mode is Keras' default; it is written out because the file comes from elsewhere.
        model = keras.saving.load_model(file, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise NetworkError(f"{file.name} cannot be loaded as a Keras model: {_first_line(error)}") from error
    takes, gives = model.input_shape, model.output_shape
    if isinstance(takes, list | dict) or isinstance(gives, list | dict):
        raise NetworkError(f"{file.name} has several inputs or outputs; a classifier with one of each is needed")
    if not _fits(tuple(takes[1:]), input_shape):
        raise NetworkError(f"{file.name} takes examples of shape {tuple(takes[1:])}, and the data have {input_shape}")
    if tuple(gives[1:]) != (classes,):
        raise NetworkError(f"{file.name} gives {tuple(gives[1:])} scores, and the data have {classes} classes")
    return model


def _fits(takes: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    return len(takes) == len(shape) and all(t is None or t == s for t, s in zip(takes, shape, strict=True))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
