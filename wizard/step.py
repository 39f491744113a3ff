"""One of the six steps: a widget for each field, built from the field's own description."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ontology.records import Grade
from ontology.requirement import NUMERIC, FieldSpec, Relation, Requirement, Step, specs
from repository.projection import Projection
from wizard import parts, session, strategies
from wizard.choices import is_several, is_stated, offered
from wizard.state import LONGEST_DRAFT, PAGES, Asked
from wizard.words import MARKS, STEP_QUESTIONS, STEP_WORDS, number, plain, quantity, readable

ANY = "any"


def show(asked: Asked, step: Step) -> None:
    """Every field of a step, the rare ones folded away, and the way on."""
    projection = session.knowledge().projection
    st.subheader(STEP_QUESTIONS[step], anchor=False)
    st.caption("Every field is optional. What you leave at *any* limits nothing.")
    if step is Step.PROJECT:
        strategies.note(asked)
        _title(asked)
    fields = [(name, s) for name, s in specs() if s.step is step]
    _grid(asked, [(n, s) for n, s in fields if not s.rare and _is_offered(asked, n, s, projection)], projection)
    rare = [(n, s) for n, s in fields if s.rare and _is_offered(asked, n, s, projection)]
    if rare:
        given = [n for n, _ in rare if n in asked.drafts or _value(asked.requirement, n) is not None]
        with st.expander("More", expanded=bool(given)):
            _grid(asked, rare, projection)
    hidden = [s.label for n, s in fields if not _is_offered(asked, n, s, projection)]
    if hidden:
        st.caption("Not offered, since no model on record states it yet: " + plain(", ".join(hidden)) + ".")
    way(asked)


def way(asked: Asked) -> None:
    """Back and Next."""
    here = PAGES.index(asked.page)
    with st.container(key="way", horizontal=True, horizontal_alignment="distribute"):
        if here:
            st.button(
                f"Back: {STEP_WORDS[PAGES[here - 1]]}",
                key="back",
                icon=":material/arrow_back:",
                on_click=session.turn_back,
            )
        else:
            st.space("small")
        if here + 1 < len(PAGES):
            # Unlike Back it names its page: a double click must not pass over a page that nobody has seen.
            st.button(
                f"Next: {STEP_WORDS[PAGES[here + 1]]}",
                key="next",
                type="primary",
                icon=":material/arrow_forward:",
                icon_position="right",
                on_click=session.turn_to,
                args=(PAGES[here + 1],),
            )


def _is_offered(asked: Asked, name: str, s: FieldSpec, projection: Projection) -> bool:
    return name in asked.drafts or _value(asked.requirement, name) is not None or is_stated(s, projection)


def _title(asked: Asked) -> None:
    key = session.key("title")
    st.session_state.setdefault(key, asked.requirement.title)
    st.text_input(
        "Name of this request",
        key=key,
        max_chars=200,
        placeholder="for your own records, such as “Skin checks in 10 practices”",
        on_change=_entered,
        args=("title", key),
    )


def _grid(asked: Asked, fields: list[tuple[str, FieldSpec]], projection: Projection) -> None:
    for start in range(0, len(fields), 2):
        for column, (name, s) in zip(st.columns(2, gap="medium"), fields[start : start + 2], strict=False):
            with column:
                _field(asked, name, s, projection)


def _field(asked: Asked, name: str, s: FieldSpec, projection: Projection) -> None:
    key = session.key(name)
    draft = asked.drafts.get(name)
    if s.relation is Relation.IS_TRUE:
        st.session_state.setdefault(key, bool(_value(asked.requirement, name)))
        st.toggle(s.label, key=key, on_change=_switched, args=(name, key))
    elif s.figure == "evidence":
        _evidence(asked, name, s, key)
    elif s.vocabulary:
        _choice(asked, name, s, key, projection)
    else:
        _number(asked, name, s, key)
    if s.figure != "evidence":
        st.html(parts.help_text(s.help))
    if draft is not None:
        st.error(f"“{plain(draft.text)}” is not counted: {plain(readable(draft.message))}", icon=":material/error:")


def _number(asked: Asked, name: str, s: FieldSpec, key: str) -> None:
    draft, value = asked.drafts.get(name), _value(asked.requirement, name)
    text = draft.text if draft else "" if value is None else quantity(float(value), s.unit)
    if st.session_state.get(key, text) != text or key not in st.session_state:
        st.session_state[key] = text
    relation = s.relation.value if s.relation in NUMERIC else ""
    says_so = not relation or s.label.endswith((relation, "after"))
    default = getattr(Requirement(), name)
    st.text_input(
        s.label if says_so else f"{s.label}, {relation}",
        key=key,
        max_chars=LONGEST_DRAFT,
        placeholder=number(default) if s.relation not in NUMERIC else f"any ({s.unit})" if s.unit else ANY,
        on_change=_entered,
        args=(name, key),
    )


def _choice(asked: Asked, name: str, s: FieldSpec, key: str, projection: Projection) -> None:
    given: tuple[str, ...] = getattr(asked.requirement, name)
    labels = offered(s, projection, asked.requirement)
    every = projection.choices.get(s.vocabulary, {})
    labels = {**labels, **{n: f"{every.get(n, n)} (0)" for n in given if n not in labels}}

    if is_several(s):
        st.session_state.setdefault(key, list(given))
        st.multiselect(
            s.label, list(labels), key=key, placeholder=ANY, format_func=labels.__getitem__,
            on_change=_picked, args=(name, key),
        )  # fmt: skip
    else:
        st.session_state.setdefault(key, given[0] if given else None)
        st.selectbox(
            s.label, list(labels), key=key, placeholder=ANY, format_func=labels.__getitem__,
            on_change=_picked, args=(name, key),
        )  # fmt: skip


def _evidence(asked: Asked, name: str, s: FieldSpec, key: str) -> None:
    st.session_state.setdefault(key, asked.requirement.evidence.value)
    grades = [g for g in Grade if g is not Grade.PREDICTED]
    st.selectbox(
        s.label,
        [g.value for g in grades],
        key=key,
        help="; ".join(f"{MARKS[g]}: {MARKS[g].meaning}" for g in grades) + ". " + s.help,
        format_func=lambda g: str(MARKS[Grade(g)]) + (" (everything)" if g == Grade.DECLARED else " or better"),
        on_change=_entered,
        args=(name, key),
    )


def _value(requirement: Requirement, name: str) -> Any:
    """What is given for a field, None where it has its default."""
    value = getattr(requirement, name)
    return None if value == getattr(Requirement(), name) else value


def _entered(name: str, key: str) -> None:
    session.commit(session.held().with_field(name, str(st.session_state[key]), session.choices()))


def _switched(name: str, key: str) -> None:
    session.commit(session.held().with_field(name, "yes" if st.session_state[key] else "", session.choices()))


def _picked(name: str, key: str) -> None:
    picked = st.session_state[key]
    text = picked or "" if isinstance(picked, str) or picked is None else "|".join(picked)
    session.commit(session.held().with_field(name, text, session.choices()))
