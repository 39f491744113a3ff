"""One contract for every runtime on the shelf, on files of a network that can be computed by hand."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from device import runtimes
from device.machine import usable_cores
from device.runtimes import RUNTIMES, runtime_for, runtimes_for
from device.runtimes.contract import NOT_TOLD, MeasureError, ModelFileError, Quantization, one_arithmetic
from tests.device.conftest import ROOT
from tests.device.nets import COMPILED, FILES, RUNS, Answers, by_hand, inputs

# The other files of the folder.
NO_RUNTIMES = {"__init__", "contract", "onnx_file", "graph_file", "graph_operators", "tvm_file"}
ONE_STEP = 1 / 256  # of the scores in a file with int8 output
PROMISED = {
    ".tflite": "TFL3",
    ".onnx": "ONNX",
    ".pb": "no frozen TensorFlow graph",
    ".h5": "does not begin",
    ".keras": "does not begin",
    ".tvm": "zip",
}


def answers(nets: Path, file: str, runtime: str) -> Answers:
    return Answers(**json.loads((nets / f"{file}.{runtime}.json").read_text()))


def test_every_file_of_the_folder_is_on_the_shelf() -> None:
    files = {path.stem for path in Path(runtimes.__file__).parent.glob("*.py")} - NO_RUNTIMES
    assert files == {spec.open.__module__.rpartition(".")[2] for spec in RUNTIMES}
    assert len(RUNTIMES) == len({spec.name for spec in RUNTIMES}) == len(files)


def test_every_runtime_has_a_reviewed_name() -> None:
    with (ROOT / "repository/facts/names/runtimes.csv").open(encoding="utf-8", newline="") as table:
        named = {row["name"]: (row["label"], row["library"], row["compute_unit"]) for row in csv.DictReader(table)}
    for spec in RUNTIMES:
        assert named[spec.name] == (f"{spec.label} on CPU", spec.label, "CPU")


def test_every_format_and_runtime_on_the_shelf_is_in_this_suite() -> None:
    run = [spec for spec in RUNTIMES if COMPILED or not spec.native]
    assert {Path(file).suffix for file in FILES} == {suffix for spec in run for suffix in spec.formats}
    assert {runtime for _, runtime in RUNS} == {spec.name for spec in run}
    assert set(PROMISED) == {suffix for spec in RUNTIMES for suffix in spec.formats}
    assert set(MISSING) == {spec.name for spec in RUNTIMES}


@pytest.mark.parametrize(("file", "runtime"), RUNS)
def test_it_gives_the_scores_computed_by_hand(nets: Path, file: str, runtime: str) -> None:
    found = answers(nets, file, runtime)
    tolerance = 5 * ONE_STEP if "int8" in file else 1e-6
    for count, scores in found.scores.items():
        assert np.array(scores) == pytest.approx(by_hand(inputs(int(count))), abs=tolerance)
    assert set(found.scores) == ({"1"} if file.startswith("one.") else {"1", "3", "64"})


@pytest.mark.parametrize(("file", "runtime"), RUNS)
def test_it_tells_what_the_file_takes(nets: Path, file: str, runtime: str) -> None:
    found = answers(nets, file, runtime)
    assert found.input_shape == [1 if file.startswith("one.") else None, 4]
    assert found.input_dtype == ("int8" if "int8" in file else "float32")
    assert found.version[0].isdigit()
    assert found.runtime == runtime


@pytest.mark.parametrize(("file", "runtime"), RUNS)
def test_it_tells_in_which_precision_it_computes(nets: Path, file: str, runtime: str) -> None:
    """Of the ONNX file with int8: ONNX Runtime keeps the first of its two layers in float32 (its profile says
    Gemm, then QGemm), and OpenVINO makes one kernel of all and tells only what goes in."""
    in_integers = {"litert-cpu": "int8", "onnx-runtime-cpu": "mixed", "openvino-cpu": NOT_TOLD}
    assert answers(nets, file, runtime).arithmetic == (in_integers[runtime] if "int8" in file else "float32")


def test_layers_of_one_precision_are_that_and_of_two_are_mixed() -> None:
    assert one_arithmetic(["int8", "int8"]) == "int8"
    assert one_arithmetic(["int8", "float32"]) == "mixed"
    assert one_arithmetic([]) == one_arithmetic(["int8", NOT_TOLD]) == NOT_TOLD


@pytest.mark.parametrize(("file", "runtime"), RUNS)
def test_it_refuses_inputs_of_another_shape(nets: Path, file: str, runtime: str) -> None:
    said = answers(nets, file, runtime).wrong_shape
    assert said.startswith("the model takes inputs of shape 4, the data have 5;")


@pytest.mark.skipif(usable_cores() < 2, reason="one core")
@pytest.mark.parametrize(("file", "runtime"), RUNS)
def test_it_takes_as_many_threads_as_asked_for_or_says_why_not(nets: Path, file: str, runtime: str) -> None:
    """TensorFlow and TVM keep the threads that a process began with."""
    said = answers(nets, file, runtime).two_threads
    if runtime in ("keras-cpu", "tensorflow-cpu"):
        assert "already runs in this process with 1 threads for an operator" in said
    elif runtime == "tvm-cpu":
        assert "TVM has 1 threads in this process although 2 were asked for" in said
    else:
        assert said == ""


def test_openvino_refuses_fewer_threads_than_asked_for(nets: Path) -> None:
    """It takes as many as there are cores at most."""
    spec, many = runtime_for(nets / "float.onnx", "openvino-cpu"), usable_cores() + 1
    with pytest.raises(MeasureError, match=f"OpenVINO took {many - 1} threads although {many} were asked for"):
        spec.open(nets / "float.onnx", many)


def test_two_runtimes_take_one_file_and_the_first_is_the_one_unless_named(nets: Path) -> None:
    file = nets / "float.onnx"
    assert [spec.name for spec in runtimes_for(file)] == ["onnx-runtime-cpu", "openvino-cpu"]
    assert runtime_for(file).name == "onnx-runtime-cpu"
    assert runtime_for(file, "openvino-cpu").name == "openvino-cpu"
    with pytest.raises(
        ModelFileError, match=r"litert-cpu does not take \.onnx files such as float\.onnx; try onnx-run"
    ):
        runtime_for(file, "litert-cpu")
    with pytest.raises(ModelFileError, match=r"no runtime 'ort'; float\.onnx runs with onnx-runtime-cpu, openvino-cpu"):
        runtime_for(file, "ort")


@pytest.mark.parametrize(
    ("file", "runtime"),
    [("float.tflite", "litert-cpu"), ("float.onnx", "onnx-runtime-cpu"), ("float.onnx", "openvino-cpu")],
)
def test_it_can_be_called_again_and_again_and_keeps_its_answers(nets: Path, file: str, runtime: str) -> None:
    session = runtime_for(nets / file, runtime).open(nets / file, 1)
    first = session.run(inputs(3)[:1])
    infer = session.prepare(inputs(3)[1:2])
    assert np.array_equal(infer(), infer())
    assert not np.allclose(first, infer())


@pytest.mark.parametrize(("suffix", "promised"), PROMISED.items())
def test_text_with_the_name_of_a_model_is_refused(tmp_path: Path, suffix: str, promised: str) -> None:
    (tmp_path / f"notes{suffix}").write_text("Dear colleague, the model follows by post.")
    with pytest.raises(ModelFileError, match=f"notes{suffix} is not a usable {suffix} file: .*{promised}"):
        runtime_for(tmp_path / f"notes{suffix}")


@pytest.mark.parametrize("file", ["float.tflite", "float.onnx", "net.pb", "net.h5", "net.keras"])
def test_half_a_file_is_refused(nets: Path, tmp_path: Path, file: str) -> None:
    half = tmp_path / file
    half.write_bytes((nets / file).read_bytes()[: (nets / file).stat().st_size // 2])
    with pytest.raises(ModelFileError, match=file):
        runtime_for(half).open(half, 1)


def test_an_unknown_suffix_is_refused_with_those_known(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelFileError, match=r"no runtime here takes \.pt; known are \.tflite, \.onnx, "):
        runtime_for(tmp_path / "net.pt")


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(ModelFileError, match=r"there is no file gone\.onnx"):
        runtime_for(Path("gone.onnx"))


def test_what_is_installed_is_told_without_loading_it() -> None:
    code = """
