"""Decision: a whole answer beside the query for its models alone; at most three times the query's time.

The whole answer is `flow.select` with the preferences of the paper's case (verdicts on all models, weights, ranking,
explanation, near misses), the explanation in sentences, and the robustness of the first place (10,000 draws). It asks
the columns and only composes the query; the query is timed on the store on disk, as an analyst asks it. Ratings are
worked out once for a state of the graph, so the first answer after a change is timed beside the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench import Row, engines, shipped
from bench.matching import READY_S, SHORT, SIZES
from bench.peers import compared, peers
from dss.query import compose
from ontology.requirement import Requirement

REPEATS = 11
LIMIT_S = 30.0  # for one answer
QUERY, SELECT, WHOLE = "query on disk", "selection without robustness", "whole answer"
FIRST = "whole answer, first after a change"


def main() -> Iterable[Row]:
    """Each example at each size."""
    for size in SIZES:
        quads = shipped.sized(size)
        with shipped.home_of(quads) as home:
            known = shipped.ReadBefore(shipped.project_once(home, quads))
            yield from measured(shipped.examples(known), home, quads, f"{size:,}")


def measured(requirements: dict[str, Requirement], home: Path, quads: Path, heading: str) -> Iterable[Row]:
    """The requirements on the store in `home` and on the projection that is kept beside `quads`."""
    starts = {
        QUERY: (engines.embedded_on_disk, home),
        SELECT: (engines.selection, quads),
        WHOLE: (engines.robust_selection, quads),
        FIRST: (engines.first_robust_selection, quads),
    }
    with peers(starts, ready_s=READY_S) as started:
        for name, requirement in requirements.items():
            questions = {n: (p, compose(requirement) if n == QUERY else requirement) for n, p in started.items()}
            found, timings = compared(questions, repeats=REPEATS, limit_s=LIMIT_S)
            for engine, timing in timings.items():
                if timing is None:
                    raise RuntimeError(f"{engine} took more than {LIMIT_S:g} s for {name} among {heading} models")
                base = f"{SHORT.get(name, name)}, {heading}: {QUERY}"
                note = timing.note + (f"; {len(found):,} found" if engine == QUERY else "")
                row = f"{SHORT.get(name, name)}, {heading}: {engine}"
                yield Row(row, 1000 * timing.median, "ms", "" if engine == QUERY else base, note)
