"""When nothing matches: what to relax, what comes closest, what to measure."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dss.card import short
from dss.matching import Candidates
from dss.near_misses import NearMiss
from dss.words import near_miss_words, verdict_words
from flow import Selection
from ontology.requirement import Outcome
from wizard import parts, session
from wizard.state import BUILD, Asked
from wizard.step import way
from wizard.words import models, plain

MOST_MEASURABLE = 8


def show(asked: Asked, selection: Selection) -> None:
    """Never an empty page."""
    candidates = selection.candidates
    if asked.requirement.title:
        st.html(parts.eyebrow(asked.requirement.title))
    st.subheader("Nothing meets every limit yet. Here is how close you are.", anchor=False)
    with st.container(key="answer"):
        left, right = st.columns([1, 1.1], gap="large")
    with left, st.container(key="nothing"):
        st.html(parts.eyebrow("What could give way"))
        if selection.near_misses:
            st.caption("Each line changes one limit by as little as possible. One click applies it.")
            ladder(selection.near_misses, asked, "nothing")
        else:
            st.write(
                "No single change admits a model. The models on the right say which limits stand in the way; take two "
                "back, or measure what is missing."
            )
        measurable(candidates)
        st.html(parts.eyebrow("Or have one made"))
        st.caption("Small networks are trained on your data and measured on this machine; then this search finds them.")
        st.button(
            "Build one", key="build-one", icon=":material/construction:", on_click=session.turn_to, args=(BUILD,),
            type="secondary" if selection.near_misses else "primary", width="stretch",
        )  # fmt: skip
    with right:
        st.html(parts.eyebrow("What comes closest"))
        p = candidates.projection
        for close in selection.closest:
            open_ends = [v for v in close.verdicts if v.outcome is not Outcome.MET]
            st.html(parts.near(short(candidates, close.row), (verdict_words(v, p) for v in open_ends)))
    with st.expander("The query that ran"):
        st.code(selection.query, language="sparql")
    way(asked)


def ladder(misses: Sequence[NearMiss], asked: Asked, where: str) -> None:
    """One button for each relaxation."""
    projection = session.knowledge().projection
    for i, miss in enumerate(misses):
        st.button(
            plain(near_miss_words(miss, projection)),
            key=f"relax-{where}-{i}",
            icon=":material/tune:",
            on_click=session.replace_requirement,
            args=(miss.apply(asked.requirement),),
            width="stretch",
        )


def measurable(candidates: Candidates) -> None:
    """The models that violate nothing, but for which a figure is missing."""
    rows = candidates.would_match_if_measured
    if not len(rows):
        st.write("No model is held back by a missing figure alone.")
        return
    labels = {limit.field: limit.label for limit in candidates.limits}
    missing = candidates.missing()
    st.html(
        parts.pairs(
            f"{models(len(rows))} would match if measured",
            [(f"Only the {labels[name].lower()} is missing", models(n)) for name, n in missing.items()],
        )
    )
    fewest = rows[candidates.unknowns[rows].argsort(kind="stable")][:MOST_MEASURABLE]
    with st.expander(f"Show {'the first ' if len(rows) > len(fewest) else ''}{len(fewest)}"):
        for row in fewest:
            gaps = [v.limit.label for v in candidates.verdicts(int(row)) if v.outcome is Outcome.UNKNOWN]
            st.html(parts.near(short(candidates, int(row)), (f"not known: {gap}" for gap in gaps)))
