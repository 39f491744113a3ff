"""The app in one process: the wizard's pages, and the SPARQL endpoint through which the command line asks it.

Only one process may open the embedded store, so while the app runs it is the one that answers.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from flow import installation
from ontology.settings import Settings
from repository.graph import Format, GraphError
from repository.guard import LONGEST, RefusedQuery
from repository.knowledge import announce, withdraw

SETTINGS = Settings.from_environment(os.environ)
TOKEN = secrets.token_urlsafe(32)
_EVERY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]  # one left out would reach the pages
_LONGEST_BODY = 4 * LONGEST  # bytes: a character takes at most four


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
        body = await run_in_threadpool(installation(SETTINGS).ask, text, format)
    except (RefusedQuery, GraphError) as error:
        return PlainTextResponse(f"{error}\n", 400)
    return Response(body, media_type=format.value)


async def _query(request: Request) -> str | None:
    if request.method == "GET":
        return request.query_params.get("query")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if int(request.headers.get("content-length") or _LONGEST_BODY) > _LONGEST_BODY:
        return None
    if kind == "application/sparql-query":
        return (await request.body()).decode("utf-8", errors="replace")
    if kind == "application/x-www-form-urlencoded":
        form = await request.form()
        text = form.get("query")
        return text if isinstance(text, str) else None
    return None


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Read the graph before the first visitor comes, and say where the app can be asked."""
    await run_in_threadpool(lambda: installation(SETTINGS).projection)
    url = replace(SETTINGS, port=int(st.get_option("server.port"))).address
    announce(SETTINGS.home, url, TOKEN)
    try:
        yield
    finally:
        withdraw(SETTINGS.home)


app = st.App("wizard/main.py", routes=[Route("/sparql", sparql, methods=_EVERY_METHOD)], lifespan=lifespan)
