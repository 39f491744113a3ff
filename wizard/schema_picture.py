"""The schema as a picture: a box for each class, a line for each way from one to another. A click chooses a class."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from wizard import session
from wizard.console_schema import Class, Schema, edges
from wizard.parts import safe

WIDTH, BOX, HIGH, GAP, DOWN = 400, 88, 46, 16, 20  # units of the drawing: width, a box, and what is between boxes
# Where the main classes stand, (column, row), so that lines do not run through boxes; others follow below.
_PLACES = {
    "DataSet": (0, 0), "Source": (1, 0), "Purpose": (2, 0), "ApplicationArea": (3, 0),
    "TrainedNetwork": (0, 1), "Model": (1, 1), "Device": (2, 1), "DeviceType": (3, 1),
    "Network": (0, 2), "Performance": (1, 2), "Runtime": (2, 2), "Optimization": (3, 2),
    "Cloud": (0, 3), "Metric": (1, 3), "MeasurementRun": (2, 3), "Technique": (3, 3),
}  # fmt: skip
_COLUMNS = 4
_HTML = '<div class="schema"></div>'
_CSS = """
.schema svg { width: 100%; height: auto; display: block; }
.box { cursor: pointer; outline: none; }
.box rect { fill: #fff; stroke: #9fb2b9; stroke-width: 1.2; }
.box text { font: 600 11.5px "Source Sans", "Source Sans Pro", sans-serif; fill: #1d2b33; text-anchor: middle; }
.box .count { font-weight: 400; font-size: 11px; fill: #56666e; }
.box.main rect { fill: #e8f1f1; stroke: #0b6e6e; }
.box:hover rect, .box:focus-visible rect { stroke: #0b6e6e; stroke-width: 2.4; }
.box.chosen rect { fill: #0b6e6e; stroke: #0b6e6e; } .box.chosen text, .box.chosen .count { fill: #fff; }
.box.none rect { stroke: #d3dde0; } .box.none text { fill: #5b6b73; }
line { stroke: #b9c7cc; stroke-width: 1.2; } line.chosen { stroke: #0b6e6e; stroke-width: 2.4; }
"""
_JS = """
export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const place = parentElement.querySelector(".schema");
  if (place.dataset.drawn === data) return;
  place.dataset.drawn = data;
  place.innerHTML = data;
  for (const box of place.querySelectorAll("[data-class]")) {
    const choose = () => setTriggerValue("chosen", box.dataset.class);
    box.onclick = choose;
    box.onkeydown = (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(); }
    };
  }
}
"""
_PICTURE = st.components.v2.component("dlom_schema_picture", html=_HTML, css=_CSS, js=_JS)
_NAME = "schema-picture"


def show(found: Schema, chosen: str, choose: Callable[[str], None]) -> None:
    """The picture; `choose` is called with the class that is clicked."""

    def clicked() -> None:
        state = st.session_state.get(_NAME)
        session.keep()
        if state and state.get("chosen") in found:
            choose(state["chosen"])

    _PICTURE(key=_NAME, data=svg(found, chosen), on_chosen_change=clicked)


def svg(found: Schema, chosen: str = "") -> str:
    """The drawing. Every text in it is escaped."""
    places = _places(found)
    rows = 1 + max(row for _, row in places.values())
    height = rows * (HIGH + DOWN) - DOWN + 4
    drawn = []
    for pair in sorted({(min(pair), max(pair)) for pair in edges(found)}, key=lambda pair: chosen in pair):
        if not _is_hidden(pair, places):
            (x1, y1), (x2, y2) = (_middle(places[name]) for name in pair)
            look = ' class="chosen"' if chosen in pair else ""
            drawn.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"{look}/>')
    drawn += [_box(found[name], places[name], chosen) for name in found]
    label = "The classes of the graph and how they hang together; a click on one lists its properties"
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="group" aria-label="{label}" xmlns="http://www.w3.org/2000/svg">'
        + "".join(drawn)
        + "</svg>"
    )


def _places(found: Schema) -> dict[str, tuple[int, int]]:
    others = [name for name in found if name not in _PLACES]
    first = 1 + max(row for _, row in _PLACES.values())
    below = {name: (i % _COLUMNS, first + i // _COLUMNS) for i, name in enumerate(others)}
    return {name: place for name, place in {**_PLACES, **below}.items() if name in found}


def _middle(place: tuple[int, int]) -> tuple[float, float]:
    return 2 + place[0] * (BOX + GAP - 4) + BOX / 2, 2 + place[1] * (HIGH + DOWN) + HIGH / 2


def _is_hidden(pair: tuple[str, str], places: dict[str, tuple[int, int]]) -> bool:
    """Whether a third box stands on the straight way between two, so that the line would mislead."""
    (x1, y1), (x2, y2) = (_middle(places[name]) for name in pair)
    for name, place in places.items():
        if name in pair:
            continue
        x, y = _middle(place)
        for i in range(1, 40):
            px, py = x1 + (x2 - x1) * i / 40, y1 + (y2 - y1) * i / 40
            if abs(px - x) < BOX / 2 - 8 and abs(py - y) < HIGH / 2 - 4:
                return True
    return False


def _box(one: Class, place: tuple[int, int], chosen: str) -> str:
    x, y = _middle(place)
    look = "box" + (" main" if one.name in ("Model", "Performance", "Device") else "")
    look += " chosen" if one.name == chosen else "" if one.things else " none"
    label = one.label[:1].upper() + one.label[1:]
    first, _, second = label.partition(" ") if len(label) > 12 else (label, "", "")
    lines, heights = ((first, second), (-8, 5)) if second else ((first,), (-1,))
    spoken = f"{label}, {one.things:,} on record. {one.comment}"
    return (
        f'<g class="{look}" data-class="{safe(one.name)}" tabindex="0" role="button" aria-label="{safe(spoken)}">'
        f"<title>{safe(one.comment)}</title>"
        f'<rect x="{x - BOX / 2}" y="{y - HIGH / 2}" width="{BOX}" height="{HIGH}" rx="6"/>'
        + "".join(f'<text x="{x}" y="{y + at}">{safe(line)}</text>' for line, at in zip(lines, heights, strict=True))
        + f'<text class="count" x="{x}" y="{y + 17}">{one.things:,}</text></g>'
    )
