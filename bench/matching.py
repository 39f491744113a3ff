"""Matching: the composed query at 1, 10 and 100 thousand models, beside other engines and a wide table.

rdflib's own engine is given the same text on the same triples, and must find the same. It has ten minutes in all
(DLOM_BENCH_RDFLIB_SECONDS), parsing included, smallest graph and quickest query first; an answer that takes it
sixty times as long as ours is ended then. All engines must find the same models before their times are compared;
each runs in a process of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench import Row, Timing, engines, shipped, wide_table
from bench.peers import Disagreement, Peer, TooSlow, compared, peers
from dss.query import compose
from ontology.requirement import Requirement

SIZES = (1_000, 10_000, 100_000)
IN_MEMORY = 10_000  # engines that hold the statements in memory are asked up to this size
REPEATS = 11
LIMIT_S = 30.0  # for one answer
READY_S = 120.0
RDFLIB_S, TIMES, LEAST_S = 600.0, 60.0, 2.0
ON_DISK, TABLE, RDFLIB = "query on disk", "DuckDB wide table", "rdflib's own engine"
SHORT = {"abc-medical": "ABC", "phone-object-detector": "phone", "shop-floor-segmentation": "shop floor"}


def main() -> Iterable[Row]:
    """Each example at each size."""
    allowed = Allowance(float(os.environ.get("DLOM_BENCH_RDFLIB_SECONDS", RDFLIB_S)))
    for size in SIZES:
        quads = shipped.sized(size)
        with shipped.home_of(quads) as home:
            known = shipped.ReadBefore(shipped.project_once(home, quads))
            yield from measured(shipped.examples(known), home, quads, allowed, f"{size:,}", small=size <= IN_MEMORY)
    note = f"{allowed.spent:.0f} s of {allowed.seconds:.0f} s used" + "".join(f"; {text}" for text in allowed.skipped)
    yield Row("questions that rdflib was not asked", len(allowed.skipped), "", "", note)


@dataclass
class Allowance:
    """The seconds that rdflib may take in all, and the questions that it was not asked for want of them."""

    seconds: float
    spent: float = 0.0
    skipped: list[str] = field(default_factory=list)

    @property
    def left(self) -> float:
        """What is left of it."""
        return self.seconds - self.spent


def measured(
    requirements: dict[str, Requirement], home: Path, quads: Path, allowed: Allowance, heading: str, *, small: bool
) -> Iterable[Row]:
    """The requirements on the store in `home`, which holds the statements of `quads`, and on the other engines."""
    found = _compared(requirements, home, quads, small)
    asked = {name: (requirements[name], models, _seconds(timings)) for name, (models, timings) in found.items()}
    theirs = by_rdflib(asked, quads, allowed, heading)
    for name, (models, timings) in found.items():
        yield from _rows(f"{SHORT.get(name, name)}, {heading}", len(models), timings, theirs.get(name))


def _compared(
    requirements: dict[str, Requirement], home: Path, quads: Path, small: bool
) -> dict[str, tuple[frozenset[str], dict[str, Timing | None]]]:
    starts: dict[str, tuple[object, ...]] = {
        ON_DISK: (engines.embedded_on_disk, home),
        TABLE: (engines.duckdb_table, quads),
        "columns": (engines.columns, quads),
    }
    if small:
        starts["query in memory"] = (engines.embedded_in_memory, quads)
        starts["query by oxrdflib"] = (engines.oxrdflib, quads)
    with peers(starts, ready_s=READY_S) as fast:
        return {
            name: compared(
                {n: (peer, _question(n, requirement)) for n, peer in fast.items()}, repeats=REPEATS, limit_s=LIMIT_S
            )
            for name, requirement in requirements.items()
        }


def _question(engine: str, requirement: Requirement) -> object:
    if engine == TABLE:
        return wide_table.matching(requirement)
    return compose(requirement) if "query" in engine else requirement


def _seconds(timings: dict[str, Timing | None]) -> float:
    ours = timings[ON_DISK]
    return LIMIT_S if ours is None else ours.median


def by_rdflib(
    asked: dict[str, tuple[Requirement, frozenset[str], float]], quads: Path, allowed: Allowance, heading: str
) -> dict[str, tuple[float, bool]]:
    """For each question that it was asked the seconds that it took, and whether it has answered or was ended."""
    found: dict[str, tuple[float, bool]] = {}
    peer: Peer | None = None
    parsing = 0.0
    for name, (requirement, expected, ours) in sorted(asked.items(), key=lambda item: item[1][2]):
        begun = time.monotonic()
        limit = max(LEAST_S, TIMES * ours)
        try:
            if peer is None:
                if allowed.left < parsing + limit:
                    raise TooSlow(f"{parsing + limit:.0f} s are not left")
                peer = Peer(RDFLIB, engines.rdflib_alone, shipped.n_triples(quads), ready_s=allowed.left)
                parsing = peer.ready()
            if allowed.left - (time.monotonic() - begun) < limit:
                raise TooSlow(f"{limit:.0f} s are not left")
        except TooSlow:
            allowed.skipped.append(f"{SHORT.get(name, name)}, {heading}")
            allowed.spent += time.monotonic() - begun
            continue
        try:
            seconds, models = peer.ask(compose(requirement), limit)
            found[name] = (seconds, True)
            if models != expected:
                raise Disagreement(f"rdflib finds {len(models)} models for {name}, the others {len(expected)}")
        except TooSlow:
            found[name], peer = (limit, False), None
        finally:
            allowed.spent += time.monotonic() - begun
    if peer is not None:
        peer.close()
    return found


def _rows(
    heading: str, found: int, timings: dict[str, Timing | None], rdflib: tuple[float, bool] | None
) -> Iterator[Row]:
    base = f"{heading}: {ON_DISK}"
    for engine, timing in timings.items():
        name, seconds, note = f"{heading}: {engine}", LIMIT_S, "not finished and ended then: at least this"
        if timing is not None:
            seconds, note = timing.median, timing.note + (f"; {found:,} found" if engine == ON_DISK else "")
        yield Row(name, 1000 * seconds, "ms", "" if engine == ON_DISK else base, note)
    if rdflib is not None:
        seconds, answered = rdflib
        note = "once" if answered else "not finished and ended then: at least this"
        yield Row(f"{heading}: {RDFLIB}", 1000 * seconds, "ms", base, note)
