"""What an archive lists, looked at before it is unpacked: nothing out of place, hidden, overlapping or inflated."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Sequence

from optimizer.inspection.found import Limits, RefusedFile

LISTED = b"PK\x01\x02"
"""With which each file's line in the list begins: counted before Python makes an object of each."""
DAMAGE = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError)
"""What zipfile raises for an archive that is damaged, encrypted or of a later version."""
_MOST_SHRUNK, _SMALL = 100, 2**20  # weights hardly shrink; what describes repeated layers may, but it is small
_HEADER_BYTES = 30  # before each file's name and content
_PROGRAMS = (".py", ".pyc", ".sh", ".bat")
_PLAIN = (0, stat.S_IFREG, stat.S_IFDIR)  # 0: packed by a system that does not say


def checked(listed: Sequence[zipfile.ZipInfo], limits: Limits, again: str) -> dict[str, zipfile.ZipInfo]:
    """The entries by name. Raises RefusedFile with what is wrong and what to do, `again`: how to make it anew."""
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in listed:
        _check_entry(entry, again)
        if entry.filename in entries:
            raise RefusedFile(f"it holds {entry.filename!r} twice, so that two readers may see two models: {again}")
        entries[entry.filename] = entry
    total = sum(entry.file_size for entry in listed)
    if total > limits.unpacked_mib * 2**20:
        raise RefusedFile(
            f"it would unpack to {total / 2**20:,.0f} MiB, more than the {limits.unpacked_mib:,} allowed; it is a zip "
            "bomb, or too large for a device"
        )
    end = 0
    for entry in sorted(listed, key=lambda e: e.header_offset):
        if entry.header_offset < end:
            raise RefusedFile(f"{entry.filename!r} overlaps another file within the archive: a zip bomb; {again}")
        written = entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437")
        end = entry.header_offset + _HEADER_BYTES + len(written) + entry.compress_size
    return entries


def _check_entry(entry: zipfile.ZipInfo, again: str) -> None:
    # `orig_filename` is what is written; zipfile cuts `filename` at a null byte.
    name = entry.orig_filename
    parts = name.split("/")
    if name != entry.filename or "\\" in name or ":" in name or ".." in parts or "" in parts[:-1]:
        raise RefusedFile(f"it would unpack to {name!r:.100}, which may lie outside of its folder: {again}")
    mode = entry.external_attr >> 16
    if stat.S_ISLNK(mode):
        raise RefusedFile(f"{name!r:.100} in it is a symbolic link: {again}")
    if stat.S_IFMT(mode) not in _PLAIN:
        raise RefusedFile(f"{name!r:.100} in it is no plain file: {again}")
    if name.lower().endswith(_PROGRAMS):
        raise RefusedFile(f"it holds the program {name!r:.100}; a model is data: {again}")
    if entry.flag_bits & 0x1:
        raise RefusedFile(f"{name!r:.100} in it is encrypted: {again}")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RefusedFile(f"{name!r:.100} in it is compressed by method {entry.compress_type}: {again}")
    if entry.file_size > max(_SMALL, _MOST_SHRUNK * entry.compress_size):
        raise RefusedFile(
            f"{name!r:.100} in it grows from {entry.compress_size:,} to {entry.file_size:,} bytes: a zip bomb; {again}"
        )
