"""What the console is made of, without a page, on the tiny graph: links, runs, faults, tables, charts, schema."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.records import RECORDS
from repository.formats import Format
from repository.graph import GraphError
from repository.guard import RefusedQuery
from repository.knowledge import Knowledge
from repository.mixing import Checked, Group, Mixed
from repository.questions import Chart, bound, questions
from repository.terms import with_prologue
from tests.tiny import tiny_knowledge
from wizard import schema_picture
from wizard.console_chart import Undrawable, drawn, fitting, suggested
from wizard.console_fault import explained, unclosed
from wizard.console_programs import FILE, LANGUAGES, first_query, program
from wizard.console_questions import matching
from wizard.console_run import Run, mixed
from wizard.console_schema import Schema, edges, schema, starter
from wizard.console_state import OURS, Opened, opened, packed, unpacked
from wizard.console_table import Table, as_csv, headings, hidden, shown, table_of

# Every statement with every other one, three times over: days of work.
RUNAWAY = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l FILTER (?c + ?f + ?i + ?l = -1) }"
LATENCIES = """SELECT ?device_label ?latency_ms ?model ?device
WHERE {
  ?model :device ?device ; :performance ?run .
  ?run :inferenceLatencyMs ?latency_ms ; :evidence :published .
  ?device rdfs:label ?device_label .
}
ORDER BY ?latency_ms"""


@pytest.fixture(scope="module")
def asked() -> Iterator[Knowledge]:
    """The tiny graph with workers of its own."""
    with tiny_knowledge() as knowledge:
        yield knowledge


@pytest.fixture(scope="module")
def found(asked: Knowledge) -> Schema:
    return schema(asked)


def done(knowledge: Knowledge, text: str, seconds: float = 20, rows: int = 100) -> Run:
    run = Run(knowledge, text, seconds, rows).start()
    assert run.done.wait(60)
    return run


def answer(knowledge: Knowledge, text: str) -> Table:
    return table_of(knowledge.answer(text, Format.JSON).body)


# Links


def test_a_link_holds_a_question_and_what_differs_from_its_defaults(tiny: Knowledge) -> None:
    choices = tiny.projection.choices
    here = opened({"question": "cheapest-fleet", "latency_ms": "10", "devices": "100"}, choices)
    assert here.problems == ()
    assert here.link() == {"question": "cheapest-fleet", "latency_ms": "10"}  # 100 is the default
    assert "VALUES ?latency_ms { 10.0e0 }" in here.text
    assert here.with_value("latency_ms", "20.0").link() == {"question": "cheapest-fleet"}
    assert opened(here.link(), choices) == here


def test_the_editor_shows_a_question_without_header_and_prefixes() -> None:
    for q in questions():
        text = Opened(q).text
        assert not text.startswith(("#", "PREFIX")), q.name
        assert bound(q).endswith(f"{text}\n")


def test_no_parameter_is_called_like_something_of_the_link() -> None:
    assert not [p.name for q in questions() for p in q.parameters if p.name in OURS]


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ({"question": "nobody-asked"}, "There is no question 'nobody-asked'"),
        ({"question": "cheapest-fleet", "colour": "red"}, "no parameter 'colour'"),
        ({"question": "cheapest-fleet", "latency_ms": "soon"}, "latency_ms is 'soon'; write a number"),
        ({"question": "cheapest-fleet", "latency_ms": "-5"}, "latency_ms is '-5'; write a number from 0.001 to 60,000"),
        ({"question": "cheapest-fleet", "purpose": "> DROP ALL"}, "'> DROP ALL' is not known here"),
        ({"q": "AAAA"}, "damaged"),
    ],
)
def test_what_is_wrong_with_a_link_is_told(tiny: Knowledge, link: dict[str, str], problem: str) -> None:
    here = opened(link, tiny.projection.choices)
    assert problem in here.problems[0]
    assert not here.given


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_a_text_survives_the_way_through_a_link(text: str) -> None:
    assert unpacked(packed(text)) == text
    assert re.fullmatch(r"[\w-]*", packed(text))


@given(st.text(max_size=60))
def test_a_damaged_text_is_no_fault(text: str) -> None:
    unpacked(text)


def test_a_small_link_cannot_unpack_to_a_large_text() -> None:
    bomb = base64.urlsafe_b64encode(zlib.compress(b"#" * 10_000_000)).decode()
    assert len(bomb) < 20_000
    assert unpacked(bomb) is None


# Runs


def test_a_run_brings_a_table_with_its_rows_and_seconds(asked: Knowledge) -> None:
    run = done(asked, LATENCIES)
    assert run.fault is None
    assert run.answer is not None
    assert run.table is not None
    assert (run.answer.rows, run.answer.truncated, run.checked) == (6, False, Checked())
    assert run.table.column("latency_ms").values == (7.0, 10.0, 20.0, 30.0, 40.0, 50.0)


def test_a_lower_row_limit_cuts_and_says_so(asked: Knowledge) -> None:
    run = done(asked, LATENCIES, rows=2)
    assert run.answer is not None
    assert (run.answer.rows, run.answer.truncated) == (2, True)


def test_a_graph_comes_as_turtle(asked: Knowledge) -> None:
    run = done(asked, "CONSTRUCT { m:a :purpose ?p } WHERE { m:a :purpose ?p }")
    assert run.table is None
    assert run.answer is not None
    assert b"m:a :purpose purpose:image-classification" in run.answer.body


def test_stop_ends_the_worker_and_the_next_query_is_answered(asked: Knowledge) -> None:
    run = Run(asked, RUNAWAY, 30, 100).start()
    assert not run.answered.wait(0.3)
    while not run.done.wait(0.05):  # it may not have begun when it is first told
        run.stop()
    assert run.fault is not None
    assert (run.fault.what, run.fault.is_calm) == ("The query was stopped.", True)
    assert done(asked, "ASK {}").table == Table((table_of(b'{"head":{},"boolean":true}').columns[0],))


def test_a_runaway_query_is_ended_at_the_limit_that_was_set(asked: Knowledge) -> None:
    run = done(asked, RUNAWAY, seconds=0.5)
    assert run.fault is not None
    assert run.fault.what == "The query was ended after 0.5 s, its time limit."
    assert done(asked, LATENCIES).fault is None


def test_a_column_that_mixes_is_found_and_told_once_for_all_columns(asked: Knowledge) -> None:
    groups = (Group("mAP", "COCO"), Group("Top-1", "ImageNet"))
    checked = Checked((Mixed("best", groups, False), Mixed("worst", groups, False), Mixed("mean", groups[:2], True)))
    first, second = mixed(checked, {"best": "best (%)", "worst": "worst (%)", "mean": "mean"})
    assert first == (
        "“best (%)” and “worst (%)” mix 2 metrics (mAP, Top-1) and 2 data sets (COCO, ImageNet); "
        "their values do not compare."
    )
    assert second.startswith("“mean” mixes 2 metrics")
    text = "SELECT ?accuracy { ?performance :accuracyPercent ?accuracy }"  # with a test set, and of `s` without
    assert [m.column for m in done(asked, text).checked.mixed] == ["accuracy"]


# Faults


@pytest.mark.parametrize(
    ("text", "what", "hint", "line"),
    [
        ("", "There is nothing to run yet.", "Choose a question", None),
        ("SELECT ?m {\n  ?m :purpose ?p\n  ?m :device ?d }", "cannot be read", "`?m` was not expected here", 3),
        ("SELECT ?m {\n  FILTER (?m = ')'\n}", "cannot be read", "The bracket `(` of line 2 is still open", 2),
        ("SELECT ?m {\n  ?m :purpose ?p .\n", "cannot be read", "The bracket `{` of line 1 is never closed", 3),
        ("SELECT ?m {\n  ?m foo:bar ?p }", "The prefix `foo:` is not known.", "Write `PREFIX foo: <…>`", 2),
        ("SELECT ?m (COUNT(?p) AS ?n)\n{ ?m :purpose ?p }", "cannot be understood", "add it to GROUP BY", 2),
        ("# service\nSELECT * {\n SERVICE <urn:x> {} }", "SERVICE is refused.", "calls nobody", 3),
        ("\n# more\nINSERT DATA { :a :b :c }", "would change the graph", "the page Register", 3),
    ],
)
def test_a_fault_is_told_in_the_readers_words_with_its_line(
    asked: Knowledge, text: str, what: str, hint: str, line: int | None
) -> None:
    with pytest.raises((GraphError, RefusedQuery)) as error:
        asked.answer(text)
    fault = explained(error.value, text, 30)
    assert what in fault.what
    assert hint in fault.hint
    assert fault.line == line


def test_brackets_in_strings_iris_and_comments_count_for_nothing() -> None:
    assert unclosed("SELECT * { ?a ?b '}' , <urn:(> # )\n }") == ""
    assert unclosed("SELECT * { ?a ?b ?c } }") == "The bracket `}` in line 1 closes nothing."


# Tables


def test_names_are_shortened_labelled_and_hidden_behind_their_labels(asked: Knowledge) -> None:
    table = answer(asked, LATENCIES)
    assert [c.kind for c in table.columns] == ["text", "number", "iri", "iri"]
    assert hidden(table) == {"device"}  # its label stands beside it
    cells = shown(table, asked.projection.labels)
    assert list(cells["device"])[1] == "dev:board-a"
    purposes = answer(asked, "SELECT DISTINCT ?purpose { ?m :purpose ?purpose } ORDER BY ?purpose")
    assert list(shown(purposes, asked.projection.labels)["purpose"]) == ["Image classification", "Object detection"]


def test_headings_are_words_with_units_for_a_question_and_variables_otherwise(asked: Knowledge) -> None:
    table = answer(asked, LATENCIES)
    assert headings(table, {"latency_ms": "ms"}) == {
        "device_label": "device", "latency_ms": "latency (ms)", "model": "model", "device": "device name"
    }  # fmt: skip
    assert set(headings(table, None)) == set(headings(table, None).values())


def test_the_download_is_byte_for_byte_what_the_endpoint_gives(asked: Knowledge) -> None:
    text = 'SELECT ?a ?b ?c { VALUES (?a ?b ?c) { (1.50 UNDEF "say ""x""") (:a 2e0 "a,\\nb") } }'.replace('""', '\\"')
    for query in (text, LATENCIES, "ASK { ?s ?p ?o }"):
        assert as_csv(asked.answer(query, Format.JSON).body) == asked.answer(query, Format.CSV).body


