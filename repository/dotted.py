"""Prefixed names with several dots (`src:aihub-0.46.1`), which SPARQL allows and the engine cannot read.

They are written out as whole IRIs before the engine sees a text. Nothing within strings, IRIs and comments is touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ontology.namespaces import PREFIXES

# Whatever may hold what looks like a name is one token; strings that are never closed go to their end, so that reading
# takes time in proportion to the text. A name takes all that it can, as in SPARQL's grammar.
TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\r\n]*+)"""
    r"""|\"\"\"(?:[^"\\]|\\.|"(?!""))*+(?:\"\"\")?|'''(?:[^'\\]|\\.|'(?!''))*+(?:''')?"""
    r"""|"(?:[^"\\\r\n]|\\.)*+"?|'(?:[^'\\\r\n]|\\.)*+'?"""
    r"""|<(?P<iri>(?:[^<>"{}|^`\\\x00-\x20]|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8})*+)>"""
    r"""|[?$]\w+|@[A-Za-z]+(?:-[A-Za-z0-9]+)*|_:[\w.-]*|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"""
    r"""|(?P<prefix>(?:[^\W\d_](?:[\w.-]*[\w-])?)?):(?P<local>(?:(?:[\w:%]|\\.)(?:[\w:%.-]|\\.)*+)?)"""
    r"""|(?P<word>[^\W\d_][\w.-]*+)|.""",
    re.DOTALL,
)
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\\]*")
_PLAIN = re.compile(r"[A-Za-z0-9_:%.-]+")
_PLACE = re.compile(r"(error at |line:)(\d+)(:|, col:)(\d+)")


@dataclass(frozen=True)
class _Name:
    """Where a name stands, and the IRI in its place."""

    start: int
    end: int
    iri: str


def written_out(text: str) -> str:
    """A query or an update with its names of two dots and more as IRIs; each line stays on its number.

    Ours and the prefixes that the text declares with absolute IRIs are written out. A name with a backslash or with
    letters beyond ASCII is left as it is.
    """
    names = _names(text)
    if not names:
        return text
    parts, at = [], 0
    for name in names:
        parts += [text[at : name.start], name.iri]
        at = name.end
    return "".join(parts) + text[at:]


def as_written(said: str, text: str) -> str:
    """What an engine said of `written_out(text)`, with its column as it is in `text`."""

    def moved(place: re.Match[str]) -> str:
        return f"{place[1]}{place[2]}{place[3]}{_column(text, int(place[2]), int(place[4]))}"

    return _PLACE.sub(moved, said)


def _column(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    if not 1 <= line <= len(lines):
        return column
    begin = sum(len(one) + 1 for one in lines[: line - 1])
    end = begin + len(lines[line - 1])
    grown = 0  # characters that the line before the place has gained
    for name in _names(text):
        if begin <= name.start < end:
            at = name.start - begin + 1  # its column in `text`
            if column <= at + grown:
                break
            if column < at + grown + len(name.iri):
                return at
            grown += len(name.iri) - (name.end - name.start)
    return column - grown


def _names(text: str) -> list[_Name]:
    found: list[_Name] = []
    if text.count(".") < 2:
        return found
    iris: dict[str, str | None] = dict(PREFIXES)
    declaring = ""  # what PREFIX came to: the word, then the name with its colon
    for token in TOKEN.finditer(text):
        if token["space"]:
            continue
        prefix, local = token["prefix"], token["local"]
        if declaring == "PREFIX" and prefix is not None and not local:
            declaring = f"{prefix}:"
            continue
        if declaring.endswith(":") and token["iri"] is not None:
            iris[declaring[:-1]] = token["iri"] if _ABSOLUTE.fullmatch(token["iri"]) else None
        declaring = "PREFIX" if (token["word"] or "").upper() == "PREFIX" else ""
        if local and (iri := iris.get(prefix)) and _cannot_be_read(text, token):
            name = local.rstrip(".")
            found.append(_Name(token.start(), token.start("local") + len(name), f"<{iri}{name}>"))
    return found


def _cannot_be_read(text: str, token: re.Match[str]) -> bool:
    """Whether the name has several dots within it, and all of it was read: beyond ASCII letters are told otherwise."""
    after = text[token.end() : token.end() + 1]
    local = token["local"]
    return local.rstrip(".").count(".") > 1 and bool(_PLAIN.fullmatch(local)) and after.isascii() and after != "\\"
