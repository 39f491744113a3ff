"""Queries from outside are read before they are run: nothing may make this process call another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ontology.namespaces import PREFIXES

LONGEST = 100_000  # characters
MOST_PARTS = 600  # of one group, UNION, path or expression (a triple is three); at some thousands the engine dies
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))")
# What an update is made of: comments, IRIs, strings, variables and prefixed names (which may read `where`), braces.
_TOKEN = re.compile(
    r"""\s+|\#[^\r\n]*|<[^<>"{}|^`\\\s]*>"""
    r"""|\"\"\"(?:[^"\\]|\\.|"(?!""))*+\"\"\"|'''(?:[^'\\]|\\.|'(?!''))*+'''"""
    r"""|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'"""
    r"""|[?$]?[\w.-]*:(?:[\w.:%-]|\\.)*|[?$]?[\w.-]+|[{}]|.""",
    re.DOTALL,
)


class RefusedQuery(ValueError):
    """A query that will not be run; the message says why and what to do."""


@dataclass(frozen=True)
class Reading:
    """What a query is, as far as it decides how it is run and written."""

    graph: bool  # CONSTRUCT or DESCRIBE, whose answer is a graph rather than a table
    dataset: bool  # it says FROM, so that its default graph is not the union of all


def check(text: str) -> bool:
    """Whether the query's answer is a graph (CONSTRUCT, DESCRIBE) rather than a table. Raises RefusedQuery."""
    return read_query(text).graph


def read_query(text: str) -> Reading:
    """What an analyst's query is; our own prefixes need not be declared.

    Raises RefusedQuery for SERVICE, however it is spelt, and for what is no query at all (an update, say). The text
    is parsed: a search for the word would refuse it within a comment. This takes about 2.5 ms an operator, and a text
    can be made on which it takes very long: for foreign texts call it where it can be killed.
    """
    from rdflib.plugins.sparql.parser import parseQuery  # heavy, and needed for foreign queries only

    parsed = _parsed(text, parseQuery, "query")
    declared = {_of(declaration, "prefix") or "" for declaration in parsed[0]} | set(PREFIXES)
    for part in _parts(parsed):
        _refuse(part)
        if getattr(part, "name", "") == "pname" and (prefix := _of(part, "prefix") or "") not in declared:
            raise RefusedQuery(f"the prefix {prefix}: is not declared; write PREFIX {prefix}: <…> before the query")
    return Reading(
        graph=parsed[1].name in ("ConstructQuery", "DescribeQuery"), dataset=bool(_of(parsed[1], "datasetClause"))
    )


def read_update(text: str) -> bool:
    """Whether an update says itself which graphs it looks at (WITH, USING). Raises RefusedQuery.

    Refused are LOAD, SERVICE and what is no update. Data to insert or delete may be long; all else is held to the
    limits of a query.
    """
    from rdflib.plugins.sparql.parser import parseUpdate

    parsed = _parsed(text, parseUpdate, "update")
    found = False
    for part in _parts(parsed):
        _refuse(part)
        if getattr(part, "name", "") == "Load":
            raise RefusedQuery("LOAD would fetch from another server and is refused; PUT the file to /graphs instead")
        if getattr(part, "name", "") == "Modify":
            found = found or bool(_of(part, "withClause") or _of(part, "using"))
    return found


def with_dataset(text: str, using: Sequence[str], named: Sequence[str]) -> str:
    """An update that looks at these graphs: USING and USING NAMED put before each of its WHERE.

    Only the words outside braces are looked at: there WHERE begins a pattern and nothing else. `DELETE WHERE {…}`,
    which cannot have USING, becomes `DELETE {…} USING … WHERE {…}`. Raises RefusedQuery.
    """
    clauses = "".join(f" USING <{iri}>" for iri in using) + "".join(f" USING NAMED <{iri}>" for iri in named)
    written: list[str] = []
    depth, at, before, short = 0, 0, "", -1  # short: where the braces of a DELETE WHERE begin
    for token in _TOKEN.finditer(text):
        word = token[0]
        depth += {"{": 1, "}": -1}.get(word, 0)
        if word == "}" and depth == 0 and short >= 0:
            pattern = text[short : token.end()]
            written += [pattern, clauses, " WHERE ", pattern]
            at, short = token.end(), -1
        elif depth == 0 and word.upper() == "WHERE":
            written.append(text[at : token.start()])
            if before == "DELETE":
                short = token.end()
            else:
                written += [clauses, " WHERE"]
            at = token.end()
        if not word.isspace() and not word.startswith("#"):
            before = word.upper()
    return "".join(written) + text[at:]


def _parsed(text: str, parse: Callable[[str], Any], what: str) -> Any:
    if len(text) > LONGEST:
        raise RefusedQuery(f"the {what} is longer than {LONGEST:,} characters; split it")
    try:
        return parse(_as_every_engine_reads_it(text))
    except RefusedQuery:
        raise
    except RecursionError as error:
        raise RefusedQuery(f"the {what} is nested too deeply to be read; simplify it") from error
    except Exception as error:  # pyparsing raises many kinds; all mean that this is not a query
        raise RefusedQuery(
            f"this is not a SPARQL {what} that can be read: {' '.join(str(error).split())[:300]}"
        ) from error


def _refuse(part: Any) -> None:
    if getattr(part, "name", "") == "ServiceGraphPattern":
        raise RefusedQuery("SERVICE would call another server and is refused; load those facts here instead")
    if _is_list(part) and len(part) > MOST_PARTS:
        raise RefusedQuery(
            f"{len(part):,} parts side by side are more than the {MOST_PARTS} allowed; split the query, or write a "
            "long list of terms as VALUES"
        )


def _as_every_engine_reads_it(text: str) -> str:
    """The text without the two things that this parser reads differently from an engine. Raises RefusedQuery.

    A comment ends at a carriage return, which the parser does not know. `\\u0022` ends a string for some readers and
    stands within it for others (Oxigraph); what one takes for a string is a SERVICE to the other.
    """
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1] or escape[2], 16)
        if 0x20 <= code < 0x7F or code in (0x09, 0x0A, 0x0D):
            raise RefusedQuery(f"{escape[0]} stands for {chr(code)!r}; write the character itself")
    text = _ESCAPE.sub("\N{LATIN SMALL LETTER E WITH ACUTE}", text)  # any letter: what remains ends no token
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parts(parsed: Any) -> Iterator[Any]:
    """Everything in a parsed text, as far as it can nest; of VALUES and of data, which may be long, nothing."""
    stack = [parsed]
    while stack:
        part = stack.pop()
        yield part
        if getattr(part, "name", "") in ("InlineData", "ValuesClause", "InsertData", "DeleteData"):
            continue
        if isinstance(part, dict):
            stack.extend(part.values())
        elif _is_list(part):
            stack.extend(part)


def _of(part: Any, key: str) -> Any:
    """What a part has under a key, or None; its own `get` gives the key itself where there is nothing."""
    return dict.get(part, key) if isinstance(part, dict) else None


def _is_list(part: Any) -> bool:
    return isinstance(part, list | tuple) or hasattr(part, "asList")
