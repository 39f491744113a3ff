"""Builds as jobs: each in a process and a folder of its own, so that faces may come and go.

`home/jobs/ID/` holds what `optimizer.pipeline` keeps, and `events.jsonl` (what the process told), `end.json` (how it
ended), `log.txt` (what libraries printed), `started` (its process id, once it has been started) and `lock`, which the
process holds as long as it lives: the system frees it even after a kill -9, so it tells running from interrupted.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from ontology.events import Event, Note, Progress, from_line, to_line
from ontology.settings import CHECKOUT
from optimizer.candidate import MeasuredCandidate
from optimizer.formats.shelf import FORMATS
from optimizer.spec import SPEC, JobSpec, kept_steps, plan, read_json, write_json

JOBS, EVENTS, END, LOG, STARTED, LOCK = "jobs", "events.jsonl", "end.json", "log.txt", "started", "lock"
TURN = "turn.lock"
STOP, STEPS = "stop", "steps"  # as the pipeline reads and writes them
START_SECONDS = 60.0
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")


class JobError(RuntimeError):
    """A job cannot be started, or there is none of that name; the message says what to do."""


class Status(StrEnum):
    """What becomes of a job. Stopped and interrupted ones can be started again and go on where they were."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # its process is gone, and it had not ended


@dataclass(frozen=True, kw_only=True)
class JobState:
    """`done` of `total` steps; `seconds_left` is the most that a running job may still take, else `None`.

    `detail` is the step at hand, or the reason of a failure.
    """

    id: str
    status: Status
    done: int
    total: int
    detail: str
    seconds_left: float | None
    spec: JobSpec


def create(home: Path, spec: JobSpec) -> str:
    """A new job that waits to be started; its id begins with the time (UTC), so that ids sort by age."""
    job = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    write_json(home / JOBS / job / SPEC, spec.to_json())
    return job


def start(home: Path, job: str, command: Sequence[str] | None = None) -> None:
    """Starts the job in a process of its own that outlives this one, and returns once it is at work.

    A job that was stopped or interrupted goes on from its last finished step; the time given counts through all its
    starts, so one whose time is over ends again at once. `command` is the process, as a rule `cli.py work JOB`; it
    must call `work`. Raises JobError when the job runs already, has finished, or does not come up.
    """
    folder = _folder(home, job)
    now = state(home, job)
    if now.status in (Status.RUNNING, Status.FINISHED):
        raise JobError(f"the job {job} is {now.status} already")
    (folder / STOP).unlink(missing_ok=True)
    (folder / END).unlink(missing_ok=True)
    environment = {**os.environ, "DLOM_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # its notes about processors are not worth a log
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            command or (sys.executable, str(CHECKOUT / "cli.py"), "work", job),
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl+C in a face is not meant for it
        )
    until = time.monotonic() + START_SECONDS
    while not (_locked(folder) or (folder / END).exists()):
        if process.poll() is not None or time.monotonic() > until:
            last = (folder / LOG).read_text(errors="replace").strip().splitlines()[-1:]
            raise JobError(f"the job {job} did not start: {''.join(last) or 'no reason given'}; see {folder / LOG}")
        time.sleep(0.05)


def work(home: Path, job: str) -> Iterator[Event]:
    """Does the job in this process, keeps every event, and yields it too. Raises JobError if another does it already.

    A fault that ends the job is kept as its reason and raised.
    """
    folder = _folder(home, job)
    with _lock(folder), _event_file(folder) as keep:
        if (folder / END).exists():
            raise JobError(f"the job {job} has ended; start it again if it was stopped")
        (folder / STARTED).write_text(f"{os.getpid()}\n")
        from optimizer.pipeline import build  # heavy; not needed to look at jobs

        yield from _turn(folder, keep)
        running = build(folder, keep)
        try:
            while True:
                event = next(running)
                keep(event)
                yield event
        except StopIteration as end:
            write_json(folder / END, {"status": end.value, "reason": ""})
        except Exception as fault:
            keep(Note(f"failed: {fault}"))
            write_json(folder / END, {"status": "failed", "reason": f"{fault}" or type(fault).__name__})
            raise


def stop(home: Path, job: str) -> None:
    """Asks the job to end after the step at hand; what is finished is kept."""
    folder = _folder(home, job)
    (folder / STOP).touch()
    if not (folder / END).exists() and not _locked(folder):  # nobody is there to do it
        write_json(folder / END, {"status": "stopped", "reason": ""})


def state(home: Path, job: str) -> JobState:
    """How the job stands. Raises JobError if there is none of that id."""
    folder = _folder(home, job)
    spec = _spec(folder)
    steps = plan(spec)
    # The lock before the end: a process writes its end before it lets go.
    alive = _locked(folder)
    end = read_json(folder / END)
    kept = kept_steps(folder / STEPS, steps).values()
    if end is not None:
        status = Status(end["status"])
    elif alive:
        status = Status.RUNNING
    else:
        status = Status.INTERRUPTED if (folder / STARTED).exists() else Status.WAITING
    left = None
    if status is Status.RUNNING:
        files = (*(folder / STEPS / s.file_name for s in steps), folder / STARTED)
        newest = max((f.stat().st_mtime for f in files if f.exists()), default=time.time())
        left = max(0.0, spec.minutes * 60 - sum(k["seconds"] for k in kept) - max(0.0, time.time() - newest))
    detail = (end or {}).get("reason", "")
    if not detail and status is Status.RUNNING:
        detail = next((e.detail for e in reversed(events(home, job)) if isinstance(e, Progress)), "")
    return JobState(
        id=job, status=status, done=len(kept), total=len(steps), detail=detail, seconds_left=left, spec=spec
    )


