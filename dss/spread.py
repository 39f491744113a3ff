"""How far a rating may be off: the sampling error of the accuracy behind it, and the disagreement of its voters.

An accuracy found on n pictures has the standard error of a share, √(p (1 - p) / (n + 4)) with p drawn towards one half
by four pictures (Agresti and Coull, The American Statistician 52, 1998), so that 100 % of 10 is not taken for certain.
The rating's spread is what the frozen scale makes of one standard error more or less. Figures without a number of
examples (prices, latencies, measures that are no share) are taken as they are: nothing on record says how far they may
be off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dss.ratings import BASES, PRIOR, Basis, Ratings, Scaled, Votes, rate
from ontology.records import Objective
from repository.projection import Coded, FloatArray, IntArray, Projection

PRIOR_VARIANCE = 1.0  # of single votes, worth `PRIOR` votes: people who agree by chance are not taken for certain


@dataclass(frozen=True)
class Spread:
    """For each objective, and each model by its row: the change of its rating by one standard error, 0 for none.

    Models with the same `act` rest on the same act of obtaining figures, so they are off together; -1 for none.
    """

    down: Mapping[Objective, FloatArray]
    up: Mapping[Objective, FloatArray]
    voted: Mapping[Objective, FloatArray]
    act: IntArray


def spread(projection: Projection) -> Spread:
    """The spread of every rating, whatever the cloud; worked out once for a projection and not to be written to."""
    return projection.once(_spread)


def _spread(projection: Projection) -> Spread:
    size, rated, scaled = len(projection), rate(projection, None), projection.once(Scaled)
    nothing = np.zeros(size)
    down, up = dict.fromkeys(Objective, nothing), dict.fromkeys(Objective, nothing)
    accuracy, error = _accuracy(projection), accuracy_error(projection)
    for basis in BASES:
        if basis.figure == "accuracy_percent":
            shifts = (accuracy - error, accuracy + error)
            uses = rated.figures[basis.objective] == basis.figure
            share = np.ones(size)
        elif basis.figure == "retained_percent":
            retained = _numbers(projection, basis.figure)
            with np.errstate(divide="ignore", invalid="ignore"):
                relative = np.where(accuracy > 0, error / accuracy, np.nan)
            shifts = (retained * (1 - relative), retained * (1 + relative))
            uses = rated.figures[basis.objective] != ""
            share = _share_of_reliability(scaled, basis)
        else:
            continue
        at = scaled.ratings[basis]
        weight = np.where(uses, share, 0.0) * PRIOR / (PRIOR + rated.votes[basis.objective])
        low, high = (np.nan_to_num(scaled.rate(basis, shift) - at) * weight for shift in shifts)
        down[basis.objective], up[basis.objective] = low, high
    return Spread(down, up, {o: _voted(projection, rated, o) for o in Objective}, _acts(projection))


def accuracy_error(projection: Projection) -> FloatArray:
    """The standard error of each model's accuracy in percentage points, NaN where the number of examples is unknown."""
    rows = projection.figure_rows["accuracy_percent"]
    known = np.flatnonzero(rows >= 0)
    n = np.full(len(rows), np.nan)
    n[known] = pd.to_numeric(projection.performances["samples"].to_numpy(dtype=object)[rows[known]])
    p = (_accuracy(projection) / 100 * n + 2) / (n + 4)
    error: FloatArray = 100 * np.sqrt(np.clip(p * (1 - p), 0, None) / (n + 4))
    return error


def _accuracy(projection: Projection) -> FloatArray:
    return _numbers(projection, "accuracy_percent")


def _share_of_reliability(scaled: Scaled, basis: Basis) -> FloatArray:
    """Reliability is the mean of all the figures it can be derived from: the part that one of them has in it."""
    bases = [b for b in BASES if b.objective is basis.objective]
    number = sum((~np.isnan(scaled.ratings[b])).astype(np.float64) for b in bases)
    return np.asarray(1 / np.maximum(number, 1), dtype=np.float64)


def _acts(projection: Projection) -> IntArray:
    """For each model the act by which its accuracy was obtained; for a carried one, that from which it was carried."""
    rows = projection.figure_rows["accuracy_percent"]
    known = np.flatnonzero(rows >= 0)
    names = (projection.performances[name] for name in ("carried_from", "performance"))
    carried, own = (name.to_numpy(dtype=object)[rows[known]] for name in names)
    acts = np.full(len(rows), -1, dtype=np.int64)
    acts[known], _ = pd.factorize(np.where(pd.isna(carried), own, carried))
    return acts


def _voted(projection: Projection, rated: Ratings, objective: Objective) -> FloatArray:
    """The standard error of the mean vote, by its part in the blended rating."""
    votes = projection.once(Votes)
    (total, number), squares = votes.of(objective), votes.squares[list(Objective).index(objective)]
    if not number.any():
        return number
    with np.errstate(divide="ignore", invalid="ignore"):
        deviations = np.maximum(squares - total**2 / number, 0)
        variance = (PRIOR * PRIOR_VARIANCE + deviations) / (PRIOR + number)
        error = np.sqrt(variance / number)
    part = np.where(rated.figures[objective] == "", 1.0, number / (PRIOR + number))
    return np.where(number > 0, error * part, 0.0)


def _numbers(projection: Projection, figure: str) -> FloatArray:
    column = projection.columns[figure]
    if isinstance(column, Coded):
        raise TypeError(f"{figure} is a choice, not a number")
    return column
