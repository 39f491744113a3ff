"""A SavedModel, as a folder or packed, becomes the one file that runtimes take; other models stay as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.runtimes import runtime_for
from optimizer.data import DataError
from optimizer.formats import pb
from optimizer.frozen import runnable
from optimizer.inspect import RefusedFile, inspect
from tests.optimizer.foreign_models import SAVED_MODEL
from tests.optimizer.test_packed import PARTS, packed


@pytest.mark.parametrize("name", ["net.tflite", "nothing-there.onnx"])
def test_other_models_stay_as_they_are(tmp_path: Path, name: str) -> None:
    with runnable(tmp_path / name, "no data either") as runs:
        assert (runs.path, runs.made_from) == (tmp_path / name, None)


def test_what_is_refused_is_not_run(tmp_path: Path) -> None:
    with (
        pytest.raises(RefusedFile, match=r"x\.zip: it would unpack to"),
        runnable(packed(tmp_path / "x.zip", PARTS | {"../evil": b"x"}), "digits"),
    ):
        pass
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(RefusedFile, match="folder is a folder; give one model file"),
        runnable(tmp_path / "folder", None),
    ):
        pass


def test_data_that_it_cannot_be_tried_on(tmp_path: Path) -> None:
    model = packed(tmp_path / "net.zip")
    (tmp_path / "pictures" / "dark").mkdir(parents=True)
    for data, message in ((str(tmp_path / "pictures"), "bring arrays as .npz"), ("nothing", "'nothing' is no data")):
        with pytest.raises(DataError, match=message), runnable(model, data):
            pass


def test_a_graph_is_the_same_in_whatever_order_its_variables_were_numbered() -> None:
    """x · a + b, where a and b are 1 and 2 or 2 and 1 by name; the order of the nodes is another one, too."""
    graph_def = pytest.importorskip("tensorflow").compat.v1.GraphDef

    def graph(a: str, b: str, first: bool) -> Any:
        made = graph_def()
        for name in (a, b) if first else (b, a):
            node = made.node.add(name=name, op="Const")
            node.attr["value"].tensor.float_val.append(3.0 if name == a else 5.0)
            made.node.add(name=f"Func/call/input/_{name}", op="Identity", input=[name])
        made.node.add(name="x", op="Placeholder")
        made.node.add(name="call/MatMul", op="MatMul", input=["x", f"Func/call/input/_{a}:0"])
        made.node.add(name="Identity", op="AddV2", input=["call/MatMul", f"Func/call/input/_{b}"])
        return made

    one, other = (pb.settled(graph(*how), "Identity") for how in (("1", "2", True), ("2", "1", False)))
    assert one == other
    assert [(n.name, list(n.input)) for n in one.node] == [
        ("x", []), ("value_1", []), ("value_2", ["value_1"]), ("call/MatMul", ["x", "value_2:0"]), ("value_4", []),
        ("value_5", ["value_4"]), ("Identity", ["call/MatMul", "value_5"]),
    ]  # fmt: skip
    assert [n.attr["value"].tensor.float_val[0] for n in one.node if n.op == "Const"] == [3.0, 5.0]


@pytest.mark.slow  # half a minute: TensorFlow starts three times
def test_the_same_graph_whatever_it_is_tried_on(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "tests.optimizer.foreign_models", str(tmp_path)], check=True, timeout=120)
    folder = tmp_path / SAVED_MODEL
    parts = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    np.savez(tmp_path / "few.npz", x=np.random.default_rng(0).random((30, 8, 8)), y=np.arange(30) % 10)
    made, told = [], list[str]()
    for model, data in ((folder, None), (packed(tmp_path / "saved.zip", parts), str(tmp_path / "few.npz"))):
        with runnable(model, data, told.append) as runs:
            path = runs.path
            made.append(path.read_bytes())
            assert runs.made_from == inspect(folder).sha256  # packed or not
            found = inspect(path)
            assert (path.name, found.format, found.parameters) == ("saved.pb", "pb", 4 * 10 + 10 * (36 * 4 + 1))
            assert runtime_for(path).name == "tensorflow-cpu"
        assert not path.exists()
    assert made[0] == made[1]
    assert told[1] == "saved.zip is a SavedModel: its frozen graph is made, and measured in its place"
