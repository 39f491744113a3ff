"""The command line's verbs that build and rate; `cli.py` puts them on its list."""

from __future__ import annotations

import difflib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import typer

import flow
from device.runtimes.contract import MeasureError
from dss.build_report import cut_off, lines
from dss.quality import ToleranceError
from ontology.records import Objective
from ontology.settings import Settings
from optimizer.data import DataError
from optimizer.formats.contract import ConversionError
from optimizer.inspect import InspectionFailed, RefusedFile
from optimizer.jobs import JobError
from optimizer.proposals import ProposalError
from optimizer.recipe import RecipeError
from optimizer.spec import SpecError
from repository import this_device
from repository.artifacts import ArtifactError
from repository.change import RegistrationError
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.store import store
from repository.this_device import ProfileError
from repository.votes import vote_records
from terminal import draw

Said = tuple[str | None, str | None, str | None]
"""What the options say of this machine: name, kind, price."""

MENDABLE = (
    RegistrationError, RefusedFile, InspectionFailed, DataError, MeasureError, ProposalError, RecipeError, SpecError,
    JobError, ProfileError, ArtifactError, ConversionError, ToleranceError,
)  # fmt: skip
"""Errors that a person can mend; their message says how."""

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's remarks on the processor are not for the user

POLL_SECONDS = 0.5
NOTHING_MEASURED = 1  # exit code of a build that came to nothing
RESUMES = 3  # times that a build is taken up again when its process was killed
REGISTER_SECONDS = 120.0  # within which the running app registers what was built


def build(
    settings: Settings,
    text: bytes,
    *,
    data: str | None,
    minutes: float,
    model: Path | None,
    threads: int,
    formats: str,
    device: tuple[str | None, str | None, str | None],
) -> None:
    """Build for a requirement, follow the job to its end, register what was measured, and say what came of it."""
    with flow.ready(settings, draw) as knowledge:
        requirement, preferences = flow.read_request(text, knowledge)
        describe_machine(settings, knowledge, device)
        source = data or flow.data_for(requirement)
        wanted = tuple(part.strip() for part in formats.split(",") if part.strip())
        job = flow.start_build(
            requirement, preferences, knowledge, settings, data=source, minutes=minutes, own_model=model,
            threads=threads, formats=wanted,
        )  # fmt: skip
        typer.echo(f"job {job}: {source}, {minutes:g} minutes; Ctrl+C stops it and keeps the best so far", err=True)
    follow(settings, job)
    report(settings, job)


def builds(settings: Settings, *, resume: str | None, stop: str | None) -> None:
    """List the builds of this installation, or take one up again and follow it, or stop one."""
    from optimizer import jobs

    if stop is not None:
        jobs.stop(settings.home, stop)
        ended = jobs.state(settings.home, stop).status not in (jobs.Status.RUNNING, jobs.Status.WAITING)
        typer.echo(f"{stop} has ended" if ended else f"{stop} stops after the step at hand")
    elif resume is not None:
        if jobs.state(settings.home, resume).status not in (jobs.Status.RUNNING, jobs.Status.WAITING):
            jobs.start(settings.home, resume)
        follow(settings, resume)
        report(settings, resume)
    else:
        for state in jobs.jobs(settings.home):
            title = state.spec.requirement.get("title", "")
            typer.echo(
                f"{state.id}  {state.status:<12}{state.done:>3}/{state.total:<3} steps  {state.spec.data}  {title}"
            )


def follow(settings: Settings, job: str) -> None:
    """Draw the job's events until it ends; Ctrl+C asks it to stop after the step at hand."""
    from optimizer import jobs

    told = resumed = 0
    asked = False
    while True:
        try:
            state = jobs.state(settings.home, job)
            events = jobs.events(settings.home, job)
            for event in events[told:]:
                draw(event)
            told = len(events)
            if state.status is jobs.Status.INTERRUPTED and resumed < RESUMES:
                resumed += 1
                typer.echo("the build's process is gone; going on from its last finished step", err=True)
                jobs.start(settings.home, job)
            elif state.status not in (jobs.Status.RUNNING, jobs.Status.WAITING):
                if state.detail:
                    typer.echo(f"{state.status}: {state.detail}", err=True)
                return
            time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            jobs.stop(settings.home, job)
            typer.echo("stopping after the step at hand (Ctrl+C again leaves the job to itself)", err=True)


