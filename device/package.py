"""One file that measures models on a device: this room as a zip application (PEP 441), with a key to sign results by.

    python dlom-device.pyz measure MODEL --data DATA.npz --out result.json

It needs Python 3.11 or later, numpy and one runtime on the device, and nothing else of DLOM.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import IO

from device.signed import Key

KEY_FILE = "dlom-device-key.json"
ROOM = Path(__file__).resolve().parent
_SHEBANG = b"#!/usr/bin/env python3\n"

# Written for older Pythons, too, so that they can say what is missing. The room is unpacked for the time of the run,
# because the process that runs a model is started anew from a folder, and may read that folder alone.
_MAIN = """\
import sys

if sys.version_info < (3, 11):
    sys.exit("dlom-device needs Python 3.11 or later; this is %d.%d" % sys.version_info[:2])

import os
import tempfile
import zipfile

with tempfile.TemporaryDirectory(prefix="dlom-device-") as folder:
    with zipfile.ZipFile(os.path.dirname(os.path.abspath(__file__))) as package:
        package.extractall(folder)
    sys.path[0] = folder
    from device.board import main

    code = main(sys.argv[1:], os.path.join(folder, "{key}"))
sys.exit(code)
"""


class PackageError(ValueError):
    """The package cannot be written where it was asked for; the message says why."""


def make_package(out: Path, key: Key) -> Path:
    """Writes the package with this key to `out`, for its owner only; an older package there is replaced.

    Raises PackageError when `out` is something else, its folder is not there, or it cannot be written.
    """
    if not out.parent.is_dir():
        raise PackageError(f"there is no folder {out.parent}; make it, or name another --out")
    if out.exists() and not is_package(out):
        raise PackageError(f"{out} is there already and is no device package; name another --out")
    try:
        handle, beside = tempfile.mkstemp(prefix=".unfinished-", dir=out.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_SHEBANG)
                _pack(file, key)
            Path(beside).chmod(0o700)
            Path(beside).replace(out)
        finally:
            Path(beside).unlink(missing_ok=True)
    except OSError as error:
        raise PackageError(f"{out} cannot be written ({error.strerror or error}); name another --out") from error
    return out


def _pack(file: IO[bytes], key: Key) -> None:
    # A checkout's files may be dated 1970, as builds that are to be the same each time make them; zip begins in 1980.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as package:
        package.writestr("__main__.py", _MAIN.format(key=KEY_FILE))
        package.writestr(KEY_FILE, key.to_json())
        for source in sorted(ROOM.rglob("*.py")):
            package.write(source, f"{ROOM.name}/{source.relative_to(ROOM).as_posix()}")


def is_package(file: Path) -> bool:
    """Whether a file is a package that `make_package` wrote."""
    try:
        with zipfile.ZipFile(file) as found:
            return KEY_FILE in found.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
