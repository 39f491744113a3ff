"""Quantized kinds made from a float TFLite file itself, for a user's model of which nothing else is left.

TensorFlow's converter quantizes only what it converts itself; Google's AI Edge Quantizer
(https://github.com/google-ai-edge/ai-edge-quantizer) takes a finished file, and needs no TensorFlow.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from optimizer.formats.calibration import representatives
from optimizer.formats.contract import ConversionError

if TYPE_CHECKING:
    from optimizer.data import Data

LEAST_WEIGHTS = 1024
"""Of a layer whose weights are brought to 8 bits; TensorFlow's converter has the same bound."""
SIGNATURE = "serving_default"
_CASTS = ("QUANTIZE", "DEQUANTIZE")


def weights_in_8_bits(parent: Path, out: Path) -> None:
    """Dynamic range quantization, one scale for each channel, of layers of 1,024 weights or more.

    Depthwise convolutions compute in floats, with weights of 8 bits that are widened when the file is loaded: LiteRT
    has no fast integer kernel for them whose input is still in floats. Raises ConversionError.
    """
    from ai_edge_quantizer import qtyping, recipe_manager

    weights = qtyping.TensorQuantizationConfig(num_bits=8, granularity=qtyping.QuantGranularity.CHANNELWISE)
    integers, floats = (
        qtyping.OpQuantizationConfig(
            weight_tensor_config=weights, compute_precision=precision, explicit_dequantize=widened,
            min_weight_elements=LEAST_WEIGHTS,
        )
        for precision, widened in ((qtyping.ComputePrecision.INTEGER, False), (qtyping.ComputePrecision.FLOAT, True))
    )  # fmt: skip
    recipe = recipe_manager.RecipeManager()
    recipe.add_quantization_config(".*", qtyping.TFLOperationName.ALL_SUPPORTED, integers)
    recipe.add_quantization_config(".*", qtyping.TFLOperationName.DEPTHWISE_CONV_2D, floats)
    made = _quantized(_float_model(parent), recipe)
    if not _types(made) & {"INT8"}:
        raise ConversionError(f"{parent.name} has no layer of {LEAST_WEIGHTS:,} weights or more; fewer stay in floats")
    out.write_bytes(made)


def weights_in_16_bits(parent: Path, out: Path) -> None:
    """The weights of convolutions, dense layers and embeddings as 16-bit floats. Raises ConversionError."""
    from ai_edge_quantizer import algorithm_manager, qtyping, recipe_manager

    weights = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    recipe = recipe_manager.RecipeManager()
    recipe.add_quantization_config(
        ".*",
        qtyping.TFLOperationName.ALL_SUPPORTED,
        qtyping.OpQuantizationConfig(weight_tensor_config=weights, explicit_dequantize=True),
        algorithm_manager.AlgorithmName.FLOAT_CASTING,
    )
    made = _quantized(_float_model(parent), recipe)
    if "FLOAT16" not in _types(made):
        raise ConversionError(f"{parent.name} has no convolution, dense layer or embedding whose weights could shrink")
    out.write_bytes(made)


def all_in_8_bits(parent: Path, data: Data, out: Path) -> None:
    """Full integer quantization, input and output too; ranges are the least and largest values of the examples.

    Raises ConversionError, also where operators would stay in floats: the file would be no integer one.
    """
    from ai_edge_quantizer import calibrator, recipe, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    model, entry = _for_one_example(_float_model(parent))
    wanted = recipe_manager.RecipeManager()
    wanted.load_quantization_recipe(recipe.static_wi8_ai8())
    # A moving average, as the quantizer takes by itself, cuts off what only some examples reach.
    ranges = calibrator.Calibrator(model, num_threads=1, qsv_update_func=qsv_utils.min_max_update)
    ranges.calibrate({SIGNATURE: [{entry: example[None]} for example in representatives(data)]}, wanted)
    made = _quantized(model, wanted, ranges.get_model_qsvs())
    left = _operators_in_floats(made)
    if left:
        raise ConversionError(
            f"{', '.join(left)} of {parent.name} would stay in 32-bit floats, as the quantizer has no integer form of "
            "it; blq and f16 need none"
        )
    out.write_bytes(made)


