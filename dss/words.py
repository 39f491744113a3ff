"""Limits, verdicts and near misses in a reader's words, with labels instead of names and digits that are exact."""

from __future__ import annotations

from collections.abc import Mapping

from dss.near_misses import NearMiss
from ontology.records import Grade
from ontology.requirement import Limit, Outcome, Relation, Verdict, spec
from repository.projection import Projection

SHAPES: Mapping[Grade, str] = {
    Grade.MEASURED: "●",
    Grade.PUBLISHED: "◆",
    Grade.LITERATURE: "▲",
    Grade.DECLARED: "○",
    Grade.PREDICTED: "?",
}
"""The mark of each grade of evidence, always shown beside its word."""


def limit_words(limit: Limit, projection: Projection) -> str:
    """`Inference latency at most 20 ms`, `Task: object detection`."""
    if limit.relation is Relation.IS_TRUE:
        return limit.label
    if isinstance(limit.value, tuple):
        names = [named(limit.field, n, projection) for n in limit.value]
        joined = {Relation.ALL_OF: " and ", Relation.NONE_OF: ", not "}.get(limit.relation, " or ").join(names)
        return f"{limit.label}: {'not ' if limit.relation is Relation.NONE_OF else ''}{joined}"
    return f"{limit.label} {limit.relation.value} {precise(float(limit.value))} {limit.unit}".rstrip()


def near_miss_words(miss: NearMiss, projection: Projection) -> str:
    """`Inference latency 20 → 23 ms admits 3 models`."""
    limit = miss.limit
    models = f"admits {miss.admits:,} {'model' if miss.admits == 1 else 'models'}"
    if miss.value is None:
        return f"{limit.label}: give it up, {models}"
    if isinstance(miss.value, tuple):
        asked = limit.value if isinstance(limit.value, tuple) else ()
        added = ", ".join(named(limit.field, n, projection) for n in miss.value if n not in asked)
        verb = "also allow" if set(asked) < set(miss.value) else "ask for"
        return f"{limit.label}: {verb} {added}, {models}"
    change = f"{limit.label} {precise(_number(limit))} → {precise(miss.value)} {limit.unit}".rstrip()
    return f"{change} {models}"


def verdict_words(verdict: Verdict, projection: Projection) -> str:
    """`Inference latency at most 20 ms: has 23 ms, 3 over`; or that it is not known."""
    asked = limit_words(verdict.limit, projection)
    if verdict.outcome is Outcome.UNKNOWN:
        return f"{asked}: not known"
    if verdict.excess is not None and isinstance(verdict.actual, float | int):
        beyond = "over" if verdict.limit.relation is Relation.AT_MOST else "short"
        has = f"{precise(float(verdict.actual))} {verdict.limit.unit}".rstrip()
        return f"{asked}: has {has}, {precise(verdict.excess)} {beyond}"
    if isinstance(verdict.actual, frozenset):
        has = ", ".join(sorted(named(verdict.limit.field, n, projection) for n in verdict.actual))
        return f"{asked}: has {has or 'none'}"
    return f"{asked}: no" if verdict.outcome is Outcome.VIOLATED else f"{asked}: yes"


def named(field: str, name: str, projection: Projection) -> str:
    """The label of one choice of a field."""
    return projection.label(spec(field).vocabulary, name)


def precise(value: float) -> str:
    """A number with all the digits that it was given with, so that a reader can type it back."""
    return f"{value:,.10g}"


def _number(limit: Limit) -> float:
    if isinstance(limit.value, tuple):
        raise TypeError(f"{limit.field} is a choice, not a number")
    return limit.value
