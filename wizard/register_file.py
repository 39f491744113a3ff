"""A model file: read in isolation, measured here, shown, stored."""

from __future__ import annotations

import os.path
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

import flow
from device.measure import MeasureError
from dss.explanation import shown
from ontology.records import Model, Performance, Record
from optimizer.brought import Brought
from optimizer.frozen import runnable
from optimizer.inspect import InspectionFailed, ModelFile, RefusedFile
from repository.artifacts import ArtifactError
from repository.plausibility import Severity
from wizard import machine, parts, registering, session, tryout, uploads
from wizard.inspected import inspected
from wizard.words import plain

SAVED_MODEL = "savedmodel"
FORMAT_WORDS = {
    "h5": "Keras HDF5 (.h5)", "keras": "Keras (.keras)", "tflite": "TFLite", "onnx": "ONNX",
    "pb": "TensorFlow frozen graph (.pb)", SAVED_MODEL: "TensorFlow SavedModel",
}  # fmt: skip
_BROUGHT, _TOLD, _PROBLEM = "file-brought", "file-told", "file-problem"


def show() -> None:
    """Bring the file, say what it is, measure it, store it."""
    told = st.session_state.pop(_TOLD, None)
    if told is not None:
        (st.success if told[0] else st.error)(plain(told[1]))
    left, right = st.columns(2, gap="large")
    with left:
        file = st.file_uploader(
            # Others are refused with a reason.
            "Model file: .tflite, .onnx, .h5, .keras, .pb, or a SavedModel folder as .zip", key="file-model",
            max_upload_size=uploads.LARGEST_MODEL_MIB,
        )  # fmt: skip
        data = st.file_uploader(
            "Examples with their right answers", type=list(uploads.DATA_SUFFIXES), key="file-data",
            max_upload_size=uploads.LARGEST_DATA_MIB,
            help="An .npz with x and y, or a .zip with one folder of pictures for each class.",
        )  # fmt: skip
    if file is None:
        right.caption(
            "The file is read in a process of its own without running any of its code; then it is measured on this "
            "machine, and you see what would be stored."
        )
        return
    path = uploads.keep_file(session.settings().home, file.name, file.getvalue())
    with right:
        found = _found(path)
        if found is None:
            return
        _described()
        machine.show()
        if st.button(
            "Measure it here", key="file-measure", type="primary", icon=":material/speed:", on_click=session.keep,
            disabled=data is None, help="Takes some seconds.",
        ):  # fmt: skip
            assert data is not None  # else the button is disabled
            _measure(path, found, data.name, data.getvalue())
            session.keep()
            st.rerun()
        problem = st.session_state.pop(_PROBLEM, "")
        if problem:
            st.error(plain(problem), icon=":material/error:")
        elif data is None:
            st.caption("Bring examples, too: without them neither speed nor accuracy can be measured.")
    of, brought, records = st.session_state.get(_BROUGHT, ("", None, ()))
    if brought is not None and of == found.sha256:
        with left:
            _preview(brought, records)


def _found(path: Path) -> ModelFile | None:
    try:
        found = inspected(path)
    except (RefusedFile, InspectionFailed) as error:
        st.error(f"**Refused.** {plain(str(error))}", icon=":material/error:")
        return None
    shapes = "; ".join(
        f"{'×'.join('n' if d is None else str(d) for d in t.shape or ())} {t.dtype or ''}" for t in found.inputs
    )
    st.html(
        parts.pairs(
            "What the file holds",
            [
                ("Format", FORMAT_WORDS.get(found.format, found.format)),
                ("Parameters", f"{found.parameters:,}"),
                *([("Layers", f"{found.layers}")] if found.layers is not None else []),
                ("Operators", f"{sum(found.operators.values())}"),
                *([("Nodes of the graph", f"{found.nodes:,}")] if found.nodes is not None else []),
                (
                    "Multiply-accumulates of one inference",
                    "not told by the file" if found.macs is None else f"{found.macs:,}",
                ),
                ("Input", shapes or "not stated"),
                ("Precision", found.precision or "not clear"),
                ("Made by", found.producer or "not stated"),
                ("Size", f"{shown(found.size_kib)} KiB"),
            ],
        )
    )
    for warning in found.warnings:
        st.warning(plain(warning[:1].upper() + warning[1:]), icon=":material/warning:")
    if found.format == SAVED_MODEL:
        st.caption("No runtime takes a SavedModel: its frozen graph (.pb) is made first, then measured and stored.")
    return found


