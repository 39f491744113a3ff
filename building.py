"""What becomes of builds: their candidates registered and scaled, an outcome shown, a brought file measured.

The story (`flow.py`) tells these parts on; they know the optimizer and the repository, and nothing of the search.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from device.data import sha256
from device.measured import Machine
from dss.build_report import BuiltRow
from dss.groups import Judged
from dss.matching import Candidates
from dss.near_misses import Closest
from dss.quality import Quality
from dss.scales import extend_scales
from ontology.records import Device, Network, Record
from ontology.requirement import Requirement
from ontology.settings import Settings
from optimizer import jobs
from optimizer.brought import Brought, brought_records, network_of_file, network_told, slug, task_of, try_on
from optimizer.candidate import MeasuredCandidate
from optimizer.data import KNOWN
from optimizer.formats.chain import called
from optimizer.inspect import inspect
from optimizer.records import all_before, records_of
from optimizer.spec import JobSpec, SpecError
from repository import this_device
from repository.artifacts import ArtifactError, ArtifactStore
from repository.knowledge import Knowledge
from repository.measured import DIGITS, local_device, model_name
from repository.rq import query
from repository.runs import network_on_record
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
                network = _network(candidate, state.spec, knowledge)
                registered = store(knowledge, records_of(candidate, built, device, state.spec.requirement, network))
                found += [n.removeprefix("m:") for n in registered.new if n.startswith("m:")]
    return tuple(dict.fromkeys(found))


def _network(candidate: MeasuredCandidate, spec: JobSpec, knowledge: Knowledge) -> Network | str | None:
    """That of a user's model: as it is on record, else as they say, else by its file; None for one of the shelf.

    Decided while the store is held: of two files with one name the later sees that the name is taken.
    """
    own = candidate.lineage.own_sha256
    if own is None or spec.own_model is None:
        return None
    return known_as(knowledge, own) or _network_of(spec.own_model, own, spec.own_network, knowledge)


def _network_of(model: str | Path, sha256: str, told: str | None, knowledge: Knowledge) -> Network | str:
    """The network of a user's file: as it is on record, else as they say, else a new one, named by the file.

    Raises SpecError where they say another than that on record, and ValueError for what is no name.
    """
    known, before = _networks(knowledge), known_as(knowledge, sha256)
    if told is None:
        return before or network_of_file(called(model), sha256, known)
    network = network_told(told, known)
    if before not in (None, network):
        raise SpecError(
            f"{Path(model).name} is on record as the network {knowledge.projection.label('net', str(before))} "
            f"({before}), and its models stay together; leave {told[:60]!r} out, or give that name"
        )
    return network


def known_as(knowledge: Knowledge, sha256: str) -> str | None:
    """The network (a local name) that a file with this digest is on record as."""
    earlier = f"own-{sha256[:DIGITS]}"  # as an earlier version named it
    return network_on_record(knowledge.graph, sha256) or (earlier if earlier in _networks(knowledge) else None)


def check_network(model: Path, network: str, knowledge: Knowledge) -> None:
    """Raises SpecError where a user's model cannot be this network: no name, or on record as another."""
    try:
        _network_of(model, inspect(model).sha256, network, knowledge)
    except ValueError as error:
        raise SpecError(str(error)) from error


def _networks(knowledge: Knowledge) -> frozenset[str]:
    return frozenset(name for prefix, name in knowledge.projection.labels if prefix == "net")


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
    preferences: Judged  # which rank them; without any all objectives count alike
    chosen: str | None
    closest: Closest | None
    failures: tuple[tuple[str, str], ...]
    unfinished: tuple[str, ...]  # candidates that the time, or a stop, cut off


def built_rows(outcome: BuildOutcome) -> list[BuiltRow]:
    """The candidates as a table shows them."""
    return [
        BuiltRow(
            model=name,
            network=c.network,
            format=c.recipe.format,
            quality=Quality.of(c.measured),
            latency_p50_ms=c.measured.latency_p50_ms,
            latency_p95_ms=c.measured.latency_p95_ms,
            throughput_per_s=c.measured.throughput_per_s,
            throughput_batch=c.measured.throughput_batch,
            peak_memory_mib=c.measured.peak_memory_mib,
            size_kib=c.measured.size_kib,
            reason=c.recipe.reason,
            runtime=c.measured.runtime,
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
    path: Path, knowledge: Knowledge, settings: Settings, *, data: str, network: str | None, purpose: str,
    threads: int = 1, keep: bool = True, made_from: str | None = None,
) -> tuple[Brought, list[Record]]:  # fmt: skip
    """Read a model file in isolation, measure it here and keep it; with the records to store. Nothing is stored yet.

    For one who holds the store anyway; others take the three steps that this is made of. Without `keep` the file is
    not kept, either. Raises RefusedFile, DataError, MeasureError, ArtifactError or ValueError.
    """
    check_words(knowledge, network=network, purpose=purpose)
    brought = try_on(path, data, threads=threads)
    records = keep_model(
        brought, path, knowledge, settings, network=network, purpose=purpose, keep=keep, made_from=made_from
    )
    return brought, records


def check_words(knowledge: Knowledge, *, network: str | None, purpose: str | None) -> None:
    """Raises ValueError where a model cannot be registered under these words: said before it is measured."""
    if purpose is not None:
        check_task(knowledge, purpose)
    if network is not None:
        slug(network)


def check_task(knowledge: Knowledge, task: str) -> None:
    """Raises ValueError for a task that is not on record."""
    tasks = knowledge.projection.choices["purpose"]
    if task not in tasks:
        raise ValueError(f"{task[:40]!r} is no task on record; choose from {', '.join(tasks)}")


def keep_model(
    brought: Brought, path: Path, knowledge: Knowledge, settings: Settings, *, network: str | None,
    purpose: str | None, keep: bool = True, made_from: str | None = None,
) -> list[Record]:  # fmt: skip
    """What is registered of a file that was tried; with `keep` the file is kept. Nothing is stored yet.

    `network` is what the user says it is; without, it stays what it is on record as, else its file names a new one.
    So is `purpose`: without, it stays that on record, else it is what models are for whose answers are judged so.
    `made_from` is the SHA-256 of the SavedModel that the file was made from: by that it is known again.
    Raises ArtifactError when it is not the file any more that was measured, or ValueError as `check_words` does, and
    where it is on record as another network.
    """
    check_words(knowledge, network=network, purpose=purpose)
    if not brought.file.sha256 == brought.measured.sha256 == sha256(path):
        raise ArtifactError(f"{path.name} changed while it was measured; nothing is kept of it: measure it again")
    if keep:
        ArtifactStore(settings.home / "artifacts").add(path)
    device = this_device_record(settings, brought.measured.machine)
    on_record = _purpose_of(model_name(brought.file.sha256, brought.measured.runtime, device.name), knowledge)
    return brought_records(
        brought,
        network=_network_of(path, made_from or brought.file.sha256, network, knowledge),
        purpose=purpose or on_record or task_of(brought.measured),
        device=device,
        label=path.name,
        made_from=made_from,
    )


def _purpose_of(model: str, knowledge: Knowledge) -> str | None:
    """What a model on record is for; None where there is none of that name, or it does not say."""
    p = knowledge.projection
    said = p.models["purpose"].iloc[p.positions[model]] if model in p.positions else None
    return said if isinstance(said, str) else None


def data_for(requirement: Requirement) -> str:
    """The known data that a requirement names, else the small set that ships."""
    named = [d.removesuffix("-test") for d in (*requirement.training_data, *requirement.test_data)]
    return next((d for d in named if d in KNOWN), "digits")
