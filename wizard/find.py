"""What the address bar asks for: a step of a request, its results, or a page beside them."""

from __future__ import annotations

import re

import streamlit as st

from ontology.requirement import Step
from ontology.settings import SettingsError
from repository.graph import GraphError
from wizard import (
    build,
    builds,
    console,
    header,
    job,
    live,
    model,
    preferences,
    register,
    repository_pages,
    results,
    session,
    step,
)
from wizard.state import BUILD, BUILDS, PREFERENCES, REPOSITORY, RESULTS, SPARQL, Asked, Place

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
    here = session.here()
    header.show(here)
    if isinstance(here, Place):
        _beside(here)
    elif here.page == RESULTS:
        results.show(here)
    elif here.page == BUILD:
        build.show(here)
    else:
        _step(here)
    top = f"{here.kind} {here.name}" if isinstance(here, Place) else here.page
    st.html(_TO_TOP.format(page=re.sub(r"[^\w -]", "", top)), unsafe_allow_javascript=True)


def _beside(place: Place) -> None:
    """A page that belongs to no request."""
    if place.kind == "job":
        job.show(place.name)
    elif place.kind == "model":
        model.show(place.name)
    elif place.name == BUILDS:
        builds.show()
    elif place.name == REPOSITORY:
        repository_pages.show(place)
    elif place.name == SPARQL:
        console.show(place)
    else:
        register.show()


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
