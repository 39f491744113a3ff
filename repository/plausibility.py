"""Whether figures can be true, before they are stored: the wrong unit, the wrong column, a copied row.

Pure functions on records. An error refuses the record, a warning is shown beside it. Some figures are impossible, such
as an accuracy above 100 %; others only differ from everything that is known, and a person who has looked again may say
that they are right (`sure`). The factors are rules of thumb; each message has the values, so that a person can judge.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ontology.records import (
    MeasurementRun,
    Model,
    Performance,
    Record,
    TrainedNetwork,
    figure_kinds,
)
from repository.comparables import Group, Known, known

HALF_A_SLIP = 1000**0.5  # from here on a value is nearer to another unit's than to its own, on a logarithmic scale
WIDE = 10.0  # greatest over least of what is known, from which on the known ones are of little help
NEAR = 3.0  # times outside what is known, and still likely
POINTS = 30.0  # percentage points between accuracies of one network on the same test data
SMALL_KIB = 1024.0  # below this a file's size says little of what its run needs
BESIDE_WEIGHTS_KIB = 64.0  # what a file may hold beside its weights: graph, names, padding
# Each weight is read once for an input. End devices of 2026 read less than 300 GB/s from memory, more from caches.
FAST_GB_PER_S, TOO_FAST_GB_PER_S = 1000.0, 10_000.0
OF_DEVICE = (
    "inference_latency_ms", "system_latency_ms", "throughput_per_s", "average_power_w", "energy_mj", "peak_memory_mib",
    "average_memory_mib",
)  # fmt: skip
"""Figures that differ from device to device, so that two equal ones are no accident."""
DIGITS_OF_A_COPY = 5  # significant digits, all figures together, that do not agree by accident
_WEIGHT_BITS = re.compile(r"(?:w|float)(\d+)")  # w8a8, w8, float16


class Severity(StrEnum):
    """An error refuses what is registered, a warning asks the reader to look again."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong: in which record and field, why, and what to try.

    `rule` is its short name; `may_be_right` marks an error that a person may overrule who has looked again.
    """

    severity: Severity
    record: str
    field: str
    message: str
    remedy: str
    rule: str = ""
    may_be_right: bool = False

    def __str__(self) -> str:
        """The sentence for a person."""
        return f"{self.message}; {self.remedy}"


@dataclass(frozen=True)
class _Case:
    """A performance with all that its figures are judged by."""

    p: Performance
    model: Model
    trained: TrainedNetwork | None
    known: Known
    batch: int

    @property
    def bits(self) -> int | None:
        """Of one stored weight, as far as the precision tells: `float` is 32 bits."""
        precision = self.known.precisions.get(self.model.optimization or "", self.model.optimization or "")
        match = _WEIGHT_BITS.match(precision)
        return int(match[1]) if match else 32 if precision == "float" else None

    @property
    def weights_kib(self) -> float | None:
        """What the parameters take at this precision."""
        parameters = self.trained.parameters if self.trained else None
        return None if not parameters or self.bits is None else parameters * self.bits / 8 / 1024

    def nearest(self, figure: str) -> Group | None:
        """The models most like this one that have the figure: this network on this device first, its family last."""
        m, against = self.model, self.known
        like = {
            "network": m.network or "",
            "device": m.device or "",
            "unit": against.units.get(m.runtime or "", ""),
            "kind": against.kinds.get(m.device or "", ""),
            "family": against.families.get(m.network or "", ""),
        }
        for keys in _NEAREST:
            if all(like[key] for key in keys):
                chosen = {key: like[key] for key in keys}
                found = against.group(figure, chosen, without=m.name)
                if found is not None:
                    return found
        return None


_NEAREST = (
    ("network", "device", "unit"), ("network", "kind", "unit"), ("network", "device"), ("network", "kind"),
    ("network",), ("family", "kind"),
)  # fmt: skip


def findings(
    records: Sequence[Record], against: Known | None = None, *, batch: int = 1, sure: bool = False
) -> list[Finding]:
    """Everything that looks wrong in the records, errors first.

    Models are compared with `against`, and with one another. `batch` is the number of inputs at a time for which
    throughput is stated, where no measurement run tells it. With `sure` a person has looked at what only differs from
    what is known, and it is a warning.
    """
    named = {(r.prefix, r.name): r for r in records}
    against = (against or Known()).with_records(records)
    found: list[Finding] = []
    seen: dict[tuple[str, Signature], Model] = {}
    for record in records:
        if isinstance(record, Performance):
            run = named.get(("run", record.generated_by or ""))
            stated = run.throughput_batch if isinstance(run, MeasurementRun) else None
            found += [*_ranges(record), *_accuracy(record), *_pace(record, stated or batch), *_energy(record)]
        elif isinstance(record, Model):
            trained = named.get(("tn", record.trained_network or ""))
            told = trained if isinstance(trained, TrainedNetwork) else None
            acts = [p for n in record.performance or () if isinstance(p := named.get(("p", n)), Performance)]
            for p in acts:
                case = _Case(p, record, told, against, batch)
                for rule in (_size, _latency, _memory, _reading, _level):
                    found += rule(case)
            found += _copied(record, acts, against)
            key = signature(acts)
            other = seen.setdefault((record.network or "", key), record) if key else record
            if other.device != record.device:
                found.append(_copy(acts[0], key, str(record.device), f"{other.name} on {other.device}"))
    if sure:
        found = [_allowed(f) for f in found]
    return sorted(found, key=lambda f: f.severity is Severity.WARNING)


Signature = tuple[tuple[str, float], ...]


def signature(acts: Sequence[Performance]) -> Signature:
    """The figures of a model by which a copied row is known; empty when they are too few or too round to tell.

    What is stated to be the same run as another is no copy.
    """
    given = {f: v for p in acts if p.same_run_as is None for f in OF_DEVICE if (v := getattr(p, f)) is not None}
    telling = len(given) >= 2 and sum(map(_digits, given.values())) >= DIGITS_OF_A_COPY
    return tuple(sorted(given.items())) if telling else ()


def _ranges(p: Performance) -> Iterator[Finding]:
    for kind in figure_kinds():
        value = getattr(p, kind.name)
        if value is None or kind.name == "metric_value":
            continue
        shown = f"{_words(kind.name)} {value:g} {kind.unit}".rstrip()
        if not math.isfinite(value):
            yield _error(p, kind.name, f"{shown} is not a number", "leave a figure that is not known empty", "range")
        elif value < 0 and kind.name != "stability_percent":
            yield _error(p, kind.name, f"{shown} is negative", "leave a figure that is not known empty", "range")
        elif value == 0 and kind.name != "accuracy_percent":
            told = f"{shown} says that it needs nothing"
            yield _error(p, kind.name, told, "leave a figure that is not known empty", "range")
    if (i := p.inference_latency_ms) and (s := p.system_latency_ms) and 0 < s < i < math.inf:
        told = f"system latency {s:g} ms is below inference latency {i:g} ms, which is a part of it"
        yield _warning(p, "system_latency_ms", told, "check whether the two columns are exchanged", "range")


def _accuracy(p: Performance) -> Iterator[Finding]:
    value = p.accuracy_percent
    if value is None or not math.isfinite(value) or value < 0:
        return
    if value > 100:
        yield _error(p, "accuracy_percent", f"accuracy {value:g} % is above 100 %", "check the column", "range")
    elif 0 < value <= 1:
        told = f"write {100 * value:g}, or name the column accuracy (fraction)"
        message = f"accuracy {value:g} % reads as a fraction"
        yield _error(p, "accuracy_percent", message, told, "fraction", may_be_right=True)


def _pace(p: Performance, batch: int) -> Iterator[Finding]:
    """One input at a time, latency in ms × throughput in 1/s is 1000; batches and several cores give more."""
    latency, throughput = p.inference_latency_ms, p.throughput_per_s
    if not latency or not throughput or latency < 0 or throughput < 0:
        return
    ratio = latency * throughput / 1000
    message = f"latency {latency:g} ms and throughput {throughput:g} 1/s do not fit: {1000 / latency:.3g} 1/s expected"
    message += f" for one input at a time, and at most a few times {batch} as many in batches of {batch}"
    if ratio < 1 / 100 or ratio > 100 * batch:
        told = "check whether the latency is in seconds or microseconds"
        yield _error(p, "inference_latency_ms", message, told, "pace")
    elif ratio < 1 / 5 or ratio > 5 * batch:
        yield _warning(p, "throughput_per_s", message, "check both, and state the batch size", "pace")


def _energy(p: Performance) -> Iterator[Finding]:
    """Energy of an input is power × the time that it takes: W × ms = mJ. Power of the whole device may be more."""
    latency, power, energy = p.inference_latency_ms, p.average_power_w, p.energy_mj
    if not latency or not power or not energy or min(latency, power, energy) <= 0:
        return
    away = energy / (power * latency)
    message = f"energy {energy:g} mJ does not fit {power:g} W for {latency:g} ms: {power * latency:.3g} mJ expected"
    if not 1 / HALF_A_SLIP <= away <= HALF_A_SLIP:
        yield _error(p, "energy_mj", message, "check the units: mJ, W and ms", "energy", may_be_right=True)
    elif not 1 / 5 <= away <= 5:
        yield _warning(p, "energy_mj", message, "check the three figures", "energy")


def _size(case: _Case) -> Iterator[Finding]:
    """Against the weights, else against what is known of the network, at this precision first."""
    p, expected, parameters = case.p, case.weights_kib, case.trained.parameters if case.trained else None
    if not p.size_kib or p.size_kib < 0:
        return
    if expected is None:
        yield from _size_known(case)
        return
    if expected / NEAR <= p.size_kib <= NEAR * expected + BESIDE_WEIGHTS_KIB:
        return
    message = f"size {p.size_kib:g} KiB does not fit {parameters:,} parameters of {case.bits} bits: "
    message += f"{expected:.3g} KiB expected"
    if expected / 100 <= p.size_kib <= 100 * expected + BESIDE_WEIGHTS_KIB:
        told = "check the unit of both columns; a file may also hold optimizer state"
        yield _warning(p, "size_kib", message, told, "size")
    else:
        told = "check the unit of both columns (KiB, and parameters rather than millions)"
        yield _error(p, "size_kib", message, told, "size")


def _size_known(case: _Case) -> Iterator[Finding]:
    network = {"network": case.model.network or ""}
    precise = network | {"precision": case.known.precisions.get(case.model.optimization or "", "")}
    for like in (precise, network):
        group = case.known.group("size_kib", like, without=case.model.name)
        if group is not None:
            yield from _far(case.p, "size_kib", "size", "KiB", group, ("bytes", "MiB"))
            return


def _latency(case: _Case) -> Iterator[Finding]:
    value = case.p.inference_latency_ms
    if value is None or value <= 0 or not math.isfinite(value):
        return
    group = case.nearest("inference_latency_ms")
    if group is None:
        return
    # The same network on the same device is known to differ with the runtime: what lies there is only told.
    like = {"network": case.model.network or "", "device": case.model.device or ""}
    everywhere = case.known.group("inference_latency_ms", like, without=case.model.name)
    usual = everywhere is not None and everywhere.times_outside(value) <= NEAR
    yield from _far(case.p, "inference_latency_ms", "latency", "ms", group, ("microseconds", "seconds"), usual)


def _memory(case: _Case) -> Iterator[Finding]:
    """Peak memory: not more than the device has, and not far from what a file of this size needs."""
    p, value = case.p, case.p.peak_memory_mib
    if value is None or value <= 0 or not math.isfinite(value):
        return
    ram = case.known.ram_mib.get(case.model.device or "")
    if ram and value > ram:
        message = f"peak memory {value:g} MiB is more than the {ram:g} MiB that {case.model.device} has"
        yield _error(p, "peak_memory_mib", message, "check the unit", "ram", may_be_right=True)
        return
    size = p.size_kib or case.weights_kib
    if size and size > SMALL_KIB and value * 1024 < size / 1000:
        message = f"peak memory {value:g} MiB is less than a thousandth of the model's {size:g} KiB"
        yield _warning(p, "peak_memory_mib", message, "check the units of both", "memory")
        return
    group = case.nearest("peak_memory_mib")
    if group is not None:  # what a runtime maps and what it copies differs much: never more than a warning
        for found in _far(p, "peak_memory_mib", "peak memory", "MiB", group, ("KiB", "GiB")):
            if found.severity is Severity.ERROR:
                yield replace(found, severity=Severity.WARNING)


def _reading(case: _Case) -> Iterator[Finding]:
    """Every weight is read at least once for an input, which no device does beyond the speed of its memory."""
    latency, weights = case.p.inference_latency_ms, case.weights_kib or case.p.size_kib
    if not latency or latency <= 0 or not weights or weights <= SMALL_KIB:
        return
    speed = weights * 1024 / 1e9 / (latency / 1000)
    if speed <= FAST_GB_PER_S:
        return
    message = f"latency {latency:g} ms is too short to read {weights:,.0f} KiB of weights: {speed:,.0f} GB/s"
    if speed > TOO_FAST_GB_PER_S:
        told = "check whether the latency is in seconds"
        yield _error(case.p, "inference_latency_ms", message, told, "reading", may_be_right=True)
    else:
        yield _warning(case.p, "inference_latency_ms", message, "check the unit of the latency", "reading")


def _level(case: _Case) -> Iterator[Finding]:
    """Accuracy far from that of the same network on the same test data."""
    p, value = case.p, case.p.accuracy_percent
    if not value or not 1 < value <= 100 or p.test_set is None or p.metric is None:
        return
    like = {"network": case.model.network or "", "metric": p.metric, "test_set": p.test_set}
    group = case.known.group("accuracy_percent", like, without=case.model.name)
    if group is not None and abs(value - group.centre) > POINTS:
        message = f"accuracy {value:g} % is far from what is known of {group.what} ({group.shown} %)"
        yield _warning(p, "accuracy_percent", message, "check the test data and the column", "level")


def _far(
    p: Performance, name: str, word: str, unit: str, group: Group, others: tuple[str, str], usual: bool = False
) -> Iterator[Finding]:
    """Nearer to another unit's value than to the middle of what is known."""
    value = float(getattr(p, name))
    away = value / group.centre
    if 1 / HALF_A_SLIP <= away <= HALF_A_SLIP:
        return
    times = max(away, 1 / away)
    message = f"{word} {value:g} {unit} is {times:,.0f} times what is known of {group.what} ({group.shown} {unit})"
    if away < 1:
        message = message.replace(" times what", " times below what")
    # Models that differ much among themselves say less of another one.
    near = NEAR * max(1.0, group.spread / WIDE) ** 0.5
    if usual or group.times_outside(value) <= near:
        yield _warning(p, name, message, "check the unit and the device", "far")
        return
    larger, smaller = others
    written, fits = (larger, value / 1000) if away > 1 else (smaller, value * 1000)
    told = "check the unit and the device"
    if 1 / HALF_A_SLIP <= fits / group.centre <= HALF_A_SLIP:
        told = f"it looks like {written}: {fits:g} {unit} would fit; write that, or name the column {word} ({written})"
    yield _error(p, name, message, told, "far", may_be_right=True)


