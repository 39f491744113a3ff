"""Builds as real processes: from recipes to measured files, through kills and stops."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ontology.events import Finished, Note, Started
from optimizer import jobs
from optimizer.data import load
from optimizer.jobs import JobError, Status
from optimizer.recipe import Recipe
from optimizer.spec import JobSpec, SpecError, kept_steps, plan, write_json
from repository.artifacts import ArtifactStore

WORK = "import sys; from pathlib import Path; from optimizer.jobs import work; [*work(Path(sys.argv[1]), sys.argv[2])]"
THREE = tuple(Recipe(network="mlp-128-64", format=name, seed=5, epochs=3) for name in ("tflite", "fiq", "onnx"))


def spec(**change: Any) -> JobSpec:
    given: dict[str, Any] = {"data": "digits", "minutes": 1.0, "recipes": THREE} | change
    return JobSpec(**given)


def start(home: Path, job: str) -> None:
    jobs.start(home, job, (sys.executable, "-c", WORK, str(home), job))


def until(home: Path, job: str, reached: Callable[[jobs.JobState], bool], seconds: float = 90) -> jobs.JobState:
    for _ in range(int(seconds / 0.05)):
        state = jobs.state(home, job)
        if reached(state):
            return state
        time.sleep(0.05)
    pytest.fail(f"{state}; {(home / 'jobs' / job / 'log.txt').read_text()[-2000:]}")


def ended(state: jobs.JobState) -> bool:
    return state.status not in (Status.RUNNING, Status.WAITING)


def worker(home: Path, job: str) -> int:
    """The process id of the job's worker."""
    return int((home / "jobs" / job / "started").read_text())


def step_files(home: Path, job: str) -> dict[str, tuple[int, bytes]]:
    return {
        f.name: (f.stat().st_mtime_ns, f.read_bytes()) for f in sorted((home / "jobs" / job / "steps").glob("*.json"))
    }


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def finished(home: Path) -> str:
    """A job that ran from its beginning to its end, undisturbed."""
    job = jobs.create(home, spec())
    start(home, job)
    until(home, job, ended)
    return job


def test_a_build_ends_with_every_candidate_measured(home: Path, finished: str) -> None:
    state = jobs.state(home, finished)
    assert (state.status, state.done, state.total, state.seconds_left) == (Status.FINISHED, 9, 9, None)
    results = jobs.results(home, finished)
    assert [r.recipe for r in results] == list(THREE)
    assert jobs.failures(home, finished) == []
    assert jobs.unfinished(home, finished) == []
    for r in results:
        assert r.measured.sha256 == r.sha256
        assert (r.parameters, r.layers) == (17_226, 3)  # 64·128 + 128, 128·64 + 64, 64·10 + 10
        assert r.measured.samples == r.lineage.test_samples == 360
        assert r.measured.accuracy_percent is not None
        assert r.measured.accuracy_percent > 80
    told = jobs.events(home, finished)
    assert told[0] == Started("Building", 9)
    assert told[-1] == Finished("Building", "3 of 3 candidates measured")


def test_every_file_is_in_the_store_under_its_digest(home: Path, finished: str) -> None:
    store = ArtifactStore(home / "artifacts")
    for r in jobs.results(home, finished):
        store.verify(r.sha256)
        assert store.path(r.sha256).stat().st_size == pytest.approx(r.measured.size_kib * 1024)


def test_lineage_tells_data_seed_epochs_versions_and_parent(home: Path, finished: str) -> None:
    store, results = ArtifactStore(home / "artifacts"), jobs.results(home, finished)
    assert len({r.lineage.first_sha256 for r in results}) == 1, "the H5 that all come from"
    assert [[made.format for made in r.lineage.chain] for r in results] == [["h5", "pb"], ["h5", "pb"], ["h5"]]
    for r in results:
        assert r.lineage.parent_sha256 == r.lineage.chain[-1].sha256
        assert all(store.path(made.sha256).stat().st_size == made.size_kib * 1024 for made in r.lineage.chain)
        assert all(made.check is not None and made.check.agreement_percent == 100 for made in r.lineage.chain)
    lineage = jobs.results(home, finished)[0].lineage
    assert (lineage.data_sha256, lineage.data_is_known) == (load("digits").sha256, True)
    assert (lineage.seed, lineage.epochs, lineage.input_shape) == (5, 3, (8, 8, 1))
    assert lineage.versions["tensorflow"].startswith("2.")


