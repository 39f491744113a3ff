"""What the table and the chart show is what the graph says."""

from __future__ import annotations

import numpy as np
import pytest

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
        assert table["Latency (ms)"][i] == latency.value <= 20
        assert latency.evidence.value in table["Latency evidence"][i]
        quality = p.fact(scored.row, "accuracy_percent") or p.fact(scored.row, "metric_value")
        if quality is None:
            assert np.isnan(table["Quality"][i])
            assert table["Quality evidence"][i] == ""
        else:
            assert table["Quality"][i] == quality.value
            assert table["Quality evidence"][i].endswith("↷") == (quality.carried_from is not None)


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
    drawn = chart.figure(detectors, group, marked=None)
    rows = [
        row
        for trace in drawn.data
        if trace.mode == "markers" and trace.name != "recommended"
        for row in trace.customdata
    ]
    assert sorted(rows) == sorted(chart.points(detectors, group).rows)
    star = next(trace for trace in drawn.data if trace.name == "recommended")
    assert list(star.customdata) == [winner.row]
