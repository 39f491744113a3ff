"""The command line: the same story as the wizard, for people and for scripts."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

import cli_compare
import cli_graph
import cli_measure
import cli_optimize
from ontology.settings import SettingsError
from terminal import InputError, knowledge_of, read, set_up, settings_of

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Find the optimized deep-learning model that fits your devices, with evidence.",
)
cli.add_typer(cli_graph.verbs)
cli.add_typer(cli_compare.verbs)
cli.add_typer(cli_measure.verbs)
cli.add_typer(cli_optimize.verbs)
RequestFile = Annotated[Path, typer.Argument(help="A requirement as JSON, such as examples/abc-medical.json.")]
VERSION = "0.1.0.dev0"  # as in CHANGELOG.md
USAGE = 2  # exit code for input that cannot be used, as typer's own


def main() -> None:
    """The entry point: every error that a person can mend is told in one line, without a traceback."""
    for stream in (sys.stdout, sys.stderr):  # a title may hold what the terminal's encoding cannot write
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    with _plain_errors():
        cli(prog_name="./dlom")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"DLOM {VERSION} on Python {sys.version.split()[0]}")
        raise typer.Exit


@cli.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """What may stand before a verb."""


@cli.command()
def run(
    port: Annotated[int | None, typer.Option(help="Where to serve; DLOM_PORT, else 8501.")] = None,
    headless: Annotated[bool, typer.Option(help="Do not open a browser.")] = False,
) -> None:
    """Load the facts and serve the wizard in the browser."""
    settings = settings_of(port)
    from repository.knowledge import serving

    url = serving(settings.home)
    if url is not None:
        typer.echo(f"DLOM is running already: {url}")
        return
    set_up(settings)
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
def select(
    file: RequestFile,
    as_json: Annotated[bool, typer.Option("--json", help="The same content as typed data.")] = False,
    query: Annotated[bool, typer.Option("--query", help="Print only the SPARQL that the requirement becomes.")] = False,
    top: Annotated[int, typer.Option(min=1, max=200, help="How many runners-up to list.")] = 10,
) -> None:
    """Answer a requirement: the best model with the reasons, or what to relax when nothing fits."""
    import flow
    from dss import record

    text = read(file)
    with knowledge_of(settings_of()) as knowledge:
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
def decide(
    file: RequestFile,
    by: Annotated[str, typer.Option(help="Your name.")],
    model: Annotated[str | None, typer.Option(help="What you choose, when it is not the recommended one.")] = None,
    comment: Annotated[str, typer.Option(help="Why, in a few words.")] = "",
) -> None:
    """Record a decision: the requirement, the answer with its facts, and what was chosen by whom."""
    import cli_decide

    cli_decide.decide(settings_of(), read(file), by=by, model=model, comment=comment)


@cli.command()
def decisions(as_json: Annotated[bool, typer.Option("--json", help="As data.")] = False) -> None:
    """List the decisions on record, the newest first."""
    import cli_decide

    cli_decide.list_decisions(settings_of(), as_json=as_json)


DecisionId = Annotated[str, typer.Argument(metavar="ID", help="A decision's id, the beginning of it, or latest.")]


@cli.command()
def replay(decision: DecisionId) -> None:
    """Ask a decision's question again: the same answer (exit code 0), or what has changed (1)."""
    import cli_decide

    cli_decide.replay(settings_of(), decision)


@cli.command()
def report(
    asked: Annotated[str, typer.Argument(metavar="REQUIREMENT_OR_ID", help="A requirement, or a decision's id.")],
    out: Annotated[Path, typer.Option(help="Where to write the page.")] = Path("report.html"),
) -> None:
    """Write the report of a decision, or of a requirement answered today, as one HTML file to send or to print."""
    import cli_decide

    cli_decide.report(settings_of(), asked, out)


@cli.command()
def build(
    file: RequestFile,
    data: Annotated[str | None, typer.Option(help="digits, mnist …, an .npz file, or a folder of pictures.")] = None,
    minutes: Annotated[float, typer.Option(min=0.5, help="Time for all candidates together.")] = 10.0,
    model: Annotated[Path | None, typer.Option(help="A trained model of your own to start from.")] = None,
    formats: Annotated[str, typer.Option(help="Formats by name, with commas, or all; else the likeliest.")] = "",
    threads: Annotated[int, typer.Option(min=1, help="Threads that a measured model may use.")] = 1,
    name: Annotated[str | None, typer.Option(help="What this machine is called.")] = None,
    kind: Annotated[str | None, typer.Option(help="What kind of device it is, such as edge-pc.")] = None,
    price: Annotated[str | None, typer.Option(help="What one such machine costs, in USD.")] = None,
) -> None:
    """Build models for a requirement here, measure and register them; the next search finds them."""
    import cli_build

    cli_build.build(
        settings_of(), read(file), data=data, minutes=minutes, model=model, threads=threads, formats=formats,
        device=(name, kind, price),
    )  # fmt: skip


