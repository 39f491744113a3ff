"""What every runtime offers: a spec by which its files are recognised, and sessions that run them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

Batch = NDArray[np.float32]
Shape = tuple[int | None, ...]

NOT_TOLD = "not told"  # a runtime that does not say in which precision it computes


class MeasureError(Exception):
    """A file could not be measured; the message says why, in the reader's words, and what to try."""


class ModelFileError(MeasureError):
    """The file is not a model that can be run here, or not one that is safe to load."""


class RuntimeMissing(MeasureError):
    """The library that runs this kind of file is not installed; the message says what to install."""


class Session(Protocol):
    """A loaded model with one input and one output.

    Inputs are real numbers, whatever the file takes inside: a file with int8 or uint8 input gets them quantized, and
    its output comes back as real numbers, so that files of one network can be fed alike and compared.
    """

    @property
    def input_shape(self) -> Shape:
        """Of the input, the batch first; `None` where any size fits."""

    @property
    def input_dtype(self) -> str:
        """What the file itself takes: float32, int8 …"""

    @property
    def version(self) -> str:
        """Of the library."""

    @property
    def arithmetic(self) -> str:
        """The precision in which the layers with weights are really computed here, as far as the runtime tells.

        float32, float16, bfloat16 or int8 (products of 8-bit integers); "mixed" when layers differ, or when weights
        and activations do; `NOT_TOLD` otherwise. It may differ from what the file stores: a runtime may widen
        float16 weights, or narrow float32 ones. Asking may take as long as loading the file once more.
        """

    def prepare(self, batch: Batch) -> Callable[[], NDArray[Any]]:
        """One inference on `batch` (n, …), to be called as often as wanted, until the next `prepare` or `run`.

        The input is already in the form that the file takes; a call hands it over, runs the model and reads the
        output as the file gives it. This is what latency means here.
        """

    def run(self, batch: Batch) -> Batch:
        """The output for `batch` (n, …): scores (n, classes) if the model is a classifier, as real numbers."""


@dataclass(frozen=True)
class RuntimeSpec:
    """One runtime on the shelf.

    `name` is the local name of its `rt:`; `formats` gives the format for each suffix; `module` is what is imported
    and `package` what pip installs. `fault(path)` says in a few words what in the file's content is not as its suffix
    promises, or gives None; it needs no library. `open(path, threads)` loads the file. `needs` are further modules
    without which `module` does not work, `without` those that it must not bring into the process, and `environment`
    what must be set before, where nothing else is. `native` says that the file holds machine code, which runs as the
    user.
    """

    name: str
    label: str
    formats: dict[str, str]
    module: str
    package: str
    fault: Callable[[Path], str | None]
    open: Callable[[Path, int], Session]
    needs: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    native: bool = False

    def load(self) -> Any:
        """The imported library. Raises RuntimeMissing, saying what to install, when it cannot be imported."""
        for name, value in self.environment:
            os.environ.setdefault(name, value)
        for module in self.without:
            sys.modules.setdefault(module, cast(ModuleType, None))  # an import of it then fails
        return load_library(self.module, self.label, self.package)

    def installed(self) -> str | None:
        """The library's version, without importing it; None when it, or what it needs, is missing here."""
        modules = (self.module.partition(".")[0], *self.needs)
        if not all(_found(module) for module in modules):
            return None
        try:
            return metadata.version(self.package.split()[0])
        except metadata.PackageNotFoundError:  # installed under another name, such as tensorflow-cpu
            names = metadata.packages_distributions().get(modules[0], ())
            return metadata.version(names[0]) if names else NOT_TOLD


def one_arithmetic(found: Iterable[str]) -> str:
    """The precision of a model whose layers are computed in these: the only one, "mixed", or not told of them all."""
    kinds = set(found)
    if not kinds or NOT_TOLD in kinds:
        return NOT_TOLD
    return kinds.pop() if len(kinds) == 1 else "mixed"


@dataclass(frozen=True)
class Quantization:
    """Affine quantization, real = scale × (integer − zero_point) (Jacob et al. 2018, equation 1)."""

    scale: float
    zero_point: int
    dtype: str

    def quantize(self, values: Batch) -> NDArray[Any]:
        """The nearest integers, those beyond the type's range at its ends; same shape."""
        ends = np.iinfo(self.dtype)
        nearest = np.rint(values / self.scale) + self.zero_point
        quantized: NDArray[Any] = np.clip(nearest, ends.min, ends.max).astype(self.dtype)
        return quantized

    def dequantize(self, values: NDArray[Any]) -> Batch:
        """The real numbers; same shape."""
        return (values.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


def encoded(batch: Batch, dtype: str, quantization: Quantization | None) -> NDArray[Any]:
    """`batch` as a file with this input takes it; integers without a scale are taken as they are, rounded."""
    if quantization is not None:
        return quantization.quantize(batch)
    if np.issubdtype(np.dtype(dtype), np.integer):
        return Quantization(1.0, 0, dtype).quantize(batch)
    return np.ascontiguousarray(batch, dtype=dtype)


def decoded(values: NDArray[Any], quantization: Quantization | None) -> Batch:
    """A file's output as real numbers."""
    return values.astype(np.float32) if quantization is None else quantization.dequantize(values)


def check_batch(batch: Batch, shape: Shape) -> None:
    """Raises MeasureError when `batch` does not fit an input of this shape."""
    if batch.ndim == len(shape) and all(s is None or s == n for n, s in zip(batch.shape, shape, strict=True)):
        return
    if batch.shape[1:] != shape[1:] and batch.ndim:
        raise MeasureError(
            f"the model takes inputs of shape {shown(shape[1:])}, the data have {shown(batch.shape[1:])}; "
            "reshape x, or prepare it as for training"
        )
    raise MeasureError(f"the model takes {shape[0]} inputs at a time, not {batch.shape[0]}")


def shown(shape: Shape) -> str:
    """A shape as people write it, such as 28×28×1; "any" where any size fits."""
    return "×".join("any" if size is None else str(size) for size in shape) or "a single number"


def short(error: Exception) -> str:
    """What a library said, as one line of at most 300 characters."""
    return " ".join(str(error).split())[:300]


def one_of(what: str, found: int, path: Path) -> None:
    """Raises ModelFileError unless the file has exactly one input or output."""
    if found != 1:
        raise ModelFileError(f"{path.name} has {found} {what}s; models with one are measured. Export a file with one")


def load_library(module: str, label: str, package: str) -> Any:
    """The imported module. Raises RuntimeMissing, saying what to install, when it cannot be imported."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise RuntimeMissing(f"{label} is not installed here ({error}); try: pip install {package}") from error


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a module that is half there
        return False
