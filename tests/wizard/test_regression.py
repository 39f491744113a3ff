"""A network that predicts numbers, from `optimize` to its pages: every figure by its own metric, never an accuracy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

import flow
from dss.quality import ToleranceError
from ontology.settings import Settings
from repository.runs import measured_model, registered_figures
from tests.conftest import copied
from tests.optimizer.other_answers import OFF, numbers
from tests.wizard.conftest import MAIN, Built, wait_for
from tests.wizard.pages import html, opened, text
from wizard.compare_table import chart, table


@pytest.fixture(scope="module")
def optimized(installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The regression as ONNX in 32 and in 8 bits, measured and registered; and compiled for a board."""
    folder = tmp_path_factory.mktemp("regression")
    model, data = numbers(folder)
    settings = replace(installation, home=copied(installation, folder))
    started = flow.start_optimization(
        model, settings, data=str(data), minutes=1, formats=["onnx", "onnx-qdq", "tvm-aarch64"], tolerance=0.5,
        task="time-series-forecasting",
    )  # fmt: skip
    assert started.metric == "rmse"  # what real numbers are judged by
    wait_for(settings.home, started.job)
    knowledge = flow.installation(settings)
    flow.collect(settings, knowledge)
    return Built(settings, started.job, knowledge)


def test_each_file_is_compared_by_its_error(optimized: Built) -> None:
    (found,) = flow.compare_build(optimized.settings, optimized.job)
    assert found.original is not None and found.original.quality is not None
    assert found.original.quality.value == pytest.approx(OFF)
    assert found.metric.label == "RMSE"
    assert found.tolerance == pytest.approx(0.05 * OFF)
    (eight_bits,) = {s.row.sha256: s.row for s in found.sides if s.row.format == "onnx-qdq"}.values()
    assert eight_bits.quality is not None
    assert eight_bits.quality.metric == "rmse"
    assert (eight_bits.check_agreement_percent, eight_bits.samples) == (None, 40)
    assert 0 < (eight_bits.check_range_percent or 0) < 5
    with pytest.raises(ToleranceError, match="an amount of RMSE"):
        flow.compare_build(optimized.settings, optimized.job, -1.0)


def test_it_is_on_record_with_its_task_metric_and_original(optimized: Built) -> None:
    (found,) = flow.compare_build(optimized.settings, optimized.job)
    graph = optimized.knowledge.graph
    for row in (side.row for side in found.sides):
        model = measured_model(graph, row.model)
        assert model is not None and row.quality is not None
        assert model.purpose == "time-series-forecasting"
        (error,) = (f for f in registered_figures(graph, row.model) if f.figure == "metric_value")
        assert error.metric == "rmse"
        assert error.value == pytest.approx(row.quality.value)
        assert error.original_value == (None if row.format == "onnx" else pytest.approx(OFF))


def test_the_table_and_the_chart_have_the_error_with_less_as_better(optimized: Built) -> None:
    (found,) = flow.compare_build(optimized.settings, optimized.job, 0.1)
    frame = table(found)
    assert {"RMSE", "Change", "Difference (% of range)"} <= set(frame)
    assert not [name for name in frame if "ccuracy" in name or "Same answers" in name or "points" in name]
    drawn = chart(found)
    assert drawn.layout.yaxis.title.text == "RMSE, less is better"
    (line,) = [shape for shape in drawn.layout.shapes if shape.type == "line"]
    (area,) = [shape for shape in drawn.layout.shapes if shape.type == "rect"]
    assert line.y0 == pytest.approx(OFF + 0.1)
    assert area.y0 > line.y0, "what is more than the tolerance worse lies above"
    low, high = drawn.layout.yaxis.range
    assert 0 <= low < OFF < OFF + 0.1 < high


def test_the_page_of_the_build_speaks_of_the_error(optimized: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLOM_HOME", str(optimized.settings.home))
    app = opened(AppTest.from_file(str(MAIN), default_timeout=90), {"job": optimized.job})
    assert not app.exception
    (built, compared) = (frame.value for frame in app.dataframe)
    assert {"RMSE"} == {name for name in (*built, *compared) if "RMSE" in name or "ccuracy" in name}
    shown = text(app) + html(app)
    assert "of the original&#x27;s RMSE" in shown
    assert "ccuracy" not in shown
    assert ">4 of 4 candidates measured<" in shown, "two files, each with two runtimes"
    labels = [b.proto.label for b in app.get("download_button")]
    assert labels[0] == "Download ONNX (0.132 KiB)"  # 135 bytes
    assert [label.partition(" compiled for")[0] for label in labels[1:]] == [
        "Made for another processor, not measured here: numbers as TVM,"
    ]
    assert "Chosen: scores best of those that were measured" in shown, "nothing was asked for but the task"
    (slider,) = [s for s in app.slider if (s.key or "").startswith("compare-tolerance")]
    assert slider.label == "RMSE that may be added, in its own unit"
    assert (slider.min, slider.max, slider.value) == pytest.approx((0.0, 0.25, 0.025))
    slider.set_value(0.25).run()
    assert "within 0.25 of the original&#x27;s RMSE" in html(app)


def test_quality_of_a_file_is_in_the_outcome(optimized: Built) -> None:
    outcome = flow.build_outcome(optimized.settings, optimized.job, optimized.knowledge)
    first, *_ = flow.built_rows(outcome)
    assert first.quality is not None
    assert first.quality.metric == "rmse"
    assert first.quality.value == pytest.approx(OFF)
