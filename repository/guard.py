"""Queries from outside are read before they are run: nothing may make this process call another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

LONGEST = 100_000  # characters
MOST_PARTS = 600  # of one group, UNION, path or expression (a triple is three); at some thousands the engine dies
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))")


class RefusedQuery(ValueError):
    """A query that will not be run; the message says why and what to do."""


def check(text: str) -> bool:
    """Whether the query's answer is a graph (CONSTRUCT, DESCRIBE) rather than a table (SELECT, ASK).

    Raises RefusedQuery for SERVICE, however it is spelt, and for what is no query at all (an update, say). The text
    is parsed: a search for the word would refuse it within a comment.
    """
    if len(text) > LONGEST:
        raise RefusedQuery(f"the query is longer than {LONGEST:,} characters; split it")
    from rdflib.plugins.sparql.parser import parseQuery  # heavy, and needed for foreign queries only

    text = _as_every_engine_reads_it(text)
    try:
        parsed = parseQuery(text)
    except RecursionError as error:
        raise RefusedQuery("the query is nested too deeply to be read; simplify it") from error
    except Exception as error:  # pyparsing raises many kinds; all mean that this is not a query
        raise RefusedQuery(
            f"this is not a SPARQL query that can be read: {' '.join(str(error).split())[:300]}"
        ) from error
    declared = {declaration.get("prefix", "") for declaration in parsed[0]}
    for part in _parts(parsed):
        name = getattr(part, "name", "")
        if name == "ServiceGraphPattern":
            raise RefusedQuery("SERVICE would call another server and is refused; load those facts here instead")
        if name == "pname" and part.get("prefix", "") not in declared:
            prefix = part.get("prefix", "")
            raise RefusedQuery(f"the prefix {prefix}: is not declared; write PREFIX {prefix}: <…> before the query")
        if _is_list(part) and len(part) > MOST_PARTS:
            raise RefusedQuery(
                f"{len(part):,} parts side by side are more than the {MOST_PARTS} allowed; split the query, or write a "
                "long list of terms as VALUES"
            )
    return parsed[1].name in ("ConstructQuery", "DescribeQuery")


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
    """Everything in a parsed query, as far as it can nest; of VALUES, which may be long, nothing."""
    stack = [parsed]
    while stack:
        part = stack.pop()
        yield part
        if getattr(part, "name", "") in ("InlineData", "ValuesClause"):
            continue
        if isinstance(part, dict):
            stack.extend(part.values())
        elif _is_list(part):
            stack.extend(part)


def _is_list(part: Any) -> bool:
    return isinstance(part, list | tuple) or hasattr(part, "asList")
