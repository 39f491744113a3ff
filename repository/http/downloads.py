"""The whole graph as one wide table, for those who work with tables."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from repository.graph import GraphError
from repository.http.access import Door, said
from repository.http.protocol import told
from repository.projection import Projection


def _csv(projection: Projection) -> bytes:
    from repository.export import as_csv

    return as_csv(projection)


def _parquet(projection: Projection) -> bytes:
    from repository.export import as_parquet

    return as_parquet(projection)


def _dictionary(projection: Projection) -> bytes:
    from repository.export import dictionary

    return bytes(dictionary(projection).to_csv(index=False).encode())


FILES: Mapping[str, tuple[str, Callable[[Projection], bytes]]] = {
    "table.csv": ("text/csv", _csv),
    "table.parquet": ("application/vnd.apache.parquet", _parquet),
    "dictionary.csv": ("text/csv", _dictionary),
}


class Download:
    """One of the files, made once for each state of the graph."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kind, self._make = FILES[name]
        self._lock = threading.Lock()
        self._made: tuple[Projection, bytes] | None = None

    async def give(self, request: Request, door: Door) -> Response:
        """The file."""
        refusal = door.refusal(request, "read")
        if refusal is not None:
            return refusal
        if request.method not in ("GET", "HEAD"):
            return said(405, "GET this file", {"Allow": "GET, HEAD"})
        try:
            body = await run_in_threadpool(self._content, door)
        except GraphError as error:
            return told(error)
        name = f'attachment; filename="dlom-{self._name}"'
        return Response(body, media_type=self._kind, headers={"Content-Disposition": name})

    def _content(self, door: Door) -> bytes:
        projection = door.knowledge().projection
        with self._lock:
            if self._made is None or self._made[0] is not projection:
                self._made = (projection, self._make(projection))
            return self._made[1]
