"""What one measurement of one file gives: plain data that crosses processes and machines as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine that measured. Its identity is the fingerprint of processor model, cores and memory."""

    fingerprint: str  # 12 hexadecimal digits
    cpu: str
    cores: int  # that this process may use
    memory_mib: float
    system: str  # operating system and its release


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Figures of one file, on one machine, with one runtime; `None` is not measured. Latency is of batch 1, warm."""

    sha256: str
    file_name: str
    format: str  # h5, keras, tflite or onnx
    runtime: str  # the local name of `rt:`, such as litert-cpu
    runtime_version: str
    size_kib: float
    latency_p50_ms: float
    latency_p95_ms: float
    repetitions: int
    throughput_per_s: float  # at the batch size that gave most
    throughput_batch: int
    peak_memory_mib: float  # of the process that ran the model, above what it needed before loading it
    accuracy_percent: float | None
    accuracy_low_percent: float | None  # 95 % interval (Wilson 1927)
    accuracy_high_percent: float | None
    samples: int | None
    data_sha256: str | None
    threads: int
    noisy: bool  # the repeats spread too much to be trusted to 10 %
    machine: Machine
    versions: str  # of Python, the runtime and numpy
    measured_at: str  # ISO 8601, UTC

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Measured:
        """What `to_json` wrote. Raises ValueError for anything else."""
        try:
            data: dict[str, Any] = json.loads(text)
            machine = Machine(**data.pop("machine"))
            known = {f.name for f in fields(cls)} - {"machine"}
            if set(data) != known:
                raise ValueError(f"fields differ: {sorted(set(data) ^ known)}")
            return cls(machine=machine, **data)
        except (TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a measurement: {error}") from error
