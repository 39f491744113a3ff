"""Small classifiers as others would bring them: an ONNX file as PyTorch exports it, a SavedModel, a Keras file.

`python -m tests.optimizer.foreign_models FOLDER` writes those that need TensorFlow.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

SIDE, CLASSES = 8, 10
SAVED_MODEL, KERAS, TFLITE = "saved", "plain.keras", "plain.tflite"


def weights(*shape: int, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Numbers around 0, the same in every run."""
    return (np.random.default_rng((seed, *shape)).standard_normal(shape) * 0.3).astype(np.float32)


def pytorch_manner(file: Path) -> None:
    """Convolution, ReLU, pooling, dense: channels first, an open batch, and names as `torch.onnx.export` gives them.

    It ends in logits, as a network does that was trained with PyTorch's cross entropy.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    held = {
        "features.0.weight": weights(4, 1, 3, 3) / 16,
        "features.0.bias": weights(4),
        "classifier.weight": weights(CLASSES, 4 * 4 * 4),
        "classifier.bias": weights(CLASSES),
        "val_0": np.array([-1, 64], np.int64),
    }
    nodes = [
        helper.make_node(
            "Conv", ["x", "features.0.weight", "features.0.bias"], ["conv2d"], name="node_conv2d", pads=[1] * 4
        ),
        helper.make_node("Relu", ["conv2d"], ["relu"], name="node_relu"),
        helper.make_node("MaxPool", ["relu"], ["pool"], name="node_max_pool2d", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["pool", "val_0"], ["view"], name="node_view"),
        helper.make_node(
            "Gemm", ["view", "classifier.weight", "classifier.bias"], ["linear"], name="node_linear", transB=1
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "main_graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("linear", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in held.items()],
    )
    onnx.save(
        helper.make_model(graph, producer_name="pytorch", opset_imports=[helper.make_opsetid("", 18)], ir_version=10),
        str(file),
    )


def with_tensorflow(folder: Path) -> None:
    """A network as SavedModel, TFLite, and as a Keras file with an operation that H5 cannot hold (a division)."""
    import keras
    import tensorflow as tf

    inputs = keras.Input((SIDE, SIDE, 1))
    hidden = keras.layers.Conv2D(4, 3, activation="relu")(inputs / 16.0)
    model = keras.Model(inputs, keras.layers.Dense(CLASSES, activation="softmax")(keras.layers.Flatten()(hidden)))
    model.set_weights([weights(*w.shape) for w in model.get_weights()])
    model.save(folder / KERAS)
    model.export(folder / SAVED_MODEL, verbose=False)
    (folder / TFLITE).write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())


if __name__ == "__main__":
    with_tensorflow(Path(sys.argv[1]))
