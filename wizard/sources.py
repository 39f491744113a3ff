"""Sources: what each gave, on which terms, at which version, and which rows were merged or left out, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from ontology.records import Source
from repository.decisions import sources
from repository.knowledge import Knowledge
from repository.projection import Projection
from wizard import browse, session
from wizard.catalogue import Wanted
from wizard.facts_list import facts
from wizard.words import models, plain

TAB = "sources"
LOADED = "loaded"


@dataclass(frozen=True)
class Given:
    """What one source gave."""

    source: Source
    models: int
    performances: int
    obtained: str  # the days on which its figures were obtained, as far as it says
    outcomes: dict[str, int]  # rows of its tables: loaded, merged, left out
    others: pd.DataFrame  # table, outcome, reason, rows: all that was not loaded as it stands


def given(knowledge: Knowledge) -> Iterator[Given]:
    """Every source that gave models, figures or descriptions, the one with most models first."""
    p, tallies = knowledge.projection, knowledge.tallies()
    number = p.models["source"].value_counts()
    acts = p.performances.drop_duplicates("performance")
    dated = acts.groupby("source")["obtained"].agg(["min", "max", "size"])
    told = []
    for source in sources(knowledge.graph):
        rows = tallies[tallies["source"] == source.name]
        if rows.empty and source.name not in number:  # only names and words: no facts of their own
            continue
        first, last, size = dated.loc[source.name] if source.name in dated.index else (None, None, 0)
        told.append(
            Given(
                source, int(number.get(source.name, 0)), int(size), _days(first, last),
                {str(o): int(n) for o, n in rows.groupby("outcome")["rows"].sum().items()},
                rows[rows["outcome"] != LOADED][["table", "outcome", "reason", "rows"]].reset_index(drop=True),
            )
        )  # fmt: skip
    yield from sorted(told, key=lambda g: (-g.models, g.source.name))


def _days(first: object, last: object) -> str:
    if not isinstance(first, str) or not isinstance(last, str):
        return "not dated by the source"
    return first if first == last else f"{first} to {last}"


@st.cache_resource(max_entries=2, show_spinner="Counting what each source gave …", hash_funcs={Projection: id})
def _kept(projection: Projection, _knowledge: Knowledge) -> tuple[Projection, list[Given]]:
    return projection, list(given(_knowledge))


def show() -> None:
    """The whole page."""
    knowledge = session.knowledge()
    _, found = _kept(knowledge.projection, knowledge)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            f"**{len(found)} sources.** Every row of their tables is accounted for: loaded, merged with another row, "
            "or left out for the reason given."
        )
        st.download_button("Download as CSV", lambda: knowledge.tallies().to_csv(index=False), "sources.csv",
                           "text/csv", key="sources-csv", icon=":material/download:", type="tertiary",
                           on_click="ignore")  # fmt: skip
    for one in found:
        _source(one)


def _source(one: Given) -> None:
    s = one.source
    with st.container(border=True, key=f"source-{s.name}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{plain(s.title or s.label or s.name)}**")
            with st.container(horizontal=True, width="content"):
                if one.models:
                    st.button(f"Show its {models(one.models)}", key=f"of-{s.name}", on_click=browse.to,
                              args=(Wanted("", {"source": (s.name,)}, reference=True),))  # fmt: skip
                if s.url and s.url.startswith("https://"):
                    st.link_button("Open the source", s.url, icon=":material/open_in_new:", type="tertiary")
        rows = ", ".join(f"{n:,} {outcome}" for outcome, n in one.outcomes.items())
        said = [
            ("Gave", f"{models(one.models)}, {one.performances:,} {'act' if one.performances == 1 else 'acts'} "
                     "of obtaining figures"),
            ("Rows of its tables", rows or "none: it was registered here"),
            ("Licence of the table", s.licence or "not stated"),
            ("Version", s.version or "not stated"),
            ("Figures obtained", one.obtained),
        ]  # fmt: skip
        st.html(facts(said))
        if len(one.others):
            what = int(one.others["rows"].sum())
            with st.expander(f"{what:,} {'row' if what == 1 else 'rows'} merged or left out, and why"):
                st.dataframe(
                    one.others.rename(columns=str.capitalize), hide_index=True, alt="Rows merged or left out",
                    column_config={"Reason": st.column_config.TextColumn(width="large")},
                )  # fmt: skip
