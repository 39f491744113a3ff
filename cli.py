"""The command line: the same story as the wizard, for people and for scripts."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ontology.settings import Settings, SettingsError
from terminal import draw

if TYPE_CHECKING:
    from repository.knowledge import Knowledge

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Find the optimized deep-learning model that fits your devices, with evidence.",
)
RequestFile = Annotated[Path, typer.Argument(help="A requirement as JSON, such as examples/abc-medical.json.")]
USAGE = 2  # exit code for input that cannot be used, as typer's own


class InputError(Exception):
    """A file or an option that cannot be used; the message says which and what to do."""


def main() -> None:
    """The entry point: every error that a person can mend is told in one line, without a traceback."""
    for stream in (sys.stdout, sys.stderr):  # a title may hold what the terminal's encoding cannot write
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    with _plain_errors():
        cli()


@cli.command()
def run(
    port: Annotated[int | None, typer.Option(help="Where to serve; DLOM_PORT, else 8501.")] = None,
    headless: Annotated[bool, typer.Option(help="Do not open a browser.")] = False,
) -> None:
    """Load the facts and serve the wizard in the browser."""
    settings = _settings(port)
    from repository.knowledge import serving

    url = serving(settings.home)
    if url is not None:
        typer.echo(f"DLOM is running already: {url}")
        return
    _set_up(settings)
    typer.echo(f"DLOM is at {settings.address} (stop it with Ctrl+C)")
    sys.stdout.flush()
    app = Path(__file__).with_name("app.py")
    options = {
        "server.address": settings.host,
        "server.port": settings.port,
        "server.headless": str(headless or not _has_screen()).lower(),
        "browser.gatherUsageStats": "false",
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    os.environ["DLOM_HOME"] = str(settings.home)
    os.chdir(app.parent)  # Streamlit reads .streamlit/config.toml from here
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(app), *arguments])


@cli.command()
def load() -> None:
    """Load or update the shipped facts; what is loaded already is left alone, and a kill does no harm."""
    _set_up(_settings())


@cli.command()
def select(
    file: RequestFile,
    as_json: Annotated[bool, typer.Option("--json", help="The same content as typed data.")] = False,
    query: Annotated[bool, typer.Option("--query", help="Print only the SPARQL that the requirement becomes.")] = False,
    top: Annotated[int, typer.Option(min=1, max=200, help="How many runners-up to list.")] = 10,
) -> None:
    """Answer a requirement: the best model with the reasons, or what to relax when nothing fits."""
    import flow
    from dss import record

    text = _read(file)
    with _knowledge(_settings()) as knowledge:
        requirement, preferences = flow.read_request(text, knowledge)
        selection = flow.select(requirement, preferences, knowledge)
    if query:
        typer.echo(selection.query)
    elif as_json:
        typer.echo(json.dumps(record.answer(selection), indent=2, ensure_ascii=False))
    else:
        from dss.report import report

        typer.echo(report(selection, top))


@cli.command()
def query(
    file: Annotated[Path, typer.Argument(help="A SPARQL query; the project's prefixes may be left out.")],
    format: Annotated[str, typer.Option(help="table, csv or json; a CONSTRUCT is written as Turtle.")] = "table",
) -> None:
    """Ask the knowledge graph in SPARQL; the default graph is the union of all sources."""
    from repository.graph import Format
    from repository.terms import with_prologue

    if format not in ("table", "csv", "json"):
        raise InputError(f"--format: {format!r} is not a format; write table, csv or json")
    text = with_prologue(_read(file).decode("utf-8-sig", errors="replace"))
    with _knowledge(_settings()) as knowledge:
        answer, given = knowledge.answer(text, Format.JSON if format == "json" else Format.CSV)
    if format != "table" or given is Format.TURTLE:
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
        return
    if not answer.split(b"\n", 1)[0].strip():
        raise InputError(f"{file}: the query names no variable, so there is nothing to show; select one")
    from dss.report import table

    typer.echo(table(answer))


@cli.command()
def sources() -> None:
    """What every source gave: for each table how many rows were loaded, merged or left out, and why."""
    from dss.report import sources_report

    with _knowledge(_settings()) as knowledge:
        typer.echo(sources_report(knowledge.tallies()))


@cli.command()
def build(
    file: RequestFile,
    data: Annotated[str | None, typer.Option(help="digits, mnist …, an .npz file, or a folder of pictures.")] = None,
    minutes: Annotated[float, typer.Option(min=0.5, help="Time for all candidates together.")] = 10.0,
    model: Annotated[Path | None, typer.Option(help="A trained Keras model of your own to start from.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads that a measured model may use.")] = 1,
    name: Annotated[str | None, typer.Option(help="What this machine is called.")] = None,
    kind: Annotated[str | None, typer.Option(help="What kind of device it is, such as edge-pc.")] = None,
    price: Annotated[str | None, typer.Option(help="What one such machine costs, in USD.")] = None,
) -> None:
    """Build models for a requirement here, measure and register them; the next search finds them."""
    import cli_build

    cli_build.build(
        _settings(), _read(file), data=data, minutes=minutes, model=model, threads=threads, device=(name, kind, price)
    )


@cli.command()
def builds(
    resume: Annotated[str | None, typer.Option(help="Take this build up again, and follow it to its end.")] = None,
    stop: Annotated[str | None, typer.Option(help="Stop this build after the step at hand; its best is kept.")] = None,
) -> None:
    """List the builds, take one up again, or stop one."""
    import cli_build

    cli_build.builds(_settings(), resume=resume, stop=stop)


@cli.command()
def register(
    file: Annotated[Path, typer.Argument(help="A .csv of measurements, or a .tflite, .onnx, .h5 or .keras model.")],
    data: Annotated[
        str | None, typer.Option(help="For a model: what to measure it on; digits, an .npz, a folder.")
    ] = None,
    network: Annotated[str | None, typer.Option(help="For a model: the network it is, on record or new.")] = None,
    purpose: Annotated[str | None, typer.Option(help="The task, such as image-classification.")] = None,
    allow_new: Annotated[
        bool, typer.Option(help="For a table: take unknown networks and devices as new ones.")
    ] = False,
    good: Annotated[
        bool, typer.Option(help="For a table: store the rows without a fault, and leave the others.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="For a model: threads that it may use.")] = 1,
    name: Annotated[str | None, typer.Option(help="What this machine is called.")] = None,
    kind: Annotated[str | None, typer.Option(help="What kind of device it is, such as edge-pc.")] = None,
    price: Annotated[str | None, typer.Option(help="What one such machine costs, in USD.")] = None,
) -> None:
    """Register your own: a table of measurements, or a model file that is then measured here."""
    import cli_build

    settings, content = _settings(), _read(file)
    if file.suffix.lower() == ".csv":
        text = content.decode("utf-8-sig", errors="replace")
        cli_build.register_table(settings, file, text, allow_new=allow_new, purpose=purpose, good=good)
        return
    if data is None:
        raise InputError("say what to measure the model on: --data digits, an .npz file, or a folder of pictures")
    cli_build.register_model(
        settings, file, data=data, network=network or file.stem, purpose=purpose or "image-classification",
        threads=threads, device=(name, kind, price),
    )  # fmt: skip


@cli.command()
def measure(
    file: Annotated[Path, typer.Argument(help="A .tflite, .onnx, .h5 or .keras model.")],
    data: Annotated[str, typer.Option(help="digits, mnist …, an .npz file, or a folder of pictures.")],
    threads: Annotated[int, typer.Option(min=1, help="Threads that the model may use.")] = 1,
) -> None:
    """Measure a model file on this machine; nothing is stored."""
    import cli_build

    _read(file)
    cli_build.measure(file, data=data, threads=threads)


Stars = Annotated[int | None, typer.Option(min=1, max=5)]


@cli.command()
def rate(
    model: Annotated[str, typer.Argument(help="The model's name, as in select --json.")],
    by: Annotated[str, typer.Option(help="Your name.")],
    performance: Stars = None,
    reliability: Stars = None,
    security: Stars = None,
    cost: Stars = None,
    latency: Stars = None,
    complexity: Stars = None,
    comment: Annotated[str | None, typer.Option(help="A few words with the vote.")] = None,
) -> None:
    """Rate a model from 1 to 5, 5 best, on one or more of the six objectives."""
    import cli_build
    from ontology.records import Objective

    stars = (performance, reliability, security, cost, latency, complexity)
    given = {o: s for o, s in zip(Objective, stars, strict=True) if s is not None}
    if not given:
        raise InputError("rate at least one objective, such as --performance 4")
    cli_build.rate(_settings(), model, given, by=by, comment=comment)


@cli.command(hidden=True)
def work(job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Do a build in this process; faces start it and read its events."""
    import cli_build

    cli_build.work(_settings(), job)


