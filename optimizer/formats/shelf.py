"""The formats, by hand, along the report's conversion chain: each after the one that it is made from."""

from __future__ import annotations

from optimizer.formats.blq import BLQ
from optimizer.formats.contract import Format
from optimizer.formats.f16 import F16
from optimizer.formats.fiq import FIQ
from optimizer.formats.h5 import H5
from optimizer.formats.onnx import ONNX, ONNX_PB, ONNX_TFLITE, ONNX_TFLITE_OPTIMIZED
from optimizer.formats.onnx_fp16 import ONNX_FP16
from optimizer.formats.onnx_qdq import ONNX_QDQ
from optimizer.formats.pb import PB
from optimizer.formats.pb_optimized import PB_OPTIMIZED
from optimizer.formats.tflite import TFLITE, TFLITE_OPTIMIZED
from optimizer.formats.tvm import TVM, TVM_AARCH64, TVM_TUNED

FORMATS: dict[str, Format] = {
    f.name: f
    for f in (
        H5, PB, PB_OPTIMIZED, TFLITE, TFLITE_OPTIMIZED, BLQ, FIQ, F16, ONNX, ONNX_PB, ONNX_TFLITE,
        ONNX_TFLITE_OPTIMIZED, ONNX_FP16, ONNX_QDQ, TVM, TVM_TUNED, TVM_AARCH64,
    )
}  # fmt: skip
