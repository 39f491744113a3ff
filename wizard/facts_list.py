"""What is known of a thing, as a list of names and values. Nothing here knows Streamlit."""

from __future__ import annotations

from collections.abc import Iterable

from wizard.parts import safe


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Name and value side by side, as HTML; two columns of them where there is room."""
    return '<dl class="facts">' + "".join(f"<div><dt>{safe(a)}</dt><dd>{safe(b)}</dd></div>" for a, b in rows) + "</dl>"
