"""What the Register page asks of the rooms below: previews, and one change of the graph. Knows no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache

import flow
from ontology.records import Record
from repository.change import RegistrationError
from repository.graph import EmbeddedGraph, GraphError
from repository.knowledge import Knowledge
from repository.measurements import Preview, read
from repository.plausibility import Finding, findings, known
from repository.register import faults
from repository.sources.names import Names
from repository.sources.shelf import NAMES
from repository.store import store


@cache
def _reviewed() -> Names:
    return Names.load(NAMES)


def preview_csv(
    text: str,
    knowledge: Knowledge,
    *,
    allow_new: bool = False,
    chosen: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
) -> Preview:
    """What a table of measurements would register. Raises ValueError for text that is no table."""
    p = knowledge.projection
    return read(
        text, _reviewed(), labels=p.labels, known=known(p), allow_new=allow_new, chosen=chosen, defaults=defaults
    )


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
    models = sum(name.startswith("m:") for name in done.new)
    if models and isinstance(knowledge.graph, EmbeddedGraph) and flow.extend_scales(knowledge.graph, date.today()):
        knowledge.changed()
    if not done.new and not done.updated:
        return True, "All of it was stored before; nothing has changed."
    if not models:
        return True, "Stored: new figures of models that were known."
    return True, f"Stored: {'1 new model' if models == 1 else f'{models} new models'}, which the next search finds."


def doubts(knowledge: Knowledge, records: Sequence[Record]) -> list[Finding]:
    """What looks wrong in the figures, errors first."""
    return findings(records, known(knowledge.projection))
