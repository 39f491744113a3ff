"""Standard errors of accuracies and of votes, as they reach the ratings."""

from __future__ import annotations

import numpy as np
import pytest

from dss.spread import accuracy_error, spread
from ontology.records import Objective, Vote
from repository.knowledge import Knowledge
from repository.terms import node
from repository.triples import quads
from tests.tiny import tiny_graph


def test_the_error_of_an_accuracy_by_hand(tiny: Knowledge) -> None:
    """c has 70 % of 500: p = 352 / 504, error √(p (1 - p) / 504) = 2.045 points. Of `s` no number is known."""
    p = tiny.projection
    error = accuracy_error(p)
    share = 352 / 504
    assert error[p.positions["c"]] == pytest.approx(100 * (share * (1 - share) / 504) ** 0.5)
    assert np.isnan(error[p.positions["s"]])


def test_the_error_moves_the_rating_along_the_frozen_scale(tiny: Knowledge) -> None:
    """Between two of the five accuracies lie 5 points of accuracy and one of rating: 2.045 make 0.409 either way."""
    p = tiny.projection
    found = spread(p)
    c = p.positions["c"]
    assert found.up[Objective.PERFORMANCE][c] == pytest.approx(0.409, abs=1e-3)
    assert found.down[Objective.PERFORMANCE][c] == pytest.approx(-0.409, abs=1e-3)
    assert found.down[Objective.PERFORMANCE][p.positions["a"]] == 0  # already rated lowest
    assert found.up[Objective.PERFORMANCE][p.positions["n"]] == 0  # no accuracy, no error of one
    assert found.up[Objective.COST][c] == 0


def test_reliability_is_off_with_the_accuracy_that_it_is_derived_from(tiny: Knowledge) -> None:
    """c keeps 98 %, so that the error of 2.045 in 70 is 2.86 points of it; one point is one of rating, 5 the most."""
    p = tiny.projection
    found = spread(p)
    c = p.positions["c"]
    assert found.up[Objective.RELIABILITY][c] == pytest.approx(2.0)
    assert found.down[Objective.RELIABILITY][c] == pytest.approx(-2.0)
    assert found.act[c] >= 0
    assert len({int(found.act[p.positions[m]]) for m in "abcde"}) == 5


def test_votes_that_agree_or_disagree() -> None:
    """Two votes of 4 and 2 for a's cost: variance (3 × 1 + 2) / 5 = 1, error √(1/2), by 2/5 in the blended rating.

    Of n's cost nothing is derived, so that one vote of 2 is all: variance 3/4, error √0.75.
    """
    graph = tiny_graph()
    votes = [
        Vote(name="1", model="a", objective=Objective.COST, rating=4, rated_by="Ann"),
        Vote(name="2", model="a", objective=Objective.COST, rating=2, rated_by="Ben"),
        Vote(name="3", model="n", objective=Objective.COST, rating=2, rated_by="Ann"),
    ]
    graph.replace(node("g", "votes"), [q for v in votes for q in quads(v, node("g", "votes"))])
    p = Knowledge(graph).projection
    voted = spread(p).voted[Objective.COST]
    assert voted[p.positions["a"]] == pytest.approx(0.5**0.5 * 2 / 5)
    assert voted[p.positions["n"]] == pytest.approx(0.75**0.5)
    assert voted[p.positions["b"]] == 0


def test_votes_weaken_the_error_of_what_is_derived() -> None:
    """Three votes weigh as much as the derived rating, so that its error counts half."""
    graph = tiny_graph()
    votes = [
        Vote(name=str(k), model="c", objective=Objective.PERFORMANCE, rating=3, rated_by=f"P{k}") for k in range(3)
    ]
    graph.replace(node("g", "votes"), [q for v in votes for q in quads(v, node("g", "votes"))])
    p = Knowledge(graph).projection
    assert spread(p).up[Objective.PERFORMANCE][p.positions["c"]] == pytest.approx(0.409 / 2, abs=1e-3)


def test_shipped_models_that_carry_an_accuracy_share_its_error(facts: Knowledge) -> None:
    p = facts.projection
    found = spread(p)
    moved = found.up[Objective.PERFORMANCE] > 0
    assert moved.sum() > 100
    assert len(np.unique(found.act[moved])) < moved.sum()
    assert (found.act[moved] >= 0).all()
