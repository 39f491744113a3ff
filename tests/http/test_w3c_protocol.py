"""The tests of W3C's SPARQL 1.1 Protocol suite, against the app as it is started.

Each test has the name that the suite's manifest gives it (w3c/rdf-tests, sparql/sparql11/protocol/manifest.ttl), its
request and its expectation. Three things differ: requests that write carry a token, without which they are refused
(`test_access.py`); `query_multiple_dataset` names two graphs as its title says, where the manifest has encoded the `&`
between them by mistake; and before `update_base_uri` its graph is made, because CLEAR of a graph that is not there is
an error here, which SPARQL 1.1 Update recommends (3.1.3) and the suite does not expect.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from repository.terms import node
from tests.http.served import Served, served
from tests.tiny import tiny_graph

DATA = "http://kasei.us/2009/09/sparql/data/data{}.rdf"
D0, D1, D2, D3 = (DATA.format(n) for n in range(4))
QUERY, UPDATE = {"Content-Type": "application/sparql-query"}, {"Content-Type": "application/sparql-update"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TABLES = ("application/sparql-results+xml", "application/sparql-results+json", "text/tab-separated-values", "text/csv")
GRAPHS = ("application/rdf+xml", "application/rdf+json", "text/turtle", "application/n-triples", "application/ld+json")
NAMESPACES = "PREFIX dc: <http://purl.org/dc/terms/>\nPREFIX foaf: <http://xmlns.com/foaf/0.1/>\n"
BOTH_NAMED = f"GRAPH ?g1 {{ <{D1}> a ?type }} GRAPH ?g2 {{ <{D2}> a ?type }}"
THREE_DOCUMENTS = "\n".join(f"GRAPH <{d}> {{ <{d}> a foaf:Document }}" for d in (D1, D2, D3))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An app of its own, without models and scales: what is on record could not be cleared."""
    graph = tiny_graph()
    for name in ("models-bench", "models-later", "decisions"):
        graph.drop(node("g", name))
    with served(tmp_path_factory.mktemp("w3c"), graph) as one:
        yield one


@pytest.fixture
def data(app: Served) -> Served:
    """The suite's three documents, each in a graph of its name."""
    if app.count(f"GRAPH ?g {{ VALUES ?s {{ <{D1}> <{D2}> <{D3}> }} ?s a ?type FILTER (?s = ?g) }}") == 3:
        return app
    assert app.update(f"PREFIX foaf: <http://xmlns.com/foaf/0.1/> INSERT DATA {{ {THREE_DOCUMENTS} }}").is_success
    return app


def post(app: Served, body: str | bytes, headers: dict[str, str], **parameters: str | list[str]) -> httpx.Response:
    """A POST of the suite, with the right to write."""
    return app.client.post("/sparql/", content=body, headers=app.key | headers, params=parameters)


def get(app: Served, **parameters: str | list[str]) -> httpx.Response:
    """A GET of the suite."""
    return app.client.get("/sparql/", params=parameters)


def succeeds(answer: httpx.Response) -> bool:
    assert answer.is_success, (answer.status_code, answer.text)
    return True


def is_true(answer: httpx.Response) -> bool:
    assert answer.is_success, answer.text
    assert answer.headers["content-type"] == "application/sparql-results+json"
    return answer.json()["boolean"] is True


def kind(answer: httpx.Response) -> str:
    assert answer.is_success, answer.text
    return str(answer.headers["content-type"]).partition(";")[0]


# Queries


def test_query_post_form(app: Served) -> None:
    assert is_true(post(app, "query=ASK%20%7B%7D", FORM, **{"default-graph-uri": D0}))


def test_query_dataset_default_graphs_get(data: Served) -> None:
    query = f"ASK {{ <{D1}> a ?type . <{D2}> a ?type . }}"
    assert is_true(get(data, query=query, **{"default-graph-uri": [D1, D2]}))
    assert not is_true(get(data, query=query, **{"default-graph-uri": D1}))


def test_query_dataset_default_graphs_post(data: Served) -> None:
    query = f"ASK {{ <{D1}> a ?type . <{D2}> a ?type . }}"
    assert is_true(post(data, query, QUERY, **{"default-graph-uri": [D1, D2]}))


def test_query_dataset_named_graphs_post(data: Served) -> None:
    assert is_true(post(data, f"ASK {{ {BOTH_NAMED} }}", QUERY, **{"named-graph-uri": [D1, D2]}))


def test_query_dataset_named_graphs_get(data: Served) -> None:
    assert is_true(get(data, query=f"ASK {{ {BOTH_NAMED} }}", **{"named-graph-uri": [D1, D2]}))
    assert not is_true(get(data, query=f"ASK {{ {BOTH_NAMED} }}", **{"named-graph-uri": D1}))


