"""ONNX Runtime (.onnx) on the CPU."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.runtimes import onnx_file
from device.runtimes.contract import (
    NOT_TOLD,
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
    one_arithmetic,
    one_of,
    short,
)

MODULE, LABEL, PACKAGE = "onnxruntime", "ONNX Runtime", "onnxruntime"
_PROVIDERS = ["CPUExecutionProvider"]
_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
}
# Kernels with weights, as they are called after the runtime has fused and replaced what the file says.
_OF_8_BITS = {"QLinearConv", "QLinearMatMul", "QGemm", "ConvInteger", "MatMulInteger", "QAttention"}
_OF_BOTH = {"DynamicQuantizeMatMul", "MatMulIntegerToFloat", "DynamicQuantizeLSTM", "MatMulNBits"}
_OF_ITS_INPUT = {
    "Conv", "FusedConv", "ConvTranspose", "Gemm", "FusedGemm", "MatMul", "FusedMatMul", "Einsum", "LSTM", "GRU", "RNN",
    "Attention", "MultiHeadAttention",
}  # fmt: skip
_TYPES = {"float": "float32", "double": "float64"}


class OnnxSession:
    """One inference session, operators one after another, each on at most `threads` threads."""

    def __init__(self, path: Path, threads: int) -> None:
        library = load_library(MODULE, LABEL, PACKAGE)
        fault = onnx_file.fault(path)  # again here, so that nobody loads a file that was not looked at
        if fault:
            raise ModelFileError(f"{path.name}: {fault}")
        options, errors = _options(library, threads), _errors()
        try:
            self._session = library.InferenceSession(str(path), options, providers=_PROVIDERS)
        except errors as error:
            raise ModelFileError(f"ONNX Runtime cannot load {path.name}: {short(error)}") from error
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
        self._path, self._threads = path, threads
        self._size: tuple[int, ...] = tuple(n or 1 for n in self.input_shape)

    @cached_property
    def arithmetic(self) -> str:
        """By the kernels that ran, from the runtime's own profile: a second session runs once for it."""
        library = load_library(MODULE, LABEL, PACKAGE)
        options = _options(library, self._threads)
        options.enable_profiling = True
        with tempfile.TemporaryDirectory(prefix="dlom-profile-") as folder:
            options.profile_file_prefix = str(Path(folder) / "run")
            try:
                session = library.InferenceSession(str(self._path), options, providers=_PROVIDERS)
                session.run([self._out], {self._name: np.zeros(self._size, self.input_dtype)})
            except self._errors:
                return NOT_TOLD
            profile = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        return one_arithmetic(_precisions(profile))

    def prepare(self, batch: Batch) -> Callable[[], NDArray[Any]]:
        check_batch(batch, self.input_shape)
        self._size = batch.shape
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
            raise MeasureError(f"ONNX Runtime stopped: {short(error)}") from error


def _options(library: Any, threads: int) -> Any:
    options = library.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def _precisions(profile: list[dict[str, Any]]) -> Iterator[str]:
    """Of each kernel with weights in a profile (https://onnxruntime.ai/docs/performance/tune-performance)."""
    for event in profile:
        told = event.get("args", {})
        kernel = told.get("op_name")
        if kernel in _OF_8_BITS:
            yield "int8"
        elif kernel in _OF_BOTH:
            yield "mixed"
        elif kernel in _OF_ITS_INPUT and told.get("input_type_shape"):
            found = next(iter(told["input_type_shape"][0]))
            yield _TYPES.get(found, found)


def _errors() -> tuple[type[Exception], ...]:
    """What the library raises; its errors share no base class of their own."""
    state = load_library("onnxruntime.capi.onnxruntime_pybind11_state", LABEL, PACKAGE)
    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoSuchFile", "NotImplemented")
    return (*(getattr(state, name) for name in names), state.RuntimeException, RuntimeError)


def start(path: Path, threads: int) -> Session:
    """Loads `path`. Raises ModelFileError or RuntimeMissing."""
    return OnnxSession(path, threads)


SPEC = RuntimeSpec("onnx-runtime-cpu", LABEL, {".onnx": "onnx"}, MODULE, PACKAGE, onnx_file.fault, start)
