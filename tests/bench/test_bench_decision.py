"""The benchmarks of matching and of a whole decision, on the tiny graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox
import pytest

from bench import decision, engines, matching, shipped
from bench.matching import ON_DISK, RDFLIB, TABLE, Allowance
from ontology.requirement import Requirement
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE
from tests.tiny import tiny_graph

pytest.importorskip("duckdb")
ASKED = {
    "quick": Requirement(inference_latency_ms_at_most=30.0),
    "good": Requirement(accuracy_percent_at_least=70.0, task=("image-classification",)),
}
NEEDED = ("phone", "edge-device")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store on disk with the tiny graph, its statements as `tiny.nq`, and its projection beside that."""
    home = tmp_path_factory.mktemp("home")
    tiny_graph().snapshot(home / STORE)
    store = ox.Store(str(home / STORE))
    store.dump(str(home / "tiny.nq"), format=ox.RdfFormat.N_QUADS)
    del store
    shipped.project_once(home, home / "tiny.nq")
    return home


def test_every_engine_finds_the_same_and_the_query_is_what_they_are_compared_with(home: Path) -> None:
    allowed = Allowance(60.0)
    rows = {r.name: r for r in matching.measured(ASKED, home, home / "tiny.nq", allowed, "8", small=False)}
    assert list(rows) == [f"{name}, 8: {e}" for name in ASKED for e in (ON_DISK, TABLE, "columns", RDFLIB)]
    assert {r.ratio_to for r in rows.values()} == {"", "quick, 8: query on disk", "good, 8: query on disk"}
    assert "5 found" in rows["quick, 8: query on disk"].note  # a, b, c, n, p
    assert rows[f"good, 8: {RDFLIB}"].note == "once"
    assert 0 < allowed.spent < 60
    assert allowed.skipped == []


def test_what_rdflib_has_no_time_for_is_told(home: Path) -> None:
    asked = {n: (r, frozenset({"a"}), 1.0) for n, r in ASKED.items()}
    allowed = Allowance(5.0)  # one answer may take sixty seconds
    assert matching.by_rdflib(asked, home / "tiny.nq", allowed, "8") == {}
    assert allowed.skipped == ["quick, 8", "good, 8"]


def test_a_whole_answer_finds_what_the_query_finds(home: Path) -> None:
    graph = EmbeddedGraph(home / STORE)
    for start in (engines.selection, engines.robust_selection, engines.first_robust_selection):
        engine = start(home / "tiny.nq")
        for requirement in (*ASKED.values(), replace(ASKED["quick"], device_types=NEEDED)):
            found = engine.run(requirement)
            assert engine.read(found) == engines.of_csv(graph.query(found.query))
            assert found.explanation is not None
            assert ("robustness" in vars(found)) == (start is not engines.selection)
    graph.close()


@pytest.mark.slow
def test_each_example_has_a_query_and_two_answers_compared_with_it(home: Path) -> None:
    rows = list(decision.measured(ASKED, home, home / "tiny.nq", "8"))
    names = [f"{n}, 8: {e}" for n in ASKED for e in (decision.QUERY, decision.SELECT, decision.WHOLE, decision.FIRST)]
    assert [r.name for r in rows] == names
    assert [r.ratio_to for r in rows] == ["", *["quick, 8: query on disk"] * 3, "", *["good, 8: query on disk"] * 3]
