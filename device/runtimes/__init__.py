"""The runtimes that can be measured here. The shelf is written by hand: a new runtime is one file and one line."""

from __future__ import annotations

from pathlib import Path

from device.runtimes import keras_runtime, litert, onnx_runtime, openvino_runtime, tf_graph, tvm_runtime
from device.runtimes.contract import ModelFileError, RuntimeSpec

# Where two take the same files, the better one on ordinary processors stands first.
RUNTIMES: tuple[RuntimeSpec, ...] = (
    litert.SPEC,
    onnx_runtime.SPEC,
    openvino_runtime.SPEC,
    tvm_runtime.SPEC,
    tf_graph.SPEC,
    keras_runtime.SPEC,
)


def runtimes_for(path: Path) -> tuple[RuntimeSpec, ...]:
    """All runtimes that take a file, the best first, installed or not (`RuntimeSpec.installed`); loads nothing.

    Raises ModelFileError when there is no such file, when no runtime takes its suffix, and when its content is not
    what the suffix promises.
    """
    if not path.is_file():
        raise ModelFileError(f"there is no file {path.name}; check its name and folder")
    suffix = path.suffix.lower()
    takers = tuple(spec for spec in RUNTIMES if suffix in spec.formats)
    if not takers:
        known = ", ".join(dict.fromkeys(s for spec in RUNTIMES for s in spec.formats))
        raise ModelFileError(
            f"{path.name}: no runtime here takes {suffix or 'a file without a suffix'}; known are {known}"
        )
    for fault in dict.fromkeys(spec.fault for spec in takers):  # takers of one format read it once
        said = fault(path)
        if said:
            raise ModelFileError(f"{path.name} is not a usable {suffix} file: {said}. Export or copy it again")
    return takers


def runtime_for(path: Path, name: str | None = None) -> RuntimeSpec:
    """The runtime for a file: the one called `name`, or the first that takes it, installed or not; loads nothing.

    Never another because one is missing, so that two machines measure the same thing: `open` says what to install.
    Raises ModelFileError as `runtimes_for` does, and when the named runtime is unknown or does not take the file.
    """
    takers = runtimes_for(path)
    if name is None:
        return takers[0]
    for spec in takers:
        if spec.name == name:
            return spec
    could = ", ".join(spec.name for spec in takers)
    if name in {spec.name for spec in RUNTIMES}:
        raise ModelFileError(f"{name} does not take {path.suffix.lower()} files such as {path.name}; try {could}")
    raise ModelFileError(f"there is no runtime {name!r}; {path.name} runs with {could}")
