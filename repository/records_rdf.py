"""Records as RDF, both ways: Turtle that DLOM writes, Turtle and JSON-LD that another program sends.

What is read is only what a record can hold: our classes, their properties, plain values and links to named things.
Anything else is refused with a sentence, so that nothing is lost without a word: not a misspelt property, not a
relative address, not a key that JSON-LD would skip. Nothing is fetched from outside.
"""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, get_args, get_type_hints

import pyoxigraph as ox

from ontology.namespaces import NAMESPACE, PREFIXES
from ontology.records import RECORDS, Grade, Record, camel
from repository.change import RegistrationError
from repository.records_json import once
from repository.terms import curie_node, local, node, shortened, with_prologue
from repository.triples import NONE_OF_THEM, RDF_TYPE, quads

UNNAMED = (
    "a thing without a name (a blank node) cannot be registered; give it an address, such as m:my-model or "
    "p:my-model-speed"
)
DEEPEST = 32  # levels of JSON: the parser's own stack ends at some thousands, and the process with it
MOST_REASONS = 50
_NOWHERE = "https://relative.invalid/"  # what relative addresses are resolved against, so that they are seen
_XSD = PREFIXES["xsd"]
_WHOLE = frozenset(
    _XSD + kind
    for kind in ("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "unsignedInt",
                 "unsignedLong", "unsignedShort", "unsignedByte")
)  # fmt: skip
_REAL = _WHOLE | {_XSD + kind for kind in ("double", "decimal", "float")}


@dataclass(frozen=True)
class _Property:
    """A field of a record as its property: which kind of value, how many, links to what."""

    field: str
    kind: Any
    several: bool
    prefix: str


def as_turtle(records: Sequence[Record]) -> str:
    """The records as Turtle with our prefixes, each thing in one paragraph. What is not known is left out."""
    graph = ox.NamedNode(NAMESPACE)
    triples = sorted({q.triple for r in records for q in quads(r, graph)}, key=_order)
    written = ox.serialize(triples, format=ox.RdfFormat.TURTLE, prefixes=dict(PREFIXES)) or b""
    return written.decode()


def from_turtle(body: bytes) -> list[Record]:
    """The records of a Turtle document; our prefixes need not be declared. Raises RegistrationError, ValueError."""
    text = _text(body)
    bare = with_prologue(text)
    if bare != text:  # on one line, so that the numbers of lines stay
        bare = bare[: len(bare) - len(text)].replace("\n", " ") + text
    return _records(_parsed(bare.encode(), ox.RdfFormat.TURTLE, "Turtle"))


def from_statements(statements: Sequence[ox.Quad]) -> list[Record]:
    """The records in what a graph says; whatever no record can hold is passed over."""
    return _read([ox.Quad(q.subject, q.predicate, q.object) for q in statements])[0]


def from_json_ld(body: bytes) -> list[Record]:
    """The records of a JSON-LD document. Raises RegistrationError, ValueError.

    Without a context of its own, keys are our properties (`inferenceLatencyMs`) and names may be short, such as
    `dev:my-board` or `:declared`. A context that lies elsewhere is refused: nothing is fetched.
    """
    try:
        document = json.loads(_text(body), object_pairs_hook=once)
    except RecursionError as error:
        raise ValueError(f"this JSON is nested more than {DEEPEST} levels deep; write it flat") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not JSON: {error}") from error
    if not isinstance(document, dict | list):
        raise ValueError("this is no JSON-LD: write an object, or a list of them")
    _check_contexts(document, 1)
    nodes = _listed(_told_apart(document, frozenset(), _links()))
    with_ours = [{**n, "@context": [_context(), *_listed(n.get("@context", []))]} for n in nodes if isinstance(n, dict)]
    if len(with_ours) != len(nodes):
        raise ValueError("this is no JSON-LD: every entry of the list is an object")
    return _records([_bare(q) for q in _parsed(json.dumps(with_ours).encode(), ox.RdfFormat.JSON_LD, "JSON-LD")])


def _bare(quad: ox.Quad) -> ox.Quad:
    """A statement with `:declared` as Turtle understands it: JSON-LD takes the colon for a part of the name."""
    subject, predicate, value = (_without_colon(t) for t in (quad.subject, quad.predicate, quad.object))
    return ox.Quad(subject, predicate, value, quad.graph_name)


