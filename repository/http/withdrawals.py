"""Taking figures back from another program: all of those named or none, and they stay on record with who and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from repository.change import RegistrationError
from repository.graph import GraphError
from repository.http.access import Door, body_of, said
from repository.http.protocol import told
from repository.records_json import once
from repository.store import take_back

_LARGEST = 2**20  # bytes
_EXAMPLE = '{"performances": ["p:local-1"], "by": "Ann", "because": "wrong board"}'
_LONGEST = {"by": 60, "because": 300}  # characters, as on the page


@dataclass(frozen=True)
class _Asked:
    performances: tuple[str, ...]
    by: str
    because: str


async def withdrawals(request: Request, door: Door) -> Response:
    """Withdraw performances of this installation, as of today: 200 with what changed, 422 with every reason why not.

    What is withdrawn already stays as it is. It needs the app's own token or one that may update.
    """
    refusal = door.refusal(request, "update")
    if refusal is not None:
        return refusal
    if request.method != "POST":
        return said(405, f"POST {_EXAMPLE}", {"Allow": "POST"})
    body = await body_of(request, _LARGEST)
    if body is None:
        return said(413, f"at most {_LARGEST:,} bytes at a time")
    try:
        asked = _asked(body)
    except ValueError as error:
        return said(400, " ".join(str(error).split()))
    try:
        return await run_in_threadpool(_withdrawn, door, asked)
    except GraphError as error:
        return told(error)


def _asked(body: bytes) -> _Asked:
    try:
        data = json.loads(body, object_pairs_hook=once)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON that can be read; send {_EXAMPLE}") from error
    if not isinstance(data, dict) or data.keys() != {"performances", "by", "because"}:
        raise ValueError(f"performances, by and because are expected, and nothing else; send {_EXAMPLE}")
    names = data["performances"]
    texts = [data["by"], data["because"], *(names if isinstance(names, list) else [None])]
    if not names or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"performances is a list of names, by and because are texts; send {_EXAMPLE}")
    for field, most in _LONGEST.items():
        if len(data[field]) > most:
            raise ValueError(f"{field} has {len(data[field]):,} characters; write at most {most}")
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        raise ValueError("the text holds half a character (a lone surrogate); write it anew") from None
    return _Asked(tuple(name.removeprefix("p:") for name in names), data["by"], data["because"])


def _withdrawn(door: Door, asked: _Asked) -> Response:
    try:
        done = take_back(
            door.knowledge(), asked.performances, by=asked.by, because=asked.because, on=date.today()
        )  # fmt: skip
    except RegistrationError as error:
        return JSONResponse({"reasons": list(error.reasons)}, 422)
    return JSONResponse({"new": list(done.new), "updated": list(done.updated)})
