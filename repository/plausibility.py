"""Whether figures can be true, before they are stored: the wrong unit, the wrong column, a copied row.

Pure functions on records. An error refuses the record, a warning is shown beside it. The factors are rules of thumb;
each message has the values, so that a person can judge.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ontology.records import (
    Device,
    MeasurementRun,
    Model,
    Network,
    Optimization,
    Performance,
    Record,
    TrainedNetwork,
    figure_kinds,
)
from repository.projection import Coded, Projection

FACTOR_OF_UNITS = 1000.0  # between s, ms and µs
FAR = 30.0  # times outside what is known, where another unit would explain it
NEAR = 3.0  # times outside what is known, and still likely
TOO_FAR = 1000.0  # times outside what is known, which nothing explains
BESIDE_WEIGHTS_KIB = 64.0  # what a file may hold beside its weights: graph, names, padding
_WEIGHT_BITS = re.compile(r"(?:w|float)(\d+)")  # w8a8, w8, float16
_TIMES = ("inference_latency_ms", "system_latency_ms")


class Severity(StrEnum):
    """An error refuses what is registered, a warning asks the reader to look again."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong: in which record and field, why, and what to try."""

    severity: Severity
    record: str
    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        """The sentence for a person."""
        return f"{self.message}; {self.remedy}"


@dataclass(frozen=True)
class Span:
    """The least and the greatest known latency of a group, in ms."""

    lowest: float
    highest: float

    def times_outside(self, value: float) -> float:
        """By which factor a value lies below or above the span; 1 within it."""
        return max(self.lowest / value, value / self.highest, 1.0)


@dataclass(frozen=True)
class Known:
    """What the graph knows that figures can be compared with; empty when nothing is to be compared."""

    on_device: Mapping[tuple[str, str], Span] = field(default_factory=dict)  # network, device
    of_kind: Mapping[tuple[str, str], Span] = field(default_factory=dict)  # family of networks, kind of device
    same_latency: Mapping[tuple[str, float], frozenset[str]] = field(default_factory=dict)  # network, ms → devices
    families: Mapping[str, str] = field(default_factory=dict)  # of networks
    device_types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    precisions: Mapping[str, str] = field(default_factory=dict)  # of optimizations


def known(projection: Projection) -> Known:
    """What a graph knows, from its columns."""
    latencies = projection.columns["inference_latency_ms"]
    families, precisions = projection.columns["family"], projection.columns["precision"]
    assert not isinstance(latencies, Coded)
    assert isinstance(families, Coded) and isinstance(precisions, Coded)
    kinds = {name: tuple(said.get("device_type", ())) for name, said in projection.devices.items()}
    on_device: dict[tuple[str, str], list[float]] = defaultdict(list)
    of_kind: dict[tuple[str, str], list[float]] = defaultdict(list)
    same: dict[tuple[str, float], set[str]] = defaultdict(set)
    family_of: dict[str, str] = {}
    precision_of: dict[str, str] = {}
    listed = projection.models[["network", "device", "optimization"]].itertuples(index=False)
    for row, (network, device, optimization) in enumerate(listed):
        precision = precisions[row]
        if isinstance(precision, frozenset):
            precision_of[str(optimization)] = next(iter(precision))
        named = families[row]
        family = next(iter(named)) if isinstance(named, frozenset) else ""
        if family:
            family_of[str(network)] = family
        latency = float(latencies[row])
        if not isinstance(device, str) or not latency > 0:
            continue
        on_device[network, device].append(latency)
        same[network, latency].add(device)
        for kind in kinds.get(device, ()) if family else ():
            of_kind[family, kind].append(latency)
    return Known(
        {key: Span(min(v), max(v)) for key, v in on_device.items()},
        {key: Span(min(v), max(v)) for key, v in of_kind.items()},
        {key: frozenset(v) for key, v in same.items()},
        family_of,
        kinds,
        precision_of,
    )


def findings(records: Sequence[Record], against: Known | None = None, *, batch: int = 1) -> list[Finding]:
    """Everything that looks wrong in the records, errors first.

    Models are compared with `against`; `batch` is the number of inputs at a time for which throughput is stated, where
    no measurement run tells it.
    """
    named = {(r.prefix, r.name): r for r in records}
    against = _extended(against or Known(), records)
    found: list[Finding] = []
    for record in records:
        if isinstance(record, Performance):
            run = named.get(("run", record.generated_by or ""))
            stated = run.throughput_batch if isinstance(run, MeasurementRun) else None
            found += [*_ranges(record), *_accuracy(record), *_pace(record, stated or batch)]
        elif isinstance(record, Model):
            for name in record.performance or ():
                performance = named.get(("p", name))
                if isinstance(performance, Performance):
                    found += [*_size(performance, record, named, against), *_latency(performance, record, against)]
    return sorted(found, key=lambda f: f.severity is Severity.WARNING)


def _ranges(p: Performance) -> Iterator[Finding]:
    for kind in figure_kinds():
        value = getattr(p, kind.name)
        if value is None or kind.name == "metric_value":
            continue
        shown = f"{_words(kind.name)} {value:g} {kind.unit}".rstrip()
        if not math.isfinite(value):
            yield _error(p, kind.name, f"{shown} is not a number", "leave a figure that is not known empty")
        elif value < 0 and kind.name != "stability_percent":
            yield _error(p, kind.name, f"{shown} is negative", "leave a figure that is not known empty")
        elif value == 0 and kind.name != "accuracy_percent":
            yield _error(p, kind.name, f"{shown} says that it needs nothing", "leave a figure that is not known empty")


