"""Records as quads: one generic writer for every record of `ontology/records.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

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
    if typed:
        yield ox.Quad(subject, RDF_TYPE, ox.NamedNode(NAMESPACE + type(record).__name__), graph)
    for f in fields(record):
        value = getattr(record, f.name)
        if f.name == "name" or value is None:
            continue
        stated = f.metadata.get("property")
        predicate = curie_node(stated) if stated else ox.NamedNode(NAMESPACE + camel(f.name))
        prefix = f.metadata.get("prefix")
        several = value if isinstance(value, tuple) else (value,)
        if prefix and value == ():
            several = (NONE_OF_THEM,)
        for one in several:
            yield ox.Quad(subject, predicate, node(prefix, one) if prefix else literal(one), graph)
