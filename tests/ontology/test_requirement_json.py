"""Requirements as files and links: read back as they were written, refused with everything that is wrong."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.records import Grade
from ontology.requirement import NUMERIC, FieldSpec, Relation, Requirement, specs
from ontology.requirement_json import LONGEST_FILE, RequirementError, from_json, from_link, from_text, to_json, to_link

NAMES = {"first": "First", "second": "Second one", "third|odd": "Third"}
CHOICES = {s.vocabulary: NAMES for _, s in specs() if s.vocabulary} | {
    "purpose": {"object-detection": "Object detection", "image-classification": "Image classification"}
}


def refused(data: Any) -> dict[str, str]:
    """What is wrong, by field."""
    with pytest.raises(RequirementError) as error:
        from_text(data if isinstance(data, str | bytes) else json.dumps(data), CHOICES)
    return {p.field: p.message for p in error.value.problems}


def values(name: str, s: FieldSpec) -> st.SearchStrategy[Any]:
    if s.vocabulary:
        known = [n for n in CHOICES[s.vocabulary] if "|" not in n]
        return st.lists(st.sampled_from(known), max_size=1 if s.single else 2, unique=True).map(tuple)
    if s.relation is Relation.IS_TRUE:
        return st.booleans()
    if s.relation in NUMERIC:
        low, high = max(s.lowest, 0.001), min(s.highest, 1e9)
        if s.whole:
            return st.none() | st.integers(int(max(low, 1)), int(high)).map(float)
        return st.none() | st.floats(low, high)
    if name == "evidence":
        return st.sampled_from([g for g in Grade if g is not Grade.PREDICTED])
    return st.integers(int(s.lowest), 600)


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    chosen = draw(st.lists(st.sampled_from(list(specs())), max_size=8, unique_by=lambda f: f[0]))
    given_values = {name: draw(values(name, s)) for name, s in chosen}
    if given_values.keys() & {"metric_value_at_least", "metric_value_at_most"}:
        given_values["metric"] = ("first",)
    return replace(Requirement(title=draw(st.sampled_from(["", "Ünïcode & more"]))), **given_values)


@given(requirements())
def test_what_is_written_is_read_back(requirement: Requirement) -> None:
    assert from_text(json.dumps(to_json(requirement)), CHOICES) == requirement
    assert from_link(to_link(requirement), CHOICES) == requirement


def test_units_labels_and_any() -> None:
    read = from_json(
        {
            "title": "Detector",
            "project": {"task": "Object Detection", "budget_usd": "14k USD", "devices": "10", "device_types": "any"},
            "performance": {"inference_latency_ms_at_most": "0.02 s", "size_kib_at_most": "2 MiB"},
        },
        CHOICES,
    )
    assert read == Requirement(
        title="Detector",
        task=("object-detection",),
        budget_usd=14000.0,
        devices=10,
        inference_latency_ms_at_most=20.0,
        size_kib_at_most=2048.0,
    )
    assert to_json(Requirement()) == {}


@pytest.mark.parametrize(
    ("data", "field", "message"),
    [
        ({"projects": {}}, "projects", "unknown section; did you mean project?"),
        ({"task": "x"}, "task", "unknown section; 'task' belongs under 'project'"),
        ({"project": {"tsk": "x"}}, "project.tsk", "unknown field; did you mean task?"),
        ({"project": {"camera": True}}, "project.camera", "unknown field; it belongs under 'device'"),
        ({"project": {"task": "objekt-detection"}}, "project.task", "'objekt-detection' is not known here; did"),
        ({"project": {"task": ["object-detection", "image-classification"]}}, "project.task", "at most 1 may"),
        ({"project": {"task": 7}}, "project.task", "expected a name or a list of names, got 7"),
        ({"project": {"budget_usd": -5}}, "project.budget_usd", "must be more than 0 USD, got -5; leave it out"),
        ({"project": {"budget_usd": 0}}, "project.budget_usd", "must be more than 0 USD, got 0"),
        ({"project": {"budget_usd": "5 EUR"}}, "project.budget_usd", "unknown unit 'EUR'; write 20 USD"),
        ({"project": {"devices": 2.5}}, "project.devices", "must be a whole number, got 2.5"),
        ({"project": {"devices": 10**9}}, "project.devices", "must be at most 1,000,000 devices"),
        ({"project": {"months": 0}}, "project.months", "must be at least 1 months, got 0"),
        ({"device": {"camera": "yes"}}, "device.camera", "expected true or false, got 'yes'"),
        ({"performance": {"evidence": "predicted"}}, "performance.evidence", "expected one of measured, published"),
        ({"performance": {"accuracy_percent_at_least": 101}}, "performance.accuracy_percent_at_least", "at most 100"),
        ({"performance": {"metric_value_at_least": 1}}, "performance.metric_value_at_least", "say which measure"),
        ({"project": []}, "project", "must be an object"),
        ({"title": "x" * 201}, "title", "at most 200 characters"),
        ({"title": "red \x1b[31m"}, "title", "one line of text"),
        ({"title": "lone \ud800"}, "title", "one line of text"),
        ("[1]", "file", "a requirement is a JSON object"),
        ("{", "file", "not JSON"),
        (b"\xff\xfe", "file", "not JSON"),
        ("[" * 100_000, "file", "not JSON"),
        (" " * (LONGEST_FILE + 1), "file", "longer than 1,000,000 bytes"),
        ('{"project": {"budget_usd": NaN}}', "project.budget_usd", "expected a finite number"),
        ('{"project": {"budget_usd": 1e999}}', "project.budget_usd", "expected a finite number"),
    ],
)  # fmt: skip
def test_each_problem_names_the_field_and_what_to_do(data: Any, field: str, message: str) -> None:
    problems = refused(data)
    assert list(problems) == [field]
    assert message in problems[field]


def test_all_problems_are_told_at_once() -> None:
    assert set(refused({"projct": {}, "project": {"budget_usd": -1, "tsk": 1}, "device": {"camera": 1}})) == {
        "projct", "project.budget_usd", "project.tsk", "device.camera",
    }  # fmt: skip


@given(st.text(max_size=200))
def test_hostile_text_is_refused_on_one_printable_line(text: str) -> None:
    if text.strip().casefold() in ("", "any", *(n.casefold() for pair in CHOICES["purpose"].items() for n in pair)):
        return
    for problem in refused({"project": {"task": text}}).values():
        assert problem.isprintable()
        assert len(problem) < 300


@given(st.dictionaries(st.sampled_from([n for n, _ in specs()]), st.text(max_size=30), max_size=5))
def test_any_link_is_read_or_refused(parameters: dict[str, str]) -> None:
    with suppress(RequirementError):  # any other exception is a fault
        from_link(parameters, CHOICES)
