"""One way in for tables, Turtle, JSON-LD and records: all of it or nothing, once, and one answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontology.records import Grade, Model, Performance, Record, Vote
from ontology.settings import Settings
from repository import records_json
from repository.graph import EmbeddedGraph, Format
from repository.incoming import LARGEST, MEDIA_TYPES, Outcome, incoming
from repository.knowledge import Knowledge
from repository.records_rdf import as_turtle
from tests.tiny import tiny_knowledge

FACTS = Settings().facts
HEADER = "network,device,precision,runtime,purpose,dataset,latency_ms,top1 (%)"
GOOD = "SmallNet,Board A,float,LiteRT on CPU,Image classification,Flowers test,12,66"
SLIP = "SmallNet,Bord B,float,LiteRT on CPU,Image classification,Flowers test,22,66"
MODEL = "m:local-small-net-float-litert-cpu-board-a"
RUN = Performance(name="mine-1", inference_latency_ms=21.5, evidence=Grade.DECLARED)
MINE = Model(
    name="mine", network="small-net", device="board-b", optimization="w8a8", runtime="litert-cpu",
    purpose="image-classification", performance=("mine-1",), source="local",
)  # fmt: skip
RECORDS: list[Record] = [MINE, replace(RUN, source="local")]


@pytest.fixture
def knowledge() -> Knowledge:
    return tiny_knowledge()


def send(knowledge: Knowledge, body: str | bytes, kind: str = "text/csv", **options: object) -> Outcome:
    content = body.encode() if isinstance(body, str) else body
    return incoming(content, kind, knowledge, FACTS, **options)  # type: ignore[arg-type]


def content(knowledge: Knowledge) -> bytes:
    """Everything in the graph."""
    assert isinstance(knowledge.graph, EmbeddedGraph)
    return b"\n".join(sorted(knowledge.graph.query("SELECT * { GRAPH ?g { ?s ?p ?o } }", Format.CSV).splitlines()))


def bodies(records: list[Record]) -> dict[str, str]:
    """The same records in every format that holds them."""
    linked = [
        {
            "@id": "m:mine", "@type": "Model", "network": "net:small-net", "device": "dev:board-b",
            "optimization": "opt:w8a8", "runtime": "rt:litert-cpu", "purpose": "purpose:image-classification",
            "performance": "p:mine-1", "prov:hadPrimarySource": {"@id": "src:local"},
        },
        {
            "@id": "p:mine-1", "@type": "Performance", "inferenceLatencyMs": 21.5, "evidence": "declared",
            "prov:hadPrimarySource": {"@id": "src:local"},
        },
    ]  # fmt: skip
    return {
        "text/turtle": as_turtle(records),
        "application/ld+json": json.dumps(linked),
        "application/json": records_json.dumps(records),
    }


def test_a_table_is_stored_and_the_next_look_finds_it(knowledge: Knowledge) -> None:
    done = send(knowledge, f"{HEADER}\n{GOOD}")
    assert (done.status, done.exit_code, done.rejected) == ("stored", 0, ())
    assert MODEL in done.new
    assert MODEL.removeprefix("m:") in knowledge.projection.positions


def test_the_same_again_changes_nothing_and_says_so(knowledge: Knowledge) -> None:
    send(knowledge, f"{HEADER}\n{GOOD}")
    before = content(knowledge)
    again = send(knowledge, f"{HEADER}\n{GOOD}")
    assert (again.status, again.exit_code, again.new, again.updated) == ("unchanged", 0, (), ())
    assert MODEL in again.unchanged
    assert content(knowledge) == before


def test_every_format_says_the_same(knowledge: Knowledge) -> None:
    for kind, body in bodies(RECORDS).items():
        fresh = tiny_knowledge()
        done = send(fresh, body, f"{kind}; charset=utf-8")
        assert (done.status, set(done.new)) == ("stored", {"m:mine", "p:mine-1"}), kind
        for other, same in bodies(RECORDS).items():
            assert send(fresh, same, other).status == "unchanged", (kind, other)


def test_one_bad_row_stops_all_unless_the_good_ones_are_asked_for(knowledge: Knowledge) -> None:
    before = content(knowledge)
    refused = send(knowledge, f"{HEADER}\n{GOOD}\n{SLIP}")
    assert (refused.status, refused.exit_code) == ("refused", 2)
    assert refused.reasons == ("1 of 2 rows are refused; mend them, or ask for the good ones only",)
    (row,) = refused.rejected
    assert str(row).startswith("line 3: device 'Bord B' is not known (near: board-b or")
    assert content(knowledge) == before
    done = send(knowledge, f"{HEADER}\n{GOOD}\n{SLIP}", good=True)
    assert (done.status, done.rejected) == ("stored", (row,))
    assert MODEL in done.new


def test_unknown_names_are_mended_or_taken_as_new(knowledge: Knowledge) -> None:
    table = f"{HEADER}\n{SLIP}"
    (unknown,) = send(knowledge, table).confirmations
    assert (unknown.written, unknown.name, unknown.near[0]) == ("Bord B", "", "board-b")
    meant = send(knowledge, table, meant={"Bord B": "board-b"}, dry_run=True)
    assert "m:local-small-net-float-litert-cpu-board-b" in meant.new
    new = send(knowledge, table, allow_new=True, dry_run=True)
    assert "dev:local-bord-b" in new.new
    assert new.confirmations[0].near[0] == "board-b"  # still told, to look at


def test_a_trial_stores_nothing_and_tells_what_would_be(knowledge: Knowledge) -> None:
    before = content(knowledge)
    trial = send(knowledge, f"{HEADER}\n{GOOD}", dry_run=True)
    assert (trial.status, trial.exit_code) == ("would be stored", 0)
    assert content(knowledge) == before
    assert trial.new == send(knowledge, f"{HEADER}\n{GOOD}").new
    assert send(knowledge, f"{HEADER}\n{GOOD}", dry_run=True).status == "unchanged"
    changed = send(knowledge, f"{HEADER}\n{GOOD.replace('Image classification', 'Object detection')}", dry_run=True)
    assert changed.updated == (MODEL,)


def test_what_the_graph_refuses_is_told_and_the_rest_is_stored_when_asked_for(knowledge: Knowledge) -> None:
    lost = replace(MINE, name="lost", device="nowhere", performance=("lost-1",))
    records = [*RECORDS, lost, replace(RUN, name="lost-1", source="local")]
    before = content(knowledge)
    refused = send(knowledge, records_json.dumps(records), "application/json")
    assert refused.exit_code == 2
    assert refused.reasons == ("the graph refuses 1 of 2; mend them, or ask for the good ones only",)
    (lost_one,) = refused.rejected
    assert str(lost_one).startswith("m:lost: m:lost device: there is no dev:nowhere")
    assert content(knowledge) == before
    done = send(knowledge, records_json.dumps(records), "application/json", good=True)
    assert set(done.new) == {"m:mine", "p:mine-1"}
    assert [r.where for r in done.rejected] == ["m:lost"]


def test_figures_that_differ_from_all_that_is_known_need_a_second_look(knowledge: Knowledge) -> None:
    slip = records_json.dumps([MINE, replace(RUN, source="local", inference_latency_ms=21_500.0)])
    refused = send(knowledge, slip, "application/json")
    (model,) = refused.rejected
    assert model.where == "m:mine"
    assert "it looks like microseconds: 21.5 ms would fit" in str(model)
    sure = send(knowledge, slip, "application/json", sure=True)
    assert (sure.status, [w.where for w in sure.warnings]) == ("stored", ["m:mine"])
    impossible = records_json.dumps([MINE, replace(RUN, source="local", accuracy_percent=140.0)])
    assert send(knowledge, impossible, "application/json", sure=True).exit_code == 2


def test_columns_may_be_said(knowledge: Knowledge) -> None:
    table = f"{HEADER.replace('latency_ms', 't_median')}\n{GOOD}"
    assert send(knowledge, table, dry_run=True).columns["t_median"] == "not used"
    said = send(knowledge, table, dry_run=True, chosen={"t_median": "inference_latency_ms"})
    assert said.columns["t_median"] == "inference_latency_ms"
    (reason,) = send(knowledge, table, chosen={"t_media": "inference_latency_ms"}).reasons
    assert reason.startswith("no column is called 't_media'; there are network")


def test_a_required_column_that_is_missing_is_told_once(knowledge: Knowledge) -> None:
    table = f"{HEADER}\n{GOOD}".replace("purpose,", "").replace("Image classification,", "")
    assert send(knowledge, table).reasons == ("no column gives the purpose",)
    assert send(knowledge, table, purpose="image-classification").status == "stored"


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (b"", "text/csv", "the table has no rows"),
        (b"\xff\xfea", "text/csv", "not text in UTF-8 (byte 0)"),
        (b"x" * (LARGEST + 1), "text/turtle", "16,777,217 bytes are too many"),
        (b"[]", "application/json", "there is no record in it"),
        (b"{", "application/json", "not JSON"),
        (b"x", "application/pdf", "'application/pdf' is not read; send text/csv, text/turtle"),
        (b"<a> <b> <c> .", "text/turtle", "this is not Turtle"),
    ],
)
def test_what_cannot_be_read_is_told(knowledge: Knowledge, body: bytes, kind: str, sentence: str) -> None:
    done = send(knowledge, body, kind)
    assert (done.status, done.exit_code) == ("refused", 2)
    assert sentence in done.reasons[0]


def test_what_names_no_source_is_from_here(knowledge: Knowledge) -> None:
    assert send(knowledge, records_json.dumps([replace(MINE, source=None), RUN]), "application/json").status == "stored"
    assert send(knowledge, records_json.dumps(RECORDS), "application/json").status == "unchanged"


def test_votes_come_by_themselves(knowledge: Knowledge) -> None:
    vote: list[Record] = [Vote(name="v", model="a", rating=4)]
    (reason,) = send(knowledge, records_json.dumps([*RECORDS, *vote]), "application/json").reasons
    assert reason.startswith("votes are sent by themselves")


def test_an_answer_is_read_back(knowledge: Knowledge) -> None:
    for outcome in (
        send(knowledge, f"{HEADER}\n{GOOD}\n{SLIP}", good=True, dry_run=True),
        send(knowledge, f"{HEADER}\n{SLIP}", allow_new=True),
        send(knowledge, b"nothing"),
    ):
        assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


def test_the_answer_is_plain_data(knowledge: Knowledge) -> None:
    told = json.loads(json.dumps(send(knowledge, f"{HEADER}\n{GOOD}\n{SLIP}").to_json()))
    assert told["status"] == "refused"
    assert told["rejected"][0]["where"] == "line 3"
    assert told["confirmations"][0]["near"][0] == "board-b"
    assert told["columns"]["top1 (%)"] == "accuracy_percent"


SHARED = tiny_knowledge()


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(list(MEDIA_TYPES)), st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_body_is_answered(kind: str, body: bytes) -> None:
    assert send(SHARED, body, kind).status == "refused"


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(list(bodies(RECORDS).items())), st.data())
def test_a_body_with_a_damaged_place_is_refused_whole_or_stored_whole(
    sent: tuple[str, str], data: st.DataObject
) -> None:
    kind, body = sent
    at = data.draw(st.integers(0, len(body) - 1))
    damaged = body[:at] + data.draw(st.sampled_from(["", "x", '"', "\\", "}", "."])) + body[at + 1 :]
    before = len(content(SHARED))
    done = send(SHARED, damaged, kind, dry_run=True)
    assert done.refused is bool(done.reasons)
    assert len(content(SHARED)) == before
