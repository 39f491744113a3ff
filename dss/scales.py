"""The frozen rating scales in the graph: made once, refreshed as an event, extended for groups that have none yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from dss import ratings
from ontology.events import Event, Finished, Started
from ontology.records import RatingScale
from repository.decisions import DECISIONS as DECISIONS
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.store import writing
from repository.terms import node, shortened
from repository.triples import quads


def refresh_scales(graph: EmbeddedGraph, today: date) -> Iterator[Event]:
    """Freeze new rating scales from the graph as it stands: an event of its own, since it may reorder models."""
    yield Started("Freezing rating scales")
    knowledge = Knowledge(graph)
    version = 1 + max((s.version for s in knowledge.projection.scales), default=0)
    fresh = list(ratings.freeze(knowledge.projection, version, today))
    kept = graph.quads(DECISIONS)
    graph.replace(DECISIONS, [*kept, *(q for scale in fresh for q in quads(scale, DECISIONS))])
    graph.settle()
    yield Finished("Freezing rating scales", f"{len(fresh)} scales, version {version}")


def extend_scales(knowledge: Knowledge, today: date) -> int:
    """Freeze scales for groups that have none yet and have grown large enough; how many. No other scale changes.

    Of the projection only the scales are read again. Nothing is written when no group has grown, or where the store
    is held by another process.
    """
    graph = knowledge.graph
    if not isinstance(graph, EmbeddedGraph) or not _missing(knowledge, today):
        return 0
    with writing(knowledge, graph) as touched:
        fresh = _missing(knowledge, today)  # once more: another thread may have frozen them just now
        if fresh:
            kept = graph.quads(DECISIONS)
            graph.replace(DECISIONS, [*kept, *(q for scale in fresh for q in quads(scale, DECISIONS))])
            graph.settle()
            touched |= {shortened(node(scale.prefix, scale.name).value) for scale in fresh}
    return len(fresh)


def _missing(knowledge: Knowledge, today: date) -> list[RatingScale]:
    """The scales of groups that are large enough and have none."""
    known = knowledge.projection.scales
    version = max((s.version for s in known), default=1)
    groups = {(s.figure, s.purpose, s.metric, s.test_set) for s in known}
    return [
        scale
        for scale in ratings.freeze(knowledge.projection, version, today)
        if (scale.scaled_figure, scale.purpose, scale.metric, scale.test_set) not in groups
    ]
