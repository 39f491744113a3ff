"""Ratings from 1 to 5, 5 best, derived from evidence by frozen quantiles and blended with users' votes.

A figure's rating is its place among the models of the same purpose at the time when the scales were frozen: 1 + 4 ×
the share of them that it beats, counting equals half. For accuracy they are also of one metric and one data set, of at
least five networks, each counted once a precision. Cost, latency and complexity are reverse scaled. Frozen scales mean
that adding or removing a model reverses no other two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

from dss.cost import OfferedCloud
from dss.matching import visible
from ontology.records import Objective, RatingScale
from ontology.requirement import Requirement
from repository.projection import Coded, FloatArray, Projection

LEAST_MEMBERS = 5
PRIOR = 3.0  # k: a derived rating weighs as much as so many votes
QUANTILES = 20  # steps between the 21 breakpoints of a scale
LOWEST, HIGHEST = 1.0, 5.0

GroupName = tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Basis:
    """A figure from which an objective's rating may be derived, and what its scale is made of."""

    objective: Objective
    figure: str
    higher_is_better: bool | None  # None: the metric says
    by_quality: bool = False  # compared only within one metric and one data set


# For each objective the first of its figures that a model has; for reliability the mean of all that it has.
BASES: tuple[Basis, ...] = (
    Basis(Objective.PERFORMANCE, "accuracy_percent", True, by_quality=True),
    Basis(Objective.PERFORMANCE, "metric_value", None, by_quality=True),
    Basis(Objective.RELIABILITY, "retained_percent", None, by_quality=True),
    Basis(Objective.RELIABILITY, "stability_percent", True),
    Basis(Objective.COST, "price_usd", False),
    Basis(Objective.LATENCY, "inference_latency_ms", False),
    Basis(Objective.LATENCY, "system_latency_ms", False),
    Basis(Objective.COMPLEXITY, "macs", False),
    Basis(Objective.COMPLEXITY, "parameters", False),
)


@dataclass(frozen=True)
class Ratings:
    """For each objective a rating of every model (NaN: no evidence), and the figure that it was derived from."""

    values: Mapping[Objective, FloatArray]
    figures: Mapping[Objective, np.ndarray]  # names of figures, "" for none
    votes: Mapping[Objective, FloatArray]  # how many votes went in


def freeze(projection: Projection, version: int, today: date) -> Iterator[RatingScale]:
    """The scales of the graph as it stands: one for each figure and group of at least five models.

    Models on reference devices are not among them: who chooses does not compare with a server.
    """
    offered, groups = visible(Requirement(), projection), projection.once(Groups)
    for basis in BASES:
        values = _numbers(projection, basis.figure)
        for group, rows in groups.of(basis).items():
            rows = rows[offered[rows] & ~np.isnan(values[rows])]
            if basis.by_quality:
                rows = _one_each(projection, rows)
            known = values[rows]
            if len(known) < LEAST_MEMBERS:
                continue
            purpose, metric, test_set = group
            points = np.quantile(known, np.linspace(0, 1, QUANTILES + 1))
            yield RatingScale(
                name="-".join(("v" + str(version), basis.figure.replace("_", "-"), *(g for g in group if g))),
                objective=basis.objective,
                purpose=purpose,
                metric=metric,
                test_set=test_set,
                scaled_figure=basis.figure,
                scale_version=version,
                members=len(known),
                breakpoints=" ".join(repr(float(p)) for p in points),
                obtained=today,
            )


def place(values: FloatArray, breakpoints: Sequence[float]) -> FloatArray:
    """The share of a scale's group that each value exceeds, equals counted half: 0 to 1, NaN stays NaN.

    Between two breakpoints the share is interpolated; a value that equals several breakpoints stands in their middle.
    """
    return places(values, [len(values)], [breakpoints])


def places(values: FloatArray, sizes: Sequence[int], scales: Sequence[Sequence[float]]) -> FloatArray:
    """The same on several scales: the first `sizes[0]` values are placed on `scales[0]`, the next on `scales[1]` …"""
    # All at once but for the search: there are many scales, and few values on each.
    left, right = np.empty((2, len(values)), dtype=np.int64)
    points, end = [np.asarray(scale, dtype=np.float64) for scale in scales], 0
    for size, own in zip(sizes, points, strict=True):
        part = slice(end, end := end + size)
        left[part], right[part] = own.searchsorted(values[part], "left"), own.searchsorted(values[part], "right")
    lengths = np.array([len(own) for own in points])
    first, steps = np.repeat(lengths.cumsum() - lengths, sizes), np.repeat(lengths - 1, sizes)
    point = np.concatenate(points)
    below, above = point[first + np.clip(left - 1, 0, steps)], point[first + np.clip(left, 0, steps)]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (left - 1 + (values - below) / (above - below)) / steps
    share = np.where(right > left, (left + right - 1) / 2 / steps, between)
    share = np.where(values < point[first], 0.0, np.where(values > point[first + steps], 1.0, share))
    return np.where(np.isnan(values), np.nan, share)


