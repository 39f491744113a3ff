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

from dss.draws import PLACES, Draws, Table, Truths, can_lead
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
    return robustness(ranking, rated, judged, spread(candidates.projection), seed=seed, samples=samples)


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
    shares = weighted.shares.T[[list(Objective).index(o) for o in used]]
    shares /= shares.sum(axis=0)
    draws = Draws.of(shares.T, seed)
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
    samples = draws.shares.shape[1]
    counts = np.zeros((len(table.rows), PLACES), dtype=np.int64)
    first = np.zeros(samples, dtype=np.int64)
    unknown = np.argwhere(table.unknown)
    wins = np.zeros((len(unknown), 2), dtype=np.int64)
    for part, scores in draws.scores(table, beside=len(unknown)):
        own = scores.T[unknown[:, 0]]
        places, reached = _places(scores)
        for k in range(min(PLACES, len(table.rows))):
            counts[:, k] += np.bincount(places[k], minlength=len(counts))
        if len(unknown):
            wins += _wins(unknown, own, places, reached, draws.shares[:, part], draws.shared[:, part])
        first[part] = places[0]
    return (
        counts,
        first,
        {(j, o): (worst, best) for (j, o), (worst, best) in zip(unknown.tolist(), wins.tolist(), strict=True)},
    )


def _places(scores: FloatArray) -> tuple[IntArray, FloatArray]:
    """Who stands in each place, and with which score in the first two; of shape (places, samples), at least two places.

    `scores` has shape (samples, candidates) and is used up. Of equal ones the earlier in the ranking is first.
    """
    samples, size = scores.shape
    places, reached = np.empty((max(2, min(PLACES, size)), samples), dtype=np.int64), np.empty((2, samples))
    flat, begins = scores.reshape(-1), np.arange(samples) * size
    for k in range(len(places)):
        places[k] = np.argmax(scores, axis=1)
        at = begins + places[k]
        if k < len(reached):
            reached[k] = flat[at]
        flat[at] = -np.inf
    return places, reached


def _wins(
    unknown: IntArray, own: FloatArray, places: IntArray, reached: FloatArray, shares: FloatArray, shared: FloatArray
) -> IntArray:
    """In how many samples a candidate is first with the lowest, and with the highest of one rating: shape (…, 2).

    `unknown` has a row (candidate, objective) for each rating and `own` the candidate's scores as they were drawn,
    which are used up.
    """
    j, o = unknown[:, :1], unknown[:, 1]
    leads = places[0] == j
    other, found = np.where(leads, reached[1], reached[0]), []
    own -= (shares * shared)[o]
    for rating in (LOWEST, HIGHEST):
        score = (shares * rating)[o]
        score += own
        wins = (score > other).sum(axis=1)
        if (equal := score == other).any():
            # j comes before the other when they are equal
            wins += (equal & (np.where(leads, places[1], places[0]) > j)).sum(axis=1)
        found.append(wins)
    return np.stack(found, axis=1)


def _chances(
    table: Table, counts: IntArray, first: IntArray, weighted: SampledWeights, samples: int
) -> tuple[Chance, ...]:
    found = []
    for j in np.lexsort((np.arange(len(counts)), *(-counts[:, k] for k in reversed(range(PLACES))))):
        if not counts[j].any():
            continue
        # Sample by sample, whatever the order in memory, so that the sum is the same to the last digit.
        central = np.ascontiguousarray(weighted.shares[first == j]).mean(axis=0).tolist() if counts[j, 0] else None
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
    found, steps = [], weighted.steps.T
    for (person, judgement), step, middle in zip(weighted.judgements, steps, medians(steps), strict=True):
        stronger = step > middle
        won, of = int(np.count_nonzero(wins & stronger)), int(np.count_nonzero(stronger))
        weaker = (int(np.count_nonzero(wins)) - won) / (len(wins) - of)
        found.append(JudgementEffect(person, judgement, weaker, won / of))
    best = max(found, key=lambda e: e.change, default=None)
    # A difference that the number of samples cannot tell from none is none: three standard errors of a difference.
    p = float(wins.mean())
    noise = 3 * np.sqrt(4 * p * (1 - p) / len(wins))
    return best if best is not None and best.change > noise else None


def medians(rows: FloatArray) -> FloatArray:
    """The median of each row: what `np.median` gives, whose search for two numbers at once takes far longer."""
    half = rows.shape[1] // 2
    found = []
    for row in rows:
        parted = np.partition(row, half)
        found.append(parted[half] if len(row) % 2 else (parted[:half].max() + parted[half]) / 2)
    return np.array(found)


def _measurement(
    table: Table, used: list[Objective], effects: Mapping[tuple[int, int], tuple[int, int]], samples: int
) -> MeasurementEffect | None:
    found = [
        MeasurementEffect(int(table.rows[j]), used[o], worst / samples, best / samples)
        for (j, o), (worst, best) in sorted(effects.items())
    ]
    most = max(found, key=lambda e: e.change, default=None)
    return most if most is not None and most.change > 0 else None
