"""A model that is replaced stays on record and says by what; who decided it and who took it back is told for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from ontology.records import Grade, Model, Performance, Record
from repository.change import RegistrationError
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.projection import project
from repository.records_json import dumps, loads
from repository.register import register
from repository.replacements import replacement, replacements, standing, store_replacements, taken_back
from repository.store import store
from tests.tiny import tiny_graph

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def own(name: str) -> list[Record]:
    figures = Performance(name=f"{name}-run", size_kib=1.0, evidence=Grade.DECLARED, source="local")
    return [
        Model(
            name=name, source="local", network="small-net", optimization="float", device="board-a",
            runtime="litert-cpu", purpose="image-classification", performance=(f"{name}-run",),
        ),
        figures,
    ]  # fmt: skip


@pytest.fixture
def graph() -> EmbeddedGraph:
    """The tiny graph, with an original and two files that were made from it here."""
    found = tiny_graph()
    register(found, [r for name in ("original", "int8", "half") for r in own(name)])
    return found


ACT = replacement("original", "int8", by="Ann", at=NOON, comment="six times as fast")


def test_the_replaced_model_says_by_what_and_the_act_says_who_and_when(graph: EmbeddedGraph) -> None:
    with Knowledge(graph) as knowledge:
        assert knowledge.projection.models["replaced_by"].notna().sum() == 0
        done = store(knowledge, [ACT])
        assert done.new == (f"replacement:{ACT.name}",)
        assert done.updated == ("m:original",)
        p = knowledge.projection
        assert p.models["replaced_by"].iat[p.positions["original"]] == "int8"
        assert p.models["replaced_by"].notna().sum() == 1
        assert p.models.equals(project(graph).models)  # brought up to date as if read anew
        assert standing(graph, "original") == ACT
        assert standing(graph, "int8") is None


def test_the_same_again_changes_nothing(graph: EmbeddedGraph) -> None:
    store_replacements(graph, [ACT])
    version = graph.version
    done = store_replacements(graph, [ACT])
    assert (done.new, done.updated) == ((), ())
    assert graph.version == version


def test_taking_it_back_leaves_the_act_on_record_and_another_may_follow(graph: EmbeddedGraph) -> None:
    store_replacements(graph, [ACT])
    back = taken_back(ACT, by="Bob", because="fails on dark pictures", on=date(2026, 11, 21))
    store_replacements(graph, [back])
    assert standing(graph, "original") is None
    assert project(graph).models["replaced_by"].notna().sum() == 0
    later = replacement("original", "half", by="Ann", at=datetime(2026, 11, 22, 9, tzinfo=UTC))
    store_replacements(graph, [later])
    assert replacements(graph, "original") == (later, back)
    assert standing(graph, "original") == later


def test_registering_a_replaced_model_again_leaves_it_replaced(graph: EmbeddedGraph) -> None:
    store_replacements(graph, [ACT])
    done = register(graph, own("original"))
    assert (done.new, done.updated) == ((), ())
    assert standing(graph, "original") == ACT


@pytest.mark.parametrize(
    ("model", "successor", "reason"),
    [
        ("original", "original", "m:original cannot replace itself; name another model as its successor"),
        ("a", "int8", "m:a was not registered on this installation; only such models are replaced here"),
        ("original", "none", "m:none"),
        ("half", "original", "m:original is replaced itself, by m:int8; name that one as the successor"),
        ("original", "half", "m:original is replaced by m:int8 already; take that back first"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_changes(
    graph: EmbeddedGraph, model: str, successor: str, reason: str
) -> None:
    if model != successor and model != "a" and successor != "none":
        store_replacements(graph, [ACT])
    version = graph.version
    with pytest.raises(RegistrationError, match=reason):
        store_replacements(graph, [replacement(model, successor, by="Ann", at=NOON)])
    assert graph.version == version


def test_of_several_all_are_stored_or_none(graph: EmbeddedGraph) -> None:
    ring = [ACT, replacement("int8", "original", by="Ann", at=NOON)]
    with pytest.raises(RegistrationError, match="m:original is replaced itself"):
        store_replacements(graph, ring)
    assert replacements(graph) == ()
    assert project(graph).models["replaced_by"].notna().sum() == 0


def test_what_was_decided_does_not_change(graph: EmbeddedGraph) -> None:
    store_replacements(graph, [ACT])
    with pytest.raises(RegistrationError, match="what was decided does not change"):
        store_replacements(graph, [replace(ACT, comment="ten times as fast")])
    back = taken_back(ACT, by="Bob", because="wrong", on=date(2026, 11, 21))
    with pytest.raises(RegistrationError, match="not on record"):
        store_replacements(graph, [replace(back, name="never")])
    store_replacements(graph, [back])
    with pytest.raises(RegistrationError, match="what was decided does not change"):
        store_replacements(graph, [ACT])  # a withdrawal is not undone by sending the act again


def test_a_model_cannot_be_registered_as_replaced(graph: EmbeddedGraph) -> None:
    model, figures = own("original")
    with pytest.raises(RegistrationError, match="someone decides it"):
        register(graph, [replace(model, replaced_by="int8"), figures])  # type: ignore[call-arg]


def test_someone_decides_and_says_why_it_is_taken_back() -> None:
    with pytest.raises(ValueError, match="give a name"):
        replacement("original", "int8", by=" ", at=NOON)
    with pytest.raises(ValueError, match="say why"):
        taken_back(ACT, by="Bob", because="", on=date(2026, 11, 21))


def test_it_reaches_the_running_app_as_every_record_does() -> None:
    assert loads(dumps([ACT])) == [ACT]
