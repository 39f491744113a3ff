"""The processor's energy meter, as a folder of files in the form in which Linux shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from device.energy import find_meter
from device.timing import repeat


@pytest.fixture
def powercap(tmp_path: Path) -> Path:
    """Two packages, the cores of the first, and what stands beside them; ranges of 1 J."""
    names = {"intel-rapl:0": "package-0", "intel-rapl:0:0": "core", "intel-rapl:1": "package-1", "intel-rapl:2": "psys"}
    names["intel-rapl-mmio:0"] = "package-0"  # the same package by another way
    for zone, name in names.items():
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "name").write_text(f"{name}\n")
        (tmp_path / zone / "energy_uj").write_text("400000\n")
        (tmp_path / zone / "max_energy_range_uj").write_text("1000000\n")
    (tmp_path / "intel-rapl").mkdir()
    return tmp_path


def test_whole_packages_count(powercap: Path) -> None:
    meter = find_meter(powercap)
    assert meter is not None
    assert [counter.parent.name for counter in meter.counters] == ["intel-rapl:0", "intel-rapl:1"]
    assert meter.description.startswith("RAPL, 2 packages: all energy of the processor")
    assert meter.read() == (400_000, 400_000)


def test_joules_between_two_readings(powercap: Path) -> None:
    """The first went from 0.4 to 0.9 J; the second turned over: from 0.4 up to 1, then on to 0.1. 0.5 + 0.7 J."""
    meter = find_meter(powercap)
    assert meter is not None
    before = meter.read()
    for zone, energy in (("intel-rapl:0", 900_000), ("intel-rapl:1", 100_000)):
        (powercap / zone / "energy_uj").write_text(str(energy))
    assert meter.joules(before, meter.read()) == pytest.approx(1.2)


def test_the_energy_of_one_call(powercap: Path) -> None:
    """Each call takes 10 ms and 3 mJ of a counter that turns over at 1 J: ten blocks of ten calls."""
    (powercap / "intel-rapl:1" / "name").write_text("psys")
    meter, counter, now = find_meter(powercap), powercap / "intel-rapl:0" / "energy_uj", [0]

    def infer() -> None:
        now[0] += 10_000_000
        counter.write_text(str((int(counter.read_text()) + 3_000) % 1_000_000))

    timed = repeat(infer, seconds=1.0, clock=lambda: now[0], meter=meter)
    assert timed.repetitions == 100
    assert timed.energy_mj == pytest.approx(3)
    assert timed.energy_spread == pytest.approx(0)


def test_the_energy_has_a_spread_of_its_own(powercap: Path) -> None:
    """Each call takes 10 ms, whatever it draws: ten blocks of one call, eight of 3 mJ, one of 2 and one of 5."""
    (powercap / "intel-rapl:1" / "name").write_text("psys")
    meter, counter, now = find_meter(powercap), powercap / "intel-rapl:0" / "energy_uj", [0]
    drawn = iter([2_000, 5_000, *[3_000] * 8])

    def infer() -> None:
        now[0] += 10_000_000
        counter.write_text(str(int(counter.read_text()) + next(drawn)))

    timed = repeat(infer, seconds=0.1, clock=lambda: now[0], meter=meter)
    assert (timed.spread, timed.energy_mj, timed.energy_spread) == pytest.approx((0, 3.1, 1.0))  # (5 − 2) / 3


def test_a_meter_slower_than_the_blocks_tells_no_spread(powercap: Path) -> None:
    """It counts 30 mJ at once, in the last of ten calls."""
    (powercap / "intel-rapl:1" / "name").write_text("psys")
    meter, counter, now = find_meter(powercap), powercap / "intel-rapl:0" / "energy_uj", [0]

    def infer() -> None:
        now[0] += 10_000_000
        if now[0] == 100_000_000:
            counter.write_text(str(int(counter.read_text()) + 30_000))

    timed = repeat(infer, seconds=0.1, clock=lambda: now[0], meter=meter)
    assert timed.energy_mj == pytest.approx(3)
    assert timed.energy_spread is None


def test_a_meter_that_stops_being_readable_gives_nothing(powercap: Path) -> None:
    meter = find_meter(powercap)
    assert meter is not None
    (powercap / "intel-rapl:1" / "energy_uj").write_text("")
    assert meter.read() == ()
    assert meter.joules((400_000, 400_000), ()) is None
    now = [0]

    def infer() -> None:
        now[0] += 10_000_000

    assert repeat(infer, seconds=0.1, clock=lambda: now[0], meter=meter).energy_mj is None


def test_where_there_is_no_meter_there_is_no_figure(powercap: Path, tmp_path: Path) -> None:
    assert find_meter(tmp_path / "nothing") is None
    (powercap / "intel-rapl:0" / "energy_uj").unlink()  # as where only root may read it
    assert find_meter(powercap) is None
