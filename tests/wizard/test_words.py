"""Limits, relaxations and misses as a manager reads them."""

from __future__ import annotations

import pytest

from dss.matching import find, visible
from ontology.requirement import Limit, Relation, Requirement, limits, spec
from repository.knowledge import Knowledge
from wizard.choices import counted, offered
from wizard.words import given_words, limit_words, number, plain, quantity, readable


def limit_of(**fields: object) -> Limit:
    (found,) = limits(Requirement(**fields))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(("value", "text"), [(14000.0, "14,000"), (0.05, "0.05"), (5e6, "5,000,000"), (98.7, "98.7")])
def test_numbers_are_written_in_full(value: float, text: str) -> None:
    assert number(value) == text


def test_a_quantity_can_be_entered_again() -> None:
    assert quantity(14000.0, "USD") == "14,000 USD"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"inference_latency_ms_at_most": 0.05}, ("Inference latency", "at most 0.05 ms")),
        ({"metric_value_at_least": 45.0}, ("Other measure of quality", "at least 45")),
        ({"task": ("object-detection",)}, ("Task", "Object detection")),
        ({"techniques_excluded": ("quantization",)}, ("Techniques excluded", "none of Quantization")),
        ({"camera": True}, ("Has a camera or a connector for one", "yes")),
    ],
)
def test_a_limit_stands_as_a_name_and_a_value(
    knowledge: Knowledge, fields: dict[str, object], words: tuple[str, str]
) -> None:
    assert limit_words(limit_of(**fields), knowledge.projection) == words


def test_what_was_filled_in_is_listed_with_parameters_of_the_request(knowledge: Knowledge) -> None:
    asked = Requirement(business_focus=("medical",), budget_usd=14000.0, devices=10)
    assert given_words(asked, knowledge.projection) == [
        ("Business focus", "Medical"),
        ("Total budget", "at most 14,000 USD"),
        ("Number of devices", "10"),
    ]


def test_hostile_text_stays_text() -> None:
    assert plain("![x](y) $5$ :red[a]") == "\\!\\[x\\]\\(y\\) \\$5\\$ \\:red\\[a\\]"
    assert (
        plain("http://e www.e a@b")
        == "http\N{ZERO WIDTH SPACE}\\://e www\N{ZERO WIDTH SPACE}.e a@\N{ZERO WIDTH SPACE}b"
    )


def test_fields_in_messages_go_by_their_labels() -> None:
    assert readable("give performance.metric as well") == "give “Accuracy is meant as” as well"
    assert readable("see examples/abc.json and project.nothing") == "see examples/abc.json and project.nothing"


def test_only_what_models_use_is_offered_with_how_many_would_be_found(knowledge: Knowledge) -> None:
    p = knowledge.projection
    for task in ("object-detection", "anomaly-detection"):
        found = len(find(Requirement(task=(task,)), p).matches)
        assert found > 0
        assert offered(spec("task"), p)[task] == f"{p.label('purpose', task)} ({found:,})"
    assert spec("business_focus").relation is Relation.ONE_OF_IF_STATED
    assert offered(spec("business_focus"), p)["retail"] == "Retail"


def test_a_reference_device_is_counted_only_where_choosing_it_shows_it(knowledge: Knowledge) -> None:
    p = knowledge.projection
    hidden = ~visible(Requirement(), p)
    assert hidden.any()
    device = str(p.models["device"][hidden].iloc[0])
    asked = Requirement(device_names=(device,))
    assert counted(spec("device_names"), p)[device] == len(find(asked, p).matches)
    task = str(p.models["purpose"][hidden].dropna().iloc[0])
    every = counted(spec("task"), p, Requirement(reference_devices=True))[task]
    assert every == len(find(Requirement(task=(task,), reference_devices=True), p).matches)
    assert counted(spec("task"), p)[task] < every
