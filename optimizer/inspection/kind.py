"""Which format a file has, by its first bytes; well-known other kinds of file are refused by their name."""

from __future__ import annotations

import re

from optimizer.inspection.found import RefusedFile

SUFFIXES = {
    "h5": (".h5", ".hdf5", ".keras"),  # old Keras wrote HDF5 under .keras, too
    "keras": (".keras",),
    "tflite": (".tflite", ".lite"),
    "onnx": (".onnx",),
    "pb": (".pb",),
}
_CONVERT = "export the model to ONNX, TFLite or .keras with the tool that made it"
_TORCH = "torch.onnx.export(model.eval(), (torch.zeros(1, 3, 224, 224),), 'model.onnx'), with the shape of its input"
PICKLE = (
    "a Python pickle, which can run any code when it is read",
    f"export the model to ONNX where it was made: PyTorch with {_TORCH}; scikit-learn with skl2onnx.to_onnx(model, x)",
)
NATIVE = (
    "native code, which would run as you and cannot be checked before",
    "give the ONNX or TFLite file that it was compiled from; DLOM compiles it with TVM itself",
)
# First bytes of what people take for a model file, with what to do.
_OTHERS = (
    (rb"\x80[\x02-\x05]|c[\w.]+\n[\w.]+\n|\((lp|dp|c)", *PICKLE),
    (rb"x[\x01\x5e\x9c\xda]", "compressed as joblib compresses its pickles, which can run any code", PICKLE[1]),
    (rb"\x93NUMPY", "a numpy array", "give the model that belongs to it"),
    (rb"GGUF|ggml", "a GGUF file of a language model", "DLOM does not know this format; " + _CONVERT),
    (rb".{8}\{\"", "a safetensors file: weights without a network", _CONVERT),
    (rb"\x7fELF|MZ|\xcf\xfa\xed\xfe|!<arch>", "a program, not a model: " + NATIVE[0], NATIVE[1]),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!", "a compressed archive", "unpack it first"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF|BM", "a picture", "give the model's own file"),
    (rb"%PDF", "a PDF document", "give the model's own file"),
    (rb"\s*<", "a web page or XML, perhaps an error page saved in place of the model", "download the file again"),
    (rb"version https://git-lfs", "a Git LFS pointer, not the model itself", "fetch it with: git lfs pull"),
    (rb"\s*[{\[]", "a JSON text", "give the model file that belongs to it"),
    (rb"#!|import |from |def ", "a script", "give the model file that it makes"),
)


def kind(head: bytes, name: str) -> str:
    """h5, keras, tflite, onnx or pb, from the first bytes of a file (4096 are plenty). Raises RefusedFile for others.

    ONNX and TensorFlow's graphs have no signature of their own: a file is tried as one of them when it begins as one
    or is named so.
    """
    if name.lower() == "saved_model.pb":
        raise RefusedFile(f"{name} is one part of a SavedModel; give the folder that it lies in")
    if name.lower().endswith(".tvm"):
        raise RefusedFile(f"{name} is a TVM package, that is, {NATIVE[0]}; {NATIVE[1]}")
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "h5"
    if head.startswith(b"PK\x03\x04"):
        return "keras"
    if head[4:8] == b"TFL3":
        return "tflite"
    if _is_graph(head):
        return "pb"
    for pattern, what, todo in _OTHERS:
        if re.match(pattern, head, re.DOTALL):
            raise RefusedFile(f"{name} is {what}, and not a model that DLOM reads; {todo}")
    if head[:1] == b"\x08" or name.lower().endswith(".onnx"):  # field 1, ir_version, which exporters write first
        return "onnx"
    if name.lower().endswith(".pb"):
        return "pb"
    raise RefusedFile(
        f"{name} begins with {head[:8].hex(' ')}, which is none of HDF5, .keras, TFLite, ONNX and "
        f"frozen TensorFlow graphs; {_CONVERT}"
    )


def _is_graph(head: bytes) -> bool:
    """Whether it begins with a node that begins with its name (GraphDef 1, NodeDef 1), behind which its operator is."""
    found = re.match(rb"\n[\x80-\xff]{0,4}[\x00-\x7f]\n([\x01-\x7f])", head, re.DOTALL)
    if found is None:
        return False
    behind = found.end() + found[1][0]
    return head[behind : behind + 1] == b"\x12" and head[found.end() : behind].isascii()
