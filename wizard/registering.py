"""What the Register page asks of the rooms below: previews, and one change of the graph. Knows no Streamlit."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import flow
from ontology.records import Record
from repository.change import RegistrationError
from repository.graph import EmbeddedGraph, GraphError
from repository.incoming import MEDIA_TYPES, Outcome, incoming
from repository.knowledge import Knowledge
from repository.measurements import Preview, Taken, read
from repository.plausibility import Finding, findings, known
from repository.register import faults
from repository.sources.names import Names
from repository.sources.shelf import NAMES
from repository.store import store


@cache
def _reviewed() -> Names:
    return Names.load(NAMES)


def preview_csv(text: str, knowledge: Knowledge, taken: Taken) -> Preview:
    """What a table of measurements would register. Raises ValueError for text that is no table."""
    p = knowledge.projection
    return read(text, _reviewed(), labels=p.labels, known=known(p), taken=taken)


def send(
    body: bytes, name: str, knowledge: Knowledge, facts: Path, *, dry_run: bool, good: bool = False, sure: bool = False
) -> Outcome:
    """Register the records of a file, or with `dry_run` say what that would come to. The name tells the format."""
    ending = Path(name).suffix.lower()
    kind = next((kind for kind, endings in MEDIA_TYPES.items() if ending in endings), ending)
    outcome = incoming(body, kind, knowledge, facts, dry_run=dry_run, good=good, sure=sure)
    if not dry_run:
        _scaled(knowledge, outcome.new)
    return outcome


def refused(knowledge: Knowledge, records: Sequence[Record]) -> tuple[str, ...]:
    """Why the graph would not take the records, as far as that can be told from here; empty when it would."""
    if not records or not isinstance(knowledge.graph, EmbeddedGraph):
        return ()
    return faults(knowledge.graph, records)


def stored(knowledge: Knowledge, records: Sequence[Record]) -> tuple[bool, str]:
    """Store the records in one change: whether that was done, and what to tell the reader."""
    try:
        done = store(knowledge, records)
    except (RegistrationError, GraphError) as error:
        return False, str(error)
    models = _scaled(knowledge, done.new)
    if not done.new and not done.updated:
        return True, "All of it was stored before; nothing has changed."
    if not models:
        return True, "Stored: new figures of models that were known."
    return True, f"Stored: {'1 new model' if models == 1 else f'{models} new models'}, which the next search finds."


def _scaled(knowledge: Knowledge, new: Sequence[str]) -> int:
    """How many models are new; they may make a group large enough to be rated among themselves."""
    models = sum(name.startswith("m:") for name in new)
    if models:
        flow.extend_scales(knowledge, date.today())
    return models


@dataclass
class Storing:
    """A registration of many rows under way beside the page: checking the rules takes a few ms a row."""

    rows: int
    told: tuple[bool, str] = (False, "Storing ended without an answer; try again.")  # valid once it has ended
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self, knowledge: Knowledge, records: Sequence[Record]) -> None:
        """Store them; whatever happens is told."""
        try:
            self.told = stored(knowledge, records)
        finally:
            self.ended.set()


def start_storing(knowledge: Knowledge, records: Sequence[Record], rows: int) -> Storing:
    """Have the records stored by a thread of its own."""
    storing = Storing(rows)
    threading.Thread(target=storing.run, args=(knowledge, records), daemon=True).start()
    return storing


def doubts(knowledge: Knowledge, records: Sequence[Record]) -> list[Finding]:
    """What looks wrong in the figures, errors first."""
    return findings(records, known(knowledge.projection))
