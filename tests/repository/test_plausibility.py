"""Figures that cannot be true are told with their values and with what to try; plausible ones pass."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.records import (
    Device,
    Grade,
    Model,
    Network,
    Optimization,
    Performance,
    Record,
    TrainedNetwork,
)
from repository.knowledge import Knowledge
from repository.plausibility import Finding, Known, Severity, findings, known
from repository.projection import Projection
from tests.repository.registered import MEASURED, the_records

# In the tiny graph SmallNet, of the family Net, takes 10 to 50 ms on boards a to e, and 5 ms on a new board.


def judged(
    against: Known | None = None,
    *more: Record,
    batch: int = 1,
    sure: bool = False,
    runtime: str | None = None,
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
            runtime=runtime, performance=("act",),
        ),
        *more,
    ]  # fmt: skip
    return findings(records, against, batch=batch, sure=sure)


def only(found: list[Finding]) -> tuple[Severity, str, str]:
    (one,) = found
    return one.severity, one.field, str(one)


def test_what_is_known_comes_from_the_graph(tiny: Knowledge) -> None:
    told = known(tiny.projection)
    boards = told.group("inference_latency_ms", {"family": "Net", "kind": "single-board-computer"}, without="a")
    assert boards is not None
    assert sorted(boards.values) == [5, 7, 20, 30, 40, 50, 123]  # 123 ms is the paper's card; a's own 10 is left out
    assert (boards.centre, boards.times_outside(246.0), boards.times_outside(6.0)) == (30, 2, 1)
    own = told.group("inference_latency_ms", {"network": "small-net", "device": "board-c"}, without="c")
    assert own is None  # c itself is the only one there
    assert (told.families["small-net"], told.precisions["w8a8"], told.units["litert-cpu"]) == ("Net", "w8a8", "CPU")


def test_plausible_figures_pass(tiny: Knowledge) -> None:
    # 25 ms is 40 inputs a second; a million floats are 3906 KiB.
    good = judged(
        known(tiny.projection), inference_latency_ms=25.0, throughput_per_s=38.0, size_kib=3990.0, parameters=10**6,
        accuracy_percent=71.0, peak_memory_mib=9.0,
    )  # fmt: skip
    assert good == []
    assert findings(the_records()) == []


def test_seconds_in_a_column_of_milliseconds(tiny: Knowledge) -> None:
    # On boards of its kind SmallNet takes 5, 7, 10, 20, 30, 40, 50 and 123 ms: 25 in the middle, and half a slip of a
    # unit, 1000**0.5 = 31.6 times, is 0.79 to 791 ms.
    group = "small-net on a single board computer (8 known, 5 to 123 ms)"
    assert only(judged(known(tiny.projection), inference_latency_ms=0.025)) == (
        Severity.ERROR,
        "inference_latency_ms",
        f"latency 0.025 ms is 1,000 times below what is known of {group}; "
        "it looks like seconds: 25 ms would fit; write that, or name the column latency (seconds)",
    )
    assert only(judged(known(tiny.projection), inference_latency_ms=25_000.0)) == (
        Severity.ERROR,
        "inference_latency_ms",
        f"latency 25000 ms is 1,000 times what is known of {group}; "
        "it looks like microseconds: 25 ms would fit; write that, or name the column latency (microseconds)",
    )


def test_the_same_network_on_the_same_device_tells_more_than_its_family(tiny: Knowledge) -> None:
    against = known(tiny.projection)
    (found,) = judged(against, device="board-c", inference_latency_ms=0.03)
    assert "1,000 times below what is known of small-net on board-c (1 known, 30 ms)" in found.message
    assert judged(against, device="board-c", inference_latency_ms=3.0) == []


def test_far_from_one_runtime_but_near_another_on_the_device_is_a_warning() -> None:
    # A network takes 1 ms by the NPU of a phone, and 100 ms by its CPU: 90 ms by the NPU may be a fallback.
    against = Known(
        codes={"network": np.array([0, 0]), "device": np.array([0, 0]), "unit": np.array([0, 1])},
        numbers={"network": {"net": 0}, "device": {"phone": 0}, "unit": {"NPU": 0, "CPU": 1}},
        figures={"inference_latency_ms": np.array([1.0, 100.0])},
        devices=("phone",),
        units={"npu": "NPU"},
    )

    def by_npu(latency: float) -> list[Finding]:
        return judged(against, network="net", device="phone", runtime="npu", inference_latency_ms=latency)

    assert only(by_npu(90.0))[0] is Severity.WARNING
    assert only(by_npu(9000.0))[0] is Severity.ERROR
    assert by_npu(20.0) == []


def test_a_person_may_be_sure_of_what_only_differs(tiny: Knowledge) -> None:
    against = known(tiny.projection)
    assert [f.severity for f in judged(against, sure=True, inference_latency_ms=0.025)] == [Severity.WARNING]
    assert [f.severity for f in judged(against, sure=True, inference_latency_ms=-1.0)] == [Severity.ERROR]
    assert [f.severity for f in judged(against, sure=True, accuracy_percent=101.0)] == [Severity.ERROR]


def test_a_correction_is_not_held_against_the_figure_that_it_corrects(tiny: Knowledge) -> None:
    slipped = [
        Performance(name="new", inference_latency_ms=0.03),
        Model(name="c", network="small-net", device="board-c", performance=("new",)),
    ]
    (found,) = findings(slipped, known(tiny.projection))
    assert "board-c" not in found.message  # where only c itself is known


def test_nothing_is_said_of_a_network_that_nothing_is_known_of(tiny: Knowledge) -> None:
    assert judged(known(tiny.projection), network="other", inference_latency_ms=0.0001) == []


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


def test_the_very_figures_of_another_device_are_a_copy() -> None:
    def rows(*figures: tuple[float, float], devices: str = "ab") -> list[Record]:
        acts = [
            Performance(name=f"p{i}", inference_latency_ms=f[0], peak_memory_mib=f[1]) for i, f in enumerate(figures)
        ]
        models = [
            Model(name=f"m{i}", network="n", device=f"board-{d}", performance=(f"p{i}",))
            for i, d in zip(range(len(acts)), devices, strict=True)
        ]
        return [*acts, *models]

    severity, _, told = only(findings(rows((12.113, 182.0), (12.113, 182.0))))
    assert severity is Severity.ERROR
    assert told == (
        "inference latency 12.113, peak memory 182: exactly the figures of m0 on board-a; "
        "leave out what was not measured on board-b"
    )
    assert findings(rows((12.113, 182.0), (12.114, 182.0))) == []
    assert findings(rows((12.0, 180.0), (12.0, 180.0))) == []  # round figures agree by accident
    assert findings(rows((12.113, 182.0), (12.113, 182.0), devices="aa")) == []


def test_one_long_figure_of_another_device_is_a_warning(facts: Knowledge) -> None:
    p = facts.projection
    on_s25 = p.models.index[(p.models["network"] == "convnext-base") & (p.models["device"] == "samsung-galaxy-s25")]
    latency = max(filter(None, (figure(p, int(row), "inference_latency_ms") for row in on_s25)))  # such as 268.327 ms
    records: list[Record] = [
        Performance(name="act", inference_latency_ms=latency),
        Model(name="mine", network="convnext-base", device="samsung-galaxy-s24", performance=("act",)),
    ]
    (copied,) = [f for f in findings(records, known(p)) if f.rule == "copied"]
    assert copied.severity is Severity.WARNING
    assert copied.message == f"inference latency {latency:g} is exactly that of convnext-base on samsung-galaxy-s25"


def test_the_batch_of_a_run_counts() -> None:
    run = replace(MEASURED, throughput_per_s=12_000.0, throughput_batch=32)
    assert findings(the_records(run)) == []
    assert [f.field for f in findings(the_records(replace(run, throughput_batch=1)))] == ["throughput_per_s"]


@pytest.mark.parametrize(
    ("power", "energy", "severity"),
    [
        (2.0, 20.0, None),  # 2 W for 10 ms are 20 mJ
        (2.0, 60.0, None),
        (2.0, 200.0, Severity.WARNING),
        (2.0, 0.02, Severity.ERROR),  # joules
        (2000.0, 20.0, Severity.ERROR),  # mW
    ],
)
def test_energy_is_power_for_the_time(power: float, energy: float, severity: Severity | None) -> None:
    found = judged(inference_latency_ms=10.0, average_power_w=power, energy_mj=energy)
    assert [f.severity for f in found] == ([] if severity is None else [severity])


def test_peak_memory_is_not_more_than_the_device_has() -> None:
    device = Device(name="small-board", ram_mib=512.0)
    found = judged(None, device, device="small-board", peak_memory_mib=9000.0)
    assert only(found)[2] == "peak memory 9000 MiB is more than the 512 MiB that small-board has; check the unit"
    assert judged(None, device, device="small-board", peak_memory_mib=90.0) == []


def test_peak_memory_is_not_a_thousandth_of_the_file() -> None:
    assert only(judged(peak_memory_mib=0.009, size_kib=10_000.0))[0] is Severity.WARNING
    assert judged(peak_memory_mib=1.0, size_kib=10_000.0) == []  # a runtime may map the file


def test_weights_are_read_no_faster_than_memory_can() -> None:
    # A million floats are 4 MB: in 10 ms 0.4 GB/s, in 0.001 ms 4,000 GB/s, in 0.00001 ms 400,000.
    speeds = {10.0: [], 0.001: [Severity.WARNING], 0.00001: [Severity.ERROR]}
    for latency, expected in speeds.items():
        found = judged(inference_latency_ms=latency, parameters=10**6)
        assert [f.severity for f in found] == expected


def test_system_latency_holds_inference_latency() -> None:
    assert only(judged(inference_latency_ms=10.0, system_latency_ms=5.0))[1] == "system_latency_ms"
    assert judged(inference_latency_ms=10.0, system_latency_ms=15.0) == []


def test_accuracy_far_from_that_of_the_network_on_the_same_data(tiny: Knowledge) -> None:
    # SmallNet has 60, 65, 70, 75 and 80 % on the flowers: 70 in the middle.
    against = known(tiny.projection)
    on: dict[str, Any] = {"metric": "top-1", "test_set": "flowers-test"}
    found = judged(against, accuracy_percent=7.0, **on)
    assert only(found)[2].startswith("accuracy 7 % is far from what is known of small-net on flowers-test (5 known,")
    assert judged(against, accuracy_percent=45.0, **on) == []
    assert judged(against, accuracy_percent=7.0, metric="top-1", test_set="other") == []


# What the rules do to the shipped facts: every row judged as if it were registered now, compared with the others.


def figure(p: Projection, row: int, name: str) -> float | None:
    column = p.columns[name]
    assert isinstance(column, np.ndarray)
    return None if np.isnan(column[row]) else float(column[row])


def as_registered(p: Projection, row: int, **changed: float) -> list[Record]:
    """One shipped model with its figures, some of them changed."""
    said = {k: v if isinstance(v, str) else None for k, v in p.models.iloc[row].items()}
    kept = ("inference_latency_ms", "size_kib", "peak_memory_mib", "accuracy_percent", "throughput_per_s")
    figures: dict[str, Any] = {name: figure(p, row, name) for name in kept} | changed
    parameters = figure(p, row, "parameters")
    return [
        Performance(name="act", metric=said["metric"], test_set=said["test_set"], **figures),
        TrainedNetwork(name="tn", parameters=int(parameters) if parameters else None),
        Model(
            name=str(said["model"]), network=said["network"], device=said["device"], runtime=said["runtime"],
            optimization=said["optimization"], trained_network="tn", performance=("act",),
        ),
    ]  # fmt: skip


def sample(p: Projection, name: str) -> list[int]:
    """500 rows of one benchmark that have the figure, always the same."""
    rows = [i for i, s in enumerate(p.models["source"]) if str(s).startswith("aihub-0") and figure(p, i, name)]
    return random.Random(2026).sample(rows, 500)


@pytest.mark.parametrize(("name", "least"), [("inference_latency_ms", 480), ("size_kib", 495)])
@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_a_slip_of_a_unit_is_caught_in_the_shipped_facts(
    facts: Knowledge, name: str, least: int, factor: float
) -> None:
    p, against = facts.projection, known(facts.projection)
    caught = 0
    for row in sample(p, name):
        value = figure(p, row, name)
        assert value is not None
        slipped: dict[str, float] = {name: value * factor}
        found = findings(as_registered(p, row, **slipped), against)
        caught += any(f.severity is Severity.ERROR and f.rule != "copied" for f in found)
    assert caught >= least


def test_shipped_facts_are_seldom_refused(facts: Knowledge) -> None:
    p, against = facts.projection, known(facts.projection)
    refused: Counter[str] = Counter()
    twins = set()
    for row in sample(p, "inference_latency_ms"):
        for f in findings(as_registered(p, row), against):
            if f.severity is Severity.ERROR:
                refused[f.rule] += 1
                twins |= {str(p.models["device"].iat[row])} if f.rule == "copied" else set()
    assert refused["far"] + refused["reading"] <= 8  # of 500
    assert refused["fraction"] <= 15  # networks that quantization broke, with 0.6 % on the shipped test data
    assert refused["size"] == refused["pace"] == refused["ram"] == refused["range"] == 0
    # The printed table has the figures of one run under the names of two devices.
    assert twins == {"qcs8275-proxy", "sa7255p-adp"}
