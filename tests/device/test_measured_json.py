"""A measurement as JSON: what was written before fields were added is still read, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from device.measured import Machine, Measured

FULL = Measured(
    sha256="ab" * 32,
    file_name="net.tflite",
    format="tflite",
    runtime="litert-cpu",
    runtime_version="2.3.0",
    size_kib=129.4,
    latency_p50_ms=0.02,
    latency_p95_ms=0.021,
    repetitions=1000,
    throughput_per_s=54700,
    throughput_batch=64,
    peak_memory_mib=3.5,
    accuracy_percent=89.43,
    accuracy_low_percent=88.8,
    accuracy_high_percent=90.0,
    samples=10_000,
    data_sha256="cd" * 32,
    threads=1,
    noisy=False,
    machine=Machine(fingerprint="ecb3aef9b10b", cpu="EPYC", cores=2, memory_mib=24105.6, system="Linux 6.1"),
    versions="Python 3.11.7, LiteRT 2.3.0, numpy 2.4.6",
    measured_at="2026-11-20T11:39:43+00:00",
    pinned_cores=(0, 1),
    throughputs=((1, 45_000.0), (64, 54_700.0)),
    further_metrics=(("ap50", 61.5),),
    sealed=("no network",),
    throughput_spread_percent=2.5,
)
# The fields of the first version.
FIRST = [
    "sha256", "file_name", "format", "runtime", "runtime_version", "size_kib", "latency_p50_ms", "latency_p95_ms",
    "repetitions", "throughput_per_s", "throughput_batch", "peak_memory_mib", "accuracy_percent",
    "accuracy_low_percent", "accuracy_high_percent", "samples", "data_sha256", "threads", "noisy", "machine",
    "versions", "measured_at",
]  # fmt: skip


def test_what_is_written_is_read() -> None:
    assert Measured.from_json(FULL.to_json()) == FULL


def test_a_record_of_the_first_version_is_read() -> None:
    old = {name: value for name, value in json.loads(FULL.to_json()).items() if name in FIRST}
    found = Measured.from_json(json.dumps(old))
    assert found == replace(
        FULL, pinned_cores=(), throughputs=(), further_metrics=(), sealed=(), throughput_spread_percent=None
    )
    assert (found.latency_p99_ms, found.attempts, found.arithmetic) == (None, 1, "not told")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"latency_ms": 1.0}, "fields differ: latency_ms"),
        ({"threads": 1.5}, "threads is 1.5, not int"),
        ({"threads": True}, "threads is True, not int"),
        ({"size_kib": True}, "size_kib is True, not float"),
        ({"noisy": 1}, "noisy is 1, not bool"),
        ({"latency_p50_ms": float("nan")}, "latency_p50_ms is nan, not float"),
        ({"latency_p50_ms": None}, "latency_p50_ms is None, not float"),
        ({"energy_spread_percent": "wide"}, "energy_spread_percent is wide, not float"),
        ({"energy_mj": "much"}, "energy_mj is much, not float"),
        ({"throughputs": [[1, 2, 3]]}, r"throughputs is \[\[1, 2, 3\]\], not tuple"),
        ({"pinned_cores": ["0"]}, "pinned_cores is"),
        ({"size_kib": 10**400}, "not a measurement: OverflowError int too large"),
        ({"machine": {"fingerprint": "a"}}, "fields differ: cores, cpu, memory_mib, system"),
        ({"machine": None}, "not a measurement"),
    ],
)
def test_anything_else_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Measured.from_json(json.dumps(json.loads(FULL.to_json()) | change))


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", "[" * 100_000])
def test_text_that_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a measurement"):
        Measured.from_json(text)
