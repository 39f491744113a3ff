"""Three answers that stay apart: met, violated, unknown."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

import flow
from dss.matching import counts, find, upto
from ontology.records import Grade
from ontology.requirement import Outcome, Requirement, Step, judge
from repository.knowledge import Knowledge
from repository.projection import Coded
from tests.dss.test_query import TINY, requirements


def names(knowledge: Knowledge, rows: object) -> list[str]:
    """The models at some rows."""
    return sorted(knowledge.projection.models["model"].iloc[rows])


def test_violated_and_unknown_stay_apart(tiny: Knowledge) -> None:
    found = flow.find_candidates(Requirement(budget_usd=300.0, inference_latency_ms_at_most=30.0), tiny)
    assert names(tiny, found.matches) == ["a", "b", "c", "p"]
    assert names(tiny, found.would_match_if_measured) == ["n"]  # no price
    by_limit = {v.limit.field: v for v in found.verdicts(tiny.projection.positions["e"])}
    assert by_limit["budget_usd"].outcome is Outcome.VIOLATED
    assert by_limit["budget_usd"].excess == 200.0
    assert by_limit["inference_latency_ms_at_most"].excess == 20.0
    assert found.missing() == {"budget_usd": 1}


def test_weak_evidence_counts_as_not_known(tiny: Knowledge) -> None:
    asked = Requirement(inference_latency_ms_at_most=20.0, evidence=Grade.PUBLISHED)
    found = flow.find_candidates(asked, tiny)
    assert names(tiny, found.matches) == ["a", "b", "p"]
    assert names(tiny, found.would_match_if_measured) == ["n", "s"]


def test_a_model_for_no_stated_field_counts_as_any_and_is_marked(tiny: Knowledge) -> None:
    found = flow.find_candidates(Requirement(business_focus=("medical",)), tiny)
    specific, general = tiny.projection.positions["s"], tiny.projection.positions["a"]
    assert [v.not_specific for v in found.verdicts(specific)] == [False]
    assert [v.not_specific for v in found.verdicts(general)] == [True]


def test_counts_name_the_limit_that_excludes_most(tiny: Knowledge) -> None:
    """Alone, latency ≤ 10 leaves a, n, p; of those a and p are on boards of at most 100 USD; n has no price."""
    c = counts(flow.find_candidates(Requirement(inference_latency_ms_at_most=10.0, budget_usd=300.0), tiny))
    assert (c.total, c.matches, c.if_measured) == (8, 2, 1)
    assert c.excludes_most is not None
    assert (c.excludes_most.field, c.without_it) == ("inference_latency_ms_at_most", 4)


def test_upto_forgets_later_steps() -> None:
    asked = Requirement(task=("object-detection",), camera=True, size_kib_at_most=10.0)
    assert upto(asked, Step.PROJECT) == Requirement(task=("object-detection",))
    assert upto(asked, Step.PERFORMANCE) == asked


@settings(max_examples=200, deadline=None)
@given(requirements(TINY))
def test_whole_columns_are_judged_as_single_values_are(requirement: Requirement) -> None:
    found = find(requirement, TINY.projection)
    for row in range(len(TINY.projection)):
        for i, limit in enumerate(found.limits):
            verdict = found.verdicts(row)[i]
            code = [Outcome.MET, Outcome.VIOLATED, Outcome.UNKNOWN][found.outcomes[i, row]]
            assert verdict.outcome is code
            if limit.step is not Step.CLOUD:
                column = found.column(limit.figure)
                actual = column[row]
                value = actual if isinstance(column, Coded) else None if actual != actual else float(actual)  # type: ignore[arg-type]
                assert judge(limit, value) == verdict


def test_a_choice_cannot_be_judged_on_numbers(tiny: Knowledge) -> None:
    from dataclasses import replace

    from dss.matching import judged
    from ontology.requirement import limits

    limit = replace(limits(Requirement(task=("x",)))[0], figure="price_usd")
    with pytest.raises(TypeError, match="price_usd is a number"):
        judged(limit, tiny.projection.columns["price_usd"])
