from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.accuracy import wilson


@pytest.mark.parametrize(
    ("right", "samples", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_published_intervals(right: int, samples: int, low: float, high: float) -> None:
    """Newcombe 1998, table I, method 3."""
    assert wilson(right, samples) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share_and_mirrors(counts: tuple[int, int]) -> None:
    right, samples = counts
    low, high = wilson(right, samples)
    assert 0 <= low <= right / samples + 1e-12 and right / samples - 1e-12 <= high <= 1
    assert wilson(samples - right, samples) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(("right", "samples"), [(0, 0), (3, 2), (-1, 2)])
def test_what_is_no_proportion_is_refused(right: int, samples: int) -> None:
    with pytest.raises(ValueError, match=f"{right} right of {samples}"):
        wilson(right, samples)
