"""The columns say what SPARQL says, for every model and every attribute that a limit can judge."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from dss.query import PATHS
from ontology.records import DataSet, Device, Grade, Model, Performance, Record, Source, camel, figure_kinds
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.load import concept_quads
from repository.projection import Coded, Projection
from repository.sources.names import Concept
from repository.terms import local, node, prologue
from repository.triples import NONE_OF_THEM, quads

FIGURES = [kind.name for kind in figure_kinds()]
TEXTS = frozenset({
    "family", "activation", "loss_function", "hyper_parameters", "processor_kind", "runtime_library", "precision",
    "algorithm",
})  # fmt: skip


def projected(*records: Record, concepts: Iterable[Concept] = ()) -> Projection:
    """The columns of a graph with these records."""
    graph, here = EmbeddedGraph(), node("g", "here")
    graph.load_turtle(b"", here)
    stated = [q for r in records for q in quads(r, here)]
    graph.replace(here, stated)
    graph.replace(node("g", "identities"), [q for c in concepts for q in concept_quads(c)])
    return Knowledge(graph).projection


def numbers(p: Projection, name: str) -> NDArray[np.float64]:
    """A column of numbers."""
    column = p.columns[name]
    assert isinstance(column, np.ndarray)
    return column


def in_sparql(knowledge: Knowledge, path: str) -> dict[str, set[str]]:
    """Model → the values at the end of the path, as the engine finds them."""
    rows = knowledge.run(f"{prologue()}SELECT ?m ?v {{ ?m a :Model . ?m {path} ?v }}")
    found: dict[str, set[str]] = defaultdict(set)
    for model, value in zip(rows["m"], rows["v"], strict=True):
        found[local(model)].add(value)
    return found


@pytest.mark.parametrize("name", PATHS)
def test_a_column_is_what_its_path_finds(name: str, facts: Knowledge) -> None:
    p, found = facts.projection, in_sparql(facts, PATHS[name])
    column = p.columns[name]
    for row, model in enumerate(p.models["model"]):
        expected = found.get(model, set())
        value = column[row]
        if not isinstance(column, Coded):
            assert {float(v) for v in expected} == (set() if math.isnan(column[row]) else {column[row]}), model
        elif value is None:
            assert expected == set(), model
        elif isinstance(value, bool):
            assert expected == {str(value).lower()}, model
        else:
            assert isinstance(value, frozenset)
            names = expected if name in TEXTS else {local(v) for v in expected} - {NONE_OF_THEM}
            assert value == frozenset(names), model


def test_most_columns_have_values(facts: Knowledge) -> None:
    """So that the test above compares something."""
    columns = {name: facts.projection.columns[name] for name in PATHS}
    empty = {
        name
        for name, column in columns.items()
        if (not any(v is not None for v in column.values) if isinstance(column, Coded) else np.isnan(column).all())
    }
    assert empty <= {"inputs", "outputs", "activation", "loss_function", "hyper_parameters", "algorithm"}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_the_current_one_on_the_strongest_evidence(name: str, facts: Knowledge) -> None:
    p = facts.projection
    rows = facts.run(
        f"{prologue()}SELECT ?m ?p ?v ?rank {{ ?m a :Model ; :performance ?p . "
        f"?p :current true ; :{camel(name)} ?v ; :evidence/:rank ?rank }}"
    )
    strongest: dict[str, tuple[int, float]] = {}
    for model, value, rank in zip(rows["m"], rows["v"], rows["rank"], strict=True):
        strongest[local(model)] = min(strongest.get(local(model), (99, 0.0)), (int(rank), float(value)))
    column, grades = numbers(p, name), p.evidence[name]
    known = {m: (int(g), float(v)) for m, g, v in zip(p.models["model"], grades, column, strict=True) if g >= 0}
    assert known == strongest
    assert all(math.isnan(v) for v, g in zip(column, grades, strict=True) if g < 0)


def test_all_models_are_there_once(facts: Knowledge) -> None:
    rows = facts.run(prologue() + "SELECT DISTINCT ?m { ?m a :Model }")
    assert list(facts.projection.models["model"]) == sorted(local(m) for m in rows["m"])
    assert len(facts.projection) > 2000


def test_the_tiny_graph_by_hand(tiny: Knowledge) -> None:
    p = tiny.projection
    assert list(p.models["model"]) == ["a", "b", "c", "d", "e", "n", "p", "s"]
    assert list(numbers(p, "inference_latency_ms")) == [10, 20, 30, 40, 50, 5, 7, 123]
    np.testing.assert_array_equal(numbers(p, "price_usd"), [100, 200, 300, 400, 500, math.nan, 100, 785.12])
    np.testing.assert_array_equal(numbers(p, "accuracy_percent"), [60, 65, 70, 75, 80, math.nan, math.nan, 94.356])
    np.testing.assert_allclose(numbers(p, "retained_percent"), [100, 99, 98, 97, 96, math.nan, math.nan, math.nan])
    assert p.columns["technique"][0] == frozenset()  # known to be none
    assert p.columns["technique"][1] == {"quantization"}
    assert p.columns["technique"][7] is None  # not known
    assert p.columns["test_set"][0] == {"flowers-test", "flowers"}  # a subset counts as its whole
    assert p.columns["application_area"][7] == {"skin-cancer", "medical"}
    assert p.columns["device_type"][0] == {"single-board-computer", "edge-device"}
    assert p.with_broader("area", "skin-cancer") == {"skin-cancer", "medical"}
    assert p.with_broader("area", "nobody-knows") == {"nobody-knows"}
    assert p.label("dev", "board-a") == "Board A"
    assert p.label("dev", "nobody-knows") == "nobody-knows"


def test_a_fact_says_how_it_is_known(tiny: Knowledge) -> None:
    fact = tiny.projection.fact(0, "accuracy_percent")
    assert fact is not None
    assert (fact.value, fact.unit, fact.evidence, fact.source, fact.samples) == (
        60.0,
        "%",
        Grade.MEASURED,
        "A benchmark",
        500,
    )
    assert fact.carried_from is None
    assert tiny.projection.fact(0, "energy_mj") is None  # missing is missing, not zero


def model(*performances: str) -> Model:
    return Model(name="x", source="bench", performance=performances)


def run(name: str, ms: float, grade: Grade, **more: object) -> Performance:
    return Performance(name=name, inference_latency_ms=ms, evidence=grade, current=True, source="bench", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("first", [True, False])
def test_the_strongest_evidence_wins_in_any_order(first: bool) -> None:
    both = [run("p-1", 9.0, Grade.PUBLISHED), run("p-2", 12.0, Grade.MEASURED)]
    p = projected(model("p-1", "p-2"), *(both if first else both[::-1]))
    assert list(numbers(p, "inference_latency_ms")) == [12.0]
    assert list(p.evidence["inference_latency_ms"]) == [Grade.MEASURED.rank]


def test_what_is_not_current_is_history() -> None:
    old = Performance(name="p-1", inference_latency_ms=9.0, evidence=Grade.MEASURED, source="bench", current=False)
    assert list(
        numbers(projected(model("p-1", "p-2"), old, run("p-2", 12.0, Grade.DECLARED)), "inference_latency_ms")
    ) == [12.0]
    assert np.isnan(numbers(projected(model("p-1"), old), "inference_latency_ms")).all()


def test_a_figure_keeps_where_it_was_carried_from() -> None:
    carried = Performance(
        name="p-1", accuracy_percent=70.0, original_value=70.5, metric="top-1", test_set="small", samples=100,
        evidence=Grade.PUBLISHED, carried_from="p-other", source="bench", current=True,
    )  # fmt: skip
    p = projected(
        model("p-1"), carried, Source(name="bench", label="A benchmark"), DataSet(name="small", label="Small")
    )
    fact = p.fact(0, "accuracy_percent")
    assert fact is not None
    assert (fact.carried_from, fact.evidence, fact.source) == ("p-other", Grade.PUBLISHED, "A benchmark")
    np.testing.assert_allclose(numbers(p, "retained_percent"), [100 * 70.0 / 70.5])
    assert p.columns["metric"][0] == {"top-1"}


@pytest.mark.parametrize("original", [0.0, -5.0])
def test_an_original_without_quality_gives_no_share(original: float) -> None:
    zero = Performance(
        name="p-1",
        accuracy_percent=70.0,
        original_value=original,
        evidence=Grade.MEASURED,
        source="bench",
        current=True,
    )
    assert np.isnan(numbers(projected(model("p-1"), zero), "retained_percent")).all()


def test_taxonomies_are_walked_to_the_top_even_in_a_circle() -> None:
    concepts = [
        Concept("area", "skin-cancer", "Skin cancer", broader=("cancer",)),
        Concept("area", "cancer", "Cancer", broader=("medical", "research")),
        Concept("area", "chicken", "Chicken", broader=("egg",)),
        Concept("area", "egg", "Egg", broader=("chicken",)),
    ]
    p = projected(
        Model(name="x", source="bench", application_area=("skin-cancer",)),
        Model(name="y", source="bench", application_area=("egg",)),
        concepts=concepts,
    )
    assert p.columns["application_area"][0] == {"skin-cancer", "cancer", "medical", "research"}
    assert p.columns["application_area"][1] == {"egg", "chicken"}


def test_a_device_of_several_kinds_is_one_device() -> None:
    device = Device(
        name="d", device_type=("phone", "camera"), processor_kind=("CPU", "NPU"), has_camera=True, price_usd=5.0
    )
    p = projected(Model(name="x", source="bench", device="d"), device)
    assert len(p) == 1
    assert p.columns["device_type"][0] == {"phone", "camera"}
    assert p.columns["processor_kind"][0] == {"CPU", "NPU"}
    assert p.columns["has_camera"][0] is True
    assert p.columns["sold_singly"][0] is None


def test_the_projection_is_read_again_only_after_a_change(tiny: Knowledge) -> None:
    knowledge = Knowledge(tiny.graph)
    first = knowledge.projection
    assert knowledge.projection is first
    knowledge.changed()
    assert knowledge.projection is not first


def test_an_empty_graph_has_no_models() -> None:
    assert len(projected()) == 0
