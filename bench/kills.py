"""Kill -9 during registrations: nothing lost that was acknowledged, nothing half-written.

A child (`bench/registrar.py`) registers one record after another into a store on disk and acknowledges each after
`register` has returned; it is killed at a random moment, and the next child opens the store and goes on. At the end the
store is compared, statement by statement, with what undisturbed registrations would have made. DLOM_BENCH_KILLS says
how many kills (1,000); it ends after ten minutes at the latest, and then says how many were made.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
import pyoxigraph as ox

from bench import Row, shipped
from bench.registrar import HOME, Like, latency_ms, registered, torn, wanted
from ontology.settings import CHECKOUT
from repository.change import about, canonical, described
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE, Knowledge
from repository.load import CATALOG
from repository.register import LOCAL
from repository.shapes import validate
from repository.terms import curie_node, node
from repository.triples import RDF_TYPE, quads

KILLS = 1_000
BUDGET_S = 600.0
LIKE = Like("mobilenet-v2", "w8a8", "samsung-galaxy-s23", "litert-npu")
_AIMS = (1, 4, 5)  # of ten: while it opens the store, at any moment of a registration, while one is written
_EARLY_S = 0.05  # after the start
_FIRST_S, _LATEST = 0.05, 1.2  # how long a registration or writing takes, first as a guess; times that at the latest
_AT_ONCE = 500  # registrations that the rules look at together
_SEED = 20261120


class Lost(Exception):
    """The store does not hold the registrations that it must hold, or not the whole of one."""


@dataclass
class Kills:
    """What came of it, and what is known of the store meanwhile."""

    made: int = 0
    opening: int = 0  # kills before the store was open
    before: int = 0  # kills before the registration under way was stored
    stored: int = 0  # kills after it was stored, before it was acknowledged
    registered: int = 0  # registrations that must be there
    acknowledged: int = 0
    seconds: float = 0.0
    opened_in: list[float] = field(default_factory=list)  # seconds
    registered_in: list[float] = field(default_factory=list)  # seconds
    written_in: list[float] = field(default_factory=list)  # seconds, flush and acknowledgement included
    _undecided: bool = False  # whether the last registration under way is there is seen at the next opening

    def hear(self, line: Sequence[str]) -> None:
        """Note what a child has told. Raises Lost when it finds too few registrations, too many, or half a one."""
        word, number = line[0], int(line[1])
        if word == "torn":
            raise Lost(f"after kill {self.made} the last of {number} registrations, or the next, is half-written")
        if word == "writing":
            return
        if word == "done":
            self.registered, self.acknowledged = number + 1, self.acknowledged + 1
            return
        under_way = int(self._undecided)
        if not self.registered <= number <= self.registered + under_way:
            raise Lost(
                f"after kill {self.made} there are {number} registrations, where {self.registered} were acknowledged "
                f"and {under_way} was under way"
            )
        self.stored += number - self.registered
        self.before += under_way - (number - self.registered)
        self.registered, self._undecided = number, False

    def killed(self, opened: bool) -> None:
        """Count a kill; `opened` says whether the store was open by then."""
        self.made += 1
        if opened:
            self._undecided = True
        else:
            self.opening += 1


class Registrar:
    """The process that forks the children; `bench.registrar` says what it tells."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._asked: IO[str] = process.stdin
        self._told: IO[str] = process.stdout

    def start(self) -> int:
        """Start a child; its process id."""
        self._asked.write("next\n")
        self._asked.flush()
        return int(self.line("started")[1])

    def line(self, *words: str) -> list[str]:
        """The next line, which must begin with one of the words."""
        line = self._told.readline().split()
        if not line or line[0] not in words:
            raise RuntimeError(f"{' or '.join(words)} was expected, not {' '.join(line)!r}; the errors above say more")
        return line

    def rest(self) -> list[list[str]]:
        """What is left of what a killed child has told."""
        lines = [self._told.readline().split()]
        while lines[-1] and lines[-1][0] != "ended":
            lines.append(self._told.readline().split())
        if lines[-1][2:] != [str(-signal.SIGKILL)]:
            raise RuntimeError("a child of the registrar ended by itself; the errors above say more")
        return lines[:-1]


