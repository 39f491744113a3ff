"""Frozen TensorFlow graphs and SavedModel folders: what is read of real ones, and what is refused.

Hostile graphs would make a file, the canary, if anything ran them.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from optimizer.inspect import Limits, RefusedFile, TensorSpec, inspect
from optimizer.inspection import graph_def, saved_model, tensor_bundle
from tests.optimizer import protobuf as pb
from tests.optimizer.foreign_files import folder
from tests.optimizer.fuzz_inspect import damaged


@pytest.fixture(scope="session")
def files() -> Path:
    return folder()


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that must never come to be."""
    return tmp_path / "canary"


def refused(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(RefusedFile) as found:
        inspect(path, limits=limits)
    return str(found.value)


# --- frozen graphs ---


def test_a_frozen_graph(files: Path) -> None:
    found = inspect(files / "small.pb")
    assert (found.format, found.parameters, found.precision, found.warnings) == ("pb", 410, "float", ())
    assert found.sha256 == hashlib.sha256((files / "small.pb").read_bytes()).hexdigest()
    assert (found.operators["Conv2D"], found.operators["MatMul"]) == (1, 1)
    assert found.inputs == (TensorSpec("x", (1, 8, 8, 1), "float32"),)
    assert found.outputs == (TensorSpec("Identity", (1, 10), "float32"),)
    assert inspect(files / "any-batch.pb").inputs[0].shape == (None, 8, 8, 1)


def frozen(path: Path, *nodes: bytes) -> Path:
    """A graph that takes two numbers, x, and does this with them."""
    path.write_bytes(pb.graph(pb.placeholder("x", -1, 2), *nodes))
    return path


RELU = pb.node("y", "Relu", "x", T=pb.field(6, pb.FLOAT))


def test_a_graph_by_hand(tmp_path: Path) -> None:
    """The same without harm, so that the refusals below are of the harm."""
    found = inspect(frozen(tmp_path / "x.pb", RELU))
    assert (found.nodes, found.macs, found.operators) == (2, 0, {"Relu": 1})


def test_an_operator_that_writes_a_file(tmp_path: Path, canary: Path) -> None:
    path = frozen(tmp_path / "x.pb", RELU, pb.text("where", str(canary)), pb.node("bad", "WriteFile", "where", "where"))
    assert "it holds the operator 'WriteFile' (node 'bad')" in refused(path)
    assert not canary.exists()


# From here on in this process, where nothing but Python reads: starting one for each would take a minute.


def refused_here(*nodes: bytes, functions: tuple[bytes, ...] = ()) -> str:
    with pytest.raises(ValueError) as found:  # RefusedFile is one; the worker makes one of others
        graph_def.read(pb.graph(pb.placeholder("x", -1, 2), *nodes, functions=functions), Limits())
    return str(found.value)


@pytest.mark.parametrize("op", ["ReadFile", "PyFunc", "EagerPyFunc", "LoadLibrary", "Mine", "Print"])
def test_an_operator_that_does_more_than_compute(op: str) -> None:
    assert f"it holds the operator '{op}' (node 'bad')" in refused_here(RELU, pb.node("bad", op, "x"))


def test_an_operator_hidden_in_a_function() -> None:
    hidden = pb.function("f", pb.text("where", "/tmp/x"), pb.node("bad", "WriteFile", "where", "where"))
    said = refused_here(pb.node("y", "PartitionedCall", "x", f=pb.call("f")), functions=(hidden,))
    assert "it holds the operator 'WriteFile' (node 'bad')" in said


def nested(depth: int) -> bytes:
    """A function given to a function given to a function …, as attributes."""
    value = pb.field(3, 1)
    for _ in range(depth):
        value = pb.field(10, pb.field(1, "f") + pb.field(2, pb.entry("g", value)))
    return value


@pytest.mark.parametrize(
    ("nodes", "functions", "reason"),
    [
        ((pb.node("a", "Relu", "b"), pb.node("b", "Relu", "a")), (), "wait for one another in a circle"),
        (
            (pb.node("y", "PartitionedCall", "x", f=pb.call("f")),),
            (pb.function("f", pb.node("again", "PartitionedCall", f=pb.call("f"))),),
            "its function 'f' calls itself",
        ),
        ((pb.node("y", "PartitionedCall", "x", f=pb.call("gone")),), (), "calls 'gone', which is not in the file"),
        ((pb.constant("w", pb.FLOAT, (100_000, 100_000, 10), b""),), (), "more than 1 GiB beyond what the file holds"),
        ((pb.placeholder("z", 1, 10**6, 10**6), RELU), (), "input 'z' is declared as 4,000 GB"),
        ((pb.node("y", "Relu", "x", a=nested(1000)),), (), "nested more than 20 deep"),
        ((pb.node("y", "VarHandleOp"),), (), "freeze it first"),
        ((RELU, RELU), (), "two nodes have one name"),
    ],
)
def test_a_hostile_graph(nodes: tuple[bytes, ...], functions: tuple[bytes, ...], reason: str) -> None:
    assert reason in refused_here(*nodes, functions=functions)


def test_an_operator_that_would_make_more_than_any_device_holds() -> None:
    edges = b"".join(number.to_bytes(4, "little") for number in (0, 10**6, 0, 10**6))
    pad = pb.node("y", "Pad", "x", "edges")
    said = refused_here(pb.constant("edges", pb.INT32, (2, 2), pb.field(4, edges)), pad)
    assert "what node 'y' makes is declared as 4,000 GB" in said


@pytest.mark.parametrize("share", [0.2, 0.99])
def test_a_graph_that_is_cut_off(files: Path, tmp_path: Path, share: float) -> None:
    content = (files / "small.pb").read_bytes()
    (tmp_path / "cut.pb").write_bytes(content[: int(len(content) * share)])
    assert "cut.pb: it is no frozen TensorFlow graph that can be read" in refused(tmp_path / "cut.pb")


def test_one_part_of_a_saved_model_is_not_the_whole(files: Path) -> None:
    assert "give the folder that it lies in" in refused(files / "small-saved" / "saved_model.pb")


# --- SavedModel folders ---


def test_a_saved_model(files: Path) -> None:
    found = inspect(files / "small-saved")
    assert (found.format, found.parameters, found.precision) == ("savedmodel", 410, "float")
    assert found.producer == "TensorFlow 2.21.0"
    assert [t.shape for t in (*found.inputs, *found.outputs)] == [(None, 8, 8, 1), (None, 10)]
    assert found.operators["Conv2D"] == 1
    assert "SaveV2" not in found.operators
    assert found.warnings[0].startswith("it stores 820 numbers where a prediction uses 410")  # Keras's export does


def test_the_digest_of_a_folder_is_that_of_what_sha256sum_prints(files: Path) -> None:
    whole, lines = files / "small-saved", []
    parts = sorted(p.relative_to(whole).as_posix() for p in whole.rglob("*") if p.is_file())
    for name in parts:
        lines.append(f"{hashlib.sha256((whole / name).read_bytes()).hexdigest()}  {name}\n")
    assert len(parts) == 4  # saved_model.pb, fingerprint.pb, and the two of variables
    found = inspect(whole)
    assert found.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert found.size_kib == sum((whole / name).stat().st_size for name in parts) / 1024


@pytest.fixture
def copy(files: Path, tmp_path: Path) -> Path:
    """A real SavedModel that a test may change."""
    return Path(shutil.copytree(files / "small-saved", tmp_path / "model"))


def test_only_the_files_of_the_folder_are_read(copy: Path, files: Path) -> None:
    index = copy / "variables" / "variables.index"
    shutil.move(index, copy.parent / "elsewhere")
    assert "its variables are missing" in refused(copy)
    index.symlink_to(copy.parent / "elsewhere")
    assert "holds the symbolic link 'variables/variables.index'" in refused(copy)
    index.unlink()
    os.mkfifo(index)
    assert "'variables/variables.index', which is no part of a SavedModel" in refused(copy)
    index.unlink()
    (copy / "variables").rename(copy.parent / "outside")
    (copy / "variables").symlink_to(copy.parent / "outside")
    assert "holds the symbolic link 'variables'" in refused(copy)
    linked = copy.parent / "linked"
    linked.symlink_to(files / "small-saved")
    assert "is a symbolic link" in refused(linked)


def test_what_does_not_belong_there_is_refused(copy: Path) -> None:
    (copy / "hook.py").write_text("print('hello')")
    assert "holds 'hook.py', which is no part of a SavedModel" in refused(copy)
    (copy / "hook.py").unlink()
    deep = copy / "assets" / "a" / "b" / "c" / "d" / "e" / "f"
    deep.mkdir(parents=True)
    assert "nested more than 5 folders deep" in refused(copy)


def test_limits_hold_for_all_files_together(copy: Path) -> None:
    with (copy / "variables" / "variables.data-00000-of-00001").open("ab") as data:
        data.truncate(3 * 2**20)
    assert "has 3 MiB, more than the 2 allowed" in refused(copy, Limits(file_mib=2))
    for number in range(250):
        (copy / "assets" / str(number)).write_bytes(b"")
    assert "holds more than 200 files" in refused(copy)


def test_variables_that_are_not_there(copy: Path) -> None:
    data = copy / "variables" / "variables.data-00000-of-00001"
    content = data.read_bytes()
    data.write_bytes(content[: len(content) // 2])
    assert "of file 0 of its data, which is not there or has" in refused(copy)
    data.unlink()
    assert "of file 0 of its data, which is not there or has 0 bytes" in refused(copy)
    data.write_bytes(content)
    index = copy / "variables" / "variables.index"
    index.write_bytes(index.read_bytes()[:-1])
    assert "its variables.index does not end as one" in refused(copy)


def saved(folder: Path, content: bytes) -> Path:
    """A folder with nothing but this SavedModel."""
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(content)
    return folder


def test_a_saved_model_by_hand(tmp_path: Path) -> None:
    """The same without harm, so that the refusals below are of the harm."""
    content = pb.saved_model(pb.graph(pb.placeholder("x", -1, 2), RELU), serving_default=pb.signature(y="y:0"))
    found = inspect(saved(tmp_path / "model", content))
    assert (found.nodes, found.warnings) == (2, ("it holds no weights: the network is untrained",))


def write(canary: Path) -> tuple[bytes, bytes]:
    return pb.text("where", str(canary)), pb.node("bad", "WriteFile", "where", "where")


def test_an_operator_that_writes_files_wherever_it_stands(tmp_path: Path, canary: Path) -> None:
    main = pb.placeholder("x", -1, 2), RELU
    served = {"serving_default": pb.signature(y="y:0")}
    hidden = pb.function("f", *write(canary))  # which nothing calls
    places = {
        "graph": pb.saved_model(pb.graph(*main, *write(canary)), **served),
        "function": pb.saved_model(pb.graph(*main, functions=(hidden,)), **served),
        "second part": pb.saved_model(pb.graph(*main), **served)[2:] + pb.saved_model(pb.graph(*write(canary))),
    }
    for place, content in places.items():
        path = saved(tmp_path / place, content if place != "second part" else pb.field(1, 1) + content)
        assert "it holds the operator 'WriteFile' (node 'bad')" in refused(path), place
    assert not canary.exists()


def test_saving_is_for_nobody_else_to_call(tmp_path: Path, canary: Path) -> None:
    """SaveV2 is in every SavedModel; here a prediction, loading or restoring would run it."""
    save = pb.text("where", str(canary)), pb.node("save", "SaveV2", "where", "where", "where", "x")
    graph = pb.graph(pb.placeholder("x", -1, 2), *save, RELU, pb.node("z", "Identity", "y", "^save"))
    main_op = pb.field(4, pb.entry("saved_model_main_op", pb.field(1, pb.field(1, "save"))))
    restore = pb.field(3, pb.field(3, "save"))
    served = {"serving_default": pb.signature(y="y:0")}
    paths = {
        "unused": pb.saved_model(graph, **served),
        "which a prediction would run": pb.saved_model(graph, serving_default=pb.signature(y="z:0")),
        "which loading would run": pb.saved_model(graph, **served, __saved_model_init_op=pb.signature(op="save")),
        "which loading would run ": pb.saved_model(graph, main_op, **served),
        "which loading would run  ": pb.saved_model(graph, restore, **served),
    }
    assert inspect(saved(tmp_path / "unused", paths.pop("unused"))).nodes == 2
    for reason, content in paths.items():
        assert f"operator 'SaveV2' (node 'save'), {reason.strip()}" in refused(saved(tmp_path / reason, content))
    assert not canary.exists()


def test_variables_are_restored_from_the_folder_only(tmp_path: Path) -> None:
    """The name of the file is an argument of what restores; here the graph brings its own."""
    restore = pb.function(
        "restore", pb.text("where", "/etc/passwd"), pb.node("same", "Identity", "where:output:0"),
        pb.node("bad", "RestoreV2", "same:output:0", "names", "slices"),
    )  # fmt: skip
    graph = pb.graph(pb.placeholder("x", -1, 2), RELU, functions=(restore,))
    path = saved(tmp_path / "model", pb.saved_model(graph, serving_default=pb.signature(y="y:0")))
    assert "node 'bad' would restore variables from a file that the graph itself names" in refused(path)


def test_an_asset_outside_of_the_folder(tmp_path: Path) -> None:
    graph = pb.graph(pb.placeholder("x", -1, 2), RELU)
    asset = pb.field(6, pb.field(2, "../../etc/passwd"))
    path = saved(tmp_path / "model", pb.saved_model(graph, asset, serving_default=pb.signature(y="y:0")))
    assert "it names the asset '../../etc/passwd', which is not in its folder" in refused(path)


def test_damaged_saved_models_are_read_or_refused(files: Path) -> None:
    """In this process, since nothing but Python reads them."""
    whole, dice = files / "small-saved", random.Random(5)
    sizes = {p.relative_to(whole).as_posix(): p.stat().st_size for p in whole.rglob("*") if p.is_file()}
    parts = {name: (whole / name).read_bytes() for name in ("saved_model.pb", "variables/variables.index")}
    outcomes: Counter[str] = Counter()
    for i in range(300):
        name = sorted(parts)[i % 2]
        try:
            saved_model.read(parts | {name: damaged(parts[name], dice)}, sizes, Limits())
            outcomes["read"] += 1
        except ValueError:  # RefusedFile is one; the worker turns others into a refusal
            outcomes["refused"] += 1
    assert outcomes.total() == 300
    assert outcomes["refused"] > 50


def test_the_index_of_variables_by_hand(files: Path) -> None:
    index = (files / "small-saved" / "variables" / "variables.index").read_bytes()
    data = (files / "small-saved" / "variables" / "variables.data-00000-of-00001").stat().st_size
    stored = tensor_bundle.read(index, {0: data}, Limits())
    shapes = Counter(tensor.shape for tensor in stored if tensor.dtype == "float32")
    assert shapes == {(3, 3, 1, 4): 2, (4,): 2, (36, 10): 2, (10,): 2}
    with pytest.raises(RefusedFile, match="of file 0 of its data, which is not there"):
        tensor_bundle.read(index, {1: data}, Limits())
    with pytest.raises(RefusedFile, match="beyond the limit of 1e-06 GB"):
        tensor_bundle.read(index, {0: data}, Limits(declared_gb=1e-6))
