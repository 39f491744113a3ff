"""Limits, relaxations and misses as a manager reads them."""

from __future__ import annotations

import pytest

from dss.near_misses import NearMiss
from ontology.requirement import Limit, Relation, Requirement, judge, limits
from repository.knowledge import Knowledge
from wizard.choices import offered
from wizard.words import given_words, near_miss_words, number, plain, quantity, readable, verdict_words


def limit_of(**fields: object) -> Limit:
    (found,) = limits(Requirement(**fields))  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(("value", "text"), [(14000.0, "14,000"), (0.05, "0.05"), (5e6, "5,000,000"), (98.7, "98.7")])
def test_numbers_are_written_in_full(value: float, text: str) -> None:
    assert number(value) == text


def test_a_quantity_can_be_entered_again() -> None:
    assert quantity(14000.0, "USD") == "14,000 USD"


def test_a_relaxed_number_says_from_where_to_where(knowledge: Knowledge) -> None:
    miss = NearMiss(limit_of(inference_latency_ms_at_most=0.05), 0.197, 1, 0.147)
    assert near_miss_words(miss, knowledge.projection) == "Inference latency 0.05 → 0.197 ms admits 1 model"


def test_a_relaxed_choice_says_what_instead_or_besides(knowledge: Knowledge) -> None:
    p = knowledge.projection
    task, kinds = limit_of(task=("object-detection",)), limit_of(device_types=("android-phone",))
    assert (
        near_miss_words(NearMiss(task, ("pose-estimation",), 80), p)
        == "Task: Pose estimation instead, admits 80 models"
    )
    assert near_miss_words(NearMiss(task, None, 1500), p) == "Do without “Task”: admits 1,500 models"
    assert near_miss_words(NearMiss(kinds, ("android-phone", "automotive"), 3), p) == (
        "Types of devices: also Automotive platform, admits 3 models"
    )


def test_a_violation_says_what_is_needed_what_there_is_and_how_much_is_over(knowledge: Knowledge) -> None:
    p = knowledge.projection
    latency, camera = limit_of(inference_latency_ms_at_most=0.05), limit_of(camera=True)
    assert verdict_words(judge(latency, 0.197), p) == "needs at most 0.05 ms, has 0.197 ms: 0.147 ms over"
    assert verdict_words(judge(latency, None), p) == "needs at most 0.05 ms, but no figure is known"
    assert verdict_words(judge(camera, False), p) == "needs yes, has no"
    task = judge(limit_of(task=("object-detection",)), frozenset({"pose-estimation"}))
    assert verdict_words(task, p) == "needs Object detection, is Pose estimation"


def test_what_was_filled_in_is_listed_with_parameters_of_the_request(knowledge: Knowledge) -> None:
    asked = Requirement(business_focus=("medical",), budget_usd=14000.0, devices=10)
    assert given_words(asked, knowledge.projection) == [
        ("Business focus", "Medical"),
        ("Total budget", "at most 14,000 USD"),
        ("Number of devices", "10"),
    ]


def test_hostile_text_stays_text() -> None:
    assert plain("![x](http://e) $5$ :red[a]") == "\\!\\[x\\]\\(http\\://e\\) \\$5\\$ \\:red\\[a\\]"


def test_fields_in_messages_go_by_their_labels() -> None:
    assert readable("give performance.metric as well") == "give “Accuracy is meant as” as well"
    assert readable("see examples/abc.json and project.nothing") == "see examples/abc.json and project.nothing"


def test_only_what_models_use_is_offered_with_how_many(knowledge: Knowledge) -> None:
    from ontology.requirement import spec

    p = knowledge.projection
    tasks = offered(spec("task"), p)
    detection = sum(
        value is not None and "object-detection" in value
        for value in map(p.columns["purpose"].__getitem__, range(len(p)))
    )  # type: ignore[operator, union-attr]
    assert tasks["object-detection"] == f"Object detection ({detection:,})"
    assert "anomaly-detection" in p.choices["purpose"]
    assert "anomaly-detection" not in tasks
    assert spec("business_focus").relation is Relation.ONE_OF_IF_STATED
    assert offered(spec("business_focus"), p)["retail"] == "Retail"
