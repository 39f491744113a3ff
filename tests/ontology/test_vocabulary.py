"""One vocabulary, two spellings: each record and field of `records.py` has its term in `dlom.ttl`; no term is idle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import Field, fields
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, get_args, get_type_hints

import pytest
from rdflib import OWL, RDF, RDFS, SKOS, XSD, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from ontology.namespaces import NAMESPACE, PREFIXES
from ontology.records import (
    RECORDS,
    REVERSE_SCALED,
    Grade,
    Objective,
    Record,
    camel,
    figure_kinds,
)

DLOM = Namespace(NAMESPACE)
UNIT = Namespace(PREFIXES["unit"])
HAS_UNIT = URIRef(PREFIXES["qudt"] + "hasUnit")
DOMAIN_INCLUDES = URIRef(PREFIXES["schema"] + "domainIncludes")

RANGES: dict[type, URIRef] = {
    float: XSD.double,  # all real numbers and money
    int: XSD.integer,
    bool: XSD.boolean,
    str: XSD.string,
    datetime: XSD.dateTime,
    Grade: DLOM.Evidence,
    Objective: XSD.string,  # the writer states its notation
}
UNITS: dict[str, URIRef] = {
    "ms": UNIT.MilliSEC,
    "%": UNIT.PERCENT,
    "1/s": UNIT["PER-SEC"],
    "W": UNIT.W,
    "mJ": UNIT.MilliJ,
    "MiB": UNIT.MebiBYTE,
    "KiB": UNIT.KibiBYTE,
    "GiB": UNIT.GibiBYTE,
    "GHz": UNIT.GigaHZ,
    "USD": UNIT.CCY_USD,
    "USD/h": DLOM.usDollarPerHour,
}

# Words that no record has, and who says them.
BESIDE_RECORDS = {
    "graphs of the catalogue": "Repository NetworkRepository DeviceRepository CloudRepository ModelRepository",
    "choices": "Technique Purpose ApplicationArea DeviceType Metric Domain "
    "techniques purposes areas deviceTypes metrics domains",
    "reviewed names of metrics": "unit isAccuracy",
    "evidence": "Evidence rank measured published literature declared predicted",
    "objectives": "Objective reverseScaled ratingRule tableOneColumn",
    "what is known of techniques": "Effect Direction Issue effect risk onObjective direction sign "
    "increases decreases noEffect",
    "notes on terms": "figure tableThree higherIsBetter namespaceOfInstances usDollarPerHour",
}


@cache
def words() -> Graph:
    return Graph().parse(data=files("ontology").joinpath("dlom.ttl").read_bytes(), format="turtle")


def term_of(field: Field[Any]) -> URIRef | None:
    """The field's own term; None where a published one is used."""
    return None if field.metadata.get("property") else DLOM[camel(field.name)]


def own_fields() -> Iterator[tuple[type[Record], Field[Any], URIRef]]:
    for record in RECORDS:
        for field in fields(record):
            term = term_of(field)
            if field.name != "name" and term is not None:
                yield record, field, term


def kind_of(record: type[Record], field: Field[Any]) -> tuple[type, bool]:
    """The type of one value, and whether there may be several: `tuple[str, ...] | None` is (str, True)."""
    hint = next(a for a in get_args(get_type_hints(record)[field.name]) if a is not type(None))
    return (get_args(hint)[0], True) if get_args(hint) else (hint, False)


def domains(term: Node) -> set[Node]:
    return {*words().objects(term, RDFS.domain), *words().objects(term, DOMAIN_INCLUDES)}


FIELDS = [pytest.param(r, f, t, id=f"{r.__name__}.{f.name}") for r, f, t in own_fields()]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_each_record_is_a_class_whose_instances_have_its_prefix(record: type[Record]) -> None:
    term = DLOM[record.__name__]
    assert (term, RDF.type, OWL.Class) in words()
    assert words().value(term, DLOM.namespaceOfInstances) == Literal(PREFIXES[record.prefix])


@pytest.mark.parametrize(("record", "field", "term"), FIELDS)
def test_each_field_is_a_property_of_its_record(record: type[Record], field: Field[Any], term: URIRef) -> None:
    assert DLOM[record.__name__] in domains(term)


@pytest.mark.parametrize(("record", "field", "term"), FIELDS)
def test_each_field_has_the_range_of_its_type(record: type[Record], field: Field[Any], term: URIRef) -> None:
    kind, several = kind_of(record, field)
    (target,) = words().objects(term, RDFS.range)
    prefix = field.metadata.get("prefix")
    if prefix:
        assert words().value(target, DLOM.namespaceOfInstances) == Literal(PREFIXES[prefix])
    else:
        assert target == RANGES[kind]
    is_object = not str(target).startswith(str(XSD))
    assert (term, RDF.type, OWL.ObjectProperty if is_object else OWL.DatatypeProperty) in words()
    assert ((term, RDF.type, OWL.FunctionalProperty) in words()) is not several


