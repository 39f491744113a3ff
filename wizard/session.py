"""The visitor's session: what is asked, read from the address bar at every run and written there at every change.

Streamlit 1.67 makes one entry of the browser's history for each change of the query, and runs the page again when the
visitor goes back or forward, so the address alone decides what is shown.
"""

from __future__ import annotations

import os
from urllib.parse import urlencode

import streamlit as st

from dss.matching import Candidates
from dss.preferences import PreferenceError
from flow import Selection, find_candidates, installation, read_request, select
from ontology.requirement import Choices, Requirement
from ontology.requirement_json import RequirementError
from ontology.settings import Settings
from repository.knowledge import Knowledge
from wizard.state import Asked, known, restore

_WRITTEN, _GENERATION, _SELECTION, _LOADED = "written", "generation", "selection", "load_problems"


def knowledge() -> Knowledge:
    """What this installation knows. Raises SettingsError or GraphError when it cannot be had."""
    return installation(Settings.from_environment(os.environ))


def choices() -> Choices:
    """The names that may be chosen."""
    return knowledge().projection.choices


def asked() -> Asked:
    """What the address bar says. Where it was not written by this session, all widgets are filled anew."""
    parameters = known(st.query_params.to_dict())
    if parameters != st.session_state.get(_WRITTEN):
        st.session_state[_WRITTEN] = parameters
        renew()
    return restore(parameters, choices())


def commit(changed: Asked) -> None:
    """Write a new state to the address bar, which makes one entry of the browser's history."""
    parameters = changed.parameters()
    if parameters == known(st.query_params.to_dict()):
        return
    st.query_params.from_dict(parameters)
    st.session_state[_WRITTEN] = parameters


def turn_to(page: str) -> None:
    """Go to another page of the wizard."""
    commit(asked().turned_to(page))


def replace_requirement(requirement: Requirement) -> None:
    """Ask something else, for example with one limit relaxed."""
    commit(asked().with_requirement(requirement))
    renew()


def load(text: bytes, page: str) -> None:
    """Take requirement and preferences from a file; what is wrong with it is kept for the page to show."""
    try:
        requirement, preferences = read_request(text, knowledge())
    except RequirementError as error:
        st.session_state[_LOADED] = [str(problem) for problem in error.problems]
    except PreferenceError as error:
        st.session_state[_LOADED] = [f"preferences: {problem}" for problem in error.problems]
    else:
        st.session_state.pop(_LOADED, None)
        commit(Asked(requirement, preferences, page, {}))
        renew()


def load_problems() -> list[str]:
    """What was wrong with the file loaded last."""
    return list(st.session_state.get(_LOADED, []))


def forget_load_problems() -> None:
    """The visitor has read them."""
    st.session_state.pop(_LOADED, None)


def key(name: str) -> str:
    """The key of a widget: a new one whenever its value comes from outside, so that it is filled anew."""
    return f"{name}.{st.session_state.get(_GENERATION, 0)}"


def renew() -> None:
    """Fill all widgets anew at the next run."""
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1


def link() -> str:
    """The address that restores this state anywhere."""
    base = (st.context.url or "").partition("?")[0]
    return f"{base}?{urlencode(known(st.query_params.to_dict()))}"


def candidates(requirement: Requirement) -> Candidates:
    """Every model judged; a few milliseconds, so nothing is kept."""
    return find_candidates(requirement, knowledge())


def selection(what: Asked) -> Selection:
    """The whole answer, kept while neither the question nor the graph changes (a frozen record)."""
    now = (what.requirement, what.preferences, id(knowledge().projection))
    kept = st.session_state.get(_SELECTION)
    if kept is None or kept[0] != now:
        kept = st.session_state[_SELECTION] = (now, select(what.requirement, what.preferences, knowledge()))
    found: Selection = kept[1]
    return found
