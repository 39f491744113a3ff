"""A finished candidate as the records that are registered of it; only `flow` registers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ontology.records import DataSet, Device, Network, Record, TrainedNetwork
from optimizer.candidate import Lineage, MeasuredCandidate
from optimizer.data import KNOWN
from optimizer.formats.shelf import FORMATS
from repository.measured import measured_records, model_name


def records_of(
    candidate: MeasuredCandidate, built: Sequence[MeasuredCandidate], device: Device, requirement: Mapping[str, Any]
) -> list[Record]:
    """What is registered of one candidate: figures, run, file, trained network, data, and what it was made from."""
    lineage, recipe = candidate.lineage, candidate.recipe
    training, test = _data_sets(lineage)
    parent = next((c for c in built if c.sha256 == lineage.parent_sha256), None)
    own = lineage.own_sha256
    network: Network | str = (
        recipe.network if own is None else Network(name=f"own-{own[:12]}", label=f"Own model {own[:12]}")
    )
    net_name = network if isinstance(network, str) else network.name
    trained = TrainedNetwork(
        name=f"local-{(lineage.parent_sha256 or candidate.sha256)[:12]}",
        network=net_name,
        training_data_set=training if isinstance(training, str) else training.name,
        hyper_parameters=None
        if own
        else f"Adam, learning rate {recipe.learning_rate:g}, batch {recipe.batch}, {lineage.epochs} epochs",
        layers=candidate.layers,
        outputs=lineage.classes,
        input_shape="x".join(map(str, lineage.input_shape)),
        parameters=candidate.parameters,
        seed=lineage.seed,
    )
    task = requirement.get("project", {}).get("task") or "image-classification"
    return [
        *(d for d in (training,) if not isinstance(d, str)),
        *measured_records(
            candidate.measured,
            network=network,
            optimization=FORMATS[recipe.format].optimization,
            purpose=task if isinstance(task, str) else task[0],
            device=device,
            data_set=test,
            trained_network=trained,
            derived_from=None if parent is None else model_name(parent.sha256, parent.measured.runtime, device.name),
            original_accuracy_percent=parent.measured.accuracy_percent if parent else None,
            commercial_use=True if own is None else None,
        ),
    ]


def _data_sets(lineage: Lineage) -> tuple[DataSet | str, DataSet | str]:
    """The data that were learnt from and tested on: reviewed names for known sets, else records of the user's own."""
    if lineage.data_name in KNOWN:
        return lineage.data_name, f"{lineage.data_name}-test"
    name = f"local-{lineage.data_sha256[:12]}"
    said = lineage.data_description or lineage.data_name
    return (
        DataSet(name=name, label=said, classes=lineage.classes, examples=lineage.train_samples),
        DataSet(
            name=f"{name}-test", label=f"{said}, held out", subset_of=name, classes=lineage.classes,
            examples=lineage.test_samples,
        ),
    )  # fmt: skip
