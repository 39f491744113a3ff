"""`.keras` files: a zip with a configuration, notes and an HDF5 file of weights; nothing is unpacked to disk."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import h5py

from optimizer.inspection.found import Content, Limits, RefusedFile
from optimizer.inspection.hdf5 import arrays, content
from optimizer.inspection.keras_config import LONGEST, check_names, parse
from optimizer.inspection.kind import NATIVE, PICKLE
from optimizer.inspection.zip_entries import checked

CONFIG, NOTES, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MOST_ENTRIES = 1000
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".npy", ".npz", ".joblib", ".dill")
_NATIVE = (".so", ".dll", ".dylib", ".exe", ".o", ".a", "lib.tar")
_AGAIN = "save the model again with model.save('NAME.keras')"


def read(data: bytes, limits: Limits) -> Content:
    """What a `.keras` file holds. Raises RefusedFile, and what zipfile and h5py raise for damaged files."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = check_entries(archive, limits)
        config = parse(_bytes(archive, entries[CONFIG], LONGEST), CONFIG)
        notes = parse(_bytes(archive, entries[NOTES], LONGEST), NOTES) if NOTES in entries else {}
        stored = _bytes(archive, entries[WEIGHTS], limits.unpacked_mib * 2**20)
    check_names(config)
    with h5py.File(io.BytesIO(stored), "r") as file:
        weights = [w for w in arrays(file, limits) if "/seed_generator/" not in w.path]  # the dice of Dropout
    network = [w for w in weights if not w.path.startswith("/optimizer/")]
    found = content(config, network, "", _producer(notes), limits)
    warnings = list(found.warnings)
    if len(network) < len(weights):
        warnings.append("it also holds the state of the training; without it the file would be smaller")
    extra = sorted(set(entries) - {CONFIG, NOTES, WEIGHTS})
    if extra:
        warnings.append(f"{len(extra)} further files in it were not read: {', '.join(extra[:3])}")
    return replace(found, warnings=tuple(warnings))


def check_entries(archive: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    """The entries by name, when none is out of place, hidden, overlapping or inflated. Raises RefusedFile."""
    listed = archive.infolist()
    if len(listed) > _MOST_ENTRIES:
        raise RefusedFile(f"it is an archive of {len(listed):,} files; a .keras file has three: {_AGAIN}")
    for suffixes, (what, todo) in ((_PICKLES, PICKLE), (_NATIVE, NATIVE)):  # before all else that is wrong with them
        name = next((e.filename for e in listed if e.filename.lower().endswith(suffixes)), None)
        if name is not None:
            raise RefusedFile(f"it holds {name!r:.100}, which is or may hide {what}; {todo}")
    entries = checked(listed, limits, _AGAIN)
    missing = {CONFIG, WEIGHTS} - set(entries)
    if missing:
        raise RefusedFile(
            f"it is a zip archive without {' and '.join(sorted(missing))} (it has {sorted(entries)[:3]}), so no .keras "
            f"file; unpack it, or {_AGAIN}"
        )
    return entries


def _bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    if entry.file_size > most:
        raise RefusedFile(f"{entry.filename!r} in it has {entry.file_size:,} bytes, more than {most:,}: {_AGAIN}")
    with archive.open(entry) as stream:
        data = stream.read(entry.file_size + 1)  # at most what was declared and checked, whatever the stream holds
    if len(data) != entry.file_size:
        raise RefusedFile(f"{entry.filename!r} in it has another size than it says: {_AGAIN}")
    return data


def _producer(notes: Any) -> str | None:
    version = notes.get("keras_version") if isinstance(notes, dict) else None
    return f"Keras {version}" if isinstance(version, str) else None
