"""The visitor's session: what is asked, mirrored in the address bar.

Streamlit 1.67 makes one entry of the browser's history for each change of the query, and runs the page again when the
visitor goes back or forward.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from dss.groups import as_group
from dss.matching import Candidates
from dss.preferences import PreferenceError
from flow import Selection, find_candidates, installation, read_request, select
from ontology.requirement import Choices, Requirement
from ontology.requirement_json import RequirementError
from ontology.settings import Settings
from repository.knowledge import Knowledge
from wizard.state import PAGES, Asked, Place, known, place_of, restore

_ASKED, _PLACE, _ADDRESS, _CLICKED, _GENERATION = "asked", "place", "address", "clicked", "generation"
_SELECTION, _LOADED = "selection", "load_problems"


def settings() -> Settings:
    """Where this installation lies. Raises SettingsError."""
    return Settings.from_environment(os.environ)


def knowledge() -> Knowledge:
    """What this installation knows. Raises SettingsError or GraphError when it cannot be had."""
    return installation(settings())


def choices() -> Choices:
    """The names that may be chosen."""
    return knowledge().projection.choices


def here() -> Place | Asked:
    """Where the visitor is: what this session holds after a click of its own, else what the address bar says.

    A click can overtake the address that the click before it wrote, and then arrives with an address that is out of
    date; going back and forward comes without a click. So only a run without one reads the address. One with a click
    writes it, here and not where the click is answered: when it overtakes the end of the run before, the widgets of
    the page that was left are answered once more with it, and only what holds after the last is where the visitor is.
    """
    parameters = known(st.query_params.to_dict())
    clicked = st.session_state.pop(_CLICKED, False)
    known_address = st.session_state.get(_ADDRESS)
    if known_address is not None and (clicked or parameters == known_address):
        if parameters != known_address:
            st.query_params.from_dict(known_address)
        return _shown()
    place = st.session_state[_PLACE] = place_of(parameters)
    if place is None or _ASKED not in st.session_state:
        st.session_state[_ASKED] = restore({} if place else parameters, choices())
    st.session_state[_ADDRESS] = parameters
    renew()
    return _shown()


def _shown() -> Place | Asked:
    place: Place | None = st.session_state[_PLACE]
    asked: Asked = st.session_state[_ASKED]
    return place or asked


def held() -> Asked:
    """What the session holds, for the functions that answer a click."""
    keep()
    found: Asked = st.session_state[_ASKED]
    return found


def keep() -> None:
    """Answer a click that changes nothing of what is asked."""
    st.session_state[_CLICKED] = True


def commit(changed: Asked) -> None:
    """Hold a new state; the run that follows writes it to the address bar: one entry of the browser's history."""
    st.session_state[_ASKED] = changed
    _write(None, changed.parameters())


def go(kind: str, name: str, more: Mapping[str, str] | None = None) -> None:
    """Go to a page beside the steps; the request stays as it is. `more` is what else the page's link says."""
    place = Place(kind, name, tuple((more or {}).items()))
    _write(place, place.parameters())


def is_at(kind: str, name: str) -> bool:
    """Whether the visitor is on this page beside the steps."""
    place: Place | None = st.session_state.get(_PLACE)
    return place is not None and (place.kind, place.name) == (kind, name)


def back_to_request() -> None:
    """Return to the page of the request that was left."""
    commit(held())


def _write(place: Place | None, address: Mapping[str, str]) -> None:
    keep()
    st.session_state[_PLACE] = place
    st.session_state[_ADDRESS] = dict(address)


def turn_to(page: str) -> None:
    """Go to another page of the wizard."""
    commit(held().turned_to(page))


def turn_back() -> None:
    """Go to the page before the one that is held, so that every one of several quick presses counts.

    A press can come while the page after an earlier one is still being drawn; what was on the screen then is no longer
    where the visitor is.
    """
    asked = held()
    commit(asked.turned_to(PAGES[max(0, PAGES.index(asked.page) - 1)] if asked.page in PAGES else PAGES[-1]))


def replace_requirement(requirement: Requirement) -> None:
    """Ask something else, for example with one limit relaxed."""
    commit(held().with_requirement(requirement))
    renew()


def load(text: bytes, page: str) -> None:
    """Take requirement and preferences from a file; what is wrong with it is kept for the page to show."""
    keep()
    try:
        requirement, preferences = read_request(text, knowledge())
    except RequirementError as error:
        st.session_state[_LOADED] = [str(problem) for problem in error.problems]
    except PreferenceError as error:
        st.session_state[_LOADED] = [f"preferences: {problem}" for problem in error.problems]
    else:
        st.session_state.pop(_LOADED, None)
        commit(Asked(requirement, as_group(preferences), page, {}))
        renew()


def load_problems() -> list[str]:
    """What was wrong with the file loaded last."""
    return list(st.session_state.get(_LOADED, []))


def forget_load_problems() -> None:
    """The visitor has read them."""
    keep()
    st.session_state.pop(_LOADED, None)


def key(name: str) -> str:
    """The key of a widget: a new one whenever its value comes from outside, so that it is filled anew."""
    return f"{name}.{st.session_state.get(_GENERATION, 0)}"


def renew() -> None:
    """Fill all widgets anew at the next run."""
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1


def link(what: Asked) -> str:
    """The address that restores this state anywhere."""
    base = (st.context.url or "").partition("?")[0]
    return f"{base}?{urlencode(what.parameters())}"


def candidates(requirement: Requirement) -> Candidates:
    """Every model judged; a few milliseconds, so nothing is kept."""
    return find_candidates(requirement, knowledge())


def selection(what: Asked) -> Selection:
    """The whole answer, kept while neither the question nor the graph changes (a frozen record)."""
    now = (what.requirement, what.judged, id(knowledge().projection))
    kept = st.session_state.get(_SELECTION)
    if kept is None or kept[0] != now:
        kept = st.session_state[_SELECTION] = (now, select(what.requirement, what.judged, knowledge()))
    found: Selection = kept[1]
    return found
