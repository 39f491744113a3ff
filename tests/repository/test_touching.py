"""What an update touches, told by the steps in which it is made on a copy."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repository.aftermath import Aftermath
from repository.graph import EmbeddedGraph, GraphError
from repository.guard import RefusedQuery
from repository.touching import manages_graphs, touched_by

A, B, C = (ox.NamedNode(f"urn:{letter}") for letter in "abc")
SOME = """INSERT DATA { <urn:a> <urn:p> 1 , 2 . GRAPH <urn:g> { <urn:a> <urn:p> <urn:b> . <urn:b> <urn:q> "x"@en }
  GRAPH <urn:h> { <urn:c> <urn:p> -5 } }"""


def store(*updates: str) -> EmbeddedGraph:
    graph = EmbeddedGraph()
    for text in updates:
        graph.update(text)
    return graph


def content(graph: EmbeddedGraph) -> set[str]:
    """All statements, and the names of the graphs, of which some may be empty."""
    return {*map(str, graph.quads(None)), *map(str, graph.names())}


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("INSERT DATA { <urn:b> <urn:p> 3 }", {B}),
        ("PREFIX e: <urn:> DELETE DATA { GRAPH e:h { e:c e:p -5 } } # ; gone", {C}),
        ("BASE <urn:x> PREFIX e: <urn:> INSERT DATA { e:a e:p '; }' } ; DELETE WHERE { e:b ?p ?o }", {A}),
        ("DELETE WHERE { GRAPH ?g { ?s <urn:q> ?o } }", {B, ox.NamedNode("urn:g"), ox.NamedNode("urn:q")}),
        ("WITH <urn:h> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o FILTER(?o<0&&?o>-9) }", {C, ox.NamedNode("urn:p")}),
        ("INSERT { ?s <urn:r> ?o } USING <urn:g> WHERE { ?s <urn:p> ?o }", {A, B, ox.NamedNode("urn:r")}),
        ("INSERT {} WHERE {}", set()),
        ("DROP GRAPH <urn:h> ; CREATE GRAPH <urn:new>", {C}),
        ("CLEAR DEFAULT", {A}),
        ("DROP ALL", {A, B, C}),
        ("CLEAR NAMED", {A, B, C}),
        ("MOVE DEFAULT TO <urn:h>", {A, C}),
        ("COPY SILENT GRAPH <urn:g> TO <urn:h>", {A, B, C}),
        ("", set()),
    ],
)  # fmt: skip
def test_what_a_step_may_have_changed(text: str, things: set[ox.NamedNode]) -> None:
    """Never less than the subjects of what is changed; with a pattern also the other names in its templates."""
    copy = store(SOME)
    assert touched_by(copy, text) == things
    assert content(copy) == content(store(SOME, text))


def test_graphs_alone_are_managed() -> None:
    assert manages_graphs("DROP SILENT GRAPH <urn:g> ; CLEAR DEFAULT")
    assert not manages_graphs("DROP ALL ; INSERT DATA { <urn:a> <urn:p> 1 }")


@pytest.mark.parametrize("template", ["?s <urn:r> e:b. e:b <urn:r> 1.", "?s <urn:r> _:b. _:b <urn:r> e:c."])
def test_a_name_ends_before_a_full_stop(template: str) -> None:
    text = f"PREFIX e: <urn:> INSERT {{ {template} }} WHERE {{ ?s <urn:p> 1 }}"
    before, copy = store(SOME), store(SOME)
    found = Aftermath(before, copy, frozenset(touched_by(copy, text)))
    before.update(found.as_update())
    assert len(before) == len(copy) == len(store(SOME, text)) == len(store(SOME)) + 2


@pytest.mark.parametrize("name", ["e:a\u0301", "?s\u00b7", "?s\u203f", "e:a\u200db"])
def test_letters_that_cannot_be_told_from_signs_are_refused(name: str) -> None:
    """The engine reads them as a part of a name: what is said of it would be lost without a word."""
    with pytest.raises(RefusedQuery, match=r"U\+[0-9A-F]{4} outside of a text .* write such a name as an IRI"):
        touched_by(store(SOME), f"PREFIX e: <urn:> INSERT {{ {name} <urn:r> 1 }} WHERE {{ ?s <urn:p> {name} }}")
    touched_by(store(SOME), "INSERT { <urn:a\u0301> <urn:r> 'e\u0301' } WHERE { ?s ?p ?o } # \u00b7")


def test_statements_about_a_statement_can_go() -> None:
    said = "INSERT DATA { <urn:r> <urn:of> <<( <urn:x> <urn:y> 1 )>> }"
    before, copy = store(said), store(said)
    found = Aftermath(before, copy, frozenset(touched_by(copy, "DELETE WHERE { ?s ?p ?o }")))
    before.update(found.as_update())
    assert len(before) == len(copy) == 0


def test_what_is_random_is_told_as_it_came() -> None:
    """A second run of the pattern would make another name."""
    before, copy = store(SOME), store(SOME)
    text = "INSERT { ?new <urn:p> 1 } WHERE { BIND(UUID() AS ?new) }"
    found = Aftermath(before, copy, frozenset(touched_by(copy, text)))
    before.update(found.as_update())
    assert content(before) == content(copy) != content(store(SOME))


def test_things_without_a_name_are_written_down_or_refused(tmp_path: Path) -> None:
    copy = store()
    assert len(touched_by(copy, "INSERT DATA { _:x <urn:p> [] . [ <urn:p> ( 1 ) ] <urn:q> 2 }")) == 4
    assert len(copy) == 5
    assert len(touched_by(copy, "INSERT { _:x <urn:p> ?o } WHERE { ?s <urn:q> ?o }")) == 2
    with pytest.raises(RefusedQuery, match="in a template makes things without a name, which cannot be checked"):
        touched_by(copy, "INSERT { [] <urn:p> ?o } WHERE { ?s <urn:q> ?o }")
    before = store("INSERT DATA { _:x <urn:p> 1 }")
    before.snapshot(tmp_path / "copy")
    same = EmbeddedGraph(tmp_path / "copy")
    found = Aftermath(before, same, frozenset(touched_by(same, "INSERT { ?s <urn:q> 2 } WHERE { ?s <urn:p> ?o }")))
    with pytest.raises(RefusedQuery, match="which no update can name; PUT its graph anew"):
        found.as_update()


@pytest.mark.parametrize(
    "text", ["NONSENSE", "INSERT DATA { ?s ?p ?o }", "DELETE DATA { _:x <urn:p> 1 }", "DROP GRAPH"]
)
def test_what_the_engine_refuses_is_refused(text: str) -> None:
    with pytest.raises((GraphError, RefusedQuery)):
        touched_by(store(), text)


_NAMES = st.sampled_from(["<urn:a>", "<urn:b>", "<urn:c>", "e:a"])
_TERMS = st.one_of(_NAMES, st.sampled_from(["1", "-2.5", '"} ; {"', "'x'@en", '"5"^^<urn:type>', "true"]))
_GRAPHS = st.sampled_from(["<urn:g>", "<urn:h>", "e:g"])
_PATTERN = st.sampled_from(["?s", "?p", "?o"])


@st.composite
def statements(draw: st.DrawFn, variables: bool) -> str:
    """One to three statements, in graphs or outside of them."""
    lines = []
    for _ in range(draw(st.integers(1, 3))):
        s, p, o = draw(_NAMES), draw(_NAMES), draw(_TERMS)
        if variables:
            s, p, o = (draw(st.sampled_from([var, term])) for var, term in (("?s", s), ("?p", p), ("?o", o)))
        line = f"{s} {p} {o} ."
        graph = draw(_GRAPHS)
        lines.append(draw(st.sampled_from([line, f"GRAPH {graph} {{ {line} }}"])))
    return "{ " + " ".join(lines) + " }"


@st.composite
def operations(draw: st.DrawFn) -> str:
    """Any operation but LOAD."""
    data, delete, insert, where = (draw(statements(variables)) for variables in (False, True, True, True))
    graph, other = draw(_GRAPHS), draw(_GRAPHS)
    some = draw(st.sampled_from(["?s ?p ?o", "GRAPH ?g { ?s ?p ?o }", f"GRAPH {graph} {{ ?s ?p ?o }}"]))
    where = draw(st.sampled_from([where, f"{{ {some} }}", f"{{ {some} OPTIONAL {{ ?o ?p ?s }} }}"]))
    return draw(
        st.sampled_from(
            [
                f"INSERT DATA {data}", f"DELETE DATA {data}", f"DELETE WHERE {delete}",
                f"DELETE {delete} INSERT {insert} WHERE {where}", f"INSERT {insert} WHERE {where}",
                f"WITH {graph} DELETE {delete} WHERE {where}", f"INSERT {insert} USING {graph} WHERE {where}",
                f"DROP SILENT GRAPH {graph}", "CLEAR DEFAULT", "CLEAR NAMED", f"COPY SILENT {graph} TO {other}",
                f"MOVE SILENT {graph} TO DEFAULT", f"ADD SILENT DEFAULT TO {graph}",
            ]
        )
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(before=st.lists(statements(False), max_size=3), steps=st.lists(operations(), min_size=1, max_size=4))
def test_what_is_told_is_exactly_what_the_update_does(before: list[str], steps: list[str]) -> None:
    """Made step by step on a copy it leaves what it leaves made at once, and so does what is told of it."""
    facts = [f"PREFIX e: <urn:> INSERT DATA {data}" for data in before]
    text = f"PREFIX e: <urn:> {' ; '.join(steps)}"
    first, copy = store(*facts), store(*facts)
    told = Aftermath(first, copy, frozenset(touched_by(copy, text)))
    assert content(copy) == content(store(*facts, text))
    first.update(told.as_update())
    assert content(first) == content(copy)