def rate(projection: Projection, cloud: OfferedCloud | None) -> Ratings:
    """The rating of every model on every objective, derived from evidence and blended with votes.

    blended = (k × derived + Σ votes) / (k + number of votes), k = 3; votes alone where nothing can be derived. Only
    security hangs on the cloud of a request; all else is worked out once for a projection and must not be written to.
    """
    rated = projection.once(_rate_without_cloud)
    if cloud is None:
        return rated
    secure = _blended(security(projection, cloud), *projection.once(Votes).of(Objective.SECURITY))
    return replace(rated, values={**rated.values, Objective.SECURITY: secure})


def _rate_without_cloud(projection: Projection) -> Ratings:
    size, votes = len(projection), projection.once(Votes)
    values: dict[Objective, FloatArray] = {}
    figures: dict[Objective, np.ndarray] = {}
    voted: dict[Objective, FloatArray] = {}
    for objective in Objective:
        if objective is Objective.SECURITY:
            derived = security(projection, None)
            used = np.where(np.isnan(derived), "", np.full(size, "security", dtype=object))
        else:
            derived, used = _derived(projection, objective)
        total, number = votes.of(objective)
        values[objective] = _blended(derived, total, number)
        figures[objective] = used
        voted[objective] = number
    for shared in (*values.values(), *figures.values(), *voted.values()):
        shared.setflags(write=False)
    return Ratings(values, figures, voted)


def _blended(derived: FloatArray, total: FloatArray, number: FloatArray) -> FloatArray:
    """Derived ratings with the sum and the number of each model's votes."""
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(number > 0, total / number, np.nan)
    return np.where(np.isnan(derived), alone, (PRIOR * derived + total) / (PRIOR + number))


def security(projection: Projection, cloud: OfferedCloud | None) -> FloatArray:
    """1, and 2 more when the input stays on the device, 1 when no cloud sees it or a shielded one, 1 for protocols.

    A model whose source gives it a cloud of its own, without saying what is processed where, has no rating.
    """
    shielded = cloud is None or cloud.described.get("shielded_execution") == "true"
    protocols = cloud is not None and bool(cloud.described.get("security_protocol"))
    own_cloud = pd.notna(projection.models["cloud"].to_numpy(dtype=object))
    return np.where(own_cloud, np.nan, 1.0 + 2.0 + float(shielded) + float(protocols))


def _derived(projection: Projection, objective: Objective) -> tuple[FloatArray, np.ndarray]:
    size, scaled = len(projection), projection.once(Scaled)
    total, number, used = np.zeros(size), np.zeros(size), np.full(size, "", dtype=object)
    for basis in (b for b in BASES if b.objective is objective):
        rating = scaled.ratings[basis]
        fresh = ~np.isnan(rating)
        if objective is not Objective.RELIABILITY:
            fresh &= number == 0
        total[fresh] += rating[fresh]
        number[fresh] += 1
        used[fresh] = basis.figure
    return np.where(number > 0, total / np.maximum(number, 1), np.nan), used


def _one_each(projection: Projection, rows: np.ndarray) -> np.ndarray:
    """Of each trained network in each precision one model; nothing when fewer than five networks are left.

    The same file on fourteen devices is one act of training: counted fourteen times it would only be compared with
    itself.
    """
    table = projection.models.loc[rows, ["trained", "network", "optimization"]]
    networks = table["trained"].fillna(table["network"])
    if networks.nunique() < LEAST_MEMBERS:
        return rows[:0]
    first = ~table.assign(trained=networks).duplicated(["trained", "optimization"]).to_numpy(dtype=bool)
    return np.asarray(rows[first])


