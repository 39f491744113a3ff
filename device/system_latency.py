"""How long an answer takes from the raw example on: what an application waits for, not only the model's own time.

The example is in memory: an array of its own type, or the bytes of a picture's file. Reading it from a disk, a camera
or a network is not included.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from device.data import MAP, TOP1, Examples, decoded_picture, fitted
from device.runtimes.contract import Batch, Session
from device.timing import FEW_BLOCKS, Clock, spread

MOST_EXAMPLES = 16


@dataclass(frozen=True)
class SystemLatency:
    """Medians of `rounds`, each once from raw example to answer and once the inference alone, in turn.

    `spread` is that of the first over up to five blocks of rounds, `steps` says in words what it included.
    """

    system_ms: float
    inference_ms: float
    rounds: int
    spread: float
    steps: str


def interleaved(
    whole: Callable[[int], object],
    bare: Callable[[int], Callable[[], object]],
    seconds: float,
    clock: Clock = time.perf_counter_ns,
) -> tuple[float, float, int, float]:
    """The medians in ms of `whole(round)` and of what `bare(round)` prepares, timed in turn for `seconds`; the rounds.

    Last the spread of the first over five blocks of rounds, or as many as there are. In turn, so that whatever disturbs
    the machine disturbs both. Three rounds at least, after one that is not counted.
    """
    whole(0)
    bare(0)()
    both: tuple[list[int], list[int]] = ([], [])
    end = clock() + int(seconds * 1e9)
    while len(both[0]) < 3 or clock() < end:
        turn = len(both[0])
        begin = clock()
        whole(turn)
        both[0].append(clock() - begin)
        infer = bare(turn)  # preparing is not timed
        begin = clock()
        infer()
        both[1].append(clock() - begin)
    rounds = len(both[0])
    blocks = np.array_split(np.asarray(both[0], dtype=np.float64), min(FEW_BLOCKS, rounds))
    apart = spread([float(np.median(block)) for block in blocks])
    return float(np.median(both[0])) / 1e6, float(np.median(both[1])) / 1e6, rounds, apart


def system_latency(session: Session, examples: Examples, seconds: float) -> SystemLatency:
    """Of the first 16 examples in turn, one at a time. Raises MeasureError where one does not fit the model."""
    shape, many = session.input_shape, min(len(examples), MOST_EXAMPLES)

    def given(turn: int) -> Batch:
        raw = examples.raw(turn % many)
        pixels = decoded_picture(raw, shape) if isinstance(raw, bytes) else raw
        return fitted(pixels[None], shape).astype(np.float32, copy=False)

    answer = _ANSWERS.get(_task(examples), _ANSWERS[""])[0]
    whole_ms, bare_ms, rounds, apart = interleaved(
        lambda turn: answer(session.run(given(turn))), lambda turn: session.prepare(given(turn)), seconds
    )
    steps = f"{steps_of(examples, session)}; the inference alone in the same {rounds:,} rounds: {bare_ms:.4g} ms"
    return SystemLatency(whole_ms, bare_ms, rounds, apart, steps)


def steps_of(examples: Examples, session: Session) -> str:
    """What is done from the raw example to the answer: "uint8 to float32, batch axis, inference, … largest score"."""
    steps = []
    if examples.x is None:
        steps += ["decode the picture", "resize"]
    if examples.x is None or examples.x.dtype != np.float32:
        steps.append("uint8 to float32")
    steps.append("batch axis")
    if (
        examples.x is not None
        and examples.x.ndim == 4
        and fitted(examples.x[:1], session.input_shape).shape[1:] != (examples.x.shape[1:])
    ):
        steps.append("channels first")
    if session.input_dtype != "float32":
        steps.append(f"float32 to {session.input_dtype}")
    return ", ".join([*steps, "inference", "answers as float32", _ANSWERS.get(_task(examples), _ANSWERS[""])[1]])


def _task(examples: Examples) -> str:
    return "boxes" if examples.boxes is not None else examples.metric or ""


def _largest(scores: Batch) -> object:
    return int(scores.argmax())


def _boxes(rows: Batch) -> object:
    return rows[rows[..., 4] > 0]


# From the model's answer to what the application is told, and what that is called.
_ANSWERS: dict[str, tuple[Callable[[Batch], object], str]] = {
    TOP1: (_largest, "largest score"),
    MAP: (lambda scores: scores[0], "a score for each label"),
    "boxes": (_boxes, "boxes with a score"),
    "": (lambda values: values[0], "the numbers"),
}
