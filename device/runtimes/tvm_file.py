"""The `.tvm` file: a network as machine code of one kind of processor, with what must be known before it is loaded.

A zip archive without compression, of two entries: `dlom-tvm.json` (the `Header`) and `lib.so` (a shared library for
Linux), or `lib.tar` (its object files, where no linker for that processor was at hand; it is linked on the device).
Nothing here needs TVM, and nothing in the file runs: reading the header of a hostile file is safe, loading it is not.
"""

from __future__ import annotations

import io
import json
import math
import shutil
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from device.instructions import ARCHITECTURES, elf_architecture

HEADER, LIBRARY, OBJECTS = "dlom-tvm.json", "lib.so", "lib.tar"
VERSION = 1
DTYPES = ("float32", "float16")  # of the input and the output
COMPILERS = ("gcc", "g++", "cc", "clang")
_MOST_HEADER, _MOST_LIBRARY = 64 * 1024, 2**30  # bytes
_MOST_OBJECTS = 64
_MOST_NUMBERS = 2**28  # of an input or output: 1 GiB of floats
_MOST_TEXT = 200
_END = struct.Struct("<4s4H2IH")  # end of central directory (APPNOTE.TXT 6.3.10, section 4.3.16)
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20  # of a second end, with numbers of 64 bits (4.3.15)
_MOST_DIRECTORY = 1024  # bytes; two entries with these names have 119
_LINK_SECONDS = 120.0
# What zipfile raises for an archive that contradicts itself, beside ValueError.
_DAMAGE = (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, struct.error, OSError)


@dataclass(frozen=True)
class Tensor:
    """The one input or output: its shape with the batch first, all sizes fixed."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a `.tvm` file says of itself.

    `target` is the processor in the compiler's words, as x86-64-v4 or cortex-a72, and `architecture` its instruction
    set. `operators_tuned` of `operators` worth tuning are made as trials showed to be fastest; `tuned` says that there
    is such a one. `trials` and `tuning_seconds` are of this making; what earlier ones left on record is used besides.
    `arithmetic` is the precision that the source computes in; `source_sha256` is of the ONNX file.
    """

    version: int
    input: Tensor
    output: Tensor
    target: str
    architecture: str
    threads: int
    tuned: bool
    trials: int
    operators_tuned: int
    operators: int
    tuning_seconds: float
    arithmetic: str
    source_sha256: str
    versions: Mapping[str, str]


def write(out: Path, header: Header, library: Path) -> None:
    """Writes `out` whole or not at all; `library` is a shared library, or a tar archive of objects (by its suffix)."""
    name = OBJECTS if library.suffix == ".tar" else LIBRARY
    beside = out.with_name(f".{out.name}.part")
    try:
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
            text = json.dumps(asdict(header), indent=1, sort_keys=True)
            # A fixed date, so that the same content is the same file.
            archive.writestr(zipfile.ZipInfo(HEADER), text)
            with library.open("rb") as source, archive.open(zipfile.ZipInfo(name), "w") as entry:
                shutil.copyfileobj(source, entry)
        beside.replace(out)
    finally:
        beside.unlink(missing_ok=True)


def fault(path: Path) -> str | None:
    """What is wrong with the file's frame, its header or the kind of its library; None when nothing is."""
    try:
        read(path)
    except ValueError as error:
        return str(error)
    return None


def read(path: Path) -> Header:
    """The header. Raises ValueError, in a few words, for a file that is not as `write` makes it."""
    with path.open("rb") as file:
        _check_end(file)
        try:
            with zipfile.ZipFile(file) as archive:
                header = _header(archive)
                with archive.open(_library(archive)) as library:
                    _check_kind(library, header, _library(archive).filename)
        except _DAMAGE as error:
            raise ValueError(f"it is damaged ({_said(error)})") from error
    return header


