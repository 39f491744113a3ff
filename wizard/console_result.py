"""What came of a query: what to mind, the chart, the table and the downloads, or why there is no answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from repository.questions import Chart, Question
from wizard import session
from wizard.console_chart import KINDS, Undrawable, drawn, fitting, suggested
from wizard.console_fault import Fault
from wizard.console_run import Run, mixed
from wizard.console_table import Table, as_csv, headings, hidden, model_link, shown
from wizard.words import plain

CHECK_POLL_SECONDS = 0.7
MOST_TURTLE_LINES = 400
_MODEL = "https://w3id.org/dlom/model/"
_NONE = "none"


def show(run: Run, question: Question | None) -> None:
    """The answer of a run that has one, or its fault."""
    if run.fault is not None:
        _fault(run.fault, run.text)
        return
    assert run.answer is not None  # a run that was answered has one of the two
    if run.table is None:
        _graph(run)
        return
    table = run.table
    titles = headings(table, question.units if question else None)
    cells = shown(table, session.knowledge().projection.labels)
    _mixed(run, titles)
    _summary(run, table, question)
    if not table.rows:
        st.info("No row meets the query." + (" Choose other values above." if question else ""))
        return
    chart = (fitting(question.chart, table) if question else None) or (None if question else suggested(table))
    if chart is None and not table.names("number"):
        _table(table, cells, titles)
        return
    names = ["Chart", "Table"] if chart else ["Table", "Chart"]
    for name, tab in zip(names, st.tabs(names, key=f"console-answer-{names[0]}"), strict=True):
        with tab:
            if name == "Chart":
                _chart(run, table, cells, titles, chart)
            else:
                _table(table, cells, titles)


def _fault(fault: Fault, text: str) -> None:
    where = "" if fault.line is None else f" Line {fault.line}, column {fault.column}."
    said = f"**{_with_code(fault.what)}**{where}\n\n{_with_code(fault.hint)}"
    if fault.is_calm:
        st.info(said, icon=":material/stop_circle:")
        return
    st.error(said, icon=":material/error:")
    lines = text.splitlines()
    if fault.line is not None and fault.line <= len(lines):
        line = lines[fault.line - 1]
        number = f"{fault.line} "
        sign = " " * (len(number) + (fault.column or 1) - 1) + "^"
        st.code(f"{number}{line}\n{sign}", language=None)
    if fault.detail:
        with st.expander("What the engine said"):
            st.code(fault.detail, language=None, wrap_lines=True)


def _with_code(text: str) -> str:
    """Plain text in which what stands between backticks stays code."""
    pieces = re.split(r"(`[^`\n]+`)", text)
    return "".join(p if p.startswith("`") and p.endswith("`") and len(p) > 2 else plain(p) for p in pieces)


def _mixed(run: Run, titles: Mapping[str, str]) -> None:
    """The warning about columns that do not compare; while that is being found out, a word about it."""
    if not run.done.is_set():
        st.fragment(_checking, run_every=CHECK_POLL_SECONDS)(run)
        return
    if run.checked.reason:
        st.caption(plain(f"Whether columns mix metrics or data sets could not be checked: {run.checked.reason}"))
    if sentences := mixed(run.checked, titles):
        with st.container(key="console-mixed"):
            told = "".join(f"\n- {plain(s)}" for s in sentences) if len(sentences) > 1 else plain(sentences[0])
            st.warning(f"**Not all of these rows compare.** {told}", icon=":material/balance:")


def _checking(run: Run) -> None:
    if run.done.is_set():
        st.rerun()
    st.caption("Looking whether a column mixes metrics or data sets …")


def _summary(run: Run, table: Table, question: Question | None) -> None:
    assert run.answer is not None
    name = question.name if question else "answer"
    body = run.answer.body
    with st.container(key="console-summary", horizontal=True, vertical_alignment="center", gap="small"):
        st.html(_told(run, "row" if table.rows == 1 else "rows"), width="stretch")
        for label, file, kind, data in (
            ("CSV", f"{name}.csv", "text/csv", lambda: as_csv(body)),
            ("JSON", f"{name}.json", run.answer.format.value, lambda: body),
        ):
            st.download_button(
                label, data, file, kind, key=f"console-{label}", icon=":material/download:", type="tertiary",
                on_click="ignore",
            )  # fmt: skip
    _cut(run)


def _told(run: Run, word: str) -> str:
    assert run.answer is not None
    return (
        f'<div class="told-run"><b>{run.answer.rows:,}</b> {word} in <b>{_seconds(run.answer.seconds)}</b></div>'
    )  # fmt: skip


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _cut(run: Run) -> None:
    assert run.answer is not None
    if run.answer.truncated:
        most = session.knowledge().limits.rows
        more = f"raise the row limit (up to {most:,}), or " if run.rows < most else ""
        st.warning(
            f"These are only the first {run.answer.rows:,}; there are more. To see them {more}ask for less with LIMIT "
            "and OFFSET.",
            icon=":material/content_cut:",
        )


def _graph(run: Run) -> None:
    """The answer of a CONSTRUCT or DESCRIBE."""
    assert run.answer is not None
    text = run.answer.body.decode(errors="replace")
    with st.container(key="console-summary", horizontal=True, vertical_alignment="center", gap="small"):
        st.html(_told(run, "statement" if run.answer.rows == 1 else "statements"), width="stretch")
        st.download_button(
            "Turtle", text, "answer.ttl", run.answer.format.value, key="console-Turtle", icon=":material/download:",
            type="tertiary", on_click="ignore",
        )  # fmt: skip
    _cut(run)
    lines = text.splitlines()
    st.code("\n".join(lines[:MOST_TURTLE_LINES]), language="turtle", height=480)
    if len(lines) > MOST_TURTLE_LINES:
        st.caption(f"The first {MOST_TURTLE_LINES} of {len(lines):,} lines; the download has all.")


def _table(table: Table, cells: pd.DataFrame, titles: Mapping[str, str]) -> None:
    beside = hidden(table)
    with_names = bool(beside) and st.toggle(
        "Show the names behind the labels, too", key="console-names", on_change=session.keep
    )
    config: dict[str, Any] = {}
    given = cells.copy()
    for c in table.columns:
        if c.name in beside and not with_names:
            given = given.drop(columns=c.name)
            continue
        if c.kind == "iri" and all(v is None or v.startswith(_MODEL) for v in c.values):
            given[c.name] = [None if v is None else model_link(v) for v in c.values]
            config[c.name] = st.column_config.LinkColumn(titles[c.name], display_text=r"model=(.*)$", help="Its page")
        elif c.kind == "number":
            config[c.name] = st.column_config.NumberColumn(titles[c.name], help=f"?{c.name}", format=_format(c.values))
        else:
            config[c.name] = st.column_config.Column(titles[c.name], help=f"?{c.name}")
    st.dataframe(given, column_config=config, hide_index=True, height=min(480, 38 + 35 * max(1, table.rows)))


def _format(values: Sequence[Any]) -> str | None:
    """Numbers with sensible digits; whole ones with commas, years and the like as they are."""
    numbers = [v for v in values if v is not None]
    if all(isinstance(v, int) for v in numbers):
        return "localized" if any(abs(v) >= 10_000 for v in numbers) else "%d"
    return "%.4g" if all(v == 0 or 1e-4 <= abs(v) < 1e4 for v in numbers) else "localized"


def _chart(run: Run, table: Table, cells: pd.DataFrame, titles: Mapping[str, str], suggestion: Chart | None) -> None:
    head = st.container(horizontal=True, vertical_alignment="center")
    with head:
        chart = _chosen(run, table, titles, suggestion)
    if chart is None:
        st.caption("Choose a kind of chart and its columns.")
        return
    columns = {
        c.name: list(c.values) if c.kind == "number" else cells[c.name].tolist()
        for c in table.columns
        if c.name not in hidden(table)
    }
    try:
        result = drawn(table, columns, chart, titles)
    except Undrawable as error:
        st.info(plain(str(error)))
        return
    if result.note:
        head.caption(result.note)
    st.plotly_chart(result.figure, key="console-chart", config={"displaylogo": False})


def _chosen(run: Run, table: Table, titles: Mapping[str, str], suggestion: Chart | None) -> Chart | None:
    """Kind and columns: suggested, or chosen by the reader."""
    first = suggestion or Chart(_NONE)
    columns = [c.name for c in table.columns if c.name not in hidden(table)]
    numbers = table.names("number")
    own = f"{run.id}"  # another answer has other columns
    with st.popover("Choose what is drawn", type="tertiary", icon=":material/tune:"):
        kind = st.selectbox(
            "Chart", [_NONE, *KINDS], index=[_NONE, *KINDS].index(first.kind), key=f"kind-{own}",
            format_func=lambda k: KINDS.get(k, "None"), on_change=session.keep,
        )  # fmt: skip
        if kind == _NONE:
            return None
        x = _column("Across" if kind != "bar" else "Names", columns, first.x, titles, f"x-{own}")
        y = _column(
            "Length" if kind == "bar" else "Up", columns if kind == "heatmap" else numbers, first.y, titles, f"y-{own}"
        )
        colour = _column(
            "Colour", numbers if kind == "heatmap" else ["", *columns], first.colour or "", titles, f"colour-{own}"
        )
    return Chart(kind, x or None, y or None, colour or None)


def _column(label: str, columns: list[str], first: str | None, titles: Mapping[str, str], key: str) -> str | None:
    found: str | None = st.selectbox(
        label, columns, index=columns.index(first) if first in columns else 0 if columns else None, key=key,
        format_func=lambda c: titles.get(c, "none"), on_change=session.keep,
    )  # fmt: skip
    return found
