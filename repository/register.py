"""New knowledge into the graph, in one change or not at all: measured models, an engineer's own figures.

What is registered is checked first: by the rules of `ontology/shapes.ttl`, together with what it links to, and every
link must lead somewhere. A performance is an act that has happened: it never changes, and when a younger one gives
the same figure, the younger one is current and the older one stays as history, whichever arrives first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pyoxigraph as ox

from ontology.records import (
    Artifact,
    Cloud,
    DataSet,
    Device,
    MeasurementRun,
    Model,
    Network,
    Optimization,
    Part,
    Performance,
    Record,
    Runtime,
    Source,
    TrainedNetwork,
)
from repository.acts import LATER, day_of, figures, is_current, keep_part, set_current, told_withdrawn, youth
from repository.change import (
    Change,
    RegistrationError,
    about,
    broken_rules,
    canonical,
    graphs,
    unresolved,
    write,
)
from repository.graph import EmbeddedGraph
from repository.load import CATALOG, digests
from repository.sources.rows import Room
from repository.terms import curie_node, node, shortened
from repository.triples import RDF_TYPE, quads

LOCAL = Source(name="local", label="This installation", title="Measured or registered on this installation")
_ROOMS: Mapping[type[Record], Room] = {
    Network: Room.IDENTITIES,
    DataSet: Room.IDENTITIES,
    Optimization: Room.IDENTITIES,
    Runtime: Room.IDENTITIES,
    TrainedNetwork: Room.NETWORKS,
    Device: Room.DEVICES,
    Cloud: Room.CLOUDS,
    Model: Room.MODELS,
    Performance: Room.MODELS,
    Part: Room.MODELS,
    Artifact: Room.MODELS,
    MeasurementRun: Room.MODELS,
}
_LABEL, _PERFORMANCE, _SOURCE = (
    curie_node("rdfs:label"),
    curie_node(":performance"),
    curie_node("prov:hadPrimarySource"),
)
_FILE_NAME = curie_node(":fileName")
_MEASURED = curie_node(":measured")
MEASURED_WITH = frozenset(map(curie_node, (":device", ":runtime", ":artifact")))
"""What of a model a measured figure holds for."""
REPLACED_BY = curie_node("dcterms:isReplacedBy")
# What the reviewed names say of a device lies with the identities; its specification is a table of its own.
_OF_IDENTITY = frozenset({RDF_TYPE, _LABEL, *map(curie_node, (":deviceType", ":soldSingly", ":variantOf"))})
_ACTS = (Performance, MeasurementRun)  # they have happened, and do not change


@dataclass(frozen=True)
class Registered:
    """What a registration changed, as short names (`m:local-1`); both are empty when all was known already.

    `history` says of new performances that they are older than what counts, and `withdrawn` which of the given ones
    were taken back, by whom and why: a sentence each, that begins with the short name.
    """

    new: tuple[str, ...]
    updated: tuple[str, ...]
    history: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()


@dataclass
class _Told:
    history: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)


def register(
    graph: EmbeddedGraph, records: Sequence[Record], *, source: Source = LOCAL, at: datetime | None = None
) -> Registered:
    """Store the records in the graphs of `source`: all of them in one change, or none.

    The same records again change nothing. What a record leaves out (None) stays as it is in the graph; what it says
    replaces what the same source said. A performance is added to those that its model has, with the moment `at` (now)
    of its registration. Of each figure the youngest performance is current: by the day on which it was obtained, or
    registered where that is not said; of one day the one on stronger evidence, then the later registration. Raises
    RegistrationError, with every reason, when a rule is broken, a link leads nowhere, or another source says something
    else. A reader, or a kill at any moment, finds the graph as it was or with all of it.
    """
    with graph.lock:
        change, told = _planned(graph, records, source, at)
        done = _done(change, told)
        if change.added or change.removed:
            write(graph, change.removed, change.added)
            graph.settle()
    return done


def trial(graph: EmbeddedGraph, records: Sequence[Record], *, source: Source = LOCAL) -> Registered:
    """What `register` would answer, or raise. Nothing is stored."""
    with graph.lock:
        return _done(*_planned(graph, records, source))


def _done(change: Change, told: _Told) -> Registered:
    if change.reasons:
        raise RegistrationError(change.reasons)
    touched = {q.subject for q in change.added | change.removed if q.graph_name != CATALOG}
    named = {s: shortened(s.value) for s in touched if isinstance(s, ox.NamedNode)}
    new = {name for s, name in named.items() if not change.stood.get(s)}
    updated = tuple(sorted(set(named.values()) - new))
    return Registered(tuple(sorted(new)), updated, tuple(told.history), tuple(told.withdrawn))


def faults(graph: EmbeddedGraph, records: Sequence[Record], *, source: Source = LOCAL) -> tuple[str, ...]:
    """Why `register` would refuse these records; empty when it would store them. Nothing is stored."""
    with graph.lock:
        return tuple(dict.fromkeys(_planned(graph, records, source)[0].reasons))


def _planned(
    graph: EmbeddedGraph, records: Sequence[Record], source: Source, at: datetime | None = None
) -> tuple[Change, _Told]:
    told = _Told()
    given, reasons = _distinct(records)
    if source.name in digests(graph):
        reasons.append(f"src:{source.name} is loaded from shipped tables; register under a source of your own")
    reasons += _misplaced(given, source)
    if reasons:
        return Change(graph, source, {}, reasons=reasons), told
    subjects = {node(r.prefix, r.name): r for r in (source, *given)}
    change = Change(graph, source, about(graph, set(subjects)))
    moment = datetime.now(UTC) if at is None else at
    for subject, record in subjects.items():
        _plan(change, subject, record, moment)
        if isinstance(record, Performance) and (said := told_withdrawn(change, subject)):
            told.withdrawn.append(said)
    for model in (r for r in given if isinstance(r, Model)):
        told.history += _supersede(change, model)
    change.reasons += _owned(graph, given)
    change.reasons += unresolved(graph, given, set(subjects))
    _list_graphs(change)
    if not change.reasons and (change.added or change.removed):
        change.reasons += broken_rules(change)
    return change, told


def _distinct(records: Sequence[Record]) -> tuple[list[Record], list[str]]:
    found: dict[tuple[str, str], Record] = {}
    reasons = []
    for record in records:
        if found.setdefault((record.prefix, record.name), record) != record:
            reasons.append(f"{record.prefix}:{record.name} is given twice with different content; give it once")
    return list(found.values()), reasons


def _misplaced(records: Sequence[Record], source: Source) -> list[str]:
    reasons = []
    named = {name for r in records if isinstance(r, Model) for name in r.performance or ()}
    for r in records:
        short = f"{r.prefix}:{r.name}"
        if type(r) not in _ROOMS and r != source:
            reasons.append(f"{short}: a {type(r).__name__} is not registered in this way")
        if isinstance(r, Model | Performance) and r.source not in (None, source.name):
            reasons.append(f"{short} says it is from src:{r.source}, but is registered from src:{source.name}")
        if isinstance(r, Performance) and (r.withdrawn_at or r.withdrawn_by or r.withdrawn_because):
            reasons.append(f"{short} says that it was withdrawn; register it without that, and withdraw it then")
        if isinstance(r, Performance) and r.registered_at is not None:
            reasons.append(f"{short} says when it was registered; leave that out, since it is set when it is stored")
        if isinstance(r, Performance) and r.name not in named:
            reasons.append(f"{short} belongs to no model; name it among the performances of its model")
    return reasons


def _plan(change: Change, subject: ox.NamedNode, record: Record, moment: datetime) -> None:
    """What the record adds to, and replaces of, what its source has said; or why it may not."""
    stood = change.stood.get(subject, set())
    own = {q for q in stood if q.graph_name in graphs(change.source)}
    others = stood - own
    short = f"{record.prefix}:{record.name}"
    if isinstance(record, Model) and others:
        change.reasons.append(f"{short} is a model of another source; register yours under a name of its own")
        return
    if isinstance(record, Model) and record.replaced_by is not None:
        successor = node("m", record.replaced_by)
        if not any(q.predicate == REPLACED_BY and q.object == successor for q in stood):
            change.reasons.append(replaced_words(short))
            return
    if isinstance(record, Performance) and not stood:
        record = replace(record, registered_at=moment, current=record.current is not False)
    said: dict[ox.NamedNode, set[ox.Quad]] = defaultdict(set)
    for quad in canonical(_placed(record, change.source)):
        said[quad.predicate].add(quad)
    if isinstance(record, _ACTS) and stood:
        known, now = ({(q.predicate, q.object) for q in s} for s in (stood, {q for s in said.values() for q in s}))
        if differing := {p for p, _ in known ^ now} - LATER:
            told = ", ".join(sorted(shortened(p.value) for p in differing))
            change.reasons.append(
                f"{short} is registered already and differs in {told}; it has happened and does not change, "
                "so give a later one a name of its own"
            )
        return
    for predicate, statements in said.items():
        elsewhere = {q.object for q in others if q.predicate == predicate}
        before = {q for q in own if q.predicate == predicate}
        if elsewhere:
            objects = {q.object for q in statements}
            if not objects <= elsewhere and predicate not in (_LABEL, _FILE_NAME):  # of names the first one stays
                change.reasons.append(
                    f"{short} {shortened(predicate.value)} is known as {_shown(elsewhere)}, and {_shown(objects)} "
                    "contradicts it; leave it out, or describe a thing of your own under another name"
                )
            continue
        if isinstance(record, Model) and predicate == _PERFORMANCE:
            before = set()  # those it has stay
        replaced = before - statements
        if replaced and predicate in MEASURED_WITH and isinstance(record, Model) and _is_measured(change, stood):
            earlier, later = (_shown({q.object for q in s}) for s in (replaced, statements))
            change.reasons.append(
                f"{short} {shortened(predicate.value)} is {earlier} on record, where DLOM measured it, and {later} "
                "contradicts it; describe a model of your own under another name"
            )
            continue
        change.add(statements - own)
        change.removed |= replaced


def _is_measured(change: Change, stood: Iterable[ox.Quad]) -> bool:
    """Whether a model of which this is said has a performance that DLOM measured."""
    acts = {q.object for q in stood if q.predicate == _PERFORMANCE and isinstance(q.object, ox.NamedNode)}
    return any(q.object == _MEASURED for said in about(change.graph, acts).values() for q in said)


def _owned(graph: EmbeddedGraph, given: Sequence[Record]) -> Iterable[str]:
    """The acts that a model names as its own and that are another's, a sentence each."""
    owners: dict[ox.NamedNode, ox.NamedNode] = {}
    for model in (r for r in given if isinstance(r, Model)):
        for act in (node("p", name) for name in model.performance or ()):
            subject = node("m", model.name)
            owner = owners.setdefault(act, subject)
            stood = {q.subject for q in graph.quads(None, None, _PERFORMANCE, act)} - {subject}
            for other in stood | ({owner} - {subject}):
                yield owned_words(act, other)


