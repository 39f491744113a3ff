"""A real installation with all shipped facts, loaded once (about seven seconds)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from flow import installation, set_up
from ontology.settings import Settings
from repository.knowledge import Knowledge

MAIN = Path(__file__).parent.parent.parent / "wizard" / "main.py"


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an installation that no process holds open."""
    home = tmp_path_factory.mktemp("installation")
    list(set_up(Settings(home=home)))
    return home


@pytest.fixture(scope="session")
def home(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy for this process, since a store can be open in one process only."""
    copy = tmp_path_factory.mktemp("copy") / "home"
    shutil.copytree(loaded, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLOM_HOME", str(copy))
        yield copy
    installation.cache_clear()


@pytest.fixture(scope="session")
def knowledge(home: Path) -> Knowledge:
    """What the app knows in these tests."""
    return installation(Settings(home=home))


@pytest.fixture
def app(home: Path) -> AppTest:
    """The wizard, not run yet."""
    return AppTest.from_file(str(MAIN), default_timeout=30)
