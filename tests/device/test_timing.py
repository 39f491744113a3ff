"""A clock that is moved by hand: each call of the model takes as long as the test says."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, cycle, repeat

import pytest

from device import timing

MS = 1_000_000


class ByHand:
    """A clock, and a model whose calls take the given times in ms."""

    def __init__(self, times_ms: Iterator[float]) -> None:
        self.now, self.times, self.calls = 0, times_ms, 0

    def clock(self) -> int:
        return self.now

    def infer(self) -> None:
        self.now += round(next(self.times) * MS)
        self.calls += 1


def test_percentiles_and_spread_of_two_blocks() -> None:
    """Durations 1, 2, 3 and 2, 3, 4 ms: medians 2 and 3, their middle 2.5.

    Of all six, 1 2 2 3 3 4, p50 = 2.5, p95 = 3 + 0.75 and p99 = 3 + 0.95, at places 4.75 and 4.95 counted from 0.
    """
    found = timing.summary([[1 * MS, 2 * MS, 3 * MS], [2 * MS, 3 * MS, 4 * MS]])
    assert (found.p50_ms, found.p95_ms, found.p99_ms, found.repetitions) == pytest.approx((2.5, 3.75, 3.95, 6))
    assert found.spread == pytest.approx(1 / 2.5)
    assert found.noisy


def test_a_steady_model_is_timed_once() -> None:
    model = ByHand(repeat(2.0))
    found = timing.repeat(model.infer, seconds=0.2, clock=model.clock)
    assert (found.p50_ms, found.repetitions, found.noisy, found.attempts) == (2.0, 100, False, 1)
    assert model.calls == 100


def test_a_disturbed_run_is_repeated_and_the_calmer_one_counts() -> None:
    """The first ten blocks of one call: 100 ms and, in the end, 120. The second ten are even."""
    model = ByHand(chain([100.0] * 9, [120.0], repeat(101.0)))
    found = timing.repeat(model.infer, seconds=1.0, clock=model.clock)
    assert (found.p50_ms, found.spread, found.noisy, found.attempts) == (101.0, 0.0, False, 2)
    assert model.calls == 20


def test_what_stays_disturbed_says_so() -> None:
    """Three times ten blocks of one call; the second ten differ least, 100 and 115 ms, and are given."""
    model = ByHand(chain(*([[100.0, high] * 5 for high in (120.0, 115.0, 130.0)])))
    found = timing.repeat(model.infer, seconds=1.0, clock=model.clock)
    assert (found.noisy, found.attempts, model.calls) == (True, 3, 30)
    assert found.spread == pytest.approx(15 / 107.5)


def test_warming_up_ends_when_three_rounds_agree() -> None:
    """Rounds of one call: 90, 60, 52, 50, 50 ms; 52, 50, 50 is the first three within 5 %."""
    model = ByHand(chain([90.0, 60.0, 52.0], repeat(50.0)))
    assert timing.warm_up(model.infer, seconds=0.9, clock=model.clock) == 5


def test_warming_up_ends_anyway() -> None:
    model = ByHand(cycle([100.0, 200.0]))
    assert timing.warm_up(model.infer, seconds=1.0, clock=model.clock) == 7  # 100+200+…: 1 s is over in the 7th


def test_the_rate_is_of_inputs_not_of_calls() -> None:
    """The first call, of 500 ms, warms up; the median of 10, 4, 4, 5 and 4 ms counts: 8 inputs in 4 ms.

    Five blocks of one call: 800, 2,000, 2,000, 1,600 and 2,000 inputs a second; (2,000 − 800) / 2,000.
    """
    model = ByHand(iter([500.0, 10.0, 4.0, 4.0, 5.0, 4.0]))
    found = timing.rate(model.infer, batch=8, seconds=0.01, clock=model.clock)
    assert (found.batch, found.per_s, found.spread) == pytest.approx((8, 2000, 0.6))
