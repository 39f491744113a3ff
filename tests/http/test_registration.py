"""Registering from another program: one POST, all or nothing, the same again changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import httpx
import pytest

from ontology.records import Grade, Model, Performance
from repository.records_json import dumps
from repository.tokens import issue
from tests.http.served import Served, served

JSON = {"Content-Type": "application/json"}
RUN = Performance(
    name="mine-run", inference_latency_ms=12.0, evidence=Grade.DECLARED, source="local", current=True
)  # fmt: skip
MINE = Model(
    name="mine", source="local", network="small-net", optimization="w8a8", device="board-a", runtime="litert-cpu",
    purpose="image-classification", performance=("mine-run",),
)  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An app of its own: what is registered stays."""
    with served(tmp_path_factory.mktemp("registration")) as one:
        yield one


def post(running: Served, body: str | bytes, parameters: str = "", **headers: str) -> httpx.Response:
    return running.client.post(f"/records{parameters}", content=body, headers=running.key | JSON | headers)


def test_a_trial_stores_nothing(running: Served) -> None:
    answer = post(running, dumps([RUN, MINE]), "?dry-run")
    assert (answer.status_code, answer.json()["status"]) == (200, "would be stored")
    assert running.count("m:mine ?p ?o") == 0


def test_new_is_created_and_the_same_again_is_unchanged(running: Served) -> None:
    first = post(running, dumps([RUN, MINE]))
    assert (first.status_code, first.json()["status"]) == (201, "stored")
    assert "m:mine" in first.json()["new"]
    assert running.count("m:mine a :Model") == 1
    again = post(running, dumps([RUN, MINE]))
    assert (again.status_code, again.json()["status"]) == (200, "unchanged")
    assert again.json()["new"] == again.json()["updated"] == []


@pytest.mark.parametrize("body", ["", "{", "[]", '[{"kind": "Toaster"}]', b"\xff", "[" * 100_000])
def test_what_is_no_record_is_refused_with_the_reason(body: str | bytes, running: Served) -> None:
    answer = post(running, body)
    assert (answer.status_code, answer.json()["status"]) == (422, "refused")
    assert answer.json()["reasons"]


def test_a_link_that_leads_nowhere_is_refused_whole(running: Served) -> None:
    lost = json.loads(dumps([MINE]))
    lost[0] |= {"name": "lost", "device": "no-such-board"}
    answer = post(running, json.dumps(lost))
    assert answer.status_code == 422
    assert "no-such-board" in answer.text
    assert running.count("m:lost ?p ?o") == 0


def test_what_cannot_be_read_says_so_by_status(running: Served) -> None:
    assert post(running, "<p>", **{"Content-Type": "text/html"}).status_code == 415
    assert post(running, b" " * 17_000_000).status_code == 413
    answer = running.client.get("/records", headers=running.key)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("?dryrun", "'dryrun' is no parameter here; write dry-run"),
        ("?dry_run=1", "'dry_run' is no parameter here; write dry-run"),
        ("?bogus=1", "'bogus' is no parameter here; there are: allow-new, dry-run, good, map, meaning, purpose, sure"),
        ("?dry-run=perhaps", "dry-run=perhaps: write dry-run=yes or dry-run=no"),
        ("?map=nothing", "map=nothing: write it as map=theirs=ours"),
        ("?purpose=a&purpose=b", "purpose is given twice"),
    ],
)
def test_a_parameter_that_is_not_known_is_refused(query: str, told: str, running: Served) -> None:
    before = running.statements()
    answer = post(running, dumps([RUN, MINE]), query)
    assert (answer.status_code, answer.text) == (400, f"{told}\n")
    assert running.statements() == before


def test_columns_and_names_are_given_as_on_the_command_line(running: Served) -> None:
    table = (
        "network,device,precision,runtime,purpose,dataset,speed\n"
        "SmallNet,Bord B,float,LiteRT on CPU,Image classification,Flowers test,12\n"
    )
    csv = {"Content-Type": "text/csv"}
    assert post(running, table, "?dry-run", **csv).status_code == 422
    answer = post(running, table, "?dry-run&map=speed%3Dinference_latency_ms&meaning=Bord+B%3Dboard-b", **csv)
    assert (answer.status_code, answer.json()["status"]) == (200, "would be stored"), answer.text
    assert answer.json()["columns"]["speed"] == "inference_latency_ms"


def test_a_slip_of_a_unit_is_taken_when_the_sender_is_sure(running: Served) -> None:
    """12 µs where 12 ms is what such a network takes."""
    fast = [
        replace(RUN, name="fast-run", inference_latency_ms=0.012),
        replace(MINE, name="fast", performance=("fast-run",)),
    ]
    assert post(running, dumps(fast), "?dry-run").status_code == 422
    assert post(running, dumps(fast), "?dry-run&sure").status_code == 200


