"""An engine in a process of its own, so that one that runs for ever can be ended, and what several answer compared."""

from __future__ import annotations

import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from bench import Timing

SLOW_S = 1.0  # an engine that needs longer than this for one answer is asked once only


class TooSlow(Exception):
    """An engine did not answer within its time; it has been ended."""


class Disagreement(Exception):
    """Two engines gave different answers, so that their times may not be compared."""


@dataclass(frozen=True)
class Engine:
    """How to ask: `run` is timed and brings the whole result into Python; `read` makes it comparable, untimed."""

    run: Callable[[Any], Any]
    read: Callable[[Any], Any]


class Peer:
    """An engine that was started in another process. `start` is a function of a module, so that it can travel there."""

    def __init__(self, name: str, start: Callable[..., Engine], *arguments: object, ready_s: float = 60.0) -> None:
        """Start it, without waiting; `ready_s` is how long it may take."""
        self.name, self._ready_s = name, ready_s
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far, start, arguments), daemon=True)
        self._process.start()
        far.close()
        self._is_ready = False

    def ready(self) -> float:
        """Wait until it can be asked; seconds that its start took. Raises TooSlow, or RuntimeError when it fails."""
        seconds, _ = self._answer(self._ready_s)
        self._is_ready = True
        return seconds

    def ask(self, question: object, limit_s: float) -> tuple[float, Any]:
        """Seconds that the engine took, and its answer. Raises TooSlow after `limit_s`, RuntimeError when it fails."""
        if not self._is_ready:
            self.ready()
        self._pipe.send(question)
        return self._answer(limit_s)

    def close(self) -> None:
        """End the process; may be called twice."""
        self._process.kill()
        self._process.join()

    @property
    def is_alive(self) -> bool:
        """Whether it can still be asked."""
        return self._process.is_alive()

    def _answer(self, limit_s: float) -> tuple[float, Any]:
        if not self._pipe.poll(limit_s):
            self.close()
            raise TooSlow(f"{self.name} did not answer within {limit_s:g} s and was ended")
        try:
            seconds, answer, fault = self._pipe.recv()
        except EOFError:
            self.close()
            raise RuntimeError(f"{self.name} ended by itself (exit code {self._process.exitcode})") from None
        if fault:
            self.close()
            raise RuntimeError(f"{self.name} failed:\n{fault}")
        return seconds, answer


def _serve(pipe: Connection, start: Callable[..., Engine], arguments: tuple[object, ...]) -> None:
    """The other process: starts the engine, then answers until it is ended."""

    def told(work: Callable[[], Any], read: Callable[[Any], Any]) -> Any:
        begun = time.perf_counter()
        try:
            result = work()
            seconds = time.perf_counter() - begun
            pipe.send((seconds, read(result), ""))
        except Exception:  # noqa: BLE001 - whatever it is, the asking process must hear of it
            pipe.send((0.0, None, traceback.format_exc()))
            sys.exit(1)
        return result

    engine: Engine = told(lambda: start(*arguments), lambda _: None)
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        told(partial(engine.run, question), engine.read)


@contextmanager
def peers(starts: Mapping[str, tuple[object, ...]], *, ready_s: float = 60.0) -> Iterator[dict[str, Peer]]:
    """Several peers, ended at the end: name → (start, its arguments…)."""
    with ExitStack() as stack:
        started = {}
        for name, (start, *arguments) in starts.items():
            assert callable(start)
            started[name] = Peer(name, start, *arguments, ready_s=ready_s)
            stack.callback(started[name].close)
        for peer in started.values():
            peer.ready()
        yield started


def compared(
    asked: Mapping[str, tuple[Peer, object]], *, repeats: int, limit_s: float
) -> tuple[Any, dict[str, Timing | None]]:
    """The answer that all peers give, and their times; None for one that did not answer in time.

    `asked` holds for each name a peer and the question in its own language. All are asked once before anything is
    timed; then in rounds, another one first each time. What took over a second is timed by its first answer alone.
    Raises Disagreement when two answers differ.
    """
    first: dict[str, tuple[float, Any]] = {}
    timings: dict[str, Timing | None] = {}
    for name, (peer, question) in asked.items():
        try:
            first[name] = peer.ask(question, limit_s)
        except TooSlow:
            timings[name] = None
    if not first:
        raise TooSlow(f"none of {', '.join(asked)} answered within {limit_s:g} s")
    reference, (_, answer) = next(iter(first.items()))
    for name, (_, other) in first.items():
        if other != answer:
            raise Disagreement(f"{name} answers {_short(other)}, but {reference} answers {_short(answer)}")
    quick = [name for name, (seconds, _) in first.items() if seconds <= SLOW_S]
    taken: dict[str, list[float]] = {n: [] if n in quick else [s] for n, (s, _) in first.items()}
    for round_ in range(repeats):
        at = round_ % max(len(quick), 1)
        for name in quick[at:] + quick[:at]:
            peer, question = asked[name]
            taken[name].append(peer.ask(question, limit_s)[0])
    timings |= {name: Timing(tuple(seconds)) for name, seconds in taken.items()}
    return answer, {name: timings[name] for name in asked}


def _short(answer: object) -> str:
    text = repr(answer)
    size = f" ({len(answer)})" if isinstance(answer, frozenset) else ""
    return (text if len(text) <= 200 else text[:200] + "…") + size
