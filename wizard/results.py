"""Results: the recommended model, why it won, what else there is, and the query that ran."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from dss.card import Card, card
from dss.explanation import difference, explain, sentences
from dss.ranking import Scored
from flow import Selection
from wizard import artifact, chart, nothing, parts, session, table
from wizard.state import BUILD, Asked
from wizard.step import way
from wizard.words import models, plain

_LOOK = "look"
_HINT = "Click a row to see its card below, a heading to sort. ↷ means taken over from another device."


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
        st.html(parts.card(c, winner, "Recommended for you", first=True) + parts.legend())
    with right:
        _choose(c)
        st.button(
            "Build new", key="build-new", icon=":material/construction:", on_click=session.turn_to, args=(BUILD,),
            width="stretch",
        )  # fmt: skip
        _why(asked, selection, winner)
    others, drawn, gaps, query = st.tabs(
        [
            f"In order ({selection.ranking.total:,})",
            "Latency and quality",
            "Would match if measured",
            "The query",
        ],
        key="more",
    )
    with others:
        _runners_up(selection)
    with drawn:
        _drawn(selection)
    with gaps:
        nothing.measurable(selection.candidates)
    with query:
        _query(selection)
    _looked_at(selection, winner)
    way(asked)


def _opening(asked: Asked, selection: Selection) -> None:
    if asked.requirement.title:
        st.html(parts.eyebrow(asked.requirement.title))
    found = selection.ranking.total
    st.subheader(f"{models(found)} {'meets' if found == 1 else 'meet'} every limit", anchor=False)
    if not asked.requirement.task and _tasks(selection) > 1:
        said, act = st.columns([5, 1], vertical_alignment="center")
        with said:
            st.info(
                "You named no task, so models for different tasks are compared with one another. "
                "A rating then says how good a model is among those of its own task.",
                icon=":material/info:",
            )
        act.button("Choose a task", key="choose-task", on_click=session.turn_to, args=("project",), width="stretch")
    if not asked.preferences.judgements:
        st.caption(
            ":material/balance: You have compared no objectives, so all six count the same. "
            "Preferences change the order."
        )


def _tasks(selection: Selection) -> int:
    """How many different tasks the matches are for."""
    candidates = selection.candidates
    return int(candidates.projection.models["purpose"].iloc[candidates.matches].nunique())


def _choose(c: Card) -> None:
    site = urlsplit(c.obtain)
    licence = plain(c.licence)
    if artifact.download(session.knowledge(), c.model, key=f"choose-{c.model}", before="Choose: ", wide=True):
        st.caption("The file that was built or registered here and measured, ready for the device.")
    elif site.scheme in ("https", "http") and site.netloc:
        st.link_button(
            f"Choose: get it from {plain(site.netloc)}", c.obtain, type="primary", icon=":material/open_in_new:",
            width="stretch",
        )  # fmt: skip
        st.caption(f"Opens the source's own page. Licence: {licence}. Check its terms before you ship it.")
    elif c.obtain:
        st.info(f"How to get it: {plain(c.obtain)}. Licence: {licence}.", icon=":material/download:")
    else:
        st.info(
            "Its source describes this model but offers no download. Take it as a reference, choose another "
            f"from the list below, or build one. Licence: {licence}.",
            icon=":material/menu_book:",
        )
    st.button(
        "History, lineage, ratings", key=f"model-{c.model}", icon=":material/description:", on_click=session.go,
        args=("model", c.model), width="stretch",
    )  # fmt: skip


def _why(asked: Asked, selection: Selection, scored: Scored) -> None:
    explanation = selection.explanation
    assert explanation is not None
    st.html(parts.eyebrow("Why this one") + parts.contributions(scored, selection.ranking))
    st.html(parts.told(sentences(explanation)) + parts.weakest(explanation))
    if selection.near_misses:
        with st.expander(f"What would widen the choice ({len(selection.near_misses)})"):
            nothing.ladder(selection.near_misses, asked, "wider")


def _runners_up(selection: Selection) -> None:
    frame = table.ranked(selection)
    described = len(selection.ranking.scored)
    if described < selection.ranking.total:
        st.caption(f"The first {described} of {selection.ranking.total:,}. {_HINT}")
    else:
        st.caption(_HINT)
    key = session.key("ranked")
    money = st.column_config.NumberColumn(format="%,.0f")
    st.dataframe(
        frame,
        key=key,
        hide_index=True,
        height=min(420, 38 + 35 * len(frame)),
        on_select=_row_picked,
        selection_mode="single-row",
        column_config={
            "Score": st.column_config.NumberColumn(format="%.2f"),
            "Quality": st.column_config.NumberColumn(format="%.1f"),
            "Measure of quality": st.column_config.TextColumn(width="medium"),
            "Latency (ms)": st.column_config.NumberColumn(format="%.3g"),
            "Total cost (USD)": money,
            "Peak memory (MiB)": money,
        },
    )
    st.download_button(
        "Download as CSV", frame.to_csv(index=False), "ranking.csv", "text/csv", icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip


def _row_picked() -> None:
    picked = st.session_state[session.key("ranked")].selection.rows
    asked = session.held()
    ranking = session.selection(asked).ranking
    st.session_state[_LOOK] = (asked.requirement, ranking.scored[picked[0]].row) if picked else None


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
        chart.figure(selection, group, _look(selection)),
        key=session.key("chart"),
        on_select=_point_picked,
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Scatter of inference latency against quality",
    )
    up = "Up" if p.higher_is_better.get(group[0], True) else "Down"
    st.caption(f"{up} and to the left is better. Click a point to see its card below.")


def _point_picked() -> None:
    asked = session.held()
    picked = st.session_state[session.key("chart")].selection.points
    rows = [point.get("customdata") for point in picked]
    if rows and rows[0] is not None:
        row = rows[0][0] if isinstance(rows[0], list) else rows[0]
        st.session_state[_LOOK] = (asked.requirement, int(row))


def _looked_at(selection: Selection, winner: Scored) -> None:
    """The card of the model picked in the table or the chart, beside what speaks for the winner."""
    row = _look(selection)
    if row is None or row == winner.row:
        return
    scored = next((s for s in selection.ranking.scored if s.row == row), None)
    st.divider()
    with st.container(key="answer-other"):
        left, right = st.columns([1.25, 1], gap="large")
    c = card(selection.candidates, row)
    with left:
        place = f"Place {scored.place}" if scored else f"Beyond the first {len(selection.ranking.scored)} places"
        st.html(parts.card(c, scored, place, first=False))
        _choose(c)
    with right:
        if scored is not None:
            st.html(parts.eyebrow("Why not this one") + parts.differences(difference(winner, scored)))
            st.html(parts.told(sentences(explain(selection.candidates, selection.ranking, scored))))
        st.button("Close", key="look-no-more", on_click=_look_no_more)


def _look(selection: Selection) -> int | None:
    """The model picked last, as long as the requirement is the same."""
    asked, row = st.session_state.get(_LOOK) or (None, None)
    return row if asked == selection.requirement else None


def _look_no_more() -> None:
    session.keep()
    st.session_state[_LOOK] = None
    session.renew()


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
