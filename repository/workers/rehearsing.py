"""In the worker: a foreign update, tried on a copy of the store that nobody else uses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyoxigraph as ox
from rdflib.plugins.sparql import parser as parser  # loaded now, while there is time

from ontology.namespaces import INSTANCES
from repository.dotted import written_out
from repository.graph import EmbeddedGraph, GraphError
from repository.guard import RefusedQuery, read_update, with_dataset
from repository.projection import project
from repository.terms import prologue
from repository.workers.kept import Kept

project(EmbeddedGraph())  # what this imports late is loaded now


def answer(header: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """The text of the update that was tried and may be run. Raises RefusedQuery, or ValueError with the reason."""
    text = _update(header, body.decode()) if header["do"] == "update" else _replacement(header, body)
    copy = EmbeddedGraph(Path(header["snapshot"]))
    try:
        graph = header.get("graph", "")
        held = b"true" in copy.query(f"ASK {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}") if graph else True
        before = Kept(copy)
        copy.update(text)
        before.check(copy)
        _readable(copy)
    except GraphError as error:
        raise ValueError(str(error).removeprefix("the update could not be run: ")) from error  # said by who asked
    finally:
        copy.close()
    return {"held": held}, text.encode()


def _readable(copy: EmbeddedGraph) -> None:
    try:
        project(copy)
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
