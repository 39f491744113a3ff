"""What is found in a model file, what may be spent on finding it, and the refusal: plain data, no libraries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod

GB = 10**9


class RefusedFile(ValueError):
    """A file that DLOM will not use; the message says what was found in it and what to do."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one file may cost while it is read, and what it may claim.

    `memory_mib` is the address space of the reading process, its libraries included; `declared_gb` (10⁹ bytes) is the
    most that one tensor, or all weights together, may claim to hold; `unpacked_mib` is for archives.
    """

    file_mib: int = 2048
    memory_mib: int = 4096
    cpu_s: int = 60
    wall_s: float = 120.0
    answer_kib: int = 1024
    declared_gb: float = 100.0
    unpacked_mib: int = 2048
    operators: int = 200_000
    objects: int = 200_000


@dataclass(frozen=True)
class TensorSpec:
    """An input or output. In `shape`, `None` is a size left open; a `shape` or `dtype` of `None` is not stated.

    `dtype` is spelt as in numpy: float32, int8, uint8 …
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str | None


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a reader found in a file's bytes.

    `layers` is known for Keras files only: operators of a runtime are not layers. `operators` counts by kind (for
    Keras files the classes of the layers). `precision` is that of most of the weights: float (32 bits or more),
    float16, w8 (weights only), w8a8, w8a16, w4 …; `None` without weights or when no such word fits. `macs` are the
    multiply-accumulates of one inference at batch 1 (`macs.py` says which count), `None` where a part of the network
    does not tell its shape or is not known. `nodes` is the number of nodes of the stored graph, constants included;
    `None` for Keras files, which hold layers.
    """

    parameters: int
    layers: int | None
    operators: Mapping[str, int]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    precision: str | None
    producer: str | None
    warnings: tuple[str, ...] = ()
    macs: int | None = None
    nodes: int | None = None


@dataclass(frozen=True, kw_only=True)
class ModelFile(Content):
    """A model that was read without running it. `format` is h5, keras, tflite, onnx, pb or savedmodel, by content."""

    format: str
    sha256: str
    size_kib: float


@dataclass
class Declared:
    """Adds up what a file claims to hold, and refuses claims beyond the limit."""

    limits: Limits
    total_bytes: int = field(default=0)

    def add(self, what: str, shape: Iterable[int | None], bits: int, *, weights: bool = False) -> int:
        """The number of elements of `shape`, open sizes counted as 1. Raises RefusedFile for negative or huge sizes."""
        sizes = [1 if size is None else size for size in shape]
        if len(sizes) > 64 or any(size < 0 for size in sizes):
            raise RefusedFile(
                f"{what} has the impossible shape {sizes[:8]}; the file is damaged: export the model again"
            )
        elements = prod(sizes)
        claimed = elements * bits // 8
        if weights:
            self.total_bytes += claimed
        for bytes_, whose in ((claimed, what), (self.total_bytes, "the sum of the weights")):
            if bytes_ > self.limits.declared_gb * GB:
                raise RefusedFile(
                    f"{whose} is declared as {bytes_ / GB:,.0f} GB, beyond the limit of {self.limits.declared_gb:g} "
                    "GB; no end or edge device holds that: check the shapes and export the model again"
                )
        return elements


def precision_of(weights: Mapping[str, int], activation_bits: int | None) -> str | None:
    """The word for weights of these types (elements of each) with activations of so many bits; `None` for floats.

    The type that most of the weights have decides: converters leave biases and small tensors as they are.
    """
    kinds = Counter(dict(weights))
    if not kinds:
        return None
    dtype, _ = kinds.most_common(1)[0]
    if dtype in ("float32", "float64"):
        return "float"
    if dtype in ("float16", "bfloat16"):
        return dtype
    bits = {"int8": 8, "uint8": 8, "int4": 4, "uint4": 4, "int2": 2, "uint2": 2, "int16": 16, "uint16": 16}.get(dtype)
    if bits is None:
        return None
    return f"w{bits}" if activation_bits is None else f"w{bits}a{activation_bits}"
