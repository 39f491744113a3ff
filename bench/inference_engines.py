"""A model file with a runtime in a process of its own, for `peers`, and rounds in which several of them take turns."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.peers import Engine, Peer, TooSlow
from device.accuracy import largest_batch
from device.data import load_data
from device.evaluation import judge
from device.runtimes import runtime_for
from device.runtimes.contract import Batch, Session, Shape, check_batch
from device.timing import Timing, summary

PREDICT = "Keras predict()"
JUDGE = "judge"
LEAST_CALLS = 1  # of a block, beside one that is not counted: another process ran before it
READY_S, LIMIT_S = 600.0, 600.0
# What a process may set for its libraries before they start; the same as `device.measure` does.
SETTINGS = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Case:
    """A row to measure: a file with a runtime of the shelf, or with `PREDICT`."""

    format: str
    file: Path
    runtime: str


@dataclass(frozen=True)
class Found:
    """What was measured of a case; or `fault`, why not."""

    timing: Timing | None = None
    accuracy_percent: float | None = None
    arithmetic: str = ""
    fault: str = ""


class PredictSession:
    """Keras's own `predict()`, as tutorials time it: one thread, a pipeline of data built anew for each call."""

    input_dtype = "float32"
    version = ""
    arithmetic = "float32"

    def __init__(self, path: Path) -> None:
        import keras
        import tensorflow as tf

        from device.runtimes.keras_runtime import pin

        pin(tf, 1)
        self._model = keras.saving.load_model(str(path), compile=False, safe_mode=True)
        self.input_shape: Shape = tuple(self._model.inputs[0].shape)

    def prepare(self, batch: Batch) -> Any:
        """One call, to be repeated."""
        check_batch(batch, self.input_shape)
        return lambda: self._model.predict(batch, verbose=0)

    def run(self, batch: Batch) -> Batch:
        """The scores (n, classes)."""
        found: NDArray[np.float32] = self._model.predict(batch, verbose=0)
        return found


def running(file: Path, runtime: str, data: Path, examples: int, core: int | None) -> Engine:
    """Asked with seconds it runs a block and gives its durations in ns; asked `JUDGE`, accuracy and arithmetic."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stderr.fileno())  # libraries greet there; what fails is told by the peer
    session = _opened(file, runtime, core)
    given = load_data(data)
    one = given.first(session.input_shape).astype(np.float32)
    infer = session.prepare(one)
    infer()

    def answer(asked: float | str) -> Any:
        nonlocal infer
        if asked == JUDGE:
            told = _judged(session, data, examples), session.arithmetic
            infer = session.prepare(one)
            return told
        return _block(infer, float(asked))

    return Engine(run=answer, read=lambda found: found)


def _opened(file: Path, runtime: str, core: int | None) -> Session:
    """Libraries are loaded on any core, so that many processes start soon; threads are made on the one core."""
    spec = runtime_for(file, None if runtime == PREDICT else runtime)
    spec.load()
    if core is not None:
        os.sched_setaffinity(0, {core})
    return PredictSession(file) if runtime == PREDICT else spec.open(file, 1)


def _judged(session: Session, data: Path, examples: int) -> float | None:
    given = load_data(data)
    if given.metric is None:
        return None
    if given.y is not None and given.x is not None and examples < len(given):
        given = type(given)(given.x[:examples], (), given.y[:examples], None, given.metric)
    x = given.arrays(session.input_shape)
    found = judge(session, given, x, largest_batch(session, x))
    return None if found is None or found.accuracy is None else found.accuracy[0]


def _block(infer: Any, seconds: float) -> list[int]:
    """A fifth of the time is not counted: the caches hold what ran before."""
    begin = time.perf_counter()
    while True:
        infer()
        if time.perf_counter() - begin >= seconds / 5:
            break
    durations: list[int] = []
    end = time.perf_counter() + seconds
    while len(durations) < LEAST_CALLS or time.perf_counter() < end:
        started = time.perf_counter_ns()
        infer()
        durations.append(time.perf_counter_ns() - started)
    return durations


def measured(cases: Mapping[str, Case], data: Path, *, rounds: int, block_s: float, examples: int) -> dict[str, Found]:
    """Each case in a process of its own and on the same core, one after another in rounds, another one first in each.

    A case that fails is told with its reason, and does not end the others.
    """
    faults: dict[str, str] = {}
    with _started(cases, data, examples, faults) as peers:
        told = {}
        for name, peer in list(peers.items()):
            told[name] = _ask(name, peer, JUDGE, faults)
        blocks: dict[str, list[list[int]]] = {name: [] for name in peers}
        names = list(peers)
        for round_ in range(rounds):
            at = round_ % max(len(names), 1)
            for name in names[at:] + names[:at]:
                if name not in faults:
                    block = _ask(name, peers[name], block_s, faults)
                    if block is not None:
                        blocks[name].append(block)
    found: dict[str, Found] = {}
    for name in cases:
        if name in faults:
            found[name] = Found(fault=faults[name])
        else:
            accuracy, arithmetic = told[name]
            found[name] = Found(summary(blocks[name]), accuracy, arithmetic)
    return found


@contextmanager
def _started(cases: Mapping[str, Case], data: Path, examples: int, faults: dict[str, str]) -> Iterator[dict[str, Peer]]:
    core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    started: dict[str, Peer] = {}
    with _environment():
        try:
            for name, case in cases.items():
                arguments = (case.file, case.runtime, data, examples, core)
                started[name] = Peer(name, running, *arguments, ready_s=READY_S)
            ready = {}
            for name, peer in started.items():
                try:
                    peer.ready()
                    ready[name] = peer
                except (RuntimeError, TooSlow) as error:
                    faults[name] = _last(error)
            yield ready
        finally:
            for peer in started.values():
                peer.close()


@contextmanager
def _environment() -> Iterator[None]:
    """What the processes start with; ours is as before afterwards."""
    before = {name: os.environ.get(name) for name in SETTINGS}
    os.environ.update(SETTINGS)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _ask(name: str, peer: Peer, question: object, faults: dict[str, str]) -> Any:
    try:
        return peer.ask(question, LIMIT_S)[1]
    except (RuntimeError, TooSlow) as error:
        faults[name] = _last(error)
        return None


def _last(error: Exception) -> str:
    return str(error).strip().splitlines()[-1][:160]
