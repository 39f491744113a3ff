"""Records that another program wrote, as Turtle, JSON-LD or JSON: what they would change, and storing them."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from repository.incoming import MEDIA_TYPES, Outcome, Remark
from wizard import parts, registering, session
from wizard.words import plain

LARGEST_MIB = 16
EXAMPLE = """m:my-model a :Model ;
  :network net:mobilenet-v2 ; :optimization opt:w8a8 ; :device dev:samsung-galaxy-s23 ;
  :runtime rt:litert-npu ; :purpose purpose:image-classification ; :performance p:my-run .
p:my-run a :Performance ; :inferenceLatencyMs 0.43 ; :evidence :declared .
"""
_SHOWN = 200
_TOLD = "records-told"
_ENDINGS = [ending.removeprefix(".") for endings in MEDIA_TYPES.values() for ending in endings if ending != ".csv"]


def show() -> None:
    """Upload, what would change, store."""
    file = st.file_uploader("Records", type=_ENDINGS, key="records-file", max_upload_size=LARGEST_MIB)
    told = st.session_state.pop(_TOLD, None)
    if told is not None:
        (st.error if told.refused else st.success)(plain(_said(told)))
    if file is None:
        st.caption(
            "Records in DLOM's own terms; its prefixes need not be declared. Everything needs a name of its own, a "
            "misspelt term is refused, and nothing is fetched from other addresses."
        )
        st.code(EXAMPLE, language="turtle")
        return
    body, sure = file.getvalue(), bool(st.session_state.get("records-sure"))
    facts = session.settings().facts
    outcome = registering.send(body, file.name, session.knowledge(), facts, dry_run=True, good=True, sure=sure)
    _changes(outcome)
    _remarks("Refused", outcome.rejected, outcome.reasons, st.error)
    if outcome.rejected:
        st.toggle(
            "I have looked again: figures that only differ from what is known are right", key="records-sure",
            on_change=session.keep,
        )  # fmt: skip
    _remarks("Look again", outcome.warnings, (), st.warning)
    st.button(
        "Store the good ones" if outcome.rejected else "Store all", key="records-store", type="primary",
        icon=":material/save:", disabled=outcome.refused, on_click=_store, args=(body, file.name, sure),
    )  # fmt: skip


def _changes(outcome: Outcome) -> None:
    kinds = (("new", outcome.new), ("changed", outcome.updated), ("known already", outcome.unchanged))
    rows = [{"Name": name, "What": what} for what, names in kinds for name in names]
    st.html(parts.eyebrow(", ".join(f"{len(names)} {what}" for what, names in kinds)))
    if rows:
        st.dataframe(
            pd.DataFrame(rows[:_SHOWN]), key="records-rows", hide_index=True, alt="What each record becomes",
            height="content" if len(rows) < 12 else 420,
        )  # fmt: skip
    if len(rows) > _SHOWN:
        st.caption(f"… and {len(rows) - _SHOWN:,} more")


def _remarks(title: str, remarks: tuple[Remark, ...], reasons: tuple[str, ...], draw: Callable[[str], object]) -> None:
    lines = [f"- {plain(text)}" for text in (*reasons, *(str(r) for r in remarks))]
    if lines:
        more = f"\n- … and {len(lines) - 20} more" if len(lines) > 20 else ""
        draw(f"**{title}**\n\n" + "\n".join(lines[:20]) + more)


def _said(outcome: Outcome) -> str:
    if outcome.refused:
        return "Nothing was stored: " + "; ".join(outcome.reasons or [str(r) for r in outcome.rejected])
    if outcome.status == "unchanged":
        return "All of it was stored before; nothing has changed."
    models = sum(name.startswith("m:") for name in outcome.new)
    return f"Stored: {len(outcome.new)} new records, {models} of them models that the next search finds."


def _store(body: bytes, name: str, sure: bool) -> None:
    session.keep()
    facts = session.settings().facts
    st.session_state[_TOLD] = registering.send(
        body, name, session.knowledge(), facts, dry_run=False, good=True, sure=sure
    )
