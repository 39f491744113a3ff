"""The weight, and the answer, at which the winner changes: by hand, and against trying many weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dss.preferences import SIGNED_SCALE, Preference, Preferences
from dss.sensitivity import Switch, Turn, other_answers, switches
from ontology.records import Objective
from tests.dss.rated import judgements, only, ranked, rated, tables, winner_after

P, R, S, C, L, X = Objective


def weights_of(**shares: float) -> dict[Objective, float]:
    return {o: shares.get(o.value, 0.0) for o in Objective}


def turned(turn: Turn | None) -> tuple[float, int]:
    assert turn is not None
    return turn.weight, turn.row


def test_two_lines_that_cross_in_the_middle() -> None:
    """5 t + 1 (1 - t) = 2 t + 4 (1 - t) at t = 1/2, for performance; and so for cost."""
    ratings = rated(only(performance=5, cost=1), only(performance=2, cost=4))
    found = switches(ranked(ratings, weights_of(performance=0.8, cost=0.2)), ratings)
    performance, cost = sorted(found, key=lambda s: -s.weight)
    assert (performance.objective, cost.objective) == (P, C)
    assert (performance.weight, cost.weight) == pytest.approx((0.8, 0.2))
    assert turned(performance.lower) == pytest.approx((0.5, 1))
    assert performance.higher is None
    assert turned(cost.higher) == pytest.approx((0.5, 1))
    assert cost.lower is None
    assert performance.nearest == pytest.approx(0.3)


def test_of_several_the_first_to_take_over_is_named() -> None:
    """Above 1/2 the second, which has 3 on the rest; the third, with 1 there, would need 2/3."""
    ratings = rated(
        only(performance=1, cost=5, latency=5), only(performance=3, cost=3, latency=3),
        only(performance=3, cost=1, latency=1),
    )  # fmt: skip
    found = {
        s.objective: s for s in switches(ranked(ratings, weights_of(performance=0.2, cost=0.5, latency=0.3)), ratings)
    }
    assert turned(found[P].higher) == pytest.approx((0.5, 1))


def test_of_several_that_cross_at_once_the_best_beyond_is_named() -> None:
    """At 1/2 all three have 3; below it the one with 5 for cost leads."""
    ratings = rated(only(performance=5, cost=1), only(performance=2, cost=4), only(performance=1, cost=5))
    found = {s.objective: s for s in switches(ranked(ratings, weights_of(performance=0.8, cost=0.2)), ratings)}
    assert turned(found[P].lower) == pytest.approx((0.5, 2))


def test_one_that_is_best_everywhere_stays_first() -> None:
    ratings = rated([5.0] * 6, [4.0] * 6)
    found = switches(ranked(ratings, Preferences()), ratings)
    assert len(found) == 6
    assert all(s.lower is None and s.higher is None and s.nearest is None for s in found)


def test_a_tie_changes_hands_at_once() -> None:
    ratings = rated(only(performance=5, cost=1), only(performance=1, cost=5))
    found = {s.objective: s for s in switches(ranked(ratings, weights_of(performance=0.5, cost=0.5)), ratings)}
    assert turned(found[C].higher) == pytest.approx((0.5, 1))
    assert found[C].nearest == pytest.approx(0)


def test_when_one_objective_has_all_the_weight_the_others_rise_evenly() -> None:
    """Down from 1: 5 t + 1 (1 - t) = 4 t + 3 (1 - t) at t = 2/3."""
    ratings = rated(only(performance=5, cost=1, latency=1), only(performance=4, cost=4, latency=2))
    found = {s.objective: s for s in switches(ranked(ratings, weights_of(performance=1.0)), ratings)}
    assert turned(found[P].lower) == pytest.approx((2 / 3, 1))


@settings(max_examples=40, deadline=None)
@given(tables(), judgements())
def test_the_winner_stays_first_up_to_the_turn_and_no_further(
    table: list[list[float | None]], answers: Preferences
) -> None:
    """The ranking's own code, a little before and a little beyond."""
    ratings = rated(*table)
    ranking = ranked(ratings, answers)
    for switch in switches(ranking, ratings):
        for turn, end in ((switch.lower, 0.0), (switch.higher, 1.0)):
            stop = end if turn is None else turn.weight
            for share in (0.0, 0.5, 0.999):
                between = switch.weight + (stop - switch.weight) * share
                assert scores_at(switch, between, ranking.used, table)[ranking.order[0]] >= (
                    scores_at(switch, between, ranking.used, table).max() - 1e-6
                )
            if turn is not None:
                beyond = scores_at(switch, turn.weight + (end - turn.weight) * 0.5, ranking.used, table)
                assert beyond[ranking.order[0]] < beyond.max()
                at = scores_at(switch, turn.weight, ranking.used, table)
                assert at[turn.row] == pytest.approx(at.max(), abs=1e-6)


def scores_at(switch: Switch, weight: float, used: object, table: list[list[float | None]]) -> np.ndarray:
    assert isinstance(used, dict)
    others = {o: w for o, w in used.items() if o is not switch.objective}
    left = sum(others.values())
    known = [o for i, o in enumerate(Objective) if any(row[i] is not None for row in table)]
    even = [o for o in known if o is not switch.objective]
    share = {
        o: weight if o is switch.objective
        else (1 - weight) * (others[o] / left if left > 0 else (o in even) / max(len(even), 1))
        for o in Objective
    }  # fmt: skip
    return np.array(
        [sum(share[o] * (1 if v is None else v) for o, v in zip(Objective, row, strict=True)) for row in table]
    )


def test_the_answer_that_would_change_the_winner() -> None:
    """At 3 : 1 for performance the first leads by 16 to 8, at 1 : 1 they tie, at 1 : 3 it is the second."""
    answers = Preferences.from_text("performance-cost:3")
    ratings = rated(only(performance=5, cost=1), only(performance=1, cost=5))
    (answer,) = other_answers(ranked(ratings, answers), ratings, answers)
    assert answer.instead.in_words() == "cost over performance: weak"
    assert (answer.steps, answer.row) == (2, 1)


@settings(max_examples=25, deadline=None)
@given(tables(most=4, unknown=False), judgements(least=1, most=6), st.data())
def test_no_nearer_answer_changes_the_winner(
    table: list[list[float | None]], answers: Preferences, data: st.DataObject
) -> None:
    ratings = rated(*table)
    ranking = ranked(ratings, answers)
    found = {a.said: a for a in other_answers(ranking, ratings, answers)}
    said = data.draw(st.sampled_from(answers.judgements))
    now = SIGNED_SCALE.index(said.signed(said.more))
    for k, signed in enumerate(SIGNED_SCALE):
        instead = Preference.between(said.more, said.less, signed)
        winner = winner_after(ranking, ratings, answers.with_judgement(instead))
        if said not in found or abs(k - now) < found[said].steps:
            assert winner == ranking.order[0]
        elif instead == found[said].instead:
            assert winner == found[said].row != ranking.order[0]


def test_nothing_to_change() -> None:
    nobody, nothing = rated(), rated(only(), only())
    assert switches(ranked(nobody, Preferences()), nobody) == ()
    assert other_answers(ranked(nobody, Preferences()), nobody, Preferences()) == ()
    answers = Preferences.from_text("performance-cost:3")
    assert switches(ranked(nothing, answers), nothing) == ()
    assert other_answers(ranked(nothing, answers), nothing, answers) == ()
