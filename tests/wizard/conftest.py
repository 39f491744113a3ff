"""A real installation with all shipped facts, loaded once (about seven seconds), and one in which a build has run."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from device.machine import this_machine
from flow import collect, installation
from ontology.settings import Settings
from optimizer import jobs
from optimizer.recipe import Recipe
from optimizer.spec import JobSpec
from repository import this_device
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge

ROOT = Path(__file__).parent.parent.parent
MAIN = ROOT / "wizard" / "main.py"
DIGITS = json.loads((ROOT / "examples" / "digits-classifier.json").read_text())


@pytest.fixture(scope="session")
def loaded(installation: Settings) -> Path:
    """The home of an installation that no process holds open."""
    return installation.home


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


@dataclass(frozen=True)
class Built:
    """An installation in which one build has run: three formats of the smallest network, trained briefly on digits."""

    settings: Settings
    job: str
    knowledge: Knowledge


@pytest.fixture(scope="session")
def built(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The build, run once (about ten seconds). Read it; a test that changes it says so by its own name for things."""
    if find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed (./dlom build installs it)")
    settings = Settings(home=tmp_path_factory.mktemp("built") / "home")
    shutil.copytree(loaded, settings.home)
    machine = this_machine()
    told = date(2026, 11, 20)
    this_device.save(
        settings.home, this_device.DeviceProfile(machine.fingerprint, "Test bench", "edge-pc", 900.0, told.isoformat())
    )
    requirement = {key: value for key, value in DIGITS.items() if key != "preferences"}
    recipes = tuple(
        Recipe(network="mlp-128-64", format=name, epochs=12, reason=f"tried as {name}")
        for name in ("h5", "tflite", "fiq")
    )
    job = jobs.create(settings.home, JobSpec(data="digits", minutes=2, recipes=recipes, requirement=requirement))
    jobs.start(settings.home, job)
    wait_for(settings.home, job)
    knowledge = installation(settings)
    assert isinstance(knowledge.graph, EmbeddedGraph)
    collect(settings, knowledge)
    return Built(settings, job, knowledge)


def wait_for(home: Path, job: str, seconds: float = 120) -> jobs.JobState:
    """The job's state once it has come to rest."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        state = jobs.state(home, job)
        if state.status not in (jobs.Status.RUNNING, jobs.Status.WAITING):
            return state
        time.sleep(0.1)
    pytest.fail(f"{state}; {(home / 'jobs' / job / 'log.txt').read_text()[-2000:]}")


@pytest.fixture
def built_app(built: Built, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The pages on that installation, not run yet."""
    monkeypatch.setenv("DLOM_HOME", str(built.settings.home))
    return AppTest.from_file(str(MAIN), default_timeout=90)


@pytest.fixture
def fresh(loaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation of the test's own, which it may change."""
    settings = Settings(home=tmp_path / "home")
    shutil.copytree(loaded, settings.home)
    monkeypatch.setenv("DLOM_HOME", str(settings.home))
    return settings


@pytest.fixture
def fresh_app(fresh: Settings) -> AppTest:
    """The pages on it, not run yet."""
    return AppTest.from_file(str(MAIN), default_timeout=90)
