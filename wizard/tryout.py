"""One model measured on data that a visitor brings, in a process of its own. Nothing here knows Streamlit."""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.measure import MeasureError, measure
from device.measured import Measured
from ontology.records import DataSet, Device, Model, Performance, Record
from optimizer.data import DataError, image_folder
from repository.measured import measured_records
from wizard.artifact import SUFFIXES

MOST_EXAMPLES = 2000
LATENCY_SECONDS = 2.0
LONGEST_SECONDS = 60.0


def examples(path: Path, input_shape: tuple[int, ...] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """All examples and labels of an .npz (x and y, or x_test and y_test) or of a folder of pictures.

    Pictures become `input_shape` (height, width, channels). Of more than 2,000, every n-th is taken. Raises DataError.
    """
    if path.is_dir():
        if input_shape is None or len(input_shape) != 3:
            raise DataError("the size of the model's pictures is not known; bring arrays as .npz instead")
        data = image_folder(path, size=(input_shape[0], input_shape[1]))
        x = np.concatenate([data.x_train, data.x_test])
        y = np.concatenate([data.y_train, data.y_test])
        return _thinned(_channels(x, input_shape[2]), y)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = ("x_test", "y_test") if {"x_test", "y_test"} <= set(arrays.files) else ("x", "y")
            missing = [n for n in names if n not in arrays.files]
            if missing:
                held = ", ".join(arrays.files) or "nothing"
                raise DataError(f"{path.name} holds {held}; needed are x and y, or x_test and y_test")
            x, y = arrays[names[0]], arrays[names[1]]
    except DataError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path.name} cannot be read as .npz ({error}); save it with numpy.savez") from error
    if x.dtype.kind not in "uifb" or y.dtype.kind not in "uib" or x.ndim < 2:
        raise DataError(
            f"x is {x.dtype} of shape {x.shape}, y is {y.dtype}; bring numbers, and whole numbers as labels"
        )
    x = x if x.dtype == np.uint8 else x.astype(np.float32)
    if input_shape is not None and len(input_shape) == 3 and x.ndim == 3:  # grey without an axis of channels
        x = x[..., None]
    return _thinned(x, y)


def _channels(x: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
    if x.shape[-1] == wanted:
        return x
    if wanted == 1:
        return np.asarray(x.mean(axis=-1, keepdims=True), dtype=np.float32)
    return np.repeat(x[..., :1], wanted, axis=-1)


def _thinned(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    step = -(-len(x) // MOST_EXAMPLES) or 1
    return x[::step], y[::step]


def shape_of(text: object) -> tuple[int, ...] | None:
    """`8x8x1` → (8, 8, 1); None for what is not stated so."""
    if not isinstance(text, str) or not re.fullmatch(r"\d+(x\d+)*", text.replace(" ", "")):
        return None
    return tuple(int(n) for n in text.replace(" ", "").split("x"))


def measured_on(
    model: Path, format_: str, x: NDArray[Any], y: NDArray[Any], *, threads: int = 1, name: str = ""
) -> Measured:
    """The file measured on the examples, within a minute. Raises MeasureError."""
    if format_ not in SUFFIXES:
        raise MeasureError(f"nothing here runs a {format_} file; known are {', '.join(SUFFIXES)}")
    with tempfile.TemporaryDirectory(prefix="dlom-try-") as folder:
        file = Path(folder) / ((Path(name).stem or "model") + SUFFIXES[format_])
        shutil.copyfile(model, file)
        data = Path(folder) / "data.npz"
        np.savez(data, x=x, y=y)
        return measure(file, data, threads=threads, seconds=LATENCY_SECONDS, timeout_s=LONGEST_SECONDS)


def past_records(measured: Measured, model: str, device: Device, data: DataSet) -> list[Record]:
    """The try-out as part of the model's history; its current figures, by which it is found, stay as they are."""
    found: list[Record] = []
    for record in measured_records(
        measured, network="any", optimization="any", purpose="any", device=device, data_set=data
    ):
        if isinstance(record, Performance):
            found.append(replace(record, current=False))
        elif isinstance(record, Model):
            found.append(Model(name=model, performance=record.performance))
        else:
            found.append(record)
    return found
