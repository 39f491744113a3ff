"""Graphs are written here byte by byte (https://protobuf.dev/programming-guides/encoding/), without TensorFlow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.runtimes import graph_file, runtime_for
from device.runtimes.contract import ModelFileError
from device.runtimes.graph_file import Graph, Node, fault_in
from device.runtimes.graph_operators import COMPUTING

FLOAT, STRING, RESOURCE = 1, 7, 20  # types.proto
# Some of the operators that reach beyond the graph, or whose answers change; the names are those of tf.raw_ops.
REACHING_OUT = [
    "ReadFile", "WriteFile", "MatchingFiles", "Print", "PrintV2", "PyFunc", "EagerPyFunc", "PyFuncStateless", "Save",
    "TextLineDataset", "FixedLengthRecordDataset", "IteratorGetNext", "RpcCall", "RemoteCall", "_Send", "_Recv", "Fact",
    "ImportEvent", "WriteSummary", "CollectiveReduce", "HashTableV2", "QueueDequeueV2", "Stage", "RandomUniform",
    "Timestamp", "SymbolicGradient", "MyOwnOp",
]  # fmt: skip
KEEPING_A_STATE = {  # within one run: loops, calls, lists in memory, and checks that only stop
    "Assert", "CheckNumerics", "GuaranteeConst", "If", "Case", "While", "StatefulPartitionedCall", "TensorArrayV3",
    "TensorArrayReadV3", "TensorArrayWriteV3", "TensorArrayGatherV3", "TensorArrayScatterV3", "TensorArraySizeV3",
    "TensorArrayConcatV3", "TensorArraySplitV3",
}  # fmt: skip


def number(value: int) -> bytes:
    """A varint; a negative number takes ten bytes."""
    value, out = value % 2**64, b""
    while value > 127:
        out, value = out + bytes([value % 128 + 128]), value // 128
    return out + bytes([value])


def part(field: int, content: bytes | str | int) -> bytes:
    if isinstance(content, int):
        return number(field * 8) + number(content)
    content = content.encode() if isinstance(content, str) else content
    return number(field * 8 + 2) + number(len(content)) + content


def node(name: str, op: str, *inputs: str, **attributes: bytes) -> bytes:
    entries = [part(5, part(1, key) + part(2, value)) for key, value in attributes.items()]
    return part(1, name) + part(2, op) + b"".join(part(3, given) for given in inputs) + b"".join(entries)


def tensor(shape: tuple[int, ...], dtype: int = FLOAT, content: bytes = b"") -> bytes:
    """An attribute that holds a constant; without content, zeros."""
    sizes = b"".join(part(2, part(1, size)) for size in shape)
    return part(8, part(1, dtype) + part(2, sizes) + part(4, content))


def calls(function: str) -> bytes:
    """An attribute that names a function."""
    return part(10, part(1, function))


def graph(*nodes: bytes, **functions: tuple[bytes, ...]) -> bytes:
    library = b""
    for name, body in functions.items():
        library += part(1, part(1, part(1, name)) + b"".join(part(3, inner) for inner in body))
    return b"".join(part(1, given) for given in nodes) + (part(2, library) if functions else b"")


X, W = node("x", "Placeholder"), node("w", "Const", value=tensor((2, 3), content=bytes(24)))
MATMUL = node("y", "MatMul", "x", "w")


def fault(folder: Path, content: bytes) -> str:
    """What is said of a graph; it is refused on the way to a runtime in the same words."""
    file = folder / "net.pb"
    file.write_bytes(content)
    said = graph_file.fault(file)
    if said:
        with pytest.raises(ModelFileError) as refused:
            runtime_for(file)
        assert said in str(refused.value)
    return said or ""


def test_a_graph_that_only_computes_has_no_fault(tmp_path: Path) -> None:
    assert fault(tmp_path, graph(X, W, MATMUL)) == ""
    nodes = graph_file.nodes(tmp_path / "net.pb")
    assert [(n.name, n.op, n.inputs) for n in nodes] == [
        ("x", "Placeholder", ()),
        ("w", "Const", ()),
        ("y", "MatMul", ("x", "w")),
    ]
    assert graph_file.ends(nodes) == (["x"], ["y"])


def test_a_graph_that_tensorflow_froze_is_read(nets: Path) -> None:
    nodes = graph_file.nodes(nets / "net.pb")
    assert [n.op for n in nodes if n.op not in ("Const", "Identity", "NoOp")] == [
        "Placeholder", "MatMul", "BiasAdd", "Relu", "MatMul", "BiasAdd", "Softmax",
    ]  # fmt: skip
    assert graph_file.ends(nodes) == (["x"], ["Identity"])


def test_tensorflow_knows_every_operator_of_the_list_and_says_which_keep_a_state(nets: Path) -> None:
    told = json.loads((nets / "operators.json").read_text())
    assert set(told) == COMPUTING
    assert {op for op, keeps in told.items() if keeps} == KEEPING_A_STATE


@pytest.mark.parametrize("op", REACHING_OUT)
def test_an_operator_that_reaches_out_is_refused_with_its_name(tmp_path: Path, op: str) -> None:
    assert op not in COMPUTING
    said = fault(tmp_path, graph(X, node("theft", op, "x")))
    assert said.startswith(f"it holds the operator '{op}' (node 'theft'), which is not on the list")


def test_a_function_is_looked_into_wherever_it_is_named(tmp_path: Path) -> None:
    bad = (node("theft", "ReadFile", "x"),)
    call = node("y", "StatefulPartitionedCall", "x", f=calls("inner"))
    assert fault(tmp_path, graph(X, call, inner=(node("z", "Relu", "x"),))) == ""
    assert "'ReadFile' (node 'theft')" in fault(tmp_path, graph(X, call, inner=bad))
    assert "'ReadFile' (node 'theft')" in fault(tmp_path, graph(X, MATMUL, W, never_called=bad))
    assert "'ReadFile' (node 'theft')" in fault(tmp_path, graph(X, node("y", "inner", "x"), inner=bad))
    assert "calls 'inner', which is not in the file" in fault(tmp_path, graph(X, call))


def test_variables_are_refused_with_the_way_out(tmp_path: Path) -> None:
    said = fault(tmp_path, graph(X, node("w", "VarHandleOp"), MATMUL))
    assert said.startswith("it holds variables (VarHandleOp), whose values are elsewhere; freeze it first")


def test_the_graph_of_a_saved_model_is_told_from_a_frozen_one(tmp_path: Path) -> None:
    """saved_model.proto: 1 is the version, 2 a MetaGraphDef."""
    said = fault(tmp_path, part(1, 1) + part(2, part(2, graph(X, W, MATMUL))))
    assert said.startswith("it is no frozen graph; if it belongs to a SavedModel, its weights are in the folder")


def test_a_circle_is_refused_but_for_the_loops_of_tensorflow_1(tmp_path: Path) -> None:
    enter, merge = node("enter", "Enter", "x"), node("merge", "Merge", "enter", "next")
    loop = X, enter, merge, node("more", "Relu", "merge"), node("exit", "Exit", "more")
    assert fault(tmp_path, graph(*loop, node("next", "NextIteration", "more"))) == ""
    assert "in a circle, near node 'merge'" in fault(tmp_path, graph(*loop, node("next", "Relu", "more")))
    assert "in a circle, near node 'y'" in fault(tmp_path, graph(X, node("y", "Add", "x", "^y")))


def test_a_function_that_calls_itself_is_refused(tmp_path: Path) -> None:
    call = node("y", "PartitionedCall", "x", f=calls("a"))
    a, b = (node("y", "PartitionedCall", "x", f=calls(other)) for other in "ba")
    assert "its function 'a' calls itself, or others that do" in fault(tmp_path, graph(X, call, a=(a,), b=(b,)))


def test_functions_that_multiply_are_counted_not_run(tmp_path: Path) -> None:
    """f0 calls f1 ten times, f1 calls f2 ten times …: 10 + 100 + … + 10⁷ operations in a file of 5 KB."""
    levels = {
        f"f{level}": tuple(node(f"n{i}", "PartitionedCall", "x", f=calls(f"f{level + 1}")) for i in range(10))
        for level in range(6)
    }
    levels["f6"] = tuple(node(f"n{i}", "Relu", "x") for i in range(10))
    content = graph(X, node("y", "PartitionedCall", "x", f=calls("f0")), **levels)
    assert len(content) < 6000
    assert "with its functions it has 11,111,112 operations; at most 1,000,000 are run" in fault(tmp_path, content)


def test_a_long_chain_of_functions_that_double_is_counted_at_once(tmp_path: Path) -> None:
    """f0 calls f1 twice, f1 calls f2 twice … 20,000 times: 2^20000 has 6,021 digits, and is not worked out."""
    chain = {
        f"f{k}": tuple(Node(n, f"f{k + 1}" if k < 19_999 else "Relu", ()) for n in "ab")
        for k in reversed(range(20_000))
    }
    assert "operations; at most 1,000,000 are run" in str(fault_in(Graph((Node("y", "f0", ()),), chain)))


def test_a_constant_far_larger_than_the_file_is_refused(tmp_path: Path) -> None:
    """25 × 10⁹ numbers of 4 bytes: 100 GB from one number in the file."""
    wide = node("w", "Const", value=tensor((250_000, 100_000)))
    said = fault(tmp_path, graph(X, wide, MATMUL))
    assert said == "its constants take more than 1 GiB beyond what the file holds, such as one of shape 250000×100000"
    some = [node(f"w{i}", "Const", value=tensor((1024, 1024, 100))) for i in range(3)]  # 400 MiB each
    assert fault(tmp_path, graph(X, *some[:2])) == ""
    assert "more than 1 GiB" in fault(tmp_path, graph(X, *some))
    listed = part(1, part(8, part(1, FLOAT) + part(2, part(2, part(1, 10**12)))))
    assert "more than 1 GiB" in fault(tmp_path, graph(X, node("w", "Const", values=listed)))


def test_constants_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    assert fault(tmp_path, graph(X, node("t", "Const", value=tensor((), STRING)))) == ""
    said = fault(tmp_path, graph(X, node("t", "Const", value=tensor((), RESOURCE))))
    assert said == "it holds a constant of type 20, which is neither numbers nor text"
    assert "a constant of shape [184467" in fault(tmp_path, graph(X, node("w", "Const", value=tensor((-1,)))))


@pytest.mark.parametrize(
    ("twice", "field"),
    [
        (
            part(1, "y") + part(2, "Relu") + part(2, "ReadFile"),
            2,
        ),  # TensorFlow takes the last, a hasty reader the first
        (node("w", "Const", value=tensor((1,)) + tensor((10**11,))), "an attribute with two values"),
        (node("w", "Const", value=part(8, part(1, FLOAT) + part(2, b"") + part(2, part(2, part(1, 10**11))))), 2),
    ],
)
def test_what_readers_could_take_in_two_ways_is_refused(tmp_path: Path, twice: bytes, field: int | str) -> None:
    said = fault(tmp_path, graph(X, twice))
    assert (f"field {field} is given twice" if isinstance(field, int) else field) in said


def test_attributes_within_attributes_end_somewhere(tmp_path: Path) -> None:
    inner = calls("f")
    for _ in range(30):
        inner = part(10, part(1, "f") + part(2, part(1, "a") + part(2, inner)))
    assert "attributes nested more than 20 deep" in fault(tmp_path, graph(node("y", "Relu", a=inner), f=(X,)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"GIF89a, and more of it", "no frozen TensorFlow graph"),
        (graph(X, W, MATMUL)[:-3], "are announced at byte"),
        (graph(X, X), "two nodes have one name"),
        (part(9, "text"), "a graph has no field 9"),
        (part(4, ""), "no operation is in it"),
    ],
)
def test_what_is_no_graph_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    assert said in fault(tmp_path, content)


@given(st.integers(0, 10_000), st.binary(max_size=8))
def test_damage_is_told_not_raised(tmp_path_factory: pytest.TempPathFactory, where: int, noise: bytes) -> None:
    """Some bytes of a whole file replaced: a fault in words, or none where only weights or names changed."""
    whole = graph(X, W, MATMUL, node("z", "PartitionedCall", "y", f=calls("g")), g=(node("a", "Relu", "x"),))
    at = where % len(whole)
    file = tmp_path_factory.getbasetemp() / "damaged.pb"
    file.write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    assert graph_file.fault(file) is None or isinstance(graph_file.fault(file), str)
