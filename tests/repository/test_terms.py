"""Names, numbers and texts as terms: whatever they contain, they come back as they went in."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.namespaces import PREFIXES
from ontology.records import Grade
from repository.graph import EmbeddedGraph, Format
from repository.terms import Name, Term, literal, local, node, prologue, shortened, sparql, values, with_prologue

EMPTY = EmbeddedGraph()
OURS = sorted(p for p, iri in PREFIXES.items() if iri.startswith("https://w3id.org/dlom/"))
XSD = "http://www.w3.org/2001/XMLSchema#"


def bound(*terms: Term) -> list[dict[str, Any]]:
    """What the engine makes of the terms, in its own JSON."""
    text = f"{prologue()}SELECT ?x WHERE {{ {values('x', terms)} }}"
    answer = json.loads(EMPTY.query(text, Format.JSON))
    return [row["x"] for row in answer["results"]["bindings"]]


@given(st.text())
def test_any_text_comes_back_as_one_row(text: str) -> None:
    assert bound(text) == [{"type": "literal", "value": text}]


@pytest.mark.parametrize(
    "text", ['" } DROP ALL #', "\\", '"""', "\n", "\\u0022 }", "?x", "<http://x/>", "'; --", "\0", "\u202e", "%s{}"]
)
def test_a_hostile_text_stays_text(text: str) -> None:
    assert bound(text, "next") == [{"type": "literal", "value": text}, {"type": "literal", "value": "next"}]


def test_a_moment_is_more_than_its_day() -> None:
    moment = literal(datetime(2026, 11, 20, 14, 5, tzinfo=UTC))
    assert str(moment) == f'"2026-11-20T14:05:00+00:00"^^<{XSD}dateTime>'
    assert str(literal(date(2026, 11, 20))) == f'"2026-11-20"^^<{XSD}date>'


@given(st.sampled_from(OURS), st.text(min_size=1))
def test_any_name_comes_back_as_one_iri(prefix: str, text: str) -> None:
    [found] = bound(Name(prefix, text))
    assert found["type"] == "uri"
    assert found["value"] == Name(prefix, text).iri == node(prefix, text).value
    assert local(found["value"]) == text


def test_names_are_short_where_that_is_safe() -> None:
    assert sparql(Name("net", "mobilenet-v2")) == "net:mobilenet-v2"
    assert sparql(Name("net", "yolo_v3.5")) == "net:yolo_v3.5"
    assert sparql(Name("src", "aihub-0.46.1")) == "<https://w3id.org/dlom/source/aihub-0.46.1>"
    assert sparql(Name("net", "ends.")) == "<https://w3id.org/dlom/network/ends.>"
    assert sparql(Name("net", "a b/c#d")) == "<https://w3id.org/dlom/network/a%20b%2Fc%23d>"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_stays_that_double(number: float) -> None:
    [found] = bound(number)
    assert found["datatype"] == f"{XSD}double"
    assert float(found["value"]) == number


def test_numbers_compare_as_doubles_and_not_as_decimals() -> None:
    """0.1 + 0.2 is 0.3 in decimals and a little more in doubles, which is what the columns compare."""
    query = "ASK {{ VALUES (?a ?b ?c) {{ ({} {} {}) }} FILTER (?a + ?b > ?c) }}"
    doubles = EMPTY.query(query.format(*map(sparql, (0.1, 0.2, 0.3))))
    decimals = EMPTY.query(query.format(0.1, 0.2, 0.3))
    assert (doubles, decimals) == (b"answer\ntrue\n", b"answer\nfalse\n")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(number: float) -> None:
    for write in (literal, sparql):
        with pytest.raises(ValueError, match="give a finite number"):
            write(number)


def test_the_other_kinds_of_values() -> None:
    found = bound(True, 12, date(2026, 1, 31), Grade.MEASURED)
    assert [(f["value"], f.get("datatype", "").removeprefix(XSD)) for f in found] == [
        ("true", "boolean"),
        ("12", "integer"),
        ("2026-01-31", "date"),
        ("https://w3id.org/dlom#measured", ""),
    ]
    with pytest.raises(TypeError, match="no RDF term for list"):
        literal([1])


def test_the_prologue_adds_what_is_used_and_not_declared() -> None:
    assert with_prologue("SELECT * { ?s ?p ?o }") == "SELECT * { ?s ?p ?o }"
    assert with_prologue("ASK { ?m :network net:a }") == (
        "PREFIX : <https://w3id.org/dlom#>\nPREFIX net: <https://w3id.org/dlom/network/>\nASK { ?m :network net:a }"
    )


def test_the_prologue_leaves_own_prefixes_alone() -> None:
    own = "# mine\n  prefix net: <http://example.org/>\nASK { ?m ?p net:a }"
    assert with_prologue(own) == own
    # Names of prefixes are told apart by case, so that NET declares nothing for net.
    other = "PREFIX NET: <http://example.org/>\nASK { NET:a ?p net:a }"
    assert with_prologue(other) == f"PREFIX net: <{PREFIXES['net']}>\n{other}"
    assert EMPTY.query(with_prologue(other)) == b"answer\nfalse\n"


def test_iris_are_shortened_for_people() -> None:
    assert shortened("https://w3id.org/dlom/device/board-a") == "dev:board-a"
    assert shortened("https://w3id.org/dlom#Model") == ":Model"
    for other in ("http://example.org/a", "12.5", "no IRI", ""):
        assert shortened(other) == other
