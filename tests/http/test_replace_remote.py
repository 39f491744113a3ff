"""Replacing beside the running app, which holds the store: it is asked, and refuses as the store itself would."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

import flow
from ontology.records import Grade, Model, Performance
from repository.change import RegistrationError
from repository.knowledge import Knowledge
from repository.records_json import dumps
from repository.remote import RemoteGraph
from repository.replacements import replacement
from repository.store import store
from tests.http.served import Served, served


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("replacing")) as one:
        yield one


@pytest.fixture(scope="module")
def beside(running: Served) -> Knowledge:
    """The app's graph as the command line has it; with an original and a file made from it."""
    found = Knowledge(RemoteGraph(f"http://127.0.0.1:{running.port}/sparql", running.key["Authorization"][7:]))
    for name in ("original", "int8"):
        model = Model(
            name=name, source="local", network="small-net", optimization="float", device="board-a",
            runtime="litert-cpu", purpose="image-classification", performance=(f"{name}-run",),
        )  # fmt: skip
        store(found, [model, Performance(name=f"{name}-run", size_kib=1.0, evidence=Grade.DECLARED, source="local")])
    return found


def test_it_is_replaced_refused_twice_and_taken_back(beside: Knowledge, running: Served) -> None:
    act = flow.replace_model(beside, "original", "int8", by="Ann", comment="faster")
    assert running.count("m:original dcterms:isReplacedBy m:int8") == 1
    assert flow.replacements_of(beside, ["original", "int8"]) == {"original": act}
    with pytest.raises(RegistrationError, match="take that back first"):
        flow.replace_model(beside, "original", "int8", by="Ann")
    flow.take_back_replacement(beside, "original", by="Bob", because="wrong")
    assert running.count("m:original dcterms:isReplacedBy ?successor") == 0
    assert running.count("?act a :Replacement ; :withdrawnBecause 'wrong'") == 1


def test_it_needs_a_token_as_every_write_does(running: Served, beside: Knowledge) -> None:
    act = replacement("original", "int8", by="Eve", at=datetime(2026, 11, 20, tzinfo=UTC))
    answer = running.client.post("/records", content=dumps([act]))
    assert answer.status_code == 401
    assert running.count("?act a :Replacement ; :decidedBy 'Eve'") == 0
