"""The story of DLOM, which every face tells through these few functions.

    Requirement ─ find_candidates ─► Candidates ─(+ Preferences) rank_candidates ─► Ranking ─ explain ─► Explanation
        │                                │ nothing fits, or a new one is asked for
        │                                ▼
        │                       near misses: what to relax, by how much
        └──────────── propose ◄──────────┘
                         │  recipes: network + techniques + format + runtime, each with its reason
                         ▼
                   start_build ─► a job: build and measure ─► collect: register ─► the next search finds it

    Selection ─ decide ─► Decision, in the graph ─ replay ─► the same answer, or what has changed
                              └─ report_page ─► one file to send to a colleague

    A job ─ compare_build ─► Comparison: ratios, Pareto front, winner ─ replace_original ─► its successor, on record

This is the one file that knows all parts; `building.py` holds what becomes of a build, `comparing.py` how its files
compare, `optimizing.py` a model of one's own through the whole conversion chain.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import numpy as np

import ontology
from building import (
    BuildOutcome,
    artifact_of,
    bring_model,
    built_rows,
    check_network,
    check_task,
    check_words,
    collect,
    data_for,
    keep_model,
    packages_of,
    resume_builds,
    scale_finished,
    this_device_record,
)
from comparing import (
    compare_build,
    replace_model,
    replace_original,
    replacement_words,
    replacements_of,
    take_back_replacement,
)
from dss import html_report, matching, near_misses, ranking, ratings
from dss.decision import Replay, asked, compare, decided, recorded
from dss.dossier import dossier, facts
from dss.explanation import explain as explain_one
from dss.groups import Group, Judged, as_group, consistency_of, simplest, weights_of
from dss.matching import Candidates
from dss.preferences import Weights
from dss.query import compose
from dss.ranking import Ranking
from dss.scales import DECISIONS, extend_scales, refresh_scales
from dss.selection import Selection
from ontology.events import Event
from ontology.records import Decision
from ontology.requirement import Requirement, limits
from ontology.requirement_json import RequirementError, from_json, from_text, to_json
from ontology.settings import Settings
from optimizer import jobs, proposals
from optimizer.checked import checked
from optimizer.data import KNOWN
from optimizer.formats.chain import entry_of
from optimizer.inspect import inspect
from optimizer.proposals import Evidence
from optimizer.recipe import Recipe
from optimizer.spec import JobSpec
from optimizing import Optimization, admitted, start_optimization, worth_proposing
from repository.decisions import canonical_json, find_decision, keep_facts, kept_facts, sources
from repository.graph import EmbeddedGraph, GraphError
from repository.knowledge import STORE, Knowledge, open_knowledge
from repository.load import REMOVED, digests, load, remove, stamps
from repository.measured import model_name
from repository.projection import Coded, IntArray
from repository.rq import bind, query
from repository.sources.shelf import SOURCES
from repository.store import store
from repository.terms import Name

WORDS = Path(ontology.__file__).parent / "dlom.ttl"
CLOSEST = 5


def set_up(settings: Settings) -> Iterator[Event]:
    """Load the shipped facts, and freeze the rating scales of a new installation. Twice is the same as once."""
    yield from _set_up(EmbeddedGraph(settings.home / STORE), settings)


def _set_up(graph: EmbeddedGraph, settings: Settings) -> Iterator[Event]:
    yield from load(graph, SOURCES, settings.facts, WORDS)
    if not graph.quads(DECISIONS):
        yield from refresh_scales(graph, date.today())


def ready(settings: Settings, tell: Callable[[Event], None]) -> Knowledge:
    """The installation's knowledge; one that has never been set up is set up first, telling `tell` of the progress."""
    knowledge = open_knowledge(settings.home, settings.queries, wait_s=settings.store_wait_s, tell=tell)
    graph = knowledge.graph
    if isinstance(graph, EmbeddedGraph) and not _is_up_to_date(graph, settings):
        for event in _set_up(graph, settings):
            tell(event)
        knowledge.changed()
    return knowledge


def remove_source(knowledge: Knowledge, name: str) -> None:
    """Take a shipped source out of the graph until `load_again`. Raises GraphError when it is not there."""
    graph = _writable(knowledge)
    there = [s.source.name for s in SOURCES if digests(graph).get(s.source.name, REMOVED) != REMOVED]
    if name not in there:
        raise GraphError(f"{name!r} is no shipped source in the graph; there are: {', '.join(there)}")
    remove(graph, name)
    knowledge.changed()


def load_again(knowledge: Knowledge, settings: Settings, name: str) -> Iterator[Event]:
    """Load one shipped source from its tables, whether or not it is there. Raises GraphError."""
    if name not in stamps(SOURCES, settings.facts, WORDS):
        raise GraphError(f"{name!r} is no shipped source; there are: {', '.join(s.source.name for s in SOURCES)}")
    yield from load(_writable(knowledge), SOURCES, settings.facts, WORDS, only=name)
    knowledge.changed()


