"""Average precision of boxes: cases by hand, and the published example of Padilla et al. 2020."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from device.detection import average_precisions, overlap

# Padilla, Netto & da Silva 2020 (IWSSIP, pp. 237-242), the example of their tool: 15 objects in 7 pictures as x, y,
# width, height, and 24 detections with their confidence before.
OBJECTS = (
    ((25, 16, 38, 56), (129, 123, 41, 62)),
    ((123, 11, 43, 55), (38, 132, 59, 45)),
    ((16, 14, 35, 48), (123, 30, 49, 44), (99, 139, 47, 47)),
    ((53, 42, 40, 52), (154, 43, 31, 34)),
    ((59, 31, 44, 51), (48, 128, 34, 52)),
    ((36, 89, 52, 76), (62, 58, 44, 67)),
    ((28, 31, 55, 63), (58, 67, 50, 58)),
)
DETECTIONS = (
    ((0.88, 5, 67, 31, 48), (0.70, 119, 111, 40, 67), (0.80, 124, 9, 49, 67)),
    ((0.71, 64, 111, 64, 58), (0.54, 26, 140, 60, 47), (0.74, 19, 18, 43, 35)),
    (
        (0.18, 109, 15, 77, 39),
        (0.67, 86, 63, 46, 45),
        (0.38, 160, 62, 36, 53),
        (0.91, 105, 131, 47, 47),
        (0.44, 18, 148, 40, 44),
    ),
    ((0.35, 83, 28, 28, 26), (0.78, 28, 68, 42, 67), (0.45, 87, 89, 25, 39), (0.14, 10, 155, 60, 26)),
    ((0.62, 50, 38, 28, 46), (0.44, 95, 11, 53, 28), (0.95, 29, 131, 72, 29), (0.23, 29, 163, 72, 29)),
    ((0.45, 43, 48, 74, 38), (0.84, 17, 155, 29, 35), (0.43, 95, 110, 25, 42)),
    ((0.48, 16, 20, 101, 88), (0.95, 33, 116, 37, 49)),
)


def said(*examples: Sequence[tuple[float, ...]]) -> NDArray[np.float64]:
    """(n, k, 6), filled with zeros: rows x1, y1, x2, y2, score, class."""
    made = np.zeros((len(examples), max(map(len, examples)), 6))
    for rows, given_rows in zip(made, examples, strict=True):
        rows[: len(given_rows)] = given_rows if given_rows else rows[:0]
    return made


def test_the_overlap_of_two_squares() -> None:
    """2×2 and 2×2, shifted by one: 2 shared of 6. An empty box overlaps nothing."""
    boxes = np.array([[0.0, 0, 2, 2], [5, 5, 5, 5]])
    assert overlap(boxes, np.array([[1.0, 0, 3, 2]])) == pytest.approx(np.array([[1 / 3], [0]]))


def test_a_box_found_to_three_quarters() -> None:
    """A box of 100 of which 75 are found, and nothing besides: right for 0.50, 0.55 … 0.75, six of ten thresholds."""
    truth = np.array([[0.0, 0, 0, 0, 10, 10]])
    found = average_precisions(truth, said([(0, 0, 10, 7.5, 0.9, 0)]))
    assert found == pytest.approx((100,) * 6 + (0,) * 4)


def test_a_second_find_of_the_same_box_is_wrong() -> None:
    """Right, wrong (the first box again), right: precision 1 up to a recall of 1/2, then 2/3. 51 recalls, then 50."""
    truth = np.array([[0.0, 1, 0, 0, 2, 2], [0, 1, 5, 5, 7, 7]])
    rows = [(0.0, 0.0, 2.0, 2.0, 0.9, 1.0), (0.0, 0.0, 2.0, 2.0, 0.8, 1.0), (5.0, 5.0, 7.0, 7.0, 0.7, 1.0)]
    assert average_precisions(truth, said(list(rows)))[0] == pytest.approx(100 * (51 + 50 * 2 / 3) / 101)


def test_classes_count_alike_and_others_pictures_do_not_help() -> None:
    """Class 0 is found; class 3 is found only on the wrong picture; class 7 does not occur and is not counted."""
    truth = np.array([[0.0, 0, 0, 0, 2, 2], [0, 3, 5, 5, 7, 7]])
    found = average_precisions(truth, said([(0, 0, 2, 2, 0.9, 0)], [(5, 5, 7, 7, 0.9, 3), (5, 5, 7, 7, 0.9, 7)]))
    assert found == pytest.approx((50,) * 10)


def test_the_published_example() -> None:
    """At an overlap of 0.3 they print precision 1 up to recall 1/15, 2/3 up to 2/15, 3/7 up to 6/15, 7/23 up to 7/15.

    COCO's 101 recalls have 7, 7, 27 and 6 points there; their own area, of rounded figures, is 24.56 %. They count
    whole pixels, the last included, so that a box ends one further than x + width.
    """
    truth = [[k, 0, x, y, x + w + 1, y + h + 1] for k, boxes in enumerate(OBJECTS) for x, y, w, h in boxes]
    rows = [[(x, y, x + w + 1, y + h + 1, score, 0) for score, x, y, w, h in boxes] for boxes in DETECTIONS]
    found = average_precisions(np.array(truth, dtype=np.float64), said(*rows), thresholds=(0.3,))
    assert found[0] == pytest.approx(100 * (7 + 14 / 3 + 81 / 7 + 42 / 23) / 101)  # 24.82
    assert abs(found[0] - 24.56) < 0.3


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 50), st.integers(1, 9)), min_size=1))
def test_what_finds_everything_has_all_and_what_finds_nothing_none(boxes: list[tuple[int, int, int, int]]) -> None:
    truth = np.array([[n, k, 10 * at, 0, 10 * at + w, w] for at, (n, k, _, w) in enumerate(boxes)], dtype=np.float64)
    of_example: list[list[tuple[float, ...]]] = [[] for _ in range(4)]
    for n, k, x1, y1, x2, y2 in truth.tolist():
        of_example[int(n)].append((x1, y1, x2, y2, 0.5, k))
    assert average_precisions(truth, said(*of_example)) == pytest.approx((100,) * 10)
    assert average_precisions(truth, np.zeros((4, 2, 6))) == (0,) * 10


def test_without_boxes_there_is_nothing_to_say() -> None:
    with pytest.raises(ValueError, match="no box to find"):
        average_precisions(np.zeros((0, 6)), np.zeros((1, 1, 6)))
