"""A model measured again beside what is on record of it: what differs, and whether the noise explains it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from device.measured import Measured
from repository.history import spread
from repository.measured import metric_of
from repository.runs import MeasuredModel, RegisteredFigure

SAME = 1e-9  # relative: two numbers that were computed alike
QUIET_PERCENT = 10.0  # what the blocks of a run that was not called noisy differ by at most
FEWEST_REPEATS = 3  # on record, before their range says something


class Verdict(StrEnum):
    """What a difference comes to."""

    EQUAL = "equal"
    WITHIN = "within the noise"
    BEYOND = "beyond the noise"
    UNEQUAL = "not equal, and it should be"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Repeats:
    """The measured values of one figure on record."""

    count: int
    lowest: float
    highest: float


@dataclass(frozen=True)
class Compared:
    """One figure twice. `None` is not known; `difference_percent` is of the registered value."""

    figure: str
    unit: str
    registered: float
    now: float | None
    difference_percent: float | None
    registered_spread_percent: float | None
    now_spread_percent: float | None
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Reproduction:
    """`first` says what is not as it was: read it before the figures."""

    model: str
    first: tuple[str, ...]
    figures: tuple[Compared, ...]
    measured: Measured
    same_machine: bool
    same_examples: bool

    @property
    def agrees(self) -> bool:
        """Whether no figure differs by more than can be explained."""
        return not any(f.verdict in (Verdict.BEYOND, Verdict.UNEQUAL) for f in self.figures)

    @property
    def noise_percent(self) -> float | None:
        """The largest spread of a time, of either run, where it is above that of a quiet run: what cannot be seen."""
        spreads = [
            s for f in self.figures for s in (f.registered_spread_percent, f.now_spread_percent) if s is not None
        ]
        return max((s for s in spreads if s > QUIET_PERCENT), default=None)


def repeats_like(drifted: pd.DataFrame, now: Measured) -> dict[str, Repeats]:
    """For each figure what quiet runs with as many threads and the same version of the runtime gave before.

    `drifted` is what `repository.history.drift` gives; other runs would excuse too much.
    """
    is_like = (drifted["threads"] == str(now.threads)) & (drifted["runtime_version"] == now.runtime_version)
    return {
        str(row["figure"]): Repeats(int(row["repeats"]), float(row["lowest"]), float(row["highest"]))
        for _, row in spread(drifted[is_like & ~drifted["noisy"].astype(bool)]).iterrows()
    }


_TIMES = ("inference_latency_ms", "system_latency_ms", "throughput_per_s", "energy_mj")
_QUALITIES = ("accuracy_percent", "metric_value", "stability_percent")
_LARGER_IS_BETTER = ("throughput_per_s",)


def compare(
    model: MeasuredModel,
    registered: Sequence[RegisteredFigure],
    now: Measured,
    repeats: Mapping[str, Repeats] | None = None,
) -> Reproduction:
    """Each registered figure beside the new one, with what may be said of the difference.

    A time, throughput or energy is within the noise when it differs by no more than its own spreads of the two runs
    together (a spread is over the blocks of a run), or lies in the range of at least three repeats on record. A quality
    on the same examples, runtime version and machine must be equal; elsewhere it must lie in the registered interval.
    """
    same_machine = model.fingerprint == now.machine.fingerprint
    values, spreads = _values(now), _spreads(now)
    found = []
    for r in registered:
        value = values.get(r.figure)
        if r.figure in _QUALITIES:
            verdict, why = _quality(r, now, value, same_machine)
        elif r.figure == "size_kib":
            same = value is not None and _is_close(value, r.value)
            verdict, why = (Verdict.EQUAL, "") if same else (Verdict.UNEQUAL, "it is the same file")
        elif r.figure in _TIMES:
            verdict, why = _time(r, now, value, spreads[r.figure], same_machine, (repeats or {}).get(r.figure))
        else:
            verdict, why = _other(r, value, same_machine, (repeats or {}).get(r.figure))
        found.append(
            Compared(
                figure=r.figure,
                unit=r.unit,
                registered=r.value,
                now=value,
                difference_percent=None if value is None else _difference(r.value, value),
                registered_spread_percent=r.spread_percent,
                now_spread_percent=spreads.get(r.figure),
                verdict=verdict,
                why=why,
            )
        )
        if r.figure == "inference_latency_ms":
            found += _tails(r, now)
    examples = {r.data_sha256 for r in registered if r.figure in _QUALITIES and r.data_sha256}
    same_examples = not examples or now.data_sha256 in examples
    return Reproduction(
        model.name, tuple(_circumstances(model, registered, now)), tuple(found), now, same_machine, same_examples
    )


def _values(m: Measured) -> dict[str, float | None]:
    return {
        "inference_latency_ms": m.latency_p50_ms,
        "system_latency_ms": m.system_latency_ms,
        "throughput_per_s": m.throughput_per_s,
        "energy_mj": m.energy_mj,
        "peak_memory_mib": m.peak_memory_mib,
        "size_kib": m.size_kib,
        "accuracy_percent": m.accuracy_percent,
        "metric_value": None if m.accuracy_percent is not None else m.metric_value,
        "stability_percent": m.stability_percent,
    }


def _spreads(m: Measured) -> dict[str, float | None]:
    """Of each figure that is timed, its own: what disturbs a large batch, or the meter, is not in the latency's."""
    return {
        "inference_latency_ms": m.latency_spread_percent,
        "system_latency_ms": m.system_latency_spread_percent,
        "throughput_per_s": m.throughput_spread_percent,
        "energy_mj": m.energy_spread_percent,
    }


