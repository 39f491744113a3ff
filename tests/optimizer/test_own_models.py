"""A model of the user's own enters the chain where it fits, and is converted by a process that is shut in."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device import limits
from device.runtimes import runtime_for
from ontology.events import Progress
from optimizer import confined, jobs
from optimizer.confined import Confined
from optimizer.data import Data, load
from optimizer.formats.contract import Budget, ConversionError
from optimizer.inspect import RefusedFile, inspect
from optimizer.layout import fitted, model_shape, turns
from optimizer.networks.contract import NetworkError
from optimizer.networks.own import copied
from optimizer.pipeline import build
from optimizer.recipe import Recipe
from optimizer.spec import JobSpec
from repository.artifacts import ArtifactStore
from tests.optimizer.foreign_models import KERAS, SAVED_MODEL, TFLITE, pytorch_manner
from tests.optimizer.test_jobs import ended, start, until


@pytest.fixture(scope="module")
def data() -> Data:
    return load("digits")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the models lie, as a user has them."""
    folder = tmp_path_factory.mktemp("own")
    pytorch_manner(folder / "net.onnx")
    subprocess.run([sys.executable, "-m", "tests.optimizer.foreign_models", str(folder)], check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def onnx_model(place: Path) -> Path:
    return place / "net.onnx"


@pytest.fixture(scope="module")
def shut_in(data: Data, place: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Confined, Path]]:
    """A converter for data with the channels last, and the folder that it may use."""
    folder = tmp_path_factory.mktemp("shut")
    for name in (KERAS, SAVED_MODEL, TFLITE):
        (shutil.copytree if (place / name).is_dir() else shutil.copyfile)(place / name, folder / name)
    converter = Confined(data, Budget(), folder)
    yield converter, folder
    converter.close()


def test_a_saved_model_becomes_a_graph_and_all_that_is_made_of_it(shut_in: tuple[Confined, Path]) -> None:
    converter, folder = shut_in
    first = folder / "first.pb"
    entered = converter.enter(folder / SAVED_MODEL, "pb", first)
    assert entered.check.largest_difference < 1e-6
    made = first
    for name, out in (("pb-optimized", "optimized.pb"), ("tflite-optimized", "net.tflite")):
        check = converter.convert(name, made, first, folder / out)
        assert check is not None
        assert (check.agreement_percent, check.samples) == (100.0, 256)
        made = folder / out
    assert runtime_for(made).name == "litert-cpu"


def test_a_tflite_file_is_quantized_without_the_network(shut_in: tuple[Confined, Path]) -> None:
    """What cannot be made costs that one format: the converter goes on with the next."""
    converter, folder = shut_in
    first = folder / "first.tflite"
    assert converter.enter(folder / TFLITE, "tflite", first).check.largest_difference == 0
    found = {}
    for name in ("fiq", "f16", "blq"):
        check = converter.convert(name, first, first, folder / f"{name}.tflite")
        assert check is not None and (check.agreement_percent or 0) > 90
        found[name] = inspect(folder / f"{name}.tflite").precision
        with pytest.raises(ConversionError, match=f"^{name}.tflite is quantized already"):
            converter.convert("f16", folder / f"{name}.tflite", first, folder / "again.tflite")
    assert found == {"fiq": "w8a8", "f16": "float16", "blq": "w8"}


def test_a_keras_model_that_h5_cannot_hold_stays_as_it_is(shut_in: tuple[Confined, Path]) -> None:
    converter, folder = shut_in
    entered = converter.enter(folder / KERAS, "h5", folder / "keras.h5")
    assert (entered.suffix, entered.layers) == (".keras", 2)
    assert entered.parameters == 4 * 10 + 10 * (36 * 4 + 1)  # 3×3 weights and a bias; 6×6×4 values into each class
    first = folder / "keras.keras"
    assert not (folder / "keras.h5").exists()
    check = converter.convert("onnx", first, first, folder / "keras.onnx")
    assert check is not None
    assert check.largest_difference < 1e-5


