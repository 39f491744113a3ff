"""Browse: every model of the repository, narrowed down by words and facets; a row opens the model's page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from repository import export
from repository.projection import IntArray, Projection
from wizard import parts, session
from wizard.catalogue import FACETS, Catalogue, Wanted, wanted
from wizard.state import REGISTER, REPOSITORY
from wizard.words import models, plain

_DRAWN = (
    "purpose", "device_type", "device", "technique", "precision", "runtime", "source", "grade", "has", "commercial",
)  # fmt: skip
_MOST_HIGH, _ROW_HIGH = 470, 30  # pixels
_FACET_WIDTH = 204  # five in a row at 1280 pixels, three on a tablet
_NUMBERS = {"Latency (ms)": "%.4g", "Quality": "%.2f", "Per second": "%.4g", "Size (KiB)": "%,.0f",
            "Peak memory (MiB)": "%.1f"}  # fmt: skip


def catalogue() -> Catalogue:
    """The models of this installation, ready to be looked through."""
    return _catalogue(session.knowledge().projection)


# The catalogue holds its projection, so that an id in use here is never another projection's.
@st.cache_resource(max_entries=2, show_spinner="Reading the models …", hash_funcs={Projection: id})
def _catalogue(projection: Projection) -> Catalogue:
    return Catalogue(projection)


def to(asked: Wanted) -> None:
    """Show these models; every widget is filled anew."""
    session.go("view", REPOSITORY, asked.parameters())
    session.renew()


def show(more: Mapping[str, str]) -> None:
    """The whole page, for what its link says."""
    found = catalogue()
    asked = wanted(more)
    wrong = found.unknown(asked)
    asked = found.known(asked)
    if wrong:
        told = ", ".join(f"{FACETS[facet].lower()} “{plain(name[:60])}”" for facet, name in wrong)
        st.warning(f"No model here has {told}; the rest of the link is used.", icon=":material/warning:")
    with st.container(horizontal=True, vertical_alignment="bottom", key="browse-top"):
        _words(asked)
        _reference(asked)
        rows = found.listed(found.found(asked))
        if asked.narrows:
            st.button("Clear all", key="browse-clear", icon=":material/close:", type="tertiary", on_click=to,
                      args=(Wanted(reference=asked.reference),))  # fmt: skip
    with st.container(horizontal=True, key="facets", gap="small"):
        for facet in FACETS:
            if facet in _DRAWN or asked.chosen.get(facet):
                _facet(found, facet, asked)
    if len(rows):
        _table(found, rows)
    else:
        _nothing(found, asked)


def _words(asked: Wanted) -> None:
    key = session.key("browse-words")
    st.text_input(
        "Search", value=asked.words, key=key, icon=":material/search:", width=430, max_chars=200,
        placeholder="words of network, device, source …: mobilenet galaxy", on_change=partial(_said, asked, key),
    )  # fmt: skip


def _said(asked: Wanted, key: str) -> None:
    text = " ".join(str(st.session_state[key]).split())
    _keep(Wanted(text, asked.chosen, asked.reference))


def _reference(asked: Wanted) -> None:
    key = session.key("browse-reference")
    st.toggle(
        "Reference devices too", value=asked.reference, key=key, on_change=partial(_referred, asked, key),
        help="Servers and their GPUs, which serve for comparison only.",
    )  # fmt: skip


def _referred(asked: Wanted, key: str) -> None:
    _keep(Wanted(asked.words, asked.chosen, bool(st.session_state[key])))


def _keep(asked: Wanted) -> None:
    session.go("view", REPOSITORY, asked.parameters())


def _facet(found: Catalogue, facet: str, asked: Wanted) -> None:
    options = found.options(facet, asked)
    labels = {name: found.label(facet, name) for name in options}
    key = session.key(f"facet-{facet}")
    st.session_state[key] = list(asked.chosen.get(facet, ()))  # the labels hold counts, which change: written anew
    st.multiselect(
        FACETS[facet], list(options), key=key, width=_FACET_WIDTH, placeholder="any",
        format_func=lambda name: f"{labels.get(name, name)} ({options.get(name, 0):,})",
        on_change=partial(_chose, asked, facet, key, labels),
    )  # fmt: skip


def _chose(asked: Wanted, facet: str, key: str, labels: Mapping[str, str]) -> None:
    # A quick second click may come with the label of the page before, in which the count was another.
    named = {label: name for name, label in labels.items()}
    chosen = [n if n in labels else named.get(str(n).rpartition(" (")[0]) for n in st.session_state[key]]
    _keep(asked.choosing(facet, tuple(n for n in chosen if n is not None)))


def _table(found: Catalogue, rows: IntArray) -> None:
    every = len(found.projection)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{models(len(rows))}** of {every:,}. Click a row to open its page.")
        _downloads(found, rows)
    key = session.key("browse-table")
    st.dataframe(
        found.frame.iloc[rows], key=key, hide_index=True, height=min(_MOST_HIGH, _ROW_HIGH * len(rows) + 38),
        on_select=partial(_opened, found, rows, key),
        selection_mode="single-cell", alt="The models found", placeholder="–", row_height=_ROW_HIGH,
        column_config={
            **{name: st.column_config.NumberColumn(format=form) for name, form in _NUMBERS.items()},
            "Network": st.column_config.TextColumn(pinned=True, width=190),
            "Device": st.column_config.TextColumn(width=170),
            "Optimization": st.column_config.TextColumn(width=170),
        },
    )  # fmt: skip
    st.html(parts.legend())


def _opened(found: Catalogue, rows: IntArray, key: str) -> None:
    """Go to the model of the row that was picked.

    A pick is told once more when the next click overtakes the end of the run that it began: by then the visitor has
    left the page, or come back to a table with another key.
    """
    picked = st.session_state[key].selection.cells
    if picked and session.is_at("view", REPOSITORY) and key == session.key("browse-table"):
        session.go("model", str(found.projection.models["model"].iat[rows[picked[0][0]]]))
    else:
        session.keep()


def _downloads(found: Catalogue, rows: IntArray) -> None:
    p = found.projection
    with st.popover("Download", icon=":material/download:", type="tertiary"):
        _download(f"These {models(len(rows))}, all columns (CSV)", partial(export.as_csv, p, rows), "found.csv")
        _download(f"All {len(p):,} models (CSV)", partial(export.as_csv, p), "models.csv")
        _download(f"All {len(p):,} models (Parquet)", partial(export.as_parquet, p), "models.parquet")
        _download("What each column means (CSV)", partial(_dictionary, p), "models.dictionary.csv")


def _download(label: str, make: partial[bytes], file: str) -> None:
    # Made when it is asked for, which takes a second or two for all models.
    kind = "application/vnd.apache.parquet" if file.endswith(".parquet") else "text/csv"
    st.download_button(label, make, file, kind, key=f"get-{file}", on_click="ignore", width="stretch")


def _dictionary(p: Projection) -> bytes:
    return bytes(export.dictionary(p).to_csv(index=False, lineterminator="\n").encode("utf-8"))


def _nothing(found: Catalogue, asked: Wanted) -> None:
    st.info("No model has all of this. Give up one thing, or add what you know.", icon=":material/search_off:")
    with st.container(horizontal=True):
        for i, (label, less) in enumerate(_less(asked)):
            number = len(found.found(less))
            if number:
                st.button(f"Without {plain(label)}: {models(number)}", key=f"less-{i}", on_click=to, args=(less,))
        hidden = len(found.found(Wanted(asked.words, asked.chosen, reference=True)))
        if hidden:
            st.button(f"With reference devices: {models(hidden)}", key="less-reference", on_click=to,
                      args=(Wanted(asked.words, asked.chosen, reference=True),))  # fmt: skip
        st.button("Register a measurement", key="browse-register", icon=":material/add:", on_click=session.go,
                  args=("view", REGISTER))  # fmt: skip


def _less(asked: Wanted) -> list[tuple[str, Wanted]]:
    """Each thing asked for, and what is asked without it."""
    facets = [(FACETS[f].lower(), asked.choosing(f, ())) for f, names in asked.chosen.items() if names]
    words = [(f"the words “{asked.words}”", Wanted("", asked.chosen, asked.reference))] if asked.words else []
    return words + facets
