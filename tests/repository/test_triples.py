"""Every record of the vocabulary is written to the graph and says there what it said before."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

import pyoxigraph as ox
import pytest

from ontology.namespaces import PREFIXES
from ontology.records import RECORDS, Device, Grade, Objective, Optimization, Performance, Record, camel
from repository.graph import EmbeddedGraph, Format
from repository.terms import node, prologue
from repository.triples import quads

HERE = node("g", "here")
EXAMPLES: dict[str, Any] = {
    "str": 'a "text" \\ with\na line',
    "int": 3,
    "float": 0.1,
    "bool": False,
    "date": date(2026, 1, 31),
    "datetime": datetime(2026, 1, 31, 12, 30, tzinfo=UTC),
    "Grade": Grade.DECLARED,
    "Objective": Objective.COST,
    "tuple[str, ...]": ("one", "two"),
}


def filled(kind: type[Record]) -> Record:
    """A record with a value in every field."""
    return kind(**{f.name: EXAMPLES[str(f.type).removesuffix(" | None")] for f in fields(kind)} | {"name": "it"})


def said(record: Record) -> dict[str, set[str]]:
    """What the graph says of the record afterwards: full property → values as text."""
    graph = EmbeddedGraph()
    graph.replace(HERE, quads(record, HERE))
    text = f"{prologue()}SELECT ?p ?o {{ {node(record.prefix, record.name)} ?p ?o }}"
    found: dict[str, set[str]] = {}
    for row in json.loads(graph.query(text, Format.JSON))["results"]["bindings"]:
        found.setdefault(row["p"]["value"], set()).add(row["o"]["value"])
    return found


@pytest.mark.parametrize("kind", RECORDS)
def test_every_field_is_written_and_comes_back(kind: type[Record]) -> None:
    found = said(filled(kind))
    assert found.pop(f"{PREFIXES['rdf']}type") == {f"{PREFIXES['']}{kind.__name__}"}
    for f in fields(kind):
        if f.name == "name":
            continue
        prefix, _, word = (f.metadata.get("property") or f":{camel(f.name)}").partition(":")
        value = EXAMPLES[str(f.type).removesuffix(" | None")]
        several = value if isinstance(value, tuple) else (value,)
        if space := f.metadata.get("prefix"):
            expected = {node(space, one).value for one in several}
        else:
            written = {
                False: "false",
                Grade.DECLARED: f"{PREFIXES['']}declared",
                EXAMPLES["datetime"]: "2026-01-31T12:30:00Z",
            }
            expected = {written.get(one, str(one)) for one in several}
        assert found.pop(PREFIXES[prefix] + word) == expected, f.name
    assert found == {}


def test_an_example_in_full() -> None:
    performance = Performance(
        name="p-1", inference_latency_ms=12.0, test_set="flowers", samples=500, evidence=Grade.MEASURED, source="bench",
        obtained=date(2026, 1, 31), current=True,
    )  # fmt: skip
    p, xsd = "<https://w3id.org/dlom/performance/p-1>", "http://www.w3.org/2001/XMLSchema#"
    assert {f"{q.subject} {q.predicate} {q.object}" for q in quads(performance, HERE)} == {
        f"{p} <{PREFIXES['rdf']}type> <https://w3id.org/dlom#Performance>",
        f'{p} <https://w3id.org/dlom#inferenceLatencyMs> "12"^^<{xsd}double>',
        f"{p} <https://w3id.org/dlom#testSet> <https://w3id.org/dlom/data-set/flowers>",
        f'{p} <https://w3id.org/dlom#samples> "500"^^<{xsd}integer>',
        f"{p} <https://w3id.org/dlom#evidence> <https://w3id.org/dlom#measured>",
        f"{p} <http://www.w3.org/ns/prov#hadPrimarySource> <https://w3id.org/dlom/source/bench>",
        f'{p} <http://www.w3.org/ns/prov#generatedAtTime> "2026-01-31"^^<{xsd}date>',
        f'{p} <https://w3id.org/dlom#current> "true"^^<{xsd}boolean>',
    }


@pytest.mark.parametrize("kind", RECORDS)
def test_what_is_not_known_is_not_said(kind: type[Record]) -> None:
    assert list(quads(kind(name="it"), HERE, typed=False)) == []
    assert [q.predicate.value for q in quads(kind(name="it"), HERE)] == [f"{PREFIXES['rdf']}type"]


def test_known_to_be_none_is_said() -> None:
    [quad] = quads(Optimization(name="float", technique=()), HERE, typed=False)
    assert quad.object == ox.NamedNode("https://w3id.org/dlom/technique/none")
    assert list(quads(Device(name="a", framework=()), HERE, typed=False)) == []  # plain texts have no such concept
