"""In the worker: a foreign update, tried on a copy of the store that nobody else uses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pyoxigraph as ox
from rdflib.plugins.sparql import parser as parser  # loaded now, while there is time

from ontology.namespaces import INSTANCES
from repository.aftermath import Aftermath
from repository.dotted import written_out
from repository.graph import EmbeddedGraph, GraphError
from repository.guard import RefusedQuery, read_update, with_dataset
from repository.incremental import updated
from repository.projection import project
from repository.shapes import validate
from repository.terms import prologue
from repository.touching import manages_graphs, touched_by
from repository.workers.kept import Kept

_EMPTY = project(EmbeddedGraph())  # what this imports late is loaded now, and so are the rules
validate("")


def answer(header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """The text of the update that was tried and may be run, and the things of which it changes what is said.

    A pattern is not made a second time, since it may be random: the text says what it came to. Raises RefusedQuery,
    or ValueError with the reason.
    """
    is_update = header["do"] == "update"
    text = _update(header, body.decode()) if is_update else _replacement(header, body)
    at = Path(header["snapshot"])
    copy, unchanged = EmbeddedGraph(at), at.with_name("unchanged")  # who made the copy takes both away
    try:
        graph = header.get("graph", "")
        held = b"true" in copy.query(f"ASK {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}") if graph else True
        copy.snapshot(unchanged)
        before = EmbeddedGraph(unchanged)
        kept = Kept(before)
        found = Aftermath(before, copy, frozenset(touched_by(copy, text)))
        kept.check(copy)
        found.refuse(measured_here=bool(header.get("measured_here")))
        _readable(copy, found.names)
        if is_update and not manages_graphs(text):
            text = found.as_update()
        touched = sorted(found.names)
        before.close()
    except GraphError as error:
        raise ValueError(str(error).removeprefix("the update could not be run: ")) from error  # said by who asked
    finally:
        copy.close()
    return {"held": held, "touched": touched}, text.encode()


def _readable(copy: EmbeddedGraph, touched: Collection[str]) -> None:
    """Read the rows of what was touched, or everything where that cannot be told. Raises ValueError."""
    try:
        updated(_EMPTY, copy, touched)
    except (GraphError, LookupError, TypeError, AttributeError, AssertionError, ValueError) as error:
        raise ValueError(
            f"what it leaves behind cannot be read as models ({type(error).__name__}: {error}); nothing was changed"
        ) from error


def _update(header: Mapping[str, Any], text: str) -> str:
    using = [ox.NamedNode(g).value for g in header["using"]]
    named = [ox.NamedNode(g).value for g in header["using_named"]]
    says_itself = read_update(text)
    if using or named:
        if says_itself:
            raise RefusedQuery("the update says WITH or USING, and the request names graphs too; say it once")
        text = with_dataset(text, using, named)
        read_update(text)
    whole = written_out(text)
    if whole != text:
        read_update(whole)
    head = prologue().replace("\n", " ")  # on one line: the engine's messages count lines
    return f"BASE <{INSTANCES}> {head}{whole}"


def _replacement(header: Mapping[str, Any], body: bytes) -> str:
    """A document as an update that puts it in the place of a graph (put) or adds it to one (post), or its end."""
    graph = f"GRAPH <{ox.NamedNode(header['graph']).value}>" if header["graph"] else ""
    if header["do"] == "delete":
        return f"DROP SILENT {graph or 'DEFAULT'}"
    format = ox.RdfFormat.from_media_type(header["media_type"])
    parsed = ox.parse(body, format=format, base_iri=header["graph"] or INSTANCES)
    lines = "".join(f"{quad.triple} .\n" for quad in parsed)
    data = f"INSERT DATA {{ {graph} {{\n{lines}}} }}" if graph else f"INSERT DATA {{\n{lines}}}"
    if header["do"] == "post":
        return data if not graph else f"CREATE SILENT {graph} ;\n{data}"
    return f"DROP SILENT {graph or 'DEFAULT'} ;\n" + (f"CREATE SILENT {graph} ;\n" if graph else "") + data
