"""Foreign queries: what would call another server, or bring this one down, is refused before it is run."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repository.graph import EmbeddedGraph, GraphError
from repository.guard import LONGEST, MOST_PARTS, RefusedQuery, check, read_update, with_dataset
from repository.terms import sparql

S = "SERVICE <http://127.0.0.1:9/> { ?s ?p ?o }"
CALLS = {
    "plain": f"SELECT * {{ {S} }}",
    "lower case": f"SELECT * {{ {S.lower()} }}",
    "silent": "SELECT * { SERVICE SILENT <http://127.0.0.1:9/> {} }",
    "to a variable": "SELECT * { VALUES ?e { <http://127.0.0.1:9/> } SERVICE ?e { ?s ?p ?o } }",
    "no space": "SELECT*{SERVICE<http://127.0.0.1:9/>{}}",
    "after a comment": f"SELECT * {{ # nothing here\n{S} }}",
    "in OPTIONAL": f"SELECT * {{ ?a ?b ?c OPTIONAL {{ {S} }} }}",
    "in MINUS": f"SELECT * {{ ?a ?b ?c MINUS {{ {S} }} }}",
    "in UNION": f"SELECT * {{ {{}} UNION {{ {S} }} }}",
    "in GRAPH": f"SELECT * {{ GRAPH ?g {{ {S} }} }}",
    "in a sub-SELECT": f"SELECT * {{ {{ SELECT * {{ {S} }} }} }}",
    "in FILTER EXISTS": f"SELECT * {{ FILTER NOT EXISTS {{ {S} }} }}",
    "in BIND": f"SELECT * {{ BIND (EXISTS {{ {S} }} AS ?x) }}",
    "in SELECT": f"SELECT (EXISTS {{ {S} }} AS ?x) {{}}",
    "in an aggregate": f"SELECT (SUM(IF(EXISTS {{ {S} }}, 1, 0)) AS ?x) {{}}",
    "in GROUP BY": f"SELECT (1 AS ?one) {{}} GROUP BY (EXISTS {{ {S} }} AS ?x)",
    "in HAVING": f"SELECT (COUNT(*) AS ?n) {{}} HAVING (EXISTS {{ {S} }})",
    "in ORDER BY": f"SELECT * {{}} ORDER BY (EXISTS {{ {S} }})",
    "in ASK": f"ASK {{ {S} }}",
    "in CONSTRUCT": f"CONSTRUCT {{ ?s ?p ?o }} WHERE {{ {S} }}",
    "in DESCRIBE": f"DESCRIBE ?s {{ {S} }}",
    # A carriage return ends a comment for the engine.
    "behind a comment that ends early": f"SELECT * {{ # \r {S} #\n }}",
    # One reader sees the string `"` and a SERVICE, the other a long string with a SERVICE in it.
    "between strings": f'SELECT * {{ BIND ("\\u0022" AS ?a) {S} BIND ("\\u0022" AS ?b) }}',
    "between long escapes": f'SELECT * {{ BIND ("\\U00000022" AS ?a) {S} BIND ("\\U00000022" AS ?b) }}',
    "spelt with an escape": f"SELECT * {{ \\u0053{S[1:]} }}",
}


@pytest.mark.parametrize("query", CALLS.values(), ids=CALLS.keys())
def test_service_is_refused_wherever_it_stands(query: str) -> None:
    with pytest.raises(RefusedQuery, match=r"SERVICE would call another server|write the character itself"):
        check(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { ?s ?p ?o } # SERVICE <http://127.0.0.1:9/> {}",
        'SELECT * { ?s ?p "SERVICE <http://127.0.0.1:9/> {}" }',
        "SELECT * { ?s ?p '''a\n SERVICE <http://127.0.0.1:9/> {}''' }",
        "SELECT * { ?s <http://example.org/SERVICE> ?service }",
        "PREFIX service: <http://example.org/> SELECT * { ?s service:service ?o }",
    ],
)
def test_the_mere_word_is_allowed(query: str) -> None:
    assert check(query) is False


def test_escapes_of_other_letters_are_allowed() -> None:
    assert check('SELECT * { ?s ?p "caf\\u00e9cafe \\U0001F600 \\n" }') is False
    assert check(f"SELECT * {{ ?s ?p {sparql(chr(7) + chr(127))} }}") is False


def test_our_prefixes_need_not_be_declared_and_others_are_named() -> None:
    assert check("ASK { ?m :network net:a }") is False
    with pytest.raises(RefusedQuery, match="the prefix ours: is not declared; write PREFIX ours: <…> before the query"):
        check("PREFIX ex: <a:> ASK { ?m :network net:a , ours:b }")


def test_it_says_which_answers_are_graphs() -> None:
    assert [check(f"{q} {{ ?s ?p ?o }}") for q in ("SELECT *", "ASK", "CONSTRUCT WHERE", "DESCRIBE ?s")] == [
        False, False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "INSERT DATA { <a:a> <a:b> <a:c> }",
        "DELETE WHERE { ?s ?p ?o }",
        "DROP ALL",
        "CLEAR ALL",
        "LOAD <http://127.0.0.1:9/>",
        "SELECT * {} ; DROP ALL",
        "",
        "\0",
        "SELECT * { ?s ?p \0 }",
        "nonsense",
        "SELECT * { ?s ?p ?o",
        "SELECT * { ?s nobody:knows ?o . } garbage",
        "(" * 10_000 + ")" * 10_000,
        f"SELECT * {{ FILTER ({'(' * 10_000}1{')' * 10_000}) }}",
        f"SELECT * {'{' * 10_000}{'}' * 10_000}",
        f"SELECT * {{ ?s ?p {'[ <a:a> ' * 5_000}1{']' * 5_000} }}",
    ],
    ids=lambda text: text[:24],
)
def test_what_is_no_readable_query_is_refused(text: str) -> None:
    with pytest.raises(RefusedQuery, match=r"not a SPARQL query|nested too deeply"):
        check(text)


def test_a_long_query_is_refused_before_it_is_read() -> None:
    with pytest.raises(RefusedQuery, match="longer than 100,000 characters; split it"):
        check("SELECT * {} #" + "x" * 200_000)
    assert check("SELECT * {} #" + "x" * (LONGEST - 13)) is False


@pytest.mark.parametrize(
    "query",
    [
        "ASK { {} " + "UNION {}" * MOST_PARTS + "}",
        "ASK {" + "OPTIONAL {}" * (MOST_PARTS + 1) + "}",
        "ASK { FILTER (1 " + "* 1" * (MOST_PARTS + 1) + ") }",
        "ASK { ?s <a:a>" + "/<a:a>" * MOST_PARTS + " ?o }",
        "ASK { ?s <a:a> 1" + ",1" * MOST_PARTS + " }",
    ],
    ids=["union", "optional", "product", "path", "objects"],
)
def test_chains_that_overflow_the_engine_are_refused(query: str) -> None:
    """Ten thousand UNIONs end the whole process with a segmentation fault."""
    with pytest.raises(RefusedQuery, match="parts side by side are more than the 600 allowed"):
        check(query)


def test_a_long_list_of_values_is_allowed() -> None:
    assert check("ASK { VALUES ?x { " + "1 " * 3000 + "} }") is False


@pytest.fixture
def calls() -> Iterator[tuple[int, list[int]]]:
    """A listening port, and the calls that came in."""
    heard: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])

        def listen() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                heard.append(1)
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield port, heard
        # The last word: a call still on its way would arrive before this one.
        before = len(heard)
        socket.create_connection(("127.0.0.1", port)).close()
        while len(heard) == before:
            pass


def test_nothing_calls_out(calls: tuple[int, list[int]]) -> None:
    port, heard = calls
    graph = EmbeddedGraph()  # in this process, which has a network, unlike a worker
    for query in [*CALLS.values(), "LOAD <http://127.0.0.1:9/>", "SELECT * FROM <http://127.0.0.1:9/> { ?s ?p ?o }"]:
        with suppress(RefusedQuery, GraphError):
            text = query.replace("127.0.0.1:9", f"127.0.0.1:{port}")
            check(text)
            graph.query(text)
    for update in UPDATES.values():
        with suppress(RefusedQuery, GraphError):
            text = update.replace("127.0.0.1:9", f"127.0.0.1:{port}")
            read_update(text)
            graph.update(text)
    assert heard == []


def test_the_engine_would_call_out(calls: tuple[int, list[int]]) -> None:
    """Why there is a guard at all; without this the test above could pass for the wrong reason."""
    port, heard = calls
    with pytest.raises(GraphError):
        EmbeddedGraph().query(CALLS["between strings"].replace(":9/", f":{port}/"))
    assert heard == [1]


QUOTES = st.sampled_from(['"', "'", '"""', "'''"])
ODD = ['\\"', "\\'", "\\\\", "\\u0022", "\\u0027", "\\u005c", "\\U00000022", "\\u00e9", "\\u000a", '"', "'", "#", ""]
GAPS = [" ", "\n", "\r", "#", "# \r", "# \n", "#\u2028", "\x0c", "\u00a0", "<a:#>", "ex:a\\#b ", "\\u000a", "\\u0023"]


