"""Small versions of `./dlom bench hostile` and `./dlom bench http-load`, on the tiny graph."""

from __future__ import annotations

import socket
import sys
from collections import Counter
from pathlib import Path

import pytest

from bench.hostile import besiege, trap
from bench.http_load import put_under_load
from repository.tokens import issue
from tests.http.served import served

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_hostile_requests_crash_change_and_call_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLOM_QUERY_SECONDS", "1")
    with served(tmp_path) as app:
        found = besiege(tmp_path, str(app.client.base_url).rstrip("/"), 200)
        assert app.count("?m a :Model") == 8
    statuses = Counter[str]()
    for (_, status), count in found.statuses.items():
        statuses[status] += count
    assert sum(statuses.values()) == 200
    assert set(statuses) <= {"200", "400", "401", "403", "404", "405", "406", "413", "415", "431", "503", "504"} | {
        "closed without an answer"
    }, found.statuses
    assert {"200", "400", "401"} <= set(statuses)  # some were served: it was not all turned away at the door
    assert (found.same, found.trapped, found.outgoing, found.with_network) == (True, (), (), ())


def test_the_trap_hears_who_calls() -> None:
    """Without this its silence could mean that it is deaf."""
    with trap() as laid, socket.create_connection(("127.0.0.1", laid.port)) as call:
        call.sendall(b"GET / HTTP/1.1\r\n")
    assert laid.calls == [b"GET / HTT"]


def test_no_reader_sees_a_wrong_count_while_others_write(tmp_path: Path) -> None:
    with served(tmp_path) as app:
        address, token = str(app.client.base_url).rstrip("/"), issue(tmp_path, "load", "register")
        load = put_under_load(address, token, ("small-net", "w8a8", "board-a", "litert-cpu"), 1.5)
    assert (load.wrong, load.failed) == ([], [])
    assert load.writes
    assert load.reads
