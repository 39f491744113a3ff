"""How figures are obtained, as records: a performance, its parts, the run that measured it, the file that was run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

from ontology.fields import Record, attribute, figure, link, links
from ontology.grades import Grade


@dataclass(frozen=True, kw_only=True)
class Part(Record):
    """One component of a model that runs in several parts, where no total may be claimed."""

    prefix: ClassVar[str] = "part"
    part_latency_ms: float | None = attribute(unit="ms")
    part_peak_memory_mib: float | None = attribute(unit="MiB")
    part_size_kib: float | None = attribute(unit="KiB")
    part_compute_unit: str | None = attribute()


@dataclass(frozen=True, kw_only=True)
class Artifact(Record):
    """A file, kept and known by its content: the name is its SHA-256 in 64 hexadecimal digits."""

    prefix: ClassVar[str] = "sha256"
    format: str | None = attribute()
    file_size_kib: float | None = attribute(unit="KiB")
    gzip_size_kib: float | None = attribute(unit="KiB")
    file_name: str | None = attribute()
    made_from: str | None = link("sha256")
    check_samples: int | None = attribute()
    largest_difference: float | None = attribute()
    agreement_percent: float | None = attribute(unit="%")
    range_percent: float | None = attribute(unit="%")


@dataclass(frozen=True, kw_only=True)
class MeasurementRun(Record):
    """One run of DLOM's own measuring procedure, which gave one or more performances."""

    prefix: ClassVar[str] = "run"
    threads: int | None = attribute()
    repetitions: int | None = attribute()
    p95_latency_ms: float | None = attribute(unit="ms")
    p99_latency_ms: float | None = attribute(unit="ms")
    latency_spread_percent: float | None = attribute(unit="%")
    system_latency_spread_percent: float | None = attribute(unit="%")
    throughput_spread_percent: float | None = attribute(unit="%")
    energy_spread_percent: float | None = attribute(unit="%")
    attempts: int | None = attribute()
    throughput_batch: int | None = attribute()
    throughput_by_batch: tuple[str, ...] | None = attribute()  # "8: 1234.5": inputs at a time, inputs a second
    cores_used: float | None = attribute()
    other_load: float | None = attribute()
    arithmetic: str | None = attribute()
    system_steps: str | None = attribute()
    energy_meter: str | None = attribute()
    data_sha256: str | None = attribute()
    installation: str | None = attribute()
    device_package: str | None = attribute()
    noisy: bool | None = attribute()
    ended: date | None = attribute(prop="prov:endedAtTime")


@dataclass(frozen=True, kw_only=True)
class Performance(Record):
    """One act of obtaining figures; they share grade, source and date (DLOM², section 4.1.1)."""

    prefix: ClassVar[str] = "p"
    inference_latency_ms: float | None = figure("ms", higher_is_better=False)
    system_latency_ms: float | None = figure("ms", higher_is_better=False)
    accuracy_percent: float | None = figure("%", higher_is_better=True)
    metric_value: float | None = figure("", higher_is_better=None)
    stability_percent: float | None = figure("%", higher_is_better=True)
    throughput_per_s: float | None = figure("1/s", higher_is_better=True)
    average_power_w: float | None = figure("W", higher_is_better=False)
    energy_mj: float | None = figure("mJ", higher_is_better=False)
    peak_memory_mib: float | None = figure("MiB", higher_is_better=False)
    average_memory_mib: float | None = figure("MiB", higher_is_better=False)
    size_kib: float | None = figure("KiB", higher_is_better=False)
    tokens_per_s: float | None = figure("1/s", higher_is_better=True)
    time_to_first_token_ms: float | None = figure("ms", higher_is_better=False)
    metric: str | None = link("metric")
    test_set: str | None = link("data")
    samples: int | None = attribute()
    accuracy_low_percent: float | None = attribute(unit="%")
    accuracy_high_percent: float | None = attribute(unit="%")
    balanced_accuracy_percent: float | None = attribute(unit="%")
    precision_percent: float | None = attribute(unit="%")
    recall_percent: float | None = attribute(unit="%")
    f1_percent: float | None = attribute(unit="%")
    stability_variance: float | None = attribute()
    folds: int | None = attribute()
    original_value: float | None = attribute()
    top5_accuracy_percent: float | None = attribute(unit="%")
    printed_latency_ms: float | None = attribute(unit="ms")
    batch_size: int | None = attribute()
    context_length: int | None = attribute()
    runtime_operators: int | None = attribute()
    runtime_version: str | None = attribute()
    part: tuple[str, ...] | None = links("part")
    evidence: Grade | None = attribute()
    source: str | None = link("src", prop="prov:hadPrimarySource")
    source_detail: str | None = attribute()
    obtained: date | None = attribute(prop="prov:generatedAtTime")
    registered_at: datetime | None = attribute()
    current: bool | None = attribute()
    carried_from: str | None = link("p")
    same_run_as: str | None = link("p")
    generated_by: str | None = link("run", prop="prov:wasGeneratedBy")
    withdrawn_at: date | None = attribute(prop="prov:invalidatedAtTime")
    withdrawn_by: str | None = attribute()
    withdrawn_because: str | None = attribute()