@settings(max_examples=400, deadline=None)
@given(QUOTES, st.sampled_from(ODD), st.sampled_from(GAPS), st.sampled_from(GAPS))
def test_the_guard_and_the_engine_read_alike(quote: str, odd: str, before: str, after: str) -> None:
    """Whatever strings and comments are put around it: what passes the guard calls nobody."""
    text = f"{quote}{odd}{quote}"
    query = f"PREFIX ex: <a:> SELECT * {{ BIND ({text} AS ?a) {before} {S} {after} BIND ({text} AS ?b) \n }}"
    told = ""
    try:
        check(query)
        EmbeddedGraph().query(query)
    except (RefusedQuery, GraphError) as error:
        told = str(error)
    assert "onnect" not in told


UPDATES = {
    "LOAD": "LOAD <http://127.0.0.1:9/>",
    "LOAD, lower case": "load silent <http://127.0.0.1:9/> into graph <a:a>",
    "LOAD after others": "CLEAR ALL ; INSERT DATA { <a:a> <a:a> 1 } ; LOAD <http://127.0.0.1:9/>",
    "LOAD behind a comment that ends early": "# \r LOAD <http://127.0.0.1:9/>",
    "LOAD spelt with an escape": "\\u004cOAD <http://127.0.0.1:9/>",
    "SERVICE in WHERE": f"INSERT {{ ?s ?p ?o }} WHERE {{ {S} }}",
    "SERVICE in DELETE": f"DELETE {{ ?s ?p ?o }} WHERE {{ ?s ?p ?o FILTER NOT EXISTS {{ {S} }} }}",
    "SERVICE in a sub-SELECT": f"WITH <a:a> INSERT {{ ?s ?p ?o }} WHERE {{ {{ SELECT * {{ {S} }} }} }}",
}


