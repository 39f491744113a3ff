"""Start of the launcher: what `./dlom` adds to a verb once its environment is there."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path

from bench import Row, interleaved, rows

ROOT = Path(__file__).parent.parent


def main() -> Iterable[Row]:
    """`./dlom VERB` against the same Python started directly and bash alone, for a verb that does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder)
        for name in ("dlom", "requirements-dev.txt", "constraints.txt"):
            (checkout / name).write_bytes((ROOT / name).read_bytes())
        (checkout / "dlom").chmod(0o755)
        (checkout / "requirements.txt").write_text("# nothing to install\n")
        (checkout / "cli.py").write_text("")
        venv.create(checkout / ".venv", with_pip=True)
        environ = os.environ | {"DLOM_PYTHON": sys.executable}

        def start(*command: str | Path) -> None:
            subprocess.run(command, env=environ, check=True, stdin=subprocess.DEVNULL, capture_output=True)

        start(checkout / "dlom", "nothing")  # makes the stamp
        python, cli = checkout / ".venv" / "bin" / "python", checkout / "cli.py"
        timings = interleaved(
            {
                "./dlom nothing": lambda: start(checkout / "dlom", "nothing"),
                "python cli.py nothing": lambda: start(python, cli, "nothing"),
                "bash, doing nothing": lambda: start("bash", "-c", ":"),
            },
            repeats=30,
            warmup=2,
        )
    yield from rows(timings, ratio_to="python cli.py nothing")
