"""Updates from outside: tried on a copy of the store first, then made in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from repository.formats import Format
from repository.graph import EmbeddedGraph, GraphError
from repository.guard import LONGEST, RefusedQuery
from repository.knowledge import Knowledge
from repository.workers.pool import Busy

_TRIES = 5


def update(knowledge: Knowledge, text: str, using: Sequence[str] = (), using_named: Sequence[str] = ()) -> None:
    """Make a SPARQL update; `using` are the graphs it looks at, when it does not say so itself.

    Raises RefusedQuery (LOAD, SERVICE, no update), QueryTimeout, Busy, or GraphError; nothing is changed then. What
    leaves a graph that cannot be read as models is an error, too.
    """
    if len(text) > LONGEST:
        raise RefusedQuery(f"the update is longer than {LONGEST:,} characters; split it, or PUT the data to /graphs")
    _made(knowledge, {"do": "update", "using": list(using), "using_named": list(using_named)}, text.encode())


def put_graph(knowledge: Knowledge, iri: str, document: bytes, format: Format) -> bool:
    """Make a document the whole content of a graph; whether that held anything before. Raises as `update` does."""
    return _made(knowledge, {"do": "put", "graph": iri, "media_type": format.value}, document)


def add_to_graph(knowledge: Knowledge, iri: str, document: bytes, format: Format) -> bool:
    """Add a document to a graph; whether that held anything before. Raises as `update` does."""
    return _made(knowledge, {"do": "post", "graph": iri, "media_type": format.value}, document)


def delete_graph(knowledge: Knowledge, iri: str) -> bool:
    """Remove a graph; whether it held anything. Raises as `update` does."""
    return _made(knowledge, {"do": "delete", "graph": iri}, b"")


def _made(knowledge: Knowledge, header: dict[str, Any], body: bytes) -> bool:
    graph = knowledge.graph
    if not isinstance(graph, EmbeddedGraph):
        raise GraphError("the store is held by another process; send this to its address instead")
    for _ in range(_TRIES):
        rehearsed = knowledge.queries.rehearse(header, body)
        with graph.lock:
            if graph.version == rehearsed.version:  # what was tried is what is here
                graph.update(rehearsed.text)
                graph.settle()
                knowledge.changed()
                return rehearsed.held
    raise Busy("others wrote to the graph each time that this was tried; send it again in a few seconds")