def _writable(knowledge: Knowledge) -> EmbeddedGraph:
    if not isinstance(knowledge.graph, EmbeddedGraph):
        raise GraphError("the app holds the store; stop it, and try again")
    return knowledge.graph


def _is_up_to_date(graph: EmbeddedGraph, settings: Settings) -> bool:
    done = digests(graph)
    wanted = stamps(SOURCES, settings.facts, WORDS)
    return bool(graph.quads(DECISIONS)) and all(
        done.get(source) in (stamp, REMOVED) for source, stamp in wanted.items()
    )


@cache
def installation(settings: Settings) -> Knowledge:
    """What this installation knows, opened once in a process: the embedded store admits no second opening."""
    return open_knowledge(settings.home, settings.queries)


def read_request(text: str | bytes, knowledge: Knowledge) -> tuple[Requirement, Judged]:
    """A requirement and the preferences, of one person or several, from one JSON file.

    Raises RequirementError or PreferenceError.
    """
    requirement = from_text(text, knowledge.projection.choices)
    return requirement, simplest(Group.from_json(json.loads(text).get("preferences", [])))


def request_of(spec: JobSpec, knowledge: Knowledge) -> tuple[Requirement, Judged]:
    """What a job was started for, and whose preferences rank what it builds; nobody's count all objectives alike.

    Raises RequirementError or PreferenceError.
    """
    preferences = Group.from_json(spec.requirement.get("preferences", []))
    return from_json(spec.requirement, knowledge.projection.choices), simplest(preferences)


def find_candidates(requirement: Requirement, knowledge: Knowledge) -> Candidates:
    """Every model judged: matches, those that would match if measured, and the rest with what they violate."""
    return matching.find(requirement, knowledge.projection)


def rank_candidates(candidates: Candidates, preferences: Judged) -> Ranking:
    """The matches, best first, by the paper's score."""
    return _ranked(candidates, candidates.matches, weights_of(preferences))


def _ranked(candidates: Candidates, rows: IntArray, weights: Weights) -> Ranking:
    p = candidates.projection
    rated = ratings.rate(p, candidates.cloud)
    names = p.models["model"].to_numpy(dtype=object)
    ties = [c for c in (p.columns["inference_latency_ms"], p.columns["size_kib"]) if not isinstance(c, Coded)]
    return ranking.rank(rows, rated, weights, np.asarray(names), ties)


def select(requirement: Requirement, preferences: Judged, knowledge: Knowledge) -> Selection:
    """The whole way from a requirement to an explained recommendation, or to what must be relaxed for one."""
    candidates = find_candidates(requirement, knowledge)
    weights = weights_of(preferences)
    ranked = _ranked(candidates, candidates.matches, weights)
    return Selection(
        requirement=requirement,
        preferences=preferences,
        query=compose(requirement),
        candidates=candidates,
        weights=weights,
        consistency=consistency_of(preferences),
        ranking=ranked,
        explanation=explain_one(candidates, ranked, ranked.winner) if ranked.winner else None,
        near_misses=near_misses.near_misses(candidates),
        closest=near_misses.closest(candidates, CLOSEST) if ranked.winner is None else (),
    )


def decide(
    selection: Selection,
    knowledge: Knowledge,
    settings: Settings,
    *,
    by: str,
    chosen: str | None = None,
    comment: str = "",
    at: datetime | None = None,
) -> Decision:
    """Record what was chosen on which answer, with the facts behind it; `chosen` is the winner when None.

    Raises DecisionError, RegistrationError or GraphError; no record is left behind then.
    """
    decision = decided(
        selection,
        sources(knowledge.graph),
        by=by,
        at=at or datetime.now(UTC),
        facts_digest=keep_facts(settings.home, facts(selection.candidates)),
        chosen=chosen,
        comment=comment,
    )
    store(knowledge, [decision])
    return decision


def replay(name: str, knowledge: Knowledge, settings: Settings) -> Replay:
    """Ask a decision's question again of today's graph; `name` is its id, the beginning of it, or `latest`.

    Raises DecisionMissing or DecisionError.
    """
    decision = find_decision(knowledge.graph, name)
    requirement, preferences = asked(decision, knowledge.projection.choices)
    again = select(requirement, preferences, knowledge)
    then = kept_facts(settings.home, decision.facts_digest)
    today = dossier(again, sources(knowledge.graph), decision.chosen_model)
    return compare(decision, then, today, facts(again.candidates))


def report_page(answered: Selection | Decision, knowledge: Knowledge, *, made: date | None = None) -> str:
    """The report of a decision, or of a selection that is not recorded, as one HTML file.

    A decision's is written from its record alone: the same bytes each time. `made` is the date that the report of a
    selection bears, today when None. Raises DecisionError for a record that cannot be read.
    """
    if isinstance(answered, Decision):
        return html_report.page(recorded(answered), answered)
    kept = json.loads(canonical_json(dossier(answered, sources(knowledge.graph))))
    return html_report.page(kept, made=made or date.today())


