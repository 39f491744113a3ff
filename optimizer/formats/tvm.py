"""TVM: the network as machine code, as the last stage of the report's chain (its section 5.b.7)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ontology.events import Event, Progress
from optimizer.formats.contract import Budget, Format
from optimizer.tvm_compiler import compile_onnx, cross_compile_onnx, tune_onnx

if TYPE_CHECKING:
    from optimizer.data import Data

_FROM = ("onnx-pb", "onnx-tflite", "onnx-tflite-optimized")
RECORDS = "tvm-records"  # beside the file: a tuning that was interrupted goes on from them


def convert(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """For the processor at hand."""
    compile_onnx(parent, out, threads=budget.threads)


def convert_tuned(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """For the processor at hand, within the budget; its records stay beside `out`."""

    def told(event: Event) -> None:
        if budget.told is not None and isinstance(event, Progress):
            budget.told(f"trial {event.done} of {event.total}, {event.detail}")

    tune_onnx(
        parent, out, trials=budget.trials, seconds=budget.seconds, threads=budget.threads,
        records=out.parent / RECORDS, told=told,
    )  # fmt: skip


def convert_aarch64(parent: Path, data: Data, out: Path, budget: Budget) -> None:
    """For 64-bit ARM, as on a Raspberry Pi 4; it is not run on this machine."""
    cross_compile_onnx(parent, out, threads=budget.threads)


TVM = Format(
    name="tvm",
    label="TVM, compiled",
    suffix=".tvm",
    library="TVM",
    optimization="operator-fusion",
    techniques=("operator-fusion",),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="machine code for this processor without a trial: the start from which tuning is measured, rarely fast itself",
    convert=convert,
    source="onnx",
    also_from=_FROM,
)
TVM_TUNED = Format(
    name="tvm-tuned",
    label="TVM, auto-tuned",
    suffix=".tvm",
    library="TVM",
    optimization="auto-tuning",
    techniques=("operator-fusion", "auto-tuning"),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="machine code for this processor, the fastest of those that were tried; takes minutes",
    convert=convert_tuned,
    source="onnx",
    also_from=_FROM,
    tuned=True,
)
TVM_AARCH64 = Format(
    name="tvm-aarch64",
    label="TVM, compiled for 64-bit ARM",
    suffix=".tvm",
    library="TVM",
    optimization="operator-fusion",
    techniques=("operator-fusion",),
    precision="float",
    weight_bits=32,
    activation_bits=32,
    tolerance=1e-4,
    why="machine code for a board such as the Raspberry Pi 4; it is measured there, not here",
    convert=convert_aarch64,
    source="onnx",
    also_from=_FROM,
    runs_here=False,
)
