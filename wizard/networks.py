"""Trained networks: what sources say of a set of weights itself, on no device, whether or not a model runs it here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from ontology.records import Grade
from repository.knowledge import Knowledge
from repository.projection import Projection
from repository.rq import query
from repository.terms import local
from wizard import browse, parts, session
from wizard.catalogue import Wanted
from wizard.facts_list import facts
from wizard.state import REGISTER, REPOSITORY
from wizard.words import MARKS, models, plain

TAB = "networks"
_NAMES = ("trained", "network", "performance", "evidence", "source", "metric", "test_set")
_NUMBERS = ("parameters", "macs", "samples", "accuracy_percent", "top5_accuracy_percent", "metric_value")


def read(knowledge: Knowledge) -> pd.DataFrame:
    """A row for each figure of a trained network, in the order of the labels.

    Columns: `trained`, `network`, `performance`, `evidence`, `source`, `metric`, `test_set` (local names), `label`,
    `weights_name`, `input_shape`, `obtained`, `detail` (texts), `parameters`, `macs`, `samples`, `accuracy_percent`,
    `top5_accuracy_percent`, `metric_value` (numbers), and `models`: how many run these weights. Missing: None, NaN.
    """
    found = knowledge.run(query("trained-networks"))
    p = knowledge.projection
    for name in _NAMES:
        found[name] = [local(v) if isinstance(v, str) else None for v in found[name]]
    for name in _NUMBERS:
        found[name] = pd.to_numeric(found[name])
    running = p.models["trained"].value_counts()
    found["models"] = found["trained"].map(running).fillna(0).astype(int)
    found["label"] = [v if isinstance(v, str) else t for v, t in zip(found["label"], found["trained"], strict=True)]
    return found.sort_values(["label", "performance"], key=lambda c: c.str.casefold()).reset_index(drop=True)


# The projection is what tells that the graph has changed.
@st.cache_resource(max_entries=2, show_spinner="Reading the trained networks …", hash_funcs={Projection: id})
def _kept(projection: Projection, _knowledge: Knowledge) -> tuple[Projection, pd.DataFrame]:
    return projection, read(_knowledge)


def show(more: Mapping[str, str]) -> None:
    """The whole page, for what its link says."""
    knowledge = session.knowledge()
    p, every = _kept(knowledge.projection, knowledge)
    words, alone = more.get("q", "")[:200], more.get("alone") == "yes"
    st.caption(
        "Accuracies that a source states of a network with its weights, on no device. They say how right a model of it "
        "can be; how fast it is, only a measurement on a device says."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="networks-top"):
        key, only = session.key("networks-words"), session.key("networks-alone")
        st.text_input("Search", value=words, key=key, icon=":material/search:", width=430, max_chars=200,
                      placeholder="network, weights or source", on_change=partial(_asked, key, only))  # fmt: skip
        st.toggle("Only what no model here runs", value=alone, key=only, on_change=partial(_asked, key, only))
    found = every[searched(every, p, words, alone=alone)].reset_index(drop=True)
    frame = _frame(found, p)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{len(found):,}** of {len(every):,} trained networks. Click a row for more.")
        st.download_button("Download as CSV", frame.to_csv(index=False), "trained-networks.csv", "text/csv",
                           key="networks-csv", icon=":material/download:", type="tertiary", on_click="ignore",
                           )  # fmt: skip
    picked = every[every["trained"] == more.get("trained")]
    if len(picked):
        _one(p, picked.iloc[0])
    elif more.get("trained"):
        st.warning(f"There is no trained network {plain(more['trained'][:80])} with a figure here.")
    table = session.key("networks-table")
    st.dataframe(
        frame, key=table, hide_index=True, height=440, selection_mode="single-cell", row_height=30,
        on_select=partial(_picked, found, table, more), alt="Trained networks", placeholder="–",
        column_config={
            "Trained network": st.column_config.TextColumn(pinned=True, width=270),
            "Parameters (million)": st.column_config.NumberColumn(format="%.4g"),
            "Quality": st.column_config.NumberColumn(format="%.2f"),
            "Top-5 accuracy (%)": st.column_config.NumberColumn(format="%.2f"),
        },
    )  # fmt: skip
    st.html(parts.legend())


def searched(every: pd.DataFrame, p: Projection, words: str, *, alone: bool) -> pd.Series:
    """Which rows hold every word, in label, name of the weights, network or source; `alone`: that no model runs."""
    texts = pd.Series(
        [
            f"{r.label} {r.trained} {p.label('net', r.network or '')} {p.label('src', r.source or '')}".casefold()
            for r in every.itertuples()
        ],
        dtype=object,
    )
    kept = pd.Series([all(w in t for w in words.casefold().split()) for t in texts], dtype=bool)
    return kept & (every["models"] == 0) if alone else kept


def _asked(words: str, alone: str) -> None:
    told = {"q": " ".join(str(st.session_state[words]).split()), "alone": "yes" if st.session_state[alone] else ""}
    _to(told)


def _to(told: Mapping[str, str]) -> None:
    session.go("view", REPOSITORY, {"tab": TAB, **{n: t for n, t in told.items() if t and n != "tab"}})


def _picked(found: pd.DataFrame, table: str, more: Mapping[str, str]) -> None:
    cells = st.session_state[table].selection.cells
    if not cells:
        session.keep()
        return
    _to({**more, "trained": str(found["trained"].iat[cells[0][0]])})


def _frame(found: pd.DataFrame, p: Projection) -> pd.DataFrame:
    percent = found["accuracy_percent"].notna()
    return pd.DataFrame(
        {
            "Trained network": found["label"],
            "Network": [p.label("net", n) if isinstance(n, str) else "not stated" for n in found["network"]],
            "Quality": found["accuracy_percent"].where(percent, found["metric_value"]),
            "Measure": [
                " on ".join(p.label(x, n) for x, n in (("metric", m), ("data", d)) if isinstance(n, str))
                for m, d in zip(found["metric"], found["test_set"], strict=True)
            ],
            "Evidence": [str(MARKS[Grade(g)]) for g in found["evidence"]],
            "Top-5 accuracy (%)": found["top5_accuracy_percent"],
            "Parameters (million)": found["parameters"] / 1e6,
            "Models that run it": found["models"],
            "Source": [p.label("src", s) if isinstance(s, str) else "not stated" for s in found["source"]],
        }
    )


def _one(p: Projection, row: pd.Series) -> None:
    network = str(row["network"])
    others = Wanted("", {"network": (network,)}, reference=True)
    of_network = len(browse.catalogue().found(others))
    said = [
        ("Network", p.label("net", network)),
        ("Weights", row["weights_name"]),
        ("Input, pixels", row["input_shape"]),
        ("Parameters", None if pd.isna(row["parameters"]) else f"{row['parameters']:,.0f}"),
        ("Multiply-accumulates", None if pd.isna(row["macs"]) else f"{row['macs']:,.0f}"),
        ("Source", p.label("src", str(row["source"]))),
        ("Where in it", row["detail"]),
        ("Models that run these weights", f"{row['models']:,}"),
        ("Models of the network", f"{of_network:,}"),
    ]
    with st.container(border=True, key="trained"):
        title = f"{row['label']}: {_quality(p, row)}"
        st.html(f"<b>{parts.safe(title)}</b>" + facts((a, b) for a, b in said if isinstance(b, str)))
        with st.container(horizontal=True):
            if of_network:
                st.button(f"Show the {models(of_network)} of this network", key="trained-models", type="primary",
                          on_click=browse.to, args=(others,))  # fmt: skip
            st.button("Register a measurement of it", key="trained-register", icon=":material/add:",
                      on_click=session.go, args=("view", REGISTER))  # fmt: skip
            st.button("Close", key="trained-close", type="tertiary", on_click=_to, args=({},))


def _quality(p: Projection, row: pd.Series) -> str:
    value, unit = (row["accuracy_percent"], " %") if pd.notna(row["accuracy_percent"]) else (row["metric_value"], "")
    mark = MARKS[Grade(row["evidence"])]
    on = f" on {p.label('data', row['test_set'])}" if isinstance(row["test_set"], str) else ""
    return f"{value:.2f}{unit} {p.label('metric', str(row['metric']))}{on} ({mark})"
