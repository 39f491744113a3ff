"""What many tests need: the tiny graph, and an installation with all shipped facts.

The facts are loaded once (about ten seconds), and kept in pytest's cache for the next session on the same code.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest

import flow
from ontology.settings import Settings
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE, Knowledge
from tests.tiny import tiny_knowledge

ROOT = Path(__file__).parent.parent
ROOMS = ("ontology", "repository", "dss")  # all that loading reads or runs
KEPT = 3  # installations, of some 100 MiB each


@pytest.fixture(scope="session")
def tiny() -> Knowledge:
    """The models of `tests/tiny.py`. Only read it: it is shared."""
    return tiny_knowledge()


@pytest.fixture(scope="session")
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with the shipped facts that this process does not hold open; copy it before you change it."""
    fresh = tmp_path_factory.mktemp("installation") / "home"
    cache = getattr(request.config, "cache", None)  # None with -p no:cacheprovider
    kept = cache.mkdir("dlom-installations") / _content() if cache is not None else None
    if kept is not None and kept.is_dir():
        return Settings(home=_linked(kept, fresh))
    for _ in flow.set_up(Settings(home=fresh)):
        pass
    if kept is not None:
        _keep(fresh, kept)
    return Settings(home=fresh)


def _content() -> str:
    """A digest of everything that a loaded installation depends on: a change of any of it has the facts loaded anew."""
    digest = hashlib.sha256(f"{version('pyoxigraph')} {date.today()}".encode())  # scales bear their date
    files = [ROOT / "flow.py", *(f for room in ROOMS for f in sorted((ROOT / room).rglob("*")))]
    for file in (f for f in files if f.is_file() and f.suffix != ".pyc"):
        digest.update(f"{file.relative_to(ROOT)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:24]


def _keep(home: Path, kept: Path) -> None:
    """Keep a copy for the next session, and only the last few of those before: a suite beside this one may read one."""
    half = _linked(home, kept.with_name(f"{kept.name}-{os.getpid()}"))
    with suppress(OSError):  # another suite has just kept the same
        half.rename(kept)
    older = sorted(kept.parent.iterdir(), key=lambda folder: folder.stat().st_mtime)[:-KEPT]
    for folder in {*older, half}:
        shutil.rmtree(folder, ignore_errors=True)


def _linked(home: Path, copy: Path) -> Path:
    """A copy that shares the store's table files, which the store never changes: it only adds and removes some."""

    def link(source: str, target: str) -> str:
        if not source.endswith(".sst"):
            return str(shutil.copy2(source, target))
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copy2(source, target)
        return target

    return Path(shutil.copytree(home, copy, copy_function=link))


@pytest.fixture(scope="session")
def facts(installation: Settings, tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """The shipped facts, from a copy of the installation: a store can be open only once. Only read it."""
    return Knowledge(EmbeddedGraph(copied(installation, tmp_path_factory.mktemp("facts")) / STORE))


@pytest.fixture
def home(installation: Settings, tmp_path: Path) -> Path:
    """A copy of the installation's folder that a test may change and open."""
    return copied(installation, tmp_path)


def copied(installation: Settings, folder: Path) -> Path:
    """The installation's folder once more, below `folder`."""
    return _linked(installation.home, folder / "home")
