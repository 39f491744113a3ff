"""First page: from the address entered to the wizard's first question usable, beside an empty Streamlit page.

The empty page is served by the same server with the same settings and read by the same browser: what the app adds
is the difference. A first visit is by a fresh browser context, which has nothing in its cache.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import Row, Timing, interleaved, pages, rows, shipped
from tests.browser import browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

REPEATS = 8
TARGET_S = 2.0
TARGET, APP, EMPTY = "target", "app, first visit", "empty Streamlit page, first visit"
APP_AGAIN, EMPTY_AGAIN = "app, second visit", "empty Streamlit page, second visit"
_EMPTY = """import streamlit as st

st.set_page_config(page_title="empty", layout="wide")
st.text_input("Name", key="name")
"""
_SERVE_EMPTY = 'import streamlit as st\n\napp = st.App("page.py")\n'


def main() -> Iterable[Row]:
    """Time to a usable page and to the first byte, for the app and for an empty page."""
    with tempfile.TemporaryDirectory() as folder, shipped.copy_of_home() as home:
        empty = Path(folder)
        (empty / "page.py").write_text(_EMPTY)
        (empty / "app.py").write_text(_SERVE_EMPTY)
        with (
            pages.served(pages.APP, home) as ours,
            pages.served(empty / "app.py", empty) as floor,
            browser() as chromium,
        ):
            yield from _visits(chromium, ours.address, floor.address)
            bytes_ = interleaved(
                {
                    "app, first byte": partial(pages.first_byte, ours.address),
                    "empty Streamlit page, first byte": partial(pages.first_byte, floor.address),
                },
                repeats=20,
                warmup=2,
            )
            yield from rows(bytes_, ratio_to="empty Streamlit page, first byte")
            once = "start of the process to the first answer"
            yield Row(f"app, {once}", 1000 * ours.start_s, "ms", f"empty Streamlit page, {once}", "once")
            yield Row(f"empty Streamlit page, {once}", 1000 * floor.start_s, "ms", "", "once")


def _visits(chromium: Browser, ours: str, floor: str) -> Iterator[Row]:
    yield Row(TARGET, 1000 * TARGET_S, "ms", "", "of the app's first visit")
    cold, _ = _visit(chromium, ours, pages.task)
    _visit(chromium, floor, _name)
    yield Row("app, the first visitor after its start", 1000 * cold, "ms", TARGET, "once")
    taken: dict[str, list[float]] = {APP: [], EMPTY: [], APP_AGAIN: [], EMPTY_AGAIN: []}
    cases = [(ours, pages.task, APP, APP_AGAIN), (floor, _name, EMPTY, EMPTY_AGAIN)]
    for turn in range(REPEATS):
        for address, widget, first, again in cases if turn % 2 else reversed(cases):
            fresh, cached = _visit(chromium, address, widget)
            taken[first].append(fresh)
            taken[again].append(cached)
    timings = {name: Timing(tuple(seconds)) for name, seconds in taken.items()}
    app = timings.pop(APP)
    yield Row(APP, 1000 * app.median, "ms", TARGET, app.note)
    for name, timing in timings.items():
        yield Row(name, 1000 * timing.median, "ms", {EMPTY: APP, APP_AGAIN: EMPTY_AGAIN}.get(name, ""), timing.note)


def _visit(chromium: Browser, address: str, widget: Callable[[Page], Locator]) -> tuple[float, float]:
    """Seconds until the widget can be used, with nothing in the browser's cache and again with all of it."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    try:
        return _opened(context, address, widget), _opened(context, address, widget)
    finally:
        context.close()


def _opened(context: BrowserContext, address: str, widget: Callable[[Page], Locator]) -> float:
    page = context.new_page()
    begun = time.perf_counter()
    page.goto(address, wait_until="commit")
    found = widget(page)
    found.wait_for()  # visible
    if not found.is_enabled():
        raise RuntimeError(f"{address}: the first widget is shown but cannot be used")
    seconds = time.perf_counter() - begun
    page.close()
    return seconds


def _name(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Name")
