"""The classes and properties of the graph with their words, units and numbers. Nothing here knows Streamlit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

from ontology.namespaces import NAMESPACE, PREFIXES
from ontology.records import RECORDS, camel
from repository.knowledge import Knowledge
from repository.rq import query
from repository.terms import shortened

# Concepts are in a scheme of their own; of these classes nothing is typed.
SCHEMES: Mapping[str, str] = MappingProxyType(
    {
        "Purpose": "purposes",
        "ApplicationArea": "areas",
        "DeviceType": "deviceTypes",
        "Technique": "techniques",
        "Metric": "metrics",
        "Domain": "domains",
    }
)
_PREFIX_OF_CONCEPT = {"purpose": "Purpose", "area": "ApplicationArea", "dtype": "DeviceType", "tech": "Technique",
                      "metric": "Metric", "domain": "Domain"}  # fmt: skip
# Published terms, which the ontology uses and does not describe.
_PUBLISHED: Mapping[str, str] = MappingProxyType(
    {
        "rdfs:label": "What a person reads for it.",
        "rdfs:comment": "What is said of it, in words.",
        "skos:prefLabel": "What a person reads for it.",
        "skos:broader": "The wider concept of which it is a narrower case.",
        "dcterms:title": "The title of what was published.",
        "dcterms:license": "The licence, as its source states it.",
        "dcterms:hasVersion": "The version, edition or commit that was read.",
        "dcat:landingPage": "Where it can be read.",
        "prov:hadPrimarySource": "Who tells of it.",
        "prov:generatedAtTime": "When it was obtained or published, where that is stated.",
        "prov:wasGeneratedBy": "The run that gave it; only what was measured here has one.",
        "prov:invalidatedAtTime": "When it was withdrawn.",
        "prov:wasDerivedFrom": "What it was made from.",
        "dcterms:isReplacedBy": "The model that is used in its place, as somebody decided.",
        "prov:endedAtTime": "When it ended.",
        "prov:used": "What it rested on.",
    }
)
_LABELS = ("rdfs:label", "skos:prefLabel")
_KIND = "rdf:type"  # which everything has, so that it counts the things
_MOST_IN_STARTER = 5


@dataclass(frozen=True)
class Property:
    """What can be said of a thing. `term` is as in a query; `to` is the class that it leads to, if any.

    `things` is how many have it.
    """

    term: str
    comment: str
    unit: str = ""
    to: str = ""
    things: int = 0

    @property
    def variable(self) -> str:
        """A name for its value in a query."""
        if self.term == "prov:hadPrimarySource":
            return "source"
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in self.term.rpartition(":")[2])


@dataclass(frozen=True)
class Class:
    """A kind of thing; `things` is how many the graph has."""

    name: str
    label: str
    comment: str
    things: int
    properties: tuple[Property, ...]

    @property
    def term(self) -> str:
        """As in a query."""
        return f":{self.name}"


Schema = Mapping[str, Class]


def schema(knowledge: Knowledge) -> Schema:
    """Every class that an analyst may ask for, by name; takes two queries, about a second. Raises GraphError."""
    told = knowledge.run(query("schema")).fillna("")
    of_class: dict[str, dict[str, Property]] = defaultdict(dict)
    labels: dict[str, tuple[str, str]] = {}
    units = {f":{camel(f.name)}": f.metadata.get("unit", "") for r in RECORDS for f in fields(r)}
    for row in told.itertuples(index=False):
        name = str(row[0]).removeprefix(NAMESPACE)
        if not row[1]:
            labels[name] = (row[2], row[3])
            continue
        term = shortened(row[1])
        to = row[4].removeprefix(NAMESPACE) if row[4].startswith(NAMESPACE) else ""
        of_class[name][term] = Property(term, row[3], units.get(term, ""), to)
    _published(of_class)
    use = _use(knowledge)
    found = {}
    for name in [r.__name__ for r in RECORDS] + list(SCHEMES):
        if name in labels:
            used = use.get(SCHEMES.get(name, name), {})
            own = (replace(p, things=used.get(p.term, 0)) for p in of_class[name].values())
            found[name] = Class(name, *labels[name], used.get(_KIND, 0), tuple(sorted(own, key=_place)))
    return found


def _use(knowledge: Knowledge) -> Mapping[str, Mapping[str, int]]:
    """Class or scheme → property → how many things have it."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for kind, prop, things in knowledge.run(query("schema-use")).itertuples(index=False):
        found[str(kind).removeprefix(NAMESPACE)][shortened(prop)] = int(things)
    return found


def _published(of_class: dict[str, dict[str, Property]]) -> None:
    """Add the terms of others, which the records name."""
    class_of = {r.prefix: r.__name__ for r in RECORDS if r.prefix} | _PREFIX_OF_CONCEPT
    for record in RECORDS:
        for f in fields(record):
            term = f.metadata.get("property", "")
            if term and not term.startswith(":"):
                comment = _PUBLISHED.get(term, "")
                to = class_of.get(f.metadata.get("prefix", ""), "")
                of_class[record.__name__].setdefault(term, Property(term, comment, to=to))
    for name in SCHEMES:
        for term, to in (("skos:prefLabel", ""), ("skos:broader", name)):
            of_class[name].setdefault(term, Property(term, _PUBLISHED[term], to=to))


def _place(one: Property) -> tuple[bool, bool, int, str]:
    """Labels first, then links and figures before texts, what most things have first."""
    is_label = one.term in _LABELS and one.things > 0
    return not is_label, not (one.things and (one.to or one.unit)), -one.things, one.term


def edges(found: Schema) -> set[tuple[str, str]]:
    """(class, class that one of its properties leads to)."""
    return {(c.name, p.to) for c in found.values() for p in c.properties if p.to in found and p.to != c.name}


def starter(one: Class) -> str:
    """A first query for a class: some things with what is said of most of them."""
    subject = f"?{one.name[0].lower()}{one.name[1:]}"
    kind = f"skos:inScheme :{SCHEMES[one.name]}" if one.name in SCHEMES else f"a {one.term}"
    chosen = [p for p in one.properties if p.things and p.term != ":current"][:_MOST_IN_STARTER]
    lines = [f"# Some of the class {one.term}: {one.label}.", f"SELECT {subject} " + _selected(chosen), "WHERE {"]
    lines.append(f"  {subject} {kind} .")
    if any(p.term == ":current" and p.things for p in one.properties):
        lines.append(f"  {subject} :current true .  # without history")
    lines += [f"  OPTIONAL {{ {subject} {p.term} ?{p.variable} }}" for p in chosen]
    return "\n".join([*lines, "}", "LIMIT 100"])


def _selected(chosen: list[Property]) -> str:
    return " ".join(f"?{p.variable}" for p in chosen)


def known_prefixes() -> list[tuple[str, str]]:
    """Every prefix that may be left out of a query, with what it stands for."""
    return [(f"{prefix}:", iri) for prefix, iri in PREFIXES.items()]
