"""The examples that a file is measured on, as `device/` takes them: an archive or a folder on the disk."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from device.data import DAMAGE, TOP1, sha256
from device.runtimes.contract import Shape
from optimizer.data import ARRAYS, KNOWN, Data, DataError, TooFewError, load

RANDOM_EXAMPLES = 64
_ALL, _HELD_OUT = "all", "held-out"


@dataclass(frozen=True, eq=False)
class Examples:
    """Where they lie, and what they are of. `data` is None where `device/` reads what was given as it is.

    `known` is the name of the known set that they are the held-out part of.
    """

    path: Path
    said: str
    data: Data | None = None
    known: str | None = None
    whole: bool = True  # of `data`: all of it, not the held-out part
    random: bool = False  # numbers without meaning: only time, memory and size are measured


def examples(data: str, folder: Path, metric: str | None = None) -> Examples:
    """What to measure on: the held-out part of a known set or of an archive that has one, else all of what is given.

    Archives with labels are checked as before a training; other kinds of answers and folders of pictures are left to
    `device/data.py`. New files are written below `folder`. Raises DataError.
    """
    path = Path(data).expanduser()
    if data in KNOWN:
        return replace(_written(load(data), _HELD_OUT, folder), known=data)
    if path.suffix.lower() == ".npz" and path.is_file():
        headers = _headers(path)
        if set(ARRAYS) <= set(headers):
            return _written(load(data, metric=metric), _HELD_OUT, folder)
        y = headers.get("y")
        if metric in (None, TOP1) and y is not None and y[0].kind in "ui" and len(y[1]) == 1:
            # What is too little to train with can still be measured on, as it is.
            with contextlib.suppress(TooFewError):
                return _written(load(data), _ALL, folder)
    if path.is_dir() or (path.suffix.lower() == ".npz" and path.is_file()):
        return Examples(path, f"all examples of {path.name}")
    load(data)  # says what is wrong with it
    raise DataError(f"{data!r} cannot be measured on; give an .npz file or a folder of pictures")


def forms(data: str, folder: Path, metric: str | None = None) -> Iterator[Examples]:
    """Every form in which this data may have been measured on before: as it is, the held-out part, all of it."""
    path = Path(data).expanduser()
    if data not in KNOWN and path.exists():
        yield Examples(path, f"all examples of {path.name}")
    try:
        loaded = load(data, metric=metric)
    except DataError:
        if data in KNOWN or not path.exists():
            raise
        return  # what only `device/` reads
    for part in (_HELD_OUT, _ALL):
        yield _written(loaded, part, folder)


def same_examples(data: str, wanted_sha256: str | None, folder: Path, metric: str | None = None) -> Examples | None:
    """The form of the data that has this SHA-256; None when none has. Raises DataError."""
    return next((form for form in forms(data, folder, metric) if sha256(form.path) == wanted_sha256), None)


def random_examples(shape: Shape, folder: Path) -> Examples:
    """Numbers from 0 to 1 for an input of this shape, the batch first. Raises DataError where a size is left open."""
    sizes = shape[1:]
    fixed = [size for size in sizes if size is not None]
    if not sizes or len(fixed) != len(sizes):
        told = "×".join("any" if size is None else str(size) for size in sizes) or "not stated"
        raise DataError(f"the model's input is {told}; give examples with --data, since its size is left open")
    x = np.random.default_rng(0).uniform(0, 1, (RANDOM_EXAMPLES, *fixed)).astype(np.float32)
    np.savez(folder / "random.npz", x=x)
    return Examples(folder / "random.npz", "random numbers: only speed, memory and size are measured", random=True)


def _written(data: Data, part: str, folder: Path) -> Examples:
    path = folder / f"{part}.npz"
    if part == _HELD_OUT:
        np.savez(path, x=data.x_test, y=data.y_test)
        return Examples(path, f"{data.name}, {len(data.y_test):,} held-out examples", data, whole=False)
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    np.savez(path, x=x, y=y)
    return Examples(path, f"all {len(y):,} examples of {data.name}", data)


def _headers(path: Path) -> dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]]:
    """Type and shape of each array of an archive; only its headers are read. Raises DataError."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.namelist():
                with archive.open(entry) as file:
                    version = npy.read_magic(file)
                    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                    shape, _, dtype = read(file)
                found[entry.removesuffix(".npy")] = (dtype, shape)
    except DAMAGE as error:
        raise DataError(f"{path} cannot be read as .npz ({error}); save it with numpy.savez") from error
    return found
