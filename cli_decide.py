"""The command line's verbs for decisions: record one, list them, replay one, write its report."""

from __future__ import annotations

import json
from pathlib import Path

import typer

import flow
from dss.decision import DecisionError, Replay
from dss.decision_words import told
from ontology.records import Decision
from ontology.settings import Settings
from repository.change import RegistrationError
from repository.decisions import DecisionMissing, decisions, find_decision
from terminal import draw

DIFFERS = 1  # exit code of a replay whose answer is not the same
REQUIREMENT_SUFFIX = ".json"


class ReportError(Exception):
    """A report that could not be written; the message says what to do."""


MENDABLE = (DecisionError, DecisionMissing, RegistrationError, ReportError)
"""Errors that a person can mend; their message says how."""


def decide(settings: Settings, text: bytes, *, by: str, model: str | None, comment: str) -> None:
    """Answer a requirement, record what was chosen, and say how to come back to it."""
    with flow.ready(settings, draw) as knowledge:
        requirement, preferences = flow.read_request(text, knowledge)
        selection = flow.select(requirement, preferences, knowledge)
        decision = flow.decide(selection, knowledge, settings, by=by, chosen=model, comment=comment)
    typer.echo(f"recorded: {decision.name}")
    typer.echo(f"  recommended: {_scored(decision)}")
    typer.echo(f"  chosen:      {decision.chosen_model or 'nothing: no model matches, and none was named'}")
    typer.echo(f"  its report:  ./dlom report {decision.name} --out report.html")
    typer.echo(f"  once more:   ./dlom replay {decision.name}")


def list_decisions(settings: Settings, *, as_json: bool) -> None:
    """Every decision on record, the newest first."""
    with flow.ready(settings, draw) as knowledge:
        found = decisions(knowledge.graph)
    if as_json:
        typer.echo(json.dumps([_data(d) for d in found], indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo("no decision is on record yet; record one: ./dlom decide REQUIREMENT --by NAME")
    for d in found:
        when = f"{d.decided_at:%Y-%m-%d %H:%M} UTC" if d.decided_at else ""
        typer.echo(f"{d.name}  {when}  {d.decided_by}: {_title(d)}")
        typer.echo(f"  chosen {d.chosen_model or 'nothing'}; recommended {_scored(d)}")
        if d.comment:
            typer.echo(f"  “{d.comment}”")


def replay(settings: Settings, name: str) -> None:
    """Ask a recorded question again; the exit code is 0 for the same answer, 1 for another."""
    with flow.ready(settings, draw) as knowledge:
        found = flow.replay(name, knowledge, settings)
    tell(found)


def tell(found: Replay) -> None:
    """What a replay found; ends the program with 1 when the answer is another."""
    for line in told(found):
        typer.echo(line)
    if not found.same:
        raise SystemExit(DIFFERS)


def report(settings: Settings, asked: str, out: Path) -> None:
    """Write the report of a recorded decision, or of a requirement as it is answered today, to one HTML file.

    Raises ReportError when the file cannot be written; nothing is left half written then.
    """
    if not out.parent.is_dir() or out.is_dir():
        raise ReportError(f"{out}: there is no such folder, or it is one itself; name a file in a folder that there is")
    file = Path(asked)
    with flow.ready(settings, draw) as knowledge:
        if file.suffix.lower() == REQUIREMENT_SUFFIX or file.is_file():
            try:
                text = file.read_bytes()
            except OSError as error:
                raise ReportError(f"{file}: {error.strerror or error}; write the path of a requirement") from error
            page = flow.report_page(flow.select(*flow.read_request(text, knowledge), knowledge), knowledge)
        else:
            page = flow.report_page(find_decision(knowledge.graph, asked), knowledge)
    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(out)
    except OSError as error:
        raise ReportError(f"{out}: {error.strerror or error}; name a file that can be written") from error
    finally:
        if unfinished.exists():
            unfinished.unlink()
    typer.echo(f"wrote {out}: {len(page.encode()) / 1024:,.0f} KiB; open it in a browser, print it, or send it")


def _scored(decision: Decision) -> str:
    if decision.winner is None:
        return "nothing: no model matches"
    return f"{decision.winner} (score {decision.score:.2f})" if decision.score is not None else decision.winner


def _title(decision: Decision) -> str:
    given = json.loads(decision.requirement_json or "{}")
    return str(given.get("title") or "a requirement without a title")


def _data(d: Decision) -> dict[str, object]:
    return {
        "id": d.name,
        "decided_at": d.decided_at.isoformat() if d.decided_at else None,
        "decided_by": d.decided_by,
        "title": _title(d),
        "chosen": d.chosen_model,
        "recommended": d.winner,
        "score": d.score,
        "comment": d.comment,
        "facts_digest": d.facts_digest,
        "answer_digest": d.answer_digest,
    }
