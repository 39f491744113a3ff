"""The editor: a text area with SPARQL in colours and numbered lines, small enough to come with the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from wizard import session

_HTML = """
<div class="editor"><div class="gutter" aria-hidden="true"></div><div class="text">
<pre class="paint" aria-hidden="true"></pre>
<textarea spellcheck="false" autocapitalize="off" autocomplete="off" wrap="off"></textarea></div></div>
"""
_EDITOR = st.components.v2.component(
    "dlom_sparql_editor",
    html=_HTML,
    css=Path(__file__).with_name("console_editor.css").read_text(encoding="utf-8"),
    js=Path(__file__).with_name("console_editor.js").read_text(encoding="utf-8"),
)
_NAME = "sparql-editor"


def show(text: str, *, line: int | None, lines: int, changed: Callable[[], None], run: Callable[[], None]) -> None:
    """The editor filled with a text; `line` is marked as faulty.

    `changed` is called when the editor is left, `run` at Ctrl+Enter; both ask `written` for the text.
    """
    label = "Query in SPARQL; Control and Enter run it"
    _EDITOR(
        key=session.key(_NAME),
        data={"text": text, "line": line, "lines": lines, "label": label},
        default={"text": text},
        on_text_change=changed,
        on_run_change=run,
    )


def written(otherwise: str) -> str:
    """What stands in the editor now; `otherwise` before anything was typed."""
    state = st.session_state.get(session.key(_NAME))
    text = state.get("text") if state else None
    return text if isinstance(text, str) else otherwise
