"""A SELECT in its clauses, found by rdflib's grammar, so that it can be asked once more with something added."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

# A comment, and what may hold its sign or a brace: strings, long ones first, and IRIs.
_TOKEN = re.compile(
    r'"{3}(?:[^"\\]|\\.|"(?!""))*"{3}|"(?:[^"\\\n]|\\.)*"'
    r"|'{3}(?:[^'\\]|\\.|'(?!''))*'{3}|'(?:[^'\\\n]|\\.)*'"
    r'|<[^<>"{}|^`\\\s]*>|#[^\n\r]*',
    re.DOTALL,
)


class CannotFollow(Exception):
    """The query cannot be followed; the message says why."""


@dataclass(frozen=True)
class Clauses:
    """A SELECT cut into its clauses, as text; `where` begins and ends with a brace, `rest` is what comes after it."""

    select: str
    dataset: str
    where: str
    rest: str


@dataclass(frozen=True)
class _Ways:
    """Parts of rdflib's grammar."""

    prologue: Any
    select: Any
    dataset: Any
    where: Any
    sub_select: Any


@cache
def _ways() -> _Ways:
    from pyparsing import ZeroOrMore
    from rdflib.plugins.sparql import parser

    return _Ways(
        parser.Prologue, parser.SelectClause, ZeroOrMore(parser.DatasetClause), parser.WhereClause, parser.SubSelect
    )


def without_comments(text: str) -> str:
    """The query with a space in place of each comment."""
    return _TOKEN.sub(lambda token: " " if token[0][0] == "#" else token[0], text)


def is_select(text: str) -> bool:
    """Whether a query that can be parsed is a SELECT."""
    from rdflib.plugins.sparql.parser import parseQuery

    return bool(parseQuery(text)[1].name == "SelectQuery")


def after_prologue(text: str) -> int:
    """Where the PREFIX and BASE lines of a query without comments end."""
    return _end(_ways().prologue, text)


def cut(text: str) -> Clauses:
    """The clauses of a SELECT without comments that begins with that word. Raises CannotFollow."""
    begin, end = _spans(_ways().select, text, 1)[0]
    if re.search(r"\bEXISTS\b", text[begin:end], re.IGNORECASE):
        raise CannotFollow("EXISTS within the SELECT clause is not followed")
    after = end + _end(_ways().dataset, text[end:])
    start, stop = _spans(_ways().where, text[after:], 1)[0]
    where = text[after + start : after + stop]
    return Clauses(text[begin:end], text[end:after], where[where.index("{") :].strip(), text[after + stop :])


def sub_selects(where: str) -> list[tuple[int, int]]:
    """Where the outermost sub-selects of a group begin and end."""
    return _spans(_ways().sub_select, where)


def _spans(way: Any, text: str, most: int = sys.maxsize) -> list[tuple[int, int]]:
    """Where a part of the grammar stands in a text, whatever its strings contain."""
    return [(begin, end) for _, begin, end in way.scan_string(_hidden(text), max_matches=most)]


def _end(way: Any, text: str) -> int:
    """Where a part of the grammar that stands at the beginning ends; 0 where it is empty."""
    return int(way.try_parse(_hidden(text), 0))


def _hidden(text: str) -> str:
    """The text, as long as before, without what its strings contain."""

    def hidden(token: re.Match[str]) -> str:
        return token[0] if token[0][0] == "<" else token[0][0] + "x" * (len(token[0]) - 2) + token[0][-1]

    return _TOKEN.sub(hidden, text)
