"""Larger and smaller graphs for timing: varied copies of the models at hand, or some of them. Never shown as facts."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator

import pyoxigraph as ox

from ontology.records import camel, figure_kinds
from repository.terms import curie_node, node

GRAPH = node("g", "models-synthetic")
SPREAD = 0.3  # standard deviation of the logarithm of the factor by which a figure is varied

_TYPE, _MODEL = curie_node("rdf:type"), curie_node(":Model")
_PERFORMANCE = curie_node(":performance")
_BOUNDED = frozenset({"accuracy_percent", "stability_percent"})  # at most 100: varied downwards only
_FACTORS = {curie_node(f":{camel(k.name)}"): 1.0 if k.name in _BOUNDED else float("inf") for k in figure_kinds()}


def synthetic(statements: Iterable[ox.Quad], models: int, *, seed: int = 1) -> Iterator[ox.Quad]:
    """What must be added to `statements` to have `models` models in all: each a varied copy of one of theirs.

    The copies take turns through all models; their networks, devices and runtimes are those of the original, each
    figure is multiplied by a factor of its own. The same seed gives the same statements. Raises ValueError when there
    are more models already, or none.
    """
    facts: dict[ox.NamedNode, list[ox.Quad]] = defaultdict(list)
    for quad in statements:
        if isinstance(quad.subject, ox.NamedNode):
            facts[quad.subject].append(quad)
    originals = [s for s, about in facts.items() if any(q.predicate == _TYPE and q.object == _MODEL for q in about)]
    originals.sort(key=lambda subject: subject.value)
    if not originals or models < len(originals):
        raise ValueError(f"there are {len(originals)} models to vary; ask for as many or more, not {models}")
    chance = random.Random(seed)
    for number in range(models - len(originals)):
        model = node("m", f"synthetic-{number}")
        for position, quad in enumerate(facts[originals[number % len(originals)]]):
            value = quad.object
            if quad.predicate == _PERFORMANCE and isinstance(value, ox.NamedNode):
                copy = node("p", f"synthetic-{number}-{position}")
                for figure in facts[value]:
                    yield ox.Quad(copy, figure.predicate, _varied(figure, chance), GRAPH)
                value = copy
            yield ox.Quad(model, quad.predicate, value, GRAPH)


def sample(statements: Iterable[ox.Quad], models: int, *, seed: int = 1) -> Iterator[ox.Quad]:
    """The statements without those on models that are not among `models` drawn at random, nor on acts of theirs alone.

    Everything else stays: devices, networks, rating scales. The same seed draws the same models. Raises ValueError
    when there are fewer.
    """
    everything = list(statements)
    originals = sorted({q.subject for q in everything if q.predicate == _TYPE and q.object == _MODEL}, key=str)
    if models > len(originals):
        raise ValueError(f"there are {len(originals)} models to draw from; ask for as many or fewer, not {models}")
    gone = set(originals) - set(random.Random(seed).sample(originals, models))
    named = [(q.subject in gone, q.object) for q in everything if q.predicate == _PERFORMANCE]
    acts = {act for is_gone, act in named if is_gone} - {act for is_gone, act in named if not is_gone}
    yield from (q for q in everything if q.subject not in gone and q.subject not in acts)


def _varied(quad: ox.Quad, chance: random.Random) -> ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple:
    highest = _FACTORS.get(quad.predicate)
    if highest is None or not isinstance(quad.object, ox.Literal):
        return quad.object
    return ox.Literal(float(quad.object.value) * min(chance.lognormvariate(0.0, SPREAD), highest))
