"""SPARQL: the named questions, an editor, the answer, and the schema beside them."""

from __future__ import annotations

import math
from collections import OrderedDict

import streamlit as st

from ontology.settings import QueryLimits
from repository.knowledge import Knowledge
from repository.questions import Parameter
from wizard import (
    console_editor,
    console_programs,
    console_questions,
    console_result,
    console_schema,
    parts,
    schema_picture,
    session,
)
from wizard.console_run import Run
from wizard.console_schema import Class, Property, Schema
from wizard.console_state import PACKED, QUESTION, Opened, of, opened, packed
from wizard.state import SPARQL, Place
from wizard.words import plain

POLL_SECONDS = 0.5
AT_ONCE_SECONDS = 0.4  # an answer that comes within it is shown without a word about waiting
USUAL_ROWS = 10_000
_KEPT_BYTES = 2**20  # of an answer that is kept for the way back
_MOST_KEPT = 6
_RUNS, _WANTED, _CLASS = "console-runs", "console-wanted", "console-class"

_Key = tuple[str, float, int, object]


def show(place: Place) -> None:
    """The whole page."""
    here = opened(dict(place.more), session.choices())
    if not place.more:
        here = Opened(own=console_programs.first_query())
    with st.container(key="console"):
        main, side = st.columns([1.8, 1], gap="large")
    with main:
        for problem in here.problems:
            st.warning(plain(problem), icon=":material/warning:")
        _head(here)
        run = _run(here)
        if run is not None:
            run.answered.wait(AT_ONCE_SECONDS)  # before anything is drawn that depends on it
        _editor(here, run)
        _bar(here, run)
        _outcome(here, run)
    with side:
        _beside(here)


def _head(here: Opened) -> None:
    if here.question is None:
        st.subheader("Ask the knowledge graph in SPARQL", anchor=False)
        st.caption(
            "Choose a question beside, or write your own: every figure of every model with its source. "
            "It only reads, and the project's prefixes may be left out."
        )
        return
    st.html(parts.eyebrow(f"For {' and '.join(f'{r}s' for r in here.question.readers)}"))
    st.subheader(plain(here.question.title), anchor=False)
    st.caption(plain(here.question.answers))
    if here.question.parameters:
        with st.container(key="console-parameters"):
            columns = st.columns(max(2, len(here.question.parameters)))
            for i, parameter in enumerate(here.question.parameters):
                with columns[i]:
                    _parameter(here, parameter)


def _parameter(here: Opened, parameter: Parameter) -> None:
    key = session.key(f"console-{parameter.name}")
    label = plain(parameter.meaning[:1].upper() + parameter.meaning[1:])
    value = here.given.get(parameter.name, parameter.default)

    def changed() -> None:
        new = st.session_state[key]
        if new is None:
            session.keep()
        else:
            _go(here.with_value(parameter.name, str(new)))

    options = of(parameter, session.choices())
    if options is None and parameter.kind == "integer":
        least, most = (int(end) if math.isfinite(end) else None for end in (parameter.least, parameter.most))
        st.number_input(
            label, min_value=least, max_value=most, value=int(float(value)), step=1, key=key, on_change=changed
        )
    elif options is None:
        low, high = (end if math.isfinite(end) else None for end in (parameter.least, parameter.most))
        st.number_input(
            label, min_value=low, max_value=high, value=float(value), format="%g", key=key, on_change=changed
        )
    else:
        names = list(options)
        st.selectbox(
            label, names, index=names.index(value) if value in options else 0, format_func=options.__getitem__,
            key=key, on_change=changed,
        )  # fmt: skip


def _go(here: Opened) -> None:
    """Show something else: a question runs at once, a text waits for Run."""
    session.go("view", SPARQL, here.link())
    session.renew()


def _ask(name: str) -> None:
    session.go("view", SPARQL, {QUESTION: name})
    session.renew()


def _editor(here: Opened, run: Run | None) -> None:
    fault = run.fault if run is not None else None
    console_editor.show(
        here.text,
        line=fault.line if fault else None,
        lines=5 if here.question is not None else 12,
        changed=lambda: _edited(here),
        run=lambda: _started(here),
    )


def _edited(here: Opened) -> None:
    """Hold a text that was changed in the address, so that no step back loses it."""
    text = console_editor.written(here.text)
    if text.strip() == here.text.strip():
        session.keep()
    else:
        session.go("view", SPARQL, {PACKED: packed(text)})


def _started(here: Opened) -> None:
    _edited(here)
    st.session_state[_WANTED] = True


def _bar(here: Opened, run: Run | None) -> None:
    is_running = run is not None and not run.answered.is_set()
    with st.container(key="console-bar", horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Run", key="console-run", type="primary", icon=":material/play_arrow:", disabled=is_running,
            on_click=_started, args=(here,),
        )  # fmt: skip
        seconds, rows = _limits()
        most = session.knowledge().limits
        with st.popover(f"At most {seconds:g} s and {rows:,} rows", type="tertiary", icon=":material/timer:"):
            st.number_input(
                f"Time limit, up to {most.seconds:g} s", min_value=1, max_value=int(most.seconds), value=int(seconds),
                key="console-seconds", on_change=session.keep,
            )  # fmt: skip
            st.number_input(
                f"Row limit, up to {most.rows:,}", min_value=1, max_value=most.rows, value=rows, key="console-rows",
                on_change=session.keep,
            )  # fmt: skip


