"""Imports go down the floors only, and a few libraries stay in their rooms (CONTRIBUTING.md).

Reads the source and imports nothing. The second half proves each rule on a small tree that breaks it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

FLOORS = {
    "ontology": 0,
    "device": 1,
    "repository": 2,
    "dss": 3,
    "optimizer": 3,
    "flow": 4,
    "building": 4,
    "comparing": 4,
    "optimizing": 4,
    "measuring": 4,
    "app": 5,
    "cli": 5,
    "cli_build": 5,
    "cli_compare": 5,
    "cli_decide": 5,
    "cli_graph": 5,
    "cli_measure": 5,
    "cli_optimize": 5,
    "cli_register": 5,
    "terminal": 5,
    "wizard": 5,
}
BESIDE = {"tests", "bench", "examples"}  # may import every room; no room imports them
SIDEWAYS = {
    ("app", "wizard"),  # app.py hands the pages to Streamlit
    ("flow", "building"),  # the story and what becomes of a build, in two files
    ("flow", "comparing"),  # and how its files compare
    ("flow", "optimizing"),  # and a model of one's own through the whole chain
    ("cli", "cli_compare"),
    ("cli", "cli_optimize"),
    ("cli_optimize", "cli_build"),  # follows a job and registers it
    ("cli_optimize", "cli_compare"),  # and prints how its files compare
    ("cli_optimize", "terminal"),
    ("cli_compare", "terminal"),
    ("cli", "cli_build"),  # the command line is one face in several files
    ("cli", "cli_decide"),
    ("cli", "cli_graph"),
    ("cli", "cli_measure"),
    ("cli", "cli_register"),
    ("cli", "terminal"),
    ("cli_build", "terminal"),
    ("cli_decide", "terminal"),
    ("cli_graph", "terminal"),
    ("cli_measure", "terminal"),
    ("cli_register", "cli_build"),  # what this machine is called
    ("cli_register", "cli_measure"),  # what a model file holds, in the same words
    ("measuring", "building"),  # what this machine is on record as
    ("cli_register", "terminal"),
}

# library → the rooms that may import it
KEPT_IN = {
    "streamlit": {"app", "wizard"} | BESIDE,
    "rdflib": {"repository"} | BESIDE,
    "pyoxigraph": {"repository"} | BESIDE,
}
HEAVY = {"tensorflow", "tf_keras", "keras", "tvm", "onnxruntime", "openvino", "torch"}
LINES, LINES_OF_TESTS = 400, 500


def python_files(root: Path) -> list[Path]:
    """Every Python file that git knows or would add; without git, every one that is not in a hidden folder."""
    listing = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode == 0:
        found = [root / name for name in listing.stdout.split("\0") if name]
    else:
        found = [f for f in root.rglob("*.py") if not any(p.startswith(".") for p in f.relative_to(root).parts)]
    return sorted(f for f in found if f.is_file())


def imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """(line, name of the top-level module) of every import below `tree`; relative ones start at `package`."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: max(0, len(package) - node.level + 1)] if node.level else ()
            if base or node.module:
                names = [".".join((*base, node.module or ""))]
            else:  # from . import x, at the root
                names = [alias.name for alias in node.names]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                names = [node.args[0].value or "?"]
        for name in names:
            yield getattr(node, "lineno", 0), name.lstrip(".").split(".")[0]