def propose(
    requirement: Requirement,
    knowledge: Knowledge,
    *,
    input_shape: tuple[int, ...] | None = None,
    own_model: Path | None = None,
    formats: Sequence[str] = (),
) -> tuple[Recipe, ...]:
    """What to build for a requirement, in the order to try it, each with its reason.

    `formats` are names of the shelf, or "all"; none are those that promise most. Raises ProposalError, or
    ConversionError for a model that enters the conversion chain nowhere.
    """
    return proposals.propose(
        limits(requirement),
        evidence=technique_evidence(requirement, knowledge),
        input_shape=input_shape,
        own=own_model is not None,
        entry=entry_of(own_model),
        wanted=formats,
    )


def technique_evidence(requirement: Requirement, knowledge: Knowledge) -> tuple[Evidence, ...]:
    """What 8-bit quantization did to latency in comparable pairs on record, for the task that is asked for."""
    text = query("technique-effects")
    if requirement.task:
        text = bind(text, purpose=[Name("purpose", task) for task in requirement.task])
    pairs = knowledge.run_once(bind(text, optimization=[Name("opt", "w8a8")]))
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
    preferences: Judged,
    knowledge: Knowledge,
    settings: Settings,
    *,
    data: str,
    minutes: float,
    own_model: Path | None = None,
    threads: int = 1,
    formats: Sequence[str] = (),
) -> str:
    """Check the data, propose, and start a job in a process of its own; its id. The job keeps the preferences.

    `formats` are names of the shelf, or "all"; none are those that promise most, and tuned ones where time allows.
    Raises DataError, ProposalError, RefusedFile, SpecError or JobError; nothing is left behind then.
    """
    found = checked(data)
    if own_model is not None:
        admitted(own_model, inspect(own_model), found)
    wanted = formats or worth_proposing(minutes)
    recipes = propose(requirement, knowledge, input_shape=found.input_shape, own_model=own_model, formats=wanted)
    spec = JobSpec(
        data=data if data in KNOWN else str(Path(data).expanduser().absolute()),
        minutes=minutes,
        recipes=recipes,
        requirement=to_json(requirement) | {"preferences": as_group(preferences).to_json()},
        own_model=None if own_model is None else str(own_model.absolute()),
        threads=threads,
    )
    job = jobs.create(settings.home, spec)
    jobs.start(settings.home, job)
    return job


def attend(settings: Settings) -> None:
    """One round of the app's watch: register what builds have measured since the last one."""
    knowledge = installation(settings)
    if isinstance(knowledge.graph, EmbeddedGraph) and not collect(settings, knowledge):
        scale_finished(settings, knowledge)


def build_outcome(settings: Settings, job: str, knowledge: Knowledge) -> BuildOutcome:
    """The job's candidates judged by the request it was started for, as every model is.

    Raises JobError, RequirementError or PreferenceError.
    """
    built = tuple(jobs.results(settings.home, job))
    requirement, preferences = request_of(jobs.state(settings.home, job).spec, knowledge)
    candidates = find_candidates(requirement, knowledge)
    p = candidates.projection
    names = tuple(model_name(c.sha256, c.measured.runtime, f"local-{c.measured.machine.fingerprint}") for c in built)
    rows = np.array([p.positions[n] for n in names if n in p.positions], dtype=np.int64)
    ranked = _ranked(candidates, np.intersect1d(rows, candidates.matches), weights_of(preferences))
    near = near_misses.closest(candidates, 1, rows) if ranked.winner is None else ()
    return BuildOutcome(
        built=built,
        names=names,
        candidates=candidates,
        preferences=preferences,
        chosen=None if ranked.winner is None else str(p.models["model"].iat[ranked.winner.row]),
        closest=near[0] if near else None,
        failures=tuple(jobs.failures(settings.home, job)),
        unfinished=tuple(jobs.unfinished(settings.home, job)),
    )


__all__ = [
    "DECISIONS", "BuildOutcome", "Optimization", "RequirementError", "Selection", "artifact_of", "attend",
    "bring_model", "build_outcome", "built_rows", "check_network", "check_task", "check_words", "collect",
    "compare_build", "data_for", "decide", "extend_scales", "find_candidates", "installation", "keep_model",
    "packages_of", "propose", "rank_candidates", "read_request", "ready", "refresh_scales", "replace_model",
    "replace_original", "replacement_words", "replacements_of", "replay", "report_page", "request_of", "resume_builds",
    "scale_finished", "select", "set_up", "start_build", "start_optimization", "take_back_replacement",
    "technique_evidence", "this_device_record",
]  # fmt: skip
