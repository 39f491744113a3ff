"""How busy the machine is apart from this process, and which of its cores are best left to a measurement."""

from __future__ import annotations

import os
import time
from pathlib import Path

STAT = Path("/proc/stat")
CPUS = Path("/sys/devices/system/cpu")
_TICKS = os.sysconf("SC_CLK_TCK")
_IDLE = (3, 4)  # idle and iowait among user, nice, system, idle, iowait, irq, softirq, steal
_COUNTED = 8  # guest time, which follows, is in user already


def busy_seconds(stat: str) -> dict[str, float]:
    """For "cpu" (all) and each "cpuN", from the text of /proc/stat (proc(5)): seconds since the start not spent idle.

    What other virtual machines took away (steal) counts as busy: it is not there for this one.
    """
    rows = (line.split() for line in stat.splitlines() if line.startswith("cpu"))
    return {
        name: sum(int(n) for at, n in enumerate(times[:_COUNTED]) if at not in _IDLE) / _TICKS for name, *times in rows
    }


class OtherLoad:
    """Counts from its making; `cores()` gives the mean number of cores that other processes kept busy since then."""

    def __init__(self, stat: Path = STAT) -> None:
        self._stat = stat
        self._before = self._now()

    def cores(self) -> float | None:
        """None where the system does not tell (no /proc/stat), or less than a tenth of a second has passed."""
        now = self._now()
        if self._before is None or now is None or now[0] - self._before[0] < 0.1:
            return None
        wall, busy, own = (after - before for before, after in zip(self._before, now, strict=True))
        return max(0.0, busy - own) / wall

    def _now(self) -> tuple[float, float, float] | None:
        try:
            busy = busy_seconds(self._stat.read_text())["cpu"]
        except (OSError, KeyError, ValueError):
            return None
        return time.monotonic(), busy, time.process_time()


def quiet_cores(
    threads: int,
    allowed: frozenset[int],
    busy_before: dict[str, float],
    busy_after: dict[str, float],
    cpus: Path = CPUS,
) -> tuple[int, ...]:
    """`threads` of the `allowed` cores on which to measure, from two readings of `busy_seconds`.

    First the fastest where cores differ, then one thread of each physical core, then those that were least busy
    between the readings, then the highest number, because the system's own work is mostly on core 0.
    """
    spent = {n: busy_after.get(f"cpu{n}", 0.0) - busy_before.get(f"cpu{n}", 0.0) for n in allowed}
    chosen: list[int] = []
    while len(chosen) < min(threads, len(allowed)):
        taken = {sibling for n in chosen for sibling in siblings(n, cpus)}
        left = allowed - set(chosen)
        chosen.append(min(left, key=lambda n: (-_capacity(n, cpus), n in taken, spent[n], -n)))
    return tuple(sorted(chosen))


def siblings(core: int, cpus: Path = CPUS) -> frozenset[int]:
    """The hardware threads that share this one's physical core, itself among them."""
    text = _text(cpus / f"cpu{core}" / "topology" / "thread_siblings_list")
    found = {core}
    for part in text.split(",") if text else []:  # "0,4" or "0-1"
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)


def pin(threads: int) -> tuple[int, ...]:
    """Binds this process, and what it starts from now on, to as many cores as threads; which, or () where it cannot.

    Linux only. Call it before a runtime makes its threads.
    """
    if not hasattr(os, "sched_setaffinity"):
        return ()
    allowed = frozenset(os.sched_getaffinity(0))
    try:
        before = busy_seconds(STAT.read_text())
        time.sleep(0.1)
        chosen = quiet_cores(threads, allowed, before, busy_seconds(STAT.read_text()))
        os.sched_setaffinity(0, chosen)
    except (OSError, ValueError):
        return ()
    return chosen


def _capacity(core: int, cpus: Path) -> int:
    """Of cores that differ (big and little ones of ARM), the kernel's measure of how much one does; else 0."""
    text = _text(cpus / f"cpu{core}" / "cpu_capacity")
    return int(text) if text.isdigit() else 0


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