@pytest.mark.parametrize(("record", "field", "term"), FIELDS)
def test_each_field_has_its_unit(record: type[Record], field: Field[Any], term: URIRef) -> None:
    unit = field.metadata.get("unit", "")
    assert list(words().objects(term, HAS_UNIT)) == ([UNITS[unit]] if unit else [])


def test_a_latency_reads_as_expected() -> None:
    latency = DLOM.inferenceLatencyMs
    assert words().value(latency, RDFS.domain) == DLOM.Performance
    assert words().value(latency, RDFS.range) == XSD.double
    assert words().value(latency, HAS_UNIT) == URIRef("http://qudt.org/vocab/unit/MilliSEC")
    assert words().value(latency, DLOM.higherIsBetter) == Literal(False)


def test_fields_with_a_published_term_use_one_that_the_ontology_declares() -> None:
    builtin = {"rdfs:label", "rdfs:comment"}
    published = {str(f.metadata.get("property") or "rdfs:label") for r in RECORDS for f in fields(r)} - builtin
    assert {"prov:hadPrimarySource", "prov:generatedAtTime", "dcterms:license"} <= published
    for curie in published:
        prefix, _, local = curie.partition(":")
        assert (URIRef(PREFIXES[prefix] + local), RDF.type, None) in words(), curie


def test_dates_use_a_published_term_only() -> None:
    # OWL 2 has no xsd:date to reason with, so a property of ours must not have that range.
    assert [t for r, f, t in own_fields() if kind_of(r, f)[0] is date] == []


def test_no_property_is_said_of_a_class_whose_record_lacks_it() -> None:
    said = {(kind, term) for term in words().subjects(RDFS.range, None) for kind in domains(term)}
    known = {(DLOM[r.__name__], t) for r, _, t in own_fields()}
    records = {DLOM[r.__name__] for r in RECORDS}
    assert {(k, t) for k, t in said - known if k in records} == {(DLOM.Performance, DLOM.figure)}


def test_no_term_is_idle() -> None:
    ours = {str(s).removeprefix(NAMESPACE) for s in words().subjects() if str(s).startswith(NAMESPACE)}
    used = {r.__name__ for r in RECORDS} | {str(t).removeprefix(NAMESPACE) for _, _, t in own_fields()}
    used |= {word for words_ in BESIDE_RECORDS.values() for word in words_.split()}
    used |= {f"objective-{o.value}" for o in Objective}
    # Effects and issues are held equal to techniques.py in test_ontology.py.
    assert {t for t in ours - used if not t.startswith(("effect-", "issue-"))} == set()
    assert used - ours == set()


def test_every_term_is_documented() -> None:
    for subject in set(words().subjects()):
        if str(subject).startswith(NAMESPACE):
            assert words().value(subject, RDFS.label), subject
            assert words().value(subject, RDFS.comment), subject
        elif str(subject).startswith(PREFIXES["tech"]):
            assert words().value(subject, SKOS.prefLabel), subject
            assert words().value(subject, SKOS.definition), subject


def test_figures_are_those_of_the_record_with_the_same_better() -> None:
    assert set(words().subjects(RDFS.subPropertyOf, DLOM.figure)) == {DLOM[camel(k.name)] for k in figure_kinds()}
    for kind in figure_kinds():
        stated = words().value(DLOM[camel(kind.name)], DLOM.higherIsBetter)
        assert stated == (None if kind.higher_is_better is None else Literal(kind.higher_is_better)), kind.name


def test_grades_are_ranked_individuals() -> None:
    ranks = {
        str(g).removeprefix(NAMESPACE): words().value(g, DLOM["rank"])
        for g in words().subjects(RDF.type, DLOM.Evidence)
    }
    assert ranks == {g.value: Literal(g.rank) for g in Grade}


def test_objectives_have_direction_and_rule() -> None:
    for objective in Objective:
        term = DLOM[f"objective-{objective.value}"]
        assert (term, RDF.type, DLOM.Objective) in words()
        assert words().value(term, SKOS.notation) == Literal(objective.value)
        assert words().value(term, DLOM.reverseScaled) == Literal(objective in REVERSE_SCALED)
        assert words().value(term, DLOM.ratingRule)


def test_choices_have_a_class_in_their_namespace() -> None:
    for prefix in ("tech", "purpose", "area", "dtype", "metric", "domain"):
        (kind,) = words().subjects(DLOM.namespaceOfInstances, Literal(PREFIXES[prefix]))
        assert (kind, RDFS.subClassOf, SKOS.Concept) in words()
