"""The engines that are compared. Each is started by a function here, in a process of its own (`bench.peers`)."""

from __future__ import annotations

import csv
import io
import logging
import os
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

from bench import facet_table, shipped, wide_table
from bench.peers import Engine
from bench.wide_table import Sql
from dss import matching
from dss.explanation import sentences
from dss.selection import Selection
from flow import find_candidates, select
from ontology.requirement import Requirement
from ontology.settings import CHECKOUT
from repository.graph import EmbeddedGraph, Graph
from repository.knowledge import STORE, Knowledge
from repository.terms import local
from wizard.catalogue import FACETS, ONLY, Catalogue, Wanted


def embedded_on_disk(home: Path) -> Engine:
    """DLOM's graph as the app opens it: SPARQL text in, CSV out."""
    return _sparql(EmbeddedGraph(home / STORE))


def embedded_in_memory(quads: Path) -> Engine:
    """The same engine without a disk."""
    return _sparql(shipped.in_memory(quads))


def _sparql(graph: Graph) -> Engine:
    return Engine(run=lambda text: graph.query(str(text)), read=of_csv)


def of_csv(table: bytes) -> frozenset[str] | int:
    """The models of a result, or the number that a COUNT gives."""
    head, *found = csv.reader(io.StringIO(table.decode()))
    return int(found[0][0]) if head == ["count"] else frozenset(local(row[0]) for row in found)


def rdflib_alone(triples: Path) -> Engine:
    """rdflib's own engine on a plain graph, which is its fastest: over a data set it takes twice as long."""
    import rdflib

    graph = rdflib.Graph().parse(triples, format="nt")
    return Engine(run=lambda text: list(graph.query(text)), read=_of_rows)


def oxrdflib(quads: Path) -> Engine:
    """rdflib's interface over the same Oxigraph, for those who already use rdflib."""
    import rdflib

    data = rdflib.Dataset(store="Oxigraph", default_union=True).parse(quads, format="ox-nquads")
    return Engine(run=lambda text: list(data.query(text)), read=_of_rows)


def _of_rows(rows: list[tuple[object, ...]]) -> frozenset[str]:
    return frozenset(local(str(row[0])) for row in rows)


def duckdb_table(quads: Path) -> Engine:
    """DuckDB on one wide table made of the projection, which has been read before."""
    connection = wide_table.connect(shipped.projected(quads))

    def run(sql: Sql) -> list[tuple[object, ...]]:
        return connection.execute(sql.text, sql.values).fetchall()

    return Engine(run=run, read=lambda rows: frozenset(str(r[0]) for r in rows))


def duckdb_counts(quads: Path) -> Engine:
    """The same table, asked for the live counts: (total, matches, if measured, without the strictest limit)."""
    connection = wide_table.connect(shipped.knowledge(quads).projection)

    def read(row: tuple[int, ...]) -> tuple[int, int, int, int]:
        total, matches, if_measured, *alone = row
        return total, matches, if_measured, matches + max(alone)

    return Engine(run=lambda sql: connection.execute(sql.text, sql.values).fetchone(), read=read)


def columns(quads: Path) -> Engine:
    """DLOM's own columns, which have been read before, asked for the models that match."""
    known = shipped.ReadBefore(shipped.projected(quads))
    names = known.projection.models["model"].to_numpy(dtype=object)
    return Engine(
        run=lambda requirement: list(names[find_candidates(requirement, known).matches]), read=lambda r: frozenset(r)
    )


def selection(quads: Path) -> Engine:
    """`flow.select` with the first example's preferences: verdicts, weights, ranking, explanation, near misses."""
    return _selection(quads, lambda found: None)


def robust_selection(quads: Path) -> Engine:
    """The same with its explanation in sentences, and how sure the first place is (10,000 draws)."""
    return _selection(quads, _told)


def first_robust_selection(quads: Path) -> Engine:
    """The same as the first answer after a change of the graph, which works the ratings of all models out."""
    return _selection(quads, _told, first=True)


def _told(found: Selection) -> None:
    if found.explanation is not None:
        sentences(found.explanation)
        if found.robustness is None:
            raise RuntimeError("there is a winner, but nothing is told of how sure it is")


def _selection(quads: Path, more: Callable[[Selection], None], *, first: bool = False) -> Engine:
    read = shipped.projected(quads)
    known = shipped.ReadBefore(read)
    names = read.models["model"].to_numpy(dtype=object)
    preferences = shipped.preferences(known)

    def run(requirement: Requirement) -> Selection:
        # A copy has the same columns, and nothing that was made of them.
        found = select(requirement, preferences, shipped.ReadBefore(replace(read)) if first else known)
        more(found)
        return found

    return Engine(run=run, read=lambda found: frozenset(names[found.candidates.matches]))


def facet_counts(quads: Path) -> Engine:
    """The catalogue's choices in every facet with how many models each would leave, as its page shows them."""
    catalogue = Catalogue(shipped.projected(quads))
    turns = count()

    def run(asked: Wanted) -> dict[str, dict[str, int]]:
        """As after a visitor has typed: words that were looked for just before are remembered, so they differ."""
        typed = replace(asked, words=asked.words + " " * next(turns)) if asked.words else asked
        return {facet: catalogue.options(facet, typed) for facet in FACETS}

    def read(found: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
        """Without what the page adds: names of kinds without their narrower ones, and chosen ones that leave none."""
        return {f: {n: c for n, c in counts.items() if c and not n.endswith(ONLY)} for f, counts in found.items()}

    return Engine(run=run, read=read)


def duckdb_facets(quads: Path) -> Engine:
    """The same counts by GROUP BY on a table with one list of names for each facet."""
    connection = facet_table.connect(shipped.projected(quads))

    def run(asked: dict[str, Sql]) -> dict[str, list[tuple[str, int]]]:
        return {facet: connection.execute(sql.text, sql.values).fetchall() for facet, sql in asked.items()}

    return Engine(run=run, read=lambda found: {facet: dict(counts) for facet, counts in found.items()})


def column_counts(quads: Path) -> Engine:
    """DLOM's own columns, asked for the live counts, as the wizard asks them at every click."""
    known = shipped.knowledge(quads)

    def read(found: matching.Counts) -> tuple[int, int, int, int]:
        return found.total, found.matches, found.if_measured, found.without_it

    return Engine(run=_counts(known), read=read)


def _counts(known: Knowledge) -> Callable[[Requirement], matching.Counts]:
    len(known.projection)  # built before anything is timed
    return lambda requirement: matching.counts(find_candidates(requirement, known))


def wizard_page(home: Path) -> Engine:
    """The wizard's first page, run without a browser: chooses a task, gives the number of models that match."""
    os.environ["DLOM_HOME"] = str(home)
    from streamlit.testing.v1 import AppTest

    for name in logging.root.manager.loggerDict:
        if name.startswith("streamlit"):  # it warns of running without a server, which is meant
            logging.getLogger(name).setLevel(logging.ERROR)
    page = AppTest.from_file(str(CHECKOUT / "wizard" / "main.py"), default_timeout=30).run()

    def run(task: str) -> AppTest:
        return next(w for w in page.selectbox if w.label == "Task").set_value(task).run()

    def read(page: AppTest) -> int:
        found = (re.search(r'class="big[^"]*">([\d,]+)<', str(element.proto.body)) for element in page.get("html"))
        return next(int(match[1].replace(",", "")) for match in found if match)

    return Engine(run=run, read=read)
