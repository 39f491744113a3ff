"""Networks whose answers are numbers, or several labels: through the chain, checked and measured by their metric."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from device.runtimes import runtime_for
from optimizer import jobs
from optimizer.candidate import MeasuredCandidate
from optimizer.pipeline import build
from optimizer.recipe import Recipe
from optimizer.spec import JobSpec, SpecError
from repository.artifacts import ArtifactStore
from tests.optimizer.other_answers import labels, numbers


def built(folder: Path, model: Path, data: Path, metric: str, *formats: str) -> dict[str, MeasuredCandidate]:
    """What a job makes of a model, by the format."""
    recipes = tuple(Recipe(network="own", format=name) for name in formats)
    spec = JobSpec(data=str(data), minutes=3, recipes=recipes, own_model=str(model), metric=metric)
    job = jobs.create(folder, spec)
    for _ in build(folder / jobs.JOBS / job):
        pass
    assert jobs.failures(folder, job) == []
    return {c.recipe.format: c for c in jobs.results(folder, job)}


def test_a_network_of_labels_is_judged_by_its_mean_average_precision(tmp_path: Path) -> None:
    (candidate,) = built(tmp_path, *labels(tmp_path), "map", "onnx-fp16").values()
    assert (candidate.measured.metric, candidate.measured.quality) == ("map", 100.0)
    assert candidate.measured.accuracy_percent is None
    assert (candidate.lineage.classes, candidate.lineage.outputs) == (None, 3)
    assert (candidate.check.agreement_percent, candidate.check.range_percent) == (None, 0.0)  # whole numbers: exact
    assert MeasuredCandidate.from_json(candidate.to_json()) == candidate


def test_a_model_that_gives_more_numbers_than_y_has_is_refused(tmp_path: Path) -> None:
    model, _ = labels(tmp_path)
    _, data = numbers(tmp_path)
    spec = JobSpec(
        data=str(data), minutes=1, recipes=(Recipe(network="own", format="onnx"),), own_model=str(model), metric="rmse"
    )
    job = jobs.create(tmp_path, spec)
    for _ in build(tmp_path / jobs.JOBS / job):
        pass
    ((_, why),) = jobs.failures(tmp_path, job)
    assert why.startswith("labels.onnx gives 3 numbers for each example, and y has 1; give the data, or the metric,")


def test_networks_of_the_shelf_predict_no_numbers() -> None:
    with pytest.raises(SpecError, match="tell classes apart; for rmse bring a model of your own"):
        JobSpec(data="digits", minutes=1, recipes=(Recipe(network="report-cnn", format="h5"),), metric="rmse")


@pytest.mark.slow  # 2 minutes
def test_a_regression_of_keras_goes_through_the_whole_chain(tmp_path: Path) -> None:
    _, data = numbers(tmp_path)
    subprocess.run([sys.executable, "-m", "tests.optimizer.other_answers", str(tmp_path)], check=True, timeout=120)
    wanted = ("h5", "pb-optimized", "tflite", "fiq", "onnx", "onnx-qdq")
    found = built(tmp_path, tmp_path / "trained.keras", data, "mard", *wanted)
    assert set(found) == set(wanted)
    original = found["h5"].measured.quality
    assert original is not None
    for name in ("pb-optimized", "tflite", "onnx"):
        assert found[name].measured.quality == pytest.approx(original, rel=1e-4)
        assert (found[name].check.range_percent or 0) < 1e-3
    for name in ("fiq", "onnx-qdq"):
        assert 0.01 < (found[name].check.range_percent or 0) < 10, "8 bits cannot be exact, and are not far off"
    # The error is that of an evaluation without DLOM's own, as a share of what is right.
    with np.load(next((tmp_path / jobs.JOBS).glob("*/test.npz"))) as test:
        x, y = test["x"], test["y"]
    store, path = ArtifactStore(tmp_path / "artifacts"), tmp_path / "again.tflite"
    path.write_bytes(store.path(found["fiq"].sha256).read_bytes())
    session = runtime_for(path).open(path, 1)
    said = np.concatenate([session.run(example[None]) for example in x])[:, 0]
    assert found["fiq"].measured.quality == pytest.approx(100 * float(np.mean(np.abs(said - y) / y)), rel=1e-6)
