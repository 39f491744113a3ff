"""The real app in a process of its own: its SPARQL endpoint, and the command line beside it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from ontology.settings import Settings
from repository.knowledge import SERVER, SNAPSHOTS
from tests.browser import app
from tests.conftest import copied

ROOT = Path(__file__).parent.parent
COUNT = "PREFIX : <https://w3id.org/dlom#> SELECT (COUNT(?m) AS ?n) { ?m a :Model }"
LABELS = "SELECT ?l { dev:samsung-galaxy-s24 rdfs:label ?l }"


@dataclass(frozen=True)
class Running:
    """An app that runs: where its state is, its endpoint, and the header that lets one in."""

    home: Path
    url: str
    key: dict[str, str]


def dlom(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """A command line beside the app."""
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *map(str, words)],
        env=os.environ | {"DLOM_HOME": str(home)}, capture_output=True, text=True, timeout=120, cwd=ROOT,
    )  # fmt: skip


def key(home: Path) -> dict[str, str]:
    return {"Authorization": f"Bearer {json.loads((home / SERVER).read_text())['token']}"}


def until(true: object, seconds: float = 60.0) -> None:
    """Wait for something to become true."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def running(installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = copied(installation, tmp_path_factory.mktemp("app"))
    with app(home) as address:
        until((home / SERVER).exists)
        yield Running(home, f"{address}/sparql", key(home))
    assert not (home / SERVER).exists()  # taken back at the stop
    assert not (home / SNAPSHOTS).exists()


def test_reading_is_open_on_this_machine_and_a_wrong_token_is_told(running: Running) -> None:
    assert httpx.get(running.url, params={"query": COUNT}).status_code == 200
    for given in (b"", b"wrong", b"Bearer", b"Bearer wrong", "Bearer é".encode()):
        sent = {b"Authorization": given}
        for answer in (
            httpx.get(running.url, params={"query": COUNT}, headers=sent),
            httpx.post(running.url, data={"query": COUNT}, headers=sent),
            httpx.delete(running.url, headers=sent),
        ):
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert "6" not in answer.text


def test_a_query_can_be_sent_in_three_ways(running: Running) -> None:
    body = running.key | {"Content-Type": "application/sparql-query"}
    answers = [
        httpx.get(running.url, params={"query": COUNT}, headers=running.key),
        httpx.post(running.url, data={"query": COUNT}, headers=running.key),
        httpx.post(running.url, content=COUNT.encode(), headers=body),
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    [row] = answers[0].json()["results"]["bindings"]
    assert int(row["n"]["value"]) > 2000


def test_it_answers_on_after_all_that(running: Running) -> None:
    union = "ASK { {} " + "UNION {}" * 1_000 + "}"
    assert httpx.post(running.url, data={"query": union}, headers=running.key, timeout=60).status_code == 400
    assert httpx.post(running.url, data={"query": COUNT}, headers=running.key).status_code == 200


def test_the_word_about_the_app_is_for_its_owner_only(running: Running) -> None:
    assert (running.home / SERVER).stat().st_mode & 0o777 == 0o600


def test_the_command_line_gives_the_same_beside_the_app(
    running: Running, installation: Settings, tmp_path: Path
) -> None:
    alone = copied(installation, tmp_path)
    (tmp_path / "asked.rq").write_text(LABELS)
    for words in (
        ("select", ROOT / "examples" / "abc-medical.json", "--json"),
        ("query", tmp_path / "asked.rq", "--format", "csv"),
        ("sources",),
    ):
        beside, by_itself = dlom(running.home, *words), dlom(alone, *words)
        assert (beside.returncode, beside.stderr) == (0, ""), words
        assert beside.stdout == by_itself.stdout != "", words


def test_the_command_line_tells_what_the_app_refuses(running: Running, tmp_path: Path) -> None:
    (tmp_path / "drop.rq").write_text("DROP ALL")
    (tmp_path / "half.rq").write_text("SELECT * { ?s ?p")
    for name in ("drop.rq", "half.rq"):
        done = dlom(running.home, "query", tmp_path / name)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    done = dlom(running.home, "load")
    assert done.returncode == 2
    assert "is the app running, or another ./dlom at work?" in done.stderr


def test_a_second_app_leaves_the_word_of_the_first_alone(running: Running) -> None:
    """It asks the first one, which holds the store; when it stops the command line still finds the first."""
    before = (running.home / SERVER).read_bytes()
    with app(running.home):
        assert (running.home / SERVER).read_bytes() == before
    assert (running.home / SERVER).read_bytes() == before


def started(home: Path, port: int) -> subprocess.Popen[bytes]:
    """`./dlom run`, as the launcher starts it."""
    words = [sys.executable, str(ROOT / "cli.py"), "run", "--headless", "--port", str(port)]
    return subprocess.Popen(
        words, cwd=ROOT, env=os.environ | {"DLOM_HOME": str(home)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def test_a_life_with_a_kill_in_it(installation: Settings, tmp_path: Path) -> None:
    home = copied(installation, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    first = started(home, port)
    try:
        until((home / SERVER).exists)
        again = dlom(home, "run")
        assert (again.returncode, again.stdout) == (0, f"DLOM is running already: http://127.0.0.1:{port}\n")
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()

    # What it left behind leads nowhere, or to a stranger that has taken the port since.
    left = (home / SERVER).read_bytes()
    asked = dlom(home, "sources")
    assert (asked.returncode, asked.stderr) == (0, "")
    (tmp_path / "sparql").write_text("I am another program")
    stranger = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    second = None
    try:
        until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        with socket.create_server(("127.0.0.1", 0)) as free:
            other = int(free.getsockname()[1])
        second = started(home, other)
        until(lambda: (home / SERVER).exists() and (home / SERVER).read_bytes() not in (left, b""))
        assert httpx.get(f"http://127.0.0.1:{other}/sparql", headers=key(home)).status_code == 200
    finally:
        stranger.terminate()
        stranger.wait()
        if second is not None:
            second.terminate()
            second.wait(timeout=30)
    assert not (home / SERVER).exists()
