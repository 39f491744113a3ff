"""Published strategies as starting points: what each sets, and whether the facts on record bear it out."""

from __future__ import annotations

import streamlit as st

from dss.groups import weights_of
from dss.presets import EXAMPLES, Preset, Support, presets, support, support_sentences
from ontology.requirement_json import RequirementError
from repository.projection import Projection
from wizard import parts, session
from wizard.state import PAGES, Asked
from wizard.words import given_words, plain

_SUPPORT = "strategy_support"
PREFIX = "lee-"  # of the files in `examples/` that are strategies


def menu() -> None:
    """One button for each, with what it sets and how many of its claims the facts support."""
    p = session.knowledge().projection
    try:
        found = presets(p.choices)
    except RequirementError:  # a graph of one's own that does not know the names: nothing to offer
        return
    st.html(parts.eyebrow("Strategies of Lee et al. (2022)"))
    for preset in found:
        st.button(
            plain(preset.label), key=f"example-{preset.name}", on_click=_take, args=(preset.name,), width="stretch"
        )  # fmt: skip
        st.caption(plain(f"{_sets(preset, p)} {verdict(supported(preset, p))}"))


def note(asked: Asked) -> None:
    """On the pages of a request that is one of the strategies: where it comes from, and what the facts say of it."""
    p = session.knowledge().projection
    try:
        preset = next((s for s in presets(p.choices) if s.requirement == asked.requirement), None)
    except RequirementError:
        return
    if preset is None:
        return
    found = supported(preset, p)
    with st.expander(plain(f"A published strategy. {verdict(found)}"), icon=":material/school:"):
        st.write(plain(f"{preset.advice} ({preset.cites})"))
        st.html(parts.told(support_sentences(found, p)))
        st.caption("The paper gives no limits in figures and no weights; the preferences are our reading of its words.")


def supported(preset: Preset, projection: Projection) -> tuple[Support, ...]:
    """What the comparable pairs say of its claims, kept while the graph is the same."""
    of, known = st.session_state.get(_SUPPORT, (None, {}))
    if of is not projection:
        known = {}
        st.session_state[_SUPPORT] = (projection, known)
    if preset.name not in known:
        known[preset.name] = support(preset, projection)
    found: tuple[Support, ...] = known[preset.name]
    return found


def verdict(found: tuple[Support, ...]) -> str:
    """`The facts here support 4 of its 5 claims; 1 is not decided.`"""
    held, open_ones = sum(s.supported is True for s in found), sum(s.supported is None for s in found)
    told = f"The facts here support {held} of its {len(found)} claims"
    return told + (f"; {open_ones} {'is' if open_ones == 1 else 'are'} not decided." if open_ones else ".")


def _sets(preset: Preset, p: Projection) -> str:
    limits = [f"{label}: {value}" for label, value in given_words(preset.requirement, p)]
    shares = weights_of(preset.preferences)
    first = sorted(shares, key=lambda o: -shares[o])[:2]
    return f"Sets {'; '.join(limits)}; most weight on {first[0]} and {first[1]}."


def _take(name: str) -> None:
    session.load((EXAMPLES / f"{name}.json").read_bytes(), PAGES[0])
    st.session_state["examples_taken"] = st.session_state.get("examples_taken", 0) + 1
