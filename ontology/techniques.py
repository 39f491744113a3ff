"""What is known of each optimization technique: its effects (Table 1 of the DLOM² paper) and risks (its Figure 2).

`dlom.ttl` says the same for queries; `tests/ontology/test_ontology.py` holds the two and the paper's table together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ontology.records import Objective


@dataclass(frozen=True)
class Issue:
    """What may go wrong (a red circle of the DLOM² paper's Figure 2, told in section 2.5)."""

    name: str
    label: str
    comment: str


@dataclass(frozen=True)
class Technique:
    """A way to make a network, or what runs it, fit a device.

    `effects` has +1, -1 or 0 (no effect) for each objective and is empty where Table 1 has no row. The table's
    columns for latency, cost and complexity are titled "reduction", so +1 is always to the good: more performance,
    reliability and privacy, *less* latency, cost and complexity. Its privacy is the objective called security.
    A narrower technique has the effects and risks of its broader one.
    """

    name: str
    label: str
    definition: str
    effects: Mapping[Objective, int]
    risks: tuple[Issue, ...]
    broader: str | None = None
    alt_labels: tuple[str, ...] = ()


TRAINING_IMBALANCE = Issue(
    "training-imbalance",
    "Training imbalance",
    "Fine-tuning needs a discriminative objective function; without one the training gets out of balance.",
)
LOWER_THROUGHPUT = Issue(
    "lower-throughput",
    "Lower throughput",
    "When too much of the network is removed, it may process fewer inputs a second.",
)
LONGER_RESPONSE_TIME = Issue(
    "longer-response-time",
    "Longer response time",
    "When too much of the network is removed, the answer may take longer.",
)
PERFORMANCE_OVERHEAD = Issue(
    "performance-overhead",
    "Performance overhead",
    "A shielded network on a cloud server is safer, and each inference costs more computation.",
)
MEMORY_ALLOCATION = Issue(
    "memory-allocation",
    "Memory allocation",
    "A good device alone is not enough: a network that was not optimized for it may not fit its memory.",
)
INFERENCE_LATENCY = Issue(
    "inference-latency",
    "Inference latency",
    "A good device alone is not enough: a network that was not optimized may be slow and lower the throughput.",
)
TRAFFIC_OVERHEAD = Issue(
    "traffic-overhead",
    "Traffic overhead",
    "A good device alone is not enough: what was not optimized on the server side may load the connection.",
)
BOTTLENECKS = Issue(
    "bottlenecks",
    "Bottlenecks",
    "Where nothing is optimized, bottlenecks, latency and a loss of performance are to be expected.",
)

ISSUES: tuple[Issue, ...] = (
    TRAINING_IMBALANCE,
    LOWER_THROUGHPUT,
    LONGER_RESPONSE_TIME,
    PERFORMANCE_OVERHEAD,
    MEMORY_ALLOCATION,
    INFERENCE_LATENCY,
    TRAFFIC_OVERHEAD,
    BOTTLENECKS,
)

_COLUMNS = (
    Objective.PERFORMANCE,
    Objective.LATENCY,
    Objective.COST,
    Objective.COMPLEXITY,
    Objective.RELIABILITY,
    Objective.SECURITY,
)
_SIGNS = {"+": 1, "-": -1, "0": 0}


def _row(printed: str) -> Mapping[Objective, int]:
    """A row of Table 1 as it is printed, in the order of its columns."""
    return MappingProxyType(dict(zip(_COLUMNS, (_SIGNS[sign] for sign in printed.split()), strict=True)))


_NOT_IN_TABLE: Mapping[Objective, int] = MappingProxyType({})
_QUANTIZATION = _row("- + + + - 0")
# Section 2.4 treats quantization apart from compression, so Figure 2's issues of compression are not stated of it.
_COMPRESSION = (LOWER_THROUGHPUT, LONGER_RESPONSE_TIME)

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        "quantization",
        "Quantization",
        "Weights, and often activations too, are stored in fewer bits than the network was trained in.",
        _QUANTIZATION,
        (),
    ),
    Technique(
        "post-training-quantization",
        "Post-training quantization",
        "The network is trained in 32-bit floats and quantized afterwards.",
        _QUANTIZATION,
        (),
        broader="quantization",
        alt_labels=("PTQ",),
    ),
    Technique(
        "baseline-quantization",
        "Baseline quantization",
        "Weights are stored as 8-bit integers and turned back into floats of less precision for the inference.",
        _QUANTIZATION,
        (),
        broader="post-training-quantization",
        alt_labels=("BLQ", "dynamic range quantization"),
    ),
    Technique(
        "full-integer-quantization",
        "Full integer quantization",
        "Weights, biases and activations are 8-bit integers; a small sample of data sets their ranges.",
        _QUANTIZATION,
        (),
        broader="post-training-quantization",
        alt_labels=("FIQ",),
    ),
    Technique(
        "float16-quantization",
        "Float 16 quantization",
        "Each weight becomes the nearest 16-bit float, which halves the size.",
        _QUANTIZATION,
        (),
        broader="post-training-quantization",
        alt_labels=("F16",),
    ),
    Technique(
        "quantization-aware-training",
        "Quantization-aware training",
        "The network is trained with the rounding of the smaller data type in place, so that it learns to bear it.",
        _QUANTIZATION,
        (),
        broader="quantization",
        alt_labels=("QAT",),
    ),
    Technique(
        "pruning",
        "Pruning",
        "Connections that matter least, as a rule those with the smallest weights, are set to zero or removed.",
        _row("+ - + + + 0"),
        _COMPRESSION,
        alt_labels=("PRN",),
    ),
    Technique(
        "knowledge-distillation",
        "Knowledge distillation",
        "A small network, the student, learns from the answers of a large trained one, the teacher.",
        _row("- - + + + 0"),
        _COMPRESSION,
        alt_labels=("KD",),
    ),
    Technique(
        "tensor-decomposition",
        "Tensor decomposition",
        "A large tensor of weights is replaced by a product of smaller ones, which leaves out what is redundant.",
        _row("- + + + - 0"),
        _COMPRESSION,
        alt_labels=("TD",),
    ),
    Technique(
        "fine-tuning",
        "Fine-tuning",
        "A network that learnt from a large data set is trained further on the data of the task.",
        _NOT_IN_TABLE,
        (TRAINING_IMBALANCE,),
    ),
    Technique(
        "weight-sharing",
        "Weight sharing",
        "Weights are put into clusters, and all weights of a cluster share one stored value.",
        _NOT_IN_TABLE,
        (),
        alt_labels=("weight clustering",),
    ),
    # From the Deep Neural Network Optimization report (its stage of TVM, section 5.b.7); Table 1 has no row of them.
    Technique(
        "operator-fusion",
        "Operator fusion",
        "Operations that follow one another are compiled into one kernel for one processor, which saves memory access.",
        _NOT_IN_TABLE,
        (),
        alt_labels=("kernel fusion",),
    ),
    Technique(
        "auto-tuning",
        "Auto-tuning",
        "Many ways to compile each operation are tried on the processor itself, and the fastest is kept.",
        _NOT_IN_TABLE,
        (),
        alt_labels=("autotuning",),
    ),
    Technique(
        "fog-computing",
        "Fog computing",
        "A node near the devices does part of the work, instead of a distant cloud.",
        _row("+ - - - + +"),
        (),
    ),
    Technique(
        "shielded-execution",
        "Shielded execution",
        "The network runs in a secure enclave of a server, where the server's owner cannot read it.",
        _row("+ - - - + +"),
        (PERFORMANCE_OVERHEAD,),
        alt_labels=("secure enclave",),
    ),
    Technique(
        "hardware-optimization",
        "Hardware optimization",
        "The device is chosen or equipped for the network: processor, accelerator (TPU, FPGA), memory, connection.",
        _row("+ + - - + 0"),
        (MEMORY_ALLOCATION, INFERENCE_LATENCY, TRAFFIC_OVERHEAD),
    ),
)

NO_TECHNIQUE = Technique(
    "none",
    "No technique",
    "The network is used as it was trained; it is known that no technique was applied.",
    _NOT_IN_TABLE,
    (BOTTLENECKS,),
)
"""Not one to choose from: it states a list of techniques that is known to be empty."""

_BY_NAME = {t.name: t for t in (*TECHNIQUES, NO_TECHNIQUE)}


def technique(name: str) -> Technique:
    """The technique of that name; `none` gives NO_TECHNIQUE. Raises KeyError, listing the names there are."""
    if name not in _BY_NAME:
        raise KeyError(f"unknown technique {name!r}; known are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def ancestors(name: str) -> tuple[str, ...]:
    """The broader techniques of one, nearest first: `baseline-quantization` gives PTQ, then quantization.

    Raises KeyError for an unknown name.
    """
    broader = technique(name).broader
    return () if broader is None else (broader, *ancestors(broader))
