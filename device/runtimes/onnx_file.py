"""What must be known of an ONNX file before a runtime may load it, read without the onnx package.

Only the frame of Protocol Buffers is decoded (https://protobuf.dev/programming-guides/encoding/): numbers and byte
strings by field number. The field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from device.runtimes.contract import Quantization

Field = tuple[int, "int | memoryview"]

# For each message, the fields that lead to tensors: field number → the message found there.
_LEADS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_MODEL_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}
_NUMBERS = 2**29  # of fields; some readers cut larger ones off, and would see others than we do
_DEEPEST = 60  # graphs within graphs; real models have three or four
_TYPES = {2: "uint8", 3: "int8"}  # TensorProto.DataType


def fields(message: memoryview) -> Iterator[Field]:
    """(field number, number or bytes) of a message. Raises ValueError where it is not a whole one."""
    at, end = 0, len(message)
    while at < end:
        key, at = varint(message, at)
        number, wire = key >> 3, key & 7
        if not 0 < number < _NUMBERS or wire not in (0, 1, 2, 5):
            raise ValueError(f"field {number} of wire type {wire} at byte {at}")
        if wire == 0:
            value, at = varint(message, at)
            yield number, value
            continue
        length, at = varint(message, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
        if at + length > end:
            raise ValueError(f"{length} bytes are announced at byte {at}, {end - at} are there")
        yield number, message[at : at + length]
        at += length


def fault(path: Path) -> str | None:
    """What is wrong with the file's frame, or with where it keeps its weights; None when nothing is.

    Weights in other files are refused: a measurement names one file by its SHA-256, which would not cover them, and
    a location such as ../../secret would read what it should not.
    """
    if path.stat().st_size == 0:
        return "it is empty"
    whole = _mapped(path)
    try:
        found = {number for number, _ in fields(whole)}
    except ValueError as error:
        return f"it is cut off or not ONNX ({error})"
    if 7 not in found or not found <= _MODEL_FIELDS:
        return "it is not an ONNX model"
    try:
        elsewhere = next(_external(whole, "model", 0), None)
    except ValueError as error:
        return f"a part of it is damaged ({error})"
    if elsewhere is None:
        return None
    return (
        f"it keeps weights in another file ({elsewhere}), which is not loaded; save it as one file with "
        "onnx.save(onnx.load(…), …, save_as_external_data=False)"
    )


def input_quantization(path: Path, name: str) -> Quantization | None:
    """How the integer input `name` is meant: by the DequantizeLinear node that reads it. None: not said."""
    return _quantization(path, "DequantizeLinear", 0, name)


def output_quantization(path: Path, name: str) -> Quantization | None:
    """How the integer output `name` is meant: by the QuantizeLinear node that writes it. None: not said."""
    return _quantization(path, "QuantizeLinear", 1, name)


def _quantization(path: Path, operator: str, side: int, name: str) -> Quantization | None:
    graph = next(value for number, value in fields(_mapped(path)) if number == 7 and isinstance(value, memoryview))
    tensors: dict[str, memoryview] = {}
    named: list[str] = []
    for number, value in fields(graph):
        if isinstance(value, int):
            continue
        if number == 5:
            tensors[_text(value, 8)] = value
        elif number == 1 and _text(value, 4) == operator:
            ends = [str(v, "utf-8") for n, v in fields(value) if n == side + 1 and isinstance(v, memoryview)]
            inputs = [str(v, "utf-8") for n, v in fields(value) if n == 1 and isinstance(v, memoryview)]
            if name in ends[:1]:
                named = inputs
    if len(named) < 3 or named[1] not in tensors or named[2] not in tensors:
        return None
    dtype = _TYPES.get(_number(tensors[named[2]], 2))
    scale, zero_point = _scale(tensors[named[1]]), _zero_point(tensors[named[2]])
    return Quantization(scale, zero_point, dtype) if dtype and scale else None


def _mapped(path: Path) -> memoryview:
    """The file's bytes, brought into memory only where they are looked at, until the last view of them goes."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _external(message: memoryview, kind: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise ValueError(f"graphs nested more than {_DEEPEST} deep")
    for number, value in fields(message):
        if kind == "tensor":
            if number == 13 and isinstance(value, memoryview):  # external_data: key and value
                if _text(value, 1) == "location":
                    yield _text(value, 2)
            elif number == 14 and isinstance(value, int) and value & 0xFFFFFFFF == 1:  # data_location = EXTERNAL
                yield "not named"
        elif number in _LEADS[kind] and isinstance(value, memoryview):
            yield from _external(value, _LEADS[kind][number], depth + 1)


def _scale(tensor: memoryview) -> float:
    for number, value in fields(tensor):
        if number in (4, 9) and isinstance(value, memoryview) and len(value) == 4:
            return float(struct.unpack("<f", value)[0])
    return 0.0


def _zero_point(tensor: memoryview) -> int:
    dtype = _TYPES.get(_number(tensor, 2), "int8")
    for number, value in fields(tensor):
        if number == 9 and isinstance(value, memoryview):
            return int(np.frombuffer(value, dtype=dtype)[0])
        if number == 5:  # int32_data, packed; a negative number is a varint of 64 bits
            raw = varint(value, 0)[0] if isinstance(value, memoryview) else value
            return raw - 2**64 if raw >= 2**63 else raw
    return 0


def _text(message: memoryview, wanted: int) -> str:
    return next((str(v, "utf-8", "replace") for n, v in fields(message) if n == wanted and not isinstance(v, int)), "")


def _number(message: memoryview, wanted: int) -> int:
    return next((v for n, v in fields(message) if n == wanted and isinstance(v, int)), 0)


def varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number at a position, and where it ends. Raises ValueError where it does not end."""
    value = shift = 0
    while at < len(message) and shift < 70:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & (2**64 - 1), at
        shift += 7
    raise ValueError(f"a number does not end at byte {at}")
