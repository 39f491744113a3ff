"""From the raw example to the answer, in turn with the inference alone; a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from device.data import Examples, load_data
from device.runtimes import runtime_for
from device.system_latency import interleaved, steps_of, system_latency
from tests.device.nets import inputs
from tests.device.onnx_nets import onnx_net

MS = 1_000_000


def test_both_are_timed_in_turn_and_preparing_is_not() -> None:
    """The whole takes 5, 7, 6, 9 ms; the inference alone 2 ms each, after 50 ms of preparing that nobody counts."""
    now, wholes = [0], iter([99, 5, 7, 6, 9])
    order: list[str] = []

    def whole(turn: int) -> None:
        order.append(f"whole {turn}")
        now[0] += next(wholes) * MS

    def bare(turn: int) -> Callable[[], None]:
        now[0] += 50 * MS

        def infer() -> None:
            order.append(f"bare {turn}")
            now[0] += 2 * MS

        return infer

    found = interleaved(whole, bare, seconds=0.2, clock=lambda: now[0])
    assert found == (6.5, 2.0, 4, (9 - 5) / 6.5)  # 4 rounds of some 59 ms, each a block
    assert order[2:6] == ["whole 0", "bare 0", "whole 1", "bare 1"]


def test_of_a_real_model_the_whole_holds_the_inference(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=inputs(20), y=np.arange(20) % 4)
    file = onnx_net(tmp_path, helper.make_node("Softmax", ["x"], ["y"]))
    session = runtime_for(file, "onnx-runtime-cpu").open(file, 1)
    found = system_latency(session, load_data(tmp_path / "d.npz"), seconds=0.05)
    assert found.system_ms >= found.inference_ms > 0
    assert found.spread >= 0
    assert found.steps.startswith("batch axis, inference, answers as float32, largest score; the inference alone in")


@pytest.mark.parametrize(
    ("x", "shape", "metric", "before", "answer"),
    [
        (np.zeros((3, 4), np.uint8), ["n", 4], "top-1", "uint8 to float32, batch axis", "largest score"),
        (np.zeros((3, 5, 6, 3), np.float32), ["n", 3, 5, 6], "rmse", "batch axis, channels first", "the numbers"),
    ],
)
def test_the_steps_are_named(
    tmp_path: Path, x: np.ndarray, shape: list[str | int], metric: str, before: str, answer: str
) -> None:
    file = onnx_net(tmp_path, helper.make_node("Identity", ["x"], ["y"]), shape=shape)
    session = runtime_for(file, "onnx-runtime-cpu").open(file, 1)
    said = f"{before}, inference, answers as float32, {answer}"
    assert steps_of(Examples(x, (), None, None, metric), session) == said
