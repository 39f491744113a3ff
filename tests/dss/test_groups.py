"""Several people's judgements: combined by geometric means, with how far they agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import entropy

from dss.consistency import consistency
from dss.groups import (
    Consensus,
    Group,
    Person,
    agreement,
    as_group,
    consensus,
    group_consistency_ratio,
    group_weights,
    mean_of_weights,
)
from dss.preferences import ALL_PAIRS, Preference, PreferenceError, Preferences, Strength, weights
from ontology.records import Objective
from tests.dss.rated import judgements

P, R, S, C, L, X = Objective
ANN = Preferences.from_text("performance-cost:9,cost-latency:1")
BEN = Preferences.from_text("performance-cost:1,cost-latency:3,latency-security:5")


def group(**people: Preferences) -> Group:
    return Group(tuple(Person(name, preferences) for name, preferences in people.items()))


def complete() -> st.SearchStrategy[Preferences]:
    return judgements(least=15, most=15)


def test_judgements_are_combined_by_their_geometric_mean() -> None:
    """9 and 1 make 3; 1 and 3 make √3; what only Ben judged stays as he said it."""
    matrix = group(Ann=ANN, Ben=BEN).matrix()
    at = list(Objective).index
    assert matrix[at(P), at(C)] == pytest.approx(3)
    assert matrix[at(C), at(L)] == pytest.approx(3**0.5)
    assert matrix[at(L), at(S)] == pytest.approx(5)
    assert matrix[at(C), at(P)] == 1 / matrix[at(P), at(C)]
    assert np.isnan(matrix[at(R), at(X)])


def test_weights_of_a_chain_multiply_out() -> None:
    """performance : cost : latency : security = 3√3 : √3 : 1 : 1/5, and two objectives that nobody compared."""
    found = group_weights(group(Ann=ANN, Ben=BEN))
    assert found[P] / found[C] == pytest.approx(3)
    assert found[C] / found[L] == pytest.approx(3**0.5)
    assert found[S] == pytest.approx(found[L] / 5)
    assert {o for pair in found.missing for o in pair} >= {R, X}


@settings(max_examples=25, deadline=None)
@given(st.lists(complete(), min_size=1, max_size=4))
def test_for_complete_judgements_both_ways_of_combining_agree(people: list[Preferences]) -> None:
    """Row geometric means commute with geometric means of people (Barzilai and Golany 1994)."""
    several = Group(tuple(Person(f"P{k}", p) for k, p in enumerate(people)))
    assert_allclose(group_weights(several).shares, mean_of_weights(several).shares, rtol=1e-9)
    by_hand = np.exp(np.mean([np.log(p.matrix()) for p in people], axis=0))
    assert_allclose(several.matrix(), by_hand, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(judgements(least=1), st.integers(2, 4))
def test_people_who_all_say_the_same_are_one(answers: Preferences, number: int) -> None:
    same = Group(tuple(Person(f"P{k}", answers) for k in range(number)))
    assert_allclose(group_weights(same).shares, weights(answers).shares, rtol=1e-9)
    assert group_weights(same).missing == weights(answers).missing
    assert group_consistency_ratio(same) == pytest.approx(consistency(answers).ratio, abs=1e-9)
    found = agreement(same)
    assert found.consensus.value == pytest.approx(1)
    assert found.on_pairs == ()
    assert found.apart is None
    assert as_group(answers) == Group.alone(answers)


@settings(max_examples=25, deadline=None)
@given(st.lists(complete(), min_size=2, max_size=3))
def test_a_group_is_no_less_consistent_than_its_least_consistent_member(people: list[Preferences]) -> None:
    """Known for the geometric mean of complete matrices (Xu 2000; Liu, Zhang and Wang 2012)."""
    several = Group(tuple(Person(f"P{k}", p) for k, p in enumerate(people)))
    assert group_consistency_ratio(several) <= max(consistency(p).ratio for p in people) + 1e-9


def test_six_people_of_whom_each_wants_something_else_have_no_consensus() -> None:
    """9 : 1 : 1 : 1 : 1 : 1 in turns: the mean is even, and each is as one-sided as the scale allows. That is 0."""
    table = [np.roll(np.array([9, 1, 1, 1, 1, 1]) / 14, k).tolist() for k in range(6)]
    assert consensus(table).value == pytest.approx(0, abs=1e-12)
    assert consensus(table).word == "very low"
    alike = consensus([table[0]] * 3)
    assert (alike.value, alike.people) == pytest.approx((1, 3))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.floats(0.05, 1), min_size=6, max_size=6), min_size=2, max_size=5))
def test_consensus_is_goepels_formula_with_scipys_entropies(raw: list[list[float]]) -> None:
    table = [(np.array(row) / sum(row)).tolist() for row in raw]
    alpha, gamma = np.mean([entropy(row) for row in table]), entropy(np.mean(table, axis=0))
    least = math.exp(entropy([9 / 14] + [1 / 14] * 5)) / 6
    expected = (1 / math.exp(gamma - alpha) - least) / (1 - least)
    assert consensus(table).value == pytest.approx(min(1, max(0, expected)))


@pytest.mark.parametrize(
    ("value", "word"),
    [(0.49, "very low"), (0.5, "low"), (0.625, "moderate"), (0.75, "high"), (0.875, "very high"), (1, "very high")],
)
def test_words_of_consensus_are_those_of_ahp_os(value: float, word: str) -> None:
    assert Consensus(value, 2).word == word


def test_who_differs_where() -> None:
    """On performance against cost Ann says 9 : 1, Cem 1 : 5: 45 times apart."""
    cem = Preferences.from_text("cost-performance:5,cost-latency:1")
    found = agreement(group(Ann=ANN, Ben=BEN, Cem=cem))
    widest = found.on_pairs[0]
    assert widest.pair == (P, C)
    assert (widest.highest[0], widest.lowest[0]) == ("Ann", "Cem")
    assert widest.factor == pytest.approx(45)
    assert widest.lowest[1] == Preference(C, P, Strength.STRONG)
    assert found.on_pairs[1].pair == (C, L)
    top = found.on_weights[0]
    assert (top.objective, top.highest[0], top.lowest[0]) == (P, "Ann", "Cem")
    assert top.range == pytest.approx(weights(ANN)[P] - weights(cem)[P])


def test_the_one_without_whom_the_others_agree_most() -> None:
    same = Preferences.from_text("performance-cost:3")
    found = agreement(group(Ann=same, Ben=same, Cem=Preferences.from_text("cost-performance:9")))
    assert found.apart == "Cem"


def test_a_consensus_takes_two() -> None:
    with pytest.raises(ValueError, match="two people or more, got 1"):
        agreement(Group.alone(ANN))
    with pytest.raises(ValueError, match="nobody is in the group"):
        mean_of_weights(Group(()))
    assert group_weights(Group(())).shares == pytest.approx([1 / 6] * 6)


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=20), judgements(), max_size=4
    )
)
def test_what_is_saved_comes_back(people: dict[str, Preferences]) -> None:
    several = Group(tuple(Person(name, p) for name, p in people.items()))
    assert Group.from_json(several.to_json()) == several


def test_the_written_forms_and_the_older_one() -> None:
    several = group(Ann=ANN, Ben=Preferences())
    assert several.to_json() == {
        "Ann": [
            {"more": "performance", "less": "cost", "strength": "absolute"},
            {"more": "cost", "less": "latency", "strength": "equal"},
        ],
        "Ben": [],
    }
    assert Group.from_json(ANN.to_json()) == Group.alone(ANN)
    assert Group.alone(ANN).to_json() == ANN.to_json()


def test_all_problems_of_a_file_are_reported_at_once_with_whose_they_are() -> None:
    with pytest.raises(PreferenceError) as caught:
        Group.from_json(
            {" Ann": [], "Ben": [{"more": "speed", "less": "cost", "strength": "weak"}, 3], "Cem": {}, "": []}
        )
    speed, shape, kind, ann, nameless = caught.value.problems
    assert speed.startswith("Ben: judgement 1: unknown objective 'speed'")
    assert shape.startswith("Ben: judgement 2: a judgement has exactly the keys")
    assert kind == "Cem: preferences are a list of judgements, got dict"
    assert ann.startswith("' Ann' is no name for a person: use 1 to 80 characters")
    assert nameless.startswith("'' is no name for a person")
    with pytest.raises(PreferenceError, match="or one list for each person's name, got int"):
        Group.from_json(3)
    with pytest.raises(PreferenceError, match="two people are called 'Ann'"):
        Group((Person("Ann", ANN), Person("Ann", BEN)))


def test_people_come_and_go_and_change_their_minds() -> None:
    several = group(Ann=ANN).with_person(" Ben ", BEN)
    assert [p.name for p in several] == ["Ann", "Ben"]
    changed = several.with_person("Ann", BEN)
    assert [p.preferences for p in changed] == [BEN, BEN]
    assert changed.without("Ann") == group(Ben=BEN)
    everything = {frozenset(pair) for pair in ALL_PAIRS}
    assert {frozenset((list(Objective)[i], list(Objective)[j])) for i, j in several.pairs()} <= everything
