"""A registration is all or nothing, twice is once, history stays, and the next search finds it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyoxigraph as ox
import pytest

import flow
from dss.query import compose
from ontology.records import Artifact, Device, Grade, Model, Network, Objective, Performance, Record, Source, Vote
from ontology.requirement import Requirement
from repository.change import RegistrationError
from repository.graph import EmbeddedGraph, frame
from repository.knowledge import Knowledge
from repository.measured import measured_records
from repository.register import LOCAL, Registered, faults, register
from repository.terms import local, node, prologue
from repository.votes import store_votes, vote_records
from tests.repository.registered import MEASURED, MODEL, again, the_device, the_records
from tests.tiny import tiny_graph

NEEDED = Requirement(
    task=("image-classification",), inference_latency_ms_at_most=3.0, accuracy_percent_at_least=85.0,
    budget_usd=100.0, evidence=Grade.MEASURED,
)  # fmt: skip


@pytest.fixture
def graph() -> EmbeddedGraph:
    return tiny_graph()


def content(graph: EmbeddedGraph) -> set[ox.Quad]:
    names = frame(graph, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }")["g"]
    return {q for name in names for q in graph.quads(ox.NamedNode(name))}


def asked(graph: EmbeddedGraph, columns: str, pattern: str) -> list[tuple[str, ...]]:
    """The rows of a SELECT as text, IRIs by their local names, sorted."""
    rows = frame(graph, f"{prologue()}SELECT {columns} {{ {pattern} }}")
    return sorted(
        tuple(local(v) if v.startswith(("https://", "urn:")) else v for v in row)
        for row in rows.itertuples(index=False)
    )


def matching(graph: EmbeddedGraph, requirement: Requirement = NEEDED) -> list[str]:
    candidates = flow.find_candidates(requirement, Knowledge(graph))
    return [candidates.projection.models["model"].iloc[i] for i in candidates.matches]


def refused(graph: EmbeddedGraph, records: list[Record], source: Source = LOCAL) -> list[str]:
    """Why; after checking that nothing was stored."""
    before = content(graph)
    with pytest.raises(RegistrationError) as error:
        register(graph, records, source=source)
    assert content(graph) == before
    assert faults(graph, records, source=source) == error.value.reasons
    return list(error.value.reasons)


def test_the_next_search_finds_what_was_registered(graph: EmbeddedGraph) -> None:
    knowledge = Knowledge(graph)
    assert len(flow.find_candidates(NEEDED, knowledge).matches) == 0
    register(graph, the_records())
    knowledge.changed()
    assert matching(graph) == [MODEL]
    projection = knowledge.projection
    row = projection.positions[MODEL]
    fact = projection.fact(row, "accuracy_percent")
    assert fact is not None
    assert (fact.value, fact.evidence, fact.source, fact.samples) == (90.0, Grade.MEASURED, "This installation", 100)
    assert projection.label("dev", "local-0a1b2c3d4e5f") == "My board"
    assert {local(m) for m in knowledge.run(compose(NEEDED))["model"]} == {MODEL}


def test_it_tells_what_is_new(graph: EmbeddedGraph) -> None:
    found = register(graph, the_records())
    assert found.updated == ()
    assert found.new == tuple(sorted([
        "dev:local-0a1b2c3d4e5f", f"m:{MODEL}", "net:report-cnn", f"sha256:{MEASURED.sha256}", "tn:local-tulips",
        *(n for n in found.new if n.startswith(("p:", "run:"))),
    ]))  # fmt: skip
    assert Counter(n.partition(":")[0] for n in found.new)["p"] == 2


def test_twice_is_once(graph: EmbeddedGraph) -> None:
    register(graph, the_records())
    before = content(graph)
    assert register(graph, the_records()) == Registered((), ())
    assert content(graph) == before


def test_each_thing_lies_in_its_graph_and_each_triple_in_one(graph: EmbeddedGraph) -> None:
    before = content(graph)
    register(graph, the_records())
    added = content(graph) - before
    places: dict[str, set[str]] = {}
    for quad in added:
        places.setdefault(local(str(quad.graph_name.value)), set()).add(local(quad.subject.value))  # type: ignore[union-attr]
    performances = {name for name in places["models-local"] if name.endswith(("-speed", "-accuracy"))}
    assert len(performances) == 2
    (run,) = {name.rpartition("-")[0] for name in performances}
    assert places == {
        "models-local": {MODEL, MEASURED.sha256, run, *performances},
        "devices-local": {"local-0a1b2c3d4e5f"},
        "networks-local": {"local-tulips"},
        "identities-local": {"local-0a1b2c3d4e5f", "report-cnn"},
        "catalog": {"local", "models-local", "devices-local", "networks-local"},
    }
    assert asked(graph, "?kind ?s", "GRAPH g:catalog { g:models-local a ?kind ; prov:hadPrimarySource ?s }") == [
        ("ModelRepository", "local")
    ]
    assert max(Counter(q.triple for q in content(graph)).values()) == 1


def test_lineage_is_kept(graph: EmbeddedGraph) -> None:
    register(graph, the_records(replace(MEASURED, sha256="77b0e2" + "0" * 58)))
    original = "local-77b0e2000000-litert-cpu-0a1b2c3d4e5f"
    register(graph, the_records(derived_from=original))
    m = f"m:{MODEL}"
    assert asked(graph, "?o", f"{m} prov:wasDerivedFrom ?o") == [(original,)]
    assert asked(graph, "?f ?s", f"{m} :artifact/:fileName ?f ; :trainedNetwork/:seed ?s") == [("tulips.tflite", "7")]
    run = f"{m} :performance ?p . ?p prov:wasGeneratedBy ?run . ?run :p95LatencyMs ?p95 ; prov:endedAtTime ?day"
    assert asked(graph, "DISTINCT ?p95 ?day", run) == [("2.5", "2026-11-20")]


def test_a_later_measurement_is_current_and_the_older_one_is_history(graph: EmbeddedGraph) -> None:
    register(graph, the_records())
    found = register(graph, the_records(again(latency_p50_ms=1.5)))
    assert len([n for n in found.new if n.startswith("p:")]) == 2
    assert f"m:{MODEL}" in found.updated
    latencies = asked(graph, "?ms ?c", f"m:{MODEL} :performance ?p . ?p :inferenceLatencyMs ?ms ; :current ?c")
    assert latencies == [("1.5", "true"), ("2", "false")]
    # Nothing of the two sets of figures is lost or doubled, and the first one does not become current again.
    assert len(asked(graph, "?p", f"m:{MODEL} :performance ?p")) == 4
    assert register(graph, the_records()) == Registered((), ())
    projection = Knowledge(graph).projection
    assert projection.columns["inference_latency_ms"][projection.positions[MODEL]] == 1.5


def test_a_measurement_of_speed_alone_leaves_accuracy_as_it_was(graph: EmbeddedGraph) -> None:
    register(graph, the_records())
    nothing = {"accuracy_percent": None, "accuracy_low_percent": None, "accuracy_high_percent": None, "samples": None}
    register(graph, the_records(again(latency_p50_ms=1.5, **nothing)))
    projection = Knowledge(graph).projection
    row = projection.positions[MODEL]
    assert projection.columns["accuracy_percent"][row] == 90.0
    assert projection.columns["inference_latency_ms"][row] == 1.5


def own(*performances: Performance) -> list[Record]:
    """An engineer's model with figures of their own."""
    model = Model(
        name="mine", source="local", network="small-net", optimization="float", device="board-a", runtime="litert-cpu",
        purpose="image-classification", performance=tuple(p.name for p in performances),
    )  # fmt: skip
    return [model, *performances]


