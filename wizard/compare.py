"""The files of a build beside the original: the winner at a tolerance, both graphs, and putting it in its place."""

from __future__ import annotations

import streamlit as st

import flow
from dss.build_comparison import Comparison, Contender, compare
from optimizer.formats.shelf import FORMATS
from repository.change import RegistrationError
from repository.graph import GraphError
from wizard import netron_frames, parts, session
from wizard.compare_table import chart, named, shown_first, structure, table, told
from wizard.job_table import label_of_network, wide_enough
from wizard.words import plain

MOST_POINTS = 20.0
MOST_SHARE = 0.5  # of an error without a unit of its own, such as RMSE
STEPS = 200
_ASKED, _TOLD, _BY = "compare-asked", "compare-told", "compare-name"


def show(job: str, network: str = "") -> None:
    """The whole section, of `network` first; nothing before something was measured."""
    with st.spinner("Reading the files …", show_time=False):
        found = flow.compare_build(session.settings(), job)
    if not found:
        return
    with st.container(key="compare-files"):
        st.html(parts.eyebrow("The files beside the original"))
        one = _controls(found, network)
        done = st.session_state.pop(_TOLD, None)
        if done is not None:
            (st.success if done[0] else st.error)(plain(done[1]))
        _answer(one)
        _table(job, one)
        if one.original is not None and len(one.sides) > 1:
            _beside(one, one.original)


def _controls(found: tuple[Comparison, ...], first: str) -> Comparison:
    """Which network, and how much worse its files may be; what is then known of them."""
    network, tolerance = st.columns([1, 1], gap="large", vertical_alignment="bottom")
    chosen = 0
    if len(found) > 1:
        chosen = network.selectbox(
            "Network", range(len(found)), shown_at_first(found, first),
            key="compare-network", on_change=session.keep,
            format_func=lambda i: label_of_network(found[i].network),
            help="Each network is compared with its own original.",
        )  # fmt: skip
    else:
        network.markdown(f"**{plain(label_of_network(found[0].network))}**")
    one = found[chosen]
    metric, key = one.metric, "compare-tolerance"
    most, step, shown, unit = MOST_POINTS, 0.1, "%.1f", "points"
    if not metric.unit:  # of another size with each network, and so a slider of its own
        value = 0.0 if one.original is None or one.original.quality is None else one.original.quality.value
        most = MOST_SHARE * value or 1.0
        step, shown, unit, key = most / STEPS, "%.3g", "its own unit", f"{key}-{one.sides[0].row.group[:12]}"
    less = "lost" if metric.higher_is_better else "added"
    allowed = tolerance.slider(
        f"{metric.label[0].upper()}{metric.label[1:]} that may be {less}, in {unit}", 0.0, most,
        min(one.tolerance, most), step, key=key, on_change=session.keep, format=shown,
        help="The fastest file that is no worse than this against the original wins.",
    )  # fmt: skip
    (again,) = compare([side.row for side in one.sides], allowed)
    return again


def shown_at_first(found: tuple[Comparison, ...], network: str) -> int:
    """The position of the network's comparison, if its original was measured; else one of which it was."""
    return min(range(len(found)), key=lambda i: (found[i].original is None, found[i].network != network))


def _answer(found: Comparison) -> None:
    with st.container(key="answer-compare"):
        left, right = st.columns([1.35, 1], gap="large")
    with left:
        st.plotly_chart(
            chart(found), key="compare-chart", config={"displayModeBar": False},
            alt="Quality against latency of the files, with the Pareto front, the original and the winner",
        )  # fmt: skip
    with right:
        first, *more = told(found)
        st.html(parts.note(f"<b>{parts.safe(first)}</b>"))
        if more:
            st.html(parts.told(more))
        if found.original is not None:
            _replacement(found, found.original)


def _replacement(found: Comparison, original: Contender) -> None:
    """By what the original is replaced, with a way back; or the button that replaces it."""
    knowledge = session.knowledge()
    act = flow.replacements_of(knowledge, [original.model]).get(original.model)
    asked = st.session_state.get(_ASKED)
    if asked is not None and asked["model"] == original.model:
        _sure(asked)
        return
    if act is not None:
        successor = next((s.row.label for s in found.sides if s.row.model == act.successor), f"m:{act.successor}")
        why = f": {act.comment}" if act.comment else ""
        st.info(
            plain(f"The original was replaced by {successor} on {act.decided_at:%d %b %Y} by {act.decided_by}{why}."),
            icon=":material/swap_horiz:",
        )
        st.button("Take that back …", key="compare-undo", icon=":material/undo:", on_click=_ask,
                  args=(original.model, None, successor))  # fmt: skip
    elif found.successor is not None:
        if original.model in knowledge.projection.positions:
            st.button(
                "Replace the original by this one …", key="compare-replace", icon=":material/swap_horiz:",
                type="primary", on_click=_ask, args=(original.model, found.successor.model, found.successor.label),
            )  # fmt: skip
        else:
            st.caption("Once it is registered, the original can be replaced by it.")


def _ask(model: str, successor: str | None, label: str) -> None:
    session.keep()
    st.session_state[_ASKED] = {"model": model, "successor": successor, "label": label}