def test_ones_own_model_is_measured_as_it_is(home: Path, finished: str, tmp_path: Path) -> None:
    import keras

    made = str(jobs.results(home, finished)[0].lineage.first_sha256)
    file = tmp_path / "mine.h5"
    file.write_bytes(ArtifactStore(home / "artifacts").path(made).read_bytes())
    job = jobs.create(home, spec(recipes=(Recipe(network="own", format="h5"),), own_model=str(file)))
    start(home, job)
    until(home, job, ended)
    (own,) = jobs.results(home, job)
    assert (own.lineage.own_sha256, own.lineage.epochs, own.lineage.parent_sha256) == (made, 0, None)
    # The accuracy is that of an evaluation without DLOM.
    data = load("digits")
    scores = keras.saving.load_model(file, compile=False).predict(data.x_test, verbose=0)
    assert own.measured.accuracy_percent == pytest.approx(100 * float(np.mean(scores.argmax(axis=1) == data.y_test)))


def test_a_killed_build_goes_on_and_ends_with_the_same_files(home: Path, finished: str) -> None:
    job = jobs.create(home, spec())
    assert jobs.state(home, job).status is Status.WAITING
    start(home, job)
    with pytest.raises(JobError, match="is running already"):
        jobs.start(home, job)
    until(home, job, lambda s: s.done >= 6)  # in the middle: the second candidate is measured or about to be
    os.kill(worker(home, job), signal.SIGKILL)
    until(home, job, ended)
    assert jobs.state(home, job).status is Status.INTERRUPTED
    before = step_files(home, job)
    assert 6 <= len(before) < 9
    with (home / "jobs" / job / "events.jsonl").open("a") as torn:
        torn.write('{"event": "no')  # as a kill in the middle of a line leaves it

    start(home, job)
    assert until(home, job, ended).status is Status.FINISHED
    after = step_files(home, job)
    assert {name: after[name] for name in before} == before, "no finished step was done again"
    assert [(r.recipe, r.sha256, r.check, r.measured.accuracy_percent) for r in jobs.results(home, job)] == [
        (r.recipe, r.sha256, r.check, r.measured.accuracy_percent) for r in jobs.results(home, finished)
    ]
    assert Note(f"going on after {len(before)} of 9 finished steps") in jobs.events(home, job)


