"""What every change of the graph needs: what stands there, links that lead somewhere, one update for all of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields

import pyoxigraph as ox

from ontology.records import Record, camel
from repository.graph import EmbeddedGraph, Format
from repository.terms import node, shortened
from repository.triples import RDF_TYPE


class RegistrationError(ValueError):
    """Nothing was stored; `reasons` says why, one sentence each."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(dict.fromkeys(reasons))
        super().__init__("nothing was stored: " + "; ".join(self.reasons))


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
        f"{r.prefix}:{r.name} {camel(name)}: there is no {shortened(target.value)}, neither in the graph nor among "
        "what is registered; check the name, or register it too"
        for r, name, target in links
        if target not in described | known
    ]


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


def write(graph: EmbeddedGraph, removed: set[ox.Quad], added: set[ox.Quad]) -> None:
    """One update, which is one transaction."""
    parts = []
    for verb, statements in (("DELETE", removed), ("INSERT", added)):
        lines = "".join(f"GRAPH {q.graph_name} {{ {q.triple} }}\n" for q in statements)
        parts.append(f"{verb} DATA {{\n{lines}}}")
    graph.update(" ;\n".join(parts))


def turtle(statements: Iterable[ox.Quad]) -> str:
    """Statements without their graphs, for the shapes."""
    return "".join(f"{triple} .\n" for triple in {q.triple for q in statements})