def events(home: Path, job: str) -> tuple[Event, ...]:
    """All that the job told so far, oldest first; half a line that is being written is left for the next time."""
    try:
        text = (_folder(home, job) / EVENTS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    return tuple(from_line(line) for line in text[: text.rfind("\n") + 1].splitlines())


def results(home: Path, job: str) -> list[MeasuredCandidate]:
    """The candidates that are measured, in the order of the recipes; also while the job runs, or was stopped."""
    folder = _folder(home, job)
    kept = kept_steps(folder / STEPS, [s for s in plan(_spec(folder)) if s.kind == "measure"])
    return [MeasuredCandidate.from_json(k["candidate"]) for k in kept.values() if "candidate" in k]


def packages(home: Path, job: str) -> list[tuple[str, str]]:
    """Files for another processor, which are made and not measured here: (such as "report-cnn-tvm-aarch64", sha256)."""
    folder = _folder(home, job)
    spec = _spec(folder)
    steps = [s for s in plan(spec) if s.kind == "convert" and s.recipe and not FORMATS[s.recipe.format].runs_here]
    kept = kept_steps(folder / STEPS, steps)
    return [(spec.named(s.recipe), k["sha256"]) for s, k in kept.items() if s.recipe and "sha256" in k]


def failures(home: Path, job: str) -> list[tuple[str, str]]:
    """What failed, and why: (such as "convert report-cnn-fiq", the reason), each cause once."""
    folder = _folder(home, job)
    spec = _spec(folder)
    kept = kept_steps(folder / STEPS, plan(spec))
    return [
        (f"{s.kind} {spec.label(s.recipe) if s.kind == 'train' else spec.named(s.recipe)}", k["failed"])
        for s, k in kept.items()
        if s.recipe is not None and "failed" in k and not k.get("told")
    ]


def unfinished(home: Path, job: str) -> list[str]:
    """Candidates, such as report-cnn-fiq, neither measured nor failed: the time or a stop cut them off."""
    folder = _folder(home, job)
    spec = _spec(folder)
    steps = plan(spec)
    kept = kept_steps(folder / STEPS, steps)
    return [spec.named(s.recipe) for s in steps if s.kind == "measure" and s.recipe is not None and s not in kept]


def jobs(home: Path) -> list[JobState]:
    """All jobs, the newest first."""
    folder = home / JOBS
    ids = [f.name for f in folder.iterdir() if _ID.fullmatch(f.name) and (f / SPEC).exists()] if folder.is_dir() else []
    return [state(home, job) for job in sorted(ids, reverse=True)]


def _folder(home: Path, job: str) -> Path:
    folder = home / JOBS / job
    if not _ID.fullmatch(job) or not (folder / SPEC).is_file():
        raise JobError(f"there is no job {job!r}; see the list of jobs")
    return folder


def _spec(folder: Path) -> JobSpec:
    return JobSpec.from_json(read_json(folder / SPEC) or {})


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    with (folder / LOCK).open("ab") as file:
        # A face that looks whether the job is alive holds the lock for a moment; another worker holds it for good.
        for attempt in range(20):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == 19:
                    raise JobError(f"another process is doing the job {folder.name}; wait for it or stop it") from None
                time.sleep(0.05)
        yield


def _turn(folder: Path, keep: _Keep) -> Iterator[Event]:
    """Wait until no other job of this installation is at work: two at once would spoil each other's measurements.

    The lock is given back by the system when this process ends. A request to stop ends the waiting.
    """
    file = os.open(folder.parent / TURN, os.O_RDWR | os.O_CREAT, 0o644)
    told = False
    while not (folder / STOP).exists():
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not told:
                note = Note("another build is at work on this machine; this one waits for its turn")
                keep(note)
                yield note
                told = True
            time.sleep(0.5)


def _locked(folder: Path) -> bool:
    """Whether a process is doing the job."""
    if not (folder / LOCK).exists():
        return False
    with (folder / LOCK).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class _Keep:
    """Appends events, each whole on the disk before it is told on."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, event: Event) -> None:
        os.write(self._descriptor, f"{to_line(event)}\n".encode())
        os.fsync(self._descriptor)


@contextmanager
def _event_file(folder: Path) -> Iterator[_Keep]:
    """The job's events to append to; half a line that a kill left behind is cut off first."""
    descriptor = os.open(folder / EVENTS, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        text = (folder / EVENTS).read_bytes()
        whole = text.rfind(b"\n") + 1
        os.ftruncate(descriptor, whole)
        os.lseek(descriptor, whole, os.SEEK_SET)
        yield _Keep(descriptor)
    finally:
        os.close(descriptor)
