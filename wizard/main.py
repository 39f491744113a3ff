"""The wizard's pages. Started by `app.py`; run as a script at every click, so it stays short."""

from __future__ import annotations

import streamlit as st

from wizard import find
from wizard.theme import CSS, ICON

st.set_page_config(page_title="DLOM", page_icon=str(ICON), layout="wide")
st.html(CSS)
st.navigation([st.Page(find.page, title="Find a model", default=True)], position="top").run()