def owned_words(act: ox.NamedNode, owner: object) -> str:
    """The sentence for an act that a second model names as its own."""
    whose = shortened(owner.value) if isinstance(owner, ox.NamedNode) else str(owner)
    return f"{shortened(act.value)} is of {whose} already; a performance is of one model: name another"


def replaced_words(short: str) -> str:
    """The sentence for a model that says of itself that it is replaced."""
    return f"{short} says that it is replaced; register it without that, and replace it then, since someone decides it"


def _supersede(change: Change, model: Model) -> list[str]:
    """Have the youngest act that gives a figure be current for it; the given ones that are older, as sentences."""
    subject = node(model.prefix, model.name)
    fresh = [p for name in model.performance or () if not change.stood.get(p := node("p", name))]
    fresh = [p for p in fresh if is_current(change, p)]
    older = [q.object for q in change.stood.get(subject, ()) if q.predicate == _PERFORMANCE]
    change.stood.update(about(change.graph, {p for p in older if isinstance(p, ox.NamedNode)}))
    holder = {f: p for p in older if isinstance(p, ox.NamedNode) and is_current(change, p) for f in figures(change, p)}
    # Of two of one youth the fresh one is current, since it was registered later.
    late = {
        p: {f for f in figures(change, p) if f in holder and youth(change, holder[f]) > youth(change, p)} for p in fresh
    }
    renewed = {f for p in fresh for f in figures(change, p) - late[p]}
    for performance in sorted(set(holder.values()), key=str):
        held = figures(change, performance)
        if renewed & held:
            set_current(change, performance, False)
            if held - renewed:
                keep_part(change, subject, performance, held - renewed, "that were not taken again")
    for performance, lost in late.items():
        if lost:
            set_current(change, performance, False)
            if kept := figures(change, performance) - lost:
                keep_part(change, subject, performance, kept, "of which there are no younger ones")
    return [_told_late(change, p, {f: holder[f] for f in lost}) for p, lost in late.items() if lost]