def _quantized(model: bytes, recipe: Any, ranges: Any = None) -> bytes:
    from ai_edge_quantizer import quantizer

    work = quantizer.Quantizer(model, recipe.get_quantization_recipe())
    made = work.quantize(ranges, enable_progress_bar=False, enable_progress_report=False).quantized_model
    return bytes(made or b"")


def _float_model(parent: Path) -> bytes:
    """Raises ConversionError for a quantized one."""
    model = parent.read_bytes()
    found = _types(model) & {"INT8", "UINT8", "INT16", "INT4", "FLOAT16"}
    if found:
        raise ConversionError(
            f"{parent.name} is quantized already (it holds {', '.join(sorted(found))}); give the file in 32-bit floats"
        )
    read = _read(model)
    older = [code for code in read.operatorCodes if code.builtinCode < code.deprecatedBuiltinCode]
    for code in older:  # up to TensorFlow 2.3 the kind stood there alone, where the quantizer does not look
        code.builtinCode = code.deprecatedBuiltinCode
    return _written(read) if older else model


def _for_one_example(held: bytes) -> tuple[bytes, str]:
    """The model with the signature SIGNATURE, without which no ranges are taken, and what its input is called there.

    Where it asks for the shape of a tensor, the answer for a batch of 1 stands in it: the question alone would keep
    that tensor in floats.
    """
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    model = _read(held)
    graph = model.subgraphs[0]
    operators = []
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.SHAPE:
            asked, answer = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
            said = asked.shape if asked.shapeSignature is None else asked.shapeSignature
            if -1 not in said[1:]:
                buffer, number = schema.BufferT(), "<i4" if answer.type == schema.TensorType.INT32 else "<i8"
                buffer.data = np.frombuffer(np.asarray(asked.shape).astype(number).tobytes(), np.uint8)
                model.buffers.append(buffer)
                answer.buffer = len(model.buffers) - 1
                continue
        operators.append(operator)
    if len(operators) < len(graph.operators):
        graph.operators = operators
        for tensor in graph.tensors:
            tensor.shapeSignature = None

    def named(tensors: Any) -> list[Any]:
        listed = []
        for index in tensors:
            told = schema.TensorMapT()
            told.name, told.tensorIndex = graph.tensors[index].name, int(index)
            listed.append(told)
        return listed

    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE.encode(), 0
    signature.inputs, signature.outputs = named(graph.inputs), named(graph.outputs)
    model.signatureDefs = [signature]
    return _written(model), signature.inputs[0].name.decode()


def _read(model: bytes) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))


def _written(model: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _names(numbers: type) -> dict[int, str]:
    return {number: name for name, number in vars(numbers).items() if isinstance(number, int)}


def _types(model: bytes) -> set[str]:
    """The types of a model's tensors, such as FLOAT32."""
    from ai_edge_litert.schema_py_generated import TensorType

    names = _names(TensorType)
    return {names[tensor.type] for graph in _read(model).subgraphs for tensor in graph.tensors}


def _operators_in_floats(model: bytes) -> list[str]:
    """The kinds of operators that take or give 32-bit floats, those apart that go between floats and integers."""
    from ai_edge_litert.schema_py_generated import BuiltinOperator, TensorType

    names, read = _names(BuiltinOperator), _read(model)
    found = set()
    for graph in read.subgraphs:
        for operator in graph.operators:
            taken = [index for index in (*operator.inputs, *operator.outputs) if index >= 0]
            if any(graph.tensors[index].type == TensorType.FLOAT32 for index in taken):
                found.add(names[read.operatorCodes[operator.opcodeIndex].builtinCode])
    return sorted(found.difference(_CASTS))
