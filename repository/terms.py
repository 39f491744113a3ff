"""Names and values as RDF terms, and as SPARQL text that stays inert whatever it contains."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote, unquote

import pyoxigraph as ox

from ontology.namespaces import NAMESPACE, PREFIXES
from ontology.records import Grade

_XSD = PREFIXES["xsd"]
_PREFIX_OF = {iri: prefix for prefix, iri in PREFIXES.items()}
_READABLE = re.compile(r"[a-z0-9](?:[a-z0-9_-]|\.(?=[a-z0-9_-]))*")


@dataclass(frozen=True)
class Name:
    """Something of ours, by prefix and local name: `Name("net", "mobilenet-v2")` is `net:mobilenet-v2`."""

    prefix: str
    local: str

    @property
    def iri(self) -> str:
        """The full IRI; characters that an IRI cannot hold are percent-encoded."""
        return PREFIXES[self.prefix] + quote(self.local, safe="-._~")


Term = Name | str | float | int | bool | date


@lru_cache(maxsize=16_384)  # records of one source name the same few networks and devices again and again
def node(prefix: str, local: str) -> ox.NamedNode:
    """The IRI of a local name under one of our prefixes."""
    return ox.NamedNode(Name(prefix, local).iri)


def curie_node(curie: str) -> ox.NamedNode:
    """The IRI of `prov:hadPrimarySource` and the like, for any prefix of `PREFIXES`."""
    prefix, _, local = curie.partition(":")
    return ox.NamedNode(PREFIXES[prefix] + local)


def local(iri: str) -> str:
    """The local name at the end of one of our instance IRIs: the inverse of `Name.iri`."""
    # A colon ends urn:sha256:, and none is left bare in a local name.
    return unquote(iri[max(map(iri.rfind, "/#:")) + 1 :])


def literal(value: object) -> ox.Literal | ox.NamedNode:
    """A value as an RDF term: real numbers as xsd:double, counts as xsd:integer, grades as our individuals.

    Raises ValueError for numbers that are not finite: they compare with nothing.
    """
    if isinstance(value, Grade):
        return ox.NamedNode(NAMESPACE + value.value)
    if isinstance(value, StrEnum):
        return ox.Literal(value.value)
    if isinstance(value, bool):
        return ox.Literal(value)
    if isinstance(value, int):
        return ox.Literal(str(value), datatype=ox.NamedNode(_XSD + "integer"))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be stored or asked for; give a finite number")
        return ox.Literal(value)
    if isinstance(value, datetime):  # before date, of which it is a kind
        return ox.Literal(value.isoformat(), datatype=ox.NamedNode(_XSD + "dateTime"))
    if isinstance(value, date):
        return ox.Literal(value.isoformat(), datatype=ox.NamedNode(_XSD + "date"))
    if isinstance(value, str):
        return ox.Literal(value)
    raise TypeError(f"no RDF term for {type(value).__name__} {value!r}")


def sparql(term: Term) -> str:
    """A term as SPARQL text. Strings are escaped by the engine's own serialiser, never pasted."""
    if isinstance(term, Name):
        short = _READABLE.fullmatch(term.local) and term.local.count(".") < 2  # more the engine cannot read
        return f"{term.prefix}:{term.local}" if short else f"<{term.iri}>"
    if isinstance(term, bool):
        return str(term).lower()
    if isinstance(term, int):
        return str(term)
    if isinstance(term, float):
        literal(term)
        return f"{term!r}e0" if "e" not in repr(term) else repr(term)  # an exponent makes it an xsd:double
    return str(literal(term))


def values(variable: str, terms: Iterable[Term]) -> str:
    """`VALUES ?variable { … }`, which binds terms in every SPARQL engine."""
    return f"VALUES ?{variable} {{ {' '.join(sparql(t) for t in terms)} }}"


def shortened(text: str) -> str:
    """An IRI of a known namespace as its prefixed name, anything else as it is."""
    base = text[: max(text.rfind(end) for end in "/#:") + 1]
    prefix = _PREFIX_OF.get(base)
    return text if prefix is None else f"{prefix}:{text[len(base) :]}"


def with_prologue(text: str) -> str:
    """A query with those of our prefixes that it does not declare itself put before it."""
    declared = set(re.findall(r"(?im)^\s*prefix\s+([a-z0-9_-]*)\s*:", text))  # the word in any case, the name not
    missing = [p for p in PREFIXES if p not in declared and re.search(rf"(?<![\w-]){p}:", text)]
    return prologue(*missing) + text if missing else text


def prologue(*prefixes: str) -> str:
    """PREFIX lines; all of ours and the published ones when none is named."""
    return "".join(f"PREFIX {p}: <{PREFIXES[p]}>\n" for p in (prefixes or PREFIXES))
