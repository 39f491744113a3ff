"""The index of TensorFlow's variables (`variables.index`): which tensors lie where, without reading one of them.

The format is a table of LevelDB (https://github.com/google/leveldb/blob/main/doc/table_format.md) whose values are
BundleEntryProto (tensorflow/core/protobuf/tensor_bundle.proto). TensorFlow writes it without compression.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from device.runtimes.onnx_file import fields, varint
from optimizer.inspection.found import Declared, Limits, RefusedFile
from optimizer.inspection.graph_def import TYPES, shape_of

_MAGIC = 0xDB4775248B80FB57
_FOOTER, _TRAILER = 48, 5
_AGAIN = "the SavedModel is damaged: export the model again"


@dataclass(frozen=True)
class Stored:
    """One tensor: its key, its type as in numpy, and its shape."""

    key: str
    dtype: str
    shape: tuple[int, ...]


def read(index: bytes, shards: Mapping[int, int], limits: Limits) -> list[Stored]:
    """The tensors of an index; `shards` gives the bytes of each file of data. Raises RefusedFile, ValueError."""
    if len(index) < _FOOTER or struct.unpack("<Q", index[-8:])[0] != _MAGIC:
        raise RefusedFile(f"its variables.index does not end as one; {_AGAIN}")
    footer = memoryview(index)[-_FOOTER:]
    _, at = varint(footer, 0)
    _, at = varint(footer, at)
    place, at = varint(footer, at)
    size, _ = varint(footer, at)
    declared = Declared(limits)
    found: list[Stored] = []
    blocks: set[int] = set()
    for _, handle in _entries(_block(index, place, size)):
        start, at = varint(handle, 0)
        length, _ = varint(handle, at)
        if start in blocks:
            raise RefusedFile(f"its variables.index names one block twice; {_AGAIN}")
        blocks.add(start)
        for key, value in _entries(_block(index, start, length)):
            if key:  # the first, without a key, is the header
                found.append(_stored(key, value, shards, declared))
            if len(found) > limits.objects:
                raise RefusedFile(f"it has more than {limits.objects:,} variables; that is no model for a device")
    return found


def _block(index: bytes, start: int, size: int) -> memoryview:
    if start + size + _TRAILER > len(index):
        raise RefusedFile(f"its variables.index points to byte {start + size:,} of {len(index):,}; {_AGAIN}")
    if index[start + size]:
        raise RefusedFile("its variables.index is compressed, which TensorFlow does not do; export the model again")
    return memoryview(index)[start : start + size]


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Keys and values; a key shares its beginning with the one before."""
    if len(block) < 4:
        raise RefusedFile(f"a block of its variables.index is cut off; {_AGAIN}")
    restarts = struct.unpack("<I", block[-4:])[0]
    end = len(block) - 4 * (restarts + 1)
    at, key = 0, b""
    while at < end:
        shared, at = varint(block, at)
        own, at = varint(block, at)
        length, at = varint(block, at)
        if shared > len(key) or at + own + length > end:
            raise RefusedFile(f"an entry of its variables.index reaches beyond its block; {_AGAIN}")
        key = key[:shared] + bytes(block[at : at + own])
        yield key, block[at + own : at + own + length]
        at += own + length


def _stored(key: bytes, entry: memoryview, shards: Mapping[int, int], declared: Declared) -> Stored:
    name = key.decode("utf-8", "replace")
    what = f"variable {name!r:.60}"
    dtype, bits = TYPES.get(_number(entry, 1), ("", 0))
    shape: tuple[int, ...] = ()
    for field, value in fields(entry):
        if field == 2 and not isinstance(value, int):
            found = shape_of(value)
            if found is None or None in found:
                raise RefusedFile(f"{what} has an open shape; {_AGAIN}")
            shape = tuple(size for size in found if size is not None)
    shard, offset, size = _number(entry, 3), _number(entry, 4), _number(entry, 5)
    if shard not in shards or offset + size > shards[shard]:
        raise RefusedFile(
            f"{what} lies at byte {offset:,} to {offset + size:,} of file {shard} of its data, which is not there or "
            f"has {shards.get(shard, 0):,} bytes; {_AGAIN}"
        )
    if not bits:  # texts and objects, such as the table of the checkpoint itself
        return Stored(name, dtype or "string", shape)
    elements = declared.add(what, shape, bits, weights=True)
    if elements * bits // 8 != size:
        raise RefusedFile(f"{what} needs {elements * bits // 8:,} bytes for its shape and has {size:,}; {_AGAIN}")
    return Stored(name, dtype, shape)


def _number(message: memoryview, wanted: int) -> int:
    return next((value for at, value in fields(message) if at == wanted and isinstance(value, int)), 0)


def numbers(stored: list[Stored]) -> int:
    """How many numbers of the types of weights are stored."""
    return sum(prod(tensor.shape) for tensor in stored if tensor.dtype.startswith(("float", "bfloat")))
