"""The examples that a file is measured on, and what is known of the right answers.

Arrays (.npz): `x` (n, …), float32 or uint8, and one of

- `y` (n,), whole numbers from 0: the class of each (metric top-1);
- `y` (n,) or (n, k), real numbers: what is to be predicted (metric rmse, or mard);
- `y` (n, labels), 0 or 1, at least two columns: which labels each has (metric map);
- `boxes` (m, 6): example, class, x1, y1, x2, y2 (metric map, of detection);
- nothing: then only speed, size and memory are measured.

Or a folder with one sub-folder of pictures for each class.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.runtimes.contract import MeasureError, Shape, load_library, shown

TOP1, MAP, RMSE, MARD = "top-1", "map", "rmse", "mard"
METRICS = (TOP1, MAP, RMSE, MARD)
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
LARGEST_BYTES = 8 * 2**30
# What reading a damaged or hostile archive raises: a sum that is wrong, a password, an array beyond all memory.
DAMAGE = (
    OSError, ValueError, AttributeError, TypeError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Examples:
    """Either `x` or, in the same order, the bytes of `pictures`. `metric` is None where nothing is known of answers."""

    x: Array | None
    pictures: tuple[bytes, ...]
    y: Array | None
    boxes: Array | None
    metric: str | None

    def __len__(self) -> int:
        return len(self.pictures) if self.x is None else len(self.x)

    def raw(self, at: int) -> Array | bytes:
        """One example as it comes: (…) of its own type, or the bytes of a picture."""
        return self.pictures[at] if self.x is None else self.x[at]

    def first(self, shape: Shape) -> Array:
        """(1, …), the first example as `arrays` gives it."""
        if self.x is not None:
            return fitted(self.x[:1], shape)
        return fitted(decoded_picture(self.pictures[0], shape)[None], shape)

    def arrays(self, shape: Shape) -> Array:
        """(n, …) for a model whose input has this shape. Raises MeasureError for pictures that do not fit."""
        if self.x is not None:
            return fitted(self.x, shape)
        height, width, channels = picture_size(shape)
        if len(self) * height * width * channels * 4 > LARGEST_BYTES:
            raise MeasureError(f"{len(self)} pictures of {height}×{width} do not fit into memory; take fewer")
        return fitted(np.stack([decoded_picture(p, shape) for p in self.pictures]), shape)


def fitted(x: Array, shape: Shape) -> Array:
    """`x` (n, …) with the channels first where the model wants them so, as those of PyTorch do; otherwise as it is."""
    if x.ndim == 4 and len(shape) == 4 and shape[1:] != x.shape[1:]:
        moved = np.moveaxis(x, -1, 1)
        if all(wanted in (None, found) for wanted, found in zip(shape[1:], moved.shape[1:], strict=True)):
            return np.ascontiguousarray(moved)
    return x


def picture_size(shape: Shape) -> tuple[int, int, int]:
    """Height, width and channels of the pictures that an input of this shape takes. Raises MeasureError."""
    if len(shape) == 4:
        if shape[1] in (1, 3) and shape[3] not in (1, 3):
            channels, height, width = shape[1:]
        else:
            height, width, channels = shape[1:]
        if height and width and channels in (1, 3):
            return height, width, channels
    raise MeasureError(f"the model takes inputs of shape {shown(shape[1:])}, not pictures of one size; bring arrays")


def decoded_picture(picture: bytes, shape: Shape) -> NDArray[np.uint8]:
    """(height, width, channels) in 0..255, resized (bilinear) to what the model takes. Raises MeasureError."""
    image_library = load_library("PIL.Image", "Pillow", "pillow")
    height, width, channels = picture_size(shape)
    try:
        with image_library.open(io.BytesIO(picture)) as image:
            made = image.convert("RGB" if channels == 3 else "L").resize(
                (width, height), image_library.Resampling.BILINEAR
            )
            return np.asarray(made, dtype=np.uint8).reshape(height, width, channels)
    except (OSError, ValueError, SyntaxError, image_library.DecompressionBombError) as error:
        raise MeasureError(f"a picture cannot be read ({error}); mend or remove it") from error


def load_data(data: Path, metric: str | None = None) -> Examples:
    """The examples of an npz file or a folder of pictures. Raises MeasureError, saying what is wrong with it.

    `metric` says how the answers are judged where the data leave a choice: rmse or mard for whole or real numbers.
    """
    if metric is not None and metric not in METRICS:
        raise MeasureError(f"there is no metric {metric!r}; there are: {', '.join(METRICS)}")
    if data.is_dir():
        return judged_by(_pictures(data), metric, data.name)
    try:
        _check_size(data)
        with np.load(data, allow_pickle=False) as arrays:
            x, y, boxes = (arrays[name] if name in arrays.files else None for name in ("x", "y", "boxes"))
    except DAMAGE as error:
        raise MeasureError(
            f"{data.name} cannot be read as npz ({error}); save it with numpy.savez(…, x=x, y=y)"
        ) from error
    if x is None:
        raise MeasureError(f"{data.name} has no array x; save it with numpy.savez(…, x=x, y=y)")
    if x.dtype not in (np.float32, np.uint8) or x.ndim < 2 or len(x) == 0:
        raise MeasureError(
            f"{data.name}: x is {x.dtype} of shape {shown(x.shape)}; it must be float32 or uint8, samples first"
        )
    if x.dtype == np.float32 and not np.isfinite(x).all():
        raise MeasureError(f"{data.name}: x holds NaN or infinite values; remove those samples")
    if y is not None and boxes is not None:
        raise MeasureError(f"{data.name} has both y and boxes; give only one of them")
    found = Examples(x, (), y, boxes, None)
    return judged_by(found, metric, data.name)


def sha256(data: Path) -> str:
    """Of a file; of a folder, over the names and digests of its files in order."""
    if not data.is_dir():
        with data.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    every = hashlib.sha256()
    for file in sorted(f for f in data.rglob("*") if _is_picture(f)):
        every.update(f"{file.relative_to(data).as_posix()}\0{sha256(file)}\n".encode())
    return every.hexdigest()


def _check_size(data: Path) -> None:
    with zipfile.ZipFile(data) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > LARGEST_BYTES:
        raise MeasureError(
            f"{data.name} unpacks to {unpacked / 2**30:.1f} GiB, more than the {LARGEST_BYTES // 2**30} GiB that are "
            "read; give fewer samples"
        )


def judged_by(found: Examples, metric: str | None, name: str) -> Examples:
    """The same with its metric, checked: the first of those that the data allow, or the one asked for.

    Raises MeasureError, saying what is wrong with the data, which it calls `name`.
    """
    allowed = _allowed(found, metric, name)
    if metric is not None and metric not in allowed:
        raise MeasureError(
            f"{name} cannot be judged by {metric}; what it holds allows {', '.join(allowed) or 'none, for want of y'}"
        )
    judged_by = metric or (allowed[0] if allowed else None)
    if judged_by == MARD and found.y is not None and (found.y == 0).any():
        raise MeasureError(f"{name}: y has a 0, of which no difference is a share; leave those out, or take rmse")
    return Examples(found.x, found.pictures, found.y, found.boxes, judged_by)


def _allowed(found: Examples, metric: str | None, name: str) -> tuple[str, ...]:
    if found.boxes is not None:
        _check_boxes(found.boxes, len(found), name)
        return (MAP,)
    y = found.y
    if y is None:
        return ()
    if y.dtype.kind == "f" and y.ndim in (1, 2) and len(y) == len(found):
        if not np.isfinite(y).all():
            raise MeasureError(f"{name}: y holds NaN or infinite values; remove those samples")
        return (RMSE, MARD)
    if y.ndim == 2 and y.dtype.kind in "uib" and len(y) == len(found) and y.shape[1] > 1:
        if not np.isin(y, (0, 1)).all():
            raise MeasureError(f"{name}: y of shape {shown(y.shape)} must hold 0 and 1; real numbers as float32")
        if not y.any():
            raise MeasureError(f"{name}: no sample has any label, every number of y is 0")
        return (MAP,)
    if not np.issubdtype(y.dtype, np.integer) or y.shape != (len(found),):
        raise MeasureError(
            f"{name}: y is {y.dtype} of shape {shown(y.shape)}; it must be one whole number for each of "
            f"{len(found)} samples, real numbers, or a column of 0 and 1 for each label"
        )
    if metric in (None, TOP1):
        _check_labels(y, name)
    return (TOP1, RMSE, MARD)


def _check_labels(y: Array, name: str) -> None:
    if y.min() < 0:
        raise MeasureError(f"{name}: y has a label {y.min()}; number the classes from 0")
    if y.min() == y.max():
        raise MeasureError(
            f"{name}: every label is {y[0]}; accuracy on one class says nothing, so give samples of at least two"
        )


def _check_boxes(boxes: Array, samples: int, name: str) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 6 or len(boxes) == 0 or boxes.dtype.kind not in "uif":
        raise MeasureError(
            f"{name}: boxes is {boxes.dtype} of shape {shown(boxes.shape)}; it must be numbers of shape n×6: "
            "sample, class, x1, y1, x2, y2"
        )
    if not np.isfinite(boxes).all() or (boxes[:, :2] != np.rint(boxes[:, :2])).any() or (boxes[:, 1] < 0).any():
        raise MeasureError(f"{name}: sample and class of each box must be whole numbers from 0")
    if boxes[:, 0].min() < 0 or boxes[:, 0].max() >= samples:
        raise MeasureError(f"{name}: a box belongs to sample {boxes[:, 0].max():g}, but x has 0 to {samples - 1}")
    if (boxes[:, 2:4] >= boxes[:, 4:6]).any():
        raise MeasureError(f"{name}: a box has no area; x2 must be larger than x1, y2 than y1")


def _pictures(folder: Path) -> Examples:
    labels = sorted(f.name for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))
    if len(labels) < 2:
        raise MeasureError(f"{folder.name} has {len(labels)} sub-folders; make one for each class, at least two")
    files = [(f, k) for k, label in enumerate(labels) for f in sorted((folder / label).rglob("*")) if _is_picture(f)]
    for k, label in enumerate(labels):
        if not any(of == k for _, of in files):
            raise MeasureError(f"{folder.name}/{label} has no pictures; known kinds are {', '.join(sorted(PICTURES))}")
    try:
        pictures = tuple(f.read_bytes() for f, _ in files)
    except OSError as error:
        raise MeasureError(f"{folder.name}: a picture cannot be opened ({error}); links out of it are not") from error
    return Examples(None, pictures, np.array([k for _, k in files]), None, None)


def _is_picture(file: Path) -> bool:
    return file.is_file() and file.suffix.lower() in PICTURES
