"""The shapes let a good record pass and tell what is wrong with a bad one."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rdflib import Graph, URIRef

from ontology.namespaces import PREFIXES
from repository.load import concept_quads
from repository.shapes import Violation, short, validate
from repository.sources.names import Names
from repository.sources.rows import SourceTables
from repository.sources.shelf import FACTS, NAMES, SOURCES
from repository.terms import node
from repository.triples import quads

HEADER = "".join(f"@prefix {p}: <{iri}> .\n" for p, iri in PREFIXES.items())

# A model as a benchmark publishes it: two acts of measuring, one carried over from another device.
GOOD = """
m:aihub-mobilenet_v2 a :Model ; prov:hadPrimarySource src:aihub ; :network net:mobilenet-v2 ;
    :optimization opt:w8a8 ; :device dev:samsung-galaxy-s24 ; :runtime rt:litert-npu ;
    :purpose purpose:image-classification ; :yearCreated 2018 ; :performance p:1 , p:2 .
p:1 a :Performance ; prov:hadPrimarySource src:aihub ; :evidence :published ; :current true ;
    :inferenceLatencyMs 0.289e0 ; :peakMemoryMib 41.0e0 .
p:2 a :Performance ; prov:hadPrimarySource src:aihub ; :evidence :published ; :current true ; :carriedFrom p:9 ;
    :accuracyPercent 70.6e0 ; :metric metric:top-1 ; :testSet data:imagenet-val-1000 ; :samples 1000 .
"""

# The DLOM2 paper's Figure 8b: a device, a declared total cost, and no word of a runtime.
CARD = """
m:card a :Model ; prov:hadPrimarySource src:dlom2 ; :network net:resnet-50 ; :optimization opt:not-stated ;
    :device dev:raspberry-pi-3 ; :cloud cloud:google-tpu ; :purpose purpose:object-detection ;
    :applicationArea area:skin-cancer ; :yearCreated 2019 ; :numberOfDevices 6 ;
    :declaredTotalCostUsd 12315e0 ; :otherCostUsd 7604.28e0 ; :declaredRating 3.9e0 ; :performance p:card .
p:card a :Performance ; prov:hadPrimarySource src:dlom2 ; :evidence :declared ; :current true ;
    :accuracyPercent 94.356e0 ; :systemLatencyMs 340e0 ; :inferenceLatencyMs 123e0 ;
    :stabilityPercent 89e0 ; :averageMemoryMib 5.34e0 .
"""

# A row of a paper's table: no device, no runtime.
PAPER_ROW = """
m:lee a :Model ; prov:hadPrimarySource src:lee2022 ; :network net:vgg ; :optimization opt:fiq ;
    :purpose purpose:image-classification ; :performance p:lee .
p:lee a :Performance ; prov:hadPrimarySource src:lee2022 ; :evidence :literature ; :accuracyPercent 72.5e0 .
"""

OTHERS = """
dev:a a :Device ; :ramMib 1024e0 ; :priceUsd 35e0 ; :priceEvidence :declared ; :framework "LiteRT" , "ONNX Runtime" .
cloud:a a :Cloud ; :vcpus 8 ; :priceUsdPerHour 0.0e0 ; :priceEvidence :declared .
data:a a :DataSet ; :classes 10 ; :examples 60000 .
tn:a a :TrainedNetwork ; :network net:a ; :layers 16 ; :parameters 138357544 .
vote:a a :Vote ; :model m:lee ; :objective "cost" ; :rating 5 ; :ratedBy "Ada" ;
    prov:generatedAtTime "2026-11-20"^^xsd:date .
scale:a a :RatingScale ; :objective "latency" ; :scaledFigure "inference_latency_ms" ; :members 5 .
p:speech a :Performance ; prov:hadPrimarySource src:a ; :evidence :published ; :current true ;
    :tokensPerS 12.85e0 ; :timeToFirstTokenMs 1495.83e0 ; :contextLength 1024 .
