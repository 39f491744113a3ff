"""Measures one model file: latency, throughput, memory, size and accuracy, in a process of its own with limits.

    python -m device.measure FILE --data DATA.npz --threads 1 --seconds 5 --out RESULT.json

DATA.npz holds `x` (n, …), float32 or uint8, real numbers prepared as for training (also for files with integer input,
which quantize by themselves), and, for accuracy, `y` (n,), whole numbers from 0, one for each class.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device import limits, timing
from device.accuracy import count_right, largest_batch, repeated, wilson
from device.machine import this_machine, usable_cores
from device.measured import Measured
from device.runtimes import runtime_for
from device.runtimes.contract import MeasureError, ModelFileError, RuntimeMissing, load_library, shown

__all__ = ["MeasureError", "ModelFileError", "RuntimeMissing", "load_data", "measure", "measure_here"]

CHECKOUT = Path(__file__).resolve().parent.parent
BATCHES = (1, 8, 32, 64)
SPARE_CORES = 0.5  # for what a runtime does beside the model
REASON = "not measured: "
# What the process may know of its surroundings: it runs files from elsewhere, and needs no keys of ours.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_SETTINGS = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "OPENBLAS_NUM_THREADS": "1",  # numpy's own threads would wait busily beside the model
}
_NO_MEMORY = re.compile(r"bad_alloc|MemoryError|out of memory|\bOOM\b|(cannot|unable to|failed to) allocate", re.I)


def measure(
    file: Path,
    data: Path,
    *,
    threads: int = 1,
    seconds: float = 5.0,
    timeout_s: float = 600.0,
    memory_mib: float = 4096.0,
) -> Measured:
    """Measures `file` on `data` in a process of its own.

    `seconds` is for the latency alone; everything must end within `timeout_s`. The model may take `memory_mib` beyond
    what its runtime needs (on Linux), and `timeout_s` of processor time on each thread.

    Raises MeasureError with the reason: ModelFileError for a file that is no model or not safe to load,
    RuntimeMissing when a library is not installed, and MeasureError itself for data that do not fit, a crash, too
    much time or too much memory.
    """
    _check(threads, seconds)
    runtime_for(file)
    with tempfile.TemporaryDirectory(prefix="dlom-measure-") as folder:
        out, errors = Path(folder) / "result.json", Path(folder) / "errors.txt"
        command = [sys.executable, "-m", "device.measure", str(file.absolute()), "--data", str(data.absolute())]
        command += ["--threads", str(threads), "--seconds", str(seconds), "--out", str(out)]
        command += ["--memory-mib", str(memory_mib), "--cpu-seconds", str(timeout_s * threads + 10)]
        command += ["--parent", str(os.getpid())]
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _SETTINGS
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                command, cwd=CHECKOUT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=stderr, start_new_session=True,
            )  # fmt: skip
            try:
                code = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                raise MeasureError(
                    f"{file.name} took longer than {timeout_s:g} s and was stopped; "
                    "allow more time, or give fewer samples or a smaller model"
                ) from None
            finally:
                _end(process)
        if code == 0:
            return Measured.from_json(out.read_text(encoding="utf-8"))
        raise failure(file.name, code, errors.read_text(encoding="utf-8", errors="replace")[-20_000:], memory_mib)


def failure(name: str, code: int, stderr: str, memory_mib: float) -> MeasureError:
    """Why the process that measured `name` ended with `code` (negative: by that signal), from what it wrote."""
    for line in reversed(stderr.splitlines()):
        if line.startswith(REASON) and not _NO_MEMORY.search(line):
            kind, _, reason = line.removeprefix(REASON).partition(" ")
            return {e.__name__: e for e in (ModelFileError, RuntimeMissing)}.get(kind, MeasureError)(reason)
    if _NO_MEMORY.search(stderr[-4000:]):
        return MeasureError(f"{name} needs more than the {memory_mib:g} MiB of memory allowed; allow more")
    if code == -signal.SIGXCPU:
        return MeasureError(f"{name} used up its processor time and was stopped; allow more time or give fewer samples")
    if code == -signal.SIGKILL:
        return MeasureError(f"{name} was ended by the system, most likely because memory ran out; free some, try again")
    if code < 0:
        return MeasureError(
            f"{name} made its runtime crash ({signal.Signals(-code).name}); the file may be damaged: export it again"
        )
    last = stderr.strip().splitlines()[-1:] or ["it said nothing"]
    return MeasureError(f"{name} could not be run: {last[0][:500]}")


def measure_here(file: Path, data: Path, *, threads: int, seconds: float, memory_mib: float) -> Measured:
    """Measures in this process, which afterwards has a limit on its memory: call it in one that ends soon.

    `peak_memory_mib` is the largest resident set while the model was loaded and run three times with batch 1, less
    the resident set just before, when Python, the runtime's library and the data were in memory (Linux: VmHWM, reset
    beforehand, less VmRSS; elsewhere the growth of ru_maxrss, which may be too small).
    Raises MeasureError as `measure` does.
    """
    _check(threads, seconds)
    spec = runtime_for(file)
    x, y = load_data(data)
    load_library(spec.module, spec.label, spec.package)
    limits.limit_memory(memory_mib, threads + usable_cores() + 8)
    before_mib = limits.forget_peak()
    session = spec.open(file, threads)
    if session.input_shape[0] not in (None, 1):
        raise ModelFileError(f"{file.name} takes {session.input_shape[0]} inputs at a time; export it for one or any")
    one = x[:1].astype(np.float32)
    for _ in range(3):
        session.run(one)
    peak_mib = limits.peak_mib() - before_mib
    size = largest_batch(session, x)
    right = count_right(session, x, y, size)
    timed = latency(session.prepare(one), seconds, threads)
    throughput, batch = max(
        (timing.rate(session.prepare(repeated(x, n)), n, seconds / 10), n) for n in BATCHES if n <= size
    )
    low, high = (None, None) if right is None else wilson(right, len(x))
    return Measured(
        sha256=_sha256(file),
        file_name=file.name,
        format=spec.formats[file.suffix.lower()],
        runtime=spec.name,
        runtime_version=session.version,
        size_kib=file.stat().st_size / 1024,
        latency_p50_ms=timed.p50_ms,
        latency_p95_ms=timed.p95_ms,
        repetitions=timed.repetitions,
        throughput_per_s=throughput,
        throughput_batch=batch,
        peak_memory_mib=max(0.0, peak_mib),
        accuracy_percent=None if right is None else 100 * right / len(x),
        accuracy_low_percent=None if low is None else 100 * low,
        accuracy_high_percent=None if high is None else 100 * high,
        samples=None if right is None else len(x),
        data_sha256=_sha256(data),
        threads=threads,
        noisy=timed.noisy,
        machine=this_machine(),
        versions=f"Python {platform.python_version()}, {spec.label} {session.version}, numpy {np.__version__}",
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def load_data(data: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """`x` (n, …) and `y` (n,) or None from an npz file. Raises MeasureError, saying what is wrong with it."""
    try:
        with np.load(data, allow_pickle=False) as arrays:
            x, y = (arrays[name] if name in arrays.files else None for name in ("x", "y"))
    except (OSError, ValueError, AttributeError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise MeasureError(
            f"{data.name} cannot be read as npz ({error}); save it with numpy.savez(…, x=x, y=y)"
        ) from error
    if x is None:
        raise MeasureError(f"{data.name} has no array x; save it with numpy.savez(…, x=x, y=y)")
    if x.dtype not in (np.float32, np.uint8) or x.ndim < 2 or len(x) == 0:
        raise MeasureError(
            f"{data.name}: x is {x.dtype} of shape {shown(x.shape)}; it must be float32 or uint8, samples first"
        )
    if x.dtype == np.float32 and not np.isfinite(x).all():
        raise MeasureError(f"{data.name}: x holds NaN or infinite values; remove those samples")
    if y is None:
        return x, None
    if not np.issubdtype(y.dtype, np.integer) or y.shape != x.shape[:1]:
        raise MeasureError(
            f"{data.name}: y is {y.dtype} of shape {shown(y.shape)}; it must be one whole number for "
            f"each of {len(x)} samples"
        )
    if y.min() < 0:
        raise MeasureError(f"{data.name}: y has a label {y.min()}; number the classes from 0")
    if y.min() == y.max():
        raise MeasureError(
            f"{data.name}: every label is {y[0]}; accuracy on one class says nothing, so give samples of at least two"
        )
    return x, y


def latency(infer: Callable[[], object], seconds: float, threads: int) -> timing.Timing:
    """How long `infer` takes when warm. Raises MeasureError when it keeps more cores busy than it has threads."""
    timing.warm_up(infer, seconds / 4)
    timed = timing.repeat(infer, seconds)
    if timed.cores_used > threads + SPARE_CORES:  # once may be a library's thread that was still at its start
        timed = timing.repeat(infer, max(seconds, 1.0))
    check_cores(timed.cores_used, threads)
    return timed


def check_cores(used: float, threads: int) -> None:
    """Raises MeasureError when a model kept clearly more cores busy than the threads it was given."""
    if used > threads + SPARE_CORES:
        raise MeasureError(
            f"the model kept {used:.1f} cores busy although {threads} threads were asked for; its figures could not be "
            f"compared with others. Ask for {round(used)} threads, or use a runtime that keeps to the number"
        )


def _check(threads: int, seconds: float) -> None:
    if not 1 <= threads <= usable_cores():
        raise MeasureError(f"{threads} threads were asked for; this process may use 1 to {usable_cores()}")
    if not 0 < seconds <= 3600:
        raise MeasureError(f"{seconds:g} seconds were asked for; take more than 0 and at most 3600")


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and whatever it started, if it still runs."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main(arguments: Sequence[str]) -> int:
    """The command; 0 when RESULT.json was written, 1 with a line on stderr that says why not."""
    parser = argparse.ArgumentParser(prog="python -m device.measure", description="Measures one model file.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="npz with x and, for accuracy, y")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="for the latency alone")
    parser.add_argument("--out", type=Path, required=True, help="where the result goes, as JSON")
    parser.add_argument("--memory-mib", type=float, default=4096.0, help="that the model may take")
    parser.add_argument("--cpu-seconds", type=float, default=600.0, help="of processor time, then it is ended")
    parser.add_argument("--parent", type=int, help="the id of the process without which this one must not go on")
    given = parser.parse_args(arguments)
    if given.parent is not None:
        limits.end_with_parent(given.parent)
    limits.limit_processor(given.cpu_seconds)
    os.environ.update(_SETTINGS)
    try:
        measured = measure_here(
            given.file, given.data, threads=given.threads, seconds=given.seconds, memory_mib=given.memory_mib
        )
    except MeasureError as error:
        sys.stderr.write(f"{REASON}{type(error).__name__} {' '.join(str(error).split())}\n")
        return 1
    given.out.write_text(measured.to_json() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
