"""A second opinion on the ranking by another rule: TOPSIS (Hwang and Yoon, "Multiple Attribute Decision Making", 1981).

The paper's score adds up what every objective contributes. TOPSIS prefers what lies near the best that was seen on
every objective and far from the worst; distances are Euclidean, so that one large gap counts more than several small
ones of the same sum, for a candidate as well as against it. It works on the same ratings and weights as the score, and
takes what is not known as the lowest rating, as the score does: a difference is then due to the rule and to nothing
else. The raw figures would not do, as accuracies on different data sets cannot be set beside one another, and a missing
one has no distance to anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dss.pairwise import Vector
from dss.ranking import MOST, Ranking
from dss.ratings import Ratings
from dss.sensitivity import guaranteed
from ontology.records import Objective
from repository.projection import FloatArray

FIRST = 5


@dataclass(frozen=True)
class SecondOpinion:
    """TOPSIS beside the score.

    `order` are the rows by TOPSIS, best first, and `closeness` their values: 1 for the best that was seen on every
    objective, 0 for the worst. `shared` of the first `among` (five, or all if fewer) are the same in both. `tau` is
    Kendall's tau-b between the two orders of the ranking's first 200, -1 to 1; None when either puts all on one level.
    """

    order: tuple[int, ...]
    closeness: tuple[float, ...]
    same_winner: bool
    shared: int
    among: int
    tau: float | None
    place_of_winner: int  # the ranking's winner, by TOPSIS

    @property
    def winner(self) -> int:
        """The row that TOPSIS puts first."""
        return self.order[0]


def second_opinion(ranking: Ranking, rated: Ratings) -> SecondOpinion | None:
    """TOPSIS on what `ranking` ranked; None when that is nothing. Equal ones keep the ranking's order."""
    if not ranking.order:
        return None
    used = [o for o in Objective if o not in ranking.set_aside]
    table = guaranteed(ranking, rated)
    shares = np.array([ranking.used[o] for o in Objective])
    values = topsis(table[:, [o in used for o in Objective]], shares[[o in used for o in Objective]])
    places = np.argsort(-np.round(values, 9), kind="stable")
    among = min(FIRST, len(values))
    scores = table @ shares
    return SecondOpinion(
        order=tuple(ranking.order[k] for k in places),
        closeness=tuple(values[places].tolist()),
        same_winner=int(places[0]) == 0,
        shared=int((places[:among] < among).sum()),
        among=among,
        tau=kendall_tau(np.round(scores[:MOST], 9), np.round(values[:MOST], 9)),
        place_of_winner=int(np.flatnonzero(places == 0)[0]) + 1,
    )


def topsis(table: FloatArray, shares: Vector) -> Vector:
    """Closeness of each candidate to the ideal, shape (candidates,), from ratings of which more is better.

    Columns are scaled to length 1 and weighted; closeness = d⁻ / (d⁺ + d⁻), Euclidean distances from the best and the
    worst value in each column. 0.5 for all when they do not differ.
    """
    lengths = np.sqrt((table**2).sum(axis=0))
    weighted = table / np.where(lengths > 0, lengths, 1.0) * shares
    if not weighted.size:
        return np.full(len(table), 0.5)
    best = np.sqrt(((weighted - weighted.max(axis=0)) ** 2).sum(axis=1))
    worst = np.sqrt(((weighted - weighted.min(axis=0)) ** 2).sum(axis=1))
    total = best + worst
    closeness: Vector = np.where(total > 0, worst / np.where(total > 0, total, 1.0), 0.5)
    return closeness


def kendall_tau(first: Vector, second: Vector) -> float | None:
    """Kendall's tau-b of two lists of scores: the pairs in the same order less those in the other, ties allowed for.

    Compares all pairs, so keep the lists to some hundreds. None when all scores of a list are equal (Kendall 1945).
    """
    a, b = (np.sign(x[:, None] - x[None, :]) for x in (first, second))
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / norm) if norm > 0 else None
