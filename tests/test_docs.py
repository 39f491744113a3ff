"""The pages cannot rot: their commands run, their links lead somewhere, and every verb of the launcher is told.

In README.md, CONTRIBUTING.md and docs/*.md, a fenced `console` block holds commands (`$ ./dlom …`) and lines of
their output. Each command runs; each line below it must be found in what it prints (`…` alone stands for any lines).
The blocks of one page share a folder and a DLOM_HOME, so that one may build on another. A block that cannot run here
stands below `<!-- not run: why -->`. The second half proves this on small pages.
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import copied

ROOT = Path(__file__).parent.parent
NOT_RUN = re.compile(r"<!--\s*not run:\s*\S.*-->")
ENDLESS = {"run", "test", "check", "bench"}  # they would serve for ever, or start these tests again
SECONDS = 300


@dataclass(frozen=True)
class Command:
    """A command of a page, with the lines of output that the page shows."""

    line: int
    text: str
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """A fenced block of kind `console`."""

    line: int
    run: bool
    commands: tuple[Command, ...]


def pages(root: Path) -> list[Path]:
    """The pages that there are."""
    fixed = [root / "README.md", root / "CONTRIBUTING.md"]
    return [page for page in (*fixed, *sorted((root / "docs").glob("**/*.md"))) if page.is_file()]


def fences(page: Path) -> Iterator[tuple[int, str, list[str], str]]:
    """(line, kind, lines inside, last line of text above) of every fenced block."""
    opened: tuple[int, str, str, list[str], str] | None = None
    above = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        bare = line.strip()
        fence = re.fullmatch(r"(`{3,}|~{3,})\s*([\w-]*).*", bare)
        if opened is None and fence:
            opened = (number, fence[1], fence[2], [], above)
        elif opened and fence and fence[1].startswith(opened[1]) and not fence[2]:
            yield opened[0], opened[2], opened[3], opened[4]
            opened, above = None, ""
        elif opened:
            opened[3].append(line)
        elif bare:
            above = bare
    if opened:
        raise ValueError(f"{page.name}:{opened[0]}: a fenced block without an end")


def blocks(page: Path) -> list[Block]:
    """The page's console blocks. Raises ValueError for one that neither runs nor says why."""
    found = []
    for start, kind, lines, above in fences(page):
        if kind != "console":
            continue
        commands = list(commands_of(start, lines))
        run = not NOT_RUN.fullmatch(above)
        for command in commands if run else []:
            words = command.text.split()
            if words[0] != "./dlom" or (len(words) > 1 and words[1] in ENDLESS and "--help" not in words):
                raise ValueError(
                    f"{page.name}:{command.line}: `{command.text}` cannot be run by a test; "
                    f"write <!-- not run: why --> above the block, or move it to a block of its own"
                )
        if not commands:
            raise ValueError(f"{page.name}:{start}: a console block without a line that begins with `$ `")
        found.append(Block(start, run, tuple(commands)))
    return found


def commands_of(start: int, lines: list[str]) -> Iterator[Command]:
    at, text = 0, ""
    expected: list[str] = []
    for number, line in enumerate(lines, start=start + 1):
        if line.lstrip().startswith("$ "):
            if text:
                yield Command(at, text, tuple(expected))
            at, text, expected = number, line.lstrip()[2:], []
        elif text.endswith("\\"):
            text = f"{text[:-1]}{line.strip()}"
        elif line.strip() not in {"", "…", "..."}:
            expected.append(line.strip())
    if text:
        yield Command(at, text, tuple(expected))


