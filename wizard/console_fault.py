"""Why a query was not answered, in the reader's words and with the line. Nothing here knows Streamlit."""

from __future__ import annotations

import re
from dataclasses import dataclass

from repository.guard import RefusedQuery
from repository.workers.pool import Busy, QueryStopped, QueryTimeout

_AT = re.compile(r"\(line:(\d+), col:(\d+)\)|error at (\d+):(\d+)")
_PREFIX = re.compile(r"the prefix ([\w.-]*): is not declared")
_UPDATE = re.compile(r"(?i)(insert|delete|load|clear|drop|create|add|move|copy|with)\b")
_HIDDEN = re.compile(  # what may hold a bracket that is none
    r'"{3}(?:[^"\\]|\\.|"(?!""))*"{3}|"(?:[^"\\\n]|\\.)*"|\'{3}(?:[^\'\\]|\\.|\'(?!\'\'))*\'{3}|\'(?:[^\'\\\n]|\\.)*\''
    r"|<[^<>\"{}|^`\\\s]*>|#[^\n]*",
    re.DOTALL,
)
_PAIRS = {")": "(", "}": "{", "]": "["}


@dataclass(frozen=True)
class Fault:
    """What happened, what to do, and where: `line` and `column` count from 1. `detail` is the engine's own word."""

    what: str
    hint: str = ""
    line: int | None = None
    column: int | None = None
    detail: str = ""
    is_calm: bool = False  # it was wished: no error


def explained(error: Exception, text: str, seconds: float) -> Fault:
    """An error of `Knowledge.answer` for whoever wrote the query."""
    said = str(error)
    if isinstance(error, QueryStopped) or said == "the query was stopped":
        return Fault("The query was stopped.", "Nothing was changed. Run it again, or narrow it first.", is_calm=True)
    if isinstance(error, QueryTimeout):
        return Fault(
            f"The query was ended after {seconds:g} s, its time limit.",
            "Narrow it: name a task, a device or `:current true`, and check that all patterns share a variable. Or "
            "raise the limit beside Run.",
            detail=said,
        )
    if isinstance(error, Busy):
        return Fault("Too many queries are running just now.", "Wait a few seconds and run it again.", detail=said)
    if isinstance(error, RefusedQuery):
        return _refused(said, text)
    place = _AT.search(said)
    if place:
        line, column = (int(n) for n in place.groups() if n)
        return Fault("The query cannot be understood.", _hint(said), line, column, said)
    return Fault("The query could not be answered.", said[:1].upper() + said[1:])


def _refused(said: str, text: str) -> Fault:
    if not text.strip():
        return Fault("There is nothing to run yet.", "Choose a question, or write a query that begins with SELECT.")
    if said.startswith("SERVICE"):
        return Fault(
            "SERVICE is refused.",
            "It would send your query to another server, and this one calls nobody. Load those facts here instead.",
            *_first(r"(?i)\bservice\b", text),
        )
    if prefix := _PREFIX.match(said):
        return Fault(
            f"The prefix `{prefix[1]}:` is not known.",
            f"Write `PREFIX {prefix[1]}: <…>` before the query, or use one of ours; the Schema beside shows them.",
            *_first(rf"(?<![\w.-]){re.escape(prefix[1])}:", text),
        )
    if _UPDATE.match(_bare(text).lstrip()):
        return Fault(
            "This would change the graph, and the console only reads.",
            "Use the page Register, or send an update to the endpoint with a token (`./dlom token`).",
            *_first(r"\S", _bare(text)),
        )
    place = _AT.search(said)
    if place is None:
        return Fault("The query was refused.", said[:1].upper() + said[1:])
    line, column = (int(n) for n in place.groups() if n)
    return Fault(
        "The query cannot be read.", unclosed(text) or _hint(said, _word(text, line, column)), line, column, said
    )


def _word(text: str, line: int, column: int) -> str:
    """What begins at a place, as far as a person would quote it."""
    lines = text.splitlines()
    found = re.match(r"\S+", lines[line - 1][column - 1 :]) if line <= len(lines) else None
    return found[0][:40] if found else ""


def _hint(said: str, word: str = "") -> str:
    if "unbound" in said:
        return "A variable of SELECT stands neither in the pattern nor in GROUP BY; add it to GROUP BY, or take it out."
    if "found end of text" in said:
        return "It ends too early: a bracket is open, or something is missing at the end."
    if word:
        return f"`{word}` was not expected here. Often a `.` or `;` is missing before it, or a word is spelt otherwise."
    return "Look at the line above, too: often a `.` or a bracket is missing there."


def _bare(text: str) -> str:
    """The text without strings, IRIs and comments, each character in its place."""
    return _HIDDEN.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def unclosed(text: str) -> str:
    """The first bracket without its other half, in a sentence; empty when all are in pairs."""
    opened: list[tuple[str, int]] = []
    bare = _bare(text)
    for at, sign in enumerate(bare):
        line = bare.count("\n", 0, at) + 1 if sign in "(){}[]" else 0
        if sign in _PAIRS.values():
            opened.append((sign, line))
        elif sign in _PAIRS:
            if not opened:
                return f"The bracket `{sign}` in line {line} closes nothing."
            last, begun = opened.pop()
            if last != _PAIRS[sign]:
                return f"The bracket `{last}` of line {begun} is still open where `{sign}` stands in line {line}."
    if opened:
        sign, line = opened[-1]
        return f"The bracket `{sign}` of line {line} is never closed."
    return ""


def _first(pattern: str, text: str) -> tuple[int | None, int | None]:
    found = re.search(pattern, _bare(text))
    if found is None:
        return None, None
    before = text[: found.start()]
    return before.count("\n") + 1, found.start() - (before.rfind("\n") + 1) + 1
