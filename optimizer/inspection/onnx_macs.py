"""Multiply-accumulates of ONNX operators, from the shapes that onnx.shape_inference finds; nothing is run.

Layouts and rules of the operators: https://onnx.ai/onnx/operators/ and, for com.microsoft, ONNX Runtime's
ContribOperators.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import onnx
import onnx.shape_inference

from optimizer.inspection.found import Declared
from optimizer.inspection.macs import Sizes, broadcast, convolution, product, transposed_convolution

_Rule = Callable[[Any, Mapping[str, Sizes]], int]
_KEPT = 1024  # elements: constants of shapes and axes, which shape inference needs; weights are larger or not needed
_STANDARD = ("", "ai.onnx")


def _conv(weights: int) -> _Rule:
    def rule(node: Any, sizes: Mapping[str, Sizes]) -> int:
        _, channels, *kernel = sizes[node.input[weights]]  # (out, in / groups, kernel …)
        return convolution(sizes[node.output[0]], kernel, channels)

    return rule


def _transposed(node: Any, sizes: Mapping[str, Sizes]) -> int:
    _, channels, *kernel = sizes[node.input[1]]  # (in, out / groups, kernel …)
    return transposed_convolution(sizes[node.input[0]], kernel, channels)


def _matmul(node: Any, sizes: Mapping[str, Sizes]) -> int:
    return product(sizes[node.output[0]], sizes[node.input[0]][-1])


def _quantized_matmul(node: Any, sizes: Mapping[str, Sizes]) -> int:
    left, right = sizes[node.input[0]], sizes[node.input[3]]
    rows = broadcast([left[:-2], right[:-2]])
    if rows is None:
        raise ValueError("these do not multiply")
    return prod(rows) * prod(left[-2:]) * right[-1]


def _gemm(node: Any, sizes: Mapping[str, Sizes]) -> int:
    rows, columns = sizes[node.input[0]]
    if _integer(node, "transA"):
        rows, columns = columns, rows
    return prod(sizes[node.output[0]]) * columns


def _quantized_gemm(node: Any, sizes: Mapping[str, Sizes]) -> int:
    right = sizes[node.input[3]]  # after a, its scale and zero point; A is (rows, inner) or the other way round
    units = right[0] if _integer(node, "transB") else right[1]
    return prod(sizes[node.input[0]]) * units


def _recurrent(node: Any, sizes: Mapping[str, Sizes]) -> int:
    steps_and_batch = sizes[node.input[0]][:2]
    return prod(steps_and_batch) * (prod(sizes[node.input[1]]) + prod(sizes[node.input[2]]))


_RULES: dict[tuple[str, str], _Rule] = {
    ("", "Conv"): _conv(1),
    ("", "ConvInteger"): _conv(1),
    ("", "QLinearConv"): _conv(3),
    ("", "ConvTranspose"): _transposed,
    ("", "MatMul"): _matmul,
    ("", "MatMulInteger"): _matmul,
    ("", "QLinearMatMul"): _quantized_matmul,
    ("", "Gemm"): _gemm,
    ("", "LSTM"): _recurrent,
    ("", "GRU"): _recurrent,
    ("", "RNN"): _recurrent,
    ("com.microsoft", "QGemm"): _quantized_gemm,
}
# Operators of ONNX without products that are added up, or with work element by element only. Whatever is on neither
# list (loops, own operators, Attention, Einsum, DeformConv, the Fourier transforms …) leaves the count open.
_WORDS = """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BitShift BitwiseAnd
    BitwiseNot BitwiseOr BitwiseXor Cast CastLike Ceil Celu CenterCropPad Clip Compress Concat Constant ConstantOfShape
    Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand EyeLike
    Flatten Floor Gather GatherElements GatherND Gelu GlobalAveragePool GlobalLpPool GlobalMaxPool Greater
    GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN LRN
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool Max MaxPool MaxRoiPool MaxUnpool
    Mean MeanVarianceNormalization Min Mish Mod Mul Neg NonMaxSuppression NonZero Not OneHot Or PRelu Pad Pow
    QuantizeLinear RMSNormalization Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
    ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence Round ScatterElements ScatterND
    Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum
    Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor
