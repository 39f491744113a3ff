"""A model of one's own through the whole chain: what is made of it, what is said, and what is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer

import cli_build
import flow
import optimizing
from ontology.records import Artifact, Model, Performance, TrainedNetwork
from ontology.settings import Settings
from optimizer import jobs
from optimizer.candidate import Lineage, Made, MeasuredCandidate
from optimizer.data import DataError
from optimizer.formats.check import NumericCheck
from optimizer.formats.shelf import FORMATS
from optimizer.proposals import ProposalError
from optimizer.recipe import Recipe
from optimizer.records import all_before, records_of
from optimizer.spec import JobSpec, SpecError
from tests.conftest import copied
from tests.optimizer.foreign_models import pytorch_manner
from tests.repository.registered import MEASURED, the_device

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("mine") / "net.onnx"
    pytorch_manner(file)
    return file


@pytest.fixture
def place(installation: Settings, tmp_path: Path) -> Settings:
    return replace(installation, home=tmp_path / "home")


def test_what_cannot_be_started_leaves_nothing_behind(model: Path, place: Settings, tmp_path: Path) -> None:
    np.savez(tmp_path / "large.npz", x=np.random.default_rng(0).random((60, 9, 9, 3)), y=np.arange(60) % 3)
    start = flow.start_optimization
    with pytest.raises(SpecError, match=r"net.onnx takes examples of shape 1×8×8, and the data have 9×9×3"):
        start(model, place, data=str(tmp_path / "large.npz"), minutes=1)
    y = np.arange(180).reshape(60, 3) % 2
    np.savez(tmp_path / "labels.npz", x=np.random.default_rng(0).random((60, 8, 8, 1)), y=y)
    with pytest.raises(SpecError, match=r"net.onnx gives 10 numbers for each example, and y has 3; give the data, or"):
        start(model, place, data=str(tmp_path / "labels.npz"), minutes=1)
    with pytest.raises(DataError, match="nowhere"):
        start(model, place, data="nowhere", minutes=1)
    with pytest.raises(ProposalError, match="no format 'zip'"):
        start(model, place, data="digits", minutes=1, formats=["zip"])
    with pytest.raises(
        SpecError, match=r"TFLite, float is made from .* of net\.onnx can be made: onnx, onnx-fp16, .*tvm"
    ):
        start(model, place, data="digits", minutes=1, formats=["onnx", "tflite"])
    assert jobs.jobs(place.home) == []


def test_a_build_proposes_tuning_only_where_there_is_time() -> None:
    assert set(optimizing.worth_proposing(5)) == {f.name for f in FORMATS.values() if f.proposed}
    tuned = {f.name for f in FORMATS.values() if f.tuned and optimizing.runtimes_of(f)}
    assert set(optimizing.worth_proposing(30)) - set(optimizing.worth_proposing(5)) == tuned


def candidate(sha256: str, format_: str, chain: tuple[tuple[str, str], ...]) -> MeasuredCandidate:
    """One of a network "own", whose files are named by one letter."""
    check = NumericCheck(samples=256, largest_difference=1e-6, agreement_percent=100.0)
    return MeasuredCandidate(
        recipe=Recipe(network="own", format=format_),
        sha256=sha256 * 64,
        measured=replace(MEASURED, sha256=sha256 * 64, format=FORMATS[format_].suffix[1:], runtime="onnx-runtime-cpu"),
        check=check,
        parameters=690,
        layers=None,
        macs=2944,
        lineage=Lineage(
            data_name="digits", data_sha256="d" * 64, data_description="", train_samples=1437, test_samples=360,
            classes=10, input_shape=(1, 8, 8), seed=0, epochs=0, training_seconds=0.0, versions={},
            parent_sha256=chain[-1][1] * 64 if chain else None, own_sha256="a" * 64,
            chain=tuple(Made(format=f, sha256=s * 64, size_kib=1.0, check=check) for f, s in chain),
        ),
    )  # fmt: skip


def test_lineage_goes_file_by_file_and_from_model_to_model() -> None:
    """TFLite a → ONNX b (not measured) → 8 bits c: the file c is made from b, the model of c derived from that of a."""
    first, last = candidate("a", "tflite", ()), candidate("c", "onnx-qdq", (("tflite", "a"), ("onnx-tflite", "b")))
    records = records_of(last, [first, last], the_device(), {})
    files = {r.name[0]: r for r in records if isinstance(r, Artifact)}
    assert {name: (f.made_from or "-")[0] for name, f in files.items()} == {"a": "-", "b": "a", "c": "b"}
    assert (files["b"].format, files["c"].check_samples, files["c"].agreement_percent) == ("onnx", 256, 100.0)
    (model_,) = (r for r in records if isinstance(r, Model))
    assert model_.derived_from is not None
    assert model_.derived_from.startswith("local-aaaaaaaaaaaa-")
    (trained,) = (r for r in records if isinstance(r, TrainedNetwork))
    assert (trained.name, trained.macs) == ("local-aaaaaaaaaaaa", 2944)
    assert MeasuredCandidate.from_json(last.to_json()) == last


@pytest.mark.parametrize(
    ("is_known", "tested_on"),
    [(True, "digits-test"), (False, "local-dddddddddddd-test"), (None, "digits-test")],  # None: of an earlier version
)
def test_data_of_a_user_are_no_known_set_whatever_they_are_called(is_known: bool | None, tested_on: str) -> None:
    built = candidate("a", "onnx", ())
    built = replace(built, lineage=replace(built.lineage, data_is_known=is_known))
    assert MeasuredCandidate.from_json(built.to_json()) == built
    records = records_of(built, [built], the_device(), {})
    assert {r.test_set for r in records if isinstance(r, Performance) and r.test_set} == {tested_on}


def test_data_are_looked_for_where_the_user_is(
    model: Path, place: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "large.npz", x=np.random.default_rng(0).random((60, 9, 9, 3)), y=np.arange(60) % 3)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match=r"and the data have 9×9×3"):
        flow.start_optimization(model, place, data="large.npz", minutes=1)


def test_steps_that_give_the_same_bytes_are_no_circle() -> None:
    same = candidate("c", "onnx-tflite", (("tflite", "a"), ("tflite-optimized", "a")))
    records = records_of(same, [same], the_device(), {})
    files = [(r.name[0], (r.made_from or "-")[0]) for r in records if isinstance(r, Artifact)]
    assert files == [("a", "-"), ("c", "a")]


def test_a_candidate_waits_for_those_that_it_was_made_from() -> None:
    first, last = candidate("a", "tflite", ()), candidate("c", "onnx-qdq", (("tflite", "a"), ("onnx-tflite", "b")))
    wanted = {(first.recipe.training, "tflite"), (first.recipe.training, "onnx-qdq")}
    assert all_before(first, [], wanted)
    assert not all_before(last, [last], wanted)
    assert all_before(last, [first, last], wanted)  # nobody wants the ONNX in between


def test_a_build_that_came_to_nothing_says_so_and_fails(
    installation: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = replace(installation, home=copied(installation, tmp_path / "home"))
    spec = JobSpec(data="digits", minutes=1, recipes=(Recipe(network="mlp-128-64", format="tflite"),), requirement={})
    job = jobs.create(there.home, spec)
    jobs.stop(there.home, job)  # before anybody began with it
    with pytest.raises(typer.Exit) as ended:
        cli_build.report(there, job)
    assert ended.value.exit_code == 1
    assert "one that was stopped goes on with ./dlom builds --resume" in capsys.readouterr().out


@pytest.mark.slow  # 2 to 5 minutes
def test_the_command_makes_checks_measures_registers_and_compares(
    installation: Settings, model: Path, tmp_path: Path
) -> None:
    home = copied(installation, tmp_path / "home")
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "optimize", str(model), "--data", "digits", "--minutes", "5",
         "--formats", "onnx,onnx-fp16,onnx-qdq", "--name", "A test"],
        capture_output=True, text=True, check=False, env=os.environ | {"DLOM_HOME": str(home)}, timeout=480,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "net.onnx takes 1×8×8, channels first: the examples are turned for it" in done.stderr + done.stdout
    for said in ("onnx-fp16", "onnx-qdq", "original", "within 1 point"):  # which is fastest is not this test's affair
        assert said in done.stdout
