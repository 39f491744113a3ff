"""Figures of classifiers, of regressions and of several labels; scikit-learn is the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics

from device import quality

LABELS = st.integers(1, 40).flatmap(
    lambda n: st.tuples(
        arrays(np.int64, n, elements=st.integers(0, 5)), arrays(np.int64, n, elements=st.integers(0, 5))
    )
)


def test_three_classes_by_hand() -> None:
    """Rows are right, columns chosen:  2 1 0 / 0 1 1 / 0 0 0, and class 2 was chosen once without ever being right.

    Recalls 2/3, 1/2, 0; precisions 2/2, 1/2, 0; F1 4/5, 1/2, 0.
    """
    counts = quality.ClassCounts.of(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 2]))
    assert quality.balanced_accuracy_percent(counts) == pytest.approx(100 * (2 / 3 + 1 / 2) / 2)
    assert quality.macro_percent(counts) == pytest.approx((50, 100 * (2 / 3 + 1 / 2) / 3, 100 * (4 / 5 + 1 / 2) / 3))


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@given(LABELS)
def test_classes_as_scikit_learn_counts_them(labels: tuple[np.ndarray, np.ndarray]) -> None:
    true, chosen = labels
    counts = quality.ClassCounts.of(true, chosen)
    expected = metrics.precision_recall_fscore_support(true, chosen, average="macro", zero_division=0)[:3]
    assert quality.macro_percent(counts) == pytest.approx([100 * float(figure) for figure in expected])
    balanced = metrics.recall_score(true, chosen, labels=np.unique(true), average="macro", zero_division=0)
    assert quality.balanced_accuracy_percent(counts) == pytest.approx(100 * float(balanced))


def test_differences_of_glucose_by_hand() -> None:
    """100 → 110 is 10 %, 200 → 190 is 5 %, 50 → 50 is none: mean 5 %. The squares 100, 100, 0 have the mean 66.7."""
    true, said = np.array([100.0, 200, 50]), np.array([110.0, 190, 50])
    assert quality.mard_percent(true, said) == pytest.approx(5)
    assert quality.rmse(true, said) == pytest.approx((200 / 3) ** 0.5)


def test_no_share_of_zero_is_taken() -> None:
    with pytest.raises(ValueError, match="2 of 3 true values are 0"):
        quality.mard_percent(np.array([0.0, 1, 0]), np.ones(3))


NUMBERS = arrays(np.float64, (12, 2), elements=st.floats(0.5, 500))


@given(NUMBERS, NUMBERS)
def test_numbers_as_scikit_learn_judges_them(true: np.ndarray, said: np.ndarray) -> None:
    assert quality.rmse(true, said) == pytest.approx(float(metrics.root_mean_squared_error(true.ravel(), said.ravel())))
    expected = 100 * float(metrics.mean_absolute_percentage_error(true.ravel(), said.ravel()))
    assert quality.mard_percent(true, said) == pytest.approx(expected)


def test_a_label_by_hand() -> None:
    """Ranked: hit, miss, hit. Precision 1 at half of the hits, 2/3 at all: 1/2 · 1 + 1/2 · 2/3."""
    assert quality.average_precision(np.array([1, 0, 1]), np.array([0.9, 0.8, 0.7])) == pytest.approx(5 / 6)


@given(arrays(np.int64, (20, 3), elements=st.integers(0, 1)), arrays(np.float64, (20, 3), elements=st.integers(0, 4)))
def test_labels_as_scikit_learn_ranks_them(relevant: np.ndarray, scores: np.ndarray) -> None:
    there = relevant.any(axis=0)
    if not there.any():
        with pytest.raises(ValueError, match="no label occurs"):
            quality.mean_average_precision_percent(relevant, scores)
        return
    expected = metrics.average_precision_score(relevant[:, there], scores[:, there], average="macro")
    assert quality.mean_average_precision_percent(relevant, scores) == pytest.approx(100 * float(expected))
