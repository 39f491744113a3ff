"""New knowledge into the graph, in one change or not at all: measured models, an engineer's own figures.

What is registered is checked first: by the rules of `ontology/shapes.ttl`, together with what it links to, and every
link must lead somewhere. A performance is an act that has happened: it never changes, and when a later one gives the
same figure, the later one is current and the older one stays as history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyoxigraph as ox

from ontology.namespaces import INSTANCES
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
    camel,
    figure_kinds,
)
from repository.change import RegistrationError, about, canonical, turtle, unresolved, write
from repository.graph import EmbeddedGraph
from repository.load import CATALOG, digests
from repository.shapes import validate
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
_LABEL, _CURRENT, _PERFORMANCE = curie_node("rdfs:label"), curie_node(":current"), curie_node(":performance")
_FILE_NAME, _SOURCE = curie_node(":fileName"), curie_node("prov:hadPrimarySource")
_DETAIL = curie_node(":sourceDetail")
# What the reviewed names say of a device lies with the identities; its specification is a table of its own.
_OF_IDENTITY = frozenset({RDF_TYPE, _LABEL, *map(curie_node, (":deviceType", ":soldSingly", ":variantOf"))})
_FIGURES = {curie_node(f":{camel(kind.name)}") for kind in figure_kinds()}
_QUALITY = frozenset(map(curie_node, (":accuracyPercent", ":metricValue")))
_OF_QUALITY = frozenset(
    curie_node(f":{camel(name)}")
    for name in ("metric", "test_set", "samples", "original_value", "accuracy_low_percent", "accuracy_high_percent")
)
_ACTS = (Performance, MeasurementRun)  # they have happened, and do not change
_TRUE, _FALSE = ox.Literal(True), ox.Literal(False)


@dataclass(frozen=True)
class Registered:
    """What a registration changed, as short names (`m:local-1`); both are empty when all was known already."""

    new: tuple[str, ...]
    updated: tuple[str, ...]


@dataclass
class _Change:
    """What will be different, and what stood in the graph of each thing that is touched."""

    graph: EmbeddedGraph
    source: Source
    stood: dict[ox.NamedNode, set[ox.Quad]]
    reasons: list[str] = field(default_factory=list)
    removed: set[ox.Quad] = field(default_factory=set)
    _added: dict[object, set[ox.Quad]] = field(default_factory=lambda: defaultdict(set))

    @property
    def added(self) -> set[ox.Quad]:
        """Everything that comes to it."""
        return {q for statements in self._added.values() for q in statements}

    def add(self, statements: Iterable[ox.Quad]) -> None:
        """Have these come to it."""
        for quad in statements:
            self._added[quad.subject].add(quad)

    def of(self, subject: ox.NamedNode) -> set[ox.Quad]:
        """What will be said of a thing afterwards."""
        return (self.stood.get(subject, set()) - self.removed) | self._added.get(subject, set())


def register(graph: EmbeddedGraph, records: Sequence[Record], *, source: Source = LOCAL) -> Registered:
    """Store the records in the graphs of `source`: all of them in one change, or none.

    The same records again change nothing. What a record leaves out (None) stays as it is in the graph; what it says
    replaces what the same source said. A performance is added to those that its model has. Raises RegistrationError,
    with every reason, when a rule is broken, a link leads nowhere, or another source says something else. A reader,
    or a kill at any moment, finds the graph as it was or with all of it.
    """
    with graph.lock:
        change = _planned(graph, records, source)
        if change.reasons:
            raise RegistrationError(change.reasons)
        if not change.added and not change.removed:
            return Registered((), ())
        write(graph, change.removed, change.added)
        graph.settle()
    touched = {q.subject for q in change.added | change.removed if q.graph_name != CATALOG}
    named = {s: shortened(s.value) for s in touched if isinstance(s, ox.NamedNode)}
    new = {name for s, name in named.items() if not change.stood.get(s)}
    return Registered(tuple(sorted(new)), tuple(sorted(set(named.values()) - new)))


def faults(graph: EmbeddedGraph, records: Sequence[Record], *, source: Source = LOCAL) -> tuple[str, ...]:
    """Why `register` would refuse these records; empty when it would store them. Nothing is stored."""
    with graph.lock:
        return tuple(dict.fromkeys(_planned(graph, records, source).reasons))


def _planned(graph: EmbeddedGraph, records: Sequence[Record], source: Source) -> _Change:
    given, reasons = _distinct(records)
    if source.name in digests(graph):
        reasons.append(f"src:{source.name} is loaded from shipped tables; register under a source of your own")
    reasons += _misplaced(given, source)
    if reasons:
        return _Change(graph, source, {}, reasons=reasons)
    subjects = {node(r.prefix, r.name): r for r in (source, *given)}
    change = _Change(graph, source, about(graph, set(subjects)))
    for subject, record in subjects.items():
        _plan(change, subject, record)
    _supersede(change, [r for r in given if isinstance(r, Model)])
    change.reasons += unresolved(graph, given, set(subjects))
    _list_graphs(change)
    if not change.reasons and (change.added or change.removed):
        change.reasons += _broken_rules(change)
    return change


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
        if isinstance(r, Performance) and r.name not in named:
            reasons.append(f"{short} belongs to no model; name it among the performances of its model")
    return reasons


def _plan(change: _Change, subject: ox.NamedNode, record: Record) -> None:
    """What the record adds to, and replaces of, what its source has said; or why it may not."""
    stood = change.stood.get(subject, set())
    own = {q for q in stood if q.graph_name in _graphs(change.source)}
    others = stood - own
    short = f"{record.prefix}:{record.name}"
    if isinstance(record, Model) and others:
        change.reasons.append(f"{short} is a model of another source; register yours under a name of its own")
        return
    if isinstance(record, Performance) and not stood and record.current is None:
        record = replace(record, current=True)
    said: dict[ox.NamedNode, set[ox.Quad]] = defaultdict(set)
    for quad in canonical(_placed(record, change.source)):
        said[quad.predicate].add(quad)
    if isinstance(record, _ACTS) and stood:
        known, now = ({(q.predicate, q.object) for q in s} for s in (stood, {q for s in said.values() for q in s}))
        if {p for p in known if p[0] != _CURRENT} != {p for p in now if p[0] != _CURRENT}:
            told = ", ".join(sorted({shortened(p.value) for p, _ in known ^ now if p != _CURRENT}))
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
        change.add(statements - own)
        change.removed |= before - statements


def _supersede(change: _Change, models: Sequence[Model]) -> None:
    """Of a model's performances the newly given ones are current for their figures."""
    for model in models:
        subject = node(model.prefix, model.name)
        given = {node("p", name) for name in model.performance or ()}
        fresh = {p for p in given if not change.stood.get(p)}
        renewed = {
            q.predicate for p in fresh for q in change.of(p) if q.predicate in _FIGURES and _is_current(change, p)
        }
        older = [q.object for q in change.stood.get(subject, ()) if q.predicate == _PERFORMANCE]
        change.stood.update(about(change.graph, {p for p in older if isinstance(p, ox.NamedNode)}))
        for performance in older:
            if not isinstance(performance, ox.NamedNode) or not _is_current(change, performance):
                continue
            said = change.of(performance)
            if not renewed & {q.predicate for q in said}:
                continue
            flags = {q for q in said if q.predicate == _CURRENT}
            change.removed |= flags
            change.add(ox.Quad(performance, _CURRENT, _FALSE, q.graph_name) for q in flags)
            _keep_the_rest(change, subject, performance, said, renewed)


