"""One measurement that the tests register: a small net for flowers, on a machine of two cores."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from device.measured import Machine, Measured
from ontology.records import Device, Network, Record, TrainedNetwork
from repository.measured import local_device, measured_records

MACHINE = Machine(fingerprint="0a1b2c3d4e5f", cpu="A CPU", cores=2, memory_mib=3900.5, system="Linux 6.1.0")
MEASURED = Measured(
    sha256="3f9a1c" + "0" * 58,
    file_name="tulips.tflite",
    format="tflite",
    runtime="litert-cpu",
    runtime_version="2.3.0",
    size_kib=120.0,
    latency_p50_ms=2.0,
    latency_p95_ms=2.5,
    repetitions=500,
    throughput_per_s=480.0,
    throughput_batch=1,
    peak_memory_mib=3.0,
    accuracy_percent=90.0,
    accuracy_low_percent=82.0,
    accuracy_high_percent=95.0,
    samples=100,
    data_sha256="d" * 64,
    threads=1,
    noisy=False,
    machine=MACHINE,
    versions="Python 3.11, LiteRT 2.3.0",
    measured_at="2026-11-20T10:00:00+00:00",
)
MODEL = "local-3f9a1c000000-litert-cpu-0a1b2c3d4e5f"


def the_device(price_usd: float = 80.0) -> Device:
    return local_device(
        MACHINE, label="My board", device_type=("single-board-computer",), price_usd=price_usd, told=date(2026, 11, 20)
    )


def the_records(measured: Measured = MEASURED, **more: object) -> list[Record]:
    given: dict[str, object] = {
        "network": Network(name="report-cnn", label="CNN of the report", family="CNN"),
        "optimization": "w8a8",
        "purpose": "image-classification",
        "device": the_device(),
        "data_set": "flowers-test",
        "trained_network": TrainedNetwork(
            name="local-tulips", network="report-cnn", training_data_set="flowers", parameters=119_652, seed=7
        ),
    }
    return measured_records(measured, **(given | more))  # type: ignore[arg-type]


def again(**more: object) -> Measured:
    """The same file, measured a day later."""
    return replace(MEASURED, measured_at="2026-11-21T10:00:00+00:00", **more)  # type: ignore[arg-type]
