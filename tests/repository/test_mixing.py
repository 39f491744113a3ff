"""A column that mixes metrics or data sets is warned of, one that does not is not, on five judged models and one more.

In `tests/repository/asked.py` the models a to e and q have a top-1 accuracy on Flowers, test; s has one on no data set
that is known; and d has a mean average precision on Flowers too.
"""

from __future__ import annotations

import pytest

from repository.graph import EmbeddedGraph, Format, GraphError
from repository.mixing import Group, mixing, said
from repository.questions import bound, question
from tests.repository.asked import asked_graph

TOP_1 = Group("Top-1 accuracy", "Flowers, test")
UNSTATED = Group("Top-1 accuracy", None)
MAP = Group("Mean average precision", "Flowers")


@pytest.fixture(scope="module")
def graph() -> EmbeddedGraph:
    return asked_graph()


MIXES = {
    "plain": ("SELECT ?m ?x WHERE { ?m :performance ?p . ?p :accuracyPercent ?x }", (UNSTATED, TOP_1)),
    "star": ("SELECT * WHERE { ?p :accuracyPercent ?x }", (UNSTATED, TOP_1)),
    "both figures": ("SELECT ?x WHERE { ?p :accuracyPercent|:metricValue ?x }", (MAP, UNSTATED, TOP_1)),
    "path": ("SELECT ?m ?x WHERE { ?m :performance/:accuracyPercent ?x }", (UNSTATED, TOP_1)),
    "path of both": ("SELECT ?x WHERE { ?m :performance/(:accuracyPercent|:metricValue) ?x }", (MAP, UNSTATED, TOP_1)),
    "mean": ("SELECT (AVG(?a) AS ?x) WHERE { ?p :accuracyPercent ?a }", (UNSTATED, TOP_1)),
    "best of each": (
        "SELECT ?d (MAX(?a) AS ?x) WHERE { ?m :device ?d ; :performance ?p . ?p :accuracyPercent ?a } GROUP BY ?d",
        (UNSTATED, TOP_1),
    ),
    "arithmetic": (
        "SELECT ?x WHERE { ?p :accuracyPercent ?a BIND (?a / 100 AS ?b) BIND (1 - ?b AS ?x) }", (UNSTATED, TOP_1),
    ),
    "in the clause": ("SELECT ((100 - ?a) AS ?x) WHERE { ?p :accuracyPercent ?a }", (UNSTATED, TOP_1)),
    "blank node": ("SELECT ?x WHERE { ?m :performance [ :accuracyPercent ?x ; :current true ] }", (UNSTATED, TOP_1)),
    "sub-select": (
        "SELECT ?l ?x { { SELECT ?d (AVG(?a) AS ?x) { ?m :device ?d ; :performance ?p . ?p :accuracyPercent ?a } "
        "GROUP BY ?d } ?d rdfs:label ?l }",
        (UNSTATED, TOP_1),
    ),
    "optional": (
        "SELECT ?m ?x { ?m :purpose ?any OPTIONAL { ?m :performance ?p . ?p :accuracyPercent ?x } FILTER (BOUND(?x)) }",
        (UNSTATED, TOP_1),
    ),
    "a filter on something else": ("SELECT ?x { ?p :accuracyPercent ?x FILTER (?x > 75) }", (UNSTATED, TOP_1)),
    "the first two": ("SELECT ?x { ?p :accuracyPercent ?x } ORDER BY DESC(?x) LIMIT 2", (UNSTATED, TOP_1)),
    "with a comment": (
        "# { a brace\nSELECT ?x # SELECT ?y WHERE {\nWHERE { ?p :accuracyPercent ?x }", (UNSTATED, TOP_1),
    ),
    "with a string that looks like a query": (
        "SELECT ?x { { SELECT ?x { ?p <https://w3id.org/dlom#accuracyPercent> ?x } } "
        'FILTER (STRLEN("{ SELECT ?x { ?y :metricValue ?x } } #") = 38) }',
        (UNSTATED, TOP_1),
    ),
    "own prefix": (
        "PREFIX d: <https://w3id.org/dlom#> PREFIX rdfs: <urn:x> SELECT ?x { ?p d:accuracyPercent ?x }",
        (UNSTATED, TOP_1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("query", [pytest.param(q, id=name) for name, q in MIXES.items()])
def test_what_mixes_is_told(graph: EmbeddedGraph, query: tuple[str, tuple[Group, ...]]) -> None:
    checked = mixing(query[0], graph)
    assert checked.reason == ""
    (mixed,) = checked.mixed
    assert (mixed.column, mixed.groups, mixed.told) == ("x", query[1], False)


SAME = {
    "both are fixed": "SELECT ?x { ?p :accuracyPercent ?x ; :metric metric:top-1 ; :testSet data:flowers-test }",
    "by FILTER": "SELECT ?x { ?p :accuracyPercent ?x ; :testSet ?t FILTER (?t = data:flowers-test) }",
    "by VALUES": "SELECT ?x { VALUES ?t { data:flowers-test } ?p :accuracyPercent ?x ; :testSet ?t }",
    "by VALUES at the end": "SELECT ?x { ?p :accuracyPercent ?x ; :testSet ?t } VALUES ?t { data:flowers-test }",
    "by a label": 'SELECT ?x { ?p :accuracyPercent ?x ; :testSet ?t . ?t rdfs:label "Flowers, test" }',
    "outside a sub-select": (
        "SELECT ?x { { SELECT ?t (AVG(?a) AS ?x) { ?p :accuracyPercent ?a ; :testSet ?t } GROUP BY ?t } "
        "FILTER (?t = data:flowers-test) }"
    ),
    "by the first rows": "SELECT ?x { ?p :accuracyPercent ?x } ORDER BY ?x LIMIT 3",
    "one metric only": "SELECT ?x { ?p :metricValue ?x }",
    "counted": "SELECT (COUNT(?a) AS ?x) { ?p :accuracyPercent ?a }",
    "compared": "SELECT ?m (?a > 60 AS ?x) { ?m :performance/:accuracyPercent ?a }",
    "latency": "SELECT ?x { ?p :inferenceLatencyMs ?x }",
    "not in the result": "SELECT ?p { ?p :accuracyPercent ?x }",
    "ask": "ASK { ?p :accuracyPercent ?x }",
    "construct": "CONSTRUCT { ?p :accuracyPercent ?x } WHERE { ?p :accuracyPercent ?x }",
}  # fmt: skip


@pytest.mark.parametrize("query", [pytest.param(q, id=name) for name, q in SAME.items()])
def test_what_does_not_mix_is_not_warned_of(graph: EmbeddedGraph, query: str) -> None:
    checked = mixing(query, graph)
    assert (checked.mixed, checked.reason, said(checked)) == ((), "", ())


def test_a_reader_who_sees_metric_and_data_set_in_each_row_is_told_so(graph: EmbeddedGraph) -> None:
    query = (
        "SELECT ?x ?metric_label ?t { ?p :accuracyPercent|:metricValue ?x ; :metric ?metric . "
        "?metric skos:prefLabel ?metric_label OPTIONAL { ?p :testSet ?t } }"
    )
    (mixed,) = mixing(query, graph).mixed
    assert mixed.told
    (one_of_two,) = mixing(query.replace("?metric_label ?t {", "?metric_label {"), graph).mixed
    assert not one_of_two.told
    (named,) = mixing(bound(question("quality-kept")), graph).mixed[:1]
    assert named.told


def test_two_columns_are_judged_each_for_itself(graph: EmbeddedGraph) -> None:
    query = "SELECT ?x ?y { { ?p :accuracyPercent ?x } UNION { ?q :metricValue ?y } }"
    (mixed,) = mixing(query, graph).mixed
    assert mixed.column == "x"


def test_the_sentences_name_what_is_mixed(graph: EmbeddedGraph) -> None:
    assert said(mixing("SELECT ?x { ?p :accuracyPercent|:metricValue ?x }", graph)) == (
        "Column x mixes 2 metrics (Mean average precision, Top-1 accuracy) and 3 data sets (Flowers, not stated, "
        "Flowers, test); its values do not compare.",
    )


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT nonsense", "not a SPARQL query"),
        ("SELECT ?x { SERVICE <http://example.org> { ?p :accuracyPercent ?x } }", "SERVICE"),
        ("DELETE WHERE { ?s ?p ?o }", "not a SPARQL query"),
        ("SELECT ?x (EXISTS { ?p ?q ?x } AS ?y) { ?p :accuracyPercent ?x }", "EXISTS within the SELECT clause"),
        ("SELECT ?x { [] :performance/:accuracyPercent ?x }", "begins at a blank node"),
    ],
)
def test_what_cannot_be_checked_says_why(graph: EmbeddedGraph, query: str, reason: str) -> None:
    checked = mixing(query, graph)
    assert checked.mixed == ()
    assert reason in checked.reason
    assert said(checked)[0].startswith("Whether this mixes metrics or data sets could not be checked: ")


def test_a_graph_that_gives_up_is_no_error() -> None:
    class OutOfTime:
        def query(self, text: str, format: Format = Format.CSV) -> bytes:
            raise GraphError("the query was stopped after 30 s")

    checked = mixing("SELECT ?x { ?p :accuracyPercent ?x }", OutOfTime())
    assert checked.reason == "the query was stopped after 30 s"
