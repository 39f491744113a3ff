"""Our measured p50 against a loop that shares no code with it, in pairs, so that a disturbance meets both alike."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import Table
from device.measure import measure

LOOP = Path(__file__).resolve().parent / "independent_loop.py"
WITHIN = 0.05
FEW = 64  # examples: only the time is asked for
HEAD = ("file", "pairs", "ours p50 ms", "loop p50 ms", "median ratio", "middle half", "within 5 %")


@dataclass(frozen=True)
class Pairs:
    """How many of each file, and for how many seconds each side is timed."""

    number: int
    seconds: float


@dataclass(frozen=True)
class Pair:
    """Both p50, in ms."""

    ours: float
    loop: float

    @property
    def ratio(self) -> float:
        """Ours by theirs."""
        return self.ours / self.loop


def agreement(files: Mapping[str, Path], data: Path, asked: Pairs) -> Table:
    """A row for each file, by its format. Files take turns, and of each pair another side begins."""
    found: dict[str, list[Pair]] = {name: [] for name in files}
    with _one_core(), tempfile.TemporaryDirectory(prefix="dlom-pairs-") as folder:
        few = Path(folder) / "few.npz"
        with np.load(data) as arrays:
            np.savez(few, x=arrays["x"][:FEW])
        for round_ in range(asked.number):
            for name, file in files.items():
                found[name].append(_pair(file, few, asked.seconds, ours_first=round_ % 2 == 0))
    return Table(
        "Our measured p50 against an independent loop around the same runtime",
        HEAD,
        tuple(line(name, pairs) for name, pairs in found.items()),
        (
            "ours: device.measure, with all that it does beside; the loop: bench/independent_loop.py, which imports "
            "nothing of DLOM. Each is a process of its own each time, both on the same core; ratio: ours : loop",
        ),
    )


def line(name: str, pairs: list[Pair]) -> tuple[str, ...]:
    """One row of the table."""
    ratios = sorted(pair.ratio for pair in pairs)
    middle = statistics.median(ratios)
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return (
        name,
        str(len(pairs)),
        f"{statistics.median(pair.ours for pair in pairs):.4g}",
        f"{statistics.median(pair.loop for pair in pairs):.4g}",
        f"{middle:.3f}",
        f"{low:.3f}–{high:.3f}",
        "yes" if abs(middle - 1) <= WITHIN else "NO",
    )


def _pair(file: Path, data: Path, seconds: float, *, ours_first: bool) -> Pair:
    if ours_first:
        ours = measure(file, data, seconds=seconds).latency_p50_ms
        return Pair(ours, looped(file, seconds))
    loop = looped(file, seconds)
    return Pair(measure(file, data, seconds=seconds).latency_p50_ms, loop)


def looped(file: Path, seconds: float) -> float:
    """p50 in ms by the independent loop. Raises RuntimeError when it fails."""
    done = subprocess.run(
        [sys.executable, "-P", str(LOOP), str(file), str(seconds)], capture_output=True, text=True, timeout=600,
        check=False, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the loop around {file.name} failed: {done.stderr.strip()[-500:]}")
    return float(json.loads(done.stdout.strip().splitlines()[-1])["p50_ms"])


@contextmanager
def _one_core() -> Iterator[None]:
    """What is started meanwhile may use one core only, which no two could choose differently (Linux)."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
