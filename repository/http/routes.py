"""The addresses that programs ask, in the process that holds the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from repository.http.access import Door
from repository.http.downloads import FILES, Download
from repository.http.graphs import graphs
from repository.http.netron import ROOT, netron
from repository.http.protocol import sparql
from repository.http.records import records
from repository.http.withdrawals import withdrawals

Handler = Callable[[Request, Door], Awaitable[Response]]


@dataclass(frozen=True)
class _Every:
    """A handler of every method, made-up ones too: what a route leaves out would reach the pages."""

    handle: Handler
    door: Door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self.handle(Request(scope, receive, send), self.door)
        await answer(scope, receive, send)


def routes(door: Door) -> list[Route]:
    """The endpoint, the graphs, registration, the tables and the pictures of files."""
    handlers: dict[str, Handler] = {
        "/sparql": sparql,
        "/sparql/": sparql,
        "/graphs": graphs,
        "/records": records,
        "/withdraw": withdrawals,
        f"{ROOT}{{path:path}}": netron,
        **{f"/{name}": Download(name).give for name in FILES},
    }
    return [Route(path, _Every(handle, door)) for path, handle in handlers.items()]
