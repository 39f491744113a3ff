"""Storing records with whoever holds the graph: this process, or the running app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

from ontology.records import Decision, Record, Replacement, Vote
from repository.decisions import store_decisions
from repository.graph import EmbeddedGraph, GraphError
from repository.knowledge import Knowledge
from repository.register import LOCAL, Registered, register
from repository.remote import RemoteGraph
from repository.replacements import store_replacements
from repository.terms import node, shortened
from repository.votes import store_votes
from repository.withdraw import withdraw


def store(knowledge: Knowledge, records: Sequence[Record]) -> Registered:
    """Store all of the records or none; votes take the place of the same user's earlier ones.

    Of the projection only the rows that this touches are read again. Raises RegistrationError with every reason, or
    GraphError when the store cannot be written to from here.
    """
    graph = knowledge.graph
    if isinstance(graph, RemoteGraph):
        done = graph.store(records)
        knowledge.changed()  # others write there too
        return done
    if not isinstance(graph, EmbeddedGraph):
        raise GraphError("this graph can only be read; register where the store is")
    votes = [r for r in records if isinstance(r, Vote)]
    decided = [r for r in records if isinstance(r, Decision)]
    replaced = [r for r in records if isinstance(r, Replacement)]
    others = [r for r in records if not isinstance(r, Vote | Decision | Replacement)]
    done = Registered((), ())
    with writing(knowledge, graph) as touched:
        if others:
            done = register(graph, others)
            touched |= {*done.new, *done.updated, _short("src", LOCAL.name)}
        if votes:
            store_votes(graph, votes)
            touched |= {_short("m", v.model) for v in votes if v.model is not None}
        if decided:
            new = store_decisions(graph, decided)
            touched |= {*new}
            done = replace(done, new=tuple(sorted({*done.new, *new})))
        if replaced:
            told = store_replacements(graph, replaced)
            touched |= {*told.new, *told.updated}
            done = replace(
                done, new=tuple(sorted({*done.new, *told.new})), updated=tuple(sorted({*done.updated, *told.updated}))
            )
    return done


def take_back(knowledge: Knowledge, performances: Sequence[str], *, by: str, because: str, on: date) -> Registered:
    """Withdraw performances of this installation (local names); see `repository.withdraw.withdraw`.

    A running app that holds the store takes its own today for `on`. Raises RegistrationError with every reason, or
    GraphError where the store cannot be written to from here.
    """
    graph = knowledge.graph
    if isinstance(graph, RemoteGraph):
        done = graph.withdraw(performances, by, because)
        knowledge.changed()
        return done
    if not isinstance(graph, EmbeddedGraph):
        raise GraphError("this graph can only be read; withdraw where the store is")
    with writing(knowledge, graph) as touched:
        done = withdraw(graph, performances, by, because, on)
        touched |= {*done.new, *done.updated}
    return done


@contextmanager
def writing(knowledge: Knowledge, graph: EmbeddedGraph) -> Iterator[set[str]]:
    """Writes that touch nothing but the short names that are put into the set; the projection learns of them."""
    touched: set[str] = set()
    with graph.lock:
        before = graph.version
        try:
            yield touched
        except BaseException:
            if graph.version != before:
                knowledge.changed()  # some of it was written
            raise
        if graph.version != before:
            knowledge.touched(touched, before=before, after=graph.version)


def _short(prefix: str, name: str) -> str:
    return shortened(node(prefix, name).value)
