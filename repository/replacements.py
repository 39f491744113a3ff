"""Models that are replaced by a successor: who decided it and when, and taking it back.

A replacement is an act in `g:replacements`. As long as it is not withdrawn, the model says `dcterms:isReplacedBy`, so
that any reader of the graph finds the successor; both are written in one change. A replaced model stays on record and
in every answer, where it is marked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import pyoxigraph as ox

from ontology.namespaces import NAMESPACE
from ontology.records import Model, Replacement
from repository.change import Change, RegistrationError, about, broken_rules, canonical, graphs, unresolved, write
from repository.graph import EmbeddedGraph, Graph, frame
from repository.register import LOCAL, REPLACED_BY, Registered
from repository.rq import bind, query
from repository.terms import Name, local, node, shortened
from repository.triples import RDF_TYPE, quads

REPLACEMENTS = node("g", "replacements")
_MODEL = ox.NamedNode(f"{NAMESPACE}{Model.__name__}")


def replacement(model: str, successor: str, *, by: str, at: datetime, comment: str = "") -> Replacement:
    """The act by which `successor` takes the place of `model` (local names). Raises ValueError without a name in `by`.

    Its name follows from what it says, so that the same act twice is one.
    """
    if not by.strip():
        raise ValueError("a replacement names who decided it; give a name")
    said = "\0".join((model, successor, at.isoformat(), by.strip()))
    return Replacement(
        name=hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:24],
        model=model,
        successor=successor,
        decided_at=at,
        decided_by=by.strip(),
        comment=comment.strip() or None,
    )


def taken_back(given: Replacement, *, by: str, because: str, on: date) -> Replacement:
    """The same act, withdrawn. Raises ValueError when nobody, or no reason, is named."""
    for told, what in ((by, "who takes it back"), (because, "why it is taken back")):
        if not told.strip():
            raise ValueError(f"a replacement is taken back for a reason and by someone; say {what}")
    return replace(given, withdrawn_at=on, withdrawn_by=by.strip(), withdrawn_because=because.strip())


def store_replacements(graph: EmbeddedGraph, given: Sequence[Replacement]) -> Registered:
    """Store replacements, or their withdrawal: all in one change, or none. The same again changes nothing.

    Raises RegistrationError, with every reason: for a model that is not of this installation or replaced already, a
    successor that is replaced itself (so that no ring can arise), a broken rule, or an act that would change.
    """
    with graph.lock:
        named = {node("m", m) for r in given for m in (r.model, r.successor) if m is not None}
        change = Change(graph, LOCAL, about(graph, named | {node(r.prefix, r.name) for r in given}))
        change.reasons += unresolved(graph, given, set())
        for one in given if not change.reasons else ():
            _plan(change, one)
        if not change.reasons and (change.added or change.removed):
            change.reasons += broken_rules(change)
        if change.reasons:
            raise RegistrationError(change.reasons)
        if not (change.added or change.removed):
            return Registered((), ())
        write(graph, change.removed, change.added)
        graph.settle()
    touched = {q.subject for q in change.added | change.removed if isinstance(q.subject, ox.NamedNode)}
    new = {shortened(s.value) for s in touched if not change.stood.get(s)}
    return Registered(tuple(sorted(new)), tuple(sorted({shortened(s.value) for s in touched} - new)))


def replacements(graph: Graph, model: str | None = None) -> tuple[Replacement, ...]:
    """All replacements, or those of one model, the newest first; withdrawn ones too."""
    text = query("replacements") if model is None else bind(query("replacements"), model=[Name("m", model)])
    texts = ("decided_by", "comment", "withdrawn_by", "withdrawn_because")
    found = [
        Replacement(
            name=local(row["replacement"]),
            model=local(row["model"]),
            successor=local(row["successor"]),
            decided_at=datetime.fromisoformat(row["decided_at"]) if isinstance(row["decided_at"], str) else None,
            withdrawn_at=date.fromisoformat(row["withdrawn_at"]) if isinstance(row["withdrawn_at"], str) else None,
            **{t: row[t] if isinstance(row[t], str) else None for t in texts},
        )
        for _, row in frame(graph, text).iterrows()
    ]
    return tuple(sorted(found, key=lambda r: (r.decided_at.isoformat() if r.decided_at else "", r.name), reverse=True))


def standing(graph: Graph, model: str) -> Replacement | None:
    """The replacement of a model that holds, None where it is not replaced."""
    return next((r for r in replacements(graph, model) if r.withdrawn_at is None), None)


def _plan(change: Change, one: Replacement) -> None:
    act, short = node(one.prefix, one.name), f"{one.prefix}:{one.name}"
    fresh, stood = set(canonical(quads(one, REPLACEMENTS))), change.of(act)
    if fresh == stood:
        return
    model, successor = node("m", one.model or ""), node("m", one.successor or "")
    arrow = {q for q in change.of(model) if q.predicate == REPLACED_BY}
    if stood:
        before = replace(one, withdrawn_at=None, withdrawn_by=None, withdrawn_because=None)
        if stood != set(canonical(quads(before, REPLACEMENTS))):
            change.reasons.append(f"{short} is on record and says something else; what was decided does not change")
            return
        change.drop(q for q in arrow if q.object == successor)
        change.add(fresh - stood)
        return
    told = _refusal(change, one, arrow)
    if one.withdrawn_at is not None:
        told = f"{short} is not on record, so it cannot be taken back; ./dlom compare JOB names those that are"
    if told:
        change.reasons.append(told)
        return
    home = next(q.graph_name for q in change.of(model) if q.predicate == RDF_TYPE)
    change.add(fresh | {ox.Quad(model, REPLACED_BY, successor, home)})


def _refusal(change: Change, one: Replacement, arrow: set[ox.Quad]) -> str:
    """Why the successor cannot take the place of the model; empty when it can."""
    model, successor = node("m", one.model or ""), node("m", one.successor or "")
    for each in (model, successor):
        if not any(q.predicate == RDF_TYPE and q.object == _MODEL for q in change.of(each)):
            return f"{shortened(each.value)} is no model"
    if model == successor:
        return f"m:{one.model} cannot replace itself; name another model as its successor"
    if any(q.graph_name not in graphs(LOCAL) for q in change.of(model) if q.predicate == RDF_TYPE):
        return f"m:{one.model} was not registered on this installation; only such models are replaced here"
    if arrow:
        by = ", ".join(sorted(shortened(q.object.value) for q in arrow if isinstance(q.object, ox.NamedNode)))
        return f"m:{one.model} is replaced by {by} already; take that back first"
    onward = [q.object for q in change.of(successor) if q.predicate == REPLACED_BY]
    if onward and isinstance(onward[0], ox.NamedNode):
        return f"m:{one.successor} is replaced itself, by {shortened(onward[0].value)}; name that one as the successor"
    return ""
