"""A Streamlit app in a process of its own, and what a visitor's browser waits for."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ontology.settings import CHECKOUT
from tests.browser import app

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

APP = CHECKOUT / "app.py"


@dataclass(frozen=True)
class Served:
    """Where an app answers, and how long it took from the start of its process until it did."""

    address: str
    start_s: float


@contextmanager
def served(script: Path, home: Path) -> Iterator[Served]:
    """The script as `./dlom run` starts the app, on a free port and with the app's own settings.

    Raises RuntimeError or TimeoutError with the end of its log when it stops, or does not answer within a minute.
    """
    begun = time.perf_counter()
    with app(home, script) as address:
        yield Served(address, time.perf_counter() - begun)


def first_byte(address: str) -> bytes:
    """The first byte of the page."""
    with urllib.request.urlopen(address, timeout=30) as answer:
        byte: bytes = answer.read(1)
        return byte


def task(page: Page) -> Locator:
    """The widget that asks for the task, on the wizard's first page."""
    return page.get_by_role("combobox", name="Task")


def matching(page: Page) -> Locator:
    """The number of models that match, beside each step."""
    return page.locator(".st-key-live .big")