def test_stop_keeps_what_is_finished_and_a_failing_candidate_ends_nothing(home: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.keras"
    broken.write_text("not a model")
    recipes = (Recipe(network="own", format="fiq"), *(Recipe(network="mlp-128-64", format=f) for f in ("fiq", "f16")))
    job = jobs.create(home, spec(recipes=recipes, own_model=str(broken)))
    start(home, job)
    until(home, job, lambda s: s.done >= 8)  # data; train, 2 convert, measure that fail; train; 2 convert
    jobs.stop(home, job)
    state = until(home, job, ended)
    assert (state.status, state.done) == (Status.STOPPED, 9)
    assert [r.recipe.name for r in jobs.results(home, job)] == ["mlp-128-64-fiq"]
    ((what, why),) = jobs.failures(home, job)
    assert what == f"train {broken.stem}"  # called by its file
    assert "broken.keras" in why
    assert jobs.unfinished(home, job) == ["mlp-128-64-f16"]  # what failed is not among them
    assert jobs.events(home, job)[-1] == Finished("Building", "stopped: 1 of 3 candidates measured")


def test_out_of_time_stops_with_what_is_finished(home: Path) -> None:
    job = jobs.create(home, spec(minutes=0.001))  # over before TensorFlow is loaded
    start(home, job)
    state = until(home, job, ended)
    assert state.status is Status.STOPPED
    assert state.done < state.total
    assert any(isinstance(e, Note) and "0.001 minutes are over" in e.text for e in jobs.events(home, job))


def test_data_that_cannot_be_used_fail_the_job_with_the_reason(home: Path) -> None:
    job = jobs.create(home, spec(data="nowhere.npz"))
    start(home, job)
    state = until(home, job, ended)
    assert state.status is Status.FAILED
    assert "nowhere.npz cannot be read" in state.detail


def test_a_job_is_never_done_twice_at_once(home: Path) -> None:
    job = jobs.create(home, spec())
    with jobs._lock(home / "jobs" / job), pytest.raises(JobError, match="another process is doing the job"):
        next(iter(jobs.work(home, job)))


def test_a_process_that_does_not_come_up_says_why(home: Path) -> None:
    job = jobs.create(home, spec())
    with pytest.raises(JobError, match="did not start: no such thing"):
        jobs.start(home, job, (sys.executable, "-c", "import sys; sys.exit('no such thing')"))


def test_stopping_a_job_that_nobody_does_ends_it(home: Path) -> None:
    job = jobs.create(home, spec())
    jobs.stop(home, job)
    assert jobs.state(home, job).status is Status.STOPPED


def test_jobs_are_listed_newest_first(tmp_path: Path) -> None:
    assert jobs.jobs(tmp_path) == []
    first = jobs.create(tmp_path, spec())
    time.sleep(1.1)  # ids tell seconds
    second = jobs.create(tmp_path, spec(minutes=2.0))
    assert [j.id for j in jobs.jobs(tmp_path)] == [second, first]
    assert jobs.jobs(tmp_path)[0].spec == spec(minutes=2.0)


@pytest.mark.parametrize("job", ["../../etc", "20260101-000000-abcdef"])
def test_a_job_that_is_not_there(home: Path, job: str) -> None:
    with pytest.raises(JobError, match="there is no job"):
        jobs.state(home, job)


def test_steps_share_trainings_and_files() -> None:
    recipes = (*THREE[:2], Recipe(network="mlp-128-64", format="h5", seed=5, epochs=3))
    said = [s.file_name for s in plan(spec(recipes=(*recipes, Recipe(network="report-cnn", format="fiq"))))]
    assert said == [
        "000-data.json",
        "001-train-mlp-128-64.json",  # gives the H5
        "002-convert-mlp-128-64-pb.json",  # nobody asked for it, and two are made from it
        "003-convert-mlp-128-64-tflite.json",
        "004-measure-mlp-128-64-tflite.json",
        "005-convert-mlp-128-64-fiq.json",
        "006-measure-mlp-128-64-fiq.json",
        "007-measure-mlp-128-64-h5.json",
        "008-train-report-cnn.json",
        "009-convert-report-cnn-pb.json",
        "010-convert-report-cnn-fiq.json",
        "011-measure-report-cnn-fiq.json",
    ]


def test_one_file_may_be_measured_with_two_runtimes() -> None:
    twice = [Recipe(network="mlp-128-64", format="onnx", runtime=r) for r in (None, "openvino-cpu")]
    assert [s.name for s in plan(spec(recipes=tuple(twice)))][2:] == [
        "convert-mlp-128-64-onnx",
        "measure-mlp-128-64-onnx",
        "measure-mlp-128-64-onnx-openvino-cpu",
    ]


def test_steps_that_an_earlier_version_numbered_otherwise_are_found(tmp_path: Path) -> None:
    steps = plan(spec())
    write_json(tmp_path / "003-measure-mlp-128-64-tflite.json", {"seconds": 1.0})
    assert {s.name: kept for s, kept in kept_steps(tmp_path, steps).items()} == {
        "measure-mlp-128-64-tflite": {"seconds": 1.0}
    }
    assert next(s for s in steps if s.name == "measure-mlp-128-64-tflite").number == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recipes": ()}, "no recipe"),
        ({"minutes": 0.0}, "0 minutes is no time"),
        ({"recipes": (THREE[0], THREE[0])}, "given twice"),
        ({"recipes": (Recipe(network="own", format="h5"),)}, "no model of your own is named"),
        ({"threads": 0}, "0 threads"),
        ({"tuning_trials": 0}, "0 trials in 2 minutes tune nothing"),
        ({"recipes": (Recipe(network="own", format="fiq"),), "own_model": "a.onnx"}, "no way leads from ONNX, float"),
        ({"recipes": (Recipe(network="own", format="fiq"),), "own_model": "a.pt"}, "a.pt is no kind of model"),
    ],
)
def test_a_job_is_checked_before_it_is_kept(change: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        spec(**change)


def test_a_second_build_waits_for_its_turn(tmp_path: Path) -> None:
    """Two at once would spoil each other's measurements; a request to stop ends the waiting."""
    job = jobs.create(tmp_path, spec())
    with (tmp_path / "jobs" / jobs.TURN).open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        events = jobs.work(tmp_path, job)
        assert next(events) == Note("another build is at work on this machine; this one waits for its turn")
        jobs.stop(tmp_path, job)
        list(events)
    assert jobs.state(tmp_path, job).status is Status.STOPPED
    assert jobs.results(tmp_path, job) == []
