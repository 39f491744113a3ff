"""The app in one process: the wizard's pages, and the SPARQL endpoint through which the command line asks it.

Only one process may open the embedded store, so while the app runs it is the one that answers.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import parse_qsl

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from flow import attend, installation, resume_builds
from ontology.settings import Settings
from repository.change import RegistrationError
from repository.graph import EmbeddedGraph, Format, GraphError
from repository.guard import LONGEST, RefusedQuery
from repository.knowledge import announce, withdraw
from repository.records_json import loads
from repository.store import store

SETTINGS = Settings.from_environment(os.environ)
TOKEN = secrets.token_urlsafe(32)
_EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]  # one left out would reach the pages
_LONGEST_RECORDS = 16 * 2**20
_ATTEND_SECONDS = 2.0
_LONGEST_BODY = 12 * LONGEST  # bytes: a character takes at most four, and three times as many in a form


async def sparql(request: Request) -> Response:
    """SPARQL 1.1 protocol, queries only, for who holds the token: the command line of the same installation."""
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), TOKEN.encode()):
        return PlainTextResponse("a bearer token is needed\n", 401, {"WWW-Authenticate": "Bearer"})
    if request.method not in ("GET", "POST"):
        return PlainTextResponse("GET or POST a query\n", 405, {"Allow": "GET, POST"})
    text = await _query(request)
    if text is None:
        return PlainTextResponse("send query=… as a parameter or a form, or application/sparql-query\n", 400)
    accepted = request.headers.get("accept", "")
    format = next((f for f in Format if f.value in accepted), Format.JSON)
    try:
        body, chosen = await run_in_threadpool(installation(SETTINGS).answer, text, format)
    except (RefusedQuery, GraphError) as error:
        return PlainTextResponse(f"{error}\n", 400)
    return Response(body, media_type=chosen.value)


async def records(request: Request) -> Response:
    """Store records, all or none, for who holds the token: what was registered, or 422 with every reason."""
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), TOKEN.encode()):
        return PlainTextResponse("a bearer token is needed\n", 401, {"WWW-Authenticate": "Bearer"})
    if request.method != "POST":
        return PlainTextResponse("POST a list of records\n", 405, {"Allow": "POST"})
    body = await _body(request, _LONGEST_RECORDS)
    if body is None:
        return PlainTextResponse(f"at most {_LONGEST_RECORDS:,} bytes at a time\n", 413)
    try:
        done = await run_in_threadpool(lambda: store(installation(SETTINGS), loads(body)))
    except RegistrationError as error:
        return JSONResponse({"reasons": list(error.reasons)}, 422)
    except (ValueError, GraphError) as error:
        return PlainTextResponse(f"{error}\n", 400)
    return JSONResponse({"new": list(done.new), "updated": list(done.updated)})


async def _body(request: Request, most: int) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():  # counted as it comes: a chunked body states no length
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


async def _query(request: Request) -> str | None:
    if request.method == "GET":
        return request.query_params.get("query")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await _body(request, _LONGEST_BODY)
    if body is None:
        return None
    text = body.decode("utf-8", errors="replace")
    if kind == "application/sparql-query":
        return text
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(text, keep_blank_values=True)).get("query")
    return None


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Read the graph before the first visitor comes, and say where the app can be asked."""
    await run_in_threadpool(lambda: installation(SETTINGS).projection)
    url = replace(SETTINGS, port=int(st.get_option("server.port"))).address
    owner = isinstance(installation(SETTINGS).graph, EmbeddedGraph)  # a second app asks the first, whose word stands
    attending = None
    if owner:
        announce(SETTINGS.home, url, TOKEN)
        attending = asyncio.create_task(_attend())
    try:
        yield
    finally:
        if attending is not None:
            attending.cancel()
            withdraw(SETTINGS.home)


async def _attend() -> None:
    """Let interrupted builds go on, and register what builds have measured, whether or not a page is open."""
    await run_in_threadpool(resume_builds, SETTINGS)
    while True:
        try:
            await run_in_threadpool(attend, SETTINGS)
        except Exception:  # a fault with one job must not end the watch over the others
            logging.getLogger("dlom").exception("registering what was built failed; trying again")
        await asyncio.sleep(_ATTEND_SECONDS)


app = st.App(
    "wizard/main.py",
    routes=[
        Route("/sparql", sparql, methods=_EVERY_METHOD),
        Route("/records", records, methods=_EVERY_METHOD),
    ],
    lifespan=lifespan,
)
