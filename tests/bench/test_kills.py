"""A small version of `./dlom bench kills`, and what its last check finds."""

from __future__ import annotations

import os
from pathlib import Path

import pyoxigraph as ox
import pytest

from bench.kills import Kills, Lost, before, faults, kill_often
from bench.registrar import HOME, Like, moment, records, registered, torn
from repository.graph import EmbeddedGraph
from repository.register import register
from repository.terms import curie_node, node
from tests.tiny import tiny_graph

LIKE = Like("small-net", "w8a8", "board-a", "litert-cpu")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the registrar forks")


def test_fifteen_kills_lose_nothing_and_leave_nothing_half_written(tmp_path: Path) -> None:
    tiny_graph().snapshot(tmp_path / "graph")
    graph = EmbeddedGraph(tmp_path / "graph")
    stood = before(graph)
    graph.close()
    found = kill_often(tmp_path / "graph", LIKE, 15)
    assert found.made == found.opening + found.before + found.stored == 15
    assert found.registered == found.acknowledged + found.stored
    assert found.acknowledged
    assert faults(EmbeddedGraph(tmp_path / "graph"), stood, found.registered, LIKE) == []


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("DELETE WHERE { GRAPH ?g { p:kill-2 :sizeKib ?x } }", "missing: <https://w3id.org/dlom/performance/kill-2>"),
        ("INSERT DATA { GRAPH g:models-local { m:kill-0 :obtain <http://x> } }", "too much: "),
        (
            "DELETE { GRAPH ?g { p:kill-0 :current false } } INSERT { GRAPH ?g { p:kill-0 :current true } } "
            "WHERE { GRAPH ?g { p:kill-0 :current false } }",
            "against the rules: m:kill-0 :performance: two current performances give inference latency",
        ),
        ("DELETE WHERE { GRAPH ?g { m:a :device ?x } }", "graph/models-bench is not what it was"),
        ("DELETE WHERE { GRAPH ?g { p:kill-1 ?p ?o } }", "m:kill-0 should be read with 1.001 ms, not nan"),
        ("DELETE WHERE { GRAPH ?g { m:kill-1 ?p ?o } }", "the projection has 9 models, where 10 are right"),
        ("DELETE WHERE { GRAPH g:catalog { ?s ?p ?o } }", "missing: <https://w3id.org/dlom/source/local>"),
    ],
)
def test_the_last_check_sees_what_a_kill_could_do(harm: str, told: str) -> None:
    graph = tiny_graph()
    stood = before(graph)
    for number in range(3):
        register(graph, records(number, LIKE), at=moment(number))
    assert faults(graph, stood, 3, LIKE) == []
    prefixes = "".join(f"PREFIX {p}: <{curie_node(f'{p}:').value}>\n" for p in ("", "p", "m", "g"))
    graph.update(prefixes + harm)
    assert told in "\n".join(faults(graph, stood, 3, LIKE))


def test_a_registration_that_is_gone_is_told() -> None:
    graph = tiny_graph()
    for number in range(3):
        register(graph, records(number, LIKE), at=moment(number))
    assert registered(graph) == 3
    graph.replace(HOME, [q for q in graph.quads(HOME) if node("p", "kill-1") not in (q.subject, q.object)])
    with pytest.raises(RuntimeError, match="registration 1 is missing"):
        registered(graph)


def test_where_a_kill_struck_is_known_at_the_next_opening() -> None:
    found = Kills()
    for told in (["open 0", "writing 0", "done 0", "writing 1", "done 1"], ["open 2"], [], ["open 3"]):
        for line in told:
            found.hear(line.split())
        found.killed(bool(told))
    found.hear(["open", "3"])
    # The first kill struck while registration 2 was looked at, the second after it was stored: it is there as 3 are.
    assert (found.opening, found.before, found.stored) == (1, 2, 1)
    assert (found.registered, found.acknowledged) == (3, 2)


@pytest.mark.parametrize("there", [1, 4])
def test_too_few_registrations_or_too_many_end_it(there: int) -> None:
    found = Kills(registered=2)
    found.killed(True)
    with pytest.raises(Lost, match=f"after kill 1 there are {there} registrations, where 2 were acknowledged and 1"):
        found.hear(["open", str(there)])


@pytest.mark.parametrize("registrations", [1, 2, 3, 4])
def test_half_a_registration_is_told_before_it_is_mended(registrations: int) -> None:
    graph = tiny_graph()
    for number in range(registrations):
        register(graph, records(number, LIKE), at=moment(number))
    assert torn(graph, registrations, LIKE) == set()
    whole = set(graph.quads(HOME))
    register(graph, records(registrations, LIKE), at=moment(registrations))
    new = sorted(set(graph.quads(HOME)) - whole, key=str)
    for quad in new:  # all of these but one, or one of these alone
        graph.replace(HOME, whole | {quad})
        assert torn(graph, registered(graph), LIKE)
        graph.replace(HOME, whole | (set(new) - {quad}))
        assert torn(graph, registered(graph), LIKE)
    with pytest.raises(Lost, match="half-written"):
        Kills().hear(["torn", "3"])


def test_what_the_store_gives_is_compared_as_a_whole() -> None:
    """Also a statement in a graph of which nobody has heard."""
    graph = tiny_graph()
    stood = before(graph)
    strange = ox.NamedNode("urn:strange")
    graph.replace(strange, [ox.Quad(strange, strange, strange, strange)])
    assert faults(graph, stood, 0, LIKE) == ["urn:strange is not what it was"]
