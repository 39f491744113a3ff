"""ONNX with weights and arithmetic in 16-bit floats; input and output stay in 32."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from optimizer.formats.contract import Budget, Format

if TYPE_CHECKING:
    from optimizer.data import Data


def convert(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """ONNX Runtime's converter; the nodes are sorted afterwards, because it appends its casts at the end."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    made = convert_float_to_float16(onnx.load(str(parent)), keep_io_types=True)
    OnnxModel(made).topological_sort(is_deterministic=True)
    del made.graph.value_info[:]  # of the types before
    onnx.save(made, str(out))


ONNX_FP16 = Format(
    name="onnx-fp16",
    label="ONNX, float 16",
    suffix=".onnx",
    library="ONNX Runtime",
    optimization="float16-quantization",
    techniques=("float16-quantization",),
    precision="float16",
    weight_bits=16,
    activation_bits=None,
    tolerance=2e-2,
    why="half the size for accelerators that compute in 16 bits; a processor that does not gets slower",
    convert=convert,
    source="onnx",
    also_from=("onnx-pb", "onnx-tflite"),
)