def act(name: str, **figures: object) -> Performance:
    return Performance(name=name, evidence=Grade.DECLARED, source="local", **figures)  # type: ignore[arg-type]


def test_figures_that_are_not_taken_again_stay_current(graph: EmbeddedGraph) -> None:
    first = act("first", inference_latency_ms=9.0, accuracy_percent=70.0, metric="top-1", size_kib=400.0)
    register(graph, own(first))
    register(graph, own(act("second", inference_latency_ms=8.0)))
    projection = Knowledge(graph).projection
    row = projection.positions["mine"]
    values = [projection.columns[f][row] for f in ("inference_latency_ms", "accuracy_percent", "size_kib")]
    assert values == [8.0, 70.0, 400.0]
    assert asked(graph, "?d ?m ?c", "p:first-rest :sourceDetail ?d ; :metric ?m ; :current ?c") == [
        ("the figures of p:first that were not taken again", "top-1", "true")
    ]
    assert asked(graph, "?ms ?a ?c", "p:first :inferenceLatencyMs ?ms ; :accuracyPercent ?a ; :current ?c") == [
        ("9", "70", "false")
    ]
    before = content(graph)
    assert register(graph, own(first)) == Registered((), ())
    assert content(graph) == before


def test_an_older_measurement_that_arrives_late_is_history(graph: EmbeddedGraph) -> None:
    days = {"far": date(2031, 1, 1), "now": date(2026, 11, 20), "old": date(2019, 1, 1)}
    done = {n: register(graph, own(act(n, obtained=day, energy_mj=float(day.year)))) for n, day in days.items()}
    assert asked(graph, "?p ?c", "m:mine :performance ?p . ?p :current ?c") == [
        ("far", "true"), ("now", "false"), ("old", "false"),
    ]  # fmt: skip
    assert done["far"].history == ()
    assert done["old"].history == (
        "p:old is of 2019-01-01; for energyMj p:far of 2031-01-01 stays current, so p:old is kept as history",
    )
    before = content(graph)
    assert register(graph, own(act("old", obtained=days["old"], energy_mj=2019.0))) == Registered((), ())
    assert content(graph) == before


