"""Limits, verdicts and near misses in a reader's words, with labels instead of names and digits that are exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dss.cost import money
from dss.deployment import CostPart, Deployment, Gain, Method
from dss.near_misses import NearMiss
from dss.pairs_of_limits import NearMissPair
from dss.technique_notes import technique_sentence
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
    comma = "" if isinstance(miss.value, float | int) else ","
    return f"{change_words(miss, projection)}{comma} {_admits(miss.admits)}"


def near_miss_pair_words(pair: NearMissPair, projection: Projection) -> str:
    """`Inference latency 20 → 23 ms and Accuracy 80 → 78 %, together: admits 3 models`."""
    first, second = change_words(pair.first, projection), change_words(pair.second, projection)
    return f"{first} and {second}, together: {_admits(pair.admits)}"


def change_words(miss: NearMiss, projection: Projection) -> str:
    """What gives way: `Inference latency 20 → 23 ms`, `Precision: also allow float`, `Camera: give it up`."""
    limit = miss.limit
    if miss.value is None:
        return f"{limit.label}: give it up"
    if isinstance(miss.value, tuple):
        asked = limit.value if isinstance(limit.value, tuple) else ()
        added = ", ".join(named(limit.field, n, projection) for n in miss.value if n not in asked)
        verb = "also allow" if set(asked) < set(miss.value) else "ask for"
        return f"{limit.label}: {verb} {added}"
    return f"{limit.label} {precise(_number(limit))} → {precise(miss.value)} {limit.unit}".rstrip()


def _admits(number: int) -> str:
    return f"admits {number:,} {'model' if number == 1 else 'models'}"


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


METHODS: Mapping[Method, str] = {
    Method.STRONGER_DEVICE: "A stronger device",
    Method.FOG_NODE: "A fog node",
    Method.SHIELDED_CLOUD: "A shielded cloud",
}


def deployment_words(found: Deployment, projection: Projection) -> str:
    """`A stronger device: Samsung Galaxy S25, $7,990 (may be $5,993 to $13,983)`."""
    return f"{METHODS[found.method]}: {found.label}, {_total(found)}"


def deployment_sentences(found: Deployment, projection: Projection) -> list[str]:
    """What an alternative gains, costs, breaks and leaves open, with the evidence of each number."""
    told = [_gain_sentence(gain, projection) for gain in found.gains]
    told.append(f"Cost for this request: {', '.join(_part(part) for part in found.parts)}.")
    if found.total_usd is not None and found.low_usd != found.high_usd:
        told.append(f"In all {_total(found)}, since not every price is a quotation.")
    told += [f"It does not keep: {verdict_words(v, projection)}." for v in found.breaks]
    told.append(f"Not known: {_joined([u.value for u in found.unknown])}." if found.unknown else "Everything is known.")
    told.append(technique_sentence(found.note))
    return told


def _total(found: Deployment) -> str:
    if found.total_usd is None:
        known = [part.amount_usd for part in found.parts if part.amount_usd is not None]
        return f"{money(sum(known))} and what is not known" if known else "cost not known"
    if found.low_usd == found.high_usd:
        return money(found.total_usd)
    low, high = (money(end and float(round(end))) for end in (found.low_usd, found.high_usd))  # estimates: no cents
    return f"{money(found.total_usd)} (may be {low} to {high})"


def _part(part: CostPart) -> str:
    what = part.what if part.number == 1 else f"{part.number:,} × {part.what}"
    if part.monthly:
        what = f"{part.what} for {part.number:,} {'month' if part.number == 1 else 'months'}"
    if part.evidence is Grade.DECLARED and part.source.casefold().startswith("estimate"):
        return f"{what} {money(part.amount_usd)} (declared, an estimate)"
    return f"{what} {money(part.amount_usd)}" + (f" ({part.evidence.value})" if part.evidence else "")


def _gain_sentence(gain: Gain, projection: Projection) -> str:
    if not isinstance(gain.then, float | int) or isinstance(gain.then, bool):
        return f"It keeps: {limit_words(gain.limit, projection)}."
    now = f"{precise(gain.now)} {gain.limit.unit}".rstrip() if isinstance(gain.now, float | int) else "not known"
    how = f" ({gain.fact.evidence.value}, {gain.fact.source})" if gain.fact else ""
    return f"{gain.limit.label}: {now} now, {precise(float(gain.then))} {gain.limit.unit} there{how}."


def _joined(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{'; '.join(words[:-1])}; and {words[-1]}"