@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES.keys())
def test_an_update_that_would_call_is_refused(update: str) -> None:
    with pytest.raises(RefusedQuery, match=r"would (fetch from|call) another server|write the character itself"):
        read_update(update)


@pytest.mark.parametrize("text", ["CLEAR XYZ", "ASK {}", "\0", "INSERT DATA { ?s ?p ?o", "DROP ALL garbage"])
def test_what_is_no_update_is_refused(text: str) -> None:
    with pytest.raises(RefusedQuery, match="this is not a SPARQL update"):
        read_update(text)


def test_it_says_whether_an_update_names_its_graphs_itself() -> None:
    for text, itself in (
        ("DELETE {} WHERE { ?s ?p ?o }", False), ("CLEAR ALL", False), ("WITH <a:b> DELETE {} WHERE {}", True),
        ("INSERT {} USING <a:b> WHERE {}", True), ("INSERT {} USING NAMED <a:b> WHERE {}", True),
        ("INSERT DATA { <a:a> <a:a> 'WITH <a:b>' }", False),
    ):  # fmt: skip
        assert read_update(text) is itself, text


def test_long_data_may_be_inserted() -> None:
    assert read_update("INSERT DATA { " + "<a:a> <a:a> 1 . " * 3000 + "}") is False


@pytest.mark.parametrize(
    ("update", "written"),
    [
        ("INSERT { ?s ?p 1 } WHERE { ?s ?p ?o }", "INSERT { ?s ?p 1 }  USING <a:b> WHERE { ?s ?p ?o }"),
        ("DELETE WHERE { ?s ?p ?o }", "DELETE  { ?s ?p ?o } USING <a:b> WHERE  { ?s ?p ?o }"),
        ("CLEAR ALL", "CLEAR ALL"),
        ("INSERT DATA { <a:a> <a:a> 'WHERE {' }", "INSERT DATA { <a:a> <a:a> 'WHERE {' }"),
        ("# WHERE\nPREFIX where: <a:#> CLEAR ALL", "# WHERE\nPREFIX where: <a:#> CLEAR ALL"),
        ("DELETE {} where { { SELECT * WHERE {} } }", "DELETE {}  USING <a:b> WHERE { { SELECT * WHERE {} } }"),
    ],
)
def test_the_graphs_of_a_request_are_written_into_the_update(update: str, written: str) -> None:
    assert with_dataset(update, ["a:b"], []) == written
    read_update(written)


def test_graphs_of_both_kinds_are_written() -> None:
    assert with_dataset("DELETE {} WHERE {}", ["a:b", "a:c"], ["a:d"]) == (
        "DELETE {}  USING <a:b> USING <a:c> USING NAMED <a:d> WHERE {}"
    )


@settings(max_examples=200, deadline=None)
@given(QUOTES, st.sampled_from(ODD), st.sampled_from(GAPS), st.sampled_from(GAPS))
def test_the_guard_and_the_engine_read_updates_alike(quote: str, odd: str, before: str, after: str) -> None:
    """Whatever strings and comments are put around it: what passes the guard calls nobody."""
    text = f"{quote}{odd}{quote}"
    data = f"INSERT DATA {{ <a:a> <a:a> {text} }}"
    update = f"PREFIX ex: <a:> {data} ; {before} LOAD <http://127.0.0.1:9/> ; {after} {data} \n"
    told = ""
    try:
        read_update(update)
        EmbeddedGraph().update(update)
    except (RefusedQuery, GraphError) as error:
        told = str(error)
    assert "onnect" not in told
