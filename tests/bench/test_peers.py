"""Engines in other processes: the same answer, or no comparison; a slow one is ended."""

from __future__ import annotations

import os
import time

import pytest

from bench.peers import Disagreement, Engine, Peer, TooSlow, compared, peers


def plus(number: int) -> Engine:
    return Engine(run=lambda asked: asked + number, read=lambda found: found)


def sleepy(seconds: float) -> Engine:
    def run(asked: int) -> int:
        time.sleep(seconds)
        return asked + 1

    return Engine(run, read=lambda found: found)


def failing() -> Engine:
    return Engine(run=lambda asked: 1 // asked, read=lambda found: found)


def ending() -> Engine:
    return Engine(run=lambda asked: os._exit(7), read=lambda found: found)


def test_two_engines_that_agree_are_timed() -> None:
    with peers({"one": (plus, 1), "other": (sleepy, 0.01)}) as started:
        found, timings = compared({n: (p, 41) for n, p in started.items()}, repeats=3, limit_s=10)
    assert found == 42
    assert list(timings) == ["one", "other"]
    one, other = timings["one"], timings["other"]
    assert one is not None and other is not None
    assert len(one.seconds) == 3
    assert one.median < 0.01 <= other.median


def test_engines_that_disagree_are_not_compared() -> None:
    with (
        peers({"one": (plus, 1), "other": (plus, 2)}) as started,
        pytest.raises(Disagreement, match="other answers 43, but one answers 42"),
    ):
        compared({n: (p, 41) for n, p in started.items()}, repeats=3, limit_s=10)


def test_an_engine_that_runs_on_is_ended_and_the_others_are_timed() -> None:
    with peers({"quick": (plus, 1), "endless": (sleepy, 60.0)}) as started:
        _, timings = compared({n: (p, 1) for n, p in started.items()}, repeats=2, limit_s=0.3)
        assert not started["endless"].is_alive
    assert timings["endless"] is None
    assert timings["quick"] is not None


def test_when_none_answers_in_time_there_is_nothing_to_compare() -> None:
    with peers({"endless": (sleepy, 60.0)}) as started, pytest.raises(TooSlow, match=r"none of endless .* 0\.2 s"):
        compared({"endless": (started["endless"], 1)}, repeats=2, limit_s=0.2)


def test_an_engine_slower_than_a_second_is_asked_once() -> None:
    with peers({"slow": (sleepy, 1.1)}) as started:
        _, timings = compared({"slow": (started["slow"], 1)}, repeats=5, limit_s=10)
    assert timings["slow"] is not None
    assert len(timings["slow"].seconds) == 1


def test_a_start_that_takes_too_long_is_ended() -> None:
    peer = Peer("slow to start", slow_start, ready_s=0.2)
    with pytest.raises(TooSlow, match=r"slow to start did not answer within 0\.2 s"):
        peer.ready()
    assert not peer.is_alive


def slow_start() -> Engine:
    time.sleep(60)
    return plus(1)


def test_what_goes_wrong_in_the_other_process_is_told_here() -> None:
    with (
        peers({"failing": (failing,)}) as started,
        pytest.raises(RuntimeError, match=r"failing failed:\n(.|\n)*ZeroDiv"),
    ):
        started["failing"].ask(0, 10)
    with peers({"ending": (ending,)}) as started, pytest.raises(RuntimeError, match=r"by itself \(exit code 7\)"):
        started["ending"].ask(0, 10)
