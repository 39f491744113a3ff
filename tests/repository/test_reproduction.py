"""A model measured again: each difference by hand, and what the noise explains of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cli_measure import reproduction_lines
from device.measured import Measured
from ontology.records import Grade, MeasurementRun
from repository.history import drift
from repository.register import register
from repository.reproduction import Compared, Repeats, Verdict, compare, repeats_like
from repository.runs import MeasuredModel, RegisteredFigure
from tests.repository.registered import MACHINE, MEASURED, MODEL
from tests.repository.test_withdraw import act, own
from tests.tiny import tiny_graph

TIMED = ("inference_latency_ms", "system_latency_ms", "throughput_per_s", "energy_mj")
MACHINE_AND_VERSIONS = "A CPU, 2 cores, 3900.5 MiB, Linux 6.1.0; Python 3.11, LiteRT 2.3.0"
THE_MODEL = MeasuredModel(
    name=MODEL, artifact=MEASURED.sha256, format="tflite", file_name="tulips.tflite", network="report-cnn",
    optimization="w8a8", trained_network=None, purpose="image-classification", device="local-0a1b2c3d4e5f",
    fingerprint=MACHINE.fingerprint, runtime="litert-cpu",
)  # fmt: skip
NOW = replace(MEASURED, latency_spread_percent=3.0, throughput_spread_percent=5.0, arithmetic="int8")


def registered(figure: str, value: float, **more: Any) -> RegisteredFigure:
    """A figure of a run with the same everything; it spread by 2 %, if it is one that is timed."""
    said: dict[str, Any] = {
        "unit": "", "runtime_version": "2.3.0", "threads": 1, "spread_percent": 2.0 if figure in TIMED else None,
        "noisy": False, "data_sha256": "d" * 64, "arithmetic": "int8", "installation": MACHINE_AND_VERSIONS,
    }  # fmt: skip
    return RegisteredFigure(figure=figure, value=value, **(said | more))


def one(before: RegisteredFigure, now: Measured = NOW, **more: Any) -> Compared:
    return compare(THE_MODEL, [before], now, **more).figures[0]


@pytest.mark.parametrize(
    ("before_ms", "percent", "verdict"),
    [
        (2.0, 0.0, Verdict.WITHIN),
        (1.92, 4.166_667, Verdict.WITHIN),  # 100 × 0.08 / 1.92, and 2 % + 3 % are allowed
        (1.9, 5.263_158, Verdict.BEYOND),
        (2.2, -9.090_909, Verdict.BEYOND),  # faster is a difference, too
    ],
)
def test_a_latency_may_differ_by_the_spreads_of_both_runs(before_ms: float, percent: float, verdict: Verdict) -> None:
    found = one(registered("inference_latency_ms", before_ms))
    assert (found.registered, found.now, found.verdict) == (before_ms, 2.0, verdict)
    assert found.difference_percent == pytest.approx(percent)
    assert (found.registered_spread_percent, found.now_spread_percent) == (2.0, 3.0)


def test_a_noisy_run_says_how_coarse_the_answer_is() -> None:
    quiet = compare(THE_MODEL, [registered("inference_latency_ms", 2.0)], NOW)
    assert (quiet.agrees, quiet.noise_percent) == (True, None)
    noisy = compare(THE_MODEL, [registered("inference_latency_ms", 2.6, spread_percent=25.8)], NOW)
    assert (noisy.agrees, noisy.noise_percent) == (True, 25.8)
    assert "spread 26 %" in list(reproduction_lines(noisy))[-1]


def test_better_and_worse_are_told_by_which_way_the_figure_runs() -> None:
    assert one(registered("inference_latency_ms", 1.0)).why == "worse than spreads of 2.0 % and 3.0 % explain"
    assert one(registered("throughput_per_s", 100.0)).why == "better than spreads of 2.0 % and 5.0 % explain"


@pytest.mark.parametrize(
    ("figure", "spread"),
    [
        ("throughput_per_s", "throughput_spread_percent"),
        ("system_latency_ms", "system_latency_spread_percent"),
        ("energy_mj", "energy_spread_percent"),
    ],
)
def test_each_figure_is_judged_by_its_own_spread(figure: str, spread: str) -> None:
    """100 registered, 106 now: 6 % is within 2 % + 5 % and beyond 2 % + 3 %, however the latency spread."""

    def now(spread_percent: float | None) -> Measured:
        said: dict[str, Any] = {figure: 106.0, "latency_spread_percent": 50.0, spread: spread_percent}
        return replace(NOW, **said)

    found = one(registered(figure, 100.0), now(5.0))
    assert (found.verdict, found.registered_spread_percent, found.now_spread_percent) == (Verdict.WITHIN, 2.0, 5.0)
    assert one(registered(figure, 100.0), now(3.0)).verdict is Verdict.BEYOND
    untold = one(registered(figure, 100.0), now(None))
    assert (untold.verdict, untold.why) == (Verdict.NOT_JUDGED, "its spread was not measured now")
    older = one(registered(figure, 100.0, spread_percent=None), now(3.0))
    assert (older.verdict, older.why) == (Verdict.NOT_JUDGED, "its spread in the registered run is not on record")


def test_repeats_on_record_widen_what_is_noise() -> None:
    before = registered("inference_latency_ms", 1.5)
    assert one(before).verdict is Verdict.BEYOND
    assert one(before, repeats={"inference_latency_ms": Repeats(2, 1.4, 2.1)}).verdict is Verdict.BEYOND  # too few
    found = one(before, repeats={"inference_latency_ms": Repeats(3, 1.4, 2.1)})
    assert (found.verdict, found.why) == (Verdict.WITHIN, "in the range of the 3 repeats on record")


def test_a_run_from_before_spreads_were_kept_had_at_most_ten_percent_if_it_was_quiet() -> None:
    old = {"spread_percent": None}
    assert one(registered("inference_latency_ms", 1.8, **old)).verdict is Verdict.WITHIN  # 11.1 % ≤ 10 % + 3 %
    noisy = one(registered("inference_latency_ms", 1.8, noisy=True, **old))
    assert (noisy.verdict, noisy.why) == (
        Verdict.NOT_JUDGED, "its spread in the registered run is not on record",
    )  # fmt: skip


def test_times_of_another_machine_or_number_of_threads_are_not_judged() -> None:
    elsewhere = replace(NOW, machine=replace(MACHINE, fingerprint="f" * 12, cpu="Another CPU"))
    found = compare(THE_MODEL, [registered("inference_latency_ms", 9.0)], elsewhere)
    assert (found.figures[0].verdict, found.figures[0].why) == (Verdict.NOT_JUDGED, "another machine")
    assert found.first[0].startswith("another machine: registered on local-0a1b2c3d4e5f, now on Another CPU")
    assert not found.same_machine
    found = compare(THE_MODEL, [registered("inference_latency_ms", 9.0, threads=2)], NOW)
    assert (found.figures[0].why, found.first) == ("another number of threads", ("threads: 2 then, 1 now",))


def test_an_accuracy_must_be_equal_where_nothing_differs() -> None:
    assert one(registered("accuracy_percent", 90.0)).verdict is Verdict.EQUAL
    found = compare(THE_MODEL, [registered("accuracy_percent", 91.0, low=83.0, high=96.0)], NOW)
    assert found.figures[0].verdict is Verdict.UNEQUAL
    assert not found.agrees


def test_with_another_version_it_must_lie_in_the_registered_interval() -> None:
    older = {"runtime_version": "2.2.0", "low": 83.0, "high": 96.0}
    found = compare(THE_MODEL, [registered("accuracy_percent", 91.0, **older)], NOW)
    assert found.figures[0].verdict is Verdict.WITHIN
    assert found.first == ("runtime version: 2.2.0 then, 2.3.0 now",)
    beyond = one(registered("accuracy_percent", 97.0, **older | {"low": 91.0, "high": 99.0}))
    assert (beyond.verdict, beyond.why) == (Verdict.BEYOND, "outside the registered interval [91.00, 99.00]")


def test_other_examples_are_said_first_and_their_quality_is_not_compared() -> None:
    found = compare(THE_MODEL, [registered("accuracy_percent", 50.0, data_sha256="c" * 64)], NOW)
    assert found.first == ("other examples: SHA-256 cccccccccccc… then, dddddddddddd… now; quality cannot be compared",)
    assert (found.figures[0].verdict, found.same_examples, found.agrees) == (Verdict.NOT_JUDGED, False, True)


def test_another_metric_is_no_other_value_of_the_same() -> None:
    now = replace(NOW, accuracy_percent=None, metric="rmse", metric_value=3.0)
    assert one(registered("metric_value", 3.0, metric="rmse"), now).verdict is Verdict.EQUAL
    assert one(registered("metric_value", 3.1, metric="rmse"), now).verdict is Verdict.UNEQUAL
    assert one(registered("metric_value", 3.0, metric="mard"), now).why == "another metric: mard on record, rmse now"


def test_what_has_no_spread_is_shown_and_not_judged() -> None:
    memory = one(registered("peak_memory_mib", 2.0))
    assert (memory.now, memory.difference_percent, memory.verdict) == (3.0, 50.0, Verdict.NOT_JUDGED)
    gone = one(registered("energy_mj", 2.0))
    assert (gone.now, gone.difference_percent, gone.why) == (None, None, "not measured now")


def test_of_nothing_no_share_is_told() -> None:
    found = one(registered("peak_memory_mib", 0.0))
    assert (found.now, found.difference_percent) == (3.0, None)
    assert one(registered("peak_memory_mib", 0.0), replace(NOW, peak_memory_mib=0.0)).difference_percent == 0
    assert one(registered("inference_latency_ms", 0.0)).verdict is Verdict.BEYOND


def test_the_tails_are_shown_beside_the_median() -> None:
    now = replace(NOW, latency_p99_ms=3.0)
    found = compare(THE_MODEL, [registered("inference_latency_ms", 2.0, p95_ms=2.0, p99_ms=2.0)], now).figures
    assert [(f.figure, f.now, f.difference_percent) for f in found] == [
        ("inference_latency_ms", 2.0, 0.0), ("p95_latency_ms", 2.5, 25.0), ("p99_latency_ms", 3.0, 50.0),
    ]  # fmt: skip


def test_another_size_of_the_same_file_is_a_fault() -> None:
    assert one(registered("size_kib", 120.0)).verdict is Verdict.EQUAL
    assert one(registered("size_kib", 121.0)).verdict is Verdict.UNEQUAL


def test_versions_systems_and_arithmetic_that_differ_are_said() -> None:
    before = registered(
        "size_kib", 120.0, arithmetic="float32", noisy=True,
        installation="A CPU, 2 cores, 3900.5 MiB, Linux 5.0; Python 3.10, LiteRT 2.3.0",
    )  # fmt: skip
    assert compare(THE_MODEL, [before], NOW).first == (
        "versions: Python 3.10, LiteRT 2.3.0 then, Python 3.11, LiteRT 2.3.0 now",
        "arithmetic: float32 then, int8 now",
        "system: Linux 5.0 then, Linux 6.1.0 now",
        "the registered run was noisy",
    )
    assert compare(THE_MODEL, [registered("size_kib", 120.0)], NOW).first == ()


def test_only_quiet_runs_of_the_same_kind_count_as_repeats() -> None:
    graph = tiny_graph()
    runs = (("p1", 1.0, 1, "2.3.0", False), ("p2", 1.2, 1, "2.3.0", False), ("p3", 1.1, 1, "2.3.0", False),
            ("p4", 9.0, 1, "2.3.0", True), ("p5", 0.1, 2, "2.3.0", False), ("p6", 0.2, 1, "2.2.0", False))  # fmt: skip
    for day, (name, ms, threads, version, noisy) in enumerate(runs, start=1):
        performance = replace(
            act(name, day, inference_latency_ms=ms, runtime_version=version), evidence=Grade.MEASURED, generated_by=name
        )
        run = MeasurementRun(name=name, threads=threads, noisy=noisy)
        register(graph, [*own(performance), run])
    now = replace(NOW, threads=1, runtime_version="2.3.0")
    assert repeats_like(drift(graph, "mine"), now) == {"inference_latency_ms": Repeats(3, 1.0, 1.2)}
