"""All files of a build beside each other: ratios, the Pareto front, and the winner at a tolerance.

Pure functions over figures that were measured; what was not measured is None, and takes no part in what needs it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from device.data import TOP1
from dss.quality import METRICS, POINTS, Metric, Quality, check_tolerance, tolerance_for

LATENCY_UNTOLD_PERCENT = 10.0
"""By how much two latencies may differ by chance where a measurement does not tell its spread: to that its repeats
agree unless it is marked as noisy."""
_ROUNDING = 1e-9  # of a metric, as a share of it


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What a file holds. `macs` are of one inference; `operators` counts by kind, for Keras files the layers."""

    operators: Mapping[str, int]
    nodes: int | None = None
    macs: int | None = None


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One file of a build with one runtime. Times in ms, sizes in KiB, memory in MiB; quality on the same examples.

    `group` is the same for all files of one trained network. `is_original` marks the network as it was trained or
    brought, `is_baseline` the same as one compiled Keras function: the fair pace to compare with, since `predict()`
    pays for a data pipeline at every call. The `check_…` compare its outputs with those of the network itself: the
    agreement of classes, or the largest difference in percent of the range of other outputs.
    """

    model: str
    sha256: str
    group: str
    network: str
    format: str
    label: str
    runtime: str
    is_original: bool
    is_baseline: bool
    quality: Quality | None
    samples: int | None
    latency_p50_ms: float
    latency_p95_ms: float
    latency_p99_ms: float | None
    latency_spread_percent: float | None
    noisy: bool
    throughput_per_s: float
    throughput_batch: int
    peak_memory_mib: float
    size_kib: float
    size_gzip_kib: float | None
    parameters: int
    check_samples: int
    check_difference: float
    check_agreement_percent: float | None
    check_range_percent: float | None = None
    structure: Structure | None = None


@dataclass(frozen=True)
class Side:
    """A contender beside the original. The ratios say how many times as fast, or as small, it is; 1 is no change."""

    row: Contender
    times_original: float | None
    times_baseline: float | None
    times_smaller: float | None
    change: float | None  # of the quality, in its unit: own minus the original's
    overlaps: bool | None  # the 95 % intervals of the two qualities have something in common
    on_front: bool  # none is at least as good and as fast, and better in one
    on_size_front: bool  # the same with the size of the file


@dataclass(frozen=True)
class Comparison:
    """The files of one trained network. `sides` are the fastest first; `tied` are as fast as the winner, or nearly.

    `winner` is None where the original's quality is not known; it is the original where no other is faster within
    the tolerance, which is in the unit of the metric: points where that is %. `closest` is set where no other file is
    within the tolerance: the one that loses least.
    """

    network: str
    metric: Metric
    tolerance: float
    original: Contender | None
    baseline: Contender | None
    sides: tuple[Side, ...]
    winner: Contender | None
    tied: tuple[Contender, ...]
    closest: Contender | None

    @property
    def successor(self) -> Contender | None:
        """The winner, where it is another file than the original."""
        return None if self.winner is None or self.winner.is_original else self.winner

    def side(self, row: Contender) -> Side:
        """A contender with its ratios."""
        return next(s for s in self.sides if s.row == row)


def compare(rows: Sequence[Contender], tolerance: float | None = None) -> tuple[Comparison, ...]:
    """One comparison for each trained network, in the order of the rows.

    `tolerance` None is one point, or 5 % of the original's error where that has no unit of its own. Raises
    ToleranceError.
    """
    groups: dict[str, list[Contender]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    return tuple(_compared(own, tolerance) for own in groups.values())


def _compared(rows: Sequence[Contender], given: float | None) -> Comparison:
    original = next((r for r in rows if r.is_original), None)
    baseline = next((r for r in rows if r.is_baseline), None)
    metric = next((r.quality.metric for r in rows if r.quality is not None), TOP1)
    tolerance = given
    if tolerance is None:
        tolerance = POINTS if original is None or original.quality is None else tolerance_for(original.quality)
    check_tolerance(tolerance, metric)
    known = [r for r in rows if r.quality is not None]
    front = {id(known[i]) for i in pareto([_costs(r)[:2] for r in known])}
    with_size = {id(known[i]) for i in pareto([_costs(r) for r in known])}
    sides = tuple(
        _side(r, original, baseline, id(r) in front, id(r) in with_size)
        for r in sorted(rows, key=lambda r: (r.latency_p50_ms, r.size_kib, r.model))
    )
    winner, tied = _winner(known, original, tolerance)
    others = [r for r in known if r is not original]
    none_within = winner is not None and not any(_is_within(r, original, tolerance) for r in others)
    least_lost = min(others, key=lambda r: (_quality_cost(r), r.latency_p50_ms), default=None)
    return Comparison(
        rows[0].network, METRICS[metric], tolerance, original, baseline, sides, winner, tied,
        least_lost if none_within else None,
    )  # fmt: skip


def _quality_cost(row: Contender) -> float:
    assert row.quality is not None
    return row.quality.cost


def _costs(row: Contender) -> tuple[float, float, float]:
    return row.latency_p50_ms, _quality_cost(row), row.size_kib


def pareto(costs: Sequence[tuple[float, ...]]) -> list[int]:
    """The places of the points that no other beats: none has all costs at most as high, and one of them lower.

    Equal points stay together. In the order of their costs a point can be beaten only by one before it, and then also
    by one before it that is not beaten (Kung, Luccio and Preparata, 1975): so each is compared with the front so far.
    """
    front: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: costs[i]):
        beaten = any(
            costs[j] != costs[i] and all(a <= b for a, b in zip(costs[j], costs[i], strict=True)) for j in front
        )
        if not beaten:
            front.append(i)
    return front


def _side(
    row: Contender, original: Contender | None, baseline: Contender | None, on_front: bool, on_size_front: bool
) -> Side:
    change = overlaps = None
    if original is not None and original.quality is not None and row.quality is not None:
        change = row.quality.value - original.quality.value
        overlaps = row.quality.overlaps(original.quality)
    return Side(
        row=row,
        times_original=None if original is None else original.latency_p50_ms / row.latency_p50_ms,
        times_baseline=None if baseline is None else baseline.latency_p50_ms / row.latency_p50_ms,
        times_smaller=None if original is None else original.size_kib / row.size_kib,
        change=change,
        overlaps=overlaps,
        on_front=on_front,
        on_size_front=on_size_front,
    )


def _is_within(row: Contender, original: Contender | None, tolerance: float) -> bool:
    if original is None or original.quality is None or row.quality is None:
        return False
    most = original.quality.cost + tolerance
    return row.quality.cost <= most or math.isclose(row.quality.cost, most, rel_tol=_ROUNDING)


def _winner(
    known: Sequence[Contender], original: Contender | None, tolerance: float
) -> tuple[Contender | None, tuple[Contender, ...]]:
    """The fastest within the tolerance, of those as fast within the noise the smallest; and those that it tied with."""
    within = [r for r in known if _is_within(r, original, tolerance)]
    if not within:
        return None, ()
    fastest = min(within, key=lambda r: (r.latency_p50_ms, r.model))
    level = [r for r in within if r.latency_p50_ms <= fastest.latency_p50_ms * (1 + noise_percent(fastest, r) / 100)]
    # The original before another that is no smaller and no better: chance is no reason to replace it.
    winner = min(level, key=lambda r: (r.size_kib, _quality_cost(r), not r.is_original, r.latency_p50_ms, r.model))
    return winner, tuple(r for r in level if r is not winner)


def noise_percent(first: Contender, second: Contender) -> float:
    """By how much the latencies of two may differ by chance: the greater of the spreads of their own repeats."""
    told = [r.latency_spread_percent for r in (first, second)]
    return max(LATENCY_UNTOLD_PERCENT if s is None or not math.isfinite(s) else s for s in told)
