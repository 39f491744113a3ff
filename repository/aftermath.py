"""What an update would leave behind, held to what registration is held to: rules, links, and who may claim what.

Only the things are looked at of which something is said differently, and those whose rules look at them (a model's, at
its performances). Whatever else is in the graph stands as it stood, however large it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import pyoxigraph as ox

from ontology.namespaces import NAMESPACE, PREFIXES
from ontology.records import Grade
from repository.acts import PERFORMANCE, REGISTERED_AT, claimed_words, latest_day, to_come_words
from repository.change import as_update, broken_of, is_thing, leads_nowhere
from repository.decisions import DECISIONS
from repository.graph import EmbeddedGraph
from repository.guard import RefusedQuery
from repository.records_rdf import CLASSES, UNNAMED
from repository.register import REPLACED_BY, owned_words, replaced_words
from repository.replacements import REPLACEMENTS
from repository.terms import curie_node, literal, shortened
from repository.touching import Thing
from repository.triples import RDF_TYPE
from repository.votes import VOTES

MOST = 5_000  # things that are checked at once: ten to twenty seconds
_TOLD = 20  # reasons
_VOCABULARIES = tuple(iri for prefix, iri in PREFIXES.items() if prefix)
# What was said or decided of a thing may outlive it.
_RECORDS = frozenset({DECISIONS, REPLACEMENTS, VOTES})
_EVIDENCE, _MODEL = curie_node(":evidence"), curie_node(":model")
_DATE = curie_node("xsd:date")
_DAYS = frozenset({curie_node("prov:generatedAtTime"), REGISTERED_AT})  # as of which an act counts
_MEASURED = literal(Grade.MEASURED)


@dataclass(frozen=True)
class Aftermath:
    """A store before and after an update that touched nothing but some things."""

    before: EmbeddedGraph
    after: EmbeddedGraph
    touched: frozenset[Thing]
    _typed: dict[tuple[int, Thing], bool] = field(default_factory=dict)

    @cached_property
    def names(self) -> frozenset[str]:
        """The things of which something is said differently, and the models that lost or got a vote, as short names.

        Statements in words of others are left out: nothing here reads them.
        """
        rated = {q.object for t in self._changed if not self._said[t] for q in self.before.quads(None, t, _MODEL)} | {
            q.object for q in self._removed | self._added if q.predicate == _MODEL
        }
        return frozenset(_short(t) for t in self._changed | rated)

    def as_update(self) -> str:
        """The update that changes exactly this. Raises RefusedQuery for what no update can say."""
        left = {q for t in self.touched if not self._said[t] for q in self.before.quads(None, t)}
        for term in {t for q in left | self._removed | self._added for t in (q.subject, q.object)}:
            if isinstance(term, ox.BlankNode) and (
                self.before.quads(None, term) or self.before.quads(None, None, None, term)
            ):
                raise RefusedQuery(
                    "it changes what is said of a thing without a name (a blank node), which no update can name; PUT "
                    "its graph anew at /graphs, or DROP it"
                )
        graphs, now = set(self.before.names()), set(self.after.names())
        steps = [as_update(left | self._removed, self._added)]
        steps += [f"DROP SILENT GRAPH {name}" for name in graphs - now]
        steps += [f"CREATE SILENT GRAPH {name}" for name in now - graphs]
        return " ;\n".join(steps)

    @cached_property
    def _said(self) -> dict[Thing, frozenset[ox.Quad]]:
        """What is said of each thing afterwards."""
        return {t: frozenset(self.after.quads(None, t)) for t in self.touched}

    @cached_property
    def _differing(self) -> tuple[frozenset[ox.Quad], frozenset[ox.Quad]]:
        """What is no longer said, and what is now said, of things of which something is said still."""
        removed: set[ox.Quad] = set()
        added: set[ox.Quad] = set()
        for thing, now in self._said.items():
            if now:
                before = frozenset(self.before.quads(None, thing))
                removed |= before - now
                added |= now - before
        return frozenset(removed), frozenset(added)

    @property
    def _removed(self) -> frozenset[ox.Quad]:
        return self._differing[0]

    @property
    def _added(self) -> frozenset[ox.Quad]:
        return self._differing[1]

    @cached_property
    def _gone(self) -> frozenset[Thing]:
        """What had a class, and has none any more."""
        return frozenset(
            t for t in self.touched if not self._has_class(self.after, t) and self._has_class(self.before, t)
        )

    @cached_property
    def _changed(self) -> frozenset[Thing]:
        """What differs in words that we know; of what is gone without a trace its class is enough to tell."""
        differs = {q.subject for q in self._removed | self._added if _is_known(q)}
        bare = (t for t in self.touched - self._gone if not self._said[t])
        return self._gone | differs | {t for t in bare if any(map(_is_known, self.before.quads(None, t)))}

    def refuse(self, *, measured_here: bool) -> None:
        """Raise RefusedQuery with every reason why registration would not have taken it; or, when it is too much.

        With `measured_here` an act may say that DLOM has measured it.
        """
        reasons = list(dict.fromkeys(self._reasons(measured_here)))
        if reasons:
            more = f"; … and {len(reasons) - _TOLD:,} more" if len(reasons) > _TOLD else ""
            raise RefusedQuery(f"nothing was changed: {'; '.join(reasons[:_TOLD])}{more}")

    def _reasons(self, measured_here: bool) -> Iterator[str]:
        ours = {t for t in self._changed if any(map(_is_our_word, self._said[t]))}
        lookers = {q.subject for t in ours | self._gone for q in self.after.quads(None, None, PERFORMANCE, t)} - ours
        if len(ours) + len(lookers) > MOST:
            raise RefusedQuery(
                f"it changes what is said of {len(ours) + len(lookers):,} things, and at most {MOST:,} can be checked "
                "at once; split it, or load the facts as a source of their own"
            )
        said = {q for t in ours | lookers for q in self.after.quads(None, t)}
        if any(
            _is_our_word(q) and isinstance(t, ox.BlankNode | ox.Triple) for q in said for t in (q.subject, q.object)
        ):
            yield UNNAMED
        by_name = {t for t in ours | lookers if isinstance(t, ox.NamedNode)}
        for thing in sorted(by_name & ours, key=str):
            if not self._has_class(self.after, thing):
                yield f"{_short(thing)}: state one class, such as :Model; it has none (there are {CLASSES})"
        whole = {
            q for q in said if isinstance(q.subject, ox.NamedNode) and isinstance(q.object, ox.NamedNode | ox.Literal)
        }
        yield from broken_of(self.after, by_name, whole)
        yield from sorted(self._lost_links())
        yield from sorted(self._shared_acts())
        for q in self._added:
            if not self.before.quads(None, q.subject, q.predicate, q.object):
                yield from _claims(q, measured_here)

    def _lost_links(self) -> Iterator[str]:
        """Links that come and lead nowhere, and those that stay where what they led to is gone."""
        coming = (q for q in self._added if isinstance(q.object, ox.NamedNode) and is_thing(q.object) and _is_known(q))
        staying = (q for t in self._gone for q in self.after.quads(None, None, None, t))
        for q in {*coming, *staying}:
            if q.graph_name in _RECORDS and q not in self._added:
                continue
            if isinstance(q.object, ox.NamedNode) and not self._has_class(self.after, q.object):
                link = shortened(q.predicate.value).removeprefix(":")
                yield leads_nowhere(_short(q.subject), link, q.object)

    def _shared_acts(self) -> Iterator[str]:
        """Performances that a model takes for its own and that are another's."""
        for q in self._added:
            if q.predicate == PERFORMANCE and isinstance(q.object, ox.NamedNode):
                for owner in {s.subject for s in self.after.quads(None, None, PERFORMANCE, q.object)} - {q.subject}:
                    yield owned_words(q.object, owner)

    def _has_class(self, graph: EmbeddedGraph, thing: Thing) -> bool:
        key = (id(graph), thing)
        if key not in self._typed:
            self._typed[key] = bool(graph.quads(None, thing, RDF_TYPE))
        return self._typed[key]


