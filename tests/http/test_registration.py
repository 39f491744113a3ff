"""Registering from another program: one POST, all or nothing, the same again changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from ontology.records import Grade, Model, Performance
from repository.records_json import dumps
from tests.http.served import Served

JSON = {"Content-Type": "application/json"}
RUN = Performance(
    name="mine-run", inference_latency_ms=12.0, evidence=Grade.DECLARED, source="local", current=True
)  # fmt: skip
MINE = Model(
    name="mine", source="local", network="small-net", optimization="w8a8", device="board-a", runtime="litert-cpu",
    purpose="image-classification", performance=("mine-run",),
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def as_it_was(running: Served) -> Iterator[None]:
    """What these tests register is taken back."""
    before = running.statements()
    yield
    ours = "m:mine p:mine-run src:local g:models-local"
    gone = f"DELETE {{ GRAPH ?g {{ ?s ?p ?o }} }} WHERE {{ GRAPH ?g {{ VALUES ?s {{ {ours} }} ?s ?p ?o }} }}"
    assert running.update(gone).status_code == 204
    assert running.statements() == before


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
