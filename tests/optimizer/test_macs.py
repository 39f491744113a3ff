"""Multiply-accumulates, by hand for small networks and by the papers' tables for well-known ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from optimizer.inspect import Limits, RefusedFile, inspect
from optimizer.inspection import graph_def, graph_values, keras_macs, saved_model, tflite, tflite_macs
from optimizer.inspection.keras_layers import RULES, Step
from optimizer.inspection.macs import broadcast, convolution, product, window_positions
from tests.optimizer import protobuf as pb
from tests.optimizer.foreign_files import ROOT, folder
from tests.optimizer.test_inspect_hostile import changed_tflite

# --- the formulas ---


def test_a_convolution_by_hand() -> None:
    """3 × 3 over 2 channels makes 18 products for each of 6 · 6 · 4 numbers."""
    assert convolution((1, 6, 6, 4), (3, 3), 2) == 6 * 6 * 4 * 18
    assert convolution((1, 6, 6, 4), (3, 3), 4, groups=4) == 6 * 6 * 4 * 9  # depthwise


@given(size=st.integers(1, 64), kernel=st.integers(1, 7), channels=st.integers(1, 64), filters=st.integers(1, 64))
def test_a_separable_convolution_saves_what_the_paper_says(size: int, kernel: int, channels: int, filters: int) -> None:
    """Howard et al. 2017, section 3.1: depthwise and pointwise together are 1/N + 1/D_K² of a convolution."""
    whole = convolution((1, size, size, filters), (kernel, kernel), channels)
    depthwise = convolution((1, size, size, channels), (kernel, kernel), channels, groups=channels)
    pointwise = product((1, size, size, filters), channels)
    assert (depthwise + pointwise) / whole == pytest.approx(1 / filters + 1 / kernel**2)


@given(size=st.integers(1, 50), kernel=st.integers(1, 9), stride=st.integers(1, 5), dilation=st.integers(1, 3))
def test_windows_are_those_that_fit(size: int, kernel: int, stride: int, dilation: int) -> None:
    reach = dilation * (kernel - 1) + 1
    starts = [start for start in range(0, size, stride) if start + reach <= size]
    assert (window_positions(size, kernel, stride, dilation, "valid") or 0) == len(starts)
    assert window_positions(size, kernel, stride, dilation, "same") == len(range(0, size, stride))


@given(st.lists(st.lists(st.sampled_from([1, 2, 3]), max_size=3).map(tuple), min_size=1, max_size=3))
def test_shapes_go_together_as_numpys(shapes: list[tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        assert broadcast(shapes) is None
    else:
        assert broadcast(shapes) == expected


# --- the layers of Keras ---


@pytest.mark.parametrize(
    ("name", "config", "given", "out", "macs"),
    [
        ("Dense", {"units": 10}, [(1, 36)], (1, 10), 360),
        ("Dense", {"units": 10}, [(1, 7, 36)], (1, 7, 10), 2520),
        ("Conv2D", {"filters": 4, "kernel_size": [3, 3]}, [(1, 8, 8, 1)], (1, 6, 6, 4), 1296),
        (
            "Conv2D",
            {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2},
            [(1, 9, 9, 2)],
            (1, 5, 5, 4),
            1800,
        ),
        ("Conv2D", {"filters": 4, "kernel_size": 3, "dilation_rate": 2}, [(1, 9, 9, 2)], (1, 5, 5, 4), 1800),
        ("Conv2D", {"filters": 4, "kernel_size": 1, "groups": 2}, [(1, 3, 3, 2)], (1, 3, 3, 4), 36),
        (
            "Conv2D",
            {"filters": 4, "kernel_size": 3, "data_format": "channels_first"},
            [(1, 1, 8, 8)],
            (1, 4, 6, 6),
            1296,
        ),
        ("Conv1D", {"filters": 4, "kernel_size": [3], "padding": "causal"}, [(1, 8, 2)], (1, 8, 4), 192),
        ("DepthwiseConv2D", {"kernel_size": [3, 3], "depth_multiplier": 2}, [(1, 8, 8, 3)], (1, 6, 6, 6), 1944),
        ("SeparableConv2D", {"kernel_size": 3, "filters": 4}, [(1, 8, 8, 3)], (1, 6, 6, 4), 36 * 27 + 36 * 12),
        ("Conv2DTranspose", {"kernel_size": 3, "filters": 4, "strides": 2}, [(1, 4, 4, 2)], (1, 9, 9, 4), 16 * 2 * 36),
        ("MaxPooling2D", {"pool_size": [2, 2]}, [(1, 7, 7, 3)], (1, 3, 3, 3), 0),
        ("GlobalAveragePooling2D", {}, [(1, 7, 7, 3)], (1, 3), 0),
        ("GlobalAveragePooling2D", {"keepdims": True}, [(1, 7, 7, 3)], (1, 1, 1, 3), 0),
        ("ZeroPadding2D", {"padding": [[0, 1], [2, 3]]}, [(1, 4, 4, 3)], (1, 5, 9, 3), 0),
        ("Cropping1D", {"cropping": [1, 2]}, [(1, 9, 3)], (1, 6, 3), 0),
        ("UpSampling2D", {"size": 3}, [(1, 2, 2, 3)], (1, 6, 6, 3), 0),
        ("Reshape", {"target_shape": [-1, 2]}, [(1, 4, 3)], (1, 6, 2), 0),
        ("Permute", {"dims": [2, 1]}, [(1, 4, 3)], (1, 3, 4), 0),
        ("Concatenate", {"axis": -1}, [(1, 4, 3), (1, 4, 5)], (1, 4, 8), 0),
        ("Multiply", {}, [(1, 4, 4, 3), (1, 1, 1, 3)], (1, 4, 4, 3), 0),
        ("Embedding", {"input_dim": 9, "output_dim": 5}, [(1, 7)], (1, 7, 5), 0),
        # 4 gates, 6 units, 4 features and 6 states, 5 steps
        ("LSTM", {"units": 6}, [(1, 5, 4)], (1, 6), 5 * 4 * 6 * 10),
        ("GRU", {"units": 6, "return_sequences": True}, [(1, 5, 4)], (1, 5, 6), 5 * 3 * 6 * 10),
    ],
)
def test_a_layer_of_keras(
    name: str, config: dict[str, Any], given: list[tuple[int, ...]], out: tuple[int, ...], macs: int
) -> None:
    found = RULES[name](config, given)
    assert (found.out, found.macs) == (out, macs)
    assert isinstance(found, Step)


def keras(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "s", "layers": list(layers)}}


def layer(name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": name, "config": {"name": name.lower(), **config}}


def report_cnn() -> dict[str, Any]:
    """Of optimizer/networks/report_cnn.py, the layers that matter for shapes."""
    layers = [layer("InputLayer", batch_shape=[None, 28, 28, 1]), layer("Rescaling", scale=1 / 255)]
    for filters in (25, 64, 64):
        layers.append(layer("Conv2D", filters=filters, kernel_size=[3, 3], padding="same"))
        layers.append(layer("MaxPooling2D", pool_size=[2, 2], padding="same"))
    return keras(*layers, layer("Flatten"), *(layer("Dense", units=units) for units in (64, 32, 10)))


def test_the_reports_network_takes_4_873_million() -> None:
    convolutions = 28 * 28 * 25 * 9 + 14 * 14 * 64 * 25 * 9 + 7 * 7 * 64 * 64 * 9
    dense = 4 * 4 * 64 * 64 + 64 * 32 + 32 * 10
    assert convolutions + dense == 4_873_040
    assert keras_macs.total(report_cnn(), Limits()) == 4_873_040


def test_layers_within_layers() -> None:
    dense = layer("Dense", units=3)
    inner = keras(layer("InputLayer", batch_shape=[None, 4]), dense)
    assert keras_macs.total(keras(layer("InputLayer", batch_shape=[None, 4]), inner, dense), Limits()) == 12 + 9
    times = keras(layer("InputLayer", batch_shape=[None, 5, 4]), layer("TimeDistributed", layer=dense))
    assert keras_macs.total(times, Limits()) == 5 * 12
    both = keras(
        layer("InputLayer", batch_shape=[None, 5, 4]), layer("Bidirectional", layer=layer("LSTM", units=6)), dense
    )
    assert keras_macs.total(both, Limits()) == 2 * 5 * 4 * 6 * 10 + 12 * 3


@pytest.mark.parametrize(
    ("shape", "unknown"),
    [
        ([None, None, 4], layer("Dense", units=2)),  # a size beside the batch is open
        ([8, 4], layer("Dense", units=2)),  # eight examples at a time
        ([None, 5, 4], layer("MultiHeadAttention", num_heads=2, key_dim=4)),  # a layer that is not counted
        ([None, 5, 4], layer("Conv1D", filters=2, kernel_size=3, padding="full")),
        ([None, 5, 4], layer("Conv1D", filters="2", kernel_size=3)),
    ],
)
def test_what_is_not_told_is_not_guessed(shape: list[int | None], unknown: dict[str, Any]) -> None:
    assert keras_macs.total(keras(layer("InputLayer", batch_shape=shape), unknown), Limits()) is None


@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        (layer("UpSampling2D", size=10**6), "what layer 'upsampling2d' makes is declared as 36,000 GB"),
        (layer("ZeroPadding2D", padding=10**6), "what layer 'zeropadding2d' makes is declared as 16,000 GB"),
        (layer("Dense", units=10**11), "beyond the limit of 100 GB"),
    ],
)
def test_a_layer_that_makes_more_than_any_device_holds_is_refused(hostile: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedFile, match=reason):
        keras_macs.total(keras(layer("InputLayer", batch_shape=[None, 3, 3, 1]), hostile), Limits())


def test_a_model_that_calls_another_over_and_over_is_not_followed_for_ever() -> None:
    """40 models, each with two calls of the next: 2⁴⁰ layers from a few kilobytes."""
    model: dict[str, Any] = layer("Dense", units=4)
    for depth in range(40):
        name, given = f"m{depth}", {"name": f"i{depth}", "batch_shape": [None, 4]}
        calls = [[[f"i{depth}", 0, 0, {}]], [["inner", 0, 0, {}]]]
        entry = {"class_name": "InputLayer", "name": f"i{depth}", "config": given, "inbound_nodes": []}
        inner = {**model, "name": "inner", "inbound_nodes": calls}
        model = {
            "class_name": "Functional",
            "config": {
                "name": name, "layers": [entry, inner], "input_layers": [[f"i{depth}", 0, 0]],
                "output_layers": [["inner", 1, 0]],
            },
        }  # fmt: skip
    assert keras_macs.total(model, Limits(operators=1000)) is None


# --- files ---


@pytest.fixture(scope="session")
def files() -> Path:
    return folder()


@pytest.mark.parametrize(
    ("name", "macs", "nodes"),
    [
        # 3 × 3 convolution 1 → 4 at 6 × 6 positions, dense 36 → 10: 1,296 + 360
        ("small.h5", 1656, None),
        ("small.keras", 1656, None),
        ("small.tflite", 1656, 8),
        ("f16.tflite", 1656, 12),
        ("int8.tflite", 1656, 8),
        ("small.onnx", 1656, 15),
        ("int8.onnx", 1656, 21),
        ("small.pb", 1656, 23),
        # 16 · 16 · 8 · 27 (convolution) + 16 · 16 · 8 · 9 (depthwise) + 8 · 3
        ("branched.h5", 73_752, None),
        ("branched.keras", 73_752, None),
        ("blq.tflite", 64 * 64, 1),
        ("loop.tflite", None, 26),  # nothing says how often the loop runs
        ("any-batch.pb", 1656, 29),  # a shape is computed from the batch, which is 1 here
        ("small-saved", 1656, 33),
        ("branched-saved", 73_752, 47),
    ],
)
def test_one_network_counts_alike_in_every_format(files: Path, name: str, macs: int | None, nodes: int | None) -> None:
    found = inspect(files / name)
    assert (found.macs, found.nodes) == (macs, nodes)
    if name.endswith(".onnx"):
        assert nodes == len(onnx.load(files / name).graph.node)


def onnx_macs(folder: Path, nodes: list[Any], weights: dict[str, tuple[int, ...]], shape: list[Any]) -> int | None:
    """Of a file with an input x of this shape, and the shape of h as its output."""
    graph = helper.make_graph(
        [*nodes, helper.make_node("Shape", ["h"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.INT64, [None])],
        [numpy_helper.from_array(np.zeros(size, np.float32), name) for name, size in weights.items()],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    (folder / "x.onnx").write_bytes(model.SerializeToString())
    return inspect(folder / "x.onnx").macs


@pytest.mark.parametrize(
    ("op", "attributes", "weights", "shape", "macs"),
    [
        ("Gemm", {"transB": 1}, {"w": (10, 36)}, ["n", 36], 360),
        ("MatMul", {}, {"w": (36, 10)}, ["n", 7, 36], 2520),
        ("Conv", {"group": 2}, {"w": (4, 1, 3, 3)}, ["n", 2, 8, 8], 36 * 4 * 9),
        ("ConvTranspose", {"strides": [2, 2]}, {"w": (2, 4, 3, 3)}, ["n", 2, 4, 4], 16 * 2 * 36),
        ("LSTM", {"hidden_size": 6}, {"w": (1, 24, 4), "r": (1, 24, 6)}, [5, "n", 4], None),  # the batch is not first
        ("LSTM", {"hidden_size": 6}, {"w": (1, 24, 4), "r": (1, 24, 6)}, [1, 5, 4], 5 * 4 * 6 * 10),
        ("MatMul", {}, {"w": (36, 10)}, ["n", "length", 36], None),
        ("MatMul", {}, {"w": (36, 10)}, [8, 36], None),  # eight examples at a time
        ("Relu", {}, {}, ["n", 36], 0),
        ("Einsum", {"equation": "ij,jk->ik"}, {"w": (36, 10)}, ["n", 36], None),
    ],
)
def test_an_operator_of_onnx(
    tmp_path: Path, op: str, attributes: dict[str, Any], weights: dict[str, Any], shape: list[Any], macs: int | None
) -> None:
    node = helper.make_node(op, ["x", *weights], ["h"], **attributes)
    assert onnx_macs(tmp_path, [node], weights, shape) == macs


@pytest.mark.parametrize(
    ("operator", "given", "made", "macs"),
    [
        ("CONV_2D", [(1, 8, 8, 1), (4, 3, 3, 1), (4,)], (1, 6, 6, 4), 1296),
        ("DEPTHWISE_CONV_2D", [(1, 8, 8, 3), (1, 3, 3, 3), (3,)], (1, 6, 6, 3), 972),
        ("FULLY_CONNECTED", [(1, 36), (10, 36), ()], (1, 10), 360),
        ("TRANSPOSE_CONV", [(4,), (4, 3, 3, 2), (1, 4, 4, 2)], (1, 9, 9, 4), 16 * 2 * 36),
        ("BATCH_MATMUL", [(2, 5, 7), (2, 7, 3)], (2, 5, 3), 210),
        ("ADD", [(1, 10), (1, 10)], (1, 10), 0),
        ("WHILE", [(1,)], (1,), None),
        ("custom:Mine", [(1,)], (1,), None),
        ("FULLY_CONNECTED", [(1, 36), (10, 36, 1)], (1, 10), None),  # weights of a rank that it does not take
    ],
)
def test_an_operator_of_tflite(
    operator: str, given: list[tuple[int, ...]], made: tuple[int, ...], macs: int | None
) -> None:
    assert tflite_macs.total([(operator, given, [made])]) == macs


@pytest.mark.parametrize(
    ("signature", "size", "macs"),
    [
        ([-1, 8, 8, 1], [1, 8, 8, 1], 1656),
        ([-1, -1, 8, 1], [1, 8, 8, 1], None),  # a height left open: the file's own sizes are only an example
        ([8, 8, 8, 1], [8, 8, 8, 1], None),  # eight examples at a time
    ],
)
def test_sizes_left_open_in_tflite(
    files: Path, tmp_path: Path, signature: list[int], size: list[int], macs: int | None
) -> None:
    def change(model: Any) -> None:
        given = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]]
        given.shapeSignature, given.shape = signature, size

    changed = changed_tflite(files, "small.tflite", change, tmp_path / "x.tflite")
    assert tflite.read(changed.read_bytes(), Limits()).macs == macs


# --- graphs of TensorFlow ---


def saved_macs(*nodes: bytes, functions: tuple[bytes, ...] = (), most: int = 1000) -> int | None:
    """Of a SavedModel that takes x (any batch, 6), and has a matrix w of 6 × 6 as a constant."""
    weights = pb.constant("w", pb.FLOAT, (6, 6), pb.field(4, bytes(4 * 36)))
    graph = pb.graph(pb.placeholder("x", -1, 6), weights, *nodes, functions=functions)
    content = pb.saved_model(graph, serving_default=pb.signature(y="y:0"))
    return saved_model.read({"saved_model.pb": content}, {}, Limits(operators=most)).macs


def called(name: str, function: str, *inputs: str) -> bytes:
    return pb.node(name, "PartitionedCall", *inputs, f=pb.call(function))


def test_a_function_counts_as_often_as_it_is_called() -> None:
    """Each call is 6 · 6 products; the one within `twice` has its arguments the other way round."""
    product_of = pb.function("f", pb.node("m", "MatMul", "a", "b"), takes=("a", "b"), c="m:product:0")
    twice = pb.function(
        "twice", called("one", "f", "p", "q"), called("two", "f", "one:output:0", "q"), takes=("q", "p"),
        r="two:output:0", same="p",
    )  # fmt: skip
    assert saved_macs(called("y", "f", "x", "w"), functions=(product_of,)) == 36
    both = product_of, twice
    assert saved_macs(called("y", "twice", "w", "x"), functions=both) == 72
    assert saved_macs(called("t", "twice", "w", "x"), called("y", "f", "t:1", "w"), functions=both) == 36
    assert saved_macs(called("t", "twice", "w", "x"), called("y", "f", "t", "w"), functions=both) == 108


def test_a_call_whose_answers_are_taken_twice_is_one_call() -> None:
    body = pb.node("m", "MatMul", "a", "b")
    both = pb.function("both", body, takes=("a", "b"), c="m:product:0", d="m:product:0")
    assert saved_macs(called("t", "both", "x", "w"), pb.node("y", "AddV2", "t:0", "t:1"), functions=(both,)) == 36


@pytest.mark.parametrize(
    ("inside", "outside", "macs"), [("b:y:0", "b", 36), ("b:y:0", "b:0", 36), ("b:batch_mean:0", "b:1", None)]
)
def test_only_the_first_output_of_a_normalization_has_its_shape(inside: str, outside: str, macs: int | None) -> None:
    """The second is a mean for each channel, whose shape no rule tells."""
    picture = pb.constant("sizes", pb.INT32, (4,), b"".join(pb.field(7, n) for n in (-1, 1, 1, 6)))
    row = pb.constant("row", pb.INT32, (2,), b"".join(pb.field(7, n) for n in (-1, 6)))
    scale = pb.constant("s", pb.FLOAT, (6,), pb.field(4, bytes(24)))
    before = picture, row, scale, pb.node("p", "Reshape", "x", "sizes")
    normal = "FusedBatchNormV3", "p", "s", "s", "s", "s"
    after = pb.node("flat", "Reshape", "z", "row"), pb.node("y", "MatMul", "flat", "w")
    assert saved_macs(*before, pb.node("b", *normal), pb.node("z", "Relu", outside), *after) == macs
    within = pb.function("f", pb.node("b", *normal), takes=("p", "s"), c=inside)
    assert saved_macs(*before, called("z", "f", "p", "s"), *after, functions=(within,)) == macs


def test_calls_that_do_not_go_with_their_functions_tell_no_count() -> None:
    function = pb.function("f", pb.node("m", "MatMul", "a", "b"), takes=("a", "b"), c="m:product:0")
    assert saved_macs(called("y", "f", "x"), functions=(function,)) is None
    assert saved_macs(called("t", "f", "x", "w"), pb.node("y", "Relu", "t:1"), functions=(function,)) is None
    doubled = [pb.function("f0", pb.node("m", "Relu", "a"), takes=("a",), c="m:activations:0")]
    for k in range(1, 8):  # 2⁷ = 128 times Relu, and 255 calls
        body = called("one", f"f{k - 1}", "a"), called("two", f"f{k - 1}", "one:output:0")
        doubled.append(pb.function(f"f{k}", *body, takes=("a",), c="two:output:0"))
    assert saved_macs(called("y", "f7", "x"), functions=tuple(doubled), most=384) == 0  # with x itself
    assert saved_macs(called("y", "f7", "x"), functions=tuple(doubled), most=383) is None


Number = tuple[tuple[int, ...], tuple[int, ...]]  # shape and values


@pytest.mark.parametrize(
    ("op", "given_", "attributes", "found"),
    [
        ("Pack", [((), (1,)), ((), (36,))], {}, ((2,), (1, 36))),
        ("Pack", [((1,), (1,)), ((1,), (36,))], {}, None),  # a matrix
        ("StridedSlice", [((3,), (1, 6, 7)), ((1,), (0,)), ((1,), (1,)), ((1,), (1,))], {"shrink_axis_mask": 1},
         ((), (1,))),
        ("StridedSlice", [((3,), (1, 6, 7)), ((1,), (1,)), ((1,), (0,)), ((1,), (1,))], {"end_mask": 1},
         ((2,), (6, 7))),
        ("StridedSlice", [((3,), (1, 6, 7)), ((1,), (4,)), ((1,), (5,)), ((1,), (1,))], {"shrink_axis_mask": 1}, None),
        ("GatherV2", [((3,), (1, 6, 7)), ((2,), (0, 2)), ((), (0,))], {}, ((2,), (1, 7))),
        ("GatherV2", [((3,), (1, 6, 7)), ((1,), (3,)), ((), (0,))], {}, None),
        ("ConcatV2", [((2,), (1, 6)), ((1,), (7,)), ((), (0,))], {}, ((3,), (1, 6, 7))),
        ("ConcatV2", [((64,), (1,) * 64), ((1,), (7,)), ((), (0,))], {}, None),  # no shape has as many sizes
        ("Prod", [((3,), (2, 6, 7)), ((1,), (0,))], {}, ((), (84,))),
        ("Prod", [((3,), (2**40,) * 3), ((1,), (0,))], {}, None),  # beyond 64 bits
        ("Mul", [((), (6,)), ((), (7,))], {}, ((), (42,))),
    ],
)  # fmt: skip
def test_numbers_that_a_graph_computes_from_its_shapes(
    op: str, given_: list[Number], attributes: dict[str, int], found: Number | None
) -> None:
    node = graph_def.operation(
        memoryview(pb.node("y", op, **{name: pb.field(3, value) for name, value in attributes.items()}))
    )
    constant = graph_values.computed(node, None, [graph_values.Constant(*one) for one in given_])
    assert constant == (None if found is None else graph_values.Constant(*found))
    assert graph_values.computed(node, None, [None, *(graph_values.Constant(*one) for one in given_[1:])]) is None


def test_a_transposed_convolution_and_tiles() -> None:
    """x (1, 6) is tiled to 1 × 24, a picture of 2 × 3 with 4 channels; each element meets 3 × 3 weights, twice."""

    def numbers(name: str, *values: int) -> bytes:
        return pb.constant(name, pb.INT32, (len(values),), b"".join(pb.field(7, value) for value in values))

    nodes = [
        numbers("times", 1, 4), pb.node("k32", "Cast", "times"), pb.node("t", "Tile", "x", "k32"),
        numbers("picture", -1, 2, 3, 4), pb.node("p", "Reshape", "t", "picture"),
        numbers("sizes", 1, 4, 6, 2), pb.constant("k", pb.FLOAT, (3, 3, 2, 4), pb.field(4, bytes(4 * 72))),
        pb.node("y", "Conv2DBackpropInput", "sizes", "k", "p"),
    ]  # fmt: skip
    assert saved_macs(*nodes) == 24 * 9 * 2


# --- networks with a printed count ---

APPLICATIONS = """
import sys
from pathlib import Path
import keras, tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
to = Path(sys.argv[1])
for name in ("MobileNet", "MobileNetV2", "ResNet50"):
    model = getattr(keras.applications, name)(weights=None)
    model.save(to / f"{name}.h5", include_optimizer=False)
    if name == "MobileNetV2":
        (to / "MobileNetV2.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
        model.export(str(to / "MobileNetV2.onnx"), format="onnx", verbose=False)
        model.export(str(to / "MobileNetV2-saved"), verbose=False)
        called = tf.function(lambda x: model(x, training=False)).get_concrete_function(
            tf.TensorSpec([1, 224, 224, 3], tf.float32, name="x")
        )
        frozen = convert_variables_to_constants_v2(called)
        tf.io.write_graph(frozen.graph.as_graph_def(), str(to), "MobileNetV2.pb", as_text=False)
"""


@pytest.mark.slow  # two minutes
def test_well_known_networks_have_the_printed_count(tmp_path: Path) -> None:
    """Million MAdds: 569 (Howard et al. 2017, table 8), 300 (Sandler et al. 2018, table 4), and 3.8 thousand for
    ResNet-50 (He et al. 2015, table 1), whose Keras version has its stride in the 1 × 1 layer as there."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-c", APPLICATIONS, str(tmp_path)],
        cwd=ROOT, env=os.environ | quiet, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    million = {file.name: (inspect(file).macs or 0) / 1e6 for file in tmp_path.iterdir()}
    assert million["MobileNet.h5"] == pytest.approx(569, abs=0.5)
    assert million["ResNet50.h5"] == pytest.approx(3_860, abs=5)
    assert million["MobileNetV2.h5"] == pytest.approx(300, abs=1)
    assert len({million[name] for name in million if name.startswith("MobileNetV2")}) == 1  # to the last one
