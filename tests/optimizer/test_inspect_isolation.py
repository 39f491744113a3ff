"""The reading process is shut in: no code of a file runs, nothing is connected to, and no damage gets out of it."""

from __future__ import annotations

import ctypes
import json
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimizer.inspect import InspectionFailed, Limits, RefusedFile, inspect, interpret
from tests.optimizer.foreign_files import CANARY, ROOT, folder
from tests.optimizer.fuzz_inspect import damaged

# Does what the first argument says, within a sealed process or outside, and prints whether it could. The functions of
# the C library are looked up before: they go around Python, so that only the operating system can hold them back.
ESCAPE = """
import ctypes, os, pickle, socket, struct, subprocess, sys
expression, checkout, port, where, to = sys.argv[1:]
sys.path.append(checkout)
from optimizer.inspection import worker
from optimizer.inspection.found import Limits
libc = ctypes.CDLL(None, use_errno=True)
c_open, c_socket, c_connect, c_sendto = libc.open, libc.socket, libc.connect, libc.sendto
c_fork, c_execv = libc.fork, libc.execv
address = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(int(port)), socket.inet_aton("127.0.0.1"))
words = (ctypes.c_char_p * 3)(b"echo", b"could", None)

def done(result):
    if result < 0:
        raise OSError("the system says no")

attempt = eval("lambda: " + expression)
if where == "sealed":
    worker.leave_network()
    worker.seal(Limits())
try:
    attempt()
    print("could")
except (OSError, MemoryError) as error:
    print("could not:", type(error).__name__, error)
"""


@pytest.fixture(scope="session")
def files() -> Path:
    return folder()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def attempt(expression: str, where: str, to: Path, port: int = 9) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-c", ESCAPE, expression, str(ROOT), str(port), where, str(to)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


BY_PYTHON = {
    "write a file": "open(to, 'w')",
    "read a file": "open('/etc/passwd')",
    "fork": "os.fork() or os._exit(0)",
    "start a program": "subprocess.run(['/bin/true'])",
    "unpickle": "pickle.loads(b'cposix\\nsystem\\n(Vtrue\\ntR.')",
    "import": "__import__('wave')",
    "take memory": "bytes(5 * 2**30)",
}
BY_THE_C_LIBRARY = {
    "read a file": "done(c_open(b'/etc/passwd', 0))",
    "fork": "done(c_fork() or os._exit(0))",
    "start a program": "done(c_execv(b'/bin/echo', words))",
}


@pytest.mark.parametrize("expression", BY_PYTHON.values(), ids=BY_PYTHON.keys())
def test_python_cannot_reach_out(expression: str, tmp_path: Path) -> None:
    assert attempt(expression, "outside", tmp_path / "new") == "could"
    assert attempt(expression, "sealed", tmp_path / "newer").startswith("could not: ")
    assert not (tmp_path / "newer").exists()


def landlock() -> bool:
    """Whether this kernel has Landlock, without which native code is not held back from files."""
    return sys.platform == "linux" and bool(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) > 0)


@pytest.mark.skipif(not landlock(), reason="this system has no Landlock")
@pytest.mark.parametrize("expression", BY_THE_C_LIBRARY.values(), ids=BY_THE_C_LIBRARY.keys())
def test_native_code_cannot_reach_out(expression: str, tmp_path: Path) -> None:
    assert attempt(expression, "outside", tmp_path) == "could"
    assert attempt(expression, "sealed", tmp_path).startswith("could not: OSError")


