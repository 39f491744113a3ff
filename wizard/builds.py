"""All builds of this installation, the newest first."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from optimizer import jobs
from optimizer.jobs import JobState, Status
from optimizer.networks.own import OWN
from wizard import parts, session
from wizard.state import BUILD
from wizard.words import plain

REFRESH_SECONDS = 2.0
MOST_SHOWN = 50
WORDS = {
    Status.WAITING: ":gray-badge[waiting]",
    Status.RUNNING: ":green-badge[:material/play_arrow: running]",
    Status.FINISHED: ":blue-badge[:material/check: finished]",
    Status.STOPPED: ":gray-badge[:material/stop: stopped]",
    Status.FAILED: ":red-badge[:material/error: failed]",
    Status.INTERRUPTED: ":orange-badge[:material/pause: interrupted]",
}


def show() -> None:
    """The list, live while one of them runs."""
    st.subheader("Builds", anchor=False)
    st.caption("Models that were trained, converted and measured on this machine. A build goes on without this page.")
    is_live = any(state.status is Status.RUNNING for state in jobs.jobs(session.settings().home))
    st.fragment(_list, run_every=REFRESH_SECONDS if is_live else None)(is_live)
    st.button(
        "Build for the request that I have filled in", key="to-build", icon=":material/construction:",
        on_click=session.turn_to, args=(BUILD,),
    )  # fmt: skip


def _list(was_live: bool) -> None:
    found = jobs.jobs(session.settings().home)
    if was_live and not any(state.status is Status.RUNNING for state in found):
        st.rerun()
    if not found:
        st.info(
            "There are none yet. When no model fits a request, the results offer to build one.",
            icon=":material/construction:",
        )
    for state in found[:MOST_SHOWN]:
        _row(state)
    if len(found) > MOST_SHOWN:
        st.caption(f"The newest {MOST_SHOWN} of {len(found):,}.")


def _row(state: JobState) -> None:
    with st.container(key=f"job-{state.id}", border=True):
        name, progress, act = st.columns([4, 2, 1], vertical_alignment="center")
        with name:
            title = str(state.spec.requirement.get("title") or "A build without a name")
            st.markdown(f"**{plain(title)}** {WORDS[state.status]}")
            st.html(parts.help_text(f"{when(state.id)}; {asked_for(state)}"))
        progress.progress(min(1.0, state.done / max(state.total, 1)), text=f"{state.done} of {state.total} steps")
        if act.button("Open", key=f"open-{state.id}", width="stretch"):
            session.go("job", state.id)
            st.rerun()


def when(job: str) -> str:
    """The day and time at which a job was made, from its id: `20 Nov 2026, 14:05 UTC`."""
    made = datetime.strptime(job[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    return f"{made:%d %b %Y, %H:%M} UTC"


def asked_for(state: JobState) -> str:
    """`digits, 1 minute, 18 candidates, 1 thread`: data by their name, without the folder."""
    spec = state.spec
    minutes = "1 minute" if spec.minutes == 1 else f"{spec.minutes:g} minutes"
    threads = "1 thread" if spec.threads == 1 else f"{spec.threads} threads"
    data = spec.data.rstrip("/").rpartition("/")[2]
    own = next((f", with {spec.label(r)} of your own" for r in spec.recipes if r.network == OWN), "")
    return f"data {data}{own}, {minutes}, {len(spec.recipes)} candidates, {threads}"
