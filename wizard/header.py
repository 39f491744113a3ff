"""The head of the page: where one is on the way, and the requirement as an example, a file or a link."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from ontology.requirement import spec
from ontology.requirement_json import to_json
from ontology.settings import CHECKOUT
from wizard import session, strategies
from wizard.state import BUILDS, PAGES, PREFERENCES, REGISTER, REPOSITORY, RESULTS, SPARQL, Asked, Place, given
from wizard.words import STEP_WORDS, plain, readable

EXAMPLES = CHECKOUT / "examples"


def show(here: Asked | Place) -> None:
    """Title, the parts of the app; for a request its tools, progress, and what is wrong with the link or file."""
    with st.container(key="head", horizontal=True, vertical_alignment="center"):
        st.html(
            '<div class="brand"><b>DLOM</b><span>the model and device that fit your needs</span></div>', width="content"
        )
        _parts(here)
        if isinstance(here, Asked):
            _examples()
            _file(here)
            _share(here)
    if isinstance(here, Place):
        st.html('<div class="rule"></div>')
        return
    with st.container(key="steps", horizontal=True, gap="small"):
        for position, name in enumerate(PAGES, start=1):
            _step(here, name, position)
    _problems(here)


def _parts(here: Asked | Place) -> None:
    """Find a model, Repository, SPARQL, Builds, Register; the one that is shown is marked."""
    at = BUILDS if not isinstance(here, Asked) and (here.kind == "job" or here.name == BUILDS) else ""
    at = REGISTER if not isinstance(here, Asked) and here.kind == "view" and here.name == REGISTER else at
    at = SPARQL if not isinstance(here, Asked) and here.kind == "view" and here.name == SPARQL else at
    of_repository = not isinstance(here, Asked) and (here.kind == "model" or here.name == REPOSITORY)
    at = at or (REPOSITORY if of_repository else "find" if isinstance(here, Asked) else "")
    with st.container(key="parts", horizontal=True, width="stretch", gap="small"):
        _part("find", "Find a model", at, session.back_to_request)
        _part(REPOSITORY, "Repository", at, session.go, "view", REPOSITORY)
        _part(SPARQL, "SPARQL", at, session.go, "view", SPARQL)
        _part(BUILDS, "Builds", at, session.go, "view", BUILDS)
        _part(REGISTER, "Register", at, session.go, "view", REGISTER)


def _part(name: str, label: str, at: str, to: Callable[..., None], *where: str) -> None:
    st.button(
        label, key=f"part-{name}", type="primary" if name == at else "tertiary", on_click=to, args=where,
        width="content",
    )  # fmt: skip


def not_ready(title: str, reason: str) -> None:
    """The page of an installation without models."""
    with st.container(key="notready"):
        st.title(title, anchor=False)
        st.write(plain(reason))
        st.write("Run this once in the folder of DLOM; it loads the shipped facts and starts this app:")
        st.code("./dlom run", language="bash")


def _step(asked: Asked, name: str, position: int) -> None:
    entries = asked.answers if name == PREFERENCES else 0
    entries += sum(_step_of(field) == name for field in given(asked.requirement))
    wrong = any(_step_of(field) == name for field in asked.drafts)
    label = f"{position} {STEP_WORDS[name]}"
    if name in (PREFERENCES, RESULTS):
        label = STEP_WORDS[name]
    badge = " :red[!]" if wrong else f" :gray-badge[{entries}]" if entries else ""
    st.button(
        label + badge,
        key=f"go-{name}",
        type="primary" if name == asked.page else "tertiary",
        on_click=session.turn_to,
        args=(name,),
        width="content",
    )


def _examples() -> None:
    # A popover stays open while it is the same one: a choice makes it another, which is closed.
    times = st.session_state.get("examples_taken", 0)
    with st.popover("Start from an example", icon=":material/lightbulb:", type="tertiary", key=f"examples-{times}"):
        st.caption("Fills in all steps and preferences. It replaces your entries; the browser's back returns them.")
        for file in sorted(f for f in EXAMPLES.glob("*.json") if not f.stem.startswith(strategies.PREFIX)):
            st.button(
                plain(_title(file)),
                key=f"example-{file.stem}",
                on_click=_take_example,
                args=(file,),
                width="stretch",
            )
        strategies.menu()


def _title(file: Path) -> str:
    try:
        return str(json.loads(file.read_bytes()).get("title") or file.stem)
    except (OSError, ValueError, AttributeError):
        return file.stem


def _take_example(file: Path) -> None:
    session.load(file.read_bytes(), PAGES[0])
    st.session_state["examples_taken"] = st.session_state.get("examples_taken", 0) + 1


def _file(asked: Asked) -> None:
    with st.popover("File", icon=":material/folder_open:", type="tertiary"):
        data = to_json(asked.requirement)
        if asked.answers:
            data["preferences"] = asked.group.to_json()
        st.download_button(
            "Download this requirement",
            json.dumps(data, indent=2, ensure_ascii=False) + "\n",
            "requirement.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
        )
        upload = session.key("upload")
        st.file_uploader(
            "Load a requirement", type="json", key=upload, max_upload_size=5, on_change=_uploaded, args=(upload,)
        )


def _uploaded(key: str) -> None:
    file = st.session_state[key]
    if file is not None:
        session.load(file.getvalue(), PAGES[0])


def _share(asked: Asked) -> None:
    with st.popover("Link", icon=":material/link:", type="tertiary"):
        st.caption("This address restores everything you see. The browser's address bar always holds it, too.")
        st.code(session.link(asked), language=None, wrap_lines=True)


def _problems(asked: Asked) -> None:
    loaded = session.load_problems()
    if loaded:
        with st.container(key="loadproblems"):
            st.error(
                "**The file was not loaded.** Mend these and load it again:\n\n"
                + "\n".join(f"- {plain(p)}" for p in loaded),
                icon=":material/error:",
            )
            st.button("Close", key="forget", on_click=session.forget_load_problems)
    elsewhere = [
        f"**{plain(spec(name).label)}** ({plain(name)}, step {STEP_WORDS[s]}): {plain(readable(draft.message))}"
        for name, draft in asked.drafts.items()
        if (s := _step_of(name)) != asked.page
    ]
    told = [f"**{plain(note.field[:60])}**: {plain(note.message)}" for note in asked.notes] + elsewhere
    if told:
        st.warning(
            "**A part of this request could not be used; the rest is kept.**\n\n" + "\n".join(f"- {t}" for t in told),
            icon=":material/warning:",
        )


def _step_of(name: str) -> str:
    return spec(name).step.value
