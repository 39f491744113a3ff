"""The story of DLOM, which every face tells through these few functions.

    Requirement ─ find_candidates ─► Candidates ─(+ Preferences) rank_candidates ─► Ranking ─ explain ─► Explanation
                                         │ nothing fits
                                         ▼
                                    near misses: what to relax, by how much

This is the one file that knows all parts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

import ontology
from dss import matching, near_misses, ranking, ratings
from dss.consistency import consistency
from dss.explanation import explain as explain_one
from dss.matching import Candidates
from dss.preferences import Preferences, weights
from dss.query import compose
from dss.ranking import Ranking
from dss.selection import Selection
from ontology.events import Event, Finished, Started
from ontology.requirement import Requirement
from ontology.requirement_json import RequirementError, from_text
from ontology.settings import Settings
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE, Knowledge, open_knowledge
from repository.load import load
from repository.sources.shelf import SOURCES
from repository.terms import node
from repository.triples import quads

DECISIONS = node("g", "decisions")
WORDS = Path(ontology.__file__).parent / "dlom.ttl"
CLOSEST = 5


def set_up(settings: Settings) -> Iterator[Event]:
    """Load the shipped facts, and freeze the rating scales of a new installation. Twice is the same as once."""
    yield from _set_up(EmbeddedGraph(settings.home / STORE), settings)


def _set_up(graph: EmbeddedGraph, settings: Settings) -> Iterator[Event]:
    yield from load(graph, SOURCES, settings.facts, WORDS)
    if not graph.quads(DECISIONS):
        yield from refresh_scales(graph, date.today())


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


def ready(settings: Settings, tell: Callable[[Event], None]) -> Knowledge:
    """The installation's knowledge; one that has never been set up is set up first, telling `tell` of the progress."""
    knowledge = open_knowledge(settings.home)
    if isinstance(knowledge.graph, EmbeddedGraph) and not knowledge.graph.quads(DECISIONS):
        for event in _set_up(knowledge.graph, settings):
            tell(event)
        knowledge.changed()
    return knowledge


@cache
def installation(settings: Settings) -> Knowledge:
    """What this installation knows, opened once in a process: the embedded store admits no second opening."""
    return open_knowledge(settings.home)


def read_request(text: str | bytes, knowledge: Knowledge) -> tuple[Requirement, Preferences]:
    """A requirement and the preferences from one JSON file. Raises RequirementError or PreferenceError."""
    requirement = from_text(text, knowledge.projection.choices)
    return requirement, Preferences.from_json(json.loads(text).get("preferences", []))


def find_candidates(requirement: Requirement, knowledge: Knowledge) -> Candidates:
    """Every model judged: matches, those that would match if measured, and the rest with what they violate."""
    return matching.find(requirement, knowledge.projection)


def rank_candidates(candidates: Candidates, preferences: Preferences) -> Ranking:
    """The matches, best first, by the paper's score."""
    rated = ratings.rate(candidates.projection, candidates.cloud)
    names = candidates.projection.models["model"].to_numpy(dtype=object)
    return ranking.rank(candidates.matches, rated, weights(preferences), np.asarray(names))


def select(requirement: Requirement, preferences: Preferences, knowledge: Knowledge) -> Selection:
    """The whole way from a requirement to an explained recommendation, or to what must be relaxed for one."""
    candidates = find_candidates(requirement, knowledge)
    ranked = rank_candidates(candidates, preferences)
    return Selection(
        requirement=requirement,
        preferences=preferences,
        query=compose(requirement),
        candidates=candidates,
        weights=weights(preferences),
        consistency=consistency(preferences),
        ranking=ranked,
        explanation=explain_one(candidates, ranked, ranked.winner) if ranked.winner else None,
        near_misses=near_misses.near_misses(candidates),
        closest=near_misses.closest(candidates, CLOSEST) if ranked.winner is None else (),
    )


__all__ = [
    "RequirementError",
    "Selection",
    "find_candidates",
    "rank_candidates",
    "read_request",
    "ready",
    "select",
    "set_up",
]
