"""Candidates' ratings drawn again and again, and who of many candidates can be left out before that is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dss.ratings import HIGHEST, LOWEST, Ratings
from dss.spread import Spread
from ontology.records import Objective
from repository.projection import FloatArray, IntArray

PLACES = 5
_CUT = 3.0  # standard errors
_POOL = 128  # candidates that the others are compared with before they are drawn
_FEW = 200  # so many are quicker drawn than left out
_CELLS = 48_000  # candidates × samples that are worked on at once, which the processor's cache holds,
_AT_ONCE = 2_000  # and the most samples of few candidates: memory that is new costs more than what is done with it
_ROWS = 512  # candidates whose best scores are worked out together
# Size of a product of matrices (m × n × k). OpenBLAS shares larger ones out among threads (interface/gemm.c, from
# 4 × 65,536 on), which wait for one another actively: on a busy machine ten times as long as the products take.
_PRODUCT = 250_000

Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class Table:
    """The candidates in the ranking's order: arrays of shape (candidates, objectives that count)."""

    rows: IntArray
    middle: FloatArray  # NaN where nothing is known
    down: FloatArray
    up: FloatArray
    voted: FloatArray
    act: IntArray  # shape (candidates,)

    @classmethod
    def of(cls, rows: IntArray, used: Sequence[Objective], rated: Ratings, spread: Spread | None) -> Table:
        """The ratings of these rows on the objectives that count; without a spread, known ones are exact."""

        def columns(source: Mapping[Objective, FloatArray]) -> FloatArray:
            return np.array([source[o][rows] for o in used]).reshape(len(used), len(rows)).T.copy()

        nothing = np.zeros((len(rows), len(used)))
        if spread is None:
            return cls(rows, columns(rated.values), nothing, nothing, nothing, np.full(len(rows), -1))
        middle = columns(rated.values)
        down, up, voted = (columns(s) for s in (spread.down, spread.up, spread.voted))
        act = np.where(((down != 0) | (up != 0)).any(axis=1), spread.act[rows], -1)
        return cls(rows, middle, down, up, voted, act)

    def kept(self, keep: Truths) -> Table:
        """Some of the candidates."""
        rows, act = self.rows[keep], self.act[keep]
        return Table(rows, self.middle[keep], self.down[keep], self.up[keep], self.voted[keep], act)

    @property
    def unknown(self) -> Truths:
        """Which ratings have no evidence."""
        return np.isnan(self.middle)

    @property
    def moved(self) -> Truths:
        """Which ratings rest on a figure with a standard error."""
        moved: Truths = (self.down != 0) | (self.up != 0)
        return moved

    @property
    def low(self) -> FloatArray:
        """The lowest that each rating may be drawn."""
        swing = _CUT * np.minimum(np.minimum(self.down, self.up), 0) - _CUT * self.voted
        return np.clip(np.where(self.unknown, LOWEST, self.middle + swing), LOWEST, HIGHEST)

    @property
    def high(self) -> FloatArray:
        """The highest that each rating may be drawn."""
        swing = _CUT * np.maximum(np.maximum(self.up, self.down), 0) + _CUT * self.voted
        return np.clip(np.where(self.unknown, HIGHEST, self.middle + swing), LOWEST, HIGHEST)


