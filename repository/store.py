"""Storing records with whoever holds the graph: this process, or the running app."""

from __future__ import annotations

from collections.abc import Sequence

from ontology.records import Record, Vote
from repository.graph import EmbeddedGraph, GraphError
from repository.knowledge import Knowledge
from repository.register import Registered, register
from repository.remote import RemoteGraph
from repository.votes import store_votes


def store(knowledge: Knowledge, records: Sequence[Record]) -> Registered:
    """Store all of the records or none; votes take the place of the same user's earlier ones.

    Raises RegistrationError with every reason, or GraphError when the store cannot be written to from here.
    """
    graph = knowledge.graph
    if isinstance(graph, RemoteGraph):
        done = graph.store(records)
    elif isinstance(graph, EmbeddedGraph):
        votes = [r for r in records if isinstance(r, Vote)]
        others = [r for r in records if not isinstance(r, Vote)]
        done = register(graph, others) if others else Registered((), ())
        if votes:
            store_votes(graph, votes)
    else:
        raise GraphError("this graph can only be read; register where the store is")
    knowledge.changed()
    return done
