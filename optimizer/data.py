"""The examples that a network learns from and is tested on, checked before anything is trained.

`load` takes the name of a known set or a path: a NumPy archive (.npz) or a folder of pictures. Networks of our own tell
classes apart; a user's may also predict numbers, or give several labels to an example.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.data import DAMAGE, MAP, MARD, METRICS, RMSE, TOP1, judged_by
from device.data import Examples as Judged
from device.runtimes.contract import MeasureError

SPLIT_SEED = 0  # one split for all jobs, so that accuracies on the same file are of the same test set
TEST_SHARE = 0.2
FEWEST_EXAMPLES = 20
LARGEST_BYTES = 8 * 2**30
PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


class DataError(ValueError):
    """The data cannot be used; the message says what was found and what to do."""


class TooFewError(DataError):
    """Sound examples, but too few, or of too few classes, to hold a fifth of them out for a test."""


@dataclass(frozen=True, eq=False)
class Data:
    """Examples in raw values, split into those to learn from and those held out for the test.

    `x_train`, `x_test`: float32 of shape (n, height, width, channels) for pictures or (n, features) otherwise.
    `y_train`, `y_test` by `metric`: top-1, int64 of shape (n,), from 0 to `outputs` - 1; rmse or mard, real numbers
    (n,) or (n, outputs); map, 0 or 1 for each label (n, outputs). `outputs` is how many numbers a network gives for
    each example. `sha256` is of the four arrays.
    """

    name: str
    x_train: NDArray[np.float32]
    y_train: NDArray[Any]
    x_test: NDArray[np.float32]
    y_test: NDArray[Any]
    outputs: int
    input_shape: tuple[int, ...]
    description: str
    sha256: str
    labels: tuple[str, ...] = ()  # what each class is called, where that is known
    metric: str = TOP1

    @property
    def has_classes(self) -> bool:
        """Whether each example is of one class, so that a network's answer is that with the highest score."""
        return self.metric == TOP1

    @property
    def classes(self) -> int:
        """How many are told apart. Raises DataError where y holds no classes."""
        if not self.has_classes:
            raise DataError(f"{self.name} is judged by {self.metric} and has no classes; bring a network of your own")
        return self.outputs

    @property
    def value_range(self) -> tuple[float, float]:
        """The smallest and largest value to learn from, such as (0, 255) for pictures in bytes."""
        return float(self.x_train.min()), float(self.x_train.max())


def load(
    name_or_path: str,
    *,
    metric: str | None = TOP1,
    seed: int = SPLIT_SEED,
    picture_size: tuple[int, int] = (32, 32),
) -> Data:
    """The data of that name or path. Pictures of a folder become `picture_size` (height, width) in pixels.

    `metric` is how answers are judged, one of `device.data.METRICS`; None is what y allows first: rmse for real
    numbers, map for columns of 0 and 1. What has no test part of its own is split with `seed`, by class where there are
    classes. Raises DataError.
    """
    if metric not in (None, *METRICS):
        raise DataError(f"there is no metric {metric!r}; there are: {', '.join(METRICS)}")
    path = Path(name_or_path).expanduser()
    has_classes = name_or_path in KNOWN or path.is_dir()
    if has_classes and metric not in (None, TOP1):
        raise DataError(f"{name_or_path} has classes, which are judged by {TOP1}, not by {metric}")
    if name_or_path in KNOWN:
        return KNOWN[name_or_path]()
    if path.is_dir():
        return image_folder(path, size=picture_size, seed=seed)
    if path.suffix.lower() == ".npz":
        return npz(path, metric=metric, seed=seed)
    raise DataError(
        f"{name_or_path!r} is no data: write one of {', '.join(KNOWN)}, the path of an .npz file, or that of a folder "
        "with one sub-folder of pictures for each class"
    )


