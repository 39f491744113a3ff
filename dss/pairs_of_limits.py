"""What to relax when no single limit is enough: the smallest changes of two limits at once, and how many they admit.

A model that violates exactly two limits, and lacks no figure, is admitted by relaxing both as far as it needs. Of the
pairs of changes to the same two limits those are kept that no other undercuts: smaller in one and no larger in the
other (a Pareto set). Of pairs of equal size the one that admits most only together is kept, then the first by name.
What the model is for is never relaxed, and a limit without a figure is a matter of measuring, not of relaxing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dss.cost import CLOUD_FIELDS, judged_cloud, monthly_usd
from dss.matching import MET, Candidates, find, judged
from dss.near_misses import MEANT, NearMiss, is_fixed, narrowest, near_misses, with_name
from ontology.requirement import NUMERIC, Limit, Outcome, Relation, Requirement, Verdict
from repository.projection import FloatArray, IntArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class NearMissPair:
    """Two relaxations that help together: `admits` more models match, `together` of them only thanks to both.

    `first.admits` and `second.admits` say how many each would admit alone. `smallest` marks the pairs that no other
    pair, of whichever limits, undercuts in relative size (larger change against larger, smaller against smaller).
    """

    first: NearMiss
    second: NearMiss
    admits: int
    together: int
    smallest: bool = False

    @property
    def sizes(self) -> tuple[float, float]:
        """The relative sizes of the two changes, the larger first."""
        a, b = self.first.size, self.second.size
        return max(a, b), min(a, b)

    def apply(self, requirement: Requirement) -> Requirement:
        """The requirement with both relaxations."""
        return self.second.apply(self.first.apply(requirement))


def apply(requirement: Requirement, relaxation: NearMiss | NearMissPair) -> Requirement:
    """The requirement with a relaxation, single or double: what one click does."""
    return relaxation.apply(requirement)


def pairs(candidates: Candidates) -> tuple[NearMissPair, ...]:
    """Every smallest pair of relaxations, those marked `smallest` first, then by the larger and the smaller change."""
    found = [*_of_models(candidates), *_with_the_cloud(candidates)]
    sizes = [pair.sizes for pair in found]
    marked = [replace(pair, smallest=not _undercut(size, sizes)) for pair, size in zip(found, sizes, strict=True)]
    return tuple(sorted(marked, key=lambda p: (not p.smallest, *p.sizes, -p.admits, p.first.limit.field)))


def _undercut(size: tuple[float, float], sizes: list[tuple[float, float]]) -> bool:
    return any(other[0] <= size[0] and other[1] <= size[1] and other != size for other in sizes)


@dataclass(frozen=True)
class _Change:
    """One way in which a limit may give way: to each row's own number, to one more name, or wholly."""

    value: tuple[str, ...] | None
    rows: Mask  # of the rows under consideration those that it admits
    actual: FloatArray | None = None  # for a number: what each row has


def _of_models(candidates: Candidates) -> Iterator[NearMissPair]:
    unmet = candidates.outcomes != MET
    two = np.flatnonzero(candidates.visible & (candidates.violations == 2) & (candidates.unknowns == 0))
    usable = [_may_give_way(limit, candidates.requirement) for limit in candidates.limits]
    if not len(two):
        return
    firsts = unmet[:, two].argmax(axis=0)
    seconds = len(usable) - 1 - unmet[::-1, two].argmax(axis=0)
    for i, j in sorted(set(zip(firsts.tolist(), seconds.tolist(), strict=True))):
        if usable[i] and usable[j]:
            yield from _smallest_of(candidates, i, j, two[(firsts == i) & (seconds == j)])


def _may_give_way(limit: Limit, requirement: Requirement) -> bool:
    return limit.field not in MEANT and limit.field not in CLOUD_FIELDS and not is_fixed(limit, requirement)


def _smallest_of(candidates: Candidates, i: int, j: int, rows: IntArray) -> Iterator[NearMissPair]:
    """The Pareto set of the changes to limits i and j, over the rows that violate these two and nothing else."""
    one, other = candidates.limits[i], candidates.limits[j]
    points: list[tuple[int, NearMiss, NearMiss]] = []
    for a in _changes(candidates, one, rows):
        for b in _changes(candidates, other, rows):
            both = a.rows & b.rows
            if both.any():
                points += _points(one, other, a, b, both)
    points.sort(key=lambda p: (p[1].size, p[2].size, -p[0], str(p[1].value), str(p[2].value)))
    unmet = candidates.outcomes != MET
    met_one, met_other = ~unmet[i], ~unmet[j]
    fresh = candidates.visible & (unmet.sum(axis=0) - unmet[i] - unmet[j] == 0) & ~(met_one & met_other)
    least = np.inf
    for together, first, second in points:
        if second.size < least:  # sorted by the first size, so only a smaller second one is not undercut
            least = second.size
            meets_one, meets_other = _meets(candidates, first), _meets(candidates, second)
            yield NearMissPair(
                replace(first, admits=int((fresh & meets_one & met_other).sum())),
                replace(second, admits=int((fresh & met_one & meets_other).sum())),
                int((fresh & meets_one & meets_other).sum()),
                together,
            )


