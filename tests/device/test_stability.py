"""How much a figure holds, over parts of the data and over days."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.stability import of_figures, over_days, over_folds

DAYS = [date(2026, 11, day) for day in (2, 3, 5, 9, 16)]


def test_five_figures_by_hand() -> None:
    """90, 92, 94, 96, 98: mean 94, squares of the deviations 16 + 4 + 0 + 4 + 16 = 40, by four: variance 10."""
    found = of_figures([90, 92, 94, 96, 98])
    assert found is not None
    assert found.parts == 5
    assert found.variance == pytest.approx(10)
    assert found.percent == pytest.approx(100 * (1 - 10**0.5 / 94))


@given(st.floats(0.1, 100), st.integers(2, 9))
def test_what_never_changes_is_wholly_stable(value: float, many: int) -> None:
    found = of_figures([value] * many)
    assert found is not None
    assert found.percent == pytest.approx(100)


def test_of_a_mean_of_zero_no_share_is_taken() -> None:
    assert of_figures([0, 0]) is None
    with pytest.raises(ValueError, match="1 figures have no deviation"):
        of_figures([3])


@given(st.lists(st.integers(0, 4), min_size=50, max_size=120))
def test_the_parts_are_disjoint_whole_and_alike(labels: list[int]) -> None:
    y, parts = np.array(labels), []

    def figure(part: np.ndarray) -> float:
        parts.append(part)
        return 1.0

    over_folds(figure, y)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(y)))
    of_each_label = np.array([np.bincount(y[part], minlength=5) for part in parts])
    assert (of_each_label.max(axis=0) - of_each_label.min(axis=0)).max() <= 1


def test_a_classifier_that_fails_on_one_part() -> None:
    """50 examples of one label: the parts are every fifth. All are right but the ten of the first part."""
    right = np.arange(50) % 5 != 0
    found = over_folds(lambda part: 100 * float(right[part].mean()), np.zeros(50))
    assert found is not None
    assert found.variance == pytest.approx(2000)
    assert found.percent == pytest.approx(100 * (1 - 2000**0.5 / 80))


def test_too_few_examples_say_nothing() -> None:
    assert over_folds(lambda part: 1.0, np.zeros(49)) is None


def test_days_count_once_each() -> None:
    """The first day has 89 and 91, so 90; then as by hand above."""
    figures = [(DAYS[0], 89.0), (DAYS[0], 91.0), *zip(DAYS[1:], (92.0, 94.0, 96.0, 98.0), strict=True)]
    assert over_days(figures) == of_figures([90, 92, 94, 96, 98])


def test_four_days_are_too_few() -> None:
    with pytest.raises(ValueError, match="4 different days were given; stability over days needs at least 5"):
        over_days([(day, 90.0) for day in [*DAYS[:4], *DAYS[:4]]])
