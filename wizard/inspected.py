"""A brought model file, read once in isolation however often the page is drawn."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from optimizer.inspect import ModelFile, inspect


@st.cache_data(show_spinner="Reading the file in a process of its own …", max_entries=50)
def inspected(path: Path) -> ModelFile:
    """What the file holds; uploads are kept by content, so a path says it all. Raises RefusedFile, InspectionFailed."""
    return inspect(path)
