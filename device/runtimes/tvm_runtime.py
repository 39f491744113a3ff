"""Networks compiled by TVM (.tvm) on the CPU: machine code, which runs as the user and is loaded only when trusted.

Only TVM's runtime library is loaded (TVM_USE_RUNTIME_LIB), which takes 85 MiB of memory instead of 220 with the
compiler. Its threads are told to the environment before that, because it starts them once and for all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.instructions import architecture, here, lacking
from device.runtimes import tvm_file
from device.runtimes.contract import (
    Batch,
    MeasureError,
    ModelFileError,
    RuntimeSpec,
    Session,
    Shape,
    check_batch,
    load_library,
    short,
)

MODULE, LABEL, PACKAGE = "tvm.runtime.vm", "TVM", "apache-tvm"
_ALIGNMENT = 64  # bytes; what compiled code expects of a tensor
_FAULTS = (RuntimeError, ValueError, TypeError, AttributeError, OSError)  # what TVM raises; its own are RuntimeErrors


class TvmSession:
    """A library with one function, for inputs of one shape; a file for another processor is refused, not loaded."""

    def __init__(self, path: Path, threads: int) -> None:
        try:
            header = tvm_file.read(path)
        except ValueError as error:
            raise ModelFileError(f"{path.name}: {error}. Compile it again") from error
        _check_processor(path.name, header)
        os.environ.setdefault("TVM_NUM_THREADS", str(threads))
        machine = SPEC.load()
        tvm = load_library("tvm", LABEL, PACKAGE)
        used = int(tvm.runtime.num_threads())
        if used != threads:
            raise MeasureError(
                f"TVM has {used} threads in this process although {threads} were asked for, and cannot change it; "
                "measure in a new process"
            )
        try:
            with tempfile.TemporaryDirectory(prefix="dlom-tvm-") as folder:
                library = tvm.runtime.load_module(str(tvm_file.extract(path, Path(folder))))
            self._function = machine.VirtualMachine(library, tvm.cpu())["main"]
        except _FAULTS as error:
            raise ModelFileError(f"TVM {tvm.__version__} cannot load {path.name}: {short(error)}") from error
        self.input_shape: Shape = header.input.shape
        self.input_dtype = header.input.dtype
        self.version: str = tvm.__version__
        self.arithmetic = header.arithmetic
        # TVM reads it where it lies: a copy through its own interface takes 10 times as long.
        self._given = _aligned(header.input.shape, header.input.dtype)
        self._input = tvm.runtime.from_dlpack(self._given)

    def prepare(self, batch: Batch) -> Callable[[], NDArray[Any]]:
        check_batch(batch, self.input_shape)
        encoded = np.ascontiguousarray(batch, dtype=self.input_dtype)
        function, given, place = self._function, self._input, self._given

        def infer() -> NDArray[Any]:
            np.copyto(place, encoded)
            result: NDArray[Any] = np.from_dlpack(function(given))
            return result

        return infer

    def run(self, batch: Batch) -> Batch:
        infer = self.prepare(batch)
        try:
            return infer().astype(np.float32)
        except _FAULTS as error:
            raise MeasureError(f"TVM stopped: {short(error)}") from error


def _check_processor(name: str, header: tvm_file.Header) -> None:
    """Raises ModelFileError where the code would not run, or crash at the first instruction that is not there."""
    if header.architecture != architecture():
        raise ModelFileError(
            f"{name} is machine code for {header.architecture} ({header.target}), and this machine is "
            f"{architecture()}; run it on such a machine, or compile the network for this one"
        )
    missing = lacking(header.target, here())
    if missing:
        raise ModelFileError(
            f"{name} was compiled for {header.target} and needs {', '.join(missing)}, which this processor does not "
            "have; compile the network here"
        )


def _aligned(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """Zeros that begin at a multiple of 64 bytes."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + _ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + size].view(dtype).reshape(shape)


def start(path: Path, threads: int) -> Session:
    """Loads `path`. Raises ModelFileError or RuntimeMissing."""
    return TvmSession(path, threads)


SPEC = RuntimeSpec(
    "tvm-cpu",
    LABEL,
    {".tvm": "tvm"},
    MODULE,
    PACKAGE,
    tvm_file.fault,
    start,
    # Threads bound by TVM would leave the cores that a measurement is bound to.
    environment=(("TVM_USE_RUNTIME_LIB", "1"), ("TVM_BIND_THREADS", "0")),
    native=True,
)
