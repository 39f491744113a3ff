"""What becomes of builds: their candidates registered and scaled, an outcome shown, a brought file measured.

The story (`flow.py`) tells these parts on; they know the optimizer and the repository, and nothing of the search.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from device.measured import Machine
from dss.build_report import BuiltRow
from dss.matching import Candidates
from dss.near_misses import Closest
from dss.scales import extend_scales
from ontology.records import Device, Record
from ontology.requirement import Requirement
from ontology.settings import Settings
from optimizer import jobs
from optimizer.brought import Brought, bring, brought_records, slug, try_on
from optimizer.candidate import MeasuredCandidate
from optimizer.data import KNOWN
from optimizer.records import all_before, records_of
from repository import this_device
from repository.artifacts import ArtifactStore
from repository.knowledge import Knowledge
from repository.measured import local_device, model_name
from repository.rq import query
from repository.store import store
from repository.terms import local

SCALED = "scaled"  # in a job's folder once the rating scales know its models


def collect(settings: Settings, knowledge: Knowledge) -> tuple[str, ...]:
    """Register what builds have measured and the graph does not have yet; the names of the new models.

    Only the owner of the store calls this. Twice is the same as once, and a kill in between leaves nothing half done.
    """
    on_record = {local(m) for m in knowledge.run(query("local-models"))["model"]}
    found: list[str] = []
    states = jobs.jobs(settings.home)
    running = [s for s in states if s.status in (jobs.Status.RUNNING, jobs.Status.WAITING)]
    for state in states:
        built = sorted(jobs.results(settings.home, state.id), key=lambda c: len(c.lineage.chain))
        wanted = {(r.training, r.format) for r in state.spec.recipes}
        for candidate in built:  # what others were made from comes first
            if state in running and not all_before(candidate, built, wanted):
                continue  # until the files that it was made from are measured too
            device = this_device_record(settings, candidate.measured.machine)
            name = model_name(candidate.sha256, candidate.measured.runtime, device.name)
            if name not in on_record:
                on_record.add(name)
                registered = store(knowledge, records_of(candidate, built, device, state.spec.requirement))
                found += [n.removeprefix("m:") for n in registered.new if n.startswith("m:")]
    return tuple(dict.fromkeys(found))


def scale_finished(settings: Settings, knowledge: Knowledge) -> int:
    """Once a build has ended and nothing else is being built: scales for the groups that it made large enough.

    Not earlier: a scale frozen on a build's first few candidates would rate all later ones at its ends.
    """
    states = jobs.jobs(settings.home)
    marks = [settings.home / jobs.JOBS / s.id / SCALED for s in states]
    if any(s.status in (jobs.Status.RUNNING, jobs.Status.WAITING) for s in states) or all(m.exists() for m in marks):
        return 0
    fresh = extend_scales(knowledge, date.today())
    for mark in marks:
        mark.touch()
    return fresh


def this_device_record(settings: Settings, machine: Machine) -> Device:
    """The machine that measured as a device: as its owner described it, else by its processor's name."""
    said = this_device.load(settings.home, machine.fingerprint) or this_device.unnamed(machine.fingerprint, machine.cpu)
    told = date.fromisoformat(said.told) if said.told else date.today()
    return local_device(machine, label=said.label, device_type=(said.device_type,), price_usd=said.price_usd, told=told)


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
    unfinished: tuple[str, ...]  # candidates that the time, or a stop, cut off


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


def packages_of(settings: Settings, job: str) -> tuple[tuple[str, Path], ...]:
    """What a job made for other processors, which is not measured here: what it is, and its file. Raises JobError."""
    store = ArtifactStore(settings.home / "artifacts")
    return tuple((name, store.path(sha256)) for name, sha256 in jobs.packages(settings.home, job))


def bring_model(
    path: Path, knowledge: Knowledge, settings: Settings, *, data: str, network: str, purpose: str, threads: int = 1,
    keep: bool = True,
) -> tuple[Brought, list[Record]]:  # fmt: skip
    """Read a model file in isolation, measure it here and keep it; with the records to store. Nothing is stored yet.

    Without `keep` the file is not kept, either. Raises RefusedFile, DataError, MeasureError or ValueError.
    """
    choices = knowledge.projection.choices
    if purpose not in choices["purpose"]:
        raise ValueError(f"{purpose[:40]!r} is no task on record; choose from {', '.join(choices['purpose'])}")
    slug(network)
    if keep:
        brought = bring(path, data, ArtifactStore(settings.home / "artifacts"), threads=threads)
    else:
        brought = try_on(path, data, threads=threads)
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
