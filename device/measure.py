"""Measures one model file: speed, memory, size, energy and how good its answers are, in a process of its own.

    python -m device.measure FILE --data DATA --threads 1 --seconds 5 --out RESULT.json

DATA is an .npz with `x` (n, …), float32 or uint8, real numbers prepared as for training (also for files with integer
input, which quantize by themselves) and what is right of them, or a folder of pictures: `device/data.py` says which.

The process is bound to as many cores as it may use threads, where the system allows (Linux), and shut in before the
file is opened: no network, no files but its own, limits on memory and time. `device/seal.py` says what holds where.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import re
import signal
import site
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from device import energy, limits, load, timing
from device.accuracy import largest_batch, repeated
from device.data import METRICS, load_data, sha256
from device.evaluation import judge
from device.machine import this_machine, usable_cores
from device.measured import Measured
from device.runtimes import runtime_for
from device.runtimes.contract import MeasureError, ModelFileError, RuntimeMissing, RuntimeSpec
from device.seal import CHECKOUT, seal
from device.system_latency import system_latency

__all__ = ["MeasureError", "ModelFileError", "RuntimeMissing", "load_data", "measure", "measure_here"]

BATCHES = (1, 8, 32, 64)
SCRATCH_MIB = 4096.0  # that the process may write; compiled code is linked there, archives unpacked
LOOK_S = 1.0  # between two looks at what it has written
LAST_BYTES = 20_000  # of what the process wrote on stderr
SPARE_CORES = 0.5  # for what a runtime does beside the model
REASON = "not measured: "
# What the process may know of its surroundings: it runs files from elsewhere, and needs no keys of ours.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_OWN_FOLDER = (
    "HOME",
    "TMPDIR",
    "KERAS_HOME",
)  # where libraries keep settings and scratch files: a new one, thrown away
_SETTINGS = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "OPENBLAS_NUM_THREADS": "1",  # numpy's own threads would wait busily beside the model
    "TVM_USE_RUNTIME_LIB": "1",  # without the compiler
    "TVM_BIND_THREADS": "0",  # to cores of its own choice
}
_NO_MEMORY = re.compile(r"bad_alloc|MemoryError|out of memory|\bOOM\b|(cannot|unable to|failed to) allocate", re.I)


def measure(
    file: Path,
    data: Path,
    *,
    runtime: str | None = None,
    trusted: bool = False,
    metric: str | None = None,
    threads: int = 1,
    seconds: float = 5.0,
    timeout_s: float = 600.0,
    memory_mib: float = 4096.0,
) -> Measured:
    """Measures `file` on `data` in a process of its own, shut in as far as the system permits (`Measured.sealed`).

    `runtime` is one by name, else the first that takes the file. A file of machine code (TVM) is measured only when
    `trusted`. `metric` chooses where the data leave a choice (`device/data.py`). `seconds` is for the latency alone,
    up to three times that when it is noisy; everything must end within `timeout_s`. The model may take `memory_mib`
    beyond what its runtime needs (on Linux), and `timeout_s` of processor time on each thread.

    Raises MeasureError with the reason: ModelFileError for a file that is no model or not safe to load,
    RuntimeMissing when a library is not installed, and MeasureError itself for data that do not fit, a crash, too
    much time or too much memory.
    """
    _check(threads, seconds)
    _runtime(file, runtime, trusted)
    with tempfile.TemporaryDirectory(prefix="dlom-measure-") as folder:
        out, errors, own = (Path(folder).resolve() / name for name in ("result.json", "errors.txt", "own"))
        own.mkdir()
        command = [sys.executable, "-P", "-m", "device.measure", str(file.absolute()), "--data", str(data.absolute())]
        command += ["--threads", str(threads), "--seconds", str(seconds), "--out", str(out)]
        command += ["--memory-mib", str(memory_mib), "--cpu-seconds", str(timeout_s * threads + 10)]
        command += ["--parent", str(os.getpid()), *(["--trusted"] if trusted else [])]
        command += [*(["--runtime", runtime] if runtime else []), *(["--metric", metric] if metric else [])]
        with errors.open("w+b") as stderr:
            process = subprocess.Popen(
                command, cwd=own, env=_environment(own), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=stderr, start_new_session=True,
            )  # fmt: skip
            try:
                code = ended(process, file.name, Path(folder), timeout_s)
            finally:
                _end(process)
            # From the open file: the process could have put a link to another in its place.
            stderr.seek(max(0, stderr.seek(0, os.SEEK_END) - LAST_BYTES))
            said = stderr.read(LAST_BYTES).decode("utf-8", errors="replace")
        if code != 0:
            raise failure(file.name, code, said, memory_mib)
        try:
            return Measured.from_json(out.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:  # machine code can end the process as it likes
            raise MeasureError(f"{file.name} ended without a result ({error}); compile or export it again") from error


def ended(
    process: subprocess.Popen[bytes], name: str, folder: Path, timeout_s: float, scratch_mib: float = SCRATCH_MIB
) -> int:
    """The code with which the process that measures `name` ended; what it writes lies in `folder`.

    Raises MeasureError when it takes longer than `timeout_s`, or writes more than `scratch_mib` there.
    """
    end = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(max(0.0, min(LOOK_S, end - time.monotonic())))
        if time.monotonic() >= end:
            raise MeasureError(
                f"{name} took longer than {timeout_s:g} s and was stopped; "
                "allow more time, or give fewer samples or a smaller model"
            )
        if limits.written_mib(folder) > scratch_mib:
            raise MeasureError(
                f"{name} wrote more than {scratch_mib:g} MiB to the disk and was stopped; no model needs that to be "
                "run: export it again, or do not use it"
            )


def _runtime(file: Path, name: str | None, trusted: bool) -> RuntimeSpec:
    spec = runtime_for(file, name)
    if spec.native and not trusted:
        raise ModelFileError(
            f"{file.name} holds machine code, which {spec.label} runs with your rights. If you built it, or trust who "
            "did, say so: --trust (trusted=True)"
        )
    return spec


def _environment(own: Path) -> dict[str, str]:
    """Of the process: ours without what is not needed, with its own folder in place of our home."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    packages = {"PYTHONPATH": str(CHECKOUT), "PYTHONUSERBASE": site.getuserbase()}  # found by our HOME otherwise
    return kept | packages | dict.fromkeys(_OWN_FOLDER, str(own)) | _SETTINGS


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
        known = {s.value: s.name for s in signal.Signals}
        return MeasureError(
            f"{name} made its runtime crash ({known.get(-code, f'signal {-code}')}); the file may be damaged: export "
            "it again"
        )
    last = stderr.strip().splitlines()[-1:] or ["it said nothing"]
    return MeasureError(f"{name} could not be run: {last[0][:500]}")


