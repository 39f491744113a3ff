"""LiteRT (.tflite) on the CPU, with its XNNPACK kernels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.runtimes.contract import (
    NOT_TOLD,
    Batch,
    MeasureError,
    ModelFileError,
    Quantization,
    RuntimeSpec,
    Session,
    Shape,
    check_batch,
    decoded,
    encoded,
    load_library,
    one_arithmetic,
    one_of,
)

MODULE, LABEL, PACKAGE = "ai_edge_litert.interpreter", "LiteRT", "ai-edge-litert"
_WITH_WEIGHTS = {
    "CONV_2D", "CONV_3D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED", "BATCH_MATMUL",
    "UNIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN",
}  # fmt: skip
_NO_FACTORS = {"int32", "int64", "bool"}  # biases of integer layers, and shapes


def fault(path: Path) -> str | None:
    """A TFLite file is a FlatBuffer whose identifier, bytes 4 to 7, is TFL3."""
    with path.open("rb") as file:
        head = file.read(8)
    return None if head[4:8] == b"TFL3" else "it lacks the mark TFL3 of TensorFlow Lite models"


class LiteRtSession:
    """One interpreter; its input is resized when the batch changes."""

    def __init__(self, path: Path, threads: int) -> None:
        library = load_library(MODULE, LABEL, PACKAGE)
        try:
            self._interpreter = library.Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(f"LiteRT cannot load {path.name}: {_first_line(error)}. Convert it again") from error
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        one_of("input", len(inputs), path)
        one_of("output", len(outputs), path)
        self._input, self._output = inputs[0], outputs[0]
        self._size: tuple[int, ...] = tuple(int(n) for n in self._input["shape"])
        signature = self._input.get("shape_signature")
        self.input_shape: Shape = tuple(
            None if n < 0 else int(n) for n in (self._size if signature is None or not len(signature) else signature)
        )
        self.input_dtype = np.dtype(self._input["dtype"]).name
        self._from_real, self._to_real = _quantization(self._input), _quantization(self._output)
        self.version: str = load_library("ai_edge_litert", LABEL, PACKAGE).__version__

    @property
    def arithmetic(self) -> str:
        """As its kernels compute on the CPU: in the types of a layer's input and weights (float16 is widened first)."""
        listed = getattr(self._interpreter, "_get_ops_details", None)  # no public way to the operators
        if listed is None:
            return NOT_TOLD
        types = {int(t["index"]): np.dtype(t["dtype"]).name for t in self._interpreter.get_tensor_details()}
        return one_arithmetic(
            one_arithmetic({types[i] for i in op["inputs"] if i in types} - _NO_FACTORS).replace("uint8", "int8")
            for op in listed()
            if op["op_name"] in _WITH_WEIGHTS
        )

    def prepare(self, batch: Batch) -> Callable[[], NDArray[Any]]:
        check_batch(batch, self.input_shape)
        if batch.shape != self._size:
            self._size = ()  # a failed change leaves the interpreter unusable until the next one
            try:
                self._interpreter.resize_tensor_input(self._input["index"], batch.shape)
                self._interpreter.allocate_tensors()
            except (ValueError, RuntimeError) as error:
                raise MeasureError(f"the model cannot take {len(batch)} at once: {_first_line(error)}") from error
            self._size = batch.shape
        given = encoded(batch, self.input_dtype, self._from_real)
        interpreter, index, out = self._interpreter, self._input["index"], self._output["index"]

        def infer() -> NDArray[Any]:
            interpreter.set_tensor(index, given)
            interpreter.invoke()
            result: NDArray[Any] = interpreter.get_tensor(out)
            return result

        return infer

    def run(self, batch: Batch) -> Batch:
        infer = self.prepare(batch)
        try:
            return decoded(infer(), self._to_real)
        except RuntimeError as error:
            raise MeasureError(f"LiteRT stopped: {_first_line(error)}") from error


def _quantization(details: dict[str, Any]) -> Quantization | None:
    dtype = np.dtype(details["dtype"])
    scales = details["quantization_parameters"]["scales"]
    if not np.issubdtype(dtype, np.integer) or len(scales) == 0:
        return None
    return Quantization(float(scales[0]), int(details["quantization_parameters"]["zero_points"][0]), dtype.name)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__


def start(path: Path, threads: int) -> Session:
    """Loads `path`. Raises ModelFileError or RuntimeMissing."""
    return LiteRtSession(path, threads)


SPEC = RuntimeSpec("litert-cpu", LABEL, {".tflite": "tflite"}, MODULE, PACKAGE, fault, start)
