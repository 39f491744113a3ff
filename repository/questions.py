"""Named questions: SPARQL that managers and analysts ask again and again, one `.rq` file each under `questions/`.

A file begins with comments of the form `# key: text` (a line that begins with more spaces goes on with the text above):

    # title: Which devices make the cheapest fleet that meets a latency
    # answers: what it answers, and what it leaves out
    # for: manager, analyst
    # parameter: latency_ms | number 0.001..60000 | 20.0 | at most so many milliseconds for one input
    # chart: bar x=device_label y=fleet_usd colour=price_evidence_label
    # units: fleet_usd = USD; fastest_ms = ms

The rest is a query that runs as it stands. A parameter is a VALUES block on a line of its own that holds the default,
`VALUES ?latency_ms { 20.0e0 }`, or is commented out where the default is any: `# VALUES ?device { }`. `bound` writes
those lines anew from typed terms; nothing that is given is pasted as text. A number or an integer may say the least and
the most that it can be, as above; `bound` refuses what lies outside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from ontology.fields import camel
from ontology.namespaces import PREFIXES
from ontology.records import figure_kinds
from repository.graph import Graph, frame
from repository.terms import Name, Term, values, with_prologue

QUESTIONS = Path(__file__).parent / "questions"
ANY = "any"
CHARTS = ("bar", "line", "scatter", "heatmap", "none")
READERS = ("manager", "engineer", "analyst")

_KEY = re.compile(r"# (title|answers|for|parameter|chart|units): (.*)")
_MORE = re.compile(r"# {2,}(\S.*)")
_NUMBERS = ("number", "integer")
_KIND = re.compile(r"(\w*)(?: +(\S+)\.\.(\S+))?")
_PLACE = re.compile(r"^([ \t]*)(?:# )?VALUES \?(\w+) \{[^{}\n]*\}$", re.MULTILINE)


class UnknownQuestion(KeyError):
    """There is no question of that name; the message lists those that there are."""

    def __str__(self) -> str:
        return str(self.args[0])


class BadParameter(ValueError):
    """A value that a question cannot take; the message says what it takes."""


@dataclass(frozen=True)
class Parameter:
    """Something that may be chosen. `kind` is a prefix of ours (a vocabulary), `figure`, `number` or `integer`.

    `default` is written as in the file: a local name, a number, or `any` where nothing is fixed. A number lies between
    `least` and `most`, both included.
    """

    name: str
    kind: str
    default: str
    meaning: str
    least: float = -math.inf
    most: float = math.inf

    @property
    def optional(self) -> bool:
        """Whether it may be left open."""
        return self.default == ANY


@dataclass(frozen=True)
class Chart:
    """How an answer is best drawn: a kind, and the columns to draw."""

    kind: str
    x: str | None = None
    y: str | None = None
    colour: str | None = None


@dataclass(frozen=True)
class Question:
    """A query with what it is for. `text` runs as it stands, with the defaults; our prefixes are left out in it."""

    name: str
    title: str
    answers: str
    readers: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    chart: Chart
    units: Mapping[str, str]
    text: str


@cache
def questions() -> tuple[Question, ...]:
    """All of them, in alphabetical order of their titles."""
    found = (parsed(file.stem, file.read_text(encoding="utf-8")) for file in QUESTIONS.glob("*.rq"))
    return tuple(sorted(found, key=lambda q: q.title))


def question(name: str) -> Question:
    """The one of that name. Raises UnknownQuestion."""
    for one in questions():
        if one.name == name:
            return one
    known = ", ".join(sorted(q.name for q in questions()))
    raise UnknownQuestion(f"there is no question {name!r}; there are: {known}")


def parsed(name: str, text: str) -> Question:
    """A file's text as a question. Raises ValueError, with the name, for a header that says too little or too much."""
    entries = list(_entries(text))
    by_key = {key: said for key, said in entries if key != "parameter"}
    if missing := {"title", "answers", "for", "chart"} - by_key.keys():
        raise ValueError(f"{name}.rq: the header lacks {', '.join(sorted(missing))}")
    if len(by_key) + sum(key == "parameter" for key, _ in entries) != len(entries):
        raise ValueError(f"{name}.rq: the header says something twice")
    readers = tuple(r.strip() for r in by_key["for"].split(","))
    if strangers := set(readers) - set(READERS):
        raise ValueError(f"{name}.rq: for {', '.join(sorted(strangers))}: write some of {', '.join(READERS)}")
    parameters = tuple(_parameter(name, said) for key, said in entries if key == "parameter")
    places = {place[2] for place in _PLACE.finditer(text)}
    for parameter in parameters:
        if parameter.name not in places:
            raise ValueError(f"{name}.rq: no line VALUES ?{parameter.name} {{ … }} for that parameter")
    units = dict(_pair(name, part, "=") for part in by_key.get("units", "").split(";") if part.strip())
    return Question(
        name, by_key["title"], by_key["answers"], readers, parameters, _chart(name, by_key["chart"]), units, text
    )


