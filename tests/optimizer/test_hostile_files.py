"""Every kind of hostile file at once: refused with the reason when it is read, never run when it is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from device.measure import MeasureError, measure
from optimizer.inspect import RefusedFile, inspect
from tests.optimizer.foreign_files import CANARY, folder
from tests.optimizer.hostile_files import REASONS, make


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make(tmp_path_factory.mktemp("hostile"))


@pytest.mark.parametrize("name", REASONS)
def test_it_is_refused_with_the_reason(hostile: dict[str, Path], name: str) -> None:
    with pytest.raises(RefusedFile) as refused:
        inspect(hostile[name])
    assert REASONS[name] in str(refused.value)
    assert not (hostile[name].parent / CANARY).exists()


def outcomes(hostile: dict[str, Path], data: Path, suffixes: tuple[str, ...]) -> dict[str, str]:
    """What becomes of the files with these suffixes when nobody has read them before they are measured."""
    found = {}
    for name, path in hostile.items():
        if path.suffix in suffixes:
            try:
                measure(path, data, seconds=0.1, timeout_s=60, memory_mib=512)
                found[name] = "measured"
            except MeasureError as error:
                found[name] = str(error)
            assert not (path.parent / CANARY).exists(), name
    return found


def test_measured_straight_away_it_is_refused_or_harmless(hostile: dict[str, Path], tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 8, 8, 1), np.float32), y=np.arange(3))
    found = outcomes(hostile, tmp_path / "x.npz", (".tflite", ".onnx", ".pb"))
    # LiteRT runs operators once, in the order of the file, so a circle ends; and it asks for shapes anew.
    assert {name for name, said in found.items() if said == "measured"} <= {"cyclic.tflite", "huge.tflite"}
    assert "WriteFile" in found["write.pb"]
    assert "it keeps weights in another file" in found["external.onnx"]


@pytest.mark.slow  # one to three minutes: each loads TensorFlow
def test_measured_with_keras_it_is_refused_or_harmless(hostile: dict[str, Path], tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 8, 8, 1), np.float32), y=np.arange(3))
    found = outcomes(hostile, tmp_path / "x.npz", (".h5", ".keras"))
    # Keras takes no notice of further parts of an archive.
    assert {name for name, said in found.items() if said == "measured"} <= {"pickle-inside.keras", "compiled.keras"}
    assert not (folder() / CANARY).exists()
    assert "contains a Lambda layer" in found["lambda.h5"]