def _settings(port: int | None = None) -> Settings:
    environ = dict(os.environ) | ({"DLOM_PORT": str(port)} if port is not None else {})
    return Settings.from_environment(environ)


def _knowledge(settings: Settings) -> Knowledge:
    """The loaded knowledge; a fresh installation loads the shipped facts first."""
    import flow

    return flow.ready(settings, draw)


def _set_up(settings: Settings) -> None:
    import flow
    from repository.graph import StoreBusy

    try:
        for event in flow.set_up(settings):
            draw(event)
    except StoreBusy as busy:
        raise InputError(
            f"{busy}; is the app running, or another ./dlom at work? Stop it or wait, or set another DLOM_HOME"
        ) from busy


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}; write the path of a file that can be read") from error


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Errors of input and environment as their message alone; anything else is a fault of ours and keeps its trace."""
    try:
        yield
    except (SettingsError, InputError) as error:
        _fail(str(error))
    except Exception as error:
        from dss.preferences import PreferenceError
        from ontology.requirement_json import RequirementError
        from repository.graph import GraphError
        from repository.guard import RefusedQuery

        if isinstance(error, RequirementError):
            _fail("the requirement cannot be used:", *(f"  {p}" for p in error.problems))
        if isinstance(error, PreferenceError):
            _fail("the preferences cannot be used:", *(f"  {p}" for p in error.problems))
        if isinstance(error, GraphError | RefusedQuery):
            _fail(str(error))
        building = sys.modules.get("cli_build")
        if building is not None and isinstance(error, building.MENDABLE):
            _fail(*(getattr(error, "reasons", None) or [str(error)]))
        raise


def _fail(*lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)
    raise SystemExit(USAGE)


if __name__ == "__main__":
    main()
