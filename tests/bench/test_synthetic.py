"""Larger graphs made of varied copies."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest

from bench import shipped
from bench.synthetic import GRAPH, sample, synthetic
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.projection import FloatArray, Projection
from repository.terms import curie_node, node
from tests.tiny import tiny_graph

GRAPHS = ("ontology", "identities", "models-bench", "decisions", "models-later")


def tiny_statements() -> list[ox.Quad]:
    graph = tiny_graph()
    return [q for name in GRAPHS for q in graph.quads(node("g", name))]


def grown(models: int, seed: int = 1) -> Projection:
    graph: EmbeddedGraph = tiny_graph()
    graph.replace(GRAPH, synthetic(tiny_statements(), models, seed=seed))
    return Knowledge(graph).projection


def numbers(projection: Projection, figure: str) -> FloatArray:
    column = projection.columns[figure]
    assert not hasattr(column, "codes")
    return column


def test_eight_models_become_twenty_and_the_eight_are_as_they_were() -> None:
    before, after = Knowledge(tiny_graph()).projection, grown(20)
    assert len(before) == 8
    assert len(after) == 20
    latency = numbers(after, "inference_latency_ms")
    assert [latency[after.positions[m]] for m in "abcde"] == [10, 20, 30, 40, 50]


def test_a_copy_has_the_network_and_device_of_its_original_and_figures_of_its_own() -> None:
    projection = grown(16)  # each of the eight once
    rows = projection.models.set_index("model")
    latency, accuracy = numbers(projection, "inference_latency_ms"), numbers(projection, "accuracy_percent")
    for number, original in enumerate("abcde"):
        copy = f"synthetic-{number}"
        for same in ("network", "device", "runtime", "purpose", "optimization"):
            assert rows.loc[copy, same] == rows.loc[original, same]
        one, other = projection.positions[original], projection.positions[copy]
        assert latency[other] != latency[one]
        assert 0.2 < latency[other] / latency[one] < 5
        assert 0 < accuracy[other] <= accuracy[one]  # a share is varied downwards only


def test_a_seed_gives_the_same_statements_and_another_gives_others() -> None:
    def figures(seed: int) -> list[float]:
        return list(numbers(grown(16, seed), "inference_latency_ms"))

    assert figures(1) == figures(1)
    assert figures(1) != figures(2)


@pytest.mark.parametrize(("statements", "models"), [([], 5), (tiny_statements(), 7)])
def test_fewer_than_there_are_cannot_be_asked_for(statements: list[ox.Quad], models: int) -> None:
    with pytest.raises(ValueError, match=f"not {models}"):
        list(synthetic(statements, models))


def test_statements_written_to_a_file_are_the_same_graph_again(tmp_path: Path) -> None:
    file = tmp_path / "tiny.nq"
    with file.open("wb") as out:
        ox.serialize(tiny_statements(), out, format=ox.RdfFormat.N_QUADS)
    assert len(shipped.in_memory(file)) == len(tiny_graph())
    assert len(shipped.knowledge(file).projection) == 8
    triples = shipped.n_triples(file).read_text().splitlines()
    assert len(triples) == len(set(triples)) == len(tiny_graph())


def test_requirements_grow_by_one_limit_at_a_time() -> None:
    from ontology.requirement import limits

    assert [len(limits(r)) for r in shipped.growing()] == list(range(1, 13))


def test_three_of_the_eight_with_their_acts_and_everything_around() -> None:
    everything = tiny_statements()
    fewer = list(sample(everything, 3))
    graph: EmbeddedGraph = tiny_graph()
    for name in GRAPHS:
        graph.replace(node("g", name), [q for q in fewer if q.graph_name == node("g", name)])
    projection = Knowledge(graph).projection
    assert len(projection) == 3
    assert set(projection.positions) < set("abcdenps")
    acts = {q.object for q in fewer if q.predicate == curie_node(":performance")}
    kinds = [q for q in fewer if q.predicate == curie_node("rdf:type")]
    assert acts == {q.subject for q in kinds if q.object == curie_node(":Performance")}
    assert len(projection.devices) == 7  # also those that no model is on any more
    assert fewer == list(sample(everything, 3))
    assert sorted(map(str, sample(everything, 8))) == sorted(map(str, everything))


def test_more_than_there_are_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="there are 8 models to draw from; ask for as many or fewer, not 9"):
        list(sample(tiny_statements(), 9))