@contextmanager
def registrar(store: Path, like: Like) -> Iterator[Registrar]:
    """The process, ended at the end; what goes wrong in it is printed where errors are."""
    command = [sys.executable, "-m", "bench.registrar", str(store), *vars(like).values()]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    working = Registrar(process)
    try:
        working.line("ready")
        yield working
    finally:
        process.kill()
        process.communicate()


def kill_often(store: Path, like: Like, kills: int, *, budget_s: float = BUDGET_S, seed: int = _SEED) -> Kills:
    """So many kills, or fewer in `budget_s` seconds. Raises Lost as soon as a registration is not as it must be."""
    found, dice = Kills(), random.Random(seed)
    with registrar(store, like) as working:
        begun = time.monotonic()
        while found.made < kills and time.monotonic() < begun + budget_s:
            _one_kill(working, found, dice)
        found.seconds = time.monotonic() - begun
    graph = EmbeddedGraph(store)
    number = registered(graph)
    found.hear(("torn" if torn(graph, number, like) else "open", str(number)))
    graph.close()
    return found


def _one_kill(working: Registrar, found: Kills, dice: random.Random) -> None:
    """Early, at any moment of a registration, or while one is written."""
    started = time.monotonic()
    child = working.start()
    opened = False
    try:
        aim = dice.choices(("early", "any", "write"), _AIMS)[0]
        if aim == "early":
            time.sleep(dice.uniform(0, _EARLY_S))
        else:
            found.hear(working.line("open", "torn"))
            opened, begun = True, time.monotonic()
            found.opened_in.append(begun - started)
            for _ in range(dice.randrange(4)):
                writing = _heard(working, found, "writing")
                done = _heard(working, found, "done")
                found.registered_in.append(done - begun)
                found.written_in.append(done - writing)
                begun = done
            # On the scale of what is struck, so that on any machine kills strike all parts of it.
            if aim == "write":
                _heard(working, found, "writing")
                time.sleep(dice.uniform(0, _LATEST * _usual(found.written_in)))
            else:
                time.sleep(dice.uniform(0, _LATEST * _usual(found.registered_in)))
    finally:
        os.kill(child, signal.SIGKILL)
    rest = working.rest()
    for line in rest:
        found.hear(line)
    found.killed(opened or any(line[0] == "open" for line in rest))


def _heard(working: Registrar, found: Kills, word: str) -> float:
    """When the child said the word, which must be the next."""
    line = working.line(word)
    at = time.monotonic()
    found.hear(line)
    return at


def _usual(seconds: Sequence[float]) -> float:
    return statistics.median(seconds[-50:] or [_FIRST_S])


@dataclass(frozen=True)
class Before:
    """A store before anything was registered: the digest of each of its graphs, its catalogue, its models."""

    digests: Mapping[str, str]
    catalog: frozenset[ox.Quad]
    models: int


def before(graph: EmbeddedGraph) -> Before:
    """What `faults` compares with."""
    return Before(_digests(graph), frozenset(graph.quads(CATALOG)), len(Knowledge(graph).projection))


def faults(graph: EmbeddedGraph, stood: Before, registrations: int, like: Like) -> list[str]:
    """What is not as it would be after so many undisturbed registrations; empty when all is."""
    now = _digests(graph)
    told = [f"{n} is not what it was" for n in sorted({*now, *stood.digests}) if now.get(n) != stood.digests.get(n)]
    for name, right in ((HOME, wanted(0, registrations, like)), (CATALOG, stood.catalog | _listed(registrations))):
        there = set(graph.quads(name))
        told += [f"missing: {q.triple}" for q in right - there]
        told += [f"too much: {q.triple}" for q in there - right]
    return told + list(_broken(graph)) + list(_unreadable(graph, stood, registrations))