def test_an_older_act_is_current_for_what_no_younger_one_gives(graph: EmbeddedGraph) -> None:
    register(graph, own(act("new", obtained=date(2026, 2, 2), energy_mj=5.0, size_kib=7.0)))
    late = own(act("late", obtained=date(2026, 1, 1), energy_mj=4.0, average_power_w=3.0))
    assert register(graph, late).new == ("p:late", "p:late-rest")
    current = asked(
        graph, "?p ?f ?v", "m:mine :performance ?p . ?p :current true ; ?f ?v . ?f rdfs:subPropertyOf :figure"
    )
    assert current == [("late-rest", "averagePowerW", "3"), ("new", "energyMj", "5"), ("new", "sizeKib", "7")]
    assert register(graph, late) == Registered((), ())


def test_of_one_day_the_stronger_evidence_is_current_and_then_the_later_registration(graph: EmbeddedGraph) -> None:
    def holder(name: str, grade: Grade, day: date | None, hour: int) -> str:
        one = replace(act(name, obtained=day, size_kib=1.0), evidence=grade)
        register(graph, own(one), at=datetime(2026, 3, 5, hour, tzinfo=UTC))
        ((found,),) = asked(graph, "?p", "m:mine :performance ?p . ?p :current true ; :sizeKib ?v")
        return found

    assert holder("a", Grade.DECLARED, date(2026, 3, 5), 1) == "a"
    assert holder("b", Grade.PUBLISHED, date(2026, 3, 5), 2) == "b"
    assert holder("c", Grade.DECLARED, None, 3) == "b"  # undated: as if of the day of its registration
    assert holder("d", Grade.PUBLISHED, None, 4) == "d"
    assert holder("e", Grade.MEASURED, date(2026, 3, 4), 5) == "d"


