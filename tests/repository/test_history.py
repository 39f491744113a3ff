"""Drift and spread by hand: 10 ms and 12 ms lie 20 % apart."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ontology.records import Grade
from repository.graph import EmbeddedGraph, frame
from repository.history import drift, spread
from repository.questions import answered, question
from repository.register import register
from repository.rq import bind, query
from repository.terms import Name, local
from repository.withdraw import withdraw
from tests.repository.test_withdraw import act, own
from tests.tiny import tiny_graph


@pytest.fixture
def graph() -> EmbeddedGraph:
    """Latencies of 12, 8 and 10 ms, the last of which is current; the 99 ms of another board were withdrawn."""
    graph = tiny_graph()
    register(graph, own(act("p1", 1, inference_latency_ms=12.0, size_kib=400.0)))
    for name, day, ms in (("p2", 2, 8.0), ("p3", 3, 99.0), ("p4", 4, 10.0)):
        register(graph, own(act(name, day, inference_latency_ms=ms)))
    withdraw(graph, ["p3"], "ann", "another board", date(2026, 11, 5))
    return graph


def test_every_act_is_compared_with_what_holds_now(graph: EmbeddedGraph) -> None:
    found = drift(graph, "mine")
    latency = found[found["figure"] == "inference_latency_ms"]
    assert latency[["performance", "value", "current", "difference_percent"]].to_numpy().tolist() == [
        ["p1", 12.0, False, 20.0],
        ["p2", 8.0, False, -20.0],
        ["p3", 99.0, False, 890.0],
        ["p4", 10.0, True, 0.0],
    ]
    assert latency["obtained"].tolist() == ["2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04"]
    assert latency["withdrawn_because"].tolist() == [None, None, "another board", None]
    assert set(latency["unit"]) == {"ms"}


def test_a_figure_that_holds_in_a_part_stands_once(graph: EmbeddedGraph) -> None:
    found = drift(graph, "mine")
    size = found[found["figure"] == "size_kib"]
    assert size[["performance", "value", "current"]].to_numpy().tolist() == [["p1", 400.0, True]]


def test_the_spread_of_measured_repeats() -> None:
    # Of 9, 10 and 11 the mean is 10 and the standard deviation of the sample 1, which is 10 %.
    graph = tiny_graph()
    for name, day, ms in (("p1", 1, 9.0), ("p2", 2, 10.0), ("p3", 3, 11.0)):
        register(graph, own(replace(act(name, day, inference_latency_ms=ms, size_kib=5.0), evidence=Grade.MEASURED)))
    register(graph, own(act("declared", 4, inference_latency_ms=500.0)))
    found = spread(drift(graph, "mine")).set_index("figure")
    latency = found.loc["inference_latency_ms"]
    assert [latency[n] for n in ("repeats", "mean", "lowest", "highest", "sd")] == [3, 10.0, 9.0, 11.0, 1.0]
    assert latency["spread_percent"] == pytest.approx(10.0)
    assert found.loc["size_kib", "spread_percent"] == 0.0


def test_stability_over_days_needs_five_of_them() -> None:
    # 8, 9, 10, 11 and 12: mean 10, sample variance 2.5, so 100 × (1 − 1.5811 / 10).
    graph = tiny_graph()
    for day, percent in enumerate((8.0, 9.0, 10.0, 11.0), start=1):
        figures = {"accuracy_percent": percent, "metric": "top-1", "test_set": "flowers"}
        register(graph, own(replace(act(f"p{day}", day, **figures), evidence=Grade.MEASURED)))
    (four,) = spread(drift(graph, "mine")).itertuples()
    assert four.days == 4
    assert math.isnan(four.stability_percent)
    last = act("p5", 5, accuracy_percent=12.0, metric="top-1", test_set="flowers")
    register(graph, own(replace(last, evidence=Grade.MEASURED)))
    (five,) = spread(drift(graph, "mine")).itertuples()
    assert five.days == 5
    assert five.stability_percent == pytest.approx(84.189, abs=0.001)


def test_qualities_are_compared_on_one_data_set_only() -> None:
    graph = tiny_graph()
    register(graph, own(act("p1", 1, accuracy_percent=50.0, metric="top-1", test_set="flowers")))
    register(graph, own(act("p2", 2, accuracy_percent=80.0, metric="top-1", test_set="flowers-test")))
    found = drift(graph, "mine").set_index("performance")["difference_percent"]
    assert math.isnan(found["p1"])
    assert found["p2"] == 0.0


def test_a_model_without_figures_has_no_drift(graph: EmbeddedGraph) -> None:
    assert drift(graph, "nobody").empty
    assert spread(drift(graph, "nobody")).empty


def test_undated_figures_stand_in_the_order_of_their_registration() -> None:
    graph = tiny_graph()
    for minute, (name, ms) in enumerate((("z", 0.302), ("m", 0.31), ("y", 0.33), ("a", 0.29))):
        moment = datetime(2026, 11, 20, 10, minute, tzinfo=UTC)
        register(graph, own(act(name, inference_latency_ms=ms)), at=moment)
    found = drift(graph, "mine")
    assert found["value"].tolist() == [0.302, 0.31, 0.33, 0.29]
    assert found["current"].tolist() == [False, False, False, True]
    assert found["registered"].iat[0] == "2026-11-20T10:00:00Z"
    rows = frame(graph, bind(query("model-history"), model=[Name("m", "mine")]))
    assert [local(p) for p in rows["performance"]] == ["a", "y", "m", "z"]
    last = answered(graph, question("registered-last"))
    assert last["latency_ms"].tolist() == [0.29, 0.33, 0.31, 0.302]
    assert last["registered"].iat[0] == "2026-11-20T10:03:00Z"
