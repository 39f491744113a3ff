"""A model's history: every act of obtaining figures, how far repeats lie apart, and taking figures back."""

from __future__ import annotations

from datetime import date
from functools import partial

import pandas as pd
import streamlit as st

from repository.change import RegistrationError
from repository.graph import GraphError
from repository.history import drift, spread
from repository.store import take_back
from wizard import drift_chart, model_facts, parts, replaced, session, uploads
from wizard.catalogue import FIGURES
from wizard.words import plain

_TOLD, _ASKED = "withdraw-told", "withdraw-asked"


def show(model: str) -> None:
    """The whole tab."""
    knowledge = session.knowledge()
    told = st.session_state.pop(_TOLD, None)
    if told is not None:
        (st.success if told[0] else st.error)(plain(told[1]))
    frame = model_facts.history(knowledge, model)
    st.caption(
        "Each line is one act of obtaining figures, the newest first: by date, and where it has none by when it was "
        "registered. The newest one's figures count; the earlier ones stay, and so do those that were withdrawn."
    )
    if frame.empty:
        st.info("No figure of it was ever obtained.", icon=":material/hourglass_empty:")
        return
    _acts(model, frame)
    drifted = drift(knowledge.graph, model)
    _drift(drifted)
    _withdraw(model, frame)
    replaced.acts(model)


def _acts(model: str, frame: pd.DataFrame) -> None:
    st.dataframe(
        frame.drop(columns=["Name", "Own", "Withdrawn"]), key="history", hide_index=True, alt="History of figures",
        placeholder="–",
        column_config={
            "Quality": st.column_config.TextColumn(width="large"),
            "How": st.column_config.TextColumn(width="large"),
            "Latency (ms)": st.column_config.NumberColumn(format="%.4g"),
            "p95 (ms)": st.column_config.NumberColumn(format="%.4g"),
            "p99 (ms)": st.column_config.NumberColumn(format="%.4g"),
            "System latency (ms)": st.column_config.NumberColumn(format="%.4g"),
            "Spread (%)": st.column_config.NumberColumn(format="%.2g"),
            "Per second": st.column_config.NumberColumn(format="%,.0f"),
            "Memory (MiB)": st.column_config.NumberColumn(format="%.1f"),
            "Size (KiB)": st.column_config.NumberColumn(format="%,.0f"),
        },
    )  # fmt: skip
    st.download_button(
        "Download as CSV", frame.to_csv(index=False), f"{uploads.safe_name(model)}-history.csv", "text/csv",
        key="history-csv", icon=":material/download:", on_click="ignore",
    )  # fmt: skip


def _drift(drifted: pd.DataFrame) -> None:
    """How the values of one figure lie beside that which counts now."""
    if drifted.empty:
        return
    times = drifted.groupby("figure", sort=False)["value"].size()
    several = [str(f) for f, n in times.items() if n > 1]
    st.html(parts.eyebrow("Drift between repeats"))
    if not several:
        st.caption("Every figure was obtained once so far. Measure it again to see how steady it is.")
        return
    key = "drift-figure"
    shown = st.selectbox(
        "Figure", several, key=key, width=300, on_change=session.keep,
        format_func=lambda f: f"{FIGURES.get(f, f)} ({times[f]} values)",
    )  # fmt: skip
    own = drifted[drifted["figure"] == shown]
    with st.container(key="answer-drift"):
        left, right = st.columns([1.25, 1], gap="large")
    with left:
        st.plotly_chart(drift_chart.figure(own), key="drift-chart", config={"displayModeBar": False},
                        alt=f"Values of {FIGURES.get(shown, shown)} from the oldest to the newest",
                        )  # fmt: skip
    with right:
        st.html(parts.told(drift_chart.read_words(own, spread(own))))
        differences = _differences(own)
        st.dataframe(
            differences, hide_index=True, alt="Differences from the value that counts", placeholder="–",
            column_config={
                c: st.column_config.NumberColumn(format="%.4g") for c in differences if str(c).startswith("Value")
            },
        )  # fmt: skip


