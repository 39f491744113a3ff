"""Acts of obtaining figures: which of a model's are current, and what stays of one when a part of it does not.

An act is current as a whole or not at all. Where some of its figures hold and others do not, the act becomes history,
and those that hold are current in a part of it, named after it: `p:local-1-rest`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Set
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import count

import pyoxigraph as ox

from ontology.records import Grade, camel, figure_kinds
from repository.change import Change, about
from repository.terms import curie_node, local, shortened

CURRENT, PERFORMANCE = curie_node(":current"), curie_node(":performance")
WITHDRAWN_AT, WITHDRAWN_BY, WITHDRAWN_BECAUSE = (
    curie_node(p) for p in ("prov:invalidatedAtTime", ":withdrawnBy", ":withdrawnBecause")
)
REGISTERED_AT = curie_node(":registeredAt")
_WITHDRAWAL = frozenset({WITHDRAWN_AT, WITHDRAWN_BY, WITHDRAWN_BECAUSE})
LATER = frozenset({CURRENT, REGISTERED_AT}) | _WITHDRAWAL
"""What may come to be said of an act after it has happened."""
_OBTAINED, _EVIDENCE = curie_node("prov:generatedAtTime"), curie_node(":evidence")
_FIGURES = frozenset(curie_node(f":{camel(kind.name)}") for kind in figure_kinds())
_QUALITY = frozenset(map(curie_node, (":accuracyPercent", ":metricValue")))
_SAID_OF_QUALITY = (
    "metric", "test_set", "samples", "original_value", "accuracy_low_percent", "accuracy_high_percent",
    "balanced_accuracy_percent", "precision_percent", "recall_percent", "f1_percent",
)  # fmt: skip
_OF_QUALITY = frozenset(curie_node(f":{camel(name)}") for name in _SAID_OF_QUALITY)
_STABILITY, _OF_STABILITY = (
    curie_node(":stabilityPercent"),
    frozenset(map(curie_node, (":stabilityVariance", ":folds"))),
)
_DETAIL = curie_node(":sourceDetail")
_PART = re.compile(r"(-rest(-[0-9]+)?)+")
_TRUE = ox.Literal(True)


def figures(change: Change, act: ox.NamedNode) -> frozenset[ox.NamedNode]:
    """The figures that an act gives, as properties."""
    return frozenset(q.predicate for q in change.of(act) if q.predicate in _FIGURES)


def is_current(change: Change, act: ox.NamedNode) -> bool:
    """Whether its figures are those that hold."""
    return any(q.predicate == CURRENT and q.object == _TRUE for q in change.of(act))


def set_current(change: Change, act: ox.NamedNode, current: bool) -> None:
    """Say of an act whether its figures hold from now on."""
    said = change.of(act)
    flags = {q for q in said if q.predicate == CURRENT}
    change.drop(flags)
    change.add(ox.Quad(act, CURRENT, ox.Literal(current), q.graph_name) for q in (flags or set(list(said)[:1])))


def day_of(change: Change, act: ox.NamedNode) -> str:
    """The day as of which it counts, as 2026-11-20: when it was obtained, else registered (UTC); else empty."""
    return _text(change, act, _OBTAINED) or _text(change, act, REGISTERED_AT)[:10]


def youth(change: Change, act: ox.NamedNode) -> tuple[str, int]:
    """Of two acts that give one figure the one with the greater youth counts: the later day, then better evidence."""
    grades = [local(q.object.value) for q in change.of(act) if q.predicate == _EVIDENCE and hasattr(q.object, "value")]
    return day_of(change, act), -min((Grade(g).rank for g in grades), default=len(Grade))


def registered(change: Change, act: ox.NamedNode) -> datetime:
    """When it was stored; the first moment of all where that is not known."""
    told = _text(change, act, REGISTERED_AT)
    return datetime.fromisoformat(told) if told else datetime.min.replace(tzinfo=UTC)


def told_withdrawn(change: Change, act: ox.NamedNode) -> str | None:
    """The sentence that says by whom and why it was withdrawn; None where it was not."""
    day, by, because = (_text(change, act, p) for p in (WITHDRAWN_AT, WITHDRAWN_BY, WITHDRAWN_BECAUSE))
    return withdrawn_words(shortened(act.value), day, by, because) if day else None


def withdrawn_words(short: str, day: str, by: str, because: str) -> str:
    """The same from its parts."""
    return f"{short} was withdrawn on {day} by {by}: {because}; it counts no more, so register a later act anew"


def _text(change: Change, act: ox.NamedNode, predicate: ox.NamedNode) -> str:
    found = (q.object for q in change.of(act) if q.predicate == predicate)
    return next((o.value for o in found if isinstance(o, ox.Literal)), "")


def claimed_words(short: str) -> str:
    """The sentence for an act that says of itself that DLOM measured it, which only DLOM can know."""
    return (
        f"{short} says :evidence :measured, which is for what was measured by DLOM itself; write :declared, or have it "
        "measured here: ./dlom register with the model file"
    )


def to_come_words(short: str, day: date) -> str:
    """The sentence for an act of a day after `latest_day`."""
    return f"{short} is of {day.isoformat()}, which is in the future; write the day on which it was obtained"


def latest_day() -> date:
    """The latest day that has begun anywhere on Earth."""
    return datetime.now(timezone(timedelta(hours=14))).date()


def is_part(act: ox.NamedNode, of: ox.NamedNode) -> bool:
    """Whether an act holds a part of the figures of another."""
    return act.value.startswith(of.value) and bool(_PART.fullmatch(act.value[len(of.value) :]))


def keep_part(change: Change, model: ox.NamedNode, act: ox.NamedNode, kept: Set[ox.NamedNode], why: str) -> None:
    """Have some of an act's figures current in a part of it, which `model` names among its performances."""
    part = _free(change, f"{act.value}-rest")
    said = change.of(act)
    dropped = (_FIGURES - kept) | _WITHDRAWAL | {CURRENT} | {_DETAIL}
    dropped |= (set() if kept & _QUALITY else _OF_QUALITY) | (set() if _STABILITY in kept else _OF_STABILITY)
    change.add(ox.Quad(part, q.predicate, q.object, q.graph_name) for q in said if q.predicate not in dropped)
    home = next(q.graph_name for q in said)
    told = next(
        (f"{q.object.value}; " for q in said if q.predicate == _DETAIL and isinstance(q.object, ox.Literal)), ""
    )
    note = f"{told}the figures of {shortened(act.value)} {why}"
    change.add([
        ox.Quad(part, CURRENT, _TRUE, home),
        ox.Quad(part, _DETAIL, ox.Literal(note), home),
        ox.Quad(model, PERFORMANCE, part, home),
    ])  # fmt: skip


def origin(act: ox.NamedNode, among: Collection[ox.NamedNode]) -> ox.NamedNode:
    """The act that another one of the same model is a part of; itself when it is whole."""
    return min((a for a in among if is_part(act, a)), key=lambda a: len(a.value), default=act)


def _free(change: Change, wanted: str) -> ox.NamedNode:
    """That name, or with a number after it, so that an earlier part is not written over."""
    for number in count(1):
        name = ox.NamedNode(wanted if number == 1 else f"{wanted}-{number}")
        if not change.of(name) and not about(change.graph, {name}):
            return name
    raise AssertionError("counting does not end")
