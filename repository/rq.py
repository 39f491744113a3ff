"""Queries are `.rq` files under `queries/`: comments say what each answers; prefixes are put before them here."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from repository.terms import prologue

QUERIES = Path(__file__).parent / "queries"


@cache
def query(name: str) -> str:
    """The text of `queries/NAME.rq` with our prefixes before it."""
    return prologue() + (QUERIES / f"{name}.rq").read_text(encoding="utf-8")