def _tails(r: RegisteredFigure, now: Measured) -> Iterable[Compared]:
    for name, before, after in (
        ("p95_latency_ms", r.p95_ms, now.latency_p95_ms),
        ("p99_latency_ms", r.p99_ms, now.latency_p99_ms),
    ):
        if before is not None and after is not None:
            why = "what disturbs single inferences is not in the spread"
            yield Compared(name, "ms", before, after, _difference(before, after), None, None, Verdict.NOT_JUDGED, why)


def _time(
    r: RegisteredFigure,
    now: Measured,
    value: float | None,
    spread_now: float | None,
    same_machine: bool,
    repeats: Repeats | None,
) -> tuple[Verdict, str]:
    if value is None:
        return Verdict.NOT_JUDGED, "not measured now"
    if not same_machine:
        return Verdict.NOT_JUDGED, "another machine"
    if r.threads not in (None, now.threads):
        return Verdict.NOT_JUDGED, "another number of threads"
    before, after = r.spread_percent, spread_now
    if r.figure == "inference_latency_ms":
        before, after = _spread(before, r.noisy), _spread(after, now.noisy)
    difference = _difference(r.value, value)
    if before is not None and after is not None and difference is not None and abs(difference) <= before + after:
        return Verdict.WITHIN, f"spreads {before:.1f} % and {after:.1f} %"
    if repeats is not None and repeats.count >= FEWEST_REPEATS and repeats.lowest <= value <= repeats.highest:
        return Verdict.WITHIN, f"in the range of the {repeats.count} repeats on record"
    if before is None:
        return Verdict.NOT_JUDGED, "its spread in the registered run is not on record"
    if after is None:
        return Verdict.NOT_JUDGED, "its spread was not measured now"
    better = (value > r.value) == (r.figure in _LARGER_IS_BETTER)
    return Verdict.BEYOND, f"{'better' if better else 'worse'} than spreads of {before:.1f} % and {after:.1f} % explain"


