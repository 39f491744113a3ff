"""Which comparisons are still worth asking: those whose answer can change who is first.

A *future* is the answers so far with any of the open comparisons answered in any way, and the others left open. The
winner of a future is the candidate with the highest guaranteed score under its weights; between equals the present
order decides, so that a tie takes the first place from nobody. Few open comparisons are gone through completely, all
answers of the scale and "left open" for each. With more of them the extreme answers are (9 either way, or open), and
beyond that a seeded sample. Whether anything that these do not show is left is then settled by a proof:

The logarithms of the weights are linear in the logarithms of the answers, so over all answers to one set of questions
they fill a polytope. A challenger beats the winner where P > N, P the sum of weight × advantage over the objectives on
which it is better, N the same where it is worse. ln P and ln N are convex in the answers. So ln P less a tangent of
ln N is convex as well, is nowhere smaller than ln P - ln N, and is largest at an extreme answer; where it is negative
there, no answer in between lets the challenger win. A box of answers that this does not decide is halved and looked at
again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from dss.groups import Judged, as_group
from dss.pairwise import log_weights_of_many
from dss.preferences import ALL_PAIRS, SIGNED_SCALE, Pair
from dss.ranking import Ranking
from dss.ratings import Ratings
from dss.sensitivity import guaranteed
from ontology.records import Objective
from repository.projection import FloatArray, IntArray

EVERY_ANSWER = 5  # open comparisons up to which every future is gone through: 8⁵ = 32,768
EXTREMES = 9  # up to which all extreme answers are: 3⁹ = 19,683
SAMPLED = 400  # futures drawn beyond that, each with every comparison open, and answered 9 either way
SEED = 1977
_BOXES = 3_000  # boxes looked at before a proof is given up
_ORDER = list(Objective)
_PAIRS = [(_ORDER.index(a), _ORDER.index(b)) for a, b in ALL_PAIRS]
_SCALE = np.array([math.copysign(math.log(abs(s)), s) for s in SIGNED_SCALE])
_EXTREME = np.array([np.nan, _SCALE[0], _SCALE[-1]])


@dataclass(frozen=True)
class Question:
    """An open comparison. `decides` is the share of the futures looked at in which its answer changes the winner;
    `leaders` are the rows that would be first if it alone were answered, one for each of `SIGNED_SCALE`.
    """

    pair: Pair
    decides: float
    leaders: tuple[int, ...]


@dataclass(frozen=True)
class Asked:
    """What to ask next, most decisive first, and what need not be asked.

    `settled`: no further answers can change the winner, proved. `complete`: every future was gone through, so that
    `needless` are proved to change nothing either; otherwise no future was found in which they do.
    """

    questions: tuple[Question, ...]
    needless: tuple[Question, ...]
    settled: bool
    complete: bool
    contenders: tuple[int, ...]  # rows that come first in some future that was looked at, the present winner first
    candidates: int
    dominated: int  # candidates that another one before them matches or beats on every objective
    futures: int


def ask(ranking: Ranking, rated: Ratings, judged: Judged) -> Asked | None:
    """Which open comparisons can still change the winner of `ranking`; None when nothing was ranked.

    Of a group those are open that nobody has made; what is answered stands as the geometric mean of the answers.
    """
    if not ranking.order:
        return None
    table = guaranteed(ranking, rated)
    front = undominated(table)
    ratings = table[front]
    matrix = as_group(judged).matrix()
    given = np.log([matrix[pair] for pair in _PAIRS])
    still_open = np.flatnonzero(np.isnan(given))
    decides, leading, number = _decisive(given, still_open, ratings)
    complete = len(still_open) <= EVERY_ANSWER
    changed = len(leading) > 1
    settled = not changed and (complete or len(front) == 1 or _proved(given, still_open, ratings))
    rows = [ranking.order[position] for position in front]
    questions = [
        Question(ALL_PAIRS[k], float(share), tuple(rows[j] for j in _one_answer(given, int(k), ratings)))
        for k, share in zip(still_open, decides, strict=True)
    ]
    asked = sorted((q for q in questions if q.decides > 0), key=lambda q: -q.decides)
    others = tuple(q for q in questions if q.decides == 0)
    if not settled and not asked:  # neither shown nor excluded: better to ask than to stop too soon
        asked, others = list(others), ()
    return Asked(
        questions=tuple(asked),
        needless=others,
        settled=settled,
        complete=complete,
        contenders=tuple(rows[j] for j in leading),
        candidates=len(table),
        dominated=len(table) - len(front),
        futures=number,
    )


def undominated(table: FloatArray) -> IntArray:
    """The positions of the candidates that none before them matches or beats on every objective.

    `table` has one row a candidate, in the ranking's order: whoever dominates another comes before it there.
    """
    keep = np.ones(len(table), dtype=bool)
    for i in range(len(table)):
        if keep[i]:
            behind = keep & (np.arange(len(table)) > i)
            keep[behind] = ~(table[i] >= table[behind]).all(axis=1)
    return np.asarray(np.flatnonzero(keep), dtype=np.int64)


def _winners(futures: FloatArray, ratings: FloatArray) -> IntArray:
    """Who is first in each future, shape (futures, 15) of log answers, `nan` for open; ties as in the ranking."""
    shares = np.exp(log_weights_of_many(len(_ORDER), _PAIRS, futures))
    winners = np.empty(len(futures), dtype=np.int64)
    step = max(1, 4_000_000 // len(ratings))
    for at in range(0, len(futures), step):
        scores = shares[at : at + step] @ ratings.T
        best = scores.max(axis=1, keepdims=True)
        winners[at : at + step] = np.argmax(scores >= best * (1 - 1e-10), axis=1)
    return winners


def _decisive(given: FloatArray, still_open: IntArray, ratings: FloatArray) -> tuple[FloatArray, list[int], int]:
    """For each open comparison the share of futures in which it decides, who ever leads, and the number of futures."""
    n = len(still_open)
    if n > EXTREMES:
        return _sampled(given, still_open, ratings)
    answers = np.array([np.nan, *_SCALE]) if n <= EVERY_ANSWER else _EXTREME
    grid = np.stack(np.meshgrid(*[answers] * n, indexing="ij"), axis=-1).reshape(-1, n) if n else np.zeros((1, 0))
    futures = np.repeat(given[None, :], len(grid), axis=0)
    futures[:, still_open] = grid
    winners = _winners(futures, ratings)
    cube = winners.reshape([len(answers)] * n)
    decides = [float((cube.max(axis=k) != cube.min(axis=k)).mean()) for k in range(n)]
    return np.array(decides), _present_first(winners, int(winners[0])), len(futures)


def _sampled(given: FloatArray, still_open: IntArray, ratings: FloatArray) -> tuple[FloatArray, list[int], int]:
    rng = np.random.default_rng(SEED)
    bases = np.repeat(given[None, :], SAMPLED, axis=0)
    drawn = rng.choice(_SCALE, (SAMPLED, len(still_open)))
    bases[:, still_open] = np.where(rng.random(drawn.shape) < 0.5, np.nan, drawn)
    bases[0] = given
    decides, seen = [], [_winners(bases[:1], ratings)]
    for k in still_open:
        futures = np.repeat(bases[:, None, :], len(_EXTREME), axis=1)
        futures[:, :, k] = _EXTREME
        winners = _winners(futures.reshape(-1, len(given)), ratings).reshape(SAMPLED, -1)
        decides.append(float((winners.max(axis=1) != winners.min(axis=1)).mean()))
        seen.append(winners.ravel())
    leading = _present_first(np.concatenate(seen), int(seen[0][0]))
    return np.array(decides), leading, SAMPLED * len(_EXTREME) * len(still_open)


def _present_first(winners: IntArray, present: int) -> list[int]:
    numbers = np.bincount(winners)
    others = [int(j) for j in np.argsort(-numbers, kind="stable") if numbers[j] and j != present]
    return [present, *others]


def _one_answer(given: FloatArray, k: int, ratings: FloatArray) -> list[int]:
    futures = np.repeat(given[None, :], len(_SCALE), axis=0)
    futures[:, k] = _SCALE
    return [int(j) for j in _winners(futures, ratings)]


def _proved(given: FloatArray, still_open: IntArray, ratings: FloatArray) -> bool:
    """Whether no answers at all let anybody overtake the present winner; False when that could not be shown."""
    if len(still_open) > EXTREMES:
        return False
    winner = int(_winners(given[None, :], ratings)[0])
    advantage = np.delete(ratings - ratings[winner], winner, axis=0)
    budget = _BOXES
    for answered in product((False, True), repeat=len(still_open)):
        questions = still_open[list(answered)]
        boxes = [(np.zeros(len(questions), dtype=np.int64), np.full(len(questions), len(_SCALE) - 1))]
        rivals = [np.arange(len(advantage))]
        while boxes:
            budget -= 1
            if budget < 0:
                return False
            (low, high), left = boxes.pop(), rivals.pop()
            verdict = _box(given, questions, low, high, advantage[left])
            if verdict is None:
                return False
            if verdict.any():
                if (low == high).all():
                    return False
                for half in _halves(low, high):
                    boxes.append(half)
                    rivals.append(left[verdict])
    return True


def _box(
    given: FloatArray, questions: IntArray, low: IntArray, high: IntArray, advantage: FloatArray
) -> np.ndarray | None:
    """Which challengers are still undecided for answers between `low` and `high`; None when one of them wins there."""
    corners = np.array(list(product(*({a, b} for a, b in zip(_SCALE[low], _SCALE[high], strict=True)))))
    futures = np.repeat(given[None, :], len(corners), axis=0)
    futures[:, questions] = corners.reshape(len(corners), len(questions))
    logs = log_weights_of_many(len(_ORDER), _PAIRS, futures)
    shares, middle = np.exp(logs), logs.mean(axis=0)
    better, worse = np.maximum(advantage, 0), np.maximum(-advantage, 0)
    won, lost = shares @ better.T, shares @ worse.T
    if (won > lost * (1 + 1e-9)).any():
        return None
    weight = np.exp(middle) * worse
    at_middle = weight.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        tangent = np.log(at_middle) + (logs - middle) @ (weight / at_middle[:, None]).T
        bound = (np.log(won) - tangent).max(axis=0)
    # A challenger that is nowhere worse ties at most, and ties go to the present winner.
    undecided: np.ndarray = np.where(at_middle > 0, bound > -1e-9, (won > 0).any(axis=0))
    return undecided


def _halves(low: IntArray, high: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """The box cut in two across its widest question; answers are whole steps, so that the halves share none."""
    k = int(np.argmax(high - low))
    middle = (low[k] + high[k]) // 2
    first, second = high.copy(), low.copy()
    first[k], second[k] = middle, middle + 1
    yield low, first
    yield second, high
