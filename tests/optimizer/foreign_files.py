"""Real model files of every format that is read, and two with a Lambda layer; all made in one process.

`python -m tests.optimizer.foreign_files FOLDER` writes them; `folder()` does so once for all tests. The small network:
3 × 3 convolution 1 → 4 (36 + 4 parameters), pooling, dropout, flatten, dense 36 → 10 (360 + 10): 410 parameters.
"""

from __future__ import annotations

import atexit
import inspect
import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
CANARY = "canary"  # a file that the Lambda layers make when they run


@cache
def folder() -> Path:
    """The folder with all files, made on first use and removed at the end."""
    made = Path(tempfile.mkdtemp(prefix="foreign-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.optimizer.foreign_files", str(made)],
        cwd=ROOT, env=os.environ | quiet, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return made


def make(to: Path) -> None:
    import keras
    import numpy as np
    import tensorflow as tf
    import tf2onnx
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    layers = keras.layers
    keras.utils.set_random_seed(1)
    conv = layers.Conv2D(4, 3, activation="relu")
    small = keras.Sequential(
        [
            keras.Input((8, 8, 1)), conv, layers.MaxPooling2D(), layers.Dropout(0.2), layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )  # fmt: skip
    small.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    small.fit(np.zeros((8, 8, 8, 1)), np.arange(8), verbose=0)
    small.save(to / "small.h5", include_optimizer=False)
    small.save(to / "trained.h5")
    small.save(to / "small.keras")

    given = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(given)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.Add()([x, layers.DepthwiseConv2D(3, padding="same")(x)])
    branched = keras.Model(given, layers.Dense(3, name="class")(layers.GlobalAveragePooling2D()(x)))
    branched.save(to / "branched.h5")
    branched.save(to / "branched.keras")
    branched.export(to / "branched-saved", format="tf_saved_model", verbose=False)

    def convert(model: Any, name: str, **settings: Any) -> None:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        for setting, value in settings.items():
            setattr(converter, setting, value)
        if name.startswith("f16"):
            converter.target_spec.supported_types = [tf.float16]
        if name.startswith("int8"):
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        (to / name).write_bytes(converter.convert())

    smaller = [tf.lite.Optimize.DEFAULT]
    pictures = [[np.random.default_rng(i).random((1, 8, 8, 1), np.float32)] for i in range(4)]
    convert(small, "small.tflite")
    convert(small, "f16.tflite", optimizations=smaller)
    convert(small, "int8.tflite", optimizations=smaller, representative_dataset=lambda: pictures)
    # 64 × 64: the converter leaves tensors of less than 1,024 elements as they are.
    wide = keras.Sequential([keras.Input((64,)), layers.Dense(64)])
    convert(wide, "blq.tflite", optimizations=smaller)
    loop = keras.Sequential([keras.Input((5, 4), batch_size=1), layers.LSTM(6), layers.Dense(2)])
    convert(loop, "loop.tflite")
    for name in ("small", "int8"):
        tf2onnx.convert.from_tflite(str(to / f"{name}.tflite"), opset=18, output_path=str(to / f"{name}.onnx"))

    for rows, name in ((1, "small.pb"), (None, "any-batch.pb")):
        called = tf.function(lambda x: small(x, training=False))
        frozen = convert_variables_to_constants_v2(
            called.get_concrete_function(tf.TensorSpec([rows, 8, 8, 1], tf.float32, name="x")),
            lower_control_flow=False,
        )
        tf.io.write_graph(frozen.graph.as_graph_def(), str(to), name, as_text=False)
    small.export(to / "small-saved", format="tf_saved_model", verbose=False)

    touch = eval(f"lambda x: (open({str(to / CANARY)!r}, 'w').close(), x)[1]")  # noqa: S307
    hidden = keras.Sequential([keras.Input((4,)), layers.Lambda(touch, output_shape=(4,)), layers.Dense(2)])
    for name in ("lambda.h5", "lambda.keras"):
        hidden.save(to / name)
        (to / CANARY).unlink(missing_ok=True)
        keras.saving.load_model(to / name, compile=False, safe_mode=False)(np.zeros((1, 4)))
        (to / CANARY).unlink()  # it was there: loading and running the file does run its code
    classes = {name for name, found in vars(layers).items() if inspect.isclass(found)}
    (to / "layers.json").write_text(json.dumps(sorted(classes)))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
