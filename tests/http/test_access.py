"""Who is let in: by address, by the name that is asked for, and by token."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request

from repository.http.access import Door, is_loopback
from repository.knowledge import Knowledge
from repository.tokens import TOKENS, Right, issue, revoke
from tests.http.served import Served

WRITE = {"update": "INSERT DATA { GRAPH <urn:x> { <urn:a> <urn:b> 1 } }"}


def door(home: Path, host: str | None) -> Door:
    def nobody() -> Knowledge:
        raise AssertionError("nobody asks")

    return Door(knowledge=nobody, home=home, facts=home, host=lambda: host, token="the-app's-own")


def status(one: Door, right: Right, **headers: str) -> int:
    """200 when it is let in."""
    sent = [(name.encode(), value.encode()) for name, value in ({"host": "localhost:8501"} | headers).items()]
    request = Request({"type": "http", "method": "GET", "path": "/sparql", "query_string": b"", "headers": sent})
    refusal = one.refusal(request, right)
    return 200 if refusal is None else refusal.status_code


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "localhost", "LOCALHOST.", "::1", "[::1]"])
def test_an_address_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", [None, "", "0.0.0.0", "::", "192.168.1.7", "localhost.evil.example", "127.0.0.1.nip.io", "[", "2130706433"]
)
def test_an_address_that_others_reach(host: str | None) -> None:
    assert not is_loopback(host)


def test_on_this_machine_reading_is_open_and_writing_is_not(tmp_path: Path) -> None:
    here = door(tmp_path, "127.0.0.1")
    assert status(here, "read") == 200
    assert status(here, "update") == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", None])
def test_anywhere_else_reading_needs_a_token_too(host: str | None, tmp_path: Path) -> None:
    there = door(tmp_path, host)
    token = issue(tmp_path, "analyst", "read")
    assert status(there, "read") == 401
    assert status(there, "read", host="dlom.example") == 401
    assert status(there, "read", host="dlom.example", authorization=f"Bearer {token}") == 200
    assert status(there, "update", host="dlom.example", authorization=f"Bearer {token}") == 403


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example", "evil.example:8501", "", "[", "0.0.0.0"])
def test_a_name_that_leads_here_by_a_trick_is_refused(name: str, tmp_path: Path) -> None:
    here = door(tmp_path, "127.0.0.1")
    assert status(here, "read", host=name) == 403
    assert status(here, "read", host=name, authorization="Bearer the-app's-own") == 403


def test_pages_of_other_sites_are_refused(tmp_path: Path) -> None:
    here = door(tmp_path, "127.0.0.1")
    assert status(here, "read", origin="http://localhost:8501") == 200
    for origin in ("http://evil.example", "http://localhost:9999", "null", "http://["):
        assert status(here, "read", origin=origin) == 403


def test_each_token_has_its_right_until_it_is_revoked(tmp_path: Path) -> None:
    here = door(tmp_path, "127.0.0.1")
    reader, writer = issue(tmp_path, "r", "read"), issue(tmp_path, "w", "update")
    registrar = issue(tmp_path, "g", "register")
    for token, right, expected in (
        (reader, "read", 200), (reader, "register", 403), (reader, "update", 403),
        (registrar, "read", 200), (registrar, "register", 200), (registrar, "update", 403),
        (writer, "read", 200), (writer, "register", 200), (writer, "update", 200),
        ("the-app's-own", "update", 200), ("wrong", "read", 401), ("", "read", 401), ("é", "update", 401),
    ):  # fmt: skip
        assert status(here, right, authorization=f"Bearer {token}") == expected, (token, right)  # type: ignore[arg-type]
    assert status(here, "update", authorization=f"bearer  {writer} ") == 200  # the scheme in any case
    for other in (f"Basic {writer}", writer, f"Bearer{writer}"):
        assert status(here, "update", authorization=other) == 401
    assert status(here, "update", cookie=f"token={writer}") == 401
    revoke(tmp_path, "w")
    assert status(here, "update", authorization=f"Bearer {writer}") == 401


def test_a_damaged_file_of_tokens_lets_the_app_only_in(tmp_path: Path) -> None:
    writer = issue(tmp_path, "w", "update")
    (tmp_path / TOKENS).write_text("{")
    here = door(tmp_path, "127.0.0.1")
    assert status(here, "update", authorization=f"Bearer {writer}") == 401
    assert status(here, "update", authorization="Bearer the-app's-own") == 200


# The same through the app


def test_a_token_that_was_issued_while_the_app_runs_counts_at_once(running: Served) -> None:
    before = running.statements()
    token = issue(running.home, "ci", "update")
    key = {"Authorization": f"Bearer {token}"}
    assert running.client.post("/sparql", data=WRITE, headers=key).status_code == 204
    gone = {"update": "DROP GRAPH <urn:x>"}
    assert running.client.post("/sparql", data=gone, headers=key).status_code == 204
    revoke(running.home, "ci")
    assert running.client.post("/sparql", data=WRITE, headers=key).status_code == 401
    assert running.statements() == before


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("POST", "/sparql", b"update=DROP+ALL"),
        ("PUT", "/graphs?default", b""),
        ("POST", "/graphs?default", b""),
        ("DELETE", "/graphs?graph=https%3A%2F%2Fw3id.org%2Fdlom%2Fgraph%2Fidentities", b""),
        ("POST", "/records", b"[]"),
    ],
)
def test_nobody_writes_without_the_right(method: str, path: str, content: bytes, running: Served) -> None:
    reader = issue(running.home, f"r{abs(hash((method, path)))}", "read")
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for key, expected in (
        ({}, 401),
        ({"Authorization": f"Bearer {reader}"}, 403),
        ({"Authorization": "Bearer x"}, 401),
    ):
        answer = running.client.request(method, path, content=content, headers=kind | key)
        assert answer.status_code == expected
        assert len(answer.text.splitlines()) == 1


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/sparql"), ("PUT", "/graphs?default"), ("DELETE", "/graphs?graph=urn:x")]
)
def test_who_may_register_changes_nothing_else(method: str, path: str, running: Served) -> None:
    token = issue(running.home, f"g{method}", "register")
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Bearer {token}"}
    answer = running.client.request(method, path, content=b"update=DROP+ALL", headers=kind)
    assert answer.status_code == 403
    assert answer.text == (
        "this token may register, and not change the graph in other ways; ./dlom token NAME --update issues one "
        "that may\n"
    )
    answer = running.client.post("/records", content=b"[]", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["status"]) == (422, "refused")  # let in, and found empty


def test_no_page_of_another_site_is_told_that_it_may_read(running: Served) -> None:
    answer = running.ask("ASK {}", Origin=str(running.client.base_url).rstrip("/"))
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "set-cookie" not in answer.headers
