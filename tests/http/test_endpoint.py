"""The endpoint beyond W3C's suite: formats, limits, what is refused, and what it says of itself."""

from __future__ import annotations

import threading
import time

import httpx
import pyoxigraph as ox
import pytest

from repository.guard import LONGEST
from repository.remote import MIXING, ROWS, TRUNCATED, WHOLE, RemoteGraph
from repository.tokens import issue
from tests.http.served import Served

MODELS = "SELECT ?m { ?m a :Model } ORDER BY ?m"
GRAPH = "CONSTRUCT { ?m a :Model } WHERE { ?m a :Model }"
RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"


@pytest.mark.parametrize(
    ("accept", "kind", "start"),
    [
        ("text/csv", "text/csv", "m\r\nhttps://w3id.org/dlom/model/a\r\n"),
        ("text/tab-separated-values", "text/tab-separated-values", "?m\n<https://w3id.org/dlom/model/a>\n"),
        ("application/sparql-results+json", "application/sparql-results+json", '{"head":{"vars":["m"]}'),
        ("application/sparql-results+xml", "application/sparql-results+xml", '<?xml version="1.0"?><sparql'),
        ("text/csv;q=0.2, application/sparql-results+xml", "application/sparql-results+xml", "<?xml"),
        ("*/*", "application/sparql-results+json", "{"),
    ],
)
def test_a_table_comes_as_it_was_asked_for(accept: str, kind: str, start: str, running: Served) -> None:
    answer = running.ask(MODELS, Accept=accept)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, kind)
    assert answer.text.startswith(start)
    assert answer.headers["dlom-rows"] == "8"  # the models of tests/tiny.py
    assert "dlom-truncated" not in answer.headers


@pytest.mark.parametrize("kind", ["text/turtle", "application/n-triples", "application/ld+json", "application/rdf+xml"])
def test_a_graph_comes_as_it_was_asked_for(kind: str, running: Served) -> None:
    answer = running.ask(GRAPH, Accept=kind)
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert len(list(ox.parse(answer.content, format=ox.RdfFormat.from_media_type(kind)))) == 8
    if kind == "text/turtle":
        assert "\nm:a a :Model ." in answer.text


def test_columns_that_mix_data_sets_are_told_to_who_asks_for_the_check(running: Served) -> None:
    """The tiny graph has accuracies of a to e on one data set, and one of s whose data set nobody states."""
    every = "SELECT ?x { ?p :accuracyPercent ?x }"
    told = running.ask(every, **{MIXING: "check"}).headers[MIXING]
    assert told.startswith("Column x mixes ")
    one = f"{every[:-1]} ; :metric metric:top-1 ; :testSet data:flowers-test }}"
    assert running.ask(one, **{MIXING: "check"}).headers[MIXING] == "none"
    assert MIXING not in running.ask(every).headers
    assert MIXING not in running.ask(GRAPH, **{MIXING: "check"}).headers


