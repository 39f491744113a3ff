"""The command line's `register`: a table, Turtle, JSON-LD or records, or a model file that is measured here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import typer

import flow
from device.measured import Machine
from device.signed import is_result as is_result
from device.told import figure_lines
from ontology.settings import Settings
from optimizer.brought import try_on
from optimizer.frozen import runnable
from repository.incoming import MEDIA_TYPES, Outcome, incoming, records_incoming
from repository.knowledge import Knowledge
from repository.measured import device_name
from repository.this_device import DEFAULT_TYPE, DeviceProfile, profile
from terminal import draw

KINDS = {ending: kind for kind, endings in MEDIA_TYPES.items() for ending in endings}
"""Media types by the ending of a file's name."""
MOST_LINES = 40  # of each kind of remark


def register_file(
    settings: Settings,
    file: Path,
    body: bytes,
    *,
    allow_new: bool,
    good: bool,
    sure: bool,
    purpose: str | None,
    chosen: Sequence[str],
    meant: Sequence[str],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Register what a file holds, and say what came of it; ends with 2 when nothing was stored."""
    with flow.ready(settings, draw) as knowledge:
        outcome = incoming(
            body, KINDS[file.suffix.lower()], knowledge, settings.facts, allow_new=allow_new, good=good, sure=sure,
            purpose=purpose, dry_run=dry_run, chosen=_pairs("--map", chosen), meant=_pairs("--meaning", meant),
        )  # fmt: skip
        _scaled(knowledge, outcome)
    _told(outcome, as_json=as_json)


def register_model(
    settings: Settings,
    file: Path,
    *,
    data: str,
    network: str | None,
    purpose: str | None,
    threads: int,
    device: tuple[str | None, str | None, str | None],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Read a model file in isolation, measure it here, and register it."""
    import cli_build
    import cli_measure

    with cli_build.refusing():
        with flow.ready(settings, draw) as knowledge:
            cli_build.describe_machine(settings, knowledge, device)
            flow.check_words(knowledge, network=network, purpose=purpose)
            if network is not None:
                flow.check_network(file, network, knowledge)
        # Without the store: it takes minutes, and others may want it.
        with runnable(file, data, cli_measure.tell) as runs:
            brought = try_on(runs.path, data, threads=threads)
            if not as_json:
                for line in (*cli_measure.file_lines(brought.file), *figure_lines(brought.measured)):
                    typer.echo(line)
            with flow.ready(settings, draw) as knowledge:
                records = flow.keep_model(
                    brought, runs.path, knowledge, settings, network=network, purpose=purpose, keep=not dry_run,
                    made_from=runs.made_from,
                )  # fmt: skip
                outcome = records_incoming(records, knowledge, dry_run=dry_run, sure=True)
                outcome = replace(outcome, warnings=())  # they ask whether a unit slipped; it was measured here
                _scaled(knowledge, outcome)
    _told(outcome, as_json=as_json)
    _named(outcome, as_json=as_json)


def register_result(
    settings: Settings,
    text: bytes,
    *,
    network: str | None,
    purpose: str | None,
    optimization: str | None,
    data_set: str | None,
    file: Path | None,
    device: tuple[str | None, str | None, str | None],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Check the signature of what a device package measured, and register the model on that device."""
    import cli_build
    import cli_measure
    import measuring

    with cli_measure.mendable(), flow.ready(settings, draw) as knowledge, cli_build.refusing():
        today = date.today()
        result = measuring.verified_result(text, settings, today)
        measured = result.measured
        if network is None:
            raise measuring.ResultError(f"say which network {measured.file_name} is: --network NAME, on record or new")
        if purpose is None:
            raise measuring.ResultError("say what the model is for: --purpose image-classification")
        inspected, records = measuring.result_records(
            result, knowledge, settings, network=network, purpose=purpose, optimization=optimization,
            data_set=data_set, file=file, keep=not dry_run,
            device=measuring.device_of(
                measured.machine, knowledge, settings, _said_of(measured.machine, knowledge, device), today
            ),
        )  # fmt: skip
        if not as_json:
            lines = () if inspected is None else tuple(cli_measure.file_lines(inspected))
            for line in (*lines, *figure_lines(measured)):
                typer.echo(line)
            typer.echo(f"{'signed by':<13}package {result.package} of {result.package_made}: the signature holds")
        outcome = records_incoming(records, knowledge, dry_run=dry_run, sure=True)  # it was measured: no slip of a unit
        _scaled(knowledge, outcome)
    _told(outcome, as_json=as_json)
    _named(outcome, as_json=as_json)


def _said_of(machine: Machine, knowledge: Knowledge, device: tuple[str | None, ...]) -> DeviceProfile | None:
    """What the options, or a person at a terminal, say of the device that measured; None when nobody says anything."""
    label, kind, price = device
    kinds = knowledge.projection.choices["dtype"]
    is_new = device_name(machine) not in knowledge.projection.devices
    if is_new and not any(device) and sys.stdin.isatty():
        typer.echo(f"A device ({machine.cpu}, {machine.cores} cores) becomes a device on record.", err=True)
        label = typer.prompt("What is it called?", default=machine.cpu[:80], err=True)
        kind = typer.prompt(f"What kind is it ({', '.join(kinds)})?", default=DEFAULT_TYPE, err=True)
        price = typer.prompt("What does one cost in USD (empty: not known)?", default="", show_default=False, err=True)
    if not any((label, kind, price)):
        return None
    known = knowledge.projection.devices.get(device_name(machine), {})
    before = knowledge.projection.label("dev", device_name(machine))
    return profile(
        machine.fingerprint,
        label or (machine.cpu[:80] if is_new else before),
        kind or next(iter(known.get("device_type", ())), DEFAULT_TYPE),
        price if price is not None else known.get("price_usd"),
        kinds,
        date.today(),
    )


def _scaled(knowledge: Knowledge, outcome: Outcome) -> None:
    """New models may make a group large enough to be rated among themselves."""
    if outcome.new and not outcome.dry_run:
        flow.extend_scales(knowledge, date.today())


def _told(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(outcome.to_json(), indent=2, ensure_ascii=False))
    else:
        for line, is_error in _lines(outcome):
            typer.echo(line, err=is_error)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)


def _named(outcome: Outcome, *, as_json: bool) -> None:
    """What the model is called on record, because history, reproduce and rate ask for it."""
    names = [n for n in (*outcome.new, *outcome.updated, *outcome.unchanged) if n.startswith("m:")]
    for name in () if as_json or outcome.dry_run else names:
        typer.echo(f"on record as {name.removeprefix('m:')}; ./dlom history and ./dlom reproduce take this name")


def _pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """`their column=inference_latency_ms` → the two; the last sign of equality parts them."""
    found = {}
    for text in given:
        left, sign, right = text.rpartition("=")
        if not sign or not left.strip():
            raise typer.BadParameter(f'{text!r}: write it as "theirs=ours"', param_hint=option)
        found[left.strip()] = right.strip()
    return found


def _lines(outcome: Outcome) -> Iterator[tuple[str, bool]]:
    """What a person reads, and whether it belongs to the errors."""
    for header, taken in outcome.columns.items():
        yield f"column {header!r}: {f'taken as {taken}' if taken.isidentifier() else taken}", False
    for one in outcome.confirmations:
        near = f" (near: {', '.join(one.near)})" if one.near else ""
        if one.new:
            yield f"{one.field} {one.written!r}: new{near}", False
        elif one.name:
            yield f"{one.field} {one.written!r}: taken for {one.name}", False
    for what, remarks in (("warning", outcome.warnings), ("refused", outcome.rejected)):
        for remark in remarks[:MOST_LINES]:
            for message in remark.messages:
                yield f"{remark.where}: {what}: {message}", what == "refused"
        if len(remarks) > MOST_LINES:
            yield f"… and {len(remarks) - MOST_LINES:,} more; --json tells all", what == "refused"
    for reason in outcome.reasons:
        yield reason, True
    counts = [(outcome.new, "new"), (outcome.updated, "updated"), (outcome.unchanged, "unchanged")]
    told = ", ".join(f"{_models(names)} {word}" for names, word in counts)
    yield f"{outcome.status}: {told}, {len(outcome.rejected)} refused", outcome.refused


def _models(names: Sequence[str]) -> str:
    models = sum(name.startswith("m:") for name in names)
    return f"{models} {'model' if models == 1 else 'models'}"
