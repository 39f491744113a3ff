"""Names with several dots, which the engine cannot read, reach it as whole IRIs; all other text as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.namespaces import PREFIXES
from repository.dotted import as_written, written_out
from repository.graph import EmbeddedGraph, Format, GraphError
from repository.knowledge import Knowledge
from repository.terms import Name, prologue, sparql, with_prologue
from wizard.console_fault import explained

SRC = PREFIXES["src"]
AIHUB = f"<{SRC}aihub-0.46.1>"


@pytest.fixture
def graph() -> EmbeddedGraph:
    """One statement about a source with two dots."""
    made = EmbeddedGraph()
    made.update(f'INSERT DATA {{ GRAPH <{PREFIXES["g"]}models-aihub-0.46.1> {{ {AIHUB} <a:p> "src:a.b.c" }} }}')
    return made


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ?o { src:aihub-0.46.1 ?p ?o }",
        "SELECT ?o { GRAPH g:models-aihub-0.46.1 { ?s ?p ?o } }",
        "PREFIX x: <https://w3id.org/dlom/source/>\nSELECT ?o { x:aihub-0.46.1 ?p ?o }",
        f"prefix src: <{SRC}> SELECT ?o {{ src:aihub-0.46.1 <a:p> ?o . }}",
        "SELECT ?o { ?s ?p ?o FILTER(?s=src:aihub-0.46.1) }",
        "SELECT ?o { ?o ^<a:p> src:aihub-0.46.1. }",
    ],
)
def test_a_documented_name_finds_what_its_iri_finds(graph: EmbeddedGraph, query: str) -> None:
    with Knowledge(graph) as knowledge:
        assert knowledge.ask(query) == b"o\r\nsrc:a.b.c\r\n"
        assert graph.query(with_prologue(query)) == b"o\r\nsrc:a.b.c\r\n"


def test_an_update_may_use_such_a_name(graph: EmbeddedGraph) -> None:
    with Knowledge(graph) as knowledge:
        header = {"do": "update", "using": [], "using_named": []}
        tried = knowledge.queries.rehearse(header, b"INSERT DATA { GRAPH g:a-0.46.1 { src:b.1.2 <a:p> 'src:b.1.2' } }")
        graph.update(tried.text)
        assert knowledge.ask("SELECT ?s ?o { GRAPH g:a-0.46.1 { ?s ?p ?o } }") == (
            f"s,o\r\n{SRC}b.1.2,src:b.1.2\r\n".encode()
        )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("src:a.b", "src:a.b"),  # which the engine reads
        ("src:a.b.c.", f"<{SRC}a.b.c>."),
        ("src:a.b.", "src:a.b."),
        ("?s?p:a.b.c", f"?s?p<{PREFIXES['']}a.b.c>"),
        ("?src:a.b.c", f"?src<{PREFIXES['']}a.b.c>"),  # a variable, then a name
        ("1.src:a.b.c", f"1.<{SRC}a.b.c>"),
        ("_:a.b.c", "_:a.b.c"),
        ('"x"@en.src:a.b.c', f'"x"@en.<{SRC}a.b.c>'),
        ("mysrc:a.b.c my-src:a.b.c a.src:a.b.c", "mysrc:a.b.c my-src:a.b.c a.src:a.b.c"),
        ("src:a.b.é src:a.b\\.c.d src:a.b.c\\u00e9", "src:a.b.é src:a.b\\.c.d src:a.b.c\\u00e9"),
        ("<a:src:a.b.c\\u00e9/src:a.b.c>", "<a:src:a.b.c\\u00e9/src:a.b.c>"),
        ("?a<src:a.b.c&&?b", f"?a<<{SRC}a.b.c>&&?b"),
        ("PREFIX src: <a:> src:a.b.c", "PREFIX src: <a:> <a:a.b.c>"),
        ("PREFIX src: # mine\n <rel> src:a.b.c", "PREFIX src: # mine\n <rel> src:a.b.c"),
        ("'src:a.b.c\nsrc:a.b.c", f"'src:a.b.c\n<{SRC}a.b.c>"),  # never closed: no query, and nothing hidden
        ('"""src:a.b.c', '"""src:a.b.c'),
    ],
)
def test_what_is_a_name_and_what_is_not(text: str, written: str) -> None:
    assert written_out(text) == written


NAMES = " src:a.b.c g:a-0.46.1 :a.b.c.d "
INSIDE = st.lists(st.sampled_from([NAMES, "a", "'", '"', "\\'", '\\"', "\\\\", "#", "<", ">", "é", "{", ".", " "]))


def hidden() -> st.SearchStrategy[str]:
    """Strings of all four kinds, IRIs and comments that are full of names."""
    text = INSIDE.map("".join)
    short = text.map(lambda t: t.replace("\n", " "))
    return st.one_of(
        short.map(lambda t: '"' + t.replace("\\", "").replace('"', '\\"') + '"'),
        short.map(lambda t: "'" + t.replace("\\", "").replace("'", "\\'") + "'"),
        text.map(lambda t: '"""\n' + t.replace("\\", "").replace('"', '"x') + 'x"""'),
        text.map(lambda t: "'''\n" + t.replace("\\", "").replace("'", "'x") + "x'''"),
        st.sampled_from(["<http://x/src:a.b.c/g:a.b.c#:d.e.f>", "<src:a.b.c>"]),
        short.map(lambda t: f"# {t}\n"),
    )


@given(st.lists(st.tuples(hidden(), st.sampled_from(["src:a.b.c", "g:a-0.46.1", ":a.b.c.d"])), min_size=1, max_size=5))
def test_text_in_strings_iris_and_comments_is_never_changed(parts: list[tuple[str, str]]) -> None:
    given_ = " ".join(f"{kept} {name}" for kept, name in parts)
    whole = " ".join(f"{kept} <{Name(*name.split(':')).iri}>" for kept, name in parts)
    assert written_out(given_) == whole
    assert written_out(whole) == whole
    assert given_.count("\n") == whole.count("\n")


@given(hidden(), st.from_regex(r"[a-z0-9]([a-z0-9.:_-]{0,8}[a-z0-9])?", fullmatch=True))
def test_the_answer_is_that_of_whole_iris(kept: str, local: str) -> None:
    term = kept if kept[0] in "\"'<" else f"1 {kept}"
    query = f"{prologue('src')}SELECT (src:{local} AS ?n) ({term} AS ?k) {{}}"
    whole = f"SELECT (<{SRC}{local}> AS ?n) ({term} AS ?k) {{}}"
    empty = EmbeddedGraph()
    assert empty.query(query, Format.JSON) == empty.query(whole, Format.JSON)


@given(st.from_regex(r"[a-z0-9.]{1,8}", fullmatch=True))
def test_our_own_terms_can_be_read_whatever_their_dots(local: str) -> None:
    query = f"{prologue()}SELECT ({sparql(Name('src', local))} AS ?n) {{}}"
    assert EmbeddedGraph().query(query) == f"n\r\n{Name('src', local).iri}\r\n".encode()


def test_the_column_of_a_fault_is_that_of_the_text_as_it_was_written() -> None:
    text = "ASK {\n  src:a.b.c ?p g:a.b.c . ?x ?y }"
    line = written_out(text).split("\n")[1]
    for word in ("?p", "?x", "?y"):
        column = text.split("\n")[1].index(word) + 1
        assert as_written(f"error at 2:{line.index(word) + 1}: expected", text) == f"error at 2:{column}: expected"
    assert as_written("(line:2, col:6)", text) == "(line:2, col:3)"  # within the IRI: where its name begins
    assert as_written("error at 9:9", text) == "error at 9:9"


def test_a_fault_that_only_the_engine_finds_is_told_where_it_was_written(graph: EmbeddedGraph) -> None:
    """It cannot read `src:é.b.c`, which is left as it is; two texts of one length have the fault in one place."""
    said = []
    with Knowledge(graph) as knowledge:
        for name in ("src:aihub-0.46.1", "src:aihub-0-46-1"):
            with pytest.raises(GraphError) as error:
                knowledge.ask(f"ASK {{\n  {name} ?p ?o . ?o ?p src:é.b.c }}")
            said.append(str(error.value))
    assert "error at 2:" in said[0]
    assert said[0] == said[1]
    fault = explained(GraphError(said[0]), f"ASK {{\n  {name} ?p ?o . ?o ?p src:é.b.c }}", 30.0)
    assert (fault.what, fault.line) == ("The query cannot be understood.", 2)


@pytest.mark.parametrize(
    "piece", ['\\"', "'", '"""', "a.", ":", "a:b.c.d", "<a", "\\u00e9", "PREFIX ", "_:a.", "?.", "1."]
)
def test_reading_is_in_proportion_to_the_text(piece: str) -> None:
    """A hundred thousand characters; were it not in proportion, this would last for minutes."""
    written_out('"' + piece * (100_000 // len(piece)))
    written_out(piece * (100_000 // len(piece)) + "..")
