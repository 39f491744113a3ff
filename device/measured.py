"""What one measurement of one file gives: plain data that crosses processes and machines as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, asdict, dataclass, fields
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
    """Figures of one file, on one machine, with one runtime; `None` is not measured. Latency is of batch 1, warm.

    The fields with a default came later than the first installations; what was written without them is still read.
    """

    sha256: str
    file_name: str
    format: str  # h5, keras, tflite, onnx …
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

    latency_p99_ms: float | None = None
    latency_spread_percent: float | None = None  # (largest − smallest) / middle of the blocks' medians
    attempts: int = 1  # how often latency was timed because of noise; the quietest is given
    other_load: float | None = None  # mean cores that other processes kept busy meanwhile
    cores_used: float | None = None  # mean cores that this process kept busy meanwhile
    pinned_cores: tuple[int, ...] = ()  # the only cores that the process was allowed; empty: it was not pinned
    size_gzip_kib: float | None = None  # of the file, by gzip at its highest level
    throughputs: tuple[tuple[int, float], ...] = ()  # (inputs at a time, inputs per second)
    system_latency_ms: float | None = None  # from the raw example to the answer, median
    system_steps: str = ""  # what that included
    energy_mj: float | None = None  # millijoules per inference
    energy_meter: str = ""  # which meter, and what it counts
    balanced_accuracy_percent: float | None = None  # this and the three below: means over the classes, all alike
    precision_percent: float | None = None
    recall_percent: float | None = None
    f1_percent: float | None = None
    metric: str | None = None  # top-1, map, rmse or mard; None: the data say nothing of what is right
    metric_value: float | None = None  # percent, but rmse in the unit of y
    further_metrics: tuple[tuple[str, float], ...] = ()  # (name, value) from the same outputs, such as ap50
    stability_percent: float | None = None  # 100 × (1 − standard deviation / mean) of the metric over `folds`
    stability_variance: float | None = None
    folds: int | None = None
    arithmetic: str = "not told"  # the precision that the runtime really computed in
    sealed: tuple[str, ...] = ()  # what was closed to the process that ran the file
    # (largest − smallest) / middle of what the blocks of the figure's own timing gave
    throughput_spread_percent: float | None = None
    system_latency_spread_percent: float | None = None
    energy_spread_percent: float | None = None

    @property
    def quality(self) -> float | None:
        """How good the answers are, by `metric`; None is not measured. Older versions wrote an accuracy alone."""
        return self.metric_value if self.accuracy_percent is None else self.accuracy_percent

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Measured:
        """What `to_json` wrote, now or before fields were added. Raises ValueError for anything else."""
        try:
            data: dict[str, Any] = json.loads(text)
            given = data.pop("machine")
            return cls(machine=Machine(**_checked(Machine, given)), **_checked(cls, data, without="machine"))
        except (TypeError, KeyError, AttributeError, OverflowError, RecursionError, json.JSONDecodeError) as error:
            raise ValueError(f"not a measurement: {type(error).__name__} {error}") from error


_PAIRS = {"tuple[tuple[int, float], ...]": (int, float), "tuple[tuple[str, float], ...]": (str, float)}
_LISTS: dict[str, type] = {"tuple[int, ...]": int, "tuple[str, ...]": str}
_PLAIN: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


def _checked(kind: type[Machine] | type[Measured], data: dict[str, Any], without: str = "") -> dict[str, Any]:
    """`data` as the fields of `kind` declare it. Raises ValueError for a field too many, too few or of another type."""
    known = {f.name: f for f in fields(kind) if f.name != without}
    unknown = sorted(data.keys() - known.keys())
    missing = sorted(name for name, f in known.items() if f.default is MISSING and name not in data)
    if unknown or missing:
        raise ValueError(f"fields differ: {', '.join([*unknown, *missing])}")
    return {name: _read(name, str(known[name].type), value) for name, value in data.items()}


def _read(name: str, declared: str, value: Any) -> Any:
    if declared.endswith(" | None"):
        if value is None:
            return None
        declared = declared.removesuffix(" | None")
    if declared in _PLAIN and _is(value, _PLAIN[declared]):
        return value
    if declared in _LISTS and isinstance(value, list) and all(_is(v, _LISTS[declared]) for v in value):
        return tuple(value)
    if declared in _PAIRS and isinstance(value, list):
        first, second = _PAIRS[declared]
        if all(isinstance(v, list) and len(v) == 2 and _is(v[0], first) and _is(v[1], second) for v in value):
            return tuple((v[0], v[1]) for v in value)
    raise ValueError(f"not a measurement: {name} is {str(value)[:60]}, not {declared}")


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
