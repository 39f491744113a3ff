"""What others do on the machine, from /proc/stat, and which cores are left to a measurement."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from device.load import OtherLoad, busy_seconds, quiet_cores
from tests.device.conftest import ROOT

# user nice system idle iowait irq softirq steal guest guest_nice, in hundredths of a second (proc(5))
STAT = """cpu  300 20 100 5000 40 5 10 65 50 0
cpu0 100 20 50 2500 20 5 10 15 0 0
cpu1 200 0 50 2500 20 0 0 50 50 0
intr 12345
"""


@pytest.mark.skipif(os.sysconf("SC_CLK_TCK") != 100, reason="the text counts hundredths")
def test_busy_is_all_but_idle_and_waiting() -> None:
    """All: 3 + 0.2 + 1 + 0.05 + 0.1 + 0.65 s; guest time is in user already."""
    assert busy_seconds(STAT) == pytest.approx({"cpu": 5.0, "cpu0": 2.0, "cpu1": 3.0})


def test_the_load_of_others_is_what_this_process_did_not_use(tmp_path: Path) -> None:
    """The file says that 1000 s were busy since: all but our own moment of it was others'."""
    (tmp_path / "stat").write_text("cpu 100 0 0 0 0 0 0 0\n")
    others, begun = OtherLoad(tmp_path / "stat"), time.monotonic()
    time.sleep(0.2)
    (tmp_path / "stat").write_text(f"cpu {100 + 1000 * os.sysconf('SC_CLK_TCK')} 0 0 0 0 0 0 0\n")
    found = others.cores()
    assert found is not None
    assert 1 < found <= 1000 / 0.2
    assert found * (time.monotonic() - begun) == pytest.approx(1000, rel=0.5)


def test_where_the_system_does_not_tell_nothing_is_said(tmp_path: Path) -> None:
    others = OtherLoad(tmp_path / "nothing")
    time.sleep(0.15)
    assert others.cores() is None


def machine(folder: Path, siblings: dict[int, str], capacities: dict[int, int] | None = None) -> Path:
    """A folder as /sys/devices/system/cpu."""
    for core, text in siblings.items():
        (folder / f"cpu{core}" / "topology").mkdir(parents=True)
        (folder / f"cpu{core}" / "topology" / "thread_siblings_list").write_text(f"{text}\n")
    for core, capacity in (capacities or {}).items():
        (folder / f"cpu{core}" / "cpu_capacity").write_text(f"{capacity}\n")
    return folder


EVEN = {f"cpu{n}": 1.0 for n in range(4)}


@pytest.mark.parametrize(
    ("threads", "busy", "chosen"),
    [
        (1, {}, (3,)),  # all alike: the highest number
        (1, {"cpu3": 1.1, "cpu2": 1.1}, (1,)),  # two have worked meanwhile
        (2, {}, (2, 3)),  # two physical cores
        (3, {}, (1, 2, 3)),
        (9, {}, (0, 1, 2, 3)),
    ],
)
def test_quiet_cores_of_two_with_two_threads_each(
    tmp_path: Path, threads: int, busy: dict[str, float], chosen: tuple[int, ...]
) -> None:
    """Cores 0 and 2 share one physical core, 1 and 3 the other."""
    cpus = machine(tmp_path, {0: "0,2", 2: "0,2", 1: "1,3", 3: "1,3"})
    assert quiet_cores(threads, frozenset(range(4)), EVEN, EVEN | busy, cpus) == chosen


def test_two_threads_of_one_core_only_when_no_other_is_left(tmp_path: Path) -> None:
    """Cores 2 and 3 are one physical core; 1 is busier than both, and still taken before the second of them."""
    cpus = machine(tmp_path, {0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"})
    assert quiet_cores(2, frozenset({1, 2, 3}), EVEN, EVEN | {"cpu1": 1.2}, cpus) == (1, 3)


def test_large_cores_before_small_ones(tmp_path: Path) -> None:
    cpus = machine(tmp_path, {n: str(n) for n in range(4)}, {0: 400, 1: 400, 2: 1024, 3: 400})
    assert quiet_cores(1, frozenset(range(4)), EVEN, EVEN | {"cpu2": 1.1}, cpus) == (2,)
    assert quiet_cores(1, frozenset({0, 1}), EVEN, EVEN, cpus) == (1,)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds processes to cores")
def test_a_pinned_process_has_as_many_cores_as_threads() -> None:
    code = "import os; from device.load import pin; print(pin(1) == tuple(os.sched_getaffinity(0)), end=' '); "
    code += "print(len(os.sched_getaffinity(0)))"
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.split() == ["True", "1"]