def _without_colon(term: Any) -> Any:
    for start in (f"{NAMESPACE}:", f"{_NOWHERE}:"):
        if isinstance(term, ox.NamedNode) and term.value.startswith(start):
            return ox.NamedNode(NAMESPACE + term.value.removeprefix(start))
    return term


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the text is not UTF-8 (byte {error.start:,}); save it as UTF-8") from error


def _parsed(text: bytes, format: ox.RdfFormat, name: str) -> list[ox.Quad]:
    base = _NOWHERE if format is ox.RdfFormat.JSON_LD else None  # in Turtle relative addresses are errors already
    try:
        return list(ox.parse(text, format=format, base_iri=base))
    except (SyntaxError, ValueError) as error:
        reason = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
        raise ValueError(f"this is not {name}: {reason[:300]}; check that place") from error


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _check_contexts(data: Any, level: int) -> None:
    """That no context lies elsewhere, at any place where one may stand, and that the nesting has an end."""
    if level > DEEPEST:
        raise ValueError(f"this JSON is nested more than {DEEPEST} levels deep; write it flat")
    if isinstance(data, dict):
        for context in _listed(data.get("@context", [])):
            if isinstance(context, str):
                raise ValueError(f"the context {context[:80]!r} lies elsewhere, and nothing is fetched; write it out")
        if "@import" in data:
            raise ValueError("@import of a context is not followed, and nothing is fetched; write the context out")
    for value in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        _check_contexts(value, level + 1)


@cache
def _context() -> Mapping[str, Any]:
    """Ours: it comes first, so that a document's own goes before it. What neither knows is seen, not skipped."""
    terms: dict[str, Any] = {}
    for kind in RECORDS:
        for iri, p in _PROPERTIES[kind].items():
            coerced = {"@type": "@id"} if p.prefix else {"@type": "@vocab"} if p.kind is Grade else {}
            terms[camel(p.field)] = {"@id": iri, **coerced}
    return {"@vocab": NAMESPACE, **terms, **{p: iri for p, iri in PREFIXES.items() if p}}


@cache
def _both() -> Mapping[str, str]:
    """Properties that are called as a prefix is (`purpose`): a context cannot hold both."""
    found = {camel(p.field): iri for kind in RECORDS for iri, p in _PROPERTIES[kind].items() if p.prefix}
    return {name: iri for name, iri in found.items() if name in PREFIXES}


def _told_apart(data: Any, own: frozenset[str], links: frozenset[str]) -> Any:
    """The document with such properties written in full, unless its own context says what they are."""
    if isinstance(data, list):
        return [_told_apart(one, own, links) for one in data]
    if not isinstance(data, dict):
        return data
    stated = {k: v for c in _listed(data.get("@context", [])) if isinstance(c, dict) for k, v in c.items()}
    own |= stated.keys()
    linking = {k for k, v in stated.items() if isinstance(v, dict) and v.get("@type") in ("@id", "@vocab")}
    links = (links - stated.keys()) | linking
    found: dict[str, Any] = {}
    for written, value in data.items():
        bare = written.removeprefix(":")  # as in Turtle
        key = bare if written not in own and bare not in data and bare in _context() else written
        if key == "@context":
            found[key] = value
            continue
        values = [_linked(key, v) if key in links else v for v in _listed(value)]
        if key in _both() and key not in own:
            found[_both()[key]] = [{"@id": v} if isinstance(v, str) else _told_apart(v, own, links) for v in values]
        else:
            found[key] = _told_apart(values if isinstance(value, list) else values[0], own, links)
    return found


@cache
def _links() -> frozenset[str]:
    """Keys whose values are addresses or short names."""
    coerced = {k for k, v in _context().items() if isinstance(v, dict) and v.get("@type") in ("@id", "@vocab")}
    return frozenset({"@id", "@type", *coerced, *_both()})


