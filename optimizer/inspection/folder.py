"""The files of a SavedModel folder, opened so that nothing outside of the folder can be read in their place."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from optimizer.inspection.found import Limits, RefusedFile

GRAPH, INDEX = "saved_model.pb", "variables/variables.index"
DATA = re.compile(r"variables/variables\.data-(\d{5})-of-\d{5}")
_PARTS = re.compile(rf"saved_model\.pb|fingerprint\.pb|keras_metadata\.pb|{re.escape(INDEX)}|{DATA.pattern}|assets/.+")
_MOST_FILES, _DEEPEST, _LONGEST_NAME = 200, 5, 300
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def opened(path: Path, limits: Limits) -> dict[str, int]:
    """A descriptor of each file by its name within the folder, such as variables/variables.index; to be closed.

    Raises RefusedFile for links, for files that are no part of a SavedModel, and for too many or too large ones.
    """
    found: dict[str, int] = {}
    try:
        top = os.open(path, _FOLDER)
        try:
            if GRAPH not in os.listdir(top):  # noqa: PTH208
                raise RefusedFile(
                    f"{path.name} is a folder; give one model file, or the folder of a SavedModel, which holds {GRAPH}"
                )
            _collect(path.name, top, "", found, 0)
        finally:
            os.close(top)
        size = sum(os.fstat(file).st_size for file in found.values())
        if size > limits.file_mib * 2**20:
            raise RefusedFile(
                f"{path.name} has {size / 2**20:,.0f} MiB, more than the {limits.file_mib:,} allowed; store it smaller"
            )
    except OSError as error:
        close(found)
        raise RefusedFile(f"{path.name}: cannot be opened ({error}); check its owner and permissions") from None
    except RefusedFile:
        close(found)
        raise
    return found


def is_part(name: str) -> bool:
    """Whether a file of this name within the folder belongs to a SavedModel."""
    return _PARTS.fullmatch(name) is not None and len(name) <= _LONGEST_NAME and name.isprintable()


def close(files: dict[str, int]) -> None:
    """Closes all of them."""
    while files:
        os.close(files.popitem()[1])


def _collect(whole: str, folder: int, prefix: str, found: dict[str, int], depth: int) -> None:
    if depth > _DEEPEST:
        raise RefusedFile(
            f"{whole} is nested more than {_DEEPEST} folders deep; give the folder of the SavedModel only"
        )
    for entry in sorted(os.listdir(folder)):
        name = prefix + entry
        mode = os.stat(entry, dir_fd=folder, follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise RefusedFile(f"{whole} holds the symbolic link {name!r:.100}; put the file itself into its place")
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise RefusedFile(f"{whole} holds a file with the impossible name {name!r:.100}; export the model again")
        if stat.S_ISDIR(mode):
            inner = os.open(entry, _FOLDER, dir_fd=folder)
            try:
                _collect(whole, inner, f"{name}/", found, depth + 1)
            finally:
                os.close(inner)
            continue
        if not stat.S_ISREG(mode) or _PARTS.fullmatch(name) is None:
            raise RefusedFile(
                f"{whole} holds {name!r:.100}, which is no part of a SavedModel; take it out, or export the model again"
            )
        if len(found) == _MOST_FILES:
            raise RefusedFile(f"{whole} holds more than {_MOST_FILES} files; export the model again")
        # NONBLOCK: a pipe put into its place meanwhile would wait for its writer.
        file = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        found[name] = file
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise RefusedFile(f"{whole}: {name!r:.100} is no plain file any more; export the model again")
