"""Compiles ONNX files to machine code with TVM (Chen et al. 2018): untuned, tuned by trials, or for another processor.

Each in a process of its own, in a group that is ended wholly afterwards: the file may be hostile, TVM may crash, and
its tuner leaves processes behind. What comes out is a `.tvm` file (`device/runtimes/tvm_file.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from device.instructions import architecture
from device.machine import usable_cores
from device.runtimes.tvm_file import COMPILERS, VERSION, Header, Tensor, write
from ontology.events import Event, Finished, Progress, Started
from optimizer.formats.contract import ConversionError

CHECKOUT = Path(__file__).resolve().parent.parent
WHAT = "Tuning"
TRIALS, SECONDS = 64, 120.0
AARCH64 = "aarch64-linux-gnu"
LIBRARIES = ("apache-tvm", "apache-tvm-ffi", "onnx", "onnxruntime")
_COMPILE_SECONDS = 600.0
_GRACE_SECONDS = 60.0  # after the time of a tuning, for the trial at hand
_MEMORY_MIB = 16_384  # of address space, of which the libraries reserve 3 GiB
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


def compile_onnx(source: Path, out: Path, *, threads: int = 1, seconds: float = _COMPILE_SECONDS) -> Header:
    """Writes `out` (.tvm): `source` for the processor at hand, with operators fused and nothing tried.

    Raises ConversionError: no C compiler, a network that TVM does not take, or more than `seconds`.
    """
    _check_compiler()
    return _compiled(source, out, threads, seconds, triple=None, compilers=COMPILERS)


def cross_compile_onnx(
    source: Path, out: Path, *, triple: str = AARCH64, threads: int = 1, seconds: float = _COMPILE_SECONDS
) -> Header:
    """Writes `out` (.tvm) for another processor; it is not run here.

    It holds a library where a compiler for that processor (`aarch64-linux-gnu-gcc`) is installed, else the objects,
    which the device links when it loads them (it then needs gcc). Raises ConversionError.
    """
    return _compiled(source, out, threads, seconds, triple=triple, compilers=(f"{triple}-gcc", f"{triple}-g++"))


def tune_onnx(
    source: Path,
    out: Path,
    *,
    trials: int = TRIALS,
    seconds: float = SECONDS,
    threads: int = 1,
    records: Path | None = None,
    told: Callable[[Event], None] | None = None,
) -> Header:
    """Like `compile_onnx`, with the fastest code found by `tuning`; `told` gets its events. Raises ConversionError."""
    steps = tuning(source, out, trials=trials, seconds=seconds, threads=threads, records=records)
    while True:
        try:
            event = next(steps)
        except StopIteration as end:
            header: Header = end.value
            return header
        if told:
            told(event)


def tuning(
    source: Path,
    out: Path,
    *,
    trials: int = TRIALS,
    seconds: float = SECONDS,
    threads: int = 1,
    records: Path | None = None,
) -> Generator[Event, None, Header]:
    """Tries `trials` pieces of code on this processor for at most `seconds`, then writes `out` with the fastest.

    Convolutions and matrix products are tuned, the largest first; what there was no time for stays untuned, which the
    header tells. `records` is a folder that keeps the trials, so that a later tuning of the same network goes on from
    them. Yields progress with the trials done and the time of the tuned operators together. Raises ConversionError,
    also when there is no faster code at all: never the untuned module in silence.
    """
    if trials < 1 or seconds <= 0:
        raise ConversionError(
            f"{trials} trials in {seconds:g} s are no tuning; give at least one trial and some time, "
            "or compile it untuned"
        )
    _check_compiler()
    with tempfile.TemporaryDirectory(prefix="dlom-tvm-") as folder:
        kept = _kept_in(records, threads) if records else Path(folder) / "records"
        kept.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        yield Started(WHAT, trials)
        asked = {"work": "tune", "trials": trials, "seconds": seconds, "cores": usable_cores(), "database": str(kept)}
        done = 0
        faults = []
        try:
            for said in _worker(source, Path(folder), threads, seconds + _GRACE_SECONDS, asked):
                if "trials" in said:
                    done = said["trials"]
                    yield Progress(WHAT, done, trials, _so_far(said))
        except _EndedError as error:  # what it has tried is in the records, if there was any
            faults.append(str(error))
        tuned_s = time.monotonic() - began
        try:
            header = _compiled(
                source, out, threads, _COMPILE_SECONDS, triple=None, compilers=COMPILERS, database=kept,
                trials=done, tuning_seconds=tuned_s,
            )  # fmt: skip
        except ConversionError as error:
            raise ConversionError("; ".join([*faults, str(error)])) from error
    yield Finished(WHAT, f"{header.operators_tuned} of {header.operators} operators tuned in {done} trials")
    return header


class _EndedError(ConversionError):
    """The process ended by itself, or was ended, without an answer."""


def _compiled(
    source: Path,
    out: Path,
    threads: int,
    seconds: float,
    *,
    triple: str | None,
    compilers: tuple[str, ...],
    database: Path | None = None,
    trials: int = 0,
    tuning_seconds: float = 0.0,
) -> Header:
    with tempfile.TemporaryDirectory(prefix="dlom-tvm-") as name:
        folder = Path(name)
        asked = {"work": "compile", "triple": triple, "compilers": compilers, "database": str(database or "")}
        made = [*_worker(source, folder, threads, seconds, asked)][-1]["made"]
        header = Header(
            version=VERSION,
            input=_tensor(made["input"]),
            output=_tensor(made["output"]),
            target=made["target"],
            architecture=triple.partition("-")[0] if triple else architecture(),
            threads=threads,
            tuned=made["operators_tuned"] > 0,
            trials=trials,
            operators_tuned=made["operators_tuned"],
            operators=made["operators"],
            tuning_seconds=round(tuning_seconds, 1),
            arithmetic=made["arithmetic"],
            source_sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
            versions={name: metadata.version(name) for name in LIBRARIES},
        )
        library = folder / Path(made["library"]).name
        write(out, header, library)
    return header


def _tensor(said: dict[str, Any]) -> Tensor:
    return Tensor(said["name"], tuple(said["shape"]), said["dtype"])


def _worker(
    source: Path, folder: Path, threads: int, seconds: float, asked: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """What the worker tells, line by line. Raises ConversionError with its refusal, _EndedError when there is none."""
    if not source.is_file():
        raise ConversionError(f"there is no file {source.name} to compile")
    whole = {
        "triple": None, "source": str(source.absolute()), "folder": str(folder), "parent": os.getpid(),
        "threads": threads, "memory_mib": _MEMORY_MIB, "cpu_seconds": seconds * (usable_cores() + 1), **asked,
    }  # fmt: skip
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
        "TMPDIR": str(folder), "TVM_NUM_THREADS": str(threads), "TVM_BIND_THREADS": "0",
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": str(usable_cores()), "CUDA_VISIBLE_DEVICES": "-1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    errors = folder / "errors.txt"
    with errors.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "optimizer.tvm_worker", json.dumps(whole)], cwd=CHECKOUT, env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True,
        )  # fmt: skip
        last: dict[str, Any] = {}
        try:
            for line in _lines(process, seconds):
                last = json.loads(line)
                yield last
        finally:
            _end(process)
    if "refused" in last:
        raise ConversionError(f"{source.name} was not compiled: {last['refused']}")
    if "made" not in last:
        said = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise _EndedError(f"{source.name} was not compiled: {_why(process.returncode, seconds, ''.join(said))}")


def _lines(process: subprocess.Popen[bytes], seconds: float) -> Iterator[bytes]:
    """Each whole line that the process writes, until it ends or the time is over."""
    assert process.stdout is not None  # asked for above
    until, rest = time.monotonic() + seconds, b""
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while ready.select(max(0.0, until - time.monotonic())):
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                process.wait(max(1.0, until - time.monotonic()))
                return
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the whole group: TVM's runners would stay behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def _why(code: int, seconds: float, said: str) -> str:
    if code == -signal.SIGKILL:
        return f"TVM took longer than {seconds:g} s, or the system ended it for want of memory; allow more time"
    if code == -signal.SIGXCPU:
        return "TVM used up its processor time; allow more"
    if code < 0:
        return f"TVM crashed on it ({signal.Signals(-code).name}); export the network again, or run it as ONNX"
    return f"TVM ended without an answer ({said[:300] or 'it said nothing'})"


def _so_far(said: dict[str, Any]) -> str:
    return f"{said['tuned']} of {said['operators']} operators tuned, together {said['ms']:.3g} ms"


def _check_compiler() -> None:
    if not any(shutil.which(name) for name in COMPILERS):
        raise ConversionError(
            f"TVM's code is linked by a C compiler, and there is none here ({', '.join(COMPILERS)}); install gcc "
            "(Debian and Ubuntu: apt install gcc libc6-dev)"
        )


def _kept_in(records: Path, threads: int) -> Path:
    """TVM finds records by the operator alone, so those of another processor or version must lie elsewhere."""
    from device.instructions import here, level

    said = f"{architecture()} {level(here())} {threads} {metadata.version('apache-tvm')}"
    return records / said.replace(" ", "-")