def _linked(key: str, value: Any) -> Any:
    """An address or a short name, `:declared` in full. Raises ValueError for one that JSON-LD would skip."""
    if not isinstance(value, str) or value.startswith(("_:", "@")):
        return value
    full = NAMESPACE + value.removeprefix(":") if value.startswith(":") else value
    try:
        ox.NamedNode(full if ":" in full else _NOWHERE + full)
    except ValueError:
        raise ValueError(f"{value[:80]!r} under {key[:80]!r} is no name; write one such as dev:my-board") from None
    return full


def _records(statements: Sequence[ox.Quad]) -> list[Record]:
    records, reasons = _read(statements)
    if not statements:
        reasons.append("there is no statement in it; write at least one record, such as `m:mine a :Model ; …`")
    if reasons:
        distinct = list(dict.fromkeys(reasons))
        more = [f"… and {len(distinct) - MOST_REASONS:,} more"] if len(distinct) > MOST_REASONS else []
        raise RegistrationError([*distinct[:MOST_REASONS], *more])
    return records


def _read(statements: Sequence[ox.Quad]) -> tuple[list[Record], list[str]]:
    """The records in some statements, and why others are not in any."""
    said: dict[ox.NamedNode, dict[ox.NamedNode, list[Any]]] = defaultdict(lambda: defaultdict(list))
    reasons: list[str] = []
    for quad in statements:
        reason = _strange(quad)
        if reason:
            reasons.append(reason)
        elif isinstance(quad.subject, ox.NamedNode) and quad.object not in said[quad.subject][quad.predicate]:
            said[quad.subject][quad.predicate].append(quad.object)
    records = [r for subject, properties in said.items() if (r := _record(subject, properties, reasons)) is not None]
    return records, reasons


def _strange(quad: ox.Quad) -> str:
    """Why a statement is none that a record can hold; empty when it may be one."""
    for term in (quad.subject, quad.object):
        if isinstance(term, ox.BlankNode):
            return UNNAMED
        if isinstance(term, ox.Triple):
            return "a statement about a statement cannot be registered; leave it out"
    for term in (quad.subject, quad.predicate, quad.object):
        if isinstance(term, ox.NamedNode) and term.value.startswith(_NOWHERE):
            short = term.value.removeprefix(_NOWHERE)
            return f"{short[:80]!r} is a relative address; write it in full, or with a prefix such as dev:"
    if not isinstance(quad.graph_name, ox.DefaultGraph):
        return f"the named graph {quad.graph_name} is not yours to choose; write the records outside of any"
    return ""


def _record(subject: ox.NamedNode, said: Mapping[ox.NamedNode, list[Any]], reasons: list[str]) -> Record | None:
    short = shortened(subject.value)
    stated = [t for t in said.get(RDF_TYPE, ()) if isinstance(t, ox.NamedNode)]
    kinds = [kind for t in stated if (kind := _KINDS.get(t.value)) is not None]
    if len(stated) != 1 or len(kinds) != 1:
        given = ", ".join(shortened(t.value) for t in stated) or "none"
        reasons.append(f"{short}: state one class, such as :Model; it has {given} (there are {CLASSES})")
        return None
    kind = kinds[0]
    space = PREFIXES[kind.prefix]
    name = local(subject.value)
    if not subject.value.startswith(space) or not name or subject != node(kind.prefix, name):
        reasons.append(f"{short}: a {kind.__name__} is called {kind.prefix}: and a name, that is <{space}…>")
        return None
    values: dict[str, Any] = {}
    known = _PROPERTIES[kind]
    for predicate, objects in said.items():
        if predicate == RDF_TYPE:
            continue
        prop = known.get(predicate.value)
        if prop is None:
            near = difflib.get_close_matches(shortened(predicate.value), [shortened(p) for p in known], n=2)
            told = f" (near: {', '.join(near)})" if near else ""
            reasons.append(f"{short}: a {kind.__name__} has no {shortened(predicate.value)}{told}")
            continue
        try:
            values[prop.field] = _value(prop, objects)
        except ValueError as error:
            reasons.append(f"{short} {shortened(predicate.value)}: {error}")
    return kind(name=name, **values)


