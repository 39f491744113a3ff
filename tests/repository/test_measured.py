"""Everything that is measured has a word in the graph, and one measurement is one act there."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

import pytest

import flow
from device.measured import Measured
from ontology.records import Grade, Network, Performance
from ontology.requirement import Requirement
from repository.graph import EmbeddedGraph, frame
from repository.knowledge import Knowledge
from repository.measured import act_name, measured_records, metric_of
from repository.projection import project
from repository.register import register
from repository.runs import examples_named, measured_model, registered_figures
from tests.repository.registered import MEASURED, MODEL, the_device, the_records
from tests.tiny import tiny_graph

FULL = replace(
    MEASURED,
    latency_p99_ms=3.25,
    latency_spread_percent=4.5,
    system_latency_spread_percent=5.5,
    throughput_spread_percent=6.5,
    energy_spread_percent=7.5,
    attempts=2,
    other_load=0.25,
    cores_used=0.98,
    pinned_cores=(1,),
    size_gzip_kib=100.5,
    throughputs=((1, 480.0), (8, 1234.5)),
    system_latency_ms=3.5,
    system_steps="scale, inference, largest score",
    energy_mj=1.25,
    energy_meter="RAPL, package 0",
    balanced_accuracy_percent=88.0,
    precision_percent=87.0,
    recall_percent=88.0,
    f1_percent=87.5,
    metric="top-1",
    metric_value=90.0,
    stability_percent=97.0,
    stability_variance=7.29,
    folds=5,
    arithmetic="int8",
)

NO_ACCURACY = replace(MEASURED, accuracy_percent=None, accuracy_low_percent=None, accuracy_high_percent=None)


@pytest.fixture
def graph() -> EmbeddedGraph:
    return tiny_graph()


def known(graph: EmbeddedGraph, measured: Measured, **more: Any) -> None:
    """The measurement on record."""
    register(graph, the_records(measured, **more))


def said(graph: EmbeddedGraph, kind: str) -> dict[str, set[str]]:
    """Property → values of everything of a class."""
    rows = frame(
        graph,
        "PREFIX : <https://w3id.org/dlom#> SELECT ?property ?value WHERE { ?thing a :KIND ; ?property ?value }".replace(
            "KIND", kind
        ),
    )
    found: dict[str, set[str]] = {}
    for _, row in rows.iterrows():
        found.setdefault(str(row["property"]).rpartition("#")[2], set()).add(str(row["value"]))
    return found


def test_the_run_says_how_it_was_measured(graph: EmbeddedGraph) -> None:
    known(graph, FULL, device_package="a1b2c3d4e5f6 of 2026-11-19")
    run = said(graph, "MeasurementRun")
    expected = {
        "p95LatencyMs": 2.5, "p99LatencyMs": 3.25, "latencySpreadPercent": 4.5, "systemLatencySpreadPercent": 5.5,
        "throughputSpreadPercent": 6.5, "energySpreadPercent": 7.5, "attempts": 2, "otherLoad": 0.25,
        "coresUsed": 0.98, "threads": 1,
    }  # fmt: skip
    assert {name: float(next(iter(run[name]))) for name in expected} == expected
    assert run["throughputByBatch"] == {"1: 480", "8: 1234.5"}
    assert run["arithmetic"] == {"int8"}
    assert run["systemSteps"] == {"scale, inference, largest score"}
    assert run["energyMeter"] == {"RAPL, package 0"}
    assert run["dataSha256"] == {"d" * 64}
    assert run["devicePackage"] == {"a1b2c3d4e5f6 of 2026-11-19"}
    assert {float(v) for v in said(graph, "Artifact")["gzipSizeKib"]} == {100.5}


def test_the_figures_are_figures_of_the_model(graph: EmbeddedGraph) -> None:
    known(graph, FULL)
    p = project(graph)
    row = p.positions[MODEL]
    figures = {
        "inference_latency_ms": 2.0, "system_latency_ms": 3.5, "energy_mj": 1.25, "stability_percent": 97.0,
        "accuracy_percent": 90.0,
    }  # fmt: skip
    assert {name: p.columns[name][row] for name in figures} == figures
    fact = p.fact(row, "inference_latency_ms")
    assert fact is not None
    assert fact.detail == "median of 500 runs, 1 threads, on the cores 1 alone; timed 2 times, the quietest counts"
    quality = said(graph, "Performance")
    assert {float(v) for v in quality["balancedAccuracyPercent"]} == {88.0}
    assert {float(v) for v in quality["f1Percent"]} == {87.5}
    assert ({float(v) for v in quality["stabilityVariance"]}, quality["folds"]) == ({7.29}, {"5"})


@pytest.mark.parametrize(
    ("limits", "meets"),
    [
        ({"system_latency_ms_at_most": 3.5}, True),
        ({"system_latency_ms_at_most": 3.4}, False),
        ({"stability_percent_at_least": 97.0}, True),
        ({"stability_percent_at_least": 98.0}, False),
    ],
)
def test_the_limits_of_table_3_judge_what_was_measured(
    graph: EmbeddedGraph, limits: dict[str, float], meets: bool
) -> None:
    known(graph, FULL)
    asked = Requirement(task=("image-classification",), evidence=Grade.MEASURED, **limits)  # type: ignore[arg-type]
    found = flow.find_candidates(asked, Knowledge(graph))
    names = {found.projection.models["model"].iat[row] for row in found.matches}
    assert (MODEL in names) is meets


def test_one_measurement_registered_twice_is_one(graph: EmbeddedGraph) -> None:
    known(graph, FULL)
    before = len(graph)
    again = register(graph, the_records(FULL))
    assert (again.new, again.updated, len(graph)) == ((), (), before)


def test_a_younger_accuracy_leaves_the_stability_that_it_does_not_give(graph: EmbeddedGraph) -> None:
    known(graph, FULL)
    later = replace(MEASURED, measured_at="2026-11-21T10:00:00+00:00", accuracy_percent=89.0)
    register(graph, the_records(later))
    figures = {f.figure: f for f in registered_figures(graph, MODEL)}
    assert (figures["accuracy_percent"].value, figures["accuracy_percent"].obtained) == (89.0, "2026-11-21")
    assert (figures["stability_percent"].value, figures["stability_percent"].obtained) == (97.0, "2026-11-20")
    parts = frame(
        graph,
        "PREFIX : <https://w3id.org/dlom#> SELECT ?variance ?balanced WHERE { ?p :current true ; :stabilityPercent ?s "
        "OPTIONAL { ?p :stabilityVariance ?variance } OPTIONAL { ?p :balancedAccuracyPercent ?balanced } }",
    )
    assert [float(v) for v in parts["variance"]] == [7.29]
    assert parts["balanced"].isna().all()


def test_a_measurement_of_an_older_version_keeps_the_name_of_its_act() -> None:
    new = ("latency_p99_ms", "energy_spread_percent")  # the first and the last that were added
    names = list(asdict(MEASURED))
    older = {k: v for k, v in asdict(MEASURED).items() if k in names[: names.index(new[0])]}
    assert names[names.index(new[0]) :][-1] == new[1]
    then = f"local-{hashlib.sha256(json.dumps(older).encode()).hexdigest()[:12]}"
    assert act_name(Measured.from_json(json.dumps(older))) == then
    assert act_name(FULL) != then
    assert act_name(Measured.from_json(FULL.to_json())) == act_name(FULL)


def test_what_an_older_version_registered_is_unchanged_by_this_one(graph: EmbeddedGraph) -> None:
    known(graph, MEASURED)
    run = said(graph, "MeasurementRun")
    assert not {"attempts", "dataSha256", "arithmetic", "p99LatencyMs", "throughputByBatch"} & set(run)


def quality(**more: Any) -> Performance:
    """The performance of a model that is no classifier."""
    records = the_records(replace(NO_ACCURACY, **more))
    (found,) = (r for r in records if isinstance(r, Performance) and r.metric_value is not None)
    return found


def test_other_tasks_have_metrics_of_their_own(graph: EmbeddedGraph) -> None:
    glucose = quality(metric="mard", metric_value=9.5)
    assert (glucose.metric, glucose.metric_value, glucose.test_set) == ("mard", 9.5, "flowers-test")
    assert quality(metric="rmse", metric_value=0.5).metric == "rmse"
    boxes = quality(metric="map", metric_value=40.0, further_metrics=(("ap50", 61.25),))
    assert boxes.metric == "map-50-95"
    assert boxes.source_detail is not None and boxes.source_detail.endswith("; ap50 61.25")
    assert quality(metric="map", metric_value=40.0).metric == "map-labels"
    assert metric_of(MEASURED) is None


def test_errors_are_better_when_they_are_smaller(facts: Any) -> None:
    p = facts.projection
    assert [p.higher_is_better[m] for m in ("mard", "rmse", "map-labels", "map-50-95")] == [False, False, True, True]
    assert (p.metric_units["mard"], p.metric_units.get("rmse", "")) == ("%", "")


def test_a_quality_without_its_data_set_is_refused() -> None:
    measured = replace(NO_ACCURACY, metric="rmse", metric_value=0.5)
    with pytest.raises(ValueError, match=r"rmse 0.5 means nothing without its data set"):
        measured_records(
            measured, network=Network(name="n"), optimization="w8a8", purpose="image-classification",
            device=the_device(),
        )  # fmt: skip


def test_what_is_needed_to_measure_again_is_found(graph: EmbeddedGraph) -> None:
    known(graph, FULL)
    model = measured_model(graph, MODEL)
    assert model is not None
    assert (model.artifact, model.file_name, model.runtime) == (MEASURED.sha256, "tulips.tflite", "litert-cpu")
    assert (model.fingerprint, model.network, model.optimization) == ("0a1b2c3d4e5f", "report-cnn", "w8a8")
    figures = {f.figure: f for f in registered_figures(graph, MODEL)}
    latency, accuracy = figures["inference_latency_ms"], figures["accuracy_percent"]
    assert (latency.value, latency.p99_ms, latency.threads) == (2.0, 3.25, 1)
    assert {name: f.spread_percent for name, f in figures.items() if f.spread_percent is not None} == {
        "inference_latency_ms": 4.5, "system_latency_ms": 5.5, "throughput_per_s": 6.5, "energy_mj": 7.5,
    }  # fmt: skip
    assert (accuracy.low, accuracy.high, accuracy.test_set) == (82.0, 95.0, "flowers-test")
    assert accuracy.data_sha256 == "d" * 64
    assert examples_named(graph, "d" * 64) == "flowers-test"
    assert (examples_named(graph, "c" * 64), examples_named(graph, None), measured_model(graph, "none")) == (None,) * 3


def test_the_examples_of_an_older_registration_are_read_from_its_detail(graph: EmbeddedGraph) -> None:
    known(graph, MEASURED)
    accuracy = next(f for f in registered_figures(graph, MODEL) if f.figure == "accuracy_percent")
    assert accuracy.data_sha256 == "d" * 64
