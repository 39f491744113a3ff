"""Judgements, their two written forms, and the weights they imply."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dss.preferences import (
    ALL_PAIRS,
    PAPER_PAIRS,
    SIGNED_SCALE,
    Preference,
    PreferenceError,
    Preferences,
    Strength,
    Weights,
    fit,
    weights,
)
from ontology.records import Objective

P, R, S, C, L, X = Objective  # performance, reliability, security, cost, latency, complexity

# Section 6 of the paper: performance is preferred over cost and complexity, latency matters less than security and
# cost; the strengths are ours, and the three comparisons it does not speak of are equal.
PAPER = Preferences(
    (
        Preference(P, C, Strength.STRONG),
        Preference(S, L, Strength.WEAK),
        Preference(S, X, Strength.EQUAL),
        Preference(P, X, Strength.STRONG),
        Preference(C, R, Strength.EQUAL),
        Preference(R, L, Strength.EQUAL),
        Preference(C, L, Strength.WEAK),
    )
)
PAPER_TEXT = (
    "performance-cost:5,latency-security:-3,security-complexity:1,complexity-performance:-5,"
    "cost-reliability:1,reliability-latency:1,cost-latency:3"
)


@st.composite
def preferences(draw: st.DrawFn) -> Preferences:
    pairs = draw(st.lists(st.sampled_from(ALL_PAIRS), unique=True))
    swapped = [draw(st.permutations(pair)) for pair in pairs]
    return Preferences(tuple(Preference(a, b, draw(st.sampled_from(Strength))) for a, b in swapped))


def test_the_pairs_are_those_of_figure_8a_and_all_fifteen() -> None:
    assert [f"{a}-{b}" for a, b in PAPER_PAIRS] == [
        "performance-cost",
        "latency-security",
        "security-complexity",
        "complexity-performance",
        "cost-reliability",
        "reliability-latency",
        "cost-latency",
    ]
    assert ALL_PAIRS[:7] == PAPER_PAIRS
    assert len({frozenset(pair) for pair in ALL_PAIRS}) == len(ALL_PAIRS) == 15


def test_the_papers_seven_judgements_satisfy_their_normal_equations() -> None:
    # Setting the derivative of the sum of (ln w_i - ln w_j - ln stated)² to zero gives one equation an objective,
    # with p = ln of the weight of performance and so on.
    p, r, s, c, latency, x = np.log(weights(PAPER).shares)
    assert 2 * p - c - x == pytest.approx(2 * math.log(5))
    assert 3 * c - p - r - latency == pytest.approx(math.log(3) - math.log(5))
    assert 2 * r - c - latency == pytest.approx(0)
    assert 3 * latency - s - r - c == pytest.approx(-2 * math.log(3))
    assert 2 * s - latency - x == pytest.approx(math.log(3))
    assert 2 * x - s - p == pytest.approx(-math.log(5))


def test_the_papers_seven_judgements_solved_by_hand() -> None:
    # Elimination, with latency = 1: cost 3^(5/7), reliability 3^(5/14), complexity 3^(6/7), security 3^(13/14),
    # performance 5 · 3^(11/14).
    by_hand = {P: 5 * 3 ** (11 / 14), R: 3 ** (5 / 14), S: 3 ** (13 / 14), C: 3 ** (5 / 7), L: 1, X: 3 ** (6 / 7)}
    found = weights(PAPER)
    assert dict(found) == pytest.approx({o: value / sum(by_hand.values()) for o, value in by_hand.items()})
    assert found.connected
    assert found.missing == ()
    assert found.of(P) == found[P] == max(found.values())
    assert found.in_words() == (
        "Most to least important: performance 54%, security 13%, complexity 12%, cost 10%, reliability 7%, latency 5%."
    )


def test_fit_sets_the_stated_ratio_beside_that_of_the_weights() -> None:
    found = fit(PAPER.judgements[0], weights(PAPER))  # performance : cost is stated 5, and weighs 5 · 3^(1/14)
    assert found.stated == 5
    assert found.weighted == pytest.approx(5 * 3 ** (1 / 14))
    assert found.factor == pytest.approx(3 ** (1 / 14))
    with pytest.raises(ValueError, match=r"performance weighs 0\.0"):
        fit(PAPER.judgements[0], Weights((0.0, 1.0, 0.0, 0.0, 0.0, 0.0)))


def test_no_judgement_leaves_all_equal_and_says_so() -> None:
    found = weights(Preferences())
    assert found.shares == pytest.approx([1 / 6] * 6)
    assert not found.connected
    assert len(found.missing) == 5
    assert found.in_words() == "You have not compared anything yet, so all six objectives count the same."


def test_parts_that_nothing_joins_are_flagged_with_the_comparisons_that_would_join_them() -> None:
    # {performance, cost} at 9 : 1 has logs ±ln 3, the other four are alone at 0.
    found = weights(Preferences((Preference(P, C, Strength.ABSOLUTE),)))
    total = 3 + 1 / 3 + 4
    assert dict(found) == pytest.approx({P: 3 / total, C: 1 / 3 / total} | dict.fromkeys((R, S, L, X), 1 / total))
    assert not found.connected
    assert found.missing == ((L, S), (S, X), (X, P), (C, R))

    two_parts = weights(
        Preferences.from_text("performance-cost:3,cost-reliability:1,latency-security:1,latency-complexity:1")
    )
    assert two_parts.missing == ((X, P),)
    assert two_parts.in_words().endswith(
        "Part of this is an assumption: compare complexity with performance to settle it."
    )


@settings(max_examples=60, deadline=None)
@given(preferences())
def test_answering_the_missing_comparisons_connects_everything_and_one_fewer_does_not(answers: Preferences) -> None:
    missing = weights(answers).missing
    for k in range(len(missing)):
        assert not weights(answers).connected
        answers = answers.with_judgement(Preference.between(*missing[k], 1))
    assert weights(answers).connected


@settings(max_examples=60, deadline=None)
@given(preferences())
def test_weights_are_positive_and_sum_to_1_whatever_was_answered(answers: Preferences) -> None:
    found = weights(answers)
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) > 0
    assert found == weights(answers)
    assert hash(found) == hash(weights(answers))


@settings(max_examples=60, deadline=None)
@given(preferences())
def test_both_written_forms_come_back_as_they_were(answers: Preferences) -> None:
    assert Preferences.from_json(answers.to_json()) == answers
    assert Preferences.from_text(answers.to_text()) == answers


def test_the_written_forms() -> None:
    assert PAPER.to_json()[:2] == [
        {"more": "performance", "less": "cost", "strength": "strong"},
        {"more": "security", "less": "latency", "strength": "weak"},
    ]
    assert PAPER.to_text() == PAPER_TEXT
    assert Preferences.from_text(PAPER_TEXT) == PAPER
    assert Preferences.from_text("security-latency:3") == Preferences.from_text("latency-security:-3")
    assert Preferences.from_text("") == Preferences()


def test_all_problems_of_a_file_are_reported_at_once() -> None:
    with pytest.raises(PreferenceError) as caught:
        Preferences.from_json(
            [
                {"more": "speed", "less": "cost", "strength": "huge"},
                {"more": "cost", "less": "cost", "strength": "weak"},
                "performance",
                {"more": "cost", "less": "security"},
                {"more": "cost", "less": "latency", "strength": "weak"},
                {"more": "latency", "less": "cost", "strength": "strong"},
            ]
        )
    speed, huge, itself, shape, incomplete, twice = caught.value.problems
    assert speed.startswith("judgement 1: unknown objective 'speed', use one of performance, reliability")
    assert huge == "judgement 1: unknown strength 'huge', use one of equal, weak, strong, absolute"
    assert itself == "judgement 2: cost is compared with itself: choose two different objectives"
    assert shape == "judgement 3: a judgement has exactly the keys more, less, strength, got 'performance'"
    assert incomplete.startswith("judgement 4: a judgement has exactly the keys more, less, strength, got {")
    assert twice == (
        "cost and latency are compared twice (cost over latency: weak; latency over cost: strong): keep one of the two"
    )
    assert str(caught.value).count("\n") == 5
    with pytest.raises(PreferenceError, match="a list of judgements, got dict"):
        Preferences.from_json({})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("performance-cost:4", "'performance-cost:4': '4' is not on the scale, use one of -9, -5, -3, 1, 3, 5, 9"),
        ("performance-cost:-1", "not on the scale"),
        ("performance-speed:3", "unknown objective 'speed'"),
        ("performance=cost", "write a judgement as in performance-cost:5"),
        ("cost-cost:3", "cost is compared with itself"),
        ("cost-latency:3,latency-cost:5", "cost and latency are compared twice"),
    ],
)
def test_a_link_that_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(PreferenceError, match=message):
        Preferences.from_text(text)


def test_a_pair_judged_twice_is_refused_in_either_order() -> None:
    with pytest.raises(PreferenceError, match="performance and cost are compared twice"):
        Preferences((Preference(P, C, Strength.WEAK), Preference(C, P, Strength.EQUAL)))
    with pytest.raises(PreferenceError, match="cost is compared with itself"):
        Preference(C, C, Strength.WEAK)


def test_one_row_of_the_page() -> None:
    assert SIGNED_SCALE == (-9, -5, -3, 1, 3, 5, 9)
    row = Preference.between(L, S, -3)
    assert row == Preference(S, L, Strength.WEAK)
    assert (row.signed(L), row.signed(S)) == (-3, 3)
    with pytest.raises(PreferenceError, match="latency-security: 2 is not on the scale"):
        Preference.between(L, S, 2)
    with pytest.raises(PreferenceError, match="says nothing about cost"):
        row.signed(C)


def test_judgements_can_be_changed_and_taken_back() -> None:
    changed = PAPER.with_judgement(Preference(C, P, Strength.WEAK))
    assert len(changed) == 7
    assert changed.on(P, C) == changed.judgements[0] == Preference(C, P, Strength.WEAK)
    assert PAPER.without(C, P).judgements == PAPER.judgements[1:]
    assert PAPER.without(C, P).on(P, C) is None
    assert len(PAPER.with_judgement(Preference(P, R, Strength.WEAK))) == 8


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ((0.5, 0.5), "six shares"),
        ((0.2,) * 6, "sum to 1, these sum to 1.2"),
        ((-0.5, 0.5, 1, 0, 0, 0), "none negative"),
    ],
)
def test_weights_made_by_hand_are_checked(shares: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Weights(shares)