def test_query_dataset_full(data: Served) -> None:
    query = f"ASK {{ <{D3}> a ?type {BOTH_NAMED} }}"
    assert is_true(post(data, query, QUERY, **{"default-graph-uri": [D3], "named-graph-uri": [D1, D2]}))


def test_query_multiple_dataset(data: Served) -> None:
    """The request's dataset counts, not the FROM of the query."""
    query = f"ASK FROM <{D3}> {{ {BOTH_NAMED} }}"
    assert is_true(post(data, query, QUERY, **{"named-graph-uri": [D1, D2]}))
    assert not is_true(post(data, f"ASK FROM <{D3}> {{ <{D3}> a ?type }}", QUERY, **{"named-graph-uri": [D1, D2]}))


def test_query_get(app: Served) -> None:
    assert is_true(get(app, query="ASK {}", **{"default-graph-uri": D0}))


def test_query_content_type_select(app: Served) -> None:
    assert kind(post(app, "SELECT (1 AS ?value) {}", QUERY, **{"default-graph-uri": D0})) in TABLES


def test_query_content_type_ask(app: Served) -> None:
    assert kind(post(app, "ASK {}", QUERY, **{"default-graph-uri": D0})) in TABLES[:2]


def test_query_content_type_describe(app: Served) -> None:
    assert kind(post(app, "DESCRIBE <http://example.org/>", QUERY, **{"default-graph-uri": D0})) in GRAPHS


def test_query_content_type_construct(app: Served) -> None:
    assert kind(post(app, "CONSTRUCT { <s> <p> 1 } WHERE {}", QUERY, **{"default-graph-uri": D0})) in GRAPHS


# Updates


def test_update_dataset_default_graph(app: Served) -> None:
    update = f"""{NAMESPACES} CLEAR ALL ; INSERT DATA {{ GRAPH <{D1}> {{ <{D1}> a foaf:Document }} }} ;
        INSERT {{ GRAPH <http://example.org/protocol-update-dataset-test/> {{ ?s a dc:BibliographicResource }} }}
        WHERE {{ ?s a foaf:Document }}"""
    assert succeeds(post(app, update, UPDATE, **{"using-graph-uri": D1}))
    assert is_true(
        post(
            app,
            f"""ASK {{ GRAPH <http://example.org/protocol-update-dataset-test/>
                {{ <{D1}> a <http://purl.org/dc/terms/BibliographicResource> }} }}""",
            QUERY,
        )
    )


def test_update_dataset_default_graphs(app: Served) -> None:
    graph = "http://example.org/protocol-update-dataset-graphs-test/"
    update = f"""{NAMESPACES} DROP ALL ; INSERT DATA {{ {THREE_DOCUMENTS} }} ;
        INSERT {{ GRAPH <{graph}> {{ ?s a dc:BibliographicResource }} }} WHERE {{ ?s a foaf:Document }}"""
    assert succeeds(post(app, update, UPDATE, **{"using-graph-uri": [D1, D2]}))
    assert is_true(post(app, two_of_three(graph), QUERY))


def test_update_dataset_named_graphs(app: Served) -> None:
    graph = "http://example.org/protocol-update-dataset-named-graphs-test/"
    update = f"""{NAMESPACES} DROP ALL ; INSERT DATA {{ {THREE_DOCUMENTS} }} ;
        INSERT {{ GRAPH <{graph}> {{ ?s a dc:BibliographicResource }} }}
        WHERE {{ GRAPH ?g {{ ?s a foaf:Document }} }}"""
    assert succeeds(post(app, update, UPDATE, **{"using-named-graph-uri": [D1, D2]}))
    assert is_true(post(app, two_of_three(graph), QUERY))


def two_of_three(graph: str) -> str:
    resource = "a <http://purl.org/dc/terms/BibliographicResource>"
    return f"""ASK {{ GRAPH <{graph}> {{ <{D1}> {resource} . <{D2}> {resource} . }}
        FILTER NOT EXISTS {{ GRAPH <{graph}> {{ <{D3}> {resource} }} }} }}"""


def test_update_dataset_full(app: Served) -> None:
    graph = "http://example.org/protocol-update-dataset-full-test/"
    update = f"""{NAMESPACES} DROP ALL ; INSERT DATA {{ {THREE_DOCUMENTS} }} ;
        INSERT {{ GRAPH <{graph}> {{ ?s <http://example.org/in> ?in }} }}
        WHERE {{ {{ GRAPH ?g {{ ?s a foaf:Document }} BIND(?g AS ?in) }}
            UNION {{ ?s a foaf:Document . BIND("default" AS ?in) }} }}"""
    assert succeeds(post(app, update, UPDATE, **{"using-graph-uri": D1, "using-named-graph-uri": D2}))
    asked = f"""ASK {{ GRAPH <{graph}> {{ <{D1}> <http://example.org/in> "default" .
            <{D2}> <http://example.org/in> <{D2}> . }}
        FILTER NOT EXISTS {{ GRAPH <{graph}> {{ <{D3}> ?p ?o }} }} }}"""
    assert is_true(post(app, asked, QUERY))


