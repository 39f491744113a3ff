"""Taking figures back: a performance is never deleted, it is marked as withdrawn, and what held before holds again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date

import pyoxigraph as ox

from ontology.namespaces import NAMESPACE
from ontology.records import Performance, Source
from repository.acts import (
    WITHDRAWN_AT,
    WITHDRAWN_BECAUSE,
    WITHDRAWN_BY,
    figures,
    is_current,
    keep_part,
    origin,
    registered,
    set_current,
    withdrawn_words,
    youth,
)
from repository.change import Change, RegistrationError, about, broken_rules, graphs, write
from repository.graph import EmbeddedGraph, Graph, frame
from repository.register import LOCAL, Registered
from repository.rq import bind, query
from repository.terms import Name, literal, local, node, shortened
from repository.triples import RDF_TYPE

_KIND = ox.NamedNode(f"{NAMESPACE}{Performance.__name__}")
_AGAIN = "that hold again, since later ones were withdrawn"


def withdraw(
    graph: EmbeddedGraph, performances: Sequence[str], by: str, because: str, on: date, *, source: Source = LOCAL
) -> Registered:
    """Mark performances (local names) as withdrawn, with all their figures: all of them in one change, or none.

    For each figure that thereby has none any more, the youngest act of the model that has it and is not withdrawn is
    current again: by the day on which it was obtained, or registered where that is not said; of one day the one on
    stronger evidence, then the later registration. Where other figures of that act have been taken again since, a part
    of it is current. What is withdrawn already stays as it is. There is no way back; register the figures again under a
    new name. Raises RegistrationError, with every reason, for a name that is no performance, or one that another source
    has stated.
    """
    with graph.lock:
        change, fresh = _planned(graph, list(dict.fromkeys(performances)), by, because, source)
        if not change.reasons and fresh:
            _take_back(change, fresh, (literal(on), literal(by.strip()), literal(because.strip())))
            change.reasons += broken_rules(change)
        if change.reasons:
            raise RegistrationError(change.reasons)
        if not fresh:
            return Registered((), ())
        write(graph, change.removed, change.added)
        graph.settle()
    touched = {q.subject for q in change.added | change.removed if isinstance(q.subject, ox.NamedNode)}
    new = {shortened(s.value) for s in touched if not change.stood.get(s)}
    return Registered(tuple(sorted(new)), tuple(sorted({shortened(s.value) for s in touched} - new)))


def withdrawn_among(graph: Graph, performances: Collection[str]) -> dict[str, str]:
    """Those of some performances (local names) that were withdrawn, each with a sentence that says by whom and why."""
    if not performances:
        return {}
    rows = frame(graph, bind(query("withdrawn-among"), performance=[Name("p", n) for n in sorted(performances)]))
    return {
        local(str(row.performance)): withdrawn_words(
            shortened(str(row.performance)), str(row.withdrawn_at), str(row.withdrawn_by), str(row.withdrawn_because)
        )
        for row in rows.itertuples()
    }


def _planned(
    graph: EmbeddedGraph, names: Sequence[str], by: str, because: str, source: Source
) -> tuple[Change, list[ox.NamedNode]]:
    """What stands, and which of the acts are to be withdrawn; with the reasons why not."""
    change = Change(graph, source, about(graph, {node("p", n) for n in names}))
    for told, what in ((by, "who withdraws them"), (because, "why they are withdrawn")):
        if not told.strip():
            change.reasons.append(f"figures are withdrawn for a reason and by someone; say {what}")
    fresh = []
    for act in (node("p", n) for n in names):
        said, short = change.of(act), shortened(act.value)
        if not any(q.predicate == RDF_TYPE and q.object == _KIND for q in said):
            change.reasons.append(f"there is no performance {short}; the history of its model lists the names")
        elif any(q.graph_name not in graphs(source) for q in said):
            change.reasons.append(
                f"{short} is stated by another source than src:{source.name}, and what a source has published stays; "
                "register a measurement of your own, or remove that source as a whole"
            )
        elif not _is_withdrawn(change, act):
            fresh.append(act)
    return change, fresh


def _take_back(change: Change, fresh: Sequence[ox.NamedNode], told: Sequence[ox.Literal | ox.NamedNode]) -> None:
    asked = bind(query("performances-beside"), act=[Name("p", local(act.value)) for act in fresh])
    beside: dict[str, set[ox.NamedNode]] = defaultdict(set)
    for row in frame(change.graph, asked).itertuples():
        beside[str(row.model)].add(ox.NamedNode(str(row.performance)))
    known = {ox.NamedNode(m) for m in beside} | {act for acts in beside.values() for act in acts}
    change.stood.update(about(change.graph, known))
    for model, acts in sorted(beside.items()):
        whole = {act: origin(act, acts) for act in sorted(acts, key=str)}
        for act in fresh:
            if whole.get(act, act) != act:
                change.reasons.append(
                    f"{shortened(act.value)} is a part of {shortened(whole[act].value)}; withdraw that one"
                )
        if not change.reasons:
            _restore(change, ox.NamedNode(model), whole, _withdrawn(change, fresh, whole, told))


def _withdrawn(
    change: Change,
    fresh: Iterable[ox.NamedNode],
    whole: dict[ox.NamedNode, ox.NamedNode],
    told: Sequence[ox.Literal | ox.NamedNode],
) -> frozenset[ox.NamedNode]:
    """Mark the acts of one model and their parts; the figures that were current in them."""
    lost: set[ox.NamedNode] = set()
    for act in [a for a, w in whole.items() if w in set(fresh) and not _is_withdrawn(change, a)]:
        if is_current(change, act):
            lost |= figures(change, act)
            set_current(change, act, False)
        home = next(iter(change.stood[act])).graph_name
        for predicate, value in zip((WITHDRAWN_AT, WITHDRAWN_BY, WITHDRAWN_BECAUSE), told, strict=True):
            change.add([ox.Quad(act, predicate, value, home)])
    return frozenset(lost)


def _restore(
    change: Change,
    model: ox.NamedNode,
    whole: dict[ox.NamedNode, ox.NamedNode],
    lost: frozenset[ox.NamedNode],
) -> None:
    """Make an older act current for each lost figure, as a whole where all its figures hold, else in part."""
    standing = [act for act in whole if whole[act] == act and not _is_withdrawn(change, act)]
    again: dict[ox.NamedNode, set[ox.NamedNode]] = defaultdict(set)
    for figure in lost:
        having = [act for act in standing if figure in figures(change, act)]
        if having:
            again[max(having, key=lambda act: (youth(change, act), registered(change, act), act.value))].add(figure)
    for act, holding in sorted(again.items(), key=str):
        parts = [p for p, w in whole.items() if w == act and p != act and is_current(change, p)]
        if holding.union(*(figures(change, p) for p in parts)) == figures(change, act):
            for part in parts:
                set_current(change, part, False)
            set_current(change, act, True)
        else:
            keep_part(change, model, act, holding, _AGAIN)


def _is_withdrawn(change: Change, act: ox.NamedNode) -> bool:
    return any(q.predicate == WITHDRAWN_AT for q in change.of(act))