def _other(
    r: RegisteredFigure, value: float | None, same_machine: bool, repeats: Repeats | None
) -> tuple[Verdict, str]:
    if value is None:
        return Verdict.NOT_JUDGED, "not measured now"
    if not same_machine:
        return Verdict.NOT_JUDGED, "another machine"
    if repeats is not None and repeats.count >= FEWEST_REPEATS and repeats.lowest <= value <= repeats.highest:
        return Verdict.WITHIN, f"in the range of the {repeats.count} repeats on record"
    return Verdict.NOT_JUDGED, "a run gives one figure, and no spread"


def _quality(r: RegisteredFigure, now: Measured, value: float | None, same_machine: bool) -> tuple[Verdict, str]:
    if value is None:
        return Verdict.NOT_JUDGED, "not measured now"
    if r.data_sha256 != now.data_sha256:
        return Verdict.NOT_JUDGED, "other examples"
    if r.figure == "metric_value" and r.metric != metric_of(now):
        return Verdict.NOT_JUDGED, f"another metric: {r.metric} on record, {metric_of(now)} now"
    if _is_close(value, r.value):
        return Verdict.EQUAL, ""
    if same_machine and r.runtime_version == now.runtime_version and r.threads in (None, now.threads):
        return Verdict.UNEQUAL, "file, examples, runtime and machine are the same"
    if r.low is None or r.high is None:
        return Verdict.NOT_JUDGED, "no interval is on record"
    interval = f"the registered interval [{r.low:.2f}, {r.high:.2f}]"
    return (Verdict.WITHIN, f"in {interval}") if r.low <= value <= r.high else (Verdict.BEYOND, f"outside {interval}")


def _circumstances(model: MeasuredModel, registered: Sequence[RegisteredFigure], now: Measured) -> Iterable[str]:
    """What is not as it was when the figures were registered."""
    if model.fingerprint != now.machine.fingerprint:
        yield (
            f"another machine: registered on {model.device}, now on {now.machine.cpu}, {now.machine.cores} cores; "
            "times cannot be compared"
        )
    then_now = (
        ("threads", _said(r.threads for r in registered), str(now.threads)),
        ("runtime version", _said(r.runtime_version for r in registered), now.runtime_version),
        ("versions", _said(_part(r.installation, 1) for r in registered), now.versions),
        ("arithmetic", _said(r.arithmetic for r in registered), now.arithmetic),
    )
    for what, then, today in then_now:
        if then and then != today:
            yield f"{what}: {then} then, {today} now"
    systems = _said(_part(r.installation, 0).rpartition(", ")[2] for r in registered)
    if systems and model.fingerprint == now.machine.fingerprint and systems != now.machine.system:
        yield f"system: {systems} then, {now.machine.system} now"
    examples = {r.data_sha256 for r in registered if r.figure in _QUALITIES and r.data_sha256}
    if examples and now.data_sha256 not in examples:
        yield (
            f"other examples: SHA-256 {sorted(examples)[0][:12]}… then, {(now.data_sha256 or 'none')[:12]}… now; "
            "quality cannot be compared"
        )
    if any(r.noisy for r in registered):
        yield "the registered run was noisy"


def _part(installation: str | None, which: int) -> str:
    """Of "the machine; the versions"."""
    parts = (installation or "").rsplit("; ", 1)
    return parts[which] if which < len(parts) else ""


def _said(values: Iterable[object]) -> str:
    return " or ".join(dict.fromkeys(str(v) for v in values if v not in (None, "")))


def _spread(percent: float | None, noisy: bool | None) -> float | None:
    """Of the latency, what is known of it; a run of an older version that was not noisy had at most that."""
    return percent if percent is not None else QUIET_PERCENT if noisy is False else None


def _difference(before: float, after: float) -> float | None:
    """In percent; None for something after nothing, of which it is no share."""
    return 100 * (after - before) / abs(before) if before else (0.0 if after == before else None)


def _is_close(one: float, other: float) -> bool:
    return abs(one - other) <= SAME * max(abs(one), abs(other), 1e-12)
