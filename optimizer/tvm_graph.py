"""An ONNX file as TVM's intermediate representation, checked and simplified on the way. Runs in the worker only."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device.instructions import architecture, here, level
from device.runtimes import onnx_file
from device.runtimes.contract import NOT_TOLD, one_arithmetic
from device.runtimes.tvm_file import DTYPES, Tensor

_FLOAT_TYPES = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16"}  # onnx.TensorProto.DataType
_QUANTIZING = {"QuantizeLinear", "DequantizeLinear"}
_CPUS = {"aarch64": "cortex-a72"}  # of the Raspberry Pi 4; its code runs on every later 64-bit ARM core


class GraphError(ValueError):
    """A network that cannot be compiled; the message says why and what to try."""


@dataclass(frozen=True)
class Graph:
    """`module` is a relax module whose `main` takes the input and gives the output."""

    module: Any
    input: Tensor
    output: Tensor
    arithmetic: str


def target_words(triple: str | None) -> dict[str, Any]:
    """What TVM is told of the processor: of the machine at hand, or of a triple such as aarch64-linux-gnu.

    x86-64 by the highest level that this processor has all instructions of. Raises GraphError for a triple whose
    architecture a `.tvm` file cannot have.
    """
    if triple is None:
        cpu = level(here()) if architecture() == "x86_64" else "generic"
        return {"kind": "llvm", "mcpu": cpu}
    kind = triple.partition("-")[0]
    if kind == "aarch64":
        return {"kind": "llvm", "mtriple": triple, "mcpu": _CPUS[kind], "mattr": ["+neon"]}
    if kind == "x86_64":
        return {"kind": "llvm", "mtriple": triple, "mcpu": "x86-64-v3"}
    raise GraphError(f"code for {triple} is not made; take aarch64-linux-gnu or x86_64-linux-gnu")


def load(source: Path, folder: Path) -> Graph:
    """The network in `source`, for one example at a time where the batch is open; `folder` is for files on the way.

    Raises GraphError.
    """
    import onnx

    fault = onnx_file.fault(source)  # also refuses weights in other files
    if fault:
        raise GraphError(f"{source.name}: {fault}")
    model = onnx.load(str(source), load_external_data=False)
    kinds = _FLOAT_TYPES
    weights = {kinds[c.data_type] for c in model.graph.initializer if c.data_type in kinds}
    quantized = any(node.op_type in _QUANTIZING for node in model.graph.node)
    given, fixed, opened = _input(model, source.name)
    tries = [_simplified, _plain] if opened or not quantized else [_plain, _simplified]
    faults = []
    for prepared in tries:
        try:
            module, output = _read(prepared(model, given, fixed, folder), given, fixed)
            break
        except _faults() as error:
            faults.append(" ".join(str(error).split())[:300])
    else:
        raise GraphError(
            f"TVM cannot read {source.name}: {faults[-1]}. Quantized networks are read as QuantizeLinear and "
            "DequantizeLinear (QDQ) only; else run the file with ONNX Runtime"
        )
    dtype = _FLOAT_TYPES.get(given.type.tensor_type.elem_type, "")
    if dtype not in DTYPES or output.dtype not in DTYPES:
        raise GraphError(f"{source.name} takes or gives no floats; compiled are networks with floats at both ends")
    return Graph(module, Tensor(given.name, tuple(fixed), dtype), output, NOT_TOLD if quantized else _one(weights))


def channels_last(module: Any) -> Any:
    """Convolutions as NHWC, where the channels lie side by side: what vector instructions load at once.

    TVM's tuner finds far faster code so; a network whose layout cannot be changed stays as it was.
    """
    import tvm
    from tvm.relax import transform

    simplified = [transform.Normalize(), transform.DecomposeOpsForInference(), transform.CanonicalizeBindings()]
    layout = [transform.ConvertLayout({"relax.nn.conv2d": ["NHWC", "HWIO"]}), transform.Normalize()]
    tidy = [transform.FoldConstant(), transform.CanonicalizeBindings()]
    plain = tvm.transform.Sequential(simplified)(_with_clips(module))
    try:
        return tvm.transform.Sequential([*layout, *tidy])(plain)
    except RuntimeError:  # TVM's InternalError: an operator for whose layout it has no rule
        return plain


def _input(model: Any, name: str) -> tuple[Any, list[int], bool]:
    """The one input, its shape with a batch of 1 where it is open, and whether it was. Raises GraphError."""
    held = {c.name for c in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in held]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise GraphError(
            f"{name} has {len(inputs)} inputs and {len(model.graph.output)} outputs; compiled are networks with one "
            "of each"
        )
    sizes = [d.dim_value if d.dim_value > 0 else None for d in inputs[0].type.tensor_type.shape.dim]
    if not sizes or None in sizes[1:]:
        shown = " × ".join("any" if s is None else str(s) for s in sizes) or "any"
        raise GraphError(
            f"{name} takes inputs of shape {shown}; TVM needs fixed sizes (only the batch may be open): export it with "
            "the sizes that you use"
        )
    return inputs[0], [1 if s is None else s for s in sizes], sizes[0] is None


def _plain(model: Any, given: Any, fixed: list[int], folder: Path) -> Any:
    return model


def _simplified(model: Any, given: Any, fixed: list[int], folder: Path) -> Any:
    """By ONNX Runtime's basic rules: constants folded, batch normalization merged, open shapes worked out."""
    import onnx
    import onnxruntime
    from onnxruntime.tools.onnx_model_utils import fix_output_shapes, make_input_shape_fixed

    copy = type(model)()
    copy.CopyFrom(model)
    make_input_shape_fixed(copy.graph, given.name, fixed)
    fix_output_shapes(copy)
    before, after = folder / "fixed.onnx", folder / "simplified.onnx"
    onnx.save(copy, str(before))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = os.fspath(after)
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(before), options, providers=["CPUExecutionProvider"])
    return onnx.load(str(after))


