"""The harness of the benchmarks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

import bench
from bench import Row, Table, Timing, interleaved, median_seconds, rows
from bench.run import BENCHMARKS, machine, main, table, titled


def test_cases_take_turns_and_warming_up_is_not_counted() -> None:
    ran: list[str] = []
    timings = interleaved({"a": lambda: ran.append("a"), "b": lambda: ran.append("b")}, repeats=3, warmup=1)
    assert "".join(ran) == "ba" + "ab" + "ba" + "ab"
    assert {name: len(t.seconds) for name, t in timings.items()} == {"a": 3, "b": 3}


def test_a_median_is_not_moved_by_one_slow_run() -> None:
    assert Timing((0.001, 9.0, 0.003)).median == 0.003
    assert median_seconds(lambda: None, repeats=3) < 0.1


def test_the_note_gives_repeats_and_the_middle_half() -> None:
    assert Timing((0.001, 0.002, 0.003, 0.004, 0.005)).note == "median of 5, middle half 2–4 ms"
    assert Timing((0.001,)).note == "median of 1"


@pytest.mark.parametrize(("cases", "repeats"), [({}, 3), ({"a": print}, 0)])
def test_nothing_to_time_is_an_error(cases: dict[str, type], repeats: int) -> None:
    with pytest.raises(ValueError, match="nothing to time"):
        interleaved(cases, repeats=repeats)


def test_timings_become_rows_compared_with_one_of_them() -> None:
    assert rows({"ours": Timing((0.002,)), "theirs": Timing((0.004,))}, ratio_to="theirs") == [
        Row("ours", 2.0, "ms", "theirs", "median of 1"),
        Row("theirs", 4.0, "ms", "", "median of 1"),
    ]


def test_a_table_shows_the_ratio() -> None:
    assert table([Row("ours", 2, "ms", "theirs"), Row("theirs", 4, "ms", note="v2")]).splitlines() == [
        "| case   | value | ratio        | note |",
        "|--------|-------|--------------|------|",
        "| ours   | 2 ms  | 0.5 × theirs |      |",
        "| theirs | 4 ms  |              | v2   |",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [Row("a", 1, "ms"), Row("a", 2, "ms")],
        [Row("a", 1, "ms", "b")],
        [Row("a", 1, "ms", "b"), Row("b", 1, "s")],
        [Row("a", 1, "ms", "b"), Row("b", 0, "ms")],
    ],
)
def test_a_table_that_compares_what_cannot_be_compared_is_an_error(wrong: list[Row]) -> None:
    with pytest.raises(ValueError):
        table(wrong)


def test_a_table_of_its_own_columns_has_a_title_and_notes() -> None:
    assert titled(Table("Times", ("a", "bc"), (("1", "2"),), ("in ms", "long " * 30))).splitlines() == [
        "### Times", "", "| a | bc |", "|---|----|", "| 1 | 2  |", "", "- in ms", "- " + " ".join(["long"] * 27),
        "  long long long",
    ]  # fmt: skip
    for cells in ((), (("1",),)):
        with pytest.raises(ValueError, match="'Times': each line needs 2 cells"):
            titled(Table("Times", ("a", "bc"), cells))


def test_tables_are_printed_one_after_another_under_one_heading(capsys: pytest.CaptureFixture[str]) -> None:
    def two() -> Iterable[Table]:
        yield Table("One", ("a",), (("1",),))
        yield Table("Two", ("a",), (("2",),))

    assert main(["two"], {"two": two}) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n## two: The harness") == 1
    assert printed.index("## two") < printed.index("### One") < printed.index("### Two")


def small() -> Iterable[Row]:
    yield Row("one", 1, "ms")


def test_named_benchmarks_run_and_are_headed_by_their_modules_docstring(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["small"], {"small": small, "other": lambda: pytest.fail("was not asked for")}) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(machine())
    assert "\n## small: The harness of the benchmarks.\n\n| case" in printed


def test_an_unknown_name_runs_nothing_and_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["small", "smal"], {"small": lambda: pytest.fail("ran")}) == 2
    assert capsys.readouterr().err == "no benchmark smal; there are: small\n"
    assert main([], {}) == 2


def test_every_module_of_bench_that_has_a_main_is_on_the_list() -> None:
    files = (f for f in Path(bench.__file__).parent.glob("*.py") if "\ndef main(" in f.read_text())
    assert {b.__module__ for b in BENCHMARKS.values()} == {f"bench.{f.stem}" for f in files} - {"bench.run"}
