"""The command line's verbs about the knowledge graph: its sources, questions, tables, history and tokens."""

from __future__ import annotations

import math
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repository.formats import Format as Media
from terminal import InputError, knowledge_of, read, set_up, settings_of

if TYPE_CHECKING:
    from repository.knowledge import Knowledge

verbs = typer.Typer()
Format = Annotated[str, typer.Option(help="table, csv or json; a CONSTRUCT is written as Turtle.")]


@verbs.command()
def load(
    again: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="Load this source anew, such as keras-applications.")
    ] = None,
) -> None:
    """Load or update the shipped facts; what is loaded already is left alone, and a kill does no harm."""
    if again is None:
        set_up(settings_of())
        return
    import flow
    from terminal import draw

    with knowledge_of(settings_of()) as knowledge:
        for event in flow.load_again(knowledge, settings_of(), again):
            draw(event)


@verbs.command()
def query(
    file: Annotated[Path, typer.Argument(help="A SPARQL query; the project's prefixes may be left out.")],
    format: Format = "table",
) -> None:
    """Ask the knowledge graph in SPARQL; the default graph is the union of all sources."""
    _known(format)
    text = read(file).decode("utf-8-sig", errors="replace")
    with knowledge_of(settings_of()) as knowledge:
        _answer(knowledge, text, format, str(file))


@verbs.command()
def questions(
    name: Annotated[str | None, typer.Argument(help="The question to ask; without it they are listed.")] = None,
    given: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]…", help="Its parameters.")] = None,
    format: Format = "table",
    show: Annotated[bool, typer.Option("--show", help="Print its SPARQL instead of asking it.")] = False,
) -> None:
    """Ask one of the named questions, or list them."""
    from repository.questions import bound, question
    from repository.questions import questions as every

    _known(format)
    if name is None:
        for one in every():
            takes = "".join(f" {p.name}={p.default}" for p in one.parameters)
            typer.echo(f"{one.name}{takes}\n    {one.title}")
        return
    text = bound(question(name), _pairs(given or []))
    if show:
        typer.echo(text)
        return
    with knowledge_of(settings_of()) as knowledge:
        _answer(knowledge, text, format, name)


@verbs.command()
def sources(
    remove: Annotated[str | None, typer.Option(metavar="SOURCE", help="Take this source out of the graph.")] = None,
) -> None:
    """What every source gave: for each table how many rows were loaded, merged or left out, and why."""
    from dss.report import sources_report

    with knowledge_of(settings_of()) as knowledge:
        if remove is not None:
            import flow

            flow.remove_source(knowledge, remove)
            typer.echo(f"{remove} is out of the graph; ./dlom load --again {remove} loads it again")
            return
        typer.echo(sources_report(knowledge.tallies()))


@verbs.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write: a .csv, a .parquet, or a .dictionary.csv.")],
) -> None:
    """Write all models as one wide table, or the dictionary of its columns."""
    from repository.export import export as write

    try:
        with knowledge_of(settings_of()) as knowledge:
            rows = write(knowledge.projection, file)
    except (ValueError, OSError) as error:
        raise InputError(str(error)) from error
    typer.echo(f"{rows:,} rows are in {file}")


@verbs.command()
def history(model: Annotated[str, typer.Argument(help="The model's name, as in select --json.")]) -> None:
    """Every figure a model ever had: what holds, what was superseded or withdrawn, and how far repeats lie apart."""
    import flow
    from dss.report import table
    from repository.history import drift, spread

    model = model.removeprefix("m:")
    with knowledge_of(settings_of()) as knowledge:
        if model not in knowledge.projection.positions:
            raise InputError(f"there is no model {model!r}; write the name that select --json gives")
        drifted = drift(knowledge.graph, model)
        replaced = flow.replacements_of(knowledge, [model])
    shown = drifted[
        ["figure", "value", "unit", "obtained", "registered", "evidence", "current", "difference_percent"]
    ].copy()
    shown["withdrawn"] = [
        "" if by is None else f"by {by}: {why}"
        for by, why in zip(drifted["withdrawn_by"], drifted["withdrawn_because"], strict=True)
    ]
    shown["performance"] = drifted["performance"]
    typer.echo(table(shown.to_csv(index=False, float_format="%.5g").encode()))
    repeats = spread(drifted)
    for row in repeats.itertuples():
        told = f"; stability over {row.days} days {row.stability_percent:.4g} %"
        steady = "" if math.isnan(row.stability_percent) else told
        typer.echo(
            f"{row.figure}: {row.repeats} repeats, {row.spread_percent:.2g} % apart (standard deviation){steady}"
        )
    for act in replaced.values():
        typer.echo(flow.replacement_words(act))


@verbs.command()
def withdraw(
    performances: Annotated[list[str], typer.Argument(help="Names of performances, as history lists them.")],
    by: Annotated[str, typer.Option(help="Your name.")],
    because: Annotated[str, typer.Option(help="Why, in a few words; it stays on record.")],
) -> None:
    """Take back figures registered here: they stay on record, and what held before them holds again."""
    from repository.store import take_back

    names = [name.removeprefix("p:") for name in performances]
    with knowledge_of(settings_of()) as knowledge:
        done = take_back(knowledge, names, by=by, because=because, on=date.today())
    typer.echo("\n".join(f"changed {name}" for name in (*done.new, *done.updated)) or "they were withdrawn already")


@verbs.command()
def token(
    name: Annotated[str | None, typer.Argument(help="Whom it is for, such as ci; without it they are listed.")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="It may ask, and not register.")] = False,
    update: Annotated[bool, typer.Option("--update", help="It may also change and remove whole graphs.")] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take it back.")] = False,
) -> None:
    """Issue a token for another program that registers over HTTP; it is shown this once."""
    from repository import tokens

    home = settings_of().home
    if name is None:
        for kept in tokens.tokens(home):
            typer.echo(f"{kept.name}  may {kept.right}  issued {kept.issued}")
    elif revoke:
        tokens.revoke(home, name)
        typer.echo(f"{name} is taken back")
    elif read_only and update:
        raise InputError("--read-only and --update exclude each other; write one of them")
    else:
        typer.echo(tokens.issue(home, name, "read" if read_only else "update" if update else "register"))
        typer.echo("send it as `Authorization: Bearer …`; it is not shown again", err=True)


def _known(format: str) -> None:
    if format not in ("table", "csv", "json"):
        raise InputError(f"--format: {format!r} is not a format; write table, csv or json")


def _pairs(given: list[str]) -> dict[str, str]:
    for one in given:
        if "=" not in one:
            raise InputError(f"{one!r}: write a parameter as key=value, such as latency_ms=20")
    return {key.strip(): value.strip() for key, _, value in (one.partition("=") for one in given)}


def _answer(knowledge: Knowledge, text: str, format: str, asked: str) -> None:
    from dss.report import table
    from repository.mixing import Limited, mixing, said

    found = knowledge.answer(text, Media.JSON if format == "json" else Media.CSV)
    # On stderr, so that what reads the answer gets the answer alone.
    for note in (found.note, *said(mixing(text, Limited(knowledge)))):
        if note:
            typer.echo(note, err=True)
    if format != "table" or found.format is Media.TURTLE:
        sys.stdout.buffer.write(found.body)
        sys.stdout.buffer.flush()
        return
    if not found.body.split(b"\n", 1)[0].strip():
        raise InputError(f"{asked}: the query names no variable, so there is nothing to show; select one")
    typer.echo(table(found.body))
