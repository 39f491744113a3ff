"""The coverage map: where the repository has figures, and where its holes are. A cell leads to its models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import streamlit as st

from ontology.requirement import Requirement
from repository.coverage import Coverage, coverage
from repository.export import NONE_KNOWN
from wizard import browse, heat_map, parts, session
from wizard.catalogue import ANY_FIGURE, FACETS, FIGURES, Catalogue, Wanted
from wizard.state import BUILD, REGISTER, REPOSITORY
from wizard.words import models

TAB = "map"
_TABLET_PX = 780  # what a page offers on a tablet held upright
DIMENSIONS = ("purpose", "device_type", "device", "technique", "precision", "runtime", "source")
_FIELDS = {
    "purpose": "task",
    "device_type": "device_types",
    "device": "device_names",
    "technique": "techniques_wanted",
    "precision": "precisions",
}  # what a requirement calls them


@dataclass(frozen=True)
class Map:
    """What is drawn, as the page's link says it; a `hole` is a place that was clicked and has no model."""

    down: str = "purpose"
    across: str = "device_type"
    technique: str = ""
    figure: str = ""
    reference: bool = False
    hole: tuple[str, str] | None = None

    def parameters(self) -> dict[str, str]:
        """The parameters of its link."""
        told = {"down": self.down, "across": self.across, "technique": self.technique, "figure": self.figure}
        told |= {"reference": "yes"} if self.reference else {}
        told |= {"row": self.hole[0], "column": self.hole[1]} if self.hole else {}
        return {"tab": TAB, **{name: text for name, text in told.items() if text}}

    @property
    def only(self) -> dict[str, str]:
        """The technique that all models counted have; of no use where techniques are an axis."""
        return {"technique": self.technique} if self.technique and "technique" not in (self.down, self.across) else {}

    def models(self, found: Catalogue, row: str, column: str, *, figure: bool = True) -> Wanted:
        """What to look for to find the models of one place, with or without a figure."""
        chosen = {self.down: (found.cell(self.down, row),), self.across: (found.cell(self.across, column),)}
        chosen |= {facet: (name,) for facet, name in self.only.items()}
        return Wanted("", chosen | ({"has": (self.figure or ANY_FIGURE,)} if figure else {}), self.reference)


def drawn(more: Mapping[str, str], found: Catalogue) -> Map:
    """Read a link; what cannot be drawn is left out."""
    down = more.get("down") if more.get("down") in DIMENSIONS else "purpose"
    across = more.get("across") if more.get("across") in DIMENSIONS else "device_type"
    if across == down:
        across = "device_type" if down != "device_type" else "purpose"
    techniques = found.options("technique", Wanted(reference=True))
    technique, figure = more.get("technique", ""), more.get("figure", "")
    hole = (more["row"], more["column"]) if more.get("row") and more.get("column") else None
    return Map(
        str(down), str(across), technique if technique in techniques else "", figure if figure in FIGURES else "",
        more.get("reference") == "yes", hole,
    )  # fmt: skip


def show(more: Mapping[str, str]) -> None:
    """The whole page."""
    found = browse.catalogue()
    asked = drawn(more, found)
    _choose(asked, found)
    counted = coverage(
        found.projection, asked.down, asked.across, figure=asked.figure or None, only=asked.only,
        reference=asked.reference,
    )  # fmt: skip
    if not counted.counts.size:
        st.info("No model has all of this, so there is nothing to draw.", icon=":material/search_off:")
        return
    places = counted.counts.size
    what = FIGURES[asked.figure] if asked.figure else "a figure"
    st.markdown(
        f"**{models(counted.models)}** with {what}; **{counted.holes:,} of {places:,} places "
        f"({counted.holes / places:.0%}) are holes**. Click a place to see its models, or what is missing."
    )
    if asked.hole:
        _hole(asked, found, counted)
    key = session.key("map")
    # A wide map keeps its cells readable and is moved sideways where the window is narrow.
    least = heat_map.least_px(counted)
    with st.container(key="mapbox"):
        st.plotly_chart(
            heat_map.figure(counted), width=least if least > _TABLET_PX else "stretch", key=key,
            selection_mode="points", config={"displayModeBar": False},
            on_select=partial(_clicked, key, asked, found, counted),
            alt=f"Models counted by {FACETS[asked.down].lower()} and {FACETS[asked.across].lower()}",
        )  # fmt: skip
    if "technique" in (asked.down, asked.across):
        st.caption("A model with two techniques counts in each.")
    with st.expander("The same as a table"):
        frame = counted.frame()
        st.dataframe(frame, alt="The counts as a table")
        st.download_button("Download as CSV", frame.to_csv(), "coverage.csv", "text/csv", key="map-csv",
                           icon=":material/download:", on_click="ignore")  # fmt: skip


