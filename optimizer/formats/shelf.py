"""The formats, by hand, in the order in which the report lists them.

TensorFlow's frozen graph (PB) is left out: nothing that DLOM measures runs it, and TFLite starts from the same graph.
"""

from __future__ import annotations

from optimizer.formats.blq import BLQ
from optimizer.formats.contract import Format
from optimizer.formats.f16 import F16
from optimizer.formats.fiq import FIQ
from optimizer.formats.h5 import H5
from optimizer.formats.onnx import ONNX
from optimizer.formats.tflite import TFLITE

FORMATS: dict[str, Format] = {f.name: f for f in (H5, TFLITE, BLQ, FIQ, F16, ONNX)}
