"""The process that `./dlom bench kills` kills: it registers one record after another and says so after each.

`python -m bench.registrar STORE NETWORK OPTIMIZATION DEVICE RUNTIME` reads its libraries once, says `ready`, then forks
a child for each line that it is sent, one at a time. All say what they do to the same pipe, a line each:

    started PID      the child is there
    open N           it has opened the store, and finds N registrations in it
    torn N           it finds N, but the last ones, or what was under way, not as they must be; it goes no further
    writing N        it has checked registration N and makes its update now
    done N           `register` has returned from registration N
    ended PID CODE   the child is gone; the code is -9 after kill -9
"""

from __future__ import annotations

import gc
import os
import sys
import time
import traceback
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyoxigraph as ox

from ontology.records import Grade, Model, Performance, Record
from repository.change import canonical
from repository.graph import EmbeddedGraph
from repository.register import register
from repository.terms import curie_node, node
from repository.triples import quads

HOME = node("g", "models-local")
_PERFORMANCE = curie_node(":performance")
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Like:
    """Names that the graph knows, for the models that are registered."""

    network: str
    optimization: str
    device: str
    runtime: str


def records(number: int, like: Like) -> list[Record]:
    """What registration `number` (0, 1, 2, …) holds: an even one is a new model, an odd one measures it again."""
    act = Performance(
        name=f"kill-{number}", inference_latency_ms=latency_ms(number), size_kib=100.0, evidence=Grade.DECLARED,
        source="local",
    )  # fmt: skip
    model = Model(
        name=f"kill-{number // 2}", source="local", network=like.network, optimization=like.optimization,
        device=like.device, runtime=like.runtime, purpose="image-classification", performance=(act.name,),
    )  # fmt: skip
    return [model, act]


def latency_ms(number: int) -> float:
    """Another one for each registration, so that a figure in the wrong place is seen."""
    return 1.0 + number / 1000


def moment(number: int) -> datetime:
    """When registration `number` was made: told, not read from the clock, so that every statement is known."""
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)


def wanted(first: int, registrations: int, like: Like) -> set[ox.Quad]:
    """What registrations `first` (even) to `registrations` - 1 must leave, when the latter is the last one.

    The last registration of each model is current, and the one before is history.
    """
    statements: list[ox.Quad] = []
    for number in range(first, registrations):
        current = number % 2 == 1 or number == registrations - 1
        for record in records(number, like):
            if isinstance(record, Performance):
                record = replace(record, current=current, registered_at=moment(number))
            statements += quads(record, HOME)
    return canonical(statements)


def torn(graph: EmbeddedGraph, registrations: int, like: Like) -> set[ox.Quad]:
    """Statements that are missing or too much in the last registrations, and in the one that may have been under way.

    The next child would mend them, since it registers the same again: so they are looked at first.
    """
    first = max(0, registrations // 2 - 1) * 2
    by_subject: dict[object, list[ox.Quad]] = defaultdict(list)
    for quad in graph.quads(HOME):
        by_subject[quad.subject].append(quad)
    there = {
        q
        for number in range(first, registrations + 2)
        for subject in (node("p", f"kill-{number}"), node("m", f"kill-{number // 2}"))
        for q in by_subject.get(subject, ())
    }
    return there ^ wanted(first, registrations, like)


def registered(graph: EmbeddedGraph) -> int:
    """How many registrations are in the store: 0 to N - 1. Raises RuntimeError when one of these is missing."""
    acts = {q.object for q in graph.quads(HOME) if q.predicate == _PERFORMANCE}
    for number in range(len(acts)):
        if node("p", f"kill-{number}") not in acts:
            raise RuntimeError(f"registration {number} is missing, though a later one is there")
    return len(acts)


class _Telling(EmbeddedGraph):
    """A store that says when it begins to write, so that a kill can strike just then."""

    number = 0

    def update(self, text: str) -> None:
        _tell("writing", self.number)
        super().update(text)


def _go_on(folder: Path, like: Like) -> None:
    """Register what follows on what the store holds, until the end."""
    _tell("started", os.getpid())
    graph = _Telling(folder)
    number = registered(graph)
    if wrong := torn(graph, number, like):
        sys.stderr.write("".join(f"missing or too much: {q.triple}\n" for q in wrong))
        _tell("torn", number)
        time.sleep(_PATIENCE_S)  # until it is killed
    _tell("open", number)
    while True:
        graph.number = number
        register(graph, records(number, like), at=moment(number))
        _tell("done", number)
        number += 1


def _tell(*words: object) -> None:
    """One write of one short line, which a kill cannot cut in two."""
    os.write(sys.stdout.fileno(), (" ".join(map(str, words)) + "\n").encode())


def _warm(like: Like) -> None:
    """Read what is read once in a process, such as the rules, so that a child need not."""
    graph = EmbeddedGraph()
    told = [(like.network, "net"), (like.optimization, "opt"), (like.device, "dev"), (like.runtime, "rt")]
    kind = curie_node("rdf:type")
    names = [ox.Quad(node(prefix, name), kind, curie_node("skos:Concept"), HOME) for name, prefix in told]
    graph.replace(HOME, [*names, ox.Quad(node("purpose", "image-classification"), kind, kind, HOME)])
    register(graph, records(0, like), at=moment(0))
    gc.collect()
    gc.freeze()


def serve(folder: str, *names: str) -> None:
    """Fork a child for each line."""
    like = Like(*names)
    _warm(like)
    _tell("ready")
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                _go_on(Path(folder), like)
            except BaseException:  # noqa: BLE001 - whatever it is, it is told, and this process ends here
                traceback.print_exc()
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        _tell("ended", child, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    serve(*sys.argv[1:])
