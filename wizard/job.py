"""One build: live while it runs, then what came of it. The work is a process of its own; this page only looks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

import flow
from dss.build_report import BuiltRow, metric_of, ranked_by
from dss.card import written_ms
from dss.explanation import shown
from dss.groups import as_group
from dss.preferences import PreferenceError
from ontology.events import Event, Finished, Note, Progress, Started
from ontology.requirement_json import RequirementError
from optimizer import jobs
from optimizer.formats.shelf import FORMATS
from optimizer.jobs import JobError, JobState, Status
from optimizer.networks.shelf import NETWORKS
from wizard import artifact, builds, compare, parts, session
from wizard.job_table import (
    ON_DEMAND,
    chart,
    has_limits,
    in_words,
    label_of_network,
    misses,
    table,
    time_unit,
    wide_enough,
)
from wizard.state import RESULTS, Asked
from wizard.uploads import safe_name
from wizard.words import plain

REFRESH_SECONDS = 1.0
REGISTER_SECONDS = 120.0  # for which the page waits, after the end, until all is registered
EVENTS_SHOWN = 8
_OUTCOME, _WAITING = "job-outcome", "job-waiting-since"


@dataclass(frozen=True)
class Look:
    """A job at one moment. `is_moving`: there is something to wait for."""

    state: JobState
    outcome: flow.BuildOutcome
    rows: tuple[BuiltRow, ...]
    is_registered: bool
    is_moving: bool
    is_out_of_time: bool  # going on would end at once


def show(job: str) -> None:
    """The whole page."""
    try:
        look = _look(job)
    except (JobError, RequirementError, PreferenceError) as error:
        st.error(plain(str(error)), icon=":material/error:")
        st.button("All builds", key="to-builds", on_click=session.go, args=("view", "builds"))
        return
    title = str(look.state.spec.requirement.get("title") or "A build without a name")
    st.html(parts.eyebrow(f"Build of {builds.when(job)}"))
    st.subheader(plain(title), anchor=False)
    asked = builds.asked_for(look.state)
    st.caption(plain(f"{asked[:1].upper()}{asked[1:]}. {ranked_by(look.outcome.preferences)}"))
    live = st.fragment(_live, run_every=REFRESH_SECONDS if look.is_moving else None)
    live(job, look.is_moving)


def _look(job: str) -> Look:
    """Raises JobError; RequirementError or PreferenceError when the request names what this graph no longer knows."""
    settings, knowledge = session.settings(), session.knowledge()
    state = jobs.state(settings.home, job)
    now = (job, state.done, state.status, id(knowledge.projection))
    kept = st.session_state.get(_OUTCOME)
    if kept is None or kept[0] != now:
        kept = st.session_state[_OUTCOME] = (now, flow.build_outcome(settings, job, knowledge))
    outcome: flow.BuildOutcome = kept[1]
    is_registered = all(name in outcome.candidates.projection.positions for name in outcome.names)
    rows = sorted(flow.built_rows(outcome), key=lambda row: row.model != outcome.chosen)  # the chosen one first
    last = jobs.events(settings.home, job)[-3:]
    is_out_of_time = any(isinstance(e, Note) and "minutes are over" in e.text for e in last)
    return Look(state, outcome, tuple(rows), is_registered, _is_moving(state, is_registered), is_out_of_time)


def _is_moving(state: JobState, is_registered: bool) -> bool:
    if state.status in (Status.RUNNING, Status.WAITING):
        st.session_state.pop(_WAITING, None)
        return True
    since_job, since = st.session_state.get(_WAITING, (None, 0.0))
    if since_job != state.id:
        since = time.monotonic()
        st.session_state[_WAITING] = (state.id, since)
    return not is_registered and time.monotonic() - since < REGISTER_SECONDS


def _live(job: str, was_moving: bool) -> None:
    """What changes while the job runs; when it comes to rest the whole page is drawn once more."""
    look = _look(job)
    if look.is_moving != was_moving:
        st.rerun()
    _progress(look)
    with st.container(key="answer-job"):
        left, right = st.columns([1, 1.15], gap="large")
    with right:
        _drawn(look)
    with left:
        if look.is_moving:
            st.html(parts.eyebrow("What it does"))
            st.html(parts.log(_told(job)[-EVENTS_SHOWN:]))
        else:
            _end(look)
    _candidates(look)
    if not look.is_moving:
        best = next((r for r in look.rows if r.model == look.outcome.chosen), None) or _closest(look)
        compare.show(job, "" if best is None else best.network)
        with st.expander("What it did"):
            st.html(parts.log(_told(job)))


def _progress(look: Look) -> None:
    state = look.state
    word = {
        Status.WAITING: "Starting",
        Status.RUNNING: "Running",
        Status.FINISHED: "Finished",
        Status.STOPPED: "Stopped",
        Status.FAILED: "Failed",
        Status.INTERRUPTED: "Interrupted",
    }[state.status]
    word = "The time given is over" if look.is_out_of_time and state.status is Status.STOPPED else word
    left = f", at most {_minutes(state.seconds_left)} left" if state.seconds_left is not None else ""
    with st.container(key="jobhead", horizontal=True, vertical_alignment="bottom"):
        st.progress(
            min(1.0, state.done / max(state.total, 1)),
            text=f"**{word}**: {state.done} of {state.total} steps{left}",
            width="stretch",
        )
        if state.status in (Status.RUNNING, Status.WAITING):
            st.button(
                "Stop, keep the best so far", key="job-stop", icon=":material/stop:", on_click=jobs.stop,
                args=(session.settings().home, state.id),
            )  # fmt: skip
        elif state.status in (Status.STOPPED, Status.INTERRUPTED) and not look.is_out_of_time:
            st.button("Go on", key="job-on", icon=":material/play_arrow:", on_click=_go_on, args=(state.id,))
    if state.status is Status.FAILED:
        st.error(f"**The build failed.** {plain(state.detail)}", icon=":material/error:")
    elif state.status is Status.INTERRUPTED:
        st.warning(
            "Its process is gone, for example after a restart of the machine. Nothing that was finished is lost; "
            "*Go on* continues with the next step.",
            icon=":material/pause_circle:",
        )
    elif look.is_out_of_time and state.status is Status.STOPPED:
        st.caption("For the candidates that are missing, build again with more minutes.")
    is_at_rest = state.status in (Status.FINISHED, Status.STOPPED)
    if is_at_rest and not look.is_registered:
        st.caption("What was measured is being registered …" if look.is_moving else _NOT_REGISTERED)
    problem = st.session_state.pop("job-problem", "")
    if problem:
        st.error(plain(problem), icon=":material/error:")


_NOT_REGISTERED = (
    "What was measured is not registered yet: the process that holds the store does it. Start the app with ./dlom run."
)


def _go_on(job: str) -> None:
    """Start the rest of the job."""
    st.session_state.pop(_WAITING, None)
    try:
        jobs.start(session.settings().home, job)
    except JobError as error:
        st.session_state["job-problem"] = str(error)


def _candidates(look: Look) -> None:
    rows = look.rows
    to_measure = [r for r in look.state.spec.recipes if FORMATS[r.format].runs_here]
    st.html(parts.eyebrow(f"{len(rows)} of {len(to_measure)} candidates measured"))
    if not rows:
        st.caption("The first candidate appears here as soon as it is trained, converted and measured.")
        return
    best = "best so far" if look.is_moving else "chosen"
    frame = table(rows, look.outcome.candidates, look.outcome.chosen, best)
    key = f"built-{look.state.id}"
    short, _ = time_unit(r.latency_p50_ms for r in rows)
    whole = st.toggle("All figures", key="job-whole", on_change=session.keep)
    st.dataframe(
        frame, key=key, hide_index=True, height="content", on_select="rerun",
        selection_mode="single-row", alt="Finished candidates",
        column_order=None if whole else [c for c in frame if c not in ON_DEMAND],
        column_config={
            "Verdict": st.column_config.TextColumn(width=130),
            "Network": st.column_config.TextColumn(width=180),
            "Stored as": st.column_config.TextColumn(width=wide_enough(frame["Stored as"])),
            "95 % interval": st.column_config.TextColumn(width=88),
            **{
                name: st.column_config.NumberColumn(format=form, width=width)
                for name, form, width in (
                    (metric_of(rows).title, "%.4g", 85), (f"Latency ({short})", "%.3g", 85),
                    (f"p95 ({short})", "%.3g", 70), ("Per second", "%,.0f", 75), ("Memory (MiB)", "%.3g", 90),
                    ("Size (KiB)", "%.3g", 70),
                )
            },
        },
    )  # fmt: skip
    p95 = "; 95 % of them are faster than p95" if whole else ""
    st.caption(f"Latency: the median of many runs with one input{p95}. Click a row for its page.")
    _open_picked(key, rows, frame)
    _not_measured(look)


def _not_measured(look: Look) -> None:
    """What failed, what the time did not reach, and what is for another processor."""
    names = in_words(look.state.spec)
    if look.outcome.failures:
        with st.expander(f"{len(look.outcome.failures)} could not be made"):
            told = [(*what.partition(" ")[::2], why) for what, why in look.outcome.failures]
            st.html(parts.told(f"{kind} {names.get(of, label_of_network(of))}: {why}" for kind, of, why in told))
    if look.is_moving:
        return
    if look.outcome.unfinished:
        with st.expander(f"{len(look.outcome.unfinished)} not reached before the build ended"):
            st.html(parts.told(names.get(of, of) for of in look.outcome.unfinished))
    for of, file in flow.packages_of(session.settings(), look.state.id):
        st.download_button(
            f"Made for another processor, not measured here: {plain(names.get(of, of))} "
            f"({shown(file.stat().st_size / 1024)} KiB)",
            file.read_bytes, f"{safe_name(of)}.tvm", "application/octet-stream", key=f"job-package-{of}",
            icon=":material/download:", type="tertiary", on_click="ignore",
        )  # fmt: skip


def _open_picked(key: str, rows: tuple[BuiltRow, ...], frame: pd.DataFrame) -> None:
    picked = st.session_state[key].selection.rows
    if not picked or picked[0] >= len(frame):
        return
    model = rows[picked[0]].model
    if model in session.knowledge().projection.positions:
        session.go("model", model)
        st.rerun()


def _drawn(look: Look) -> None:
    if look.rows:
        best = "best so far" if look.is_moving else "chosen"
        st.plotly_chart(
            chart(look.rows, look.outcome.candidates, look.outcome.chosen, best), key=f"chart-{look.state.id}",
            config={"displayModeBar": False}, alt="Quality against latency of the candidates, with your limits",
        )  # fmt: skip


def _told(job: str) -> list[str]:
    return told(jobs.events(session.settings().home, job))


def told(events: Iterable[Event]) -> list[str]:
    """What a job said, oldest first: of many words about one step, such as its epochs or trials, the last."""
    said: list[tuple[str, str]] = []
    for event in events:
        line = _said(event)
        step = re.split(", (?:epoch|trial) ", line)[0]
        if said and said[-1][0] == step:
            said.pop()
        said.append((step, line))
    return [_with_labels(line) for _, line in said]


def _with_labels(line: str) -> str:
    """With the networks of the shelf as the page calls them."""
    return re.sub(r"[\w-]+", lambda word: label_of_network(word[0]) if word[0] in NETWORKS else word[0], line)


def _said(event: Event) -> str:
    if isinstance(event, Progress):
        return _without_time(event.detail) or f"{event.done} of {event.total} steps done"
    if isinstance(event, Started):
        return f"started: {event.total} steps"
    if isinstance(event, Finished):
        return f"ended: {event.detail}"
    assert isinstance(event, Note)
    return event.text


def _without_time(said: str) -> str:
    """What a job said, without the time left: the bar above tells that, and more freshly."""
    return re.sub(r", at most [^,]* left$", "", said)


def _end(look: Look) -> None:
    """The choice with its reason, or the closest with what it misses; and where to go from here."""
    outcome = look.outcome
    best = next((r for r in look.rows if r.model == outcome.chosen), None)
    closest = _closest(look)
    with st.container(key="jobend", border=True):
        if best is not None:
            how = "meets every limit, and scores best among those that do"
            if not has_limits(outcome.candidates):
                how = "scores best of those that were measured"
            st.html(parts.eyebrow(f"Chosen: {how}"))
            _named(best)
            with st.expander("Why it was tried"):
                st.write(plain(best.reason))
        elif closest is not None:
            st.html(parts.eyebrow("None of them meets every limit. The closest"))
            _named(closest)
            st.html(parts.told(misses(closest, outcome.candidates)))
        else:
            st.write("Nothing was finished within the time given. Build again with more minutes.")
        _onward(look, best or closest)


def _onward(look: Look, shown_one: BuiltRow | None) -> None:
    """Where to go from here. A button of a fragment runs the fragment alone, so the page is asked for in full."""
    with st.container(horizontal=True):
        if shown_one is not None:
            artifact.download(session.knowledge(), shown_one.model, key="job-download")
        if st.button("Search again", key="job-search", icon=":material/search:"):
            _search_again(look.outcome)
            st.rerun()
        if shown_one is not None and st.button("History, lineage, ratings", key="job-model", type="tertiary"):
            session.go("model", shown_one.model)
            st.rerun()


def _closest(look: Look) -> BuiltRow | None:
    near = look.outcome.closest
    if near is None:
        return None
    name = look.outcome.candidates.projection.models["model"].iat[near.row]
    return next((r for r in look.rows if r.model == name), None)


def _named(row: BuiltRow) -> None:
    st.markdown(f"#### {plain(label_of_network(row.network))} as {plain(FORMATS[row.format].label)}")
    quality = ""
    if row.quality is not None:
        within = f" (95 % interval {row.quality.interval})" if row.quality.interval else ""
        quality = f"{row.quality.kind.title.partition(' (')[0]} {row.quality}{within}, "
    st.write(
        f"{plain(quality)}{written_ms(row.latency_p50_ms)} for one input (95\u00a0% of them within "
        f"{written_ms(row.latency_p95_ms)}), "
        f"{shown(row.peak_memory_mib)} MiB of memory, {shown(row.size_kib)} KiB on disk"
    )


def _search_again(outcome: flow.BuildOutcome) -> None:
    session.commit(Asked(outcome.candidates.requirement, as_group(outcome.preferences), RESULTS, {}))
    session.renew()


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
