"""Real measurements in processes of their own; what goes wrong is made to go wrong for real."""

from __future__ import annotations

import gzip
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from errno import EACCES, ENETUNREACH, EPERM
from hashlib import sha256
from importlib import import_module
from os import getpid
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from onnx import helper
from PIL import Image
from sklearn import metrics

from device.instructions import architecture
from device.limits import landlock_abi, written_mib
from device.machine import this_machine, usable_cores
from device.measure import MeasureError, ModelFileError, check_cores, ended, failure, gzip_bytes, latency, measure
from device.measured import Measured
from device.runtimes import tvm_file
from tests.device.conftest import ROOT
from tests.device.nets import by_hand, inputs
from tests.device.onnx_nets import onnx_net


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
    assert found.size_gzip_kib == len(gzip.compress((nets / "float.onnx").read_bytes())) / 1024
    assert found.latency_p99_ms is not None
    assert 0 < found.latency_p50_ms <= found.latency_p95_ms <= found.latency_p99_ms
    assert found.latency_spread_percent is not None
    assert found.noisy == (found.latency_spread_percent > 10)
    assert found.repetitions >= 10
    assert 1 <= found.attempts <= 3
    assert [batch for batch, _ in found.throughputs] == [1, 8, 32, 64]
    assert (found.throughput_batch, found.throughput_per_s) == max(found.throughputs, key=lambda rate: rate[1])
    assert 1 < found.peak_memory_mib < 100  # ONNX Runtime's own start is in it
    assert found.system_latency_ms is not None
    assert found.system_steps.startswith("batch axis, inference, answers as float32, largest score")
    assert (found.metric, found.metric_value, found.samples, found.folds) == ("top-1", 75, 300, 5)
    assert found.arithmetic == "float32"
    assert (found.energy_mj is None) == (found.energy_meter == "")


def test_the_figures_of_classes_are_scikit_learns(nets: Path, data: Path) -> None:
    with np.load(data) as arrays:
        x, y = arrays["x"], arrays["y"]
    chosen = by_hand(x).argmax(axis=1)
    found = quick(nets / "float.tflite", data)
    expected = metrics.precision_recall_fscore_support(y, chosen, average="macro", zero_division=0)[:3]
    assert (found.precision_percent, found.recall_percent, found.f1_percent) == pytest.approx(
        [100 * figure for figure in expected]
    )
    assert found.balanced_accuracy_percent == pytest.approx(100 * metrics.balanced_accuracy_score(y, chosen))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds processes to cores")
def test_a_measurement_is_pinned_and_the_machine_is_still_whole(nets: Path, data: Path) -> None:
    found = quick(nets / "float.tflite", data)
    assert len(found.pinned_cores) == 1
    assert found.machine == this_machine()  # its cores are those of before


def test_compressed_in_pieces_is_as_large_as_at_once(tmp_path: Path) -> None:
    large = np.random.default_rng(3).integers(0, 9, 3_000_000).astype(np.uint8).tobytes()
    (tmp_path / "large.bin").write_bytes(large)
    assert gzip_bytes(tmp_path / "large.bin") == len(gzip.compress(large, 9))


def test_pictures_in_folders(tmp_path: Path) -> None:
    """A net that adds up red, and blue: red pictures have more of the first. One of four is in the wrong folder."""
    for name, colour in (("a/1", "red"), ("a/2", "red"), ("b/3", "blue"), ("b/4", "red")):
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6), colour).save(tmp_path / "pictures" / f"{name}.png")
    sums = helper.make_node("MatMul", ["flat", "w"], ["y"])
    file = onnx_net(
        tmp_path, helper.make_node("Flatten", ["x"], ["flat"]), sums,
        shape=["n", 3, 2, 2], w=np.repeat([[1, 0], [0, 0], [0, 1]], 4, axis=0).astype(np.float32),
    )  # fmt: skip
    found = quick(file, tmp_path / "pictures")
    assert (found.accuracy_percent, found.samples) == (75, 4)
    assert found.system_steps.startswith("decode the picture, resize, uint8 to float32, batch axis, inference")


HOSTILE = r"""
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void wake(void) {
    int file = open("@secret@", O_RDONLY) < 0 ? errno : 0;
    int made = open("@made@", O_CREAT | O_WRONLY, 0600) < 0 ? errno : 0;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(@port@), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int joined = connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to) < 0 ? errno : 0;
    fprintf(stderr, "woke up: read %d, made %d, connected %d\n", file, made, joined);
    _exit(3);
}
"""