def _sure(asked: dict[str, str | None]) -> None:
    is_new = asked["successor"] is not None
    with st.form("compare-sure", border=True):
        st.markdown(
            f"**Replace the original by {plain(str(asked['label']))}?**" if is_new else "**Use the original again?**"
        )
        st.caption(
            "The original stays on record and in every answer, marked as replaced, with your name and today's date. "
            "It can be taken back."
            if is_new
            else "That it was replaced stays on record, with your name and reason."
        )
        st.text_input("Your name", key="compare-by", max_chars=60, value=st.session_state.get(_BY, ""))
        st.text_input("Why", key="compare-because", max_chars=300, placeholder="optional" if is_new else "")
        with st.container(horizontal=True):
            st.form_submit_button(
                "Replace it" if is_new else "Take it back", key="compare-yes", type="primary", on_click=_done,
                args=(asked,),
            )  # fmt: skip
            st.form_submit_button("Leave it as it is", key="compare-no", on_click=_let_be)


def _let_be() -> None:
    session.keep()
    st.session_state.pop(_ASKED, None)


def _done(asked: dict[str, str | None]) -> None:
    session.keep()
    state = st.session_state
    by, because = str(state["compare-by"]).strip(), str(state["compare-because"]).strip()
    model, successor = str(asked["model"]), asked["successor"]
    if not by or not (because or successor):
        state[_TOLD] = (False, "Nothing was changed. Write your name" + ("." if successor else ", and why."))
        return
    state[_BY] = by
    try:
        if successor is not None:
            act = flow.replace_model(session.knowledge(), model, successor, by=by, comment=because)
        else:
            act = flow.take_back_replacement(session.knowledge(), model, by=by, because=because)
    except (RegistrationError, GraphError) as error:
        # Such as when somebody was quicker: the question is put away, and the page shows what holds now.
        state.pop(_ASKED, None)
        state[_TOLD] = (False, f"Nothing was changed: {str(error).removeprefix('nothing was stored: ')}.")
        return
    state.pop(_ASKED, None)
    said = (
        "On record: the original is replaced" if act.withdrawn_at is None else "On record: the original is used again"
    )
    state[_TOLD] = (True, f"{said}. The next search shows it.")


def _table(job: str, found: Comparison) -> None:
    frame = table(found)
    formats = {
        found.metric.title: ("%.2f" if found.metric.unit else "%.4g", 95), "Change (points)": ("%+.2f", 118),
        "Change": ("%+.3g", 90), "Difference (% of range)": ("%.2g", 150), "Per second": ("%,.0f", 85),
        "at batch": ("%d", 70), "Nodes": ("%,d", 65), "Same answers (%)": ("%.1f", 125),
        "Largest difference": ("%.2g", 130), "Times as fast": ("%.3g", 100), "Times smaller": ("%.3g", 105),
        "Times compiled Keras": ("%.3g", 150), "Memory (MiB)": ("%.3g", 105), "Million MACs": ("%.3g", 105),
    }  # fmt: skip
    numbers = [c for c in frame.columns if frame[c].dtype.kind in "fi"]
    whole = st.toggle("All figures", key="compare-whole", on_change=session.keep)
    st.dataframe(
        frame, column_order=None if whole else [c for c in shown_first(found) if c in frame],
        key=f"compare-table-{job}", hide_index=True, height="content", alt="The files with their figures",
        placeholder="–",
        column_config={
            **{
                c: st.column_config.NumberColumn(format=form, width=width)
                for c in numbers
                for form, width in (formats.get(c, ("%.3g", 80)),)
            },
            "": st.column_config.TextColumn(width=90),
            "File": st.column_config.TextColumn(width=wide_enough(frame["File"])),
            "95 % interval": st.column_config.TextColumn(width=95),
        },
    )  # fmt: skip
    against = "" if found.original is None else "Change and times as fast: against the original. "
    st.caption(
        "Latency: the median of many runs with one input; 95 % of them are faster than p95. Pareto front: ◆ no other "
        "file is as good and as fast, and better in one; ◇ the same with the size of the file. Largest difference: of "
        "the outputs, from those of the network itself."
        if whole
        else f"{against}Latency: the median of many runs with one input."
    )


def _beside(found: Comparison, original: Contender) -> None:
    """The original and another file: what they hold, and their graphs."""
    others = [s.row for s in found.sides if s.row.sha256 != original.sha256]
    if not others:
        return
    first = found.successor or found.closest or others[0]
    labels = dict(zip((r.model for r in others), named(others), strict=True))
    key = f"compare-beside-{original.model}"
    st.html(parts.eyebrow("Before and after"))
    picked = st.selectbox(
        "Beside the original", list(labels), list(labels).index(first.model) if first.model in labels else 0, key=key,
        format_func=labels.__getitem__, on_change=session.keep, width=420,
    )  # fmt: skip
    after = next(r for r in others if r.model == picked)
    with st.container(key="answer-structure"):
        left, right = st.columns(2, gap="large")
    with left:
        st.html(parts.pairs(f"Before: {original.label}", structure(original)))
    with right:
        st.html(parts.pairs(f"After: {after.label}", structure(after)))
    if st.toggle("Show both graphs", key="compare-graphs", on_change=session.keep):
        netron_frames.pair(
            (f"Before: {original.label}", original.sha256, _file_name(original)),
            (f"After: {after.label}", after.sha256, _file_name(after)),
        )


def _file_name(row: Contender) -> str:
    return f"{row.network}-{row.format}-{row.sha256[:8]}{FORMATS[row.format].suffix}"
