"""Verdicts for every model at once, from the columns of the projection.

Choices and flags are judged once for each distinct value by `ontology.requirement.judge` itself; numbers are compared
as whole columns, which a test holds to the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dss.cost import CLOUD_FIELDS, OfferedCloud, offer_cloud, total_cost_usd
from ontology.requirement import (
    NUMERIC,
    Limit,
    Outcome,
    Relation,
    Requirement,
    Step,
    Verdict,
    judge,
    limits,
    shows_references,
)
from repository.projection import Coded, Column, FloatArray, IntArray, Projection

MET, VIOLATED, UNKNOWN = 0, 1, 2
_CODE = {Outcome.MET: MET, Outcome.VIOLATED: VIOLATED, Outcome.UNKNOWN: UNKNOWN}
_QUALITY_FIGURES = ("accuracy_percent", "metric_value")


@dataclass(frozen=True)
class Candidates:
    """Every model of the graph judged by one requirement."""

    requirement: Requirement
    limits: tuple[Limit, ...]
    projection: Projection
    outcomes: NDArray[np.int8]  # (limits, models): MET, VIOLATED or UNKNOWN
    cloud: OfferedCloud | None
    derived: Mapping[str, Column]  # columns that depend on the request, or on the evidence it accepts
    visible: NDArray[np.bool_]  # False for reference devices that were not asked for: they are in no answer

    @cached_property
    def violations(self) -> NDArray[np.int64]:
        """How many limits each model violates."""
        return np.asarray((self.outcomes == VIOLATED).sum(axis=0), np.int64)

    @cached_property
    def unknowns(self) -> NDArray[np.int64]:
        """For how many limits each model has no figure."""
        return np.asarray((self.outcomes == UNKNOWN).sum(axis=0), np.int64)

    @cached_property
    def matches(self) -> IntArray:
        """The models that meet every limit: no violation and no unknown."""
        return np.flatnonzero(self.visible & (self.violations == 0) & (self.unknowns == 0))

    @cached_property
    def would_match_if_measured(self) -> IntArray:
        """The models that violate nothing, but lack a figure that a limit asks for."""
        return np.flatnonzero(self.visible & (self.violations == 0) & (self.unknowns > 0))

    def column(self, figure: str) -> Column:
        """The values that a limit on `figure` judges."""
        found = self.derived.get(figure)
        return self.projection.columns[figure] if found is None else found

    def verdicts(self, row: int) -> tuple[Verdict, ...]:
        """The verdict on each limit for one model, in the order of the steps."""
        return tuple(self._verdict(limit, row) for limit in self.limits)

    def _verdict(self, limit: Limit, row: int) -> Verdict:
        if limit.field in CLOUD_FIELDS and self.cloud is not None:
            return next(v for v in self.cloud.verdicts if v.limit == limit)
        column = self.column(limit.figure)
        if isinstance(column, Coded):
            return judge(limit, column[row])
        return judge(limit, None if np.isnan(column[row]) else float(column[row]))

    def missing(self) -> dict[str, int]:
        """For each limit, how many models would match if only its figure were measured."""
        alone = self.would_match_if_measured[self.unknowns[self.would_match_if_measured] == 1]
        counts = (self.outcomes[:, alone] == UNKNOWN).sum(axis=1)
        return {limit.field: int(n) for limit, n in zip(self.limits, counts, strict=True) if n}

    def lacking(self) -> dict[Limit, int]:
        """For each limit, how many of those that would match if measured lack its figure."""
        counts = (self.outcomes[:, self.would_match_if_measured] == UNKNOWN).sum(axis=1)
        return {limit: int(n) for limit, n in zip(self.limits, counts, strict=True) if n}


@dataclass(frozen=True)
class Counts:
    """What the wizard shows beside every step."""

    total: int
    matches: int
    if_measured: int
    excludes_most: Limit | None  # the limit whose removal alone would let most models match
    without_it: int  # how many would match without that limit
    hidden: int = 0  # models on reference devices, which are left out


def find(requirement: Requirement, projection: Projection) -> Candidates:
    """Judge every model. Costs a few milliseconds for thousands of models."""
    asked = limits(requirement)
    cloud = offer_cloud(requirement, projection)
    derived = _derived(requirement, projection, cloud)
    outcomes = np.empty((len(asked), len(projection)), np.int8)
    for i, limit in enumerate(asked):
        if limit.field in CLOUD_FIELDS:
            assert cloud is not None
            outcomes[i] = _CODE[next(v.outcome for v in cloud.verdicts if v.limit == limit)]
        else:
            column = derived.get(limit.figure)
            outcomes[i] = judged(limit, projection.columns[limit.figure] if column is None else column)
    return Candidates(requirement, asked, projection, outcomes, cloud, derived, visible(requirement, projection))


def visible(requirement: Requirement, projection: Projection) -> NDArray[np.bool_]:
    """Which models may be in the answer: all but those on reference devices that are neither named nor asked for."""
    if shows_references(requirement):
        return np.ones(len(projection), bool)
    column = projection.columns["reference_device"]
    assert isinstance(column, Coded)
    reference = np.array([value is True for value in column.values])[column.codes]
    if requirement.device_names and reference.any():
        reference &= ~projection.models["device"].isin(requirement.device_names).to_numpy(dtype=bool)
    return ~reference


def counts(candidates: Candidates) -> Counts:
    """The live counts of one requirement."""
    unmet = candidates.outcomes != MET
    misses = unmet.sum(axis=0)
    matching = len(candidates.matches)
    alone = unmet[:, candidates.visible & (misses == 1)].sum(axis=1)
    worst = int(alone.argmax()) if len(alone) and alone.max() > 0 else None
    return Counts(
        total=int(candidates.visible.sum()),
        matches=matching,
        if_measured=len(candidates.would_match_if_measured),
        excludes_most=None if worst is None else candidates.limits[worst],
        without_it=matching if worst is None else matching + int(alone[worst]),
        hidden=int((~candidates.visible).sum()),
    )


def upto(requirement: Requirement, step: Step) -> Requirement:
    """The requirement as it stood after a step: later steps' fields back to their defaults."""
    order = list(Step)
    later: dict[str, Any] = {
        f.name: f.default
        for f in fields(Requirement)
        if "spec" in f.metadata and order.index(f.metadata["spec"].step) > order.index(step)
    }
    return replace(requirement, **later)