class Scaled:
    """The figures of a projection's models on the frozen scales of their groups.

    `ratings` has for each basis a rating of every model, NaN where there is no figure or no scale.
    """

    def __init__(self, projection: Projection) -> None:
        groups, bases = projection.once(Groups), {(b.objective.value, b.figure): b for b in BASES}
        self._size = len(projection)
        # Of each basis the rows that a scale rates, its breakpoints, and whether higher is better.
        self._rated: dict[Basis, list[tuple[np.ndarray, FloatArray, bool]]] = {basis: [] for basis in BASES}
        for scale in projection.scales:
            if (basis := bases.get((scale.objective, scale.figure))) is None:
                continue
            rows = groups.of(basis).get((scale.purpose, scale.metric, scale.test_set))
            if rows is not None:
                higher = better_when_higher(projection, basis, scale.metric)
                self._rated[basis].append((rows, np.array(scale.breakpoints), higher))
        self.ratings = {basis: self.rate(basis, _numbers(projection, basis.figure)) for basis in BASES}

    def rate(self, basis: Basis, values: FloatArray) -> FloatArray:
        """The rating of other values in place of a basis's figures, such as those at the end of an interval."""
        rating = np.full(self._size, np.nan)
        if rated := self._rated[basis]:
            of_each, scales, directions = zip(*rated, strict=True)
            sizes, rows = [len(rows) for rows in of_each], np.concatenate(of_each)
            share, higher = places(values[rows], sizes, scales), np.repeat(directions, sizes)
            rating[rows] = LOWEST + (HIGHEST - LOWEST) * np.where(higher, share, 1.0 - share)
        return rating


def better_when_higher(projection: Projection, basis: Basis, metric: str | None) -> bool:
    """Which way a figure is better; where the basis leaves it open the metric's own direction counts."""
    if basis.higher_is_better is not None:
        return basis.higher_is_better
    return projection.higher_is_better.get(metric or "", True)


class Groups:
    """The rows that are compared with one another, found once for all the figures of a projection.

    Each group is named by (purpose, metric, data set); the last two are None where any will do.
    """

    def __init__(self, projection: Projection) -> None:
        keys = ("purpose", "metric", "test_set")
        self._coded = {k: pd.factorize(projection.models[k].to_numpy(dtype=object), sort=True) for k in keys}

    def of(self, basis: Basis) -> Mapping[GroupName, np.ndarray]:
        """The groups for one figure, in the order of their names."""
        return self._by_quality if basis.by_quality else self._by_purpose

    @cached_property
    def _by_quality(self) -> dict[GroupName, np.ndarray]:
        return {(names[0], names[1], names[2]): rows for names, rows in self._split("purpose", "metric", "test_set")}

    @cached_property
    def _by_purpose(self) -> dict[GroupName, np.ndarray]:
        return {(names[0], None, None): rows for names, rows in self._split("purpose")}

    def _split(self, *keys: str) -> Iterator[tuple[list[str], np.ndarray]]:
        """The rows that have all of the keys, by their values: what `groupby` gives, without a frame for each group."""
        found = [self._coded[key] for key in keys]
        number = np.zeros(len(found[0][0]), dtype=np.int64)
        usable = np.ones(len(number), dtype=bool)
        for codes, values in found:
            number = number * len(values) + codes
            usable &= codes >= 0
        rows = np.flatnonzero(usable)
        rows = rows[np.argsort(number[rows], kind="stable")]
        begins = np.flatnonzero(np.diff(number[rows], prepend=-1))
        for begin, end in pairwise([*begins.tolist(), len(rows)]):
            yield [str(values[codes[rows[begin]]]) for codes, values in found], rows[begin:end]


def _numbers(projection: Projection, figure: str) -> FloatArray:
    column = projection.columns[figure]
    assert not isinstance(column, Coded)
    return column


class Votes:
    """The votes of a projection's models: their number, sum, and sum of squares, of shape (objectives, models)."""

    def __init__(self, projection: Projection) -> None:
        order = {o.value: i for i, o in enumerate(Objective)}
        votes, shape = projection.votes, (3, len(order), len(projection))
        # Where nobody has voted one row of zeros is enough for all.
        number, total, squares = np.zeros(shape) if len(votes) else np.broadcast_to(np.zeros(shape[-1:]), shape)
        for model, objective, rating in zip(votes["model"], votes["objective"], votes["rating"], strict=True):
            if objective in order and model in projection.positions:
                at, given = (order[objective], projection.positions[model]), float(rating)
                number[at], total[at], squares[at] = number[at] + 1, total[at] + given, squares[at] + given**2
        self.number: FloatArray = number
        self.total: FloatArray = total
        self.squares: FloatArray = squares

    def of(self, objective: Objective) -> tuple[FloatArray, FloatArray]:
        """For each model the sum of its votes on one objective, and how many they are."""
        i = list(Objective).index(objective)
        return self.total[i], self.number[i]
