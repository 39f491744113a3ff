"""A model file that an engineer brings: read in isolation, measured here, and turned into records."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from device.data import MAP, MARD, RMSE, TOP1
from device.measure import measure
from device.measured import Measured
from ontology.records import DataSet, Device, Network, Record, TrainedNetwork
from optimizer.examples import Examples, examples
from optimizer.inspect import ModelFile, inspect
from repository.measured import measured_records, trained_name

# How the precision that was found in a file is called as an optimization.
OPTIMIZATIONS = {
    "float": "float",
    "float16": "float16-quantization",
    "w8": "baseline-quantization",
    "w8a8": "full-integer-quantization",
}

# What examples are about that are judged so, unless somebody says otherwise.
TASKS = {
    TOP1: "image-classification", RMSE: "regression", MARD: "regression", MAP: "multi-label-classification"
}  # fmt: skip


@dataclass(frozen=True)
class Brought:
    """What was found in the file, on what it was measured, and the figures."""

    file: ModelFile
    measured: Measured
    examples: Examples


def try_on(path: Path, data: str, *, threads: int = 1, seconds: float = 3.0) -> Brought:
    """Read the file in isolation, then measure it on the data; nothing is kept.

    `optimizer.examples` says on which part of the data. Raises RefusedFile, DataError or MeasureError.
    """
    file = inspect(path)
    with tempfile.TemporaryDirectory() as folder:
        given = examples(data, Path(folder))
        measured = measure(path, given.path, threads=threads, seconds=seconds)
    return Brought(file, measured, given)


def brought_records(
    brought: Brought, *, network: Network | str, purpose: str, device: Device, label: str = "",
    made_from: str | None = None,
) -> list[Record]:  # fmt: skip
    """What is registered of it. `network` is a new one, or the name of one on record.

    `made_from` is the SHA-256 of the model that the file was made from, where it is not the one that was brought.
    """
    file = brought.file
    trained = TrainedNetwork(
        name=trained_name(made_from or file.sha256),
        network=network if isinstance(network, str) else network.name,
        layers=file.layers,
        parameters=file.parameters,
        macs=file.macs,
        weights_name=label or None,
    )
    return measured_records(
        brought.measured,
        network=network,
        optimization=OPTIMIZATIONS.get(file.precision or "", "unstated"),
        purpose=purpose,
        device=device,
        data_set=_data_set(brought),
        trained_network=trained,
    )


def task_of(measured: Measured) -> str:
    """What a model is for where nobody says: by how its answers were judged; boxes have a figure at half overlap."""
    return "object-detection" if "ap50" in dict(measured.further_metrics) else TASKS[measured.metric or TOP1]


def network_told(told: str, known: Collection[str]) -> Network | str:
    """The network that a person says a file is: the one of that name on record, else a new one. Raises ValueError."""
    name = told if told in known else slug(told)
    return name if name in known else Network(name=name, label=told)


def network_of_file(called: str, sha256: str, known: Collection[str]) -> Network:
    """A new network for a user's file that is `called` so, when nobody says which network it is.

    Where another network has the name already, the beginning of the file's digest tells the two apart.
    """
    try:
        name = slug(called)
    except ValueError:  # such as a name in Chinese, which the label keeps
        name = "model"
    if name not in known:
        return Network(name=name, label=called)
    piece = next(sha256[:n] for n in (6, 12, 64) if n == 64 or f"{name}-{sha256[:n]}" not in known)
    return Network(name=f"{name}-{piece}", label=f"{called} ({piece})")


def slug(text: str) -> str:
    """A local name made of what a person calls something. Raises ValueError when nothing is left of it."""
    name = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:60]
    if not name:
        raise ValueError(f"{text[:40]!r} is no name; write letters and digits")
    return name


def _data_set(brought: Brought) -> DataSet | str | None:
    """What its quality was measured on; None where nothing is known of right answers."""
    given, measured = brought.examples, brought.measured
    if given.data is None:
        if measured.accuracy_percent is None and measured.metric_value is None:
            return None
        return DataSet(name=f"local-{(measured.data_sha256 or '')[:12]}", label=given.said, examples=measured.samples)
    if given.known is not None:
        return f"{given.known}-test"
    count = len(given.data.y_test) + (len(given.data.y_train) if given.whole else 0)
    return DataSet(
        name=f"local-{given.data.sha256[:12]}{'' if given.whole else '-test'}",
        # What the description says of a split is not so where all of them were measured on.
        label=given.said if given.whole else given.data.description or given.data.name,
        classes=given.data.classes if given.data.has_classes else None,
        examples=count,
    )
