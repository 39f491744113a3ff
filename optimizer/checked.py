"""Data looked at in a process of its own, so that an app that only starts builds never loads what reads them.

Keras's sets bring TensorFlow, and a file of a user's may be larger than the memory that an app should take.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from device.data import TOP1
from optimizer.data import KNOWN, DataError, load

CHECKOUT = Path(__file__).resolve().parent.parent
SECONDS = 600.0  # a download of the largest known set on a slow line


@dataclass(frozen=True)
class Checked:
    """What data hold that can be used: the shape of one example, the metric by which answers are judged, and how many
    numbers a network gives for each example: a score a class, where there are classes.
    """

    input_shape: tuple[int, ...]
    metric: str
    outputs: int


def checked(data: str, metric: str | None = TOP1) -> Checked:
    """What is in data that a network can learn from, or be tested on; `metric` as in `optimizer.data.load`.

    Raises DataError with what is wrong.
    """
    place = data if data in KNOWN or data.startswith("~") else str(Path(data).absolute())  # it runs in another folder
    try:
        done = subprocess.run(
            [sys.executable, "-m", "optimizer.checked", place, *([metric] if metric else [])], cwd=CHECKOUT,
            capture_output=True, text=True, timeout=SECONDS, check=False,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{data!r} could not be read within {SECONDS:.0f} s; take a smaller set") from error
    last = done.stdout.strip().splitlines()[-1:] or ["{}"]
    answer = json.loads(last[0]) if last[0].startswith("{") else {}
    if "shape" in answer:
        return Checked(tuple(answer["shape"]), answer["metric"], answer["outputs"])
    raise DataError(answer.get("error") or f"{data!r} could not be read: {done.stderr.strip()[-300:]}")


def main(data: str, metric: str | None = None) -> None:
    """Print what `checked` reads."""
    try:
        found = load(data, metric=metric)
        answer: dict[str, object] = {"shape": found.input_shape, "metric": found.metric, "outputs": found.outputs}
    except DataError as error:
        answer = {"error": str(error)}
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
