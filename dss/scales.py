"""The frozen rating scales in the graph: made once, refreshed as an event, extended for groups that have none yet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from dss import ratings
from ontology.events import Event, Finished, Started
from repository.decisions import DECISIONS as DECISIONS
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
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


def extend_scales(graph: EmbeddedGraph, today: date) -> int:
    """Freeze scales for groups that have none yet and have grown large enough; how many. No other scale changes."""
    knowledge = Knowledge(graph)
    known = knowledge.projection.scales
    version = max((s.version for s in known), default=1)
    groups = {(s.figure, s.purpose, s.metric, s.test_set) for s in known}
    fresh = [
        scale
        for scale in ratings.freeze(knowledge.projection, version, today)
        if (scale.scaled_figure, scale.purpose, scale.metric, scale.test_set) not in groups
    ]
    if fresh:
        kept = graph.quads(DECISIONS)
        graph.replace(DECISIONS, [*kept, *(q for scale in fresh for q in quads(scale, DECISIONS))])
    return len(fresh)
