"""Equation 1 of the DLOM² paper, on numbers that can be added up by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dss.ranking import rank, usable_weights
from dss.ratings import Ratings
from ontology.records import Objective

EVEN = dict.fromkeys(Objective, 1 / 6)


def ratings(*rows: list[float | None]) -> Ratings:
    """One row a candidate, one rating for each objective in their order."""
    table = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=float).T
    size = len(rows)
    return Ratings(
        {o: table[i] for i, o in enumerate(Objective)},
        dict.fromkeys(Objective, np.full(size, "", dtype=object)),
        dict.fromkeys(Objective, np.zeros(size)),
    )


def names(n: int) -> np.ndarray:
    return np.array([f"m{i}" for i in range(n)], dtype=object)


def test_the_score_is_the_sum_of_weight_times_rating() -> None:
    """½ × 4 + ½ × 2 = 3 beats ½ × 1 + ½ × 4 = 2.5."""
    weights = dict.fromkeys(Objective, 0.0) | {Objective.PERFORMANCE: 0.5, Objective.COST: 0.5}
    given_ratings = ratings([1, 5, 5, 4, 5, 5], [4, 1, 1, 2, 1, 1])
    result = rank(np.array([0, 1]), given_ratings, weights, names(2))
    assert [(s.row, s.score) for s in result.scored] == [(1, 3.0), (0, 2.5)]


def test_what_is_not_known_never_counts_in_favour() -> None:
    """Even weights: (5×5 + 1)/6 = 4.33 guaranteed, 5 at best, ranks behind a known 4.5."""
    result = rank(np.array([0, 1]), ratings([5, 5, 5, None, 5, 5], [4.5] * 6), EVEN, names(2))
    assert [s.row for s in result.scored] == [1, 0]
    second = result.scored[1]
    assert second.score == pytest.approx(26 / 6)
    assert second.score_at_best == pytest.approx(5.0)
    assert [c.objective for c in second.contributions if c.rating is None] == [Objective.COST]


def test_an_objective_without_any_evidence_is_set_aside() -> None:
    """Without cost each weight is 1/5; it is never counted as a bad rating for some."""
    result = rank(np.array([0, 1]), ratings([5, 5, 5, None, 5, 5], [4, 4, 4, None, 4, 4]), EVEN, names(2))
    assert result.set_aside == (Objective.COST,)
    assert result.used[Objective.LATENCY] == pytest.approx(0.2)
    assert [s.score for s in result.scored] == pytest.approx([5.0, 4.0])
    assert [s.score_at_best for s in result.scored] == pytest.approx([5.0, 4.0])


def test_ties_are_broken_by_name_so_that_the_order_is_stable() -> None:
    result = rank(np.array([2, 0, 1]), ratings([3.0] * 6, [3.0] * 6, [3.0] * 6), EVEN, names(3))
    assert [s.row for s in result.scored] == [0, 1, 2]


def test_equal_scores_are_parted_by_latency_then_size() -> None:
    latency, size = np.array([2.0, 1.0, 1.0, np.nan]), np.array([1.0, 9.0, 8.0, 1.0])
    result = rank(np.arange(4), ratings([3.0] * 6, [3.0] * 6, [3.0] * 6, [3.0] * 6), EVEN, names(4), (latency, size))
    assert [s.row for s in result.scored] == [2, 1, 0, 3]  # what is not known comes last


def test_nobody_to_rank() -> None:
    result = rank(np.array([], dtype=np.int64), ratings([3.0] * 6), EVEN, names(1))
    assert result.winner is None
    assert result.total == 0


def test_weights_that_only_undecided_objectives_had_fall_equally_on_the_rest() -> None:
    weights = dict.fromkeys(Objective, 0.0) | {Objective.COST: 1.0}
    used, aside = usable_weights(weights, {o: o is not Objective.COST for o in Objective})
    assert aside == (Objective.COST,)
    assert used[Objective.LATENCY] == pytest.approx(0.2)


rating = st.one_of(st.none(), st.floats(1, 5))


@settings(deadline=None)
@given(
    st.lists(st.lists(rating, min_size=6, max_size=6), min_size=1, max_size=8),
    st.lists(st.floats(0.01, 1), min_size=6, max_size=6),
)
def test_contributions_sum_to_the_score(rows: list[list[float | None]], raw: list[float]) -> None:
    weights = {o: w / sum(raw) for o, w in zip(Objective, raw, strict=True)}
    result = rank(np.arange(len(rows)), ratings(*rows), weights, names(len(rows)))
    for scored in result.scored:
        assert sum(c.points for c in scored.contributions) == pytest.approx(scored.score)
        assert sum(c.points_at_best for c in scored.contributions) == pytest.approx(scored.score_at_best)
        assert scored.score <= scored.score_at_best + 1e-9
    assert sum(result.used.values()) == pytest.approx(1.0) or len(result.set_aside) == 6
    scores = [s.score for s in result.scored]
    assert scores == sorted(scores, reverse=True) or np.allclose(scores, sorted(scores, reverse=True))