@dataclass(frozen=True)
class Draws:
    """What is drawn for the ratings in every sample, made when it is first needed; the same whoever is compared.

    `shares` has one row an objective that counts and one column a sample, `shared` the ratings of all that have none.
    """

    shares: FloatArray
    shared: FloatArray
    seed: int
    made: dict[tuple[int, ...], FloatArray]

    @classmethod
    def of(cls, shares: FloatArray, seed: int) -> Draws:
        """The draws that belong to these weights, of which each row is a sample."""
        rng, (samples, objectives) = np.random.default_rng([seed, 1]), shares.shape
        shared = np.empty((objectives, samples))
        for part in batches(samples, objectives):
            shared[:, part] = rng.uniform(LOWEST, HIGHEST, (part.stop - part.start, objectives)).T
        return cls(np.ascontiguousarray(shares.T), shared, seed, {})

    def errors(self, *what: int) -> FloatArray:
        """One standard normal error a sample, for an act (2, act) or a rating by votes (3, row, objective)."""
        if what not in self.made:
            drawn = np.random.default_rng([self.seed, *what]).standard_normal(self.shares.shape[1:])
            self.made[what] = np.clip(drawn, -_CUT, _CUT, out=drawn)
        return self.made[what]

    def scores(self, table: Table, beside: int = 0) -> Iterator[tuple[slice, FloatArray]]:
        """The score of every candidate, shape (samples, candidates), for some samples after the other.

        They are so few at once that `beside` rows of as many figures can be worked on too. What is given may be written
        to, and is overwritten by the next: memory that is new is slow.
        """
        size, samples = len(table.rows), self.shares.shape[1]
        acts, act_of = np.unique(table.act, return_inverse=True)
        of_objective = [_Kinds.of(table, o, act_of, self) for o in range(len(self.shares))]
        drawn, nothing = any(len(kinds.act) for kinds in of_objective), np.zeros(samples)
        errors = [self.errors(2, int(act)) if act >= 0 else nothing for act in acts] if drawn else []
        parts = list(batches(samples, max(size, beside)))
        room = np.zeros((2, size * parts[0].stop))
        for part in parts:
            few = part.stop - part.start
            scores, points = room[:, : size * few].reshape(2, size, few)
            z = np.array([error[part] for error in errors])
            above, below = np.maximum(z, 0), np.minimum(z, 0)
            # In this order on every machine, so that sums are the same to the last digit.
            for o, kinds in enumerate(of_objective):
                found = kinds.points(self.shares[o, part], self.shared[o, part], above, below, part)
                found.take(kinds.kind, axis=0, out=points if o else scores, mode="clip")
                if o:
                    scores += points
            turned = points.reshape(few, size)
            turned[:] = scores.T
            yield part, turned


@dataclass(frozen=True)
class _Kinds:
    """The candidates by their rating on one objective: many have the same one, and all of which nothing is known.

    First come the known numbers, then that nothing is known, then the ratings that are drawn, each by itself.
    """

    kind: IntArray  # shape (candidates,)
    middle: FloatArray  # shape (kinds, 1); NaN where nothing is known
    unknown: int | None  # which of them
    up: FloatArray  # shape (drawn, 1)
    down: FloatArray
    act: IntArray  # of those drawn: which row of the errors
    voted: Sequence[tuple[int, FloatArray, float]]  # which of those drawn, its error in each sample, and in what unit

    @classmethod
    def of(cls, table: Table, o: int, act_of: IntArray, draws: Draws) -> _Kinds:
        """Objective number `o` of a table, whose acts are numbered by `act_of`."""
        moves = (table.moved[:, o] | (table.voted[:, o] > 0)) & ~table.unknown[:, o]
        drawn, exact = np.flatnonzero(moves), np.flatnonzero(~moves)
        known, which = np.unique(table.middle[exact, o], return_inverse=True)
        kind = np.empty(len(moves), dtype=np.int64)
        kind[exact], kind[drawn] = which, len(known) + np.arange(len(drawn))
        voted = [
            (k, draws.errors(3, int(table.rows[j]), o), float(table.voted[j, o]))
            for k, j in enumerate(drawn)
            if table.voted[j, o] > 0
        ]
        return cls(
            kind=kind,
            middle=np.concatenate([known, table.middle[drawn, o]])[:, None],
            unknown=len(known) - 1 if len(known) and np.isnan(known[-1]) else None,
            up=table.up[drawn, o, None],
            down=-table.down[drawn, o, None],
            act=act_of[drawn],
            voted=voted,
        )

    def points(
        self, share: FloatArray, shared: FloatArray, above: FloatArray, below: FloatArray, part: slice
    ) -> FloatArray:
        """Rating × weight of each kind in some samples, shape (kinds, samples).

        `above` and `below` have the positive and the negative errors, a row an act, and 0 where the other has the
        error: a sum is several times as fast as a choice.
        """
        points = self.middle * share
        if self.unknown is not None:
            points[self.unknown] = shared * share
        if len(self.act):
            ratings, lowered = above[self.act], below[self.act]
            ratings *= self.up
            lowered *= self.down
            ratings += lowered
            ratings += self.middle[-len(ratings) :]
            for k, error, unit in self.voted:
                ratings[k] += error[part] * unit
            np.clip(ratings, LOWEST, HIGHEST, out=ratings)
            np.multiply(ratings, share, out=points[-len(ratings) :])
        return points


