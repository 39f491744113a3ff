"""One contract for every runtime on the shelf, on files of a network that can be computed by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from device import runtimes
from device.runtimes import RUNTIMES, runtime_for
from device.runtimes.contract import MeasureError, ModelFileError, Quantization
from tests.device.conftest import ROOT
from tests.device.nets import FILES, Answers, by_hand, inputs

NO_RUNTIMES = {"__init__", "contract", "onnx_file"}  # the other files of the folder
ONE_STEP = 1 / 256  # of the scores in a file with int8 output
PROMISED = {".tflite": "TFL3", ".onnx": "ONNX", ".h5": "does not begin", ".keras": "does not begin"}


def answers(nets: Path, file: str) -> Answers:
    return Answers(**json.loads((nets / f"{file}.json").read_text()))


def test_every_file_of_the_folder_is_on_the_shelf() -> None:
    files = {path.stem for path in Path(runtimes.__file__).parent.glob("*.py")} - NO_RUNTIMES
    assert files == {spec.open.__module__.rpartition(".")[2] for spec in RUNTIMES}
    assert len(RUNTIMES) == len({spec.name for spec in RUNTIMES}) == len(files)


def test_every_format_on_the_shelf_is_in_this_suite() -> None:
    assert {Path(file).suffix for file in FILES} == {suffix for spec in RUNTIMES for suffix in spec.formats}
    assert set(PROMISED) == {suffix for spec in RUNTIMES for suffix in spec.formats}


@pytest.mark.parametrize("file", FILES)
def test_it_gives_the_scores_computed_by_hand(nets: Path, file: str) -> None:
    found = answers(nets, file)
    tolerance = 5 * ONE_STEP if "int8" in file else 1e-6
    for count, scores in found.scores.items():
        assert np.array(scores) == pytest.approx(by_hand(inputs(int(count))), abs=tolerance)
    assert set(found.scores) == ({"1"} if file == "one.onnx" else {"1", "3", "64"})


@pytest.mark.parametrize("file", FILES)
def test_it_tells_what_the_file_takes(nets: Path, file: str) -> None:
    found = answers(nets, file)
    assert found.input_shape == [1 if file == "one.onnx" else None, 4]
    assert found.input_dtype == ("int8" if "int8" in file else "float32")
    assert found.version[0].isdigit()
    assert found.runtime == runtime_for(nets / file).name


@pytest.mark.parametrize("file", FILES)
def test_it_refuses_inputs_of_another_shape(nets: Path, file: str) -> None:
    assert answers(nets, file).wrong_shape.startswith("the model takes inputs of shape 4, the data have 5;")


@pytest.mark.parametrize("file", ["float.tflite", "float.onnx"])
def test_it_can_be_called_again_and_again(nets: Path, file: str) -> None:
    session = runtime_for(nets / file).open(nets / file, 1)
    infer = session.prepare(inputs(1))
    assert np.array_equal(infer(), infer())


@pytest.mark.parametrize("suffix", PROMISED)
def test_text_with_the_name_of_a_model_is_refused(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"notes{suffix}").write_text("Dear colleague, the model follows by post.")
    with pytest.raises(ModelFileError, match=f"notes{suffix} is not a usable {suffix} file: .*"):
        runtime_for(tmp_path / f"notes{suffix}")


@pytest.mark.parametrize("file", ["float.tflite", "float.onnx", "net.h5", "net.keras"])
def test_half_a_file_is_refused(nets: Path, tmp_path: Path, file: str) -> None:
    half = tmp_path / file
    half.write_bytes((nets / file).read_bytes()[: (nets / file).stat().st_size // 2])
    with pytest.raises(ModelFileError, match=file):
        runtime_for(half).open(half, 1)


def test_an_unknown_suffix_is_refused_with_those_known(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelFileError, match=r"no runtime here takes \.pt; known are \.tflite, \.onnx, \.h5, \.keras"):
        runtime_for(tmp_path / "net.pt")


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(ModelFileError, match=r"there is no file gone\.onnx"):
        runtime_for(Path("gone.onnx"))


def test_a_missing_library_is_named_with_what_to_install(nets: Path) -> None:
    code = """
import sys
for name in ("ai_edge_litert", "onnxruntime", "tensorflow"):
    sys.modules[name] = None  # as if it were not installed
from pathlib import Path
from device.runtimes import runtime_for
from device.runtimes.contract import RuntimeMissing
for file in sys.argv[1:]:
    try:
        runtime_for(Path(file)).open(Path(file), 1)
    except RuntimeMissing as error:
        print(error)
"""
    files = [str(nets / name) for name in ("float.tflite", "float.onnx", "net.h5")]
    said = subprocess.run([sys.executable, "-c", code, *files], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = said.stdout.splitlines()
    assert [line.split(" is not installed here")[0] for line in lines] == ["LiteRT", "ONNX Runtime", "Keras"]
    packages = ["ai-edge-litert", "onnxruntime", "keras tensorflow"]
    assert [line.split("try: pip install ")[1] for line in lines] == packages


@pytest.mark.parametrize("file", ["lambda.h5", "lambda.keras"])
def test_a_lambda_layer_is_not_loaded(nets: Path, file: str) -> None:
    with pytest.raises(ModelFileError, match="contains a Lambda layer, which can run any code"):
        runtime_for(nets / file).open(nets / file, 1)


def test_integers_stand_for_scale_times_distance_from_the_zero_point() -> None:
    """Scale 0.5, zero point 10: 0 is 10, 1.5 is 13, −100 is beyond the range and becomes −128 = −69.0."""
    meant = Quantization(0.5, 10, "int8")
    integers = meant.quantize(np.array([[0, 1.5, -100]], np.float32))
    assert integers.tolist() == [[10, 13, -128]]
    assert meant.dequantize(integers).tolist() == [[0.0, 1.5, -69.0]]


def test_a_batch_that_the_file_does_not_take_is_refused(nets: Path) -> None:
    session = runtime_for(nets / "one.onnx").open(nets / "one.onnx", 1)
    with pytest.raises(MeasureError, match="takes 1 inputs at a time, not 3"):
        session.run(inputs(3))