# Charts


def test_bars_where_each_name_is_alone_and_points_where_names_repeat(asked: Knowledge) -> None:
    table = answer(asked, LATENCIES)
    bars = Chart("bar", "device_label", "latency_ms")
    titles = headings(table, {"latency_ms": "ms"})
    cells = {c.name: list(c.values) for c in table.columns}
    result = drawn(table, cells, bars, titles)  # board A carries two models
    assert {t.type for t in result.figure.data} == {"scatter"}
    assert "several rows share one name" in result.note
    once = answer(asked, LATENCIES.replace("?model :device", "VALUES ?model { m:a m:b } ?model :device"))
    cells = {c.name: list(c.values) for c in once.columns}
    (trace,) = drawn(once, cells, bars, titles).figure.data
    assert (trace.type, list(trace.x), list(trace.y)) == ("bar", [10.0, 20.0], ["Board A", "Board B"])


def test_a_heat_map_shows_the_largest_of_a_cells_rows_and_says_so(asked: Knowledge) -> None:
    table = answer(asked, 'SELECT * { VALUES (?x ?y ?n) { ("a" "u" 1) ("a" "u" 3) ("b" "v" 2) } }')
    cells = {c.name: list(c.values) for c in table.columns}
    chart = Chart("heatmap", "x", "y", "n")
    result = drawn(table, cells, chart, headings(table, None))
    (trace,) = result.figure.data
    assert (list(trace.x), list(trace.y)) == (["a", "b"], ["v", "u"])
    assert [list(row) for row in trace.z] == [[None, 2], [3, None]]
    assert "the largest of its rows" in result.note


