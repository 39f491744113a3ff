"""Load the shipped facts into the graph: in order, once each, going on after a kill where it stopped.

Each source has one named graph for each of the paper's four repositories that it fills. The catalogue's entry is
taken away before a source's graphs are touched and written after the last of them, so what it lists is whole.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox

from ontology.events import Event, Finished, Progress, Started
from ontology.records import Record, Source, Tally, camel
from repository.graph import EmbeddedGraph, frame
from repository.sources.names import Concept, Names
from repository.sources.rows import Room, SourceTables
from repository.terms import curie_node, literal, local, node, prologue
from repository.triples import quads

CATALOG = node("g", "catalog")
ONTOLOGY = node("g", "ontology")
IDENTITIES = node("g", "identities")
_KINDS = {
    Room.NETWORKS: "NetworkRepository",
    Room.DEVICES: "DeviceRepository",
    Room.CLOUDS: "CloudRepository",
    Room.MODELS: "ModelRepository",
}
_SCHEMES = {
    "purpose": ":purposes",
    "area": ":areas",
    "dtype": ":deviceTypes",
    "metric": ":metrics",
    "domain": ":domains",
}
_VOCABULARY = Source(name="ontology", title="The words of DLOM")
_SHARED = Source(name="identities", title="Reviewed names of devices, networks, data sets and runtimes")
_PROGRESS_EVERY = 500  # rows
REMOVED = "removed"  # in the place of a digest: a source that somebody took out


def load(
    graph: EmbeddedGraph, sources: Sequence[SourceTables], facts: Path, words: Path, *, only: str | None = None
) -> Iterator[Event]:
    """Bring the graph up to date with the shipped tables; what is unchanged is not touched.

    `facts` holds the tables and `names/`, `words` is `dlom.ttl`. Yields events as it works; a source is loaded when
    its tables, the reviewed names or its loader have changed since.
    """
    yield Started("Loading facts", total=len(sources) + 2)
    names = Names.load(facts / "names")
    done = {} if only else digests(graph)
    fresh = stamps(sources, facts, words)
    steps: list[tuple[Source, str, Iterator[Event]]] = [
        (_VOCABULARY, fresh[_VOCABULARY.name], _load_words(graph, words)),
        (_SHARED, fresh[_SHARED.name], _load_identities(graph, names)),
        *((t.source, fresh[t.source.name], _load_source(graph, t, facts, names)) for t in sources),
    ]
    for position, (source, stamp, work) in enumerate(steps, start=1):
        if done.get(source.name) not in (stamp, REMOVED) and only in (None, source.name):
            _forget(graph, source.name)
            yield from work
            _remember(graph, [replace(source, digest=stamp)])
        yield Progress("Loading facts", position, len(steps), source.title or source.name)
    graph.settle()
    yield Finished("Loading facts", f"{len(graph):,} statements")


def stamps(sources: Sequence[SourceTables], facts: Path, words: Path) -> dict[str, str]:
    """What each source would be loaded from now: equal to its digest in the graph when there is nothing to do."""
    reviewed = _digest(sorted((facts / "names").glob("*.csv")))
    found = {_VOCABULARY.name: _digest([words]), _SHARED.name: reviewed}
    for tables in sources:
        found[tables.source.name] = f"{_digest([facts / t for t in tables.tables])}-{reviewed}-{tables.version}"
    return found


def digests(graph: EmbeddedGraph) -> dict[str, str]:
    """The sources that are wholly loaded, with the digest of what they were loaded from; REMOVED for one taken out."""
    rows = frame(graph, prologue("", "src", "g") + "SELECT ?s ?d WHERE { GRAPH g:catalog { ?s :digest ?d } }")
    return {local(s): str(d) for s, d in zip(rows["s"], rows["d"], strict=True)}


def remove(graph: EmbeddedGraph, source: str) -> None:
    """Take a source out, and leave word of it, so that only `load(…, only=source)` brings it back.

    Raises KeyError for one that is not loaded.
    """
    if digests(graph).get(source, REMOVED) == REMOVED:
        raise KeyError(source)
    for room in Room:
        graph.drop(_graph(room, source))
    _forget(graph, source)
    _remember(graph, [Source(name=source, digest=REMOVED)])
    graph.settle()


def _load_words(graph: EmbeddedGraph, words: Path) -> Iterator[Event]:
    yield Progress("Loading the ontology", 0, 1, words.name)
    graph.drop(ONTOLOGY)
    graph.load_turtle(words.read_bytes(), ONTOLOGY)


def _load_identities(graph: EmbeddedGraph, names: Names) -> Iterator[Event]:
    yield Progress("Loading names", 0, 1, "devices, networks, data sets, runtimes")
    concepts = [quad for concept in names.concepts() for quad in concept_quads(concept)]
    also = [
        ox.Quad(node(prefix, name), curie_node("skos:altLabel"), ox.Literal(printed, language="en"), IDENTITIES)
        for prefix, name, printed in names.alternative_names()
    ]
    concepts += also
    graph.replace(IDENTITIES, [*(q for record in names.identities() for q in quads(record, IDENTITIES)), *concepts])


def concept_quads(concept: Concept) -> Iterator[ox.Quad]:
    """A SKOS concept of a reviewed table, in the graph of identities."""
    subject = node(concept.prefix, concept.name)

    def quad(predicate: str, value: ox.Literal | ox.NamedNode) -> ox.Quad:
        return ox.Quad(subject, curie_node(predicate), value, IDENTITIES)

    yield quad("rdf:type", curie_node("skos:Concept"))
    yield quad("skos:prefLabel", ox.Literal(concept.label, language="en"))
    yield quad("skos:inScheme", curie_node(_SCHEMES[concept.prefix]))
    for alternative in concept.alt_labels:
        yield quad("skos:altLabel", ox.Literal(alternative, language="en"))
    for broader in concept.broader:
        yield quad("skos:broader", node(concept.prefix, broader))
    if concept.note:
        yield quad("skos:scopeNote", ox.Literal(concept.note, language="en"))
    for name, value in concept.extra.items():
        yield quad(f":{camel(name)}", literal(value))


def _load_source(graph: EmbeddedGraph, tables: SourceTables, facts: Path, names: Names) -> Iterator[Event]:
    what = f"Loading {tables.source.title}"
    expected = sum(_rows(facts / name) for name in tables.tables)
    content: dict[Room, list[ox.Quad]] = {room: [] for room in _KINDS}
    tally: Counter[tuple[str, str, str]] = Counter()
    for number, row in enumerate(tables.read(facts, names), start=1):
        tally[row.table, row.outcome.value, row.reason] += 1
        for room, record in row.records:
            content[room] += quads(record, _graph(room, tables.source.name), typed=_is_ours(record))
        if number % _PROGRESS_EVERY == 0:
            yield Progress(what, number, expected, row.table)
    catalogue: list[ox.Quad] = []
    for room, statements in content.items():
        name = _graph(room, tables.source.name)
        graph.replace(name, statements)
        if statements:
            catalogue.append(ox.Quad(name, curie_node("rdf:type"), curie_node(f":{_KINDS[room]}"), CATALOG))
            catalogue.append(
                ox.Quad(name, curie_node("prov:hadPrimarySource"), node("src", tables.source.name), CATALOG)
            )
    _remember(graph, _tallies(tables.source.name, tally), catalogue)
    yield Progress(what, expected, expected, f"{sum(len(s) for s in content.values()):,} statements")


def _is_ours(record: Record) -> bool:
    """Whether the source states the record's class: shared identities have theirs in the reviewed names."""
    return record.prefix not in {"dev", "net", "data", "rt", "opt"}


def _tallies(source: str, tally: Counter[tuple[str, str, str]]) -> list[Tally]:
    return [
        Tally(name=f"{source}-{number}", source=source, table=table, outcome=outcome, reason=reason or None, rows=count)
        for number, ((table, outcome, reason), count) in enumerate(sorted(tally.items()), start=1)
    ]


def _graph(room: Room, source: str) -> ox.NamedNode:
    return node("g", f"{room.value}-{source}")


def _forget(graph: EmbeddedGraph, source: str) -> None:
    entry = node("src", source)
    about = {q.subject for q in graph.quads(CATALOG) if q.object == entry} | {entry}
    graph.replace(CATALOG, [q for q in graph.quads(CATALOG) if q.subject not in about])


def _remember(graph: EmbeddedGraph, records: Iterable[Record], more: Iterable[ox.Quad] = ()) -> None:
    added = [*(q for record in records for q in quads(record, CATALOG)), *more]
    graph.replace(CATALOG, [*graph.quads(CATALOG), *added])


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _rows(file: Path) -> int:
    with file.open("rb") as lines:
        return sum(1 for _ in lines) - 1
