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

import numpy as np
import pandas as pd

from dss.cost import OfferedCloud
from dss.matching import visible
from ontology.records import Objective, RatingScale
from ontology.requirement import Requirement
from repository.projection import Coded, FloatArray, Projection, Scale

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
    points = np.asarray(breakpoints, dtype=np.float64)
    steps = len(points) - 1
    left, right = np.searchsorted(points, values, "left"), np.searchsorted(points, values, "right")
    below, above = points[np.clip(left - 1, 0, steps)], points[np.clip(left, 0, steps)]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (left - 1 + (values - below) / (above - below)) / steps
    share = np.where(right > left, (left + right - 1) / 2 / steps, between)
    share = np.where(values < points[0], 0.0, np.where(values > points[-1], 1.0, share))
    return np.where(np.isnan(values), np.nan, share)


def rate(projection: Projection, cloud: OfferedCloud | None) -> Ratings:
    """The rating of every model on every objective, derived from evidence and blended with votes.

    blended = (k × derived + Σ votes) / (k + number of votes), k = 3; votes alone where nothing can be derived. Only
    security hangs on the cloud of a request; all else is worked out once for a projection and must not be written to.
    """
    rated = projection.once(_rate_without_cloud)
    if cloud is None:
        return rated
    secure = _blended(security(projection, cloud), *_votes(projection, Objective.SECURITY))
    return replace(rated, values={**rated.values, Objective.SECURITY: secure})


def _rate_without_cloud(projection: Projection) -> Ratings:
    size = len(projection)
    values: dict[Objective, FloatArray] = {}
    figures: dict[Objective, np.ndarray] = {}
    voted: dict[Objective, FloatArray] = {}
    for objective in Objective:
        if objective is Objective.SECURITY:
            derived, used = security(projection, None), np.full(size, "security", dtype=object)
        else:
            derived, used = _derived(projection, objective)
        total, number = _votes(projection, objective)
        values[objective] = _blended(derived, total, number)
        figures[objective] = np.where(np.isnan(derived), "", used)
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
    own_cloud = projection.models["cloud"].notna().to_numpy()
    return np.where(own_cloud, np.nan, 1.0 + 2.0 + float(shielded) + float(protocols))


def _derived(projection: Projection, objective: Objective) -> tuple[FloatArray, np.ndarray]:
    size = len(projection)
    total, number, used = np.zeros(size), np.zeros(size), np.full(size, "", dtype=object)
    for basis in (b for b in BASES if b.objective is objective):
        rating = by_scale(projection, basis)
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


def by_scale(projection: Projection, basis: Basis, values: FloatArray | None = None) -> FloatArray:
    """The rating of every model's figure on the frozen scale of its group, NaN where there is no figure or no scale.

    `values` stand in for the figures, such as those at the end of an interval; same unit, one for each model.
    """
    rating = np.full(len(projection), np.nan)
    if values is None:
        values = _numbers(projection, basis.figure)
    scales = {
        (s.purpose, s.metric, s.test_set): s
        for s in projection.scales
        if s.figure == basis.figure and s.objective == basis.objective.value
    }
    for group, rows in projection.once(Groups).of(basis).items():
        scale: Scale | None = scales.get(group)
        if scale is None:
            continue
        share = place(values[rows], scale.breakpoints)
        if not better_when_higher(projection, basis, group[1]):
            share = 1.0 - share
        rating[rows] = LOWEST + (HIGHEST - LOWEST) * share
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
        self._models = projection.models

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
        found = [pd.factorize(self._models[key], sort=True) for key in keys]
        number = np.zeros(len(self._models), dtype=np.int64)
        usable = np.ones(len(self._models), dtype=bool)
        for codes, values in found:
            number = number * len(values) + codes
            usable &= codes >= 0
        rows = np.flatnonzero(usable)
        rows = rows[np.argsort(number[rows], kind="stable")]
        for part in np.split(rows, np.flatnonzero(np.diff(number[rows])) + 1):
            if len(part):
                yield [str(values[codes[part[0]]]) for codes, values in found], part


def _numbers(projection: Projection, figure: str) -> FloatArray:
    column = projection.columns[figure]
    assert not isinstance(column, Coded)
    return column


def _votes(projection: Projection, objective: Objective) -> tuple[FloatArray, FloatArray]:
    """For each model the sum of its votes on one objective, and how many they are."""
    total, number = np.zeros(len(projection)), np.zeros(len(projection))
    if projection.votes.empty:
        return total, number
    votes = projection.votes[projection.votes["objective"] == objective.value]
    for model, rating in zip(votes["model"], votes["rating"], strict=True):
        row = projection.positions.get(model)
        if row is not None:
            total[row] += float(rating)
            number[row] += 1
    return total, number
