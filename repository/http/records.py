"""Registration from another program: records, a table or a graph, all or nothing, and one answer to it."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from repository.change import RegistrationError
from repository.graph import GraphError
from repository.http.access import Door, body_of, said
from repository.http.protocol import told
from repository.incoming import JSON, LARGEST, MEDIA_TYPES, incoming
from repository.records_json import loads
from repository.store import store

_YES = frozenset({"", "1", "yes", "true", "on"})


async def records(request: Request, door: Door) -> Response:
    """Store what is sent: 201 with new things, 200 when all was known or it is a trial, 422 with every reason."""
    refusal = door.refusal(request, "write")
    if refusal is not None:
        return refusal
    if request.method != "POST":
        return said(405, f"POST one of {', '.join(MEDIA_TYPES)}", {"Allow": "POST"})
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        return said(415, f"{kind[:80] or 'no media type'} is not read; send one of {', '.join(MEDIA_TYPES)}")
    body = await body_of(request, LARGEST)
    if body is None:
        return said(413, f"at most {LARGEST:,} bytes at a time")
    try:
        if request.state.who == "owner" and _is_on(request, "checked"):
            return await run_in_threadpool(_stored, door, body)
        return await run_in_threadpool(_taken, request, door, body, kind)
    except GraphError as error:
        return told(error)


def _stored(door: Door, body: bytes) -> Response:
    """What the command line of this installation sends: it has told its user of what looks wrong already."""
    try:
        done = store(door.knowledge(), loads(body))
    except RegistrationError as error:
        return JSONResponse({"reasons": list(error.reasons)}, 422)
    except ValueError as error:
        return said(400, " ".join(str(error).split()))
    return JSONResponse({"new": list(done.new), "updated": list(done.updated)})


def _taken(request: Request, door: Door, body: bytes, kind: str) -> Response:
    outcome = incoming(
        body,
        kind,
        door.knowledge(),
        door.facts,
        allow_new=_is_on(request, "allow-new"),
        good=_is_on(request, "good"),
        purpose=request.query_params.get("purpose") or None,
        dry_run=_is_on(request, "dry-run"),
    )
    status = 422 if outcome.refused else 201 if outcome.new and not outcome.dry_run else 200
    return JSONResponse(outcome.to_json(), status)


def _is_on(request: Request, name: str) -> bool:
    """Whether a switch is given, as ?dry-run or ?dry-run=true."""
    return name in request.query_params and request.query_params[name].lower() in _YES
