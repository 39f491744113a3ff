"""Tables of a flatbuffer, each offset checked before it is followed (https://flatbuffers.dev/internals/).

The generated readers trust the file: a false offset makes them read elsewhere, and a file may name one table a million
times. Here each read is checked and counted, and an honest file cannot cost more reads than it has bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from optimizer.inspection.found import RefusedFile

_DAMAGED = "the file is cut off or damaged: export or download it again"


class Flatbuffer:
    """The bytes of a flatbuffer and what may still be read of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._left = 2 * len(data) + 1000

    def spend(self, reads: int) -> None:
        """Counts reads. Raises RefusedFile when there are more than the file can have parts."""
        self._left -= reads
        if self._left < 0:
            raise RefusedFile("its parts refer to one another over and over; it is damaged or hostile: export it again")

    def unpack(self, code: str, at: int) -> int:
        """The little-endian integer of this struct code at a position. Raises RefusedFile beyond the end."""
        if at < 0 or at + struct.calcsize(code) > len(self.data):
            raise RefusedFile(f"it points to byte {at:,} of {len(self.data):,}; {_DAMAGED}")
        self.spend(1)
        value: int = struct.unpack_from("<" + code, self.data, at)[0]
        return value

    def follow(self, at: int) -> int:
        """Where the offset at a position leads; offsets lead forward only."""
        step = self.unpack("I", at)
        if step < 4 or at + step + 4 > len(self.data):
            raise RefusedFile(f"at byte {at:,} it points to byte {at + step:,} of {len(self.data):,}; {_DAMAGED}")
        return at + step

    @property
    def root(self) -> Table:
        """The outermost table."""
        return Table(self, self.follow(0))


@dataclass(frozen=True)
class Vector:
    """Where the elements of a vector lie: first byte and number of elements."""

    start: int
    count: int


class Table:
    """One table; fields are asked for by their number in the schema, and absent ones give the schema's default."""

    def __init__(self, buffer: Flatbuffer, at: int) -> None:
        self.buffer, self.at = buffer, at
        self._vtable = at - buffer.unpack("i", at)
        self._fields = buffer.unpack("H", self._vtable)
        self._length = buffer.unpack("H", self._vtable + 2)
        if self._fields < 4 or self._vtable + self._fields > len(buffer.data) or at + self._length > len(buffer.data):
            raise RefusedFile(f"the table at byte {at:,} reaches beyond the end of the file; {_DAMAGED}")

    def _field(self, number: int, size: int) -> int | None:
        entry = 4 + 2 * number
        offset = self.buffer.unpack("H", self._vtable + entry) if entry + 2 <= self._fields else 0
        if offset and (offset < 4 or offset + size > self._length):
            raise RefusedFile(f"field {number} of the table at byte {self.at:,} lies outside of it; {_DAMAGED}")
        return self.at + offset if offset else None

    def number(self, field: int, code: str, default: int = 0) -> int:
        """An integer field of this struct code."""
        at = self._field(field, struct.calcsize(code))
        return default if at is None else self.buffer.unpack(code, at)

    def table(self, field: int) -> Table | None:
        """A table that a field refers to."""
        at = self._field(field, 4)
        return None if at is None else Table(self.buffer, self.buffer.follow(at))

    def vector(self, field: int, size: int) -> Vector:
        """A vector of elements of `size` bytes, checked to lie within the file; an absent one is empty."""
        at = self._field(field, 4)
        if at is None:
            return Vector(0, 0)
        start = self.buffer.follow(at)
        count = self.buffer.unpack("I", start)
        if start + 4 + count * size > len(self.buffer.data):
            raise RefusedFile(f"the list at byte {start:,} claims {count:,} elements beyond the file's end; {_DAMAGED}")
        return Vector(start + 4, count)

    def tables(self, field: int) -> list[Table]:
        """A vector of tables."""
        vector = self.vector(field, 4)
        self.buffer.spend(vector.count)
        return [Table(self.buffer, self.buffer.follow(vector.start + 4 * i)) for i in range(vector.count)]

    def integers(self, field: int) -> tuple[int, ...]:
        """A vector of 32-bit integers."""
        vector = self.vector(field, 4)
        self.buffer.spend(vector.count)
        return struct.unpack_from(f"<{vector.count}i", self.buffer.data, vector.start)

    def text(self, field: int) -> str:
        """A string; empty when absent."""
        vector = self.vector(field, 1)
        self.buffer.spend(vector.count)
        return self.buffer.data[vector.start : vector.start + vector.count].decode("utf-8", "replace")
