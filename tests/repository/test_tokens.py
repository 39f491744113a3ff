"""Tokens: shown once, kept as a digest, for one right, until they are revoked."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import pytest

from repository.tokens import TOKENS, TokenError, issue, revoke, tokens, verify


def test_a_token_is_known_until_it_is_revoked(tmp_path: Path) -> None:
    text = issue(tmp_path, "ci", "update")
    found = verify(tmp_path, text)
    assert found is not None
    assert (found.name, found.right) == ("ci", "update")
    assert verify(tmp_path, text + "x") is None
    assert verify(tmp_path, "") is None
    revoke(tmp_path, "ci")
    assert verify(tmp_path, text) is None
    assert tokens(tmp_path) == []


def test_only_its_digest_is_kept_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    text = issue(tmp_path, "ci", "read")
    file = tmp_path / TOKENS
    assert file.stat().st_mode & 0o777 == 0o600
    assert text not in file.read_text()
    [kept] = json.loads(file.read_text())["tokens"]
    assert kept["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert len(text) > 40  # 256 bits of chance


def test_two_tokens_are_told_apart_by_name(tmp_path: Path) -> None:
    first, second = issue(tmp_path, "b", "read"), issue(tmp_path, "a", "update")
    assert [(t.name, t.right) for t in tokens(tmp_path)] == [("a", "update"), ("b", "read")]
    revoke(tmp_path, "b")
    assert verify(tmp_path, first) is None
    assert verify(tmp_path, second) is not None


@pytest.mark.parametrize("name", ["", " ", "a b", "../x", "-x", "x" * 64, "ä"])
def test_a_name_is_short_and_plain(name: str, tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="is no name for a token"):
        issue(tmp_path, name, "read")
    assert not (tmp_path / TOKENS).exists()


def test_a_name_is_given_once(tmp_path: Path) -> None:
    first = issue(tmp_path, "ci", "read")
    with pytest.raises(TokenError, match="there is a token ci already; revoke it first"):
        issue(tmp_path, "ci", "update")
    assert verify(tmp_path, first) is not None


@pytest.mark.parametrize("right", ["admin", "write", ""])
def test_a_right_is_one_of_three(right: str, tmp_path: Path) -> None:
    with pytest.raises(TokenError, match=f"'{right}' is no right; write read, register or update"):
        issue(tmp_path, "ci", right)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kept", "now"), [("write", "update"), ("read", "read"), ("register", "register")])
def test_a_token_that_could_write_before_may_update_now(kept: str, now: str, tmp_path: Path) -> None:
    text = issue(tmp_path, "old", "update")
    file = tmp_path / TOKENS
    file.write_text(file.read_text().replace('"update"', f'"{kept}"'))
    found = verify(tmp_path, text)
    assert found is not None
    assert found.right == now


def test_a_right_that_nobody_knows_lets_nobody_in(tmp_path: Path) -> None:
    text = issue(tmp_path, "odd", "update")
    file = tmp_path / TOKENS
    file.write_text(file.read_text().replace('"update"', '"everything"'))
    with pytest.raises(TokenError, match=r"tokens\.json in DLOM_HOME cannot be read"):
        verify(tmp_path, text)


def test_what_was_never_issued_cannot_be_revoked(tmp_path: Path) -> None:
    issue(tmp_path, "ci", "read")
    with pytest.raises(TokenError, match="there is no token 'cj'; there are: ci"):
        revoke(tmp_path, "cj")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tokens": [{"name": "x"}]}', '{"tokens": 3}'])
def test_a_damaged_file_lets_nobody_in_and_is_not_overwritten(content: str, tmp_path: Path) -> None:
    (tmp_path / TOKENS).write_text(content)
    for act in (lambda: verify(tmp_path, "x"), lambda: issue(tmp_path, "ci", "read"), lambda: tokens(tmp_path)):
        with pytest.raises(TokenError, match=r"tokens\.json in DLOM_HOME cannot be read"):
            act()
    assert (tmp_path / TOKENS).read_text() == content


def test_two_who_issue_at_once_lose_nothing(tmp_path: Path) -> None:
    texts: dict[str, str] = {}

    def several(who: str) -> None:
        for i in range(10):
            texts[f"{who}{i}"] = issue(tmp_path, f"{who}{i}", "read")

    threads = [threading.Thread(target=several, args=[who]) for who in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens(tmp_path)) == 20
    assert all(verify(tmp_path, text) is not None for text in texts.values())
    assert not list(tmp_path.glob(".unfinished-*"))
