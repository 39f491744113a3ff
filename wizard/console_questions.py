"""The list of named questions: whom they serve, and a search in their words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import streamlit as st

from repository.questions import READERS, Question, questions
from wizard import session
from wizard.parts import safe
from wizard.words import plain

_EVERYONE = "all"
_TITLES = {"manager": "For managers", "engineer": "For engineers", "analyst": "For analysts"}


def show(chosen: str, ask: Callable[[str], None]) -> None:
    """Search, choice of the reader, and a button for each question; `ask` is called with a name."""
    words = st.text_input(
        "Search the questions", key="question-search", placeholder="Search: price, energy, quantized …",
        label_visibility="collapsed", icon=":material/search:", on_change=session.keep,
    )  # fmt: skip
    reader = st.segmented_control(
        "For whom", [_EVERYONE, *READERS], key="question-reader", default=_EVERYONE, required=True,
        format_func=lambda r: f"{r.capitalize()}s" if r in READERS else "All", label_visibility="collapsed",
        on_change=session.keep,
    )  # fmt: skip
    found = matching(questions(), words or "")
    groups = [r for r in READERS if reader in (_EVERYONE, r)]
    with st.container(key="questions", height=600, border=False, gap=None):
        shown = 0
        for group in groups:
            own = [q for q in found if (q.readers[0] == group if reader == _EVERYONE else group in q.readers)]
            shown += len(own)
            if own:
                st.html(f'<div class="why"><h4>{_TITLES[group]}</h4></div>')
            for q in own:
                _one(q, q.name == chosen, ask)
        if not shown:
            st.caption("No question has these words. Take one away, or write your own query.")


def matching(among: Iterable[Question], words: str) -> list[Question]:
    """The questions in which every word stands, somewhere in title, sentence or name."""
    wanted = words.casefold().split()
    return [q for q in among if all(w in f"{q.title} {q.answers} {q.name}".casefold() for w in wanted)]


def _one(q: Question, is_chosen: bool, ask: Callable[[str], None]) -> None:
    st.button(
        plain(q.title), key=f"question-{q.name}", type="primary" if is_chosen else "tertiary",
        on_click=ask, args=(q.name,), width="stretch",
    )  # fmt: skip
    st.html(f'<div class="sentence">{_first_sentence(q)}</div>')


def _first_sentence(q: Question) -> str:
    return safe(q.answers.split(". ")[0].split(": ")[0].rstrip(".") + ".")