def _limits() -> tuple[float, int]:
    """What a query of this visitor may use."""
    most: QueryLimits = session.knowledge().limits
    seconds = st.session_state.get("console-seconds", most.seconds)
    return float(seconds), int(st.session_state.get("console-rows", min(USUAL_ROWS, most.rows)))


def _run(here: Opened) -> Run | None:
    """The run of what is shown: the one that is kept, or a new one where one is wanted; None before the first."""
    wanted = st.session_state.pop(_WANTED, False)
    text = here.text
    seconds, rows = _limits()
    knowledge = session.knowledge()
    runs: OrderedDict[_Key, Run] = st.session_state.setdefault(_RUNS, OrderedDict())
    key = (text.strip(), seconds, rows, getattr(knowledge.graph, "version", None))
    kept = runs.get(key)
    if kept is not None and (not wanted or not kept.done.is_set()):
        return kept
    if not wanted and here.question is None:
        return next((r for (t, *_), r in reversed(runs.items()) if t == key[0]), None) if text.strip() else None
    for other in runs.values():
        if not other.done.is_set():
            other.stop()  # its answer would be seen by nobody
    run = runs[key] = Run(knowledge, text, seconds, rows).start()
    runs.move_to_end(key)
    for old in list(runs)[:-1]:
        answer = runs[old].answer
        if len(runs) > _MOST_KEPT or (answer is not None and len(answer.body) > _KEPT_BYTES):
            del runs[old]
    return run


def _outcome(here: Opened, run: Run | None) -> None:
    if run is None:
        if here.text.strip():
            st.info("Read the query, then press **Run**.", icon=":material/play_arrow:")
        return
    if not run.answered.is_set():
        st.fragment(_waiting, run_every=POLL_SECONDS)(run)
        return
    console_result.show(run, here.question)


def _waiting(run: Run) -> None:
    """What is shown while a query runs; the page is drawn anew when it has ended."""
    if run.answered.is_set():
        st.rerun()
    if run.is_stopped:
        run.stop()  # once more: it may not have begun when it was told
    with st.container(key="console-waiting", horizontal=True, vertical_alignment="center", border=True):
        said = "Stopping …" if run.is_stopped else f"Running for {run.elapsed:.0f} s, at most {run.seconds:g} s"
        st.progress(min(1.0, run.elapsed / run.seconds), text=said)
        st.button("Stop", key="console-stop", icon=":material/stop:", on_click=run.stop, disabled=run.is_stopped)


def _beside(here: Opened) -> None:
    ask, schema, programs = st.tabs(["Questions", "Schema", "From a program"], key="console-side")
    with ask:
        console_questions.show(here.question.name if here.question else "", _ask)
    with schema:
        _schema()
    with programs:
        console_programs.show(here.text, _address())


def _address() -> str:
    return (st.context.url or "http://localhost:8501").partition("?")[0].rstrip("/")


@st.cache_data(show_spinner="Reading the schema …", max_entries=2, ttl=600)
def _schema_of(_knowledge: Knowledge, graph: int, version: int | None) -> Schema:
    """The schema, read once for all visitors while neither graph nor version changes."""
    return console_schema.schema(_knowledge)


def _schema() -> None:
    knowledge = session.knowledge()
    found = _schema_of(knowledge, id(knowledge.graph), getattr(knowledge.graph, "version", None))
    chosen: str = st.session_state.get(_CLASS, "Model")
    st.caption("Click a class. The number is how many the graph has.")
    schema_picture.show(found, chosen, lambda name: st.session_state.__setitem__(_CLASS, name))
    if chosen in found:
        _class(found[chosen])
    with st.expander("Prefixes that may be left out"):
        st.html(parts.pairs("Prefix and namespace", console_schema.known_prefixes()))


def _class(one: Class) -> None:
    st.html(
        f'<div class="schemaclass"><h4><code>{parts.safe(one.term)}</code> {parts.safe(one.label)}</h4>'
        f"<p>{parts.safe(one.comment)}</p></div>"
    )
    st.button(
        "Put a starter query into the editor", key="console-starter", icon=":material/edit_note:", width="stretch",
        on_click=_go, args=(Opened(own=console_schema.starter(one)),),
    )  # fmt: skip
    with st.container(key="properties", height=320, border=False):
        st.html('<div class="terms">' + "".join(_property(p, one) for p in one.properties) + "</div>")


def _property(p: Property, of_class: Class) -> str:
    unit = f" <span>{parts.safe(p.unit)}</span>" if p.unit else ""
    to = f" <span>→ {parts.safe(p.to)}</span>" if p.to else ""
    use = "all" if p.things == of_class.things else f"{p.things:,}" if p.things else "none yet"
    return (
        f'<div class="term"><code>{parts.safe(p.term)}</code>{unit}{to}<i>{use}</i></div>'
        f"<div>{parts.safe(p.comment)}</div>"
    )