import sys
from device.runtimes import RUNTIMES
print({spec.name: spec.installed() for spec in RUNTIMES})
libraries = {"ai_edge_litert", "onnxruntime", "openvino", "tensorflow", "keras", "tvm"}
print(sorted(libraries & set(sys.modules)))
"""
    told, loaded = run_here(code)
    assert loaded == "[]"
    for package, name in {
        "onnxruntime": "onnx-runtime-cpu",
        "openvino": "openvino-cpu",
        "tensorflow": "tensorflow-cpu",
    }.items():
        assert f"'{name}': '{version(package)}'" in told


MISSING = {  # the runtime → what it is called, and what to install
    "litert-cpu": ("LiteRT", "ai-edge-litert"),
    "onnx-runtime-cpu": ("ONNX Runtime", "onnxruntime"),
    "openvino-cpu": ("OpenVINO", "openvino"),
    "tensorflow-cpu": ("TensorFlow", "tensorflow"),
    "keras-cpu": ("Keras", "keras tensorflow"),
    "tvm-cpu": ("TVM", "apache-tvm"),
}


def test_a_missing_library_is_named_with_what_to_install_and_the_others_work(nets: Path) -> None:
    """Every library away but LiteRT, as on a small board; then LiteRT away as well."""
    code = """
import sys
from pathlib import Path
from device.runtimes import runtime_for
from device.runtimes.contract import RuntimeMissing
folder = Path(sys.argv[1])
for name in ("onnxruntime", "openvino", "tensorflow", "tvm"):
    sys.modules[name] = None  # as if it were not installed
