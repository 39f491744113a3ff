"""What was measured, as lines for a person: on a board and at the desk in the same words."""

from __future__ import annotations

from collections.abc import Iterator

from device.measured import Measured

_METRICS = {"map": "mean average precision", "rmse": "root mean square error", "mard": "mean absolute relative diff."}
_PERCENT = ("map", "mard")  # in percent; the others are in the unit of y


def figure_lines(m: Measured) -> Iterator[str]:
    """Every figure with what it means, then how it was obtained; what was not measured is left out."""
    yield from _quality(m)
    p99 = "" if m.latency_p99_ms is None else f", p99 {m.latency_p99_ms:.4g}"
    yield _line("latency", f"p50 {m.latency_p50_ms:.4g} ms, p95 {m.latency_p95_ms:.4g}{p99}"
                f"{_spread(m.latency_spread_percent)}"
                f" ({m.repetitions:,} runs, batch 1)")  # fmt: skip
    if m.system_latency_ms is not None:
        steps = f": {m.system_steps}" if m.system_steps else ""
        yield _line("system", f"{m.system_latency_ms:.4g} ms{_spread(m.system_latency_spread_percent)}{steps}")
    others = ", ".join(f"{rate:,.0f} at {batch}" for batch, rate in m.throughputs)
    yield _line("throughput", f"{m.throughput_per_s:,.0f} a second at batch {m.throughput_batch}"
                f"{_spread(m.throughput_spread_percent)}"
                f"{f' ({others})' if others else ''}")  # fmt: skip
    yield _line("peak memory", f"{m.peak_memory_mib:.1f} MiB above what the process needed before the model")
    gzip = "" if m.size_gzip_kib is None else f", {m.size_gzip_kib:,.1f} KiB compressed (gzip)"
    yield _line("size", f"{m.size_kib:,.1f} KiB{gzip}")
    if m.energy_mj is not None:
        yield _line("energy", f"{m.energy_mj:.4g} mJ an inference{_spread(m.energy_spread_percent)} ({m.energy_meter})")
    else:
        yield _line("energy", "not measured")
    yield from _how(m)


def noise(m: Measured) -> str | None:
    """What to say of a run whose repeats differ; None for a quiet one."""
    if not m.noisy:
        return None
    spread = "" if m.latency_spread_percent is None else f" by {m.latency_spread_percent:.0f} %"
    times = f" in the quietest of {m.attempts} attempts" if m.attempts > 1 else ""
    busy = "" if m.other_load is None else f"; other programs kept {m.other_load:.2f} cores busy"
    return (
        f"noisy: repeats differed{spread or ' by more than 10 %'}{times}{busy}; measure again when the machine is quiet"
    )


def _quality(m: Measured) -> Iterator[str]:
    if m.accuracy_percent is not None:
        interval = f"[{m.accuracy_low_percent:.2f}, {m.accuracy_high_percent:.2f}]"
        yield _line("accuracy", f"{m.accuracy_percent:.2f} % {interval} on {m.samples:,} examples")
    elif m.metric_value is not None:
        name, unit = _METRICS.get(m.metric or "", m.metric or "quality"), " %" if m.metric in _PERCENT else ""
        beside = "".join(f", {n} {v:.4g}{'' if n == 'rmse' else ' %'}" for n, v in m.further_metrics)
        on = "" if m.samples is None else f" on {m.samples:,} examples"
        yield _line("quality", f"{m.metric_value:.4g}{unit} ({name}){beside}{on}")
    classes = (
        ("balanced accuracy", m.balanced_accuracy_percent),
        ("precision", m.precision_percent),
        ("recall", m.recall_percent),
        ("F1", m.f1_percent),
    )
    told = ", ".join(f"{name} {value:.2f} %" for name, value in classes if value is not None)
    if told:
        yield _line("by class", f"{told} (means over the classes)")
    if m.stability_percent is not None:
        variance = "" if m.stability_variance is None else f", variance {m.stability_variance:.4g}"
        yield _line("stability", f"{m.stability_percent:.2f} % over {m.folds} folds{variance}")


def _how(m: Measured) -> Iterator[str]:
    cores = f" on core {', '.join(map(str, m.pinned_cores))}" if m.pinned_cores else ""
    used = "" if m.cores_used is None else f", {m.cores_used:.2f} cores used"
    other = "" if m.other_load is None else f", {m.other_load:.2f} by other programs"
    yield _line("ran with", f"{m.runtime} {m.runtime_version}, arithmetic {m.arithmetic}; threads: {m.threads}{cores}"
                f"{used}{other}")  # fmt: skip
    yield _line("measured on", f"{m.machine.cpu}, {m.machine.cores} cores, {m.machine.system}; {m.versions}")
    if m.sealed:
        yield _line("closed to it", ", ".join(m.sealed))
    said = noise(m)
    if said:
        yield said


def _spread(percent: float | None) -> str:
    return "" if percent is None else f", spread {percent:.1f} %"


def _line(what: str, text: str) -> str:
    return f"{what:<13}{text}"