def _digests(graph: EmbeddedGraph) -> dict[str, str]:
    """A SHA-256 of each graph that a registration must leave alone."""
    others = [name for name in graph.names() if name not in (HOME, CATALOG)]
    return {
        n.value: hashlib.sha256("\n".join(sorted(str(q.triple) for q in graph.quads(n))).encode()).hexdigest()
        for n in others
    }


def _listed(registrations: int) -> set[ox.Quad]:
    """What the catalogue says of the graph and its source, once something is there."""
    about_graph = {
        ox.Quad(HOME, RDF_TYPE, curie_node(":ModelRepository"), CATALOG),
        ox.Quad(HOME, curie_node("prov:hadPrimarySource"), node("src", LOCAL.name), CATALOG),
    }
    return canonical({*quads(LOCAL, CATALOG), *about_graph}) if registrations else set()


def _broken(graph: EmbeddedGraph) -> Iterator[str]:
    """The rules that what was registered breaks, seen with what it links to."""
    stood = graph.quads(HOME)
    targets = {q.object for q in stood if isinstance(q.object, ox.NamedNode) and q.predicate != RDF_TYPE}
    linked = {q for known in about(graph, targets).values() for q in known if q.graph_name != HOME}
    context = {q for q in linked if q.predicate != RDF_TYPE}  # so that they are not checked themselves
    performance = curie_node(":performance")
    model_of = {q.object: q.subject for q in stood if q.predicate == performance}
    groups = sorted({str(model_of.get(q.subject, q.subject)) for q in stood})
    for start in range(0, len(groups), _AT_ONCE):
        some = set(groups[start : start + _AT_ONCE])
        part = [q for q in stood if str(model_of.get(q.subject, q.subject)) in some]
        yield from (f"against the rules: {v}" for v in validate(described([*part, *context])))


def _unreadable(graph: EmbeddedGraph, stood: Before, registrations: int) -> Iterator[str]:
    """Models that are not in the projection with the figure that was registered last."""
    projection = Knowledge(graph).projection
    models = (registrations + 1) // 2
    if len(projection) != stood.models + models:
        yield f"the projection has {len(projection)} models, where {stood.models + models} are right"
    latency = projection.columns["inference_latency_ms"]
    assert isinstance(latency, np.ndarray)
    for number in range(models):
        row = projection.positions.get(f"kill-{number}")
        right = latency_ms(min(2 * number + 1, registrations - 1))
        if row is None or latency[row] != right:
            yield f"m:kill-{number} should be read with {right} ms, not {'at all' if row is None else latency[row]}"


def main() -> Iterable[Row]:
    """What must be nought, and where the kills struck."""
    kills = int(os.environ.get("DLOM_BENCH_KILLS", KILLS))
    with shipped.copy_of_home() as home:
        store = home / STORE
        graph = EmbeddedGraph(store)
        stood = before(graph)
        graph.close()
        found = kill_often(store, LIKE, kills)
        begun = time.monotonic()
        graph = EmbeddedGraph(store)
        wrong = faults(graph, stood, found.registered, LIKE)
        checked = time.monotonic() - begun
        graph.close()
    short = "" if found.made == kills else f"; the {BUDGET_S / 60:.0f} minutes of the budget were over"
    yield Row("kills", found.made, "", "", f"{found.seconds:.0f} s, seed {_SEED}{short}")
    yield Row("registrations acknowledged", found.acknowledged, "")
    yield Row("of them lost", 0, "", "", "at any of the openings: the first would have ended this")
    yield Row("statements missing, too much, or against the rules", len(wrong), "", "", "; ".join(wrong[:3]))
    yield Row("killed while opening the store", found.opening, "")
    yield Row("killed before the registration under way was stored", found.before, "", "", "it is not there at all")
    yield Row("killed between storing and acknowledging", found.stored, "", "", "it is there in full")
    opened = 1000 * statistics.median(found.opened_in)
    yield Row("opening the store after a kill", opened, "ms", "", "median, with the fork and a count")
    taken = 1000 * statistics.median(found.registered_in)
    yield Row("registering one", taken, "ms", "", "median, from one acknowledgement to the next")
    yield Row("the last check", checked, "s", "", "every statement, SHACL, the projection")
