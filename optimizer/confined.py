"""A converter for files from elsewhere: a process of its own, shut in, that converts and checks one file after another.

    python -m optimizer.confined FOLDER       (started by Confined; requests and answers are lines of JSON)

What holds there: a clean environment, no network and no files but the libraries and FOLDER as far as the system permits
(device/seal.py says what that means where), limits on memory and on the time of each request. It writes in a folder of
scratch alone, from which plain files are taken: what was made before, and where they are put, is out of its reach. A
file that crashes its converter costs that one conversion: the next request starts a fresh process.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from device import limits
from device.seal import seal
from optimizer.converter import Entered, Here
from optimizer.formats.calibration import representatives
from optimizer.formats.check import NumericCheck, checked_on
from optimizer.formats.contract import Budget, ConversionError
from optimizer.networks.contract import NetworkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from optimizer.data import Data

CHECKOUT = Path(__file__).resolve().parent.parent
MEMORY_MIB = 12288.0  # TensorFlow alone reserves some of it
SCRATCH_MIB = 8192.0  # that it may have written at a time: large networks are written several times on the way
LOOK_S = 1.0  # between two looks at that
SECONDS = 600.0  # for one conversion, besides what its tuning may take
ANSWER_BYTES = 1 << 20
LONGEST_TOLD = 200  # characters of what is told while it works
EXAMPLES, BUDGET, SCRATCH, LOG = "examples.npz", "budget.json", "scratch", "log.txt"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
_SETTINGS = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
_SETTINGS |= {"OPENBLAS_NUM_THREADS": "1"}  # a namespace can be left by a process of one thread only


class Confined:
    """Converts files that lie in `folder`, into `folder`; what it needs of the data is written there."""

    def __init__(self, data: Data, budget: Budget, folder: Path, *, seconds: float = SECONDS) -> None:
        self._folder = folder.resolve()
        self._seconds = seconds + budget.seconds
        self._told = budget.told
        self._process: subprocess.Popen[bytes] | None = None
        (self._folder / SCRATCH).mkdir(parents=True, exist_ok=True)
        _write_examples(data, self._folder / EXAMPLES)
        (self._folder / BUDGET).write_text(json.dumps(asdict(replace(budget, told=None))), encoding="utf-8")

    def enter(self, model: Path, entry: str, out: Path) -> Entered:
        made = self._folder / SCRATCH / out.name
        said = self._asked({"enter": str(model.resolve()), "entry": entry, "out": str(made)})
        check, suffix = _check(said["check"]), ".keras" if said.get("suffix") == ".keras" else None
        _take(made.with_suffix(suffix or out.suffix), out.with_suffix(suffix or out.suffix))
        return Entered(
            check=check,
            suffix=suffix,
            parameters=_count(said.get("parameters")),
            layers=_count(said.get("layers")),
        )

    def convert(
        self, name: str, parent: Path, first: Path, out: Path, *, seconds: float | None = None
    ) -> NumericCheck | None:
        made = self._folder / SCRATCH / out.name
        files = {"parent": str(parent.resolve()), "first": str(first.resolve()), "out": str(made)}
        said = self._asked({"convert": name, **files, **({} if seconds is None else {"seconds": f"{seconds:g}"})})
        check = None if said["check"] is None else _check(said["check"])
        _take(made, out)
        return check

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # the group: whatever it started goes too
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _asked(self, request: dict[str, str]) -> dict[str, Any]:
        """The answer to one request. Raises ConversionError or NetworkError."""
        process = self._process or self._started()
        self._process = process
        what = Path(request.get("enter") or request["parent"]).name
        try:
            answer = _answered(process, request, self._seconds, self._told, self._folder / SCRATCH)
        except (OSError, ValueError, ConversionError) as error:
            self.close()
            reason = str(error) if isinstance(error, ConversionError) else self._last_words(process.returncode)
            raise ConversionError(f"{what} could not be converted: {reason}") from error
        if "refused" in answer:
            kind = NetworkError if answer.get("kind") == "NetworkError" else ConversionError
            raise kind(str(answer["refused"])[:2000])
        if "check" not in answer:
            raise ConversionError(f"{what} could not be converted: its converter gave no sensible answer")
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _SETTINGS
        environment |= {"HOME": str(self._folder / SCRATCH), "TMPDIR": str(self._folder / SCRATCH)}
        with (self._folder / LOG).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "optimizer.confined", str(self._folder), str(os.getpid())], cwd=CHECKOUT,
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def _last_words(self, code: int | None) -> str:
        """Why the process is gone, in words."""
        if code is not None and code < 0 and code != -signal.SIGKILL:
            return f"its converter crashed on it (signal {-code}); it may be damaged: export it again"
        with contextlib.suppress(OSError):
            lines = (self._folder / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
            if any("bad_alloc" in line or "MemoryError" in line for line in lines[-20:]):
                return f"it needs more than the {MEMORY_MIB:g} MiB of memory allowed"
            if lines:
                return f"its converter ended: {lines[-1][:300]}"
        return "its converter ended without a word"


def _answered(
    process: subprocess.Popen[bytes],
    request: dict[str, str],
    seconds: float,
    told: Callable[[str], None] | None = None,
    scratch: Path | None = None,
    scratch_mib: float = SCRATCH_MIB,
) -> dict[str, Any]:
    """The answer; before it, `told` hears how far it is. The words are not trusted: one line, and not a long one.

    Raises ConversionError after `seconds`, for an endless answer or when more than `scratch_mib` are written in the
    folder `scratch`, OSError or ValueError when the process is gone.
    """
    if process.stdin is None or process.stdout is None:
        raise OSError("the process has no pipes")
    process.stdin.write(f"{json.dumps(request)}\n".encode())
    process.stdin.flush()
    deadline = time.monotonic() + seconds
    rest, length = b"", 0
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while True:
            is_ready = ready.select(max(0.0, min(LOOK_S, deadline - time.monotonic())))
            if not is_ready and time.monotonic() >= deadline:
                raise ConversionError(f"it took longer than {seconds:g} s; it is too large, or made to stall")
            if scratch is not None and limits.written_mib(scratch) > scratch_mib:
                raise ConversionError(f"more than {scratch_mib:g} MiB were written to the disk; it is too large")
            if not is_ready:
                continue
            piece = os.read(process.stdout.fileno(), 65536)
            if not piece:
                process.wait()
                raise OSError("the process ended")
            length += len(piece)
            if length > ANSWER_BYTES:
                raise ConversionError("its converter gave an endless answer")
            *lines, rest = (rest + piece).split(b"\n")
            for said in map(json.loads, lines):
                if not isinstance(said, dict):
                    raise ValueError("no object")
                if "told" not in said:
                    return said
                if told is not None:
                    told("".join(c for c in str(said["told"]) if c.isprintable())[:LONGEST_TOLD])


def _check(said: Any) -> NumericCheck:
    """The figures of an answer, which is not trusted: a file may have taken its reader over."""
    try:
        agreement, part = (None if said[k] is None else float(said[k]) for k in ("agreement_percent", "range_percent"))
        check = NumericCheck(
            samples=int(said["samples"]),
            largest_difference=float(said["largest_difference"]),
            agreement_percent=agreement,
            range_percent=part,
        )
    except (TypeError, KeyError, ValueError) as error:
        raise ConversionError("its converter gave no sensible answer") from error
    sizes = (check.largest_difference, 0.0 if part is None else part)
    if check.samples < 1 or not all(0 <= s < float("inf") for s in sizes) or not 0 <= (agreement or 0.0) <= 100:
        raise ConversionError(f"its converter gave no sensible answer: {check}")
    return check


def _take(made: Path, out: Path) -> None:
    """Moves what the converter wrote out of its reach. Raises ConversionError for what is no plain file.

    A link that it left there would have this process read, and later write, where the converter may not.
    """
    try:
        opened = os.open(made, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ConversionError(f"its converter left no file {made.name} ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise ConversionError(f"its converter left no plain file {made.name}")
    with os.fdopen(opened, "rb") as source, out.open("wb") as copy:
        shutil.copyfileobj(source, copy, 1 << 20)
    made.unlink(missing_ok=True)


def _count(said: Any) -> int | None:
    return said if isinstance(said, int) and said >= 0 else None


def _write_examples(data: Data, file: Path) -> None:
    """What converting and checking need of the data: examples for the ranges, and those that files are checked on."""
    with file.open("wb") as out:
        np.savez(
            out, x_train=representatives(data), x_test=checked_on(data), outputs=np.int64(data.outputs),
            shape=np.array(data.input_shape, np.int64), metric=np.array(data.metric),
        )  # fmt: skip


def _read_examples(file: Path) -> Data:
    from optimizer.data import Data

    with np.load(file, allow_pickle=False) as held:
        x_train, x_test = held["x_train"], held["x_test"]
        outputs, shape, metric = int(held["outputs"]), tuple(map(int, held["shape"])), str(held["metric"])
    return Data(
        name="examples", x_train=x_train, y_train=np.zeros(len(x_train), np.int64), x_test=x_test,
        y_test=np.zeros(len(x_test), np.int64), outputs=outputs, input_shape=shape, description="", sha256="",
        metric=metric,
    )  # fmt: skip


def main(folder: Path, parent: int) -> None:
    """Answers requests on standard input until it ends."""
    answers = os.dup(1)
    os.dup2(2, 1)  # a library that prints must not write into an answer
    limits.end_with_parent(parent)
    # Not all of the checkout, where the user's store and tokens may lie. TVM's compiler is a program, shut in with us.
    own = [CHECKOUT / room for room in ("optimizer", "ontology")]
    seal([*own, folder], [folder / SCRATCH], run=True, names=[CHECKOUT])
    data = _read_examples(folder / EXAMPLES)
    asked = json.loads((folder / BUDGET).read_text(encoding="utf-8"))
    budget = Budget(**asked | {"told": lambda text: _say(answers, {"told": text})})
    limits.limit_memory(MEMORY_MIB, 16)
    limits.limit_file(SCRATCH_MIB)
    here = Here(data, budget)
    for line in sys.stdin:
        _say(answers, _responded(here, json.loads(line)))


def _responded(here: Here, request: dict[str, str]) -> dict[str, Any]:
    try:
        if "enter" in request:
            return asdict(here.enter(Path(request["enter"]), request["entry"], Path(request["out"])))
        files = [Path(request[name]) for name in ("parent", "first", "out")]
        seconds = float(request["seconds"]) if "seconds" in request else None
        check = here.convert(request["convert"], *files, seconds=seconds)
        return {"check": None if check is None else asdict(check)}
    except (ConversionError, NetworkError) as error:
        return {"refused": str(error), "kind": type(error).__name__}
    except MemoryError:
        return {"refused": f"it needs more than the {MEMORY_MIB:g} MiB of memory allowed"}


def _say(descriptor: int, said: dict[str, Any]) -> None:
    text = f"{json.dumps(said)}\n".encode()
    while text:
        text = text[os.write(descriptor, text) :]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
