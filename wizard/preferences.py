"""Preferences: one comparison a row, as in the paper's Figure 8a, with the weights that follow from them."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dss.consistency import consistency
from dss.preferences import ALL_PAIRS, PAPER_PAIRS, SIGNED_SCALE, Pair, Preference, Strength, weights
from wizard import parts, session
from wizard.state import Asked
from wizard.step import way
from wizard.words import plain

_ALL = "all-fifteen"
SCALE = tuple(reversed(SIGNED_SCALE))  # from "the left one absolutely" to "the right one absolutely"


def show(asked: Asked) -> None:
    """The comparisons on the left, what follows from them on the right."""
    st.subheader("What matters more to you?", anchor=False)
    st.caption(
        "Each row compares two objectives. Choose a word on the side of the one that matters more, or *equal*. "
        "Leave out what you cannot say; click a chosen word again to take it back."
    )
    pairs = _pairs(asked)
    with st.container(key="pairs", gap="small"):
        for pair in pairs:
            _row(asked, pair)
    with st.container(horizontal=True):
        if len(pairs) < len(ALL_PAIRS):
            st.button("Ask me all fifteen", key="ask-all", icon=":material/add:", on_click=_ask_all, args=(True,))
        elif _only_paper(asked):
            st.button("Ask me only seven", key="only-seven", icon=":material/remove:", on_click=_ask_all, args=(False,))
        if asked.preferences.judgements:
            st.button("Take all answers back", key="no-judgement", type="tertiary", on_click=_clear)
    way(asked)


def _pairs(asked: Asked) -> tuple[Pair, ...]:
    return ALL_PAIRS if st.session_state.get(_ALL) or not _only_paper(asked) else PAPER_PAIRS


def _only_paper(asked: Asked) -> bool:
    papers = {frozenset(pair) for pair in PAPER_PAIRS}
    return all(j.pair in papers for j in asked.preferences.judgements)


def _ask_all(wanted: bool) -> None:
    session.keep()
    st.session_state[_ALL] = wanted


def _row(asked: Asked, pair: Pair) -> None:
    first, second = pair
    judged = asked.preferences.on(first, second)
    key = session.key(f"{first}-{second}")
    st.session_state.setdefault(key, None if judged is None else judged.signed(first))
    left, middle, right = st.columns([1.1, 5.6, 1.1], gap="small", vertical_alignment="center")
    left.html(f'<div class="end left">{first.value.capitalize()}</div>')
    right.html(f'<div class="end right">{second.value.capitalize()}</div>')
    middle.segmented_control(
        f"{first.value.capitalize()} or {second.value}?",
        SCALE,
        key=key,
        format_func=_choice,
        label_visibility="collapsed",
        on_change=_judged,
        args=(pair, key),
        width="stretch",
    )


def _choice(signed: int) -> str:
    """`‹ Strong` for the objective on the left, `Strong ›` for the right: Streamlit tells choices by their texts."""
    word = Strength(abs(signed)).word.capitalize()
    return word if signed == 1 else f"‹ {word}" if signed > 0 else f"{word} ›"


def _judged(pair: Pair, key: str) -> None:
    asked, signed = session.held(), st.session_state[key]
    first, second = pair
    if signed is None:
        changed = asked.preferences.without(first, second)
    else:
        changed = asked.preferences.with_judgement(Preference.between(first, second, signed))
    session.commit(replace(asked, preferences=changed))


def _clear() -> None:
    asked = session.held()
    for judgement in asked.preferences.judgements:
        asked = replace(asked, preferences=asked.preferences.without(judgement.more, judgement.less))
    session.commit(asked)
    session.renew()


def weigh(asked: Asked) -> None:
    """The weights that the answers imply, and whether the answers agree."""
    found, agreement = weights(asked.preferences), consistency(asked.preferences)
    with st.container(key="weights", border=True):
        st.html(parts.eyebrow("Your weights") + parts.weights(found))
        st.write(plain(found.in_words()))
        text = plain(agreement.in_words())
        if agreement.acceptable:
            st.caption(f":material/check_circle: {text}")
        else:
            st.warning(text, icon=":material/warning:")
