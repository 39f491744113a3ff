"""What no update may take away: decisions, replacements, and what was measured or registered on this installation."""

from __future__ import annotations

import pyoxigraph as ox

from ontology.namespaces import NAMESPACE
from repository.acts import PERFORMANCE
from repository.decisions import DECISIONS
from repository.graph import EmbeddedGraph
from repository.guard import RefusedQuery
from repository.load import digests
from repository.register import MEASURED_WITH, REPLACED_BY
from repository.replacements import REPLACEMENTS
from repository.sources.rows import Room
from repository.sources.shelf import SOURCES
from repository.terms import curie_node, node, shortened
from repository.triples import RDF_TYPE

_RECORDS = (DECISIONS, REPLACEMENTS)
_ACTS = (curie_node(":Performance"), curie_node(":MeasurementRun"))
_MODELS = node("g", f"{Room.MODELS.value}-").value
_STAYING = (PERFORMANCE, REPLACED_BY, *MEASURED_WITH)
_NAMED = 3  # of the things that would change, in a message


class Kept:
    """What a graph says of its decisions and replacements, and of the acts of sources that no shipped table gives.

    New ones may come beside them. Of those that there are every statement stays where it is, and nothing is added
    in DLOM's own words, in whatever graph; a note of another vocabulary may be. Of their models the links to
    them, to the successor, and to the file, the device and the runtime that the figures are of stay, too.
    Shipped sources are not among them: they can be loaded again.
    """

    def __init__(self, graph: EmbeddedGraph) -> None:
        # What has a digest may have got it from an earlier update.
        loaded = {tables.source.name for tables in SOURCES} & digests(graph).keys()
        shipped = {f"{_MODELS}{source}" for source in loaded}
        self._own = [g for g in graph.names() if g.value.startswith(_MODELS) and g.value not in shipped]
        decided = {quad.subject for record in _RECORDS for quad in graph.quads(record)}
        acts = {q.subject for g in self._own for kind in _ACTS for q in graph.quads(g, None, RDF_TYPE, kind)}
        self._said = {thing: frozenset(graph.quads(None, thing)) for thing in decided | acts}
        self._links = self._links_of(graph)

    def _links_of(self, graph: EmbeddedGraph) -> set[ox.Quad]:
        return {quad for g in self._own for link in _STAYING for quad in graph.quads(g, None, link)}

    def check(self, after: EmbeddedGraph) -> None:
        """Compare with what an update has left. Raises RefusedQuery, with what would change and what to do."""
        changed = {quad.subject for quad in self._links - self._links_of(after)}
        for thing, before in self._said.items():
            now = frozenset(after.quads(None, thing))
            if before != now and ((before - now) & self._binding(before) or self._binding(now - before)):
                changed.add(thing)
        if changed:
            raise RefusedQuery(_refusal(changed))

    def _binding(self, quads: frozenset[ox.Quad]) -> frozenset[ox.Quad]:
        """Those that must stay, and that nobody may add: in our own words, or in a graph that is a record."""
        homes = {*_RECORDS, *self._own}
        return frozenset(
            q
            for q in quads
            if q.graph_name in homes or q.predicate == RDF_TYPE or q.predicate.value.startswith((NAMESPACE, _PROV))
        )


_PROV = "http://www.w3.org/ns/prov#"


def _refusal(changed: set[ox.NamedNode | ox.BlankNode | ox.Triple]) -> str:
    names = sorted(shortened(t.value) if isinstance(t, ox.NamedNode) else str(t) for t in changed)
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return (
        f"{', '.join(names[:_NAMED])}{more} is on record, and an update cannot change or remove it: take figures back "
        "with ./dlom withdraw, register later ones, and leave decisions as they are; nothing was changed"
    )