def _choose(asked: Map, found: Catalogue) -> None:
    techniques = [n for n in found.options("technique", Wanted(reference=True)) if "." not in n]
    with st.container(horizontal=True, vertical_alignment="bottom", key="map-choices", gap="small"):
        for name, label, own, other in (
            ("down", "Down", asked.down, asked.across), ("across", "Across", asked.across, asked.down)
        ):  # fmt: skip
            _select(asked, name, label, [d for d in DIMENSIONS if d != other], own, FACETS)
        if "technique" not in (asked.down, asked.across):
            labels = {"": "any", **{n: found.label("technique", n) for n in techniques}}
            _select(asked, "technique", "Technique", list(labels), asked.technique, labels)
        _select(asked, "figure", "With a figure for", ["", *FIGURES], asked.figure, {"": "anything", **FIGURES})
        key = session.key("map-reference")
        st.toggle("Reference devices too", value=asked.reference, key=key,
                  on_change=partial(_changed, asked, "reference", key))  # fmt: skip


def _select(asked: Map, name: str, label: str, options: list[str], chosen: str, labels: Mapping[str, str]) -> None:
    key = session.key(f"map-{name}")
    st.selectbox(
        label, options, index=options.index(chosen), key=key, width=190, format_func=lambda n: labels.get(n, n),
        on_change=partial(_changed, asked, name, key),
    )  # fmt: skip


def _changed(asked: Map, name: str, key: str) -> None:
    kept = {n: getattr(asked, n) for n in ("down", "across", "technique", "figure", "reference")}
    _to(Map(**(kept | {name: st.session_state[key]})))


def _to(asked: Map) -> None:
    session.go("view", REPOSITORY, asked.parameters())


def _clicked(key: str, asked: Map, found: Catalogue, counted: Coverage) -> None:
    picked = [point.get("customdata") for point in st.session_state[key].selection.points]
    if not picked or picked[0] is None:
        session.keep()
        return
    i, j = divmod(int(picked[0]), len(counted.columns))
    row, column = counted.rows[i], counted.columns[j]
    if counted.counts[i, j]:
        browse.to(asked.models(found, row, column))
    else:
        _to(Map(asked.down, asked.across, asked.technique, asked.figure, asked.reference, (row, column)))
        session.renew()


def _hole(asked: Map, found: Catalogue, counted: Coverage) -> None:
    """What is missing at one place, what there is beside it, and the two ways to fill it."""
    assert asked.hole is not None
    row, column = asked.hole
    if row not in counted.rows or column not in counted.columns:
        st.warning("The place that the link names is not in this map.", icon=":material/warning:")
        return
    i, j = counted.rows.index(row), counted.columns.index(column)
    here = f"{counted.row_labels[i]} × {counted.column_labels[j]}"
    if counted.counts[i, j]:  # it has been filled since
        browse_it = asked.models(found, row, column)
        st.success(f"{here}: {models(int(counted.counts[i, j]))}.", icon=":material/check:")
        st.button("Show them", key="hole-filled", on_click=browse.to, args=(browse_it,))
        return
    with st.container(border=True, key="hole"):
        st.html(parts.eyebrow(f"A hole: {here}") + parts.told(_missing(asked, found, counted, i, j)))
        with st.container(horizontal=True):
            bare = asked.models(found, row, column, figure=False)
            if len(found.found(bare)):
                st.button(f"Show the {models(len(found.found(bare)))} without it", key="hole-bare",
                          on_click=browse.to, args=(bare,))  # fmt: skip
            st.button("Register a measurement", key="hole-register", icon=":material/add:", type="primary",
                      on_click=session.go, args=("view", REGISTER))  # fmt: skip
            st.button("Build a model for it", key="hole-build", icon=":material/construction:", on_click=_build,
                      args=(requirement(asked, row, column),),
                      help="Fills in a request with this place; it replaces the request you have.")  # fmt: skip
            st.button("Close", key="hole-close", type="tertiary", on_click=_to,
                      args=(Map(asked.down, asked.across, asked.technique, asked.figure, asked.reference),)
                      )  # fmt: skip


def _missing(asked: Map, found: Catalogue, counted: Coverage, i: int, j: int) -> list[str]:
    what = FIGURES[asked.figure] if asked.figure else "any figure"
    bare = len(found.found(asked.models(found, counted.rows[i], counted.columns[j], figure=False)))
    there = f"{models(bare)} {'is' if bare == 1 else 'are'} on record there, without {what}."
    told = [there if bare else "No model is on record there."]
    for label, line, names in (
        (counted.row_labels[i], counted.counts[i], counted.column_labels),
        (counted.column_labels[j], counted.counts[:, j], counted.row_labels),
    ):
        best = sorted((int(n), name) for n, name in zip(line, names, strict=True) if n)[::-1][:3]
        near = ", ".join(f"{name} ({n:,})" for n, name in best)
        told.append(f"{label}: most is known for {near}." if best else f"{label}: nothing is known anywhere here.")
    return told


def requirement(asked: Map, row: str, column: str) -> Requirement:
    """What a request says to ask for a model at one place, as far as a request can."""
    told = {asked.down: row, asked.across: column, **asked.only}
    named = {_FIELDS[d]: (name,) for d, name in told.items() if d in _FIELDS and name != NONE_KNOWN}
    return Requirement(**named)  # type: ignore[arg-type]


def _build(asked: Requirement) -> None:
    session.replace_requirement(asked)
    session.turn_to(BUILD)
