"""Registering while the app runs: the command line hands records to who holds the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ontology.records import Objective, Vote
from ontology.settings import Settings
from repository.knowledge import SERVER
from repository.records_json import dumps
from tests.browser import app
from tests.conftest import copied
from tests.test_app import Running, dlom, key, until

MODEL = "aihub-mobilenet_v2-w8a8-tflite-samsung-galaxy-s24"
HEADER = "network,device,precision,runtime,task,latency (ms),accuracy (%),metric,dataset\n"
ROW = "MobileNet v2,{device},w8a8,litert on npu,Image classification,{ms},70.1,top-1,imagenet-val\n"
GOOD = HEADER + ROW.format(device="Samsung Galaxy S23", ms=0.41)
SECONDS = HEADER + ROW.format(device="Samsung Galaxy S24", ms=0.0003)


@pytest.fixture(scope="module")
def running(installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = copied(installation, tmp_path_factory.mktemp("records"))
    with app(home) as address:
        until((home / SERVER).exists)
        yield Running(home, f"{address}/records?checked", key(home))


def test_only_who_holds_the_token_may_write(running: Running) -> None:
    assert httpx.post(running.url, content="[]").status_code == 401
    assert httpx.get(running.url, headers=running.key).status_code == 405
    answer = httpx.post(running.url, content="[]", headers=running.key).json()
    assert answer == {"new": [], "updated": [], "history": [], "withdrawn": []}


def test_what_is_no_record_is_a_bad_request(running: Running) -> None:
    for body, message in (("{", "not JSON"), ('[{"kind": "Toaster"}]', "expected a record of kind")):
        answer = httpx.post(running.url, content=body, headers=running.key)
        assert answer.status_code == 400
        assert message in answer.text


def test_a_body_beyond_the_limit_is_not_read(running: Running) -> None:
    answer = httpx.post(running.url, content=b" " * (17 * 2**20), headers=running.key, timeout=60)
    assert answer.status_code == 413


def test_what_breaks_a_rule_is_refused_with_every_reason(running: Running) -> None:
    vote = Vote(name="v", model=MODEL, objective=Objective.COST, rating=9, rated_by="Ann")
    answer = httpx.post(running.url, content=dumps([vote]), headers=running.key)
    assert answer.status_code == 422
    assert any("5" in reason for reason in answer.json()["reasons"])


def test_a_table_is_registered_beside_the_app_and_found_by_the_next_search(running: Running, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text(GOOD)
    done = dlom(running.home, "register", tmp_path / "mine.csv")
    assert done.returncode == 0, done.stderr
    assert "stored: 1 model new" in done.stdout
    again = dlom(running.home, "register", tmp_path / "mine.csv")
    assert "0 models new" in again.stdout
    (tmp_path / "request.json").write_text(
        '{"device": {"device_names": ["samsung-galaxy-s23"]}, "performance": {"inference_latency_ms_at_most": 1}}'
    )
    found = dlom(running.home, "select", tmp_path / "request.json")
    assert "Best: MobileNet" in found.stdout
    assert "○ 0.41 ms" in found.stdout  # declared: an engineer's own word


def test_seconds_in_a_milliseconds_column_are_refused(running: Running, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text(SECONDS)
    before = dlom(running.home, "sources").stdout
    done = dlom(running.home, "register", tmp_path / "wrong.csv")
    assert done.returncode == 2
    assert "line 2: refused" in done.stderr
    assert "seconds" in done.stderr
    assert dlom(running.home, "sources").stdout == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("register", "empty.csv"), "the table has no rows"),
        (("register", "text.tflite", "--data", "digits", "--purpose", "clasification"), "is no task on record"),
        (("register", "text.tflite", "--data", "digits", "--network", "!!!"), "is no name; write letters and digits"),
        (("rate", MODEL, "--by", " ", "--cost", "3"), "a vote names its user"),
    ],
)
def test_a_slip_of_the_hand_is_told_in_one_line(
    running: Running, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "text.tflite").write_text("not a model")
    done = dlom(running.home, *(tmp_path / w if w in ("empty.csv", "text.tflite") else w for w in words))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_vote_counts_in_the_next_answer(running: Running, tmp_path: Path) -> None:
    done = dlom(running.home, "rate", MODEL, "--by", "Ann", "--performance", "2", "--cost", "4")
    assert done.returncode == 0, done.stderr
    (tmp_path / "request.json").write_text('{"project": {"rating_at_least": 3, "task": "image-classification"}}')
    assert "1 of " in dlom(running.home, "select", tmp_path / "request.json").stdout
    assert dlom(running.home, "rate", "no-such-model", "--by", "Ann", "--cost", "4").returncode == 2
    assert dlom(running.home, "rate", MODEL, "--by", "Ann").returncode == 2


def test_a_file_that_is_no_model_is_refused(running: Running, tmp_path: Path) -> None:
    (tmp_path / "text.tflite").write_text("not a model")
    done = dlom(running.home, "register", tmp_path / "text.tflite", "--data", "digits")
    assert done.returncode == 2
    assert "is none of HDF5, .keras, TFLite, ONNX and " in done.stderr
    assert "Traceback" not in done.stderr
