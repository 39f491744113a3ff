"""Records as quads: one generic writer for every record of `ontology/records.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache

import pyoxigraph as ox

from ontology.namespaces import NAMESPACE
from ontology.records import Record, camel
from repository.terms import curie_node, literal, node

RDF_TYPE = curie_node("rdf:type")
NONE_OF_THEM = "none"
"""A list known to be empty is stated as the concept `none`, so that it is not taken for one that is not known."""


def quads(record: Record, graph: ox.NamedNode, *, typed: bool = True) -> Iterator[ox.Quad]:
    """Everything that a record says, in one graph. Fields that are None say nothing.

    With `typed=False` the class is left out: things that several sources describe get it once, where their
    identity is kept, because a triple that stands in two graphs counts twice in a union.
    """
    subject = node(record.prefix, record.name)
    kind, stated = _stated(type(record))  # type: ignore[arg-type]  # mypy takes the class for one of its records
    if typed:
        yield ox.Quad(subject, RDF_TYPE, kind, graph)
    for name, predicate, prefix in stated:
        value = getattr(record, name)
        if value is None:
            continue
        several = value if isinstance(value, tuple) else (value,)
        if prefix and value == ():
            several = (NONE_OF_THEM,)
        for one in several:
            yield ox.Quad(subject, predicate, node(prefix, one) if prefix else literal(one), graph)


@cache
def _stated(kind: type[Record]) -> tuple[ox.NamedNode, list[tuple[str, ox.NamedNode, str | None]]]:
    """The class of a record, and for each field its name, its property, and the prefix of the names that it holds."""
    found = [
        (
            f.name,
            curie_node(f.metadata.get("property") or f":{camel(f.name)}"),
            f.metadata.get("prefix"),
        )
        for f in fields(kind)
        if f.name != "name"
    ]
    return ox.NamedNode(NAMESPACE + kind.__name__), found
