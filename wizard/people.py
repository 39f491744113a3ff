"""Several people who decide together: whose answers are shown, how far they agree, and who differs where."""

from __future__ import annotations

import json
from pathlib import PurePath

import streamlit as st

from dss.groups import LONGEST_NAME, Group, Person, agreement, group_consistency_ratio
from dss.preferences import PreferenceError, weights
from dss.robust_words import agreement_words
from wizard import parts, session
from wizard.state import Asked
from wizard.words import plain

_PROBLEMS = "people_problems"
NAMELESS = "Person 1"  # what the first is called when a second comes


def tabs(asked: Asked) -> None:
    """Whose answers the page shows, when there are several."""
    if len(asked.group) < 2:
        return
    names = [p.name for p in asked.group]
    key = session.key("person")
    st.session_state[key] = asked.who
    st.segmented_control(
        "Answers of", names, key=key, on_change=_turned, args=(key,), required=True, format_func=plain
    )  # fmt: skip


def _turned(key: str) -> None:
    asked = session.held()
    session.commit(asked.with_group(asked.group, st.session_state[key] or asked.who))


def together(asked: Asked) -> None:
    """Consensus and differences; below, a further person by name or by file."""
    judging = [p for p in asked.group if len(p.preferences)]
    if len(judging) > 1:
        group = Group(tuple(judging))
        with st.container(key="agreement", border=True):
            st.html(parts.eyebrow("How far you agree"))
            st.html(parts.told(agreement_words(agreement(group))))
            st.html(parts.each_one([(p.name, weights(p.preferences)) for p in judging]))
            st.caption(f"Consistency of the combined answers: ratio {group_consistency_ratio(group):.2f}.")
    several = len(asked.group) > 1
    with st.expander("People who decide" if several else "Decide with several people", expanded=bool(_problems())):
        st.caption(
            "Everybody answers by themselves; the weights follow from all answers together (their geometric mean). "
            "The link and the file hold everybody's answers."
        )
        name = session.key("new-person")
        st.text_input(
            "Answer as another person", key=name, max_chars=LONGEST_NAME, placeholder="their name, then Enter",
            on_change=_add, args=(name,),
        )  # fmt: skip
        file = session.key("people-file")
        st.file_uploader(
            "Add people from a file", type="json", key=file, max_upload_size=5, on_change=_from_file, args=(file,),
            help="A requirement file with preferences, saved by each person with File › Download this requirement.",
        )  # fmt: skip
        for problem in _problems():
            st.error(plain(problem), icon=":material/error:")
        if several:
            rename = session.key(f"rename-{asked.who}")
            st.session_state.setdefault(rename, asked.who)
            st.text_input(
                f"Name of {plain(asked.who)}", key=rename, max_chars=LONGEST_NAME, on_change=_rename, args=(rename,)
            )
            st.button(
                f"Leave {plain(asked.who)} out", key="drop-person", type="tertiary", icon=":material/person_remove:",
                on_click=_drop, args=(asked.who,),
            )  # fmt: skip


def _problems() -> list[str]:
    return list(st.session_state.get(_PROBLEMS, []))


def _named(group: Group) -> Group:
    """The same; who has no name gets one, as there will be others."""
    taken = {p.name for p in group}
    name = next(n for n in (NAMELESS, *(f"Person {k}" for k in range(2, len(group) + 3))) if n not in taken)
    return Group(tuple(Person(name, p.preferences) if not p.name else p for p in group))


def _changed(asked: Asked, group: Group, person: str) -> None:
    st.session_state.pop(_PROBLEMS, None)
    session.commit(asked.with_group(group, person))
    session.renew()


def _add(key: str) -> None:
    asked, name = session.held(), st.session_state[key].strip()
    if not name:
        return
    try:
        group = _named(asked.group)
        if all(p.name != name for p in group):
            group = group.with_person(name, type(asked.preferences)())
        _changed(asked, group, name)
    except PreferenceError as error:
        st.session_state[_PROBLEMS] = list(error.problems)


def _rename(key: str) -> None:
    asked, name = session.held(), st.session_state[key].strip()
    if not name or name == asked.who:
        return
    try:
        people = tuple(Person(name, p.preferences) if p.name == asked.who else p for p in asked.group)
        _changed(asked, Group(people), name)
    except PreferenceError as error:
        st.session_state[_PROBLEMS] = list(error.problems)


def _drop(name: str) -> None:
    asked = session.held()
    _changed(asked, asked.group.without(name), "")


def _from_file(key: str) -> None:
    asked, file = session.held(), st.session_state[key]
    if file is None:
        return
    try:
        found = read(file.getvalue(), file.name)
        group = asked.group if asked.answers or len(asked.group) > 1 else Group(())
        group = _named(group) if len(group) else group
        for person in found:
            group = group.with_person(person.name, person.preferences)
        _changed(asked, group, found.people[0].name)
    except PreferenceError as error:
        st.session_state[_PROBLEMS] = list(error.problems)


def read(content: bytes, file_name: str) -> Group:
    """The people of a file: a requirement with preferences, or preferences alone; without a name they go by the file's.

    Raises PreferenceError with every problem found.
    """
    try:
        data = json.loads(content)
    except ValueError as error:
        raise PreferenceError(f"{file_name} is no JSON ({error}); choose a file saved by this page") from error
    if isinstance(data, dict) and not all(isinstance(value, list) for value in data.values()):
        if not data.get("preferences"):
            raise PreferenceError(f"{file_name} holds no preferences; answer some comparisons before you save it")
        data = data["preferences"]
    elif isinstance(data, dict) and isinstance(data.get("preferences"), list) and len(data) == 1:
        data = data["preferences"]
    group = Group.from_json(data)
    if not len(group):
        raise PreferenceError(f"{file_name} holds nobody's answers")
    stem = PurePath(file_name).stem.strip()[:LONGEST_NAME] or NAMELESS
    return Group(tuple(Person(p.name or stem, p.preferences) for p in group))
