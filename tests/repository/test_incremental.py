"""A projection brought up to date is the projection of the graph, after whatever was registered, voted or withdrawn."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dss.scales import extend_scales
from ontology.records import (
    Cloud,
    DataSet,
    Device,
    Grade,
    Model,
    Network,
    Objective,
    Optimization,
    Performance,
    Record,
    Runtime,
    TrainedNetwork,
)
from repository.change import RegistrationError
from repository.graph import EmbeddedGraph, Format
from repository.knowledge import STORE, Knowledge
from repository.projection import Coded, Projection, project
from repository.register import register
from repository.rq import query
from repository.store import store, take_back
from repository.votes import vote_records
from tests.tiny import tiny_graph

TODAY = date(2026, 11, 20)
Store = TypeVar("Store", bound=EmbeddedGraph)


def model(name: str = "mine", **more: object) -> Model:
    """An engineer's own model; its performances are to be given."""
    given: dict[str, object] = {
        "source": "local", "network": "small-net", "optimization": "float", "device": "board-a",
        "runtime": "litert-cpu", "purpose": "image-classification",
    }  # fmt: skip
    return Model(name=name, **(given | more))  # type: ignore[arg-type]


def act(name: str, **figures: object) -> Performance:
    return Performance(name=name, **({"evidence": Grade.DECLARED, "source": "local"} | figures))  # type: ignore[arg-type]


def plain(value: Any) -> Any:
    """A value that can be compared: every way to be missing is None, and 7.0 is 7.0."""
    if isinstance(value, pd.DataFrame):
        return {name: [plain(v) for v in value[name]] for name in value}
    if isinstance(value, Coded):
        return [value[row] for row in range(len(value.codes))], {*value.values}
    if isinstance(value, np.ndarray):
        return [plain(v) for v in value.tolist()]
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    return None if value is None or (isinstance(value, float) and math.isnan(value)) else value


