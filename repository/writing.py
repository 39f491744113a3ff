"""Updates from outside: tried and checked on a copy of the store first, then made in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pyoxigraph as ox

from ontology.namespaces import PREFIXES
from repository.acts import PERFORMANCE
from repository.comparables import known
from repository.formats import Format
from repository.graph import EmbeddedGraph, GraphError
from repository.guard import LONGEST, RefusedQuery
from repository.knowledge import Knowledge
from repository.plausibility import findings
from repository.records_rdf import from_statements
from repository.store import writing
from repository.terms import curie_node, node
from repository.workers.pool import Busy, Rehearsed

_TRIES = 5
_BESIDE = frozenset(map(curie_node, ("prov:wasGeneratedBy", ":trainedNetwork")))
_JUDGED = 500  # performances; of more their figures are not compared with those of others


def update(
    knowledge: Knowledge,
    text: str,
    using: Sequence[str] = (),
    using_named: Sequence[str] = (),
    *,
    measured_here: bool = False,
) -> tuple[str, ...]:
    """Make a SPARQL update; `using` are the graphs it looks at, when it does not say so itself.

    What it changes is held to the rules that registration holds its records to. With `measured_here` an act may say
    that DLOM has measured it. The answer is what looks wrong in the figures that came, a sentence each.

    Raises RefusedQuery (LOAD, SERVICE, no update; a broken rule, a link that would lead nowhere, with every reason),
    QueryTimeout, Busy, or GraphError; nothing is changed then. What leaves a graph that cannot be read as models is an
    error, too.
    """
    if len(text) > LONGEST:
        raise RefusedQuery(f"the update is longer than {LONGEST:,} characters; split it, or PUT the data to /graphs")
    header = {"do": "update", "using": list(using), "using_named": list(using_named), "measured_here": measured_here}
    return _remarks(knowledge, _made(knowledge, header, text.encode()).touched)


def put_graph(knowledge: Knowledge, iri: str, document: bytes, format: Format, *, measured_here: bool = False) -> bool:
    """Make a document the whole content of a graph; whether that held anything before. Raises as `update` does."""
    return _document(knowledge, "put", iri, document, format, measured_here)


def add_to_graph(
    knowledge: Knowledge, iri: str, document: bytes, format: Format, *, measured_here: bool = False
) -> bool:
    """Add a document to a graph; whether that held anything before. Raises as `update` does."""
    return _document(knowledge, "post", iri, document, format, measured_here)


def delete_graph(knowledge: Knowledge, iri: str) -> bool:
    """Remove a graph; whether it held anything. Raises as `update` does."""
    return _made(knowledge, {"do": "delete", "graph": iri}, b"").held


def _document(knowledge: Knowledge, do: str, iri: str, document: bytes, format: Format, measured_here: bool) -> bool:
    header = {"do": do, "graph": iri, "media_type": format.value, "measured_here": measured_here}
    return _made(knowledge, header, document).held


def _made(knowledge: Knowledge, header: dict[str, Any], body: bytes) -> Rehearsed:
    graph = knowledge.graph
    if not isinstance(graph, EmbeddedGraph):
        raise GraphError("the store is held by another process; send this to its address instead")
    for _ in range(_TRIES):
        rehearsed = knowledge.queries.rehearse(header, body)
        with graph.lock:
            if graph.version == rehearsed.version:  # what was tried is what is here
                with writing(knowledge, graph) as touched:
                    graph.update(rehearsed.text)
                    graph.settle()
                    touched |= {*rehearsed.touched}
                return rehearsed
    raise Busy("others wrote to the graph each time that this was tried; send it again in a few seconds")


def _remarks(knowledge: Knowledge, touched: Collection[str]) -> tuple[str, ...]:
    """What looks wrong in the figures of the performances among some things, which are stored already."""
    graph = knowledge.graph
    acts = {ox.NamedNode(PREFIXES["p"] + short.removeprefix("p:")) for short in touched if short.startswith("p:")}
    if not 0 < len(acts) <= _JUDGED or not isinstance(graph, EmbeddedGraph):
        return ()
    models = {q.subject for act in acts for q in graph.quads(None, None, PERFORMANCE, act)}
    said = [q for thing in acts | models for q in graph.quads(None, thing)]
    beside = {q.object for q in said if q.predicate in _BESIDE and isinstance(q.object, ox.NamedNode)}
    said += [q for thing in beside for q in graph.quads(None, thing)]
    found = findings(from_statements(said), known(knowledge.projection), sure=True)
    return tuple(f"p:{f.record}: {f}" for f in found if node("p", f.record) in acts)
