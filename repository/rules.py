"""The rules as pySHACL reads them, and of them only those that given facts can break.

pySHACL tries every rule on every thing, most of them on properties that the thing does not have. Where no fact uses a
property, a rule such as "a latency must be above 0 ms" holds whatever the facts are; leaving such rules out changes
no answer, and takes most of the time away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING

from rdflib import RDF, RDFS, SH, Graph, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

if TYPE_CHECKING:
    from pyshacl import ShapesGraph

_AIMS = (SH.targetClass, SH.targetNode, SH.targetSubjectsOf, SH.targetObjectsOf)
# Rules that no thing breaks that has nothing at the end of the path.
_OF_VALUES = frozenset({
    SH.maxCount, SH.datatype, SH.nodeKind, SH.pattern, SH["in"], SH.minInclusive, SH.maxInclusive, SH.minExclusive,
    SH.maxExclusive, SH.lessThanOrEquals,
})  # fmt: skip
_ONE = Literal(1)
_NO_RULES = frozenset({RDF.type, RDFS.seeAlso, SH.message, SH.path, *_AIMS})

_Used = frozenset[Node]
_Pairs = frozenset[tuple[Node, Node]]


@cache
def all_rules(shapes: Graph) -> ShapesGraph:
    """Every rule, read once: `pyshacl.validate` reads them anew on every call, in 10 ms."""
    from pyshacl import Shape, ShapesGraph
    from pyshacl import validate as shacl

    class Aimed(ShapesGraph):
        """Tries only shapes that say what they are about; the others, which these refer to, would find nothing."""

        @cached_property
        def shapes(self) -> list[Shape]:
            return [s for s in super().shapes if any((s.node, aim, None) in self.graph for aim in _AIMS)]

        @cached_property
        def _rules_of(self) -> dict[Node, list[tuple[Node, Node]]]:
            return {}

        def predicate_objects(self, s: Node) -> list[tuple[Node, Node]]:
            """The rules of a shape: asked for again for each thing, and each one compared with every kind of rule."""
            if s not in self._rules_of:
                self._rules_of[s] = [(p, o) for p, o in self.graph.predicate_objects(s) if p not in _NO_RULES]
            return self._rules_of[s]

    shacl(Graph(), shacl_graph=shapes)  # what pySHACL sets up once in a process
    return Aimed(shapes)


def rules_for(shapes: Graph, data: Graph) -> ShapesGraph:
    """Those of the rules that these facts can break: pySHACL reports of them what it would report of all."""
    used: dict[Node, set[Node]] = defaultdict(set)
    for thing, prop, _ in data:
        used[thing].add(prop)
    always: dict[Node, set[Node]] = {}
    for thing, kind in data.subject_objects(RDF.type):
        always[kind] = always[kind] & used[thing] if kind in always else set(used[thing])
    shared: set[tuple[Node, Node]] = set()
    for path in _counted(shapes):
        seen: set[tuple[Node, Node]] = set()
        for thing, value in data.subject_objects(path):
            for prop in used.get(value, ()):
                if (thing, prop) in seen:
                    shared.add((path, prop))
                seen.add((thing, prop))
    return _rules_for(
        shapes,
        frozenset().union(*used.values()),
        frozenset((kind, prop) for kind, props in always.items() for prop in props),
        frozenset(shared),
    )


@cache
def _counted(shapes: Graph) -> frozenset[Node]:
    """The properties whose values are counted by what they are."""
    rules = shapes.subjects(SH.qualifiedValueShape)
    return frozenset(path for rule in rules for path in shapes.objects(rule, SH.path))


@lru_cache(maxsize=256)
def _rules_for(shapes: Graph, used: _Used, always: _Pairs, shared: _Pairs) -> ShapesGraph:
    """`always` has (class, property that each thing of it has), `shared` (path, property of two values of a thing)."""
    kept = Graph(store="SimpleMemory")  # which has no contexts, and answers sooner
    classes = {kind for kind, _ in always}
    for shape in {s for aim in _AIMS for s in shapes.subjects(aim)}:
        aims = {(aim, target) for aim in _AIMS for target in shapes.objects(shape, aim)}
        # Things of a class that another class includes are found by pySHACL.
        plain = RDFS.subClassOf not in used and {aim for aim, _ in aims} == {SH.targetClass}
        if plain and not any(target in classes for _, target in aims):
            continue
        everywhere = (frozenset(prop for kind, prop in always if kind == target) for _, target in aims if plain)
        idle = _Idle(shapes, used, next(everywhere, frozenset()) if len(aims) == 1 else frozenset(), shared)
        whole = (shape, SH.deactivated, None) in shapes
        for rule in () if whole else shapes.objects(shape, SH.property):
            if not idle.holds(rule):
                # Aimed at the things themselves, a property's rule says the same, and pySHACL tries it on all of them
                # at once instead of one by one.
                _copy(shapes, rule, kept)
                kept += ((rule, *aim) for aim in aims)
        if not idle.holds(shape, without=None if whole else SH.property):
            _copy(shapes, shape, kept, without=None if whole else SH.property)
    return type(all_rules(shapes))(kept)


def _copy(shapes: Graph, node: Node, into: Graph, without: Node | None = None) -> None:
    """A shape with everything that it refers to, except by one property."""
    for triple in shapes.triples((node, None, None)):
        _, predicate, value = triple
        if predicate == without:
            continue
        into.add(triple)
        if (value, None, None) in shapes and (value, None, None) not in into:
            _copy(shapes, value, into)


class _Idle:
    """What holds, and what does not, of any thing of which no more is known than which properties are used."""

    def __init__(self, shapes: Graph, used: _Used, always: _Used = frozenset(), shared: _Pairs = frozenset()) -> None:
        """`used` are those that anything has, `always` those that each thing has that a shape is about."""
        self._shapes = shapes
        self._used = used
        self._always = always
        self._shared = shared

    def holds(self, shape: Node, without: Node | None = None) -> bool:
        """Whether nothing can break the shape, seen without one kind of rule; False where that is not certain."""
        return all(rule == without or self._keeps(shape, rule, value) for rule, value in self._rules(shape))

    def fails(self, shape: Node) -> bool:
        """Whether everything breaks the shape; False where that is not certain."""
        return any(self._breaks(shape, rule, value) for rule, value in self._rules(shape))

    def _keeps(self, shape: Node, rule: Node, value: Node) -> bool:
        nothing = self._leads_nowhere(shape)
        if rule in _OF_VALUES:
            return nothing
        if rule == SH.minCount:
            return value == _ONE and self._shapes.value(shape, SH.path) in self._always
        if rule in (SH.qualifiedValueShape, SH.qualifiedMaxCount):
            return nothing or self._counts_few(shape)
        inner = self._inside(shape)
        if rule == SH.property:
            return inner.holds(value)
        if rule == SH["or"]:
            return any(map(inner.holds, self._list(value)))
        if rule == SH["and"]:
            return all(map(inner.holds, self._list(value)))
        return rule == SH["not"] and inner.fails(value)

    def _breaks(self, shape: Node, rule: Node, value: Node) -> bool:
        nothing = self._leads_nowhere(shape)
        if rule in (SH.minCount, SH.hasValue):
            return nothing and (rule == SH.hasValue or value == _ONE)
        inner = self._inside(shape)
        if rule == SH.property:
            return inner._is_of_thing(shape) and inner.fails(value)
        return rule == SH["and"] and inner._is_of_thing(shape) and any(map(inner.fails, self._list(value)))

    def _counts_few(self, shape: Node) -> bool:
        """Whether a thing has at most one value that the shape counts, and one is allowed."""
        path = self._shapes.value(shape, SH.path)
        if self._shapes.value(shape, SH.qualifiedMaxCount) != _ONE or not isinstance(path, URIRef):
            return False
        # What is counted needs some property; where no two values of a thing share it, no two are counted.
        both = frozenset(prop for of, prop in self._shared if of == path)
        return all(_Idle(self._shapes, both).fails(s) for s in self._shapes.objects(shape, SH.qualifiedValueShape))

    def _inside(self, shape: Node) -> _Idle:
        """The same of what the rules in a shape are about: behind a path, of which things is not known."""
        return self if self._is_of_thing(shape) else _Idle(self._shapes, self._used)

    def _is_of_thing(self, shape: Node) -> bool:
        """Whether a shape is about the thing itself, and not about what a path leads to."""
        return (shape, SH.path, None) not in self._shapes

    def _leads_nowhere(self, shape: Node) -> bool:
        """Whether the shape's path has nothing at its end: a property, or a chain of them, of which one is unused."""
        path = self._shapes.value(shape, SH.path)
        if path is None:
            return False
        if (path, RDF.first, None) in self._shapes:
            return any(step not in self._used for step in self._list(path))
        return (path, None, None) not in self._shapes and path not in self._used  # other paths are not looked into

    def _rules(self, shape: Node) -> Iterator[tuple[Node, Node]]:
        return ((p, o) for p, o in self._shapes.predicate_objects(shape) if p not in _NO_RULES)

    def _list(self, head: Node) -> list[Node]:
        return list(Collection(self._shapes, head))
