"""Files kept by their content: models that were built or brought, each once, never overwritten."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20  # bytes


class ArtifactError(Exception):
    """A file could not be kept or found; the message says what to do."""


class ArtifactMissing(ArtifactError, LookupError):
    """No file with this content is kept here."""


class ArtifactDamaged(ArtifactError):
    """A kept file no longer has the content that its name says."""


class ArtifactStore:
    """A folder of files. The name of each is the SHA-256 of its content, in 64 lower-case hexadecimal digits."""

    def __init__(self, folder: Path) -> None:
        """The folder is made when the first file is added."""
        self._folder = folder

    def add(self, path: Path) -> str:
        """Keep a copy of a file; its SHA-256. The same content twice is one file.

        The copy is whole on the disk before it gets its name, so that a kill or a power cut leaves all of it or
        nothing that can be found. Raises ArtifactError when there is no such file, ArtifactDamaged when the same
        content was kept before and has changed since.
        """
        if not path.is_file():
            raise ArtifactError(f"there is no file {path.name}; check its name and folder")
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(prefix=".unfinished-", dir=self._folder)
        try:
            with path.open("rb") as source, os.fdopen(handle, "wb") as copy:
                digest = hashlib.sha256()
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)  # of what is copied, should the file change meanwhile
                    copy.write(chunk)
                copy.flush()
                os.fchmod(copy.fileno(), 0o444)
                os.fsync(copy.fileno())
            sha256 = digest.hexdigest()
            if self.has(sha256):
                self.verify(sha256)
                return sha256
            kept = self._place(sha256)
            kept.parent.mkdir(exist_ok=True)
            os.replace(unfinished, kept)  # noqa: PTH105 - of two that add the same content at once, either may stay
            _sync(kept.parent)
            _sync(self._folder)
            return sha256
        finally:
            Path(unfinished).unlink(missing_ok=True)

    def has(self, sha256: str) -> bool:
        """Whether a file with this content is kept; False for what is no SHA-256."""
        return _SHA256.fullmatch(sha256) is not None and self._place(sha256).is_file()

    def path(self, sha256: str) -> Path:
        """Where the file lies, read-only. Raises ArtifactMissing."""
        if not self.has(sha256):
            raise ArtifactMissing(f"no file {sha256[:64]!r} is kept here; build or register the model again")
        return self._place(sha256)

    def open(self, sha256: str) -> io.BufferedReader:
        """The file, for reading. Raises ArtifactMissing."""
        return self.path(sha256).open("rb")

    def verify(self, sha256: str) -> None:
        """Read the whole file and compare. Raises ArtifactDamaged or ArtifactMissing."""
        with self.open(sha256) as kept:
            found = hashlib.file_digest(kept, "sha256").hexdigest()
        if found != sha256:
            raise ArtifactDamaged(
                f"the kept file {sha256} has the content {found}: the disk or someone changed it; "
                "move it away and add the model's file again"
            )

    def _place(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256


def _sync(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
