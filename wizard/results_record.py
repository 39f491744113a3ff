"""Record the decision, and hand it on as one file."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

import flow
from dss.decision import LONGEST_COMMENT, LONGEST_NAME, DecisionError
from flow import Selection
from repository.change import RegistrationError
from repository.decisions import find_decision
from repository.graph import GraphError
from wizard import session
from wizard.alternatives import naming
from wizard.results_compare import columns
from wizard.state import Asked
from wizard.words import plain

_RECORDED, _FAILED, _BY = "recorded", "record_failed", "decided_by"


def show(asked: Asked, selection: Selection) -> None:
    """Two buttons and, once it is recorded, how to come back to it."""
    rows = columns(selection) or selection.ranking.order[:1]
    called = naming(selection.candidates, rows)
    # A popover stays open while it is the same one: what is recorded makes it another, which is closed.
    done = _recorded(asked)
    with st.container(horizontal=True, key="record"):
        with st.popover("Record this decision", icon=":material/gavel:", key=f"record-{done}", width="stretch"):
            st.caption("Keeps the question, the answer and the facts behind it, so that it can be replayed.")
            if rows:
                st.selectbox(
                    "What you choose", rows, key=_choice(rows), format_func=called,
                    help="The recommended one, or one that you picked in the table to stand beside it.",
                )  # fmt: skip
            st.session_state.setdefault("decide-by", st.session_state.get(_BY, ""))
            st.text_input("Your name", key="decide-by", max_chars=LONGEST_NAME)
            st.text_area("Why (optional)", key="decide-why", max_chars=LONGEST_COMMENT, height=90)
            st.button("Record it", key="decide", type="primary", on_click=_record, args=(asked, tuple(rows)))
            if failed := st.session_state.pop(_FAILED, None):
                st.error(plain(failed), icon=":material/error:")
        st.download_button(
            "Download the report", lambda: flow.report_page(selection, session.knowledge()), "report.html", "text/html",
            icon=":material/summarize:", on_click="ignore", key="report", width="stretch",
            help="One HTML file with charts, sources and dates of prices. It opens anywhere and prints on A4.",
        )  # fmt: skip
    if done:
        _told(done)


def _recorded(asked: Asked) -> str:
    kept = st.session_state.get(_RECORDED)
    return str(kept[1]) if kept is not None and kept[0] == (asked.requirement, asked.judged) else ""


def _told(name: str) -> None:
    knowledge = session.knowledge()
    st.success(f"Recorded as **{plain(name)}**. Ask it again any time: `./dlom replay {name}`", icon=":material/check:")
    st.download_button(
        "Report of this record", lambda: flow.report_page(find_decision(knowledge.graph, name), knowledge),
        f"decision-{name}.html", "text/html", icon=":material/summarize:", on_click="ignore", key="record-report",
    )  # fmt: skip


def _choice(rows: Sequence[int]) -> str:
    return f"decide-row-{'-'.join(map(str, rows))}"  # another choice for other models


def _record(asked: Asked, rows: tuple[int, ...]) -> None:
    session.keep()
    by, row = st.session_state["decide-by"], st.session_state.get(_choice(rows))
    selection = session.selection(asked)
    try:
        decision = flow.decide(
            selection,
            session.knowledge(),
            session.settings(),
            by=by,
            chosen=None if row is None else str(selection.candidates.projection.models["model"].iat[row]),
            comment=st.session_state["decide-why"],
        )
    except (DecisionError, RegistrationError, GraphError) as error:
        st.session_state[_FAILED] = str(error)
        return
    st.session_state[_BY] = by
    st.session_state[_RECORDED] = ((asked.requirement, asked.judged), decision.name)
