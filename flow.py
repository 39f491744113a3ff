"""The story of DLOM, which every face tells through these few functions.

    Requirement ─ find_candidates ─► Candidates ─(+ Preferences) rank_candidates ─► Ranking ─ explain ─► Explanation
        │                                │ nothing fits, or a new one is asked for
        │                                ▼
        │                       near misses: what to relax, by how much
        └──────────── propose ◄──────────┘
                         │  recipes: network + techniques + format + runtime, each with its reason
                         ▼
                   start_build ─► a job: build and measure ─► collect: register ─► the next search finds it

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
from ontology.requirement import Requirement, limits
from ontology.requirement_json import RequirementError, from_text, to_json
from ontology.settings import Settings
from optimizer import jobs, proposals
from optimizer.data import KNOWN
from optimizer.inspect import inspect
from optimizer.proposals import Evidence
from optimizer.recipe import Recipe
from optimizer.spec import JobSpec
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE, Knowledge, open_knowledge
from repository.load import digests, load, stamps
from repository.rq import bind, query
from repository.sources.shelf import SOURCES
from repository.terms import Name, node
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
    graph = knowledge.graph
    if isinstance(graph, EmbeddedGraph) and not _is_up_to_date(graph, settings):
        for event in _set_up(graph, settings):
            tell(event)
        knowledge.changed()
    return knowledge


def _is_up_to_date(graph: EmbeddedGraph, settings: Settings) -> bool:
    done = digests(graph)
    wanted = stamps(SOURCES, settings.facts, WORDS)
    return bool(graph.quads(DECISIONS)) and all(done.get(source) == stamp for source, stamp in wanted.items())


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


def propose(
    requirement: Requirement, knowledge: Knowledge, *, input_shape: tuple[int, ...] | None = None, own: bool = False
) -> tuple[Recipe, ...]:
    """What to build for a requirement, in the order to try it, each with its reason. Raises ProposalError."""
    return proposals.propose(
        limits(requirement), evidence=technique_evidence(requirement, knowledge), input_shape=input_shape, own=own
    )


def technique_evidence(requirement: Requirement, knowledge: Knowledge) -> tuple[Evidence, ...]:
    """What 8-bit quantization did to latency in comparable pairs on record, for the task that is asked for."""
    text = query("technique-effects")
    if requirement.task:
        text = bind(text, purpose=[Name("purpose", task) for task in requirement.task])
    pairs = knowledge.run(bind(text, optimization=[Name("opt", "w8a8")]))
    if pairs.empty:
        return ()
    ratio = pairs["optimized_ms"].astype(float) / pairs["float_ms"].astype(float)
    return (
        Evidence(
            technique="full-integer-quantization",
            pairs=len(ratio),
            slower=int((ratio > 1).sum()),
            median_ratio=float(ratio.median()),
        ),
    )


def start_build(
    requirement: Requirement,
    knowledge: Knowledge,
    settings: Settings,
    *,
    data: str,
    minutes: float,
    own_model: Path | None = None,
    threads: int = 1,
) -> str:
    """Check the data, propose, and start a job in a process of its own; its id.

    Raises DataError, ProposalError, RefusedFile, SpecError or JobError; nothing is left behind then.
    """
    from optimizer.data import load as load_data

    shape = load_data(data).input_shape
    if own_model is not None:
        inspect(own_model)
    recipes = propose(requirement, knowledge, input_shape=shape, own=own_model is not None)
    spec = JobSpec(
        data=data if data in KNOWN else str(Path(data).expanduser().absolute()),
        minutes=minutes,
        recipes=recipes,
        requirement=to_json(requirement),
        own_model=None if own_model is None else str(own_model.absolute()),
        threads=threads,
    )
    job = jobs.create(settings.home, spec)
    jobs.start(settings.home, job)
    return job


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