def measure_here(
    file: Path,
    data: Path,
    *,
    runtime: str | None = None,
    trusted: bool = False,
    metric: str | None = None,
    threads: int,
    seconds: float,
    memory_mib: float,
    sealed: tuple[str, ...] = (),
) -> Measured:
    """Measures in this process, which afterwards has a limit on its memory and on its cores: let it end soon.

    `peak_memory_mib` is the largest resident set while the model was loaded and run three times with batch 1, less
    the resident set just before, when Python, the runtime's library and the data were in memory (Linux: VmHWM, reset
    beforehand, less VmRSS; elsewhere the growth of ru_maxrss, which may be too small). `sealed` is what `seal` said.
    Raises MeasureError as `measure` does.
    """
    _check(threads, seconds)
    spec = _runtime(file, runtime, trusted)
    machine = this_machine()  # before the cores are fewer
    pinned = load.pin(threads)
    examples = load_data(data, metric)
    spec.load()
    limits.limit_memory(memory_mib, threads + machine.cores + 8)
    before_mib = limits.forget_peak()
    session = spec.open(file, threads)
    if session.input_shape[0] not in (None, 1):
        raise ModelFileError(f"{file.name} takes {session.input_shape[0]} inputs at a time; export it for one or any")
    one = examples.first(session.input_shape).astype(np.float32)
    for _ in range(3):
        session.run(one)
    peak_mib = limits.peak_mib() - before_mib
    x = examples.arrays(session.input_shape)
    size = largest_batch(session, x)
    found = judge(session, examples, x, size)
    meter = energy.find_meter()
    timed = latency(session.prepare(one), seconds, threads, meter)
    rates = [timing.rate(session.prepare(repeated(x, n)), n, seconds / 10) for n in BATCHES if n <= size]
    best = max(rates, key=lambda rate: rate.per_s)
    whole = system_latency(session, examples, seconds / 4)
    accuracy = (None, None, None) if found is None or found.accuracy is None else found.accuracy
    macro = (None, None, None) if found is None or found.macro is None else found.macro
    stability = None if found is None else found.stability
    return Measured(
        sha256=sha256(file),
        file_name=file.name,
        format=spec.formats[file.suffix.lower()],
        runtime=spec.name,
        runtime_version=session.version,
        size_kib=file.stat().st_size / 1024,
        size_gzip_kib=gzip_bytes(file) / 1024,
        latency_p50_ms=timed.p50_ms,
        latency_p95_ms=timed.p95_ms,
        latency_p99_ms=timed.p99_ms,
        latency_spread_percent=100 * timed.spread,
        repetitions=timed.repetitions,
        attempts=timed.attempts,
        noisy=timed.noisy,
        other_load=timed.other_load,
        cores_used=timed.cores_used,
        pinned_cores=pinned,
        throughput_per_s=best.per_s,
        throughput_batch=best.batch,
        throughput_spread_percent=100 * best.spread,
        throughputs=tuple((rate.batch, rate.per_s) for rate in rates),
        system_latency_ms=whole.system_ms,
        system_latency_spread_percent=100 * whole.spread,
        system_steps=whole.steps,
        energy_mj=timed.energy_mj,
        energy_spread_percent=None if timed.energy_spread is None else 100 * timed.energy_spread,
        energy_meter="" if meter is None or timed.energy_mj is None else meter.description,
        peak_memory_mib=max(0.0, peak_mib),
        accuracy_percent=accuracy[0],
        accuracy_low_percent=accuracy[1],
        accuracy_high_percent=accuracy[2],
        balanced_accuracy_percent=None if found is None else found.balanced_accuracy,
        precision_percent=macro[0],
        recall_percent=macro[1],
        f1_percent=macro[2],
        metric=None if found is None else found.metric,
        metric_value=None if found is None else found.value,
        further_metrics=() if found is None else found.further,
        stability_percent=None if stability is None else stability.percent,
        stability_variance=None if stability is None else stability.variance,
        folds=None if stability is None else stability.parts,
        samples=None if found is None else len(x),
        data_sha256=sha256(data),
        threads=threads,
        arithmetic=session.arithmetic,
        sealed=sealed,
        machine=machine,
        versions=f"Python {platform.python_version()}, {spec.label} {session.version}, numpy {np.__version__}",
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def gzip_bytes(file: Path) -> int:
    """What gzip makes of it at level 9; the file is read piece by piece."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)  # 16: with gzip's head and end
    total = 0
    with file.open("rb") as opened:
        while piece := opened.read(2**20):
            total += len(packer.compress(piece))
    return total + len(packer.flush())


def latency(
    infer: Callable[[], object], seconds: float, threads: int, meter: energy.Meter | None = None
) -> timing.Timing:
    """How long `infer` takes when warm. Raises MeasureError when it keeps more cores busy than it has threads."""
    timing.warm_up(infer, seconds / 4)
    timed = timing.repeat(infer, seconds, meter=meter)
    if timed.cores_used > threads + SPARE_CORES:  # once may be a library's thread that was still at its start
        timed = timing.repeat(infer, max(seconds, 1.0), meter=meter)
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


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and whatever it started, if it still runs."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def main(arguments: Sequence[str]) -> int:
    """The command; 0 when the result was written, 1 with a line on stderr that says why not.

    With --parent it is the process that `measure` starts; without, it starts one.
    """
    parser = argparse.ArgumentParser(prog="python -m device.measure", description="Measures one model file.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="npz with x and what is right, or folder of pictures")
    parser.add_argument("--runtime", help="by name, where several take the file")
    parser.add_argument("--trusted", "--trust", action="store_true", help="run a file of machine code (TVM)")
    parser.add_argument("--metric", choices=METRICS, help="where the data leave a choice")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="for the latency alone")
    parser.add_argument("--out", type=Path, help="where the result goes, as JSON; to the screen otherwise")
    parser.add_argument("--memory-mib", type=float, default=4096.0, help="that the model may take")
    parser.add_argument(
        "--cpu-seconds", type=float, default=600.0, help="that it may take on each thread, then it ends"
    )
    parser.add_argument("--parent", type=int, help="the id of the process without which this one must not go on")
    given = parser.parse_args(arguments)
    asked = {
        name: getattr(given, name) for name in ("runtime", "trusted", "metric", "threads", "seconds", "memory_mib")
    }
    try:
        if given.parent is None:
            measured = measure(given.file, given.data, timeout_s=given.cpu_seconds, **asked)
        else:
            limits.end_with_parent(given.parent)
            limits.limit_processor(given.cpu_seconds)
            limits.limit_file(SCRATCH_MIB)
            os.environ.update(_SETTINGS)
            # Machine code that is not linked yet needs a compiler, which is shut in likewise.
            sealed = seal([given.file, given.data], [given.out.parent], run=given.trusted)
            measured = measure_here(given.file, given.data, sealed=sealed, **asked)
    except MeasureError as error:
        sys.stderr.write(f"{REASON}{type(error).__name__} {' '.join(str(error).split())}\n")
        return 1
    if given.out is None:
        sys.stdout.write(measured.to_json() + "\n")
    else:
        given.out.write_text(measured.to_json() + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
