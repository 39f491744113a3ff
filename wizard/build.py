"""Build new: what will be tried first and why, on which data, for how long."""

from __future__ import annotations

import os.path
import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import streamlit as st

import flow
from device.machine import usable_cores
from dss.build_report import ranked_by
from optimizer.data import KNOWN, DataError
from optimizer.formats.shelf import FORMATS
from optimizer.inspect import InspectionFailed, RefusedFile
from optimizer.jobs import JobError
from optimizer.networks.own import OWN
from optimizer.networks.shelf import NETWORKS
from optimizer.proposals import ProposalError
from optimizer.recipe import Recipe
from optimizer.spec import SpecError
from optimizing import runtimes_of, worth_proposing
from wizard import machine, parts, session, uploads
from wizard.inspected import inspected
from wizard.job_table import label_of_network
from wizard.state import RESULTS, Asked
from wizard.words import given_words, plain

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
LONGEST_MINUTES = 24 * 60
KNOWN_WORDS: Mapping[str, str] = {
    "digits": "Handwritten digits, 8×8 (ships with scikit-learn)",
    "mnist": "MNIST digits, 28×28 (downloaded once, 11 MB)",
    "fashion-mnist": "Fashion-MNIST clothes, 28×28 (downloaded once, 30 MB)",
    "cifar10": "CIFAR-10 photographs, 32×32 (downloaded once, 170 MB)",
}
_UPLOADED, _PATH = "upload", "path"
_PROBLEM = "build-problem"


def show(asked: Asked) -> None:
    """The proposal on the left, the form on the right."""
    if asked.requirement.title:
        st.html(parts.eyebrow(asked.requirement.title))
    st.subheader("Build a model for this request", anchor=False)
    if find_spec("tensorflow") is None:
        _not_installed()
        _back()
        return
    st.caption(
        "DLOM trains small networks on your data, stores each in several formats and measures every file on this "
        "machine. What it measures is registered, so that your search finds it."
    )
    with st.container(key="answer"):
        left, right = st.columns([1.25, 1], gap="large")
    with right, st.container(key="buildform", border=True):
        data = _data(asked)
        model = _own_model()
        _budget()
        formats = _formats()
        machine.show()
        _start(asked, data, model, formats)
    with left:
        _proposal(asked, model, formats)
        given = given_words(asked.requirement, session.knowledge().projection)
        if given:
            st.html(parts.pairs("Built for this request", given))
        st.caption(plain(ranked_by(asked.judged)))
        _back()


def _not_installed() -> None:
    st.info(
        "Building needs TensorFlow and its converters, which are not installed yet. The command below installs them "
        "once (about 1 GB); then open this page again.",
        icon=":material/download:",
    )
    st.code("./dlom build examples/digits-classifier.json --minutes 1", language="bash")


def _back() -> None:
    st.button(
        "Back: Results", key="build-back", icon=":material/arrow_back:", on_click=session.turn_to, args=(RESULTS,)
    )


def _data(asked: Asked) -> str:
    """The name of a known set, or the path of what was brought; empty while there is none."""
    is_local = session.settings().host in LOCAL_HOSTS
    options = [*KNOWN, _UPLOADED, *([_PATH] if is_local else [])]
    words = {**KNOWN_WORDS, _UPLOADED: "My own file: .npz or .zip", _PATH: "A file or folder on this machine"}
    st.session_state.setdefault("build-data", flow.data_for(asked.requirement))
    chosen = st.selectbox(
        "Data to learn from and test on", options, key="build-data", format_func=lambda o: words.get(o, o)
    )
    if chosen == _UPLOADED:
        return _uploaded_data()
    if chosen == _PATH:
        path = st.text_input("Path", key="build-path", placeholder="/data/leaves, or /data/leaves.npz", max_chars=1000)
        _shape_of_data()
        return path.strip()
    return str(chosen)


def _uploaded_data() -> str:
    file = st.file_uploader(
        "Your data", type=list(uploads.DATA_SUFFIXES), key="build-file", max_upload_size=uploads.LARGEST_DATA_MIB
    )
    _shape_of_data()
    if file is None:
        return ""
    try:
        return str(uploads.keep_data(session.settings().home, file.name, file.getvalue()))
    except uploads.UploadError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return ""


def _shape_of_data() -> None:
    st.html(
        parts.help_text(
            "An .npz with x and y (or x_train, y_train, x_test, y_test), labels from 0 on; or pictures in one folder "
            "for each class. Without a test part of its own, a fifth is held out."
        )
    )


