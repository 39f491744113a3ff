"""OpenVINO (.onnx) on the CPU, computing in float32 where the file does.

Left to itself it computes float32 files in bfloat16 on processors that can, which is faster and not what the file
says; its figures would not be comparable with those of the other runtimes. Layers quantized in the file stay so.
"""

from __future__ import annotations

from collections.abc import Callable
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
    one_arithmetic,
    one_of,
)

MODULE, LABEL, PACKAGE = "openvino", "OpenVINO", "openvino"
# Importing it sends an event to Google Analytics and writes a client id into the home folder, unless these are missing;
# they belong to its converter, which is not used here.
_REPORTING = ("openvino_telemetry", "openvino.tools.ovc")
_INPUTS = ("float32", "float16", "float64", "int8", "uint8")
_WITH_WEIGHTS = {"Convolution", "Deconvolution", "FullyConnected", "MatMul", "RNNSeq", "RNNCell", "MHA"}
_IN_THE_FILE = {"Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul"}  # and are called so
_REAL = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}
_PRECISIONS = _REAL | {"i8": "int8", "u8": "int8"}


class OpenVinoSession:
    """One compiled model with one stream; compiled anew when the batch changes, so that every shape is known."""

    def __init__(self, path: Path, threads: int) -> None:
        library = SPEC.load()
        fault = onnx_file.fault(path)  # again here, so that nobody loads a file that was not looked at
        if fault:
            raise ModelFileError(f"{path.name}: {fault}")
        self._core, self._tensor, self._threads = library.Core(), library.Tensor, threads
        try:
            self._model = self._core.read_model(str(path))
        except RuntimeError as error:
            raise ModelFileError(f"OpenVINO cannot load {path.name}: {_short(error)}") from error
        inputs, outputs = self._model.inputs, self._model.outputs
        one_of("input", len(inputs), path)
        one_of("output", len(outputs), path)
        self.input_dtype: str = np.dtype(inputs[0].element_type.to_dtype()).name
        if self.input_dtype not in _INPUTS:
            raise ModelFileError(f"{path.name} takes {self.input_dtype}; measured are inputs of {', '.join(_INPUTS)}")
        self.input_shape: Shape = tuple(
            None if size.is_dynamic else int(size.get_length()) for size in inputs[0].partial_shape
        )
        integer_in = np.issubdtype(np.dtype(self.input_dtype), np.integer)
        integer_out = np.dtype(outputs[0].element_type.to_dtype()).name in ("int8", "uint8")
        names = inputs[0].get_any_name(), outputs[0].get_any_name()
        self._from_real = onnx_file.input_quantization(path, names[0]) if integer_in else None
        self._to_real = onnx_file.output_quantization(path, names[1]) if integer_out else None
        self._size: tuple[int, ...] = ()
        self.version: str = library.__version__.partition("-")[0]
        self._compile(tuple(size or 1 for size in self.input_shape), path.name)

    def _compile(self, size: tuple[int, ...], what: str) -> None:
        """Raises ModelFileError, saying that `what` cannot be compiled, and MeasureError for other threads."""
        self._size = ()  # until all is well
        settings = {
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False,  # whoever measures says on which cores
        }
        try:
            self._model.reshape(list(size))
            self._compiled = self._core.compile_model(self._model, "CPU", settings)
            self._request = self._compiled.create_infer_request()
        except RuntimeError as error:
            raise ModelFileError(f"OpenVINO cannot compile {what}: {_short(error)}") from error
        used = self._compiled.get_property("INFERENCE_NUM_THREADS")
        if used != self._threads:
            raise MeasureError(f"OpenVINO took {used} threads although {self._threads} were asked for")
        self._size = size

    @property
    def arithmetic(self) -> str:
        """By the kernels of the compiled model; several small layers may have become one of kind "Subgraph".

        Such a kernel tells the precision of its input, which is that of its layers only if it is a real number.
        """
        layers = {node.get_friendly_name() for node in self._model.get_ops() if node.get_type_name() in _IN_THE_FILE}
        found = []
        for node in self._compiled.get_runtime_model().get_ordered_ops():
            told = {name: value.value for name, value in node.get_rt_info().items()}
            precision = told["runtimePrecision"]
            if told["layerType"] in _WITH_WEIGHTS:
                found.append(_PRECISIONS.get(precision, NOT_TOLD))
            elif told["layerType"] == "Subgraph" and not layers.isdisjoint(told["originalLayersNames"].split(",")):
                found.append(_REAL.get(precision, NOT_TOLD))
        return one_arithmetic(found)

    def prepare(self, batch: Batch) -> Callable[[], NDArray[Any]]:
        check_batch(batch, self.input_shape)
        if batch.shape != self._size:
            self._compile(batch.shape, f"the model for {len(batch)} at once")
        given, request = encoded(batch, self.input_dtype, self._from_real), self._request
        # It reads the input where it lies; handed over with each call, a small network took twice as long.
        place = np.empty_like(given)
        request.set_input_tensor(self._tensor(place, shared_memory=True))
        out = request.get_output_tensor()

        def infer() -> NDArray[Any]:
            np.copyto(place, given)
            request.infer(share_outputs=True)
            result: NDArray[Any] = out.data.copy()
            return result

        return infer

    def run(self, batch: Batch) -> Batch:
        infer = self.prepare(batch)
        try:
            return decoded(infer(), self._to_real)
        except RuntimeError as error:
            raise MeasureError(f"OpenVINO stopped: {_short(error)}") from error


def _short(error: Exception) -> str:
    """Its errors begin with the places in its own source."""
    lines = [line.strip() for line in str(error).splitlines() if not line.startswith("Exception from")]
    return " ".join(" ".join(lines).split())[:300] or type(error).__name__


def start(path: Path, threads: int) -> Session:
    """Loads `path`. Raises ModelFileError or RuntimeMissing."""
    return OpenVinoSession(path, threads)


SPEC = RuntimeSpec(
    "openvino-cpu", LABEL, {".onnx": "onnx"}, MODULE, PACKAGE, onnx_file.fault, start, without=_REPORTING
)
