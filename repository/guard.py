"""Queries from outside are read before they are run: nothing may make this process call another."""

from __future__ import annotations

from typing import Any

LONGEST = 100_000  # characters


class RefusedQuery(ValueError):
    """A query that will not be run; the message says why and what to do."""


def check(text: str) -> None:
    """Raise RefusedQuery for SERVICE, however it is spelt, and for what is no query at all (an update, say).

    The text is parsed: a search for the word would miss `\\u0053ERVICE`, and would refuse it within a comment.
    """
    if len(text) > LONGEST:
        raise RefusedQuery(f"the query is longer than {LONGEST:,} characters; split it")
    from rdflib.plugins.sparql.parser import parseQuery  # heavy, and needed for foreign queries only

    try:
        parsed = parseQuery(text)
    except RecursionError as error:
        raise RefusedQuery("the query is nested too deeply to be read; simplify it") from error
    except Exception as error:  # pyparsing raises many kinds; all mean that this is not a query
        raise RefusedQuery(
            f"this is not a SPARQL query that can be read: {' '.join(str(error).split())[:300]}"
        ) from error
    if _mentions_service(parsed):
        raise RefusedQuery("SERVICE would call another server and is refused; load those facts here instead")


def _mentions_service(parsed: Any) -> bool:
    stack = [parsed]
    while stack:
        part = stack.pop()
        if getattr(part, "name", "") == "ServiceGraphPattern":
            return True
        if isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, list | tuple) or hasattr(part, "asList"):
            stack.extend(part)
    return False