def faults_of_commands(page: Path, folder: Path, root: Path = ROOT) -> list[str]:
    """Runs the page's blocks in `folder` and tells which commands fail or print something else."""
    for name in ("dlom", "examples", "docs"):
        if (root / name).exists() and not (folder / name).exists():
            (folder / name).symlink_to(root / name)
    environ = os.environ | {"DLOM_HOME": str(folder / "home"), "COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb"}
    environ.pop("FORCE_COLOR", None)
    found = []
    for command in (c for block in blocks(page) if block.run for c in block.commands):
        done = subprocess.run(
            ["bash", "-c", command.text],
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        where = f"{page.name}:{command.line}: {command.text}"
        printed = " ".join(done.stdout.split())
        missing = [line for line in command.expected if " ".join(line.split()) not in printed]
        if done.returncode:
            found.append(f"{where}\nended with {done.returncode}:\n{done.stdout[-2000:]}")
        elif missing:
            found.append(f"{where}\ndid not print {missing}, but:\n{done.stdout[-2000:]}")
    return found


def faults_of_links(page: Path) -> list[str]:
    """The page's links to files that are not there. Addresses on the web are not followed."""
    text = re.sub(r"^(`{3,}|~{3,}).*?^\1", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"`[^`\n]*`", "", text)
    inline = re.findall(r"\]\(<?([^)\s>]+)", text)
    named = re.findall(r"^\[[^\]]+\]:\s*(\S+)", text, flags=re.MULTILINE)
    targets = [t.split("#")[0] for t in (*inline, *named) if not re.match(r"[a-z][a-z0-9+.-]*:", t)]
    return [f"{page.name}: {t} is not there" for t in targets if t and not (page.parent / t).exists()]


def top_level_verbs() -> list[str]:
    """What `python cli.py --help` lists."""
    import typer.main

    top = next(value for value in vars(importlib.import_module("cli")).values() if isinstance(value, typer.Typer))
    group = typer.main.get_command(top)
    return [name for name, command in getattr(group, "commands", {}).items() if not command.hidden]


PAGES = pages(ROOT)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_commands_of_a_page_do_what_it_says(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if any(block.run for block in blocks(page)):
        copied(request.getfixturevalue("installation"), tmp_path)  # the facts are loaded once for all pages
    assert faults_of_commands(page, tmp_path) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_links_of_a_page_lead_to_files(page: Path) -> None:
    assert faults_of_links(page) == []


def test_at_least_one_command_runs() -> None:
    running = [page.name for page in PAGES for block in blocks(page) if block.run]
    assert running
    assert "README.md" in running or not (ROOT / "README.md").exists()


def test_every_verb_is_told() -> None:
    if not (ROOT / "cli.py").exists() or not (ROOT / "README.md").exists():
        pytest.skip("cli.py or README.md is not there yet")
    told = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.name != "CONTRIBUTING.md")
    verbs = [*top_level_verbs(), "run", "test", "check", "bench"]
    assert [verb for verb in verbs if not re.search(rf"\./dlom {re.escape(verb)}\b", told)] == []


def test_the_launchers_help_lists_every_verb() -> None:
    if not (ROOT / "cli.py").exists():
        pytest.skip("cli.py is not there yet")
    told = subprocess.run([ROOT / "dlom"], capture_output=True, text=True, check=True).stdout
    listed = {line.split()[0] for line in told.splitlines() if line.startswith("  ")}
    assert set(top_level_verbs()) <= listed


def write(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text)
    return page


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose launcher prints its words and ends with 3 for the word `fail`."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "dlom").write_text(
        '#!/usr/bin/env bash\necho "words: $* ${DLOM_HOME: -4}"\n: >made\n[[ $* != *fail* ]] || exit 3\n'
    )
    (root / "dlom").chmod(0o755)
    return root


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("```console\n$ ./dlom a b\nwords:   a b home\n```", None),
        ("```console\n$ ./dlom a \\\n    b\n…\nwords: a b\n$ ./dlom c\nwords: c\n```", None),
        ("- in a list:\n\n  ```console\n  $ ./dlom a\n  words: a\n  ```", None),
        ("```console\n$ ./dlom a | tr w W\nWords: a\n```", None),
        ("<!-- not run: it needs a device -->\n\n```console\n$ ./dlom fail\n```", None),
        ("```bash\n./dlom fail\n```", None),
        ("```console\n$ ./dlom a\nwords: b\n```", "page.md:2: ./dlom a\ndid not print ['words: b'], but:\nwords: a"),
        ("```console\n$ ./dlom a\n$ ./dlom fail\n```", "page.md:3: ./dlom fail\nended with 3"),
        ("<!-- not run: -->\n```console\n$ ./dlom fail\n```", "page.md:3: ./dlom fail\nended with 3"),
    ],
)
def test_a_block_is_run_and_its_output_compared(
    checkout: Path, tmp_path: Path, block: str, expected: str | None
) -> None:
    found = faults_of_commands(write(tmp_path, block + "\n"), tmp_path, checkout)
    assert len(found) == (expected is not None), found
    assert expected is None or found[0].startswith(expected)
    assert (tmp_path / "made").exists() == ("not run: it" not in block and "bash" not in block)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```console\n$ git clone x\n```", "page.md:2: `git clone x` cannot be run by a test"),
        ("```console\n$ ./dlom run\n```", "page.md:2: `./dlom run` cannot be run by a test"),
        ("```console\n./dlom a\n```", "page.md:1: a console block without a line that begins"),
        ("```console\n$ ./dlom a\n", "page.md:1: a fenced block without an end"),
    ],
)
def test_a_block_that_cannot_run_must_say_why(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        blocks(write(tmp_path, text))


def test_links_are_looked_up_beside_the_page(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("")
    page = write(
        tmp_path,
        "[a](there.md) [b](there.md#part) [c](#here) [d](https://example.org/x) ![e](gone.png) [f]: x\n"
        "[g]: missing.md\n`[h](code.md)`\n```text\n[i](code.md)\n```\n",
    )
    assert faults_of_links(page) == ["page.md: gone.png is not there", "page.md: missing.md is not there"]
