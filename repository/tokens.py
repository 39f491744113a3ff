"""Tokens for programs that ask or write over HTTP: shown once, kept as a SHA-256, taken back at any time."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Literal, get_args

TOKENS = "tokens.json"
Right = Literal["read", "register", "update"]
"""Each may do what those before it may. `register` adds records; `update` also changes graphs as a whole."""
_BEFORE: Mapping[str, Right] = {"write": "update"}  # what an older version kept
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_START = "dlom_"  # so that a token is known as one where it was left by mistake


class TokenError(ValueError):
    """A token could not be issued, listed or taken back; the message says why and what to do."""


@dataclass(frozen=True)
class Token:
    """What is kept of a token: never the token itself."""

    name: str
    right: Right
    sha256: str
    issued: str  # the day, as 2026-11-20


def issue(home: Path, name: str, right: Right) -> str:
    """A new token, which is shown this once. Raises TokenError for a name that is taken or cannot be one."""
    if not _NAME.fullmatch(name):
        raise TokenError(f"{name[:80]!r} is no name for a token; write letters, digits, dots and dashes, such as ci")
    if right not in get_args(Right):
        raise TokenError(f"{right!r} is no right; write read, register or update")
    text = _START + secrets.token_urlsafe(32)
    with _changing(home) as kept:
        if name in kept:
            raise TokenError(f"there is a token {name} already; revoke it first, or choose another name")
        kept[name] = Token(name, right, _digest(text), date.today().isoformat())
    return text


def tokens(home: Path) -> list[Token]:
    """What was issued and not revoked, by name. Raises TokenError when the file cannot be read."""
    return sorted(_read(home).values(), key=lambda token: token.name)


def revoke(home: Path, name: str) -> None:
    """Take a token back: the next request with it is refused. Raises TokenError when there is none of that name."""
    with _changing(home) as kept:
        if kept.pop(name, None) is None:
            raise TokenError(f"there is no token {name[:80]!r}; there are: {', '.join(sorted(kept)) or 'none'}")


def verify(home: Path, text: str) -> Token | None:
    """The token that this text is, None for any other text; every kept one is compared, in constant time."""
    digest, found = _digest(text), None
    for token in _read(home).values():
        if hmac.compare_digest(token.sha256, digest):
            found = token
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", errors="surrogateescape")).hexdigest()


def _read(home: Path) -> dict[str, Token]:
    try:
        kept = json.loads((home / TOKENS).read_text(encoding="utf-8"))
        return {said["name"]: _token(said) for said in kept["tokens"]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TokenError(
            f"{TOKENS} in DLOM_HOME cannot be read ({error}); move it away and issue the tokens anew"
        ) from error


def _token(said: Mapping[str, str]) -> Token:
    right = _BEFORE.get(said["right"], said["right"])
    if right not in get_args(Right):
        raise ValueError(f"{right!r} is no right")
    return Token(**{**said, "right": right})  # type: ignore[arg-type]


@contextmanager
def _changing(home: Path) -> Iterator[dict[str, Token]]:
    """The tokens, to be changed by one process at a time; a kill leaves the old file or the new one."""
    home.mkdir(parents=True, exist_ok=True)
    lock = os.open(home / f"{TOKENS}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = _read(home)
        yield kept
        _replace(home / TOKENS, {"tokens": [asdict(token) for token in kept.values()]})
    finally:
        os.close(lock)


def _replace(file: Path, content: Mapping[str, object]) -> None:
    handle, unfinished = tempfile.mkstemp(prefix=".unfinished-", dir=file.parent)  # for its owner only, from the start
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(unfinished, file)  # noqa: PTH105 - the same in one step
    finally:
        Path(unfinished).unlink(missing_ok=True)
