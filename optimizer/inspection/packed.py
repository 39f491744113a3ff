"""SavedModels packed in a .zip, unpacked before they are read: by the list of what belongs to one, and within limits.

Nothing of a model is looked at here, only names and sizes; zlib alone touches the bytes. An archive is refused whole
before the first byte is written, or while it unpacks to more than it said.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from optimizer.inspection.folder import GRAPH, is_part
from optimizer.inspection.found import Limits, RefusedFile
from optimizer.inspection.zip_entries import DAMAGE, LISTED, checked

SUFFIX = ".zip"
_OF_KERAS = "config.json"
_MOST_ENTRIES = 1000
_NOISE = re.compile(r"__MACOSX/.*|(.*/)?(\.DS_Store|Thumbs\.db|desktop\.ini)")  # of those who pack by a right click
_AGAIN = "pack the folder of the SavedModel again"
_PIECE = 2**20


def unpack(archive: BinaryIO, name: str, folder: Path, limits: Limits) -> Path:
    """The folder, below `folder`, of the SavedModel in `archive`, which is called `name`.

    A single folder around all of it is taken off. Raises RefusedFile; nothing is left in `folder` then.
    """
    _check_length(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            parts = _parts(checked(opened.infolist(), limits, _AGAIN))
            return _written(opened, parts, folder, name)
    except DAMAGE as error:
        if isinstance(error, RefusedFile):
            raise
        raise RefusedFile(f"it cannot be unpacked ({error}); {_AGAIN}") from error
    except OSError as error:
        raise RefusedFile(f"it cannot be unpacked here ({error}); is there space left on the disk?") from error


def _check_length(archive: BinaryIO) -> None:
    """Refuses an archive of very many files before Python makes an object of each. Raises RefusedFile."""
    count, rest = 0, b""
    archive.seek(0)
    while piece := archive.read(_PIECE):
        text = rest + piece
        count += text.count(LISTED)
        rest = text[-len(LISTED) + 1 :]
    if count > _MOST_ENTRIES:
        raise RefusedFile(f"it is an archive of {count:,} files or more; a SavedModel has some ten: {_AGAIN}")
    archive.seek(0)


def _parts(entries: dict[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The files by their names within the SavedModel. Raises RefusedFile for what does not belong to one."""
    files = {n: entry for n, entry in entries.items() if not entry.is_dir() and _NOISE.fullmatch(n) is None}
    while GRAPH not in files and len({n.partition("/")[0] for n in files}) == 1 and all("/" in n for n in files):
        files = {n.partition("/")[2]: entry for n, entry in files.items()}
    if GRAPH not in files and _OF_KERAS in files:
        raise RefusedFile("it is a .keras file under another name; give it the ending .keras")
    if GRAPH not in files:
        held = ", ".join(sorted(entries)[:3]) or "nothing"
        raise RefusedFile(
            f"it holds {held:.120}, and no {GRAPH}; pack the folder of a SavedModel (zip -r model.zip FOLDER), or give "
            "any other kind of model file as it is"
        )
    strange = next((n for n in files if not is_part(n)), None)
    if strange is not None:
        raise RefusedFile(
            f"it holds {strange!r:.100}, which is no part of a SavedModel; take it out, and pack it again"
        )
    return files


def _written(archive: zipfile.ZipFile, parts: dict[str, zipfile.ZipInfo], folder: Path, name: str) -> Path:
    to = folder / (PurePosixPath(name).stem.strip(".") or "model")
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
    try:
        for part, entry in parts.items():
            file = unfinished / part
            file.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, file.open("xb") as out:
                shutil.copyfileobj(source, out, _PIECE)  # zipfile gives no more than the list says, and checks the sum
                if out.tell() < entry.file_size:
                    raise RefusedFile(f"{part!r:.100} in it is smaller than the list says; {_AGAIN}")
        unfinished.chmod(0o755)  # as the folder that it was
        return unfinished.replace(to)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