def test_measured_here_is_said_by_the_app_only(running: Served) -> None:
    claimed = [
        replace(RUN, name="m-run", evidence=Grade.MEASURED),
        replace(MINE, name="claimed", performance=("m-run",)),
    ]
    token = issue(running.home, "ci", "register")
    refused = post(running, dumps(claimed), "?dry-run", Authorization=f"Bearer {token}")
    assert refused.status_code == 422
    assert "measured by DLOM itself" in refused.text
    assert post(running, dumps(claimed), "?dry-run").status_code == 200  # the app's own token


@pytest.mark.parametrize("who", ["owner", "register"])
def test_a_day_to_come_is_refused_for_all(who: str, running: Served) -> None:
    later = [
        replace(RUN, name="later-run", obtained=date(2131, 1, 1)),
        replace(MINE, name="m2", performance=("later-run",)),
    ]
    key = running.key if who == "owner" else {"Authorization": f"Bearer {issue(running.home, 'later', 'register')}"}
    answer = post(running, dumps(later), "?dry-run", **key)
    assert answer.status_code == 422
    assert "p:later-run is of 2131-01-01, which is in the future" in answer.text
    past = [replace(RUN, name="later-run", obtained=date(2019, 1, 1)), later[1]]
    assert post(running, dumps(past), "?dry-run", **key).status_code == 200


# What is on record


@pytest.fixture
def recorded(running: Served) -> Served:
    """The app with a performance of this installation, and with a decision."""
    assert post(running, dumps([RUN, MINE])).is_success
    if not running.count("GRAPH g:decisions { <urn:decision> ?p ?o }"):
        made = running.update('INSERT DATA { GRAPH g:decisions { <urn:decision> rdfs:label "chosen" } }')
        assert made.status_code == 204, made.text
    return running


@pytest.mark.parametrize(
    ("update", "of"),
    [
        ("DROP ALL", ""),
        ("DELETE WHERE { GRAPH ?g { ?s ?p ?o } }", ""),
        ("DROP GRAPH g:models-local", "p:mine-run"),
        ("DROP GRAPH g:decisions", "scale:v1-"),
        ("CLEAR NAMED", ""),
        ("MOVE g:models-local TO <urn:elsewhere>", "p:mine-run"),
        ("DELETE WHERE { GRAPH g:models-local { p:mine-run :inferenceLatencyMs ?x } }", "p:mine-run"),
        ("INSERT DATA { GRAPH g:models-local { p:mine-run :inferenceLatencyMs 1.0 } }", "p:mine-run"),
        ("INSERT DATA { GRAPH <urn:x> { p:mine-run :inferenceLatencyMs 1.0 } }", "p:mine-run"),
        ("DELETE DATA { GRAPH g:models-local { m:mine :performance p:mine-run } }", "m:mine"),
        ('INSERT DATA { GRAPH g:decisions { <urn:decision> rdfs:label "another" } }', "urn:decision"),
    ],
)
def test_an_update_that_would_change_what_is_on_record_is_refused(update: str, of: str, recorded: Served) -> None:
    before = recorded.statements()
    answer = recorded.update(update)
    assert (answer.status_code, len(answer.text.splitlines())) == (400, 1), answer.text
    assert "is on record, and an update cannot change or remove it" in answer.text
    assert "./dlom withdraw" in answer.text
    assert of in answer.text
    assert recorded.statements() == before


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("graph", ["models-local", "decisions"])
def test_the_graph_store_keeps_what_is_on_record(method: str, graph: str, recorded: Served) -> None:
    before = recorded.statements()
    url = f"/graphs?graph=https%3A%2F%2Fw3id.org%2Fdlom%2Fgraph%2F{graph}"
    kind = {"Content-Type": "text/turtle"}
    answer = recorded.client.request(method, url, content=b"", headers=recorded.key | kind)
    assert answer.status_code == 400, answer.text
    assert "./dlom withdraw" in answer.text
    assert recorded.statements() == before


def test_what_is_beside_the_record_can_be_added_and_removed(recorded: Served) -> None:
    """A price, a note on an act in another graph, and a new act: nothing of what was recorded says anything else."""
    before = recorded.statements()
    price = "dev:new-board :priceUsd 1e0 ; :priceEvidence :declared"
    for update in (
        f"INSERT DATA {{ GRAPH <urn:x> {{ {price} . p:mine-run rdfs:comment 'seen' }} }}",
        "DROP GRAPH <urn:x>",
    ):
        assert recorded.update(update).status_code == 204
    assert recorded.statements() == before
    more = "p:more a :Performance ; :sizeKib 3e0 ; :evidence :declared ; prov:hadPrimarySource src:local"
    assert recorded.update(f"INSERT DATA {{ GRAPH g:models-local {{ {more} }} }}").status_code == 204