def runs_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """The import statements below `node` that run when the module is imported: none in functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            yield from (found for other in child.orelse for found in runs_at_import(other))
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        yield from runs_at_import(child)


def faults_of_file(root: Path, file: Path, rooms: set[str]) -> Iterator[str]:
    """What one file does against the rules, each with its place."""
    where = file.relative_to(root)
    room = where.parts[0].removesuffix(".py")
    source = file.read_text(encoding="utf-8")
    limit = LINES_OF_TESTS if room == "tests" else LINES
    lines = len(source.splitlines())
    if lines > limit:
        yield f"{where}: {lines} lines; at most {limit}, so that it can be read in one go"
    if room not in FLOORS and room not in BESIDE:
        yield f"{where}: {room} has no floor; give it one in tests/test_floors.py and in CONTRIBUTING.md"
    if where.as_posix() == "ontology/__init__.py" and source.strip():
        yield f"{where}: must be empty, so that a device can carry single files of ontology/"
    tree = ast.parse(source, str(where))
    for line, name in imports(tree, where.parts[:-1]):
        yield from (f"{where}:{line}: {fault}" for fault in faults_of_import(room, name, rooms))
    for statement in runs_at_import(tree):
        for line, name in imports(statement, where.parts[:-1]):
            if name in HEAVY:
                yield f"{where}:{line}: imports {name} at module level; import it inside the function that uses it"


def faults_of_import(room: str, name: str, rooms: set[str]) -> Iterator[str]:
    """What is wrong with `room` importing the top-level module `name`."""
    if name in BESIDE and name in rooms and room not in BESIDE:
        yield f"{room} imports {name}, which stands beside the rooms"
    if name in FLOORS and room in FLOORS and name != room and (room, name) not in SIDEWAYS:
        if FLOORS[name] == FLOORS[room]:
            yield f"{room} imports its sibling {name}; move what both need to a lower floor"
        elif FLOORS[name] > FLOORS[room]:
            yield f"{room} (floor {FLOORS[room]}) imports {name} (floor {FLOORS[name]}); imports go down only"
    if room not in KEPT_IN.get(name, {room}):
        yield f"{name} is imported in {room}; it stays in {', '.join(sorted(KEPT_IN[name] - BESIDE))}"
    if room == "ontology" and name != "ontology" and name not in FLOORS and name not in sys.stdlib_module_names:
        yield f"ontology imports {name}; it uses the standard library only"


def faults(root: Path) -> list[str]:
    """Everything below `root` that goes against the rules."""
    files = python_files(root)
    rooms = {f.relative_to(root).parts[0].removesuffix(".py") for f in files}
    return [fault for file in files for fault in faults_of_file(root, file, rooms)]


def test_this_checkout_keeps_its_floors() -> None:
    assert faults(ROOT) == []


def test_the_check_sees_the_files_of_this_checkout() -> None:
    seen = {f.relative_to(ROOT).as_posix() for f in python_files(ROOT)}
    assert {"ontology/records.py", "tests/test_floors.py"} <= seen
    assert not any(name.startswith(".venv/") for name in seen)


def of_tree(root: Path, files: Iterable[tuple[str, str]]) -> list[str]:
    for name, source in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source)
    return faults(root)


ALLOWED = [
    ("ontology/__init__.py", ""),
    ("ontology/records.py", "import json\nfrom dataclasses import dataclass\n"),
    ("repository/graph.py", "import rdflib\nfrom ontology.records import Model\n"),
    ("repository/sources/aihub.py", "from ..graph import Graph\nfrom . import rows\nfrom ...ontology import records\n"),
    ("dss/query.py", "from repository import graph\nimport dss.scoring\n"),
    ("optimizer/convert.py", "def convert() -> None:\n    import tensorflow\n    from tvm import relax\n"),
    ("flow.py", "import dss, optimizer, repository\n"),
    ("app.py", "import streamlit\nimport wizard.home\nimport flow\n"),
    ("wizard/home.py", "import streamlit as st\nfrom flow import rank\n"),
    ("cli.py", "import typer\nimport flow\n"),
    ("tests/test_all.py", "import streamlit, rdflib, cli, dss, optimizer\n"),
    ("bench/all.py", "import pyoxigraph\n" + "x = 1\n" * 399),
    ("optimizer/typed.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"),
    ("tests/test_long.py", "x = 1\n" * 500),
]


def test_what_is_allowed_is_not_reported(tmp_path: Path) -> None:
    assert of_tree(tmp_path, ALLOWED) == []


@pytest.mark.parametrize(
    ("name", "source", "expected"),
    [
        ("ontology/a.py", "import dss\n", "ontology/a.py:1: ontology (floor 0) imports dss (floor 3)"),
        ("repository/a.py", "def f():\n    from flow import rank\n", "repository/a.py:2: repository (floor 2) imports"),
        (
            "repository/sub/a.py",
            "from ...dss import query\n",
            "repository/sub/a.py:1: repository (floor 2) imports dss",
        ),
        ("repository/a.py", "from .. import optimizer\n", "repository (floor 2) imports optimizer (floor 3)"),
        ("device/a.py", "if TYPE_CHECKING:\n    import repository.graph\n", "device (floor 1) imports repository"),
        ("device/a.py", "importlib.import_module('flow')\n", "device (floor 1) imports flow (floor 4)"),
        ("dss/a.py", "from optimizer.search import run\n", "dss imports its sibling optimizer"),
        ("optimizer/a.py", "import dss\n", "optimizer imports its sibling dss"),
        ("cli.py", "import wizard\n", "cli imports its sibling wizard"),
        ("wizard/a.py", "import cli\n", "wizard imports its sibling cli"),
        ("wizard/a.py", "import app\n", "wizard imports its sibling app"),
        ("flow.py", "import app\n", "flow (floor 4) imports app (floor 5)"),
        ("dss/a.py", "from bench import Row\n", "dss imports bench, which stands beside the rooms"),
        ("cli.py", "import streamlit.web.bootstrap\n", "streamlit is imported in cli; it stays in app, wizard"),
        ("dss/a.py", "from rdflib import Graph\n", "rdflib is imported in dss; it stays in repository"),
        ("flow.py", "def f():\n    import pyoxigraph\n", "pyoxigraph is imported in flow; it stays in repository"),
        ("ontology/a.py", "import numpy as np\n", "ontology imports numpy; it uses the standard library only"),
        ("ontology/__init__.py", "from ontology.records import Model\n", "must be empty"),
        (
            "optimizer/a.py",
            "try:\n    import tensorflow.lite\nexcept ImportError:\n    pass\n",
            "imports tensorflow at",
        ),
        ("tests/a.py", "class A:\n    from keras import layers\n", "imports keras at module level"),
        ("optimizer/a.py", "import tf_keras\n", "imports tf_keras at module level"),
        ("dss/a.py", "x = 1\n" * 401, "401 lines; at most 400"),
        ("tests/a.py", "x = 1\n" * 501, "501 lines; at most 500"),
        ("helpers/a.py", "", "helpers has no floor"),
    ],
)
def test_each_fault_is_reported_with_its_place(tmp_path: Path, name: str, source: str, expected: str) -> None:
    found = of_tree(tmp_path, [(name, source), ("bench/__init__.py", "")])
    assert len(found) == 1, found
    assert expected in found[0]
    assert found[0].startswith(name)
