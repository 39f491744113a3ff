"""The SPARQL 1.1 Graph Store protocol: one graph at a time, read by who may read, changed by who may update."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pyoxigraph as ox
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from repository.formats import GRAPHS, Format, accepted
from repository.graph import GraphError
from repository.guard import RefusedQuery
from repository.http.access import Door, body_of, said
from repository.http.protocol import told
from repository.writing import add_to_graph, delete_graph, put_graph

LARGEST = 16 * 2**20  # bytes of a document
_METHODS = "GET, HEAD, PUT, POST, DELETE"


async def graphs(request: Request, door: Door) -> Response:
    """One request about the graph that the address names, as ?graph=IRI or ?default (the one without a name)."""
    reads = request.method in ("GET", "HEAD")
    refusal = door.refusal(request, "read" if reads or request.method not in _METHODS.split(", ") else "update")
    if refusal is not None:
        return refusal
    if request.method not in _METHODS.split(", "):
        return said(405, "GET, PUT, POST or DELETE a graph", {"Allow": _METHODS})
    iri = _graph(request)
    if iri is None:
        return said(400, "name one graph by its whole IRI, as ?graph=https%3A…, or say ?default")
    try:
        if reads:
            return await _read(request, door, iri)
        if request.method == "DELETE":
            held = await run_in_threadpool(delete_graph, door.knowledge(), iri)
            return Response(status_code=204) if held else said(404, f"there is no graph {iri}")
        return await _write(request, door, iri)
    except (RefusedQuery, GraphError, ValueError) as error:
        return told(error)


def _graph(request: Request) -> str | None:
    """The IRI that is named; empty for the graph without a name; None when it is neither or both."""
    try:
        query = request.scope.get("query_string", b"").decode("ascii")
        given = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=10)
        named = [value for name, value in given if name == "graph"]
        default = [value for name, value in given if name == "default"]
        if len(named) + len(default) != 1 or (named and ":" not in named[0]):
            return None
        return ox.NamedNode(named[0]).value if named else ""
    except ValueError:
        return None


async def _read(request: Request, door: Door, iri: str) -> Response:
    chosen = accepted(request.headers.get("accept", ""), GRAPHS)
    if chosen is None:
        return said(406, f"a graph comes as {', '.join(GRAPHS)}")
    body = await run_in_threadpool(lambda: door.knowledge().queries.whole_graph(iri, chosen))
    if body is None:
        return said(404, f"there is no graph {iri}")
    return Response(body, media_type=chosen.value, headers={"Vary": "Accept"})


async def _write(request: Request, door: Door, iri: str) -> Response:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in GRAPHS:
        return said(415, f"a graph is sent as {', '.join(GRAPHS)}")
    body = await body_of(request, LARGEST)
    if body is None:
        return said(413, f"at most {LARGEST:,} bytes at a time; POST the rest afterwards")
    write = put_graph if request.method == "PUT" else add_to_graph
    owner = request.state.who == "owner"
    held = await run_in_threadpool(
        lambda: write(door.knowledge(), iri, body, Format(kind), measured_here=owner)
    )  # fmt: skip
    return Response(status_code=204 if held else 201)
