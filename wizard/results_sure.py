"""How sure the choice is: one sentence and one picture, a second opinion, and what would change the winner."""

from __future__ import annotations

import streamlit as st

from dss.robust_words import answer_words, judgement_words, measurement_words, opinion_words, switch_words
from flow import Selection
from wizard import alternatives, parts, pictures, session
from wizard.state import PREFERENCES, Asked
from wizard.words import open_words, plain, sure_word, sure_words

AT_ONCE = 5_000  # matches up to which it is worked out without being asked for: about a second
FIRST = 5


def show(asked: Asked, selection: Selection) -> None:
    """Drawn last, as it costs most; the page around it is there before."""
    with st.container(key="answer-sure", border=True):
        st.html(parts.eyebrow("How sure is this?"))
        if selection.ranking.total == 1:
            st.write("Nothing competes with it: it is the only one that meets every limit.")
            return
        worked_out = "robustness" in selection.__dict__
        if selection.ranking.total > AT_ONCE and not worked_out and not st.session_state.get(_key(selection)):
            st.write(
                f"With {selection.ranking.total:,} matches this takes some seconds. A narrower request, such as one "
                "that names a task, is answered at once and means more."
            )
            st.button("Work it out", key="work-out", icon=":material/calculate:", on_click=_wanted, args=(asked,))
            return
        with st.spinner("Trying 10,000 plausible cases …"):
            found = selection.robustness
        if found is None:
            return
        candidates = selection.candidates
        left, right = st.columns([1.15, 1], gap="large")
        with left:
            share = alternatives.chance_with_copies(candidates.projection, found)
            st.markdown(f"**{plain(sure_word(found, share))}** {plain(sure_words(found, share))}")
            shown = sorted(found.chances, key=lambda c: -c.first)[:FIRST]
            if all(c.row != found.winner for c in shown):
                shown = [*shown[: FIRST - 1], found.of(found.winner)]
            if share < 0.6 and not asked.requirement.task:
                st.write("Name a task: models for different tasks compete here.")
            st.html(pictures.chances(shown, lambda row: alternatives.titled(candidates, row), found.winner))
        with right:
            rows = [c.row for c in found.chances[:10]]
            named = alternatives.naming(candidates, [found.winner, *rows, *selection.ranking.order[:10]])
            told = []
            if found.judgement is not None:
                told.append(judgement_words(found.judgement, "the winner"))
            if found.measurement is not None:
                told.append(measurement_words(found.measurement, named))
            if selection.switches and selection.switches[0].nearest is not None:
                told.append(switch_words(selection.switches[0], named))
            if selection.opinion is not None:
                told.append(opinion_words(selection.opinion, named))
            told += [answer_words(answer, named) for answer in selection.other_answers[:1]]
            if selection.asked is not None:
                told.append(open_words(selection.asked))
            st.html(parts.told(told))
            st.button(
                "Look at the preferences again", key="revisit", icon=":material/balance:", on_click=session.turn_to,
                args=(PREFERENCES,),
            )  # fmt: skip


def weights(selection: Selection) -> None:
    """The weights as bars, each with the range in which the winner stays first."""
    st.caption(
        "What each objective weighs (the line), and the range in which the recommended one stays first when that "
        "weight alone is moved and the others keep their proportions (the bar)."
    )
    if selection.switches:
        st.html(pictures.switches(selection.switches))
        named = alternatives.naming(selection.candidates, selection.ranking.order[:20])
        turns = [(s, t) for s in selection.switches for t in (s.lower, s.higher) if t is not None]
        for switch, turn in sorted(turns, key=lambda pair: abs(pair[1].weight - pair[0].weight))[:2]:
            way = "above" if turn.weight > switch.weight else "below"
            st.write(plain(f"With {switch.objective} {way} {turn.weight:.0%}, {named(turn.row)} would be first."))
    aside = selection.ranking.set_aside
    if aside:
        st.caption(plain(f"Undecided by evidence, so without weight here: {', '.join(aside)}."))


def _key(selection: Selection) -> str:
    return f"sure-wanted.{hash((selection.requirement, selection.preferences))}"


def _wanted(asked: Asked) -> None:
    session.keep()
    st.session_state[_key(session.selection(asked))] = True
