"""Facets: how many models each choice of the catalogue would leave, beside DuckDB; at most five times its time.

All eleven facets are counted for each of four states of the page: nothing chosen, a task, a task with a kind of device
and two precisions, and typed words. Both must give the same counts before their times are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from bench import Row, engines, facet_table, shipped
from bench.peers import compared, peers
from wizard.catalogue import Wanted

SIZES = (10_000, 100_000)
REPEATS = 15
LIMIT_S = 10.0  # for one answer
READY_S = 120.0
OURS, TABLE = "DLOM", "DuckDB"
STATES: Mapping[str, Wanted] = {
    "nothing chosen": Wanted(),
    "a task": Wanted(chosen={"purpose": ("image-classification",)}),
    "three facets": Wanted(
        chosen={
            "purpose": ("object-detection", "image-classification"), "device_type": ("phone",),
            "precision": ("w8a8", "float"),
        }
    ),
    "words": Wanted(words="mobilenet galaxy"),
}  # fmt: skip


def main() -> Iterable[Row]:
    """Each state at each size."""
    for size in SIZES:
        quads = shipped.sized(size)
        with shipped.home_of(quads) as home:
            shipped.project_once(home, quads)
        yield from measured(quads, f"{size:,}")


def measured(quads: Path, heading: str) -> Iterable[Row]:
    """The states for the projection that is kept beside `quads`."""
    starts = {OURS: (engines.facet_counts, quads), TABLE: (engines.duckdb_facets, quads)}
    with peers(starts, ready_s=READY_S) as started:
        for state, asked in STATES.items():
            questions = {OURS: (started[OURS], asked), TABLE: (started[TABLE], facet_table.counts(asked))}
            found, timings = compared(questions, repeats=REPEATS, limit_s=LIMIT_S)
            choices = sum(len(counts) for counts in found.values())
            for name, timing in timings.items():
                if timing is None:
                    raise RuntimeError(f"{name} took more than {LIMIT_S:g} s to count the facets")
                note = timing.note + (f"; {choices:,} choices" if name == OURS else "")
                base = f"{heading}, {state}: {TABLE}"
                yield Row(f"{heading}, {state}: {name}", 1000 * timing.median, "ms", base if name == OURS else "", note)
