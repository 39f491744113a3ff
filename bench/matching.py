"""Matching: the composed query on several engines, as SQL on a wide table, by our columns, and the whole answer.

All must find the same models before their times are compared. Each engine runs in a process of its own with a limit
on its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bench import Row, Timing, engines, shipped, wide_table
from bench.peers import Disagreement, Peer, TooSlow, compared, peers
from dss.query import compose
from ontology.requirement import Requirement

REPEATS = 15
LIMIT_S = 12.0  # for one answer
SYNTHETIC = 10_000
ON_DISK, TABLE, RDFLIB = "query on disk", "DuckDB wide table", "rdflib's own engine"
SHORT = {"abc-medical": "ABC", "phone-object-detector": "phone", "shop-floor-segmentation": "shop floor"}


def main() -> Iterable[Row]:
    """Each example at the shipped size with all engines, then at 10,000 models without rdflib."""
    quads = shipped.n_quads()
    known = shipped.knowledge(quads)
    requirements = shipped.examples(known)
    size = f"{len(known.projection):,}"
    with shipped.copy_of_home() as home:
        fast = _compared(requirements, home, quads)
    for name, (found, timings) in fast.items():
        timings[RDFLIB] = _rdflib(requirements[name], found, quads)
        yield from _rows(f"{SHORT[name]}, {size}", len(found), timings)
    larger = shipped.larger(SYNTHETIC)
    with shipped.home_of(larger) as home:
        for name, (found, timings) in _compared(requirements, home, larger).items():
            yield from _rows(f"{SHORT[name]}, {SYNTHETIC:,} (synthetic)", len(found), timings)


def _compared(
    requirements: dict[str, Requirement], home: Path, quads: Path
) -> dict[str, tuple[frozenset[str], dict[str, Timing | None]]]:
    starts = {
        ON_DISK: (engines.embedded_on_disk, home),
        "query in memory": (engines.embedded_in_memory, quads),
        "query by oxrdflib": (engines.oxrdflib, quads),
        TABLE: (engines.duckdb_table, quads),
        "columns": (engines.columns, quads),
        "whole answer": (engines.whole_answer, quads),
    }
    with peers(starts) as fast:
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


def _rdflib(requirement: Requirement, expected: frozenset[str], quads: Path) -> Timing | None:
    """Asked once, in a process of its own for each question, since a slow one is ended."""
    peer = Peer(RDFLIB, engines.rdflib_alone, shipped.n_triples(quads))
    try:
        seconds, found = peer.ask(compose(requirement), LIMIT_S)
    except TooSlow:
        return None
    finally:
        peer.close()
    if found != expected:
        raise Disagreement(f"rdflib finds {len(found)} models, the others {len(expected)}")
    return Timing((seconds,))


def _rows(heading: str, found: int, timings: dict[str, Timing | None]) -> Iterator[Row]:
    base = f"{heading}: {ON_DISK}"
    for engine, timing in timings.items():
        name, seconds, note = f"{heading}: {engine}", LIMIT_S, "not finished and ended then: at least this"
        if timing is not None:
            seconds, note = timing.median, timing.note + (f"; {found:,} found" if engine == ON_DISK else "")
        yield Row(name, 1000 * seconds, "ms", "" if engine == ON_DISK else base, note)
