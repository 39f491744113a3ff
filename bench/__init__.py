"""Every figure we claim, measured beside its peers: what a benchmark is made of.

A benchmark is a module with `main() -> Iterable[Row | Table]`, listed by hand in `bench/run.py`. What is compared is
measured interleaved, so that a disturbance of the machine meets all cases alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of a table. `ratio_to` names the row of the same table that this one is compared with."""

    name: str
    value: float
    unit: str
    ratio_to: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table of its own columns, where rows are compared with more than one other; each of `cells` is a line."""

    title: str
    head: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()  # printed below it, one a line


@dataclass(frozen=True)
class Timing:
    """Seconds of each repeat, in the order in which they were taken."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median, in seconds."""
        return statistics.median(self.seconds)

    @property
    def note(self) -> str:
        """How often it was repeated, and between which times (ms) the middle half of the repeats lies."""
        if len(self.seconds) < 4:
            return f"median of {len(self.seconds)}"
        low, _, high = (1000 * s for s in statistics.quantiles(self.seconds, n=4, method="inclusive"))
        return f"median of {len(self.seconds)}, middle half {low:.3g}–{high:.3g} ms"


def interleaved(cases: Mapping[str, Callable[[], object]], *, repeats: int, warmup: int = 1) -> dict[str, Timing]:
    """Times each case `repeats` times, in rounds of one run of each.

    The first case of a round is another one each time, so that no case always follows the same neighbour. The
    `warmup` rounds before are not counted. Raises ValueError without a case or a repeat.
    """
    if not cases or repeats < 1 or warmup < 0:
        raise ValueError(f"nothing to time: {len(cases)} cases, {repeats} repeats, {warmup} for warming up")
    names = list(cases)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(-warmup, repeats):
        first = round_ % len(names)
        for name in names[first:] + names[:first]:
            run = cases[name]
            start = time.perf_counter()
            run()
            taken = time.perf_counter() - start
            if round_ >= 0:
                seconds[name].append(taken)
    return {name: Timing(tuple(taken)) for name, taken in seconds.items()}


def median_seconds(run: Callable[[], object], *, repeats: int = 30, warmup: int = 1) -> float:
    """The median time of one call, in seconds. Compare two such figures only from `interleaved`."""
    return interleaved({"": run}, repeats=repeats, warmup=warmup)[""].median


def rows(timings: Mapping[str, Timing], *, ratio_to: str = "") -> list[Row]:
    """One row in ms for each timing, with its repeats and spread as the note."""
    return [
        Row(name, 1000 * t.median, "ms", "" if name == ratio_to else ratio_to, t.note) for name, t in timings.items()
    ]
