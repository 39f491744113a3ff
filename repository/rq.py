"""Queries are `.rq` files under `queries/`: comments say what each answers; prefixes are put before them here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from repository.terms import Term, prologue, values

QUERIES = Path(__file__).parent / "queries"


class UnboundName(KeyError):
    """A value was given for a variable that the query does not have: engines ignore a misspelt binding silently."""


def bind(text: str, **terms: Iterable[Term]) -> str:
    """The query with VALUES for some of its variables, bound as terms. Raises UnboundName for any it does not use."""
    for name in terms:
        if not re.search(rf"[?$]{name}\b", text):
            raise UnboundName(f"the query has no ?{name}")
    bound = "".join(f"\n  {values(name, given)}" for name, given in terms.items())
    head, where, rest = text.partition("WHERE {")
    return f"{head}{where}{bound}{rest}"


@cache
def query(name: str) -> str:
    """The text of `queries/NAME.rq` with our prefixes before it."""
    return prologue() + (QUERIES / f"{name}.rq").read_text(encoding="utf-8")
