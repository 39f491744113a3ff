"""How long one inference takes: warm-up until it is steady, then blocks of repetitions; again where they differ."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from device.energy import Meter
from device.load import OtherLoad

BLOCKS = 10
FEW_BLOCKS = 5  # where one call may take long, such as with a large batch
ATTEMPTS = 3
NOISY = 0.10  # relative spread of the blocks' medians
STEADY = 0.05  # of three medians in a row, during warm-up
Clock = Callable[[], int]


@dataclass(frozen=True)
class Timing:
    """Of one inference, over `repetitions` calls in blocks. `spread` is that of the blocks' medians.

    `cores_used` is processor time over wall time, so 1.0 is one busy core; `other_load` the same of all other
    processes. `energy_mj` is in millijoules per call, `energy_spread` that of its blocks, None without energy.
    `attempts` tells how often it was timed; this is the quietest.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    repetitions: int
    spread: float
    cores_used: float = 0.0
    other_load: float | None = None
    energy_mj: float | None = None
    energy_spread: float | None = None
    attempts: int = 1

    @property
    def noisy(self) -> bool:
        """Whether the blocks differ by more than 10 %."""
        return self.spread > NOISY


@dataclass(frozen=True)
class Rate:
    """Inputs per second with `batch` of them at a time; `spread` is that of the rates of its blocks."""

    batch: int
    per_s: float
    spread: float


def spread(values: Sequence[float]) -> float:
    """(largest − smallest) / median of what the blocks of one run gave; values above 0."""
    return float((max(values) - min(values)) / np.median(values))


def summary(blocks: list[list[int]]) -> Timing:
    """The figures of blocks of durations in nanoseconds; percentiles by linear interpolation over all of them."""
    every = np.concatenate([np.asarray(block, dtype=np.float64) for block in blocks])
    medians = [float(np.median(block)) for block in blocks]
    p50, p95, p99 = (float(np.percentile(every, q)) / 1e6 for q in (50, 95, 99))
    return Timing(p50, p95, p99, len(every), spread(medians))


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


def rate(infer: Callable[[], object], batch: int, seconds: float, clock: Clock = time.perf_counter_ns) -> Rate:
    """Inputs per second when `infer` takes `batch` of them at a time: by the median call of five blocks.

    Each block takes a fifth of `seconds`, at least one call.
    """
    infer()
    blocks = [_block(infer, seconds / FEW_BLOCKS, clock) for _ in range(FEW_BLOCKS)]
    per_s = batch * 1e9 / float(np.median([duration for block in blocks for duration in block]))
    return Rate(batch, per_s, spread([batch * 1e9 / float(np.median(block)) for block in blocks]))


def _blocks(infer: Callable[[], object], seconds: float, clock: Clock, meter: Meter | None) -> Timing:
    collecting = gc.isenabled()
    gc.disable()
    try:
        others, joules = OtherLoad(), list[float | None]()
        wall, cpu = time.perf_counter(), time.process_time()
        blocks = []
        for _ in range(BLOCKS):
            before = meter.read() if meter else ()
            blocks.append(_block(infer, seconds / BLOCKS, clock))
            joules.append(meter.joules(before, meter.read()) if meter else None)
        used = (time.process_time() - cpu) / max(time.perf_counter() - wall, 1e-9)
        busy = others.cores()
    finally:
        if collecting:
            gc.enable()
    timing = summary(blocks)
    energy_mj, energy_spread = _energy(blocks, joules)
    return replace(timing, cores_used=used, other_load=busy, energy_mj=energy_mj, energy_spread=energy_spread)


def _energy(blocks: list[list[int]], joules: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Millijoules per call and their spread over the blocks; None where a block's energy could not be read."""
    drawn = [1000 * j for j in joules if j is not None]
    if len(drawn) < len(blocks):
        return None, None
    each = [mj / len(block) for mj, block in zip(drawn, blocks, strict=True)]
    # A counter that is slower than the blocks gives most of them nothing: then nothing is known of the spread.
    return sum(drawn) / sum(map(len, blocks)), spread(each) if np.median(each) > 0 else None


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
