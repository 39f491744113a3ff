"""When nothing fits: build, measure, register, and find it again. Real trainings, on 1,797 digits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flow
from dss.preferences import Preferences
from ontology.records import Grade
from ontology.requirement import Requirement
from ontology.settings import Settings
from optimizer import jobs
from repository.artifacts import ArtifactStore
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE, Knowledge
from tests.conftest import copied

ROOT = Path(__file__).parent.parent
MINUTES = 3.0
WAIT_SECONDS = 240.0
DIGITS = Requirement(
    task=("image-classification",),
    networks=("mlp-128-64",),
    training_data=("digits",),
    test_data=("digits-test",),
    accuracy_percent_at_least=85.0,
    inference_latency_ms_at_most=1.0,
    runtimes=("LiteRT",),
)


@pytest.fixture(scope="module")
def place(installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation of its own, in which things are built."""
    return replace(installation, home=copied(installation, tmp_path_factory.mktemp("build") / "home"))


@pytest.fixture(scope="module")
def knowledge(place: Settings) -> Iterator[Knowledge]:
    opened = Knowledge(EmbeddedGraph(place.home / STORE))
    yield opened
    assert isinstance(opened.graph, EmbeddedGraph)
    opened.graph.close()


def ended(settings: Settings, job: str) -> jobs.JobState:
    """The job's state once its process is gone."""
    until = time.monotonic() + WAIT_SECONDS
    while (state := jobs.state(settings.home, job)).status in (jobs.Status.RUNNING, jobs.Status.WAITING):
        assert time.monotonic() < until, state
        time.sleep(0.2)
    return state


@pytest.fixture(scope="module")
def job(place: Settings, knowledge: Knowledge) -> str:
    """A build that is killed in its middle, goes on, and has ended."""
    started = flow.start_build(DIGITS, Preferences(()), knowledge, place, data="digits", minutes=MINUTES)
    until = time.monotonic() + WAIT_SECONDS
    while not jobs.results(place.home, started):
        assert time.monotonic() < until, jobs.state(place.home, started)
        time.sleep(0.05)
    for process in workers(started):
        os.kill(process, signal.SIGKILL)
    assert ended(place, started).status is jobs.Status.INTERRUPTED
    before = [c.sha256 for c in jobs.results(place.home, started)]
    flow.resume_builds(place)  # as the app does when it starts
    assert ended(place, started).status is jobs.Status.FINISHED
    after = [c.sha256 for c in jobs.results(place.home, started)]
    assert after[: len(before)] == before
    return started


def workers(job: str) -> list[int]:
    """The processes that do a job."""
    listed = subprocess.run(["pgrep", "-f", f"cli.py work {job}"], capture_output=True, text=True, check=False)
    return [int(pid) for pid in listed.stdout.split()]


def test_nothing_fits_before(knowledge: Knowledge, place: Settings) -> None:
    assert flow.select(DIGITS, Preferences(()), knowledge).explanation is None
    recipes = flow.propose(DIGITS, knowledge)
    assert {r.network for r in recipes} == {"mlp-128-64"}
    assert {r.format for r in recipes} == {"tflite", "blq", "fiq", "f16"}  # what LiteRT runs
    assert any("comparable pairs" in r.reason for r in recipes)  # the facts, with their numbers


def test_all_candidates_are_registered_once_and_found(job: str, place: Settings, knowledge: Knowledge) -> None:
    graph = knowledge.graph
    assert isinstance(graph, EmbeddedGraph)
    new = flow.collect(place, knowledge)
    assert len(new) == 4
    before = len(graph)
    assert flow.collect(place, knowledge) == ()
    assert len(graph) == before
    assert flow.scale_finished(place, knowledge) == 0  # four candidates are too few for a scale

    selection = flow.select(DIGITS, Preferences(()), knowledge)
    winner = selection.ranking.winner
    assert winner is not None
    p = selection.candidates.projection
    assert set(p.models["model"].iloc[selection.candidates.matches]) == set(new)
    latency, accuracy = p.fact(winner.row, "inference_latency_ms"), p.fact(winner.row, "accuracy_percent")
    assert latency is not None
    assert accuracy is not None
    assert (latency.evidence, accuracy.evidence, accuracy.samples) == (Grade.MEASURED, Grade.MEASURED, 360)

    outcome = flow.build_outcome(place, job, knowledge)
    assert outcome.chosen is not None
    assert outcome.chosen == p.models["model"].iat[winner.row]
    assert flow.artifact_of(place, outcome, outcome.chosen).is_file()
    assert len(flow.built_rows(outcome)) == 4