def test_a_converter_writes_nowhere_but_in_its_scratch(shut_in: tuple[Confined, Path], tmp_path: Path) -> None:
    """Not over what was made before either, nor where this process writes: it would follow a link left there."""
    if limits.landlock_abi() < 1:
        pytest.skip("this kernel has no Landlock")
    converter, folder = shut_in
    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir() if file.is_file()}
    for out in (tmp_path / "outside.pb", folder / "beside.pb", folder / confined.EXAMPLES, folder / confined.LOG):
        with pytest.raises(ConversionError, match=r"Permission denied|could not be written"):
            converter._asked({"enter": str(folder / SAVED_MODEL), "entry": "pb", "out": str(out)})
    assert list(tmp_path.iterdir()) == []
    after = {file.name: file.stat().st_mtime_ns for file in folder.iterdir() if file.is_file()}
    assert set(after) == set(before)
    assert after[confined.EXAMPLES] == before[confined.EXAMPLES]


def test_a_converter_reads_nothing_else_of_the_checkout(shut_in: tuple[Confined, Path]) -> None:
    """The user's store, tokens and other builds lie there by default."""
    if limits.landlock_abi() < 1:
        pytest.skip("this kernel has no Landlock")
    converter, folder = shut_in
    out = folder / confined.SCRATCH / "read.onnx"
    with pytest.raises(ConversionError, match="Permission denied"):
        converter._asked({"enter": str(confined.CHECKOUT / "README.md"), "entry": "onnx", "out": str(out)})


def test_only_a_plain_file_is_taken_from_a_converter(tmp_path: Path) -> None:
    """A link would have the job read, and later write, where the converter may not."""
    secret, out = tmp_path / "secret", tmp_path / "out.onnx"
    secret.write_text("of another")
    (tmp_path / "link.onnx").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "folder.onnx").mkdir()
    for name in ("link.onnx", "pipe.onnx", "folder.onnx", "nothing.onnx"):
        with pytest.raises(ConversionError, match=f"left no .*{name}"):
            confined._take(tmp_path / name, out)
    assert not out.exists()
    (tmp_path / "plain.onnx").write_text("a model")
    confined._take(tmp_path / "plain.onnx", out)
    assert out.read_text() == "a model"


def test_a_model_for_other_data_is_refused_by_its_converter(
    data: Data, onnx_model: Path, place: Path, tmp_path: Path
) -> None:
    own, layers = (shutil.copyfile(place / name, tmp_path / name) for name in (onnx_model.name, KERAS))
    converter = Confined(replace(fitted(data, (1, 8, 8), "net.onnx"), outputs=7), Budget(), tmp_path)
    try:
        with pytest.raises(NetworkError, match=r"gives 10 scores for each example, and the data have 7 classes"):
            converter.enter(own, "onnx", tmp_path / "first.onnx")
        with pytest.raises(NetworkError, match=r"takes examples of shape \(8, 8, 1\), and the data have \(1, 8, 8\)"):
            converter.enter(layers, "h5", tmp_path / "first.h5")
    finally:
        converter.close()
    assert not list(tmp_path.glob("first.*"))


def test_a_converter_that_is_gone_costs_one_conversion(data: Data, onnx_model: Path, tmp_path: Path) -> None:
    own = shutil.copyfile(onnx_model, tmp_path / "net.onnx")
    converter = Confined(fitted(data, (1, 8, 8), "net.onnx"), Budget(), tmp_path)
    try:
        first = tmp_path / "first.onnx"
        entered = converter.enter(own, "onnx", first).check
        assert (entered.samples, entered.largest_difference, entered.agreement_percent) == (256, 0.0, 100.0)
        assert first.read_bytes() == own.read_bytes()
        process = converter._process
        assert process is not None
        os.kill(process.pid, signal.SIGSEGV)
        process.wait()
        with pytest.raises(ConversionError, match=r"first\.onnx could not be converted: its converter"):
            converter.convert("onnx-fp16", first, first, tmp_path / "half.onnx")
        check = converter.convert("onnx-fp16", first, first, tmp_path / "half.onnx")
        assert check is not None
        assert (check.agreement_percent or 0) > 99
    finally:
        converter.close()


