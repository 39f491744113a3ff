"""A build's table and chart on two candidates: one within the limits, one beyond both."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

import flow
from dss.build_report import BuiltRow
from dss.matching import Candidates
from dss.quality import Quality
from ontology.events import Note, Progress, Started
from ontology.requirement import Requirement
from optimizer.recipe import Recipe
from optimizer.spec import JobSpec
from repository.knowledge import Knowledge
from wizard.job import told
from wizard.job_table import REGISTERING, chart, in_words, table, time_unit, wide_enough


def accuracy(value: float, low: float, high: float) -> Quality:
    return Quality(metric="top-1", value=value, low=low, high=high)


FAST = BuiltRow(
    "fast", "mlp-128-64", "fiq", accuracy(97.0, 95.0, 98.0), 0.01, 0.02, 100_000.0, 1, 3.4, 25.0, "", "litert-cpu"
)
SLOW = BuiltRow(
    "slow", "report-cnn", "h5", accuracy(80.0, 76.0, 84.0), 4.0, 5.0, 250.0, 1, 20.0, 266.0, "", "keras-cpu"
)


@pytest.fixture(scope="module")
def asked(knowledge: Knowledge) -> Candidates:
    return flow.find_candidates(
        Requirement(accuracy_percent_at_least=90.0, inference_latency_ms_at_most=1.0), knowledge
    )


def test_every_candidate_stands_in_a_line_with_its_numbers(asked: Candidates) -> None:
    found = table([FAST, SLOW], asked, "fast", "best so far")
    assert list(found["Verdict"]) == ["★ best so far", REGISTERING]
    assert list(found["Network"]) == ["MLP with 128 and 64 units", "CNN of the optimization report"]
    assert list(found["p95 (µs)"]) == [20.0, 5000.0]
    assert list(found["95 % interval"]) == ["95.0 to 98.0", "76.0 to 84.0"]


def test_the_verdict_of_a_registered_model_names_what_it_misses(asked: Candidates) -> None:
    p = asked.projection
    latency, accuracy = p.columns["inference_latency_ms"], p.columns["accuracy_percent"]
    rows = [i for i in range(len(p)) if latency[i] > 1 and accuracy[i] < 90]  # type: ignore[operator]
    name = str(p.models["model"].iat[rows[0]])
    found = table([BuiltRow(name, *list(vars(SLOW).values())[1:])], asked, None)
    assert list(found["Verdict"]) == ["✗ misses accuracy; ✗ misses inference latency"]


def test_one_file_with_two_runtimes_is_told_apart(asked: Candidates) -> None:
    other = replace(FAST, model="other", runtime="openvino-cpu")
    found = table([FAST, other, SLOW], asked, "fast")
    kind = "TFLite, full integer quantization"
    assert list(found["Stored as"]) == [f"{kind} · LiteRT", f"{kind} · OpenVINO", "Keras H5"]
    assert wide_enough(found["Stored as"]) > wide_enough([kind])


def test_candidates_are_named_in_words() -> None:
    recipes = (Recipe(network="report-cnn", format="fiq"), Recipe(network="own", format="onnx-fp16"))
    spec = JobSpec(data="digits", minutes=1, recipes=recipes, requirement={}, own_model="/tmp/mine.onnx")
    assert in_words(spec) == {
        "report-cnn-fiq": "CNN of the optimization report as TFLite, full integer quantization",
        "mine-onnx-fp16": "mine as ONNX, float 16",
    }


def test_the_limits_are_drawn_where_they_are(asked: Candidates) -> None:
    drawn = chart([FAST, SLOW], asked, "fast")
    lines = [shape for shape in drawn.layout.shapes if shape.type == "line"]
    assert {(line.x0, line.y0) for line in lines} == {(1000.0, 0), (0, 90.0)}  # 1 ms among times in µs
    (area,) = [shape for shape in drawn.layout.shapes if shape.type == "rect"]
    assert (area.x1, area.y0) == (1000.0, 90.0)  # up to 1 ms, from 90 % on
    assert {a.text for a in drawn.layout.annotations} == {"at most 1 ms", "at least 90 %"}
    low, high = drawn.layout.xaxis.range
    assert low < math.log10(10.0) < math.log10(4000.0) < high
    (star,) = [trace for trace in drawn.data if trace.name == "chosen"]
    assert (star.x[0], star.y[0]) == (10.0, 97.0)
    assert drawn.layout.xaxis.title.text == "Inference latency in µs, median (logarithmic)"


def test_times_are_in_ms_unless_one_is_below_a_tenth(asked: Candidates) -> None:
    drawn, found = chart([SLOW], asked, None), table([SLOW], asked, None)
    assert list(found["Latency (ms)"]) == [4.0]
    assert drawn.layout.xaxis.title.text == "Inference latency in ms, median (logarithmic)"
    assert time_unit([0.1]) == ("ms", 1.0)
    assert time_unit([4.0, 0.099]) == ("µs", 1000.0)
    assert time_unit([]) == ("ms", 1.0)


def test_an_error_has_no_interval_and_a_request_without_limits_no_verdict(knowledge: Knowledge) -> None:
    error = replace(SLOW, quality=Quality(metric="rmse", value=0.5))
    anything = flow.find_candidates(Requirement(task=("image-classification",)), knowledge)  # which all files share
    name = str(anything.projection.models["model"].iat[anything.matches[0]])
    found = table([error, replace(error, model=name)], anything, "slow")
    assert "95 % interval" not in found
    assert list(found["RMSE"]) == [0.5, 0.5]
    assert list(found["Verdict"]) == ["★ chosen", ""]


def test_a_network_keeps_its_colour_while_others_come(asked: Candidates) -> None:
    alone, both = chart([SLOW], asked, None), chart([FAST, SLOW], asked, None)
    colours = [
        {trace.name: trace.marker.color for trace in drawn.data}["CNN of the optimization report"]
        for drawn in (alone, both)
    ]
    assert colours[0] == colours[1]


def test_without_limits_and_without_candidates_there_is_a_chart_still(knowledge: Knowledge) -> None:
    anything = flow.find_candidates(Requirement(), knowledge)
    assert not chart([], anything, None).layout.shapes
    assert len(chart([FAST], anything, None).data) == 1


def test_of_many_words_about_one_step_the_log_shows_the_last() -> None:
    tuning = "converting own as TVM, auto-tuned"
    said = (tuning, f"{tuning}, trial 8 of 64, 1 of 3 operators tuned", f"{tuning}, trial 16 of 64, 2 of 3 operators")
    progress = [Progress("Building", 1, 2, f"{text}, at most 9 s left") for text in said]
    assert told([Started("Building", 2), *progress, Note("done")]) == ["started: 2 steps", said[-1], "done"]


def test_the_log_calls_networks_as_the_page_does() -> None:
    said = Progress("Building", 1, 2, "measuring mlp-128-64 as TFLite, float, at most 9 s left")
    assert told([said]) == ["measuring MLP with 128 and 64 units as TFLite, float"]
