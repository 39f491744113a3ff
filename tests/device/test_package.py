"""The device package, run as on a board: an environment with numpy and one runtime, and nothing of this checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from device.board import main
from device.package import KEY_FILE, ROOM, PackageError, is_package, make_package
from device.signed import Key, SignatureError, new_key, verify
from tests.device.onnx_nets import product_net

TODAY = date.today()
LIBRARIES = ("numpy", "numpy.libs", "onnxruntime", "flatbuffers", "packaging", "google")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has numpy and ONNX Runtime."""
    folder = tmp_path_factory.mktemp("board") / "env"
    venv.create(folder, with_pip=False)
    (packages,) = folder.glob("lib/python3.*/site-packages")
    ours = Path(np.__file__).parent.parent
    for name in (*LIBRARIES, *(p.name for n in ("numpy", "onnxruntime") for p in ours.glob(f"{n}-*.dist-info"))):
        if (ours / name).is_dir():
            shutil.copytree(ours / name, packages / name, copy_function=_linked)
    return folder / "bin" / "python"


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
    return target


@pytest.fixture(scope="module")
def key() -> Key:
    return new_key(TODAY)


@pytest.fixture(scope="module")
def desk(key: Key, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, a model, and 60 examples of which it gets 45 right."""
    folder = tmp_path_factory.mktemp("desk")
    make_package(folder / "dlom-device.pyz", key)
    product_net(folder)
    y = np.arange(60) % 3
    x = np.zeros((60, 4), np.float32)
    x[np.arange(60), y] = 1  # the largest score is at the label
    y[::4] = (y[::4] + 1) % 3  # every fourth label is wrong
    np.savez(folder / "data.npz", x=x, y=y)
    return folder


def run(board: Path, desk: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What a person at the board types."""
    return subprocess.run(
        [board, "dlom-device.pyz", *words], cwd=desk, env={"PATH": os.environ["PATH"], "TMPDIR": str(desk)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_board_without_this_checkout_measures_and_signs(board: Path, desk: Path, key: Key) -> None:
    before = sorted(f.name for f in desk.iterdir())
    done = run(board, desk, "measure", "product.onnx", "--data", "data.npz", "--out", "result.json", "--seconds", "0.1")
    assert done.returncode == 0, done.stderr
    assert f"written to result.json, signed by package {key.id}" in done.stdout
    assert "accuracy     75.00 %" in done.stdout
    text = (desk / "result.json").read_bytes()
    found = verify(text, {key.id: key}, TODAY)
    assert (found.measured.accuracy_percent, found.measured.runtime) == (75.0, "onnx-runtime-cpu")
    said = json.loads(text)
    assert (said["dlom_result"], said["package"]) == (1, {"id": key.id, "made": key.made})
    assert key.secret.encode() not in text
    digit = text.index(b'"latency_p50_ms": 0.') + len(b'"latency_p50_ms": 0.')
    other = b"1" if text[digit : digit + 1] != b"1" else b"2"
    with pytest.raises(SignatureError, match="was altered"):
        verify(text[:digit] + other + text[digit + 1 :], {key.id: key}, TODAY)
    assert sorted(f.name for f in desk.iterdir()) == sorted([*before, "result.json"])  # what it unpacked is gone


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--help",), 0, "It needs Python 3.11 or later, numpy and the runtime"),
        (("runtimes",), 0, "litert-cpu        .tflite       missing: pip install ai-edge-litert"),
        (("measure", "gone.onnx", "--data", "data.npz"), 1, "not measured: there is no file gone.onnx"),
        (
            ("measure", "product.onnx", "--data", "data.npz", "--out", "no/where.json"),
            1,
            "no/where.json cannot be written",
        ),
        (("measure", "data.npz", "--data", "data.npz"), 1, "no runtime here takes .npz"),
        (("measure", "product.onnx", "--data", "data.npz", "--runtime", "openvino-cpu"), 1, "pip install openvino"),
        (("weigh",), 2, "invalid choice: 'weigh'"),
    ],
)
def test_it_says_what_it_needs_and_what_is_wrong(
    board: Path, desk: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = run(board, desk, *words)
    assert done.returncode == code, done.stderr
    assert " ".join(said.split()) in " ".join((done.stdout + done.stderr).split())


def test_the_package_is_for_its_owner_alone_and_holds_the_room_and_one_key(desk: Path, key: Key) -> None:
    package = desk / "dlom-device.pyz"
    assert package.stat().st_mode & 0o777 == 0o700
    with zipfile.ZipFile(package) as held:
        names = held.namelist()
        assert Key.from_json(held.read(KEY_FILE)) == key
    assert {"__main__.py", KEY_FILE, "device/measure.py", "device/runtimes/litert.py"} <= set(names)
    assert all(name.startswith("device/") for name in set(names) - {"__main__.py", KEY_FILE})


def test_only_a_package_is_replaced(tmp_path: Path, key: Key) -> None:
    out = tmp_path / "dlom-device.pyz"
    make_package(out, new_key(TODAY))
    make_package(out, key)
    assert is_package(out)
    mine = tmp_path / "thesis.txt"
    mine.write_text("years of work")
    with pytest.raises(PackageError, match=r"thesis.txt is there already and is no device package"):
        make_package(mine, key)
    assert mine.read_text() == "years of work"
    with pytest.raises(PackageError, match=r"there is no folder .*/gone; make it"):
        make_package(tmp_path / "gone" / "out.pyz", key)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["dlom-device.pyz", "thesis.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc cannot be written to")
def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, key: Key, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PackageError, match=r"/proc/dlom\.pyz cannot be written \("):
        make_package(Path("/proc/dlom.pyz"), key)
    (tmp_path / KEY_FILE).write_text(key.to_json())
    product_net(tmp_path)
    np.savez(tmp_path / "x.npz", x=np.ones((9, 4), np.float32))
    words = [str(tmp_path / "product.onnx"), "--data", str(tmp_path / "x.npz"), "--seconds", "0.1"]
    assert main(["measure", *words, "--out", "/proc/result.json"], str(tmp_path / KEY_FILE)) == 1
    assert "/proc/result.json cannot be written" in capsys.readouterr().err


def test_files_dated_1970_are_packed_too(tmp_path: Path, key: Key) -> None:
    """As in a checkout whose dates were set back, so that builds are the same each time; zip begins in 1980."""
    shutil.copytree(ROOM, tmp_path / "device", ignore=shutil.ignore_patterns("__pycache__"))
    os.utime(tmp_path / "device" / "signed.py", (0, 0))
    (tmp_path / "key.json").write_text(key.to_json())
    code = "from pathlib import Path; from device.package import *; from device.signed import Key; "
    code += "make_package(Path('out.pyz'), Key.from_json(Path('key.json').read_text()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert is_package(tmp_path / "out.pyz")


def test_an_older_python_is_told_which_one_is_needed(desk: Path) -> None:
    with zipfile.ZipFile(desk / "dlom-device.pyz") as held:
        source = held.read("__main__.py").decode()
    older = f"import sys; sys.version_info = (3, 9, 2)\n{source}"
    done = subprocess.run([sys.executable, "-c", older], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, "dlom-device needs Python 3.11 or later; this is 3.9")


def test_the_key_is_gone_before_a_model_runs_beside_it(
    tmp_path: Path, key: Key, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / KEY_FILE).write_text(key.to_json())
    assert main(["runtimes"], str(tmp_path / KEY_FILE)) == 0
    assert "onnx-runtime-cpu  .onnx" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
