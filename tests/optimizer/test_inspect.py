"""Foreign model files: what is read of real ones, and what is refused, with the reason and what to do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from optimizer.inspect import Limits, RefusedFile, inspect
from optimizer.inspection.keras_names import DANGEROUS, LAYERS
from tests.optimizer.foreign_files import folder


@pytest.fixture(scope="session")
def files() -> Path:
    return folder()


def refused(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(RefusedFile) as found:
        inspect(path, limits=limits)
    return str(found.value)


# --- real files ---


SMALL = {"Conv2D": 1, "MaxPooling2D": 1, "Dropout": 1, "Flatten": 1, "Dense": 1}


@pytest.mark.parametrize(
    ("name", "format_", "parameters", "layers", "precision"),
    [
        ("small.h5", "h5", 410, 5, "float"),
        ("trained.h5", "h5", 410, 5, "float"),
        ("small.keras", "keras", 410, 5, "float"),
        # 3·3·3·8 + 4·8 (batch normalization) + 3·3·8 + 8 (depthwise) + 8·3 + 3 = 216 + 32 + 80 + 27
        ("branched.h5", "h5", 355, 7, "float"),
        ("branched.keras", "keras", 355, 7, "float"),
        ("small.tflite", "tflite", 410, None, "float"),
        ("f16.tflite", "tflite", 410, None, "float16"),
        ("int8.tflite", "tflite", 410, None, "w8a8"),
        ("blq.tflite", "tflite", 4096, None, "w8"),
        ("small.onnx", "onnx", 410, None, "float"),
        ("int8.onnx", "onnx", 410, None, "w8a8"),
    ],
)
def test_a_real_file(files: Path, name: str, format_: str, parameters: int, layers: int | None, precision: str) -> None:
    found = inspect(files / name)
    assert (found.format, found.parameters, found.layers, found.precision) == (format_, parameters, layers, precision)
    content = (files / name).read_bytes()
    assert (found.sha256, found.size_kib) == (hashlib.sha256(content).hexdigest(), len(content) / 1024)


def test_operators_inputs_and_outputs(files: Path) -> None:
    keras, tflite, onnx_ = (inspect(files / f"small.{kind}") for kind in ("keras", "tflite", "onnx"))
    assert keras.operators == SMALL
    assert keras.inputs[0].shape == (None, 8, 8, 1)
    assert keras.outputs[0].shape == (None, 10)
    assert (tflite.operators["CONV_2D"], onnx_.operators["Conv"]) == (1, 1)
    for found in (tflite, onnx_):
        assert [(t.shape, t.dtype) for t in found.inputs] == [((None, 8, 8, 1), "float32")]
        assert [(t.shape, t.dtype) for t in found.outputs] == [((None, 10), "float32")]
    assert inspect(files / "int8.tflite").inputs[0].dtype == "int8"
    assert keras.producer == inspect(files / "small.h5").producer
    assert str(keras.producer).startswith("Keras 3.")


def test_a_loop_calls_other_subgraphs_and_is_no_cycle(files: Path) -> None:
    found = inspect(files / "loop.tflite")
    assert found.operators["WHILE"] == 1
    assert found.outputs[0].shape == (1, 2)


def test_the_state_of_the_training_is_reported_and_not_counted(files: Path) -> None:
    assert any("state of the training" in warning for warning in inspect(files / "trained.h5").warnings)
    assert inspect(files / "small.h5").warnings == ()


def test_the_content_decides_and_not_the_name(files: Path, tmp_path: Path) -> None:
    shutil.copy(files / "small.tflite", tmp_path / "model.h5")
    found = inspect(tmp_path / "model.h5")
    assert found.format == "tflite"
    assert found.warnings == ("the name ends in .h5, but the content is tflite",)


def test_the_known_layers_are_those_of_the_installed_keras(files: Path) -> None:
    installed = set(json.loads((files / "layers.json").read_text()))
    aliases = {name for name in installed if name.startswith(("Convolution", "SeparableConvolution", "AvgPool"))}
    aliases |= {name for name in installed if name.startswith(("GlobalAvgPool", "MaxPool")) and "Pooling" not in name}
    aliases |= {name for name in installed if name.startswith("GlobalMaxPool") and "Pooling" not in name}
    bases = {"Layer", "Wrapper", "InputSpec"}
    assert installed - aliases - bases - set(DANGEROUS) == LAYERS


# --- not a model ---


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty; export the model again"),
        (b"hello, I am a model", "begins with 68 65 6c 6c 6f 2c 20 49, which is none of HDF5"),
        (b"\x80\x04\x95\x10\x00", "is a Python pickle, which can run any code"),
        (b"cposix\nsystem\n(Vtrue\ntR.", "is a Python pickle, which can run any code"),
        (b"x\x9c" + bytes(9), "compressed as joblib compresses its pickles, which can run any code"),
        (b"\x93NUMPY\x01\x00", "is a numpy array"),
        (b"\x7fELF\x02\x01\x01", "is a program, not a model: native code, which would run as you"),
        (b"<!DOCTYPE html><html>404", "perhaps an error page saved in place of the model"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n", "is a picture"),
        (b"\x89HDF\r\n\x1a\n" + b"\x00" * 100, "cannot be read as what it claims to be"),
        (b"PK\x03\x04" + b"\x00" * 100, "cannot be read as what it claims to be"),
        (b"\x1c\x00\x00\x00TFL3" + b"\xff" * 100, "damaged"),
        (b"\x08\x08\x12\x00", "no ONNX model, or one without a network"),
    ],
)
def test_what_is_no_model(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    assert reason in refused(tmp_path / "model.bin")


def test_only_plain_files_are_opened(files: Path, tmp_path: Path) -> None:
    (tmp_path / "link.h5").symlink_to(files / "small.h5")
    os.mkfifo(tmp_path / "pipe.h5")
    assert "is a symbolic link; give the file that it leads to" in refused(tmp_path / "link.h5")
    assert "is no plain file" in refused(tmp_path / "pipe.h5")
    assert "is no plain file" in refused(Path("/dev/zero"))
    assert "is a folder; give one model file" in refused(tmp_path)
    assert "there is no such file" in refused(tmp_path / "missing.h5")


def test_limits_are_named(files: Path, tmp_path: Path) -> None:
    with (tmp_path / "huge.onnx").open("wb") as huge:
        huge.truncate(3 * 2**30)  # takes no space on disk
    assert "has 3,072 MiB, more than the 2,048 allowed" in refused(tmp_path / "huge.onnx")
    assert "more than 3 operators" in refused(files / "small.onnx", Limits(operators=3))
    assert "longer than 0 KiB" in refused(files / "small.onnx", Limits(answer_kib=0))
    assert "longer than 0.001 s" in refused(files / "small.onnx", Limits(wall_s=0.001))
    with (tmp_path / "large.onnx").open("wb") as large:
        large.write(b"\x08")
        large.truncate(900 * 2**20)
    assert "more than the 700 MiB of memory allowed" in refused(tmp_path / "large.onnx", Limits(memory_mib=700))
