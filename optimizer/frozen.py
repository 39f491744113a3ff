"""A SavedModel as the one file that runtimes take: its frozen graph, made by a process that is shut in."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.data import RMSE
from device.runtimes.contract import MeasureError
from optimizer.confined import Confined
from optimizer.data import Data, DataError
from optimizer.examples import examples, random_examples
from optimizer.formats.contract import Budget, ConversionError
from optimizer.inspect import ModelFile, inspect
from optimizer.networks.contract import NetworkError
from optimizer.networks.own import copied

EXAMPLES = 256


def is_saved_model(model: Path) -> bool:
    """Whether it is given as one: a folder, or packed in a .zip. What it holds is not looked at."""
    return model.is_dir() or model.suffix.lower() == ".zip"


@dataclass(frozen=True)
class Runnable:
    """A file that runtimes take; `made_from` is the SHA-256 of the SavedModel that it was made from, if it was."""

    path: Path
    made_from: str | None = None


@contextmanager
def runnable(model: Path, data: str | None, tell: Callable[[str], None] = lambda _: None) -> Iterator[Runnable]:
    """A file that runtimes take: of a SavedModel its frozen graph, as long as the context lasts; else the model itself.

    The graph is made for one example at a time, and checked on the examples against the SavedModel's own answers;
    without `data`, on random numbers. Raises RefusedFile, InspectionFailed, DataError or MeasureError.
    """
    if not is_saved_model(model):
        yield Runnable(model)
        return
    file = inspect(model)
    if find_spec("tensorflow") is None:
        raise MeasureError("a SavedModel is run by TensorFlow, which is not installed here; ./dlom measure installs it")
    tell(f"{model.name} is a SavedModel: its frozen graph is made, and measured in its place")
    with tempfile.TemporaryDirectory(prefix="dlom-frozen-") as folder:
        yield Runnable(_frozen(model, file, data, Path(folder)), file.sha256)


def _frozen(model: Path, file: ModelFile, data: str | None, folder: Path) -> Path:
    x = _inputs(file, data, folder)
    own = copied(model, file, folder / "own")
    graph = folder / f"{own.name}.pb"
    converter = Confined(_without_answers(x, file), Budget(), folder)
    try:
        converter.enter(own, "pb", graph)
    except (ConversionError, NetworkError) as error:
        raise MeasureError(f"no graph could be made of the SavedModel {model.name}: {error}") from error
    finally:
        converter.close()
    return graph


def _inputs(file: ModelFile, data: str | None, folder: Path) -> NDArray[np.float32]:
    if data is None:
        given = random_examples(file.inputs[0].shape or (), folder)
    else:
        given = examples(data, folder)
    if not given.path.is_file():
        raise DataError(f"{given.path.name} is a folder; bring arrays as .npz: a SavedModel is tried on them first")
    with np.load(given.path, allow_pickle=False) as arrays:
        x: NDArray[Any] = arrays["x_test" if "x_test" in arrays.files else "x"]
    takes = file.inputs[0].shape
    if takes is not None and len(takes) == x.ndim + 1 and takes[-1] == 1:  # grey pictures without an axis of channels
        x = x[..., None]
    # Always so many, if need be some twice: TensorFlow numbers its names on with each, and the same model shall become
    # the same file whatever it is tried on.
    return np.resize(x, (EXAMPLES, *x.shape[1:])).astype(np.float32)


def _without_answers(x: NDArray[np.float32], file: ModelFile) -> Data:
    """What a converter needs to know: nothing of right answers, only how many numbers the model gives."""
    last = (file.outputs[0].shape or (None,))[-1]
    nothing = np.zeros(len(x), np.int64)
    return Data(
        name="examples", x_train=x, y_train=nothing, x_test=x, y_test=nothing, outputs=last or 1,
        input_shape=tuple(x.shape[1:]), description="", sha256="", metric=RMSE,
    )  # fmt: skip