def _value(prop: _Property, objects: Sequence[Any]) -> Any:
    if not prop.several and len(objects) > 1:
        raise ValueError(f"one value is expected, and {len(objects)} are given")
    found = [_one(prop, term) for term in objects]
    if not prop.several:
        return found[0]
    return () if prop.prefix and found == [NONE_OF_THEM] else tuple(sorted(found))


def _one(prop: _Property, term: Any) -> Any:
    if prop.prefix:
        if isinstance(term, ox.NamedNode) and term == node(prop.prefix, name := local(term.value)) and name:
            return name
        raise ValueError(f"a name in {prop.prefix}: is expected; got {_shown(term)}")
    if prop.kind is Grade:
        grades = {NAMESPACE + g.value: g for g in Grade}
        if isinstance(term, ox.NamedNode) and term.value in grades:
            return grades[term.value]
        raise ValueError(f"one of {', '.join(f':{g.value}' for g in Grade)} is expected; got {_shown(term)}")
    if not isinstance(term, ox.Literal):
        raise ValueError(f"a plain value is expected; got {_shown(term)}")
    return _plain(prop.kind, term)


def _plain(kind: Any, term: ox.Literal) -> Any:
    text, datatype = term.value, term.datatype.value
    if datatype in {float: _REAL, int: _WHOLE}.get(kind, ()):
        try:
            number = kind(text)
        except ValueError:
            raise ValueError(f"{text[:40]!r} is no number") from None
        if kind is float and not abs(number) < float("inf"):
            raise ValueError(f"{text} is not finite; leave out what is not known")
        return number
    if kind is bool and datatype == _XSD + "boolean" and text in ("true", "false", "1", "0"):
        return text in ("true", "1")
    if datatype == {datetime: f"{_XSD}dateTime", date: f"{_XSD}date"}.get(kind):
        try:
            return kind.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text[:40]!r} is no {kind.__name__}") from None
    if kind is str and datatype == _XSD + "string":
        return text
    if isinstance(kind, type) and issubclass(kind, StrEnum) and datatype == _XSD + "string":
        if text in [one.value for one in kind]:
            return kind(text)
        raise ValueError(f"one of {', '.join(one.value for one in kind)} is expected; got {text[:40]!r}")
    raise ValueError(f"{_EXPECTED.get(kind, 'plain text')} is expected; got {_shown(term)}")


_EXPECTED = {
    float: "a number", int: "a whole number", bool: "true or false", date: 'a date ("2026-11-20"^^xsd:date)',
    datetime: "a date and time (xsd:dateTime)", str: "plain text without a language",
}  # fmt: skip


def _shown(term: Any) -> str:
    if isinstance(term, ox.NamedNode):
        return shortened(term.value)[:80]
    if isinstance(term, ox.Literal):
        tail = f"@{term.language}" if term.language else f" ({shortened(term.datatype.value)})"
        return f"{term.value[:40]!r}{tail}"
    return str(term)[:80]


def _properties(kind: type[Record]) -> Mapping[str, _Property]:
    """IRI → what a record of this kind holds under it."""
    hints = get_type_hints(kind)
    found = {}
    for f in fields(kind):
        if f.name == "name":
            continue
        stated = f.metadata.get("property")
        iri = curie_node(stated).value if stated else NAMESPACE + camel(f.name)
        found[iri] = _Property(f.name, *_kind(f, hints[f.name]))
    return found


def _kind(f: Field[Any], hint: Any) -> tuple[Any, bool, str]:
    kind = next(k for k in (get_args(hint) or (hint,)) if k is not type(None))
    several = bool(get_args(kind))
    return get_args(kind)[0] if several else kind, several, f.metadata.get("prefix", "")


def _order(triple: ox.Triple) -> tuple[str, bool, str, str]:
    """A thing's class first, then its properties in alphabetical order."""
    return str(triple.subject), triple.predicate != RDF_TYPE, str(triple.predicate), str(triple.object)


_KINDS = {NAMESPACE + kind.__name__: kind for kind in RECORDS}
_PROPERTIES = {kind: _properties(kind) for kind in RECORDS}
CLASSES = ", ".join(f":{kind.__name__}" for kind in RECORDS)


__all__ = ["CLASSES", "UNNAMED", "as_turtle", "from_json_ld", "from_statements", "from_turtle"]
