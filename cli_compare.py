"""The command line's `compare`: a build's files side by side, and the original replaced by the winner."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from terminal import InputError, draw, settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dss.build_comparison import Comparison
    from ontology.settings import Settings
    from repository.knowledge import Knowledge

verbs = typer.Typer()
LATEST = "latest"
TOLERANCE = "What may be lost: points, or an amount of RMSE. By default 1 point, or 5 % of the original's RMSE."


@verbs.command()
def compare(
    job: Annotated[str, typer.Argument(help="A build's id, the beginning of it, or latest; ./dlom builds lists them.")],
    tolerance: Annotated[float | None, typer.Option(help=TOLERANCE)] = None,
    network: Annotated[str | None, typer.Option(help="Of several networks in the build only this one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same content as typed data.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Record the winner as the original's successor.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Have the original no longer be replaced.")] = False,
    by: Annotated[str | None, typer.Option(help="For --replace and --undo: your name.")] = None,
    because: Annotated[str, typer.Option(help="Why; for --undo it is needed.")] = "",
) -> None:
    """Compare a build's files: figures, ratios, Pareto front, and the fastest within a tolerance."""
    if replace and undo:
        raise InputError("--replace and --undo are opposites; give one of them")
    if (replace or undo) and not (by or "").strip():
        raise InputError("say who decides it: --by NAME")
    if undo and not because.strip():
        raise InputError('say why the original is taken back: --because "…"')
    settings = settings_of()
    found = comparisons(settings, job, tolerance, network)
    if replace or undo:
        one = _only(found)
        (_replace if replace else _undo)(settings, job, one, (by or "").strip(), because.strip())
        return
    tell(settings, found, as_json=as_json)


def comparisons(
    settings: Settings, job: str, tolerance: float | None, network: str | None = None
) -> tuple[Comparison, ...]:
    """What a job has measured, one comparison for each network, or that of `network`. Raises InputError."""
    import flow
    from dss.quality import ToleranceError
    from optimizer import jobs

    try:
        job = _job(settings, job)
        state = jobs.state(settings.home, job)
        found = flow.compare_build(settings, job, tolerance)
        failed = jobs.failures(settings.home, job)
    except (ToleranceError, jobs.JobError) as error:
        raise InputError(str(error)) from error
    steps = f"{state.done} of {state.total} steps are done"
    if not found:
        why = "".join(f"; {what} failed: {reason}" for what, reason in failed[:3])
        raise InputError(f"{job} has measured nothing so far: it is {state.status}, {steps}{why}")
    if state.status is jobs.Status.RUNNING:
        typer.echo(f"{job} is still running, {steps}: this is what it has so far", err=True)
    chosen = tuple(c for c in found if network in (None, c.network))
    if not chosen:
        raise InputError(f"no network {network!r} in this build; there are: {', '.join(c.network for c in found)}")
    return chosen


def tell(settings: Settings, found: Sequence[Comparison], *, as_json: bool = False) -> None:
    """Print comparisons, where each winner's file is, and by what their originals are replaced already."""
    import flow
    from dss.build_comparison_words import as_data, lines
    from optimizer.formats.shelf import FORMATS
    from repository.artifacts import ArtifactStore

    with flow.ready(settings, draw) as knowledge:
        held = flow.replacements_of(knowledge, [c.original.model for c in found if c.original is not None])
    if as_json:
        data = as_data(found)
        for one in data:
            act = held.get(str(one["original"]))
            one["replaced_by"] = None if act is None else act.successor
        typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
        return
    for line in lines(found):
        typer.echo(line)
    kept = ArtifactStore(settings.home / "artifacts")
    for network, best in ((c.network, c.winner) for c in found if c.winner is not None):
        file = kept.path(best.sha256) if kept.has(best.sha256) else "not kept here any more"
        typer.echo(f"{network}: model {best.model}, a {FORMATS[best.format].suffix} file: {file}")
    for act in held.values():
        typer.echo(flow.replacement_words(act))


def _job(settings: Settings, given: str) -> str:
    """The id of a build, by itself, by its beginning, or the newest one."""
    from optimizer import jobs

    known = [state.id for state in jobs.jobs(settings.home)]
    if not known:
        raise InputError("there is no build yet; start one: ./dlom build REQUIREMENT")
    found = known[:1] if given == LATEST else [j for j in known if given and j.startswith(given)]
    if len(found) != 1:
        what = f"{len(found)} builds begin with" if found else "there is no build"
        raise InputError(f"{what} {given[:60]!r}; there are: {', '.join((found or known)[:10])}")
    return found[0]


def _only(found: Sequence[Comparison]) -> Comparison:
    if len(found) != 1:
        raise InputError(
            "this build has several networks, each with an original of its own; say which with --network: "
            f"{', '.join(c.network for c in found)}"
        )
    return found[0]


def _registered(settings: Settings, knowledge: Knowledge, job: str) -> None:
    """Have what was measured on record before anything is said of it."""
    import flow
    from repository.graph import EmbeddedGraph

    if isinstance(knowledge.graph, EmbeddedGraph):
        flow.collect(settings, knowledge)


def _replace(settings: Settings, job: str, found: Comparison, by: str, because: str) -> None:
    import flow

    with flow.ready(settings, draw) as knowledge:
        _registered(settings, knowledge, job)
        act = flow.replace_original(knowledge, found, by=by, comment=because)
    typer.echo(flow.replacement_words(act))
    network = shlex.quote(found.network)
    typer.echo(f'  taken back with: ./dlom compare {job} --network {network} --undo --by NAME --because "…"')


def _undo(settings: Settings, job: str, found: Comparison, by: str, because: str) -> None:
    import flow

    if found.original is None:
        raise InputError("the original was not measured in this build, so nothing can have replaced it")
    with flow.ready(settings, draw) as knowledge:
        act = flow.take_back_replacement(knowledge, found.original.model, by=by, because=because)
    typer.echo(flow.replacement_words(act))