def judged(limit: Limit, column: Column) -> NDArray[np.int8]:
    """The outcome of one limit for every value of a column: MET, VIOLATED or UNKNOWN."""
    if isinstance(column, Coded):
        per_value = np.array([_CODE[judge(limit, v).outcome] for v in column.values], np.int8)
        return per_value[column.codes]
    if limit.relation not in NUMERIC or isinstance(limit.value, tuple):
        raise TypeError(f"{limit.field}: {limit.figure} is a number, but the limit is {limit.relation}")
    within = column <= limit.value if limit.relation is Relation.AT_MOST else column >= limit.value
    return np.where(np.isnan(column), UNKNOWN, np.where(within, MET, VIOLATED)).astype(np.int8)


def _derived(requirement: Requirement, projection: Projection, cloud: OfferedCloud | None) -> dict[str, Column]:
    """Columns that depend on the request: the total cost, and figures cut down to the evidence that it accepts."""
    derived: dict[str, Column] = {"total_cost_usd": total_cost_usd(requirement, projection, cloud)}
    weakest = requirement.evidence.rank
    for figure, ranks in projection.evidence.items():
        if (ranks > weakest).any():
            values = projection.columns[figure]
            assert not isinstance(values, Coded)
            derived[figure] = _without(values, ranks > weakest)
    # An accuracy counts only together with the metric and the data set that are asked of it.
    refused = np.zeros(len(projection), bool)
    for figure in _QUALITY_FIGURES:
        refused |= projection.evidence[figure] > weakest
    for name in ("metric", "test_set"):
        column = projection.columns[name]
        if refused.any() and isinstance(column, Coded):
            derived[name] = Coded(np.where(refused, len(column.values) - 1, column.codes), column.values)
    return derived


def _without(values: FloatArray, refused: NDArray[np.bool_]) -> FloatArray:
    return np.where(refused, np.nan, values)


__all__ = ["MET", "UNKNOWN", "VIOLATED", "Candidates", "Counts", "counts", "find", "judged", "upto", "visible"]
