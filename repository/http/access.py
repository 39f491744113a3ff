"""Who may ask and who may write over HTTP.

On an address of this machine only (the default), reading needs no token: but then only requests for this machine by
name are served, because a page of another site could otherwise have a name of its own lead here (DNS rebinding). On
any other address reading needs a token, too. Writing always does: one that may register, or one that may update.
Tokens come as bearer tokens (RFC 6750), never as
cookies, and no other site's pages are let in.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from repository.knowledge import Knowledge
from repository.tokens import Right, TokenError, verify

Who = Literal["owner"] | Right
_RIGHTS: tuple[Right, ...] = get_args(Right)  # each with those before it
_MORE: Mapping[Right, str] = {
    "register": "this token may only read; ./dlom token NAME issues one that may register",
    "update": "this token may {has}, and not change the graph in other ways; ./dlom token NAME --update issues one "
    "that may",
}


@dataclass(frozen=True)
class Door:
    """What the routes know of the installation: its graph, its folders, and who is let in.

    `token` is the app's own, for the command line of the same installation; `host` is the address that it serves.
    """

    knowledge: Callable[[], Knowledge]
    home: Path
    facts: Path
    host: Callable[[], str | None]
    token: str = field(repr=False)

    def refusal(self, request: Request, right: Right) -> Response | None:
        """Why this request is not served, as the answer to give; None when it may go on. Sets `request.state.who`."""
        here = is_loopback(self.host())
        if here and not is_loopback(_name(f"//{request.headers.get('host', '')}")):
            return said(403, "this address is served under localhost and 127.0.0.1 only; write one of them")
        origin = request.headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != request.headers.get("host", "").lower():
            return said(403, "pages of other sites are not served; ask from a program, or from the console here")
        request.state.who = who = self._who(request)
        if who is None and (here and right == "read") and "authorization" not in request.headers:
            request.state.who = who = "read"
        if who is None:
            what = "a bearer token is needed" if "authorization" not in request.headers else "this token is not known"
            return said(401, f"{what}; ./dlom token issues one", {"WWW-Authenticate": "Bearer"})
        if who != "owner" and _RIGHTS.index(who) < _RIGHTS.index(right):
            return said(403, _MORE[right].format(has=who))
        return None

    def _who(self, request: Request) -> Who | None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        given = given.strip()
        if scheme.lower() != "bearer" or not given:
            return None
        if hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.token.encode()):
            return "owner"
        try:
            found = verify(self.home, given)
        except TokenError:  # a damaged file lets nobody in
            return None
        return found.right if found else None


def is_loopback(host: str | None) -> bool:
    """Whether an address or name can mean this machine only. None and 0.0.0.0, every address, cannot."""
    if not host:
        return False
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # brackets without an address
        return None


def said(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """A plain answer of one sentence."""
    return PlainTextResponse(f"{sentence}\n", status, headers)


async def body_of(request: Request, most: int) -> bytes | None:
    """The body of a request, None when it is longer than `most` bytes: it is counted as it comes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)