def extract(path: Path, folder: Path) -> Path:
    """Writes the library into `folder` and gives its place; links it first where the file holds objects.

    Raises ValueError for a damaged file, and LinkError when objects cannot be linked here.
    """
    read(path)
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_library(archive)) as entry:
            place = folder / _library(archive).filename
            with place.open("xb") as out:
                shutil.copyfileobj(entry, out)  # also checks its sum
    except _DAMAGE as error:
        raise ValueError(f"it is damaged ({_said(error)})") from error
    return place if place.name == LIBRARY else link(place, folder / LIBRARY, COMPILERS)


class LinkError(ValueError):
    """Objects could not be linked into a library; the message says what to install."""


def link(objects: Path, out: Path, compilers: tuple[str, ...]) -> Path:
    """Makes the shared library `out` of a tar archive of objects, with the first of `compilers` that is there.

    Only plain files with simple names are taken from the archive. Raises LinkError, and ValueError for another
    archive.
    """
    compiler = next((found for name in compilers if (found := shutil.which(name))), None)
    if compiler is None:
        raise LinkError(
            f"its objects must be linked, and there is no C compiler here ({', '.join(compilers)}); install gcc "
            "(Debian and Ubuntu: apt install gcc libc6-dev)"
        )
    files = []
    for name, content in _objects(objects):
        files.append(out.with_name(name))
        files[-1].write_bytes(content)
    try:
        done = subprocess.run(
            [compiler, "-shared", "-fPIC", "-o", out, *files], capture_output=True, text=True, check=False,
            timeout=_LINK_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise LinkError(f"{Path(compiler).name} took longer than {_LINK_SECONDS:g} s to link it; try again") from None
    finally:
        for file in files:
            file.unlink()
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise LinkError(f"{Path(compiler).name} could not link it: {said[:300]}; is libc6-dev installed?")
    return out


def _said(error: Exception) -> str:
    return str(error)[:100] or type(error).__name__


def _objects(archive: Path) -> list[tuple[str, bytes]]:
    try:
        with tarfile.open(archive, "r:") as tar:
            found = []
            for k, member in enumerate(tar):
                name = member.name
                if not member.isfile() or "/" in name or not name.endswith(".o") or k >= _MOST_OBJECTS:
                    raise ValueError(f"its {OBJECTS} holds {name[:60]!r}, which is no object file")
                entry = tar.extractfile(member)
                found.append((f"{k}.o", entry.read() if entry else b""))
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ValueError(f"its {OBJECTS} cannot be read ({error})") from error
    if not found:
        raise ValueError(f"its {OBJECTS} is empty")
    return found


def _check_end(file: IO[bytes]) -> None:
    """The archive's last 22 bytes must announce two entries: a hostile directory could hold millions."""
    size = file.seek(0, io.SEEK_END)
    if size < _END.size:
        raise ValueError("it is too short for a zip archive")
    if size > _MOST_LIBRARY + _MOST_HEADER + _MOST_DIRECTORY:
        raise ValueError(f"it has {size / 2**20:,.0f} MiB; more than {_MOST_LIBRARY // 2**20:,} are not read")
    file.seek(size - _END.size)
    mark, _, _, _, entries, directory, at, comment = _END.unpack(file.read(_END.size))
    if mark != b"PK\x05\x06" or comment:
        raise ValueError("it is no zip archive of DLOM")
    if entries != 2 or directory > _MOST_DIRECTORY or at + directory + _END.size != size:
        raise ValueError(f"it has {entries} entries or more; those of DLOM have {HEADER} and one library")
    file.seek(max(0, size - _END.size - _LOCATOR_BYTES))
    if file.read(len(_LOCATOR)) == _LOCATOR:  # zipfile would go by what that one says
        raise ValueError("it is a zip archive in 64 bits, which DLOM does not write")


def _library(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The entry of the library, after a look at all entries."""
    entries = {info.filename: info for info in archive.infolist()}
    names = sorted(entries)
    if names not in ([HEADER, LIBRARY], [HEADER, OBJECTS]):
        raise ValueError(f"it holds {', '.join(name[:60] for name in names)} instead of {HEADER} and {LIBRARY}")
    for info in entries.values():
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
            raise ValueError(f"its {info.filename} is compressed or encrypted, which is not read")
    if entries[HEADER].file_size > _MOST_HEADER:
        raise ValueError(f"its {HEADER} has more than {_MOST_HEADER // 1024} KiB")
    return entries[names[1]]


def _header(archive: zipfile.ZipFile) -> Header:
    _library(archive)
    try:
        said = json.loads(archive.read(HEADER))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its {HEADER} is not JSON") from error
    if not isinstance(said, dict) or said.get("version") != VERSION:
        raise ValueError(f"its {HEADER} is not of version {VERSION}, which is read here; compile the network again")
    return Header(
        version=VERSION,
        input=_tensor(said, "input"),
        output=_tensor(said, "output"),
        target=_text(said, "target"),
        architecture=_one_of(said, "architecture", ARCHITECTURES),
        threads=_count(said, "threads"),
        tuned=_flag(said, "tuned"),
        trials=_count(said, "trials"),
        operators_tuned=_count(said, "operators_tuned"),
        operators=_count(said, "operators"),
        tuning_seconds=_seconds(said, "tuning_seconds"),
        arithmetic=_text(said, "arithmetic"),
        source_sha256=_text(said, "source_sha256"),
        versions=_versions(said),
    )


def _check_kind(library: IO[bytes], header: Header, name: str) -> None:
    head = library.read(tarfile.BLOCKSIZE + 20)
    if name == OBJECTS:
        head = head[tarfile.BLOCKSIZE :]
    found = elf_architecture(head)
    if found is None:
        raise ValueError(f"its {name} is no library or object file of Linux (ELF)")
    if found != header.architecture:
        raise ValueError(f"its {name} is for {found}, although it says {header.architecture}")


def _tensor(said: dict[str, Any], key: str) -> Tensor:
    inner = said.get(key)
    if not isinstance(inner, dict):
        raise ValueError(f"its {HEADER} tells no {key}")
    shape = inner.get("shape")
    if not isinstance(shape, list) or not 1 <= len(shape) <= 8 or not all(type(n) is int and n > 0 for n in shape):
        raise ValueError(f"the shape of its {key} is {str(shape)[:60]}, not one to eight whole numbers above 0")
    if math.prod(shape) > _MOST_NUMBERS:
        raise ValueError(f"its {key} has more than {_MOST_NUMBERS:,} numbers")
    return Tensor(_text(inner, "name"), tuple(shape), _one_of(inner, "dtype", DTYPES))


def _text(said: dict[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str) or not value or len(value) > _MOST_TEXT or not value.isprintable():
        raise ValueError(f"its {key} is {str(value)[:60]!r}, not a short text")
    return value


def _one_of(said: dict[str, Any], key: str, known: tuple[str, ...]) -> str:
    value = _text(said, key)
    if value not in known:
        raise ValueError(f"its {key} is {value[:60]!r}; known are {', '.join(known)}")
    return value


def _count(said: dict[str, Any], key: str) -> int:
    value = said.get(key)
    if type(value) is not int or not 0 <= value < 2**31:
        raise ValueError(f"its {key} is {str(value)[:60]!r}, not a count")
    return value


def _flag(said: dict[str, Any], key: str) -> bool:
    value = said.get(key)
    if type(value) is not bool:
        raise ValueError(f"its {key} is {str(value)[:60]!r}, not true or false")
    return value


def _seconds(said: dict[str, Any], key: str) -> float:
    value = said.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError(f"its {key} is {str(value)[:60]!r}, not a time")
    return float(value)


def _versions(said: dict[str, Any]) -> dict[str, str]:
    value = said.get("versions")
    if not isinstance(value, dict) or len(value) > 32:
        raise ValueError("its versions are not those of a few libraries")
    return {key: _text(value, key) for key in value if isinstance(key, str) and len(key) < _MOST_TEXT}