def _described() -> None:
    """What the file cannot say of itself."""
    choices = session.choices()
    networks, purposes = choices["net"], choices["purpose"]
    first, second = st.columns(2)
    first.selectbox(
        "Network", list(networks), index=None, key="file-network", format_func=lambda n: networks.get(n, n),
        accept_new_options=True, placeholder="choose, or write a new name",
    )  # fmt: skip
    second.selectbox("Purpose", list(purposes), index=None, key="file-purpose", format_func=purposes.__getitem__)


def _measure(path: Path, found: ModelFile, name: str, content: bytes) -> None:
    state = st.session_state
    state.pop(_BROUGHT, None)
    network, purpose = (str(state.get(f"file-{key}") or "").strip() for key in ("network", "purpose"))
    if not network or not purpose:
        state[_PROBLEM] = "Say first which network it is and what it is for."
        return
    if not machine.is_described():
        state[_PROBLEM] = "Say first what this machine is, under the field that is marked."
        return
    try:
        with st.spinner("Measuring in a process of its own …"):
            data = _arrays(uploads.keep_data(session.settings().home, name, content), found)
            with runnable(path, str(data)) as runs:
                brought, records = flow.bring_model(
                    runs.path, session.knowledge(), session.settings(), data=str(data), network=network,
                    purpose=purpose, made_from=runs.made_from,
                )  # fmt: skip
    except (
        uploads.UploadError,
        RefusedFile,
        InspectionFailed,
        ArtifactError,
        MemoryError,
        MeasureError,
        ValueError,
    ) as error:
        # Where the app keeps an upload is nothing to its owner.
        state[_PROBLEM] = re.sub(
            rf"{re.escape(str(session.settings().home))}[^\s'\"]*{re.escape(os.path.sep)}", "", str(error)
        )
    else:
        state[_BROUGHT] = (found.sha256, brought, records)


def _arrays(data: Path, found: ModelFile) -> Path:
    """Pictures as arrays of the size that the model takes; an .npz as it is. Raises DataError."""
    if not data.is_dir():
        return data
    shape = found.inputs[0].shape if found.inputs else None
    sizes = tuple(size for size in shape[1:] if size is not None) if shape else None
    x, y = tryout.examples(data, sizes)
    arrays = data.with_name(f"{data.name}-{'x'.join(map(str, sizes or ()))}.npz")
    np.savez(arrays, x=x, y=y)
    return arrays


def _preview(brought: Brought, records: Sequence[Record]) -> None:
    knowledge, measured = session.knowledge(), brought.measured
    p = knowledge.projection
    model = next(r for r in records if isinstance(r, Model))
    said = {(r.prefix, r.name): r.label for r in records if r.label}

    def named(prefix: str, name: str | None) -> str:
        return said.get((prefix, name or "")) or p.label(prefix, name or "not stated")

    accuracy = "not measured"
    if measured.accuracy_percent is not None:
        test_set = next(r.test_set for r in records if isinstance(r, Performance) and r.test_set)
        accuracy = (
            f"{measured.accuracy_percent:.1f} % [{measured.accuracy_low_percent:.1f} to "
            f"{measured.accuracy_high_percent:.1f}] on {named('data', test_set)}"
        )
    st.html(
        parts.pairs(
            "● What would be stored, as measured on this machine",
            [
                ("Network", named("net", model.network)),
                ("Purpose", p.label("purpose", model.purpose or "")),
                ("Precision", named("opt", model.optimization)),
                ("Device", named("dev", model.device)),
                ("Runtime", f"{named('rt', model.runtime)} {measured.runtime_version}"),
                ("Accuracy", accuracy),
                ("Latency", f"{shown(measured.latency_p50_ms)} ms, p95 {shown(measured.latency_p95_ms)} ms"),
                ("Throughput", f"{shown(measured.throughput_per_s)} a second, {measured.throughput_batch} at a time"),
                ("Peak memory", f"{shown(measured.peak_memory_mib)} MiB"),
                ("Size", f"{shown(measured.size_kib)} KiB"),
            ],
        )
    )
    doubts = registering.doubts(knowledge, records)
    errors = [str(d) for d in doubts if d.severity is Severity.ERROR] + list(registering.refused(knowledge, records))
    for doubt in doubts:
        if doubt.severity is Severity.WARNING:
            st.warning(plain(str(doubt)), icon=":material/warning:")
    if errors:
        st.error("**It would be refused:**\n\n" + "\n".join(f"- {plain(e)}" for e in errors))
    st.button(
        "Store it", key="file-store", type="primary", icon=":material/save:", disabled=bool(errors), on_click=_store,
        args=(records,),
    )  # fmt: skip


def _store(records: Sequence[Record]) -> None:
    session.keep()
    done, _ = st.session_state[_TOLD] = registering.stored(session.knowledge(), records)
    if done:
        st.session_state.pop(_BROUGHT, None)
