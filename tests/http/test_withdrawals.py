"""Taking figures back from another program while the app runs: who may, what is refused, and that it is once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import httpx
import pytest

from ontology.records import Grade, Model, Performance
from repository.change import RegistrationError
from repository.knowledge import Knowledge
from repository.records_json import dumps
from repository.remote import RemoteGraph
from repository.store import take_back
from repository.tokens import issue, revoke
from tests.http.served import Served, served

ACTS = [
    Performance(
        name=f"back-{day}", inference_latency_ms=10.0 + day, evidence=Grade.DECLARED, source="local",
        obtained=date(2026, 3, day),
    )
    for day in (1, 2, 3)
]  # fmt: skip
MODEL = Model(
    name="back", source="local", network="small-net", optimization="w8a8", device="board-a", runtime="litert-cpu",
    purpose="image-classification",
)  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An app of its own, since a withdrawal stays; with a model of three latencies."""
    with served(tmp_path_factory.mktemp("withdrawals")) as one:
        for act in ACTS:
            model = replace(MODEL, performance=(act.name,))
            sent = one.client.post("/records", content=dumps([act, model]), headers=one.key)
            assert sent.status_code == 201, sent.text
        yield one


def body(*names: str, by: str = "Ann", because: str = "wrong board") -> str:
    return json.dumps({"performances": names, "by": by, "because": because})


def post(running: Served, content: str | bytes, key: dict[str, str] | None = None) -> httpx.Response:
    return running.client.post("/withdraw", content=content, headers=running.key if key is None else key)


def latency(running: Served) -> int:
    """What counts now."""
    answer = running.ask("SELECT ?ms { m:back :performance ?p . ?p :current true ; :inferenceLatencyMs ?ms }").json()
    (row,) = answer["results"]["bindings"]
    return int(float(row["ms"]["value"]))


def test_what_held_before_holds_again_and_twice_is_once(running: Served) -> None:
    assert latency(running) == 13
    done = post(running, body("p:back-3"))
    assert (done.status_code, done.json()) == (200, {"new": [], "updated": ["p:back-2", "p:back-3"]})
    assert latency(running) == 12
    stands = running.statements()
    assert post(running, body("back-3", by="Bob")).json() == {"new": [], "updated": []}
    assert running.statements() == stands


def test_the_same_figures_sent_again_are_refused_with_who_and_why(running: Served) -> None:
    post(running, body("back-3"))
    model = replace(MODEL, performance=("back-3",))
    again = running.client.post("/records", content=dumps([ACTS[2], model]), headers=running.key)
    assert (again.status_code, again.json()["status"]) == (422, "refused")
    ((reason,),) = [told["reasons"] for told in again.json()["rejected"]]
    assert reason.startswith("p:back-3 was withdrawn on ") and " by Ann: wrong board; " in reason


def test_only_who_may_update_may_withdraw(running: Served) -> None:
    stands = running.statements()
    assert post(running, body("back-1"), {}).status_code == 401
    key = {"Authorization": f"Bearer {issue(running.home, 'registers', 'register')}"}
    assert post(running, body("back-1"), key).status_code == 403
    assert running.statements() == stands
    key = {"Authorization": f"Bearer {issue(running.home, 'updates', 'update')}"}
    assert post(running, body("back-1"), key).json()["updated"] == ["p:back-1"]
    for name in ("registers", "updates"):
        revoke(running.home, name)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("", 400), ("{", 400), ("[]", 400), (b"\xff", 400), ("[" * 100_000, 400), (body(), 400),
        ('{"performances": "p:back-1", "by": "Ann", "because": "x"}', 400),
        ('{"performances": ["back-1"], "by": "Ann", "because": "x", "on": "2031-01-01"}', 400),
        (body("back-1", because="\ud800"), 400), (body("back-1", because="x" * 301), 400),
        (" " * (2**20 + 1), 413), (body("nobody"), 422), (body("back-2", "a-run"), 422), (body("back-2", by=" "), 422),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(content: str | bytes, status: int, running: Served) -> None:
    stands = running.statements()
    answer = post(running, content)
    assert (answer.status_code, bool(answer.text.strip())) == (status, True)
    assert running.client.get("/withdraw", headers=running.key).status_code == 405
    assert running.statements() == stands


def test_the_command_line_withdraws_through_the_running_app(running: Served) -> None:
    graph = RemoteGraph(
        str(running.client.base_url.join("/sparql")), running.key["Authorization"].removeprefix("Bearer ")
    )
    knowledge = Knowledge(graph)
    with pytest.raises(RegistrationError, match="there is no performance p:nobody"):
        take_back(knowledge, ["nobody"], by="Ann", because="wrong board", on=date.today())
    assert "p:back-2" in take_back(knowledge, ["back-2"], by="Ann", because="wrong board", on=date.today()).updated
    assert running.count("p:back-2 :withdrawnBy 'Ann'") == 1
