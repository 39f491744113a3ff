"""A trained model of the user's own, taken as it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from device.runtimes.contract import shown
from optimizer.inspect import ModelFile, RefusedFile, inspect, unpacked
from optimizer.networks.contract import NetworkError

if TYPE_CHECKING:
    import keras

OWN = "own"
"""The name under which recipes speak of it; it is on no shelf, because each user brings another."""


def copied(model: Path, file: ModelFile, folder: Path) -> Path:
    """A copy in a fresh `folder`, of the very bytes that were inspected as `file`. Raises RefusedFile when it changed.

    What converts it may then be shut in there, and nobody can put another model in its place.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    copy = folder / model.name
    if (whole := unpacked(model, folder)) != model:
        copy = whole
    elif model.is_dir():
        shutil.copytree(model, copy, symlinks=True)
    else:
        shutil.copyfile(model, copy)
    if inspect(copy).sha256 != file.sha256:
        raise RefusedFile(f"{model.name} changed while it was read; wait until it is written, and start again")
    return copy


def load(file: Path, input_shape: tuple[int, ...], outputs: int, *, has_classes: bool = True) -> keras.Model:
    """The model of a .keras or .h5 file. Raises NetworkError if it does not fit the data.

    `outputs` is how many numbers it must give for each example: a score a class, where the data have classes.

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
        raise NetworkError(f"{file.name} has several inputs or outputs; one of each is needed")
    if not _fits(tuple(takes[1:]), input_shape):
        raise NetworkError(f"{file.name} takes examples of shape {tuple(takes[1:])}, and the data have {input_shape}")
    check_outputs(file.name, tuple(gives[1:]), outputs, has_classes=has_classes)
    return model


def check_outputs(name: str, gives: tuple[int | None, ...], outputs: int, *, has_classes: bool) -> None:
    """Raises NetworkError where a model's answer for one example, of this shape, is no answer that y can judge."""
    if gives != (outputs,):
        wanted = f"the data have {outputs} classes" if has_classes else f"y has {outputs}"
        raise NetworkError(
            f"{name} gives {shown(gives)} {'scores' if has_classes else 'numbers'} for each example, and {wanted}; "
            "give the data, or the metric, that it was trained for"
        )


def _fits(takes: tuple[int | None, ...], shape: tuple[int, ...]) -> bool:
    return len(takes) == len(shape) and all(t is None or t == s for t, s in zip(takes, shape, strict=True))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