def _claims(quad: ox.Quad, measured_here: bool) -> Iterator[str]:
    short = _short(quad.subject)
    if quad.predicate == REPLACED_BY:
        yield replaced_words(short)
    if quad.predicate == _EVIDENCE and quad.object == _MEASURED and not measured_here:
        yield claimed_words(short)
    if quad.predicate in _DAYS and short.startswith("p:") and isinstance(quad.object, ox.Literal):
        try:
            day = date.fromisoformat(quad.object.value[:10])  # a time zone, or a time, may follow
        except ValueError:
            return  # a broken rule
        if day > latest_day():
            yield to_come_words(short, day)
        if quad.object.datatype == _DATE and quad.object.value != day.isoformat():  # a rule does not see a time zone
            yield (
                f"{short} {shortened(quad.predicate.value)}: the date must be one xsd:date, such as 2026-11-20; got "
                f"{quad.object.value}"
            )


def _is_known(quad: ox.Quad) -> bool:
    """Whether it is said in words of ours or of a vocabulary that we use; a rule looks at no others."""
    return _is_our_word(quad) or quad.predicate.value.startswith(_VOCABULARIES)


def _is_our_word(quad: ox.Quad) -> bool:
    """Whether it is said in our words, or gives one of our classes."""
    said = quad.object if quad.predicate == RDF_TYPE else quad.predicate
    return isinstance(said, ox.NamedNode) and said.value.startswith(NAMESPACE)


def _short(thing: object) -> str:
    """A name of ours as `m:mine`, any other as it stands in Turtle."""
    short = shortened(thing.value) if isinstance(thing, ox.NamedNode) else ""
    return str(thing) if not isinstance(thing, ox.NamedNode) or short == thing.value else short
