"""The process that reads one foreign file: it shuts itself in, reads standard input, and answers with one JSON.

`optimizer/inspect.py` starts it and says what is guaranteed. The order matters: the network goes first, while there is
one thread; then the libraries are loaded, which needs files; then everything else is closed, and only then read.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from device.limits import confine, leave_network
from optimizer.inspection.folder import GRAPH, INDEX
from optimizer.inspection.found import Content, Limits, RefusedFile

Reader = Callable[[bytes, Limits], Content]
FolderReader = Callable[[Mapping[str, bytes], Mapping[str, int], Limits], Content]

# What the standard library would import only when it first needs it, when imports are closed already.
_LATER = (
    "heapq",
    "traceback",
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.cp437",
    "encodings.utf_8_sig",
    "encodings.utf_16",
    "encodings.utf_16_le",
    "encodings.utf_16_be",
    "encodings.utf_32",
    "encodings.utf_32_le",
    "encodings.utf_32_be",
)

_NOBODY = 65534
_CLOSED = (
    "socket.", "subprocess.", "os.", "shutil.", "tempfile.", "ctypes.", "pickle.", "marshal.", "http.", "urllib.",
    "ftplib.", "smtplib.", "webbrowser.", "mmap.", "signal.", "sqlite3.", "pty.", "fcntl.", "syslog.",
)  # fmt: skip
_CLOSED_EXACTLY = frozenset({"open", "exec", "compile", "import", "code.__new__", "function.__new__"})


def main(arguments: list[str]) -> None:
    """Reads the file on standard input; `arguments` are its format and the limits as JSON. Writes one JSON object.

    For a SavedModel, a third argument gives the open descriptor of each of its files by its name, as JSON.
    """
    answer = os.dup(1)
    os.dup2(2, 1)  # a library that prints must not write into the answer
    format_, limits = arguments[0], Limits(**json.loads(arguments[1]))
    leave_network()
    if format_ == "savedmodel":
        files: dict[str, int] = json.loads(arguments[2])
        _ready()
        from optimizer.inspection import saved_model

        seal(limits)
        _say(answer, respond_folder(files, saved_model.read, limits))
        return
    try:
        read = reader(format_)
    except ImportError as error:
        _say(answer, {"fault": f"{error}; run ./dlom once more so that it installs what is missing"})
        return
    seal(limits)
    _say(answer, respond(0, read, limits))


def reader(format_: str) -> Reader:
    """The reader of a format, with all that it needs loaded. Raises ImportError."""
    _ready()
    if format_ == "h5":
        from optimizer.inspection import hdf5

        return hdf5.read
    if format_ == "keras":
        from optimizer.inspection import keras_archive

        return keras_archive.read
    if format_ == "tflite":
        from optimizer.inspection import tflite

        return tflite.read
    if format_ == "pb":
        from optimizer.inspection import graph_def

        return graph_def.read
    from optimizer.inspection import onnx_graph

    return onnx_graph.read


def _ready() -> None:
    for name in _LATER:
        importlib.import_module(name)


def respond(file: int, read: Reader, limits: Limits) -> dict[str, Any]:
    """What is said of an open file. Whatever goes wrong in a parser is a refusal of the file that it was given."""

    def work() -> dict[str, Any]:
        data = _all_of(file, limits)
        return {
            "content": asdict(_contained(lambda: read(data, limits))),
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
        }

    return _answered(work, limits)


def respond_folder(files: Mapping[str, int], read: FolderReader, limits: Limits) -> dict[str, Any]:
    """The same of the files of a SavedModel. Its sha256 is that of the lines that sha256sum prints of them:

    for each file, sorted by name, its own sha256, two spaces, its name within the folder, and a line feed.
    """

    def work() -> dict[str, Any]:
        parts = {name: _all_of(files[name], limits) for name in (GRAPH, INDEX) if name in files}
        sizes, lines = {}, []
        for name in sorted(files):
            digest, sizes[name] = hashlib.sha256(), 0
            os.lseek(files[name], 0, os.SEEK_SET)
            while piece := os.read(files[name], 2**20):
                digest.update(piece)
                sizes[name] += len(piece)
            if name in parts and digest.digest() != hashlib.sha256(parts[name]).digest():
                raise RefusedFile(f"{name} in it changed while it was read; wait until it is written")
            lines.append(f"{digest.hexdigest()}  {name}\n")
        return {
            "content": asdict(_contained(lambda: read(parts, sizes, limits))),
            "sha256": hashlib.sha256("".join(lines).encode()).hexdigest(),
            "bytes": sum(sizes.values()),
        }

    return _answered(work, limits)


def _answered(work: Callable[[], dict[str, Any]], limits: Limits) -> dict[str, Any]:
    try:
        return work()
    except RefusedFile as refused:
        return {"refused": str(refused)}
    except MemoryError:
        return {
            "refused": f"reading it needs more than the {limits.memory_mib:,} MiB of memory allowed; "
            "it is damaged, or too large for a device"
        }


def _contained(read: Callable[[], Content]) -> Content:
    try:
        found = read()
        return found if found.macs is None or found.macs < 2**63 else replace(found, macs=None)
    except (RefusedFile, MemoryError):
        raise
    except RecursionError:
        raise RefusedFile("it is nested too deeply to be read; export the model again") from None
    except Exception as error:  # parsers of six formats raise dozens of kinds; all mean that the file is not as it says
        said = " ".join(str(error).split())[:200]
        raise RefusedFile(
            f"it cannot be read as what it claims to be ({type(error).__name__}: {said}); "
            "it is damaged or incomplete: export or download it again"
        ) from error


def _all_of(file: int, limits: Limits) -> bytes:
    """All bytes: what is hashed is what is parsed, even if somebody writes to the file meanwhile."""
    with os.fdopen(file, "rb", buffering=0, closefd=False) as stream:
        stream.seek(0)
        pieces, left = [], limits.file_mib * 2**20 + 1
        while left > 0 and (piece := stream.read(min(left, 2**24))):
            pieces.append(piece)
            left -= len(piece)
    if left <= 0:
        raise RefusedFile(f"it has more than {limits.file_mib:,} MiB; it grew while it was read")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _say(answer: int, said: dict[str, Any]) -> None:
    text = json.dumps(said).encode()
    while text:
        text = text[os.write(answer, text) :]


def seal(limits: Limits) -> None:
    """Closes what a reader does not need (files, processes, sockets, privileges) and sets the limits, for good."""
    import resource  # Unix only

    confine()
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):  # a container may have taken these rights from root
            os.setgroups([])
        with contextlib.suppress(OSError):
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    for what, limit in (
        (resource.RLIMIT_AS, limits.memory_mib * 2**20),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses RLIMIT_AS
            resource.setrlimit(what, (limit, limit))
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CLOSED_EXACTLY or event.startswith(_CLOSED):
        if event == "open" and arguments and isinstance(arguments[0], int):
            return  # wrapping the descriptor that we were given
        raise PermissionError(f"{event} {str(arguments[:1])[:80]} is not allowed while a foreign file is read")
