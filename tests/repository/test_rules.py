"""Rules that the given facts cannot break are left out, and the answer is that of all rules."""

from __future__ import annotations

from datetime import date

import pyshacl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdflib import RDF, RDFS, SH, Graph, URIRef

from ontology.namespaces import NAMESPACE
from ontology.records import Device, Grade, Model, Performance, Record, TrainedNetwork
from repository.change import described
from repository.rules import all_rules, rules_for
from repository.shapes import _report, _shapes
from tests.repository.test_shapes_reused import GOOD, stated, told

DAY = date(2026, 11, 20)


def anew(data: Graph) -> Graph:
    """What pySHACL itself reports of all rules."""
    _, report, _ = pyshacl.validate(data, shacl_graph=_shapes(), inference="none")
    assert isinstance(report, Graph)
    return report


def maybe(*values: object) -> st.SearchStrategy[object]:
    return st.sampled_from([None, *values])


PERFORMANCES = st.builds(
    Performance,
    name=st.sampled_from(["one", "two", "three"]),
    inference_latency_ms=maybe(5.0, 0.0, -1.0),
    accuracy_percent=maybe(70.0, 101.0),
    accuracy_high_percent=maybe(60.0, 80.0),
    metric_value=maybe(0.3),
    metric=maybe("map"),
    evidence=st.sampled_from([None, *Grade]),
    source=maybe("local"),
    current=maybe(True, False),
    generated_by=maybe("a-run"),
    withdrawn_at=maybe(DAY),
    withdrawn_by=maybe("ann"),
    withdrawn_because=maybe("wrong board"),
)
MODELS = st.builds(
    Model,
    name=st.sampled_from(["m1", "m2"]),
    source=maybe("local"),
    network=maybe("n"),
    optimization=maybe("o"),
    purpose=maybe("p"),
    device=maybe("d"),
    runtime=maybe("r"),
    year_created=maybe(2026, 12),
    declared_total_cost_usd=maybe(5.0),
    performance=st.sampled_from([None, ("one",), ("one", "two"), ("one", "two", "three")]),
)
OTHERS = st.one_of(
    st.builds(Device, name=st.just("d"), price_usd=maybe(-1.0, 5.0), price_evidence=maybe(Grade.DECLARED)),
    st.builds(TrainedNetwork, name=st.just("t"), network=maybe("n"), parameters=maybe(-1, 5)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=st.lists(st.one_of(PERFORMANCES, PERFORMANCES, MODELS, MODELS, OTHERS), min_size=1, max_size=6))
def test_the_answer_is_that_of_all_rules(records: list[Record]) -> None:
    data = described(stated(records))
    assert told(_report(data)) == told(anew(data))


def test_most_rules_are_left_out_for_good_facts() -> None:
    data = described(stated(GOOD))
    assert len(rules_for(_shapes(), data).shapes) < len(all_rules(_shapes()).shapes) / 2
    assert rules_for(_shapes(), data) is rules_for(_shapes(), described(stated(GOOD)))  # not made anew


def test_a_kind_of_model_is_checked_as_a_model() -> None:
    """Classes may include others; which, only pySHACL looks up."""
    data, kind = Graph(), URIRef("http://example.org/Kind")
    data.add((kind, RDFS.subClassOf, URIRef(f"{NAMESPACE}Model")))
    data.add((URIRef("https://w3id.org/dlom/model/x"), RDF.type, kind))
    assert any("names its network" in message for _, _, message in told(_report(data)))
    assert told(_report(data)) == told(anew(data))


def test_two_current_latencies_are_found_among_many_models() -> None:
    acts = [
        Performance(name=f"a{i}", inference_latency_ms=5.0, evidence=Grade.DECLARED, source="local", current=True)
        for i in range(6)
    ]
    models = [
        Model(name=f"m{i}", source="local", network="n", optimization="o", purpose="p", device="d", performance=names)
        for i, names in enumerate([("a0",), ("a1",), ("a2", "a3"), ("a4",)])
    ]
    data = described(stated([*models, *acts]))
    assert {(focus[-2:], message) for focus, _, message in told(_report(data)) if "two current" in message} == {
        ("m2", "two current performances give inference latency; make the older one not current")
    }
    assert (None, SH.qualifiedMaxCount, None) in rules_for(_shapes(), data).graph