def test_a_chart_is_suggested_by_what_the_columns_hold(asked: Knowledge) -> None:
    def of(values: str) -> Chart | None:
        return suggested(answer(asked, f"SELECT * {{ VALUES (?a ?b) {{ {values} }} }}"))

    assert of('("x" 1) ("y" 2)') == Chart("bar", "a", "b")
    assert of("(1 10) (2 20)") == Chart("scatter", "a", "b")
    assert of('("2025-01-01" 1) ("2025-02-01" 2)') == Chart("line", "a", "b")
    assert of('("x" 1)') is None
    assert of('("x" "y") ("y" "z")') is None


def test_what_cannot_be_drawn_says_what_would_do(asked: Knowledge) -> None:
    table = answer(asked, LATENCIES)
    cells = {c.name: list(c.values) for c in table.columns}
    with pytest.raises(Undrawable, match="device holds no numbers"):
        drawn(table, cells, Chart("bar", "latency_ms", "device_label"), headings(table, {}))
    assert fitting(Chart("bar", "device_label", "price_usd"), table) is None  # the answer has no such column


# Schema and programs


def test_the_schema_has_every_record_with_units_links_and_numbers(found: Schema) -> None:
    assert {r.__name__ for r in RECORDS} <= set(found)
    model, performance = found["Model"], found["Performance"]
    assert model.things == 8  # a to e, n, p and s
    properties = {p.term: p for p in performance.properties}
    assert (properties[":inferenceLatencyMs"].unit, properties[":testSet"].to) == ("ms", "DataSet")
    assert properties["prov:hadPrimarySource"].comment
    assert found["Purpose"].things == 2
    assert {("Model", "Device"), ("Performance", "Metric"), ("TrainedNetwork", "Network")} <= edges(found)
    assert all(p.comment for one in found.values() for p in one.properties)