def digits() -> Data:
    """scikit-learn's 1,797 handwritten digits of 8×8 pixels (Alpaydin & Kaynak 1998), a fifth held out."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = np.asarray(bunch.images, dtype=np.float32)[..., None]
    split = _split(x, np.asarray(bunch.target), SPLIT_SEED)
    return checked("digits", *split, description="8×8 handwritten digits that ship with scikit-learn")


def mnist() -> Data:
    """70,000 handwritten digits of 28×28 pixels (LeCun et al. 1998); downloaded once, and raises DataError offline."""
    from keras.datasets import mnist as source

    return _downloaded("mnist", source.load_data, "28×28 handwritten digits")


def fashion_mnist() -> Data:
    """70,000 pictures of clothes, 28×28 (Xiao et al. 2017); downloaded once, and raises DataError offline."""
    from keras.datasets import fashion_mnist as source

    return _downloaded("fashion-mnist", source.load_data, "28×28 pictures of clothes")


def cifar10() -> Data:
    """60,000 photographs, 32×32×3 (Krizhevsky 2009); downloaded once, and raises DataError offline."""
    from keras.datasets import cifar10 as source

    return _downloaded("cifar10", source.load_data, "32×32 colour photographs")


# Known sets; ImageNet is left out on purpose, because its terms forbid passing it on.
KNOWN: dict[str, Callable[[], Data]] = {
    "digits": digits,
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "cifar10": cifar10,
}


def npz(path: Path, *, metric: str | None = TOP1, seed: int = SPLIT_SEED) -> Data:
    """A NumPy archive with x_train, y_train, x_test, y_test, or with x and y; `metric` as in `load`. Raises DataError.

    Archives with pickled objects are refused: reading them would run code.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > LARGEST_BYTES:
            raise DataError(f"{path.name} unpacks to {unpacked / 2**30:.1f} GiB; at most {LARGEST_BYTES // 2**30} fit")
        with np.load(path, allow_pickle=False) as arrays:
            if set(ARRAYS) <= set(arrays.files):
                found = [arrays[name] for name in ARRAYS]
            elif {"x", "y"} <= set(arrays.files):
                found = [arrays["x"], arrays["y"]]
            elif metric != TOP1 and any(name.startswith("boxes") for name in arrays.files):
                raise DataError(
                    f"{path.name} holds boxes. A detector that was converted may give the same boxes in another order, "
                    "so its files cannot be checked against it: convert it with its own tools, and judge each file by "
                    "./dlom measure FILE --data DATA"
                )
            else:
                held = ", ".join(arrays.files) or "nothing"
                raise DataError(f"{path.name} holds {held}; needed are {', '.join(ARRAYS)}, or x and y")
    except DataError:
        raise
    except DAMAGE as error:
        pickled = "pickled" in str(error) or "allow_pickle" in str(error)
        advice = "; it holds Python objects: save plain numbers instead" if pickled else ""
        raise DataError(f"{path} cannot be read as .npz ({error}){advice}") from error
    chosen = metric or _metric_of(found[-1], path.name)
    if len(found) == 2:
        x, y = _checked_pair("x", found[0], "y", found[1], chosen)
        held_out = f"the archive {path.name}, a fifth held out"
        return checked(path.stem, *_split(x, y, seed, chosen), description=held_out, metric=chosen)
    return checked(path.stem, *found, description=f"the archive {path.name}", metric=chosen)


def _metric_of(y: NDArray[Any], name: str) -> str:
    """By which answers like these are judged, where nobody said."""
    if y.dtype.kind == "f":
        return RMSE
    if y.ndim == 2 and y.shape[1] > 1:
        if y.dtype.kind in "uib" and bool((y.astype(bool).sum(axis=1) == 1).all()):
            raise DataError(
                f"{name}: each example has exactly one of {y.shape[1]} labels; write y as (n,) with y.argmax(axis=1) "
                f"for an accuracy, or choose the metric {MAP}"
            )
        return MAP
    return TOP1


