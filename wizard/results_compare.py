"""Two or three models side by side, and why the first and not the others."""

from __future__ import annotations

import streamlit as st

from dss.card import card
from dss.comparison import compare, comparison_sentences
from flow import Selection
from wizard import parts, pictures, session
from wizard.results_card import choose, remarks
from wizard.words import plain

_LOOK = "look"
MOST = 3


def picked(selection: Selection) -> tuple[int, ...]:
    """The models picked last, as long as the requirement is the same."""
    asked, rows = st.session_state.get(_LOOK) or (None, ())
    return rows if asked == selection.requirement else ()


def pick(selection: Selection, rows: tuple[int, ...]) -> None:
    """Show these instead."""
    st.session_state[_LOOK] = (selection.requirement, rows) if rows else None


def columns(selection: Selection) -> tuple[int, ...]:
    """The rows that stand side by side: the recommended one and those that were picked, three at most."""
    winner = selection.ranking.order[0]
    others = tuple(row for row in picked(selection) if row != winner)
    return (winner, *others)[:MOST] if others else ()


def show(selection: Selection) -> None:
    """What was picked in the table or the chart, beside the recommended one."""
    rows = columns(selection)
    if not rows:
        return
    candidates, p = selection.candidates, selection.candidates.projection
    comparisons = [compare(candidates, selection.ranking, rows[0], row) for row in rows[1:]]
    sides = [comparisons[0].first, *(c.second for c in comparisons)]
    cards = [card(candidates, row) for row in rows]
    headings = [pictures.place_words(side.scored) for side in sides]
    with st.container(key="beside"):
        title, close = st.columns([5, 1], vertical_alignment="bottom")
        title.subheader("Side by side", anchor=False)
        close.button("Close", key="look-no-more", on_click=_close, width="stretch")
        if len(picked(selection)) > MOST:
            st.caption(f"The recommended one and the first {MOST - 1} that you picked.")
        st.html(pictures.side_by_side(cards, sides, headings))
        for comparison, c, row in zip(comparisons, cards[1:], rows[1:], strict=True):
            with st.expander(plain(f"Why not {c.title} ({c.subtitle})?"), expanded=len(comparisons) == 1):
                left, right = st.columns([1.2, 1], gap="large")
                with left:
                    st.html(parts.told(comparison_sentences(comparison, p)))
                with right:
                    st.html(pictures.differences(comparison))
                    choose(c)
            with st.expander(plain(f"All about {c.title}")):
                scored = comparison.second.scored
                st.html(
                    parts.card(c, scored, pictures.place_words(scored), first=False, under=remarks(candidates, row))
                )


def _close() -> None:
    session.keep()
    st.session_state[_LOOK] = None
    session.renew()
