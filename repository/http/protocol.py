"""The SPARQL 1.1 protocol: queries for who may read, updates for who may update, a description for who asks nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from repository.formats import GRAPHS, TABLES, Format, accepted
from repository.graph import EmbeddedGraph, GraphError
from repository.guard import LONGEST, RefusedQuery
from repository.http.access import Door, body_of, said
from repository.http.description import description
from repository.knowledge import Knowledge
from repository.mixing import Limited, mixing
from repository.mixing import said as sentences_of
from repository.remote import MIXING, ROWS, TRUNCATED, WHOLE
from repository.workers.pool import Answer, Busy, NotAcceptable, QueryStopped, QueryTimeout
from repository.writing import update

_LONGEST_BODY = 12 * LONGEST  # bytes: a character takes at most four, and three times as many in a form
_MOST_PARAMETERS = 200
_FORM, _QUERY, _UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"
_Done = TypeVar("_Done")
_CLOSED = 499  # what proxies log for a client that has gone; nobody reads it


@dataclass
class _Operation:
    """What a request asks for: the texts of queries and updates in it, and the graphs it names for each."""

    queries: list[str] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    graphs: dict[str, list[str]] = field(default_factory=dict)

    def take(self, parameters: list[tuple[str, str]]) -> None:
        """Add what stands in an address or a form."""
        for name, value in parameters:
            if name == "query":
                self.queries.append(value)
            elif name == "update":
                self.updates.append(value)
            else:
                self.graphs.setdefault(name, []).append(value)

    def named(self, parameter: str) -> list[str]:
        """The graphs under one of the protocol's four parameters."""
        return self.graphs.get(parameter, [])


class _Unusable(Exception):
    """The request cannot be understood; with the status to answer."""

    def __init__(self, status: int, sentence: str) -> None:
        self.status = status
        super().__init__(sentence)


async def sparql(request: Request, door: Door) -> Response:
    """One request to the endpoint."""
    refusal = door.refusal(request, "read")
    if refusal is not None:
        return refusal
    if request.method not in ("GET", "HEAD", "POST"):
        return said(405, "GET or POST a query, or POST an update", {"Allow": "GET, HEAD, POST"})
    try:
        asked = await _operation(request)
    except _Unusable as error:
        return said(error.status, str(error))
    if asked.updates:
        return door.refusal(request, "update") or await _update(request, door, asked)
    if not asked.queries:
        return await described(request, door)
    return await _query(request, door, asked)


async def _operation(request: Request) -> _Operation:
    asked = _Operation()
    asked.take(_parameters(request.scope.get("query_string", b"")))
    if request.method in ("GET", "HEAD"):
        if asked.updates:
            raise _Unusable(400, "an update is sent by POST, as update=… in a form or as application/sparql-update")
    else:
        await _take_body(request, asked)
    if len(asked.queries) + len(asked.updates) > 1:
        raise _Unusable(400, "send one query or one update at a time")
    return asked


async def _take_body(request: Request, asked: _Operation) -> None:
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    if kind not in (_FORM, _QUERY, _UPDATE):
        raise _Unusable(415, f"send query=… or update=… as {_FORM}, or a text as {_QUERY} or {_UPDATE}")
    charset = next((p.partition("=")[2].strip(' "') for p in rest.split(";") if "charset" in p.lower()), "utf-8")
    if charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise _Unusable(415, f"the charset {charset[:20]!r} is not read; send UTF-8")
    body = await body_of(request, _LONGEST_BODY)
    if body is None:
        raise _Unusable(413, f"at most {_LONGEST_BODY:,} bytes at a time; split the text, or PUT data to /graphs")
    if kind == _FORM:
        asked.take(_parameters(body))
        if not (asked.queries or asked.updates):
            raise _Unusable(400, "the form has neither query=… nor update=…")
        return
    try:
        (asked.queries if kind == _QUERY else asked.updates).append(body.decode())
    except UnicodeDecodeError as error:
        raise _Unusable(400, f"the text is not UTF-8 (byte {error.start:,}); send it as UTF-8") from error


