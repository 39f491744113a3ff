"""One measurement by `device/` as the records that are registered: model, figures, run, file, lineage, machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import MISSING, fields
from datetime import date, datetime
from typing import Any

from device.data import MAP, TOP1
from device.measured import Machine, Measured
from device.runtimes import RUNTIMES
from device.runtimes.contract import NOT_TOLD
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
MAP_OF_LABELS = "map-labels"
AP50 = "ap50"  # which is given beside the mean average precision of detectors, and of nothing else


def device_name(machine: Machine) -> str:
    """The local name of `dev:` for a machine that DLOM measured on: the same after every restart."""
    return f"local-{machine.fingerprint}"


def model_name(sha256: str, runtime: str, device: str) -> str:
    """The name of a model that has a file: content, runtime without version, device."""
    return f"local-{sha256[:DIGITS]}-{runtime}-{device.removeprefix('local-')}"


def trained_name(sha256: str) -> str:
    """The name of the trained network that a file holds."""
    return f"local-{sha256[:DIGITS]}"


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
    trained_network: TrainedNetwork | str | None = None,
    derived_from: str | None = None,
    original_value: float | None = None,
    application_area: tuple[str, ...] | None = None,
    commercial_use: bool | None = None,
    label: str | None = None,
    device_package: str | None = None,
    source: str = LOCAL.name,
) -> list[Record]:
    """What to register for one measured file.

    `network`, `optimization`, `trained_network` and `data_set` (on which quality was measured) are records, or the
    names of things that the graph already has; `derived_from` is the model that this one was made from,
    `original_value` the same metric of the float original on the same examples, `device_package` what measured
    on another device. Names follow from the measurement, so that the same one registered twice is one. Raises
    ValueError when the device is another machine than the one that measured, or quality was measured and no data set
    is named.
    """
    if device.fingerprint not in (None, measured.machine.fingerprint):
        raise ValueError(
            f"the figures were measured on machine {measured.machine.fingerprint}, not on {device.name} "
            f"({device.fingerprint}); name the device that measured"
        )
    if measured.accuracy_percent is not None and data_set is None:
        raise ValueError(f"accuracy {measured.accuracy_percent:g} % means nothing without its data set; name it")
    if measured.metric_value is not None and data_set is None:
        raise ValueError(f"{measured.metric} {measured.metric_value:g} means nothing without its data set; name it")
    act = act_name(measured)
    performances = _performances(measured, act, data_set, original_value, source)
    model = Model(
        name=model_name(measured.sha256, measured.runtime, device.name),
        label=label,
        source=source,
        network=_name(network),
        trained_network=_name(trained_network),
        optimization=_name(optimization),
        device=device.name,
        runtime=measured.runtime,
        purpose=purpose,
        application_area=application_area,
        # A file that was brought is of unknown age, one that was trained before is not made anew.
        year_created=_day(measured).year if isinstance(trained_network, TrainedNetwork) else None,
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
        p99_latency_ms=measured.latency_p99_ms,
        latency_spread_percent=measured.latency_spread_percent,
        system_latency_spread_percent=measured.system_latency_spread_percent,
        throughput_spread_percent=measured.throughput_spread_percent,
        energy_spread_percent=measured.energy_spread_percent,
        attempts=measured.attempts if measured.latency_spread_percent is not None else None,  # both came at one time
        throughput_batch=measured.throughput_batch,
        throughput_by_batch=tuple(f"{batch}: {rate:.6g}" for batch, rate in measured.throughputs) or None,
        cores_used=measured.cores_used,
        other_load=measured.other_load,
        arithmetic=None if measured.arithmetic == NOT_TOLD else measured.arithmetic,
        system_steps=measured.system_steps or None,
        energy_meter=measured.energy_meter or None,
        data_sha256=measured.data_sha256 if measured.latency_spread_percent is not None else None,
        device_package=device_package,
        installation=(
            f"{measured.machine.cpu}, {measured.machine.cores} cores, {measured.machine.memory_mib:g} MiB, "
            f"{measured.machine.system}; {measured.versions}"
        ),
        noisy=measured.noisy,
        ended=_day(measured),
    )
    file = Artifact(
        name=measured.sha256,
        format=measured.format,
        file_size_kib=measured.size_kib,
        gzip_size_kib=measured.size_gzip_kib,
        file_name=measured.file_name,
    )
    told = [r for r in (network, optimization, data_set, trained_network) if isinstance(r, Record)]
    return [device, *_runtime(measured.runtime), *told, file, run, *performances, model]


def act_name(measured: Measured) -> str:
    """The local name of the act: a digest of what was measured, whenever it is read.

    What has the default that it got when it was added is left out, so that a measurement of an older version keeps
    the name under which it was registered then.
    """
    default = {f.name: json.loads(json.dumps(f.default)) for f in fields(Measured) if f.default is not MISSING}
    told = {k: v for k, v in json.loads(measured.to_json()).items() if k not in default or v != default[k]}
    return f"local-{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:DIGITS]}"


def metric_of(measured: Measured) -> str | None:
    """The `metric:` of its quality: mean average precision is of detected boxes, or of several labels an example."""
    if measured.metric == MAP:
        return "map-50-95" if any(name == AP50 for name, _ in measured.further_metrics) else MAP_OF_LABELS
    return measured.metric


def _performances(
    measured: Measured, act: str, data_set: DataSet | str | None, original: float | None, source: str
) -> list[Performance]:
    """Two, because a later measurement may give the one without the other."""
    shared: dict[str, Any] = {
        "runtime_version": measured.runtime_version,
        "evidence": Grade.MEASURED,
        "source": source,
        "obtained": _day(measured),
        "current": True,
        "generated_by": act,
    }
    found = [
        Performance(
            name=f"{act}-speed",
            inference_latency_ms=measured.latency_p50_ms,
            system_latency_ms=measured.system_latency_ms,
            throughput_per_s=measured.throughput_per_s,
            energy_mj=measured.energy_mj,
            peak_memory_mib=measured.peak_memory_mib,
            size_kib=measured.size_kib,
            source_detail=_how_timed(measured),
            **shared,
        )
    ]
    tested = shared | {
        "test_set": _name(data_set),
        "samples": measured.samples,
        "original_value": original,
        "stability_percent": measured.stability_percent,  # of the same answers, by folds
        "stability_variance": measured.stability_variance,
        "folds": measured.folds,
    }
    on = f"on the examples with SHA-256 {measured.data_sha256}"
    if measured.accuracy_percent is not None:
        found.append(
            Performance(
                name=f"{act}-accuracy",
                accuracy_percent=measured.accuracy_percent,
                accuracy_low_percent=measured.accuracy_low_percent,
                accuracy_high_percent=measured.accuracy_high_percent,
                balanced_accuracy_percent=measured.balanced_accuracy_percent,
                precision_percent=measured.precision_percent,
                recall_percent=measured.recall_percent,
                f1_percent=measured.f1_percent,
                metric=TOP1,
                source_detail=on,
                **tested,
            )
        )
    elif measured.metric_value is not None:
        beside = "".join(f"; {name} {value:.4g}" for name, value in measured.further_metrics)
        found.append(
            Performance(
                name=f"{act}-quality",
                metric_value=measured.metric_value,
                metric=metric_of(measured),
                source_detail=f"{on}{beside}",
                **tested,
            )
        )
    return found


def _how_timed(measured: Measured) -> str:
    cores = ", ".join(map(str, measured.pinned_cores))
    pinned = f", on the cores {cores} alone" if cores else ""
    noisy = "; noisy: the repeats spread too much to be trusted to 10 %" if measured.noisy else ""
    again = f"; timed {measured.attempts} times, the quietest counts" if measured.attempts > 1 else ""
    return f"median of {measured.repetitions} runs, {measured.threads} threads{pinned}{noisy}{again}"


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
