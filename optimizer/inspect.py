"""Reading of foreign model files, which are hostile until proven otherwise: no code of the file ever runs.

`inspect` gives the open file (of a SavedModel, each of its files) to a process of its own, which reads the bytes as
data (no TensorFlow, no Keras, no runtime, no unpickling) and answers with JSON. What is guaranteed:

- Everywhere: a clean environment (`python -I`, no variables of ours), a limit on the answer, on the size of the file
  and on wall-clock time; what the process says is checked again here. Python's own ways to sockets, processes, files,
  imports and unpickling are closed by an audit hook before the first byte is parsed.
- On Unix, also limits on CPU time and written files (none), no core dump, and for other users than root no further
  process or thread. Memory (RLIMIT_AS) is held on Linux; macOS does not honour that limit.
- On Linux, also no network at all where a network namespace may be unshared (root, or unprivileged user namespaces),
  and no file to open, make or run and no TCP port where the kernel has Landlock (5.13; ports from 6.7). Root is given
  up for nobody. The process dies with its parent.

Not guaranteed: where neither namespaces nor Landlock are permitted, a fault in libhdf5 or protobuf that gives a file
power over the reading process would leave it what the operating system leaves the user. Nor does a file that was read
become safe for a runtime that has faults of its own: measure it in a process of its own, too.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from optimizer.inspection import folder, packed
from optimizer.inspection.found import Content, Limits, ModelFile, RefusedFile, TensorSpec
from optimizer.inspection.kind import SUFFIXES, kind

__all__ = ["InspectionFailed", "Limits", "ModelFile", "RefusedFile", "TensorSpec", "inspect", "unpacked"]

CHECKOUT = Path(__file__).resolve().parent.parent
# Appended, not put first: no name of the checkout may stand in for one of the standard library.
_START = "import sys; sys.path.append(sys.argv[1]); from optimizer.inspection.worker import main; main(sys.argv[2:])"
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",  # a user namespace can be entered by a process of one thread only
    "OMP_NUM_THREADS": "1",
    "HDF5_PLUGIN_PRELOAD": "::",  # HDF5 would load libraries named by a file's filters; this turns that off
    "HDF5_USE_FILE_LOCKING": "FALSE",
}
_LONGEST_TEXT = 300
_MOST_ITEMS = 1000


class InspectionFailed(RuntimeError):
    """The reading process could not do its work for a reason that is not in the file, such as a missing library."""


def inspect(path: Path, *, limits: Limits | None = None) -> ModelFile:
    """What the model file at `path` holds, read in isolation (see above) within `limits`.

    H5 and .keras files (Keras 2 and 3), TFLite, ONNX and frozen TensorFlow graphs (pb) are known, by content; the
    suffix only earns a warning. So is the folder of a SavedModel: its size is that of its files together, its sha256
    that of what sha256sum prints of them (`find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum`).
    Packed in a .zip, it is unpacked and read as that folder. Raises RefusedFile for anything else and for what DLOM
    will not touch, InspectionFailed for a fault of the installation.
    """
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="dlom-unpacked-") as folder_of_zip:
        return _inspected(unpacked(path, Path(folder_of_zip), limits=limits), limits)


def _inspected(path: Path, limits: Limits) -> ModelFile:
    if _is_folder(path):
        format_, answer, ended, size = "savedmodel", *_read_folder(path, limits)
    else:
        file = _opened(path)
        try:
            size = _checked_size(path, file, limits)
            format_ = kind(os.pread(file, 4096, 0), path.name)
            answer, ended = _run(format_, limits, file)
        finally:
            os.close(file)
    found = interpret(answer, ended, limits)
    if isinstance(found, str):
        raise RefusedFile(f"{path.name}: {found}")
    content, sha256, bytes_read = found
    if bytes_read != size:
        raise RefusedFile(f"{path.name}: the file was {size:,} bytes, then {bytes_read:,}; wait until it is written")
    suffix = path.suffix.lower()
    warnings = content.warnings
    if suffix not in SUFFIXES.get(format_, (suffix,)):
        warnings = (f"the name ends in {suffix or 'nothing'}, but the content is {format_}", *warnings)
    return ModelFile(
        format=format_,
        sha256=sha256,
        size_kib=size / 1024,
        parameters=content.parameters,
        layers=content.layers,
        operators=content.operators,
        inputs=content.inputs,
        outputs=content.outputs,
        precision=content.precision,
        producer=content.producer,
        warnings=warnings,
        macs=content.macs,
        nodes=content.nodes,
    )


def unpacked(path: Path, folder: Path, *, limits: Limits | None = None) -> Path:
    """The folder, below `folder`, of a SavedModel that is packed in a .zip; any other path as it is.

    Raises RefusedFile with the reason for an archive that holds anything else, or would do harm; nothing is left then.
    """
    limits = limits or Limits()
    if path.suffix.lower() != packed.SUFFIX or _is_folder(path):
        return path
    with os.fdopen(_opened(path), "rb") as archive:
        _checked_size(path, archive.fileno(), limits)
        try:
            return packed.unpack(archive, path.name, folder, limits)
        except RefusedFile as refused:
            raise RefusedFile(f"{path.name}: {refused}") from refused


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):  # `_opened` says what is wrong
        return False


def _read_folder(path: Path, limits: Limits) -> tuple[bytes, int | str, int]:
    """The answer, the exit status and the bytes of a SavedModel."""
    files = folder.opened(path, limits)
    try:
        size = sum(os.fstat(file).st_size for file in files.values())
        return *_run("savedmodel", limits, None, files), size
    finally:
        folder.close(files)


def _opened(path: Path) -> int:
    """A descriptor of the plain file at `path`, so that nobody can put another in its place while it is read."""
    try:
        mode = path.lstat().st_mode
        # NONBLOCK: opening a named pipe would wait for its writer.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC) if stat.S_ISREG(mode) else -1
    except FileNotFoundError:
        raise RefusedFile(f"{path}: there is no such file; check the path") from None
    except (OSError, ValueError) as error:
        raise RefusedFile(f"{path.name}: cannot be opened ({error}); check its owner and permissions") from None
    if file < 0 or not stat.S_ISREG(os.fstat(file).st_mode):
        if file >= 0:
            os.close(file)
        if stat.S_ISLNK(mode):
            raise RefusedFile(f"{path.name} is a symbolic link; give the file that it leads to")
        raise RefusedFile(
            f"{path.name} is no plain file; devices, pipes and sockets are not read: copy the model into a file"
        )
    return file


def _checked_size(path: Path, file: int, limits: Limits) -> int:
    size = os.fstat(file).st_size
    if size == 0:
        raise RefusedFile(f"{path.name} is empty; export the model again")
    if size > limits.file_mib * 2**20:
        raise RefusedFile(
            f"{path.name} has {size / 2**20:,.0f} MiB, more than the {limits.file_mib:,} allowed; "
            "store it smaller (without optimizer state, in float16 or int8)"
        )
    return size


def _run(
    format_: str, limits: Limits, file: int | None, files: Mapping[str, int] = MappingProxyType({})
) -> tuple[bytes, int | str]:
    """The answer of the reading process, and its exit status or the limit of ours that ended it."""
    arguments = [str(CHECKOUT), format_, json.dumps(asdict(limits)), json.dumps(dict(files))]
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", "-c", _START, *arguments],
        stdin=subprocess.DEVNULL if file is None else file,
        pass_fds=tuple(files.values()),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,
    )
    try:
        answer, why = _received(process, limits)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)  # the group: nothing that it started may stay behind
        except (ProcessLookupError, PermissionError):
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
    return answer, why or process.returncode


def _received(process: subprocess.Popen[bytes], limits: Limits) -> tuple[bytes, str]:
    """All that the process writes until it ends, or what was exceeded."""
    assert process.stdout is not None  # asked for above
    deadline = time.monotonic() + limits.wall_s
    answer = bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not ready.select(max(0.0, deadline - time.monotonic())):
                return b"", "time"
            piece = os.read(process.stdout.fileno(), 65536)
            answer += piece
            if len(answer) > limits.answer_kib * 1024:
                return b"", "answer"
            if not piece:
                break
    try:
        process.wait(max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return b"", "time"
    return bytes(answer), ""


def interpret(answer: bytes, ended: int | str, limits: Limits) -> str | tuple[Content, str, int]:
    """What the reading process said: a refusal, or the content, the sha256 and the number of bytes that were read.

    The answer is not trusted: a process that a file has taken over could say anything. Raises InspectionFailed.
    """
    if ended == "time":
        return f"reading it took longer than {limits.wall_s:g} s; it is damaged or made to stall: export it again"
    if ended == "answer":
        return f"its description is longer than {limits.answer_kib:,} KiB; it is damaged, or no model for a device"
    if ended == -signal.SIGXCPU or ended == -signal.SIGKILL:
        return f"reading it took more than {limits.cpu_s} s of computing or too much memory; export it again"
    if isinstance(ended, int) and ended < 0:
        return f"its reader crashed on it (signal {-ended}); it is damaged or hostile: export the model again"
    try:
        said = json.loads(answer)
        if "fault" in said:
            raise InspectionFailed(_text(said["fault"]))
        if "refused" in said:
            return _text(said["refused"], longest=1000)
        return _content(said["content"]), _sha256(said["sha256"]), _count(said["bytes"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return f"its reader gave no sensible answer ({type(error).__name__}, status {ended}); do not use this file"


def _content(said: Any) -> Content:
    layers, operators = said["layers"], said["operators"].items()
    return Content(
        parameters=_count(said["parameters"]),
        layers=None if layers is None else _count(layers),
        operators={_text(name): _count(count) for name, count in sorted(operators)[:_MOST_ITEMS]},
        inputs=tuple(_tensor(spec) for spec in said["inputs"][:_MOST_ITEMS]),
        outputs=tuple(_tensor(spec) for spec in said["outputs"][:_MOST_ITEMS]),
        precision=None if said["precision"] is None else _text(said["precision"]),
        producer=None if said["producer"] is None else _text(said["producer"]),
        warnings=tuple(_text(warning) for warning in said["warnings"][:_MOST_ITEMS]),
        macs=None if said["macs"] is None else _count(said["macs"]),
        nodes=None if said["nodes"] is None else _count(said["nodes"]),
    )


def _tensor(said: Any) -> TensorSpec:
    shape, dtype = said["shape"], said["dtype"]
    return TensorSpec(
        _text(said["name"]),
        None if shape is None else tuple(None if size is None else _count(size) for size in shape[:64]),
        None if dtype is None else _text(dtype),
    )


def _count(said: Any) -> int:
    if type(said) is not int or not 0 <= said < 2**63:
        raise ValueError(f"not a count: {said!r:.40}")
    return said


def _sha256(said: Any) -> str:
    if not isinstance(said, str) or len(said) != 64 or not set(said) <= set("0123456789abcdef"):
        raise ValueError("not a sha256")
    return said


def _text(said: Any, longest: int = _LONGEST_TEXT) -> str:
    """Text that may be shown: no control characters, which could rewrite a terminal, and not too long."""
    if not isinstance(said, str):
        raise TypeError("not a text")
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in said[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