def test_update_post_form(app: Served) -> None:
    assert succeeds(post(app, "update=CLEAR+ALL", FORM))


def test_update_post_direct(app: Served) -> None:
    assert succeeds(post(app, "CLEAR ALL", UPDATE))


def test_update_base_uri(app: Served) -> None:
    graph = "http://example.org/protocol-base-test/"
    update = f"""CLEAR GRAPH <{graph}> ;
        INSERT DATA {{ GRAPH <{graph}> {{ <http://example.org/s> <http://example.org/p> <test> }} }}"""
    assert succeeds(post(app, f"CREATE SILENT GRAPH <{graph}>", UPDATE))  # the suite takes it that CLEAR finds it
    assert succeeds(post(app, update, UPDATE))
    asked = f"SELECT ?o WHERE {{ GRAPH <{graph}> {{ <http://example.org/s> <http://example.org/p> ?o }} }}"
    [row] = post(app, asked, QUERY).json()["results"]["bindings"]
    assert row["o"]["type"] == "uri"
    assert row["o"]["value"] != "test"
    assert row["o"]["value"].endswith("test")


def test_query_post_direct(app: Served) -> None:
    assert is_true(post(app, "ASK {}", QUERY))


# What must be refused: 4xx


def refused(answer: httpx.Response) -> bool:
    assert len(answer.text.splitlines()) == 1  # with one plain sentence
    return 400 <= answer.status_code < 500


def test_bad_query_method(app: Served) -> None:
    assert refused(app.client.put("/sparql/", params={"query": "ASK {}", "default-graph-uri": D0}, headers=FORM))


def test_bad_multiple_queries(app: Served) -> None:
    assert refused(get(app, query=["ASK {}", "SELECT * {}"]))


def test_bad_query_wrong_media_type(app: Served) -> None:
    assert refused(post(app, "ASK {}", {"Content-Type": "text/plain"}))


def test_bad_query_missing_form_type(app: Served) -> None:
    assert refused(post(app, "query=ASK%20%7B%7D", {}))


def test_bad_query_missing_direct_type(app: Served) -> None:
    assert refused(post(app, "ASK {}", {}))


def test_bad_query_non_utf8(app: Served) -> None:
    for kind in ("application/sparql-query; charset=UTF-16", "application/sparql-query"):
        assert refused(post(app, "ASK {}".encode("utf-16"), {"Content-Type": kind}))


def test_bad_query_syntax(app: Served) -> None:
    assert refused(get(app, query="ASK {"))


def test_bad_update_get(app: Served) -> None:
    assert refused(get(app, update="CLEAR ALL"))


def test_bad_multiple_updates(app: Served) -> None:
    assert refused(post(app, "update=CLEAR%20NAMED&update=CLEAR%20DEFAULT", FORM))


def test_bad_update_wrong_media_type(app: Served) -> None:
    assert refused(post(app, "CLEAR NAMED", {"Content-Type": "text/plain"}))


def test_bad_update_missing_form_type(app: Served) -> None:
    assert refused(post(app, "update=CLEAR%20NAMED", {}))


def test_bad_update_non_utf8(app: Served) -> None:
    for kind in ("application/sparql-update; charset=UTF-16", "application/sparql-update"):
        assert refused(post(app, "CLEAR NAMED".encode("utf-16"), {"Content-Type": kind}))


def test_bad_update_syntax(app: Served) -> None:
    assert refused(post(app, "update=CLEAR%20XYZ", FORM))


def test_bad_update_dataset_conflict(app: Served) -> None:
    update = """PREFIX foaf: <http://xmlns.com/foaf/0.1/> WITH <http://example/addresses>
        DELETE { ?person foaf:givenName 'Bill' } INSERT { ?person foaf:givenName 'William' }
        WHERE { ?person foaf:givenName 'Bill' }"""
    assert refused(post(app, update, UPDATE, **{"using-named-graph-uri": "http://example/people"}))


def test_all_of_the_suite_is_here() -> None:
    """The manifest lists 34 tests: 20 of what must work, 14 of what must be refused."""
    tests = [name for name in globals() if name.startswith(("test_query_", "test_update_", "test_bad_"))]
    assert (len(tests), sum(name.startswith("test_bad_") for name in tests)) == (34, 14)
