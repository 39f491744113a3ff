"""The shapes are read once and used again: what they say is what pySHACL says when it reads them anew."""

from __future__ import annotations

import pyoxigraph as ox
import pyshacl
from rdflib import RDF, SH, Graph, Literal, URIRef
from rdflib.compare import isomorphic

from ontology.records import DataSet, Device, Grade, Model, Performance, Record
from repository.change import canonical, described, turtle
from repository.shapes import _report, _shapes
from repository.terms import node
from repository.triples import quads

HERE = node("g", "here")
GOOD: list[Record] = [
    Model(
        name="größe 1", source="local", network="n", optimization="float", device="d", runtime="r", purpose="p",
        performance=("one",), commercial_use=True,
    ),
    Performance(name="one", size_kib=1.5, samples=3, evidence=Grade.MEASURED, source="local", current=True),
]  # fmt: skip
BAD: list[Record] = [
    *GOOD,
    Model(name="bad", source="local", performance=("one", "two"), year_created=12),
    Performance(name="two", size_kib=-1.0, accuracy_percent=101.0, evidence=Grade.PREDICTED, current=True),
    Device(name="d", fingerprint="XYZ", price_usd=-1.0),
    DataSet(name="s", classes=-2),
]


def stated(records: list[Record]) -> set[ox.Quad]:
    return canonical(q for r in records for q in quads(r, HERE))


def told(report: Graph) -> set[tuple[str, str, str]]:
    """Focus, path and message of each result."""
    return {
        (
            str(report.value(r, SH.focusNode)),
            str(report.value(r, SH.resultPath)),
            str(report.value(r, SH.resultMessage)),
        )
        for r in report.subjects(RDF.type, SH.ValidationResult)
    }


def test_nothing_is_left_over_from_the_data_before() -> None:
    for records in (GOOD, BAD, GOOD, BAD):
        data = described(stated(records))
        _, anew, _ = pyshacl.validate(data, shacl_graph=_shapes(), inference="none")
        assert isinstance(anew, Graph)
        assert told(_report(data)) == told(anew)
    assert len(told(_report(described(stated(BAD))))) > 8
    assert told(_report(described(stated(GOOD)))) == set()


def test_statements_become_what_their_turtle_says() -> None:
    odd = ox.Quad(node("m", "x"), node("", "label"), ox.Literal('a "b"\nc', language="en"), HERE)
    some = stated(BAD) | {odd}
    assert isomorphic(described(some), Graph().parse(data=turtle(some), format="turtle"))
    assert (URIRef(odd.subject.value), URIRef(odd.predicate.value), Literal('a "b"\nc', lang="en")) in described(some)  # type: ignore[union-attr]
