"""The launcher, on a small checkout of its own whose only dependency is a wheel made here: real pip, no network."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CLI = """
import sys
import typer_words
print(typer_words.VERSION, sys.argv[1:], sys.stdin.read())
sys.exit(7 if "fail" in sys.argv else 0)
"""
NEEDED = ("bash", "cat", "dirname", "head", "id", "readlink", "rm", "tail", "tee")


def wheel(folder: Path, version: str) -> None:
    """A package `typer_words` that holds nothing but its version."""
    about = f"typer_words-{version}.dist-info"
    with zipfile.ZipFile(folder / f"typer_words-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr("typer_words.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: typer-words\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")


def checkout(folder: Path) -> Path:
    """A checkout with a space in its path; `./dlom ANY` prints the package's version, its arguments and its input."""
    root = folder / "my checkout"
    root.mkdir()
    shutil.copy(ROOT / "dlom", root / "dlom")
    for version in ("1.0", "2.0"):
        wheel(root, version)
    ask_for(root, "1.0")
    (root / "requirements-dev.txt").write_text("")
    (root / "requirements-build.txt").write_text("")
    (root / "constraints.txt").write_text("")
    (root / "cli.py").write_text(CLI)
    return root


def ask_for(root: Path, version: str) -> None:
    (root / "requirements.txt").write_text(f"--no-index\n--find-links {root.as_uri()}\ntyper-words=={version}\n")


def environment() -> dict[str, str]:
    # One Python for all tests, and pip told nothing but what the requirement file says.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "DLOM_"))}
    return kept | {"DLOM_PYTHON": sys.executable, "PIP_CONFIG_FILE": os.devnull}


def dlom(launcher: Path, *words: str, cwd: Path | None = None, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(launcher), *words],
        cwd=cwd,
        env=environment(),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose environment has been made by a first use."""
    root = checkout(tmp_path_factory.mktemp("ready"))
    first = dlom(root / "dlom", "select", "two words", "*", given="typed in")
    assert first.stdout == "1.0 ['select', 'two words', '*'] typed in\n", first.stderr
    assert "making" in first.stderr
    assert "installed" in first.stderr
    return root


def test_later_uses_install_nothing_and_say_nothing(ready: Path) -> None:
    again = dlom(ready / "dlom", "select")
    assert (again.stdout, again.stderr, again.returncode) == ("1.0 ['select'] \n", "", 0)


def test_the_exit_code_of_a_verb_is_the_exit_code_of_the_launcher(ready: Path) -> None:
    assert dlom(ready / "dlom", "fail").returncode == 7


def test_it_works_from_any_directory_through_links(ready: Path, tmp_path: Path) -> None:
    (tmp_path / "absolute").symlink_to(ready / "dlom")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "relative").symlink_to("../absolute")
    through = dlom(Path("links/relative"), "here", cwd=tmp_path)
    assert through.stdout == "1.0 ['here'] \n", through.stderr


def test_changed_requirements_are_installed_once(tmp_path: Path, ready: Path) -> None:
    try:
        ask_for(ready, "2.0")
        changed, again = dlom(ready / "dlom", "x"), dlom(ready / "dlom", "x")
        assert changed.stdout == "2.0 ['x'] \n", changed.stderr
        assert again.stderr == ""
    finally:
        ask_for(ready, "1.0")
        dlom(ready / "dlom", "x")


def test_an_interrupted_installation_is_made_good_by_the_next_use(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    with subprocess.Popen([root / "dlom", "x"], env=environment(), start_new_session=True) as cut_short:
        waited = time.monotonic() + 60
        while not (root / ".venv" / "bin" / "python").exists() and time.monotonic() < waited:
            time.sleep(0.01)
        os.killpg(cut_short.pid, signal.SIGKILL)
    assert (root / ".venv.unfinished").exists()
    mended = dlom(root / "dlom", "x")
    assert mended.stdout == "1.0 ['x'] \n", mended.stderr
    assert not (root / ".venv.unfinished").exists()


def test_a_half_unpacked_package_is_not_taken_for_an_installed_one(ready: Path) -> None:
    """What a kill while pip unpacks leaves behind: a package that looks installed and lacks its file."""
    (module,) = (ready / ".venv").glob("lib/*/site-packages/typer_words.py")
    module.unlink()
    (ready / ".venv.unfinished").touch()
    mended = dlom(ready / "dlom", "x")
    assert mended.stdout == "1.0 ['x'] \n", mended.stderr


@pytest.mark.skipif(shutil.which("flock") is None, reason="flock is not installed")
def test_two_first_uses_at_once_wait_for_each_other(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    both = [
        subprocess.Popen(
            [root / "dlom", word],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for word in ("a", "b")
    ]
    (a, said_a), (b, said_b) = (process.communicate(timeout=120) for process in both)
    assert (a, b) == ("1.0 ['a'] \n", "1.0 ['b'] \n"), said_a + said_b
    assert (said_a + said_b).count("making") == 1
    assert (said_a + said_b).count("waiting") == 1


def test_an_installation_that_fails_shows_why_and_is_tried_again(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    ask_for(root, "3.0")
    failed = dlom(root / "dlom", "x")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "typer-words==3.0" in failed.stderr
    ask_for(root, "2.0")
    assert dlom(root / "dlom", "x").stdout == "2.0 ['x'] \n"


def tools(folder: Path) -> Path:
    """A folder to be the whole PATH: what the launcher needs, and no Python."""
    folder.mkdir()
    for name in NEEDED:
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def with_path(root: Path, path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [path / "bash", root / "dlom", *words],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_a_python_it_says_what_to_install(tmp_path: Path) -> None:
    told = with_path(checkout(tmp_path), tools(tmp_path / "bin"), "x")
    assert told.returncode == 1
    assert "no Python 3.11 or later was found" in told.stderr
    assert "apt install python3 python3-venv" in told.stderr


def test_without_the_module_venv_it_says_what_to_install(tmp_path: Path) -> None:
    root, path = checkout(tmp_path), tools(tmp_path / "bin")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "ensurepip.py").write_text("raise ModuleNotFoundError('as on Debian')")
    (path / "python3").write_text(f'#!{path}/bash\nPYTHONPATH="{tmp_path}/hidden" exec "{sys.executable}" "$@"\n')
    (path / "python3").chmod(0o755)
    told = with_path(root, path, "x")
    assert told.returncode == 1
    assert f"sudo apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in told.stderr


def test_help_lists_every_verb_and_installs_nothing(tmp_path: Path) -> None:
    root = checkout(tmp_path)
    (root / "cli.py").write_text(
        "import typer\n"
        "app, weights = typer.Typer(), typer.Typer()\n"
        "app.add_typer(weights, name='weights', help='Versions of weights.')\n"
        "@app.command()\n"
        "def near_misses() -> None:\n"
        "    '''What to relax. More follows here.\n\n    And here.'''\n"
        "@app.command('query', help='Asks the graph.')\n"
        "def ask() -> None: ...\n"
        "@app.command(hidden=True)\n"
        "def work() -> None: ...\n"
        "@weights.command()\n"
        "def publish() -> None: ...\n"
    )
    for words in ((), ("--help",), ("-h",)):
        told = dlom(root / "dlom", *words)
        assert (told.returncode, told.stderr) == (0, "")
        listed = {line.split()[0] for line in told.stdout.splitlines() if line.startswith("  ")}
        assert listed == {"run", "near-misses", "query", "weights", "test", "check", "bench"}
        assert "What to relax\n" in told.stdout
        assert len(told.stdout.splitlines()) <= 40
    assert not (root / ".venv").exists()
