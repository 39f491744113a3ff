"""Multiply-accumulates of TFLite operators, from the shapes that the file gives for every tensor.

The layouts of the weights are those of the operators' reference kernels (tensorflow/lite/kernels, LiteRT 2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod

from optimizer.inspection.macs import Sizes, convolution, product, transposed_convolution

_Rule = Callable[[Sequence[Sizes], Sequence[Sizes]], int]


def _conv(given: Sequence[Sizes], made: Sequence[Sizes]) -> int:
    _, *kernel, channels = given[1]  # (out, height, width, in / groups)
    return convolution(made[0], kernel, channels)


def _depthwise(given: Sequence[Sizes], made: Sequence[Sizes]) -> int:
    _, *kernel, _ = given[1]  # (1, height, width, out)
    return convolution(made[0], kernel, 1)


def _conv_3d(given: Sequence[Sizes], made: Sequence[Sizes]) -> int:
    *kernel, channels, _ = given[1]  # (depth, height, width, in, out)
    return convolution(made[0], kernel, channels)


def _transposed(given: Sequence[Sizes], made: Sequence[Sizes]) -> int:
    channels, *kernel, _ = given[1]  # (out, height, width, in); before it the shape of the output
    return transposed_convolution(given[2], kernel, channels)


def _dense(given: Sequence[Sizes], made: Sequence[Sizes]) -> int:
    _, inner = given[1]  # (units, in)
    return product(made[0], inner)


def _batched(given: Sequence[Sizes], made: Sequence[Sizes]) -> int:
    # The last two sizes are rows and inner, in this order or the other (adj_x).
    rows = made[0][-2]
    return product(made[0], prod(given[0][-2:]) // rows)


def _lstm(given: Sequence[Sizes], made: Sequence[Sizes]) -> int:
    steps = prod(made[0][:-1])
    matrices = [*given[1:9], *given[16:17]]  # of input and state, and the projection; the peepholes are no matrices
    return steps * sum(prod(sizes) for sizes in matrices if len(sizes) == 2)


def _rnn(given: Sequence[Sizes], made: Sequence[Sizes]) -> int:
    return prod(made[0][:-1]) * (prod(given[1]) + prod(given[2]))


_RULES: dict[str, _Rule] = {
    "CONV_2D": _conv,
    "CONV_3D": _conv_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed,
    "FULLY_CONNECTED": _dense,
    "BATCH_MATMUL": _batched,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
    "UNIDIRECTIONAL_SEQUENCE_RNN": _rnn,
}
# Operators without products that are added up, or with work element by element only. What is on neither list (loops,
# custom operators, StableHLO's products, SVDF …) leaves the count open.
_WORDS = """
    ABS ADD ADD_N ARG_MAX ARG_MIN ATAN2 AVERAGE_POOL_2D BATCH_TO_SPACE_ND BITCAST BITWISE_XOR BROADCAST_ARGS
    BROADCAST_TO CAST CEIL CONCATENATION COS CUMSUM DENSIFY DEPTH_TO_SPACE DEQUANTIZE DIV ELU EMBEDDING_LOOKUP EQUAL EXP
    EXPAND_DIMS FAKE_QUANT FILL FLOOR FLOOR_DIV FLOOR_MOD GATHER GATHER_ND GELU GREATER GREATER_EQUAL HARD_SWISH
    L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOCAL_RESPONSE_NORMALIZATION LOG LOGICAL_AND LOGICAL_NOT
    LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL ONE_HOT PACK PAD PADV
    POW PRELU QUANTIZE RANGE RANK REDUCE_ALL REDUCE_ANY REDUCE_MAX REDUCE_MIN REDUCE_PROD RELU RELU6 RELU_0_TO_1
    RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_SEQUENCE REVERSE_V2 RIGHT_SHIFT ROUND RSQRT
    SCATTER_ND SELECT SELECT_V2 SHAPE SIGN SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPARSE_TO_DENSE SPLIT
    SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TILE TOPK_V2 TRANSPOSE UNPACK WHERE
    ZEROS_LIKE
"""
_FREE = frozenset(_WORDS.split())


def total(operators: Iterable[tuple[str, Sequence[Sizes], Sequence[Sizes]]]) -> int | None:
    """Of operators, each with its name and the sizes of what goes in (empty: left out) and comes out."""
    found = 0
    for name, given, made in operators:
        rule = _RULES.get(name)
        if rule is None:
            if name not in _FREE:
                return None
            continue
        try:
            found += rule(given, made)
        except (ValueError, IndexError, ZeroDivisionError):  # weights of another rank than the operator takes
            return None
    return found