def test_what_cannot_be_written_as_asked_is_not_acceptable(running: Served) -> None:
    assert running.ask(MODELS, Accept="text/turtle").status_code == 406
    assert running.ask(GRAPH, Accept="text/csv").status_code == 406
    assert running.ask(GRAPH, Accept="text/csv, text/turtle;q=0.1").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused(method: str, running: Served) -> None:
    answer = running.client.request(method, "/sparql", params={"query": "ASK {}"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize("parameters", [{}, {"query": "ASK {}"}])
def test_the_head_of_an_answer_is_that_of_get(parameters: dict[str, str], running: Served) -> None:
    head, whole = (running.client.request(m, "/sparql", params=parameters) for m in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert running.client.head("/sparql", params={"update": "DROP ALL"}).status_code == 400


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("DROP ALL", "this is not a SPARQL query that can be read"),
        ("SELECT * { SERVICE <http://127.0.0.1:9/> {} }", "SERVICE would call another server and is refused"),
        ("SELECT * { \\u0053ERVICE <http://127.0.0.1:9/> {} }", "write the character itself"),
        ("SELECT * {", "this is not a SPARQL query that can be read"),
        ("ASK { nobody:knows a :Model }", "the prefix nobody: is not declared"),
        ("", "this is not a SPARQL query that can be read"),
        ("\0", "this is not a SPARQL query that can be read"),
        ("ASK {} #" + "x" * LONGEST, "the query is longer than 100,000 characters"),
        ("ASK { {} " + "UNION {}" * 1_000 + "}", "parts side by side are more than the 600 allowed"),
    ],
    ids=lambda text: text[:20],
)
def test_a_refused_query_is_a_bad_request_with_one_sentence(query: str, told: str, running: Served) -> None:
    answer = running.ask(query)
    assert (answer.status_code, len(answer.text.splitlines())) == (400, 1)
    assert told in answer.text


@pytest.mark.parametrize(
    "update",
    ["LOAD <http://127.0.0.1:9/>", "INSERT {} WHERE { SERVICE <http://127.0.0.1:9/> {} }", "CREATE GRAPH g:identities",
     "INSERT DATA { GRAPH <urn:x> { ?v <urn:b> 1 } }", "SELECT * {}", "DROP GRAPH <urn:none>", "\\u0044ROP ALL",
     # What it leaves could not be read as models: evidence of a grade that there is not.
     "INSERT DATA { GRAPH <urn:x> { p:a-run :evidence :hearsay } }"],
)  # fmt: skip
def test_an_update_that_must_not_be_made_changes_nothing(update: str, running: Served) -> None:
    before = running.statements()
    answer = running.update(update)
    assert (answer.status_code, len(answer.text.splitlines())) == (400, 1), answer.text
    assert running.statements() == before


def test_the_reason_is_told_once(running: Served) -> None:
    answer = running.update("DROP GRAPH <urn:none>")
    assert answer.text.count("the update could not be run") == 1


def test_an_update_is_seen_by_the_next_query_and_by_the_table(running: Served) -> None:
    made = running.update('INSERT DATA { GRAPH <urn:x> { m:a rdfs:comment "seen" } }')
    assert (made.status_code, made.content) == (204, b"")
    assert running.count('m:a rdfs:comment "seen"') == 1
    assert running.update("DROP GRAPH <urn:x>").status_code == 204
    assert running.count("m:a rdfs:comment ?any") == 0


def test_bodies_beyond_the_limit_are_not_read(running: Served) -> None:
    kind = {"Content-Type": "application/sparql-query"}
    chunks = (b"x" * LONGEST for _ in range(13))  # a generator is sent in chunks, without a length
    assert running.client.post("/sparql", content=chunks, headers=kind).status_code == 413
    turtle = running.key | {"Content-Type": "text/turtle"}
    answer = running.client.put("/graphs?graph=urn:x", content=b" " * 17_000_000, headers=turtle)
    assert answer.status_code == 413


def test_it_says_what_it_is(running: Served) -> None:
    answer = running.client.get("/sparql")
    assert answer.headers["content-type"].startswith("text/turtle")
    about = {(q.predicate.value.rpartition("#")[2], q.object.value.rpartition("#")[2].rpartition("/")[2])
             for q in ox.parse(answer.content, format=ox.RdfFormat.TURTLE)
             if isinstance(q.object, ox.NamedNode)}  # fmt: skip
    assert {("supportedLanguage", "SPARQL11Query"), ("supportedLanguage", "SPARQL11Update"),
            ("feature", "UnionDefaultGraph"), ("resultFormat", "SPARQL_Results_JSON"), ("resultFormat", "Turtle"),
            ("name", "models-bench"), ("endpoint", "sparql")} <= about  # fmt: skip
    as_triples = running.client.get("/sparql", headers={"Accept": "application/n-triples"})
    assert as_triples.headers["content-type"] == "application/n-triples"


def test_more_rows_than_the_limit_are_told_and_our_own_queries_get_all(running: Served) -> None:
    numbers = " ".join(map(str, range(317)))
    many = f"SELECT ?a ?b {{ VALUES ?a {{ {numbers} }} VALUES ?b {{ {numbers} }} }}"  # 317² = 100,489 rows
    cut = running.ask(many, Accept="text/csv")
    assert (cut.headers[ROWS], len(cut.text.splitlines())) == ("100000", 1 + 100_000)
    assert cut.headers[TRUNCATED] == "only the first 100,000 rows; ask for less, with LIMIT and OFFSET"
    ours = RemoteGraph(
        str(running.client.base_url.join("/sparql")), running.key["Authorization"].removeprefix("Bearer ")
    )
    assert len(ours.query(many).splitlines()) == 1 + 317**2
    analyst = {"Authorization": f"Bearer {issue(running.home, 'analyst', 'read')}", WHOLE: "yes"}
    assert TRUNCATED in running.ask(many, **analyst).headers


def test_a_query_ends_when_nobody_waits_for_it(running: Served) -> None:
    """Else three such queries would hold both workers for half a minute, and the last would be sent away."""
    for _ in range(3):
        with pytest.raises(httpx.ReadTimeout):
            running.client.post("/sparql", data={"query": RUNAWAY}, timeout=0.5)
    assert running.ask("ASK {}").status_code == 200


def test_a_table_of_everything_can_be_had(running: Served) -> None:
    table = running.client.get("/table.csv")
    assert (table.status_code, len(table.text.splitlines())) == (200, 1 + 8)
    assert "attachment" in table.headers["content-disposition"]
    assert running.client.get("/table.parquet").content.startswith(b"PAR1")
    assert running.client.get("/dictionary.csv").text.startswith("column,")
    assert running.client.post("/table.csv").status_code == 405


def test_the_owner_is_answered_while_others_hold_every_worker(running: Served) -> None:
    """Two runaways of others hold both workers; the next of them would be sent away after ten seconds."""
    long = [threading.Thread(target=lambda: _abandoned(running)) for _ in range(2)]
    for thread in long:
        thread.start()
    time.sleep(1.0)  # so that both have begun
    try:
        found = running.ask("ASK {}", **running.key)
        assert (found.status_code, [t.is_alive() for t in long]) == (200, [True, True])
    finally:
        for thread in long:
            thread.join()


def _abandoned(running: Served) -> None:
    with pytest.raises(httpx.ReadTimeout):
        running.client.post("/sparql", data={"query": RUNAWAY}, timeout=8)
