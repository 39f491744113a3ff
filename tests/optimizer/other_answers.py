"""Networks whose answers are no classes, each of one product of matrices, with data that show how wrong they are.

`python -m tests.optimizer.other_answers FOLDER` trains one with Keras, for a second.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FEATURES, EXAMPLES, OFF, LEVEL = 6, 200, 0.5, 100.0
WEIGHTS = np.array([[2.0], [-1.0], [0.5], [3.0], [-2.0], [1.0]], np.float32)
LABELS = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]], np.float32)


def inputs() -> NDArray[np.float32]:
    """(200, 6) whole numbers from -8 to 8, so that a product with whole weights is exact in every precision."""
    return np.random.default_rng(3).integers(-8, 9, (EXAMPLES, FEATURES)).astype(np.float32)


def product(file: Path, weights: NDArray[np.float32], level: float = 0.0) -> Path:
    """An ONNX file that multiplies x (n, 6) with the weights, and adds the level."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
        for name, size in (("x", FEATURES), ("y", weights.shape[1]))
    )
    held = {"w": weights, "b": np.full(weights.shape[1], level, np.float32)}
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"])]
    graph = helper.make_graph(nodes, "product", [x], [y], [numpy_helper.from_array(v, n) for n, v in held.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), str(file))
    return file


def numbers(folder: Path) -> tuple[Path, Path]:
    """A regression that is half a unit off for every example, now above and now below, with its data: RMSE 0.5."""
    x = inputs()
    y = (x @ WEIGHTS)[:, 0] + LEVEL + OFF * (-1.0) ** np.arange(EXAMPLES)
    np.savez(folder / "numbers.npz", x=x, y=y)
    return product(folder / "numbers.onnx", WEIGHTS, LEVEL), folder / "numbers.npz"


def labels(folder: Path) -> tuple[Path, Path]:
    """Three labels, each present where its own input is above 0, and scored by that input: a mAP of 100 %."""
    x = inputs()
    np.savez(folder / "labels.npz", x=x, y=(x[:, :3] > 0).astype(int))
    return product(folder / "labels.onnx", LABELS), folder / "labels.npz"


def trained(folder: Path) -> None:
    """The same as Keras learns it."""
    import keras

    model = keras.Sequential([keras.Input((FEATURES,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.02), "mse")
    with np.load(folder / "numbers.npz") as data:
        model.fit(data["x"], data["y"], epochs=60, verbose=0)
    model.save(folder / "trained.keras")


if __name__ == "__main__":
    trained(Path(sys.argv[1]))
