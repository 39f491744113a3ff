"""The process that runs foreign queries and rehearses foreign updates: it shuts itself in, then answers one by one.

It has no network where the system lets it leave that (Linux), reads its libraries and the snapshots and no other
file, writes nothing (in a rehearsal: the copy at hand), has a limit on memory and on processor time, and ends with
the process that started it. Whoever started it ends it when its time is up.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from device.limits import confine, leave_network, limit_address_space, limit_memory
from repository.workers.messages import Gone, received, send

CHECKOUT = Path(__file__).resolve().parent.parent.parent
QUERIES, REHEARSAL = "queries", "rehearsal"
Answerer = Callable[[dict[str, Any], bytes], tuple[dict[str, Any], bytes]]
_THREADS_OF_A_STORE = 4
_GRACE_S = 5  # processor time beyond the wall clock, should nobody end this process


def main(arguments: list[str]) -> None:
    """Answers the messages on standard input until it ends; `arguments`: task, snapshots' folder, MiB of memory."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between
    asked = os.fdopen(0, "rb", buffering=0)
    task, folder, memory_mib = arguments[0], Path(arguments[1]), float(arguments[2])
    alone = leave_network()
    answer = _answerer(task)
    libraries = [Path(p) for p in {sys.prefix, sys.base_prefix, *filter(os.path.isdir, sys.path)}]
    if task == REHEARSAL:  # its libraries reserve more than a gigabyte that they never touch
        limit_memory(memory_mib, _THREADS_OF_A_STORE)
    else:
        limit_address_space(memory_mib)
    shut = confine([CHECKOUT, folder, *libraries], [folder] if task == REHEARSAL else [])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    send(answers, {"no_network": alone, "no_files": shut})
    while True:
        try:
            header, body = received(asked)
        except Gone:
            return
        _allow_seconds(float(header["seconds"]))
        send(answers, *_told(answer, header, body))


def _answerer(task: str) -> Answerer:
    """What answers, with all its libraries loaded: before files are closed, and after the network is left."""
    if task == REHEARSAL:
        from repository.workers import rehearsing

        return rehearsing.answer
    from repository.workers import querying

    return querying.Queries().answer


def _allow_seconds(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds * (os.cpu_count() or 1)) + _GRACE_S
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))


def _told(answer: Answerer, header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    from repository.guard import RefusedQuery

    try:
        return answer(header, body)
    except RefusedQuery as error:
        return {"refused": str(error)}, b""
    except MemoryError:
        return {"memory": True}, b""
    except (SyntaxError, ValueError, OSError, RuntimeError) as error:
        return {"error": " ".join(str(error).split())[:1000]}, b""
