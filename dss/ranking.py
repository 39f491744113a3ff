"""The paper's score (DLOM², equation 1): the sum over the objectives of weight × rating.

An objective for which no candidate has evidence is set aside and the other weights are renormalised. Where one
candidate lacks evidence that others have, its score is an interval; candidates are ranked by what their evidence
guarantees, so that what is not known never counts in anybody's favour.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dss.ratings import HIGHEST, LOWEST, Ratings
from ontology.records import Objective
from repository.projection import FloatArray, IntArray

MOST = 200  # candidates described in full


@dataclass(frozen=True)
class Contribution:
    """What one objective adds to a candidate's score. `rating` is None where there is no evidence."""

    objective: Objective
    weight: float  # among the objectives that evidence decides; these weights sum to 1
    rating: float | None
    points: float  # weight × rating; the guaranteed minimum, weight × 1, where there is no evidence
    points_at_best: float
    figure: str  # the figure that the rating was derived from, "" for none
    votes: int


@dataclass(frozen=True)
class Scored:
    """One candidate with its score: guaranteed by evidence, and reachable at best."""

    row: int
    place: int
    score: float
    score_at_best: float
    contributions: tuple[Contribution, ...]


@dataclass(frozen=True)
class Ranking:
    """The best candidates in order, and how the weights were used. `total` counts all that were ranked."""

    scored: tuple[Scored, ...]
    total: int
    weights: Mapping[Objective, float]  # as elicited, over all six
    used: Mapping[Objective, float]  # renormalised over the objectives that evidence decides
    set_aside: tuple[Objective, ...]  # undecided by evidence: no candidate has any
    order: tuple[int, ...] = field(default=(), repr=False)  # the rows of all that were ranked, best first

    @property
    def winner(self) -> Scored | None:
        """The best candidate, None when there is none."""
        return self.scored[0] if self.scored else None


def usable_weights(
    weights: Mapping[Objective, float], known: Mapping[Objective, bool]
) -> tuple[dict[Objective, float], tuple[Objective, ...]]:
    """The weights renormalised over the objectives for which somebody has evidence, and those set aside.

    When the remaining weights sum to nothing they are taken as equal.
    """
    aside = tuple(o for o in Objective if not known[o])
    total = sum(weights[o] for o in Objective if known[o])
    kept = [o for o in Objective if known[o]]
    used = {o: (weights[o] / total if total > 0 else 1 / len(kept)) if known[o] else 0.0 for o in Objective}
    return used, aside


def rank(
    rows: IntArray,
    ratings: Ratings,
    weights: Mapping[Objective, float],
    names: np.ndarray,
    ties: Sequence[FloatArray] = (),
) -> Ranking:
    """Score `rows` and put them in order: by guaranteed score, then by score at best.

    Equal ones follow one another by the columns in `ties`, smaller first (such as latency, then size), then by name,
    so that the order is stable. All are ranked; the first `MOST` are described. `names` are the models' names, by row.
    """
    table = np.array([ratings.values[o][rows] for o in Objective])
    known = {o: bool((~np.isnan(table[i])).any()) if len(rows) else False for i, o in enumerate(Objective)}
    used, aside = usable_weights(weights, known)
    share = np.array([used[o] for o in Objective])[:, None]
    low = (share * np.where(np.isnan(table), LOWEST, table)).sum(axis=0)
    high = (share * np.where(np.isnan(table), HIGHEST, table)).sum(axis=0)
    smaller = [np.nan_to_num(column[rows], nan=np.inf) for column in reversed(ties)]
    order = np.lexsort((names[rows], *smaller, -np.round(high, 9), -np.round(low, 9)))
    first = order[:MOST]
    scores = zip(rows[first].tolist(), low[first].tolist(), high[first].tolist(), strict=True)
    parts = contributions_of(rows[first], ratings, used)
    scored = tuple(
        Scored(row, place, score, at_best, part)
        for place, ((row, score, at_best), part) in enumerate(zip(scores, parts, strict=True), start=1)
    )
    return Ranking(scored, len(rows), dict(weights), used, aside, tuple(rows[order].tolist()))


def contributions_of(
    rows: IntArray, ratings: Ratings, used: Mapping[Objective, float]
) -> list[tuple[Contribution, ...]]:
    """What each objective adds to the score of each of these rows, in the order of the objectives; `used` sums to 1."""
    by_objective = []
    for objective in Objective:
        weight = used[objective]
        told = (of[objective][rows].tolist() for of in (ratings.values, ratings.figures, ratings.votes))
        by_objective.append([
            Contribution(objective, weight, None, weight * LOWEST, weight * HIGHEST, str(figure), int(votes))
            if math.isnan(value)
            else Contribution(objective, weight, value, weight * value, weight * value, str(figure), int(votes))
            for value, figure, votes in zip(*told, strict=True)
        ])  # fmt: skip
    return list(zip(*by_objective, strict=True))


def contributions(row: int, ratings: Ratings, used: Mapping[Objective, float]) -> tuple[Contribution, ...]:
    """The same for one row."""
    return contributions_of(np.array([row]), ratings, used)[0]
