"""Live counts: how many models match, asked at every click, for requirements of 1 to 12 limits.

Ours and the DuckDB table answer all four numbers that the wizard shows; a SPARQL COUNT answers the first only.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bench import Row, Timing, engines, pages, shipped, wide_table
from bench.peers import Disagreement, Peer, compared, peers
from dss.query import compose
from ontology.requirement import Requirement, limits
from tests.browser import browser

REPEATS = 15
LIMIT_S = 10.0  # for one answer
CLICKS = 12
TARGET_S = 0.2
TARGET, COLUMNS, TABLE = "target, on the server", "DLOM, columns", "DuckDB wide table"
ON_DISK, IN_MEMORY = "DLOM's graph on disk, SPARQL COUNT", "DLOM's graph in memory, SPARQL COUNT"
PAGE, CLICK = "DLOM, the whole page for one change, on the server", "DLOM, click to new count, in the browser"
TASKS = ("Image classification", "Object detection")


def main() -> Iterable[Row]:
    """The counts alone, the page that shows them, and what a visitor waits for after a click."""
    yield Row(TARGET, 1000 * TARGET_S, "ms")
    quads = shipped.n_quads()
    with shipped.copy_of_home() as home, peers(_starts(home, quads)) as started:
        taken: dict[str, list[Timing | None]] = {name: [] for name in started}
        for requirement in shipped.growing():
            for name, timing in _one(requirement, started).items():
                taken[name].append(timing)
    for name, timings in taken.items():
        yield from _rows(name, timings)
    with shipped.copy_of_home() as home:
        yield _of_page(home)
        yield _of_clicks(home)


def count_query(requirement: Requirement) -> str:
    """The composed query, asked for the number of its models only."""
    text = compose(requirement)
    head, select, body = text.partition("SELECT DISTINCT ?model")
    if not select:
        raise ValueError(f"this is not a query for models: {text}")
    return f"{head}SELECT (COUNT(DISTINCT ?model) AS ?count)\n{body[body.index('WHERE') :]}"


def _starts(home: Path, quads: Path) -> Mapping[str, tuple[object, ...]]:
    return {
        COLUMNS: (engines.column_counts, quads),
        TABLE: (engines.duckdb_counts, quads),
        ON_DISK: (engines.embedded_on_disk, home),
        IN_MEMORY: (engines.embedded_in_memory, quads),
    }


def _one(requirement: Requirement, started: Mapping[str, Peer]) -> dict[str, Timing | None]:
    text = count_query(requirement)
    whole = {COLUMNS: (started[COLUMNS], requirement), TABLE: (started[TABLE], wide_table.counts(requirement))}
    counts, ours = compared(whole, repeats=REPEATS, limit_s=LIMIT_S)
    asked = {name: (started[name], text) for name in (ON_DISK, IN_MEMORY) if started[name].is_alive}
    matches, theirs = compared(asked, repeats=REPEATS, limit_s=LIMIT_S)
    if matches != counts[1]:
        raise Disagreement(f"SPARQL counts {matches}, the columns {counts[1]} for {requirement}")
    return ours | {name: theirs.get(name) for name in (ON_DISK, IN_MEMORY)}


def _rows(name: str, timings: Sequence[Timing | None]) -> Iterator[Row]:
    """The middle and the slowest of the requirements."""
    medians = [LIMIT_S if timing is None else timing.median for timing in timings]
    worst = max(range(len(medians)), key=medians.__getitem__)
    middle = Timing(tuple(medians)).median
    ended = sum(timing is None for timing in timings)
    note = f"{len(medians)} requirements, each median of {REPEATS}" + (
        f"; {ended} ended at {LIMIT_S:g} s" if ended else ""
    )
    yield Row(name, 1000 * middle, "ms", TARGET if name == COLUMNS else COLUMNS, note)
    asked = len(limits(shipped.growing()[worst]))
    yield Row(f"{name}, slowest", 1000 * medians[worst], "ms", TARGET, f"with {asked} limits")


def _of_page(home: Path) -> Row:
    with peers({PAGE: (engines.wizard_page, home)}) as started:
        tasks = [t.lower().replace(" ", "-") for t in TASKS]
        answers = [started[PAGE].ask(tasks[turn % 2], LIMIT_S) for turn in range(2 + 2 * CLICKS)]
    if len({count for _, count in answers}) != len(TASKS):
        raise Disagreement(f"two tasks should give two counts, got {[count for _, count in answers]}")
    timing = Timing(tuple(seconds for seconds, _ in answers[2:]))
    return Row(PAGE, 1000 * timing.median, "ms", TARGET, timing.note + ", without network and browser")


def _of_clicks(home: Path) -> Row:
    taken: list[float] = []
    with pages.served(pages.APP, home) as app, browser() as chromium:
        page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(app.address)
        pages.matching(page).wait_for()
        for turn in range(2 + CLICKS):
            before = pages.matching(page).inner_text()
            pages.task(page).fill(TASKS[turn % 2])
            option = page.get_by_role("option", name=TASKS[turn % 2]).first
            option.wait_for()
            begun = time.perf_counter()
            option.click()
            page.wait_for_function(
                "old => { const e = document.querySelector('.st-key-live .big'); return e && e.innerText !== old }",
                arg=before,
            )
            taken.append(time.perf_counter() - begun)
            page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    timing = Timing(tuple(taken[2:]))
    return Row(CLICK, 1000 * timing.median, "ms", PAGE, timing.note)