def _told_late(change: Change, act: ox.NamedNode, holder: Mapping[ox.NamedNode, ox.NamedNode]) -> str:
    short, holding = shortened(act.value), sorted(set(holder.values()), key=str)
    named = ", ".join(sorted(shortened(f.value).removeprefix(":") for f in holder))
    stay = ", ".join(f"{shortened(p.value)} of {day_of(change, p)}" for p in holding)
    same_day = any(day_of(change, p) == day_of(change, act) for p in holding)
    why = " on stronger evidence" if same_day else ""
    stays = "stays" if len(holding) == 1 else "stay"
    return (
        f"{short} is of {day_of(change, act)}; for {named} {stay} {stays} current{why}, so {short} is kept as history"
    )


def _list_graphs(change: Change) -> None:
    """The catalogue names every graph of the source, as one of the paper's four repositories."""
    entry = node("src", change.source.name)
    used = {q.graph_name for q in change.added}
    for room in (Room.NETWORKS, Room.DEVICES, Room.CLOUDS, Room.MODELS):
        name = node("g", f"{room.value}-{change.source.name}")
        if name not in used:
            continue
        known = about(change.graph, {name}).get(name, set())
        kind = curie_node(f":{room.value.removesuffix('s').capitalize()}Repository")
        change.add({ox.Quad(name, RDF_TYPE, kind, CATALOG), ox.Quad(name, _SOURCE, entry, CATALOG)} - known)


def _placed(record: Record, source: Source) -> Iterable[ox.Quad]:
    """The record's statements, each in its graph."""
    if isinstance(record, Source):
        return quads(record, CATALOG)
    room = _ROOMS[type(record)]
    home = node("g", f"{room.value}-{source.name}")
    identities = node("g", f"{Room.IDENTITIES.value}-{source.name}")
    return (
        ox.Quad(
            q.subject,
            q.predicate,
            q.object,
            identities if room is Room.DEVICES and q.predicate in _OF_IDENTITY else home,
        )
        for q in quads(record, home)
    )


def _shown(objects: Iterable[object]) -> str:
    return ", ".join(
        sorted(shortened(o.value) if isinstance(o, ox.NamedNode) else str(getattr(o, "value", o)) for o in objects)
    )
