"""Whether facts keep the rules, told in the words of the person who registers them.

The rules are SHACL: `ontology/shapes.ttl`, and shapes that follow from `ontology/dlom.ttl` (datatypes, single values,
namespaces, one current performance for each figure), which are made here so that nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from rdflib import OWL, RDF, RDFS, SH, BNode, Graph, URIRef
from rdflib.plugins.parsers.notation3 import BadSyntax
from rdflib.term import Node

from ontology.namespaces import NAMESPACE, PREFIXES
from repository.rules import rules_for

_FIGURE, _SPACE = URIRef(f"{NAMESPACE}figure"), URIRef(f"{NAMESPACE}namespaceOfInstances")
_DOMAIN_INCLUDES = URIRef(f"{PREFIXES['schema']}domainIncludes")

_FINITE = "^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?$"  # xsd:double also has NaN and INF
_KINDS = {
    "double": "a finite number written as xsd:double, such as 12.5e0",
    "integer": "a whole number (xsd:integer)",
    "boolean": "true or false (xsd:boolean)",
    "string": "plain text (xsd:string)",
    "dateTime": "a date and time (xsd:dateTime), such as 2026-11-20T10:00:00Z",
}


@dataclass(frozen=True, order=True)
class Violation:
    """One broken rule. Names are short (`m:local-1`, `:runtime`); `path` and `value` are empty where none applies."""

    focus: str
    path: str
    message: str
    value: str = ""

    def __str__(self) -> str:
        """The sentence for a person: `p:local-1 :inferenceLatencyMs: a latency must be above 0 ms; got -3.0`."""
        where = f"{self.focus} {self.path}".rstrip()
        return f"{where}: {self.message}" + (f"; got {self.value}" if self.value else "")


def validate(data: str | Graph) -> list[Violation]:
    """Every rule that the facts break, sorted; an empty list when they may be stored.

    `data` is Turtle (or N-Triples, which is Turtle too), or a graph. Only things whose class is stated in the data
    are checked, and links only for their form: what they lead to may be in the store. Raises ValueError for text
    that is not Turtle.
    """
    graph = _parsed(data) if isinstance(data, str) else data
    report = _report(graph)
    found = set(_unknown_words(graph))
    for result in report.subjects(RDF.type, SH.ValidationResult):
        focus = report.value(result, SH.focusNode)
        value = report.value(result, SH.value)
        rule = report.value(result, SH.sourceShape)
        path = report.value(result, SH.resultPath) or _shapes().value(rule, RDFS.seeAlso)
        message = str(report.value(result, SH.resultMessage))
        # A rule about the thing as a whole gives the thing itself as its value, which says nothing new.
        found.add(Violation(short(focus), short(path), message, "" if value == focus else short(value)))
    return sorted(found)


def _report(graph: Graph) -> Graph:
    """What SHACL says of the data."""
    from pyshacl import Validator
    from pyshacl.graph_abstraction import DataGraph

    options = {"inference": "none", "inplace": True}
    validator = Validator(DataGraph.from_rdflib(graph), shacl_graph=_shapes(), options=options)
    validator.shacl_graph = rules_for(_shapes(), graph)
    _, report, text = validator.run()  # type: ignore[no-untyped-call]
    if not isinstance(report, Graph):
        raise RuntimeError(f"the shapes could not be run: {text}")
    return report


def short(term: Node | None) -> str:
    """An IRI with its prefix, a literal as its text, nothing for a blank node or None."""
    if term is None or isinstance(term, BNode):
        return ""
    text = str(term)
    for prefix, iri in PREFIXES.items():
        if text.startswith(iri):
            return f"{prefix}:{text.removeprefix(iri)}"
    return text


def _parsed(turtle: str) -> Graph:
    try:
        return Graph().parse(data=turtle, format="turtle")
    except BadSyntax as error:
        # rdflib shows the whole text as Python bytes after its reason; the reason is enough.
        reason = error.message.split(":\n", 1)[-1].split(" at ^", 1)[0]
        raise ValueError(f"this is not Turtle: line {error.lines + 1}: {reason}; check that line") from error


@cache
def _ontology() -> Graph:
    return Graph().parse(data=files("ontology").joinpath("dlom.ttl").read_bytes(), format="turtle")


@cache
def _words() -> frozenset[str]:
    return frozenset(str(term) for term in _ontology().subjects())


@cache
def _shapes() -> Graph:
    rules = Graph().parse(data=files("ontology").joinpath("shapes.ttl").read_bytes(), format="turtle")
    rules.parse(data="\n".join(_derived()), format="turtle")
    return rules


def _derived() -> Iterator[str]:
    """Turtle of the shapes that follow from the ontology: what a value may be, how many, and which names."""
    words = _ontology()
    for prefix in ("", "xsd"):
        yield f"@prefix {prefix}: <{PREFIXES[prefix]}> ."
    yield "@prefix sh: <http://www.w3.org/ns/shacl#> ."
    spaces = dict(words.subject_objects(_SPACE))
    by_class: dict[Node, list[Node]] = {}
    for prop in words.subjects(RDFS.range, None):
        for kind in _domains(prop):
            by_class.setdefault(kind, []).append(prop)
    for kind, props in sorted(by_class.items(), key=str):
        label, space = words.value(kind, RDFS.label), spaces.get(kind)
        yield f"[] a sh:NodeShape ; sh:targetClass <{kind}> ; sh:nodeKind sh:IRI ;"
        if space is not None:
            yield f'sh:pattern "^{space}." ;'
        yield f'sh:message "the name of a {label} must be an IRI{f" that begins with {space}" if space else ""}" .'
        rules = [_value_shape(prop) for prop in sorted(props, key=str)]
        rules += [
            f'[ sh:path <{prop}> ; sh:maxCount 1 ; sh:message "a {label} has one {words.value(prop, RDFS.label)}, '
            'and more than one is given" ]'
            for prop in sorted(props, key=str)
            if (prop, RDF.type, OWL.FunctionalProperty) in words
        ]
        yield f"[] a sh:NodeShape ; sh:targetClass <{kind}> ; sh:property {' , '.join(rules)} ."
    yield from _figures()


def _figures() -> Iterator[str]:
    """A performance has a figure or a part; of a model's performances one is current for each figure."""
    words = _ontology()
    figures = sorted(words.subjects(RDFS.subPropertyOf, _FIGURE), key=str)
    some = " ".join(f"<{f}>" for f in figures)
    yield (
        f"[] a sh:NodeShape ; sh:targetClass :Performance ; sh:property ["
        f"sh:path [ sh:alternativePath ( {some} :part ) ] ; "
        'sh:minCount 1 ; sh:message "a performance has at least one figure or part; a missing figure is left out" ] .'
    )
    for figure in figures:
        label = words.value(figure, RDFS.label)
        yield (
            "[] a sh:NodeShape ; sh:targetClass :Model ; sh:property [ sh:path :performance ; sh:qualifiedMaxCount 1 ; "
            "sh:qualifiedValueShape [ sh:property [ sh:path :current ; sh:hasValue true ] , "
            f"[ sh:path <{figure}> ; sh:minCount 1 ] ] ; "
            f'sh:message "two current performances give {label}; make the older one not current" ] .'
        )


