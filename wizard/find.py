"""Find a model: six steps, preferences, results."""

from __future__ import annotations

import streamlit as st

from ontology.requirement import Step
from ontology.settings import SettingsError
from repository.graph import GraphError
from wizard import header, live, preferences, results, session, step
from wizard.state import PREFERENCES, RESULTS, Asked

# A new page starts at its top; the comment makes it another text for each page, so that it runs at a change only.
_TO_TOP = "<script>/* {page} */ document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0)</script>"


def page() -> None:
    """Show what the address bar asks for."""
    try:
        projection = session.knowledge().projection
    except (GraphError, SettingsError) as error:
        header.not_ready("The models cannot be read just now", str(error))
        return
    if not len(projection):
        header.not_ready("There are no models here yet", "Nothing has been loaded into this installation.")
        return
    asked = session.asked()
    header.show(asked)
    if asked.page == RESULTS:
        results.show(asked)
    else:
        _step(asked)
    st.html(_TO_TOP.format(page=asked.page), unsafe_allow_javascript=True)


def _step(asked: Asked) -> None:
    """A step or the preferences, with the live answer beside it."""
    with st.container(key="compare" if asked.page == PREFERENCES else "page"):
        main, side = st.columns([2.15, 1], gap="large")
    with main:
        if asked.page == PREFERENCES:
            preferences.show(asked)
        else:
            step.show(asked, Step(asked.page))
    with side:
        if asked.page == PREFERENCES:
            preferences.weigh(asked)
        live.show(asked)
