"""Pictures of model files: links to Netron, which the app itself serves, and two of them side by side."""

from __future__ import annotations

from pathlib import PurePath

import streamlit as st

from repository.artifacts import ArtifactStore
from repository.http.netron import MISSING, SHOWN, folder, link
from wizard import session
from wizard.words import plain

HEIGHT = 620  # pixels of a picture


def address(sha256: str, name: str) -> str | None:
    """Where the picture of a kept file is; None where there is none to be had."""
    is_kept = ArtifactStore(session.settings().home / "artifacts").has(sha256)
    return link(sha256, name) if is_kept and folder() is not None and PurePath(name).suffix in SHOWN else None


def button(sha256: str, name: str) -> None:
    """A button that opens the picture in a window of its own; nothing where there is none."""
    found = address(sha256, name)
    if found is not None:
        st.link_button("See its graph (Netron)", found, icon=":material/account_tree:", type="tertiary")


def pair(before: tuple[str, str, str], after: tuple[str, str, str]) -> None:
    """Two pictures side by side. Each is (heading, sha256, name of the file)."""
    if folder() is None:
        st.caption(plain(MISSING[0].upper() + MISSING[1:] + "."))
        return
    with st.container(key="answer-graphs"):
        columns = st.columns(2, gap="medium")
    for column, (heading, sha256, name) in zip(columns, (before, after), strict=True):
        with column:
            st.markdown(f"**{plain(heading)}**")
            found = address(sha256, name)
            if found is None:
                st.caption("There is no picture of a file of this kind.")
                continue
            st.iframe(found, height=HEIGHT, alt=f"The graph of {name}")
            st.link_button("Open it in a window of its own", found, icon=":material/open_in_new:", type="tertiary")
