"""What a kept file holds is read in isolation once, however many ask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from comparing import STRUCTURES, structure_of
from ontology.settings import Settings
from repository.artifacts import ArtifactStore
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