def _changes(candidates: Candidates, limit: Limit, rows: IntArray) -> list[_Change]:
    column = candidates.column(limit.figure)
    every = np.ones(len(rows), bool)
    if isinstance(column, np.ndarray):
        return [_Change(None, every, column[rows])]
    if limit.relation not in (Relation.ONE_OF, Relation.ONE_OF_IF_STATED):
        return [_Change(None, every)]
    codes = column.codes[rows]
    having: dict[str, Mask] = {}
    for code in np.unique(codes):
        value = column.values[code]
        for name in narrowest(candidates, limit, value) if isinstance(value, frozenset) else ():
            having[name] = having.get(name, ~every) | (codes == code)
    return [_Change(with_name(limit, name), mask) for name, mask in sorted(having.items())]


def _points(one: Limit, other: Limit, a: _Change, b: _Change, both: Mask) -> Iterator[tuple[int, NearMiss, NearMiss]]:
    """The smallest combinations of two changes: a single one, or a staircase where both are numbers."""
    needs_a, needs_b = _needed(one, a, both), _needed(other, b, both)
    least = np.inf
    for k in np.lexsort((needs_b, needs_a)):
        if needs_b[k] < least:
            least = needs_b[k]
            together = int(((needs_a <= needs_a[k]) & (needs_b <= needs_b[k])).sum())
            row = int(np.flatnonzero(both)[k])
            yield together, _relaxed(one, a, row), _relaxed(other, b, row)


def _needed(limit: Limit, change: _Change, rows: Mask) -> FloatArray:
    if change.actual is None:
        return np.zeros(int(rows.sum()))
    assert isinstance(limit.value, float | int)
    return np.abs(change.actual[rows] - limit.value)


def _relaxed(limit: Limit, change: _Change, row: int) -> NearMiss:
    if change.actual is None:
        return NearMiss(limit, change.value, 0)
    assert isinstance(limit.value, float | int)
    value = float(change.actual[row])
    return NearMiss(limit, value, 0, abs(value - limit.value))


def _meets(candidates: Candidates, miss: NearMiss) -> Mask:
    if miss.value is None:
        return np.ones(len(candidates.projection), bool)
    column = candidates.column(miss.limit.figure)
    return np.asarray(judged(replace(miss.limit, value=miss.value), column) == MET)


def _with_the_cloud(candidates: Candidates) -> Iterator[NearMissPair]:
    """Pairs in which the cloud gives way: it is chosen for the whole request, so each is tried by choosing it again.

    Nothing matches while no cloud fits, so every match below is admitted by the pair.
    """
    if candidates.cloud is None or candidates.cloud.fits:
        return
    p, asked = candidates.projection, candidates.requirement
    one_off, two_off = _clouds_that_miss(candidates)
    for first in one_off:
        after = find(first.apply(asked), p)
        for second in _next_to_give_way(after):
            admits = len(find(second.apply(after.requirement), p).matches)
            yield NearMissPair(
                replace(first, admits=len(after.matches)), replace(second, admits=0), admits, second.admits
            )
    for first, second in two_off:
        admits = len(find(second.apply(first.apply(asked)), p).matches)
        if admits:
            yield NearMissPair(first, second, admits, admits)


def _clouds_that_miss(candidates: Candidates) -> tuple[list[NearMiss], list[tuple[NearMiss, NearMiss]]]:
    """The smallest change of one of the cloud's limits, and of two, by which some cloud that has a price would fit."""
    limits = [limit for limit in candidates.limits if limit.field in CLOUD_FIELDS]
    one: dict[str, NearMiss] = {}
    two: dict[tuple[str, str], list[tuple[NearMiss, NearMiss]]] = {}
    for name, described in candidates.projection.clouds.items():
        missed = [v for v in judged_cloud(limits, name, described) if v.outcome is not Outcome.MET]
        if monthly_usd(described) is None or len(missed) not in (1, 2):
            continue
        changes = [_for_cloud(v) for v in missed]
        fields = tuple(c.limit.field for c in changes)
        if len(changes) == 1:
            if fields[0] not in one or changes[0].size < one[fields[0]].size:
                one[fields[0]] = changes[0]
        else:
            two.setdefault((fields[0], fields[1]), []).append((changes[0], changes[1]))
    kept = []
    for found in two.values():
        least = np.inf
        for first, second in sorted(found, key=lambda c: (c[0].size, c[1].size)):
            if second.size < least:
                least = second.size
                kept.append((first, second))
    return list(one.values()), kept


def _for_cloud(verdict: Verdict) -> NearMiss:
    limit, actual = verdict.limit, verdict.actual
    if limit.relation in NUMERIC and isinstance(actual, float):
        return NearMiss(limit, actual, 0, verdict.excess)
    if limit.relation is Relation.ONE_OF and isinstance(actual, frozenset):
        return NearMiss(limit, with_name(limit, min(actual)), 0)
    return NearMiss(limit, None, 0)


def _next_to_give_way(after: Candidates) -> Iterator[NearMiss]:
    """Of each limit but the cloud's the smallest useful change."""
    told: set[str] = set()
    for miss in near_misses(after):
        may_go = miss.value is not None or miss.limit.relation in (Relation.IS_TRUE, Relation.ALL_OF, Relation.NONE_OF)
        if may_go and _may_give_way(miss.limit, after.requirement) and miss.limit.field not in told:
            told.add(miss.limit.field)
            yield miss