def _copied(model: Model, acts: Sequence[Performance], against: Known) -> Iterator[Finding]:
    """The very figures of the same network on another device that is on record."""
    latency = next((p for p in acts if p.inference_latency_ms and p.same_run_as is None), None)
    if latency is None or model.network is None or model.device is None:
        return
    rows = against.rows({"network": model.network}, model.name)
    given = {f: v for p in acts for f in against.figures if f in OF_DEVICE and (v := getattr(p, f)) is not None}
    device = against.codes["device"] if len(rows) else None
    own = against.numbers.get("device", {}).get(model.device, -1)
    for row in rows:
        if device is None or device[row] in (own, -1):
            continue
        equal = tuple((f, v) for f, v in given.items() if against.figures[f][row] == v)
        digits = sum(_digits(v) for _, v in equal)
        if len(equal) >= 2 and digits >= DIGITS_OF_A_COPY:
            yield _copy(latency, equal, model.device, f"{model.network} on {against.devices[device[row]]}")
            return
        if len(equal) == 1 and digits >= DIGITS_OF_A_COPY - 1:
            ((name, value),) = equal
            told = f"{_words(name)} {value:g} is exactly that of {model.network} on {against.devices[device[row]]}"
            yield _warning(latency, name, told, f"check that it was measured on {model.device}", "copied")
            return


def _copy(p: Performance, equal: Signature, device: str, other: str) -> Finding:
    shown = ", ".join(f"{_words(f)} {v:g}" for f, v in equal)
    return _error(
        p, equal[0][0], f"{shown}: exactly the figures of {other}",
        f"leave out what was not measured on {device}", "copied", may_be_right=True,
    )  # fmt: skip


def _allowed(finding: Finding) -> Finding:
    return replace(finding, severity=Severity.WARNING) if finding.may_be_right else finding


def _digits(value: float) -> int:
    return len(f"{value:.12g}".lstrip("-0.").partition("e")[0].replace(".", "").rstrip("0"))


def _words(name: str) -> str:
    return name.rsplit("_", 1)[0].removesuffix("_per").replace("_", " ")


def _error(p: Performance, field: str, message: str, remedy: str, rule: str, *, may_be_right: bool = False) -> Finding:
    return Finding(Severity.ERROR, p.name, field, message, remedy, rule, may_be_right)


def _warning(p: Performance, field: str, message: str, remedy: str, rule: str) -> Finding:
    return Finding(Severity.WARNING, p.name, field, message, remedy, rule)


__all__ = ["Finding", "Known", "Severity", "findings", "known", "signature"]
