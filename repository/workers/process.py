"""One worker, seen from the process that started it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from repository.workers.messages import Gone, Silence, received, send
from repository.workers.serve import CHECKOUT

# Appended, not put first: no name of the checkout may stand in for one of the standard library.
_START = "import sys; sys.path.append(sys.argv[1]); from repository.workers.serve import main; main(sys.argv[2:])"
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",  # each takes 64 MiB of the address space that a worker may have
}
_START_S = 60.0


class OutOfTime(Exception):
    """The worker was ended because it had not answered in time."""


class Ended(Exception):
    """The worker ended by itself or was ended; `signal` is the number of the signal, 0 for none."""

    def __init__(self, number: int) -> None:
        self.signal = number
        super().__init__(f"the worker ended (signal {number})")


class Worker:
    """A process that answers one message after another. Start it from a thread that lasts: it ends with that thread."""

    def __init__(self, task: str, folder: Path, memory_mib: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", _START, str(CHECKOUT), task, str(folder), str(memory_mib)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # Ctrl+C is for the app, which ends its workers
        )
        self.confinement: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ready(self) -> None:
        """Wait until it has started. Raises Ended."""
        if not self.confinement:
            assert self._process.stdout is not None  # asked for above
            try:
                self.confinement, _ = received(self._process.stdout, _START_S)
            except (Silence, Gone, OSError) as error:
                raise Ended(self.kill()) from error

    def ask(self, header: dict[str, Any], body: bytes, seconds: float) -> tuple[dict[str, Any], bytes]:
        """Its answer. Raises OutOfTime, having ended it, and Ended."""
        self.ready()
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            send(self._process.stdin, header | {"seconds": seconds}, body)
            return received(self._process.stdout, seconds)
        except Silence:
            self.kill()
            raise OutOfTime from None
        except (Gone, OSError, ValueError) as error:
            raise Ended(self.kill()) from error

    def kill(self) -> int:
        """End it with all that it may have started; the signal that ended it, 0 for none."""
        if self._process.poll() is None:
            try:
                self._process.wait(0.05)  # when it is ending by itself, its own signal tells more
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError, ValueError):
                if pipe is not None:
                    pipe.close()
        return -code if code < 0 else 0

    def interrupt(self) -> None:
        """End it from another thread than the one that waits for its answer."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
