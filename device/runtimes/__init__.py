"""The runtimes that can be measured here. The shelf is written by hand: a new runtime is one file and one line."""

from __future__ import annotations

from pathlib import Path

from device.runtimes import keras_runtime, litert, onnx_runtime
from device.runtimes.contract import ModelFileError, RuntimeSpec

# Frozen TensorFlow graphs (.pb) and TVM libraries (.so) are left out on purpose: the one has no declared input and
# output, the other is native code that would run as the user.
RUNTIMES: tuple[RuntimeSpec, ...] = (litert.SPEC, onnx_runtime.SPEC, keras_runtime.SPEC)


def runtime_for(path: Path) -> RuntimeSpec:
    """The runtime for a file, by its suffix and its content; loads nothing.

    Raises ModelFileError when there is no such file, when no runtime takes its suffix, and when its content is not
    what the suffix promises.
    """
    if not path.is_file():
        raise ModelFileError(f"there is no file {path.name}; check its name and folder")
    suffix = path.suffix.lower()
    for spec in RUNTIMES:
        if suffix in spec.formats:
            fault = spec.fault(path)
            if fault:
                raise ModelFileError(f"{path.name} is not a usable {suffix} file: {fault}. Export or copy it again")
            return spec
    known = ", ".join(s for spec in RUNTIMES for s in spec.formats)
    raise ModelFileError(f"{path.name}: no runtime here takes {suffix or 'a file without a suffix'}; known are {known}")
