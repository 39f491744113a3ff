"""Candidates given by their ratings alone, for tests that need no graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from dss.preferences import ALL_PAIRS, SIGNED_SCALE, Preference, Preferences, weights
from dss.ranking import Ranking, rank
from dss.ratings import Ratings
from dss.spread import Spread
from ontology.records import Objective

Row = Sequence[float | None]


def rated(*rows: Row) -> Ratings:
    """One row a candidate, one rating for each objective in their order; None where nothing is known."""
    table = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=float).reshape(len(rows), 6).T
    return Ratings(
        {o: table[i] for i, o in enumerate(Objective)},
        dict.fromkeys(Objective, np.full(len(rows), "", dtype=object)),
        dict.fromkeys(Objective, np.zeros(len(rows))),
    )


def only(**ratings: float) -> list[float | None]:
    """A candidate of which only these objectives are known: `only(performance=3, cost=1)`."""
    return [ratings.get(o.value) for o in Objective]


def ranked(ratings: Ratings, by: Preferences | Mapping[Objective, float]) -> Ranking:
    """All of them, ranked by judgements or by weights; candidate i is called m00i."""
    size = len(ratings.values[Objective.COST])
    names = np.array([f"m{i:03}" for i in range(size)], dtype=object)
    return rank(np.arange(size), ratings, weights(by) if isinstance(by, Preferences) else by, names)


def winner_after(ranking: Ranking, ratings: Ratings, answers: Preferences) -> int:
    """Who would be first after other answers, by the ranking's own code.

    As where answers are looked ahead, only guaranteed ratings count, and the present order decides between equals.
    """
    names = np.array([f"{ranking.order.index(row):03}" for row in range(len(ranking.order))], dtype=object)
    values = {o: np.nan_to_num(column, nan=1.0) for o, column in ratings.values.items()}
    known = Ratings(values, ratings.figures, ratings.votes)
    return rank(np.arange(len(names)), known, weights(answers), names).order[0]


def spread_of(size: int, **errors: float) -> Spread:
    """The same standard error of an objective's rating for each of so many candidates, each measured by itself."""
    by = {o: np.full(size, errors.get(o.value, 0.0)) for o in Objective}
    nothing = dict.fromkeys(Objective, np.zeros(size))
    return Spread({o: -e for o, e in by.items()}, by, nothing, np.arange(size))


@st.composite
def judgements(draw: st.DrawFn, least: int = 0, most: int = 15) -> Preferences:
    """Random judgements on random pairs."""
    pairs = draw(st.lists(st.sampled_from(ALL_PAIRS), unique=True, min_size=least, max_size=most))
    return Preferences(tuple(Preference.between(*pair, draw(st.sampled_from(SIGNED_SCALE))) for pair in pairs))


@st.composite
def tables(draw: st.DrawFn, most: int = 6, unknown: bool = True) -> list[list[float | None]]:
    """Random ratings of some candidates, on a grid so fine that equal scores are equal ratings."""
    value = st.integers(1000, 5000).map(lambda k: k / 1000)
    entry = st.one_of(st.none(), value) if unknown else value
    return draw(st.lists(st.lists(entry, min_size=6, max_size=6), min_size=1, max_size=most))
