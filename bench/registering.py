"""Registering: one new model with one performance into the shipped facts on disk, until the next search finds it."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import Row, Timing, interleaved, shipped
from ontology.records import Grade, Model, Performance, Record
from repository.graph import EmbeddedGraph, Format
from repository.knowledge import STORE, Knowledge
from repository.projection import project
from repository.store import store

REGISTRATIONS = 200
WHOLE = "the same, the projection read wholly anew"
OURS = "register, projection included"
CPU = "  processor time of it"  # the steadier measure where other programs run
BATCH = 1_000
PHASES = ("asking the graph", "rules (SHACL) and planning", "writing", "flush to disk", "projection")


class Timed(EmbeddedGraph):
    """A store that adds up the seconds spent in it, by what it was doing."""

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        self.seconds: dict[str, float] = defaultdict(float)

    def query(self, text: str, format: Format = Format.CSV) -> bytes:
        with self._timed("asking the graph"):
            return super().query(text, format)

    def update(self, text: str) -> None:
        with self._timed("writing"):
            super().update(text)

    def settle(self) -> None:
        with self._timed("flush to disk"):
            super().settle()

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[phase] += time.perf_counter() - start


def main() -> Iterable[Row]:
    """The median and the 95th percentile, the phases, and the way without reading by row."""
    with shipped.copy_of_home() as home, Knowledge(Timed(home / STORE)) as knowledge:
        yield from measured(knowledge, REGISTRATIONS)
        yield batch(knowledge, BATCH)
        yield Row("models", len(knowledge.projection), "")


def measured(knowledge: Knowledge, registrations: int) -> list[Row]:
    """`registrations` new models, one after the other, into a graph whose projection has been read."""
    graph = knowledge.graph
    if not isinstance(graph, Timed):
        raise TypeError(f"the phases are timed in a Timed store, not in a {type(graph).__name__}")
    like = _like(knowledge)
    for warmup in range(3):
        _register(knowledge, _records(like, f"warm-{warmup}"))
    spent: dict[str, list[float]] = defaultdict(list)
    for number in range(registrations):
        for phase, seconds in _register(knowledge, _records(like, str(number))).items():
            spent[phase].append(seconds)
    whole = interleaved({WHOLE: lambda: project(graph)}, repeats=3)[WHOLE]
    total = Timing(tuple(spent[OURS]))
    stored = statistics.median(spent[OURS]) - statistics.median(spent["projection"])
    rows = [
        Row(OURS, 1000 * total.median, "ms", WHOLE, f"{total.note}, p95 {1000 * _p95(total.seconds):.3g} ms"),
        Row(WHOLE, 1000 * (stored + whole.median), "ms", "", f"the median without it, and a whole one: {whole.note}"),
    ]
    processor = Timing(tuple(spent[CPU]))
    rows.append(Row(CPU, 1000 * processor.median, "ms", "", processor.note))
    for phase in PHASES:
        timing = Timing(tuple(spent[phase]))
        note = f"{timing.note}, p95 {1000 * _p95(timing.seconds):.3g} ms"
        rows.append(Row(f"  of it {phase}", 1000 * timing.median, "ms", "", note))
    return rows


def batch(knowledge: Knowledge, models: int) -> Row:
    """That many new models with one performance each, checked and written in one change."""
    like = _like(knowledge)
    records = [record for number in range(models) for record in _records(like, f"batch-{number}")]
    start, processor = time.perf_counter(), time.process_time()
    store(knowledge, records)
    found = len(knowledge.projection.positions)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    if found < models:
        raise RuntimeError(f"{models} models were registered, and the projection has {found}")
    return Row(f"{models} models in one change", seconds, "s", "", f"once; processor time {processor:.3g} s")


def _register(knowledge: Knowledge, records: Sequence[Record]) -> dict[str, float]:
    """Seconds of each phase and of the whole; a model that the next search does not find is an error."""
    graph = knowledge.graph
    assert isinstance(graph, Timed)
    graph.seconds.clear()
    start, processor = time.perf_counter(), time.process_time()
    store(knowledge, records)
    stored = time.perf_counter()
    in_store = dict(graph.seconds)
    found = records[0].name in knowledge.projection.positions
    end, processor = time.perf_counter(), time.process_time() - processor
    if not found:
        raise RuntimeError(f"{records[0].name} was registered, but is not in the projection")
    rest = stored - start - sum(in_store.values())
    return {
        **in_store,
        "rules (SHACL) and planning": rest,
        "projection": end - stored,
        OURS: end - start,
        CPU: processor,
    }


def _like(knowledge: Knowledge) -> Model:
    """A model of the shipped facts that names everything, to register others like it."""
    names = ("network", "optimization", "device", "runtime", "purpose")
    models = knowledge.projection.models
    complete = models[models[list(names)].notna().all(axis=1)]
    middle = complete.iloc[len(complete) // 2]
    return Model(name="like", **{n: middle[n] for n in names})


def _records(like: Model, name: str) -> list[Record]:
    act = Performance(
        name=f"bench-{name}-run", inference_latency_ms=5.0, size_kib=100.0, evidence=Grade.DECLARED, source="local"
    )
    model = Model(
        name=f"bench-{name}", source="local", network=like.network, optimization=like.optimization, device=like.device,
        runtime=like.runtime, purpose=like.purpose, performance=(act.name,),
    )  # fmt: skip
    return [model, act]


def _p95(seconds: Sequence[float]) -> float:
    """The 95th percentile, in seconds; of one value that value."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
