"""Real measurements in processes of their own; what goes wrong is made to go wrong for real."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from device.machine import this_machine, usable_cores
from device.measure import MeasureError, ModelFileError, check_cores, failure, latency, load_data, measure
from device.measured import Measured
from tests.device.conftest import ROOT
from tests.device.nets import inputs


def quick(file: Path, data: Path, **more: Any) -> Measured:
    return measure(file, data, seconds=0.1, **more)


def litert_by_itself(file: Path, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> float:
    """Accuracy in percent, with nothing but LiteRT and the file's own scales: an evaluation apart from ours."""
    interpreter = import_module("ai_edge_litert.interpreter").Interpreter(model_path=str(file))
    interpreter.allocate_tensors()
    entry, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = entry["quantization"]
    right = 0
    for sample, label in zip(x, y, strict=True):
        value = sample[None] if not scale else np.clip(np.round(sample[None] / scale) + zero, -128, 127)
        interpreter.set_tensor(entry["index"], value.astype(entry["dtype"]))
        interpreter.invoke()
        right += int(np.argmax(interpreter.get_tensor(result["index"])[0]) == label)
    return 100 * right / len(x)


def onnx_net(folder: Path, *nodes: onnx.NodeProto, **constants: np.ndarray[Any, Any]) -> Path:
    """A file whose input x is (n, 4) and whose output is y."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    values = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = helper.make_model(
        helper.make_graph(nodes, "net", [x], [y], values), opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    )
    (folder / "net.onnx").write_bytes(made.SerializeToString())
    return folder / "net.onnx"


@pytest.mark.parametrize("file", ["float.tflite", "int8.tflite"])
def test_accuracy_is_that_of_an_independent_evaluation(nets: Path, data: Path, file: str) -> None:
    with np.load(data) as arrays:
        expected = litert_by_itself(nets / file, arrays["x"], arrays["y"])
    first, second = quick(nets / file, data), quick(nets / file, data)
    assert first.accuracy_percent == second.accuracy_percent == expected
    assert first.samples == 300
    if file == "float.tflite":
        assert expected == 75  # every fourth label of the data is wrong
        assert (first.accuracy_low_percent, first.accuracy_high_percent) == pytest.approx((69.81, 79.56), abs=0.01)


def test_a_measurement_is_whole(nets: Path, data: Path) -> None:
    found = quick(nets / "float.onnx", data)
    assert Measured.from_json(found.to_json()) == found
    assert (found.format, found.runtime, found.threads) == ("onnx", "onnx-runtime-cpu", 1)
    assert found.machine == this_machine()
    assert found.size_kib == (nets / "float.onnx").stat().st_size / 1024
    assert 0 < found.latency_p50_ms <= found.latency_p95_ms
    assert found.repetitions >= 10
    assert found.throughput_batch in (1, 8, 32, 64)
    assert 1 < found.peak_memory_mib < 100  # ONNX Runtime's own start is in it


def test_keras_runs_as_a_compiled_function(nets: Path, data: Path) -> None:
    found = quick(nets / "net.h5", data)
    assert (found.format, found.runtime, found.accuracy_percent) == ("h5", "keras-cpu", 75)
    assert found.latency_p50_ms < 10  # predict() takes some 30 ms for each call


def test_without_labels_there_is_no_accuracy(nets: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=inputs(5))
    found = quick(nets / "one.onnx", tmp_path / "x.npz")
    assert (found.accuracy_percent, found.samples, found.throughput_batch) == (None, None, 1)
    assert found.throughput_per_s > 0


def test_too_little_time_is_said(nets: Path, data: Path) -> None:
    with pytest.raises(MeasureError, match=r"float\.tflite took longer than 0\.1 s and was stopped"):
        quick(nets / "float.tflite", data, timeout_s=0.1)


def test_a_model_that_wants_two_gibibytes_is_stopped(tmp_path: Path, data: Path) -> None:
    tile = helper.make_node("Tile", ["x", "often"], ["large"])
    mean = helper.make_node("ReduceMean", ["large"], ["y"], keepdims=1)
    file = onnx_net(tmp_path, tile, mean, often=np.array([1, 2**27], np.int64))
    with pytest.raises(MeasureError, match=r"net\.onnx needs more than the 256 MiB of memory allowed"):
        quick(file, data, memory_mib=256)


def test_a_process_that_uses_up_its_processor_time_is_ended(nets: Path, data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "device.measure", str(nets / "float.tflite"), "--data", str(data)]
    limits = ["--seconds", "30", "--cpu-seconds", "0.5", "--out", str(tmp_path / "out.json")]
    ended = subprocess.run([*command, *limits], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == -signal.SIGXCPU
    assert not (tmp_path / "out.json").exists()
    assert "used up its processor time" in str(failure("net.tflite", ended.returncode, ended.stderr, 1))


@pytest.mark.skipif(sys.platform != "linux", reason="macOS cannot tie a process to its parent")
def test_a_measurement_does_not_outlive_who_asked_for_it(nets: Path, data: Path) -> None:
    code = "import sys; from pathlib import Path; from device.measure import measure; "
    code += "measure(*map(Path, sys.argv[1:]), seconds=60)"
    asking = subprocess.Popen([sys.executable, "-c", code, str(nets / "float.tflite"), str(data)], cwd=ROOT)
    children = Path(f"/proc/{asking.pid}/task/{asking.pid}/children")
    wait_until(lambda: bool(children.read_text().split()))
    measuring = Path(f"/proc/{children.read_text().split()[0]}/cmdline")
    wait_until(lambda: b"--parent" in measuring.read_bytes())  # before that, it is a copy of who asks
    asking.kill()
    asking.wait()
    wait_until(lambda: not measuring.exists() or not measuring.read_bytes())  # empty: ended, not yet collected


def wait_until(true: Callable[[], bool]) -> None:
    """Fails after ten seconds."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("code", "stderr", "said"),
    [
        (-signal.SIGSEGV, "", "made its runtime crash (SIGSEGV)"),
        (-signal.SIGKILL, "", "most likely because memory ran out"),
        (-signal.SIGABRT, "terminate called after throwing 'std::bad_alloc'", "needs more than the 256 MiB"),
        (1, "Traceback …\nKeyError: 'x'\n", "could not be run: KeyError: 'x'"),
        (1, "", "could not be run: it said nothing"),
    ],
)
def test_an_end_is_told_in_the_readers_words(code: int, stderr: str, said: str) -> None:
    assert said in str(failure("net.tflite", code, stderr, 256))