def _differences(own: pd.DataFrame) -> pd.DataFrame:
    p = session.knowledge().projection
    return pd.DataFrame(
        {
            "Obtained": drift_chart.dated(own),
            f"Value ({own['unit'].iat[0]})" if own["unit"].iat[0] else "Value": own["value"],
            "Difference (%)": own["difference_percent"].round(2),
            "Evidence": own["evidence"],
            "Counts": model_facts.counting(own),
            "Measure": [
                " on ".join(p.label(x, n) for x, n in (("metric", m), ("data", d)) if isinstance(n, str))
                for m, d in zip(own["metric"], own["test_set"], strict=True)
            ],
        }
    ).replace("", pd.NA).dropna(axis="columns", how="all")  # fmt: skip


def _withdraw(model: str, frame: pd.DataFrame) -> None:
    own = frame[frame["Own"] & ~frame["Withdrawn"]]
    st.html(parts.eyebrow("Take figures back"))
    if own.empty:
        st.caption(
            "Figures that were measured or registered on this installation can be withdrawn. There are none here; what "
            "a source has published stays as it was published."
        )
        return
    asked = st.session_state.get(_ASKED)
    if asked is not None and asked["model"] == model:
        _sure(asked)
        return
    labels = {row["Name"]: _label(row) for _, row in own.iterrows()}
    with st.form("withdraw", border=True):
        st.caption(
            "Withdrawn figures stay on record with your name and reason and count no more; what held before holds "
            "again. It cannot be undone."
        )
        st.multiselect("Which", list(labels), key="withdraw-which", format_func=labels.__getitem__,
                       placeholder="Choose one or more lines", select_all=False)  # fmt: skip
        who, why = st.columns([1, 2])
        who.text_input("Your name", key="withdraw-by", max_chars=60)
        why.text_input("Why", key="withdraw-because", max_chars=300, placeholder="for example: wrong board")
        st.form_submit_button("Withdraw …", icon=":material/undo:", on_click=partial(_ask, model, labels))


def _label(row: pd.Series) -> str:
    figures = [
        f"{row[name]:.4g} {unit}"
        for name, unit in (("Latency (ms)", "ms"), ("Size (KiB)", "KiB"), ("Memory (MiB)", "MiB"))
        if name in row.index and pd.notna(row[name])
    ]
    told = ", ".join(filter(None, [*figures, str(row.get("Quality", ""))]))
    return f"{row['Obtained']}, counts {row['Counts']}: {told or 'other figures'} ({row['Name']})"


def _ask(model: str, labels: dict[str, str]) -> None:
    session.keep()
    state = st.session_state
    which, by, because = (state[f"withdraw-{n}"] for n in ("which", "by", "because"))
    missing = [
        words
        for given, words in ((which, "which lines"), (by.strip(), "your name"), (because.strip(), "why"))
        if not given
    ]
    if missing:
        state[_TOLD] = (False, f"Nothing was withdrawn. Say {', '.join(missing)}.")
        return
    state[_ASKED] = {
        "model": model, "which": list(which), "by": by.strip(), "because": because.strip(),
        "labels": [labels[name] for name in which],
    }  # fmt: skip


def _sure(asked: dict[str, object]) -> None:
    labels = asked["labels"]
    assert isinstance(labels, list)
    with st.container(border=True, key="withdraw-sure"):
        st.warning("**Withdraw these figures for good?** There is no way back.", icon=":material/warning:")
        st.html(parts.told([*labels, f"by {asked['by']}, because: {asked['because']}"]))
        with st.container(horizontal=True):
            st.button("Withdraw them", key="withdraw-yes", type="primary", on_click=_take_back, args=(asked,))
            st.button("Keep them", key="withdraw-no", on_click=_let_be)


def _let_be() -> None:
    session.keep()
    st.session_state.pop(_ASKED, None)


def _take_back(asked: dict[str, object]) -> None:
    _let_be()
    which = asked["which"]
    assert isinstance(which, list)
    try:
        take_back(session.knowledge(), which, by=str(asked["by"]), because=str(asked["because"]), on=date.today())
    except (RegistrationError, GraphError) as error:
        st.session_state[_TOLD] = (False, f"Nothing was withdrawn: {error}")
        return
    lines = "1 line" if len(which) == 1 else f"{len(which)} lines"
    st.session_state[_TOLD] = (True, f"Withdrawn: {lines}. What held before holds again, and the next search uses it.")
