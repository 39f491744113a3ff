"""Figures that cannot be true are told with their values and with what to try; plausible ones pass."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.records import Device, Grade, Model, Network, Optimization, Performance, Record, TrainedNetwork
from repository.knowledge import Knowledge
from repository.plausibility import Finding, Known, Severity, Span, findings, known
from tests.repository.registered import MEASURED, the_records

# In the tiny graph SmallNet, of the family Net, takes 10 to 50 ms on boards a to e, and 5 ms on a new board.
BOARDS = ("Net", "single-board-computer")


def judged(
    against: Known | None = None,
    *,
    batch: int = 1,
    parameters: int | None = None,
    device: str = "board-x",
    optimization: str = "float",
    network: str = "small-net",
    **figures: Any,
) -> list[Finding]:
    """What is found of one model with one performance."""
    records: list[Record] = [
        Performance(name="act", evidence=Grade.DECLARED, source="local", **figures),
        TrainedNetwork(name="tn", network=network, parameters=parameters),
        Device(name="board-x", device_type=("single-board-computer",)),
        Model(
            name="mine", network=network, device=device, optimization=optimization, trained_network="tn",
            performance=("act",),
        ),
    ]  # fmt: skip
    return findings(records, against, batch=batch)


def only(found: list[Finding]) -> tuple[Severity, str, str]:
    (one,) = found
    return one.severity, one.field, str(one)


def test_what_is_known_comes_from_the_graph(tiny: Knowledge) -> None:
    told = known(tiny.projection)
    assert told.of_kind[BOARDS] == Span(5.0, 123.0)  # 123 ms is the paper's card
    assert told.on_device["small-net", "board-c"] == Span(30.0, 30.0)
    assert told.same_latency["small-net", 40.0] == {"board-d"}
    assert (told.families["small-net"], told.precisions["w8a8"]) == ("Net", "w8a8")


def test_plausible_figures_pass(tiny: Knowledge) -> None:
    # 25 ms is 40 inputs a second; a million floats are 3906 KiB.
    good = judged(
        known(tiny.projection), inference_latency_ms=25.0, throughput_per_s=38.0, size_kib=3990.0, parameters=10**6,
        accuracy_percent=71.0, peak_memory_mib=9.0,
    )  # fmt: skip
    assert good == []
    assert findings(the_records()) == []


def test_seconds_in_a_column_of_milliseconds(tiny: Knowledge) -> None:
    assert only(judged(known(tiny.projection), inference_latency_ms=0.025)) == (
        Severity.ERROR,
        "inference_latency_ms",
        "latency 0.025 ms is 200 times outside what is known of Net networks on a single board computer (5 to 123 ms); "
        "it looks like seconds: 25 ms would fit, so name the column latency (seconds)",
    )
    assert only(judged(known(tiny.projection), inference_latency_ms=25_000.0)) == (
        Severity.ERROR,
        "inference_latency_ms",
        "latency 25000 ms is 203 times outside what is known of Net networks on a single board computer (5 to 123 ms); "
        "it looks like microseconds: 25 ms would fit, so name the column latency (microseconds)",
    )


def test_the_same_network_on_the_same_device_tells_more_than_its_family(tiny: Knowledge) -> None:
    against = known(tiny.projection)
    (found,) = judged(against, device="board-c", inference_latency_ms=0.03)
    assert "1,000 times outside what is known of small-net on board-c (30 to 30 ms)" in found.message
    assert judged(against, device="board-c", inference_latency_ms=3.0) == []


def test_far_away_is_a_warning_and_too_far_an_error() -> None:
    against = Known(of_kind={BOARDS: Span(10.0, 10.0)}, families={"small-net": "Net"})
    assert judged(against, inference_latency_ms=0.4) == []  # 25 times
    assert only(judged(against, inference_latency_ms=0.1))[0] is Severity.WARNING  # 100 times
    assert only(judged(against, inference_latency_ms=0.0001))[0] is Severity.ERROR  # 100,000 times
    assert judged(against, inference_latency_ms=0.0001, network="other") == []  # nothing is known of it


@pytest.mark.parametrize(
    ("latency", "throughput", "batch", "severity"),
    [
        (10.0, 100.0, 1, None),
        (10.0, 30.0, 1, None),  # with preparation of the input
        (10.0, 300.0, 1, None),  # on several cores
        (10.0, 2000.0, 8, None),
        (10.0, 10.0, 1, Severity.WARNING),
        (10.0, 2000.0, 1, Severity.WARNING),
        (0.010, 100.0, 1, Severity.ERROR),  # seconds
        (10_000.0, 100.0, 1, Severity.ERROR),  # microseconds
    ],
)
def test_latency_and_throughput_must_fit(
    latency: float, throughput: float, batch: int, severity: Severity | None
) -> None:
    found = judged(batch=batch, inference_latency_ms=latency, throughput_per_s=throughput)
    assert [f.severity for f in found] == ([] if severity is None else [severity])
    if found:
        assert f"latency {latency:g} ms and throughput {throughput:g} 1/s do not fit" in found[0].message


@pytest.mark.parametrize(
    ("size", "optimization", "severity"),
    [
        (4000.0, "float", None),
        (1000.0, "w8a8", None),
        (1310.0, "float", None),  # compressed
        (1000.0, "float", Severity.WARNING),  # 3906 KiB expected
        (12_000.0, "float", Severity.WARNING),  # with the optimizer's state: 3.1 times
        (4_000_000.0, "float", Severity.ERROR),  # bytes in a column of KiB
        (4.0, "float", Severity.ERROR),  # MiB in a column of KiB
        (4.0, "unstated", None),
    ],
)
def test_size_must_fit_the_parameters(size: float, optimization: str, severity: Severity | None) -> None:
    found = judged(size_kib=size, parameters=10**6, optimization=optimization)
    assert [f.severity for f in found] == ([] if severity is None else [severity])


def test_a_small_file_may_hold_more_than_its_weights() -> None:
    assert judged(size_kib=40.0, parameters=1000) == []  # 4 KiB of weights


def test_bits_of_an_optimization_that_is_registered_too() -> None:
    records = [
        Optimization(name="pruned-4-bit", precision="w4a16", weight_bits=4),
        Network(name="n", family="Net"),
        TrainedNetwork(name="t", network="n", parameters=10**6),
        Performance(name="p", size_kib=4000.0),
        Model(name="m", network="n", trained_network="t", optimization="pruned-4-bit", performance=("p",)),
    ]
    assert "1,000,000 parameters of 4 bits: 488 KiB expected" in only(findings(records))[2]


@pytest.mark.parametrize(
    ("accuracy", "told"),
    [
        (0.93, "accuracy 0.93 % reads as a fraction; write 93, or name the column accuracy (fraction)"),
        (1.0, "accuracy 1 % reads as a fraction; write 100"),
        (101.0, "accuracy 101 % is above 100 %; check the column"),
        (-1.0, "accuracy -1 % is negative; leave a figure that is not known empty"),
        (math.nan, "accuracy nan % is not a number"),
    ],
)
def test_accuracy_is_a_percentage(accuracy: float, told: str) -> None:
    severity, field, message = only(judged(accuracy_percent=accuracy))
    assert (severity, field) == (Severity.ERROR, "accuracy_percent")
    assert message.startswith(told)


@given(st.floats(0, 100))
def test_only_fractions_are_refused_between_0_and_100(accuracy: float) -> None:
    assert bool(judged(accuracy_percent=accuracy)) is (0 < accuracy <= 1)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("inference_latency_ms", "inference latency -1 ms is negative"),
        ("peak_memory_mib", "peak memory -1 MiB is negative"),
        ("throughput_per_s", "throughput -1 1/s is negative"),
        ("size_kib", "size -1 KiB is negative"),
    ],
)
def test_nothing_is_negative(field: str, told: str) -> None:
    minus: dict[str, Any] = {field: -1.0}
    zero: dict[str, Any] = {field: 0.0}
    assert only(judged(**minus))[2].startswith(told)
    assert only(judged(**zero))[2].endswith("leave a figure that is not known empty")


def test_stability_may_be_negative_and_a_metric_too() -> None:
    assert judged(stability_percent=-20.0, metric_value=-3.0) == []


def test_the_very_figure_of_another_device(tiny: Knowledge) -> None:
    against = known(tiny.projection)
    assert only(judged(against, inference_latency_ms=40.0)) == (
        Severity.WARNING,
        "inference_latency_ms",
        "latency 40 ms is exactly that of small-net on board-d; check that it was measured on board-x",
    )
    assert judged(against, device="board-d", inference_latency_ms=40.0) == []


def test_the_batch_of_a_run_counts() -> None:
    run = replace(MEASURED, throughput_per_s=12_000.0, throughput_batch=32)
    assert findings(the_records(run)) == []
    assert [f.field for f in findings(the_records(replace(run, throughput_batch=1)))] == ["throughput_per_s"]