def test_what_is_told_meanwhile_comes_before_the_answer_and_is_one_short_line() -> None:
    lines = [{"told": "trial 1 of 2"}, {"told": "red \x1b[31m\nand " + "long " * 99}, {"check": None}]
    code = "import sys; sys.stdin.readline(); sys.stdout.write(sys.argv[1])"
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    told: list[str] = []
    with subprocess.Popen([sys.executable, "-c", code, text], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert confined._answered(process, {}, 30.0, told.append) == {"check": None}
    assert told[0] == "trial 1 of 2"
    assert told[1].startswith("red [31mand long")
    assert len(told[1]) == confined.LONGEST_TOLD


def test_a_converter_that_fills_the_disk_is_given_up(tmp_path: Path) -> None:
    code = "import time; [open(name, 'wb').write(bytes(2**20)) for name in 'abc']; time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        with pytest.raises(ConversionError, match=r"more than 2.5 MiB were written to the disk"):
            confined._answered(process, {}, 50.0, None, tmp_path, 2.5)
        process.kill()


@pytest.mark.parametrize(
    "said",
    [
        None,
        {},
        {"samples": 0, "largest_difference": 0.0, "agreement_percent": 100.0, "range_percent": None},
        {"samples": 9, "largest_difference": -1.0, "agreement_percent": 100.0, "range_percent": None},
        {"samples": 9, "largest_difference": float("nan"), "agreement_percent": 100.0, "range_percent": None},
        {"samples": 9, "largest_difference": float("inf"), "agreement_percent": 100.0, "range_percent": None},
        {"samples": 9, "largest_difference": 0.0, "agreement_percent": 101.0, "range_percent": None},
        {"samples": 9, "largest_difference": 0.0, "agreement_percent": None, "range_percent": -1.0},
        {"samples": 9, "largest_difference": 0.0, "agreement_percent": None, "range_percent": float("nan")},
        {"samples": "many", "largest_difference": 0.0, "agreement_percent": 100.0, "range_percent": None},
    ],
)
def test_what_a_converter_answers_is_not_trusted(said: Any) -> None:
    with pytest.raises(ConversionError, match="no sensible answer"):
        confined._check(said)


def test_channels_are_turned_for_a_model_that_has_them_first(data: Data, onnx_model: Path) -> None:
    takes = model_shape(inspect(onnx_model), onnx_model.name)
    assert takes == (1, 8, 8)
    turned = fitted(data, takes, onnx_model.name)
    assert turned.input_shape == (1, 8, 8)
    assert np.array_equal(turned.x_test[:, 0], data.x_test[..., 0])
    assert np.array_equal(turned.x_train[:, 0], data.x_train[..., 0])
    assert turned.sha256 == data.sha256, "they are the same examples"
    assert fitted(data, (8, 8, 1), "net.keras") is data
    assert fitted(data, None, "net.onnx") is data


@pytest.mark.parametrize(
    ("takes", "shape", "turned"),
    [
        ((28, 28, 1), (28, 28, 1), False),
        ((1, 28, 28), (28, 28, 1), True),
        ((None, None, 3), (96, 96, 3), False),
        ((3, None, None), (96, 96, 3), True),
        ((3, 3, 3), (3, 3, 3), False),  # both layouts fit: as it is
        ((784,), (784,), False),
    ],
)
def test_which_layout_fits(takes: tuple[int | None, ...], shape: tuple[int, ...], turned: bool) -> None:
    assert turns(takes, shape, "net.onnx") is turned


@pytest.mark.parametrize(
    ("takes", "shape", "said"),
    [
        ((3, 224, 224), (28, 28, 1), "takes examples of shape 3×224×224, and the data have 28×28×1; give pictures of "
         "224×224 with 3 channels, the channels last"),
        ((784,), (28, 28, 1), "takes examples of shape 784, and the data have 28×28×1; reshape the data"),
    ],
)  # fmt: skip
def test_data_that_do_not_fit_are_told_with_both_shapes(
    takes: tuple[int | None, ...], shape: tuple[int, ...], said: str
) -> None:
    with pytest.raises(NetworkError, match=said):
        turns(takes, shape, "net.onnx")


def test_a_model_that_is_exchanged_while_it_is_read_is_refused(onnx_model: Path, tmp_path: Path) -> None:
    mine = shutil.copyfile(onnx_model, tmp_path / "mine.onnx")
    file = inspect(mine)
    pytorch_manner(mine)
    assert copied(mine, file, tmp_path / "copy").read_bytes() == onnx_model.read_bytes()  # the same bytes again
    import onnx

    other = onnx.load(str(mine))
    other.producer_name = "another"
    onnx.save(other, str(mine))
    with pytest.raises(RefusedFile, match=r"mine\.onnx changed while it was read"):
        copied(mine, file, tmp_path / "copy")


def test_a_job_takes_an_onnx_file_from_pytorch_through_quantization(onnx_model: Path, tmp_path: Path) -> None:
    import onnxruntime

    data = load("digits")
    mine = tmp_path / "digits.npz"  # called as a known set is, and yet the user's own
    np.savez(mine, x_train=data.x_train, y_train=data.y_train, x_test=data.x_test, y_test=data.y_test)
    recipes = tuple(Recipe(network="own", format=f) for f in ("onnx", "onnx-qdq"))
    job = jobs.create(tmp_path, JobSpec(data=str(mine), minutes=1.0, recipes=recipes, own_model=str(onnx_model)))
    start(tmp_path, job)
    until(tmp_path, job, ended)
    assert jobs.failures(tmp_path, job) == []
    as_it_is, quantized = jobs.results(tmp_path, job)
    file = inspect(onnx_model)
    assert as_it_is.sha256 == as_it_is.lineage.own_sha256 == file.sha256
    assert (as_it_is.parameters, as_it_is.macs, as_it_is.lineage.input_shape) == (file.parameters, file.macs, (1, 8, 8))
    assert quantized.lineage.parent_sha256 == quantized.lineage.first_sha256 == file.sha256
    assert (quantized.check.agreement_percent or 0) > 90
    notes = [e.text for e in jobs.events(tmp_path, job) if hasattr(e, "text")]
    assert "net.onnx takes 1×8×8, channels first: the examples are turned for it" in notes
    assert (as_it_is.lineage.data_name, as_it_is.lineage.data_is_known) == ("digits", False)
    # The accuracy is that of an evaluation without DLOM.
    session = onnxruntime.InferenceSession(str(ArtifactStore(tmp_path / "artifacts").path(quantized.sha256)))
    scores = session.run(None, {"x": np.moveaxis(data.x_test, -1, 1)})[0]
    right = 100 * float(np.mean(scores.argmax(axis=1) == data.y_test))
    assert quantized.measured.accuracy_percent == pytest.approx(right)


def test_a_job_goes_on_with_the_model_that_it_began_with(onnx_model: Path, tmp_path: Path) -> None:
    """Between a kill and the next start the user has moved it away; the job's own copy is still there."""
    mine = shutil.copyfile(onnx_model, tmp_path / "mine.onnx")
    recipes = (Recipe(network="own", format="onnx-fp16"),)
    job = jobs.create(tmp_path, JobSpec(data="digits", minutes=1.0, recipes=recipes, own_model=str(mine)))
    steps = build(tmp_path / jobs.JOBS / job)
    while getattr(next(steps), "done", 0) < 2:  # the data are loaded, and the model is entered
        pass
    steps.close()
    mine.unlink()
    for _ in build(tmp_path / jobs.JOBS / job):
        pass
    assert jobs.failures(tmp_path, job) == []
    (half,) = jobs.results(tmp_path, job)
    assert (half.lineage.own_sha256, half.lineage.input_shape) == (inspect(onnx_model).sha256, (1, 8, 8))


def tuned(model: Path, home: Path, *, minutes: float, trials: int, tuning_minutes: float) -> str:
    """A job that has tuned the model, and has ended."""
    pytest.importorskip("tvm")
    spec = JobSpec(
        data="digits", minutes=minutes, recipes=(Recipe(network="own", format="tvm-tuned"),), own_model=str(model),
        tuning_trials=trials, tuning_minutes=tuning_minutes,
    )  # fmt: skip
    job = jobs.create(home, spec)
    start(home, job)
    until(home, job, ended)
    return job


@pytest.mark.slow  # a minute
def test_a_tuning_leaves_time_to_measure_what_was_tuned(onnx_model: Path, tmp_path: Path) -> None:
    """It might take ten minutes, of a build that has less than one."""
    job = tuned(onnx_model, tmp_path, minutes=0.8, trials=10_000, tuning_minutes=10.0)
    assert [c.recipe.format for c in jobs.results(tmp_path, job)] == ["tvm-tuned"]


@pytest.mark.slow  # a minute
def test_a_job_tells_how_far_a_tuning_is(onnx_model: Path, tmp_path: Path) -> None:
    job = tuned(onnx_model, tmp_path, minutes=2.0, trials=4, tuning_minutes=0.5)
    assert jobs.failures(tmp_path, job) == []
    told = [e.detail for e in jobs.events(tmp_path, job) if isinstance(e, Progress) and ", trial " in e.detail]
    assert re.match(
        r"converting net as TVM, auto-tuned, trial \d of 4, \d of 2 operators tuned, together .* ms, at", told[-1]
    )
