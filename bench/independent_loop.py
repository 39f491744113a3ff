"""Times one model file by a loop that shares no code with DLOM: what our own measuring is compared with.

    python bench/independent_loop.py FILE SECONDS     prints {"p50_ms": …, "calls": …}

It is written as a user would write it: load, warm up, then hand over, run and read, with the clock around each call.
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np


def litert(file: str) -> Callable[[], object]:
    """One inference of a .tflite file, on one thread."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=file, num_threads=1)
    interpreter.allocate_tensors()
    given, asked = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
    x = (np.random.default_rng(1).random(given["shape"]) * 100).astype(given["dtype"])

    def once() -> object:
        interpreter.set_tensor(given["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(asked)

    return once


def onnx_runtime(file: str) -> Callable[[], object]:
    """One inference of an .onnx file with float input, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    shape = [size if isinstance(size, int) else 1 for size in entry.shape]
    x = (np.random.default_rng(1).random(shape) * 100).astype(np.float32)
    return lambda: session.run(None, {entry.name: x})


def timed(once: Callable[[], object], seconds: float) -> list[int]:
    """Nanoseconds of each call, for so many seconds."""
    durations = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter_ns()
        once()
        durations.append(time.perf_counter_ns() - begin)
    return durations


if __name__ == "__main__":
    path, length = sys.argv[1], float(sys.argv[2])
    run = litert(path) if path.endswith(".tflite") else onnx_runtime(path)
    timed(run, length / 2)
    taken = timed(run, length)
    print(json.dumps({"p50_ms": float(np.median(taken)) / 1e6, "calls": len(taken)}))