def _parameters(encoded: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError as error:  # no ASCII, no UTF-8 once decoded, or too many
        raise _Unusable(400, f"the parameters cannot be read ({error}); percent-encode them as UTF-8") from error


async def _query(request: Request, door: Door, asked: _Operation) -> Response:
    accept = request.headers.get("accept", "")
    table, graph = accepted(accept, TABLES), accepted(accept, GRAPHS)
    default, named = asked.named("default-graph-uri"), asked.named("named-graph-uri")
    owner = request.state.who == "owner"
    whole = owner and request.headers.get(WHOLE) == "yes"
    knowledge, id = door.knowledge(), uuid.uuid4().hex
    checks = request.headers.get(MIXING) == "check"

    def ask() -> tuple[Answer, str]:
        found = answer()
        if not checks or found.format.is_graph:
            return found, ""
        return found, _mixes(knowledge, asked.queries[0], named=bool(default or named))

    def answer() -> Answer:
        if not isinstance(knowledge.graph, EmbeddedGraph):
            formats = table or Format.JSON, graph or Format.TURTLE
            return knowledge.answer(
                asked.queries[0], formats[0], graph_format=formats[1], default_graphs=default, named_graphs=named
            )
        return knowledge.queries.answer(
            asked.queries[0], table, graph_format=graph, id=id, default_graphs=default, named_graphs=named, whole=whole,
            owner=owner,
        )  # fmt: skip

    try:
        done = await _while_connected(request, ask, lambda: knowledge.stop(id))
    except (RefusedQuery, GraphError, ValueError) as error:
        return told(error)
    if done is None:
        return said(_CLOSED, "nobody waits for this any more")
    found, mixes = done
    headers = {ROWS: str(found.rows)} | ({TRUNCATED: found.note} if found.truncated else {})
    headers |= {MIXING: mixes} if mixes else {}
    return Response(found.body, media_type=found.format.value, headers=headers | {"Vary": "Accept"})


def _mixes(knowledge: Knowledge, text: str, *, named: bool) -> str:
    """Which columns mix metrics or data sets, as the value of a header: printable ASCII, `none` when none does."""
    if named:
        return "not checked: the request names its graphs; say FROM in the query instead"
    told = " ".join(sentences_of(mixing(text, Limited(knowledge)))) or "none"
    return "".join(c if " " <= c <= "~" else "?" for c in " ".join(told.split()))


async def _while_connected(request: Request, run: Callable[[], _Done], stop: Callable[[], object]) -> _Done | None:
    """What `run` gives, in a thread; when the client goes first, `stop` is called, and there is nothing to give."""
    running = asyncio.ensure_future(run_in_threadpool(run))
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({running, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        while not running.done():  # it may not have begun when it is first told
            stop()
            await asyncio.wait({running}, timeout=0.1)
        running.exception()
        return None
    finally:
        leaving.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _update(request: Request, door: Door, asked: _Operation) -> Response:
    using, named = asked.named("using-graph-uri"), asked.named("using-named-graph-uri")
    owner = request.state.who == "owner"
    try:
        remarks = await run_in_threadpool(
            lambda: update(door.knowledge(), asked.updates[0], using, named, measured_here=owner)
        )
    except (RefusedQuery, GraphError, ValueError) as error:
        return told(error)
    return said(200, "\n".join(remarks)) if remarks else Response(status_code=204)


async def described(request: Request, door: Door) -> Response:
    """The description of the service, in the graph format that is asked for."""
    chosen = accepted(request.headers.get("accept", ""), GRAPHS) or Format.TURTLE
    try:
        body = await run_in_threadpool(description, door.knowledge(), str(request.url.replace(query="")), chosen)
    except GraphError as error:
        return told(error)
    return Response(body, media_type=chosen.value, headers={"Vary": "Accept"})


_STATUS: Mapping[type[Exception], int] = {QueryTimeout: 504, QueryStopped: 503, NotAcceptable: 406}


def told(error: Exception) -> Response:
    """What went wrong, as an answer of one sentence."""
    sentence = " ".join(str(error).split())
    if isinstance(error, Busy):
        return said(503, sentence, {"Retry-After": str(error.retry_after_s)})
    return said(next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400), sentence)
