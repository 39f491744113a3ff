"""How long one inference takes: warm-up until it is steady, then blocks of repetitions; again where they differ."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from device.energy import Meter
from device.load import OtherLoad

BLOCKS = 10
ATTEMPTS = 3
NOISY = 0.10  # relative spread of the blocks' medians
STEADY = 0.05  # of three medians in a row, during warm-up
Clock = Callable[[], int]


@dataclass(frozen=True)
class Timing:
    """Of one inference, over `repetitions` calls in blocks. `spread` = (largest − smallest) / middle block median.

    `cores_used` is processor time over wall time, so 1.0 is one busy core; `other_load` the same of all other
    processes. `energy_mj` is in millijoules per call. `attempts` tells how often it was timed; this is the quietest.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    repetitions: int
    spread: float
    cores_used: float = 0.0
    other_load: float | None = None
    energy_mj: float | None = None
    attempts: int = 1

    @property
    def noisy(self) -> bool:
        """Whether the blocks differ by more than 10 %."""
        return self.spread > NOISY


def summary(blocks: list[list[int]]) -> Timing:
    """The figures of blocks of durations in nanoseconds; percentiles by linear interpolation over all of them."""
    every = np.concatenate([np.asarray(block, dtype=np.float64) for block in blocks])
    medians = [float(np.median(block)) for block in blocks]
    p50, p95, p99 = (float(np.percentile(every, q)) / 1e6 for q in (50, 95, 99))
    return Timing(p50, p95, p99, len(every), (max(medians) - min(medians)) / float(np.median(medians)))


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


def repeat(
    infer: Callable[[], object],
    seconds: float,
    clock: Clock = time.perf_counter_ns,
    meter: Meter | None = None,
) -> Timing:
    """Times `infer` for about `seconds`, in ten blocks of at least one call each, without garbage collection.

    While the blocks differ by more than 10 % the whole is done again, up to three times; the quietest counts.
    """
    found = [_blocks(infer, seconds, clock, meter)]
    while found[-1].noisy and len(found) < ATTEMPTS:
        found.append(_blocks(infer, seconds, clock, meter))
    return replace(min(found, key=lambda timing: timing.spread), attempts=len(found))


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


def _blocks(infer: Callable[[], object], seconds: float, clock: Clock, meter: Meter | None) -> Timing:
    collecting = gc.isenabled()
    gc.disable()
    try:
        others, joules = OtherLoad(), 0.0 if meter else None
        wall, cpu = time.perf_counter(), time.process_time()
        blocks = []
        for _ in range(BLOCKS):
            before = meter.read() if meter else ()
            blocks.append(_block(infer, seconds / BLOCKS, clock))
            drawn = meter.joules(before, meter.read()) if meter else None
            joules = None if joules is None or drawn is None else joules + drawn
        used = (time.process_time() - cpu) / max(time.perf_counter() - wall, 1e-9)
        busy = others.cores()
    finally:
        if collecting:
            gc.enable()
    timing = summary(blocks)
    energy_mj = None if joules is None else 1000 * joules / timing.repetitions
    return replace(timing, cores_used=used, other_load=busy, energy_mj=energy_mj)


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
