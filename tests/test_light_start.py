"""The faces start without the libraries that build models, which take seconds to import and may be absent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("tensorflow", "tf_keras", "keras", "tvm", "onnxruntime", "torch")

IMPORT = f"""
import sys
from importlib.abc import MetaPathFinder

class Blocked(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError("imported at start: " + name, name=name)

sys.meta_path.insert(0, Blocked())
__import__(sys.argv[1])
"""


def start(module: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", IMPORT, module],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("module", ["flow", "cli", "app"])
def test_it_can_be_imported_without_heavy_libraries(module: str) -> None:
    if not (ROOT / f"{module}.py").exists():
        pytest.skip(f"{module}.py is not there yet")
    started = start(module, ROOT)
    assert started.returncode == 0, started.stderr


@pytest.mark.parametrize("library", HEAVY)
def test_the_block_works(library: str, tmp_path: Path) -> None:
    (tmp_path / library).mkdir()
    (tmp_path / library / "__init__.py").write_text("")
    (tmp_path / "greedy.py").write_text(f"import {library}\n")
    started = start("greedy", tmp_path)
    assert started.returncode == 1
    assert f"imported at start: {library}" in started.stderr
