"""Foreign queries within limits: in processes that can be ended, on a copy of the store.

The engine has no time limit and a query may ask for more memory than there is; so a query runs in a worker
(`repository/workers/serve.py`), which is ended when its time is up, when it is stopped, or when it asks for too much,
and then replaced. A query sees every write that was acknowledged before it was asked.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ontology.settings import QueryLimits
from repository.formats import Format
from repository.graph import EmbeddedGraph, GraphError
from repository.guard import LONGEST, Reading, RefusedQuery
from repository.workers.process import Ended, OutOfTime, Worker
from repository.workers.serve import QUERIES, REHEARSAL
from repository.workers.snapshots import Snapshots

_REMEMBERED = 200  # texts of queries that were read and found good
_LONGEST_REMEMBERED = 20_000  # characters
_EVERY = 2**31 - 1  # rows or bytes: no limit beside the memory's
_WHOLE_S = 60.0  # for all rows, on a busy machine


class QueryTimeout(GraphError):
    """The query took longer than it may."""


class QueryStopped(GraphError):
    """The query was stopped by who asked it, or has no one left who waits for it."""


class NotAcceptable(GraphError):
    """The answer has none of the formats that are asked for."""


class Busy(GraphError):
    """Too many queries are waiting; try again after `retry_after_s`."""

    retry_after_s = 5


@dataclass(frozen=True)
class Answer:
    """A query's answer. `rows` counts rows, or triples of a graph; `truncated` says that there are more."""

    body: bytes
    format: Format
    rows: int
    truncated: bool
    seconds: float

    @property
    def note(self) -> str:
        """What a reader must know of it; empty when it is whole."""
        what = "statements" if self.format.is_graph else "rows"
        return f"only the first {self.rows:,} {what}; ask for less, with LIMIT and OFFSET" if self.truncated else ""


@dataclass(frozen=True)
class Rehearsed:
    """An update that may be run: its text, the version it was tried on, and whether its graph held anything before.

    `touched` are the things of which it changes what is said, as short names.
    """

    text: str
    version: int
    held: bool
    touched: tuple[str, ...]


@dataclass
class _Question:
    id: str
    owner: bool = False
    stopped: bool = False
    worker: Worker | None = None