def _read(model: Any, given: Any, fixed: list[int]) -> tuple[Any, Tensor]:
    from tvm.relax.frontend.onnx import from_onnx

    module = from_onnx(model, shape_dict={given.name: fixed}, keep_params_in_input=False)
    kind = module["main"].ret_ty
    shape = tuple(int(n) for n in kind.shape)
    return module, Tensor(model.graph.output[0].name or "output", shape, str(kind.dtype))


def _with_clips(module: Any) -> Any:
    """The module with its Clip operators (ReLU6) as relax's own.

    TVM's ONNX reader writes them as ready-made loops, through which no layout passes, and which keep each convolution
    between two transpositions.
    """
    import tvm
    from tvm.relax import expr_functor, op, transform

    call_tir = tvm.ir.Op.get("relax.call_tir")
    chosen = {"maximum": op.maximum, "minimum": op.minimum}

    @expr_functor.mutator
    class Clips(expr_functor.PyExprMutator):  # type: ignore[misc]
        def visit_call_(self, call: Any) -> Any:
            if call.op == call_tir and len(call.args[1].fields) == 2:
                name = call.args[0].name_hint.rstrip("0123456789")
                value, bound = call.args[1].fields
                if name in chosen and isinstance(bound, tvm.ir.expr.GenericConst) and bound.value.numpy().size == 1:
                    return chosen[name](self.visit_expr(value), bound)
            return super().visit_call_(call)

    folded = transform.FoldConstant()(module)
    clips = Clips(folded)
    clips.builder_.update_func(folded.get_global_var("main"), clips.visit_expr(folded["main"]))
    return transform.DeadCodeElimination()(clips.builder_.get())


def _one(weights: set[str]) -> str:
    return one_arithmetic(weights)


def _faults() -> tuple[type[Exception], ...]:
    """What the readers of ONNX raise; neither TVM nor ONNX Runtime documents it, and these were seen."""
    from onnx import checker, shape_inference
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented", "RuntimeException")
    plain = (RuntimeError, ValueError, TypeError, AttributeError, LookupError, AssertionError, NotImplementedError)
    return (*plain, checker.ValidationError, shape_inference.InferenceError, *(getattr(state, n) for n in names))
