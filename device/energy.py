"""The energy that a processor draws, where it has a meter that this process may read.

RAPL, the running average power limit of Intel and AMD processors, as Linux shows it (Documentation/power/powercap):
each package has a folder `intel-rapl:N` with `name`, `energy_uj` and `max_energy_range_uj`, after which it starts
from 0 again. Since 2020 only root may read `energy_uj` on most systems, and virtual machines rarely have it. Meters
of boards (hwmon) are left out: which of their rails feeds the processor differs from board to board.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
_ZONE = re.compile(r"intel-rapl:\d+")


@dataclass(frozen=True)
class Meter:
    """The packages' counters. Each counts everything that its processor does, other processes included."""

    counters: tuple[Path, ...]
    ranges_uj: tuple[int, ...]

    @property
    def description(self) -> str:
        """What the figure is, in words."""
        many = f"{len(self.counters)} packages" if len(self.counters) > 1 else "1 package"
        return f"RAPL, {many}: all energy of the processor during the timed runs, idle and other load included"

    def read(self) -> tuple[int, ...]:
        """The counters now, in microjoules; empty when they can no longer be read."""
        try:
            return tuple(int(counter.read_text()) for counter in self.counters)
        except (OSError, ValueError):
            return ()

    def joules(self, before: Sequence[int], after: Sequence[int]) -> float | None:
        """Between two readings, at most one turn of a counter apart; None when either failed."""
        if not before or not after:
            return None
        turned = (
            end - start if end >= start else end - start + size
            for start, end, size in zip(before, after, self.ranges_uj, strict=True)
        )
        return sum(turned) / 1e6


def find_meter(folder: Path = POWERCAP) -> Meter | None:
    """The meter in a folder of RAPL's form; None where there is none, or where it may not be read."""
    counters, ranges = [], []
    try:
        for zone in sorted(folder.iterdir()):
            if _ZONE.fullmatch(zone.name) and (zone / "name").read_text().startswith("package"):
                int((zone / "energy_uj").read_text())
                counters.append(zone / "energy_uj")
                ranges.append(int((zone / "max_energy_range_uj").read_text()))
    except (OSError, ValueError):
        return None
    return Meter(tuple(counters), tuple(ranges)) if counters else None
