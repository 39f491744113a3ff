"""What an update touches: it is made step by step on a copy of the store, where each step leaves word of it.

The engine tells nobody what an update has changed, and to compare two stores of 400,000 statements takes several
seconds. So a step with a pattern (DELETE … INSERT … WHERE) also writes the terms of its templates into a graph of a
secret name, from the same solutions: what it says holds for this very run, whatever is random in the pattern. What
it tells may be more than what is changed, and never less.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from re import Match

import pyoxigraph as ox

from repository.change import as_data
from repository.dotted import TOKEN
from repository.formats import Format
from repository.graph import EmbeddedGraph
from repository.guard import RefusedQuery

Thing = ox.NamedNode | ox.BlankNode | ox.Triple
_TEMPLATES = frozenset({"DELETE", "INSERT"})
_MANAGEMENT = frozenset({"CLEAR", "DROP", "CREATE", "ADD", "MOVE", "COPY"})
_SMALL_WORDS = frozenset({"SILENT", "GRAPH", "TO"})


@dataclass(frozen=True)
class _Step:
    """One operation of an update, with the declarations that stand before it."""

    prologue: str
    whole: str  # the update that it stands in
    tokens: Sequence[Match[str]]

    @property
    def words(self) -> list[str]:
        """Its first two words in capitals."""
        return [t[0].upper() for t in self.tokens[:2]]

    @property
    def is_data(self) -> bool:
        return self.words[1:] == ["DATA"]

    @property
    def is_management(self) -> bool:
        return self.words[0] in _MANAGEMENT

    @property
    def text(self) -> str:
        """As it can be run alone."""
        return f"{self.prologue}{self.slice(0, len(self.tokens) - 1)}"

    def slice(self, first: int, last: int) -> str:
        """The text from one token to another, both included."""
        return self.whole[self.tokens[first].start() : self.tokens[last].end()]

    def blocks(self) -> Iterator[tuple[int, int]]:
        """Where the braces outside all others open and close."""
        depth = begin = 0
        for at, token in enumerate(self.tokens):
            if token[0] == "{":
                depth, begin = depth + 1, begin if depth else at
            elif token[0] == "}":
                depth -= 1
                if depth == 0:
                    yield begin, at


def manages_graphs(text: str) -> bool:
    """Whether an update has nothing in it but DROP, CLEAR, CREATE, ADD, MOVE and COPY."""
    return all(step.is_management for step in _steps(text))


def touched_by(copy: EmbeddedGraph, text: str) -> set[Thing]:
    """Make an update on a copy of the store; the things of which it may have changed what is said.

    Raises RefusedQuery for what leaves things without a name behind that nobody can tell apart, or GraphError with
    the engine's words.
    """
    found: set[Thing] = set()
    for step in _steps(text):
        if step.is_management:
            found |= _in_graphs(copy, step)
            copy.update(step.text)
        elif step.is_data:
            found |= _with_data(copy, step)
        else:
            found |= _with_pattern(copy, step)
    return found


def _steps(text: str) -> list[_Step]:
    found: list[_Step] = []
    tokens: list[Match[str]] = []
    prologue, depth = "", 0

    def end() -> None:
        nonlocal prologue
        at = 0
        while at < len(tokens) and tokens[at][0].upper() in ("BASE", "PREFIX"):
            length = 2 if tokens[at][0].upper() == "BASE" else 3
            declared = tokens[at : at + length]
            prologue += text[declared[0].start() : declared[-1].end()] + "\n"
            at += length
        if at < len(tokens):
            found.append(_Step(prologue, text, tokens[at:]))

    for token in TOKEN.finditer(text):
        if token["space"]:
            continue
        if len(token[0]) == 1 and not token[0].isascii() and token["prefix"] is None and token["word"] is None:
            # The engine may take it for a part of a name, which would then be written down by half.
            raise RefusedQuery(
                f"U+{ord(token[0]):04X} outside of a text cannot be told from a sign; write such a name as an IRI, "
                "<https://…>, and variables in plain letters"
            )
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if token[0] == ";" and depth == 0:
            end()
            tokens = []
        else:
            tokens.append(token)
    end()
    return found


def _in_graphs(copy: EmbeddedGraph, step: _Step) -> set[Thing]:
    """Everything that the graphs which a step names speak of."""
    found: set[Thing] = set()
    for token in step.tokens[1:] if step.words[0] != "CREATE" else ():
        word = token[0].upper()
        if word in _SMALL_WORDS:
            continue
        if word in ("DEFAULT", "ALL"):
            found |= {q.subject for q in copy.quads(ox.DefaultGraph())}
        if word != "DEFAULT":
            pattern = "GRAPH ?g { ?s ?p ?o }" if word in ("ALL", "NAMED") else f"GRAPH {token[0]} {{ ?s ?p ?o }}"
            answer = copy.query(f"{step.prologue}SELECT DISTINCT ?s {{ {pattern} }}", Format.JSON)
            rows = ox.parse_query_results(answer, format=ox.QueryResultsFormat.JSON)
            assert isinstance(rows, ox.QuerySolutions)
            found |= {row["s"] for row in rows}
    return found


def _with_data(copy: EmbeddedGraph, step: _Step) -> set[Thing]:
    """INSERT DATA or DELETE DATA. Things without a name get new ones in each store, so they are written down, too."""
    begin, end = next(step.blocks(), (0, 0))  # without one the engine refuses it
    alone = EmbeddedGraph()
    alone.update(f"{step.prologue}INSERT DATA {step.slice(begin, end)}")
    quads = alone.quads(None)
    unnamed = {t for q in quads for t in (q.subject, q.object) if isinstance(t, ox.BlankNode)}
    if step.words[0] == "DELETE" or not unnamed:
        copy.update(step.text)
        return {q.subject for q in quads}
    journal = _Journal(copy)
    copy.update(f"INSERT {{ {as_data(quads)} {journal.of(map(str, unnamed))} }} WHERE {{}}")
    return {q.subject for q in quads} - unnamed | journal.read()


def _with_pattern(copy: EmbeddedGraph, step: _Step) -> set[Thing]:
    journal, blocks = _Journal(copy), list(step.blocks())
    heads = [step.tokens[begin - 1][0].upper() for begin, _ in blocks]
    short = heads == ["WHERE"]  # DELETE WHERE {…}, whose pattern is its template
    templates = blocks if short else [b for b, head in zip(blocks, heads, strict=True) if head in _TEMPLATES]
    terms: set[str] = set()
    for begin, end in templates:
        terms |= _terms(step.tokens[begin + 1 : end])
    note = journal.of(terms)
    last = len(step.tokens) - 1
    if short:
        pattern = step.slice(*blocks[0])
        text = f"DELETE {pattern} INSERT {{ {note} }} WHERE {pattern}"
    elif not templates:
        raise RefusedQuery(f"{step.slice(0, 0)} begins no operation of an update that can be read")
    else:
        end = templates[-1][1]  # INSERT comes last
        added = f"{note} }}" if heads[len(templates) - 1] == "INSERT" else f"}} INSERT {{ {note} }}"
        text = f"{step.slice(0, end - 1)} {added} {step.slice(end + 1, last)}"
    copy.update(f"{step.prologue}{text}")
    return journal.read()


def _terms(template: Sequence[Match[str]]) -> set[str]:
    """The variables and the names in a template."""
    found = set()
    for token in template:
        if token[0] in "[(<":
            raise RefusedQuery(
                f"{token[0]} in a template makes things without a name, which cannot be checked; give them names, such "
                "as p:my-figure, or write them as INSERT DATA"
            )
        if token[0][0] in "?$" or token["iri"] is not None or token["prefix"] is not None or token[0][:2] == "_:":
            found.add(token[0].rstrip("."))  # which ends the statement: `m:a.`
    return found


class _Journal:
    """A graph that takes what a step touches; its name is its secret, so that no pattern reads or writes it."""

    def __init__(self, copy: EmbeddedGraph) -> None:
        self._copy, self._name = copy, ox.NamedNode(uuid.uuid4().urn)

    def of(self, terms: Iterator[str] | set[str]) -> str:
        """What a template says for these terms to be written down."""
        lines = " ".join(f"{self._name} {self._name} {term} ." for term in terms)
        return f"GRAPH {self._name} {{ {lines} }}"

    def read(self) -> set[Thing]:
        """What was written down; it is then empty."""
        found = {q.object for q in self._copy.quads(self._name)}
        self._copy.drop(self._name)
        return {t for t in found if isinstance(t, ox.NamedNode | ox.BlankNode)}  # nothing is said of anything else
