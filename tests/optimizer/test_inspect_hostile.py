"""Model files made to do harm: each trick is refused, with what was found. The files are real but for one change."""

from __future__ import annotations

import copy
import json
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from optimizer.inspect import RefusedFile, TensorSpec, inspect
from optimizer.inspection.flatbuffer import Flatbuffer, Table
from tests.optimizer.foreign_files import CANARY, folder

DENSE = {"class_name": "Dense", "config": {"name": "d", "units": 2}}
INPUT = {"class_name": "InputLayer", "config": {"name": "i", "batch_input_shape": [None, 3], "dtype": "float32"}}


@pytest.fixture(scope="session")
def files() -> Path:
    return folder()


def refused(path: Path) -> str:
    with pytest.raises(RefusedFile) as found:
        inspect(path)
    return str(found.value)


# --- Keras ---


def h5(path: Path, layers: list[Any], weights: Callable[[Any], object] | None = None) -> Path:
    """A Keras 2 file with these layers, written by h5py."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": layers}})
        group = file.create_group("model_weights/d")
        (weights or (lambda g: g.create_dataset("kernel", data=np.zeros((3, 2), "f4"))))(group)
    return path


def test_a_file_of_keras_2(tmp_path: Path) -> None:
    found = inspect(h5(tmp_path / "old.h5", [INPUT, DENSE]))
    assert (found.parameters, found.layers) == (6, 1)
    assert found.inputs == (TensorSpec("i", (None, 3), "float32"),)
    assert found.outputs == (TensorSpec("d", (None, 2), None),)


@pytest.mark.parametrize("name", ["lambda.h5", "lambda.keras"])
def test_a_lambda_is_refused_and_never_runs(files: Path, name: str) -> None:
    assert "holds a Lambda ('lambda" in refused(files / name)
    assert "stored Python code which would run when the model is loaded" in refused(files / name)
    assert not (files / CANARY).exists()  # `foreign_files` has seen that loading makes it


def layer(name: str, module: str | None = None, registered: str | None = None, **config: Any) -> dict[str, Any]:
    return {"class_name": name, "config": {"name": "x", **config}, "module": module, "registered_name": registered}


@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        (layer("MyLayer"), "names 'MyLayer', which is no layer of Keras's own"),
        (layer("Dense", "keras.layers", "shop>Dense"), "not Keras's own: 'shop>Dense' ('x')"),
        (layer("TFOpLambda", function="io.write_file"), "any function of TensorFlow"),
        (layer("TFSMLayer", "keras.layers", filepath="/tmp/x"), "holds a TFSMLayer ('x')"),
        (layer("TorchModuleWrapper", "keras.layers"), "a pickled PyTorch module"),
        (layer("StringLookup", vocabulary="http://127.0.0.1:9/v"), "would read the file or address"),
        # CVE-2025-1550 and CVE-2025-8747: functions of other modules, and Keras's own download
        (
            layer("Activation", activation={"class_name": "function", "module": "os", "config": "system"}),
            "'function' of the module 'os'",
        ),
        (
            layer("Activation", activation={"class_name": "function", "module": "keras.utils", "config": "get_file"}),
            "of the module 'keras.utils'",
        ),
        (layer("Activation", activation={"class_name": "__lambda__", "config": {"code": "4wEAAA"}}), "a __lambda__"),
        (layer("TimeDistributed", layer={"class_name": "Lambda", "config": {}}), "holds a Lambda"),
    ],
)
def test_code_that_a_configuration_names_is_refused(tmp_path: Path, hostile: dict[str, Any], reason: str) -> None:
    assert reason in refused(h5(tmp_path / "hostile.h5", [INPUT, hostile, DENSE]))


def test_a_lambda_in_the_training_configuration_is_refused(tmp_path: Path) -> None:
    with h5py.File(h5(tmp_path / "a.h5", [INPUT, DENSE]), "a") as file:
        file.attrs["training_config"] = json.dumps({"loss": {"class_name": "__lambda__", "config": {}}})
    assert "a __lambda__" in refused(tmp_path / "a.h5")


def linked(group: Any) -> None:
    group["kernel"] = h5py.ExternalLink("/etc/passwd", "/x")


def elsewhere(group: Any) -> None:
    group.create_dataset("kernel", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def virtual(group: Any) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    group.create_virtual_dataset("kernel", layout)


def pickled(group: Any) -> None:
    group.create_dataset("kernel", data=["\x80\x04"], dtype=h5py.string_dtype())


def enormous(group: Any) -> None:
    group.create_dataset("kernel", (10**6, 10**6), "f4", chunks=(1000, 1000))


def hollow(group: Any) -> None:
    group.create_dataset("kernel", (10**5, 10**4), "f4", chunks=(1000, 1000))


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (linked, "/model_weights/d/kernel is a link to another file"),
        (elsewhere, "takes its numbers from another file"),
        (virtual, "takes its numbers from another file"),
        (pickled, "objects may hide a pickle"),
        (enormous, "declared as 4,000 GB, beyond the limit of 100 GB"),
        (hollow, "claims 4,000,000,000 bytes and holds 0"),
    ],
)
def test_weights_that_are_not_in_the_file(tmp_path: Path, weights: Callable[[Any], object], reason: str) -> None:
    assert reason in refused(h5(tmp_path / "hostile.h5", [INPUT, DENSE], weights))


def test_groups_in_a_circle_end(tmp_path: Path) -> None:
    path = h5(tmp_path / "circle.h5", [INPUT, DENSE], lambda group: group.__setitem__("above", group.file["/"]))
    assert inspect(path).parameters == 0


def test_groups_within_groups(tmp_path: Path) -> None:
    deep = "/".join("g" * 150)
    path = h5(tmp_path / "deep.h5", [INPUT, DENSE], lambda group: group.create_group(deep))
    assert "its groups are nested more than 100 deep" in refused(path)


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["kernel"] = np.zeros(3)
    assert "without a network (no model_config); save the whole model" in refused(tmp_path / "weights.h5")


def repacked(source: Path, to: Path, **changes: bytes | None) -> Path:
    """The archive once more with members replaced (`config__json` for config.json), added, or left out (`None`)."""
    with zipfile.ZipFile(source) as old:
        parts: dict[str, bytes | None] = {name: old.read(name) for name in old.namelist()}
    parts |= {name.replace("__", "."): part for name, part in changes.items()}
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as new:
        for name, part in parts.items():
            if part is not None:
                new.writestr(name, part)
    return to


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"config__json": bytes(50_000_000)}, "to 50,000,000 bytes: a zip bomb"),
        ({"../evil": b"x"}, "would unpack to '../evil', which may lie outside"),
        ({"/etc/evil": b"x"}, "would unpack to '/etc/evil'"),
        ({"c:evil": b"x"}, "would unpack to 'c:evil'"),
        ({"data.pkl": b"x"}, "'data.pkl', which is or may hide a Python pickle"),
        ({"hook.py": b"x"}, "holds the program 'hook.py'"),
        ({"config__json": None}, "a zip archive without config.json"),
        ({"config__json": b"{"}, "config.json is not JSON"),
        ({"config__json": b"[" * 200_000}, "nested too deeply"),
        ({"config__json": b'{"class_name": "MyNet", "module": "shop"}'}, "of the module 'shop'"),
    ],
)
def test_a_hostile_archive(files: Path, tmp_path: Path, changes: dict[str, bytes | None], reason: str) -> None:
    assert reason in refused(repacked(files / "small.keras", tmp_path / "x.keras", **changes))


def test_a_name_that_occurs_twice_is_refused(files: Path, tmp_path: Path) -> None:
    shutil.copy(files / "small.keras", tmp_path / "x.keras")
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(tmp_path / "x.keras", "a") as archive:
        archive.writestr("config.json", "{}")
    assert "holds 'config.json' twice" in refused(tmp_path / "x.keras")


# --- TFLite ---


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_tflite_file_that_is_cut_off(files: Path, tmp_path: Path, share: float) -> None:
    content = (files / "small.tflite").read_bytes()
    (tmp_path / "cut.tflite").write_bytes(content[: int(len(content) * share)])
    assert "cut off or damaged" in refused(tmp_path / "cut.tflite")


def changed_tflite(files: Path, name: str, change: Callable[[Any], object], to: Path) -> Path:
    """The file written again by the flatbuffers library after a change to its objects."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs((files / name).read_bytes(), 0))
    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    to.write_bytes(builder.Output())
    return to