@cli.command()
def builds(
    resume: Annotated[str | None, typer.Option(help="Take this build up again, and follow it to its end.")] = None,
    stop: Annotated[str | None, typer.Option(help="Stop this build after the step at hand; its best is kept.")] = None,
) -> None:
    """List the builds, take one up again, or stop one."""
    import cli_build

    cli_build.builds(settings_of(), resume=resume, stop=stop)


@cli.command()
def register(
    file: Annotated[
        Path, typer.Argument(help="A .csv of measurements, .ttl, .jsonld or .json, a device's result, or a model.")
    ],
    data: Annotated[
        str | None, typer.Option(help="For a model: what to measure it on; digits, an .npz, a folder.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="For a model: the network it is, on record or new; else named by its file.")
    ] = None,
    optimization: Annotated[
        str | None, typer.Option(help="For a device's result: what was done to the network, such as w8a8.")
    ] = None,
    data_set: Annotated[
        str | None, typer.Option(help="For a device's result: what its examples are called, on record or new.")
    ] = None,
    model_file: Annotated[
        Path | None, typer.Option("--file", help="For a device's result: the model file, to be kept here, too.")
    ] = None,
    purpose: Annotated[str | None, typer.Option(help="The task, such as image-classification.")] = None,
    allow_new: Annotated[
        bool, typer.Option("--allow-new", "--yes", help="For a table: take unknown networks and devices as new ones.")
    ] = False,
    good: Annotated[bool, typer.Option("--good", help="Store what has no fault, and leave the rest.")] = False,
    sure: Annotated[
        bool, typer.Option("--sure", help="Take figures that differ from all that is known: you have looked again.")
    ] = False,
    columns: Annotated[
        list[str] | None, typer.Option("--map", help='For a table: what a column is, "their column=accuracy_percent".')
    ] = None,
    meaning: Annotated[
        list[str] | None, typer.Option(help='For a table: what a name means, "their name=samsung-galaxy-s23".')
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be stored, and store nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The answer as typed data, for another program.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="For a model: threads that it may use.")] = 1,
    name: Annotated[str | None, typer.Option(help="What this machine is called.")] = None,
    kind: Annotated[str | None, typer.Option(help="What kind of device it is, such as edge-pc.")] = None,
    price: Annotated[str | None, typer.Option(help="What one such machine costs, in USD.")] = None,
) -> None:
    """Register your own: measurements or records, a device's signed result, or a model that is measured here."""
    import cli_register

    settings, content = settings_of(), b"" if file.is_dir() else read(file)
    if cli_register.is_result(content):
        cli_register.register_result(
            settings, content, network=network, purpose=purpose, optimization=optimization, data_set=data_set,
            file=model_file, device=(name, kind, price), dry_run=dry_run, as_json=as_json,
        )  # fmt: skip
        return
    if file.suffix.lower() in cli_register.KINDS:
        cli_register.register_file(
            settings, file, content, allow_new=allow_new, good=good, sure=sure, purpose=purpose, chosen=columns or (),
            meant=meaning or (), dry_run=dry_run, as_json=as_json,
        )  # fmt: skip
        return
    if data is None:
        raise InputError("say what to measure the model on: --data digits, an .npz file, or a folder of pictures")
    cli_register.register_model(
        settings, file, data=data, network=network, purpose=purpose, threads=threads,
        device=(name, kind, price), dry_run=dry_run, as_json=as_json,
    )  # fmt: skip


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
    cli_build.rate(settings_of(), model, given, by=by, comment=comment)


@cli.command(hidden=True)
def work(job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Do a build in this process; faces start it and read its events."""
    import cli_build

    cli_build.work(settings_of(), job)


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
        from repository.change import RegistrationError
        from repository.graph import GraphError
        from repository.guard import RefusedQuery
        from repository.questions import BadParameter, UnknownQuestion
        from repository.tokens import TokenError

        if isinstance(error, RequirementError):
            _fail("the requirement cannot be used:", *(f"  {p}" for p in error.problems))
        if isinstance(error, PreferenceError):
            _fail("the preferences cannot be used:", *(f"  {p}" for p in error.problems))
        if isinstance(error, RegistrationError):
            _fail(*error.reasons)
        if isinstance(error, GraphError | RefusedQuery | BadParameter | UnknownQuestion | TokenError):
            _fail(str(error))
        for name in ("cli_build", "cli_decide"):
            verbs = sys.modules.get(name)
            if verbs is not None and isinstance(error, verbs.MENDABLE):
                _fail(*(getattr(error, "reasons", None) or [str(error)]))
        raise


def _fail(*lines: str) -> None:
    for line in lines:
        typer.echo(line, err=True)
    raise SystemExit(USAGE)


if __name__ == "__main__":
    main()
