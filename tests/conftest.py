"""What many tests need: the tiny graph, and an installation with all shipped facts, loaded once (about six seconds)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import flow
from ontology.settings import Settings
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE, Knowledge
from tests.tiny import tiny_knowledge


@pytest.fixture(scope="session")
def tiny() -> Knowledge:
    """The models of `tests/tiny.py`. Only read it: it is shared."""
    return tiny_knowledge()


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An installation with the shipped facts that this process does not hold open; copy it before you change it."""
    settings = Settings(home=tmp_path_factory.mktemp("installation"))
    for _ in flow.set_up(settings):
        pass
    return settings


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
    return Path(shutil.copytree(installation.home, folder / "home"))
