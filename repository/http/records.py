"""Registration from another program: records, a table or a graph, all or nothing, and one answer to it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from repository.change import RegistrationError
from repository.graph import GraphError
from repository.http.access import Door, body_of, said
from repository.http.protocol import told
from repository.incoming import JSON, LARGEST, MEDIA_TYPES, incoming
from repository.records_json import loads
from repository.store import store

_SWITCH: Mapping[str, bool] = {"yes": True, "true": True, "on": True, "1": True, "": True} | {
    "no": False, "false": False, "off": False, "0": False,
}  # fmt: skip
_SWITCHES: Mapping[str, str] = {
    "allow-new": "allow_new", "dry-run": "dry_run", "good": "good", "sure": "sure", "checked": "checked",
}  # fmt: skip
_PAIRS: Mapping[str, str] = {"map": "chosen", "meaning": "meant"}
_KNOWN = ("allow-new", "dry-run", "good", "map", "meaning", "purpose", "sure")  # `checked` is for the command line only


async def records(request: Request, door: Door) -> Response:
    """Store what is sent: 201 with new things, 200 when all was known or it is a trial, 422 with every reason.

    The parameters are the options of `./dlom register`; one that is not known is refused, since a slip in `dry-run`
    would store what was to be tried.
    """
    refusal = door.refusal(request, "register")
    if refusal is not None:
        return refusal
    if request.method != "POST":
        return said(405, f"POST one of {', '.join(MEDIA_TYPES)}", {"Allow": "POST"})
    try:
        options = _options(request.query_params)
    except ValueError as error:
        return said(400, " ".join(str(error).split()))
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        return said(415, f"{kind[:80] or 'no media type'} is not read; send one of {', '.join(MEDIA_TYPES)}")
    body = await body_of(request, LARGEST)
    if body is None:
        return said(413, f"at most {LARGEST:,} bytes at a time")
    owner = request.state.who == "owner"
    try:
        if options.pop("checked", False) and owner:
            return await run_in_threadpool(_stored, door, body)
        return await run_in_threadpool(_taken, door, body, kind, options | {"measured_here": owner})
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
    return JSONResponse(asdict(done))


def _taken(door: Door, body: bytes, kind: str, options: Mapping[str, Any]) -> Response:
    outcome = incoming(body, kind, door.knowledge(), door.facts, **options)
    status = 422 if outcome.refused else 201 if outcome.new and not outcome.dry_run else 200
    return JSONResponse(outcome.to_json(), status)


def _options(given: QueryParams) -> dict[str, Any]:
    """The options of `incoming` that an address names. Raises ValueError for one that cannot be used."""
    found: dict[str, Any] = {}
    for name in given:
        values = given.getlist(name)
        if name in _PAIRS:
            found[_PAIRS[name]] = dict(_pair(name, value) for value in values)
            continue
        if name not in _SWITCHES and name != "purpose":
            raise ValueError(f"{name[:80]!r} is no parameter here; {_near(name)}")
        if len(values) > 1:
            raise ValueError(f"{name} is given twice")
        if name == "purpose":
            found["purpose"] = values[0] or None
        elif values[0].lower() in _SWITCH:
            found[_SWITCHES[name]] = _SWITCH[values[0].lower()]
        else:
            raise ValueError(f"{name}={values[0][:80]}: write {name}=yes or {name}=no")
    return found


def _pair(name: str, value: str) -> tuple[str, str]:
    """`their column=inference_latency_ms` → the two; the last sign of equality parts them, as on the command line."""
    left, sign, right = value.rpartition("=")
    if not sign or not left.strip():
        raise ValueError(f"{name}={value[:80]}: write it as {name}=theirs=ours")
    return left.strip(), right.strip()


def _near(name: str) -> str:
    near = difflib.get_close_matches(name.lower().replace("_", "-"), _KNOWN, n=1, cutoff=0.8)
    return f"write {near[0]}" if near else f"there are: {', '.join(_KNOWN)}"
