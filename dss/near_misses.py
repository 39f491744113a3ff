"""What to relax when nothing fits, or little does: the smallest change of one limit, and how many it admits.

Here a single limit is changed at a time; `pairs_of_limits` changes two. A model is admitted by relaxing a limit when
that limit is the only one it does not meet; one that lacks the figure is admitted only by giving the limit up, or by
measuring.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dss.cost import CLOUD_FIELDS, HOURS_PER_MONTH
from dss.matching import MET, VIOLATED, Candidates, find, visible
from ontology.requirement import NUMERIC, Limit, Relation, Requirement, Verdict, spec
from repository.projection import Coded, FloatArray, IntArray

ONE_MORE_NAME = 1.0  # the size of allowing another name, beside the relative size of a number's change
GIVEN_UP = 2.0  # and of giving a limit up
_LADDER = (1, 5, 25)  # a number is relaxed to admit at least so many, as far as there are
_ALTERNATIVES = 4
MEANT = frozenset({"task", "business_focus"})  # what the model is for: nobody means another one


@dataclass(frozen=True)
class NearMiss:
    """One relaxation: set `field` to `value` (None: give it up) and `admits` more models match."""

    limit: Limit
    value: float | tuple[str, ...] | None
    admits: int
    excess: float | None = None  # how far a number has to give way, in the limit's unit

    @property
    def size(self) -> float:
        """How far the limit gives way in proportion, so that changes of different limits can be put in an order."""
        if self.excess is not None and isinstance(self.limit.value, float | int):
            return self.excess / max(abs(self.limit.value), 1e-9)
        return GIVEN_UP if self.value is None else ONE_MORE_NAME

    def apply(self, requirement: Requirement) -> Requirement:
        """The requirement with this relaxation."""
        given_up = () if isinstance(self.limit.value, tuple) else (False if self.limit.value is True else None)
        change: dict[str, Any] = {self.limit.field: given_up if self.value is None else self.value}
        return replace(requirement, **change)


@dataclass(frozen=True)
class Closest:
    """A model that does not match, with everything that it violates or lacks."""

    row: int
    verdicts: tuple[Verdict, ...]


def near_misses(candidates: Candidates) -> tuple[NearMiss, ...]:
    """Every useful single relaxation, those that give way least (relative to the limit) first."""
    found: list[NearMiss] = []
    only_one = candidates.visible & (candidates.violations == 1) & (candidates.unknowns == 0)
    misses_one = candidates.visible & (candidates.violations + candidates.unknowns == 1)
    for i, limit in enumerate(candidates.limits):
        if is_fixed(limit, candidates.requirement):
            continue
        rows = np.flatnonzero(only_one & (candidates.outcomes[i] == VIOLATED))
        given_up = int((misses_one & (candidates.outcomes[i] != MET)).sum()) if may_go(candidates, limit) else 0
        if limit.field in CLOUD_FIELDS:
            found += _cloud(candidates, limit)
        elif limit.relation in NUMERIC:
            found += _numeric(candidates, limit, rows)
        else:
            found += _choices(candidates, limit, rows, given_up)
    return tuple(sorted(found, key=_order))


def closest(candidates: Candidates, most: int = 5, among: IntArray | None = None) -> tuple[Closest, ...]:
    """The models that miss by least, one of each network.

    Those for the task that is asked for come first, then the fewest violations, the fewest unknowns, and the smallest
    relative excess.

    Of all models, or of the rows in `among`.
    """
    misses = candidates.violations * 1000 + candidates.unknowns
    # Those that violate nothing are listed apart, and reference devices are in no answer.
    misses = np.where((candidates.violations == 0) | ~candidates.visible, np.iinfo(np.int64).max, misses)
    if among is not None:
        misses = np.where(np.isin(np.arange(len(misses)), among), misses, np.iinfo(np.int64).max)
    excess = relative_excess(candidates)
    other = np.zeros(len(misses), bool)
    for i, limit in enumerate(candidates.limits):
        if limit.field in MEANT:
            other |= candidates.outcomes[i] == VIOLATED
    order = np.lexsort((np.arange(len(misses)), excess, misses, other))
    networks = candidates.projection.models["network"].to_numpy(dtype=object)
    found: dict[object, int] = {}
    for row in order:
        if misses[row] == np.iinfo(np.int64).max or len(found) == most:
            break
        found.setdefault(networks[row], int(row))
    return tuple(Closest(row, candidates.verdicts(row)) for row in found.values())


def relative_excess(candidates: Candidates) -> FloatArray:
    """How far each model lies beyond the limits that are numbers, each in proportion to its limit, in all."""
    excess = np.zeros(len(candidates.projection))
    for limit in candidates.limits:
        column = candidates.column(limit.figure) if limit.field not in CLOUD_FIELDS else None
        if limit.relation in NUMERIC and isinstance(column, np.ndarray) and isinstance(limit.value, float | int):
            over = (column - limit.value) * (1 if limit.relation is Relation.AT_MOST else -1)
            excess += np.nan_to_num(np.maximum(over, 0)) / max(abs(limit.value), 1e-9)
    return excess


def is_fixed(limit: Limit, requirement: Requirement) -> bool:
    """Whether a limit only says what another one means: which measure the value asked for is a value of."""
    return limit.field == "metric" and not (
        requirement.metric_value_at_least is None and requirement.metric_value_at_most is None
    )


def may_go(candidates: Candidates, limit: Limit) -> bool:
    """Whether a limit can be given up without hiding a reference device that it named."""
    if limit.field not in ("device_names", "device_types"):
        return True
    without = NearMiss(limit, None, 0).apply(candidates.requirement)
    return bool((visible(without, candidates.projection) >= candidates.visible).all())


def _order(miss: NearMiss) -> tuple[int, float, int]:
    """Numbers first, by how far they give way in proportion; then alternatives; then giving a limit up.

    What the model is for comes last: another task is hardly ever what was meant.
    """
    if miss.limit.field in MEANT:
        return 3, 0.0, -miss.admits
    if miss.excess is not None:
        return 0, miss.size, -miss.admits
    return (2 if miss.value is None else 1), 0.0, -miss.admits


def _numeric(candidates: Candidates, limit: Limit, rows: np.ndarray) -> Iterable[NearMiss]:
    column = candidates.column(limit.figure)
    assert isinstance(column, np.ndarray) and isinstance(limit.value, float | int)
    at_most = limit.relation is Relation.AT_MOST
    values = np.sort(column[rows]) if at_most else np.sort(column[rows])[::-1]
    steps = dict.fromkeys(_admitting(values, n) for n in _LADDER if n <= len(values))
    for value in steps:
        admits = int((values <= value).sum() if at_most else (values >= value).sum())
        yield NearMiss(limit, value, admits, abs(value - float(limit.value)))


def _admitting(values: np.ndarray, n: int) -> float:
    return float(values[n - 1])


def _choices(candidates: Candidates, limit: Limit, rows: np.ndarray, given_up: int) -> Iterable[NearMiss]:
    column = candidates.column(limit.figure)
    assert isinstance(column, Coded)
    enough = False
    if isinstance(limit.value, tuple) and limit.relation in (Relation.ONE_OF, Relation.ONE_OF_IF_STATED):
        seen: Counter[str] = Counter()
        for code, n in zip(*np.unique(column.codes[rows], return_counts=True), strict=True):
            value = column.values[code]
            if isinstance(value, frozenset):
                seen.update(dict.fromkeys(narrowest(candidates, limit, value), int(n)))
        for name, n in seen.most_common(0 if limit.field in MEANT else _ALTERNATIVES):
            enough = enough or n == given_up
            yield NearMiss(limit, with_name(limit, name), n)
    if given_up and not enough:  # giving the limit up is worth telling only where no alternative does as much
        yield NearMiss(limit, None, given_up)


def with_name(limit: Limit, name: str) -> tuple[str, ...]:
    """The names of a limit with one more; in place of the one asked for where only one can be."""
    assert isinstance(limit.value, tuple)
    return (name,) if spec(limit.field).single else (*limit.value, name)


def narrowest(candidates: Candidates, limit: Limit, names: frozenset[str]) -> frozenset[str]:
    """The names as stated, without the broader ones that follow from them."""
    prefix = spec(limit.field).vocabulary
    return names - {w for n in names for w in candidates.projection.with_broader(prefix, n) if w != n}


def _cloud(candidates: Candidates, limit: Limit) -> Iterable[NearMiss]:
    """The cloud is chosen for the whole request, so each relaxation is tried by choosing it again."""
    if candidates.cloud is None or candidates.cloud.fits:
        return
    without = NearMiss(limit, None, 0).apply(candidates.requirement)
    admits = len(find(without, candidates.projection).matches)
    if admits:
        yield NearMiss(limit, None, admits)
    if limit.relation is Relation.AT_MOST and isinstance(limit.value, float | int):
        column = {
            "cloud_monthly_usd": "price_usd_per_hour",
            "response_time_ms": "response_time_ms",
        }[limit.figure]
        factor = HOURS_PER_MONTH if column == "price_usd_per_hour" else 1.0
        for value in sorted({float(c[column]) * factor for c in candidates.projection.clouds.values() if column in c}):
            if value > limit.value:
                relaxed = NearMiss(limit, value, 0, value - float(limit.value))
                admits = len(find(relaxed.apply(candidates.requirement), candidates.projection).matches)
                if admits:
                    yield replace(relaxed, admits=admits)
                    return
