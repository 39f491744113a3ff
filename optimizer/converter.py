"""Where files are converted and checked: here for networks that were trained here, shut in for files from elsewhere."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from device.runtimes.contract import MeasureError
from optimizer.formats import pb
from optimizer.formats.check import NumericCheck, allowed, checked_on, compare, converted, scores, scores_of
from optimizer.formats.contract import Budget, ConversionError
from optimizer.formats.h5 import H5, save
from optimizer.formats.shelf import FORMATS
from optimizer.networks import own

if TYPE_CHECKING:
    import keras

    from optimizer.data import Data


@dataclass(frozen=True, kw_only=True)
class Entered:
    """A user's model as the first file of the chain. `parameters`, `layers`: of Keras models, else not counted here.

    `suffix` is the file's, where it is not that of its format.
    """

    check: NumericCheck
    suffix: str | None = None
    parameters: int | None = None
    layers: int | None = None


class Converter(Protocol):
    """Makes files out of files. Both ways raise ConversionError or NetworkError with the reason."""

    def enter(self, model: Path, entry: str, out: Path) -> Entered:
        """Writes `out`, a file of the format `entry`, from a user's model; checks it against the model itself.

        A Keras model with layers that H5 cannot hold stays a .keras file, under that suffix.
        """

    def convert(
        self, name: str, parent: Path, first: Path, out: Path, *, seconds: float | None = None
    ) -> NumericCheck | None:
        """Writes `out`, of the format called `name`, from `parent`; checks it against `first`, where the chain began.

        A tuning ends after `seconds`, if its budget does not end it before. None for a file that does not run here.
        """

    def close(self) -> None:
        """Ends what was started for it."""


def saved_whole(model: keras.Model, out: Path, data: Data) -> NumericCheck:
    """Writes a network as H5, and reads it back. Raises ConversionError when the file computes something else."""
    expected = scores_of(model, checked_on(data))
    save(model, out)
    check = compare(expected, _scores(out, checked_on(data)), has_classes=data.has_classes)
    most = allowed(H5, expected, has_classes=data.has_classes)
    if most is not None and check.largest_difference > most:
        out.unlink(missing_ok=True)
        raise ConversionError(
            f"read back from its H5 file, the network's scores differ by up to {check.largest_difference:.2g}; a layer "
            "keeps something that is not saved"
        )
    return check


class Here:
    """In this process: for networks that were made in it."""

    def __init__(self, data: Data, budget: Budget) -> None:
        self._data, self._budget = data, budget
        self._known: tuple[Path, float, NDArray[np.float32]] | None = None

    def enter(self, model: Path, entry: str, out: Path) -> Entered:
        if entry == "h5":
            return self._keras(model, out)
        examples = checked_on(self._data)
        if model.is_dir():
            expected = _signature(model, examples)
            check = converted(FORMATS["pb"], model, self._data, out, expected, self._budget)
        else:
            shutil.copyfile(model, out)
            expected = _scores(out, examples)
            check = compare(expected, expected, has_classes=self._data.has_classes)  # nothing was converted
        own.check_outputs(model.name, expected.shape[1:], self._data.outputs, has_classes=self._data.has_classes)
        if check is None:
            raise ConversionError(f"{model.name} does not run here")
        return Entered(check=check)

    def convert(
        self, name: str, parent: Path, first: Path, out: Path, *, seconds: float | None = None
    ) -> NumericCheck | None:
        most = self._budget.seconds
        budget = replace(self._budget, seconds=most if seconds is None else min(most, seconds))
        return converted(FORMATS[name], parent, self._data, out, self._expected(first), budget)

    def close(self) -> None:
        self._known = None

    def _keras(self, file: Path, out: Path) -> Entered:
        model = own.load(file, self._data.input_shape, self._data.outputs, has_classes=self._data.has_classes)
        suffix = None
        try:
            check = saved_whole(model, out, self._data)
        except ConversionError:
            if file.suffix.lower() != ".keras":
                raise
            suffix = ".keras"
            out.unlink(missing_ok=True)
            kept = shutil.copyfile(file, out.with_suffix(suffix))
            expected = scores_of(model, checked_on(self._data))
            found = _scores(kept, checked_on(self._data))
            check = compare(expected, found, has_classes=self._data.has_classes)
        return Entered(
            check=check,
            suffix=suffix,
            parameters=int(model.count_params()),
            layers=sum(1 for layer in model.layers if layer.weights),
        )

    def _expected(self, first: Path) -> NDArray[np.float32]:
        """The scores of the file where the chain began, computed once."""
        stamp = first.stat().st_mtime
        if self._known is None or self._known[:2] != (first, stamp):
            self._known = first, stamp, _scores(first, checked_on(self._data))
        return self._known[2]


def _scores(file: Path, examples: NDArray[np.float32]) -> NDArray[np.float32]:
    try:
        return scores(file, examples)
    except MeasureError as error:
        raise ConversionError(f"{file.name} does not run: {error}") from error


def _signature(folder: Path, examples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a SavedModel's serving signature itself gives, one example at a time."""
    function = pb.saved_model(folder)
    return np.concatenate([np.asarray(function(example[None]), dtype=np.float32) for example in examples])