p:back a :Performance ; prov:hadPrimarySource src:a ; :evidence :published ; :current false ; :sizeKib 9e0 ;
    prov:invalidatedAtTime "2026-11-19"^^xsd:date ; :withdrawnBy "Ada" ; :withdrawnBecause "wrong board" .
decision:a a :Decision ; prov:endedAtTime "2026-11-20T14:05:00+00:00"^^xsd:dateTime ; :decidedBy "Ada" ;
    :requirementJson "{}" ; :preferencesJson "[]" ; :factsDigest "3f9a1c" ; :scaleVersion 1 ; :seed 7 ;
    :winner m:lee ; :runnerUp m:a , m:b ; :chosenModel m:a ; :score 4.3e0 .
"""


def check(turtle: str) -> list[Violation]:
    return validate(HEADER + turtle)


def only(turtle: str) -> str:
    """The one thing that is wrong."""
    found = check(turtle)
    assert len(found) == 1, [str(v) for v in found]
    return str(found[0])


@pytest.mark.parametrize("turtle", [GOOD, CARD, PAPER_ROW, OTHERS], ids=["published", "card", "paper", "others"])
def test_good_records_pass(turtle: str) -> None:
    assert check(turtle) == []


def test_a_graph_may_be_given_and_is_left_as_it_was() -> None:
    graph = Graph().parse(data=HEADER + GOOD, format="turtle")
    before = len(graph)
    assert validate(graph) == []
    assert len(graph) == before


def test_a_violation_is_data_first_and_a_sentence_last() -> None:
    (violation,) = check(GOOD.replace("0.289e0", "-3.0e0"))
    assert violation == Violation("p:1", ":inferenceLatencyMs", "a latency must be above 0 ms", "-3.0")
    assert str(violation) == "p:1 :inferenceLatencyMs: a latency must be above 0 ms; got -3.0"


BAD_MODELS = [
    (":network net:mobilenet-v2 ;", "", "m:aihub-mobilenet_v2 :network: a model names its network"),
    (":optimization opt:w8a8 ;", "", ":optimization: a model names its optimization"),
    (":purpose purpose:image-classification ;", "", ":purpose: a model names its purpose"),
    (":Model ; prov:hadPrimarySource src:aihub ;", ":Model ;", "a model names the one source"),
    (":device dev:samsung-galaxy-s24 ;", "", ":device: a model names its device, unless"),
    (":runtime rt:litert-npu ;", "", ":runtime: a model with measured or published figures names its runtime"),
    ("2018", "18", ":yearCreated: the year must lie between 1950 and 2100; got 18"),
    ("net:mobilenet-v2", "dev:mobilenet-v2", ":network: network must be a name in https://w3id.org/dlom/network/"),
    ("net:mobilenet-v2", '"mobilenet-v2"', ":network: network must be a name in"),
    ("dev:samsung-galaxy-s24", "dev:a , dev:b", ":device: a model has one device, and more than one is given"),
    (":yearCreated 2018", ":declaredTotalCostUsd 9e0", "stored only where a source declares it"),
    (":yearCreated 2018", ":declaredRating 6e0", ":declaredRating: a rating lies between 1 and 5; got 6.0"),
    (":yearCreated 2018", ":numberOfDevices 0", ":numberOfDevices: the number of devices must be at least 1; got 0"),
    (":yearCreated 2018", ":yearCreatd 2018", "yearCreatd is not a word of the ontology; check its spelling"),
    (":yearCreated 2018", ":ramMib 512e0", ":ramMib: this is said of a device, not of a thing of this class"),
]
BAD_PERFORMANCES = [
    (":evidence :published ; :current true ;\n", ":current true ;\n", ":evidence: a performance says how"),
    (":evidence :published", ":evidence :guessed", ":guessed is not a word of the ontology"),
    (":Performance ; prov:hadPrimarySource src:aihub ;", ":Performance ;", "a performance names the one source"),
    ("70.6e0", "100.1e0", ":accuracyPercent: accuracy is a percentage, from 0 to 100; got 100.1"),
    ("70.6e0", "70.6", "accuracy must be a finite number written as xsd:double, such as 12.5e0; got 70.6"),
    ("70.6e0", '"NaN"^^xsd:double', "accuracy must be a finite number"),
    ("0.289e0", "0e0", ":inferenceLatencyMs: a latency must be above 0 ms; got 0"),
    ("0.289e0", "0.289e0 , 0.3e0", "a performance has one inference latency, and more than one is given"),
    (
        ":accuracyPercent 70.6e0 ; :metric metric:top-1",
        ":metricValue 0.4e0",
        ":metric: a value of quality means nothing",
    ),
    (":accuracyPercent 70.6e0 ;", "", "a performance has at least one figure or part"),
    (":samples 1000", ":samples 0", ":samples: a test needs at least 1 sample; got 0"),
    ("true ; :carriedFrom", '"yes" ; :carriedFrom', ":current: current must be true or false (xsd:boolean); got yes"),
]


@pytest.mark.parametrize(("good", "bad", "told"), BAD_MODELS + BAD_PERFORMANCES)
def test_bad_records_are_told_what_is_wrong(good: str, bad: str, told: str) -> None:
    assert good in GOOD
    assert any(told in sentence for sentence in map(str, check(GOOD.replace(good, bad))))


def test_two_current_performances_may_not_give_the_same_figure() -> None:
    twice = GOOD.replace(":accuracyPercent 70.6e0", ":inferenceLatencyMs 0.3e0 ; :accuracyPercent 70.6e0")
    assert only(twice) == (
        "m:aihub-mobilenet_v2 :performance: two current performances give inference latency; "
        "make the older one not current"
    )
    assert check(twice.replace(":current true ; :carriedFrom", ":current false ; :carriedFrom")) == []


def test_a_prediction_does_not_stand_beside_a_measurement_run() -> None:
    run = GOOD.replace("0.289e0 ;", "0.289e0 ; prov:wasGeneratedBy <https://w3id.org/dlom/run/1> ;")
    assert check(run) == []
    told = only(run.replace(":published ; :current true ;\n    :inf", ":predicted ; :current true ;\n    :inf"))
    assert told.startswith("p:1 :evidence: a prediction cannot stand beside a measurement run")


def test_literature_needs_no_device_only_while_nothing_else_is_claimed() -> None:
    published = PAPER_ROW.replace("p:lee .\n", "p:lee , p:more .\n") + (
        "p:more a :Performance ; prov:hadPrimarySource src:x ; :evidence :published ; :sizeKib 1844e0 ."
    )
    assert {v.path for v in check(published)} == {":device", ":runtime"}
    nothing_claimed = PAPER_ROW.replace(" ; :performance p:lee", "")
    assert only(nothing_claimed).startswith("m:lee :device: a model names its device")


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        (":rating 5", ":rating 6", "vote:a :rating: a vote rates from 1 to 5; got 6"),
        (":rating 5", ":rating 0", "vote:a :rating: a vote rates from 1 to 5; got 0"),
        (":rating 5", ":rating 4.5e0", "vote:a :rating: rating must be a whole number (xsd:integer); got 4.5"),
        (':objective "cost"', ':objective "price"', "vote:a :objective: a vote names its objective"),
        (' ; :ratedBy "Ada"', "", "vote:a :ratedBy: a vote names the user"),
        (":model m:lee ; ", "", "vote:a :model: a vote names the model"),
        ('"2026-11-20"^^xsd:date', '"yesterday"', "the date must be one xsd:date, such as 2026-11-20; got yesterday"),
        ("1024e0", "0e0", "dev:a :ramMib: a memory must be above 0 MiB; got 0"),
        (" ; :priceEvidence :declared ; :framework", " ; :framework", "dev:a :priceEvidence: a price says how well"),
        ("0.0e0 ; :priceEvidence :declared", "0.5e0", "cloud:a :priceEvidence: a price says how well it is known"),
        ("35e0", "-1e0", "dev:a :priceUsd: a price cannot be negative; got -1"),
        (":members 5", ":members 4", "scale:a :members: a scale needs at least 5 members; got 4"),
        (":classes 10", ":classes 0", "data:a :classes: a data set has at least 1 class; got 0"),
        (":layers 16", ":layers 0", "tn:a :layers: a network has at least 1 layer; got 0"),
        ("12.85e0", "0e0", "p:speech :tokensPerS: a speed must be above 0 tokens a second; got 0"),
        ("1495.83e0", "-1e0", "p:speech :timeToFirstTokenMs: a time must be above 0 ms; got -1"),
        (":contextLength 1024", ":contextLength 0", ":contextLength: a context has at least 1 token; got 0"),
        (":current false ; :sizeKib", ":current true ; :sizeKib", "p:back :current: withdrawn figures cannot be"),
        (' ; :withdrawnBecause "wrong board"', "", "p:back :withdrawnBecause: a withdrawal says who took the figures"),
        ('"2026-11-20T14:05:00+00:00"^^xsd:dateTime', '"2026-11-20"^^xsd:date', "a decision has its moment"),
        (' ; :decidedBy "Ada"', "", "decision:a :decidedBy: a decision names the user"),
        ("m:lee ; :runnerUp", "m:lee , m:c ; :runnerUp", "a decision has one winner, and more than one is given"),
        ("dev:a a", "cloud:b a", "cloud:b: the name of a device must be an IRI that begins with"),
        ("tn:a a", "[] a", "the name of a trained network must be an IRI that begins with"),
    ],
)
def test_other_bad_records(good: str, bad: str, told: str) -> None:
    assert good in OTHERS
    assert told in only(OTHERS.replace(good, bad))


@settings(max_examples=40, deadline=None)  # the first example builds the shapes
@given(st.one_of(st.floats(-1, 101), st.floats(allow_nan=False, allow_infinity=False)))
@example(0.0)
@example(100.0)
@example(100.00001)
@example(-0.00001)
def test_accuracy_passes_exactly_from_0_to_100(percent: float) -> None:
    found = check(GOOD.replace("70.6e0", f'"{percent!r}"^^xsd:double'))
    assert (found == []) is (0 <= percent <= 100)


@pytest.mark.parametrize("tables", SOURCES, ids=lambda t: str(t.source.name))
def test_shipped_facts_keep_the_rules(tables: SourceTables) -> None:
    rows = list(tables.read(FACTS, Names.load(NAMES)))
    # At most about a hundred rows of each source, spread over its tables.
    records = {record for row in rows[:: 1 + len(rows) // 100] for _, record in row.records}
    statements = {quad.triple for record in records for quad in quads(record, node("g", "test"))}
    assert statements
    assert check("".join(f"{triple} .\n" for triple in statements)) == []


def test_reviewed_names_use_words_of_the_ontology() -> None:
    statements = [quad.triple for concept in Names.load(NAMES).concepts() for quad in concept_quads(concept)]
    assert statements
    assert check("".join(f"{triple} .\n" for triple in statements)) == []


def test_text_that_is_not_turtle_is_told_with_its_line() -> None:
    with pytest.raises(
        ValueError, match=r"^this is not Turtle: line 2: Bad syntax \(objectList expected\); check that line"
    ):
        validate("@prefix m: <https://w3id.org/dlom/model/> .\nm:a m:b ]")


def test_short_names() -> None:
    graph = Graph().parse(data=HEADER + "m:a :network net:b .", format="turtle")
    ((subject, path, value),) = graph
    assert (short(subject), short(path), short(value), short(None)) == ("m:a", ":network", "net:b", "")
    assert short(URIRef("https://example.org/a")) == "https://example.org/a"
