from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from device.runtimes import onnx_file, runtime_for
from device.runtimes.contract import ModelFileError, Quantization


def model(*initializers: onnx.TensorProto, node: onnx.NodeProto | None = None) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in "xy")
    graph = helper.make_graph([node or helper.make_node("Add", ["x", "w"], ["y"])], "net", [x], [y], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def elsewhere(location: str) -> onnx.TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1, 2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def saved(folder: Path, made: onnx.ModelProto) -> Path:
    (folder / "net.onnx").write_bytes(made.SerializeToString())
    return folder / "net.onnx"


W = numpy_helper.from_array(np.array([[1, 2]], np.float32), "w")


def test_a_whole_file_has_no_fault(tmp_path: Path) -> None:
    assert onnx_file.fault(saved(tmp_path, model(W))) is None


@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "weights.bin"])
def test_weights_in_another_file_are_not_loaded(tmp_path: Path, location: str) -> None:
    with pytest.raises(ModelFileError, match="keeps weights in another file"):
        runtime_for(saved(tmp_path, model(elsewhere(location))))


def test_weights_elsewhere_are_found_in_a_node_and_in_a_graph_inside_a_node(tmp_path: Path) -> None:
    constant = helper.make_node("Constant", [], ["y"], value=elsewhere("a.bin"))
    assert "a.bin" in (onnx_file.fault(saved(tmp_path, model(node=constant))) or "")
    inner = helper.make_graph([constant], "then", [], [])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    assert "a.bin" in (onnx_file.fault(saved(tmp_path, model(W, node=branch))) or "")


@pytest.mark.parametrize(
    ("tensor", "said"),
    [
        (b"\x70\x01", "it keeps weights in another file"),  # field 14 is 1, EXTERNAL
        (b"\x70\x81\x80\x80\x80\x10", "it keeps weights in another file"),  # 2³² + 1: readers of 32 bits see the 1
        (b"\xf0\x80\x80\x80\x10\x01", "field 536870926 of wire type 0"),  # 2²⁹ + 14: some cut it down to 14
        (b"\x70\x00", ""),
    ],
)
def test_weights_elsewhere_are_found_however_the_number_is_written(tmp_path: Path, tensor: bytes, said: str) -> None:
    """A model whose field 7, the graph, holds one tensor, field 5."""
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    (tmp_path / "net.onnx").write_bytes(b"\x3a" + bytes([len(graph)]) + graph)
    assert said in (onnx_file.fault(tmp_path / "net.onnx") or "")
    assert bool(said) == bool(onnx_file.fault(tmp_path / "net.onnx"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\x08\x0a", "not an ONNX model"),
        (b"\x3a\x05ab", "5 bytes are announced at byte 2, 2 are there"),
        (b"\xff" * 12, "a number does not end"),
    ],
)
def test_what_is_no_model_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "net.onnx").write_bytes(content)
    assert said in (onnx_file.fault(tmp_path / "net.onnx") or "")


@given(st.integers(0, 10_000), st.binary(max_size=8))
def test_damage_is_told_not_raised(tmp_path_factory: pytest.TempPathFactory, where: int, noise: bytes) -> None:
    """Some bytes of a whole file replaced: a fault in words, or none where only weights changed."""
    whole = model(W).SerializeToString()
    at = where % len(whole)
    file = tmp_path_factory.getbasetemp() / "damaged.onnx"
    file.write_bytes(whole[:at] + noise + whole[at + len(noise) :])
    assert onnx_file.fault(file) is None or isinstance(onnx_file.fault(file), str)


@pytest.mark.parametrize("zero_point", [-128, 0, 3])
def test_the_scale_of_an_integer_input_is_read(tmp_path: Path, zero_point: int) -> None:
    scale = numpy_helper.from_array(np.array(0.25, np.float32), "s")
    raw = numpy_helper.from_array(np.array(zero_point, np.int8), "z")
    packed = helper.make_tensor("z", TensorProto.INT8, [], [zero_point])
    node = helper.make_node("DequantizeLinear", ["x", "s", "z"], ["y"])
    for zero in (raw, packed):
        file = saved(tmp_path, model(scale, zero, node=node))
        assert onnx_file.input_quantization(file, "x") == Quantization(0.25, zero_point, "int8")
        assert onnx_file.output_quantization(file, "y") is None
