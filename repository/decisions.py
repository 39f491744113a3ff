"""Decisions in the graph, and the facts that each was made on beside it.

A decision is a few statements in `g:decisions`. Its answer is one literal among them, not a file: so it is stored in
the same transaction, reaches the running app as every record does, and is backed up and moved with the graph. The
facts behind it (every figure that could bear on the answer, some hundred thousand) are a compressed file below
`DLOM_HOME/decisions`, named by its content, which all decisions on unchanged facts share. A decision whose file is
gone still replays; it then names only those facts that its answer shows.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

from ontology.namespaces import NAMESPACE
from ontology.records import Decision, Source, camel
from repository.change import RegistrationError, about, canonical, turtle, unresolved, write
from repository.graph import EmbeddedGraph, Format, Graph, frame
from repository.rq import bind, query
from repository.shapes import validate
from repository.terms import Name, curie_node, local, node
from repository.triples import quads

DECISIONS = node("g", "decisions")
FOLDER = "decisions"  # below DLOM_HOME
LATEST = "latest"  # stands for the id of the newest one
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LISTED = 10  # decisions named in a message


class DecisionMissing(LookupError):
    """There is no such decision, or more than one; the message names those that there are."""

    def __str__(self) -> str:
        return str(self.args[0])


def canonical_json(data: object) -> str:
    """Data as JSON that is byte for byte the same for equal data: keys sorted, no spaces, every digit.

    Raises ValueError for numbers that are not finite.
    """
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_of(data: object) -> str:
    """The SHA-256 of `canonical_json`, in hexadecimal digits."""
    return hashlib.sha256(canonical_json(data).encode("utf-8", errors="surrogatepass")).hexdigest()


def store_decisions(graph: EmbeddedGraph, decisions: Sequence[Decision]) -> tuple[str, ...]:
    """Store decisions, all or none; the short names of the new ones. The same again changes nothing.

    Raises RegistrationError for one that breaks a rule, names a model or a source that the graph does not have, or
    says something else than the decision of that name on record: what was decided does not change.
    """
    with graph.lock:
        stood = about(graph, {node(d.prefix, d.name) for d in decisions})
        fresh = {d.name: canonical(quads(d, DECISIONS)) for d in decisions}
        changed = {d.name for d in decisions if stood.get(node(d.prefix, d.name), set()) != fresh[d.name]}
        reasons = [
            f"decision:{name} is on record and says something else; a decision does not change, record a new one"
            for name in sorted(changed)
            if node(Decision.prefix, name) in stood
        ]
        added = {q for name in changed for q in fresh[name]}
        if not reasons and added:
            reasons += [str(v) for v in validate(turtle(added))]
            reasons += unresolved(graph, [d for d in decisions if d.name in changed], set())
        if reasons:
            raise RegistrationError(reasons)
        if added:
            write(graph, set(), added)
            graph.settle()
    return tuple(sorted(f"{Decision.prefix}:{name}" for name in changed))


def decisions(graph: Graph) -> tuple[Decision, ...]:
    """All decisions on record without their answers, the newest first."""
    found = _read(graph, query("decisions"))
    return tuple(sorted(found, key=lambda d: (_moment(d), d.name), reverse=True))


def find_decision(graph: Graph, name: str) -> Decision:
    """One decision with its answer, by its id, by the beginning of it, or `latest`. Raises DecisionMissing."""
    known = [d.name for d in decisions(graph)]
    found = known[:1] if name == LATEST else [n for n in known if n == name] or [n for n in known if n.startswith(name)]
    if not known:
        raise DecisionMissing("no decision is on record yet; record one: ./dlom decide REQUIREMENT --by NAME")
    if len(found) != 1 or not name:
        told = ", ".join(found[:_LISTED] or known[:_LISTED])
        what = f"{len(found)} decisions begin with" if found and name else "there is no decision"
        raise DecisionMissing(f"{what} {name[:60]!r}; choose from: {told}")
    (one,) = _read(graph, bind(query("decision"), decision=[Name(Decision.prefix, found[0])]))
    return one


def sources(graph: Graph) -> tuple[Source, ...]:
    """Every source of the graph with its licence, version, address and the digest that it was loaded from."""
    rows = frame(graph, query("sources")).sort_values("source").drop_duplicates("source")
    texts = ("label", "title", "licence", "version", "url", "digest")
    return tuple(
        Source(name=local(row["source"]), **{t: row[t] if isinstance(row[t], str) else None for t in texts})
        for _, row in rows.iterrows()
    )


def keep_facts(home: Path, table: Mapping[str, Any]) -> str:
    """Keep a table of facts below `home`; its digest, which is its name. The same table twice is one file.

    The file is whole on the disk before it gets its name.
    """
    text = canonical_json(table).encode()
    digest = hashlib.sha256(text).hexdigest()
    kept = _file(home, digest)
    if kept_facts(home, digest) is not None:
        return digest
    kept.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(prefix=".unfinished-", dir=kept.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(gzip.compress(text, compresslevel=6, mtime=0))
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).replace(kept)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    return digest


def kept_facts(home: Path, digest: str | None) -> dict[str, Any] | None:
    """The table of facts of that digest, None where it is not kept or no longer whole."""
    if digest is None or not _DIGEST.fullmatch(digest):  # it comes from the graph, and would be part of a path
        return None
    try:
        text = gzip.decompress(_file(home, digest).read_bytes())
    except (OSError, EOFError, zlib.error):
        return None
    if hashlib.sha256(text).hexdigest() != digest:
        return None
    found: dict[str, Any] = json.loads(text)
    return found


def _file(home: Path, digest: str) -> Path:
    return home / FOLDER / f"{digest}.json.gz"


def _moment(decision: Decision) -> float:
    return decision.decided_at.timestamp() if decision.decided_at else 0.0


def _read(graph: Graph, text: str) -> list[Decision]:
    """Decisions from rows of decision, property and value."""
    answer = json.loads(graph.query(text, Format.JSON))
    found: dict[str, dict[str, Any]] = {}
    for row in answer["results"]["bindings"]:
        name = local(row["decision"]["value"])
        field = _FIELDS.get(row["property"]["value"])
        given = found.setdefault(name, {})
        if field is None:
            continue
        key, kind, several, prefix = field
        value = _value(row["value"]["value"], kind, prefix)
        given[key] = tuple(sorted((*given.get(key, ()), value))) if several else value
    return [replace(Decision(name=name), **given) for name, given in found.items()]


def _value(text: str, kind: type, prefix: str) -> Any:
    if prefix:
        return local(text)
    if kind is datetime:
        return datetime.fromisoformat(text)
    return kind(text)


def _fields() -> dict[str, tuple[str, type, bool, str]]:
    """For each property of a decision: the field, the type of one value, whether there may be several, its prefix."""
    hints = get_type_hints(Decision)
    found = {}
    for f in fields(Decision):
        if f.name == "name":
            continue
        hint = next(a for a in get_args(hints[f.name]) if a is not type(None))
        several = bool(get_args(hint))
        stated = f.metadata.get("property")
        iri = curie_node(stated).value if stated else NAMESPACE + camel(f.name)
        found[iri] = (f.name, get_args(hint)[0] if several else hint, several, f.metadata.get("prefix", ""))
    return found


_FIELDS = _fields()