def _own_model() -> Path | None:
    """The visitor's trained model once it has been read, in isolation, and found fit."""
    with st.expander("I bring a trained model"):
        file = st.file_uploader(
            "Model: .h5, .keras, .tflite, .onnx, .pb, or a SavedModel folder as .zip",
            key="build-model",  # no list of types: others are refused with a reason
            max_upload_size=uploads.LARGEST_MODEL_MIB,
        )
        if file is None:
            st.html(
                parts.help_text("It is read without running any of its code, then stored in every format and measured.")
            )
            return None
        path = uploads.keep_file(session.settings().home, file.name, file.getvalue())
        try:
            found = inspected(path)
        except (RefusedFile, InspectionFailed) as error:
            st.error(plain(str(error)), icon=":material/error:")
            return None
        shapes = "; ".join("×".join("n" if d is None else str(d) for d in t.shape or ()) for t in found.inputs)
        layers = f"{found.layers} layers, " if found.layers is not None else ""
        st.success(
            f"{plain(file.name)}: {layers}{found.parameters:,} parameters, input {plain(shapes)}",
            icon=":material/check:",
        )
        for warning in found.warnings:
            st.warning(plain(warning[:1].upper() + warning[1:]), icon=":material/warning:")
        return path


def _budget() -> None:
    left, right = st.columns(2)
    left.number_input("Minutes", 1, LONGEST_MINUTES, 5, key="build-minutes", help="For all candidates together.")
    right.number_input(
        "Threads", 1, usable_cores(), 1, key="build-threads",
        help="For the measurements: as many as the device will give to the model.",
    )  # fmt: skip


def _formats() -> tuple[str, ...]:
    """The names of the formats to make: those picked, else those that a build of so many minutes proposes."""
    offered = [f.name for f in FORMATS.values() if f.runs_here and runtimes_of(f)]
    picked = st.multiselect(
        "Formats", offered, key="build-formats", format_func=lambda name: FORMATS[name].label,
        placeholder="those that promise most",
    )  # fmt: skip
    return tuple(picked) or worth_proposing(float(st.session_state["build-minutes"]))


def _start(asked: Asked, data: str, model: Path | None, formats: Sequence[str]) -> None:
    if st.button(
        "Build", key="build-start", type="primary", icon=":material/construction:", width="stretch",
        on_click=session.keep, disabled=not data,
    ):  # fmt: skip
        with st.spinner("Checking the data and starting …"):
            job = _started(asked, data, model, formats)
        if job:
            session.go("job", job)
        session.keep()
        st.rerun()
    problem = st.session_state.pop(_PROBLEM, "")
    if problem:
        st.error(f"**Not started.** {plain(problem)}", icon=":material/error:")
    elif not data:
        st.caption("Choose the data first.")
    else:
        st.caption("It runs in a process of its own: you may close this page and come back.")


def _started(asked: Asked, data: str, model: Path | None, formats: Sequence[str]) -> str:
    """The job's id; empty when it could not be started, with the reason kept for the page."""
    if not machine.is_described():
        st.session_state[_PROBLEM] = "Say first what this machine is, under the field that is marked."
        return ""
    try:
        return flow.start_build(
            asked.requirement,
            asked.judged,
            session.knowledge(),
            session.settings(),
            data=data,
            minutes=float(st.session_state["build-minutes"]),
            own_model=model,
            threads=int(st.session_state["build-threads"]),
            formats=formats,
        )
    except (DataError, ProposalError, RefusedFile, InspectionFailed, SpecError, JobError, OSError) as error:
        st.session_state[_PROBLEM] = str(error).replace(f"{Path(data).parent}{os.path.sep}", "")
        return ""


def _proposal(asked: Asked, model: Path | None, formats: Sequence[str]) -> None:
    try:
        with st.spinner("Looking up what the techniques did in comparable pairs …"):
            recipes = flow.propose(asked.requirement, session.knowledge(), own_model=model, formats=formats)
    except ProposalError as error:
        st.error(f"**Nothing can be built for this request.** {plain(str(error))}", icon=":material/error:")
        return
    networks = list(dict.fromkeys(r.network for r in recipes))
    stored = list(dict.fromkeys(r.format for r in recipes))
    st.html(
        parts.eyebrow(f"What will be tried: {len(recipes)} candidates, in this order, as far as the time goes")
        + parts.plan(
            "Networks",
            [(label_of_network(n), "nothing has to be learnt anew" if n == OWN else NETWORKS[n].why) for n in networks],
        )
        + parts.plan("Each of them stored as", [(FORMATS[f].label, FORMATS[f].why) for f in stored])
    )
    known = _known_of(recipes)
    if known:
        st.html(parts.eyebrow("What is on record of these techniques") + parts.told(known))


def _known_of(recipes: tuple[Recipe, ...]) -> list[str]:
    """What is on record of the techniques: each sentence of the reasons once, without what a format says of itself."""
    behind = [r.reason.partition(f"{FORMATS[r.format].label}: {FORMATS[r.format].why}.")[2] for r in recipes]
    return list(dict.fromkeys(part for text in behind for part in re.split(r"(?<=\.) (?=[A-Z])", text.strip()) if part))