def image_folder(path: Path, *, size: tuple[int, int] = (32, 32), seed: int = SPLIT_SEED) -> Data:
    """Pictures in one sub-folder a class, in the order of the sub-folders' names. Raises DataError.

    All become `size` (height, width); grey where every picture is grey, else red, green, blue.
    """
    labels = tuple(sorted(f.name for f in path.iterdir() if f.is_dir() and not f.name.startswith(".")))
    if len(labels) < 2:
        raise DataError(f"{path} has {len(labels)} sub-folders; make one for each class, at least two")
    files = [(f, k) for k, label in enumerate(labels) for f in sorted((path / label).rglob("*")) if _is_picture(f)]
    for k, label in enumerate(labels):
        if not any(of == k for _, of in files):
            raise DataError(f"{path / label} has no pictures; known kinds are {', '.join(sorted(PICTURE_SUFFIXES))}")
    if len(files) * size[0] * size[1] * 3 * 4 > LARGEST_BYTES:
        raise DataError(f"{len(files)} pictures of {size[0]}×{size[1]} do not fit into memory; choose a smaller size")
    pictures = [_picture(f, size) for f, _ in files]
    grey = all(bool((p == p[..., :1]).all()) for p in pictures)
    x = np.stack([p[..., :1] if grey else p for p in pictures]).astype(np.float32)
    y = np.array([k for _, k in files])
    x, y = _checked_pair("pictures", x, "classes", y)
    description = f"{len(files)} pictures of the folder {path.name}, as {size[0]}×{size[1]} pixels, a fifth held out"
    return checked(path.name, *_split(x, y, seed), description=description, labels=labels)


def checked(
    name: str,
    x_train: NDArray[Any],
    y_train: NDArray[Any],
    x_test: NDArray[Any],
    y_test: NDArray[Any],
    *,
    description: str,
    labels: tuple[str, ...] = (),
    metric: str = TOP1,
) -> Data:
    """The four arrays as Data, when they fit together. Raises DataError, naming what does not."""
    x_train, y_train = _checked_pair("x_train", x_train, "y_train", y_train, metric)
    x_test, y_test = _checked_pair("x_test", x_test, "y_test", y_test, metric)
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(
            f"x_train holds examples of shape {x_train.shape[1:]} and x_test of {x_test.shape[1:]}; "
            "both must have the same"
        )
    outputs = _classes(y_train, y_test) if metric == TOP1 else _columns(y_train, y_test)
    if len(x_train) + len(x_test) < FEWEST_EXAMPLES:
        raise DataError(f"{len(x_train) + len(x_test)} examples are too few; at least {FEWEST_EXAMPLES} are needed")
    if float(x_train.min()) == float(x_train.max()):
        raise DataError(f"every value of x_train is {float(x_train.min()):g}; there is nothing to learn from")
    x_train, x_test = x_train.astype(np.float32), x_test.astype(np.float32)
    if metric == TOP1 and x_train.ndim == 3:  # grey pictures without an axis of channels; numbers come of sequences
        x_train, x_test = x_train[..., None], x_test[..., None]
    of = {TOP1: "classes", MAP: "labels"}.get(metric, "numbers to predict" if outputs > 1 else "number to predict")
    return Data(
        name=name,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        outputs=outputs,
        input_shape=tuple(x_train.shape[1:]),
        description=f"{description}: {len(x_train)} to learn from, {len(x_test)} to test, {outputs} {of}",
        sha256=_digest(x_train, y_train, x_test, y_test),
        labels=labels,
        metric=metric,
    )


def _classes(y_train: NDArray[Any], y_test: NDArray[Any]) -> int:
    """How many there are. Raises DataError when some are never shown, or there is nothing to tell apart."""
    classes = int(y_train.max()) + 1
    absent = sorted(set(range(classes)) - set(np.unique(y_train).tolist()))
    if absent:
        raise DataError(
            f"y_train has labels up to {classes - 1}, but no example of {_some(absent)}; number the classes from 0 on "
            "without gaps"
        )
    if classes < 2:
        raise DataError("all examples to learn from are of one class; at least two are needed to tell apart")
    if int(y_test.max()) >= classes:
        raise DataError(f"y_test has the label {int(y_test.max())}, which y_train never shows (0 to {classes - 1})")
    if len(np.unique(y_test)) < 2:
        raise DataError("all examples of the test are of one class; an accuracy would say nothing")
    return classes


def _columns(y_train: NDArray[Any], y_test: NDArray[Any]) -> int:
    """How many numbers or labels an example has. Raises DataError where the two parts differ, or nothing does."""
    if y_train.shape[1:] != y_test.shape[1:]:
        raise DataError(
            f"y_train has the shape {y_train.shape} and y_test {y_test.shape}; both must be of as many columns"
        )
    if y_train.min() == y_train.max():
        raise DataError(f"every value of y_train is {y_train.flat[0]:g}; there is nothing to predict")
    return int(y_train.shape[1]) if y_train.ndim == 2 else 1


