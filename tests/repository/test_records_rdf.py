"""Records become Turtle and come back; anything else that Turtle or JSON-LD can say is refused with a sentence."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontology.records import RECORDS, Grade, Model, Part, Performance, Record
from repository.change import RegistrationError
from repository.records_rdf import as_turtle, from_json_ld, from_turtle

MINE = """
m:mine a :Model ; :network net:small-net ; :purpose purpose:image-classification ; :performance p:mine-1 ,
  p:mine-2 ; :yearCreated 2026 ; :commercialUse true .
p:mine-1 a :Performance ; :inferenceLatencyMs 21.5 ; :sizeKib 1e3 ; :evidence :declared ;
  prov:generatedAtTime "2026-11-20"^^xsd:date ; rdfs:label "A “quick” run" .
"""
RECORDS_OF_MINE = [
    Model(
        name="mine", network="small-net", purpose="image-classification", performance=("mine-1", "mine-2"),
        year_created=2026, commercial_use=True,
    ),
    Performance(
        name="mine-1", inference_latency_ms=21.5, size_kib=1000.0, evidence=Grade.DECLARED,
        obtained=date(2026, 11, 20), label="A “quick” run",
    ),
]  # fmt: skip

NAMES = st.text(min_size=1, max_size=12)
TEXTS = st.text(max_size=30).filter(lambda t: "\x00" not in t)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXTS,
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.just(UTC)),
}


def value_of(hint: Any, prefix: str) -> st.SearchStrategy[Any]:
    kind = next(k for k in (get_args(hint) or (hint,)) if k is not type(None))
    if get_args(kind):
        # In RDF several values are a set, and an empty one says nothing, but for a list of links known to be empty.
        one = NAMES.filter(lambda n: n != "none") if prefix else TEXTS
        least = 0 if prefix else 1
        return st.frozensets(one, min_size=least, max_size=3).map(lambda s: tuple(sorted(s)))
    if prefix:
        return NAMES
    return st.sampled_from(kind) if issubclass(kind, StrEnum) else PLAIN[kind]


@st.composite
def a_record(draw: st.DrawFn) -> Record:
    kind = draw(st.sampled_from(RECORDS))
    hints = get_type_hints(kind)
    chosen = draw(st.sets(st.sampled_from([f.name for f in fields(kind) if f.name != "name"]), max_size=6))
    given_values = {
        f.name: draw(value_of(hints[f.name], f.metadata.get("prefix", ""))) for f in fields(kind) if f.name in chosen
    }
    return kind(name=draw(NAMES), **given_values)


def told(body: str) -> str:
    """Why a Turtle document is refused."""
    with pytest.raises((RegistrationError, ValueError)) as caught:
        from_turtle(body.encode())
    return str(caught.value).removeprefix("nothing was stored: ")


def told_ld(document: object) -> str:
    with pytest.raises((RegistrationError, ValueError)) as caught:
        from_json_ld(json.dumps(document).encode())
    return str(caught.value).removeprefix("nothing was stored: ")


def test_turtle_as_a_person_writes_it() -> None:
    assert from_turtle(MINE.encode()) == RECORDS_OF_MINE


@settings(deadline=None)
@given(st.lists(a_record(), max_size=4, unique_by=lambda r: (r.prefix, r.name)))
def test_what_is_written_as_turtle_is_read_back(records: list[Record]) -> None:
    if not records:
        return
    assert sorted(from_turtle(as_turtle(records).encode()), key=repr) == sorted(records, key=repr)


def test_the_same_as_json_ld() -> None:
    document = [
        {
            "@id": "m:mine", "@type": "Model", "network": "net:small-net", "purpose": "purpose:image-classification",
            "performance": ["p:mine-1", "p:mine-2"], "yearCreated": 2026, "commercialUse": True,
        },
        {
            "@id": "p:mine-1", "@type": "Performance", "inferenceLatencyMs": 21.5, "sizeKib": 1000,
            "evidence": "declared", "obtained": {"@value": "2026-11-20", "@type": "xsd:date"},
            "label": "A “quick” run",
        },
    ]  # fmt: skip
    assert from_json_ld(json.dumps(document).encode()) == RECORDS_OF_MINE
    one = {
        "@context": {"ms": "https://w3id.org/dlom#inferenceLatencyMs"},
        "@type": "Performance",
        "@id": "p:a",
        "ms": 3,
    }
    assert from_json_ld(json.dumps(one).encode()) == [Performance(name="a", inference_latency_ms=3.0)]
    colons = [
        {"@id": "m:a", "@type": ":Model", ":purpose": "purpose:image-classification", ":network": "net:b"},
        {"@id": "p:a", "@type": "Performance", ":evidence": ":declared", ":inferenceLatencyMs": 3},
        {"@context": {"grade": {"@id": "https://w3id.org/dlom#evidence", "@type": "@id"}}, "@id": "p:b",
         "@type": ":Performance", "grade": ":declared"},
    ]  # fmt: skip
    assert from_json_ld(json.dumps(colons).encode()) == [
        Model(name="a", purpose="image-classification", network="b"),
        Performance(name="a", evidence=Grade.DECLARED, inference_latency_ms=3.0),
        Performance(name="b", evidence=Grade.DECLARED),
    ]
    part = {"@id": "part:one", "@type": "Part", "partLatencyMs": 1.5}
    assert from_json_ld(json.dumps(part).encode()) == [Part(name="one", part_latency_ms=1.5)]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("m:a a :Model ; :wheels 4 .", "m:a: a Model has no :wheels"),
        ("p:a a :Performance ; :inferenceLatencyms 4 .", "no :inferenceLatencyms (near: :inferenceLatencyMs,"),
        ("m:a a :Model ; :network dev:b .", "m:a :network: a name in net: is expected; got dev:b"),
        ('m:a a :Model ; :network "b" .', "a name in net: is expected; got 'b' (xsd:string)"),
        ('p:a a :Performance ; :sizeKib "4" .', "p:a :sizeKib: a number is expected; got '4' (xsd:string)"),
        ("p:a a :Performance ; :sizeKib 4, 5 .", "one value is expected, and 2 are given"),
        ("p:a a :Performance ; :samples 4.5 .", "a whole number is expected; got '4.5' (xsd:decimal)"),
        ('p:a a :Performance ; :sizeKib "INF"^^xsd:double .', "INF is not finite"),
        ('p:a a :Performance ; :sizeKib "four"^^xsd:double .', "'four' is no number"),
        ("p:a a :Performance ; :evidence :hearsay .", "one of :measured, :published"),
        ('p:a a :Performance ; rdfs:label "a"@en .', "plain text without a language is expected; got 'a'@en"),
        ('p:a a :Performance ; prov:generatedAtTime "today"^^xsd:date .', "'today' is no date"),
        ("m:a :yearCreated 2026 .", "m:a: state one class, such as :Model; it has none"),
        ("m:a a :Model, :Device .", "state one class"),
        ("m:a a :Toaster .", "it has :Toaster"),
        ("m:a a :Device .", "a Device is called dev: and a name"),
        ("[] a :Model .", "a thing without a name (a blank node) cannot be registered; give it an address"),
        ("m:a a :Model ; :performance [ a :Performance ] .", "a blank node"),
        ("m:a a :Model ; :performance ( p:a ) .", "a blank node"),
        ("<a> a :Model .", "this is not Turtle: Parser error at line 1"),
        ("m:a a :Model {| :yearCreated 1 |} .", "a blank node"),
        ("m:a a <<( m:a a :Model )>> .", "a statement about a statement"),
        ("", "there is no statement in it"),
        ("m:a a", "this is not Turtle"),
    ],
)
def test_turtle_that_is_no_record(body: str, sentence: str) -> None:
    assert sentence in told(body)


def test_a_line_is_named_as_it_stands_in_the_file() -> None:
    assert "at line 3" in told("m:a a :Model ;\n  :yearCreated 2026 ;\n  :network net:a net:b .")


def test_text_in_another_encoding() -> None:
    with pytest.raises(ValueError, match=r"not UTF-8 \(byte 0\)"):
        from_turtle("ä".encode("latin-1"))


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"@context": "https://example.org/c.jsonld", "@id": "m:a"}, "lies elsewhere, and nothing is fetched"),
        ({"@context": {"a": {"@id": ":a", "@context": "https://b/"}}, "@id": "m:a"}, "the context 'https://b/' lies"),
        ({"@context": {"@import": "https://b/"}, "@id": "m:a"}, "@import of a context is not followed"),
        ({"@id": "a", "@type": "Model"}, "'a' is a relative address; write it in full, or with a prefix"),
        ({"@id": "m:a", "@type": "Model", "network": "b"}, "'b' is a relative address"),
        ({"@id": "m:a", "@type": "Model", "latency": 3}, "a Model has no :latency"),  # JSON-LD itself would skip it
        ({"@id": "m:a", "@type": "Model", "network": "net:a b"}, "'net:a b' under 'network' is no name"),  # as is this
        ({"@id": "m:a b", "@type": "Model"}, "'m:a b' under '@id' is no name"),
        ({"@id": "p:a", "@type": "Performance", "evidence": ":hearsay"}, "one of :measured, :published"),
        ({"@id": "p:a", "@type": "Performance", "sizeKib": "big"}, "a number is expected; got 'big'"),
        ({"@type": "Model"}, "a blank node"),
        ({"@id": "g:a", "@graph": [{"@id": "m:a", "@type": "Model"}]}, "is not yours to choose"),
        (3, "this is no JSON-LD"),
        ([3], "every entry of the list is an object"),
        ([], "there is no statement in it"),
    ],
)
def test_json_ld_that_is_no_record(document: object, sentence: str) -> None:
    assert sentence in told_ld(document)


@pytest.mark.parametrize("depth", [40, 900, 20_000])
def test_deep_nesting_is_refused_before_the_parser_sees_it(depth: int) -> None:
    """At 10,000 levels the parser's stack ends, and with it the process."""
    with pytest.raises(ValueError, match="more than 32 levels deep"):
        from_json_ld(b'{"http://a": ' * depth + b"1" + b"}" * depth)


def test_a_key_given_twice_is_not_lost() -> None:
    with pytest.raises(ValueError, match="'sizeKib' is given twice"):
        from_json_ld(b'{"@id": "p:a", "@type": "Performance", "sizeKib": 1, "sizeKib": 2}')


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda s: (
        st.lists(s, max_size=3)
        | st.dictionaries(
            st.sampled_from(["@id", "@type", "@context", "@graph", "@value", "sizeKib", "x"]), s, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_hostile_json_ld_does_no_more_than_be_refused(document: object) -> None:
    with suppress(ValueError):
        from_json_ld(json.dumps(document).encode())


@settings(deadline=None)
@given(st.lists(st.sampled_from(["m:a", "a", ":Model", "[", "]", "(", ")", ";", ".", '"', "<x>", "<<(", ")>>", "1"])))
def test_hostile_turtle_does_no_more_than_be_refused(tokens: list[str]) -> None:
    with suppress(ValueError):
        from_turtle(" ".join(tokens).encode())
