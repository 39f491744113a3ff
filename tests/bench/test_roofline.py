"""The machine's own peak: the arithmetic by hand, and one real run."""

from __future__ import annotations

import pytest

from bench.roofline import SIDE, Peaks, read


def test_the_highest_rate_counts_whichever_library_reached_it() -> None:
    found = read({"float32": {"one": 40.0, "another": 137.0}, "int8": {"one": 547.0}})
    assert found == Peaks(137.0, "another", 547.0, "one")


def test_the_share_of_the_peak_is_by_hand() -> None:
    # The report's CNN: 4.873 million multiply-accumulates; at 137 · 10⁹ a second they take 35.6 µs.
    peak = Peaks(137.0, "a", 547.0, "b")
    assert peak.share(4_873_000, 35.57e-6, bits=32) == pytest.approx(1.0, abs=0.001)
    assert peak.share(4_873_000, 71.14e-6, bits=32) == pytest.approx(0.5, abs=0.001)
    assert peak.share(4_873_000, 17.8e-6, bits=8) == pytest.approx(0.5, abs=0.001)
    assert SIDE**3 > 1e9  # so that a call is long against the clock