def _value_shape(prop: Node) -> str:
    words = _ontology()
    target = words.value(prop, RDFS.range)
    label = words.value(prop, RDFS.label)
    if str(target).startswith(PREFIXES["xsd"]):
        kind = str(target).removeprefix(PREFIXES["xsd"])
        finite = f'; sh:pattern "{_FINITE}"' if kind == "double" else ""
        return f'[ sh:path <{prop}> ; sh:datatype <{target}> {finite}; sh:message "{label} must be {_KINDS[kind]}" ]'
    space = words.value(target, _SPACE)
    if space is not None:
        told = f"{label} must be a name in {space}"
        return f'[ sh:path <{prop}> ; sh:nodeKind sh:IRI ; sh:pattern "^{space}." ; sh:message "{told}" ]'
    choices = sorted(words.subjects(RDF.type, target), key=str)
    told = f"{label} must be one of {', '.join(short(c) for c in choices)}"
    return f'[ sh:path <{prop}> ; sh:in ( {" ".join(f"<{c}>" for c in choices)} ) ; sh:message "{told}" ]'


@cache
def _domains(prop: Node) -> frozenset[Node]:
    words = _ontology()
    return frozenset({*words.objects(prop, RDFS.domain), *words.objects(prop, _DOMAIN_INCLUDES)})


def _unknown_words(graph: Graph) -> Iterator[Violation]:
    """Words in our namespace that the ontology does not have, and properties on things of another class."""
    words = _ontology()
    known = _words()
    for subject, prop, value in graph:
        for path, term in (("", prop), (short(prop), value)):
            if str(term).startswith(NAMESPACE) and str(term) not in known:
                yield Violation(
                    short(subject), path, f"{short(term)} is not a word of the ontology; check its spelling"
                )
        classes = set(graph.objects(subject, RDF.type))
        domains = _domains(prop) if classes else frozenset()
        # A thing of a broader class may well be of the right one: reviewed metrics are stated as plain concepts.
        if domains and not any(classes.intersection(words.transitive_objects(d, RDFS.subClassOf)) for d in domains):
            told = " or ".join(sorted(str(words.value(kind, RDFS.label)) for kind in domains))
            yield Violation(short(subject), short(prop), f"this is said of a {told}, not of a thing of this class")
