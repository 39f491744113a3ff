"""The repository's pages: all models, the coverage map, trained networks, and the sources of it all."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from wizard import browse, coverage_map, networks, session, sources
from wizard.state import REPOSITORY, Place

MODELS = "models"
LAST = "repository-last"  # what the link said when the visitor was last here
TABS: Mapping[str, str] = {
    MODELS: "Models",
    coverage_map.TAB: "Coverage map",
    networks.TAB: "Trained networks",
    sources.TAB: "Sources",
}


def show(place: Place) -> None:
    """The page that the link names; an unknown one is that of all models."""
    more = dict(place.more)
    tab = more.get("tab", MODELS)
    tab = tab if tab in TABS else MODELS
    st.session_state[LAST] = more
    key = session.key("repository-tab")
    st.segmented_control(
        "Page of the repository", list(TABS), default=tab, key=key, required=True, label_visibility="collapsed",
        format_func=lambda name: TABS[name], on_change=_turn, args=(key,),
    )  # fmt: skip
    if tab == coverage_map.TAB:
        coverage_map.show(more)
    elif tab == networks.TAB:
        networks.show(more)
    elif tab == sources.TAB:
        sources.show()
    else:
        browse.show(more)


def _turn(key: str) -> None:
    tab = str(st.session_state[key])
    if tab == st.session_state[LAST].get("tab", MODELS):
        # A control that was filled anew may tell its value late, beside a click elsewhere; nobody has turned to a tab.
        session.keep()
        return
    session.go("view", REPOSITORY, {} if tab == MODELS else {"tab": tab})


def back() -> None:
    """From a model to the page of the repository that was left."""
    session.go("view", REPOSITORY, st.session_state.get(LAST))
    session.renew()
