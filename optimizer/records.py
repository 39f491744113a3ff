"""A finished candidate as the records that are registered of it; only `flow` registers them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ontology.records import Artifact, DataSet, Device, Network, Record, TrainedNetwork
from optimizer.candidate import Lineage, MeasuredCandidate
from optimizer.data import KNOWN
from optimizer.formats.check import NumericCheck
from optimizer.formats.shelf import FORMATS
from repository.measured import measured_records, model_name, trained_name


def records_of(
    candidate: MeasuredCandidate,
    built: Sequence[MeasuredCandidate],
    device: Device,
    requirement: Mapping[str, Any],
    network: Network | str | None = None,
) -> list[Record]:
    """What is registered of one candidate: figures, run, files, trained network, data, and what it was made from.

    `network` is that of a user's model, new or a name on record; one of the shelf is that of the recipe.
    The model is derived from the nearest file of its chain that was measured, its file from the one before it, each
    with the check against the network as it was trained.
    """
    lineage, recipe = candidate.lineage, candidate.recipe
    training, test = _data_sets(lineage)
    parent, first = measured_before(candidate, built), _first(candidate, built)
    own = lineage.own_sha256
    network = network or recipe.network
    trained = TrainedNetwork(
        name=trained_name(own or lineage.first_sha256 or candidate.sha256),
        network=network if isinstance(network, str) else network.name,
        training_data_set=training if isinstance(training, str) else training.name,
        hyper_parameters=None
        if own
        else f"Adam, learning rate {recipe.learning_rate:g}, batch {recipe.batch}, {lineage.epochs} epochs",
        layers=candidate.layers,
        outputs=lineage.outputs or lineage.classes,
        input_shape="x".join(map(str, lineage.input_shape)),
        parameters=candidate.parameters,
        macs=candidate.macs,
        seed=lineage.seed,
    )
    task = requirement.get("project", {}).get("task") or "image-classification"
    return [
        *(d for d in (training,) if not isinstance(d, str)),
        *_files_before(candidate),
        *(
            replace(record, made_from=_parent(candidate), **_checked(candidate.check))
            if isinstance(record, Artifact)
            else record
            for record in measured_records(
                candidate.measured,
                network=network,
                optimization=FORMATS[recipe.format].optimization,
                purpose=task if isinstance(task, str) else task[0],
                device=device,
                data_set=test,
                trained_network=trained,
                derived_from=None
                if parent is None
                else model_name(parent.sha256, parent.measured.runtime, device.name),
                original_value=None if first is None else first.measured.quality,
                commercial_use=True if own is None else None,
            )
        ),
    ]


def measured_before(candidate: MeasuredCandidate, built: Sequence[MeasuredCandidate]) -> MeasuredCandidate | None:
    """The candidate of the nearest file before this one in its chain; `None` where none of them was measured."""
    by_file = {c.sha256: c for c in reversed(built)}
    before = [made.sha256 for made in candidate.lineage.chain] or [candidate.lineage.parent_sha256 or ""]
    # Two ways through the chain may meet in the same bytes: a file is not derived from itself.
    found = (by_file[sha256] for sha256 in reversed(before) if sha256 in by_file and sha256 != candidate.sha256)
    return next(found, None)


def all_before(
    candidate: MeasuredCandidate, built: Sequence[MeasuredCandidate], wanted: Collection[tuple[object, str]]
) -> bool:
    """Whether every file before it that is `wanted` (its training and format) has been measured."""
    files = {c.sha256 for c in built}
    lineage = candidate.lineage
    if not lineage.chain:  # the first file, or what an earlier version built
        return lineage.parent_sha256 in files | {None}
    return all(m.sha256 in files for m in lineage.chain if (candidate.recipe.training, m.format) in wanted)


def _first(candidate: MeasuredCandidate, built: Sequence[MeasuredCandidate]) -> MeasuredCandidate | None:
    """The candidate of the file that the chain began with, whose accuracy is the original one."""
    return next((c for c in built if c.sha256 == candidate.lineage.first_sha256), None)


def _parent(candidate: MeasuredCandidate) -> str | None:
    """The file it was made from; two steps may give the same bytes, and a file is not made from itself."""
    before: list[str | None] = [made.sha256 for made in candidate.lineage.chain]
    return next(
        (sha256 for sha256 in reversed(before or [candidate.lineage.parent_sha256]) if sha256 != candidate.sha256), None
    )


def _files_before(candidate: MeasuredCandidate) -> list[Artifact]:
    """The files of the chain before the candidate's own, each made from the one before it."""
    found: dict[str, Artifact] = {}
    parent: str | None = None
    for made in candidate.lineage.chain:
        if made.sha256 not in found and made.sha256 != candidate.sha256:
            found[made.sha256] = Artifact(
                name=made.sha256,
                format=FORMATS[made.format].suffix.removeprefix("."),
                file_size_kib=made.size_kib,
                made_from=parent,
                **_checked(made.check),
            )
            parent = made.sha256
    return list(found.values())


def _checked(check: NumericCheck | None) -> dict[str, Any]:
    if check is None:
        return {}
    return {
        "check_samples": check.samples,
        "largest_difference": check.largest_difference,
        "agreement_percent": check.agreement_percent,
        "range_percent": check.range_percent,
    }


def _data_sets(lineage: Lineage) -> tuple[DataSet | str, DataSet | str]:
    """The data that were learnt from and tested on: reviewed names for known sets, else records of the user's own."""
    # A user's archive may be called digits.npz.
    if lineage.data_name in KNOWN and lineage.data_is_known is not False:
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
