"""A decision is recorded with what it rests on, and a replay gives the same answer or names what has changed."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cli_build
import cli_decide
import flow
from dss.decision import Change, DecisionError, Kind, Known, Replay
from dss.decision_words import told
from dss.preferences import Preferences
from ontology.records import Decision, Grade, Model, Objective, Performance
from ontology.requirement import Requirement
from ontology.settings import Settings
from repository.change import RegistrationError
from repository.decisions import DecisionMissing, decisions, find_decision, keep_facts, kept_facts
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.records_json import dumps, loads
from repository.register import register
from repository.store import store
from repository.terms import node, prologue
from repository.votes import vote_records
from tests.tiny import SOURCE, tiny_knowledge

ROOT = Path(__file__).parent.parent
CLASSIFIERS = Requirement(task=("image-classification",), test_data=("flowers",), title="Flowers")
MORNING = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def decided(
    knowledge: Knowledge,
    home: Path,
    requirement: Requirement = CLASSIFIERS,
    chosen: str | None = None,
    comment: str = "",
) -> Decision:
    """What Jane decided on the tiny graph: `a` is best, 25/6."""
    selection = flow.select(requirement, Preferences(()), knowledge)
    return flow.decide(
        selection, knowledge, Settings(home=home), by="Jane", chosen=chosen, comment=comment, at=MORNING
    )  # fmt: skip


def replayed(knowledge: Knowledge, home: Path) -> Replay:
    knowledge.changed()
    return flow.replay("latest", knowledge, Settings(home=home))


def graph_of(knowledge: Knowledge) -> EmbeddedGraph:
    assert isinstance(knowledge.graph, EmbeddedGraph)
    return knowledge.graph


def altered(knowledge: Knowledge, subject: str, figure: str, value: int) -> None:
    """Another number in the place of the one that the graph has: no registration would do that."""
    old, new = f"GRAPH ?g {{ {subject} :{figure} ?v }}", f"GRAPH ?g {{ {subject} :{figure} {value}e0 }}"
    graph_of(knowledge).update(f"{prologue()} DELETE {{ {old} }} INSERT {{ {new} }} WHERE {{ {old} }}")


def test_a_decision_says_who_chose_what_when_and_on_which_answer(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    made = decided(knowledge, tmp_path, chosen="b", comment="we have the boards")
    found = find_decision(knowledge.graph, made.name)
    assert found == made
    assert made.name.startswith("2026-11-20-")
    assert (found.decided_by, found.decided_at, found.comment) == (
        "Jane",
        MORNING,
        "we have the boards",
    )
    assert (found.chosen_model, found.winner, found.runner_up) == ("b", "a", ("b", "c", "d", "e"))
    assert found.score == pytest.approx(25 / 6)
    assert found.scale_version == 1
    assert found.used_source == ("bench",)


def test_it_is_a_provenance_record_that_analysts_can_ask_for(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    made = decided(knowledge, tmp_path)
    rows = knowledge.run(
        prologue() + "SELECT ?who ?when WHERE { GRAPH g:decisions { ?d a :Decision ; :decidedBy ?who ; "
        "prov:endedAtTime ?when ; prov:used src:bench ; :chosenModel m:a ; :winner m:a } "
        ":Decision rdfs:subClassOf prov:Activity . :chosenModel rdfs:subPropertyOf prov:used }"
    )
    assert rows.to_dict("records") == [{"who": "Jane", "when": "2026-11-20T09:30:00Z"}]
    assert decisions(knowledge.graph) == (replace(made, answer_json=None),)


def test_on_unchanged_facts_a_replay_gives_the_same_bytes(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    decided(knowledge, tmp_path)
    found = replayed(knowledge, tmp_path)
    assert (found.same, found.identical, found.changes, found.differences) == (True, True, (), ())
    assert told(found) == [f"{found.decision}: the same answer, byte for byte."]


SCRIPT = """
import sys
from pathlib import Path
from tests.test_decisions import decided
from tests.tiny import tiny_knowledge
made = decided(tiny_knowledge(), Path(sys.argv[1]))
print(made.name, made.answer_digest, made.facts_digest)
"""


def test_another_process_finds_the_same_answer(tmp_path: Path) -> None:
    """Python orders sets anew in each process; nothing of that may reach the answer."""
    printed = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    made = decided(tiny_knowledge(), tmp_path)
    assert printed.split() == [made.name, made.answer_digest, made.facts_digest]


def test_a_newer_figure_is_named_with_its_old_and_its_new_value(tmp_path: Path) -> None:
    """`a` had 10 ms and the best rating for latency, 5; at 50 ms it has 1, loses 4/6 and comes after `b`."""
    knowledge = tiny_knowledge()
    decided(knowledge, tmp_path)
    slower = Performance(
        name="a-run-2", inference_latency_ms=50.0, evidence=Grade.MEASURED, source="bench", current=True
    )  # fmt: skip
    register(graph_of(knowledge), [slower, Model(name="a", performance=("a-run-2",))], source=SOURCE)
    found = replayed(knowledge, tmp_path)
    assert not found.same
    assert found.winner == ("a", "b")
    assert found.chosen_place == (1, 2)
    with pytest.raises(SystemExit) as ended:
        cli_decide.tell(found)
    assert ended.value.code == 1
    assert found.changes == (
        Change(
            kind=Kind.FIGURE,
            what="inference_latency_ms",
            before=Known(10.0, "published", "bench"),
            after=Known(50.0, "measured", "bench"),
            models=("a",),
        ),
    )
    lines = told(found)
    assert "Recommended then: a; now: b." in lines
    assert "  a: inference latency 10 ms (published, bench) → 50 ms (measured, bench)" in lines


def test_models_of_a_source_that_was_removed_are_named(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    decided(knowledge, tmp_path)
    graph_of(knowledge).drop(node("g", "models-later"))
    found = replayed(knowledge, tmp_path)
    assert not found.same  # the answer says how many models were judged
    assert found.winner == ("a", "a")
    assert [(c.kind, c.models) for c in found.changes if c.kind is Kind.WENT] == [(Kind.WENT, ("n", "p", "s"))]
    assert "  3 models went: n, p, s" in told(found)
    assert "The recommendation is the same: a." in told(found)


def test_a_price_is_named_by_its_device(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    decided(knowledge, tmp_path)
    graph_of(knowledge).update(
        prologue()
        + "DELETE { GRAPH ?g { dev:board-a :priceUsd ?p } } INSERT { GRAPH ?g { dev:board-a :priceUsd 650e0 } } "
        "WHERE { GRAPH ?g { dev:board-a :priceUsd ?p } }"
    )
    found = replayed(knowledge, tmp_path)
    assert [(c.kind, c.what) for c in found.changes] == [(Kind.PRICE, "board-a")]
    assert "  price of board-a: 100 USD (declared) → 650 USD (declared)" in told(found)


def test_a_vote_and_new_rating_scales_are_named(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    decided(knowledge, tmp_path)
    store(knowledge, vote_records("a", {Objective.PERFORMANCE: 5}, rated_by="Ann", day=date(2026, 11, 21)))
    assert [(c.kind, c.what, c.models) for c in replayed(knowledge, tmp_path).changes] == [
        (Kind.VOTE, "performance", ("a",))
    ]
    for _ in flow.refresh_scales(graph_of(knowledge), date(2026, 11, 22)):
        pass
    lines = told(replayed(knowledge, tmp_path))
    assert "  a: on performance a vote of 5 came" in lines
    assert "  the rating scales were frozen anew: version 1 → 2" in lines


@settings(max_examples=8, deadline=None)
@given(
    model=st.sampled_from("abcde"),
    figure=st.sampled_from(["inferenceLatencyMs", "sizeKib", "accuracyPercent"]),
    value=st.integers(1, 99),
)
def test_exactly_the_figure_that_was_changed_is_named(
    tmp_path_factory: pytest.TempPathFactory, model: str, figure: str, value: int
) -> None:
    """Law: whatever figure is altered, the replay names that one; altered into itself, the answer is the same."""
    home, knowledge = tmp_path_factory.mktemp("law"), tiny_knowledge()
    decided(knowledge, home)
    name = f"p:{model}-{'accuracy' if figure == 'accuracyPercent' else 'run'}"
    before = float(knowledge.run(prologue() + f"SELECT ?v WHERE {{ {name} :{figure} ?v }}")["v"].iloc[0])
    graph_of(knowledge).update(
        prologue()
        + f"DELETE {{ GRAPH ?g {{ {name} :{figure} ?v }} }} INSERT {{ GRAPH ?g {{ {name} :{figure} {value}e0 }} }} "
        f"WHERE {{ GRAPH ?g {{ {name} :{figure} ?v }} }}"
    )
    found = replayed(knowledge, home)
    named = {(c.before.value, c.after.value) for c in found.changes if c.before and c.after and c.models == (model,)}
    assert found.same == (before == value)
    assert found.same or (before, float(value)) in named
    assert all(c.models == (model,) for c in found.changes)


def test_without_the_kept_facts_those_that_the_answer_shows_are_compared(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    made = decided(knowledge, tmp_path)
    (kept,) = (tmp_path / "decisions").iterdir()
    assert kept.name == f"{made.facts_digest}.json.gz"
    kept.write_bytes(kept.read_bytes()[:-9])  # no longer whole: as good as gone
    altered(knowledge, "p:e-run", "sizeKib", 4000)
    found = replayed(knowledge, tmp_path)
    assert not found.facts_kept
    assert [(c.what, c.models) for c in found.changes] == [("size_kib", ("e",))]
    assert told(found)[-1].startswith("The facts of that day are not kept here")


def test_a_record_that_was_tampered_with_says_so(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    made = decided(knowledge, tmp_path)
    graph_of(knowledge).update(
        prologue() + "DELETE { GRAPH ?g { ?d :answerJson ?a } } INSERT { GRAPH ?g { ?d :answerJson ?b } } WHERE { "
        'GRAPH ?g { ?d :answerJson ?a } BIND(REPLACE(?a, "\\"place\\":1", "\\"place\\":7") AS ?b) }'
    )
    found = replayed(knowledge, tmp_path)
    assert not found.same
    assert found.changes[0] == Change(Kind.RECORD, made.name)
    assert any("the record itself was altered" in line for line in told(found))


def test_what_a_requirement_named_may_have_gone_since(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    decided(knowledge, tmp_path, Requirement(device_names=("new-board",)))
    graph_of(knowledge).drop(node("g", "models-later"))
    found = replayed(knowledge, tmp_path)
    assert found.winner == ("n", None)
    assert found.chosen_place == (1, None)
    assert "Recommended then: n; now: nothing matches." in told(found)


def test_that_nothing_fits_can_be_recorded_too(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    made = decided(knowledge, tmp_path, replace(CLASSIFIERS, inference_latency_ms_at_most=1.0))
    assert (made.winner, made.chosen_model, made.score) == (None, None, None)
    assert replayed(knowledge, tmp_path).identical


def test_what_was_decided_does_not_change(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    made = decided(knowledge, tmp_path)
    assert store(knowledge, [made]).new == ()  # twice is the same as once
    with pytest.raises(RegistrationError, match="a decision does not change, record a new one"):
        store(knowledge, [replace(made, decided_by="John")])
    assert find_decision(knowledge.graph, made.name).decided_by == "Jane"


@pytest.mark.parametrize(
    ("by", "chosen", "comment", "message"),
    [
        ("  ", None, "", "give a name"),
        ("Jane", "zzz", "", "there is no model 'zzz'; take the name of one"),
        ("Jane", None, "x" * 4001, "4,001 characters; at most 4,000"),
        ("J\udc80ne", None, "", "holds a character that cannot be written"),
    ],
)
def test_what_cannot_be_recorded_leaves_nothing(
    tmp_path: Path, tiny: Knowledge, by: str, chosen: str | None, comment: str, message: str
) -> None:
    selection = flow.select(CLASSIFIERS, Preferences(()), tiny)
    with pytest.raises(DecisionError, match=message):
        flow.decide(selection, tiny, Settings(home=tmp_path), by=by, chosen=chosen, comment=comment)
    assert decisions(tiny.graph) == ()


def test_a_decision_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    with pytest.raises(DecisionMissing, match="no decision is on record yet"):
        find_decision(knowledge.graph, "latest")
    made = decided(knowledge, tmp_path), decided(knowledge, tmp_path, chosen="e")
    assert find_decision(knowledge.graph, made[1].name[:-1]) == made[1]
    with pytest.raises(DecisionMissing, match="2 decisions begin with '2026-11'"):
        find_decision(knowledge.graph, "2026-11")
    with pytest.raises(DecisionMissing, match="there is no decision"):
        find_decision(knowledge.graph, "x> } DROP ALL")


def test_equal_facts_are_kept_once_and_only_under_their_digest(tmp_path: Path) -> None:
    digest = keep_facts(tmp_path, {"b": [1.5], "a": "é"})
    assert keep_facts(tmp_path, {"a": "é", "b": [1.5]}) == digest
    assert kept_facts(tmp_path, digest) == {"a": "é", "b": [1.5]}
    assert [f.name for f in (tmp_path / "decisions").iterdir()] == [f"{digest}.json.gz"]
    assert kept_facts(tmp_path, f"../decisions/{digest}") is None
    (tmp_path / "decisions" / f"{digest}.json.gz").write_bytes(gzip.compress(b'{"a": 1}'))
    assert kept_facts(tmp_path, digest) is None  # whole, but not what was kept
    assert keep_facts(tmp_path, {"a": "é", "b": [1.5]}) == digest
    assert kept_facts(tmp_path, digest) == {"a": "é", "b": [1.5]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        keep_facts(tmp_path, {"a": float("nan")})


def test_a_decision_reaches_the_running_app_whole(tmp_path: Path) -> None:
    made = decided(tiny_knowledge(), tmp_path, comment='two lines\nand "quotes"')
    assert loads(dumps([made])) == [made]


@pytest.mark.slow
def test_the_command_line_records_and_replays_and_tells_a_difference_by_its_exit_code(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = Settings(home=home)
    asked = (ROOT / "examples" / "phone-object-detector.json").read_bytes()
    cli_decide.decide(here, asked, by="Jane", model=None, comment="for the pilot")
    model = next(line.split()[-1] for line in capsys.readouterr().out.splitlines() if "chosen:" in line)
    cli_decide.list_decisions(here, as_json=False)
    assert "“for the pilot”" in capsys.readouterr().out
    cli_build.rate(here, model, {Objective.PERFORMANCE: 1}, by="Ann", comment=None)
    with pytest.raises(SystemExit) as ended:
        cli_decide.replay(here, "latest")
    assert ended.value.code == 1
    assert f"{model}: on performance a vote of 1 came" in capsys.readouterr().out


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    with pytest.raises(cli_decide.ReportError, match="name a file in a folder that there is"):
        cli_decide.report(Settings(home=tmp_path), "latest", tmp_path / "none" / "report.html")
    assert list(tmp_path.iterdir()) == []