def machine_code(folder: Path, code: str) -> Path:
    """A file net.tvm whose library is made of this C."""
    library = folder / "lib.so"
    command = ["cc", "-shared", "-fPIC", "-xc", "-", "-o", str(library)]
    subprocess.run(command, input=code, text=True, check=True, timeout=60)
    tensor = tvm_file.Tensor("x", (1, 4), "float32")
    header = tvm_file.Header(
        version=1, input=tensor, output=tensor, target="generic", architecture=architecture(), threads=1,
        tuned=False, trials=0, operators_tuned=0, operators=0, tuning_seconds=0.0, arithmetic="float32",
        source_sha256="00" * 32, versions={},
    )  # fmt: skip
    tvm_file.write(folder / "net.tvm", header, library)
    return folder / "net.tvm"


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.skipif(sys.platform != "linux" or landlock_abi() < 4, reason="needs a kernel that shuts a process in")
def test_machine_code_needs_trust_and_is_shut_in(tmp_path: Path, data: Path) -> None:
    """A library that, as soon as it is loaded, reads a secret, makes a file and connects. None of it succeeds."""
    (tmp_path / "secret").write_text("key")
    with socket.create_server(("127.0.0.1", 0)) as server:
        places = {"secret": tmp_path / "secret", "made": tmp_path / "made", "port": server.getsockname()[1]}
        code = HOSTILE
        for name, place in places.items():
            code = code.replace(f"@{name}@", str(place))
        file = machine_code(tmp_path, code)
        with pytest.raises(ModelFileError, match=r"holds machine code, which TVM runs with your rights.*--trust"):
            quick(file, data)
        with pytest.raises(MeasureError, match=r"woke up: read (\d+), made (\d+), connected (\d+)") as met:
            quick(file, data, trusted=True)
    refused = {str(number) for number in (EACCES, EPERM, ENETUNREACH)}
    assert set(re.findall(r"\d+", str(met.value).partition("woke up")[2])) <= refused
    assert not (tmp_path / "made").exists()


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.skipif(sys.platform != "linux", reason="machine code of Linux")
@pytest.mark.parametrize("before", ["", 'fputs("{}", fopen("../result.json", "w")); fflush(0);'])
def test_machine_code_that_ends_the_process_quietly_has_measured_nothing(
    tmp_path: Path, data: Path, before: str
) -> None:
    code = "#include <stdio.h>\n#include <unistd.h>\n"
    code += f"__attribute__((constructor)) static void wake(void) {{ {before} _exit(0); }}"
    with pytest.raises(MeasureError, match=r"net\.tvm ended without a result"):
        quick(machine_code(tmp_path, code), data, trusted=True)


def test_the_command_says_what_it_measured(nets: Path, data: Path) -> None:
    command = [sys.executable, "-m", "device.measure", str(nets / "one.onnx"), "--data", str(data)]
    said = subprocess.run(
        [*command, "--seconds", "0.1", "--runtime", "openvino-cpu"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found = Measured.from_json(said.stdout)
    assert (found.runtime, [batch for batch, _ in found.throughputs]) == ("openvino-cpu", [1])
    wrong = subprocess.run([*command, "--metric", "rmse"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "the model gives 3 numbers for each input, y has 1" in wrong.stderr


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


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has other limits")
def test_a_limit_that_is_there_already_is_kept() -> None:
    """As of a shell in which `ulimit -t 100` was said: no more than that can be asked for."""
    code = "import resource as r; from device.limits import limit_processor; r.setrlimit(r.RLIMIT_CPU, (100, 100)); "
    code += "limit_processor(600); print(r.getrlimit(r.RLIMIT_CPU))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert said.stdout.strip() == "(100, 100)", said.stderr


def test_a_process_that_uses_up_its_processor_time_is_ended(nets: Path, data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "device.measure", str(nets / "float.tflite"), "--data", str(data)]
    limits = ["--seconds", "30", "--cpu-seconds", "0.5", "--out", str(tmp_path / "out.json"), "--parent", str(getpid())]
    done = subprocess.run([*command, *limits], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGXCPU
    assert not (tmp_path / "out.json").exists()
    assert "used up its processor time" in str(failure("net.tflite", done.returncode, done.stderr, 1))


def test_a_process_that_fills_the_disk_is_ended(tmp_path: Path) -> None:
    """Three files of 1 MiB, the last in a folder of its own; each by itself would be allowed."""
    code = "import time; from pathlib import Path; Path('deep').mkdir(); "
    code += "[Path(name).write_bytes(bytes(2**20)) for name in ('a', 'b', 'deep/c')]; time.sleep(60)"
    filling = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    try:
        with pytest.raises(MeasureError, match=r"net.tflite wrote more than 2.5 MiB to the disk and was stopped"):
            ended(filling, "net.tflite", tmp_path, timeout_s=50, scratch_mib=2.5)
    finally:
        filling.kill()
        filling.wait()
    assert written_mib(tmp_path) > 2.5


def test_what_is_written_is_counted_once_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(bytes(2**20))
    (tmp_path / "link").symlink_to(tmp_path / "deep" / "file")
    (tmp_path / "around").symlink_to(tmp_path)
    assert 1 <= written_mib(tmp_path) < 1.1


def test_no_file_grows_beyond_its_limit(tmp_path: Path) -> None:
    code = "from device.limits import limit_file; limit_file(1); open(r'%s', 'wb').write(bytes(2**21))"
    said = subprocess.run([sys.executable, "-c", code % (tmp_path / "f")], cwd=ROOT, capture_output=True, check=False)
    assert b"File too large" in said.stderr
    assert (tmp_path / "f").stat().st_size == 2**20


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
        (-35, "", "made its runtime crash (signal 35)"),
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
