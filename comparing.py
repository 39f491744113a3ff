"""A build's files compared, and the original replaced by the winner: for every face. `flow.py` tells it on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from dss.build_comparison import Comparison, Contender, Structure, compare
from dss.quality import Quality
from ontology.records import Replacement
from ontology.settings import Settings
from optimizer import jobs
from optimizer.candidate import MeasuredCandidate
from optimizer.formats.shelf import FORMATS
from optimizer.inspect import InspectionFailed, RefusedFile, inspect
from repository.artifacts import ArtifactError, ArtifactStore
from repository.change import RegistrationError
from repository.knowledge import Knowledge
from repository.measured import device_name, model_name
from repository.replacements import replacement, replacements, standing, taken_back
from repository.store import store

STRUCTURES = "structures"  # below DLOM_HOME: what was found in a file, so that it is read once
_READER = 1  # raised when files are read differently
_KERAS = ("h5", "keras")  # files that run as one compiled Keras function


def compare_build(settings: Settings, job: str, tolerance: float | None = None) -> tuple[Comparison, ...]:
    """What a job has measured so far, one comparison for each network; the tolerance is in the unit of its metric.

    Raises JobError or ToleranceError.
    """
    return compare(contenders(settings, jobs.results(settings.home, job)), tolerance)


def contenders(settings: Settings, built: Sequence[MeasuredCandidate]) -> tuple[Contender, ...]:
    """The candidates of a build as they are compared, each with what its file holds."""
    originals: set[str] = set()
    found = []
    for c in built:
        group = c.lineage.first_sha256 or c.sha256
        first = _is_original(c) and group not in originals
        if first:
            originals.add(group)
        m = c.measured
        found.append(
            Contender(
                model=model_name(c.sha256, m.runtime, device_name(m.machine)),
                sha256=c.sha256,
                group=group,
                network=c.network,
                format=c.recipe.format,
                label=FORMATS[c.recipe.format].label,
                runtime=m.runtime,
                is_original=first,
                is_baseline=m.format in _KERAS,
                quality=Quality.of(m),
                samples=m.samples,
                latency_p50_ms=m.latency_p50_ms,
                latency_p95_ms=m.latency_p95_ms,
                latency_p99_ms=m.latency_p99_ms,
                latency_spread_percent=m.latency_spread_percent,
                noisy=m.noisy,
                throughput_per_s=m.throughput_per_s,
                throughput_batch=m.throughput_batch,
                peak_memory_mib=m.peak_memory_mib,
                size_kib=m.size_kib,
                size_gzip_kib=m.size_gzip_kib,
                parameters=c.parameters,
                check_samples=c.check.samples,
                check_difference=c.check.largest_difference,
                check_agreement_percent=c.check.agreement_percent,
                check_range_percent=c.check.range_percent,
                structure=structure_of(settings, c.sha256),
            )
        )
    return tuple(found)


def _is_original(candidate: MeasuredCandidate) -> bool:
    """Whether it is the file that all others of its network were made from."""
    return candidate.lineage.parent_sha256 is None


def structure_of(settings: Settings, sha256: str) -> Structure | None:
    """What a kept file holds, read in isolation once; None where it is not kept or cannot be read, such as TVM's."""
    kept = settings.home / STRUCTURES / f"{sha256}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads(kept.read_text(encoding="utf-8"))
        if said.pop("reader") == _READER:
            return Structure(**said)
    try:
        file = inspect(ArtifactStore(settings.home / "artifacts").path(sha256))
    except (ArtifactError, RefusedFile, InspectionFailed):
        return None
    found = Structure(operators=dict(file.operators), nodes=file.nodes, macs=file.macs)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=kept.parent, prefix=".", delete=False, encoding="utf-8") as beside:
        beside.write(json.dumps(asdict(found) | {"reader": _READER}))
    Path(beside.name).replace(kept)
    return found


def replace_original(
    knowledge: Knowledge, found: Comparison, *, by: str, comment: str = "", at: datetime | None = None
) -> Replacement:
    """Record the winner of a comparison as the successor of its original.

    Raises RegistrationError where there is no winner but the original, or the graph refuses it; GraphError.
    """
    original, successor = found.original, found.successor
    if original is None or successor is None:
        raise RegistrationError(
            [f"{found.network}: no file is better than the original within {found.metric.amount(found.tolerance)}, so "
             "there is nothing to replace it with; allow a greater tolerance"]
        )  # fmt: skip
    return replace_model(knowledge, original.model, successor.model, by=by, comment=comment, at=at)


def replace_model(
    knowledge: Knowledge, model: str, successor: str, *, by: str, comment: str = "", at: datetime | None = None
) -> Replacement:
    """Record that `successor` is used in the place of `model` from now on. Raises RegistrationError or GraphError."""
    try:
        act = replacement(model, successor, by=by, at=at or datetime.now(UTC), comment=comment)
    except ValueError as error:
        raise RegistrationError([str(error)]) from error
    store(knowledge, [act])
    return act


def take_back_replacement(
    knowledge: Knowledge, model: str, *, by: str, because: str, on: date | None = None
) -> Replacement:
    """Have a model no longer be replaced; the act stays on record. Raises RegistrationError or GraphError."""
    act = standing(knowledge.graph, model)
    if act is None:
        raise RegistrationError([f"m:{model} is not replaced"])
    try:
        back = taken_back(act, by=by, because=because, on=on or date.today())
    except ValueError as error:
        raise RegistrationError([str(error)]) from error
    store(knowledge, [back])
    return back


def replacements_of(knowledge: Knowledge, models: Sequence[str]) -> dict[str, Replacement]:
    """For each of the models that is replaced, the act that holds."""
    return {
        r.model: r
        for r in replacements(knowledge.graph)
        if r.model is not None and r.model in models and r.withdrawn_at is None
    }


def replacement_words(act: Replacement) -> str:
    """`m:a was replaced by m:b on 2026-11-20 by Ann: six times as fast`, and that it was taken back where it was."""
    day = f" on {act.decided_at:%Y-%m-%d}" if act.decided_at else ""
    why = f": {act.comment}" if act.comment else ""
    told = f"m:{act.model} was replaced by m:{act.successor}{day} by {act.decided_by}{why}"
    if act.withdrawn_at is not None:
        told += f"; taken back on {act.withdrawn_at} by {act.withdrawn_by}: {act.withdrawn_because}"
    return told