def test_every_starter_query_runs_and_finds_what_there_is(found: Schema, asked: Knowledge) -> None:
    for one in found.values():
        rows = asked.graph.query(with_prologue(starter(one))).splitlines()[1:]
        assert bool(rows) == bool(one.things), one.name
    assert "  OPTIONAL { ?device rdfs:label ?label }" in starter(found["Device"])  # labels first
    assert "  ?performance :current true .  # without history" in starter(found["Performance"])
    assert "?source }" in starter(found["Performance"])  # of prov:hadPrimarySource


def test_the_picture_has_a_box_for_each_class_and_no_markup_of_others(found: Schema) -> None:
    root = ElementTree.fromstring(schema_picture.svg(found, "Device"))
    boxes = [g for g in root.iter() if g.get("data-class")]
    assert {g.get("data-class") for g in boxes} == set(found)
    assert [g.get("data-class") for g in boxes if "chosen" in str(g.get("class")).split()] == ["Device"]
    assert all(g.get("role") == "button" and g.get("tabindex") == "0" and g.get("aria-label") for g in boxes)
    places = [tuple(float(str(r.get(n))) for n in ("x", "y")) for r in root.iter() if r.tag.endswith("rect")]
    assert len(set(places)) == len(found)
    assert all(0 <= x <= schema_picture.WIDTH - schema_picture.BOX for x, _ in places)


def test_the_programs_are_the_examples_of_the_docs_for_this_address() -> None:
    for name in LANGUAGES:
        text = program(name, "http://dlom.example:9000")
        assert "http://dlom.example:9000" in text
        assert FILE in text
        assert "first_query" not in text
        assert "localhost" not in text
    compile(program("Python", "http://x"), "query.py", "exec")
    assert "COUNT(DISTINCT ?model)" in first_query()


def test_questions_are_found_by_all_of_their_words() -> None:
    names = [q.name for q in matching(questions(), "cheapest fleet")]
    assert names == ["cheapest-fleet"]
    assert matching(questions(), "unicorn") == []
    assert len(matching(questions(), " ")) == len(questions())
