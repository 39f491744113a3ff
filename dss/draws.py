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
_CELLS = 4_000_000  # candidates × samples that are held at once
_CACHED = 500  # samples that are looked at together to leave candidates out

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

    `shares` has one row a sample and one column an objective that counts, `shared` the ratings of all that have none.
    """

    shares: FloatArray
    shared: FloatArray
    seed: int
    made: dict[tuple[int, ...], FloatArray]

    @classmethod
    def of(cls, shares: FloatArray, seed: int) -> Draws:
        """The draws that belong to these weights."""
        shared = np.random.default_rng([seed, 1]).uniform(LOWEST, HIGHEST, shares.shape)
        return cls(shares, shared, seed, {})

    def errors(self, *what: int) -> FloatArray:
        """One standard normal error a sample, for an act (2, act) or a rating by votes (3, row, objective)."""
        if what not in self.made:
            drawn = np.random.default_rng([self.seed, *what]).standard_normal(len(self.shares))
            self.made[what] = np.clip(drawn, -_CUT, _CUT)
        return self.made[what]

    def scores(self, table: Table, part: slice) -> FloatArray:
        """The score of every candidate in these samples, shape (candidates, samples)."""
        shares = self.shares[part]
        scores = np.zeros((len(table.rows), len(shares)))
        for o in range(shares.shape[1]):  # in this order on every machine, so that sums are the same to the last digit
            given = np.repeat(np.nan_to_num(table.middle[:, o])[:, None], len(shares), axis=1)
            for j in np.flatnonzero(table.moved[:, o] | (table.voted[:, o] > 0)):
                if table.moved[j, o]:
                    z = self.errors(2, int(table.act[j]))[part]
                    given[j] += np.where(z > 0, z * table.up[j, o], -z * table.down[j, o])
                if table.voted[j, o] > 0:
                    given[j] += self.errors(3, int(table.rows[j]), o)[part] * table.voted[j, o]
                np.clip(given[j], LOWEST, HIGHEST, out=given[j])
            given[table.unknown[:, o]] = self.shared[part, o]
            given *= shares[:, o]
            scores += given
        return scores


def can_lead(table: Table, draws: Draws) -> Table:
    """The candidates that may come among the first `PLACES` in some sample: all others are safely left out.

    First out are those that so many before them match or beat on every objective whatever is drawn; then those whose
    best score stays below what so many others, a pool of likely ones, reach in every sample.
    """
    low, high, unknown, moved, unvoted = table.low, table.high, table.unknown, table.moved, table.voted == 0
    beaten = np.zeros(len(table.rows), dtype=np.int64)
    for i in range(min(_POOL, len(beaten))):
        together = (
            (table.act == table.act[i])[:, None] & moved & unvoted & unvoted[i]
            & (table.middle == table.middle[i]) & (table.down == table.down[i]) & (table.up == table.up[i])
        )  # fmt: skip
        matched = (low[i] >= high) | (unknown & unknown[i]) | together
        beaten += matched.all(axis=1) & (np.arange(len(beaten)) > i)
    table = table.kept(beaten < PLACES)
    if len(table.rows) <= _FEW or not draws.shares.shape[1]:
        return table
    high, unknown, samples = table.high, table.unknown, len(draws.shares)
    likely = np.zeros(len(table.rows), dtype=bool)
    likely[:_POOL] = True
    likely[np.argsort(-(high @ draws.shares.mean(axis=0)), kind="stable")[:_POOL]] = True
    pool, bar = table.kept(likely), np.empty(samples)
    for part in batches(samples, len(pool.rows)):
        bar[part] = np.partition(draws.scores(pool, part), -PLACES, axis=0)[-PLACES]
    # Each candidate's best score less the bar as one product of matrices, in parts that stay in the processor's cache.
    best = np.hstack([np.where(unknown, 0.0, high), unknown.astype(np.float64), -np.ones((len(high), 1))])
    weights = np.vstack([draws.shares.T, (draws.shares * draws.shared).T, bar - 1e-9])
    left, reaches = np.arange(len(best)), np.zeros(len(best), dtype=bool)
    for start in range(0, samples, _CACHED):
        hit = (best @ weights[:, start : start + _CACHED]).max(axis=1) >= 0
        reaches[left[hit]] = True
        left, best = left[~hit], best[~hit]
    reaches[0] = True  # the ranking's own winner, of which the result speaks
    return table.kept(reaches)


def batches(samples: int, size: int) -> Iterator[slice]:
    """The samples in batches that fit in memory for so many candidates."""
    step = max(1, _CELLS // max(1, size))
    for start in range(0, samples, step):
        yield slice(start, min(start + step, samples))
