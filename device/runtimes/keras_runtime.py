"""Keras models (.h5, .keras) on the CPU, as one compiled TensorFlow function.

`predict()` is not used: it builds a data pipeline for every call, which takes a hundred times as long as the model.
"""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.runtimes.contract import (
    Batch,
    MeasureError,
    ModelFileError,
    RuntimeSpec,
    Session,
    Shape,
    check_batch,
    load_library,
    one_arithmetic,
    one_of,
    short,
)

MODULE, LABEL, PACKAGE = "keras", "Keras", "keras tensorflow"
_STARTS = {".h5": b"\x89HDF\r\n\x1a\n", ".keras": b"PK\x03\x04"}
_RUNS_CODE = {"Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}


def fault(path: Path) -> str | None:
    """An .h5 file begins with HDF5's signature, a .keras file is a zip with a config.json."""
    expected = _STARTS[path.suffix.lower()]
    with path.open("rb") as file:
        if file.read(len(expected)) != expected:
            return "it does not begin like one"
    if path.suffix.lower() == ".keras" and not zipfile.is_zipfile(path):
        return "it is cut off or no zip archive"
    return None


def config(path: Path) -> Any:
    """The network's description in the file, as read from its JSON; no layer is made.

    Raises ModelFileError when there is none, as in a file with weights only.
    """
    try:
        if path.suffix.lower() == ".keras":
            with zipfile.ZipFile(path) as archive:
                return json.loads(archive.read("config.json"))
        h5py = load_library("h5py", LABEL, PACKAGE)
        with h5py.File(path, "r") as file:
            return json.loads(file.attrs["model_config"])
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise ModelFileError(
            f"{path.name} holds no whole Keras model ({error}); save it with model.save(…), not its weights only"
        ) from error


def unsafe(description: Any) -> Iterator[str]:
    """What in a network's description would run code of the file's author, or code outside Keras."""
    if isinstance(description, dict):
        name, module = description.get("class_name"), description.get("module")
        if isinstance(name, str) and name in _RUNS_CODE:
            yield f"a {name} layer" if name != "__lambda__" else "a lambda function"
        elif isinstance(name, str) and isinstance(module, str) and module.split(".")[0] not in {"keras", "builtins"}:
            yield f"{module}.{name}"
        for value in description.values():
            yield from unsafe(value)
    elif isinstance(description, list):
        for value in description:
            yield from unsafe(value)


class KerasSession:
    """A model as one traced function; TensorFlow's threads are set before it first runs anything."""

    def __init__(self, path: Path, threads: int) -> None:
        found = next(unsafe(config(path)), None)
        if found:
            raise ModelFileError(
                f"{path.name} contains {found}, which can run any code; it is not loaded. "
                "Replace it by layers of Keras and save the model again"
            )
        keras = SPEC.load()
        tf = load_library("tensorflow", LABEL, PACKAGE)
        pin(tf, threads)
        try:
            model = keras.saving.load_model(str(path), compile=False, safe_mode=True)
        except (ValueError, TypeError, KeyError, OSError) as error:
            raise ModelFileError(f"Keras {keras.__version__} cannot load {path.name}: {short(error)}") from error
        one_of("input", len(model.inputs), path)
        one_of("output", len(model.outputs), path)
        self.input_shape: Shape = tuple(model.inputs[0].shape)
        self.input_dtype: str = keras.backend.standardize_dtype(model.inputs[0].dtype)
        self._tf = tf
        signature = [tf.TensorSpec(self.input_shape, self.input_dtype)]
        self._function = tf.function(lambda x: model(x, training=False), input_signature=signature)
        self.version = f"{keras.__version__} on TensorFlow {tf.__version__}"
        self.arithmetic = one_arithmetic(layer.compute_dtype for layer in model.layers if layer.weights)

    def prepare(self, batch: Batch) -> Callable[[], NDArray[Any]]:
        check_batch(batch, self.input_shape)
        given, function = self._tf.constant(batch, dtype=self.input_dtype), self._function

        def infer() -> NDArray[Any]:
            result: NDArray[Any] = function(given).numpy()
            return result

        return infer

    def run(self, batch: Batch) -> Batch:
        infer = self.prepare(batch)
        try:
            return infer().astype(np.float32)
        except self._tf.errors.OpError as error:
            raise MeasureError(f"TensorFlow stopped: {short(error)}") from error


def pin(tf: Any, threads: int) -> None:
    """One operator after another, each on `threads` threads, in all of this process.

    Raises MeasureError when TensorFlow already runs with another number, which it cannot change.
    """
    settings = tf.config.threading
    with contextlib.suppress(RuntimeError):  # it runs already, and keeps what it has
        settings.set_intra_op_parallelism_threads(threads)
        settings.set_inter_op_parallelism_threads(1)
    used, beside = settings.get_intra_op_parallelism_threads(), settings.get_inter_op_parallelism_threads()
    if (used, beside) != (threads, 1):  # 0 means all cores
        raise MeasureError(
            f"TensorFlow already runs in this process with {used or 'all'} threads for an operator and "
            f"{beside or 'all'} operators at once, not {threads} and 1; measure in a process of its own "
            "(device.measure does)"
        )


def start(path: Path, threads: int) -> Session:
    """Loads `path`. Raises ModelFileError or RuntimeMissing."""
    return KerasSession(path, threads)


SPEC = RuntimeSpec(
    "keras-cpu",
    LABEL,
    {".h5": "h5", ".keras": "keras"},
    MODULE,
    PACKAGE,
    fault,
    start,
    needs=("tensorflow",),
    environment=(("KERAS_BACKEND", "tensorflow"), ("TF_CPP_MIN_LOG_LEVEL", "3")),
)