def _checked_pair(
    x_name: str, x: NDArray[Any], y_name: str, y: NDArray[Any], metric: str = TOP1
) -> tuple[NDArray[Any], NDArray[Any]]:
    if x.dtype.kind not in "uifb":
        raise DataError(f"{x_name} has the type {x.dtype}; it must hold numbers")
    if x.ndim not in (2, 3, 4) or 0 in x.shape:
        raise DataError(
            f"{x_name} has the shape {x.shape}; write (n, height, width, channels), (n, height, width) or (n, features)"
        )
    if x.ndim == 4 and x.shape[-1] not in (1, 3, 4) and x.shape[1] in (1, 3, 4):
        raise DataError(f"{x_name} has the shape {x.shape}: channels come last; use np.moveaxis({x_name}, 1, -1)")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise DataError(f"{x_name} holds {int((~np.isfinite(x)).sum())} values that are NaN or infinite; remove them")
    if metric != TOP1:
        try:
            judged_by(Judged(x, (), y, None, None), metric, y_name)
        except MeasureError as error:
            raise DataError(str(error)) from error
        return x, y.astype(np.float64) if metric in (RMSE, MARD) else y
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise DataError(f"{y_name} has the shape {y.shape}; write (n,) with one label each (one-hot: use argmax)")
    if y.dtype.kind not in "ui":
        raise DataError(
            f"{y_name} has the type {y.dtype}; labels are whole numbers from 0 on: use astype(int); a trained network "
            "that predicts numbers goes through ./dlom optimize"
        )
    if len(x) != len(y):
        raise DataError(f"{x_name} has {len(x)} examples and {y_name} {len(y)} labels; they must be as many")
    if int(y.min()) < 0:
        raise DataError(f"{y_name} has the label {int(y.min())}; labels are numbered from 0 on")
    return x, y.astype(np.int64)


def _split(x: NDArray[Any], y: NDArray[Any], seed: int, metric: str = TOP1) -> tuple[NDArray[Any], ...]:
    """x_train, y_train, x_test, y_test; with the same share of every class, where there are classes."""
    from sklearn.model_selection import train_test_split

    if metric != TOP1:
        if len(y) < FEWEST_EXAMPLES:
            raise TooFewError(
                f"{len(y)} examples are too few to hold a fifth out: at least {FEWEST_EXAMPLES} are needed"
            )
        x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=TEST_SHARE, random_state=seed)
        return x_train, y_train, x_test, y_test
    found, counts = np.unique(y, return_counts=True)
    if len(found) < 2:
        raise TooFewError("all examples are of one class; at least two are needed to tell apart")
    if counts.min() < 2 or len(y) < FEWEST_EXAMPLES or len(y) * TEST_SHARE < len(found):
        raise TooFewError(
            f"{len(y)} examples of {len(found)} classes, {int(counts.min())} of the rarest, are too few to hold a "
            f"fifth out: at least {max(FEWEST_EXAMPLES, 5 * len(found))} are needed, and two of each class"
        )
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=TEST_SHARE, random_state=seed, stratify=y)
    return x_train, y_train, x_test, y_test


def _downloaded(name: str, fetch: Callable[[], Any], description: str) -> Data:
    try:
        (x_train, y_train), (x_test, y_test) = fetch()
    except Exception as error:
        # Keras wraps every fault of a download in a plain Exception; anything narrower is a fault of ours.
        if type(error) is not Exception and not isinstance(error, OSError):
            raise
        raise DataError(f"{name} could not be downloaded ({error}); connect once, or use digits or an .npz") from error
    return checked(name, x_train, y_train, x_test, y_test, description=description)


def _is_picture(file: Path) -> bool:
    return file.is_file() and file.suffix.lower() in PICTURE_SUFFIXES


def _picture(file: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """One picture as (height, width, 3). Raises DataError."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            return np.asarray(image.convert("RGB").resize((size[1], size[0]), Image.Resampling.BILINEAR))
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} is not a picture that can be read ({error}); mend or remove it") from error


def _digest(*arrays: NDArray[Any]) -> str:
    """sha256 of names, types, shapes and contents."""
    digest = hashlib.sha256()
    for name, array in zip(ARRAYS, arrays, strict=True):
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _some(values: list[int]) -> str:
    return ", ".join(map(str, values[:5])) + (" …" if len(values) > 5 else "")
