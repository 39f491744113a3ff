"""What to relax, and that relaxing it does admit what was promised."""

from __future__ import annotations

from hypothesis import given, settings

import flow
from dss.near_misses import closest, near_misses
from dss.words import near_miss_words, verdict_words
from ontology.requirement import Outcome, Requirement, spec
from repository.knowledge import Knowledge
from tests.dss.test_query import TINY, requirements


def words(asked: Requirement, knowledge: Knowledge) -> list[str]:
    found = flow.find_candidates(asked, knowledge)
    return [near_miss_words(m, knowledge.projection) for m in near_misses(found)]


def test_the_smallest_change_of_each_limit(tiny: Knowledge) -> None:
    """With accuracy ≥ 75 only d (40 ms), e (50 ms) and s (123 ms) are left; with 25 ms only a and b reach it."""
    asked = Requirement(accuracy_percent_at_least=75.0, inference_latency_ms_at_most=25.0)
    assert words(asked, tiny) == [
        "Accuracy 75 → 65 % admits 1 model",
        "Inference latency 25 → 40 ms admits 1 model",
    ]


def test_a_ladder_admits_more_for_more(tiny: Knowledge) -> None:
    assert words(Requirement(inference_latency_ms_at_most=4.0), tiny) == [
        "Inference latency 4 → 5 ms admits 1 model",
        "Inference latency 4 → 30 ms admits 5 models",
    ]


def test_choices_offer_what_others_have(tiny: Knowledge) -> None:
    asked = Requirement(device_types=("phone",), precisions=("w8a8",))
    assert words(asked, tiny) == ["Types of devices: also allow Single-board computer, admits 2 models"]
    assert words(Requirement(precisions=("w4a16",)), tiny) == [
        "Precision: also allow float, admits 5 models",
        "Precision: also allow w8a8, admits 2 models",
        "Precision: give it up, admits 8 models",  # s states no precision
    ]


def test_of_a_taxonomy_the_narrowest_name_is_offered(tiny: Knowledge) -> None:
    """The board of p is a single-board computer and so an edge device."""
    asked = Requirement(task=("object-detection",), device_types=("phone",))
    assert words(asked, tiny) == ["Types of devices: also allow Single-board computer, admits 1 model"]
    assert words(Requirement(rating_at_least=3.9, business_focus=("industrial",)), tiny) == [
        "Business focus: give it up, admits 1 model"  # nobody means another field
    ]


def test_the_budget_of_the_papers_example(tiny: Knowledge) -> None:
    asked = Requirement(budget_usd=14000.0, devices=10, rating_at_least=3.9)
    assert words(asked, tiny) == ["Total budget 14,000 → 15,455.48 USD admits 1 model"]


def test_closest_models_tell_all_that_they_miss(tiny: Knowledge) -> None:
    asked = Requirement(accuracy_percent_at_least=75.0, inference_latency_ms_at_most=25.0, budget_usd=350.0)
    found = flow.find_candidates(asked, tiny)
    near = closest(found, most=2)
    names = [str(tiny.projection.models["model"].iat[c.row]) for c in near]
    assert names == ["b"]  # a misses by more; all are of one network, which is told once
    missed = [v for v in near[0].verdicts if v.outcome is not Outcome.MET]
    assert [verdict_words(v, tiny.projection) for v in missed] == ["Accuracy at least 75 %: has 65 %, 10 short"]


def test_the_task_that_is_asked_for_comes_first(facts: Knowledge) -> None:
    """A detector that misses three numbers is nearer than a perfect classifier of sounds."""
    asked = Requirement(
        task=("object-detection",), device_types=("android-phone",), inference_latency_ms_at_most=0.01,
        budget_usd=5000.0, size_kib_at_most=1.0,
    )  # fmt: skip
    found = flow.find_candidates(asked, facts)
    near = closest(found)
    purposes = facts.projection.columns["purpose"]
    assert all("object-detection" in purposes[c.row] for c in near)  # type: ignore[operator]
    assert len({facts.projection.models["network"].iat[c.row] for c in near}) == len(near) == 5
    offered = [m for m in near_misses(found) if m.limit.field == "task"]
    assert all(m.value is None for m in offered)


def test_too_much_is_over_and_too_little_is_short(tiny: Knowledge) -> None:
    found = flow.find_candidates(Requirement(inference_latency_ms_at_most=25.0, accuracy_percent_at_least=75.0), tiny)
    told = {v.limit.field: verdict_words(v, tiny.projection) for v in found.verdicts(tiny.projection.positions["c"])}
    assert told["inference_latency_ms_at_most"] == "Inference latency at most 25 ms: has 30 ms, 5 over"
    assert told["accuracy_percent_at_least"] == "Accuracy at least 75 %: has 70 %, 5 short"


def test_nothing_to_relax_where_everything_matches(tiny: Knowledge) -> None:
    assert words(Requirement(), tiny) == []


@settings(max_examples=300, deadline=None)
@given(requirements(TINY))
def test_every_relaxation_admits_exactly_what_it_says(requirement: Requirement) -> None:
    found = flow.find_candidates(requirement, TINY)
    before = set(found.matches.tolist())
    for miss in near_misses(found):
        after = set(flow.find_candidates(miss.apply(requirement), TINY).matches.tolist())
        if not (
            isinstance(miss.value, tuple) and spec(miss.limit.field).single
        ):  # which asks for one in place of another
            assert before <= after
        assert len(after - before) == miss.admits