def test_the_moment_of_registration_is_stored_and_stays(graph: EmbeddedGraph) -> None:
    first = own(act("first", size_kib=1.0))
    register(graph, first, at=datetime(2026, 3, 5, 1, tzinfo=UTC))
    register(graph, first, at=datetime(2026, 3, 6, 1, tzinfo=UTC))
    assert asked(graph, "?at", "p:first :registeredAt ?at") == [("2026-03-05T01:00:00Z",)]
    register(graph, own(act("second", energy_mj=1.0)))
    ((at,),) = asked(graph, "?at", "p:second :registeredAt ?at")
    assert datetime.fromisoformat(at).tzinfo is not None
    claimed = own(act("third", energy_mj=2.0, registered_at=datetime(2031, 1, 1, tzinfo=UTC)))
    assert refused(graph, claimed) == [
        "p:third says when it was registered; leave that out, since it is set when it is stored"
    ]


def test_what_was_measured_does_not_change(graph: EmbeddedGraph) -> None:
    register(graph, own(act("first", inference_latency_ms=9.0)))
    assert refused(graph, own(act("first", inference_latency_ms=8.0))) == [
        "p:first is registered already and differs in :inferenceLatencyMs; it has happened and does not change, "
        "so give a later one a name of its own"
    ]


def test_what_was_measured_stays_where_it_was_measured(graph: EmbeddedGraph) -> None:
    """Else a figure of one board could be shown as measured on another."""
    register(graph, the_records())
    (model,) = (r for r in the_records() if isinstance(r, Model))
    act = (model.performance or ("",))[0]
    moved = refused(graph, [replace(model, device="board-a")])
    assert moved == [
        f"m:{model.name} :device is dev:{model.device} on record, where DLOM measured it, and dev:board-a contradicts "
        "it; describe a model of your own under another name"
    ]
    taken = refused(graph, [replace(model, name="fake", artifact=None)])
    assert f"p:{act} is of m:{model.name} already; a performance is of one model" in taken[0]
    register(graph, [replace(model, label="Another name")])


def test_the_owner_may_change_the_price(graph: EmbeddedGraph) -> None:
    register(graph, [the_device(80.0)])
    assert register(graph, [the_device(60.0)]) == Registered((), ("dev:local-0a1b2c3d4e5f",))
    assert asked(graph, "?usd", "dev:local-0a1b2c3d4e5f :priceUsd ?usd") == [("60",)]
    # What is left out stays.
    register(graph, [Device(name="local-0a1b2c3d4e5f", camera="none")])
    assert asked(graph, "?usd ?c", "dev:local-0a1b2c3d4e5f :priceUsd ?usd ; :camera ?c") == [("60", "none")]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"device": "board-x"}, "m:mine device: there is no dev:board-x, neither in the graph nor among"),
        ({"network": "no-net"}, "m:mine network: there is no net:no-net"),
        ({"purpose": "cooking"}, "m:mine purpose: there is no purpose:cooking"),
        ({"derived_from": "nobody"}, "m:mine derivedFrom: there is no m:nobody"),
        ({"optimization": None}, "m:mine :optimization: a model names its optimization; float, unchanged, is one too"),
        ({"year_created": 12}, "m:mine :yearCreated: the year must lie between 1950 and 2100; got 12"),
        ({"source": "bench"}, "m:mine says it is from src:bench, but is registered from src:local"),
        ({"name": "a"}, "m:a is a model of another source; register yours under a name of its own"),
    ],
)
def test_a_bad_model_is_refused(graph: EmbeddedGraph, changes: dict[str, object], told: str) -> None:
    model, performance = own(act("first", inference_latency_ms=9.0))
    (reason,) = refused(graph, [replace(model, **changes), performance])  # type: ignore[arg-type]
    assert reason.startswith(told)


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ({"inference_latency_ms": -3.0}, "p:first :inferenceLatencyMs: a latency must be above 0 ms; got -3.0"),
        ({"accuracy_percent": 101.0}, "p:first :accuracyPercent: accuracy is a percentage, from 0 to 100; got 101.0"),
        ({}, "p:first: a performance has at least one figure or part; a missing figure is left out"),
        ({"accuracy_percent": 9.0, "accuracy_low_percent": 9.5}, "p:first :accuracyLowPercent: the lower end"),
        ({"accuracy_percent": 9.0, "accuracy_high_percent": 8.5}, "p:first :accuracyPercent: the accuracy lies below"),
        ({"size_kib": 1.0, "test_set": "roses"}, "p:first testSet: there is no data:roses"),
    ],
)
def test_bad_figures_are_refused(graph: EmbeddedGraph, figures: dict[str, object], told: str) -> None:
    (reason,) = refused(graph, own(act("first", **figures)))
    assert reason.startswith(told)


