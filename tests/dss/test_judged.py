"""One person or several: the same answer for one, and what is worked out only when it is asked for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flow
from dss.asked import ask
from dss.consistency import consistency
from dss.groups import Group, Person, consistency_of, simplest, weights_of
from dss.preferences import ALL_PAIRS, SIGNED_SCALE, Preference, Preferences, weights
from ontology.requirement import Requirement
from repository.knowledge import Knowledge

CLASSIFIERS = Requirement(task=("image-classification",), test_data=("flowers",))
ANN, BEN = Preferences.from_text("performance-cost:9"), Preferences.from_text("performance-cost:1")

answers = st.dictionaries(st.sampled_from(ALL_PAIRS), st.sampled_from(SIGNED_SCALE)).map(
    lambda made: Preferences(tuple(Preference.between(*pair, signed) for pair, signed in made.items()))
)


@given(answers)
def test_one_person_who_is_not_named_is_the_same_as_preferences_alone(preferences: Preferences) -> None:
    alone = Group.alone(preferences)
    assert simplest(alone) is preferences
    assert weights_of(alone).shares == pytest.approx(weights(preferences).shares)
    assert weights_of(preferences) == weights(preferences)
    assert consistency_of(alone) == consistency_of(preferences) == consistency(preferences)


def test_two_people_count_by_the_geometric_mean() -> None:
    group = Group((Person("Ann", ANN), Person("Ben", BEN)))
    assert simplest(group) is group
    found = weights_of(group)
    assert found.shares[0] / found.shares[3] == pytest.approx(math.sqrt(9 * 1))  # performance to cost
    together = consistency_of(group)
    assert (together.judgements, together.checks, together.look_again) == (2, 0, None)


def test_a_named_person_stays_a_group() -> None:
    named = Group((Person("Ann", ANN),))
    assert simplest(named) is named
    assert consistency_of(named) == consistency(ANN)


def test_of_a_group_what_anybody_answered_is_not_asked_again(tiny: Knowledge) -> None:
    group = Group((Person("Ann", ANN), Person("Ben", Preferences.from_text("latency-security:3"))))
    selection = flow.select(CLASSIFIERS, group, tiny)
    found = selection.asked
    assert found is not None
    open_ones = {frozenset(q.pair) for q in (*found.questions, *found.needless)}
    assert len(open_ones) == 13
    assert not open_ones & {j.pair for p in group for j in p.preferences}
    # Both as one person would have it: the same questions.
    both = Preferences((*ANN, *group.people[1].preferences))
    assert found == ask(selection.ranking, selection.rated, both)


def test_what_costs_time_is_worked_out_once_and_only_when_asked_for(tiny: Knowledge) -> None:
    selection = flow.select(CLASSIFIERS, ANN, tiny)
    assert not {"robustness", "asked", "deployments", "pairs", "rated"} & set(vars(selection))
    assert selection.robustness is selection.robustness
    assert selection.robustness is not None
    assert selection.robustness.winner == selection.ranking.order[0]
    assert selection.opinion is not None
    assert {s.objective for s in selection.switches} == set(selection.weights) - set(selection.ranking.set_aside)
    assert all(a.said in tuple(ANN) for a in selection.other_answers)
    assert flow.select(CLASSIFIERS, Group((Person("Ann", ANN),)), tiny).other_answers == ()


def test_a_file_of_several_people_is_read_and_ranked(tiny: Knowledge) -> None:
    text = '{"preferences": {"Ann": [{"more": "cost", "less": "latency", "strength": "weak"}], "Ben": []}}'
    requirement, judged = flow.read_request(text, tiny)
    assert isinstance(judged, Group)
    assert [p.name for p in judged] == ["Ann", "Ben"]
    assert flow.select(requirement, judged, tiny).weights == weights_of(judged)
    assert isinstance(flow.read_request("{}", tiny)[1], Preferences)
