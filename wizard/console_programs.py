"""The query from Python, R and curl, in the texts of `examples/analyst/`, which the docs show and the tests run."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import streamlit as st

from ontology.settings import CHECKOUT

FOLDER = CHECKOUT / "examples" / "analyst"
FILE = "query.rq"
_WRITTEN_FOR = "http://localhost:8501"
LANGUAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"Python": ("first_query.py", "python"), "R": ("first_query.R", "r"), "curl": ("first_query.sh", "bash")}
)


def first_query() -> str:
    """What the editor holds at first: the query that the docs begin with."""
    return (FOLDER / "first_query.rq").read_text(encoding="utf-8").strip()


def program(name: str, address: str) -> str:
    """One of the examples for this app and a query in a file `query.rq` beside it."""
    file, _ = LANGUAGES[name]
    text = (FOLDER / file).read_text(encoding="utf-8").removeprefix("#!/bin/sh\n")
    own = file.replace("first_query", "query")
    return text.replace("first_query.rq", FILE).replace(file, own).replace(_WRITTEN_FOR, address)


def show(text: str, address: str) -> None:
    """The endpoint, the query as a file, and the three programs."""
    st.write("The same query gives the same rows from any SPARQL client:")
    st.code(f"{address}/sparql", language=None)
    st.download_button(
        "Save the query as query.rq", text, FILE, "application/sparql-query", icon=":material/download:",
        on_click="ignore", width="stretch", disabled=not text.strip(),
    )  # fmt: skip
    st.caption("Put one of these beside it and run it.")
    name = st.segmented_control(
        "Language", list(LANGUAGES), key="console-language", default="Python", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    st.code(program(name or "Python", address), language=LANGUAGES[name or "Python"][1], wrap_lines=True)
    st.caption("Reading from this machine needs no token. All models in one table: `/table.csv` and `/table.parquet`.")