def test_a_damaged_file_is_refused(nets: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "half.tflite").write_bytes((nets / "float.tflite").read_bytes()[:900])
    with pytest.raises(ModelFileError, match=r"LiteRT cannot load half\.tflite"):
        quick(tmp_path / "half.tflite", data)


def test_inputs_of_another_shape_are_refused(nets: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((9, 28, 28), np.float32), y=np.arange(9) % 3)
    with pytest.raises(MeasureError, match="takes inputs of shape 4, the data have 28×28"):
        quick(nets / "float.tflite", tmp_path / "d.npz")


def test_labels_beyond_the_classes_are_refused(nets: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=inputs(9), y=np.arange(9))
    with pytest.raises(MeasureError, match="knows 3 classes, 0 to 2; y has a label 8"):
        quick(nets / "float.tflite", tmp_path / "d.npz")


def test_outputs_that_are_no_numbers_are_refused(tmp_path: Path, data: Path) -> None:
    file = onnx_net(tmp_path, helper.make_node("Sqrt", ["x"], ["y"]))  # of numbers below zero, too
    with pytest.raises(MeasureError, match=r"gives NaN for \d+ of inputs 0 to 63"):
        quick(file, data)


def test_more_threads_than_there_are_are_refused(nets: Path, data: Path) -> None:
    with pytest.raises(MeasureError, match=f"this process may use 1 to {usable_cores()}"):
        quick(nets / "float.tflite", data, threads=usable_cores() + 1)


def test_a_model_that_takes_more_cores_than_it_was_given_is_not_compared() -> None:
    check_cores(1.4, threads=1)
    check_cores(2.4, threads=2)
    with pytest.raises(MeasureError, match=r"kept 1\.9 cores busy although 1 threads were asked for"):
        check_cores(1.9, threads=1)


def test_a_thread_that_soon_ends_is_not_taken_for_the_models() -> None:
    end, block = time.monotonic() + 0.3, bytes(2**20)

    def work(end: float) -> None:
        while time.monotonic() < end:
            sha256(block)  # beside Python: it holds no lock

    Thread(target=work, args=(end,)).start()
    assert latency(lambda: sha256(block), seconds=0.1, threads=1).cores_used < 1.5


X = inputs(4)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y": np.arange(4)}, "has no array x"),
        ({"x": X.astype(np.float64)}, "x is float64 of shape 4×4"),
        ({"x": X[:0]}, "x is float32 of shape 0×4"),
        ({"x": X * np.nan}, "NaN or infinite"),
        ({"x": X, "y": np.zeros(4, int)}, "every label is 0; accuracy on one class says nothing"),
        ({"x": X, "y": np.arange(3)}, "one whole number for each of 4 samples"),
        ({"x": X, "y": np.array([0.0, 1, 2, 1])}, "y is float64"),
        ({"x": X, "y": np.array([-1, 0, 1, 1])}, "has a label -1"),
        ({"x": np.array([{}, {}])}, "cannot be read as npz"),
    ],
)
def test_data_that_cannot_be_used_are_refused(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(MeasureError, match=said):
        load_data(tmp_path / "d.npz")


def test_a_file_that_is_no_npz_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.npz").write_text("x,y\n1,2\n")
    with pytest.raises(MeasureError, match=r"d\.npz cannot be read as npz"):
        load_data(tmp_path / "d.npz")
