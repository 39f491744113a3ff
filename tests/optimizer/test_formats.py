"""Every format on the shelf, on one small network that was really trained (the report's CNN on the digits)."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.runtimes import runtime_for
from ontology.techniques import technique
from optimizer import training
from optimizer.converter import Here, saved_whole
from optimizer.data import Data, load
from optimizer.formats import check, pb, pb_optimized, shelf, tflite_quantizer
from optimizer.formats import onnx as onnx_formats
from optimizer.formats.chain import entry_of, reachable, route
from optimizer.formats.check import NumericCheck, allowed, checked_on, compare, converted, scores
from optimizer.formats.contract import Budget, ConversionError, Format
from optimizer.formats.shelf import FORMATS
from optimizer.inspect import inspect
from optimizer.networks.shelf import NETWORKS
from optimizer.recipe import Recipe
from optimizer.told import versions

HERE = [f.name for f in FORMATS.values() if f.library != "TVM"]  # TVM's have tests of their own: compiling takes longer
QUANTIZED = ("blq", "fiq", "f16")  # of TFLite
Made = dict[str, tuple[Path, NumericCheck]]


@pytest.fixture(scope="module")
def data() -> Data:
    return load("digits")


def trained(data: Data, name: str, epochs: int) -> Any:
    training.make_repeatable(3)
    model = NETWORKS[name].build(data.input_shape, data.classes, data.value_range)
    for _ in training.train(model, data, Recipe(network=name, format="h5", seed=3, epochs=epochs), 60, lambda: False):
        pass
    return model


def chain(model: Any, data: Data, folder: Path, wanted: list[str]) -> Made:
    """The files that were asked for, and those on the way to them, each with its check."""
    first = folder / "first.h5"
    made = {"h5": (first, saved_whole(model, first, data))}
    converter = Here(data, Budget())
    for name in wanted:
        for before, step in zip(route(name), route(name)[1:], strict=False):
            if step not in made:
                out = folder / f"{step}{FORMATS[step].suffix}"
                check = converter.convert(step, made[before][0], first, out)
                assert check is not None
                made[step] = out, check
    return made


@pytest.fixture(scope="module")
def model(data: Data) -> Any:
    return trained(data, "report-cnn", 2)


@pytest.fixture(scope="module")
def files(model: Any, data: Data, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return chain(model, data, tmp_path_factory.mktemp("files"), HERE)


@pytest.fixture(scope="module")
def mobile(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A network with batch normalization and depthwise convolutions, on the longest way through the chain.

    Not trained: its normalizations are given means and variances that a training might have left.
    """
    training.make_repeatable(3)
    model = NETWORKS["small-mobilenet"].build(data.input_shape, data.classes, data.value_range)
    numbers = np.random.default_rng(3)
    for layer in model.layers:
        if "normalization" in layer.name:
            layer.set_weights([numbers.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    return chain(model, data, tmp_path_factory.mktemp("mobile"), ["onnx", "onnx-tflite-optimized"])


@pytest.mark.parametrize("name", [n for n in HERE if not FORMATS[n].techniques])
def test_a_float_format_computes_the_same(files: Made, name: str) -> None:
    _, check = files[name]
    assert check.largest_difference < 1e-5
    assert (check.agreement_percent, check.samples) == (100.0, 256)


@pytest.mark.parametrize("name", [n for n in HERE if FORMATS[n].techniques])
def test_a_quantized_format_rounds_and_mostly_agrees(files: Made, name: str) -> None:
    _, check = files[name]
    assert 1e-6 < check.largest_difference < 0.2
    assert (check.agreement_percent or 0) >= 95


def test_sizes_follow_the_bits(files: Made, model: Any) -> None:
    size = {name: file.stat().st_size for name, (file, _) in files.items()}
    weights = model.count_params()
    for name in ("pb", "tflite", "tflite-optimized", "onnx", "onnx-pb", "onnx-tflite"):
        assert size[name] / weights == pytest.approx(4, rel=0.1), name
    assert size["f16"] / weights == pytest.approx(2, rel=0.1)
    assert size["onnx-fp16"] / weights == pytest.approx(2, rel=0.1)
    # Weights of 8 bits, and some kilobytes of structure and scales.
    assert 1 < size["blq"] / weights < 1.3
    assert 1 < size["fiq"] / weights < 1.3
    assert 1 < size["onnx-qdq"] / weights < 1.4


def test_full_integer_quantization_is_integer_at_both_ends(files: Made) -> None:
    file, _ = files["fiq"]
    assert runtime_for(file).open(file, 1).input_dtype == "int8"


def test_quantized_onnx_holds_integers_and_takes_floats(files: Made) -> None:
    import onnx

    graph = onnx.load(str(files["onnx-qdq"][0])).graph
    assert {"QuantizeLinear", "DequantizeLinear"} <= {node.op_type for node in graph.node}
    assert sum(c.data_type == onnx.TensorProto.INT8 for c in graph.initializer) >= 6  # a weight for each layer
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


def test_float_16_onnx_computes_in_16_bits_between_casts(files: Made) -> None:
    import onnx

    made = onnx.load(str(files["onnx-fp16"][0]))
    onnx.checker.check_model(made)  # nodes in the order of their use, which TVM needs
    assert {c.data_type for c in made.graph.initializer if len(c.dims) > 1} == {onnx.TensorProto.FLOAT16}
    assert [n.op_type for n in made.graph.node].count("Cast") == 2


def test_the_h5_holds_no_optimizer(files: Made) -> None:
    import h5py

    with h5py.File(files["h5"][0]) as file:
        assert "optimizer_weights" not in file
        assert "model_weights" in file


def test_the_same_network_gives_the_same_files(model: Any, data: Data, tmp_path: Path, files: Made) -> None:
    for name, (file, _) in chain(model, data, tmp_path, HERE).items():
        assert file.read_bytes() == files[name][0].read_bytes(), name


def test_the_same_seed_gives_the_same_weights(data: Data) -> None:
    first, second = (trained(data, "mlp-128-64", 1).get_weights() for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_optimized_graph_has_no_batch_normalization_left(mobile: Made) -> None:
    """Also none behind depthwise convolutions, which Grappler alone leaves as a factor."""
    kinds = {name: [n.op for n in pb.read(mobile[name][0]).node] for name in ("pb", "pb-optimized")}
    assert "Rsqrt" in kinds["pb"]
    assert not {"Rsqrt", "Sub"} & set(kinds["pb-optimized"])
    assert kinds["pb-optimized"].count("DepthwiseConv2dNative") == 4
    assert kinds["pb-optimized"].count("Mul") == 1  # the scaling of the input
    assert len(kinds["pb-optimized"]) < len(kinds["pb"]) / 2
    assert all(check.agreement_percent == 100 for _, check in mobile.values())


def test_a_depthwise_factor_is_merged_by_hand() -> None:
    """Two channels, one output each: weights 1 and 2, factors 10 and 100."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [1, 1, 1, 2], name="x")
        weights = tf.constant(np.array([1, 2], np.float32).reshape(1, 1, 2, 1), name="weights")
        y = tf.nn.depthwise_conv2d(x, weights, [1, 1, 1, 1], "VALID", name="depthwise")
        tf.identity(y * tf.constant([10.0, 100.0], name="factor"), name="Identity")
    described = graph.as_graph_def()
    assert pb_optimized.merge_depthwise(described) == 1
    held = next(n for n in described.node if n.name == "weights")
    assert tf.make_ndarray(held.attr["value"].tensor).ravel().tolist() == [10.0, 200.0]
    assert pb_optimized.merge_depthwise(described) == 0


def test_a_factor_that_others_use_is_left_alone() -> None:
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [1, 1, 1, 2], name="x")
        weights = tf.constant(np.ones((1, 1, 2, 1), np.float32))
        y = tf.nn.depthwise_conv2d(x, weights, [1, 1, 1, 1], "VALID")
        tf.identity(y * tf.constant([10.0, 100.0]) + y, name="Identity")
    assert pb_optimized.merge_depthwise(graph.as_graph_def()) == 0


def older(model: bytes) -> bytes:
    """The same as up to TensorFlow 2.3, where the kind of an operator stood in another field alone."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    read = schema.ModelT.InitFromPackedBuf(model, 0)
    for code in read.operatorCodes:
        assert code.deprecatedBuiltinCode
        code.builtinCode = 0
    builder = flatbuffers.Builder()
    builder.Finish(read.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_dense_bias_behind_a_flattening_survives_the_way_through_tflite(files: Made, tmp_path: Path) -> None:
    """tf2onnx loses it; without our mending the check refuses the file, so that nobody gets a wrong one."""
    import tf2onnx

    from_tflite = files["tflite"][0]
    plain, _ = tf2onnx.convert.from_tflite(str(from_tflite), opset=onnx_formats.OPSET)
    lost = tmp_path / "lost.onnx"
    onnx_formats.write(plain, lost)
    expected, examples = scores(files["h5"][0], np.zeros((1, 8, 8, 1), np.float32)), np.zeros((1, 8, 8, 1), np.float32)
    assert np.abs(scores(lost, examples) - expected).max() > 1e-4
    assert np.abs(scores(files["onnx-tflite"][0], examples) - expected).max() < 1e-6
    # A file without such a layer is left as it is.
    assert onnx_formats.flattened(mended := onnx_formats.flattened(from_tflite.read_bytes())) == mended
    first = older(from_tflite.read_bytes())
    assert onnx_formats.flattened(first) != first


@pytest.fixture(scope="module")
def own(files: Made, data: Data, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Quantized from the TFLite file alone, as if a user had brought it."""
    folder, first = tmp_path_factory.mktemp("own"), files["tflite"][0]
    made: Made = {}
    for name in QUANTIZED:
        out = folder / f"{name}.tflite"
        check = Here(data, Budget()).convert(name, first, first, out)
        assert check is not None
        made[name] = out, check
    return made


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small files as TensorFlow's converter writes them straight from Keras: with a signature and an open batch."""
    import keras
    import tensorflow as tf

    layers = keras.layers
    keras.utils.set_random_seed(1)
    inner: dict[str, list[Any]] = {
        "depthwise": [layers.DepthwiseConv2D(3, depth_multiplier=128), layers.ReLU(), layers.Conv2D(16, 1)],
        "elu": [layers.Conv2D(16, 3, activation="elu")],
        "small": [],  # 640 weights
    }
    folder = tmp_path_factory.mktemp("nets")
    for name, before in inner.items():
        network = keras.Sequential([keras.Input((8, 8, 1)), *before, layers.Flatten(), layers.Dense(10)])
        (folder / f"{name}.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(network).convert())
    return {name: folder / f"{name}.tflite" for name in inner}


@pytest.mark.parametrize("name", QUANTIZED)
def test_a_users_tflite_is_quantized_as_well_as_the_network_itself(own: Made, files: Made, name: str) -> None:
    (theirs, usual), (ours, check) = files[name], own[name]
    assert ours.stat().st_size == pytest.approx(theirs.stat().st_size, rel=0.02)
    assert check.largest_difference == pytest.approx(usual.largest_difference, rel=0.5)
    assert (check.agreement_percent or 0) >= 98
    assert inspect(ours).precision == FORMATS[name].precision
    assert "ai-edge-quantizer" in versions()


def test_the_same_tflite_gives_the_same_bytes(own: Made, files: Made, data: Data, tmp_path: Path) -> None:
    for name in QUANTIZED:
        FORMATS[name].convert(files["tflite"][0], data, tmp_path / name, Budget())
        assert (tmp_path / name).read_bytes() == own[name][0].read_bytes(), name


@pytest.mark.parametrize("name", QUANTIZED)
def test_a_file_of_an_older_converter_is_quantized_too(
    own: Made, files: Made, data: Data, tmp_path: Path, name: str
) -> None:
    (tmp_path / "old.tflite").write_bytes(older(files["tflite"][0].read_bytes()))
    FORMATS[name].convert(tmp_path / "old.tflite", data, tmp_path / "a.tflite", Budget())
    found, usual = inspect(tmp_path / "a.tflite"), inspect(own[name][0])
    assert (found.operators, found.precision) == (usual.operators, usual.precision)


def test_ranges_are_those_of_all_examples(own: Made) -> None:
    """The pixels of the digits go from 0 to 16: 255 steps of 16/255, and 0 is the least of the integers."""
    from ai_edge_litert.interpreter import Interpreter

    reader = Interpreter(model_path=str(own["fiq"][0]))
    (entry,), (end,) = reader.get_input_details(), reader.get_output_details()
    assert entry["quantization"] == (pytest.approx(16 / 255), -128)
    assert entry["dtype"] == end["dtype"] == np.int8


def test_depthwise_convolutions_compute_in_floats_with_weights_of_8_bits(nets: dict[str, Path], tmp_path: Path) -> None:
    """Their 3 × 3 × 128 weights are widened; the 2,048 of the convolution and 5,760 of the dense layer are not."""
    tflite_quantizer.weights_in_8_bits(nets["depthwise"], tmp_path / "a.tflite")
    before, after = inspect(nets["depthwise"]), inspect(tmp_path / "a.tflite")
    assert after.operators == {**before.operators, "DEQUANTIZE": 1}
    assert after.precision == "w8"
    assert after.size_kib < before.size_kib / 2


def test_an_open_batch_becomes_one_example(nets: dict[str, Path], data: Data, tmp_path: Path) -> None:
    """The file asks for the batch of its input, in floats; the answer for 1 takes the question's place."""
    tflite_quantizer.all_in_8_bits(nets["depthwise"], data, tmp_path / "a.tflite")
    before, after = inspect(nets["depthwise"]), inspect(tmp_path / "a.tflite")
    assert (before.inputs[0].shape, after.inputs[0].shape) == ((None, 8, 8, 1), (1, 8, 8, 1))
    assert set(before.operators) - set(after.operators) == {"SHAPE"}
    assert after.precision == "w8a8"
    assert before.macs == after.macs == 6 * 6 * 128 * 9 + 6 * 6 * 16 * 128 + 10 * 576


def test_what_of_a_tflite_cannot_be_quantized_is_told(nets: dict[str, Path], data: Data, tmp_path: Path) -> None:
    out = tmp_path / "a.tflite"
    with pytest.raises(ConversionError, match=r"^ELU of elu\.tflite would stay in 32-bit floats.* blq and f16 need"):
        tflite_quantizer.all_in_8_bits(nets["elu"], data, out)
    with pytest.raises(ConversionError, match=r"small\.tflite has no layer of 1,024 weights or more"):
        tflite_quantizer.weights_in_8_bits(nets["small"], out)
    assert not out.exists()
    tflite_quantizer.weights_in_16_bits(nets["elu"], out)
    assert inspect(out).precision == "float16"


@pytest.mark.parametrize(("name", "held"), [("blq", "INT8"), ("fiq", "INT8"), ("f16", "FLOAT16")])
def test_a_quantized_file_is_not_quantized_again(files: Made, data: Data, tmp_path: Path, name: str, held: str) -> None:
    for wanted in QUANTIZED:
        with pytest.raises(ConversionError, match=rf"is quantized already \(it holds {held}\)"):
            FORMATS[wanted].convert(files[name][0], data, tmp_path / "a.tflite", Budget())


def test_a_file_that_computes_something_else_is_refused(files: Made, data: Data, tmp_path: Path) -> None:
    expected = scores(files["h5"][0], checked_on(data))
    with pytest.raises(ConversionError, match="differ by up to"):
        converted(FORMATS["tflite"], files["pb"][0], data, tmp_path / "a.tflite", expected[::-1])
    assert not (tmp_path / "a.tflite").exists()


def test_scores_that_are_no_probabilities_may_round_by_their_size() -> None:
    """A network without softmax gives scores in the hundreds: a float of 32 bits then rounds at the fifth digit."""
    assert allowed(FORMATS["tflite"], np.array([[0.2, 0.8]], np.float32)) == pytest.approx(1e-4)
    assert allowed(FORMATS["tflite"], np.array([[-500.0, 3.0]], np.float32)) == pytest.approx(0.05)
    assert allowed(FORMATS["fiq"], np.array([[0.2, 0.8]], np.float32)) is None  # it rounds on purpose


def test_a_slow_file_is_checked_on_fewer_examples(
    files: Made, data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "SECONDS", 0.0)
    expected = scores(files["h5"][0], checked_on(data))
    found = converted(FORMATS["tflite"], files["pb"][0], data, tmp_path / "a.tflite", expected)
    assert found is not None
    assert found.samples == check.FEWEST


def test_a_converters_fault_is_told(data: Data, tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((8, 8, 1))
    outputs = keras.ops.erfinv(keras.layers.Flatten()(inputs) / 20)  # TFLite has no inverse error function
    keras.Model(inputs, outputs).save(tmp_path / "odd.keras")
    FORMATS["pb"].convert(tmp_path / "odd.keras", data, tmp_path / "odd.pb", Budget())
    with pytest.raises(ConversionError, match="full integer quantization could not be written"):
        converted(
            FORMATS["fiq"],
            tmp_path / "odd.pb",
            data,
            tmp_path / "a.tflite",
            scores(tmp_path / "odd.keras", checked_on(data)),
        )


@pytest.mark.parametrize(
    ("content", "said"), [(b"no graph at all", "is no TensorFlow graph"), (b"", "0 inputs and 0 outputs")]
)
def test_a_graph_that_is_none_is_told(data: Data, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.pb").write_bytes(content)
    with pytest.raises(ConversionError, match=said):
        converted(FORMATS["tflite"], tmp_path / "a.pb", data, tmp_path / "a.tflite", np.zeros((1, 2), np.float32))


def test_compare_by_hand() -> None:
    expected = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.5, 0.5]], np.float32)
    found = np.array([[0.8, 0.2], [0.2, 0.8], [0.3, 0.7], [0.5, 0.5]], np.float32)
    check = compare(expected, found)  # the third turns, and by 0.3
    assert (check.samples, check.agreement_percent) == (4, 75.0)
    assert check.largest_difference == pytest.approx(0.3)


def test_scores_that_cannot_be_compared() -> None:
    two = np.zeros((3, 2), np.float32)
    with pytest.raises(ConversionError, match=r"shape \(3, 5\), the network \(3, 2\)"):
        compare(two, np.zeros((3, 5), np.float32))
    with pytest.raises(ConversionError, match="NaN"):
        compare(two, two * np.nan)


def test_the_chain_is_the_reports() -> None:
    """H5, PB, optimized PB, TFLite from either, ONNX from both and from PB (the report's sections 3 to 6)."""
    assert route("tflite") == ("h5", "pb", "tflite")
    assert route("tflite-optimized") == ("h5", "pb", "pb-optimized", "tflite-optimized")
    assert route("onnx-tflite") == ("h5", "pb", "tflite", "onnx-tflite")
    assert route("onnx-tflite-optimized") == ("h5", "pb", "pb-optimized", "tflite-optimized", "onnx-tflite-optimized")
    assert route("onnx-pb") == ("h5", "pb", "onnx-pb")
    assert route("h5") == ("h5",)
    assert route("fiq") == ("h5", "pb", "fiq")
    assert not reachable("h5")[1], "every format can be made of a trained network"


@pytest.mark.parametrize(
    ("file", "entry", "way", "barred"),
    [
        ("a.keras", "h5", ("h5", "onnx", "onnx-qdq"), None),
        ("a.pb", "pb", ("pb", "onnx-pb", "onnx-qdq"), "h5"),
        ("a.tflite", "tflite", ("tflite", "onnx-tflite", "onnx-qdq"), "pb-optimized"),
        ("a.onnx", "onnx", ("onnx", "onnx-qdq"), "tflite"),
    ],
)
def test_a_users_file_enters_where_it_fits(file: str, entry: str, way: tuple[str, ...], barred: str | None) -> None:
    assert entry_of(file) == entry
    assert route("onnx-qdq", entry) == way
    if barred is not None:
        with pytest.raises(ConversionError, match="to which no way leads from"):
            route(barred, entry)


def test_a_saved_model_is_a_folder_and_pytorchs_own_file_enters_nowhere(tmp_path: Path) -> None:
    assert entry_of(tmp_path) == "pb"
    assert entry_of(None) == "h5"
    with pytest.raises(ConversionError, match=r"net.pt is no kind of model .* export to ONNX first"):
        entry_of("net.pt")


def test_every_format_is_on_the_shelf_and_its_techniques_are_known() -> None:
    files = sorted(f.stem for f in Path(shelf.__file__).parent.glob("*.py") if f.stem != "__init__")
    modules = [importlib.import_module(f"optimizer.formats.{name}") for name in files]
    there = {id(f): f for m in modules for f in vars(m).values() if isinstance(f, Format)}
    assert {f.name for f in there.values()} == set(FORMATS)
    for name, f in FORMATS.items():
        assert f.name == name
        assert all(technique(t) for t in f.techniques)
        assert f.record.technique == f.techniques
        assert all(source in FORMATS for source in (f.source, *f.also_from) if source is not None)
    assert len(there) == len(FORMATS), "two formats of one name"
    assert [n for n, f in FORMATS.items() if f.source is None] == ["h5"]
