"""The numeric check of a file against its network: of classes by their order, of other answers by their range."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.formats.check import allowed, compare
from optimizer.formats.contract import ConversionError
from optimizer.formats.pb import PB

# Glucose in mg/dl: the network's answers span 200, the file is off by 4 at most, which is 2 % of that.
EXPECTED = np.array([[50.0], [150.0], [250.0]], np.float32)
FOUND = np.array([[50.0], [146.0], [251.0]], np.float32)


def test_numbers_are_compared_with_their_range() -> None:
    check = compare(EXPECTED, FOUND, has_classes=False)
    assert (check.samples, check.largest_difference, check.range_percent) == (3, 4.0, 2.0)
    assert check.agreement_percent is None, "the largest of one number is always the first"


def test_answers_that_are_all_equal_have_no_range() -> None:
    check = compare(EXPECTED * 0, EXPECTED * 0 + 1, has_classes=False)
    assert (check.largest_difference, check.range_percent) == (1.0, None)


def test_classes_are_compared_by_the_one_that_is_chosen() -> None:
    check = compare(np.eye(2, dtype=np.float32), np.array([[0.6, 0.4], [0.7, 0.3]], np.float32))
    assert (check.agreement_percent, check.range_percent) == (50.0, None)


def test_rounding_goes_with_the_size_of_the_numbers() -> None:
    """A ten-thousandth of the largest; scores of classes are between 0 and 1, however small these few are."""
    assert allowed(PB, EXPECTED, has_classes=False) == pytest.approx(0.025)
    assert allowed(PB, EXPECTED / 1e6, has_classes=False) == pytest.approx(2.5e-8)
    assert allowed(PB, EXPECTED / 1e6) == pytest.approx(1e-4)


def test_a_file_that_answers_with_another_shape_is_refused() -> None:
    with pytest.raises(ConversionError, match=r"shape \(3, 2\)"):
        compare(EXPECTED, np.zeros((3, 2), np.float32), has_classes=False)
