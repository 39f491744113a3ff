"""One measurement by `device/` as the records that are registered: model, figures, run, file, lineage, machine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

from device.measured import Machine, Measured
from device.runtimes import RUNTIMES
from ontology.records import (
    Artifact,
    DataSet,
    Device,
    Grade,
    MeasurementRun,
    Model,
    Network,
    Optimization,
    Performance,
    Record,
    Runtime,
    TrainedNetwork,
)
from repository.register import LOCAL

DIGITS = 12  # of a file's SHA-256 in a model's name; the artifact has all 64
METRIC = "top-1"  # what device/accuracy.py computes


def device_name(machine: Machine) -> str:
    """The local name of `dev:` for a machine that DLOM measured on: the same after every restart."""
    return f"local-{machine.fingerprint}"


def model_name(sha256: str, runtime: str, device: str) -> str:
    """The name of a model that has a file: content, runtime without version, device."""
    return f"local-{sha256[:DIGITS]}-{runtime}-{device.removeprefix('local-')}"


def local_device(
    machine: Machine, *, label: str, device_type: Sequence[str], price_usd: float | None, told: date
) -> Device:
    """The machine as a device: what it says of itself, and name, kinds (`dtype:`) and price as its owner told."""
    return Device(
        name=device_name(machine),
        label=label,
        device_type=tuple(device_type),
        cpu=machine.cpu,
        cpu_cores=machine.cores,
        processor_kind=("CPU",),
        ram_mib=machine.memory_mib,
        operating_system=(machine.system.split(" ")[0],),
        os_release=machine.system,
        price_usd=price_usd,
        price_evidence=None if price_usd is None else Grade.DECLARED,
        price_source=None if price_usd is None else f"the owner, {told.isoformat()}",
        specification_source="read by DLOM on the machine itself",
        fingerprint=machine.fingerprint,
    )


def measured_records(
    measured: Measured,
    *,
    network: Network | str,
    optimization: Optimization | str,
    purpose: str,
    device: Device,
    data_set: DataSet | str | None = None,
    trained_network: TrainedNetwork | None = None,
    derived_from: str | None = None,
    original_accuracy_percent: float | None = None,
    application_area: tuple[str, ...] | None = None,
    commercial_use: bool | None = None,
    label: str | None = None,
    source: str = LOCAL.name,
) -> list[Record]:
    """What to register for one measured file.

    `network`, `optimization` and `data_set` (on which accuracy was measured) are records, or the names of things that
    the graph already has; `derived_from` is the model that this one was made from, `original_accuracy_percent` the
    accuracy of the float original on the same examples. Names follow from the measurement, so that the same one
    registered twice is one. Raises ValueError when the device is another machine than the one that measured, or
    accuracy was measured and no data set is named.
    """
    if device.fingerprint not in (None, measured.machine.fingerprint):
        raise ValueError(
            f"the figures were measured on machine {measured.machine.fingerprint}, not on {device.name} "
            f"({device.fingerprint}); name the device that measured"
        )
    if measured.accuracy_percent is not None and data_set is None:
        raise ValueError(f"accuracy {measured.accuracy_percent:g} % means nothing without its data set; name it")
    act = f"local-{hashlib.sha256(measured.to_json().encode()).hexdigest()[:DIGITS]}"
    performances = _performances(measured, act, data_set, original_accuracy_percent, source)
    model = Model(
        name=model_name(measured.sha256, measured.runtime, device.name),
        label=label,
        source=source,
        network=_name(network),
        trained_network=trained_network.name if trained_network else None,
        optimization=_name(optimization),
        device=device.name,
        runtime=measured.runtime,
        purpose=purpose,
        application_area=application_area,
        year_created=_day(measured).year if trained_network else None,  # a file that was brought is of unknown age
        commercial_use=commercial_use,
        artifact=measured.sha256,
        derived_from=derived_from,
        performance=tuple(p.name for p in performances),
    )
    run = MeasurementRun(
        name=act,
        threads=measured.threads,
        repetitions=measured.repetitions,
        p95_latency_ms=measured.latency_p95_ms,
        throughput_batch=measured.throughput_batch,
        installation=(
            f"{measured.machine.cpu}, {measured.machine.cores} cores, {measured.machine.memory_mib:g} MiB, "
            f"{measured.machine.system}; {measured.versions}"
        ),
        noisy=measured.noisy,
        ended=_day(measured),
    )
    file = Artifact(
        name=measured.sha256, format=measured.format, file_size_kib=measured.size_kib, file_name=measured.file_name
    )
    told = [r for r in (network, optimization, data_set, trained_network) if isinstance(r, Record)]
    return [device, *_runtime(measured.runtime), *told, file, run, *performances, model]


def _performances(
    measured: Measured, act: str, data_set: DataSet | str | None, original: float | None, source: str
) -> list[Performance]:
    """Two, because a later measurement may give the one without the other."""
    noisy = "; noisy: the repeats spread too much to be trusted to 10 %" if measured.noisy else ""
    found = [
        Performance(
            name=f"{act}-speed",
            inference_latency_ms=measured.latency_p50_ms,
            throughput_per_s=measured.throughput_per_s,
            peak_memory_mib=measured.peak_memory_mib,
            size_kib=measured.size_kib,
            runtime_version=measured.runtime_version,
            evidence=Grade.MEASURED,
            source=source,
            source_detail=f"median of {measured.repetitions} runs, {measured.threads} threads{noisy}",
            obtained=_day(measured),
            current=True,
            generated_by=act,
        )
    ]
    if measured.accuracy_percent is not None:
        found.append(
            Performance(
                name=f"{act}-accuracy",
                accuracy_percent=measured.accuracy_percent,
                accuracy_low_percent=measured.accuracy_low_percent,
                accuracy_high_percent=measured.accuracy_high_percent,
                metric=METRIC,
                test_set=_name(data_set),
                samples=measured.samples,
                original_value=original,
                runtime_version=measured.runtime_version,
                evidence=Grade.MEASURED,
                source=source,
                source_detail=f"on the examples with SHA-256 {measured.data_sha256}",
                obtained=_day(measured),
                current=True,
                generated_by=act,
            )
        )
    return found


def _runtime(name: str) -> list[Runtime]:
    """The runtime as the shelf describes it: all of them run on the CPU. None for one that is not on the shelf."""
    return [
        Runtime(name=name, label=f"{spec.label} on CPU", library=spec.label, compute_unit="CPU")
        for spec in RUNTIMES
        if spec.name == name
    ]


def _name(thing: Record | str | None) -> str | None:
    return thing.name if isinstance(thing, Record) else thing


def _day(measured: Measured) -> date:
    return datetime.fromisoformat(measured.measured_at).date()