def test_two_new_performances_may_not_give_the_same_figure(graph: EmbeddedGraph) -> None:
    (reason,) = refused(graph, own(act("one", size_kib=1.0), act("two", size_kib=2.0)))
    assert reason.startswith("m:mine :performance: two current performances give size")


def test_other_things_that_are_refused(graph: EmbeddedGraph) -> None:
    (orphan,) = refused(graph, [act("first", size_kib=1.0)])
    assert orphan == "p:first belongs to no model; name it among the performances of its model"
    (twice,) = refused(graph, [Network(name="n", family="A"), Network(name="n", family="B")])
    assert twice == "net:n is given twice with different content; give it once"
    (contradicts,) = refused(graph, [Network(name="small-net", family="Other")])
    assert contradicts.startswith("net:small-net :family is known as Net, and Other contradicts it")
    (file,) = refused(graph, [Artifact(name="abc", format="h5")])
    assert file == "sha256:abc: the name of an artifact is the SHA-256 of its content, in 64 hexadecimal digits"
    (machine,) = refused(graph, [replace(the_device(), fingerprint="XYZ")])
    assert machine.endswith("a fingerprint has 12 hexadecimal digits; got XYZ")
    (vote,) = refused(graph, [Vote(name="v", model="a")])
    assert vote == "vote:v: a Vote is not registered in this way"


def test_a_source_that_is_loaded_is_not_written_to(graph: EmbeddedGraph) -> None:
    catalog = node("g", "catalog")
    shipped = Source(name="aihub", digest="1")
    graph.replace(catalog, [ox.Quad(node("src", "aihub"), node("", "digest"), ox.Literal("1"), catalog)])
    (reason,) = refused(graph, [Network(name="n")], shipped)
    assert reason == "src:aihub is loaded from shipped tables; register under a source of your own"


def test_knowing_the_same_as_another_source_is_no_contradiction(graph: EmbeddedGraph) -> None:
    assert register(graph, [Network(name="small-net", label="Another label", family="Net")]) == Registered((), ())
    assert asked(graph, "?l", "net:small-net rdfs:label ?l") == [("SmallNet",)]


def test_measured_records_name_the_right_machine_and_data() -> None:
    with pytest.raises(ValueError, match=r"measured on machine 0a1b2c3d4e5f, not on other \(ffffffffffff\)"):
        the_records(device=Device(name="other", fingerprint="f" * 12))
    with pytest.raises(ValueError, match="accuracy 90 % means nothing without its data set"):
        measured_records(
            MEASURED, network="small-net", optimization="float", purpose="image-classification", device=the_device()
        )


def test_what_is_kept_of_the_float_original_is_known(graph: EmbeddedGraph) -> None:
    register(graph, the_records(original_value=92.0))
    projection = Knowledge(graph).projection
    retained = projection.columns["retained_percent"][projection.positions[MODEL]]
    assert retained == pytest.approx(100 * 90 / 92)


def test_an_unusual_measurement_says_so() -> None:
    noisy = [r for r in the_records(replace(MEASURED, noisy=True)) if isinstance(r, Performance)]
    assert noisy[0].source_detail == (
        "median of 500 runs, 1 threads; noisy: the repeats spread too much to be trusted to 10 %"
    )


