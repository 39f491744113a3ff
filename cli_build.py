"""The command line's verbs that build, measure and register; `cli.py` puts them on its list."""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path

import typer

import flow
from dss.build_report import lines
from dss.preferences import Preferences
from ontology.settings import Settings
from repository import this_device
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from terminal import draw

POLL_SECONDS = 0.5
REGISTER_SECONDS = 120.0  # within which the running app registers what was built


def build(
    settings: Settings,
    text: bytes,
    *,
    data: str | None,
    minutes: float,
    model: Path | None,
    threads: int,
    device: tuple[str | None, str | None, str | None],
) -> None:
    """Build for a requirement, follow the job to its end, register what was measured, and say what came of it."""
    knowledge = flow.ready(settings, draw)
    requirement, preferences = flow.read_request(text, knowledge)
    describe_machine(settings, knowledge, device)
    source = data or flow.data_for(requirement)
    job = flow.start_build(
        requirement, knowledge, settings, data=source, minutes=minutes, own_model=model, threads=threads
    )
    typer.echo(f"job {job}: {source}, {minutes:g} minutes; Ctrl+C stops it and keeps the best so far", err=True)
    let_go(knowledge)
    follow(settings, job)
    report(settings, job, preferences)


def follow(settings: Settings, job: str) -> None:
    """Draw the job's events until it ends; Ctrl+C asks it to stop after the step at hand."""
    from optimizer import jobs

    told = 0
    asked = False
    while True:
        try:
            state = jobs.state(settings.home, job)
            events = jobs.events(settings.home, job)
            for event in events[told:]:
                draw(event)
            told = len(events)
            if state.status not in (jobs.Status.RUNNING, jobs.Status.WAITING):
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


def report(settings: Settings, job: str, preferences: Preferences) -> None:
    """Register what the job measured (or wait until the running app has), and print the outcome."""
    knowledge = flow.ready(settings, draw)
    until = time.monotonic() + REGISTER_SECONDS
    while True:
        if isinstance(knowledge.graph, EmbeddedGraph):
            flow.collect(settings, knowledge.graph)
        knowledge.changed()
        outcome = flow.build_outcome(settings, job, preferences, knowledge)
        registered = all(name in knowledge.projection.positions for name in outcome.names)
        if registered or time.monotonic() > until:
            break
        time.sleep(1.0)
    misses = outcome.closest.verdicts if outcome.closest else ()
    for line in lines(flow.built_rows(outcome), outcome.candidates, outcome.chosen, misses, outcome.failures):
        typer.echo(line)
    if outcome.chosen is not None:
        artifact = flow.artifact_of(settings, outcome, outcome.chosen)
        typer.echo(f"  file: {artifact}")


def describe_machine(
    settings: Settings, knowledge: Knowledge, device: tuple[str | None, str | None, str | None]
) -> None:
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


def let_go(knowledge: Knowledge) -> None:
    """Free the store while a long job runs, so that the app or another command may open it."""
    if isinstance(knowledge.graph, EmbeddedGraph):
        knowledge.graph.close()