@pytest.mark.parametrize(
    "expression",
    ["socket.create_connection(('127.0.0.1', int(port)))", "done(c_connect(c_socket(2, 1, 0), address, 16))"],
)
def test_nothing_is_connected_to(expression: str, tmp_path: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    assert attempt(expression, "outside", tmp_path, port) == "could"
    listener.accept()[0].close()
    assert attempt(expression, "sealed", tmp_path, port).startswith("could not: ")
    with pytest.raises(TimeoutError):
        listener.accept()


def test_no_datagram_leaves(tmp_path: Path) -> None:
    """Landlock knows TCP only; a network namespace of its own has no way out at all."""
    if attempt("done(-1 + worker.leave_network())", "outside", tmp_path) != "could":
        pytest.skip("this system permits no network namespace")
    send = "done(c_sendto(c_socket(2, 2, 0), b'x', 1, 0, address, 16))"
    assert attempt(send, "outside", tmp_path) == "could"
    assert attempt(send, "sealed", tmp_path).startswith("could not: OSError")


@pytest.mark.parametrize("name", ["lambda.h5", "lambda.keras"])
def test_a_canary_lives(files: Path, name: str) -> None:
    with pytest.raises(RefusedFile, match="Lambda"):
        inspect(files / name)
    assert not (files / CANARY).exists()  # `foreign_files` has seen that loading and running the file makes it


# --- what comes back is not trusted ---


CONTENT: dict[str, object] = {
    "parameters": 6, "layers": None, "operators": {"MatMul": 1}, "inputs": [], "outputs": [], "precision": None,
    "producer": None, "warnings": [], "macs": 6, "nodes": None,
}  # fmt: skip


def said(**changes: object) -> bytes:
    return json.dumps({"content": CONTENT | changes, "sha256": "0" * 64, "bytes": 3}).encode()


def test_a_sensible_answer_is_taken() -> None:
    found = interpret(said(), 0, Limits())
    assert not isinstance(found, str)
    assert (found[0].parameters, found[1], found[2]) == (6, "0" * 64, 3)


@pytest.mark.parametrize(
    ("answer", "ended", "reason"),
    [
        (b"", 0, "no sensible answer (JSONDecodeError, status 0)"),
        (b"[" * 100_000, 0, "no sensible answer (RecursionError"),
        (b"[]", 0, "no sensible answer (TypeError"),
        (said(parameters="6"), 0, "no sensible answer"),
        (said(parameters=-1), 0, "no sensible answer"),
        (said(macs=2**63), 0, "no sensible answer"),
        (said(operators=[1]), 0, "no sensible answer"),
        (said(inputs=[{"name": "x", "shape": ["y"], "dtype": None}]), 0, "no sensible answer"),
        (b"", -11, "its reader crashed on it (signal 11)"),
        (b"", -24, "took more than 60 s of computing"),
        (b"", "time", "took longer than 120 s"),
        (b'{"refused": "\\u001b[2J gone"}', 0, "\ufffd[2J gone"),
    ],
)
def test_other_answers_are_refusals(answer: bytes, ended: int | str, reason: str) -> None:
    found = interpret(answer, ended, Limits())
    assert isinstance(found, str)
    assert reason in found


def test_a_missing_library_is_no_fault_of_the_file() -> None:
    with pytest.raises(InspectionFailed, match="No module named"):
        interpret(b'{"fault": "No module named h5py; run ./dlom once more"}', 0, Limits())


# --- damage ---


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="forks")
@pytest.mark.parametrize(
    "name", ["small.h5", "small.keras", "small.tflite", "loop.tflite", "small.onnx", "int8.onnx", "small.pb"]
)
def test_300_damaged_copies_are_read_or_refused(files: Path, name: str) -> None:
    """The script ends with an error for any other outcome; a reader that crashes or stalls is a refusal, too."""
    script = Path(__file__).with_name("fuzz_inspect.py")
    done = subprocess.run(
        [sys.executable, "-I", str(script), name.rpartition(".")[2], "300", "7", str(files / name)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes: dict[str, int] = json.loads(done.stdout)
    assert sum(outcomes.values()) == 300
    assert outcomes["read"] < 150  # the damage is real
    # A reader that still had to import something would fail for our reasons, not for the file's.
    assert not [reason for reason in outcomes if "not allowed while" in reason or "no sensible answer" in reason]


@pytest.mark.parametrize("name", ["small.h5", "small.keras", "small.tflite", "small.onnx", "small.pb"])
def test_damaged_copies_from_end_to_end(files: Path, tmp_path: Path, name: str) -> None:
    dice = random.Random(11)
    refusals: list[str] = []
    for _ in range(4):
        (tmp_path / name).write_bytes(damaged((files / name).read_bytes(), dice))
        try:
            inspect(tmp_path / name, limits=Limits(wall_s=20))
        except RefusedFile as refused:
            refusals.append(str(refused))
    assert refusals
    assert all(reason.startswith(name) for reason in refusals)