def can_lead(table: Table, draws: Draws) -> Table:
    """The candidates that may come among the first `PLACES` in some sample: all others are safely left out.

    First out are those that so many before them match or beat on every objective whatever is drawn; then those whose
    best score stays below what so many others, a pool of likely ones, reach in every sample.
    """
    table = table.kept(_matched_before(table) < PLACES)
    if len(table.rows) <= _FEW or not len(draws.shares):
        return table
    high, unknown = table.high, table.unknown
    # Each candidate's best score less the bar is one product of matrices.
    best = np.hstack([np.where(unknown, 0.0, high), unknown.astype(np.float64), -np.ones((len(high), 1))])
    weights = np.vstack([draws.shares, draws.shares * draws.shared, draws.shares[:1]])
    likely = np.argsort(-(high @ draws.shares.T.copy().mean(axis=0)), kind="stable")
    reaches = np.ones(len(table.rows), dtype=bool)
    for size in (_POOL // 8, _POOL):  # a few set a bar that leaves few to be held against the bar of many
        pool = np.zeros(len(reaches), dtype=bool)
        pool[:size] = pool[likely[:size]] = True
        # Who does not reach the lower bar is never among the first of the larger pool: its bar is the same without.
        weights[-1] = _bar(table.kept(pool & reaches), draws) - 1e-9
        left = np.flatnonzero(reaches)
        reaches[left] = _positive_somewhere(best[left], weights)
    reaches[0] = True  # the ranking's own winner, of which the result speaks
    return table.kept(reaches)


def _matched_before(table: Table) -> IntArray:
    """By how many of the first `_POOL` before it each candidate is matched or beaten, whatever is drawn."""
    low, high, unknown, same = table.low.T, table.high.T, table.unknown.T, _drawn_together(table).T
    size = len(table.rows)
    found, each = np.zeros(size, dtype=np.int64), np.arange(size)
    first = min(_POOL, size)
    step = max(1, _CELLS // max(1, size))
    for start in range(0, first, step):
        these = slice(start, min(start + step, first))
        matched = each > each[these, None]
        for o in range(len(low)):
            alike = (unknown[o, these, None] & unknown[o]) | ((same[o, these, None] == same[o]) & (same[o] >= 0))
            matched &= (low[o, these, None] >= high[o]) | alike
        found += matched.sum(axis=0)
    return found


def _drawn_together(table: Table) -> IntArray:
    """Ratings with the same number are equal in every sample, as they rest on one act alone; -1 for all others."""
    numbers = np.full(table.middle.shape, -1, dtype=np.int64)
    j, o = np.nonzero(table.moved & (table.voted == 0))
    keys = np.array([o, table.act[j], table.middle[j, o], table.down[j, o], table.up[j, o]])
    order = np.lexsort(keys)
    numbers[j[order], o[order]] = np.cumsum(np.r_[False, (np.diff(keys[:, order], axis=1) != 0).any(axis=0)])[: len(j)]
    return numbers


def _bar(pool: Table, draws: Draws) -> FloatArray:
    """What `PLACES` of these candidates reach in each sample."""
    bar = np.empty(draws.shares.shape[1])
    for part, scores in draws.scores(pool):
        scores.partition(-PLACES, axis=1)
        bar[part] = scores[:, -PLACES]
    return bar


def _positive_somewhere(rows: FloatArray, columns: FloatArray) -> Truths:
    """Which rows have a product with some column that is not negative."""
    found = np.zeros(len(rows), dtype=bool)
    for first in range(0, len(rows), _ROWS):
        left, start = np.arange(first, min(first + _ROWS, len(rows))), 0
        while len(left) and start < columns.shape[1]:
            width = max(1, _PRODUCT // (len(left) * rows.shape[1]))
            hit = (rows[left] @ columns[:, start : start + width]).max(axis=1) >= 0
            found[left[hit]] = True
            left, start = left[~hit], start + width
    return found


def batches(samples: int, size: int) -> Iterator[slice]:
    """The samples in batches, small enough for so many candidates at once."""
    step = max(1, min(_AT_ONCE, _CELLS // max(1, size)))
    for start in range(0, samples, step):
        yield slice(start, min(start + step, samples))
