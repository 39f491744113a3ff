"""The command line's verbs that measure: a file, a registered model again, and the package for other devices."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from terminal import InputError, draw, read, settings_of

if TYPE_CHECKING:
    from device.measured import Measured
    from measuring import Tried
    from optimizer.inspect import ModelFile
    from repository.reproduction import Compared, Reproduction

verbs = typer.Typer()
DIFFERS = 1  # exit code of a reproduction that no noise explains
_LABELS = {
    "inference_latency_ms": "latency p50",
    "p95_latency_ms": "latency p95",
    "p99_latency_ms": "latency p99",
    "system_latency_ms": "system latency",
    "throughput_per_s": "throughput",
    "energy_mj": "energy",
    "peak_memory_mib": "peak memory",
    "size_kib": "size",
    "accuracy_percent": "accuracy",
    "metric_value": "quality",
    "stability_percent": "stability",
}


@verbs.command()
def measure(
    file: Annotated[
        Path,
        typer.Argument(help="A model: .tflite, .onnx, .h5, .keras, .pb, .tvm, a SavedModel folder or a .zip of it."),
    ],
    data: Annotated[
        str | None, typer.Option(help="digits, mnist …, an .npz, a folder of pictures; without: random numbers.")
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(help="A runtime of ./dlom runtimes, or all that take the file; else the first.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads that the model may use.")] = 1,
    metric: Annotated[str | None, typer.Option(help="top-1, map, rmse or mard, where the data leave a choice.")] = None,
    seconds: Annotated[float, typer.Option(min=0.05, max=600, help="For the latency of each runtime.")] = 3.0,
    trust: Annotated[
        bool, typer.Option("--trust", "--trusted", help="Run a file of machine code (.tvm): it has your rights.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as typed data.")] = False,
) -> None:
    """Measure a model file on this machine; nothing is stored."""
    if not file.is_dir():
        read(file)
    with mendable():
        import measuring
        from optimizer.frozen import runnable

        with runnable(file, data, tell) as runs:
            tried = measuring.try_file(
                runs.path, data, runtime=runtime, threads=threads, metric=metric, trusted=trust, seconds=seconds,
                tell=tell,
            )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(_as_data(tried), indent=2, ensure_ascii=False))
        return
    if tried.file is not None:
        for line in file_lines(tried.file):
            typer.echo(line)
    typer.echo(f"{'data':<13}{tried.examples.said}")
    for line in _table(tried) if len(tried.trials) > 1 else figure_lines(tried):
        typer.echo(line)


@verbs.command()
def runtimes() -> None:
    """List the runtimes: what each takes, its version here, or how to install it."""
    from device.board import runtime_line
    from device.runtimes import RUNTIMES

    for spec in RUNTIMES:
        typer.echo(runtime_line(spec))
    if not all(spec.installed() for spec in RUNTIMES):
        typer.echo("./dlom measure and ./dlom build install what is missing, once", err=True)


@verbs.command()
def reproduce(
    model: Annotated[str, typer.Argument(help="A model that was measured here; its name as in select --json.")],
    data: Annotated[
        str | None, typer.Option(help="Where its examples lie, when they are your own: an .npz, a folder.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; as it was registered when left out.")] = None,
    seconds: Annotated[float, typer.Option(min=0.05, max=600, help="For the latency.")] = 3.0,
    trust: Annotated[
        bool, typer.Option("--trust", "--trusted", help="Run a file of machine code (.tvm): it has your rights.")
    ] = False,
    register: Annotated[
        bool, typer.Option("--register", help="Store the new figures; the older ones stay as history.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as typed data.")] = False,
) -> None:
    """Measure a registered model again, and tell whether noise explains the differences (if not, exit code 1)."""
    import flow
    import measuring
    from repository.store import store

    settings, model = settings_of(), model.removeprefix("m:")  # as the graph and register --json write it
    stored: tuple[str, ...] = ()
    with mendable():
        with flow.ready(settings, draw) as knowledge:
            then = measuring.reproducible(model, knowledge, data)
        # Without the store: this takes minutes, and other commands may want it.
        compared = measuring.reproduce(then, settings, data=data, threads=threads, trusted=trust, seconds=seconds)
        try:
            if register:
                with flow.ready(settings, draw) as knowledge:
                    stored = store(knowledge, measuring.reproduction_records(then, compared, knowledge, settings)).new
        finally:  # it was measured, whether or not it can be stored
            _tell_reproduction(compared, stored, as_json=as_json)
    if register and not as_json:
        acts = sum(name.startswith("p:") for name in stored)
        typer.echo(f"stored: {acts} acts of measuring; ./dlom history {model} shows how the figures went")
    if not compared.agrees:
        raise typer.Exit(DIFFERS)


def _tell_reproduction(compared: Reproduction, stored: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(compared) | {"agrees": compared.agrees, "stored": stored}, indent=2, default=str))
        return
    for line in reproduction_lines(compared):
        typer.echo(line)


@verbs.command("device-package")
def device_package(
    out: Annotated[Path, typer.Option(help="Where to write the package.")] = Path("dlom-device.pyz"),
    data: Annotated[
        str | None, typer.Option(help="Write these examples beside it, as they are measured on here: digits, an .npz.")
    ] = None,
) -> None:
    """Make one file that measures models on a device with Python and one runtime, and signs the results."""
    with mendable():
        import measuring

        written, package, given = measuring.make_device_package(settings_of(), out.expanduser(), date.today(), data)
    size_kib = written.stat().st_size / 1024
    typer.echo(f"{written}: package {package}, {size_kib:,.0f} KiB; keep it to yourself, since who has it can sign")
    if given is not None:
        typer.echo(f"{given.path}: {given.said}")
    examples = "DATA.npz" if given is None else given.path.name
    typer.echo("on the device: pip install numpy ai-edge-litert   (or onnxruntime)")
    typer.echo(f"               python3 {written.name} measure MODEL --data {examples} --out result.json")
    typer.echo("back here:     ./dlom register result.json --network NETWORK --purpose image-classification")


@contextmanager
def mendable() -> Iterator[None]:
    """Errors that a person can mend, as the one line that says how."""
    from measuring import MENDABLE

    try:
        yield
    except MENDABLE as error:
        raise InputError(str(error)) from error


def file_lines(file: ModelFile) -> Iterator[str]:
    """What a model file holds: operators or layers, inputs and outputs, and what made it."""
    count = sum(file.operators.values())
    most = sorted(file.operators.items(), key=lambda item: -item[1])[:6]
    layers = "" if file.layers is None else f"{file.layers} layers, "
    macs = "" if file.macs is None else f", {file.macs:,} MACs"
    yield f"{'file':<13}{file.format}, {file.precision or 'precision not told'}, {file.parameters:,} parameters{macs}"
    yield f"{'structure':<13}{layers}{count:,} operators: {', '.join(f'{n} {kind}' for kind, n in most)}"
    for what, tensors in (("input", file.inputs), ("output", file.outputs)):
        for t in tensors:
            shape = "shape not stated" if t.shape is None else "×".join("n" if d is None else str(d) for d in t.shape)
            yield f"{what:<13}{t.name} {shape} {t.dtype or 'of a type that is not stated'}"
    if file.producer:
        yield f"{'made by':<13}{file.producer}"
    for warning in file.warnings:
        yield f"note: {warning}"


def figure_lines(tried: Tried) -> Iterator[str]:
    """The figures of the first runtime that could measure it."""
    from device import told

    yield from told.figure_lines(next(t.measured for t in tried.trials if t.measured is not None))


def reproduction_lines(compared: Reproduction) -> Iterator[str]:
    """What is not as it was, then a line for each figure, then what it comes to."""
    from device.told import noise

    for said in compared.first:
        yield f"note: {said}"
    said_noise = noise(compared.measured)
    if said_noise:
        yield f"note: now {said_noise}"
    yield f"{'':<20}{'registered':>12}{'now':>12}{'difference':>12}{'spread then':>13}{'now':>8}"
    for f in compared.figures:
        yield _compared_line(f)
    noise_percent = compared.noise_percent
    if compared.agrees and noise_percent is not None:
        yield (
            f"{compared.model}: nothing differs by more than the noise, but a run was so noisy (spread "
            f"{noise_percent:.0f} %) that a smaller change of its times cannot be seen; measure again when it is quiet"
        )
        return
    yield (
        f"{compared.model}: reproduced, nothing differs by more than can be explained"
        if compared.agrees
        else f"{compared.model}: not reproduced; see what lies beyond the noise, or should be equal"
    )


def _compared_line(f: Compared) -> str:
    now = "not measured" if f.now is None else f"{f.now:,.4g}"
    difference = "" if f.difference_percent is None else f"{f.difference_percent:+.2f} %"
    spreads = ["" if s is None else f"{s:.1f} %" for s in (f.registered_spread_percent, f.now_spread_percent)]
    name = f"{_LABELS.get(f.figure, f.figure)}{f' ({f.unit})' if f.unit else ''}"
    why = f": {f.why}" if f.why else ""
    return f"{name:<20}{f.registered:>12,.4g}{now:>12}{difference:>12}{spreads[0]:>13}{spreads[1]:>8}  {f.verdict}{why}"


def _table(tried: Tried) -> Iterator[str]:
    """A row for each runtime."""
    from device.told import noise

    yield (
        f"{'runtime':<18}{'version':<14}{'arithmetic':<11}{'quality':>9}{'p50 ms':>10}{'p95 ms':>10}{'p99 ms':>10}"
        + (f"{'spread':>8}{'per s @batch':>16}{'MiB':>8}")
    )
    for trial in tried.trials:
        m = trial.measured
        if m is None:
            yield f"{trial.runtime:<18}{trial.reason}"
            continue
        quality = "" if m.metric_value is None and m.accuracy_percent is None else f"{_quality(m):.2f}"
        p99 = "" if m.latency_p99_ms is None else f"{m.latency_p99_ms:.4g}"
        spread = "" if m.latency_spread_percent is None else f"{m.latency_spread_percent:.1f} %"
        rate = f"{m.throughput_per_s:,.0f} @{m.throughput_batch}"
        yield (
            f"{trial.runtime:<18}{m.runtime_version:<14}{m.arithmetic:<11}{quality:>9}{m.latency_p50_ms:>10.4g}"
            f"{m.latency_p95_ms:>10.4g}{p99:>10}{spread:>8}{rate:>16}{m.peak_memory_mib:>8.1f}"
        )
    for trial in tried.trials:
        said = None if trial.measured is None else noise(trial.measured)
        if said:
            yield f"{trial.runtime}: {said}"
    first = next(t.measured for t in tried.trials if t.measured is not None)
    yield f"measured on {first.machine.cpu}, threads: {first.threads}"


def _quality(m: Measured) -> float:
    value = m.accuracy_percent if m.accuracy_percent is not None else m.metric_value
    assert value is not None
    return value


def _as_data(tried: Tried) -> dict[str, object]:
    return {
        "file": None if tried.file is None else asdict(tried.file),
        "data": tried.examples.said,
        "random_data": tried.examples.random,
        "measured": [asdict(t.measured) for t in tried.trials if t.measured is not None],
        "not_measured": {t.runtime: t.reason for t in tried.trials if t.measured is None},
    }


def tell(text: str) -> None:
    """What goes on, on standard error."""
    sys.stderr.write(f"{text}\n")
