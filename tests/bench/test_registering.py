"""The bench of registering, on the tiny graph: every phase is there, and the phases make up the whole."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from bench.registering import CPU, OURS, PHASES, WHOLE, Timed, batch, measured
from repository.graph import frame
from repository.knowledge import Knowledge
from tests.tiny import tiny_graph, tiny_knowledge


def test_each_registration_is_found_and_its_phases_add_up() -> None:
    tiny, graph = tiny_graph(), Timed()
    for name in frame(tiny, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }")["g"]:
        graph.replace(ox.NamedNode(name), tiny.quads(ox.NamedNode(name)))
    knowledge = Knowledge(graph)
    rows = {row.name: row for row in measured(knowledge, 1)}
    assert list(rows) == [OURS, WHOLE, CPU, *(f"  of it {phase}" for phase in PHASES)]
    # Of one registration the median is its own time.
    assert sum(rows[f"  of it {phase}"].value for phase in PHASES) == pytest.approx(rows[OURS].value)
    assert rows[OURS].ratio_to == WHOLE
    assert len(knowledge.projection) == 8 + 3 + 1
    assert batch(knowledge, 5).name == "5 models in one change"
    assert len(knowledge.projection) == 8 + 3 + 1 + 5


def test_another_store_has_no_phases() -> None:
    with pytest.raises(TypeError, match="not in a EmbeddedGraph"):
        measured(tiny_knowledge(), 1)