"""
_FREE = frozenset(_WORDS.split())
_FREE_OF_MICROSOFT = frozenset(
    {"QLinearAdd", "QLinearMul", "QLinearGlobalAveragePool", "QLinearSigmoid", "QLinearConcat"}
)


def total(model: Any, declared: Declared, bits: Mapping[int, int]) -> int | None:
    """Of one inference at batch 1; `None` when the shapes do not follow from the file, or an operator is not known.

    `bits` gives those of one element for each TensorProto.DataType. Raises RefusedFile when a tensor would be larger
    than a file may declare.
    """
    wanted = [node for node in model.graph.node if not _is_free(node)]
    if any((_domain(node), node.op_type) not in _RULES for node in wanted):
        return None
    light = _without_weights(model)
    if not _at_batch_one(light, {tensor.name for tensor in model.graph.initializer}):
        return None
    try:
        light = onnx.shape_inference.infer_shapes(light, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError):
        return None
    sizes = _sizes(light, declared, bits)
    try:
        return sum(_RULES[_domain(node), node.op_type](node, sizes) for node in wanted)
    except (KeyError, ValueError, IndexError):  # a shape that stays open, or weights of another rank
        return None


def _is_free(node: Any) -> bool:
    domain = _domain(node)
    return (domain == "" and node.op_type in _FREE) or (
        domain == "com.microsoft" and node.op_type in _FREE_OF_MICROSOFT
    )


def _domain(node: Any) -> str:
    return "" if node.domain in _STANDARD else str(node.domain)


def _without_weights(model: Any) -> Any:
    """A copy in which large constants are inputs of the same type and shape, so that inference copies no weights."""
    light = onnx.ModelProto(ir_version=max(model.ir_version, 4), opset_import=model.opset_import)
    graph = light.graph
    graph.name = model.graph.name
    for group in ("input", "output", "value_info"):
        getattr(graph, group).extend(getattr(model.graph, group))
    large = {tensor.name: tensor for tensor in model.graph.initializer if prod(tensor.dims) > _KEPT}
    graph.initializer.extend(tensor for tensor in model.graph.initializer if tensor.name not in large)
    for node in model.graph.node:
        value = next((a.t for a in node.attribute if a.name == "value"), None) if node.op_type == "Constant" else None
        if value is not None and node.output and prod(value.dims) > _KEPT:
            large[node.output[0]] = value
        else:
            graph.node.append(node)
    given = {value.name for value in graph.input}
    for name, tensor in large.items():
        if name not in given:  # older files list their weights among the inputs, too
            graph.input.append(onnx.helper.make_tensor_value_info(name, tensor.data_type, list(tensor.dims)))
    return light


def _at_batch_one(model: Any, constants: set[str]) -> bool:
    """Sets the batch to 1 where it is open; whether every size of the inputs is known then, of one example."""
    batch = ""
    given = [v for v in model.graph.input if v.name not in constants and v.type.WhichOneof("value") == "tensor_type"]
    for value in given:
        for i, size in enumerate(value.type.tensor_type.shape.dim):
            if size.WhichOneof("value") == "dim_value" and size.dim_value > 0:
                continue
            if i > 0 and (not size.dim_param or size.dim_param != batch):
                return False
            batch = batch or size.dim_param
            size.dim_value = 1
    first = given[0].type.tensor_type.shape.dim if given else []
    if len(first) > 1 and first[0].dim_value != 1:
        return False
    for value in (*model.graph.value_info, *model.graph.output):  # what exporters noted for the open batch
        for size in value.type.tensor_type.shape.dim:
            if size.WhichOneof("value") != "dim_value" or size.dim_value < 0:
                size.Clear()
    return True


def _sizes(model: Any, declared: Declared, bits: Mapping[int, int]) -> dict[str, Sizes]:
    """The shape of every tensor of which all sizes are known."""
    found: dict[str, Sizes] = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and node.output and attribute.name == "value":
                found[node.output[0]] = tuple(attribute.t.dims)
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape") and all(d.WhichOneof("value") == "dim_value" for d in tensor.shape.dim):
            sizes = tuple(d.dim_value for d in tensor.shape.dim)
            declared.add(f"{value.name!r:.60}", sizes, bits.get(tensor.elem_type, 8))
            found[value.name] = sizes
    return found


def _integer(node: Any, name: str) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == name), 0)
