"""Updates over HTTP are held to the rules of registration: what breaks one changes nothing, and is told in one line."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from repository.tokens import issue
from tests.http.served import Served, served

ACT = (
    "GRAPH g:models-mine { m:a :performance p:%s . p:%s a :Performance ; :energyMj %s ; :evidence %s ; :current true ; "
    "prov:hadPrimarySource src:bench }"
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An app of its own: what an update registers stays."""
    with served(tmp_path_factory.mktemp("updates")) as one:
        yield one


def analyst(app: Served, text: str) -> httpx.Response:
    key = {"Authorization": f"Bearer {issue(app.home, f'analyst-{abs(hash(text))}', 'update')}"}
    return app.client.post("/sparql", data={"update": text}, headers=key)


def act(name: str, energy: str = "2e0", evidence: str = ":declared") -> str:
    return f"INSERT DATA {{ {ACT % (name, name, energy, evidence)} }}"


def test_what_keeps_the_rules_is_made(app: Served) -> None:
    answer = analyst(app, act("good"))
    assert (answer.status_code, answer.text) == (204, "")
    assert app.count("m:a :performance/:energyMj 2e0") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (act("none", evidence=":hearsay"), "p:none :evidence: evidence must be one of :declared, :literature, "),
        (act("minus", "-2e0"), "p:minus :energyMj: an energy must be above 0 mJ; got -2"),
        (act("claimed", evidence=":measured"), "p:claimed says :evidence :measured, which is for what was"),
        (act("second", "3e0"), "m:a :performance: two current performances give energy; make the older"),
        ("DROP GRAPH g:identities", "there is no net:small-net, neither in the graph nor among what is registered"),
    ],
)  # fmt: skip
def test_what_breaks_one_is_refused_with_every_reason(app: Served, text: str, reason: str) -> None:
    before = app.statements()
    answer = analyst(app, f"INSERT DATA {{ GRAPH <urn:mine> {{ <urn:a> <urn:b> 1 }} }} ; {text}")
    assert (answer.status_code, len(answer.text.splitlines())) == (400, 1)
    assert answer.text.startswith("nothing was changed: ")
    assert reason in answer.text
    assert app.statements() == before


def test_a_graph_that_is_sent_is_held_to_them_too(app: Served) -> None:
    document = "<https://w3id.org/dlom/model/a> <https://w3id.org/dlom#yearCreated> 1492 ."
    url, kind = "/graphs?graph=urn%3Amine", {"Content-Type": "text/turtle"}
    for method in ("PUT", "POST"):
        answer = app.client.request(method, url, content=document, headers=app.key | kind)
        assert answer.status_code == 400
        assert "m:a :yearCreated: the year must lie between 1950 and 2100; got 1492" in answer.text
    assert app.client.head(url).status_code == 404


def test_figures_that_only_look_wrong_are_stored_and_told(app: Served) -> None:
    latency = "m:n :performance p:slow . p:slow a :Performance ; :inferenceLatencyMs 90000e0 ; :current false ; "
    answer = analyst(app, f"INSERT DATA {{ GRAPH g:models-mine {{ {latency} :evidence :declared ; "
                          "prov:hadPrimarySource src:bench } }")  # fmt: skip
    assert answer.status_code == 200
    assert answer.text.startswith("p:slow: latency 90000 ms is ")
    assert app.count("p:slow a :Performance") == 1
