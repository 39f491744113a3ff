"""A network small enough to compute by hand, 4 → 5 (ReLU) → 3 (softmax), and its files in every format.

`python -m tests.device.nets FOLDER` writes the files, and what each runtime answers for each of them; all in one
process, because TensorFlow takes seconds to start.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.runtimes import RUNTIMES, runtime_for
from device.runtimes.contract import MeasureError
from device.runtimes.graph_operators import COMPUTING
from device.runtimes.tvm_file import COMPILERS
from optimizer.tvm_compiler import compile_onnx

W1 = np.array([[1, -1, 0, 2, 0], [0, 1, -2, 0, 1], [-1, 0, 1, 1, 0], [2, 0, 0, -1, 1]], np.float32) / 2
B1 = np.array([0, 0.5, 0, -0.5, 0], np.float32)
W2 = np.array([[1, 0, -1], [0, 2, 0], [-1, 0, 1], [1, -1, 0], [0, 1, 1]], np.float32)
B2 = np.array([0.1, 0, -0.1], np.float32)

COMPILED = ("one.tvm",) if any(map(shutil.which, COMPILERS)) else ()  # TVM needs a C compiler
FILES = (
    "float.tflite", "int8.tflite", "float.onnx", "int8.onnx", "one.onnx", "net.h5", "net.keras", "net.pb", *COMPILED
)  # fmt: skip
# Each file with each runtime that takes it.
RUNS = tuple((file, spec.name) for file in FILES for spec in RUNTIMES if Path(file).suffix in spec.formats)


def inputs(samples: int) -> NDArray[np.float32]:
    """(samples, 4) numbers in −1..1, the same in every run."""
    return np.random.default_rng(7).uniform(-1, 1, (samples, 4)).astype(np.float32)


def by_hand(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scores (n, 3) for inputs (n, 4)."""
    z = np.maximum(x @ W1 + B1, 0) @ W2 + B2
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True)
class Answers:
    """What a runtime says of one file, and gives for inputs(1), inputs(3), inputs(64) where it takes so many."""

    runtime: str
    input_shape: list[int | None]
    input_dtype: str
    version: str
    arithmetic: str
    scores: dict[str, list[list[float]]]
    wrong_shape: str  # its message for inputs of shape 5
    two_threads: str  # what it says when opened with two threads in the same process


def ask(path: Path, runtime: str) -> Answers:
    """Opens a file with a runtime on one thread and asks for everything."""
    spec = runtime_for(path, runtime)
    session = spec.open(path, 1)
    sizes = (1, 3, 64) if session.input_shape[0] is None else (1,)
    scores = {str(n): session.run(inputs(n)).tolist() for n in (*sizes, 1)}  # 1 once more: the size may go back
    try:
        session.run(np.zeros((1, 5), np.float32))
        refused = "nothing was said"
    except MeasureError as error:
        refused = str(error)
    try:
        two = spec.open(path, 2)
        two_threads = "" if np.allclose(two.run(inputs(1)), scores["1"], atol=1e-6) else "it gave other scores"
    except MeasureError as error:
        two_threads = str(error)
    return Answers(
        runtime=spec.name,
        input_shape=list(session.input_shape),
        input_dtype=session.input_dtype,
        version=session.version,
        arithmetic=session.arithmetic,
        scores=scores,
        wrong_shape=refused,
        two_threads=two_threads,
    )


def make(folder: Path) -> None:
    """Writes the files FILES, two that must not be loaded, lambda.h5 and lambda.keras, and operators.json.

    That holds the operators a frozen graph may have: whether TensorFlow says that they keep a state.
    """
    keras, tf, tf2onnx = (import_module(name) for name in ("keras", "tensorflow", "tf2onnx"))
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(5, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    )
    model.set_weights([W1, B1, W2, B2])
    model.save(folder / "net.h5", include_optimizer=False)
    model.save(folder / "net.keras")
    (folder / "float.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    (folder / "int8.tflite").write_bytes(full_integer(tf, model))
    (folder / "net.pb").write_bytes(frozen(tf, model))
    for rows, name in ((None, "float.onnx"), (1, "one.onnx")):
        function = tf.function(lambda x: model(x, training=False))
        signature = [tf.TensorSpec((rows, 4), tf.float32, name="x")]
        tf2onnx.convert.from_function(function, input_signature=signature, opset=18, output_path=folder / name)
    tf2onnx.convert.from_tflite(str(folder / "int8.tflite"), opset=18, output_path=str(folder / "int8.onnx"))
    for name in COMPILED:
        compile_onnx((folder / name).with_suffix(".onnx"), folder / name)
    registry = import_module("tensorflow.python.framework.op_def_registry")
    found = {name: registry.get(name) for name in sorted(COMPUTING)}
    told = {name: op.is_stateful for name, op in found.items() if op is not None}
    (folder / "operators.json").write_text(json.dumps(told))
    lambdas = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2)])
    for name in ("lambda.h5", "lambda.keras"):
        lambdas.save(folder / name)


def full_integer(tf: Any, model: Any) -> bytes:
    """The model with int8 weights, activations, input and output."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([row[None]] for row in inputs(200))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def frozen(tf: Any, model: Any) -> bytes:
    """The model as a graph of TensorFlow with its weights as constants."""
    convert = import_module("tensorflow.python.framework.convert_to_constants").convert_variables_to_constants_v2
    function = tf.function(lambda x: model(x, training=False))
    graph = convert(function.get_concrete_function(tf.TensorSpec((None, 4), tf.float32, name="x"))).graph
    return bytes(graph.as_graph_def().SerializeToString())


if __name__ == "__main__":
    here = Path(sys.argv[1])
    make(here)
    for file, runtime in RUNS:
        (here / f"{file}.{runtime}.json").write_text(json.dumps(asdict(ask(here / file, runtime))))
