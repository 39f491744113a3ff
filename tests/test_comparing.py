"""What a kept file holds is read in isolation once, however many ask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cli_compare import comparisons
from comparing import STRUCTURES, structure_of
from ontology.settings import Settings
from optimizer import jobs
from optimizer.pipeline import build
from optimizer.recipe import Recipe
from optimizer.spec import JobSpec
from repository.artifacts import ArtifactStore
from terminal import InputError
from tests.optimizer.foreign_models import pytorch_manner


def test_what_another_reader_has_not_finished_is_in_nobodys_way(tmp_path: Path) -> None:
    """Two pages may read the same file at once: each writes beside, under a name of its own, and renames."""
    settings = replace(Settings(), home=tmp_path)
    pytorch_manner(tmp_path / "net.onnx")
    sha256 = ArtifactStore(tmp_path / "artifacts").add(tmp_path / "net.onnx")
    (tmp_path / STRUCTURES / f".{sha256}.json").mkdir(parents=True)
    found = structure_of(settings, sha256)
    assert found is not None
    assert (found.nodes, found.operators["Conv"]) == (5, 1)
    assert found.macs == 8 * 8 * 4 * 9 + 64 * 10  # a 3×3 kernel at every pixel for 4 channels, then the dense layer
    kept = tmp_path / STRUCTURES / f"{sha256}.json"
    before = kept.stat().st_mtime_ns
    assert structure_of(settings, sha256) == found
    assert kept.stat().st_mtime_ns == before
    kept.write_text("[]")
    assert structure_of(settings, sha256) == found, "what cannot be read is read again from the file"


def test_a_build_that_measured_nothing_says_why(tmp_path: Path) -> None:
    settings = replace(Settings(), home=tmp_path)
    pytorch_manner(tmp_path / "net.onnx")
    np.savez(tmp_path / "few.npz", x=np.random.default_rng(0).random((60, 8, 8, 1)), y=np.arange(60) % 3)
    recipes = (Recipe(network="own", format="onnx"),)
    spec = JobSpec(data=str(tmp_path / "few.npz"), minutes=1, recipes=recipes, own_model=str(tmp_path / "net.onnx"))
    job = jobs.create(tmp_path, spec)
    with pytest.raises(InputError, match=f"{job} has measured nothing so far: it is waiting, 0 of 3 steps are done"):
        comparisons(settings, "latest", None)
    for _ in build(tmp_path / jobs.JOBS / job):
        pass
    with pytest.raises(InputError, match=r"3 of 3 .*; train net failed: net.onnx gives 10 scores .* have 3 classes"):
        comparisons(settings, "latest", None)
