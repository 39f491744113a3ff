"""What one core of this machine can do at most: multiply-accumulates a second, in 32-bit floats and in 8-bit integers.

    python -m bench.roofline     prints the rates as JSON

No data sheet is trusted: the peak is the highest rate that any library here reaches on the product of two large
matrices, which is bound by arithmetic alone (Williams, Waterman & Patterson 2009, "Roofline", the flat part).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SIDE = 1024  # three matrices of 4 MiB: the panels that a kernel works on stay in the cache
ROUNDS, SECONDS = 4, 0.4  # of each library; the fastest call counts, because a disturbance only makes it slower
CHECKOUT = Path(__file__).resolve().parent.parent
Product = Callable[[], Any]


@dataclass(frozen=True)
class Peaks:
    """Of one core, in 10⁹ multiply-accumulates a second, and which library reached it."""

    float32: float
    float32_by: str
    int8: float
    int8_by: str

    def share(self, macs: int, seconds: float, bits: int) -> float:
        """Which part of the peak a network of `macs` reaches that answers in `seconds`, as a number in 0..1."""
        return macs / seconds / 1e9 / (self.int8 if bits == 8 else self.float32)


def peaks() -> Peaks:
    """Measured in a process of its own, with one thread for each library. Raises RuntimeError when that fails."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.roofline"], cwd=CHECKOUT, capture_output=True, text=True, timeout=300,
        check=False, env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the machine's peak could not be measured: {done.stderr.strip()[-500:]}")
    return read(json.loads(done.stdout.strip().splitlines()[-1]))


def read(rates: dict[str, dict[str, float]]) -> Peaks:
    """The highest of each kind, from {"float32" or "int8": {library: 10⁹ multiply-accumulates a second}}."""
    best = {kind: max(of.items(), key=lambda item: item[1]) for kind, of in rates.items()}
    (by32, rate32), (by8, rate8) = best["float32"], best["int8"]
    return Peaks(rate32, by32, rate8, by8)


def rates() -> dict[str, dict[str, float]]:
    """What each library reaches, in rounds, so that a disturbance does not meet one of them alone."""
    rng = np.random.default_rng(0)
    a, b = (rng.random((SIDE, SIDE), dtype=np.float32) for _ in range(2))
    small = rng.integers(0, 127, (SIDE, SIDE)).astype(np.uint8)
    signed = rng.integers(-127, 127, (SIDE, SIDE)).astype(np.int8)
    products: dict[str, dict[str, Product]] = {
        "float32": {"OpenBLAS": lambda: np.matmul(a, b), **_floats_elsewhere(a, b)},
        "int8": {"ONNX Runtime": _onnx("MatMulInteger", small, signed)},
    }
    found = {kind: dict.fromkeys(of, 0.0) for kind, of in products.items()}
    for _ in range(ROUNDS):
        for kind, of in products.items():
            for library, product in of.items():
                found[kind][library] = max(found[kind][library], _rate(product))
    return found


def _floats_elsewhere(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> dict[str, Product]:
    return {"ONNX Runtime": _onnx("MatMul", a, b), "oneDNN in TensorFlow": _tensorflow(a, b)}


def _rate(product: Product) -> float:
    """By processor time, which other processes do not take part of as they do of time on the wall."""
    product()
    fastest, until = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < until:
        begin = time.process_time()
        product()
        fastest = min(fastest, time.process_time() - begin)
    return SIDE**3 / fastest / 1e9


def _onnx(operator: str, a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> Product:
    """a·b by ONNX Runtime, with `b` as a constant, as a network's weights are."""
    import onnxruntime
    from onnx import helper, numpy_helper

    given = helper.np_dtype_to_tensor_dtype(a.dtype)
    result = helper.np_dtype_to_tensor_dtype(np.dtype(np.int32 if operator == "MatMulInteger" else np.float32))
    graph = helper.make_graph(
        [helper.make_node(operator, ["a", "b"], ["y"])],
        "product",
        [helper.make_tensor_value_info("a", given, a.shape)],
        [helper.make_tensor_value_info("y", result, a.shape)],
        [numpy_helper.from_array(b, "b")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"a": a})


def _tensorflow(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> Product:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    left, right = tf.constant(a), tf.constant(b)
    product = tf.function(lambda: tf.matmul(left, right))
    return lambda: product().numpy()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(rates()) + "\n")
