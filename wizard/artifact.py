"""The file of a model: what the graph says of it, and the button that hands it out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from dss.explanation import shown
from repository.artifacts import ArtifactMissing, ArtifactStore
from repository.knowledge import Knowledge
from repository.rq import bind, query
from repository.terms import Name, local
from wizard import session
from wizard.uploads import safe_name

SUFFIXES = {"tflite": ".tflite", "onnx": ".onnx", "h5": ".h5", "keras": ".keras", "pb": ".pb", "tvm": ".tvm"}


@dataclass(frozen=True)
class File:
    """A model's file that is kept here. `name` is what a person saves it as."""

    sha256: str
    format: str
    name: str
    size_kib: float
    path: Path


def file_of(knowledge: Knowledge, model: str) -> File | None:
    """The model's file; None when the graph knows none, or it is not kept on this machine."""
    found = knowledge.run(bind(query("model-artifact"), model=[Name("m", model)]))
    if found.empty:
        return None
    row = found.iloc[0]
    sha256 = local(str(row["artifact"]))
    try:
        path = ArtifactStore(session.settings().home / "artifacts").path(sha256)
    except ArtifactMissing:
        return None
    format_ = str(row["format"])
    network = local(str(row["network"])) if isinstance(row["network"], str) else "model"
    optimization = local(str(row["optimization"])) if isinstance(row["optimization"], str) else ""
    stem = "-".join(filter(None, (network, optimization, sha256[:8])))
    return File(sha256, format_, safe_name(stem) + SUFFIXES.get(format_, ""), path.stat().st_size / 1024, path)


def download(knowledge: Knowledge, model: str, *, key: str, before: str = "", wide: bool = False) -> bool:
    """A button that downloads the file; False, and nothing drawn, when there is no file."""
    file = file_of(knowledge, model)
    if file is None:
        return False
    st.download_button(
        f"{before}Download {file.name.rpartition('.')[2].upper()} ({shown(file.size_kib)} KiB)",
        file.path.read_bytes,
        file.name,
        "application/octet-stream",
        key=key,
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        width="stretch" if wide else "content",
    )
    return True
