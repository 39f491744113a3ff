"""Foreign queries in workers: what they see, what they may not do, and how they are ended."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyoxigraph as ox
import pytest

from ontology.settings import QueryLimits
from repository.formats import Format
from repository.graph import EmbeddedGraph, GraphError
from repository.guard import RefusedQuery
from repository.workers.pool import Busy, LimitedQueries, NotAcceptable, QueryStopped, QueryTimeout

COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
# 300 statements, so 300 to the fourth rows: days of work.
RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l FILTER (?c + ?f + ?i + ?l = -1) }"
LIMITS = QueryLimits(seconds=20, rows=100, workers=1, waiting=1, wait_seconds=0.3, memory_mib=1024)


def numbered(count: int) -> EmbeddedGraph:
    """`<urn:1> <urn:value> 1` and so on, in the graph <urn:g>."""
    graph = EmbeddedGraph()
    value, name = ox.NamedNode("urn:value"), ox.NamedNode("urn:g")
    graph.replace(name, [ox.Quad(ox.NamedNode(f"urn:{i}"), value, ox.Literal(i), name) for i in range(count)])
    return graph


@pytest.fixture(scope="module")
def queries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LimitedQueries]:
    """One worker over 300 statements."""
    one = LimitedQueries(numbered(300), tmp_path_factory.mktemp("workers") / "snapshots", LIMITS)
    yield one
    one.close()


def quick(queries: LimitedQueries) -> bytes:
    return queries.answer("ASK {}").body


def test_a_table_is_cut_at_the_limit_and_says_so(queries: LimitedQueries) -> None:
    found = queries.answer("SELECT ?o { ?s <urn:value> ?o } ORDER BY ?o")
    assert (found.rows, found.truncated) == (100, True)
    assert found.body.splitlines()[:2] == [b"o", b"0"]
    assert found.body.splitlines()[-1] == b"99"
    assert found.note == "only the first 100 rows; ask for less, with LIMIT and OFFSET"
    exact = queries.answer("SELECT ?o { ?s <urn:value> ?o } LIMIT 100")
    assert (exact.rows, exact.truncated, exact.note) == (100, False, "")


def test_a_graph_is_cut_at_the_limit_and_says_so(queries: LimitedQueries) -> None:
    found = queries.answer("CONSTRUCT WHERE { ?s ?p ?o }", graph_format=Format.N_TRIPLES)
    assert (found.rows, found.truncated, len(found.body.splitlines())) == (100, True, 100)
    assert found.note.startswith("only the first 100 statements")


def test_our_own_queries_from_another_process_are_not_cut(queries: LimitedQueries) -> None:
    found = queries.answer("SELECT ?o { ?s <urn:value> ?o }", whole=True)
    assert (found.rows, found.truncated) == (300, False)


def test_the_default_graph_is_the_union_unless_the_query_says_otherwise(queries: LimitedQueries) -> None:
    assert queries.answer(COUNT).body == b"n\r\n300\r\n"
    assert queries.answer("SELECT (COUNT(*) AS ?n) FROM <urn:none> { ?s ?p ?o }").body == b"n\r\n0\r\n"
    assert queries.answer(COUNT, default_graphs=["urn:none"]).body == b"n\r\n0\r\n"
    assert queries.answer(COUNT, named_graphs=["urn:g"]).body == b"n\r\n0\r\n"
    in_graphs = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
    assert queries.answer(in_graphs, named_graphs=["urn:g"]).body == b"n\r\n300\r\n"


def test_our_prefixes_and_relative_names_need_no_declaration(queries: LimitedQueries) -> None:
    found = queries.answer("CONSTRUCT { <model/x> a :Model ; :network net:y } WHERE {}")
    assert len(list(ox.parse(found.body, format=ox.RdfFormat.TURTLE))) == 2
    prefixes = [line.split()[1] for line in found.body.splitlines() if line.startswith(b"@prefix")]
    assert prefixes == [b":", b"m:", b"net:"]  # those that are used
    assert b"m:x " in found.body
    assert b":network net:y" in found.body
    assert quick(queries) == b"answer\ntrue\n"


def test_a_format_that_does_not_suit_is_told_before_the_query_runs(queries: LimitedQueries) -> None:
    with pytest.raises(NotAcceptable, match="the answer is a table"):
        queries.answer("ASK {}", None, graph_format=Format.TURTLE)
    with pytest.raises(NotAcceptable, match="the answer is a graph"):
        queries.answer("CONSTRUCT WHERE { ?s ?p ?o }", Format.CSV, graph_format=None)


@pytest.mark.parametrize("text", ["DROP ALL", "SELECT * { SERVICE <http://127.0.0.1:9/> {} }", "SELECT * {"])
def test_what_is_refused_is_refused_in_the_worker_too(text: str, queries: LimitedQueries) -> None:
    with pytest.raises(RefusedQuery):
        queries.answer(text)
    assert quick(queries) == b"answer\ntrue\n"


def test_every_acknowledged_write_is_seen_and_old_copies_go(tmp_path: Path) -> None:
    graph = numbered(3)
    queries = LimitedQueries(graph, tmp_path / "snapshots", LIMITS)
    try:
        for i in range(3, 8):
            graph.update(f"INSERT DATA {{ GRAPH <urn:g> {{ <urn:{i}> <urn:value> {i} }} }}")
            assert queries.answer(COUNT).body == f"n\r\n{i + 1}\r\n".encode()
            assert len(list((tmp_path / "snapshots").iterdir())) == 1
    finally:
        queries.close()
    assert not (tmp_path / "snapshots").exists()


def test_what_a_kill_left_behind_is_swept_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "snapshots" / "7").mkdir(parents=True)
    queries = LimitedQueries(numbered(1), tmp_path / "snapshots", LIMITS)
    assert list((tmp_path / "snapshots").iterdir()) == []
    queries.close()


def test_an_update_that_takes_too_long_leaves_no_copies(tmp_path: Path) -> None:
    queries = LimitedQueries(numbered(300), tmp_path / "snapshots", QueryLimits(seconds=4.0))
    endless = f"INSERT {{ <urn:a> <urn:b> ?n }} WHERE {{ {{ {RUNAWAY} }} }}"
    try:
        with pytest.raises(QueryTimeout, match="the update was ended after 4 s"):
            queries.rehearse({"do": "update", "using": ["urn:g"], "using_named": []}, endless.encode())
        assert list((tmp_path / "snapshots").iterdir()) == []
    finally:
        queries.close()


def test_a_runaway_is_ended_and_its_worker_replaced(tmp_path: Path) -> None:
    limits = QueryLimits(seconds=0.5, workers=1)
    queries = LimitedQueries(numbered(300), tmp_path / "snapshots", limits)
    try:
        quick(queries)
        first = queries.workers()
        with pytest.raises(QueryTimeout, match=r"the query was ended after 0\.5 s; narrow it"):
            queries.answer(RUNAWAY)
        assert not any(alive(pid) for pid in first)
        until(lambda: len(queries.workers()) == 1)
        assert set(queries.workers()).isdisjoint(first)
        assert len(queries.workers()) == 1
    finally:
        queries.close()
    assert queries.workers() == ()


def test_a_query_that_takes_all_memory_ends_its_worker_only(queries: LimitedQueries) -> None:
    with pytest.raises(GraphError, match="needs more than the 1,024 MiB of memory"):
        # Each row is kept for the sorting: 27 million of them.
        queries.answer("SELECT ?a ?d ?g { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } ORDER BY ?c ?f ?i")
    assert quick(queries) == b"answer\ntrue\n"


def test_a_query_can_be_stopped_by_its_id(queries: LimitedQueries) -> None:
    stopper = threading.Thread(target=lambda: until(lambda: queries.stop("mine")))
    stopper.start()
    with pytest.raises(QueryStopped, match="the query was stopped"):
        queries.answer(RUNAWAY, id="mine")
    stopper.join()
    assert not queries.stop("mine")
    assert quick(queries) == b"answer\ntrue\n"


def test_who_comes_when_all_are_busy_waits_a_little_and_is_sent_away(queries: LimitedQueries) -> None:
    quick(queries)
    told: list[Exception] = []

    def long() -> None:
        try:
            queries.answer(RUNAWAY, id="long")
        except GraphError as error:
            told.append(error)

    runaway = threading.Thread(target=long)
    runaway.start()
    until(lambda: queries.running("long"))
    with pytest.raises(Busy, match="all 1 workers were busy"):
        queries.answer("ASK {}")
    assert queries.stop("long")
    runaway.join()
    assert isinstance(told[0], QueryStopped)


def test_one_worker_is_kept_for_the_owner(tmp_path: Path) -> None:
    """One runaway of a guest and one that waits behind it: the queue is full for guests, and not for the owner."""
    queries = LimitedQueries(numbered(300), tmp_path / "snapshots", replace(LIMITS, wait_seconds=20.0))
    told: list[Exception] = []

    def long(id: str) -> None:
        try:
            queries.answer(RUNAWAY, id=id)
        except GraphError as error:
            told.append(error)

    guests = [threading.Thread(target=long, args=[id]) for id in ("first", "second")]
    try:
        for guest in guests:
            guest.start()
        until(lambda: queries.running("first") or queries.running("second"))
        until(lambda: queries._waiting == 1)
        with pytest.raises(Busy, match="1 queries are waiting already"):
            queries.answer("ASK {}")
        for _ in range(2):  # the worker that the owner gave back is not taken by the guest who waits
            assert queries.answer("ASK {}", owner=True).body == b"answer\ntrue\n"
        assert queries.running("first") != queries.running("second")
    finally:
        for id in ("first", "second"):
            queries.stop(id)
        for guest in guests:
            guest.join()
        queries.close()
    assert [type(error) for error in told] == [QueryStopped, QueryStopped]


def test_a_worker_has_no_network_and_no_files(queries: LimitedQueries) -> None:
    quick(queries)
    [pid] = queries.workers()
    if os.geteuid() == 0:  # others may be refused a network of their own
        assert Path(f"/proc/{pid}/ns/net").stat().st_ino != Path("/proc/self/ns/net").stat().st_ino
    limits = Path(f"/proc/{pid}/limits").read_text()
    [memory] = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert memory.split()[3] == str(1024 * 2**20)


def test_workers_end_with_the_pool(tmp_path: Path) -> None:
    queries = LimitedQueries(numbered(1), tmp_path / "snapshots", QueryLimits(workers=2))
    queries.warm()
    until(lambda: len(queries.workers()) == 2)
    pids = queries.workers()
    queries.close()
    assert not any(alive(pid) for pid in pids)
    with pytest.raises(GraphError):
        queries.answer("ASK {}")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(true: object, seconds: float = 30.0) -> None:
    """Wait for something to become true."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
