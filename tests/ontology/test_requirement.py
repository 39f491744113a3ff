"""Limits and verdicts: met, violated by so much, or not known, and never one taken for another."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.records import figure_kinds
from ontology.requirement import (
    NUMERIC,
    Limit,
    Outcome,
    Relation,
    Requirement,
    Step,
    Value,
    judge,
    limits,
    spec,
    specs,
)
from ontology.units import FACTORS

MET, VIOLATED, UNKNOWN = Outcome.MET, Outcome.VIOLATED, Outcome.UNKNOWN


def the_limit(**given_fields: object) -> Limit:
    """The one limit that a requirement with one field sets."""
    (only,) = limits(Requirement(**given_fields))  # type: ignore[arg-type]
    return only


def test_an_empty_requirement_limits_nothing() -> None:
    assert limits(Requirement()) == ()


def test_the_papers_case_sets_two_limits() -> None:
    """DLOM², section 4: medical, at most 14,000 USD for 10 devices, any device and any task."""
    focus, budget = limits(Requirement(business_focus=("medical",), budget_usd=14_000, devices=10))
    assert (focus.figure, focus.relation, focus.value) == (
        "application_area",
        Relation.ONE_OF_IF_STATED,
        ("medical",),
    )
    assert (budget.figure, budget.relation, budget.value, budget.unit) == (
        "total_cost_usd",
        Relation.AT_MOST,
        14_000,
        "USD",
    )
    assert judge(budget, 12_315.0).outcome is MET  # the card's own cost, for 6 devices
    recomputed = judge(budget, 15_455.0)  # the same model for the 10 devices of the request
    assert (recomputed.outcome, recomputed.excess) == (VIOLATED, 1_455.0)


def test_a_limit_of_zero_is_a_limit() -> None:
    assert the_limit(monthly_cost_usd_at_most=0.0).value == 0.0
    assert the_limit(metric_value_at_least=0).value == 0


def test_parameters_of_the_request_are_no_limits() -> None:
    assert limits(Requirement(title="ABC", devices=10, months=36)) == ()


def test_limits_come_in_the_order_of_the_steps() -> None:
    found = limits(Requirement(size_kib_at_most=500, camera=True, task=("image-classification",), layers_at_least=3))
    assert [limit.step for limit in found] == [Step.PROJECT, Step.NETWORK, Step.DEVICE, Step.PERFORMANCE]


@pytest.mark.parametrize(
    ("asked", "actual", "outcome", "excess"),
    [
        ({"inference_latency_ms_at_most": 20}, 19.9, MET, None),
        ({"inference_latency_ms_at_most": 20}, 20.0, MET, None),  # equality is allowed
        ({"inference_latency_ms_at_most": 20}, 23.0, VIOLATED, 3.0),
        ({"inference_latency_ms_at_most": 20}, None, UNKNOWN, None),
        ({"inference_latency_ms_at_most": 20}, math.nan, UNKNOWN, None),  # how a column says "missing"
        ({"inference_latency_ms_at_most": 20}, math.inf, VIOLATED, math.inf),
        ({"accuracy_percent_at_least": 90}, 90.0, MET, None),
        ({"accuracy_percent_at_least": 90}, 88.5, VIOLATED, 1.5),
        ({"accuracy_percent_at_least": 90}, None, UNKNOWN, None),
        ({"metric_value_at_least": -2.0}, -3.5, VIOLATED, 1.5),
        ({"networks": ("resnet-50", "vgg-16")}, frozenset({"vgg-16"}), MET, None),
        ({"networks": ("resnet-50",)}, frozenset({"vgg-16"}), VIOLATED, None),
        ({"networks": ("resnet-50",)}, None, UNKNOWN, None),
        ({"device_types": ("phone",)}, frozenset({"android-phone", "phone"}), MET, None),  # with its broader name
        ({"business_focus": ("medical",)}, frozenset({"medical", "retail"}), MET, None),
        ({"business_focus": ("medical",)}, frozenset({"retail"}), VIOLATED, None),
        ({"techniques_wanted": ("quantization", "pruning")}, frozenset({"pruning"}), VIOLATED, None),
        ({"techniques_wanted": ("pruning",)}, frozenset({"pruning", "quantization"}), MET, None),
        ({"techniques_wanted": ("pruning",)}, frozenset(), VIOLATED, None),  # known: none was applied
        ({"techniques_wanted": ("pruning",)}, None, UNKNOWN, None),
        ({"techniques_excluded": ("pruning",)}, frozenset(), MET, None),
        ({"techniques_excluded": ("pruning",)}, frozenset({"pruning", "quantization"}), VIOLATED, None),
        ({"techniques_excluded": ("pruning",)}, None, UNKNOWN, None),
        ({"camera": True}, True, MET, None),
        ({"camera": True}, False, VIOLATED, None),
        ({"camera": True}, None, UNKNOWN, None),
    ],
)
def test_a_verdict(asked: dict[str, object], actual: Value, outcome: Outcome, excess: float | None) -> None:
    verdict = judge(the_limit(**asked), actual)
    assert (verdict.outcome, verdict.excess) == (outcome, excess)
    assert not verdict.not_specific


def test_a_model_without_an_application_area_counts_as_any_and_is_marked() -> None:
    verdict = judge(the_limit(business_focus=("medical",)), None)
    assert (verdict.outcome, verdict.not_specific) == (MET, True)


@pytest.mark.parametrize(
    ("asked", "actual", "message"),
    [
        ({"networks": ("resnet-50",)}, 3.0, "networks: a choice is judged on a set of names, got 3.0"),
        ({"size_kib_at_most": 9.0}, frozenset({"9"}), "size_kib_at_most: a number is judged on a number"),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error(asked: dict[str, object], actual: Value, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        judge(the_limit(**asked), actual)


numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
names = st.frozensets(st.sampled_from("abcde"))
asked_names = st.frozensets(st.sampled_from("abcde"), min_size=1).map(lambda some: tuple(sorted(some)))
numeric = st.sampled_from(sorted(NUMERIC))


def limit(relation: Relation, value: float | tuple[str, ...]) -> Limit:
    return Limit("any", Step.PERFORMANCE, "Any", "any", relation, value)


@given(numeric, numbers, numbers)
def test_a_number_is_met_or_exceeds_its_limit(relation: Relation, value: float, actual: float) -> None:
    verdict = judge(limit(relation, value), actual)
    meets = actual <= value if relation is Relation.AT_MOST else actual >= value
    assert verdict.outcome is (MET if meets else VIOLATED)
    assert verdict.excess == (None if meets else pytest.approx(abs(actual - value)))
    assert verdict.excess is None or verdict.excess > 0


@given(numeric, numbers, numbers)
def test_relaxing_a_limit_to_the_actual_value_meets_it(relation: Relation, value: float, actual: float) -> None:
    strict = limit(relation, value)
    assert judge(replace(strict, value=actual), actual).outcome is MET


@given(numeric, st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40))
def test_relaxing_a_whole_limit_by_its_excess_just_meets_it(relation: Relation, value: int, actual: int) -> None:
    by = judge(limit(relation, value), actual).excess or 0
    towards = 1 if relation is Relation.AT_MOST else -1
    assert judge(limit(relation, value + towards * by), actual).outcome is MET
    if by:
        assert judge(limit(relation, value + towards * (by - 1)), actual).outcome is VIOLATED


@given(numbers, numbers)
def test_at_most_and_at_least_agree_on_equality_only(value: float, actual: float) -> None:
    both = {judge(limit(relation, value), actual).outcome for relation in NUMERIC}
    assert both == ({MET} if actual == value else {MET, VIOLATED})


@given(asked_names, names, names)
def test_more_names_never_lose_a_wanted_one_nor_an_excluded_one(
    asked: tuple[str, ...], actual: frozenset[str], more: frozenset[str]
) -> None:
    for relation in (Relation.ONE_OF, Relation.ALL_OF, Relation.ONE_OF_IF_STATED):
        if judge(limit(relation, asked), actual).outcome is MET:
            assert judge(limit(relation, asked), actual | more).outcome is MET
    if judge(limit(Relation.NONE_OF, asked), actual).outcome is VIOLATED:
        assert judge(limit(Relation.NONE_OF, asked), actual | more).outcome is VIOLATED


@given(asked_names, names)
def test_none_of_is_the_opposite_of_one_of_and_all_of_implies_it(
    asked: tuple[str, ...], actual: frozenset[str]
) -> None:
    one, all_, none = (
        judge(limit(relation, asked), actual).outcome
        for relation in (Relation.ONE_OF, Relation.ALL_OF, Relation.NONE_OF)
    )
    assert (one is MET) == (none is VIOLATED)
    assert all_ is VIOLATED or one is MET
    if len(asked) == 1:
        assert one is all_


@given(st.sampled_from([r for r in Relation if r not in NUMERIC]), asked_names)
def test_what_is_not_known_is_never_a_violation(relation: Relation, asked: tuple[str, ...]) -> None:
    assert judge(limit(relation, asked), None).outcome is (MET if relation is Relation.ONE_OF_IF_STATED else UNKNOWN)


def test_every_field_but_the_title_is_described() -> None:
    assert [name for name, _ in specs()] == [f.name for f in fields(Requirement) if f.name != "title"]
    with pytest.raises(KeyError):
        spec("title")


def test_no_two_fields_share_a_label_and_each_has_a_help() -> None:
    labels = [s.label for _, s in specs()]
    assert len(set(labels)) == len(labels)
    assert all(s.help.endswith((".", "…")) for _, s in specs())


@pytest.mark.parametrize(
    ("name", "described"), list(specs()), ids=lambda given: given if isinstance(given, str) else ""
)
def test_units_are_known_and_part_of_the_name(name: str, described: object) -> None:
    s = spec(name)
    assert s is described
    assert s.unit in FACTORS
    if s.unit in {"ms", "MiB", "KiB", "USD", "W", "GHz"}:
        assert f"_{s.unit.lower()}" in name
    if s.relation in NUMERIC and name != "budget_usd":
        assert name.endswith("_at_most" if s.relation is Relation.AT_MOST else "_at_least")


def test_every_figure_is_limited_on_its_better_side() -> None:
    better = {kind.name: kind.higher_is_better for kind in figure_kinds()}
    sides = {s.figure: s.relation for _, s in specs() if better.get(s.figure) is not None and s.relation in NUMERIC}
    assert sides
    for figure, relation in sides.items():
        assert relation is (Relation.AT_LEAST if better[figure] else Relation.AT_MOST), figure
