"""Files that a visitor brings: data and models, kept under `DLOM_HOME/uploads` by their content.

Nothing here knows Streamlit. What a file holds is checked by `optimizer.data` and `optimizer.inspect`.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from optimizer.data import PICTURE_SUFFIXES
from optimizer.inspection.zip_entries import DAMAGE, LISTED

UPLOADS = "uploads"
DATA_SUFFIXES = ("npz", "zip")
LARGEST_DATA_MIB = 500
LARGEST_MODEL_MIB = 200
LARGEST_UNPACKED = 2 * 2**30  # bytes
MOST_PICTURES = 100_000


class UploadError(ValueError):
    """A file that was brought cannot be used; the message says what to change."""


def keep_file(home: Path, name: str, content: bytes) -> Path:
    """The file below `home/uploads`, the same place for the same content and name."""
    folder = home / UPLOADS / hashlib.sha256(content).hexdigest()[:16]
    file = folder / safe_name(name)
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{file.name}"
        beside.write_bytes(content)
        beside.replace(file)
    return file


def keep_data(home: Path, name: str, content: bytes) -> Path:
    """An .npz file, or the folder that a .zip of pictures becomes. Raises UploadError."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".npz":
        return keep_file(home, name, content)
    if suffix != ".zip":
        raise UploadError(f"{name} is neither .npz nor .zip; bring arrays as .npz, or a zipped folder of pictures")
    folder = home / UPLOADS / hashlib.sha256(content).hexdigest()[:16] / safe_name(PurePosixPath(name).stem)
    if folder.is_dir():
        return folder
    pictures = _pictures(name, content)
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        _unpack(content, pictures, unfinished)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def safe_name(name: str) -> str:
    """A name without folders or characters that a file system or a shell may take amiss."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", PurePosixPath(name.replace("\\", "/")).name).strip(".-")
    return cleaned[-80:] or "file"


def _pictures(name: str, content: bytes) -> dict[str, PurePosixPath]:
    """Entry of the archive → CLASS/PICTURE. A single folder around all classes is taken off."""
    most, files = 2 * MOST_PICTURES, content.count(LISTED)  # folders and notes may be beside the pictures
    if files > most:
        raise UploadError(
            f"{name} holds {files:,} files, and at most {most:,} are looked at: name a folder of this machine instead"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except DAMAGE as error:
        raise UploadError(f"{name} cannot be read as .zip ({error}); pack the folder again") from error
    found = {}
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if entry.is_dir() or path.suffix.lower() not in PICTURE_SUFFIXES or "__MACOSX" in path.parts:
            continue
        if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(entry.external_attr >> 16):
            raise UploadError(f"{name} holds {entry.filename!r}, which leads out of its folder; pack plain files only")
        found[entry.filename] = path
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > LARGEST_UNPACKED or len(found) > MOST_PICTURES:
        raise UploadError(
            f"{name} unpacks to {unpacked / 2**20:,.0f} MiB in {len(found):,} pictures; at most "
            f"{LARGEST_UNPACKED // 2**20:,} MiB and {MOST_PICTURES:,} are taken: name a folder of this machine instead"
        )
    while found and len({p.parts[0] for p in found.values()}) == 1 and min(len(p.parts) for p in found.values()) > 2:
        found = {entry: PurePosixPath(*p.parts[1:]) for entry, p in found.items()}
    if not found or min(len(p.parts) for p in found.values()) < 2:
        raise UploadError(f"{name} has no folders of pictures; make one folder for each class, and pack them together")
    return found


def _unpack(content: bytes, pictures: dict[str, PurePosixPath], folder: Path) -> None:
    left = LARGEST_UNPACKED  # counted as it comes: an archive may say less than it holds
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for entry, path in pictures.items():
            target = folder.joinpath(*(safe_name(part) for part in path.parts))
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with archive.open(entry) as source, target.open("wb") as out:
                    while piece := source.read(1 << 20):
                        left -= len(piece)
                        if left < 0:
                            raise UploadError(f"the archive unpacks to more than {LARGEST_UNPACKED // 2**20:,} MiB")
                        out.write(piece)
            except UploadError:
                raise
            except (*DAMAGE, OSError) as error:
                raise UploadError(f"{entry!r} cannot be unpacked ({error}); pack the folder again") from error
