"""Which format a file has, by its first bytes; well-known other kinds of file are refused by their name."""

from __future__ import annotations

import re

from optimizer.inspection.found import RefusedFile

SUFFIXES = {
    "h5": (".h5", ".hdf5", ".keras"),  # old Keras wrote HDF5 under .keras, too
    "keras": (".keras",),
    "tflite": (".tflite", ".lite"),
    "onnx": (".onnx",),
}
_CONVERT = "export the model to ONNX, TFLite or .keras with the tool that made it"
# First bytes of what people take for a model file, with what to do.
_OTHERS = (
    (rb"\x80[\x02-\x05]", "a Python pickle, which can run any code when it is read", _CONVERT),
    (rb"\x93NUMPY", "a numpy array", "give the model that belongs to it"),
    (rb"GGUF|ggml", "a GGUF file of a language model", "DLOM does not know this format; " + _CONVERT),
    (rb".{8}\{\"", "a safetensors file: weights without a network", _CONVERT),
    (rb"\x7fELF|MZ|\xcf\xfa\xed\xfe", "a program, not a model", "look where it came from"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!", "a compressed archive", "unpack it first"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF|BM", "a picture", "give the model's own file"),
    (rb"%PDF", "a PDF document", "give the model's own file"),
    (rb"\s*<", "a web page or XML, perhaps an error page saved in place of the model", "download the file again"),
    (rb"version https://git-lfs", "a Git LFS pointer, not the model itself", "fetch it with: git lfs pull"),
    (rb"\s*[{\[]", "a JSON text", "give the model file that belongs to it"),
    (rb"#!|import |from |def ", "a script", "give the model file that it makes"),
)


def kind(head: bytes, name: str) -> str:
    """h5, keras, tflite or onnx, from the first bytes of a file (4096 are plenty). Raises RefusedFile for others.

    ONNX has no signature of its own: a file is tried as ONNX when it begins as one or is named `.onnx`.
    """
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "h5"
    if head.startswith(b"PK\x03\x04"):
        return "keras"
    if head[4:8] == b"TFL3":
        return "tflite"
    for pattern, what, todo in _OTHERS:
        if re.match(pattern, head, re.DOTALL):
            raise RefusedFile(f"{name} is {what}, and not a model that DLOM reads; {todo}")
    if head[:1] == b"\x08" or name.lower().endswith(".onnx"):  # field 1, ir_version, which exporters write first
        return "onnx"
    raise RefusedFile(
        f"{name} begins with {head[:8].hex(' ')}, which is none of HDF5, .keras, TFLite and ONNX; {_CONVERT}"
    )
