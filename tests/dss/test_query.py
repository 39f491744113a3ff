"""The composed query and the columnar verdicts are one answer, spelt twice."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flow
from dss.query import PATHS, compose
from ontology.records import Grade
from ontology.requirement import NUMERIC, FieldSpec, Relation, Requirement, limits, specs
from repository.knowledge import Knowledge
from repository.terms import local
from tests.tiny import tiny_knowledge

TINY = tiny_knowledge()


def by_query(requirement: Requirement, knowledge: Knowledge) -> list[str]:
    """The models that the composed query returns when it really runs."""
    rows = knowledge.run(compose(requirement))
    return sorted({local(iri) for iri in rows["model"]})


def by_columns(requirement: Requirement, knowledge: Knowledge) -> list[str]:
    """The models that the columns call matches."""
    candidates = flow.find_candidates(requirement, knowledge)
    return sorted(knowledge.projection.models["model"].iloc[candidates.matches])


def values(name: str, s: FieldSpec, knowledge: Knowledge) -> st.SearchStrategy[Any]:
    """What may be given for one field: values in use, and some that nothing has."""
    if s.vocabulary:
        known = list(knowledge.projection.choices.get(s.vocabulary, {}))
        return st.lists(st.sampled_from([*known, "no-such-name"]), max_size=2, unique=True).map(tuple)
    if s.relation is Relation.IS_TRUE:
        return st.booleans()
    if s.relation in NUMERIC:
        column = knowledge.projection.columns.get(s.figure)
        used = [] if column is None or not hasattr(column, "tolist") else [v for v in column.tolist() if v == v]
        return st.one_of(st.none(), st.sampled_from([*used[:50], 1.0, 1e6]))
    if name == "evidence":
        return st.sampled_from([Grade.MEASURED, Grade.PUBLISHED, Grade.DECLARED])
    return st.integers(1, 20)


@st.composite
def requirements(draw: st.DrawFn, knowledge: Knowledge, most: int = 4) -> Requirement:
    """A requirement with a few random fields given."""
    fields = draw(st.lists(st.sampled_from(list(specs())), max_size=most, unique_by=lambda f: f[0]))
    return replace(Requirement(), **{name: draw(values(name, s, knowledge)) for name, s in fields})


@settings(max_examples=400, deadline=None)
@given(requirements(TINY))
def test_the_query_and_the_columns_find_the_same_models(requirement: Requirement) -> None:
    assert by_query(requirement, TINY) == by_columns(requirement, TINY)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_they_agree_on_the_shipped_facts_as_well(facts: Knowledge, data: st.DataObject) -> None:
    requirement = data.draw(requirements(facts, most=3))
    assert by_query(requirement, facts) == by_columns(requirement, facts)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Requirement(), ["a", "b", "c", "d", "e", "n", "p", "s"]),
        (Requirement(inference_latency_ms_at_most=20.0), ["a", "b", "n", "p"]),
        (Requirement(inference_latency_ms_at_most=20.0, evidence=Grade.PUBLISHED), ["a", "b", "p"]),
        (Requirement(inference_latency_ms_at_most=20.0, evidence=Grade.MEASURED), []),
        (Requirement(accuracy_percent_at_least=75.0), ["d", "e", "s"]),
        (Requirement(accuracy_percent_at_least=75.0, test_data=("flowers",)), ["d", "e"]),
        (Requirement(test_data=("flowers-test",)), ["a", "b", "c", "d", "e"]),
        (Requirement(device_types=("edge-device",), task=("object-detection",)), ["p"]),
        (Requirement(device_types=("phone",)), []),
        (Requirement(business_focus=("medical",)), ["a", "b", "c", "d", "e", "n", "p", "s"]),
        (Requirement(business_focus=("industrial",)), ["a", "b", "c", "d", "e", "n", "p"]),
        (Requirement(techniques_wanted=("quantization",)), ["b", "d"]),
        (Requirement(techniques_excluded=("quantization",)), ["a", "c", "e", "n", "p"]),
        (Requirement(budget_usd=1000.0, devices=10), ["a", "p"]),
        (Requirement(budget_usd=999.99, devices=10), []),
        (Requirement(budget_usd=14000.0, devices=10, rating_at_least=3.9), []),
        (Requirement(budget_usd=15455.48, devices=10, rating_at_least=3.9), ["s"]),
        (Requirement(parameters_at_most=2e6, commercial_use=True), ["a", "b"]),
        (Requirement(classes_at_least=5.0), ["a", "b", "c", "d", "e"]),
        (Requirement(shielded_execution=True), []),
    ],
)
def test_examples_by_hand(asked: Requirement, found: list[str]) -> None:
    assert by_columns(asked, TINY) == found
    assert by_query(asked, TINY) == found


def test_every_field_becomes_a_fragment_with_its_comment() -> None:
    given_all: dict[str, Any] = {
        name: ("x",) if s.vocabulary else True if s.relation is Relation.IS_TRUE else 5
        for name, s in specs()
        if name != "evidence"
    }
    everything = Requirement(**given_all)
    text = compose(everything)
    for limit in limits(everything):
        assert f"{limit.label[0].lower()}{limit.label[1:]}" in text, limit.field
    TINY.run(text)  # and the engine can read the whole of it


def test_every_path_is_a_column() -> None:
    assert set(PATHS) <= set(TINY.projection.columns)


CHOSEN = [name for name, s in specs() if s.vocabulary]


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1, max_size=60), st.lists(st.sampled_from(CHOSEN), min_size=1, max_size=4, unique=True))
def test_hostile_names_stay_inert(text: str, names: list[str]) -> None:
    """Whatever a name contains, in whichever fields: it is one term, and finds what has that name, nothing."""
    before = len(TINY.graph)  # type: ignore[arg-type]
    chosen: dict[str, Any] = dict.fromkeys(names, (text,))
    requirement = Requirement(**chosen)
    assert by_query(requirement, TINY) == by_columns(requirement, TINY)
    if not set(names) <= {"techniques_excluded", "business_focus"}:
        assert by_query(requirement, TINY) == []
    assert len(TINY.graph) == before  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        '" } DROP ALL #', "'; DELETE WHERE { ?s ?p ?o } #", "} UNION { ?model ?p ?o", "\\u0022 } #", "a>b<c",
        "{\n}\r\t\\", "\x85",
        "?model", "${jndi}", "\u202e\u0000", "x" * 5000,
    ],
)  # fmt: skip
def test_attacks_stay_inert_in_every_field(text: str) -> None:
    before = len(TINY.graph)  # type: ignore[arg-type]
    for name in CHOSEN:
        given_one: dict[str, Any] = {name: (text,)}
        requirement = Requirement(title=text, **given_one)
        assert by_query(requirement, TINY) == by_columns(requirement, TINY)
    assert len(TINY.graph) == before  # type: ignore[arg-type]


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        compose(Requirement(inference_latency_ms_at_most=float("nan")))
