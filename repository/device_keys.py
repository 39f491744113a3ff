"""The keys of the device packages that were made here: one file each in `DLOM_HOME/device-keys`, for the owner only."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from device.signed import Key, new_key

FOLDER = "device-keys"


class BadKey(ValueError):
    """A kept key cannot be read; the message says which, and what to do."""


def keep_new(home: Path, today: date) -> Key:
    """A fresh key, kept: with it the results of one package are known again."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = new_key(today)
    handle = os.open(folder / f"{key.id}.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(key.to_json())
        file.flush()
        os.fsync(file.fileno())
    return key


def keys(home: Path) -> dict[str, Key]:
    """Every key by the id of its package. Raises BadKey for a file that is none."""
    found = {}
    for file in sorted((home / FOLDER).glob("*.json")):
        try:
            key = Key.from_json(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadKey(
                f"{FOLDER}/{file.name} in DLOM_HOME is no key ({error}); move it away: results of that package "
                "cannot be checked any more"
            ) from error
        found[key.id] = key
    return found


def forget(home: Path, package: str) -> None:
    """Take back the key of a package that was never finished."""
    (home / FOLDER / f"{package}.json").unlink(missing_ok=True)