def assert_same(found: Projection, expected: Projection) -> None:
    """Equal in everything that a projection holds, the order of its rows, and what may be chosen."""
    for name in expected.__dataclass_fields__:
        assert plain(getattr(found, name)) == plain(getattr(expected, name)), name
    assert found.choices == expected.choices
    assert [list(c) for c in found.choices.values()] == [list(c) for c in expected.choices.values()]
    for figure in expected.figure_rows:
        some = range(0, len(expected), 1 + len(expected) // 500)
        facts = [[p.fact(row, figure) for row in some] for p in (found, expected)]
        assert facts[0] == facts[1], figure


NAMES = st.sampled_from(["mine", "aa", "zz", "b2", "größe 1"])
FEW = st.integers(0, 3)
LETTERS = st.sampled_from("xy")
FIGURES = st.dictionaries(
    st.sampled_from(["inference_latency_ms", "accuracy_percent", "size_kib", "energy_mj"]),
    st.integers(1, 99).map(float), min_size=1,
)  # fmt: skip


@st.composite
def registrations(draw: st.DrawFn) -> list[Record]:
    """Things of every kind that may be registered, some new, some known, some changed."""
    name, number = draw(NAMES), draw(FEW)
    device = Device(
        name=f"dev-{number}", label=draw(st.sampled_from(["A board", "Another"])), price_usd=float(draw(FEW)),
        device_type=("phone",), processor_kind=tuple(draw(st.sets(st.sampled_from(["CPU", "NPU"]), min_size=1))),
    )  # fmt: skip
    own: dict[str, Record] = {
        "device": device,
        "network": Network(name=f"net-{number}", label=f"Net {draw(FEW)}", family=draw(LETTERS)),
        "optimization": Optimization(name=f"opt-{number}", technique=("pruning",), precision=draw(LETTERS)),
        "runtime": Runtime(name=f"rt-{number}", library=draw(st.sampled_from(["L1", "L2"])), compute_unit="CPU"),
        "trained_network": TrainedNetwork(
            name=f"tn-{number}", network="small-net", training_data_set=draw(st.sampled_from(["flowers", "set-1"])),
            parameters=draw(FEW),
        ),
    }  # fmt: skip
    used = draw(st.sets(st.sampled_from(sorted(own))))
    figures = draw(FIGURES)
    quality = {"metric": "top-1", "test_set": "set-1"} if "accuracy_percent" in figures else {}
    performance = act(f"run-{draw(st.integers(0, 9))}", obtained=TODAY, **figures, **quality)
    variant = model(
        name, performance=(performance.name,), application_area=draw(st.sampled_from([None, ("medical",)])),
        label=draw(st.sampled_from([None, "One", "Two"])), **{kind: own[kind].name for kind in used},
    )  # fmt: skip
    alone = draw(st.sampled_from([*own.values(), Cloud(name="c", provider="P", price_usd_per_hour=float(number))]))
    sets = DataSet(name="set-1", label="A set", classes=draw(st.sampled_from([3, 4])))
    return [variant, performance, sets, *(own[kind] for kind in used), alone]


@st.composite
def ratings(draw: st.DrawFn) -> list[Record]:
    """A vote on a model that there is, or perhaps is."""
    rated = {draw(st.sampled_from(Objective)): draw(st.integers(1, 5))}
    return [
        *vote_records(draw(st.sampled_from(["a", "b", "mine"])), rated, rated_by=draw(st.sampled_from("uv")), day=TODAY)
    ]


@dataclass(frozen=True)
class Withdrawal:
    """An act taken back, if there is one of that name."""

    name: str


def done(knowledge: Knowledge, step: list[Record] | Withdrawal) -> None:
    """One step; what is refused changes nothing."""
    with suppress(RegistrationError):
        if isinstance(step, Withdrawal):
            take_back(knowledge, [step.name], by="ann", because="wrong board", on=TODAY)
        else:
            store(knowledge, step)


WITHDRAWALS = st.integers(0, 9).map(lambda n: Withdrawal(f"run-{n}"))
STEPS = st.lists(st.one_of(registrations(), registrations(), ratings(), WITHDRAWALS), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, reads=st.data())
def test_any_sequence_gives_what_a_whole_reading_gives(
    steps: list[list[Record] | Withdrawal], reads: st.DataObject
) -> None:
    knowledge = Knowledge(tiny_graph())
    first = knowledge.projection
    before = plain(first.models), plain(first.columns), plain(first.performances), plain(first.labels)
    for step in steps:
        done(knowledge, step)
        if reads.draw(st.booleans()):  # else several writes are brought in at once
            assert_same(knowledge.projection, project(knowledge.graph))
    assert_same(knowledge.projection, project(knowledge.graph))
    assert (plain(first.models), plain(first.columns), plain(first.performances), plain(first.labels)) == before


@pytest.mark.slow
def test_on_the_shipped_facts(home: Path) -> None:
    with Knowledge(EmbeddedGraph(home / STORE)) as knowledge:
        p = knowledge.projection
        like = p.models[p.models["runtime"].notna() & p.models["device"].notna()].iloc[17]
        own = {n: like[n] for n in ("network", "optimization", "device", "runtime", "purpose")}
        store(knowledge, [model(performance=("one",), **own), act("one", inference_latency_ms=5.0, size_kib=7.0)])
        store(knowledge, [model(performance=("two",), **own), act("two", inference_latency_ms=4.0)])
        store(
            knowledge, list(vote_records(str(p.models["model"].iat[3]), {Objective.COST: 2}, rated_by="u", day=TODAY))
        )
        take_back(knowledge, ["two"], by="ann", because="wrong board", on=TODAY)
        fresh = knowledge.projection
        assert len(fresh) == len(p) + 1
        assert fresh.columns["inference_latency_ms"][fresh.positions["mine"]] == 5.0
        assert_same(fresh, project(knowledge.graph))


class Counting(EmbeddedGraph):
    """A store that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def query(self, text: str, format: Format = Format.CSV) -> bytes:
        self.asked.append(text)
        return super().query(text, format)


def filled(graph: Store) -> Store:
    """The tiny graph in another store."""
    tiny = tiny_graph()
    for name in tiny.names():
        graph.replace(name, tiny.quads(name))
    return graph


@pytest.fixture
def counting() -> tuple[Knowledge, Counting]:
    """The tiny graph in such a store, its projection read."""
    graph = filled(Counting())
    knowledge = Knowledge(graph)
    assert len(knowledge.projection) == 8
    graph.asked.clear()
    return knowledge, graph


def read_wholly(knowledge: Knowledge, graph: Counting) -> bool:
    """Whether the projection is now read with all models rather than with those that were touched."""
    graph.asked.clear()
    fresh = knowledge.projection
    whole = query("projection/models") in graph.asked
    assert_same(fresh, project(graph))
    return whole


def test_only_the_touched_rows_are_read(counting: tuple[Knowledge, Counting]) -> None:
    knowledge, graph = counting
    store(knowledge, [model(performance=("run",)), act("run", size_kib=7.0)])
    assert not read_wholly(knowledge, graph)
    graph.asked.clear()
    assert knowledge.projection is knowledge.projection
    assert graph.asked == []  # nothing was told since


def test_a_new_part_of_a_taxonomy_reads_everything(counting: tuple[Knowledge, Counting]) -> None:
    knowledge, graph = counting
    store(knowledge, [DataSet(name="roses", label="Roses", classes=2)])
    assert not read_wholly(knowledge, graph)
    store(knowledge, [DataSet(name="red-roses", label="Red roses", subset_of="roses")])
    assert read_wholly(knowledge, graph)


@pytest.mark.parametrize("name", ["metric:top-1", "purpose:cooking", "http://example.org/x"])
def test_other_things_read_everything(name: str, counting: tuple[Knowledge, Counting]) -> None:
    knowledge, graph = counting
    knowledge.touched([name], before=graph.version, after=graph.version)
    assert read_wholly(knowledge, graph)


def test_the_version_tells_whether_anything_is_missing(counting: tuple[Knowledge, Counting]) -> None:
    knowledge, graph = counting
    assert knowledge.version == graph.version
    store(knowledge, [model(performance=("run",)), act("run", size_kib=7.0)])
    assert knowledge.version != graph.version  # told of, not read yet
    assert "mine" in knowledge.projection.positions
    assert knowledge.version == graph.version
    register(graph, [Network(name="n", label="N")])  # nobody is told
    store(knowledge, [Network(name="o", label="O")])
    assert ("net", "o") in knowledge.projection.labels
    assert knowledge.version != graph.version
    knowledge.refresh()
    assert knowledge.version == graph.version
    knowledge.changed()
    assert knowledge.version is None


def test_a_remote_graph_has_no_version(tiny: Knowledge) -> None:
    class Elsewhere:
        def query(self, text: str, format: Format = Format.CSV) -> bytes:
            return tiny.graph.query(text, format)

    knowledge = Knowledge(Elsewhere())
    assert len(knowledge.projection) == 8
    assert knowledge.version is None


def test_readers_beside_writers_see_every_write_they_waited_for() -> None:
    knowledge, wrong = Knowledge(tiny_graph()), []

    def write(who: int) -> None:
        for number in range(6):
            name = f"mine-{who}-{number}"
            store(knowledge, [model(name, performance=(f"run-{name}",)), act(f"run-{name}", size_kib=1.0 + number)])
            if name not in knowledge.projection.positions:
                wrong.append(name)
            if number == 3:
                knowledge.refresh()

    threads = [threading.Thread(target=write, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(knowledge.projection) == 8 + 18
    assert_same(knowledge.projection, project(knowledge.graph))


class Interrupted(EmbeddedGraph):
    """A store in which something else happens while it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] | None = None

    def query(self, text: str, format: Format = Format.CSV) -> bytes:
        answer, meanwhile = super().query(text, format), self.meanwhile
        if meanwhile is not None and "?vote a :Vote" in text:  # which is asked when the names have been read
            self.meanwhile = None
            meanwhile()
        return answer


