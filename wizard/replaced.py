"""A model that was replaced: the mark wherever it is shown, and who decided it when."""

from __future__ import annotations

import streamlit as st

from dss.card import replaced
from repository.replacements import replacements
from wizard import parts, session
from wizard.words import plain


def mark(model: str) -> None:
    """A remark where the model is replaced, with the way to its successor; nothing where it is not."""
    p = session.knowledge().projection
    row = p.positions.get(model)
    told = "" if row is None else replaced(p, row)
    if row is None or not told:
        return
    act = next((r for r in replacements(session.knowledge().graph, model) if r.withdrawn_at is None), None)
    who = "" if act is None else f" on {act.decided_at:%d %b %Y} by {act.decided_by}"
    why = "" if act is None or not act.comment else f": {act.comment}"
    st.warning(plain(f"{told[0].upper()}{told[1:]}{who}{why}."), icon=":material/swap_horiz:")
    st.button(
        "Go to its successor", key=f"to-successor-{model}", type="tertiary", icon=":material/arrow_forward:",
        on_click=session.go, args=("model", str(p.models["replaced_by"].iat[row])),
    )  # fmt: skip


def _named(model: str | None) -> str:
    """`No optimization (float), Keras on CPU`; its name in the graph where that is not known."""
    p = session.knowledge().projection
    row = p.positions.get(model or "")
    if row is None:
        return f"m:{model}"
    names = ((prefix, p.models[column].iat[row]) for prefix, column in (("opt", "optimization"), ("rt", "runtime")))
    return ", ".join(p.label(prefix, name) for prefix, name in names if isinstance(name, str)) or f"m:{model}"


def acts(model: str) -> None:
    """Every replacement that the model took part in, the newest first; withdrawn ones too."""
    lines = []
    for r in replacements(session.knowledge().graph):
        if model not in (r.model, r.successor):
            continue
        what = f"Replaced by {_named(r.successor)}" if r.model == model else f"Took the place of {_named(r.model)}"
        why = f": {r.comment}" if r.comment else ""
        back = (
            ""
            if r.withdrawn_at is None
            else f"; taken back on {r.withdrawn_at:%d %b %Y} by {r.withdrawn_by}: {r.withdrawn_because}"
        )
        when = "" if r.decided_at is None else f" on {r.decided_at:%d %b %Y}"
        lines.append(f"{what}{when} by {r.decided_by}{why}{back}")
    if lines:
        st.html(parts.eyebrow("Replacements") + parts.told(lines))
