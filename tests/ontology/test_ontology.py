"""The ontology says what the paper's tables say, loads everywhere, and does not contradict itself."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import pyoxigraph as ox
import pytest
from rdflib import RDF, RDFS, SKOS, BNode, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from ontology.namespaces import NAMESPACE, PREFIXES
from ontology.records import Objective
from ontology.techniques import ISSUES, NO_TECHNIQUE, TECHNIQUES, Technique, ancestors, technique

DLOM = Namespace(NAMESPACE)
TECH = Namespace(PREFIXES["tech"])
FACTS = Path(str(files("repository"))) / "facts"
TTL = files("ontology").joinpath("dlom.ttl")

# Columns of Table 1; its privacy is the objective called security.
TABLE_ONE = {
    "performance": Objective.PERFORMANCE,
    "latency_reduction": Objective.LATENCY,
    "cost_reduction": Objective.COST,
    "complexity_reduction": Objective.COMPLEXITY,
    "reliability": Objective.RELIABILITY,
    "privacy": Objective.SECURITY,
}


@cache
def words() -> Graph:
    return Graph().parse(data=TTL.read_bytes(), format="turtle")


def rows(name: str) -> list[dict[str, str]]:
    with (FACTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def local(term: Node | None) -> str:
    return str(term).rsplit("/", 1)[-1].rsplit("#", 1)[-1]


@pytest.mark.parametrize("row", rows("seed_dlom2_table1.csv"), ids=lambda row: str(row["method"]))
def test_effects_are_those_of_table_1(row: dict[str, str]) -> None:
    printed = {objective: {"+": 1, "-": -1, "0": 0}[row[column]] for column, objective in TABLE_ONE.items()}
    assert technique(row["method"].lower().replace(" ", "-")).effects == printed


def test_only_rows_of_table_1_have_effects() -> None:
    with_effects = {t.label.lower() for t in TECHNIQUES if t.broader is None and t.effects}
    assert with_effects == {row["method"].lower() for row in rows("seed_dlom2_table1.csv")}


def test_pruning_as_the_paper_tells_it() -> None:
    # Section 2.5: "pruning as an optimization technique enhances performance but increases latency".
    effects = technique("pruning").effects
    assert effects[Objective.PERFORMANCE] == 1
    assert effects[Objective.LATENCY] == -1
    assert words().value(DLOM["effect-pruning-latency"], RDFS.comment) == Literal(
        "Decreases latency reduction: latency gets worse."
    )


def test_narrower_techniques_have_the_effects_and_risks_of_their_broader_one() -> None:
    assert ancestors("baseline-quantization") == ("post-training-quantization", "quantization")
    assert ancestors("quantization-aware-training") == ("quantization",)
    for t in TECHNIQUES:
        for name in ancestors(t.name):
            assert t.effects == technique(name).effects
            assert t.risks == technique(name).risks


def test_an_unknown_technique_is_named_with_those_there_are() -> None:
    with pytest.raises(KeyError, match=r"unknown technique 'prunning'.*pruning"):
        technique("prunning")


@pytest.mark.parametrize("known", [*TECHNIQUES, NO_TECHNIQUE], ids=lambda t: str(t.name))
def test_techniques_py_equals_dlom_ttl(known: Technique) -> None:
    term = TECH[known.name]
    graph = words()
    assert (term, RDF.type, DLOM.Technique) in graph
    assert (term, SKOS.inScheme, DLOM.techniques) in graph
    assert str(graph.value(term, SKOS.prefLabel)) == known.label
    assert str(graph.value(term, SKOS.definition)) == known.definition
    assert {str(a) for a in graph.objects(term, SKOS.altLabel)} == set(known.alt_labels)
    broader = graph.value(term, SKOS.broader)
    assert (None if broader is None else local(broader)) == known.broader
    # The graph states effects and risks once, at the broadest technique.
    broadest = TECH[(known.name, *ancestors(known.name))[-1]]
    effects = {}
    for effect in graph.objects(broadest, DLOM.effect):
        objective = Objective(str(graph.value(graph.value(effect, DLOM.onObjective), SKOS.notation)))
        sign = graph.value(graph.value(effect, DLOM.direction), DLOM["sign"])
        assert local(effect) == f"effect-{local(broadest)}-{objective.value}"
        effects[objective] = int(str(sign))
    assert effects == known.effects
    assert {local(r) for r in graph.objects(broadest, DLOM.risk)} == {f"issue-{i.name}" for i in known.risks}


def test_nothing_else_is_said_of_techniques_effects_or_issues() -> None:
    graph = words()
    names = {t.name for t in (*TECHNIQUES, NO_TECHNIQUE)}
    assert {local(t) for t in graph.subjects(RDF.type, DLOM.Technique)} == names
    assert set(graph.subjects(RDF.type, DLOM.Effect)) == set(graph.objects(None, DLOM.effect))
    assert len(set(graph.objects(None, DLOM.effect))) == 7 * 6
    for issue in ISSUES:
        assert str(graph.value(DLOM[f"issue-{issue.name}"], RDFS.label)) == issue.label
        assert str(graph.value(DLOM[f"issue-{issue.name}"], RDFS.comment)) == issue.comment
    assert {local(i) for i in graph.subjects(RDF.type, DLOM.Issue)} == {f"issue-{i.name}" for i in ISSUES}
    assert {i for t in (*TECHNIQUES, NO_TECHNIQUE) for i in t.risks} == set(ISSUES)


def test_the_papers_abbreviations_are_known() -> None:
    found = {a for t in TECHNIQUES for a in t.alt_labels}
    assert {"PTQ", "BLQ", "FIQ", "F16", "QAT", "KD", "TD", "PRN"} <= found


def test_columns_of_table_1_are_those_of_the_objectives() -> None:
    for column, objective in TABLE_ONE.items():
        stated = words().value(DLOM[f"objective-{objective.value}"], DLOM.tableOneColumn)
        assert str(stated).lower().replace(" ", "_") == column


def test_every_attribute_of_table_3_has_its_term() -> None:
    printed = {f"{row['class']}/{row['attribute']}" for row in rows("seed_dlom2_table3.csv")}
    assert len(printed) == 36
    assert {str(o) for o in words().objects(None, DLOM.tableThree)} == printed


@pytest.mark.parametrize("name", sorted({row["class"] for row in rows("seed_dlom2_table3.csv")}))
def test_attributes_of_table_3_belong_to_their_class(name: str) -> None:
    graph = words()
    (kind,) = graph.subjects(SKOS.altLabel, Literal(name))
    for row in rows("seed_dlom2_table3.csv"):
        if row["class"] == name:
            terms = set(graph.subjects(DLOM.tableThree, Literal(f"{name}/{row['attribute']}")))
            said_of = {kind for term in terms for kind in _said_of(term)}
            assert kind in said_of, row["attribute"]


def _said_of(term: Node) -> Iterator[Node]:
    yield term
    yield from words().objects(term, RDFS.domain)
    yield from words().objects(term, URIRef(PREFIXES["schema"] + "domainIncludes"))
    if (term, RDF.type, DLOM.Technique) in words():  # Table 3 lists techniques as attributes of Optimization
        yield from words().objects(DLOM.technique, RDFS.domain)


def test_no_blank_nodes_and_nothing_to_fetch() -> None:
    assert [t for triple in words() for t in triple if isinstance(t, BNode)] == []
    assert "owl:imports" not in TTL.read_text(encoding="utf-8")


def test_both_engines_read_the_same_statements() -> None:
    by_oxigraph = list(ox.parse(TTL.read_bytes(), format=ox.RdfFormat.TURTLE))
    assert len(by_oxigraph) == len(set(map(str, by_oxigraph))), "a statement is written twice"
    assert len(by_oxigraph) == len(words())


def _consistent(turtle: str) -> bool:
    """Whether HermiT finds the ontology, with some facts added, free of contradictions."""
    import owlready2 as owl

    graph = Graph() + words()
    header = "".join(f"@prefix {p}: <{iri}> .\n" for p, iri in PREFIXES.items())
    graph.parse(data=header + turtle, format="turtle")
    world = owl.World()
    ontology = world.get_ontology("https://w3id.org/dlom")
    ontology.load(fileobj=io.BytesIO(graph.serialize(format="ntriples").encode()))
    try:
        owl.sync_reasoner_hermit(world, debug=0)
    except owl.OwlReadyInconsistentOntologyError:
        return False
    return not list(world.inconsistent_classes())


needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="HermiT needs Java; install a Java runtime (17)")


@needs_java
def test_the_ontology_and_a_good_model_are_consistent() -> None:
    assert _consistent(
        """
        m:1 :network net:vgg-16 ; :device dev:pixel-8 ; :performance p:1 ; prov:hadPrimarySource src:a .
        p:1 :inferenceLatencyMs 12.5e0 ; :evidence :measured ; :metric metric:top-1 .
        """
    )


@needs_java
@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ("m:1 :device x: . m:2 :cloud x: .", "nothing is a device and a cloud"),
        ("p:1 :inferenceLatencyMs true .", "a latency is a number"),
        ("p:1 :accuracyPercent 70.1e0 , 70.2e0 .", "a performance has one accuracy"),
        ("m:1 a :Device ; :optimization opt:1 .", "only a model has an optimization"),
    ],
)
def test_contradictions_are_found(facts: str, why: str) -> None:
    assert not _consistent("@prefix x: <https://example.org/x> .\n" + facts), why
