"""One file of each kind that is made to do harm, with a part of the reason for which it is refused.

Those that could run code would make `folder / CANARY`. All are small: what they claim is large.
"""

from __future__ import annotations

import json
import pickle
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnx import helper

from tests.optimizer import foreign_files
from tests.optimizer import protobuf as pb
from tests.optimizer.foreign_files import CANARY
from tests.optimizer.test_inspect_hostile import (
    changed_tflite,
    cycle,
    external,
    onnx_file,
    recursion,
    repacked,
    too_large,
)

REASONS: Mapping[str, str] = {
    "lambda.h5": "holds a Lambda",
    "lambda.keras": "holds a Lambda",
    "pickle.h5": "is a Python pickle, which can run any code",
    "pickle-inside.keras": "'data.pkl', which is or may hide a Python pickle",
    "torch.keras": "torch.onnx.export(model.eval()",
    "joblib.onnx": "compressed as joblib compresses its pickles",
    "external.onnx": "outside of the model's folder: a way to read other files",
    "cut.tflite": "cut off or damaged",
    "cyclic.tflite": "a cycle; the file is damaged",
    "recursive.tflite": "calls itself and would never end",
    "bomb.keras": "a zip bomb",
    "huge.tflite": "declared as 400 GB, beyond the limit of 100 GB",
    "huge.onnx": "declared as 4,000 GB, beyond the limit of 100 GB",
    "cyclic.onnx": "Nodes in a graph must be topologically sorted",
    "custom.onnx": "'Run' of 'mine' would need a library of its own",
    "nested.onnx": "cannot be read as what it claims to be",
    "nested.keras": "nested too deeply",
    "write.pb": "it holds the operator 'WriteFile' (node 'bad')",
    "program.onnx": "native code, which would run as you",
    "compiled.keras": "'lib.so', which is or may hide native code",
}


class _Canary:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


def make(folder: Path) -> dict[str, Path]:
    """The files of REASONS by their names."""
    real = foreign_files.folder()
    harm = pickle.dumps(_Canary(folder / CANARY))
    for name in ("lambda.h5", "lambda.keras"):
        (folder / name).write_bytes((real / name).read_bytes())
    (folder / "pickle.h5").write_bytes(harm)
    repacked(real / "small.keras", folder / "pickle-inside.keras", **{"data.pkl": harm})
    with zipfile.ZipFile(folder / "torch.keras", "w") as archive:  # as torch.save writes it
        archive.writestr("net/data.pkl", harm)
        archive.writestr("net/data/0", bytes(40))
    (folder / "joblib.onnx").write_bytes(zlib.compress(harm))
    onnx_file(folder / "external.onnx", change=external("../../../../etc/passwd"))
    whole = (real / "small.tflite").read_bytes()
    (folder / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    changed_tflite(real, "small.tflite", cycle, folder / "cyclic.tflite")
    changed_tflite(real, "loop.tflite", recursion, folder / "recursive.tflite")
    repacked(real / "small.keras", folder / "bomb.keras", config__json=bytes(50_000_000))
    changed_tflite(real, "small.tflite", _huge, folder / "huge.tflite")
    onnx_file(folder / "huge.onnx", change=too_large)
    onnx_file(folder / "cyclic.onnx", change=_cyclic)
    onnx_file(folder / "custom.onnx", change=_custom)
    plain = onnx_file(folder / "nested.onnx").read_bytes()
    (folder / "nested.onnx").write_bytes(plain + pb.field(7, _nested()))  # joined with the graph that is there
    layer: dict[str, Any] = {"class_name": "Dense", "config": {}}
    deep = json.dumps(layer).replace("{}", '{"a":' * 100_000 + "1" + "}" * 100_000)
    repacked(real / "small.keras", folder / "nested.keras", config__json=deep.encode())
    where = pb.text("where", str(folder / CANARY))
    write = pb.node("bad", "WriteFile", "where", "where")
    relu = pb.node("y", "Relu", "x", "^bad", T=pb.field(6, pb.FLOAT))
    (folder / "write.pb").write_bytes(pb.graph(pb.placeholder("x", -1, 4), where, write, relu))
    (folder / "program.onnx").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(100))
    repacked(real / "small.keras", folder / "compiled.keras", **{"lib.so": b"\x7fELF"})
    return {name: folder / name for name in REASONS}


def _huge(model: Any) -> None:
    """100,000 × 100,000 × 10 numbers of 4 bytes, of which the file holds none."""
    graph = model.subgraphs[0]
    graph.tensors[graph.operators[0].outputs[0]].shape = [100_000, 100_000, 10]


def _cyclic(model: Any) -> None:
    first, second = helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])
    model.graph.node.extend([first, second])


def _custom(model: Any) -> None:
    model.opset_import.append(helper.make_opsetid("mine", 1))
    model.graph.node.append(helper.make_node("Run", ["y"], ["z"], domain="mine"))


def _nested() -> bytes:
    """A branch in a branch in a branch …, 200 deep: deeper than protobuf reads."""
    graph = b""
    for _ in range(200):
        branch = pb.field(1, "then_branch") + pb.field(6, graph) + pb.field(20, 5)
        graph = pb.field(1, pb.field(1, "x") + pb.field(4, "If") + pb.field(5, branch))
    return graph
