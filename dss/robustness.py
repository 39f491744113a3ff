"""How sure the first place is: the ranking drawn many times from everything that is uncertain.

Stochastic multicriteria acceptability analysis (SMAA-2; Lahdelma and Salminen, Operations Research 49, 2001). Drawn
are the judgements (`dss.sampling`), the ratings within their spread (`dss.spread`; normal, cut off at three standard
errors), and what is not known: an objective for which only some candidates have evidence gets one rating between 1 and
5 a sample, shared by all that have none. A rating of its own for each would let one of a hundred unknown candidates
nearly always draw a 5. Objectives without any evidence are set aside, as in the ranking.

The draws are made in a fixed order from one seed, and sums are taken in a fixed order, so that the same facts give the
same figures to the last digit. Candidates that cannot come among the first `PLACES` in any sample are left out first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dss.draws import PLACES, Draws, Table, Truths, batches, can_lead
from dss.groups import Judged, as_group
from dss.matching import Candidates
from dss.preferences import Preference
from dss.ranking import Ranking
from dss.ratings import HIGHEST, LOWEST, Ratings, rate
from dss.sampling import SampledWeights, sampled_weights
from dss.spread import Spread, spread
from ontology.records import Objective
from repository.projection import FloatArray, IntArray

SAMPLES = 10_000
SEED = 2001


@dataclass(frozen=True)
class Chance:
    """How often one candidate comes first, and which weights speak for it.

    `places[k]` is the share of samples in which it comes in place k + 1; `central_weights` is the mean of the weights
    under which it comes first, None when it never does.
    """

    row: int
    places: tuple[float, ...]
    central_weights: Mapping[Objective, float] | None

    @property
    def first(self) -> float:
        """The probability of first place."""
        return self.places[0]


@dataclass(frozen=True)
class JudgementEffect:
    """How much the first place hangs on one judgement: the ranking's winner comes first so often, in the half of the
    samples in which the judgement was drawn weaker than its middle, and in the half in which it was drawn stronger.
    """

    person: str
    judgement: Preference
    first_if_weaker: float
    first_if_stronger: float

    @property
    def change(self) -> float:
        """How far the two probabilities lie apart."""
        return abs(self.first_if_stronger - self.first_if_weaker)


@dataclass(frozen=True)
class MeasurementEffect:
    """How often a candidate would come first if one of its unknown ratings turned out the worst, or the best.

    Looked for among the candidates that ever come among the first `PLACES`.
    """

    row: int
    objective: Objective
    first_if_worst: float
    first_if_best: float

    @property
    def change(self) -> float:
        """How far the two probabilities lie apart."""
        return self.first_if_best - self.first_if_worst


@dataclass(frozen=True)
class Drawn:
    """What was uncertain: how many things were drawn in each sample, by kind."""

    judgements: int
    unjoined_parts: int  # groups of objectives that no judgement joins; 0 when the answers decide all weights
    measured_ratings: int  # ratings with a standard error of the accuracy behind them
    voted_ratings: int
    unknown_ratings: int


@dataclass(frozen=True)
class Robustness:
    """The chances of all candidates that were ever among the first, likeliest winner first.

    `winner` is the ranking's. `judgement` and `measurement` are the ones that matter most, None when none does.
    """

    winner: int
    chances: tuple[Chance, ...]
    judgement: JudgementEffect | None
    measurement: MeasurementEffect | None
    drawn: Drawn
    samples: int
    seed: int
    ranked: int  # candidates in the ranking
    compared: int  # of these, the ones that could come among the first

    def of(self, row: int) -> Chance:
        """The chances of one candidate; all 0 for one that never comes among the first."""
        return next((c for c in self.chances if c.row == row), Chance(row, (0.0,) * PLACES, None))

    @property
    def standard_error(self) -> float:
        """Of the winner's probability, from the number of samples."""
        p = self.of(self.winner).first
        return float(np.sqrt(p * (1 - p) / self.samples))


def robustness_of(
    candidates: Candidates,
    ranking: Ranking,
    judged: Judged,
    *,
    rated: Ratings | None = None,
    seed: int = SEED,
    samples: int = SAMPLES,
) -> Robustness | None:
    """The robustness of an answered request; None when nothing was ranked. `rated` is for who has the ratings."""
    if rated is None:
        rated = rate(candidates.projection, candidates.cloud)
    return robustness(ranking, rated, judged, spread(candidates.projection, rated), seed=seed, samples=samples)