def cycle(model: Any) -> None:
    first, *_, last = model.subgraphs[0].operators
    first.inputs = [last.outputs[0]]


def recursion(model: Any) -> None:
    loop = next(op for op in model.subgraphs[0].operators if hasattr(op.builtinOptions, "bodySubgraphIndex"))
    loop.builtinOptions.bodySubgraphIndex = 0


def recursion_by_way_of_another(model: Any) -> None:
    loop = next(op for op in model.subgraphs[0].operators if hasattr(op.builtinOptions, "bodySubgraphIndex"))
    ends = (loop.builtinOptions.condSubgraphIndex, loop.builtinOptions.bodySubgraphIndex)
    for caller, called in (ends, ends[::-1]):
        call = copy.deepcopy(loop)
        call.inputs = call.outputs = []
        call.builtinOptions.condSubgraphIndex = call.builtinOptions.bodySubgraphIndex = called
        model.subgraphs[caller].operators.append(call)


def false_index(model: Any) -> None:
    model.subgraphs[0].operators[0].inputs = [10_000]


def false_buffer(model: Any) -> None:
    model.subgraphs[0].tensors[0].buffer = 10_000


def larger_than_its_data(model: Any) -> None:
    next(t for t in model.subgraphs[0].tensors if tuple(t.shape) == (10, 36)).shape = [10, 3600]


