"""One graph at a time: read, put, added to and taken away (SPARQL 1.1 Graph Store HTTP Protocol)."""

from __future__ import annotations

from collections.abc import Iterator

import pyoxigraph as ox
import pytest

from tests.http.served import Served

URL = "/graphs?graph=http%3A%2F%2Fexample.org%2Fg"
TURTLE = {"Content-Type": "text/turtle"}
RDF, XSD = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://www.w3.org/2001/XMLSchema#"
DOCUMENTS = {
    "text/turtle": "@prefix ex: <http://example.org/> . <s> ex:p 1 .",
    "application/n-triples": f'<http://example.org/s> <http://example.org/p> "1"^^<{XSD}integer> .',
    "application/ld+json": '{"@id": "http://example.org/s", "http://example.org/p": 1}',
    "application/rdf+xml": f"""<rdf:RDF xmlns:rdf="{RDF}" xmlns:ex="http://example.org/">
        <rdf:Description rdf:about="http://example.org/s"><ex:p rdf:datatype="{XSD}integer">1</ex:p></rdf:Description>
        </rdf:RDF>""",
}  # fmt: skip
ONE = "<http://example.org/s> <http://example.org/p> 1 ."


@pytest.fixture(scope="module", autouse=True)
def as_it_was(running: Served) -> Iterator[None]:
    """The graph is afterwards what it was before these tests."""
    before = running.statements()
    yield
    assert running.statements() == before


@pytest.fixture
def store(running: Served) -> Iterator[Served]:
    """The app, afterwards without the graph that these tests make."""
    yield running
    if running.client.head(URL).status_code == 200:
        running.client.delete(URL, headers=running.key)


def triples(text: str) -> set[str]:
    return {str(quad.triple) for quad in ox.parse(text, format=ox.RdfFormat.TURTLE)}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_becomes_a_graph_and_comes_back(kind: str, store: Served) -> None:
    made = store.client.put(
        URL, content=DOCUMENTS[kind], headers=store.key | {"Content-Type": f"{kind}; charset=utf-8"}
    )
    assert made.status_code == 201, made.text
    back = store.client.get(URL, headers={"Accept": "text/turtle"})
    assert triples(back.text) == triples(ONE)
    same = store.client.get(URL, headers={"Accept": kind})
    assert same.headers["content-type"].partition(";")[0] == kind
    assert len(list(ox.parse(same.content, format=ox.RdfFormat.from_media_type(kind)))) == 1


def test_put_replaces_post_adds_delete_takes_away(store: Served) -> None:
    def send(method: str, number: int) -> int:
        text = f"<http://example.org/s> <http://example.org/p> {number} ."
        return store.client.request(method, URL, content=text, headers=store.key | TURTLE).status_code

    def numbers() -> set[str]:
        text = store.client.get(URL, headers={"Accept": "application/n-triples"}).text
        return {line.split('"')[1] for line in text.splitlines()}

    assert (send("PUT", 1), send("PUT", 2)) == (201, 204)
    assert numbers() == {"2"}
    assert send("POST", 3) == 204
    assert store.count("GRAPH <http://example.org/g> { ?s ?p ?o }") == 2
    assert store.client.head(URL).status_code == 200
    assert store.client.delete(URL, headers=store.key).status_code == 204
    for method in ("GET", "HEAD"):
        assert store.client.request(method, URL).status_code == 404
    assert store.client.delete(URL, headers=store.key).status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400), ("?graph=", 400), ("?graph=relative", 400), ("?graph=urn:a&graph=urn:b", 400),
        ("?graph=urn:a&default", 400), ("?graph=urn:%20", 400), ("?graph=urn:%3E%7D", 400), ("?graph=%ff", 400),
        ("?graph=urn:none", 404), ("?default", 200), ("?graph=https%3A%2F%2Fw3id.org%2Fdlom%2Fgraph%2Fidentities", 200),
    ],
)  # fmt: skip
def test_one_graph_is_named(query: str, status: int, store: Served) -> None:
    assert store.client.get(f"/graphs{query}").status_code == status


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("text/turtle", "<s> <p>", 400),
        ("text/turtle", b"<urn:s> <urn:p> '\xff' .", 400),
        ("application/ld+json", '{"@context": "http://127.0.0.1:9/"}', 400),
        ("text/html", "<p>", 415),
        ("", ONE, 415),
        # It could not be read as models.
        (
            "text/turtle",
            '<https://w3id.org/dlom/model/a> <https://w3id.org/dlom#numberOfDevices> "x" .',
            400,
        ),
    ],
)
def test_what_cannot_be_stored_changes_nothing(kind: str, content: str | bytes, status: int, store: Served) -> None:
    answer = store.client.put(URL, content=content, headers=store.key | {"Content-Type": kind})
    assert (answer.status_code, len(answer.text.splitlines())) == (status, 1)
    assert store.client.get(URL).status_code == 404


def test_other_methods_are_refused(store: Served) -> None:
    answer = store.client.patch(URL, content=b"", headers=store.key)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, PUT, POST, DELETE")
