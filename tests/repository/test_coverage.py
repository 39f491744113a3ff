"""The coverage map of eight models, counted by hand, and that of the shipped facts, beside the named question."""

from __future__ import annotations

import pytest

from repository.coverage import DIMENSIONS, coverage
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.projection import Projection, project
from repository.questions import answered, question
from repository.terms import local
from tests.repository.asked import asked_graph

IC, OD = "image-classification", "object-detection"


@pytest.fixture(scope="module")
def asked() -> Projection:
    return project(asked_graph())


def test_tasks_and_devices_with_their_holes(tiny: Knowledge) -> None:
    # a to e on boards A to E, n on the new board, s on the skin board: classification; p on board A: detection.
    found = coverage(tiny.projection)
    assert found.rows == (IC, OD)
    assert found.columns == ("board-a", "board-b", "board-c", "board-d", "board-e", "new-board", "skin-board")
    assert found.counts.tolist() == [[1, 1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0, 0]]
    assert (found.models, found.holes) == (8, 6)
    assert found.frame().loc["Object detection", "Board A"] == 1


def test_only_models_with_the_wanted_figure_count(tiny: Knowledge) -> None:
    # n and p have a latency and no accuracy; their places stay in the map, as holes.
    found = coverage(tiny.projection, figure="accuracy_percent")
    assert found.counts.tolist() == [[1, 1, 1, 1, 1, 0, 1], [0, 0, 0, 0, 0, 0, 0]]
    assert coverage(tiny.projection, figure="energy_mj").counts.sum() == 0


def test_by_technique_and_precision(tiny: Knowledge) -> None:
    # a, c, e, n, p are float, b and d w8a8; of s nobody has said.
    found = coverage(tiny.projection, "purpose", "technique")
    assert found.columns == ("none", "quantization")
    assert found.counts.tolist() == [[4, 2], [1, 0]]
    assert found.models == 7
    assert coverage(tiny.projection, "purpose", "precision").counts.tolist() == [[4, 2], [1, 0]]


def test_only_some_models(tiny: Knowledge) -> None:
    quantized = coverage(tiny.projection, only={"technique": "quantization"})
    assert (quantized.columns, quantized.counts.tolist()) == (("board-b", "board-d"), [[1, 1]])
    assert coverage(tiny.projection, only={"technique": "none"}).models == 5
    # A single-board computer is an edge device; the new boards are single-board computers too.
    assert coverage(tiny.projection, only={"device_type": "edge-device"}).models == 8
    assert coverage(tiny.projection, only={"device_type": "phone"}).counts.shape == (0, 0)
    assert coverage(tiny.projection, only={"device": "board-a", "purpose": OD}).models == 1


def test_reference_devices_are_left_out_unless_asked_for(asked: Projection) -> None:
    assert "server" not in coverage(asked).columns
    assert "server" in coverage(asked, reference=True).columns


def test_an_empty_graph_has_an_empty_map() -> None:
    found = coverage(project(EmbeddedGraph()))
    assert (found.counts.shape, found.models, found.holes) == ((0, 0), 0, 0)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_every_dimension_can_be_drawn(asked: Projection, dimension: str) -> None:
    found = coverage(asked, dimension, "source" if dimension != "source" else "device")
    assert found.counts.shape == (len(found.row_labels), len(found.column_labels))
    assert found.models <= found.counts.sum()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": "colour"}, "'colour' is nothing to draw a map over; choose from purpose, "),
        ({"only": {"colour": "red"}}, "'colour' is nothing to draw a map over"),
        ({"figure": "speed"}, "'speed' is no figure; choose from inference_latency_ms, "),
    ],
)
def test_an_unknown_name_is_refused_with_those_known(tiny: Knowledge, arguments: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError) as error:
        coverage(tiny.projection, **arguments)  # type: ignore[arg-type]
    assert message in str(error.value)


@pytest.mark.parametrize("technique", ["none", "quantization"])
def test_the_map_is_what_the_named_question_counts(facts: Knowledge, technique: str) -> None:
    found = coverage(facts.projection, figure="inference_latency_ms", only={"technique": technique})
    asked_for = answered(facts.graph, question("coverage-map"), {"technique": technique})
    counted = {(local(r.purpose), local(r.device)): r.models for r in asked_for.itertuples()}
    mapped = {
        (row, column): found.counts[i, j]
        for i, row in enumerate(found.rows)
        for j, column in enumerate(found.columns)
        if found.counts[i, j]
    }
    assert mapped == counted
    assert found.holes > 0