def _keep_the_rest(
    change: _Change, model: ox.NamedNode, older: ox.NamedNode, said: set[ox.Quad], renewed: set[ox.NamedNode]
) -> None:
    """Figures of an older act that the new one does not give stay current, in a performance of their own."""
    remain = {q.predicate for q in said if q.predicate in _FIGURES} - renewed
    if not remain:
        return
    rest = ox.NamedNode(f"{older.value}-rest")
    dropped = renewed | {_DETAIL} | (set() if remain & _QUALITY else _OF_QUALITY)
    change.add(ox.Quad(rest, q.predicate, q.object, q.graph_name) for q in said if q.predicate not in dropped)
    home = next(q.graph_name for q in said)
    told = next(
        (f"{q.object.value}; " for q in said if q.predicate == _DETAIL and isinstance(q.object, ox.Literal)), ""
    )
    note = f"{told}the figures of {shortened(older.value)} that were not taken again"
    change.add([ox.Quad(rest, _DETAIL, ox.Literal(note), home), ox.Quad(model, _PERFORMANCE, rest, home)])


def _is_current(change: _Change, performance: ox.NamedNode) -> bool:
    return any(q.predicate == _CURRENT and q.object == _TRUE for q in change.of(performance))


def _list_graphs(change: _Change) -> None:
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


def _broken_rules(change: _Change) -> list[str]:
    """What the shapes say of the things that change, seen with what they link to."""
    touched = {q.subject for q in change.added | change.removed if isinstance(q.subject, ox.NamedNode)}
    after = {q for subject in touched for q in change.of(subject)}
    linked = {q.object for q in after if isinstance(q.object, ox.NamedNode) and _is_thing(q.object)} - touched
    context = {q for known in about(change.graph, linked).values() for q in known}
    names = {shortened(s.value) for s in touched}
    return [str(v) for v in validate(turtle(after | context)) if v.focus in names]


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


def _graphs(source: Source) -> frozenset[ox.NamedNode]:
    return frozenset({CATALOG, *(node("g", f"{room.value}-{source.name}") for room in Room)})


def _is_thing(term: ox.NamedNode) -> bool:
    return term.value.startswith((INSTANCES, "urn:sha256:"))


def _shown(objects: Iterable[object]) -> str:
    return ", ".join(
        sorted(shortened(o.value) if isinstance(o, ox.NamedNode) else str(getattr(o, "value", o)) for o in objects)
    )
