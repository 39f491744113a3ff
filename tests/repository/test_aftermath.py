"""What an update may leave behind: what registration would have taken, and in the same words where it would not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from rdflib import RDF, SH

from ontology.records import Device, Grade, MeasurementRun, Model, Performance, Record, Source
from repository.acts import PERFORMANCE
from repository.aftermath import MOST, Aftermath
from repository.change import as_data
from repository.graph import EmbeddedGraph
from repository.guard import RefusedQuery
from repository.register import faults
from repository.rules import _counted
from repository.shapes import _shapes
from repository.terms import node, prologue
from repository.touching import touched_by
from repository.triples import quads
from tests.tiny import tiny_graph

MINE = Model(
    name="mine", source="local", network="small-net", optimization="float", device="board-a", runtime="litert-cpu",
    purpose="image-classification", performance=("mine-run",),
)  # fmt: skip
RUN = Performance(
    name="mine-run", inference_latency_ms=5.0, evidence=Grade.DECLARED, source="local", current=True
)  # fmt: skip
LOCAL = Source(name="local", label="This installation", title="Measured or registered on this installation")
Check = Callable[..., Aftermath]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedGraph:
    """The eight models, and a vote; on disk, where a copy takes no time."""
    folder = tmp_path_factory.mktemp("aftermath") / "graph"
    tiny_graph().snapshot(folder)
    graph = EmbeddedGraph(folder)
    vote = "vote:1 a :Vote ; :model m:n ; :objective 'latency' ; :rating 3 ; :ratedBy 'Ann'"
    graph.update(f"{prologue()}INSERT DATA {{ GRAPH g:votes {{ {vote} }} }}")
    return graph


@pytest.fixture
def left(tiny: EmbeddedGraph, tmp_path: Path) -> Check:
    """What an update leaves behind of it."""

    def made(text: str) -> Aftermath:
        tiny.snapshot(tmp_path / "copy")
        copy = EmbeddedGraph(tmp_path / "copy")
        return Aftermath(tiny, copy, frozenset(touched_by(copy, prologue() + text)))

    return made


def given(*records: Record) -> str:
    """The records as an update."""
    return f"INSERT DATA {{ {as_data(q for r in records for q in quads(r, node('g', 'models-mine')))} }}"


def why(found: Aftermath) -> str:
    """The reasons why an update is refused, each of which ends with a semicolon."""
    with pytest.raises(RefusedQuery, match="nothing was changed: ") as error:
        found.refuse(measured_here=False)
    return str(error.value).removeprefix("nothing was changed: ") + ";"


def test_what_keeps_the_rules_may_stay(left: Check) -> None:
    found = left(given(LOCAL, MINE, RUN))
    found.refuse(measured_here=False)
    assert found.names == {"src:local", "m:mine", "p:mine-run"}


@pytest.mark.parametrize(
    "records",
    [
        [LOCAL, MINE, replace(RUN, evidence=None)],
        [LOCAL, MINE, replace(RUN, inference_latency_ms=-5.0)],
        [LOCAL, MINE, replace(RUN, inference_latency_ms=None)],
        [LOCAL, MINE, replace(RUN, evidence=Grade.PREDICTED, generated_by="one"), MeasurementRun(name="one")],
        [LOCAL, MINE, replace(RUN, accuracy_percent=70.0, accuracy_low_percent=75.0)],
        [LOCAL, replace(MINE, network=None, device=None), RUN],
        [LOCAL, MINE, RUN, Device(name="board-x", price_usd=5.0)],
    ],
    ids=["no evidence", "below 0", "no figure", "predicted and measured", "interval", "model", "price"],
)
def test_the_words_are_those_of_registration(left: Check, records: Sequence[Record]) -> None:
    said = faults(tiny_graph(), records)
    assert said
    told = why(left(given(*records)))
    assert [sentence for sentence in said if f"{sentence};" not in told] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "INSERT DATA { GRAPH g:x { m:a :performance p:x . p:x a :Performance ; :inferenceLatencyMs 9e0 ; :current "
            "true ; :evidence :published ; prov:hadPrimarySource src:bench } }",
            "m:a :performance: two current performances give inference latency",
        ),
        (
            "DELETE WHERE { GRAPH ?g { p:a-run :evidence ?grade } }",
            "p:a-run :evidence: a performance says how its figures were obtained",
        ),
        # The model itself says nothing different.
        (
            "INSERT { GRAPH ?g { p:a-accuracy :inferenceLatencyMs 10e0 } } WHERE { GRAPH ?g { p:a-accuracy a ?kind } }",
            "m:a :performance: two current performances give inference latency",
        ),
        # Nor here, where it stands in the template.
        (
            "INSERT { GRAPH ?g { p:a-accuracy :inferenceLatencyMs 10e0 . m:a :performance p:a-accuracy } } "
            "WHERE { GRAPH ?g { m:a :performance p:a-accuracy } }",
            "m:a :performance: two current performances give inference latency",
        ),
        ("INSERT DATA { m:a :yearCreated 1492 }", "m:a :yearCreated: the year must lie between 1950 and 2100"),
        ("INSERT DATA { m:a :inferenceLatency 1 }", "m:a: :inferenceLatency is not a word of the ontology"),
        ("INSERT DATA { m:z :yearCreated 2020 }", "m:z: state one class, such as :Model; it has none"),
        ("INSERT DATA { <urn:z> a :Model }", "urn:z: the name of a model must be an IRI that begins with"),
        ("INSERT DATA { _:z a :Model }", "a thing without a name (a blank node) cannot be registered"),
        ("INSERT DATA { m:a :licenceText [ :yearCreated 5 ] }", "a thing without a name (a blank node) cannot be"),
        (
            "INSERT DATA { dev:board-a :variantOf dev:none }",
            "dev:board-a variantOf: there is no dev:none, neither in the graph nor among what is registered",
        ),
        (
            "DELETE WHERE { GRAPH ?g { dev:board-a ?p ?o } }",
            "m:a device: there is no dev:board-a, neither in the graph nor among what is registered",
        ),
        ("DELETE WHERE { GRAPH ?g { dev:board-a a ?kind } }", "dev:board-a: state one class, such as :Model"),
        ("DROP GRAPH g:identities", "m:a network: there is no net:small-net"),
        (
            "INSERT DATA { m:a :performance p:x . p:x a :Performance ; :sizeKib 9e0 ; :evidence :measured ; "
            "prov:hadPrimarySource src:bench }",
            "p:x says :evidence :measured, which is for what was measured by DLOM itself",
        ),
        (
            'INSERT DATA { m:a :performance p:x . p:x a :Performance ; :sizeKib 9e0 ; :evidence :declared ; '
            'prov:hadPrimarySource src:bench ; prov:generatedAtTime "2999-01-01"^^xsd:date }',
            "p:x is of 2999-01-01, which is in the future",
        ),
        (
            'INSERT DATA { m:a :performance p:x . p:x a :Performance ; :sizeKib 9e0 ; :evidence :declared ; '
            'prov:hadPrimarySource src:bench ; prov:generatedAtTime "2999-01-01+05:00"^^xsd:date }',
            "p:x is of 2999-01-01, which is in the future",
        ),
        # The rules do not see a time zone: what reads them for SHACL leaves it out.
        (
            'INSERT DATA { m:a :performance p:x . p:x a :Performance ; :sizeKib 9e0 ; :evidence :declared ; '
            'prov:hadPrimarySource src:bench ; prov:generatedAtTime "2020-01-01Z"^^xsd:date }',
            "p:x prov:generatedAtTime: the date must be one xsd:date, such as 2026-11-20; got 2020-01-01Z",
        ),
        ("INSERT DATA { m:b :performance p:a-run }", "p:a-run is of m:a already; a performance is of one model"),
        ("INSERT DATA { m:a dcterms:isReplacedBy m:b }", "m:a says that it is replaced; register it without that, and"),
        # What names no day counts as of the day of its registration.
        (
            'INSERT DATA { m:a :performance p:x . p:x a :Performance ; :sizeKib 9e0 ; :evidence :declared ; '
            'prov:hadPrimarySource src:bench ; :registeredAt "2999-01-01T00:00:00Z"^^xsd:dateTime }',
            "p:x is of 2999-01-01, which is in the future",
        ),
    ],
)  # fmt: skip
def test_what_may_not_stay(left: Check, text: str, reason: str) -> None:
    assert reason in why(left(text))


@pytest.mark.parametrize(
    "text",
    [
        "INSERT DATA { GRAPH <urn:notes> { m:a <urn:seen> true , [ <urn:by> 'Ann' ] . <urn:x> a <urn:Thing> } }",
        "DELETE WHERE { GRAPH ?g { m:n ?p ?o } }",  # only a vote names it
        "DROP GRAPH g:models-bench ; DROP GRAPH g:models-later ; DROP GRAPH g:identities",  # whole, so nothing is left
        "INSERT DATA { GRAPH g:other { p:a-run :evidence :published } }",  # said already
        "WITH g:models-bench DELETE { m:a dcterms:license ?l } WHERE { m:a dcterms:license ?l }",
    ],
)
def test_what_breaks_no_rule_may_stay(left: Check, text: str) -> None:
    left(text).refuse(measured_here=False)


def test_dlom_itself_may_say_that_it_measured(left: Check) -> None:
    left(given(LOCAL, MINE, replace(RUN, evidence=Grade.MEASURED, obtained=date(2026, 11, 20)))).refuse(
        measured_here=True
    )


def test_a_vote_that_goes_touches_its_model(left: Check) -> None:
    found = left("DELETE WHERE { GRAPH g:votes { ?vote ?p ?o } }")
    found.refuse(measured_here=False)
    assert found.names == {"vote:1", "m:n"}


def test_more_than_can_be_checked_is_refused(left: Check) -> None:
    many = " . ".join(f"src:s{i} a :Source" for i in range(MOST + 1))
    with pytest.raises(RefusedQuery, match=r"changes what is said of 5,001 things, and at most 5,000 can be checked"):
        left(f"INSERT DATA {{ {many} }}").refuse(measured_here=False)


def test_twenty_reasons_are_told_and_the_others_are_counted(left: Check) -> None:
    wrong = " . ".join(f"m:z{i} :yearCreated 2020" for i in range(25))
    assert why(left(f"INSERT DATA {{ {wrong} }}")).endswith("; … and 5 more;")


def test_rules_look_behind_performances_only() -> None:
    """Where a rule of a model looked at its device, a change of the device would have to be checked with its models."""
    shapes = _shapes()
    chains = {first for path in shapes.objects(None, SH.path) if (first := shapes.value(path, RDF.first)) is not None}
    assert {str(link) for link in chains | {*_counted(shapes)}} == {PERFORMANCE.value}