def robustness(
    ranking: Ranking,
    rated: Ratings,
    judged: Judged,
    spread: Spread | None = None,
    *,
    seed: int = SEED,
    samples: int = SAMPLES,
) -> Robustness | None:
    """How sure the first place of `ranking` is; None when nothing was ranked. Without `spread` known ratings are exact.

    Raises ValueError for fewer than two samples.
    """
    if samples < 2:
        raise ValueError(f"a probability takes two samples or more, got {samples}")
    if not ranking.order:
        return None
    weighted = sampled_weights(as_group(judged), samples, np.random.default_rng([seed, 0]))
    used = [o for o in Objective if o not in ranking.set_aside]
    shares = weighted.shares[:, [list(Objective).index(o) for o in used]]
    shares = shares / shares.sum(axis=1, keepdims=True) if used else np.ones((samples, 0))
    draws = Draws.of(shares, seed)
    table = can_lead(Table.of(np.array(ranking.order, dtype=np.int64), used, rated, spread), draws)
    counts, first, effects = _run(table, draws)
    return Robustness(
        winner=ranking.order[0],
        chances=_chances(table, counts, first, weighted, samples),
        judgement=_judgement(weighted, first == 0),
        measurement=_measurement(table, used, effects, samples),
        drawn=_drawn(table, weighted),
        samples=samples,
        seed=seed,
        ranked=len(ranking.order),
        compared=len(table.rows),
    )


def _drawn(table: Table, weighted: SampledWeights) -> Drawn:
    parts = weighted.parts if weighted.parts > 1 else 0
    kinds = (table.moved, table.voted > 0, table.unknown)
    return Drawn(len(weighted.judgements), parts, *(int(kind.sum()) for kind in kinds))


def _run(table: Table, draws: Draws) -> tuple[IntArray, IntArray, dict[tuple[int, int], tuple[int, int]]]:
    """How often each candidate had each place, who was first in each sample, and the effect of each unknown rating.

    The effect is the number of samples in which its candidate is first with the lowest, and with the highest rating.
    """
    samples = len(draws.shares)
    counts = np.zeros((len(table.rows), PLACES), dtype=np.int64)
    first = np.zeros(samples, dtype=np.int64)
    effects = {(int(j), int(o)): (0, 0) for j, o in np.argwhere(table.unknown)}
    for part in batches(samples, len(table.rows)):
        shares, shared = draws.shares[part].T.copy(), draws.shared[part].T.copy()
        first[part] = _places(draws.scores(table, part), counts, effects, shares, shared)
    return counts, first, effects


def _places(
    scores: FloatArray,
    counts: IntArray,
    effects: dict[tuple[int, int], tuple[int, int]],
    shares: FloatArray,
    shared: FloatArray,
) -> IntArray:
    """Count the places of one batch, shape (candidates, samples); equal scores in the ranking's order. Who is first."""
    size, samples = scores.shape
    each = np.arange(samples)
    leader: IntArray = np.argmax(scores, axis=0)
    best = scores[leader, each]
    counts[:, 0] += np.bincount(leader, minlength=size)
    own = scores.copy() if effects else scores
    scores[leader, each] = -np.inf
    second = np.argmax(scores, axis=0)
    rival = scores[second, each]
    for (j, o), (worst, most) in effects.items():
        other = np.where(leader == j, rival, best)
        before = np.where(leader == j, second, leader) > j  # j comes before the other when they are equal
        known = own[j] - shares[o] * shared[o]
        low, high = known + shares[o] * LOWEST, known + shares[o] * HIGHEST
        wins = [int(((at > other) | ((at == other) & before)).sum()) for at in (low, high)]
        effects[j, o] = (worst + wins[0], most + wins[1])
    following = second
    for k in range(1, min(PLACES, size)):
        counts[:, k] += np.bincount(following, minlength=size)
        scores[following, each] = -np.inf
        following = np.argmax(scores, axis=0)
    return leader


def _chances(
    table: Table, counts: IntArray, first: IntArray, weighted: SampledWeights, samples: int
) -> tuple[Chance, ...]:
    found = []
    for j in np.lexsort((np.arange(len(counts)), *(-counts[:, k] for k in reversed(range(PLACES))))):
        if not counts[j].any():
            continue
        central = weighted.shares[first == j].mean(axis=0).tolist() if counts[j, 0] else None
        found.append(
            Chance(
                row=int(table.rows[j]),
                places=tuple((counts[j] / samples).tolist()),
                central_weights=None if central is None else dict(zip(Objective, central, strict=True)),
            )
        )
    return tuple(found)


def _judgement(weighted: SampledWeights, wins: Truths) -> JudgementEffect | None:
    """The judgement between whose two halves the winner's probability differs most."""
    found = []
    for k, (person, judgement) in enumerate(weighted.judgements):
        stronger = weighted.steps[:, k] > np.median(weighted.steps[:, k])
        found.append(JudgementEffect(person, judgement, float(wins[~stronger].mean()), float(wins[stronger].mean())))
    best = max(found, key=lambda e: e.change, default=None)
    # A difference that the number of samples cannot tell from none is none: three standard errors of a difference.
    p = float(wins.mean())
    noise = 3 * np.sqrt(4 * p * (1 - p) / len(wins))
    return best if best is not None and best.change > noise else None


def _measurement(
    table: Table, used: list[Objective], effects: Mapping[tuple[int, int], tuple[int, int]], samples: int
) -> MeasurementEffect | None:
    found = [
        MeasurementEffect(int(table.rows[j]), used[o], worst / samples, best / samples)
        for (j, o), (worst, best) in sorted(effects.items())
    ]
    most = max(found, key=lambda e: e.change, default=None)
    return most if most is not None and most.change > 0 else None
