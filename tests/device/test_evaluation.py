"""What models of numbers, labels and boxes answer, run for real and judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from device.data import load_data
from device.evaluation import Quality, judge
from device.runtimes import runtime_for
from device.runtimes.contract import MeasureError
from tests.device.onnx_nets import onnx_net

SAME = helper.make_node("Identity", ["x"], ["y"])
SUM = helper.make_node("ReduceSum", ["x", "last"], ["y"])
LAST = np.array([1], np.int64)


def judged(folder: Path, node: Any, metric: str | None = None, *, size: int = 3, **data: Any) -> Quality | None:
    """The node as a network on the data, `size` inputs at a time; the constant `last` is known to it."""
    np.savez(folder / "d.npz", **data)
    file = onnx_net(folder, node, last=LAST) if "last" in node.input else onnx_net(folder, node)
    examples = load_data(folder / "d.npz", metric)
    session = runtime_for(file, "onnx-runtime-cpu").open(file, 1)
    return judge(session, examples, examples.arrays(session.input_shape), size)


def test_numbers_by_hand(tmp_path: Path) -> None:
    """Sums 4, 8, 12, 16, 20 for y 4, 10, 12, 20, 20: squares 0, 4, 0, 16, 0; shares 0, 20, 0, 20 and 0 %."""
    x = np.repeat(np.arange(1, 6), 4).reshape(5, 4).astype(np.float32)
    y = np.array([4, 10, 12, 20, 20], np.float32)
    found = judged(tmp_path, SUM, x=x, y=y)
    assert found is not None
    assert (found.metric, found.accuracy) == ("rmse", None)
    assert found.value == pytest.approx(2)
    assert dict(found.further) == {"mard": pytest.approx(8)}
    by_share = judged(tmp_path, SUM, "mard", x=x, y=y)
    assert by_share is not None
    assert by_share.metric == "mard"
    assert by_share.value == pytest.approx(8)


def test_labels_by_hand(tmp_path: Path) -> None:
    """Label 0 is ranked right, miss, right: 5/6 by hand in test_quality. The others are ranked without a fault."""
    x = np.array([[0.9, 1, 1, 0], [0.8, 0, 0, 1], [0.7, 0, 0, 0]], np.float32)
    y = np.array([[1, 1, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]])
    found = judged(tmp_path, SAME, x=x, y=y)
    assert found is not None
    assert found.metric == "map"
    assert found.value == pytest.approx(100 * (5 / 6 + 3) / 4)


def boxes_as_given() -> list[Any]:
    """A network that answers x1, y1, x2, y2 with one box there, of score 1 and class 1."""
    wider = helper.make_node("Pad", ["x", "by", "one"], ["row"])
    return [wider, helper.make_node("Unsqueeze", ["row", "middle"], ["y"])]


def test_boxes_run_and_judged(tmp_path: Path) -> None:
    """60 boxes found exactly but for every fifth, which is found to 60 %: right at 0.50, 0.55 and 0.60."""
    x = np.tile(np.array([[0, 0, 10, 10]], np.float32), (60, 1))
    boxes = np.column_stack([np.arange(60), np.ones(60), x])
    x[::5, 3] = 6
    np.savez(tmp_path / "d.npz", x=x, boxes=boxes)
    wider, middle = np.array([0, 0, 0, 2], np.int64), np.array([1], np.int64)
    file = onnx_net(tmp_path, *boxes_as_given(), by=wider, one=np.array(1, np.float32), middle=middle)
    session = runtime_for(file, "onnx-runtime-cpu").open(file, 1)
    examples = load_data(tmp_path / "d.npz")
    found = judge(session, examples, examples.arrays(session.input_shape), 64)
    assert found is not None
    assert dict(found.further)["ap50"] == pytest.approx(100)
    assert dict(found.further)["ap75"] < 85  # four fifths are found
    assert found.value == pytest.approx((3 * 100 + 7 * dict(found.further)["ap75"]) / 10)
    assert found.stability is not None
    # The parts are every fifth, so that all of the first are found to 60 %: 30 %, then four times 100 %.
    assert found.stability.variance == pytest.approx((56**2 + 4 * 14**2) / 4)
    assert (found.stability.parts, round(found.stability.percent, 1)) == (5, 63.6)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"y": np.ones(5, np.float32)}, "the model gives 4 numbers for each input, y has 1"),
        ({"y": np.eye(5, dtype=int)}, "the model gives 4 numbers for each input, y has 5"),
        ({"y": np.arange(5)}, "knows 4 classes, 0 to 3; y has a label 4"),
        ({"boxes": np.array([[0, 0, 0, 0, 1, 1]])}, "gives 4 for each input; for boxes it must give rows of 6"),
    ],
)
def test_answers_of_another_kind_are_refused(tmp_path: Path, data: dict[str, Any], said: str) -> None:
    with pytest.raises(MeasureError, match=said):
        judged(tmp_path, SAME, x=np.zeros((5, 4), np.float32), **data)


def test_numbers_beyond_all_bounds_have_no_error(tmp_path: Path) -> None:
    x = np.ones((5, 4), np.float32)
    x[2] = 0
    with pytest.raises(MeasureError, match="gives infinite numbers for 1 of 5 inputs"):
        judged(tmp_path, helper.make_node("Reciprocal", ["x"], ["y"]), x=x, y=np.ones((5, 4), np.float32))


def test_without_answers_only_nan_is_looked_for(tmp_path: Path) -> None:
    assert judged(tmp_path, SAME, x=np.zeros((5, 4), np.float32)) is None
    x = np.zeros((5, 4), np.float32)
    x[3, 2] = -1
    with pytest.raises(MeasureError, match="gives NaN for 1 of inputs 3 to 4"):
        judged(tmp_path, helper.make_node("Sqrt", ["x"], ["y"]), x=x)
