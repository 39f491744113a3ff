"""Loading: from the shipped tables to a graph that can be asked, beside other ways to the same statements."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pyoxigraph as ox

from bench import Row, engines, interleaved, rows, shipped
from bench.peers import Engine, Peer, TooSlow
from flow import set_up
from ontology.settings import Settings
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE
from repository.projection import project

LIMIT_S = 60.0
FIRST, STORED = "first load: tables to a graph on disk", "pyoxigraph, bulk load of the same N-Quads to disk"


def main() -> Iterable[Row]:
    """First and second load, projection, and the same statements from N-Quads."""
    quads = shipped.n_quads()
    with tempfile.TemporaryDirectory() as scratch:
        long = interleaved(
            {
                FIRST: _fresh(Path(scratch), _load),
                STORED: _fresh(Path(scratch), lambda home: _bulk(home, quads)),
            },
            repeats=3,
            warmup=0,
        )
    yield from rows(long, ratio_to=STORED)
    for name, start, file in (
        ("rdflib, parse of the same triples", engines.rdflib_alone, shipped.n_triples(quads)),
        ("rdflib with the Oxigraph store, parse", engines.oxrdflib, quads),
    ):
        yield _parsed(name, start, file)
    with shipped.copy_of_home() as home:
        again = "second load: nothing to do"
        yield from rows(interleaved({again: lambda: _load(home)}, repeats=5))
        graph = EmbeddedGraph(home / STORE)
        yield from rows(interleaved({"projection: graph on disk to columns": lambda: project(graph)}, repeats=5))
        yield Row("statements", len(graph), "")
        yield Row("models", len(project(graph)), "")


def _load(home: Path) -> None:
    for _ in set_up(Settings(home=home)):
        pass
    gc.collect()  # closes the store


def _bulk(home: Path, quads: Path) -> None:
    (home / STORE).mkdir(parents=True)
    store = ox.Store(str(home / STORE))
    store.bulk_load(path=str(quads), format=ox.RdfFormat.N_QUADS)
    store.flush()


def _fresh(scratch: Path, work: Callable[[Path], None]) -> Callable[[], None]:
    """The work in a home that does not exist yet; the one before is removed, which takes a few ms."""

    def run() -> None:
        home = scratch / "home"
        shutil.rmtree(home, ignore_errors=True)
        work(home)

    return run


def _parsed(name: str, start: Callable[[Path], Engine], file: Path) -> Row:
    peer = Peer(name, start, file, ready_s=LIMIT_S)
    try:
        return Row(name, 1000 * peer.ready(), "ms", STORED, "once, with the import of the library")
    except TooSlow:
        return Row(name, 1000 * LIMIT_S, "ms", STORED, "not finished; ended then")
    finally:
        peer.close()
