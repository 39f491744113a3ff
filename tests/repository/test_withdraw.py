"""What is withdrawn stays on record, what held before holds again, and of each figure one value is current."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import cast

import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ontology.records import Grade, Model, Performance, Record, camel, figure_kinds
from repository.change import RegistrationError
from repository.graph import EmbeddedGraph, frame
from repository.incoming import records_incoming
from repository.knowledge import Knowledge
from repository.register import Registered, register
from repository.rq import bind, query
from repository.store import store, take_back
from repository.terms import Name, local, prologue
from repository.withdraw import withdraw
from tests.tiny import tiny_graph

TODAY = date(2026, 11, 20)
FIGURES = [kind.name for kind in figure_kinds()]


@pytest.fixture
def graph() -> EmbeddedGraph:
    return tiny_graph()


def own(*performances: Performance) -> list[Record]:
    """An engineer's model with figures of their own."""
    model = Model(
        name="mine", source="local", network="small-net", optimization="float", device="board-a", runtime="litert-cpu",
        purpose="image-classification", performance=tuple(p.name for p in performances),
    )  # fmt: skip
    return [model, *performances]


def act(name: str, day: int | None = None, **figures: object) -> Performance:
    obtained = None if day is None else date(2026, 11, day)
    told: dict[str, object] = {"evidence": Grade.DECLARED, "source": "local", "obtained": obtained}
    return Performance(name=name, **(told | figures))  # type: ignore[arg-type]


def back(graph: EmbeddedGraph, *names: str) -> Registered:
    return withdraw(graph, names, "ann", "wrong board", TODAY)


def current(graph: EmbeddedGraph) -> dict[str, tuple[str, float]]:
    """Figure → the act of the engineer's model in which it is current, and its value; one of each."""
    links = " ".join(f":{camel(f)}" for f in FIGURES)
    rows = frame(
        graph,
        f"{prologue()}SELECT ?f ?p ?v {{ VALUES ?f {{ {links} }} m:mine :performance ?p . ?p :current true ; ?f ?v }}",
    )
    assert not rows["f"].duplicated().any()
    return {local(r.f): (local(r.p), float(r.v)) for r in rows.itertuples()}


def content(graph: EmbeddedGraph) -> set[ox.Quad]:
    names = frame(graph, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }")["g"]
    return {q for name in names for q in graph.quads(ox.NamedNode(name))}


def refused(graph: EmbeddedGraph, names: list[str], by: str = "ann", because: str = "wrong board") -> list[str]:
    """Why; after checking that nothing was stored."""
    before = content(graph)
    with pytest.raises(RegistrationError) as error:
        withdraw(graph, names, by, because, TODAY)
    assert content(graph) == before
    return list(error.value.reasons)


def test_what_held_before_holds_again(graph: EmbeddedGraph) -> None:
    register(graph, own(act("first", 1, inference_latency_ms=9.0)))
    register(graph, own(act("second", 2, inference_latency_ms=8.0)))
    assert current(graph) == {"inferenceLatencyMs": ("second", 8.0)}
    assert back(graph, "second") == Registered((), ("p:first", "p:second"))
    assert current(graph) == {"inferenceLatencyMs": ("first", 9.0)}


def test_what_is_withdrawn_stays_on_record(graph: EmbeddedGraph) -> None:
    register(graph, own(act("first", 1, inference_latency_ms=9.0)))
    back(graph, "first")
    assert current(graph) == {}
    (row,) = frame(graph, bind(query("model-history"), model=[Name("m", "mine")])).itertuples()
    told = row.inference_latency_ms, row.current, row.withdrawn_at, row.withdrawn_by, row.withdrawn_because
    assert told == ("9", "false", "2026-11-20", "ann", "wrong board")


def test_withdrawing_twice_is_once(graph: EmbeddedGraph) -> None:
    register(graph, own(act("first", 1, size_kib=9.0)))
    back(graph, "first")
    before = content(graph)
    assert withdraw(graph, ["first"], "bob", "another reason", date(2026, 12, 1)) == Registered((), ())
    register(graph, own(act("first", 1, size_kib=9.0)))  # and it does not come back
    assert content(graph) == before


def test_the_way_back_is_a_new_name(graph: EmbeddedGraph) -> None:
    register(graph, own(act("first", 1, size_kib=9.0)))
    back(graph, "first")
    register(graph, own(act("first-again", 1, size_kib=9.0)))
    assert current(graph) == {"sizeKib": ("first-again", 9.0)}


def test_only_a_part_of_an_older_act_may_hold_again(graph: EmbeddedGraph) -> None:
    register(graph, own(act("first", 1, inference_latency_ms=9.0, size_kib=400.0)))
    register(graph, own(act("second", 2, inference_latency_ms=8.0, size_kib=300.0)))
    register(graph, own(act("third", 3, size_kib=200.0)))
    assert current(graph) == {"inferenceLatencyMs": ("second-rest", 8.0), "sizeKib": ("third", 200.0)}
    # Its part goes with it, and of the first act only the latency is asked for.
    assert back(graph, "second").new == ("p:first-rest",)
    assert current(graph) == {"inferenceLatencyMs": ("first-rest", 9.0), "sizeKib": ("third", 200.0)}
    # Now all of the first act holds again: it is current itself, and its part is not.
    assert back(graph, "third").new == ()
    assert current(graph) == {"inferenceLatencyMs": ("first", 9.0), "sizeKib": ("first", 400.0)}
    # What is superseded again leaves a part under a name of its own.
    register(graph, own(act("fourth", 4, inference_latency_ms=7.0)))
    assert current(graph) == {"inferenceLatencyMs": ("fourth", 7.0), "sizeKib": ("first-rest-2", 400.0)}


