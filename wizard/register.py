"""Register: a table of measurements, or a model file that is measured here. Shown first, stored after."""

from __future__ import annotations

import streamlit as st

from wizard import register_csv, register_file, register_records


def show() -> None:
    """One of the three ways in."""
    st.subheader("Register", anchor=False)
    st.caption(
        "Add what you measured yourself. You see what would be stored before anything is; the next search finds it."
    )
    table, records, file = st.tabs(
        ["A table of measurements (CSV)", "Records (Turtle, JSON-LD, JSON)", "A model file"], key="register-tabs"
    )
    with table:
        register_csv.show()
    with records:
        register_records.show()
    with file:
        register_file.show()
