"""Updates from outside: all of one is made and the columns know it, or nothing is, and the reason is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ontology.records import Grade, Model, Performance
from repository.formats import Format
from repository.graph import EmbeddedGraph
from repository.guard import RefusedQuery
from repository.knowledge import Knowledge
from repository.projection import project
from repository.replacements import replacement
from repository.store import store
from repository.terms import prologue
from repository.writing import put_graph, update
from tests.repository.test_incremental import assert_same
from tests.tiny import tiny_graph

GRAPH = "https://w3id.org/dlom/graph/models-mine"
SOURCE = 'src:mine a :Source ; rdfs:label "Mine" .'
MODEL = f"""{SOURCE} m:%s a :Model ; :network net:small-net ; :optimization opt:float ; :device dev:board-a ;
  :runtime rt:litert-cpu ; :purpose purpose:image-classification ; prov:hadPrimarySource src:mine ; :performance p:%s .
  p:%s a :Performance ; :inferenceLatencyMs %s ; :evidence :declared ; :current true ; prov:hadPrimarySource src:mine"""


@pytest.fixture(scope="module")
def knowledge() -> Iterator[Knowledge]:
    """The tiny models with the workers that try updates."""
    with Knowledge(tiny_graph()) as one:
        yield one


def mine(name: str, latency: str = "12e0") -> str:
    return f"INSERT DATA {{ GRAPH g:models-mine {{ {MODEL % (name, name, name, latency)} }} }}"


def content(knowledge: Knowledge) -> set[str]:
    assert isinstance(knowledge.graph, EmbeddedGraph)
    return set(map(str, knowledge.graph.quads(None)))


VOTE = "vote:1 a :Vote ; :model m:a ; :objective 'latency' ; :rating 3 ; :ratedBy 'Ann'"
CHANGES = [
    mine("first"),
    "INSERT DATA { GRAPH <urn:notes> { m:a <urn:seen> true } }",
    f"INSERT DATA {{ GRAPH g:votes {{ {VOTE} }} }}",
    "DELETE { GRAPH ?g { ?d rdfs:label ?l } } INSERT { GRAPH ?g { ?d rdfs:label 'A' } } "
    "WHERE { GRAPH ?g { ?d rdfs:label ?l } FILTER(?d = dev:board-a) }",
    "DELETE WHERE { GRAPH g:votes { ?vote ?p ?o } }",
    "DELETE { GRAPH ?g { ?d :deviceType ?t } } INSERT { GRAPH ?g { ?d :deviceType dtype:phone } } "
    "WHERE { GRAPH ?g { ?d :deviceType ?t } }",
    "INSERT DATA { GRAPH g:identities { dtype:phone skos:broader dtype:edge-device } }",
    "DELETE { GRAPH ?g { m:first :optimization ?o } } INSERT { GRAPH ?g { m:first :optimization opt:w8a8 } } "
    "WHERE { GRAPH ?g { m:first :optimization ?o } } ; CREATE SILENT GRAPH <urn:x>",
]


def test_the_columns_know_of_every_update(knowledge: Knowledge) -> None:
    for text in CHANGES:
        before = knowledge.projection
        seen = before.models.copy()
        update(knowledge, text)
        assert_same(knowledge.projection, project(knowledge.graph))
        assert before.models.equals(seen)  # who still draws with it sees it as it was
    assert knowledge.projection.label("dev", "board-a") == "A"
    assert isinstance(knowledge.graph, EmbeddedGraph)
    assert "urn:x" in {name.value for name in knowledge.graph.names()}


def test_a_broken_rule_leaves_everything_as_it_was(knowledge: Knowledge) -> None:
    before = content(knowledge)
    good, bad = mine("good"), mine("bad", "-1e0")
    with pytest.raises(RefusedQuery, match="p:bad :inferenceLatencyMs: a latency must be above 0 ms; got -1"):
        update(knowledge, f"{good} ; {bad}")
    with pytest.raises(RefusedQuery, match="p:bad :inferenceLatencyMs: a latency must be above 0 ms"):
        put_graph(
            knowledge, "urn:mine", f"{prologue()}{MODEL % ('bad', 'bad', 'bad', '-1e0')} .".encode(), Format.TURTLE
        )
    assert content(knowledge) == before


def test_what_only_looks_wrong_is_told(knowledge: Knowledge) -> None:
    """On that board are models of 7, 10 and 12 ms; the last one was registered by an update, too."""
    [told] = update(knowledge, mine("slow", "90000e0"))
    assert told.startswith(
        "p:slow: latency 90000 ms is 9,000 times what is known of small-net on board-a by CPU (3 known"
    )


def test_what_was_tried_is_what_is_made(knowledge: Knowledge) -> None:
    """Else a pattern that is random could do what the trial has not shown."""
    text = (
        "INSERT { GRAPH <urn:random> { ?new <urn:is> ?new } } WHERE { BIND(IRI(CONCAT('urn:x', STRUUID())) AS ?new) }"
    )
    tried = knowledge.queries.rehearse({"do": "update", "using": [], "using_named": []}, text.encode())
    assert "STRUUID" not in tried.text
    assert tried.text.count("<urn:x") == 2
    assert tried.touched == ()  # in words of others, which no column holds


def test_what_was_registered_here_stays_though_somebody_calls_it_shipped(knowledge: Knowledge) -> None:
    """Else two updates in a row could take away what one cannot."""
    update(knowledge, mine("kept"))
    update(knowledge, 'INSERT DATA { GRAPH g:catalog { src:mine :digest "shipped" } }')
    with pytest.raises(RefusedQuery, match="p:kept is on record, and an update cannot change or remove it"):
        update(knowledge, "DELETE WHERE { GRAPH g:models-mine { p:kept ?p ?o } }")


def test_what_was_measured_here_stays_where_it_was_measured(knowledge: Knowledge) -> None:
    update(knowledge, mine("placed"))
    for link in (":device dev:board-a", ":runtime rt:litert-cpu"):
        name, _, there = link.partition(" ")
        text = f"DELETE {{ GRAPH ?g {{ m:placed {link} }} }} INSERT {{ GRAPH ?g {{ m:placed {name} {there}-2 }} }}"
        with pytest.raises(RefusedQuery, match="m:placed is on record, and an update cannot change or remove it"):
            update(knowledge, f"{text} WHERE {{ GRAPH ?g {{ m:placed a ?kind }} }}")


def test_a_replacement_stays_as_it_was_decided(knowledge: Knowledge) -> None:
    store(knowledge, [
        Model(name=name, source="local", network="small-net", optimization="float", device="board-a",
              runtime="litert-cpu", purpose="image-classification", performance=(f"{name}-run",))
        for name in ("old", "new")
    ] + [
        Performance(name=f"{name}-run", inference_latency_ms=5.0, evidence=Grade.DECLARED, source="local")
        for name in ("old", "new")
    ])  # fmt: skip
    store(knowledge, [replacement("old", "new", by="Ann", at=datetime(2026, 11, 20, tzinfo=UTC))])
    for text, of in (
        ("DELETE WHERE { GRAPH g:replacements { ?act ?p ?o } }", "replacement:"),
        ("DROP GRAPH g:replacements", "replacement:"),
        ("DELETE WHERE { GRAPH ?g { m:old dcterms:isReplacedBy m:new } }", "m:old"),
    ):
        with pytest.raises(RefusedQuery, match=f"^{of}.* is on record, and an update cannot change or remove it"):
            update(knowledge, text)