def test_lineage_can_be_followed_to_data_seed_and_versions(job: str, place: Settings, knowledge: Knowledge) -> None:
    rows = knowledge.run(
        "PREFIX : <https://w3id.org/dlom#> PREFIX prov: <http://www.w3.org/ns/prov#> "
        "SELECT ?model ?data ?seed ?file ?said WHERE { GRAPH ?g { ?model a :Model } FILTER(CONTAINS(STR(?g), 'local')) "
        "?model :trainedNetwork ?t ; :artifact ?file ; :performance/prov:wasGeneratedBy/:installation ?said . "
        "?t :trainingDataSet ?data ; :seed ?seed }"
    )
    assert rows["model"].nunique() == 4
    assert set(rows["data"]) == {"https://w3id.org/dlom/data-set/digits"}
    assert rows["file"].str.fullmatch(r"urn:sha256:[0-9a-f]{64}").all()
    assert rows["said"].str.contains("Python").all()


def test_every_file_is_on_record_with_its_check_and_what_it_was_made_from(
    job: str, place: Settings, knowledge: Knowledge
) -> None:
    """From the TFLite files by way of the graph, which nobody measured, to the H5."""
    rows = knowledge.run(
        "PREFIX : <https://w3id.org/dlom#> SELECT ?format ?agree ?differ ?samples ?before ?first WHERE { "
        "?model a :Model ; :artifact ?file . ?file :format ?format ; :agreementPercent ?agree ; "
        ":largestDifference ?differ ; :checkSamples ?samples ; :madeFrom ?parent . "
        "?parent :format ?before ; :madeFrom/:format ?first }"
    )
    assert len(rows) == 4
    assert set(zip(rows["first"], rows["before"], rows["format"], strict=True)) == {("h5", "pb", "tflite")}
    assert set(rows["samples"].astype(int)) == {256}
    assert rows["agree"].astype(float).min() > 90
    built = {c.check.largest_difference for c in jobs.results(place.home, job)}
    assert set(rows["differ"].astype(float)) == built


def test_accuracy_equals_an_independent_evaluation_of_the_same_file(job: str, place: Settings) -> None:
    from ai_edge_litert.interpreter import Interpreter
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    x, y = images.reshape(-1, 8, 8, 1).astype(np.float32), labels
    data = jobs.results(place.home, job)[0].lineage
    _, x_test, _, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    if len(y_test) != data.test_samples:
        pytest.fail(f"{len(y_test)} examples held out here, {data.test_samples} there")
    for candidate in jobs.results(place.home, job):
        if candidate.recipe.format == "fiq":
            continue  # takes integers; device/ tests that
        model = Interpreter(str(ArtifactStore(place.home / "artifacts").path(candidate.sha256)))
        model.allocate_tensors()
        entry, out = model.get_input_details()[0]["index"], model.get_output_details()[0]["index"]
        right = 0
        for image, label in zip(x_test, y_test, strict=True):
            model.set_tensor(entry, image[None])
            model.invoke()
            right += int(model.get_tensor(out).argmax() == label)
        assert candidate.measured.accuracy_percent == pytest.approx(100 * right / len(y_test)), candidate.recipe.name


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((40, 8, 8)), "y": np.zeros(40, int)}, "class"),
        ({"x": np.zeros((40, 8, 8)), "y": np.arange(30) % 3}, "40"),
        ({"x": np.full((40, 8, 8), np.nan), "y": np.arange(40) % 4}, "NaN"),
    ],
)
def test_data_that_cannot_be_learnt_from_start_nothing(
    place: Settings, knowledge: Knowledge, tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    from optimizer.data import DataError

    np.savez(tmp_path / "bad.npz", **arrays)
    before = jobs.jobs(place.home)
    with pytest.raises(DataError, match=message):
        flow.start_build(DIGITS, Preferences(()), knowledge, place, data=str(tmp_path / "bad.npz"), minutes=1)
    assert [j.id for j in jobs.jobs(place.home)] == [j.id for j in before]


def test_the_command_line_measures_and_registers_a_file(job: str, place: Settings, tmp_path: Path) -> None:
    """A copy of a built file, under a name of its own: read in isolation, measured, and on record already."""
    candidate = next(c for c in jobs.results(place.home, job) if c.recipe.format == "tflite")
    mine = tmp_path / "mine.tflite"
    mine.write_bytes(ArtifactStore(place.home / "artifacts").path(candidate.sha256).read_bytes())
    done = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "measure", str(mine), "--data", "digits"],
        capture_output=True, text=True, check=False, env=os.environ | {"DLOM_HOME": str(place.home)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"accuracy     {candidate.measured.accuracy_percent:.2f} %" in done.stdout
    assert "litert-cpu" in done.stdout
