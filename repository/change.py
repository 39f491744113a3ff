"""What every change of the graph needs: what stands there, links that lead somewhere, one update for all of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields

import pyoxigraph as ox
from rdflib import Graph, Literal, URIRef

from ontology.namespaces import INSTANCES, PREFIXES
from ontology.records import Record, Source, camel
from repository.graph import EmbeddedGraph, Format
from repository.load import CATALOG
from repository.shapes import validate
from repository.sources.rows import Room
from repository.terms import node, shortened
from repository.triples import RDF_TYPE

_TEXT = f"{PREFIXES['xsd']}string"


class RegistrationError(ValueError):
    """Nothing was stored; `reasons` says why, one sentence each."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(dict.fromkeys(reasons))
        super().__init__("nothing was stored: " + "; ".join(self.reasons))


@dataclass
class Change:
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

    def drop(self, statements: Iterable[ox.Quad]) -> None:
        """Have these go, whether they stood there or were to come."""
        for quad in statements:
            self._added[quad.subject].discard(quad)
            if isinstance(quad.subject, ox.NamedNode) and quad in self.stood.get(quad.subject, ()):
                self.removed.add(quad)

    def of(self, subject: ox.NamedNode) -> set[ox.Quad]:
        """What will be said of a thing afterwards."""
        return (self.stood.get(subject, set()) - self.removed) | self._added.get(subject, set())


def unresolved(graph: EmbeddedGraph, records: Iterable[Record], described: set[ox.NamedNode]) -> list[str]:
    """The links of the records that lead to nothing: neither to what they describe nor to what the graph knows."""
    links = [
        (record, f.name, node(f.metadata["prefix"], one))
        for record in records
        for f in fields(record)
        if f.metadata.get("prefix") and (value := getattr(record, f.name)) is not None
        for one in (value if isinstance(value, tuple) else (value,))
    ]
    asked = {target for _, _, target in links} - described
    known = {s for s, said in about(graph, asked).items() if any(q.predicate == RDF_TYPE for q in said)}
    return [
        leads_nowhere(f"{r.prefix}:{r.name}", camel(name), target)
        for r, name, target in links
        if target not in described | known
    ]


def leads_nowhere(thing: str, link: str, target: ox.NamedNode) -> str:
    """The sentence for a link to something that nobody describes."""
    return (
        f"{thing} {link}: there is no {shortened(target.value)}, neither in the graph nor among what is registered; "
        "check the name, or register it too"
    )


def canonical(statements: Iterable[ox.Quad]) -> set[ox.Quad]:
    """As the store gives them back: it writes numbers in a form of its own."""
    store = ox.Store()
    store.extend(statements)
    return set(store)


def about(graph: EmbeddedGraph, subjects: set[ox.NamedNode]) -> dict[ox.NamedNode, set[ox.Quad]]:
    """Everything said of each thing that the graph knows, and where."""
    if not subjects:
        return {}
    wanted = " ".join(map(str, subjects))
    answer = graph.query(f"SELECT ?s ?p ?o ?g {{ VALUES ?s {{ {wanted} }} GRAPH ?g {{ ?s ?p ?o }} }}", Format.JSON)
    found: dict[ox.NamedNode, set[ox.Quad]] = defaultdict(set)
    rows = ox.parse_query_results(answer, format=ox.QueryResultsFormat.JSON)
    assert isinstance(rows, ox.QuerySolutions)
    for s, p, o, g in rows:
        found[s].add(ox.Quad(s, p, o, g))
    return dict(found)


def write(graph: EmbeddedGraph, removed: Iterable[ox.Quad], added: Iterable[ox.Quad]) -> None:
    """One update, which is one transaction."""
    graph.update(as_update(removed, added))


def as_update(removed: Iterable[ox.Quad], added: Iterable[ox.Quad]) -> str:
    """The update that takes away and adds these statements and no others."""
    return f"DELETE DATA {{\n{as_data(removed)}}} ;\nINSERT DATA {{\n{as_data(added)}}}"


def as_data(statements: Iterable[ox.Quad]) -> str:
    """Statements as they stand in INSERT DATA, each in its graph."""
    return "".join(
        f"{q.triple} .\n" if isinstance(q.graph_name, ox.DefaultGraph) else f"GRAPH {q.graph_name} {{ {q.triple} }}\n"
        for q in statements
    )


def described(statements: Iterable[ox.Quad]) -> Graph:
    """Statements without their graphs, for the shapes: what parsing `turtle` of them gives, in a tenth of the time."""
    graph = Graph()
    known: dict[str, URIRef] = {}  # most IRIs are there several times, and rdflib looks at each letter of each

    def named(term: object) -> URIRef:
        if not isinstance(term, ox.NamedNode):
            raise TypeError(f"{term} has no name; DLOM's graph has no blank nodes")
        iri = term.value
        return known[iri] if iri in known else known.setdefault(iri, URIRef(iri))

    for quad in statements:
        value = quad.object
        told = _literal(value) if isinstance(value, ox.Literal) else named(value)
        graph.add((named(quad.subject), named(quad.predicate), told))
    return graph


def _literal(value: ox.Literal) -> Literal:
    if value.language:
        return Literal(value.value, lang=value.language)
    # rdflib's parser leaves the datatype of plain text away, and its terms are equal only if both do.
    kind = value.datatype.value
    return Literal(value.value) if kind == _TEXT else Literal(value.value, datatype=URIRef(kind))


def turtle(statements: Iterable[ox.Quad]) -> str:
    """Statements without their graphs, for the shapes."""
    return "".join(f"{triple} .\n" for triple in {q.triple for q in statements})


def broken_rules(change: Change) -> list[str]:
    """What the shapes say of the things that change, seen with what they link to."""
    touched = {q.subject for q in change.added | change.removed if isinstance(q.subject, ox.NamedNode)}
    return broken_of(change.graph, touched, {q for subject in touched for q in change.of(subject)})


def broken_of(graph: EmbeddedGraph, touched: set[ox.NamedNode], after: set[ox.Quad]) -> list[str]:
    """The same of some things of which `after` is all that will be said."""
    linked = {q.object for q in after if isinstance(q.object, ox.NamedNode) and is_thing(q.object)} - touched
    # Without their class they are not checked themselves: whatever is wrong with them is not told here.
    context = {q for known in about(graph, linked).values() for q in known if q.predicate != RDF_TYPE}
    names = {shortened(s.value) for s in touched}
    return [str(v) for v in validate(described(after | context)) if v.focus in names]


def graphs(source: Source) -> frozenset[ox.NamedNode]:
    """Where a source's own statements lie."""
    return frozenset({CATALOG, *(node("g", f"{room.value}-{source.name}") for room in Room)})


def is_thing(term: ox.NamedNode) -> bool:
    """Whether it lies where models, devices and all that they name lie."""
    return term.value.startswith((INSTANCES, "urn:sha256:"))
