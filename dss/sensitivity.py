"""Where the winner changes, by algebra: the weight of each objective, and the answer to each comparison.

When one objective's weight goes to t, the others keep their proportions and share 1 - t. A score is then t × its rating
there + (1 - t) × its score on the others: a straight line in t, so that the crossing of two lines is exact
(Triantaphyllou and Sánchez, "A sensitivity analysis approach for some deterministic multi-criteria decision-making
methods", Decision Sciences 28, 1997). As in the ranking, what is not known counts as the lowest rating.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dss.preferences import SIGNED_SCALE, Preference, Preferences, weights
from dss.ranking import Ranking
from dss.ratings import LOWEST, Ratings
from ontology.records import Objective
from repository.projection import FloatArray

_EQUAL = 1e-9  # scores that are rounded alike in the ranking


@dataclass(frozen=True)
class Turn:
    """The weight at which another candidate takes over, and which."""

    weight: float
    row: int


@dataclass(frozen=True)
class Switch:
    """What changing one objective's weight does to the winner.

    `weight` is what it weighs now among the objectives that evidence decides. `lower` and `higher` are the nearest
    weights on either side at which another candidate takes over, None when the winner stays first down to 0 or up to 1.
    """

    objective: Objective
    weight: float
    lower: Turn | None
    higher: Turn | None

    @property
    def nearest(self) -> float | None:
        """How far the weight must move before the winner changes, None when it cannot change it."""
        distances = [abs(turn.weight - self.weight) for turn in (self.lower, self.higher) if turn is not None]
        return min(distances, default=None)


@dataclass(frozen=True)
class OtherAnswer:
    """The nearest other answer to a comparison that was made, which would put another candidate first."""

    said: Preference
    instead: Preference
    steps: int  # on the scale 9 5 3 1 3 5 9
    row: int


def guaranteed(ranking: Ranking, rated: Ratings) -> FloatArray:
    """The ratings that count in the score, in the ranking's order, shape (candidates, 6); 0 where it is set aside."""
    rows = np.array(ranking.order, dtype=np.int64)
    table = np.array([rated.values[o][rows] for o in Objective]).T
    aside = np.array([o in ranking.set_aside for o in Objective])
    return np.asarray(np.where(aside, 0.0, np.where(np.isnan(table), LOWEST, table)), dtype=np.float64)


def switches(ranking: Ranking, rated: Ratings) -> tuple[Switch, ...]:
    """For each objective that evidence decides the weights at which the winner changes; the closest one first."""
    if not ranking.order:
        return ()
    table = guaranteed(ranking, rated)
    found = []
    for k, objective in enumerate(Objective):
        if objective in ranking.set_aside:
            continue
        used = np.array([ranking.used[o] for o in Objective])
        weight = float(used[k])
        others = np.where(np.arange(len(used)) == k, 0.0, used)
        if others.sum() <= 0:  # it has all the weight: as it falls, the others that evidence decides rise evenly
            others = np.array([float(o is not objective and o not in ranking.set_aside) for o in Objective])
        rest = table @ (others / max(others.sum(), 1e-300))
        turns = [_turn(table[:, k], rest, weight, end, ranking) for end in (0.0, 1.0)]
        found.append(Switch(objective, weight, *turns))
    return tuple(sorted(found, key=lambda s: np.inf if s.nearest is None else s.nearest))


def _turn(here: FloatArray, rest: FloatArray, weight: float, end: float, ranking: Ranking) -> Turn | None:
    """The first candidate whose score crosses the winner's as the weight moves towards `end`."""
    lead = weight * (here[0] - here) + (1 - weight) * (rest[0] - rest)
    lead = np.where(np.abs(lead) < _EQUAL, 0.0, np.maximum(lead, 0.0))
    at_end = end * (here[0] - here) + (1 - end) * (rest[0] - rest)
    crossing = at_end < -_EQUAL
    if not crossing.any():
        return None
    share = np.full(len(here), np.inf)
    share[crossing] = lead[crossing] / (lead[crossing] - at_end[crossing])
    # Of those that cross at the same weight the one that is best just beyond it.
    first = np.flatnonzero(share <= share.min() + _EQUAL)
    taker = int(first[np.argmin(at_end[first])])
    return Turn(float(weight + (end - weight) * share[taker]), ranking.order[taker])


def other_answers(ranking: Ranking, rated: Ratings, preferences: Preferences) -> tuple[OtherAnswer, ...]:
    """For each judgement the nearest other answer that changes the winner, fewest steps first; none for the rest."""
    if not ranking.order or len(ranking.set_aside) == len(Objective):
        return ()
    table = guaranteed(ranking, rated)
    found = []
    for said in preferences:
        now = SIGNED_SCALE.index(said.signed(said.more))
        nearest = sorted((abs(k - now), -k, signed) for k, signed in enumerate(SIGNED_SCALE) if k != now)
        for steps, _, signed in nearest:
            instead = Preference.between(said.more, said.less, signed)
            scores = table @ np.array(weights(preferences.with_judgement(instead)).shares)
            best = int(np.argmax(np.round(scores / scores.max(), 9)))
            if best != 0:
                found.append(OtherAnswer(said, instead, steps, ranking.order[best]))
                break
    return tuple(sorted(found, key=lambda a: a.steps))