@dataclass
class LimitedQueries:
    """A few warm workers, and the snapshots that they read. Nothing starts before the first question, or `warm`.

    One worker more than `limits.workers` is for the owner of the installation (the console, the command line), and
    starts when all others are busy with guests: those who ask over HTTP.
    """

    graph: EmbeddedGraph
    folder: Path
    limits: QueryLimits = field(default_factory=QueryLimits)

    def __post_init__(self) -> None:
        self._snapshots = Snapshots(self.graph, self.folder)
        self._free = threading.Condition()
        self._idle: list[Worker] = []
        self._started = 0
        self._waiting = 0  # guests: one of them may not keep the owner out of the line
        self._guests = self._owners = 0  # at work
        self._closed = False
        self._questions: dict[str, _Question] = {}
        self._readings: OrderedDict[str, Reading] = OrderedDict()
        self._rehearsal: Worker | None = None
        self._rehearsing = threading.Lock()
        # A worker ends with the thread that started it, so one thread that lasts starts all of them.
        self._starter = ThreadPoolExecutor(1, "dlom-starts-workers")

    def warm(self) -> None:
        """Have the workers start now, so that the first question does not wait for it."""
        with self._free:
            missing = self.limits.workers - self._started
            self._started += missing
        for _ in range(missing):
            self._replace()

    def answer(
        self,
        text: str,
        format: Format | None = Format.CSV,
        *,
        graph_format: Format | None = Format.TURTLE,
        id: str | None = None,
        default_graphs: Sequence[str] = (),
        named_graphs: Sequence[str] = (),
        whole: bool = False,
        seconds: float | None = None,
        rows: int | None = None,
        owner: bool = False,
    ) -> Answer:
        """The answer to a query, a table as `format`, a graph as `graph_format`.

        Without FROM, and without graphs named here, the default graph is the union of all. Our own prefixes need not
        be declared. `whole` leaves out the limit on rows, for our own queries from another process; `seconds` and
        `rows` are limits of this query, where they are below the installation's; `owner` says that no guest asks.

        Raises RefusedQuery, QueryTimeout, QueryStopped, Busy, NotAcceptable, or GraphError.
        """
        if len(text) > LONGEST:
            raise RefusedQuery(f"the query is longer than {LONGEST:,} characters; split it")
        reading = self._readings.get(text)
        told, body, seconds = self._ask(
            {
                "text": text,
                "formats": [format and format.value, graph_format and graph_format.value],
                "default_graphs": list(default_graphs),
                "named_graphs": list(named_graphs),
                "reading": None if reading is None else [reading.graph, reading.dataset],
            }
            | ({"rows": _EVERY, "bytes": _EVERY} if whole else {})
            | ({"rows": min(rows, self.limits.rows)} if rows is not None else {}),
            id,
            max(self.limits.seconds, _WHOLE_S) if whole else min(seconds or math.inf, self.limits.seconds),
            owner=owner,
        )
        if len(text) <= _LONGEST_REMEMBERED:
            self._readings[text] = Reading(*told["reading"])
            while len(self._readings) > _REMEMBERED:
                with contextlib.suppress(KeyError):  # another thread was first
                    self._readings.popitem(last=False)
        if "not_acceptable" in told:
            kind = "graph" if told["reading"][0] else "table"
            raise NotAcceptable(f"the answer is a {kind}, and none of its formats is accepted")
        return Answer(body, Format(told["format"]), int(told["rows"]), bool(told["cut"]), seconds)

    def whole_graph(self, iri: str, format: Format) -> bytes | None:
        """Everything in one graph, without a cut; `iri` is empty for the one without a name; None if there is none."""
        told, body, _ = self._ask(
            {"graph": iri, "formats": [None, format.value], "bytes": _EVERY}, None, max(self.limits.seconds, _WHOLE_S)
        )
        return None if "missing" in told else body

    def stop(self, id: str) -> bool:
        """End the query with this id; False when there is none (any more)."""
        question = self._questions.get(id)
        if question is None:
            return False
        with self._free:
            question.stopped = True
            self._free.notify_all()
        if question.worker is not None:
            question.worker.interrupt()
        return True

    def running(self, id: str) -> bool:
        """Whether the query with this id has a worker."""
        question = self._questions.get(id)
        return question is not None and question.worker is not None

    def workers(self) -> tuple[int, ...]:
        """The processes that wait for a question or answer one."""
        with self._free:
            busy = [q.worker for q in list(self._questions.values())]
            return tuple(w.pid for w in (*self._idle, *busy) if w is not None and w.alive)

    def rehearse(self, header: dict[str, Any], body: bytes) -> Rehearsed:
        """Try an update on a copy of the store.

        Raises RefusedQuery, QueryTimeout, Busy, or GraphError with the reason why it must not be run.
        """
        with self._snapshots.own() as (
            path,
            version,
        ):  # first: who holds the graph's lock must not wait for who needs it
            if not self._rehearsing.acquire(timeout=self.limits.wait_seconds):
                raise Busy("another update is being tried; send this one again in a few seconds")
            try:
                if self._rehearsal is None or not self._rehearsal.alive:
                    self._rehearsal = self._start(REHEARSAL)
                told, text = self._told(
                    self._rehearsal, header | {"snapshot": str(path)}, body, "update", self.limits.seconds
                )
            finally:
                self._rehearsing.release()
        self._raise(told, "update")
        return Rehearsed(text.decode(), version, bool(told["held"]), tuple(told["touched"]))

    def close(self) -> None:
        """End the workers and take the snapshots away."""
        with self._free:
            self._closed = True
            idle, self._idle = self._idle, []
            self._free.notify_all()
        for question in list(self._questions.values()):
            self.stop(question.id)
        for worker in [*idle, *([self._rehearsal] if self._rehearsal else [])]:
            worker.kill()
        self._starter.shutdown(wait=True)
        for worker in self._idle:  # started meanwhile
            worker.kill()
        self._snapshots.close()

    def _ask(
        self, header: dict[str, Any], id: str | None, limit_s: float, *, owner: bool = False
    ) -> tuple[dict[str, Any], bytes, float]:
        question = _Question(id or uuid.uuid4().hex, owner)
        if self._questions.setdefault(question.id, question) is not question:
            raise GraphError(f"a query with the id {question.id[:80]!r} is running already; give each its own")
        try:
            with self._worker(question) as worker, self._snapshots.latest() as snapshot:
                start = time.monotonic()
                more = {"snapshot": str(snapshot), "rows": self.limits.rows, "bytes": self.limits.answer_mib * 2**20}
                try:
                    told, body = self._told(worker, more | header, b"", "query", limit_s)
                except GraphError:
                    if question.stopped:
                        raise QueryStopped("the query was stopped") from None
                    raise
                seconds = time.monotonic() - start
        finally:
            del self._questions[question.id]
        self._raise(told, "query")
        return told, body, seconds

    def _told(
        self, worker: Worker, header: dict[str, Any], body: bytes, what: str, limit_s: float
    ) -> tuple[dict[str, Any], bytes]:
        try:
            return worker.ask(header, body, limit_s)
        except OutOfTime:
            raise QueryTimeout(
                f"the {what} was ended after {limit_s:g} s; narrow it, or raise DLOM_QUERY_SECONDS"
            ) from None
        except Ended as error:
            raise GraphError(
                f"the {what} ended its process (signal {error.signal}): it needs more than the "
                f"{self.limits.memory_mib:,} MiB of memory allowed, or is too much for the engine; narrow it"
            ) from error

    def _raise(self, told: dict[str, Any], what: str) -> None:
        if "refused" in told:
            raise RefusedQuery(told["refused"])
        if "memory" in told:
            raise GraphError(f"the {what} needs more than the {self.limits.memory_mib:,} MiB of memory allowed")
        if "error" in told:
            raise GraphError(f"the {what} could not be run: {told['error']}")

    @contextmanager
    def _worker(self, question: _Question) -> Iterator[Worker]:
        worker = self._taken(question)
        question.worker = worker
        try:
            if question.stopped:
                raise QueryStopped("the query was stopped")
            yield worker
        finally:
            question.worker = None
            with self._free:
                self._count(question, -1)
                good = worker.alive and not question.stopped and not self._closed
                if good:
                    self._idle.append(worker)
                self._free.notify_all()  # not one: it may be a guest who must wait on
            if not good:
                worker.kill()
                self._replace()

    def _taken(self, question: _Question) -> Worker:
        """A worker for this question; waits a little when all are busy."""
        until = time.monotonic() + self.limits.wait_seconds
        with self._free:
            if not question.owner and self._waiting >= self.limits.waiting:
                raise Busy(f"{self._waiting} queries are waiting already; try again in a few seconds")
            self._waiting += not question.owner
            try:
                while True:
                    if question.stopped or self._closed:
                        raise QueryStopped("the query was stopped before it began")
                    if question.owner or self._guests < self.limits.workers:
                        if self._idle:
                            self._count(question, 1)
                            return self._idle.pop()
                        if self._started < self._most(question):
                            self._count(question, 1)
                            self._started += 1
                            break
                    if not self._free.wait(max(0.0, until - time.monotonic())):
                        raise Busy(
                            f"all {self.limits.workers} workers were busy for {self.limits.wait_seconds:g} s; "
                            "try again in a few seconds"
                        )
            finally:
                self._waiting -= not question.owner
        try:
            return self._start(QUERIES)
        except GraphError:
            with self._free:
                self._count(question, -1)
                self._started -= 1
                self._free.notify_all()
            raise

    def _count(self, question: _Question, by: int) -> None:
        """Note that a guest or the owner has got a worker, or has given it back."""
        if question.owner:
            self._owners += by
        else:
            self._guests += by

    def _most(self, question: _Question) -> int:
        """How many workers there may be when this question needs one: one more where the owner has one or needs it."""
        return self.limits.workers + (question.owner or self._owners > 0)

    def _start(self, task: str) -> Worker:
        try:
            return self._starter.submit(Worker, task, self.folder, self.limits.memory_mib).result()
        except (RuntimeError, OSError) as error:
            raise GraphError(f"no worker could be started: {error}") from error

    def _replace(self) -> None:
        """Have a new worker take the place of one that is gone, without waiting for it."""

        def start() -> None:
            worker = Worker(QUERIES, self.folder, self.limits.memory_mib)
            with self._free:
                if not self._closed:
                    self._idle.append(worker)
                    self._free.notify_all()
                    return
            worker.kill()

        with contextlib.suppress(RuntimeError):  # closed meanwhile
            self._starter.submit(start)