def bound(asked: Question, given: Mapping[str, object] | None = None) -> str:
    """The query with the values given, each one or several, and our prefixes: ready to be run, shown or copied.

    A name is a local name of the parameter's vocabulary (`samsung-galaxy-s24`), or any text at all: it stays one term.
    `any` leaves an optional parameter open. Raises BadParameter for a name that the question has not, or a value of
    the wrong kind or outside its range.
    """
    given = given or {}
    known = {p.name: p for p in asked.parameters}
    if unknown := given.keys() - known.keys():
        raise BadParameter(
            f"{asked.name} has no parameter {', '.join(sorted(unknown))}; "
            + (f"it has {', '.join(known)}" if known else "it has none")
        )
    lines = {name: _values(known[name], value) for name, value in given.items()}

    def written(place: re.Match[str]) -> str:
        return place[1] + lines[place[2]] if place[2] in lines else place[0]

    return with_prologue(_PLACE.sub(written, asked.text))


def answered(graph: Graph, asked: Question, given: Mapping[str, object] | None = None) -> pd.DataFrame:
    """The answer as a table; columns of numbers are numbers. Raises BadParameter or GraphError.

    The query is ours, so that it runs in this process without a limit of time.
    """
    table = frame(graph, bound(asked, given))
    for column in table.columns:
        if column in asked.units:
            table[column] = pd.to_numeric(table[column])
    return table


def _entries(text: str) -> Iterable[tuple[str, str]]:
    """(key, text) of the comments at the head."""
    entry: tuple[str, str] | None = None
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if begun := _KEY.fullmatch(line):
            if entry:
                yield entry
            entry = (begun[1], begun[2].strip())
        elif (more := _MORE.fullmatch(line)) and entry:
            entry = (entry[0], f"{entry[1]} {more[1].strip()}")
        else:
            raise ValueError(f"the header's line {line!r} is neither `# key: text` nor goes on with one")
    if entry:
        yield entry


def _parameter(question: str, said: str) -> Parameter:
    parts = [part.strip() for part in said.split("|")]
    kind = _KIND.fullmatch(parts[1]) if len(parts) == 4 else None
    if kind is None or kind[1] not in {*PREFIXES, "figure", *_NUMBERS}:
        raise ValueError(f"{question}.rq: parameter {said!r}: write name | vocabulary | default | what it means")
    if kind[2] is None:
        return Parameter(parts[0], kind[1], parts[2], parts[3])
    try:
        found = Parameter(parts[0], kind[1], parts[2], parts[3], float(kind[2]), float(kind[3]))
        if kind[1] not in _NUMBERS or not found.least <= float(found.default) <= found.most:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"{question}.rq: parameter {said!r}: write a range as number 0.1..50, with the default within it"
        ) from None
    return found


def _chart(question: str, said: str) -> Chart:
    kind, *columns = said.split()
    named = dict(_pair(question, column, "=") for column in columns)
    if kind not in CHARTS or not named.keys() <= {"x", "y", "colour"} or (kind == "none") == bool(named):
        raise ValueError(f"{question}.rq: chart {said!r}: write one of {', '.join(CHARTS)}, then x=… y=… colour=…")
    return Chart(kind, **named)


def _pair(question: str, text: str, sign: str) -> tuple[str, str]:
    name, found, value = text.partition(sign)
    if not found:
        raise ValueError(f"{question}.rq: {text!r} lacks a {sign}")
    return name.strip(), value.strip()


def _values(parameter: Parameter, given: object) -> str:
    if given == ANY or given is None:
        if not parameter.optional:
            raise BadParameter(f"{parameter.name} must be given: {parameter.meaning} (such as {parameter.default})")
        return f"# VALUES ?{parameter.name} {{ }}"
    several = list(given) if isinstance(given, list | tuple | set | frozenset) else [given]
    if not several:
        raise BadParameter(f"{parameter.name} is an empty list; give at least one, or {ANY}")
    return values(parameter.name, [_term(parameter, one) for one in several])


def _term(parameter: Parameter, given: object) -> Term:
    if parameter.kind == "number":
        return _number(parameter, given)
    if parameter.kind == "integer":
        number = _number(parameter, given)
        if not number.is_integer():
            raise BadParameter(f"{parameter.name} is {given!r}; write a whole number, such as {parameter.default}")
        return int(number)
    if not isinstance(given, str) or not given.strip():
        raise BadParameter(f"{parameter.name} is {given!r}; write a name, such as {_example(parameter)}")
    if parameter.kind == "figure":
        if given not in (known := [kind.name for kind in figure_kinds()]):
            raise BadParameter(f"{parameter.name} is {given!r}; it is one of {', '.join(known)}")
        return Name("", camel(given))
    return Name(parameter.kind, given)


def _number(parameter: Parameter, given: object) -> float:
    try:
        number = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(given, bool) or not math.isfinite(number):
        raise BadParameter(f"{parameter.name} is {given!r}; write a number, such as {parameter.default}")
    if not parameter.least <= number <= parameter.most:
        raise BadParameter(
            f"{parameter.name} is {given!r}; write a number from {parameter.least:,.10g} to {parameter.most:,.10g}, "
            f"such as {parameter.default}"
        )
    return number


def _example(parameter: Parameter) -> str:
    return {"dev": "samsung-galaxy-s24", "purpose": "object-detection", "tech": "quantization"}.get(
        parameter.kind, parameter.default
    )
