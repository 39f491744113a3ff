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
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np

import ontology
from device.measured import Machine
from dss import matching, near_misses, ranking, ratings
from dss.build_report import BuiltRow
from dss.consistency import consistency
from dss.explanation import explain as explain_one
from dss.matching import Candidates
from dss.near_misses import Closest
from dss.preferences import Preferences, weights
from dss.query import compose
from dss.ranking import Ranking
from dss.scales import DECISIONS, extend_scales, refresh_scales
from dss.selection import Selection
from ontology.events import Event
from ontology.records import Device, Record
from ontology.requirement import Requirement, limits
from ontology.requirement_json import RequirementError, from_json, from_text, to_json
from ontology.settings import Settings
from optimizer import jobs, proposals
from optimizer.brought import Brought, bring, brought_records, slug
from optimizer.candidate import MeasuredCandidate
from optimizer.checked import input_shape
from optimizer.data import KNOWN
from optimizer.inspect import inspect
from optimizer.proposals import Evidence
from optimizer.recipe import Recipe
from optimizer.records import records_of
from optimizer.spec import JobSpec
from repository import this_device
from repository.artifacts import ArtifactStore
from repository.graph import EmbeddedGraph, frame
from repository.knowledge import STORE, Knowledge, open_knowledge
from repository.load import digests, load, stamps
from repository.measured import local_device, model_name
from repository.measurements import Preview
from repository.measurements import read as read_measurements
from repository.plausibility import known as known_figures
from repository.projection import Coded, IntArray
from repository.register import register
from repository.rq import bind, query
from repository.sources.names import Names
from repository.sources.shelf import SOURCES
from repository.terms import Name, local

WORDS = Path(ontology.__file__).parent / "dlom.ttl"
CLOSEST = 5
SCALED = "scaled"  # in a job's folder once the rating scales know its models


def set_up(settings: Settings) -> Iterator[Event]:
    """Load the shipped facts, and freeze the rating scales of a new installation. Twice is the same as once."""
    yield from _set_up(EmbeddedGraph(settings.home / STORE), settings)


def _set_up(graph: EmbeddedGraph, settings: Settings) -> Iterator[Event]:
    yield from load(graph, SOURCES, settings.facts, WORDS)
    if not graph.quads(DECISIONS):
        yield from refresh_scales(graph, date.today())


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
    return _ranked(candidates, candidates.matches, preferences)


def _ranked(candidates: Candidates, rows: IntArray, preferences: Preferences) -> Ranking:
    p = candidates.projection
    rated = ratings.rate(p, candidates.cloud)
    names = p.models["model"].to_numpy(dtype=object)
    ties = [c for c in (p.columns["inference_latency_ms"], p.columns["size_kib"]) if not isinstance(c, Coded)]
    return ranking.rank(rows, rated, weights(preferences), np.asarray(names), ties)


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
    shape = input_shape(data)
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


def collect(settings: Settings, graph: EmbeddedGraph) -> tuple[str, ...]:
    """Register what builds have measured and the graph does not have yet; the names of the new models.

    Only the owner of the store calls this. Twice is the same as once, and a kill in between leaves nothing half done.
    """
    on_record = {local(m) for m in frame(graph, query("local-models"))["model"]}
    found: list[str] = []
    states = jobs.jobs(settings.home)
    running = [s for s in states if s.status in (jobs.Status.RUNNING, jobs.Status.WAITING)]
    for state in states:
        built = sorted(jobs.results(settings.home, state.id), key=lambda c: c.lineage.parent_sha256 is not None)
        files = {c.sha256 for c in built}
        for candidate in built:  # what others were made from comes first
            if candidate.lineage.parent_sha256 not in files | {None} and state in running:
                continue  # until the file that it was made from is measured too
            device = this_device_record(settings, candidate.measured.machine)
            if model_name(candidate.sha256, candidate.measured.runtime, device.name) not in on_record:
                registered = register(graph, records_of(candidate, built, device, state.spec.requirement))
                found += [name.removeprefix("m:") for name in registered.new if name.startswith("m:")]
    return tuple(dict.fromkeys(found))


def scale_finished(settings: Settings, graph: EmbeddedGraph) -> int:
    """Once a build has ended and nothing else is being built: scales for the groups that it made large enough.

    Not earlier: a scale frozen on a build's first few candidates would rate all later ones at its ends.
    """
    states = jobs.jobs(settings.home)
    marks = [settings.home / jobs.JOBS / s.id / SCALED for s in states]
    if any(s.status in (jobs.Status.RUNNING, jobs.Status.WAITING) for s in states) or all(m.exists() for m in marks):
        return 0
    fresh = extend_scales(graph, date.today())
    for mark in marks:
        mark.touch()
    return fresh


def this_device_record(settings: Settings, machine: Machine) -> Device:
    """The machine that measured as a device: as its owner described it, else by its processor's name."""
    said = this_device.load(settings.home, machine.fingerprint) or this_device.unnamed(machine.fingerprint, machine.cpu)
    told = date.fromisoformat(said.told) if said.told else date.today()
    return local_device(machine, label=said.label, device_type=(said.device_type,), price_usd=said.price_usd, told=told)


