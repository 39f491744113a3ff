"""A model file that an engineer brings: read in isolation, measured here, and turned into records."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from device.measure import measure
from device.measured import Measured
from ontology.records import DataSet, Device, Network, Record, TrainedNetwork
from optimizer.data import KNOWN, Data, load
from optimizer.inspect import ModelFile, inspect
from repository.artifacts import ArtifactStore
from repository.measured import measured_records

# How the precision that was found in a file is called as an optimization.
OPTIMIZATIONS = {
    "float": "float",
    "float16": "float16-quantization",
    "w8": "baseline-quantization",
    "w8a8": "full-integer-quantization",
}


@dataclass(frozen=True)
class Brought:
    """What was found in the file, and what was measured of it. `data` is None where none was given."""

    file: ModelFile
    measured: Measured
    data: Data | None
    all_of_it: bool  # the figures are of all examples, not of a held-out part


def try_on(path: Path, data: str, *, threads: int = 1, seconds: float = 3.0) -> Brought:
    """Read the file in isolation, then measure it on the data; nothing is kept.

    A set with a test part is measured on that part, plain `x` and `y` on all of them. Raises RefusedFile, DataError
    or MeasureError.
    """
    file = inspect(path)
    examples = load(data)
    whole = data not in KNOWN and _is_plain(Path(data).expanduser())
    with tempfile.TemporaryDirectory() as folder:
        held = Path(folder) / "data.npz"
        if whole:
            x, y = (
                np.concatenate([examples.x_train, examples.x_test]),
                np.concatenate([examples.y_train, examples.y_test]),
            )
        else:
            x, y = examples.x_test, examples.y_test
        np.savez(held, x=x, y=y)
        measured = measure(path, held, threads=threads, seconds=seconds)
    return Brought(file, measured, examples, whole)


def bring(path: Path, data: str, store: ArtifactStore, *, threads: int = 1, seconds: float = 3.0) -> Brought:
    """The same, and the file is kept among the artifacts."""
    brought = try_on(path, data, threads=threads, seconds=seconds)
    store.add(path)
    return brought


def brought_records(
    brought: Brought, *, network: str, purpose: str, device: Device, known_networks: frozenset[str], label: str = ""
) -> list[Record]:
    """What is registered of it. `network` is a name on record, or what a new one is to be called."""
    file, data = brought.file, brought.data
    name = network if network in known_networks else slug(network)
    net: Network | str = name if name in known_networks else Network(name=name, label=network)
    trained = TrainedNetwork(
        name=f"local-{file.sha256[:12]}",
        network=name,
        layers=file.layers,
        parameters=file.parameters,
        weights_name=label or None,
    )
    return measured_records(
        brought.measured,
        network=net,
        optimization=OPTIMIZATIONS.get(file.precision or "", "unstated"),
        purpose=purpose,
        device=device,
        data_set=None if data is None else _data_set(data, brought.all_of_it),
        trained_network=trained,
    )


def slug(text: str) -> str:
    """A local name made of what a person calls something. Raises ValueError when nothing is left of it."""
    name = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:60]
    if not name:
        raise ValueError(f"{text[:40]!r} is no name; write letters and digits")
    return name


def _data_set(data: Data, whole: bool) -> DataSet | str:
    if data.name in KNOWN:
        return f"{data.name}-test"
    examples = len(data.y_train) + len(data.y_test) if whole else len(data.y_test)
    return DataSet(
        name=f"local-{data.sha256[:12]}{'' if whole else '-test'}",
        label=data.description or data.name,
        classes=data.classes,
        examples=examples,
    )


def _is_plain(path: Path) -> bool:
    """Whether an archive holds plain `x` and `y`, without a split of its own."""
    if path.suffix.lower() != ".npz":
        return False
    with np.load(path, allow_pickle=False) as archive:
        return "x" in archive.files and "x_test" not in archive.files
