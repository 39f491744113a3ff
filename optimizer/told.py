"""What a build tells of itself: its steps, its time and its libraries in words."""

from __future__ import annotations

import platform
from importlib import metadata

from optimizer.formats.shelf import FORMATS
from optimizer.spec import JobSpec, Step

LIBRARIES = (
    "tensorflow", "keras", "numpy", "ai-edge-litert", "onnx", "onnxruntime", "tf2onnx", "scikit-learn", "apache-tvm",
    "openvino", "ai-edge-quantizer",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Of Python and the libraries that take part in a build; one that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def time_left(seconds: float) -> str:
    """At most how long it may still take, such as "at most 3 min 20 s left"."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    return f"at most {minutes} min {rest} s left" if minutes else f"at most {rest} s left"


_VERBS = {"data": "loading the data", "train": "training", "convert": "converting", "measure": "measuring"}


def said(step: Step, spec: JobSpec) -> str:
    """What is being done, such as "converting report-cnn as ONNX, float"."""
    if step.recipe is None:
        return _VERBS[step.kind]
    if step.kind == "train":
        return f"{_VERBS['train']} {spec.label(step.recipe)}"
    return f"{_VERBS[step.kind]} {spec.label(step.recipe)} as {FORMATS[step.recipe.format].label}"