def registered(settings: Settings, job: str, knowledge: Knowledge) -> flow.BuildOutcome:
    """Register what the job measured, or wait until the running app has; what came of it."""
    until = time.monotonic() + REGISTER_SECONDS
    while True:
        if isinstance(knowledge.graph, EmbeddedGraph):
            flow.collect(settings, knowledge)
            flow.scale_finished(settings, knowledge)
        else:
            knowledge.changed()  # the app that holds the store registers what was built
        outcome = flow.build_outcome(settings, job, knowledge)
        if all(name in knowledge.projection.positions for name in outcome.names) or time.monotonic() > until:
            return outcome
        time.sleep(1.0)


def report(settings: Settings, job: str) -> None:
    """Register what the job measured (or wait until the running app has), and print the outcome."""
    with flow.ready(settings, draw) as knowledge:
        outcome = registered(settings, job, knowledge)
        misses = outcome.closest.verdicts if outcome.closest else ()
        rows = flow.built_rows(outcome)
        for line in lines(rows, outcome.candidates, outcome.chosen, outcome.preferences, misses, outcome.failures):
            typer.echo(line)
        if outcome.built and outcome.unfinished:
            typer.echo(cut_off(outcome.unfinished))
        if outcome.chosen is not None:
            artifact = flow.artifact_of(settings, outcome, outcome.chosen)
            typer.echo(f"  file: {artifact}")
    if not outcome.built:
        raise typer.Exit(NOTHING_MEASURED)


def describe_machine(settings: Settings, knowledge: Knowledge, device: Said) -> None:
    """Ask once what this machine is called, of what kind it is and what it costs; options answer beforehand."""
    from device.machine import this_machine

    machine = this_machine()
    known = this_device.load(settings.home, machine.fingerprint)
    label, kind, price = device
    if known is not None and not any(device):
        return
    kinds = knowledge.projection.choices["dtype"]
    if label is None and kind is None and price is None and sys.stdin.isatty():
        typer.echo(f"This machine ({machine.cpu}) is about to be measured; it becomes a device on record.", err=True)
        label = typer.prompt("What is it called?", default=f"This machine ({machine.cpu})"[:80], err=True)
        kind = typer.prompt(f"What kind is it ({', '.join(kinds)})?", default=this_device.DEFAULT_TYPE, err=True)
        price = typer.prompt("What does one cost in USD (empty: not known)?", default="", show_default=False, err=True)
    before = known or this_device.unnamed(machine.fingerprint, machine.cpu)
    said = this_device.profile(
        machine.fingerprint,
        label or before.label,
        kind or before.device_type,
        price if price is not None else before.price_usd,
        kinds,
        date.today(),
    )
    this_device.save(settings.home, said)
    if not any(device) and not sys.stdin.isatty():
        typer.echo(f"this machine is on record as “{said.label}”; --name, --kind and --price say otherwise", err=True)


def work(settings: Settings, job: str) -> None:
    """Do a job in this process; its events are kept for whoever follows it."""
    from optimizer import jobs

    for event in jobs.work(settings.home, job):
        draw(event)


def rate(settings: Settings, model: str, ratings: Mapping[Objective, int], *, by: str, comment: str | None) -> None:
    """Store one user's votes on a model, in the place of that user's earlier ones."""
    with flow.ready(settings, draw) as knowledge:
        if model not in knowledge.projection.positions:
            near = difflib.get_close_matches(model, knowledge.projection.positions, n=3, cutoff=0.3)
            raise RegistrationError(
                [f"there is no model {model[:60]!r}" + (f"; near: {', '.join(near)}" if near else "")]
            )
        with refusing():
            votes = vote_records(model, ratings, rated_by=by, day=date.today(), comment=comment)
        store(knowledge, votes)
        typer.echo(f"{by} rated {model}: {', '.join(f'{o} {r}' for o, r in ratings.items())}")


@contextmanager
def refusing() -> Iterator[None]:
    """What the rooms refuse with a plain ValueError is told as a refusal; errors of a kind of their own pass."""
    try:
        yield
    except MENDABLE:
        raise
    except ValueError as error:
        raise RegistrationError([str(error)]) from error
