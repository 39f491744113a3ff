"""One model: its card, its history and lineage, what users say of it, and how it does on the visitor's own data."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlsplit

import streamlit as st

import flow
from device.measure import MeasureError
from device.measured import Measured
from dss.card import Card, card
from dss.explanation import shown
from ontology.records import DataSet, Objective
from ontology.requirement import Requirement
from optimizer.data import DataError
from repository.measured import device_name, model_name
from repository.votes import vote_records
from wizard import (
    artifact,
    history,
    model_facts,
    netron_frames,
    parts,
    registering,
    replaced,
    repository_pages,
    session,
    tryout,
    uploads,
)
from wizard.words import plain

RATER, _TOLD, _TRIED = "rater", "model-told", "tried"
STAR_WORDS = {
    Objective.PERFORMANCE: "Performance (how right it is)",
    Objective.RELIABILITY: "Reliability (how steady)",
    Objective.SECURITY: "Security",
    Objective.COST: "Cost (5: cheap)",
    Objective.LATENCY: "Latency (5: quick)",
    Objective.COMPLEXITY: "Complexity (5: simple)",
}


def show(model: str) -> None:
    """The whole page."""
    knowledge = session.knowledge()
    row = knowledge.projection.positions.get(model)
    if row is None:
        st.error(f"There is no model {plain(model)} here; it may have been removed.", icon=":material/error:")
        st.button("Find a model", key="to-find", on_click=session.back_to_request)
        return
    c = card(session.candidates(Requirement()), row)
    with st.container(horizontal=True, vertical_alignment="center", key="model-head"):
        st.html(parts.eyebrow(f"Model: {c.title}, {c.subtitle}"))
        st.button("Back to the repository", key="to-repository", type="tertiary", icon=":material/arrow_back:",
                  on_click=repository_pages.back)  # fmt: skip
    replaced.mark(model)
    facts, past, ratings, own = st.tabs(
        ["Facts", "History of figures", "Ratings by users", "Try on my own data"], key="model-tabs"
    )
    with facts, st.container(key="answer"):
        left, right = st.columns([1.25, 1], gap="large")
    with left:
        st.html(parts.card(c, None, "Model", first=True) + parts.legend())
    with right:
        _obtain(c)
        _lineage(model)
        st.html(parts.eyebrow("Its name in the graph"))
        st.code(f"m:{model}", language=None, wrap_lines=True)
    with past:
        history.show(model)
    with ratings:
        _ratings(model)
    with own:
        _try(model, row)


def _obtain(c: Card) -> None:
    has_file = artifact.download(session.knowledge(), c.model, key="model-download")
    site = urlsplit(c.obtain)
    if site.scheme in ("https", "http") and site.netloc:
        st.link_button(
            f"Its page at {plain(site.netloc)}", c.obtain, icon=":material/open_in_new:",
            type="secondary" if has_file else "primary",
        )  # fmt: skip
    elif not has_file:
        st.info(plain(c.obtain) or "Its source offers no download.", icon=":material/menu_book:")
    file = artifact.file_of(session.knowledge(), c.model)
    if file is not None:
        netron_frames.button(file.sha256, file.name)
    st.caption(f"Licence: {plain(c.licence)}")


def _lineage(model: str) -> None:
    knowledge = session.knowledge()
    st.html(parts.pairs("Where it comes from", model_facts.lineage(knowledge, model)))
    parent, made = model_facts.parent(knowledge, model), model_facts.children(knowledge, model)
    if parent is not None:
        st.button(
            f"Made from {plain(_short(parent))}", key="to-parent", type="tertiary", icon=":material/arrow_upward:",
            on_click=session.go, args=("model", parent),
        )  # fmt: skip
    for name in made:
        st.button(
            f"Made into {plain(_short(name))}", key=f"to-{name}", type="tertiary", icon=":material/arrow_downward:",
            on_click=session.go, args=("model", name),
        )  # fmt: skip


def _short(model: str) -> str:
    p = session.knowledge().projection
    row = p.positions.get(model)
    if row is None:
        return model
    said = p.models.iloc[row]
    return (
        f"{p.label('net', said['network'])}, {p.label('opt', said['optimization'])}, {p.label('rt', said['runtime'])}"
    )


def _ratings(model: str) -> None:
    knowledge = session.knowledge()
    found = model_facts.votes(knowledge, model)
    left, right = st.columns([1, 1], gap="large")
    with right:
        if found.empty:
            st.caption("Nobody has rated it yet. Until somebody does, ratings are derived from the facts alone.")
        else:
            people = found["rated_by"].nunique()
            st.html(
                parts.pairs(f"Mean of {people} {'person' if people == 1 else 'people'}", model_facts.mean_votes(found))
            )
            said = found.dropna(subset=["comment"]).drop_duplicates(["rated_by", "comment"])
            st.html(parts.told(f"{r.rated_by}, {r.rated_at}: {r.comment}" for r in said.itertuples()))
    with left:
        _vote(model)


def _vote(model: str) -> None:
    told = st.session_state.pop(_TOLD, None)
    if told is not None:
        (st.success if told[0] else st.error)(plain(told[1]))
    with st.form("rate", border=True):
        st.caption("Rate what you know, 5 stars is best; leave out the rest. A new rating replaces your earlier one.")
        st.text_input("Your name", value=st.session_state.get(RATER, ""), key="rate-name", max_chars=60)
        for objective, words in STAR_WORDS.items():
            label, stars = st.columns([1.2, 1], vertical_alignment="center")
            label.markdown(words)
            with stars:
                st.feedback("stars", key=f"rate-{objective.value}")
        st.text_input("Comment", key="rate-comment", max_chars=500, placeholder="optional")
        st.form_submit_button("Store my rating", on_click=_store_votes, args=(model,), icon=":material/star:")


def _store_votes(model: str) -> None:
    session.keep()
    state = st.session_state
    name = str(state["rate-name"]).strip()
    given = {o: state[f"rate-{o.value}"] + 1 for o in STAR_WORDS if state.get(f"rate-{o.value}") is not None}
    if not name or not given:
        state[_TOLD] = (False, "Write your name." if not name else "Give at least one objective its stars.")
        return
    state[RATER] = name
    votes = vote_records(model, given, rated_by=name, day=date.today(), comment=str(state["rate-comment"]).strip())
    done, told = registering.stored(session.knowledge(), votes)
    if not done:
        state[_TOLD] = (False, told)
        return
    said = "1 objective" if len(given) == 1 else f"{len(given)} objectives"
    state[_TOLD] = (True, f"Stored: your rating of {said}. It counts in the next ranking.")


def _try(model: str, row: int) -> None:
    knowledge = session.knowledge()
    file = artifact.file_of(knowledge, model)
    if file is None:
        st.caption("No file of this model is kept here, so it cannot be run. Get it from its source and register it.")
        return
    shape = tryout.shape_of(knowledge.projection.models["input_shape"].iat[row])
    size = f" Pictures become {shape[0]}×{shape[1]} pixels." if shape and len(shape) == 3 else ""
    st.caption(
        "Bring examples with their right answers: an .npz with x and y, or a .zip with one folder of pictures for each "
        f"class, in the order of the model's classes.{size} The model runs here, in a process of its own, for at most "
        "a minute. Nothing is stored unless you ask for it."
    )
    given = st.file_uploader(
        "Your data", type=list(uploads.DATA_SUFFIXES), key=f"try-{model}", max_upload_size=uploads.LARGEST_DATA_MIB
    )
    if given is not None and st.button("Measure", key="try-start", icon=":material/speed:", on_click=session.keep):
        with st.spinner("Measuring on your data …"):
            st.session_state[_TRIED] = (model, _measured(file, shape, given.name, given.getvalue()))
    of_model, tried = st.session_state.get(_TRIED, ("", None))
    if of_model != model or tried is None:
        return
    if isinstance(tried, str):
        st.error(plain(tried), icon=":material/error:")
        return
    _tried(model, row, given.name if given else "your data", tried)


def _measured(file: artifact.File, shape: tuple[int, ...] | None, name: str, content: bytes) -> Measured | str:
    """What was measured, or why not."""
    try:
        x, y = tryout.examples(uploads.keep_data(session.settings().home, name, content), shape)
        return tryout.measured_on(file.path, file.format, x, y)
    except (uploads.UploadError, DataError, MeasureError, MemoryError) as error:
        return str(error)


def _tried(model: str, row: int, data: str, tried: Measured) -> None:
    p = session.knowledge().projection
    accuracy, latency = (p.fact(row, figure) for figure in ("accuracy_percent", "inference_latency_ms"))
    st.html(parts.eyebrow(f"● measured on your data: {data}, {tried.samples or 0:,} examples"))
    first, second, third = st.columns(3)
    if tried.accuracy_percent is not None:
        known = "" if accuracy is None else f"on record: {accuracy.value:.1f} %"
        first.metric("Right answers", f"{tried.accuracy_percent:.1f} %")
        first.caption(f"95 % interval {tried.accuracy_low_percent:.1f} to {tried.accuracy_high_percent:.1f} %. {known}")
    second.metric("Latency, median", f"{shown(tried.latency_p50_ms)} ms")
    second.caption(
        f"95 % of the runs within {shown(tried.latency_p95_ms)} ms. "
        + ("" if latency is None else f"on record: {shown(latency.value)} ms")
    )
    third.metric("Peak memory", f"{shown(tried.peak_memory_mib)} MiB")
    third.caption(f"{tried.threads} thread on {plain(tried.machine.cpu)}")
    if tried.noisy:
        st.warning("The repeats spread a lot: something else kept the machine busy. Measure again.")
    told = st.session_state.pop(_TOLD, None)
    if told is not None:
        (st.success if told[0] else st.error)(plain(told[1]))
    if model == model_name(tried.sha256, tried.runtime, device_name(tried.machine)):  # else it is another model
        st.button(
            "Keep it in the history", key="try-keep", icon=":material/save:", on_click=_keep, args=(model, data, tried),
            help="The figures by which the model is found stay as they are.",
        )  # fmt: skip


def _keep(model: str, data: str, tried: Measured) -> None:
    session.keep()
    device = flow.this_device_record(session.settings(), tried.machine)
    described = DataSet(name=f"local-{(tried.data_sha256 or '')[:12]}", label=data, examples=tried.samples)
    done, told = registering.stored(session.knowledge(), tryout.past_records(tried, model, device, described))
    st.session_state[_TOLD] = (done, "Kept in the history of this model." if done else told)
