"""ONNX files of a few operators, made without any training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def onnx_net(
    folder: Path, *nodes: onnx.NodeProto, shape: Sequence[str | int] = ("n", 4), **constants: np.ndarray[Any, Any]
) -> Path:
    """A file net.onnx whose input is x, (n, 4) unless said otherwise, and whose output is y."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    values = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = helper.make_model(
        helper.make_graph(nodes, "net", [x], [y], values), opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    )
    (folder / "net.onnx").write_bytes(made.SerializeToString())
    return folder / "net.onnx"


def product_net(folder: Path) -> Path:
    """A file product.onnx that multiplies x (n, 4) with [2I; 1 1 1]: y (n, 3), largest where x[:3] is."""
    weights = np.array([[2, 0, 0], [0, 2, 0], [0, 0, 2], [1, 1, 1]], np.float32)
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", s]) for n, s in (("x", 4), ("y", 3)))
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "product", [x], [y], [numpy_helper.from_array(weights, "w")]
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    (folder / "product.onnx").write_bytes(made.SerializeToString())
    return folder / "product.onnx"