def attend(settings: Settings) -> None:
    """One round of the app's watch: register what builds have measured since the last one."""
    knowledge = installation(settings)
    graph = knowledge.graph
    if isinstance(graph, EmbeddedGraph) and (collect(settings, graph) or scale_finished(settings, graph)):
        knowledge.refresh()  # in the background: a page that is being drawn does not wait for it


def resume_builds(settings: Settings) -> None:
    """Let the builds go on that a kill or a restart of the machine interrupted."""
    for state in jobs.jobs(settings.home):
        if state.status is jobs.Status.INTERRUPTED:
            with suppress(jobs.JobError):  # its reason stands on the job's page
                jobs.start(settings.home, state.id)


@dataclass(frozen=True)
class BuildOutcome:
    """What a job came to: its candidates, and the best that meets the requirement, else the closest with its misses."""

    built: tuple[MeasuredCandidate, ...]
    names: tuple[str, ...]  # of the models that are registered, in the order of `built`
    candidates: Candidates
    chosen: str | None
    closest: Closest | None
    failures: tuple[tuple[str, str], ...]


def build_outcome(settings: Settings, job: str, preferences: Preferences, knowledge: Knowledge) -> BuildOutcome:
    """The job's candidates judged by the requirement it was started for, as every model is. Raises JobError."""
    built = tuple(jobs.results(settings.home, job))
    requirement = from_json(jobs.state(settings.home, job).spec.requirement, knowledge.projection.choices)
    candidates = find_candidates(requirement, knowledge)
    p = candidates.projection
    names = tuple(model_name(c.sha256, c.measured.runtime, f"local-{c.measured.machine.fingerprint}") for c in built)
    rows = np.array([p.positions[n] for n in names if n in p.positions], dtype=np.int64)
    ranked = _ranked(candidates, np.intersect1d(rows, candidates.matches), preferences)
    near = near_misses.closest(candidates, 1, rows) if ranked.winner is None else ()
    return BuildOutcome(
        built=built,
        names=names,
        candidates=candidates,
        chosen=None if ranked.winner is None else str(p.models["model"].iat[ranked.winner.row]),
        closest=near[0] if near else None,
        failures=tuple(jobs.failures(settings.home, job)),
    )


def built_rows(outcome: BuildOutcome) -> list[BuiltRow]:
    """The candidates as a table shows them."""
    return [
        BuiltRow(
            model=name,
            network=c.recipe.network,
            format=c.recipe.format,
            accuracy_percent=c.measured.accuracy_percent,
            accuracy_low_percent=c.measured.accuracy_low_percent,
            accuracy_high_percent=c.measured.accuracy_high_percent,
            latency_p50_ms=c.measured.latency_p50_ms,
            latency_p95_ms=c.measured.latency_p95_ms,
            throughput_per_s=c.measured.throughput_per_s,
            throughput_batch=c.measured.throughput_batch,
            peak_memory_mib=c.measured.peak_memory_mib,
            size_kib=c.measured.size_kib,
            reason=c.recipe.reason,
        )
        for c, name in zip(outcome.built, outcome.names, strict=True)
    ]


def artifact_of(settings: Settings, outcome: BuildOutcome, model: str) -> Path:
    """The file of one candidate."""
    candidate = outcome.built[outcome.names.index(model)]
    return ArtifactStore(settings.home / "artifacts").path(candidate.sha256)


def preview_table(
    text: str, knowledge: Knowledge, settings: Settings, *, allow_new: bool = False, purpose: str | None = None
) -> Preview:
    """What a CSV of an engineer's own measurements would register, row by row; nothing is stored."""
    return read_measurements(
        text,
        Names.load(settings.facts / "names"),
        labels=knowledge.projection.labels,
        known=known_figures(knowledge.projection),
        allow_new=allow_new,
        defaults={"purpose": purpose} if purpose else None,
    )


def bring_model(
    path: Path, knowledge: Knowledge, settings: Settings, *, data: str, network: str, purpose: str, threads: int = 1
) -> tuple[Brought, list[Record]]:
    """Read a model file in isolation, measure it here and keep it; with the records to store. Nothing is stored yet.

    Raises RefusedFile, DataError, MeasureError or ValueError.
    """
    choices = knowledge.projection.choices
    if purpose not in choices["purpose"]:
        raise ValueError(f"{purpose[:40]!r} is no task on record; choose from {', '.join(choices['purpose'])}")
    slug(network)
    brought = bring(path, data, ArtifactStore(settings.home / "artifacts"), threads=threads)
    records = brought_records(
        brought,
        network=network,
        purpose=purpose,
        device=this_device_record(settings, brought.measured.machine),
        known_networks=frozenset(choices["net"]),
        label=path.name,
    )
    return brought, records


def data_for(requirement: Requirement) -> str:
    """The known data that a requirement names, else the small set that ships."""
    named = [d.removesuffix("-test") for d in (*requirement.training_data, *requirement.test_data)]
    return next((d for d in named if d in KNOWN), "digits")


__all__ = [
    "DECISIONS", "RequirementError", "Selection", "extend_scales", "find_candidates", "rank_candidates", "read_request",
    "refresh_scales", "select", "set_up",
]  # fmt: skip