def _accuracy(p: Performance) -> Iterator[Finding]:
    value = p.accuracy_percent
    if value is None or not math.isfinite(value) or value < 0:
        return
    if value > 100:
        yield _error(p, "accuracy_percent", f"accuracy {value:g} % is above 100 %", "check the column")
    elif 0 < value <= 1:
        yield _error(
            p,
            "accuracy_percent",
            f"accuracy {value:g} % reads as a fraction",
            f"write {100 * value:g}, or name the column accuracy (fraction)",
        )


def _pace(p: Performance, batch: int) -> Iterator[Finding]:
    """One input at a time, latency in ms × throughput in 1/s is 1000; batches and several cores give more."""
    latency, throughput = p.inference_latency_ms, p.throughput_per_s
    if not latency or not throughput or latency < 0 or throughput < 0:
        return
    ratio = latency * throughput / 1000
    message = f"latency {latency:g} ms and throughput {throughput:g} 1/s do not fit: {1000 / latency:.3g} 1/s expected"
    message += f" for one input at a time, and at most a few times {batch} as many in batches of {batch}"
    if ratio < 1 / 100 or ratio > 100 * batch:
        yield _error(p, "inference_latency_ms", message, "check whether the latency is in seconds or microseconds")
    elif ratio < 1 / 5 or ratio > 5 * batch:
        yield _warning(p, "throughput_per_s", message, "check both, and state the batch size")


def _size(p: Performance, model: Model, named: Mapping[tuple[str, str], Record], against: Known) -> Iterator[Finding]:
    trained = named.get(("tn", model.trained_network or ""))
    parameters = trained.parameters if isinstance(trained, TrainedNetwork) else None
    bits = _bits(model, against)
    if not p.size_kib or p.size_kib < 0 or not parameters or bits is None:
        return
    expected = parameters * bits / 8 / 1024
    if expected / NEAR <= p.size_kib <= NEAR * expected + BESIDE_WEIGHTS_KIB:
        return
    message = (
        f"size {p.size_kib:g} KiB does not fit {parameters:,} parameters of {bits} bits: {expected:.3g} KiB expected"
    )
    if expected / 100 <= p.size_kib <= 100 * expected + BESIDE_WEIGHTS_KIB:
        yield _warning(p, "size_kib", message, "check the unit of both columns; a file may also hold optimizer state")
    else:
        yield _error(
            p, "size_kib", message, "check the unit of both columns (KiB, and parameters rather than millions)"
        )


def _latency(p: Performance, model: Model, against: Known) -> Iterator[Finding]:
    """Against the nearest group that is known: this network on this device, else its family on such devices."""
    value = p.inference_latency_ms
    if value is None or value <= 0 or not math.isfinite(value) or model.network is None or model.device is None:
        return
    family = against.families.get(model.network, "")
    groups = [(against.on_device.get((model.network, model.device)), f"{model.network} on {model.device}")]
    groups += [
        (against.of_kind.get((family, kind)), f"{family} networks on a {kind.replace('-', ' ')}")
        for kind in against.device_types.get(model.device, ())
    ]
    span, group = next(((s, g) for s, g in groups if s is not None), (None, ""))
    if span is not None:
        yield from _outside(p, value, span, group)
    others = against.same_latency.get((model.network, value), frozenset()) - {model.device}
    if others:
        yield _warning(
            p,
            "inference_latency_ms",
            f"latency {value:g} ms is exactly that of {model.network} on {', '.join(sorted(others))}",
            f"check that it was measured on {model.device}",
        )


def _outside(p: Performance, value: float, span: Span, group: str) -> Iterator[Finding]:
    away = span.times_outside(value)
    if away <= FAR:
        return
    message = f"latency {value:g} ms is {away:,.0f} times outside what is known of {group}"
    message += f" ({span.lowest:g} to {span.highest:g} ms)"
    for factor, unit in ((FACTOR_OF_UNITS, "seconds"), (1 / FACTOR_OF_UNITS, "microseconds")):
        if span.times_outside(value * factor) <= NEAR:
            told = f"it looks like {unit}: {value * factor:g} ms would fit, so name the column latency ({unit})"
            yield _error(p, "inference_latency_ms", message, told)
            return
    if away > TOO_FAR:
        yield _error(p, "inference_latency_ms", message, "check the unit and the device")
    else:
        yield _warning(p, "inference_latency_ms", message, "check the unit and the device")


def _bits(model: Model, against: Known) -> int | None:
    """Of one stored weight, as far as the precision tells: `float` is 32 bits."""
    precision = against.precisions.get(model.optimization or "", model.optimization or "")
    match = _WEIGHT_BITS.match(precision)
    return int(match[1]) if match else 32 if precision == "float" else None


def _extended(against: Known, records: Sequence[Record]) -> Known:
    """With the networks, devices and optimizations that are registered at the same time."""
    families = {r.name: r.family for r in records if isinstance(r, Network) and r.family}
    kinds = {r.name: r.device_type for r in records if isinstance(r, Device) and r.device_type}
    precisions = {
        r.name: f"w{r.weight_bits}" if r.weight_bits else r.precision or r.name
        for r in records
        if isinstance(r, Optimization) and (r.weight_bits or r.precision)
    }
    return replace(
        against,
        families={**against.families, **families},
        device_types={**against.device_types, **kinds},
        precisions={**against.precisions, **precisions},
    )


def _words(name: str) -> str:
    return name.rsplit("_", 1)[0].removesuffix("_per").replace("_", " ")


def _error(p: Performance, field: str, message: str, remedy: str) -> Finding:
    return Finding(Severity.ERROR, p.name, field, message, remedy)


def _warning(p: Performance, field: str, message: str, remedy: str) -> Finding:
    return Finding(Severity.WARNING, p.name, field, message, remedy)


__all__ = ["Finding", "Known", "Severity", "Span", "findings", "known"]
