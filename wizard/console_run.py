"""One query on its way: asked in a thread, so that the page stays alive and Stop can end its worker.

Nothing here knows Streamlit.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from repository.formats import Format
from repository.graph import GraphError
from repository.guard import RefusedQuery
from repository.knowledge import Knowledge
from repository.mixing import Checked, mixing, said
from repository.workers.pool import Answer
from wizard.console_fault import Fault, explained
from wizard.console_table import Table, table_of

CHECK_SECONDS = 5.0  # for finding out whether columns mix metrics, beside the query's own time


@dataclass
class Run:
    """A query with its limits. `answered` is set when the answer, or a fault, is there; `done` when all is over."""

    knowledge: Knowledge
    text: str
    seconds: float
    rows: int
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    answer: Answer | None = None
    table: Table | None = None  # None for a graph
    fault: Fault | None = None
    checked: Checked = field(default_factory=Checked)
    is_stopped: bool = False
    answered: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    began: float = field(default_factory=time.monotonic)

    def start(self) -> Run:
        """Begin; the thread ends by itself, at the latest when the time is up."""
        threading.Thread(target=self._work, name="dlom-console", daemon=True).start()
        return self

    def stop(self) -> None:
        """End the query's worker. Call it again while `done` is not set: the query may not have begun."""
        self.is_stopped = True
        self.knowledge.stop(self.id)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    def query(self, text: str, format: Format = Format.CSV) -> bytes:
        """A query of the check for mixed columns, within the same limits. Raises GraphError or RefusedQuery."""
        if self.is_stopped:
            raise GraphError("it was stopped")
        limit = min(self.seconds, CHECK_SECONDS)
        return self.knowledge.answer(text, format, id=self.id, seconds=limit).body

    def _work(self) -> None:
        try:
            if self.is_stopped:  # before it began
                self.fault = explained(GraphError("the query was stopped"), self.text, self.seconds)
                return
            self._ask()
            self.answered.set()
            if self.table is not None:
                self.checked = mixing(self.text, self)
        finally:
            if self.answer is None and self.fault is None:
                self.fault = Fault("The query ended without an answer.", "Run it again; the log says what happened.")
            self.answered.set()
            self.done.set()

    def _ask(self) -> None:
        try:
            answer = self.knowledge.answer(
                self.text, Format.JSON, id=self.id, seconds=self.seconds, rows=self.rows
            )  # fmt: skip
        except (GraphError, RefusedQuery) as error:
            self.fault = explained(error, self.text, self.seconds)
            return
        if not answer.format.is_graph:
            self.table = table_of(answer.body)
        self.answer = answer


def mixed(checked: Checked, titles: Mapping[str, str]) -> list[str]:
    """What `repository.mixing.said` says, by the columns' headings, once for all columns that mix the same."""
    by_rest: dict[str, list[str]] = defaultdict(list)
    for one in checked.mixed:
        (sentence,) = said(Checked((one,)))
        by_rest[sentence.removeprefix(f"Column {one.column} ")].append(f"“{titles.get(one.column, one.column)}”")
    told = []
    for rest, columns in by_rest.items():
        if len(columns) > 1:
            rest = rest.replace("mixes", "mix", 1).replace("; its", "; their")
            columns = [", ".join(columns[:-1]), columns[-1]]
        told.append(f"{' and '.join(columns)} {rest}")
    return told
