"""A graph of a few records, made for one test: `knowledge(Model(...), Device(...))`."""

from __future__ import annotations

import flow
from ontology.records import Grade, Model, Performance, Record
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.load import concept_quads
from repository.sources.names import Concept
from repository.terms import node
from repository.triples import quads


def knowledge(*records: Record | Concept) -> Knowledge:
    """A graph in memory that holds just these, and the ontology."""
    graph, here = EmbeddedGraph(), node("g", "models-test")
    graph.load_turtle(flow.WORDS.read_bytes(), node("g", "ontology"))
    graph.replace(here, [q for r in records for q in (concept_quads(r) if isinstance(r, Concept) else quads(r, here))])
    return Knowledge(graph)


def measured(name: str, **figures: float | str | None) -> Performance:
    """A current performance, published by the source `bench`."""
    return Performance(name=f"{name}-run", evidence=Grade.PUBLISHED, source="bench", current=True, **figures)  # type: ignore[arg-type]


def model(name: str, **fields: object) -> Model:
    """A model of the source `bench` that has the performance `NAME-run`."""
    return Model(name=name, source="bench", performance=(f"{name}-run",), **fields)  # type: ignore[arg-type]
