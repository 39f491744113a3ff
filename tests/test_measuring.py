"""Files measured, measured again, and measured elsewhere, on the command line: real runs of a net of one product."""

from __future__ import annotations

import gc
import itertools
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import cli
import flow
from device.machine import this_machine
from device.measured import Measured
from device.package import KEY_FILE
from device.signed import Key, SignedResult, sign
from measuring import device_of, result_records
from ontology.settings import Settings
from optimizer.brought import try_on
from optimizer.examples import examples
from repository.artifacts import ArtifactError, ArtifactStore
from repository.device_keys import BadKey, keep_new, keys
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE, Knowledge
from repository.store import store
from tests.conftest import copied
from tests.device.onnx_nets import product_net
from tests.repository.registered import MEASURED

WEIGHTS = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 2], [1, 1, 1]], np.float32)
ROOT = Path(__file__).parent.parent
HERE = this_machine().fingerprint
NETWORK = ("--network", "product", "--purpose", "image-classification")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Dlom = Callable[..., Done]


@pytest.fixture(scope="module")
def place(installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(installation, tmp_path_factory.mktemp("measuring"))


@pytest.fixture
def dlom(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dlom:
    """Run the command line in this process."""
    monkeypatch.setenv("DLOM_HOME", str(place))

    def run(*words: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["dlom", *map(str, words)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        gc.collect()  # the store of that command
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """product.onnx, and examples of which it gets three of four right."""
    made = tmp_path_factory.mktemp("files")
    product_net(made)
    y = np.arange(80) % 3
    x = np.zeros((80, 4), np.float32)
    x[np.arange(80), y] = 1
    x[:, 3] = np.linspace(0, 1, 80)  # no two alike
    y[::4] = (y[::4] + 1) % 3
    np.savez(made / "mine.npz", x=x, y=y)
    np.savez(made / "others.npz", x=x[:60], y=y[:60])
    np.savez(made / "few.npz", x=x[:12], y=y[:12])  # too few to hold a fifth out
    (made / "network.pt").write_bytes(pickle.dumps({"weights": [1]}))
    np.savez_compressed(made / "locked.npz", x=x, y=y)
    locked = bytearray((made / "locked.npz").read_bytes())
    locked[locked.index(b"PK\x01\x02") + 8] = 1  # is encrypted, says the directory (APPNOTE.TXT 4.4.4)
    (made / "locked.npz").write_bytes(locked)
    np.savez(made / "numbers.npz", x=x, y=(x @ WEIGHTS + [3, 4, 0]).astype(np.float32))
    return made


@pytest.fixture(scope="module")
def model(place: Path, folder: Path) -> str:
    """The name of product.onnx, once it is measured here and registered."""
    settings = Settings(home=place)
    with Knowledge(EmbeddedGraph(place / STORE)) as knowledge:
        _, records = flow.bring_model(
            folder / "product.onnx", knowledge, settings, data=str(folder / "mine.npz"), network="product",
            purpose="image-classification",
        )  # fmt: skip
        store(knowledge, records)
    gc.collect()
    return f"local-{sha256((folder / 'product.onnx').read_bytes()).hexdigest()[:12]}-onnx-runtime-cpu-{HERE}"


def test_every_runtime_that_takes_a_file_measures_it_without_data(dlom: Dlom, folder: Path) -> None:
    done = dlom("measure", folder / "product.onnx", "--runtime", "all", "--seconds", "0.1", "--json")
    assert done.code == 0, done.err
    assert [m["runtime"] for m in done.data["measured"]] == ["onnx-runtime-cpu", "openvino-cpu"]
    assert done.data["random_data"]
    assert [m["accuracy_percent"] for m in done.data["measured"]] == [None, None]
    assert done.data["file"]["parameters"] == 12


def test_numbers_to_predict_are_judged_by_their_error(dlom: Dlom, folder: Path) -> None:
    done = dlom("measure", folder / "product.onnx", "--data", folder / "numbers.npz", "--seconds", "0.1")
    assert done.code == 0, done.err
    assert "quality      2.887 (root mean square error)" in done.out  # √((3² + 4² + 0²) / 3)


def test_what_is_too_little_to_train_with_can_be_measured_on(dlom: Dlom, folder: Path) -> None:
    done = dlom("measure", folder / "product.onnx", "--data", folder / "few.npz", "--seconds", "0.1", "--json")
    assert done.code == 0, done.err
    (measured,) = done.data["measured"]
    assert (measured["samples"], measured["accuracy_percent"]) == (12, 75)


def test_a_registered_file_is_named_and_no_slip_of_its_unit_is_suspected(dlom: Dlom, folder: Path, model: str) -> None:
    # Two files are as fast as this network is known to be here; a third takes 32 times as long, and more.
    slow = onnx.load(folder / "product.onnx")
    slow.producer_name = "another file"
    onnx.save(slow, folder / "second.onnx")
    assert dlom("register", folder / "second.onnx", "--data", folder / "mine.npz", *NETWORK).code == 0
    first = slow.graph.node[0]
    first.input[0] = "scaled"
    slow.graph.initializer.append(onnx.numpy_helper.from_array(np.eye(4, dtype=np.float32), "unit"))
    names = [slow.graph.input[0].name, *(f"s{k}" for k in range(2000)), "scaled"]
    steps = [onnx.helper.make_node("Gemm", [a, "unit"], [b]) for a, b in itertools.pairwise(names)]
    nodes = [*steps, *slow.graph.node]
    del slow.graph.node[:]
    slow.graph.node.extend(nodes)
    onnx.save(slow, folder / "slow.onnx")
    done = dlom("register", folder / "slow.onnx", "--data", folder / "mine.npz", *NETWORK)
    assert done.code == 0, done.err
    assert "microseconds" not in done.out
    name = f"local-{sha256((folder / 'slow.onnx').read_bytes()).hexdigest()[:12]}-onnx-runtime-cpu-{HERE}"
    assert f"on record as {name}" in done.out
    assert "accuracy_percent" in dlom("history", f"m:{name}").out  # as the graph writes it


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("product.onnx", "--runtime", "litert-cpu"), "litert-cpu does not take .onnx files such as product.onnx; try"),
        (("product.onnx", "--data", "nowhere.npz"), "nowhere.npz cannot be read as .npz"),
        (("product.onnx", "--metric", "beauty", "--data", "numbers.npz"), "there is no metric 'beauty'"),
        (("product.onnx", "--data", "locked.npz"), "locked.npz cannot be read as .npz (File 'x.npy' is encrypted"),
        (("mine.npz",), "no runtime here takes .npz"),
        (("network.pt",), "is a Python pickle, which can run any code when it is read"),
        ((".",), "is a folder; give one model file, or the folder of a SavedModel"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_line(
    dlom: Dlom, folder: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(folder)
    done = dlom("measure", *words)
    assert (done.code, done.out) == (2, "")
    assert said in done.err.splitlines()[-1]


def test_the_runtimes_are_listed_with_their_versions(dlom: Dlom) -> None:
    lines = {line.split()[0]: line for line in dlom("runtimes").out.splitlines()}
    assert {"litert-cpu", "onnx-runtime-cpu", "openvino-cpu", "tensorflow-cpu", "keras-cpu"} <= set(lines)
    assert lines["litert-cpu"].split()[1] == ".tflite"
    assert "missing" not in "".join(lines.values())


def test_a_registered_model_is_measured_again(dlom: Dlom, folder: Path, model: str) -> None:
    unnamed = dlom("reproduce", model)
    assert (unnamed.code, unnamed.out) == (2, "")
    assert "say where they lie: --data PATH" in unnamed.err

    again = dlom("reproduce", model, "--data", folder / "mine.npz", "--seconds", "0.2", "--register", "--json")
    assert again.code in (0, 1), again.err  # a loaded machine may be slower than its noise
    figures = {f["figure"]: f for f in again.data["figures"]}
    assert {n: figures[n]["verdict"] for n in ("accuracy_percent", "size_kib", "stability_percent")} == {
        "accuracy_percent": "equal", "size_kib": "equal", "stability_percent": "equal",
    }  # fmt: skip
    assert figures["inference_latency_ms"]["now"] == again.data["measured"]["latency_p50_ms"]
    assert (again.data["same_machine"], again.data["same_examples"]) == (True, True)
    assert sum(name.startswith("p:") for name in again.data["stored"]) == 2

    told = [line.split() for line in dlom("history", model).out.splitlines()]
    accuracies = [words for words in told if words[:2] == ["accuracy_percent", "75"]]
    # The younger one counts, the older one stays.
    assert [words[words.index("measured") + 1] for words in accuracies] == ["False", "True"]


def beside(place: Path, words: tuple[str | Path, ...], meanwhile: Callable[[], None]) -> Done:
    """A command in a process of its own; `meanwhile` is done while the process in which it measures stands still."""
    command = [sys.executable, str(ROOT / "cli.py"), *map(str, words)]
    asked = subprocess.Popen(
        command, env=os.environ | {"DLOM_HOME": str(place)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    children, measures = Path(f"/proc/{asked.pid}/task/{asked.pid}/children"), list[int]()
    while not measures:
        assert asked.poll() is None, asked.communicate()
        with suppress(OSError):  # one has ended meanwhile
            ids = map(int, children.read_text().split())
            measures = [i for i in ids if b"device.measure" in Path(f"/proc/{i}/cmdline").read_bytes()]
        time.sleep(0.02)
    os.kill(measures[0], signal.SIGSTOP)
    try:
        meanwhile()
    finally:
        os.kill(measures[0], signal.SIGCONT)
        out, err = asked.communicate(timeout=120)
    return Done(asked.returncode, out, err)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no /proc to find the process in")
def test_others_have_the_store_while_a_model_is_measured(
    dlom: Dlom, place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = onnx.load(folder / "product.onnx")
    net.doc_string = "the same net as a file that is measured beside other commands"
    onnx.save(net, folder / "beside.onnx")
    model = f"local-{sha256((folder / 'beside.onnx').read_bytes()).hexdigest()[:12]}-onnx-runtime-cpu-{HERE}"
    data = ("--data", folder / "mine.npz")

    def read() -> None:
        monkeypatch.setenv("DLOM_STORE_WAIT", "1")
        assert dlom("history", "aihub-mobilenet_v2-w8a8-tflite-samsung-galaxy-s24").code == 0
        monkeypatch.delenv("DLOM_STORE_WAIT")

    registered = beside(place, ("register", folder / "beside.onnx", *data, *NETWORK), read)
    assert registered.code == 0, registered.err
    told = dlom("history", model).out
    accuracy = next(act for act in re.findall(r"local-[0-9a-f]{12}-accuracy", told))

    def withdraw() -> None:
        taken = dlom("withdraw", accuracy, "--by", "Ann", "--because", "the labels were wrong")
        assert taken.code == 0, taken.err

    again = beside(place, ("reproduce", model, *data, "--seconds", "0.2", "--register"), withdraw)
    assert again.code == 2
    assert "latency p50 (ms)" in again.out  # what was measured is told all the same
    assert f"not stored: {model} changed while it was measured: p:{accuracy} was withdrawn" in again.err
    assert "by Ann: the labels were wrong" in again.err
    assert set(re.findall(r"local-[0-9a-f]{12}-(?:speed|accuracy)", dlom("history", model).out)) == {
        accuracy, accuracy.replace("accuracy", "speed"),
    }  # fmt: skip


def test_a_file_that_changed_while_it_was_measured_is_not_kept(tiny: Knowledge, folder: Path, tmp_path: Path) -> None:
    file, settings = tmp_path / "net.onnx", Settings(home=tmp_path)
    file.write_bytes((folder / "product.onnx").read_bytes())
    brought = try_on(file, str(folder / "mine.npz"), seconds=0.1)
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(ArtifactError, match=r"net.onnx changed while it was measured; nothing is kept of it"):
        flow.keep_model(brought, file, tiny, settings, network="product", purpose="image-classification")
    assert not (tmp_path / "artifacts").exists()


def test_a_model_that_predicts_numbers_is_registered_by_its_error(dlom: Dlom, folder: Path) -> None:
    file = folder / "regression.onnx"
    net = onnx.load(folder / "product.onnx")
    net.doc_string = "the same net as a file of its own"
    onnx.save(net, file)
    done = dlom("register", file, "--data", folder / "numbers.npz", *NETWORK)
    assert "1 model new" in done.out, done.err
    model = f"local-{sha256(file.read_bytes()).hexdigest()[:12]}-onnx-runtime-cpu-{HERE}"
    (folder / "rmse.rq").write_text(
        f"SELECT ?value ?samples WHERE {{ m:{model} :performance ?p . "
        "?p :metric metric:rmse ; :metricValue ?value ; :samples ?samples }"
    )
    (row,) = dlom("query", folder / "rmse.rq", "--format", "json").data["results"]["bindings"]
    assert float(row["value"]["value"]) == pytest.approx(2.887, abs=1e-3)
    assert row["samples"]["value"] == "80"
    again = dlom("reproduce", model, "--data", folder / "numbers.npz", "--seconds", "0.1", "--json")
    told = {f["figure"]: f["verdict"] for f in again.data["figures"]}
    assert (told["metric_value"], told["stability_percent"]) == ("equal", "equal")


def test_a_users_file_is_not_taken_for_the_known_set_of_its_name(folder: Path, tmp_path: Path) -> None:
    with np.load(folder / "mine.npz") as held:
        np.savez(tmp_path / "digits.npz", **held)
    mine, theirs = examples(str(tmp_path / "digits.npz"), tmp_path), examples("digits", tmp_path)
    assert (mine.known, mine.whole, theirs.known, theirs.whole) == (None, True, "digits", False)


def test_other_examples_are_told_apart_and_not_stored(dlom: Dlom, folder: Path, model: str) -> None:
    others = ("--data", folder / "others.npz", "--seconds", "0.1")
    done = dlom("reproduce", model, *others)
    assert done.out.splitlines()[0].startswith("note: other examples: SHA-256")
    assert "not judged: other examples" in done.out
    refused = dlom("reproduce", model, *others, "--register")
    assert refused.code == 2
    assert "not stored: these are other examples" in refused.err


def test_what_has_no_file_here_cannot_be_measured_again(dlom: Dlom, place: Path, folder: Path, model: str) -> None:
    published = dlom("reproduce", "aihub-mobilenet_v2-w8a8-tflite-samsung-galaxy-s24")
    assert (published.code, published.out) == (2, "")
    assert "has no file here: its figures were published or declared" in published.err
    assert "there is no model 'local-nothing'" in dlom("reproduce", "local-nothing").err
    kept = ArtifactStore(place / "artifacts").path(sha256((folder / "product.onnx").read_bytes()).hexdigest())
    aside = kept.with_name("aside")
    kept.rename(aside)
    gone = dlom("reproduce", model, "--data", folder / "mine.npz")
    aside.rename(kept)
    assert gone.code == 2
    assert "is not kept here" in gone.err


@pytest.fixture(scope="module")
def elsewhere(folder: Path) -> Measured:
    """What a board of another make measured of product.onnx today."""
    digest = sha256((folder / "product.onnx").read_bytes()).hexdigest()
    return replace(
        MEASURED, sha256=digest, file_name="product.onnx", format="onnx",
        runtime="onnx-runtime-cpu", runtime_version="1.31.1", measured_at=datetime.now(UTC).isoformat(),
        latency_spread_percent=2.0, data_sha256="a" * 64,
    )  # fmt: skip


def signed(dlom: Dlom, folder: Path, measured: Measured) -> Path:
    """The result as the device package of a fresh key writes it."""
    package = folder / "dlom-device.pyz"
    made = dlom("device-package", "--out", package)
    assert made.code == 0, made.err
    with zipfile.ZipFile(package) as held:
        key = Key.from_json(held.read(KEY_FILE))
    assert f"package {key.id}" in made.out
    (folder / "result.json").write_text(sign(measured, key))
    return folder / "result.json"


def test_a_boards_result_is_registered_on_that_device(
    dlom: Dlom, place: Path, folder: Path, elsewhere: Measured
) -> None:
    result = signed(dlom, folder, elsewhere)
    board = ("--name", "Board 7", "--kind", "single-board-computer", "--price", "80 USD")
    assert "say which network product.onnx is" in dlom("register", result).err
    done = dlom("register", result, *NETWORK, *board, "--optimization", "float", "--file", folder / "product.onnx")
    assert "stored: 1 model new, 0 models updated" in done.out, done.err
    assert "the signature holds" in done.out
    assert "unchanged: 0 models new, 0 models updated, 1 model" in dlom("register", result, *NETWORK).out

    name = f"local-{elsewhere.sha256[:12]}-onnx-runtime-cpu-{elsewhere.machine.fingerprint}"
    (folder / "device.rq").write_text(
        f"SELECT ?label ?price ?package ?evidence WHERE {{ m:{name} :device ?d ; :performance ?p . "
        "?d rdfs:label ?label ; :priceUsd ?price . "
        "?p :accuracyPercent 90e0 ; :evidence ?evidence ; prov:wasGeneratedBy/:devicePackage ?package }"
    )
    (row,) = dlom("query", folder / "device.rq", "--format", "json").data["results"]["bindings"]
    assert (row["label"]["value"], float(row["price"]["value"])) == ("Board 7", 80.0)
    assert row["evidence"]["value"].endswith("#measured")
    assert row["package"]["value"].split(" of ")[0] in keys(place)

    here = dlom("reproduce", name, "--data", folder / "mine.npz", "--seconds", "0.1")
    assert here.out.splitlines()[0].startswith(
        f"note: another machine: registered on local-{MEASURED.machine.fingerprint}"
    )
    assert "not judged: another machine" in here.out


def test_a_dry_run_keeps_no_file(dlom: Dlom, place: Path, folder: Path, elsewhere: Measured) -> None:
    net = onnx.load(folder / "product.onnx")
    net.doc_string = "the same net as a file that is not kept yet"
    onnx.save(net, folder / "other.onnx")
    digest = sha256((folder / "other.onnx").read_bytes()).hexdigest()
    result, store_of_files = signed(dlom, folder, replace(elsewhere, sha256=digest)), ArtifactStore(place / "artifacts")
    for words in (
        ("register", result, *NETWORK, "--optimization", "float", "--file", folder / "other.onnx"),
        ("register", folder / "other.onnx", "--data", folder / "mine.npz", *NETWORK),
    ):
        done = dlom(*words, "--dry-run")
        assert "would be stored: 1 model new" in done.out, done.err
        assert not store_of_files.has(digest)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"purpose": "cooking"}, "'cooking' is no task on record; choose from"),
        ({"optimization": "magic"}, "'magic' is no optimization on record"),
        ({"file": "mine.npz"}, "mine.npz is not the file that was measured: its SHA-256 is"),
        ({"file": "gone.onnx"}, "there is no file"),
        ({"network": "!!!"}, "'!!!' is no name"),
    ],
)
def test_what_a_person_says_of_a_result_is_checked(
    facts: Knowledge, place: Path, folder: Path, elsewhere: Measured, said: dict[str, Any], why: str
) -> None:
    result, settings = SignedResult(elsewhere, "0123456789ab", "2026-11-20"), Settings(home=place)
    device = device_of(elsewhere.machine, facts, settings, None, date.today())
    words = {"network": "product", "purpose": "image-classification"} | said
    if "file" in words:
        words["file"] = folder / words["file"]
    with pytest.raises(ValueError, match=re.escape(why)):
        result_records(result, facts, settings, device=device, **words)


def test_a_result_that_was_altered_or_is_of_another_package_is_refused(
    dlom: Dlom, folder: Path, elsewhere: Measured
) -> None:
    result = signed(dlom, folder, replace(elsewhere, latency_p50_ms=2.125))
    whole = result.read_text()
    result.write_text(whole.replace('"latency_p50_ms": 2.125', '"latency_p50_ms": 2.124'))
    altered = dlom("register", result, *NETWORK)
    assert (altered.code, altered.out) == (2, "")
    assert "was altered after package" in altered.err
    result.write_text(sign(elsewhere, Key("0123456789ab", "2026-11-20", "22" * 32)))
    stranger = dlom("register", result, *NETWORK)
    assert (stranger.code, stranger.out) == (2, "")
    assert "of package '0123456789ab', which was not made here" in stranger.err


def test_keys_are_for_their_owner_alone_and_a_broken_one_is_named(tmp_path: Path) -> None:
    one, two = keep_new(tmp_path, date(2026, 11, 20)), keep_new(tmp_path, date(2026, 11, 20))
    assert keys(tmp_path) == {one.id: one, two.id: two}
    assert {f.stat().st_mode & 0o777 for f in (tmp_path / "device-keys").iterdir()} == {0o600}
    assert (tmp_path / "device-keys").stat().st_mode & 0o777 == 0o700
    (tmp_path / "device-keys" / "half.json").write_text('{"id": "half"')
    with pytest.raises(BadKey, match=r"device-keys/half.json in DLOM_HOME is no key"):
        keys(tmp_path)


def test_a_package_that_cannot_be_written_leaves_no_key(dlom: Dlom, place: Path, folder: Path) -> None:
    before = keys(place)
    done = dlom("device-package", "--out", folder / "product.onnx")
    assert done.code == 2
    assert "is there already and is no device package" in done.err
    assert keys(place) == before


def test_a_file_of_ones_own_is_not_replaced_by_examples(dlom: Dlom, place: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine-examples.npz").write_text("years of work")
    before = keys(place)
    done = dlom("device-package", "--out", tmp_path / "dlom.pyz", "--data", folder / "mine.npz")
    assert done.code == 2
    assert "mine-examples.npz is there already and holds something else" in done.err
    assert [f.read_text() for f in tmp_path.iterdir()] == ["years of work"]
    assert keys(place) == before


def test_the_examples_of_a_known_set_come_with_the_package(dlom: Dlom, folder: Path) -> None:
    done = dlom("device-package", "--out", folder / "with.pyz", "--data", "digits")
    assert done.code == 0, done.err
    with np.load(folder / "digits-examples.npz") as held:
        assert (held["x"].shape, held["y"].shape) == ((360, 8, 8, 1), (360,))
