"""When nothing matches: what to relax, what comes closest, what to measure."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dss.card import short
from dss.deployment import Deployment
from dss.deployment import apply as deploy_like
from dss.matching import Candidates, find
from dss.near_misses import NearMiss
from dss.pairs_of_limits import NearMissPair, apply
from dss.words import (
    METHODS,
    deployment_sentences,
    deployment_words,
    near_miss_pair_words,
    near_miss_words,
    verdict_words,
)
from flow import Selection
from ontology.requirement import Outcome
from repository.projection import Projection
from wizard import parts, session, strategies
from wizard.state import BUILD, Asked
from wizard.step import way
from wizard.words import models, plain

MOST_MEASURABLE = 8
MOST_PAIRS, MOST_FOLDED = 4, 12  # pairs of limits at once, and behind a fold


def show(asked: Asked, selection: Selection) -> None:
    """Never an empty page."""
    candidates = selection.candidates
    if asked.requirement.title:
        st.html(parts.eyebrow(asked.requirement.title))
    st.subheader("Nothing meets every limit yet. Here is how close you are.", anchor=False)
    strategies.note(asked)
    with st.container(key="answer"):
        left, right = st.columns([1, 1.1], gap="large")
    with left, st.container(key="nothing"):
        st.html(parts.eyebrow("What could give way"))
        if selection.near_misses:
            st.caption("Each line changes one limit by as little as possible. One click applies it.")
            ladder(selection.near_misses, asked, "nothing")
        elif not selection.pairs:
            st.write(
                "No change of one limit or of two admits a model. The models on the right say which limits stand in "
                "the way; take some back, or measure what is missing."
            )
        _together(selection, asked)
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
        _deployments(selection, asked)
    with st.expander("The query that ran"):
        st.code(selection.query, language="sparql")
    way(asked)


def ladder(misses: Sequence[NearMiss | NearMissPair], asked: Asked, where: str) -> None:
    """One button for each relaxation, of one limit or of two."""
    p = session.knowledge().projection
    for i, miss in enumerate(misses):
        words = near_miss_pair_words(miss, p) if isinstance(miss, NearMissPair) else near_miss_words(miss, p)
        st.button(
            plain(words),
            key=f"relax-{where}-{i}",
            icon=":material/tune:",
            on_click=session.replace_requirement,
            args=(apply(asked.requirement, miss),),
            width="stretch",
        )


def _together(selection: Selection, asked: Asked) -> None:
    """The smallest changes of two limits at once; the rest of them folded away."""
    if not selection.pairs:
        return
    smallest = [pair for pair in selection.pairs if pair.smallest][:MOST_PAIRS] or list(selection.pairs[:MOST_PAIRS])
    others = [pair for pair in selection.pairs if pair not in smallest]
    st.html(parts.eyebrow("Or two limits together"))
    st.caption("Each a little, where one alone would have to give way a lot or does not help.")
    ladder(smallest, asked, "pair")
    if others:
        with st.expander(f"Other pairs ({len(others)})"):
            ladder(others[:MOST_FOLDED], asked, "pair-more")


def _deployments(selection: Selection, asked: Asked) -> None:
    """The paper's other ways to deploy, each with what it costs, and what it would admit where a model is on record."""
    found = selection.deployments
    if not found:
        return
    p = selection.candidates.projection
    st.html(parts.eyebrow("Or deploy it another way"))
    for method in dict.fromkeys(d.method for d in found):
        first, *others = [d for d in found if d.method is method]
        _deployment(first, asked, p)
        if others:
            with st.expander(f"{METHODS[method]}: {len(others)} more"):
                for other in others:
                    _deployment(other, asked, p)


def _deployment(found: Deployment, asked: Asked, p: Projection) -> None:
    said = deployment_sentences(found, p)
    st.html(parts.near(deployment_words(found, p), said[:-1], said[-1]))
    wanted = deploy_like(asked.requirement, found)
    admits = len(find(wanted, p).matches)
    if admits:
        st.button(
            f"Ask for this: admits {models(admits)}", key=f"deploy-{found.method.value}-{found.name}",
            icon=":material/tune:", on_click=session.replace_requirement, args=(wanted,), width="stretch",
        )  # fmt: skip
    else:
        st.caption("No model was measured there that meets your other limits, so this cannot be searched for yet.")


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