assert runtime_for(folder / "float.tflite").open(folder / "float.tflite", 1).version
sys.modules.update({name: None for name in list(sys.modules) if name.startswith("ai_edge_litert")})
for run in sys.argv[2:]:
    file, _, runtime = run.partition("/")
    spec = runtime_for(folder / file, runtime)
    assert spec.installed() is None, runtime
    try:
        spec.open(folder / file, 1)
    except RuntimeMissing as error:
        print(error)
"""
    runs = {runtime: file for file, runtime in RUNS}
    said = run_here(code, str(nets), *(f"{file}/{runtime}" for runtime, file in runs.items()))
    assert [line.split(" is not installed here")[0] for line in said] == [MISSING[runtime][0] for runtime in runs]
    assert [line.split("try: pip install ")[1] for line in said] == [MISSING[runtime][1] for runtime in runs]


def test_openvino_reports_to_nobody(nets: Path, tmp_path: Path) -> None:
    """Left to itself it sends an event to Google Analytics when imported, and writes a client id below the home."""
    code = """
import sys
reached = []
sys.addaudithook(lambda event, given: reached.append(event) if event.startswith("socket.") else None)
from pathlib import Path
from device.runtimes import runtime_for
file = Path(sys.argv[1])
assert runtime_for(file, "openvino-cpu").open(file, 1).version
print(reached, [name for name in sys.modules if name.startswith("openvino_telemetry") and sys.modules[name]])
"""
    assert run_here(code, str(nets / "float.onnx"), home=tmp_path) == ["[] []"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow  # at most 3 minutes (98 s were seen on a busy machine with two cores)
def test_graphs_of_whole_networks_give_what_keras_gives() -> None:
    """Loops (LSTM) and convolutions in groups keep functions in the graph's library."""
    code = """
import tempfile
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2 as freeze
from device.runtimes import runtime_for
from device.runtimes.tf_graph import GraphSession
layers, networks = keras.layers, keras.applications
for model in (
    networks.MobileNetV2((96, 96, 3), weights=None),
    networks.ResNet50(weights=None),
    keras.Sequential([keras.Input((20, 8)), layers.LSTM(16), layers.Dense(3)]),
    keras.Sequential([keras.Input((16, 16, 8)), layers.Conv2D(8, 3, groups=8), layers.Flatten(), layers.Dense(3)]),
):
    shape = (None, *model.input_shape[1:])
    traced = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec(shape, name="x"))
    file = Path(tempfile.mkdtemp()) / "net.pb"
    for loops_of_tensorflow_1 in (False, True):
        graph = freeze(traced, lower_control_flow=loops_of_tensorflow_1).graph.as_graph_def()
        file.write_bytes(graph.SerializeToString())
        assert runtime_for(file).name == "tensorflow-cpu"
        x = np.random.default_rng(5).uniform(0, 1, (2, *shape[1:])).astype(np.float32)
        found = GraphSession(file, None).run(x)
        print(float(np.abs(found - model(x, training=False).numpy()).max()))
"""
    assert max(float(line) for line in run_here(code)) < 1e-5


def run_here(code: str, *arguments: str, home: Path | None = None) -> list[str]:
    """The lines that a program prints in a process of its own, started in the checkout."""
    environment = dict(os.environ) if home is None else os.environ | {"HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


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