def test_votes_of_a_user_replace_their_earlier_ones(graph: EmbeddedGraph) -> None:
    def vote(rating: int, who: str, day: int) -> list[Vote]:
        return vote_records("a", {Objective.COST: rating}, rated_by=who, day=date(2026, 11, day), comment="fine")

    store_votes(graph, [*vote(5, "Ada", 1), *vote(3, "Bob", 1)])
    store_votes(graph, vote(1, " Ada ", 2))
    votes = asked(graph, "?who ?rating ?note", "?v a :Vote ; :ratedBy ?who ; :rating ?rating ; rdfs:comment ?note")
    assert votes == [("Ada", "1", "fine"), ("Bob", "3", "fine")]
    projection = Knowledge(graph).projection
    assert projection.columns["user_rating"][projection.positions["a"]] == 2.0


def test_bad_votes_are_refused(graph: EmbeddedGraph) -> None:
    before = content(graph)
    day = date(2026, 11, 20)
    with pytest.raises(RegistrationError, match=r":rating: a vote rates from 1 to 5; got 6"):
        store_votes(graph, vote_records("a", {Objective.COST: 6}, rated_by="Ada", day=day))
    with pytest.raises(RegistrationError, match="there is no m:nobody"):
        store_votes(graph, vote_records("nobody", {Objective.COST: 5}, rated_by="Ada", day=day))
    with pytest.raises(ValueError, match="give a name"):
        vote_records("a", {Objective.COST: 5}, rated_by="  ", day=day)
    assert content(graph) == before


class Counting(EmbeddedGraph):
    """A real graph that counts what it is asked to write: one update is one transaction, two are not."""

    updates = 0

    def update(self, text: str) -> None:
        self.updates += 1
        super().update(text)


def test_a_registration_is_one_update() -> None:
    graph, tiny = Counting(), tiny_graph()
    for name in ("identities", "ontology", "models-bench"):
        graph.replace(node("g", name), tiny.quads(node("g", name)))
    for records in (the_records(), the_records(again(latency_p50_ms=1.5)), own(act("first", size_kib=1.0))):
        graph.updates = 0
        assert register(graph, records).new
        assert graph.updates == 1
    graph.updates = 0
    store_votes(graph, vote_records("a", dict.fromkeys(Objective, 5), rated_by="Ada", day=date(2026, 11, 20)))
    assert graph.updates == 1


PROGRAM = """
import itertools, pathlib, sys
from repository.graph import EmbeddedGraph
from repository.register import register
from repository.triples import quads
from repository.terms import node
from tests.repository.registered import MEASURED, the_records
from tests.tiny import tiny_graph
from dataclasses import replace
graph = EmbeddedGraph(pathlib.Path(sys.argv[1]))
if not len(graph):
    tiny = tiny_graph()
    for name in ("identities", "ontology"):
        graph.replace(node("g", name), tiny.quads(node("g", name)))
start = int(sys.argv[2])
for i in itertools.count(start):
    register(graph, the_records(replace(MEASURED, repetitions=i + 1)))
    print(i, flush=True)
"""


def test_a_kill_during_registration_leaves_all_of_it_or_nothing(tmp_path: Path) -> None:
    chance, done = random.Random(1), 0
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path), str(done)],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline()
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        told, _ = process.communicate()
        acknowledged = done + 3 + told.count("\n")
        graph = EmbeddedGraph(tmp_path)
        runs = asked(graph, "?run", "?run a :MeasurementRun")
        assert acknowledged <= len(runs) <= acknowledged + 1
        for figure in (":inferenceLatencyMs", ":accuracyPercent"):
            acts = (
                f"m:{MODEL} :performance ?p . ?p prov:wasGeneratedBy/:threads 1 ; {figure} ?value ; :current ?current"
            )
            assert [row[0] for row in asked(graph, "?current", acts)] == ["false"] * (len(runs) - 1) + ["true"]
        assert faults(graph, the_records()) == ()
        done = len(runs)
        del graph
