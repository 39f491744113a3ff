"""The card's remarks, and where a model is to be had."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from dss.card import Card
from dss.cost import cost_of
from dss.effects import helped_here
from dss.matching import Candidates
from wizard import artifact, replaced, session
from wizard.words import cost_range_words, help_words, plain


def remarks(candidates: Candidates, row: int) -> dict[str, str]:
    """What stands under lines of the card: the range of the cost, and whether the optimization helps on this device."""
    p = candidates.projection
    found = {"Total cost": cost_range_words(cost_of(candidates.requirement, p, row, candidates.cloud))}
    help_found = helped_here(p, row)
    if help_found is not None:
        found["Optimization methods"] = help_words(help_found)
    return found


def choose(c: Card) -> None:
    """The way to the model itself, and to its page here."""
    site = urlsplit(c.obtain)
    licence = plain(c.licence)
    replaced.mark(c.model)
    if artifact.download(session.knowledge(), c.model, key=f"choose-{c.model}", before="Choose: ", wide=True):
        st.caption("The file that was built or registered here and measured, ready for the device.")
    elif site.scheme in ("https", "http") and site.netloc:
        st.link_button(
            f"Choose: get it from {plain(site.netloc)}", c.obtain, type="primary", icon=":material/open_in_new:",
            width="stretch",
        )  # fmt: skip
        st.caption(f"Opens the source's own page. Licence: {licence}. Check its terms before you ship it.")
    elif c.obtain:
        st.info(f"How to get it: {plain(c.obtain)}. Licence: {licence}.", icon=":material/download:")
    else:
        st.info(
            "Its source describes this model but offers no download. Take it as a reference, choose another "
            f"from the list below, or build one. Licence: {licence}.",
            icon=":material/menu_book:",
        )
    st.button(
        "History, lineage, ratings", key=f"model-{c.model}", icon=":material/description:", on_click=session.go,
        args=("model", c.model), width="stretch",
    )  # fmt: skip
