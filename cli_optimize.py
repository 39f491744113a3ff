"""The command line's `optimize`: a model of one's own in every format that it admits, checked, measured, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli_compare import TOLERANCE
from terminal import draw, read, settings_of

verbs = typer.Typer()


@verbs.command()
def optimize(
    file: Annotated[Path, typer.Argument(help="A .keras, .h5, .pb, .tflite, .onnx or SavedModel (folder or .zip).")],
    data: Annotated[str, typer.Option(help="digits, mnist …, an .npz file, or a folder of pictures.")],
    formats: Annotated[str, typer.Option(help="Formats by name, with commas; all are those that it admits.")] = "all",
    minutes: Annotated[float, typer.Option(min=0.5, help="Time for everything together.")] = 10.0,
    trials: Annotated[int, typer.Option(min=1, help="Pieces of code that the tuning of one file may try.")] = 64,
    metric: Annotated[str | None, typer.Option(help="rmse, mard, map or top-1, where the data leave a choice.")] = None,
    task: Annotated[str | None, typer.Option(help="What it is for, such as time-series-forecasting.")] = None,
    tolerance: Annotated[float | None, typer.Option(help=TOLERANCE)] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads that a measured model may use.")] = 1,
    network: Annotated[
        str | None, typer.Option(help="The network that it is, on record or new; else named by its file.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What this machine is called.")] = None,
    kind: Annotated[str | None, typer.Option(help="What kind of device it is, such as edge-pc.")] = None,
    price: Annotated[str | None, typer.Option(help="What one such machine costs, in USD.")] = None,
) -> None:
    """Make every format that a model of yours admits; check, measure, register and compare them."""
    import cli_build
    import cli_compare
    import flow
    from dss.build_report import cut_off, nothing_measured
    from optimizer.formats.shelf import FORMATS

    settings = settings_of()
    if not file.is_dir():
        read(file)
    with flow.ready(settings, draw) as knowledge:
        if task is not None:
            with cli_build.refusing():
                flow.check_task(knowledge, task)
        if network is not None:
            flow.check_network(file, network, knowledge)
        cli_build.describe_machine(settings, knowledge, (name, kind, price))
    wanted = tuple(part.strip() for part in formats.split(",") if part.strip())
    started = flow.start_optimization(
        file, settings, data=data, minutes=minutes, formats=wanted or ("all",), threads=threads, trials=trials,
        network=network, task=task, metric=metric, tolerance=tolerance,
    )  # fmt: skip
    typer.echo(f"job {started.job}: {data}, {minutes:g} minutes; Ctrl+C stops it and keeps what is finished", err=True)
    cli_build.follow(settings, started.job)
    with flow.ready(settings, draw) as knowledge:
        outcome = cli_build.registered(settings, started.job, knowledge)
    if outcome.built:
        cli_compare.tell(settings, cli_compare.comparisons(settings, started.job, tolerance))
    for what, why in outcome.failures:
        typer.echo(f"failed: {what}: {why}")
    if outcome.built and outcome.unfinished:
        typer.echo(cut_off(outcome.unfinished))
    for what, artifact in flow.packages_of(settings, started.job):
        typer.echo(f"made, and not measured here: {what}: {artifact}")
    for reason in dict.fromkeys(started.left_out.values()):
        named = [FORMATS[name].label for name, why in started.left_out.items() if why == reason]
        typer.echo(f"not made ({reason}): {'; '.join(named)}")
    if not outcome.built:
        typer.echo(nothing_measured(outcome.failures))
        raise typer.Exit(cli_build.NOTHING_MEASURED)
