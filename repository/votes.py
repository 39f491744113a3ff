"""Users' ratings of models: one current vote of a user, a model and an objective."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

from ontology.records import Objective, Vote
from repository.change import RegistrationError, about, turtle, unresolved, write
from repository.graph import EmbeddedGraph
from repository.shapes import validate
from repository.terms import node
from repository.triples import quads

VOTES = node("g", "votes")


def vote_records(
    model: str, ratings: Mapping[Objective, int], *, rated_by: str, day: date, comment: str | None = None
) -> list[Vote]:
    """One vote for each objective that a user rates, 1 to 5. The name is the same for a user, model and objective."""
    if not rated_by.strip():
        raise ValueError("a vote names its user; give a name")
    return [
        Vote(
            name=hashlib.sha256(f"{model}\0{objective.value}\0{rated_by.strip()}".encode()).hexdigest()[:24],
            model=model,
            objective=objective,
            rating=rating,
            rated_by=rated_by.strip(),
            rated_at=day,
            comment=comment or None,
        )
        for objective, rating in ratings.items()
    ]


def store_votes(graph: EmbeddedGraph, votes: Sequence[Vote]) -> None:
    """Store votes, each in the place of the same user's earlier one on that model and objective; all or none.

    Raises RegistrationError for a rating that is not 1 to 5, or a model that is not in the graph.
    """
    with graph.lock:
        added = {q for vote in votes for q in quads(vote, VOTES)}
        reasons = [str(v) for v in validate(turtle(added))]
        reasons += unresolved(graph, votes, set())
        if reasons:
            raise RegistrationError(reasons)
        stood = about(graph, {node(v.prefix, v.name) for v in votes})
        write(graph, {q for known in stood.values() for q in known}, added)
        graph.settle()
