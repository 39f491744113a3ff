"""Loading: once, whole, in the right graphs, and going on after a kill."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

import flow
from ontology.events import Event, Finished, Progress, Started
from ontology.namespaces import INSTANCES, PREFIXES
from ontology.records import RECORDS
from ontology.settings import Settings
from repository.graph import EmbeddedGraph, frame
from repository.knowledge import STORE, Knowledge
from repository.load import CATALOG, REMOVED, digests, load, remove
from repository.sources.shelf import FACTS, SOURCES
from repository.terms import local, node, prologue

ROOT = Path(__file__).parent.parent.parent
MARK = ox.Literal("a mark that only a rewriting would take away")


def loaded(graph: EmbeddedGraph, facts: Path = FACTS, only: str | None = None) -> list[Event]:
    return list(load(graph, SOURCES, facts, flow.WORDS, only=only))


def mark(graph: EmbeddedGraph, name: str) -> ox.Quad:
    """Add a quad to a named graph."""
    quad = ox.Quad(node("net", "mark"), node("", "mark"), MARK, node("g", name))
    graph.update(f"INSERT DATA {{ GRAPH {quad.graph_name} {{ {quad.triple} }} }}")
    return quad


def marked(graph: EmbeddedGraph) -> set[str]:
    """The graphs that still have theirs."""
    return {local(g) for g in frame(graph, f"SELECT ?g {{ GRAPH ?g {{ ?s ?p {MARK} }} }}")["g"]}


def sizes(graph: EmbeddedGraph) -> dict[str, int]:
    rows = frame(graph, "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g")
    return {local(g): int(n) for g, n in zip(rows["g"], rows["n"], strict=True)}


def contents(graph: EmbeddedGraph) -> dict[str, frozenset[ox.Quad]]:
    """Everything, by named graph."""
    return {name: frozenset(graph.quads(node("g", name))) for name in sizes(graph)}


def all_quads(graph: EmbeddedGraph) -> Iterator[ox.Quad]:
    for name in sizes(graph):
        yield from graph.quads(node("g", name))


def small(graph: EmbeddedGraph) -> set[ox.Quad]:
    """What the graphs other than the two big ones hold."""
    big = {"models-aihub-0.46.1", "models-timm-aa4b5850"}
    return {q for name in sizes(graph).keys() - big for q in graph.quads(node("g", name))}


@pytest.fixture
def graph(home: Path) -> EmbeddedGraph:
    """A loaded graph that a test may change."""
    return EmbeddedGraph(home / STORE)


@pytest.fixture(scope="module")
def whole(facts: Knowledge) -> list[ox.Quad]:
    """Every quad of the shipped facts."""
    assert isinstance(facts.graph, EmbeddedGraph)
    return list(all_quads(facts.graph))


def test_no_triple_stands_in_two_graphs(whole: list[ox.Quad]) -> None:
    """It would count twice in the union that every query sees."""
    assert len(whole) > 200_000
    found: dict[ox.Triple, list[str]] = defaultdict(list)
    for quad in whole:
        found[quad.triple].append(local(quad.graph_name.value))  # type: ignore[union-attr]
    assert {t: graphs for t, graphs in found.items() if len(graphs) > 1} == {}


def test_everything_that_a_link_leads_to_exists(whole: list[ox.Quad]) -> None:
    described = {quad.subject for quad in whole}
    missing = Counter(
        f"{quad.predicate.value} {quad.object.value}"
        for quad in whole
        if isinstance(quad.object, ox.NamedNode)
        and quad.object.value.startswith(INSTANCES[:-1])
        and quad.object not in described
    )
    assert missing == {}


def test_every_thing_has_one_class_and_no_blank_nodes(whole: list[ox.Quad]) -> None:
    assert not any(isinstance(term, ox.BlankNode) for quad in whole for term in (quad.subject, quad.object))
    typed = Counter(quad.subject for quad in whole if quad.predicate.value.endswith("#type"))
    ours = tuple(PREFIXES[kind.prefix] for kind in RECORDS)
    things = {q.subject for q in whole if isinstance(q.subject, ox.NamedNode) and q.subject.value.startswith(ours)}
    assert {t.value: typed[t] for t in things if typed[t] != 1} == {}


def test_the_catalogue_lists_every_graph_of_a_source(facts: Knowledge) -> None:
    assert isinstance(facts.graph, EmbeddedGraph)
    listed = "GRAPH g:catalog { ?g a ?kind . ?g prov:hadPrimarySource ?s FILTER (?kind != :Tally) }"
    rows = frame(facts.graph, f"{prologue()}SELECT ?g ?kind {{ {listed} }}")
    kinds = {local(g): local(k) for g, k in zip(rows["g"], rows["kind"], strict=True)}
    assert set(kinds) == set(sizes(facts.graph)) - {"catalog", "ontology", "identities", "decisions"}
    assert kinds["models-aihub-0.46.1"] == "ModelRepository"
    assert kinds["devices-device-specifications"] == "DeviceRepository"
    assert kinds["clouds-cloud-configurations"] == "CloudRepository"
    assert set(digests(facts.graph)) == {"ontology", "identities", *(s.source.name for s in SOURCES)}


PRINTED = [  # a performance in the graph and its figures, read by eye in the tables
    ("timm-resnet50-224-intel-core-i7-12700h-laptop-cpu-run", {"inferenceLatencyMs": 32.78, "throughputPerS": 30.48}),
    ("timm-mobilenetv3_large_100-224-nvidia-rtx-3090-run", {"throughputPerS": 11_135.72, "batchSize": 1024}),
    ("timm-mobilenetv3_large_100.ra_in1k-224-accuracy", {"accuracyPercent": 75.784, "top5AccuracyPercent": 92.528}),
    ("keras-xception-accuracy", {"accuracyPercent": 79.0, "top5AccuracyPercent": 94.5}),
    ("mlperf-tiny-nucleo_l4r5zi-ic-run", {"inferenceLatencyMs": 165.1255, "energyMj": 6.919375}),
    ("mlperf-tiny-nucleo_l4r5zi-ad-quality", {"metricValue": 0.86}),
    ("lee-2022-resnet50-cifar10-nq-table", {"accuracyPercent": 80.7, "printedLatencyMs": 177, "samples": 10_000}),
    ("aihub-llama_v2_7b_chat-w4a16-qnn_context_binary-samsung-galaxy-s24-run",
     {"tokensPerS": 12.85, "timeToFirstTokenMs": 1495.83, "contextLength": 1024}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "printed"), PRINTED, ids=lambda v: v if isinstance(v, str) else "")
def test_printed_figures_are_in_the_graph(name: str, printed: dict[str, float], facts: Knowledge) -> None:
    rows = frame(facts.graph, f"{prologue()}SELECT ?p ?v {{ {node('p', name)} ?p ?v }}")
    found = {local(p): v for p, v in zip(rows["p"], rows["v"], strict=True)}
    assert {prop: float(found[prop]) for prop in printed} == printed
    timed = {"inferenceLatencyMs", "systemLatencyMs", "energyMj"}
    assert timed & found.keys() == timed & printed.keys()


def test_reference_devices_are_there_and_marked(facts: Knowledge) -> None:
    p = facts.projection
    column = p.columns["reference_device"]
    marked = Counter(p.models["device"][row] for row in range(len(p)) if column[row] is True)
    assert marked == {
        "nvidia-rtx-3090": 1443,
        "nvidia-rtx-4090": 1444,
        "nvidia-a100": 26,
        "amd-epyc-with-ibpb-92-cores": 26,
        "intel-xeon-2-30-ghz-tesla-k80": 26,
    }


def test_loading_twice_is_the_same_as_once(graph: EmbeddedGraph) -> None:
    before = digests(graph)
    names = sizes(graph).keys() - {"catalog"}
    for name in names:
        mark(graph, name)
    size = len(graph)
    loaded(graph)
    assert (digests(graph), len(graph), marked(graph)) == (before, size, set(names))


def test_it_tells_how_far_it_is(graph: EmbeddedGraph) -> None:
    told = loaded(graph, only="dlom2-paper")
    assert told[0] == Started("Loading facts", total=10)
    steps = [e.done for e in told if isinstance(e, Progress) and e.what == "Loading facts"]
    assert steps == list(range(1, 11))
    assert [e.total for e in told if isinstance(e, Progress) and "DLOM² paper" in e.what] == [83]
    assert told[-1] == Finished("Loading facts", f"{len(graph):,} statements")


def test_one_changed_table_reloads_its_source_alone(graph: EmbeddedGraph, tmp_path: Path) -> None:
    facts = Path(shutil.copytree(FACTS, tmp_path / "facts"))
    rows = (facts / "cloud.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (facts / "cloud.csv").write_text("".join([rows[0], *rows[2:]]), encoding="utf-8")
    before, whole, names = digests(graph), sizes(graph), sizes(graph).keys() - {"catalog"}
    for name in names:
        mark(graph, name)
    loaded(graph, facts)
    assert names - marked(graph) == {"clouds-cloud-configurations"}
    assert {s for s, digest in digests(graph).items() if digest != before[s]} == {"cloud-configurations"}
    assert sizes(graph)["clouds-cloud-configurations"] < whole["clouds-cloud-configurations"]
    tallies = Knowledge(graph).tallies()
    assert tallies[tallies["table"] == "cloud.csv"]["rows"].sum() == len(rows) - 2  # the header, and the row left out


def test_every_source_can_be_removed_and_loaded_again(graph: EmbeddedGraph) -> None:
    """Without it no graph is its own; with it again every graph holds what it held."""
    before = contents(graph)
    for name in (tables.source.name for tables in SOURCES):
        own = {g for g in before if g.endswith(f"-{name}")}
        remove(graph, name)
        assert own
        assert not own & sizes(graph).keys()
        assert digests(graph)[name] == REMOVED
        assert name not in set(Knowledge(graph).tallies()["source"])
        with pytest.raises(KeyError, match=name):
            remove(graph, name)
        loaded(graph, only=name)
    assert contents(graph) == before


def test_a_removed_source_stays_away_until_it_is_asked_for(graph: EmbeddedGraph) -> None:
    remove(graph, "dlom2-paper")
    loaded(graph)
    assert "models-dlom2-paper" not in sizes(graph)
    loaded(graph, only="dlom2-paper")
    assert "models-dlom2-paper" in sizes(graph)


def test_only_one_source_can_be_loaded_anew(graph: EmbeddedGraph) -> None:
    for name in ("models-dlom2-paper", "clouds-cloud-configurations"):
        mark(graph, name)
    loaded(graph, only="dlom2-paper")
    assert marked(graph) == {"clouds-cloud-configurations"}


def test_a_half_written_source_is_loaded_again(graph: EmbeddedGraph) -> None:
    """What a kill leaves: some of a source's graphs, and no digest in the catalogue."""
    whole, before = sizes(graph), small(graph)
    graph.drop(node("g", "clouds-cloud-configurations"))
    mark(graph, "clouds-cloud-configurations")
    entry = node("src", "cloud-configurations")
    graph.replace(CATALOG, [q for q in graph.quads(CATALOG) if q.subject != entry])
    loaded(graph)
    assert (sizes(graph), small(graph)) == (whole, before)


def test_a_kill_in_the_middle_does_no_harm(tmp_path: Path, facts: Knowledge) -> None:
    """Three kills at random moments; the next load makes the graph that an undisturbed one makes."""
    assert isinstance(facts.graph, EmbeddedGraph)
    moments = random.Random(20261120)
    environ = os.environ | {"DLOM_HOME": str(tmp_path)}
    killed = 0
    for _ in range(3):
        work = subprocess.Popen([sys.executable, "cli.py", "load"], cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
        try:
            work.wait(timeout=moments.uniform(1.0, 5.0))
        except subprocess.TimeoutExpired:
            work.kill()
            killed += work.wait() == -signal.SIGKILL
    assert killed
    for _ in flow.set_up(Settings(home=tmp_path)):
        pass
    again = EmbeddedGraph(tmp_path / STORE)
    assert sizes(again) == sizes(facts.graph)
    assert digests(again) == digests(facts.graph)
    scales = frame(again, prologue() + "SELECT DISTINCT ?v { ?s a :RatingScale ; :scaleVersion ?v }")
    assert list(scales["v"]) == ["1"]