def interrupted(*, read_anew: bool) -> Projection:
    """The projection that is kept after all was said to have changed while it was read."""
    graph = filled(Interrupted())
    knowledge = Knowledge(graph)
    assert len(knowledge.projection) == 8

    def meanwhile() -> None:
        register(graph, [Network(name="late", label="Late")])  # only `changed` tells of it
        knowledge.changed()

    store(knowledge, [model(performance=("run",)), act("run", size_kib=7.0)])
    graph.meanwhile = meanwhile
    if read_anew:
        knowledge.refresh()
    return knowledge.projection


@pytest.mark.parametrize("read_anew", [True, False])
def test_what_was_read_while_everything_changed_is_not_kept(read_anew: bool) -> None:
    found = interrupted(read_anew=read_anew)
    assert ("net", "late") in found.labels
    assert "mine" in found.positions


def test_new_scales_are_read_without_the_rows(counting: tuple[Knowledge, Counting]) -> None:
    knowledge, graph = counting
    before = knowledge.projection.scales
    assert extend_scales(knowledge, TODAY) == 0
    for number in range(4):  # with the one that there is five, the fewest that are rated among themselves
        run = act(f"run-{number}", size_kib=10.0 + number)
        store(knowledge, [model(f"mine-{number}", purpose="object-detection", performance=(run.name,)), run])
    written = graph.version
    assert extend_scales(knowledge, TODAY) == 1
    assert not read_wholly(knowledge, graph)
    (fresh,) = set(knowledge.projection.scales) - set(before)
    assert (fresh.figure, fresh.purpose, fresh.members) == ("price_usd", "object-detection", 5)
    assert graph.version > written
    written = graph.version
    assert extend_scales(knowledge, TODAY) == 0
    assert graph.version == written  # nothing is written for nothing


def test_an_answer_is_kept_until_the_graph_changes() -> None:
    knowledge = Knowledge(tiny_graph())
    first = knowledge.run_once(query("local-models"))
    assert knowledge.run_once(query("local-models")) is first
    store(knowledge, [model(performance=("p1",)), act("p1", inference_latency_ms=1.0)])
    found = knowledge.run_once(query("local-models"))
    assert len(found) == len(first) + 1
