"""A CSV of measurements: what its columns mean, what each row becomes, and why some are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from dss.explanation import shown
from ontology.records import FigureKind, Model, Performance, figure_kinds
from ontology.settings import CHECKOUT
from repository.columns import FIELD, FIELDS, Column
from repository.measurements import Preview, Row, Taken, proposal
from repository.projection import Projection
from repository.records_rdf import as_turtle
from wizard import parts, registering, session
from wizard.words import plain

NOT_USED = "not used"
LARGEST_MIB = 5
EXAMPLE = CHECKOUT / "examples" / "measurements.csv"
_LABELS = {f.label: f.name for f in FIELDS}
_VOCABULARY = {"purpose": "purpose", "network": "net", "device": "dev", "test_set": "data"}
_PREFIX = {
    **_VOCABULARY, "optimization": "opt", "runtime": "rt", "metric": "metric", "device_type": "dtype",
}  # fmt: skip
_MAY_BE_NEW = ("network", "device", "test_set")
_TITLES = {
    "network": "Network", "device": "Device", "optimization": "Optimization", "runtime": "Runtime",
    "purpose": "Purpose", "test_set": "Measured on",
}  # fmt: skip
_WHY = "Why not"
_IS_NEW = ""
_TOLD, _READ, _STORING = "csv-told", "csv-read", "csv-storing"
_KEPT = 4  # previews: one run of the page reads the same table up to three times
_ASKED = 12  # unknown names that the page asks about
_CHECKED = 300  # rows whose rules are checked before the visitor stores them
_AS_TURTLE = 50  # rows


def show() -> None:
    """Upload, mapping, preview, store."""
    left, right = st.columns([1.6, 1], gap="large", vertical_alignment="bottom")
    file = left.file_uploader("Table", type="csv", key="csv-file", max_upload_size=LARGEST_MIB)
    with right:
        st.toggle(
            "Names that nobody knows yet are new", key="csv-new",
            help="Networks, devices and data sets of your own become new ones. Off: such rows are refused, with the "
            "nearest known names, so that a slip of the pen makes no new device.",
        )  # fmt: skip
        st.download_button(
            "An example to fill in", EXAMPLE.read_bytes, "measurements.csv", "text/csv", key="csv-example",
            icon=":material/download:", type="tertiary", on_click="ignore",
        )  # fmt: skip
    if _STORING in st.session_state:
        _progress()
    told = st.session_state.pop(_TOLD, None)
    if told is not None:
        (st.success if told[0] else st.error)(plain(told[1]))
    if file is None:
        st.caption(
            "One row for each model: at least network, device, precision, runtime, task and one figure. Units may "
            "stand in the header, as in latency (s). What you register is marked as declared: DLOM did not measure it."
        )
        return
    try:
        text = file.getvalue().decode("utf-8-sig")
        first, _ = proposal(text)
    except UnicodeDecodeError:
        st.error("The file is not text in UTF-8; save it as CSV UTF-8.", icon=":material/error:")
        return
    except ValueError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    shown_first = st.container()
    chosen = _mapping(first, f"{file.name}-{file.size}")
    with shown_first:
        defaults = _defaults(proposal(text, chosen)[1])
        plain_words = Taken(chosen, defaults, new=bool(st.session_state["csv-new"]))
        meant, new = _unknown(_read(text, plain_words))
        taken = replace(plain_words, meant=meant, new=plain_words.new or new)
        preview = _read(text, taken)
        if any(row.doubtful for row in preview.rows):
            st.toggle(
                "I have looked again: figures that only differ from what is known are right", key="csv-sure",
                on_change=session.keep,
            )  # fmt: skip
            taken = replace(taken, sure=bool(st.session_state["csv-sure"]))
        _preview(_read(text, taken))


def _read(text: str, taken: Taken) -> Preview:
    """The preview, kept while neither the table, nor what is said of it, nor the graph changes: it may take seconds."""
    knowledge = session.knowledge()
    kept = st.session_state.setdefault(_READ, [])
    for table, said, projection, preview in kept:
        if table == text and said == taken and projection is knowledge.projection:
            return preview  # type: ignore[no-any-return]
    preview = registering.preview_csv(text, knowledge, taken)
    st.session_state[_READ] = [*kept, (text, taken, knowledge.projection, preview)][-_KEPT:]
    return preview


def _unknown(preview: Preview) -> tuple[dict[str, str], frozenset[str]]:
    """For each name that nobody knows what the visitor says: one that is known, or that it is new."""
    asked = [n for n in preview.named if not n.name]
    if not asked:
        return {}, frozenset()
    st.html(parts.eyebrow("Names that nobody knows: slips of the pen, other words, or new"))
    labels = session.knowledge().projection.label
    meant, new = {}, set()
    for one, column in zip(asked[:_ASKED], [c for _ in asked for c in st.columns(3)], strict=False):
        prefix, word = _PREFIX[one.field], FIELD[one.field].label
        options = [*one.near, *([_IS_NEW] if one.field in _MAY_BE_NEW else [])]
        named = {n: "it is new" if n == _IS_NEW else labels(prefix, n) for n in options}
        nearest = f"refused; near: {named[one.near[0]]}" if one.near else "refuse its rows"
        said = column.selectbox(
            f"{word.capitalize()} “{one.written}”", options, index=None, key=f"csv-name-{one.field}-{one.written}",
            placeholder=nearest, on_change=session.keep, format_func=named.__getitem__,
        )  # fmt: skip
        if said == _IS_NEW:
            new.add(one.written)
        elif said is not None:
            meant[one.written] = str(said)
    if len(asked) > _ASKED:
        st.caption(f"… and {len(asked) - _ASKED:,} more; mend them in the table, or take all as new ones.")
    return meant, frozenset(new)


def _mapping(columns: Sequence[Column], of: str) -> dict[str, str]:
    """What each column means, as proposed or as the visitor changed it: header → field, "" for none."""
    used = sum(bool(c.field) for c in columns)
    frame = pd.DataFrame(
        {
            "Column": [c.header for c in columns],
            "Means": [FIELD[c.field].label if c.field else NOT_USED for c in columns],
            "Unit": [
                "" if not c.field or not FIELD[c.field].unit else f"{c.unit or FIELD[c.field].unit}" for c in columns
            ],
            "Stored as": [
                "" if not c.field or not FIELD[c.field].unit else f"× {shown(c.factor)} = {FIELD[c.field].unit}"
                for c in columns
            ],
            "Look at": [
                c.fault or ("no unit is written: taken to be in this one" if c.assumed else "") for c in columns
            ],
        }
    )
    doubtful = any(c.fault or c.assumed for c in columns)
    with st.expander(f"What the columns mean: {used} of {len(frame)} are used", expanded=doubtful):
        edited = st.data_editor(
            frame, key=f"csv-columns-{of}", hide_index=True, disabled=["Column", "Unit", "Stored as", "Look at"],
            height="content",
            column_config={
                "Means": st.column_config.SelectboxColumn(options=[NOT_USED, *_LABELS], required=True),
                "Look at": st.column_config.TextColumn(width="large"),
            },
        )  # fmt: skip
        st.caption("Click a cell under *Means* to change what a column stands for.")
    before = dict(zip(frame["Column"], frame["Means"], strict=True))
    return {
        column: _LABELS.get(means, "")
        for column, means in zip(edited["Column"], edited["Means"], strict=True)
        if means != before[column]
    }


def _defaults(missing: Sequence[str]) -> dict[str, str]:
    """What holds for all rows where the table has no such column."""
    if not missing:
        return {}
    st.html(parts.eyebrow("The same for all rows, since no column says it"))
    projection = session.knowledge().projection
    found = {}
    for column, field in zip(st.columns(max(2, len(missing))), missing, strict=False):
        with column:
            found[field] = _one_for_all(field, FIELD[field].label, projection)
    return {field: text for field, text in found.items() if text}


def _one_for_all(field: str, label: str, projection: Projection) -> str:
    key, title = f"csv-default-{field}", label.capitalize()
    if field in _VOCABULARY:
        names = projection.choices[_VOCABULARY[field]]
        picked = st.selectbox(title, list(names), index=None, key=key, format_func=names.__getitem__)
        return str(picked) if picked else ""
    return st.text_input(title, key=key, max_chars=100).strip()


def _preview(preview: Preview) -> None:
    knowledge = session.knowledge()
    good = [row for row in preview.rows if not row.reasons]
    warned = sum(bool(row.warnings) for row in good)
    st.html(
        parts.eyebrow(
            f"What would be stored: {len(good)} of {len(preview.rows)} rows"
            + (f", {warned} of them to look at again" if warned else "")
        )
    )
    frame = pd.DataFrame([_line(row, knowledge.projection) for row in preview.rows])
    if _WHY in frame:
        frame.insert(2, _WHY, frame.pop(_WHY))
    texts = [c for c in frame.columns if frame[c].dtype == object or str(frame[c].dtype) in ("str", "string")]
    frame[texts] = frame[texts].fillna("")
    st.dataframe(
        frame, key="csv-rows", hide_index=True, height="content" if len(frame) < 12 else 420,
        alt="What each row becomes",
        column_config={
            "Line": st.column_config.NumberColumn(width=50),
            "What": st.column_config.TextColumn(width=105),
            _WHY: st.column_config.TextColumn(width="large"),
            **{c: st.column_config.NumberColumn(format="%.4g") for c in frame.columns if c not in {*texts, "Line"}},
        },
    )  # fmt: skip
    _messages(preview)
    _names(preview, knowledge.projection)
    refused: tuple[str, ...] = ()
    if len(good) <= _CHECKED:
        refused = registering.refused(knowledge, preview.records)
    else:
        st.caption("The rules of the graph are checked when the rows are stored, which takes a while for so many.")
    if refused:
        st.error("**The graph would refuse this:**\n\n" + "\n".join(f"- {plain(r)}" for r in refused))
    words = "Store all" if len(good) == len(preview.rows) else f"Store the good ones ({len(good)})"
    st.button(
        words, key="csv-store", type="primary", icon=":material/save:", on_click=_store, args=(preview,),
        disabled=not good or bool(refused) or _STORING in st.session_state,
    )  # fmt: skip


def _names(preview: Preview, projection: Projection) -> None:
    """What other words were taken for, and what would be new: to be confirmed with a look."""
    taken = [
        f"{n.written} → {projection.label(_PREFIX[n.field], n.name)}" for n in preview.named if n.name and not n.new
    ]
    new = []
    for n in (n for n in preview.named if n.new):
        near = ", ".join(projection.label(_PREFIX[n.field], m) for m in n.near)
        new.append(f"{n.written} (near: {near})" if near else n.written)
    for title, told in (("Taken for", taken), ("New", new)):
        if told:
            more = f" … and {len(told) - 20} more" if len(told) > 20 else ""
            st.caption(plain(f"{title}: {'; '.join(told[:20])}{more}"))
    good = [r for row in preview.rows[:_AS_TURTLE] if not row.reasons for r in row.records]
    if good:
        with st.expander("The same as Turtle, as another installation would take it"):
            st.code(as_turtle(list(dict.fromkeys(good))), language="turtle")


def _line(row: Row, projection: Projection) -> Mapping[str, object]:
    """A row as it would be stored: the model with its figures in our units. A refused one as far as it was read."""
    line: dict[str, object] = {
        "Line": row.line,
        "What": "✗ refused" if row.reasons else "⚠ look again" if row.warnings else "✓ stored",
        **({_WHY: "; ".join(row.reasons)} if row.reasons else {}),
    }
    if row.reasons:
        line |= {title: row.texts.get(field, "") for field, title in _TITLES.items()}
        line |= {_titled(kind): row.figures[kind.name] for kind in figure_kinds() if kind.name in row.figures}
        return line
    fresh = {(r.prefix, r.name): r.label for r in row.records if r.label}

    def named(prefix: str, name: str | None) -> str:
        new = fresh.get((prefix, name or ""))
        return "" if name is None else f"{new} (new)" if new else projection.label(prefix, name)

    for record in row.records:
        if isinstance(record, Model):
            line |= {
                "Network": named("net", record.network),
                "Device": named("dev", record.device),
                "Optimization": named("opt", record.optimization),
                "Runtime": named("rt", record.runtime),
                "Purpose": named("purpose", record.purpose),
            }
    for record in row.records:
        if isinstance(record, Performance):
            for kind in figure_kinds():
                value = getattr(record, kind.name)
                if value is not None:
                    line[_titled(kind)] = value
            if record.test_set:
                line[_TITLES["test_set"]] = named("data", record.test_set)
    return line


def _titled(kind: FigureKind) -> str:
    words = kind.name.rsplit("_", 1)[0].removesuffix("_per").replace("_", " ").capitalize()
    return f"{words} ({kind.unit})"


def _messages(preview: Preview) -> None:
    """Why rows are refused, and what to look at again."""
    for title, told, draw in (
        ("Refused", [(r.line, r.reasons) for r in preview.rejected], st.error),
        ("Look again", [(r.line, r.warnings) for r in preview.rows if r.warnings and not r.reasons], st.warning),
    ):
        if told:
            lines = [f"- line {line}: {plain('; '.join(messages))}" for line, messages in told[:20]]
            more = f"\n- … and {len(told) - 20} more" if len(told) > 20 else ""
            draw(f"**{title}**\n\n" + "\n".join(lines) + more)


def _store(preview: Preview) -> None:
    session.keep()
    knowledge, records = session.knowledge(), preview.records
    rows = len(preview.rows) - len(preview.rejected)
    if rows > _CHECKED:
        st.session_state[_STORING] = registering.start_storing(knowledge, records, rows)
    else:
        st.session_state[_TOLD] = registering.stored(knowledge, records)


@st.fragment(run_every=1.0)
def _progress() -> None:
    """A registration under way, until it has ended."""
    storing = st.session_state.get(_STORING)
    if storing is None:
        return
    if not storing.ended.is_set():
        st.info(
            f"Storing {storing.rows:,} rows, all or none. You may go on elsewhere meanwhile.", icon=":material/sync:"
        )
        return
    st.session_state[_TOLD] = storing.told
    del st.session_state[_STORING]
    session.keep()
    st.rerun()