def test_the_youngest_is_by_date_then_by_evidence_then_by_registration(graph: EmbeddedGraph) -> None:
    for hour, performance in enumerate((
        act("a", 5, size_kib=1.0), act("b", None, size_kib=2.0), act("c", 5, size_kib=3.0),
        act("d", 5, size_kib=4.0, evidence=Grade.PUBLISHED), act("e", 1, size_kib=5.0),
    )):  # fmt: skip
        register(graph, own(performance), at=datetime(2026, 11, 3, hour, tzinfo=UTC))
    order = []
    while found := current(graph):
        order.append(found["sizeKib"][0])
        back(graph, order[-1])
    assert order == ["d", "c", "a", "b", "e"]  # the undated b counts as of the third, when it was registered


def test_what_was_withdrawn_does_not_come_back_and_the_answer_says_so(graph: EmbeddedGraph) -> None:
    first = own(act("first", 1, inference_latency_ms=9.0))
    knowledge = Knowledge(graph)
    assert records_incoming(first, knowledge).status == "stored"
    back(graph, "first")
    told = "p:first was withdrawn on 2026-11-20 by ann: wrong board; it counts no more, so register a later act anew"
    assert register(graph, first) == Registered((), (), withdrawn=(told,))
    before = content(graph)
    for dry_run in (True, False):
        again = records_incoming(first, knowledge, dry_run=dry_run)
        assert (again.status, again.exit_code, again.unchanged) == ("refused", 2, ())
        assert [(r.where, r.messages) for r in again.rejected] == [("m:mine", (told,))]
    # The good ones can still be stored.
    other = replace(cast(Model, first[0]), name="other", performance=("second",))
    more = records_incoming([*first, other, act("second", 1, inference_latency_ms=8.0)], knowledge, good=True)
    assert (more.status, more.new) == ("stored", ("m:other", "p:second"))
    assert content(graph) > before


def test_what_arrives_late_is_told(graph: EmbeddedGraph) -> None:
    knowledge = Knowledge(graph)
    records_incoming(own(act("new", 2, inference_latency_ms=9.0)), knowledge)
    late = own(act("late", 1, inference_latency_ms=8.0))
    expected = (
        "p:late is of 2026-11-01; for inferenceLatencyMs p:new of 2026-11-02 stays current, "
        "so p:late is kept as history"
    )
    for dry_run in (True, False):
        done = records_incoming(late, knowledge, dry_run=dry_run)
        assert expected in [m for r in done.warnings for m in r.messages]
    assert current(graph) == {"inferenceLatencyMs": ("new", 9.0)}


def test_what_is_refused(graph: EmbeddedGraph) -> None:
    register(graph, own(act("first", 1, size_kib=1.0, energy_mj=2.0)))
    register(graph, own(act("second", 2, size_kib=1.5)))
    assert refused(graph, ["second", "nobody"]) == [
        "there is no performance p:nobody; the history of its model lists the names"
    ]
    assert refused(graph, ["a-run"]) == [
        "p:a-run is stated by another source than src:local, and what a source has published stays; register a "
        "measurement of your own, or remove that source as a whole"
    ]
    assert refused(graph, ["first-rest"]) == ["p:first-rest is a part of p:first; withdraw that one"]
    assert refused(graph, ["first"], by=" ") == [
        "figures are withdrawn for a reason and by someone; say who withdraws them"
    ]
    assert refused(graph, ["first"], because="") == [
        "figures are withdrawn for a reason and by someone; say why they are withdrawn"
    ]


def test_a_withdrawal_is_not_registered(graph: EmbeddedGraph) -> None:
    gone = act("first", 1, size_kib=1.0, withdrawn_at=TODAY, withdrawn_by="ann", withdrawn_because="wrong")
    with pytest.raises(RegistrationError, match="p:first says that it was withdrawn; register it without that"):
        register(graph, own(gone))


def test_the_projection_follows(graph: EmbeddedGraph) -> None:
    knowledge = Knowledge(graph)
    store(knowledge, own(act("first", 1, size_kib=9.0)))
    store(knowledge, own(act("second", 2, size_kib=8.0)))
    held = knowledge.projection
    take_back(knowledge, ["second"], by="ann", because="wrong board", on=TODAY)
    fresh = knowledge.projection
    row = fresh.positions["mine"]
    assert (held.columns["size_kib"][row], fresh.columns["size_kib"][row]) == (8.0, 9.0)


ACTS = st.dictionaries(st.sampled_from(FIGURES[:5]), st.integers(1, 99).map(float), min_size=1, max_size=4)
STEPS = st.lists(st.tuples(ACTS, st.integers(1, 4), st.sets(st.integers(0, 7), max_size=2)), min_size=2, max_size=8)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_of_each_figure_one_is_current_while_any_is_left(steps: list[tuple[dict[str, float], int, set[int]]]) -> None:
    graph, given, days = tiny_graph(), {}, {}
    for number, (figures, day, gone) in enumerate(steps):
        name = f"act-{number}"
        given[name], days[name] = figures, day
        told = {"metric": "top-1"} if figures.keys() & {"accuracy_percent", "metric_value"} else {}
        register(graph, own(act(name, day, **figures, **told)))
        names = sorted({f"act-{g}" for g in gone} & given.keys())
        if names:
            back(graph, *names)
            for withdrawn in names:
                del given[withdrawn]
        left = {camel(f) for figures in given.values() for f in figures}
        found = current(graph)
        assert found.keys() == left
        for figure, (holder, value) in found.items():
            original = given[holder.partition("-rest")[0]]
            assert value in {v for f, v in original.items() if camel(f) == figure}
            youngest = max((days[n], n) for n, figures in given.items() if figure in map(camel, figures))
            assert holder.partition("-rest")[0] == youngest[1]
