"""Beside every step: how many models still match, what excludes most, and what to relax when nothing is left."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dss.matching import Candidates, Counts, counts
from dss.near_misses import NearMiss, near_misses
from repository.projection import Projection
from wizard import nothing, parts, session
from wizard.state import RESULTS, Asked
from wizard.words import given_words, limit_words, models

MOST_SHOWN = 4


def show(asked: Asked) -> None:
    """The live answer to what has been asked so far."""
    projection = session.knowledge().projection
    candidates = session.candidates(asked.requirement)
    found = counts(candidates)
    with st.container(key="live", border=True):
        st.html(parts.live_counts(found))
        if found.excludes_most is not None:
            _excludes(candidates, found, projection)
        if found.matches == 0:
            _relax(asked, near_misses(candidates)[:MOST_SHOWN])
        given = given_words(asked.requirement, projection)
        if given:
            st.html(parts.pairs("You ask for", given))
        else:
            st.caption("You have not asked for anything yet, so every model matches.")
        st.button(
            "Show results" if found.matches else "Show what comes closest",
            key="to-results",
            icon=":material/arrow_forward:",
            icon_position="right",
            on_click=session.turn_to,
            args=(RESULTS,),
            width="stretch",
        )


def _excludes(candidates: Candidates, found: Counts, projection: Projection) -> None:
    assert found.excludes_most is not None
    label, value = limit_words(found.excludes_most, projection)
    gaps = candidates.missing().get(found.excludes_most.field, 0)
    unknown = f"; {gaps:,} of them only lack this figure" if gaps else ""
    st.html(
        parts.note(
            f"<b>{parts.safe(label)}</b> ({parts.safe(value)}) holds back most: "
            f"without it {models(found.without_it)} would match{unknown}."
        )
    )


def _relax(asked: Asked, misses: Sequence[NearMiss]) -> None:
    if misses:
        st.write("**What could give way?** One click applies it.")
        nothing.ladder(misses, asked, "live")
    else:
        st.write(
            "No single change would let a model match. *Show what comes closest* tells which two together would, and "
            "other ways to deploy."
        )
