"""Data looked at in a process of its own, so that an app that only starts builds never loads what reads them.

Keras's sets bring TensorFlow, and a file of a user's may be larger than the memory that an app should take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from optimizer.data import KNOWN, DataError, load

CHECKOUT = Path(__file__).resolve().parent.parent
SECONDS = 600.0  # a download of the largest known set on a slow line


def input_shape(data: str) -> tuple[int, ...]:
    """The shape of one example of data that a build can learn from. Raises DataError with what is wrong."""
    place = data if data in KNOWN or data.startswith("~") else str(Path(data).absolute())  # it runs in another folder
    try:
        done = subprocess.run(
            [sys.executable, "-m", "optimizer.checked", place], cwd=CHECKOUT, capture_output=True, text=True,
            timeout=SECONDS, check=False, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{data!r} could not be read within {SECONDS:.0f} s; take a smaller set") from error
    last = done.stdout.strip().splitlines()[-1:] or ["{}"]
    answer = json.loads(last[0]) if last[0].startswith("{") else {}
    if "shape" in answer:
        return tuple(answer["shape"])
    raise DataError(answer.get("error") or f"{data!r} could not be read: {done.stderr.strip()[-300:]}")


def main(data: str) -> None:
    """Print what `input_shape` reads."""
    try:
        answer: dict[str, object] = {"shape": load(data).input_shape}
    except DataError as error:
        answer = {"error": str(error)}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main(sys.argv[1])
