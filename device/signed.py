"""A measurement that left its device as a file: signed by the package that took it, checked by who made the package.

The signature is HMAC-SHA256 (RFC 2104) over canonical JSON. It shows that the text is, to the digit, what a program
with this package's key wrote. It does not show that the package measured honestly: who holds a package holds its key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from device.measured import Measured

MARK = "dlom_result"  # the name by which a result is known, with the version of its form
VERSION = 1
LARGEST_BYTES = 1 << 20
SECRET_BYTES = 32


class SignatureError(ValueError):
    """A result cannot be trusted to be what its package wrote; the message says why, and what to do."""


@dataclass(frozen=True)
class Key:
    """What one package signs with: `id` names the package, `made` is its day (ISO 8601), `secret` 32 bytes in hex."""

    id: str
    made: str
    secret: str

    def to_json(self) -> str:
        """With the secret."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Key:
        """What `to_json` wrote. Raises ValueError for anything else."""
        try:
            said: dict[str, Any] = json.loads(text)
            key = cls(id=str(said["id"]), made=str(said["made"]), secret=str(said["secret"]))
            date.fromisoformat(key.made)
            size = len(bytes.fromhex(key.secret))
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a key: {error}") from error
        if size != SECRET_BYTES:
            raise ValueError(f"not a key: its secret has {size} bytes, not {SECRET_BYTES}")
        return key


@dataclass(frozen=True)
class SignedResult:
    """A measurement whose signature holds, and the package that signed it."""

    measured: Measured
    package: str
    package_made: str


def new_key(made: date) -> Key:
    """A fresh key for one package."""
    return Key(secrets.token_hex(6), made.isoformat(), secrets.token_hex(SECRET_BYTES))


def sign(measured: Measured, key: Key) -> str:
    """The result as text, to be kept in a file."""
    body = {
        MARK: VERSION,
        "package": {"id": key.id, "made": key.made},
        "measured": json.loads(measured.to_json()),
    }
    return json.dumps(body | {"signature": _signature(body, key)}, indent=1, allow_nan=False) + "\n"


def is_result(text: bytes) -> bool:
    """Whether a file says of itself that it is a package's result; nothing is checked."""
    try:
        said = json.loads(text) if len(text) <= LARGEST_BYTES and MARK.encode() in text else None
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and MARK in said


def verify(text: bytes, keys: Mapping[str, Key], today: date) -> SignedResult:
    """The result, when a package whose key is among `keys` (by id) signed it as it stands.

    Raises SignatureError for one that was altered, that another package signed, or whose day cannot be.
    """
    body = _body(text)
    signature, package = body.pop("signature", None), body.get("package")
    if not isinstance(signature, str) or not isinstance(package, dict) or not isinstance(package.get("id"), str):
        raise SignatureError("the result lacks its signature or its package; take the file as the package wrote it")
    told = package["id"][:40]
    if told not in keys:
        known = ", ".join(sorted(keys)) or "none yet"
        raise SignatureError(
            f"the result is of package {told!r}, which was not made here (made here: {known}); register it where the "
            "package was made, or make one with ./dlom device-package and measure again"
        )
    key = keys[told]
    if not hmac.compare_digest(_signature(body, key).encode(), signature.encode(errors="replace")):
        other = next((k.id for k in keys.values() if _signature(body, k) == signature), None)
        if other is not None:
            raise SignatureError(f"the result says that it is of package {told}, but {other} signed it; measure again")
        raise SignatureError(
            f"the result was altered after package {told} of {key.made} signed it, or the package signed it with "
            "another key; take the file as the package wrote it, or measure again"
        )
    try:
        measured = Measured.from_json(json.dumps(body["measured"]))
        day = date.fromisoformat(measured.measured_at[:10])
    except (KeyError, ValueError) as error:
        raise SignatureError(f"the result was signed, but cannot be read here ({error}); make a new package") from error
    if not date.fromisoformat(key.made).toordinal() - 1 <= day.toordinal() <= today.toordinal() + 1:
        raise SignatureError(
            f"the result says it was measured on {day}, with a package of {key.made}, and today is {today}; set the "
            "device's clock and measure again"
        )
    return SignedResult(measured, key.id, key.made)


def _body(text: bytes) -> dict[str, Any]:
    if len(text) > LARGEST_BYTES:
        raise SignatureError(f"the file has {len(text):,} bytes; a result has at most {LARGEST_BYTES:,}")
    try:
        body = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise SignatureError(f"the file is no JSON ({error}); take it as the package wrote it") from error
    if not isinstance(body, dict) or MARK not in body:
        raise SignatureError("the file is no result of a device package")
    if body[MARK] != VERSION:
        raise SignatureError(f"the result has the form {str(body[MARK])[:20]}, known is {VERSION}; update DLOM")
    return body


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _signature(body: Mapping[str, Any], key: Key) -> str:
    try:
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    except RecursionError as error:
        raise SignatureError("the file nests too deeply; take it as the package wrote it") from error
    return hmac.new(bytes.fromhex(key.secret), canonical.encode("ascii"), hashlib.sha256).hexdigest()
