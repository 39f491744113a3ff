"""What the table and the chart show is what the graph says."""

from __future__ import annotations

import numpy as np
import pytest

from dss.card import written_ms
from dss.preferences import Preferences
from flow import Selection, select
from ontology.requirement import Requirement
from repository.knowledge import Knowledge
from wizard import chart
from wizard.table import ranked


@pytest.fixture(scope="module")
def detectors(knowledge: Knowledge) -> Selection:
    asked = Requirement(task=("object-detection",), inference_latency_ms_at_most=20.0)
    return select(asked, Preferences.from_text("performance-cost:5"), knowledge)


def test_every_row_holds_the_facts_of_its_model(detectors: Selection) -> None:
    p, table = detectors.candidates.projection, ranked(detectors)
    assert list(table["Place"]) == list(range(1, len(table) + 1))
    for i, scored in enumerate(detectors.ranking.scored[:20]):
        latency = p.fact(scored.row, "inference_latency_ms")
        assert latency is not None
        assert table["Latency (ms)"].iloc[i] == latency.value <= 20
        assert latency.evidence.value in table["Latency evidence"].iloc[i]
        quality = p.fact(scored.row, "accuracy_percent") or p.fact(scored.row, "metric_value")
        if quality is None:
            assert np.isnan(table["Quality"].iloc[i])
            assert table["Quality evidence"].iloc[i] == ""
        else:
            assert table["Quality"].iloc[i] == quality.value
            assert table["Quality evidence"].iloc[i].endswith("↷") == (quality.carried_from is not None)


def test_what_a_request_limits_has_a_column(knowledge: Knowledge, detectors: Selection) -> None:
    asked = Requirement(task=("keyword-spotting",), energy_mj_at_most=1.0)
    energy = ranked(select(asked, Preferences.from_text(""), knowledge))["Energy (mJ)"]
    assert len(energy) == 3  # of MLPerf Tiny v1.2
    assert energy.max() <= 1.0
    assert "Energy (mJ)" not in ranked(detectors)


def test_a_near_copy_is_folded_into_the_best_of_its_kind(detectors: Selection) -> None:
    p = detectors.candidates.projection
    every, folded = ranked(detectors), ranked(detectors, everything=False)
    same = [tuple(p.models[["network", "trained", "optimization", "device"]].iloc[row]) for row in every.index]
    assert len(set(same)) < len(same)  # there are such copies among the detectors
    assert list(folded.index) == [row for i, row in enumerate(every.index) if same[i] not in same[:i]]
    first = folded.iloc[0]
    copies = [row for row, kind in zip(every.index[1:], same[1:], strict=True) if kind == same[0]]
    runtimes = {p.label("rt", name) for name in p.models["runtime"].iloc[copies]}
    assert {name for name in first["Also with"].split(", ") if name} == runtimes


def test_a_cost_that_rests_on_an_estimate_is_a_range(detectors: Selection) -> None:
    table = ranked(detectors)
    p = detectors.candidates.projection
    phone = next(i for i, d in enumerate(p.models["device"].iloc[table.index]) if d == "samsung-galaxy-s24")
    price = float(p.devices["samsung-galaxy-s24"]["price_usd"])
    assert p.devices["samsung-galaxy-s24"]["price_source"].casefold().startswith("estimate")
    assert table["Cost may be (USD)"].iloc[phone] == f"{0.75 * price:,.0f} to {1.75 * price:,.0f}"


def test_latencies_below_a_tenth_of_a_millisecond_are_in_microseconds(knowledge: Knowledge) -> None:
    column = knowledge.projection.columns["inference_latency_ms"]
    assert isinstance(column, np.ndarray)
    fastest = float(np.nanmin(column))
    assert 0 < fastest < 0.1
    found = ranked(select(Requirement(inference_latency_ms_at_most=0.099), Preferences(), knowledge))
    assert found["Latency (µs)"].min() == 1000 * fastest
    assert found["Latency (µs)"].max() <= 99
    assert written_ms(0.045) == "45 µs"
    assert written_ms(0.1) == "0.1 ms"


def test_only_one_measure_on_one_data_set_is_drawn_at_a_time(detectors: Selection) -> None:
    models = detectors.candidates.projection.models
    for group, number in chart.groups(detectors).items():
        rows = chart.points(detectors, group).rows
        assert len(rows) == number
        assert {(models["metric"].iat[r], models["test_set"].iat[r]) for r in rows} == {group}


def test_the_best_trade_offs_are_those_that_no_other_beats() -> None:
    found = chart.Points(
        rows=np.array([10, 11, 12, 13]),
        latency_ms=np.array([1.0, 2.0, 3.0, 4.0]),
        quality=np.array([30.0, 50.0, 40.0, 60.0]),
        higher_is_better=True,
    )
    assert list(chart.frontier(found)) == [0, 1, 3]
    errors = chart.Points(found.rows, found.latency_ms, np.array([9.0, 5.0, 7.0, 5.0]), higher_is_better=False)
    assert list(chart.frontier(errors)) == [0, 1]


def test_each_point_of_the_chart_can_be_told_from_its_row(detectors: Selection) -> None:
    winner = detectors.ranking.winner
    assert winner is not None
    group = chart.group_of(detectors, winner.row)
    assert group is not None
    drawn = chart.figure(detectors, group)
    rows = [
        row
        for trace in drawn.data
        if trace.mode == "markers" and trace.name != "recommended"
        for row in trace.customdata
    ]
    assert sorted(rows) == sorted(chart.points(detectors, group).rows)
    star = next(trace for trace in drawn.data if trace.name == "recommended")
    assert list(star.customdata) == [winner.row]
