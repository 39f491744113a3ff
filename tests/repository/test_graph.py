"""One suite for every backend of the graph, and what the embedded store promises on disk."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyoxigraph as ox
import pytest

from ontology.records import Network
from repository import graph as graph_module
from repository import remote as remote_module
from repository.graph import EmbeddedGraph, Format, Graph, GraphError, StoreBusy, frame
from repository.knowledge import Knowledge
from repository.projection import Coded, project
from repository.remote import RemoteGraph
from repository.terms import local, node, prologue
from repository.triples import quads
from tests.tiny import tiny_graph

OXIGRAPH = Path(sys.executable).with_name("oxigraph")  # the server from PyPI, beside this Python
HERE = node("g", "here")


def networks(*names: str) -> list[ox.Quad]:
    return [q for name in names for q in quads(Network(name=name), HERE)]


def contents(graph: EmbeddedGraph) -> list[ox.Quad]:
    """Every quad of every named graph."""
    names = frame(graph, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }")["g"]
    return [q for name in names for q in graph.quads(ox.NamedNode(name))]


@contextmanager
def served(folder: Path, quads: list[ox.Quad]) -> Iterator[str]:
    """`oxigraph serve` over these quads; gives the address of its query endpoint."""
    if not OXIGRAPH.exists():
        pytest.skip("the oxigraph server is not installed (pip install oxigraph)")
    (folder / "all.nq").write_bytes(ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b"")
    location = ["--location", str(folder / "store")]
    subprocess.run([OXIGRAPH, "load", *location, "--file", folder / "all.nq"], check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bind = ["--bind", f"127.0.0.1:{port}", "--union-default-graph"]
    server = subprocess.Popen([OXIGRAPH, "serve-read-only", *location, *bind], stderr=subprocess.PIPE)
    try:
        until = time.monotonic() + 20
        while server.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/query"
    finally:
        server.terminate()
        server.communicate(timeout=10)


@pytest.fixture(scope="module", params=["memory", "disk", "server"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """The tiny graph behind each kind of backend."""
    memory = tiny_graph()
    if request.param == "memory":
        yield memory
    elif request.param == "disk":
        disk = EmbeddedGraph(tmp_path_factory.mktemp("disk"))
        for name in {q.graph_name for q in contents(memory)}:
            assert isinstance(name, ox.NamedNode)
            disk.replace(name, memory.quads(name))
        yield disk
    else:
        with served(tmp_path_factory.mktemp("server"), contents(memory)) as url:
            yield RemoteGraph(url)


def test_the_suite_knows_every_backend() -> None:
    kinds = {c for m in (graph_module, remote_module) for c in vars(m).values() if isinstance(c, type)}
    assert {c for c in kinds if hasattr(c, "query")} == {Graph, EmbeddedGraph, RemoteGraph}


def test_a_query_sees_all_named_graphs_and_each_triple_once(backend: Graph) -> None:
    # Five models stand in one graph and three in another; the classes of their devices come from a third.
    rows = frame(backend, prologue() + "SELECT ?m { ?m a :Model } ORDER BY ?m")
    assert [local(iri) for iri in rows["m"]] == ["a", "b", "c", "d", "e", "n", "p", "s"]
    rows = frame(backend, prologue() + "SELECT ?n { m:a :device/:deviceType/skos:prefLabel ?n }")
    assert list(rows["n"]) == ["Single-board computer"]


def test_a_graph_can_be_named(backend: Graph) -> None:
    rows = frame(backend, prologue() + "SELECT ?m { GRAPH g:models-later { ?m a :Model } }")
    assert {local(iri) for iri in rows["m"]} == {"n", "p", "s"}


def test_unbound_is_not_a_number(backend: Graph) -> None:
    rows = frame(
        backend, prologue() + "SELECT ?p { VALUES ?d { dev:board-a dev:new-board } OPTIONAL { ?d :priceUsd ?p } }"
    )
    assert sorted(rows["p"].isna()) == [False, True]


def test_json_and_ask(backend: Graph) -> None:
    answer = json.loads(backend.query(prologue() + "ASK { m:a a :Model }", Format.JSON))
    assert answer["boolean"] is True
    answer = json.loads(backend.query(prologue() + "SELECT ?l { dev:board-a rdfs:label ?l }", Format.JSON))
    assert [row["l"]["value"] for row in answer["results"]["bindings"]] == ["Board A"]


def test_construct_gives_turtle(backend: Graph) -> None:
    knowledge = Knowledge(backend)
    text = prologue() + "CONSTRUCT { ?m :network ?n } WHERE { ?m :network ?n } ORDER BY ?m LIMIT 1"
    for asked in (Format.CSV, Format.JSON):  # the formats of a table
        answer = knowledge.answer(text, asked)
        assert answer.format is Format.TURTLE
        [triple] = ox.parse(answer.body, format=ox.RdfFormat.TURTLE)
        assert (triple.subject, triple.object) == (node("m", "a"), node("net", "small-net"))


def test_a_fault_is_told_in_the_engines_words(backend: Graph) -> None:
    with pytest.raises(GraphError, match="expected"):
        backend.query("SELECT * { ?s ?p")
    with pytest.raises(GraphError):
        backend.query("SELECT * { ?s ?p ?o }", Format.TURTLE)


def test_the_projection_is_the_same_everywhere(backend: Graph, tiny: Knowledge) -> None:
    expected, found = tiny.projection, project(backend)
    pd.testing.assert_frame_equal(found.models, expected.models)
    assert found.columns.keys() == expected.columns.keys()
    for name, column in expected.columns.items():
        other = found.columns[name]
        if isinstance(column, Coded):
            assert [other[i] for i in range(len(found))] == [column[i] for i in range(len(found))], name
        else:
            assert isinstance(other, np.ndarray)
            np.testing.assert_array_equal(other, column, name)
    for name, grades in expected.evidence.items():
        np.testing.assert_array_equal(found.evidence[name], grades, name)
    for part in ("devices", "clouds", "labels", "broader", "higher_is_better", "metric_units", "positions"):
        assert getattr(found, part) == getattr(expected, part), part
    assert set(found.scales) == set(expected.scales)


def test_turtle_is_written_with_our_prefixes() -> None:
    turtle = tiny_graph().query(prologue() + "CONSTRUCT WHERE { m:a :device ?d }", Format.TURTLE).decode()
    assert "@prefix dev: <https://w3id.org/dlom/device/> ." in turtle
    assert "m:a :device dev:board-a ." in turtle


def test_ask_as_csv_has_a_header() -> None:
    assert EmbeddedGraph().query("ASK {}") == b"answer\ntrue\n"


def test_a_server_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/query"
    with pytest.raises(GraphError, match=rf"no answer from {url} .*is the app still running\?"):
        RemoteGraph(url).query("ASK {}")
    with pytest.raises(GraphError, match=r"no answer from http://127\.0\.0\.1:many"):
        RemoteGraph("http://127.0.0.1:many").query("ASK {}")


def test_what_is_written_is_there_after_reopening(tmp_path: Path) -> None:
    first = EmbeddedGraph(tmp_path / "not" / "there" / "yet")
    assert first.replace(HERE, networks("a", "b")) == 2
    first.settle()
    del first
    again = EmbeddedGraph(tmp_path / "not" / "there" / "yet")
    assert len(again) == 2
    assert set(again.quads(HERE)) == set(networks("a", "b"))


def test_a_second_process_is_told_that_the_store_is_busy(tmp_path: Path) -> None:
    held = EmbeddedGraph(tmp_path)
    opening = "import sys; from pathlib import Path; from repository.graph import *; EmbeddedGraph(Path(sys.argv[1]))"
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", opening, tmp_path], capture_output=True, text=True, cwd=root)
    assert f"StoreBusy: the knowledge graph in {tmp_path} is open in another process" in done.stderr
    with pytest.raises(StoreBusy):
        EmbeddedGraph(tmp_path)
    assert len(held) == 0


def test_a_folder_that_cannot_be_used_is_no_busy_store(tmp_path: Path) -> None:
    """Its name may well contain the word lock."""
    (tmp_path / "blocks").write_text("a file")
    with pytest.raises(GraphError, match="cannot be opened") as told:
        EmbeddedGraph(tmp_path / "blocks" / "graph")
    assert not isinstance(told.value, StoreBusy)


def test_replace_is_the_whole_content() -> None:
    graph = EmbeddedGraph()
    graph.replace(node("g", "other"), quads(Network(name="x"), node("g", "other")))
    graph.replace(HERE, networks("a", "b"))
    assert graph.replace(HERE, networks("b", "c")) == 2
    assert set(graph.quads(HERE)) == set(networks("b", "c"))
    assert len(graph) == 3
    graph.replace(HERE, [])
    assert len(graph) == 1
    graph.drop(node("g", "other"))
    assert len(graph) == 0


def test_replace_keeps_texts_as_they_are() -> None:
    """Small graphs are written as SPARQL text."""
    odd = 'a "quote" \\ and\na line \t\r \u0007 \u2028 \u00e9 }} ; DROP ALL #'
    graph = EmbeddedGraph()
    graph.replace(HERE, quads(Network(name="a b", label=odd, family=odd), HERE))
    assert {q.object.value for q in graph.quads(HERE) if isinstance(q.object, ox.Literal)} == {odd}


def test_a_large_graph_is_replaced_as_well() -> None:
    many = networks(*(f"n{i}" for i in range(graph_module._ONE_UPDATE + 1)))
    graph = EmbeddedGraph()
    graph.replace(HERE, networks("old"))
    assert graph.replace(HERE, many) == len(many) == len(graph)


def test_a_reader_never_finds_half_a_graph() -> None:
    graph = EmbeddedGraph()
    old, new = networks(*(f"a{i}" for i in range(300))), networks(*(f"b{i}" for i in range(300)))
    graph.replace(HERE, old)
    seen: set[int] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(len(graph.quads(HERE)))

    reader = threading.Thread(target=read)
    reader.start()
    for content in [new, old] * 50:
        graph.replace(HERE, content)
    done.set()
    reader.join()
    assert seen == {300}


def test_an_update_is_all_or_nothing() -> None:
    graph = EmbeddedGraph()
    with pytest.raises(GraphError, match="the update could not be run"):
        graph.update("INSERT DATA { GRAPH <g:a> { <a:a> <a:b> 1 } } ; CLEAR GRAPH <g:not-there>")
    assert len(graph) == 0


def test_a_proxy_does_not_stand_between_us_and_our_own_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(tmp_path, networks("a")) as url:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert b"boolean" in RemoteGraph(url, token="of the app").query("ASK {}", Format.JSON)
        with pytest.raises(GraphError, match="no answer"):  # any other server may well be behind one
            RemoteGraph(url).query("ASK {}", Format.JSON)


@pytest.mark.parametrize("on_disk", [True, False])
def test_a_snapshot_is_the_store_as_it_was(tmp_path: Path, on_disk: bool) -> None:
    graph = EmbeddedGraph(tmp_path / "store" if on_disk else None)
    graph.update("INSERT DATA { GRAPH <x:g> { <x:s> <x:p> 1 } }")
    version = graph.snapshot(tmp_path / "copy")
    assert version == graph.version
    graph.update("INSERT DATA { GRAPH <x:g> { <x:s> <x:p> 2 } }")
    assert version < graph.version
    copy = EmbeddedGraph(tmp_path / "copy")
    assert (len(copy), len(graph)) == (1, 2)
