"""ONNX in 8 bits: weights and activations quantized after training, written as pairs of Quantize and Dequantize."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats.calibration import representatives
from optimizer.formats.contract import Budget, Format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optimizer.data import Data


def convert(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """ONNX Runtime's static quantization, one scale for each channel; input and output stay in 32 bits.

    Ranges come from examples to learn from, never from those of the test.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    graph = onnx.load(str(parent)).graph
    constants = {constant.name for constant in graph.initializer}
    entry = next(value.name for value in graph.input if value.name not in constants)

    class Examples(CalibrationDataReader):  # type: ignore[misc,unused-ignore]
        left = iter(representatives(data))

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            example: Any = next(self.left, None)
            return None if example is None else {entry: example[None]}

    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        # Symbolic inference serves transformers, and fails on some of PyTorch's exports; ONNX's own is enough here.
        quant_pre_process(str(parent), str(prepared), skip_symbolic_shape=True)
        quantize_static(str(prepared), str(out), Examples(), quant_format=QuantFormat.QDQ, per_channel=True)


ONNX_QDQ = Format(
    name="onnx-qdq",
    label="ONNX, full integer quantization",
    suffix=".onnx",
    library="ONNX Runtime",
    optimization="full-integer-quantization",
    techniques=("full-integer-quantization",),
    precision="w8a8",
    weight_bits=8,
    activation_bits=8,
    tolerance=None,
    why="8 bits inside and floats at both ends: what ONNX Runtime and OpenVINO compute in integers",
    convert=convert,
    source="onnx",
    also_from=("onnx-pb", "onnx-tflite"),
    proposed=True,
)