def huge(model: Any) -> None:
    model.subgraphs[0].tensors[0].shape = [2**20, 2**20]


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("small.tflite", cycle, "a cycle; the file is damaged"),
        ("loop.tflite", recursion, "subgraph 0 of it calls itself and would never end"),
        ("loop.tflite", recursion_by_way_of_another, "of it calls itself and would never end"),
        ("small.tflite", false_index, "refers to number 10000 where there are"),
        ("small.tflite", false_buffer, "refers to number 10000 where there are"),
        ("small.tflite", larger_than_its_data, "needs 144,000 bytes and has 1,440"),
        ("small.tflite", huge, "declared as 4,398 GB, beyond the limit of 100 GB"),
    ],
)
def test_a_hostile_tflite_file(
    files: Path, tmp_path: Path, name: str, change: Callable[[Any], object], reason: str
) -> None:
    assert reason in refused(changed_tflite(files, name, change, tmp_path / "x.tflite"))


def test_the_change_alone_is_refused_not_the_writing(files: Path, tmp_path: Path) -> None:
    same = inspect(changed_tflite(files, "small.tflite", lambda model: None, tmp_path / "x.tflite"))
    assert same.operators == inspect(files / "small.tflite").operators


def test_lists_that_share_their_parts_do_not_multiply() -> None:
    """50,000 offsets to one table with a list of 100,000 numbers: 0.6 MB of file that stand for 20 GB of reading."""
    offsets, numbers = 50_000, 100_000
    table = 4 + 4 * offsets + 6  # behind the offsets and the vtable: 6 bytes long, of a table of 8, with one field at 4
    data = struct.pack("<I", offsets) + b"".join(struct.pack("<I", table - 4 - 4 * i) for i in range(offsets))
    data += struct.pack("<HHH", 6, 8, 4) + struct.pack("<iI", 6, 4) + struct.pack("<I", numbers) + bytes(4 * numbers)
    buffer = Flatbuffer(data)

    def read_all() -> None:
        for i in range(offsets):
            Table(buffer, buffer.follow(4 + 4 * i)).integers(0)

    assert len(Table(buffer, buffer.follow(4)).integers(0)) == numbers
    with pytest.raises(RefusedFile, match="over and over"):
        read_all()


# --- ONNX ---


def onnx_file(path: Path, *, dims: tuple[int, ...] = (3, 2), change: Callable[[Any], object] | None = None) -> Path:
    """One matrix multiplication, 3 → 2, changed."""
    weights = numpy_helper.from_array(np.zeros(dims, np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [weights],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    if change:
        change(model)
    path.write_bytes(model.SerializeToString())
    return path


def external(place: str) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        tensor = model.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=place)

    return change


def test_a_small_onnx_file(tmp_path: Path) -> None:
    found = inspect(onnx_file(tmp_path / "x.onnx"))
    assert (found.parameters, found.operators, found.precision) == (6, {"MatMul": 1}, "float")
    assert found.inputs == (TensorSpec("x", (None, 3), "float32"),)


@pytest.mark.parametrize("place", ["../weights.bin", "/etc/passwd", "a/../../b", "..\\b", "file:///etc/passwd"])
def test_onnx_weights_outside_of_the_folder(tmp_path: Path, place: str) -> None:
    assert "outside of the model's folder" in refused(onnx_file(tmp_path / "x.onnx", change=external(place)))


def test_onnx_weights_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(24))
    message = refused(onnx_file(tmp_path / "x.onnx", change=external("weights.bin")))
    assert "lies in another file, 'weights.bin'" in message
    assert "save_as_external_data=False" in message


def unsorted(model: Any) -> None:
    model.graph.node.insert(0, helper.make_node("Relu", ["y"], ["z"]))


def too_large(model: Any) -> None:
    model.graph.initializer[0].dims[:] = [10**6, 10**6]


def short(model: Any) -> None:
    model.graph.initializer[0].dims[:] = [3, 3]


def bomb(model: Any) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([10**6, 10**6]), "size"))
    model.graph.node.append(helper.make_node("ConstantOfShape", ["size"], ["z"]))


def circle(model: Any) -> None:
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    for name, called in (("A", "B"), ("B", "A")):
        node = helper.make_node(called, ["i"], ["o"], domain="own")
        model.functions.append(helper.make_function("own", name, ["i"], ["o"], [node], opset))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (unsorted, "breaks the rules of ONNX: Nodes in a graph must be topologically sorted"),
        (too_large, "declared as 4,000 GB"),
        (short, "needs 36 values or bytes for its shape and has 24"),
        (bomb, "what ConstantOfShape '' makes is declared as 4,000 GB"),
        (circle, "its functions ['A', 'B'] call one another in a circle"),
        (lambda model: model.ClearField("ir_version"), "The model does not have an ir_version set properly"),
        (lambda model: setattr(model.graph.node[0], "op_type", "Nothing"), "No Op registered for Nothing"),
    ],
)
def test_a_hostile_onnx_file(tmp_path: Path, change: Callable[[Any], object], reason: str) -> None:
    assert reason in refused(onnx_file(tmp_path / "x.onnx", change=change))
