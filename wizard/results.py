"""Results: the recommended model, why it won, how sure that is, what else there is, and the query that ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from dss.card import card
from dss.comparison import compare, comparison_sentences
from dss.explanation import sentences
from dss.ranking import Scored
from flow import Selection
from wizard import (
    chart,
    nothing,
    parts,
    pictures,
    results_compare,
    results_record,
    results_sure,
    session,
    strategies,
    table,
)
from wizard.alternatives import best_of_each, titled
from wizard.results_card import choose, remarks
from wizard.state import BUILD, PREFERENCES, Asked
from wizard.step import way
from wizard.words import models, plain

_HINT = "Tick one or two rows to see them beside the recommended one, click a heading to sort. ↷ means taken over "
_HINT += "from another device."
_REASONS = 4  # that are shown at once
_EVERYTHING = "every-runtime"


def show(asked: Asked) -> None:
    """The whole answer, or what to relax when there is none."""
    selection = session.selection(asked)
    winner = selection.ranking.winner
    if winner is None:
        nothing.show(asked, selection)
        return
    _opening(asked, selection)
    with st.container(key="answer"):
        left, right = st.columns([1.25, 1], gap="large")
    with left:
        c = card(selection.candidates, winner.row)
        under = remarks(selection.candidates, winner.row)
        st.html(parts.card(c, winner, "Recommended for you", first=True, under=under) + parts.legend())
    with right:
        choose(c)
        results_record.show(asked, selection)
        st.button(
            "Build new", key="build-new", icon=":material/construction:", on_click=session.turn_to, args=(BUILD,),
            width="stretch",
        )  # fmt: skip
        _why(asked, selection, winner)
    sure = st.container()
    others, drawn, weighed, gaps, query = st.tabs(
        [
            f"In order ({selection.ranking.total:,})",
            "Latency and quality",
            "Weights",
            "Would match if measured",
            "The query",
        ],
        key="more",
    )
    with others:
        _runners_up(selection)
    with drawn:
        _drawn(selection)
    with weighed:
        results_sure.weights(selection)
    with gaps:
        nothing.measurable(selection.candidates)
    with query:
        _query(selection)
    results_compare.show(selection)
    way(asked)
    with sure:  # last, as it takes longest
        results_sure.show(asked, selection)


def _opening(asked: Asked, selection: Selection) -> None:
    if asked.requirement.title:
        st.html(parts.eyebrow(asked.requirement.title))
    found = selection.ranking.total
    said, act = st.columns([5, 1.4], vertical_alignment="bottom")
    said.subheader(f"{models(found)} {'meets' if found == 1 else 'meet'} every limit", anchor=False)
    act.button(
        "Preferences", key="to-preferences", icon=":material/balance:", on_click=session.turn_to, args=(PREFERENCES,),
        width="stretch", help="See or change what matters more; the order follows.",
    )  # fmt: skip
    if not asked.requirement.task and _tasks(selection) > 1:
        said, act = st.columns([5, 1], vertical_alignment="center")
        with said:
            st.info(
                "You named no task, so models for different tasks are compared with one another. "
                "A rating then says how good a model is among those of its own task.",
                icon=":material/info:",
            )
        act.button("Choose a task", key="choose-task", on_click=session.turn_to, args=("project",), width="stretch")
    strategies.note(asked)
    if not asked.answers:
        st.caption(
            ":material/balance: You have compared no objectives, so all six count the same. "
            "Preferences change the order."
        )


def _tasks(selection: Selection) -> int:
    """How many different tasks the matches are for."""
    candidates = selection.candidates
    return int(candidates.projection.models["purpose"].iloc[candidates.matches].nunique())


def _why(asked: Asked, selection: Selection, scored: Scored) -> None:
    explanation = selection.explanation
    assert explanation is not None
    st.html(parts.eyebrow("Why this one") + parts.contributions(scored, selection.ranking))
    told = sentences(replace(explanation, help=None))  # the card says whether its optimization helps here
    st.html(parts.told(told[:_REASONS]) + parts.weakest(explanation))
    if told[_REASONS:]:
        with st.expander(f"More to know ({len(told) - _REASONS})"):
            st.html(parts.told(told[_REASONS:]))
    _why_not_the_next(selection)
    if selection.near_misses:
        with st.expander(f"What would widen the choice ({len(selection.near_misses)})"):
            nothing.ladder(selection.near_misses, asked, "wider")


def _why_not_the_next(selection: Selection) -> None:
    """The next one that is more than a near-copy of the recommended one."""
    p, order = selection.candidates.projection, selection.ranking.order
    first, *others = best_of_each(p, [s.row for s in selection.ranking.scored])
    if others:
        found = compare(selection.candidates, selection.ranking, first, others[0])
        with st.expander(plain(f"Why not the next, {titled(selection.candidates, others[0])[0]}?")):
            st.html(parts.told(comparison_sentences(found, p)) + pictures.differences(found))
            if (place := order.index(others[0]) + 1) > 2:
                st.caption(
                    f"It has place {place}: those before it differ from the recommended one in the runtime only."
                )


def _runners_up(selection: Selection) -> None:
    described, total = len(selection.ranking.scored), selection.ranking.total
    only_real = table.ranked(selection, everything=False)
    hidden = described - len(only_real)
    everything = False
    if hidden:
        said, act = st.columns([3, 1.4], vertical_alignment="center")
        everything = act.toggle(
            "Show every runtime", key=session.key(_EVERYTHING), on_change=_other_rows,
            help="The same network, optimized alike, on the same device is listed once, by its best runtime.",
        )  # fmt: skip
    else:
        said = st.container()
    frame = table.ranked(selection) if everything else only_real
    first = f"The first {described} of {total:,}. " if described < total else ""
    alike = "1 that differs only in the runtime is" if hidden == 1 else f"{hidden} that differ only in the runtime are"
    hint = "" if everything or not hidden else f"{alike} folded into the others. "
    said.caption(first + hint + _HINT)
    money = st.column_config.NumberColumn(format="%,.0f")
    st.dataframe(
        frame,
        key=_table_key(everything),
        hide_index=True,
        height=min(420, 38 + 35 * len(frame)),
        on_select=_rows_picked,
        selection_mode="multi-row",
        column_config={
            "Score": st.column_config.NumberColumn(format="%.2f"),
            "Quality": st.column_config.NumberColumn(format="%.1f"),
            "Measure of quality": st.column_config.TextColumn(width="medium"),
            "Latency (ms)": st.column_config.NumberColumn(format="%.3g"),
            "Latency (µs)": st.column_config.NumberColumn(format="%.3g"),
            "Total cost (USD)": money,
            "Peak memory (MiB)": money,
            **{label: st.column_config.NumberColumn(format="%.3g") for label in table.IF_LIMITED.values()},
        },
    )
    st.download_button(
        "Download as CSV", frame.to_csv(index=False), "ranking.csv", "text/csv", icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip


def _table_key(everything: bool) -> str:
    return session.key("ranked-all" if everything else "ranked")


def _rows_picked() -> None:
    everything = bool(st.session_state.get(session.key(_EVERYTHING)))
    chosen = st.session_state[_table_key(everything)].selection.rows
    selection = session.selection(session.held())
    rows = table.ranked(selection, everything=everything).index
    results_compare.pick(selection, tuple(int(rows[i]) for i in chosen))


def _other_rows() -> None:
    """Another table: what was ticked in the other one is no longer seen there."""
    selection = session.selection(session.held())
    results_compare.pick(selection, ())


def _drawn(selection: Selection) -> None:
    groups = chart.groups(selection)
    if not groups:
        st.write("No match has both a latency and a measure of quality, so there is nothing to draw.")
        return
    p = selection.candidates.projection
    winner = selection.ranking.winner
    own = None if winner is None else chart.group_of(selection, winner.row)
    options = sorted(groups, key=lambda g: (g != own, -groups[g]))
    key = session.key("group")
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[0]
    group = st.selectbox(
        "Measure and data set",
        options,
        key=key,
        on_change=session.keep,
        format_func=lambda g: f"{p.label('metric', g[0])} on {p.label('data', g[1])} ({groups[g]:,})",
        help="Figures of different measures or data sets may not be compared, so one is drawn at a time.",
    )
    st.plotly_chart(
        chart.figure(selection, group, results_compare.picked(selection)),
        key=session.key("chart"),
        on_select=_point_picked,
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Scatter of inference latency against quality",
    )
    up = "Up" if p.higher_is_better.get(group[0], True) else "Down"
    st.caption(f"{up} and to the left is better. Click a point to see it beside the recommended one below.")


def _point_picked() -> None:
    selection = session.selection(session.held())
    rows = [_row_of(point.get("customdata")) for point in st.session_state[session.key("chart")].selection.points]
    found = tuple(row for row in rows if row is not None)
    if found:
        results_compare.pick(selection, found)


def _row_of(data: int | Sequence[int] | None) -> int | None:
    if data is None or isinstance(data, int):
        return data
    return int(data[0]) if len(data) else None


def _query(selection: Selection) -> None:
    st.caption(
        "The requirement as SPARQL, as it can be sent to any copy of this graph. It asks for exactly the models above."
    )
    if st.button("Run it", key="run-query", icon=":material/play_arrow:", on_click=session.keep):
        rows = session.knowledge().run(selection.query)
        found = rows["model"].nunique() if len(rows) else 0
        same = "the same as above" if found == len(selection.candidates.matches) else "not the same as above: report it"
        st.success(f"It returned {models(found)}, {same}.", icon=":material/check:")
    st.code(selection.query, language="sparql", line_numbers=True)
