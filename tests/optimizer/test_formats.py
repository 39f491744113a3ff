"""Every format on the shelf, on one small network that was really trained (the report's CNN on the digits)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.runtimes import runtime_for
from ontology.techniques import technique
from optimizer import training
from optimizer.data import Data, load
from optimizer.formats import shelf
from optimizer.formats.check import NumericCheck, compare, converted
from optimizer.formats.contract import ConversionError
from optimizer.formats.shelf import FORMATS
from optimizer.networks.shelf import NETWORKS
from optimizer.recipe import Recipe


@pytest.fixture(scope="module")
def data() -> Data:
    return load("digits")


def trained(data: Data, name: str, epochs: int) -> Any:
    training.make_repeatable(3)
    model = NETWORKS[name].build(data.input_shape, data.classes, data.value_range)
    for _ in training.train(model, data, Recipe(network=name, format="h5", seed=3, epochs=epochs), 60, lambda: False):
        pass
    return model


@pytest.fixture(scope="module")
def model(data: Data) -> Any:
    return trained(data, "report-cnn", 2)


@pytest.fixture(scope="module")
def files(model: Any, data: Data, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, NumericCheck]]:
    """Each format's file, with its check."""
    folder = tmp_path_factory.mktemp("files")
    made = {}
    for f in FORMATS.values():
        file = folder / f"{f.name}{f.suffix}"
        made[f.name] = file, converted(f, model, data, file)
    return made


@pytest.mark.parametrize("name", ["h5", "tflite", "onnx"])
def test_a_float_format_computes_the_same(files: dict[str, tuple[Path, NumericCheck]], name: str) -> None:
    _, check = files[name]
    assert check.largest_difference < 1e-5
    assert (check.agreement_percent, check.samples) == (100.0, 256)


@pytest.mark.parametrize("name", ["blq", "fiq", "f16"])
def test_a_quantized_format_rounds_and_mostly_agrees(files: dict[str, tuple[Path, NumericCheck]], name: str) -> None:
    _, check = files[name]
    assert 1e-6 < check.largest_difference < 0.2
    assert check.agreement_percent >= 95


def test_sizes_follow_the_bits(files: dict[str, tuple[Path, NumericCheck]], model: Any) -> None:
    size = {name: file.stat().st_size for name, (file, _) in files.items()}
    weights = model.count_params()
    assert size["tflite"] / weights == pytest.approx(4, rel=0.1)
    assert size["f16"] / weights == pytest.approx(2, rel=0.1)
    # Weights of 8 bits, and some kilobytes of structure and scales.
    assert 1 < size["blq"] / weights < 1.3
    assert 1 < size["fiq"] / weights < 1.3


def test_full_integer_quantization_is_integer_at_both_ends(files: dict[str, tuple[Path, NumericCheck]]) -> None:
    file, _ = files["fiq"]
    assert runtime_for(file).open(file, 1).input_dtype == "int8"


def test_the_h5_holds_no_optimizer(files: dict[str, tuple[Path, NumericCheck]]) -> None:
    import h5py

    with h5py.File(files["h5"][0]) as file:
        assert "optimizer_weights" not in file
        assert "model_weights" in file


def test_the_same_network_gives_the_same_files(model: Any, data: Data, tmp_path: Path, files: Any) -> None:
    for f in FORMATS.values():
        converted(f, model, data, tmp_path / f"again{f.suffix}")
        assert (tmp_path / f"again{f.suffix}").read_bytes() == files[f.name][0].read_bytes(), f.name


def test_the_same_seed_gives_the_same_weights(data: Data) -> None:
    first, second = (trained(data, "mlp-128-64", 1).get_weights() for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_batch_normalization_and_depthwise_convolutions_convert(data: Data, tmp_path: Path) -> None:
    model = trained(data, "small-mobilenet", 1)
    assert converted(FORMATS["tflite"], model, data, tmp_path / "a.tflite").agreement_percent == 100
    assert converted(FORMATS["onnx"], model, data, tmp_path / "a.onnx").agreement_percent == 100


def test_a_file_that_computes_something_else_is_refused(model: Any, data: Data, tmp_path: Path) -> None:
    other = NETWORKS["report-cnn"].build(data.input_shape, data.classes, data.value_range)
    wrong = dataclasses.replace(FORMATS["tflite"], convert=lambda m, d, out: FORMATS["tflite"].convert(other, d, out))
    with pytest.raises(ConversionError, match="differ by up to"):
        converted(wrong, model, data, tmp_path / "a.tflite")


def test_a_converters_fault_is_told(data: Data, tmp_path: Path) -> None:
    import keras

    inputs = keras.Input((8, 8, 1))
    outputs = keras.ops.erfinv(keras.layers.Flatten()(inputs) / 20)  # TFLite has no inverse error function
    with pytest.raises(ConversionError, match="full integer quantization could not be written"):
        converted(FORMATS["fiq"], keras.Model(inputs, outputs), data, tmp_path / "a.tflite")


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


def test_every_format_is_on_the_shelf_and_its_techniques_are_known() -> None:
    beside = {"__init__", "contract", "shelf", "check"}
    named = {f.stem for f in Path(shelf.__file__).parent.glob("*.py")} - beside
    assert named == set(FORMATS)
    for f in FORMATS.values():
        assert all(technique(name) for name in f.techniques)
        assert f.record.technique == f.techniques
        assert (f.optimization == "float") == (f.techniques == ())
