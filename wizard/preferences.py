"""Preferences: one comparison a row, as in the paper's Figure 8a; first those that can still change the winner."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dss.asked import Asked as Questions
from dss.consistency import consistency
from dss.groups import weights_of
from dss.preferences import ALL_PAIRS, PAPER_PAIRS, SIGNED_SCALE, Pair, Preference, Preferences, Strength
from flow import Selection
from ontology.records import Objective
from wizard import parts, people, session
from wizard.alternatives import titled
from wizard.state import Asked
from wizard.step import way
from wizard.words import asked_words, plain

_LISTED = "listed_comparisons"
AT_FIRST = 7  # open comparisons that are shown at once, as many as the paper asks
SCALE = tuple(reversed(SIGNED_SCALE))  # from "the left one absolutely" to "the right one absolutely"


@dataclass(frozen=True)
class _Listed:
    """The comparisons on the page. They keep their places while they are answered, or rows would jump about."""

    of: object  # the request, the person and what was loaded: when one changes the list is made anew
    pairs: tuple[Pair, ...]


def show(asked: Asked) -> None:
    """The comparisons on the left, what follows from them on the right."""
    selection = session.selection(asked)
    questions = selection.asked
    st.subheader("What matters more to you?", anchor=False)
    st.caption(
        "Each row compares two objectives. Choose a word on the side of the one that matters more, or *equal*. "
        "Leave out what you cannot say; click a chosen word again to take it back."
    )
    people.tabs(asked)
    _status(selection, questions)
    pairs = listed(asked, questions)
    useful = None if questions is None else {frozenset(q.pair) for q in questions.questions}
    with st.container(key="pairs", gap="small"):
        for pair in pairs:
            _row(asked, pair, useful)
    with st.container(horizontal=True):
        if len(pairs) < len(ALL_PAIRS):
            st.button(
                "Ask me all fifteen", key="ask-all", icon=":material/add:", on_click=_ask, args=(asked, ALL_PAIRS)
            )
        else:
            st.button(
                "Ask me only what matters", key="ask-few", icon=":material/remove:", on_click=_ask, args=(asked, ())
            )
        if asked.preferences.judgements:
            st.button("Take all answers back", key="no-judgement", type="tertiary", on_click=_clear)
    way(asked)


def _status(selection: Selection, questions: Questions | None) -> None:
    """Whether more answers can change the winner, and who that is now."""
    if questions is None:
        st.info(
            "No model meets every limit yet, so no answer can change a winner. Your answers are kept for later.",
            icon=":material/info:",
        )
        return
    title, how = titled(selection.candidates, selection.ranking.order[0])
    icon = ":material/check_circle:" if questions.settled else ":material/help:"
    st.markdown(f"{icon} **{plain(asked_words(questions))}** First now: {plain(title)} ({plain(how)}).")


def listed(asked: Asked, questions: Questions | None) -> tuple[Pair, ...]:
    """The comparisons to show: at first the open ones that can change the winner, then those that were answered."""
    of = (asked.requirement, asked.who, session.key("pairs"))
    kept: _Listed | None = st.session_state.get(_LISTED)
    pairs = kept.pairs if kept is not None and kept.of == of else ()
    answered = [pair for pair in ALL_PAIRS if asked.preferences.on(*pair) is not None]
    open_ones = list(PAPER_PAIRS) if questions is None else [q.pair for q in questions.questions]
    open_ones = [pair for pair in open_ones if pair not in answered]
    room = AT_FIRST - sum(pair in open_ones for pair in pairs)
    fresh = [pair for pair in open_ones if pair not in pairs][: max(room, 0)]
    pairs = (*pairs, *fresh, *(pair for pair in answered if pair not in pairs))
    st.session_state[_LISTED] = _Listed(of, pairs)
    return pairs


def _ask(asked: Asked, pairs: tuple[Pair, ...]) -> None:
    session.keep()
    kept: _Listed = st.session_state[_LISTED]
    more = (*kept.pairs, *(pair for pair in pairs if pair not in kept.pairs))
    st.session_state[_LISTED] = _Listed(kept.of, more if pairs else ())


def _row(asked: Asked, pair: Pair, useful: set[frozenset[Objective]] | None) -> None:
    first, second = pair
    judged = asked.preferences.on(first, second)
    key = session.key(f"{first}-{second}-{asked.who}")
    st.session_state.setdefault(key, None if judged is None else judged.signed(first))
    left, middle, right = st.columns([1.1, 5.6, 1.1], gap="small", vertical_alignment="center")
    idle = judged is None and useful is not None and frozenset(pair) not in useful
    left.html(f'<div class="end left{" idle" if idle else ""}">{first.value.capitalize()}</div>')
    right.html(f'<div class="end right{" idle" if idle else ""}">{second.value.capitalize()}</div>')
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
    if idle:
        middle.html('<div class="idle-note">cannot change the winner</div>')


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
    session.commit(asked.with_preferences(changed))


def _clear() -> None:
    session.commit(session.held().with_preferences(Preferences()))
    session.renew()


def _take(better: Preference) -> None:
    """Answer one comparison anew, as the others would have it."""
    asked = session.held()
    session.commit(asked.with_preferences(asked.preferences.with_judgement(better)))
    session.renew()


def weigh(asked: Asked) -> None:
    """The weights that the answers imply, whether the answers agree, and who decides together."""
    found, agreement = weights_of(asked.judged), consistency(asked.preferences)
    several = len(asked.group) > 1
    with st.container(key="weights", border=True):
        st.html(parts.eyebrow("The weights of all together" if several else "Your weights") + parts.weights(found))
        st.write(plain(found.in_words()))
        whose = f"{asked.who}: " if several else ""
        text = plain(whose + agreement.in_words())
        if agreement.acceptable:
            st.caption(f":material/check_circle: {text}")
        else:
            st.warning(text, icon=":material/warning:")
            if agreement.look_again is not None:
                better = agreement.look_again.better
                st.button(
                    plain(f"Take “{better.in_words()}” instead"), key="take-better", icon=":material/auto_fix_high:",
                    on_click=_take, args=(better,), width="stretch",
                )  # fmt: skip
    people.together(asked)
