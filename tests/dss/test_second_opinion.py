"""TOPSIS beside the score: a published table, an independent program, and the agreement of the two."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pymcdm.methods import TOPSIS
from pymcdm.normalizations import vector_normalization
from scipy.stats import kendalltau

import flow
from dss.preferences import Preferences
from dss.ratings import rate
from dss.second_opinion import kendall_tau, second_opinion, topsis
from ontology.records import Objective
from ontology.requirement import Requirement
from repository.knowledge import Knowledge
from tests.dss.rated import judgements, only, ranked, rated, tables

grid = st.integers(100, 500).map(lambda k: k / 100)


def test_tzeng_and_huang_2011() -> None:
    """ "Multiple attribute decision making: methods and applications", chapter on TOPSIS; four candidates, all max."""
    table = np.array([[5, 8, 4], [7, 6, 8], [8, 8, 6], [7, 4, 6]], dtype=float)
    closeness = topsis(table, np.array([0.3, 0.4, 0.3]))
    assert_allclose(closeness, [0.5037, 0.6581, 0.7482, 0.3340], atol=1e-4)


@pytest.mark.filterwarnings("ignore:Alternatives with indices")
@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(grid, min_size=6, max_size=6), min_size=2, max_size=8), st.lists(grid, min_size=6, max_size=6))
def test_pymcdm_agrees(rows: list[list[float]], raw: list[float]) -> None:
    table, shares = np.array(rows), np.array(raw) / sum(raw)
    if (table == table[0]).all():
        assert_allclose(topsis(table, shares), 0.5)
        return
    other = TOPSIS(normalization_function=vector_normalization)(table, shares, np.ones(6))
    assert_allclose(topsis(table, shares), other, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12))
def test_kendalls_tau_is_scipys(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs, dtype=float).T
    other = kendalltau(a, b).statistic
    assert kendall_tau(a, b) == (None if np.isnan(other) else pytest.approx(other))


def test_two_rules_may_differ() -> None:
    """Half the weight each. By the score 5 and 2 lead with 3.5, before 3.4 and 3.5 with 3.45.

    Columns of length √(5² + 3.4² + 1²) = 6.128 and √(2² + 3.5² + 1.5²) = 4.301. Twice the weighted distances of the
    first: 1.5 / 4.301 = 0.349 from the best, 4 / 6.128 and 0.5 / 4.301 from the worst, together 0.663, closeness
    0.655. Of the second: 1.6 / 6.128 = 0.261 from the best, 2.4 / 6.128 and 2 / 4.301 from the worst, together 0.608,
    closeness 0.700.
    """
    ratings = rated(only(performance=5, cost=2), only(performance=3.4, cost=3.5), only(performance=1, cost=1.5))
    found = second_opinion(ranked(ratings, Preferences()), ratings)
    assert found is not None
    assert not found.same_winner
    assert (found.winner, found.place_of_winner) == (1, 2)
    assert found.order == (1, 0, 2)
    assert found.closeness[:2] == pytest.approx((0.700, 0.655), abs=5e-4)
    assert (found.shared, found.among) == (3, 3)
    assert found.tau == pytest.approx(1 / 3)  # two of the three pairs in the same order, one not


def test_the_first_five_of_twelve_are_compared() -> None:
    ratings = rated(*np.random.default_rng(4).uniform(1, 5, (12, 6)).tolist())
    ranking = ranked(ratings, Preferences())
    found = second_opinion(ranking, ratings)
    assert found is not None
    assert found.shared == len({*found.order[:5]} & {*ranking.order[:5]}) == 4
    assert found.among == 5


def test_one_that_is_best_everywhere_is_first_by_both() -> None:
    ratings = rated([4.0] * 6, [5.0] * 6, [3.0] * 6)
    found = second_opinion(ranked(ratings, Preferences()), ratings)
    assert found is not None
    assert found.order == (1, 0, 2)
    assert found.closeness == pytest.approx((1, 0.5, 0))
    assert found.same_winner
    assert found.tau == 1


@settings(max_examples=40, deadline=None)
@given(tables(), judgements())
def test_whoever_is_matched_or_beaten_everywhere_is_not_ahead(
    table: list[list[float | None]], answers: Preferences
) -> None:
    ratings = rated(*table)
    found = second_opinion(ranked(ratings, answers), ratings)
    assert found is not None
    closeness = dict(zip(found.order, found.closeness, strict=True))
    values = [[1 if v is None else v for v in row] for row in table]
    for i, one in enumerate(values):
        for j, other in enumerate(values):
            if all(a >= b for a, b in zip(one, other, strict=True)):
                assert closeness[i] >= closeness[j] - 1e-12


def test_nothing_ranked_and_nothing_known() -> None:
    nobody, nothing = rated(), rated(only(), only())
    assert second_opinion(ranked(nobody, Preferences()), nobody) is None
    found = second_opinion(ranked(nothing, Preferences()), nothing)
    assert found is not None
    assert found.order == (0, 1)
    assert found.tau is None


def test_on_the_tiny_graph(tiny: Knowledge) -> None:
    """Where quality has nearly all the weight, e with 80 % is first by both."""
    answers = Preferences.from_text(",".join(f"performance-{o}:9" for o in Objective if o is not Objective.PERFORMANCE))
    candidates = flow.find_candidates(Requirement(task=("image-classification",)), tiny)
    ranking = flow.rank_candidates(candidates, answers)
    found = second_opinion(ranking, rate(tiny.projection, candidates.cloud))
    assert found is not None
    assert tiny.projection.models["model"].iat[found.winner] == "e"
    assert found.same_winner
