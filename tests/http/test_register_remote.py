"""Registering beside the running app: it gets the file and answers as the store itself would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ontology.settings import Settings
from repository.graph import Format
from repository.incoming import incoming
from repository.knowledge import Knowledge
from repository.records_json import dumps
from repository.remote import RemoteGraph
from tests.http.served import Served, served
from tests.http.test_registration import MINE, RUN
from tests.tiny import tiny_knowledge

FACTS = Settings().facts
HEADER = "network,device,precision,runtime,purpose,dataset,speed,top1 (%)"
GOOD = "SmallNet,Board A,float,LiteRT on CPU,Image classification,Flowers test,12,66"
SLIP = "SmallNet,Bord B,float,LiteRT on CPU,Image classification,Flowers test,22,66"
FAST = "SmallNet,Board C,float,LiteRT on CPU,Image classification,Flowers test,0.03,66"
TABLE = "\n".join([HEADER, GOOD, SLIP, FAST]).encode()
SPEED = {"speed": "inference_latency_ms"}


class Counted(RemoteGraph):
    """The same, with the number of queries that were asked."""

    asked = 0

    def query(self, text: str, format: Format = Format.CSV) -> bytes:
        """As it is, and counted."""
        self.asked += 1
        return super().query(text, format)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("beside")) as one:
        yield one


@pytest.fixture
def graph(running: Served) -> Counted:
    return Counted(f"{running.client.base_url}/sparql".replace("//sparql", "/sparql"), running.key["Authorization"][7:])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chosen": SPEED},
        {"chosen": SPEED, "good": True},
        {"chosen": SPEED, "meant": {"Bord B": "board-b"}, "sure": True},
        {"chosen": SPEED, "allow_new": True, "good": True},
    ],
)
def test_the_answer_is_that_of_the_store_and_the_graph_is_not_fetched(
    options: dict[str, object], graph: Counted
) -> None:
    here = incoming(TABLE, "text/csv", tiny_knowledge(), FACTS, dry_run=True, **options)  # type: ignore[arg-type]
    there = incoming(TABLE, "text/csv", Knowledge(graph), FACTS, dry_run=True, **options)  # type: ignore[arg-type]
    assert there == here
    assert graph.asked == 0


def test_it_is_stored_once(graph: Counted, running: Served) -> None:
    body = dumps([RUN, MINE]).encode()
    first, again = (incoming(body, "application/json", Knowledge(graph), FACTS) for _ in range(2))
    assert (first.status, again.status) == ("stored", "unchanged")
    assert "m:mine" in first.new
    assert running.count("m:mine a :Model") == 1
    assert graph.asked == 0


@pytest.mark.parametrize(("body", "told"), [(b"", "the table has no rows"), (b"\xff", "is not text in UTF-8")])
def test_what_is_no_table_is_told(body: bytes, told: str, graph: Counted) -> None:
    outcome = incoming(body, "text/csv", Knowledge(graph), FACTS)
    assert outcome.refused
    assert told in outcome.reasons[0]
