"""A Streamlit app in a process of its own, and what a visitor's browser waits for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ontology.settings import CHECKOUT

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

APP = CHECKOUT / "app.py"
START_S = 60.0


@dataclass(frozen=True)
class Served:
    """Where an app answers, and how long it took from the start of its process until it did."""

    address: str
    start_s: float


@contextmanager
def served(script: Path, home: Path) -> Iterator[Served]:
    """The script as `./dlom run` starts the app, on a free port and with the app's own settings.

    Raises RuntimeError with the end of its log when it stops, or does not answer within a minute.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    address, log = f"http://127.0.0.1:{port}", home / "app.log"
    options = ("--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true")
    begun = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), *options],
            cwd=CHECKOUT,
            env={**os.environ, "DLOM_HOME": str(home), "DLOM_PORT": str(port)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while not _answers(f"{address}/_stcore/health"):
            if process.poll() is not None or time.perf_counter() - begun > START_S:
                raise RuntimeError(f"{script.name} does not answer: {log.read_text()[-2000:]}")
            time.sleep(0.02)
        yield Served(address, time.perf_counter() - begun)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


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
