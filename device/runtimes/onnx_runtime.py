"""ONNX Runtime (.onnx) on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.runtimes import onnx_file
from device.runtimes.contract import (
    Batch,
    MeasureError,
    ModelFileError,
    RuntimeSpec,
    Session,
    Shape,
    check_batch,
    decoded,
    encoded,
    load_library,
    one_of,
)

MODULE, LABEL, PACKAGE = "onnxruntime", "ONNX Runtime", "onnxruntime"
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
}


class OnnxSession:
    """One inference session, operators one after another, each on at most `threads` threads."""

    def __init__(self, path: Path, threads: int) -> None:
        library = load_library(MODULE, LABEL, PACKAGE)
        fault = onnx_file.fault(path)  # again here, so that nobody loads a file that was not looked at
        if fault:
            raise ModelFileError(f"{path.name}: {fault}")
        options = library.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        errors = _errors()
        try:
            self._session = library.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except errors as error:
            raise ModelFileError(f"ONNX Runtime cannot load {path.name}: {_short(error)}") from error
        used = self._session.get_session_options().intra_op_num_threads
        if used != threads:
            raise MeasureError(f"ONNX Runtime took {used} threads although {threads} were asked for")
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        one_of("input", len(inputs), path)
        one_of("output", len(outputs), path)
        if inputs[0].type not in _DTYPES:
            raise ModelFileError(f"{path.name} takes {inputs[0].type}; measured are inputs of {', '.join(_DTYPES)}")
        self._name, self._out = inputs[0].name, outputs[0].name
        self.input_shape: Shape = tuple(n if isinstance(n, int) and n > 0 else None for n in inputs[0].shape)
        self.input_dtype = _DTYPES[inputs[0].type]
        integer_in = np.issubdtype(np.dtype(self.input_dtype), np.integer)
        integer_out = _DTYPES.get(outputs[0].type) in ("int8", "uint8")
        self._from_real = onnx_file.input_quantization(path, self._name) if integer_in else None
        self._to_real = onnx_file.output_quantization(path, self._out) if integer_out else None
        self._errors = errors
        self.version: str = library.__version__

    def prepare(self, batch: Batch) -> Callable[[], NDArray[Any]]:
        check_batch(batch, self.input_shape)
        feed, outputs = {self._name: encoded(batch, self.input_dtype, self._from_real)}, [self._out]
        run = self._session.run

        def infer() -> NDArray[Any]:
            result: NDArray[Any] = run(outputs, feed)[0]
            return result

        return infer

    def run(self, batch: Batch) -> Batch:
        infer = self.prepare(batch)
        try:
            return decoded(infer(), self._to_real)
        except self._errors as error:
            raise MeasureError(f"ONNX Runtime stopped: {_short(error)}") from error


def _errors() -> tuple[type[Exception], ...]:
    """What the library raises; its errors share no base class of their own."""
    state = load_library("onnxruntime.capi.onnxruntime_pybind11_state", LABEL, PACKAGE)
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented")
    return (*(getattr(state, name) for name in names), state.RuntimeException, RuntimeError)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def start(path: Path, threads: int) -> Session:
    """Loads `path`. Raises ModelFileError or RuntimeMissing."""
    return OnnxSession(path, threads)


SPEC = RuntimeSpec("onnx-runtime-cpu", LABEL, {".onnx": "onnx"}, MODULE, PACKAGE, onnx_file.fault, start)
