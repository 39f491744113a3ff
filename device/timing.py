"""How long one inference takes: warm-up until it is steady, then blocks of repetitions."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

BLOCKS = 10
NOISY = 0.10  # relative spread of the blocks' medians
STEADY = 0.05  # of three medians in a row, during warm-up
Clock = Callable[[], int]


@dataclass(frozen=True)
class Timing:
    """Of one inference, over `repetitions` calls in blocks. `spread` = (largest − smallest) / middle block median.

    `cores_used` is processor time over wall time, so 1.0 is one busy core.
    """

    p50_ms: float
    p95_ms: float
    repetitions: int
    spread: float
    cores_used: float

    @property
    def noisy(self) -> bool:
        """Whether the blocks differ by more than 10 %."""
        return self.spread > NOISY


def summary(blocks: list[list[int]], cores_used: float = 0.0) -> Timing:
    """The figures of blocks of durations in nanoseconds; percentiles by linear interpolation over all of them."""
    every = np.concatenate([np.asarray(block, dtype=np.float64) for block in blocks])
    medians = [float(np.median(block)) for block in blocks]
    p50, p95 = (float(np.percentile(every, q)) / 1e6 for q in (50, 95))
    return Timing(p50, p95, len(every), (max(medians) - min(medians)) / float(np.median(medians)), cores_used)


def warm_up(infer: Callable[[], object], seconds: float, clock: Clock = time.perf_counter_ns) -> int:
    """Calls `infer` until the medians of three rounds in a row lie within 5 %, or `seconds` are over.

    A round is about a twentieth of `seconds`, at least one call. Returns the number of calls, at least three.
    """
    begin, calls, medians = clock(), 0, list[float]()
    while True:
        block = _block(infer, seconds / 20, clock)
        calls += len(block)
        medians = [*medians, float(np.median(block))][-3:]
        steady = len(medians) == 3 and max(medians) - min(medians) <= STEADY * float(np.median(medians))
        if steady or (calls >= 3 and clock() - begin >= seconds * 1e9):
            return calls


def repeat(infer: Callable[[], object], seconds: float, clock: Clock = time.perf_counter_ns) -> Timing:
    """Times `infer` for about `seconds`, in ten blocks of at least one call each, without garbage collection.

    When the blocks differ by more than 10 % the whole is done once more, and the calmer of the two counts.
    """
    first = _blocks(infer, seconds, clock)
    if not first.noisy:
        return first
    return min(first, _blocks(infer, seconds, clock), key=lambda timing: timing.spread)


def rate(infer: Callable[[], object], batch: int, seconds: float, clock: Clock = time.perf_counter_ns) -> float:
    """Inputs per second when `infer` takes `batch` of them at a time, by the median of at least three calls."""
    infer()
    durations: list[int] = []
    end = clock() + seconds * 1e9
    while len(durations) < 3 or clock() < end:
        begin = clock()
        infer()
        durations.append(clock() - begin)
    return batch * 1e9 / float(np.median(durations))


def _blocks(infer: Callable[[], object], seconds: float, clock: Clock) -> Timing:
    collecting = gc.isenabled()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        blocks = [_block(infer, seconds / BLOCKS, clock) for _ in range(BLOCKS)]
        used = (time.process_time() - cpu) / max(time.perf_counter() - wall, 1e-9)
    finally:
        if collecting:
            gc.enable()
    return summary(blocks, used)


def _block(infer: Callable[[], object], seconds: float, clock: Clock) -> list[int]:
    durations: list[int] = []
    end = clock() + int(seconds * 1e9)
    while True:
        begin = clock()
        infer()
        now = clock()
        durations.append(now - begin)
        if now >= end:
            return durations
