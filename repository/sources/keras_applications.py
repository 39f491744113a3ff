"""Keras Applications: the table of pretrained networks, in two versions of its page.

The newer version (2021) times steps of 32 pictures on a server's processor and on an NVIDIA A100: a throughput, and
no latency. The older one does not say which of two processors ran, nor how many pictures at a time: its times are
kept as printed and are not current. Accuracy and size are those of the weights, and the same in both versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ontology.records import Grade, Model, Performance, Record, Source, TrainedNetwork
from repository.sources.names import Names
from repository.sources.rows import Outcome, Room, Row, table

KERAS = "keras_applications.csv"
TABLES = (KERAS,)

SOURCE = Source(
    name="keras-applications",
    label="Keras Applications",
    title="Keras Applications: the table of pretrained networks",
    licence="Apache-2.0",
    version="the page of 2021, and the one before it (keras-io@01b6d6c4c4ef)",
    url="https://keras.io/api/applications/",
)


def read(folder: Path, names: Names) -> Iterator[Row]:
    """One Row for each row of the table in `folder`."""
    told: set[str] = set()
    for number, row in table(folder, KERAS):
        records: list[tuple[Room, Record]] = []
        trained = f"keras-{row['model']}".lower()
        accuracy = _accuracy(row, f"{trained}-accuracy", names) if row["top1_accuracy_percent"] else None
        if trained not in told:
            told.add(trained)
            records.append((Room.NETWORKS, _trained(row, trained, accuracy, names)))
            if accuracy:
                carried = replace(accuracy, name=f"{trained}-carried", carried_from=accuracy.name)
                records += [(Room.MODELS, accuracy), (Room.MODELS, carried)]
        run = _run(row, names)
        figures = (run.name, f"{trained}-carried") if accuracy else (run.name,)
        records += [(Room.MODELS, _model(row, figures, names)), (Room.MODELS, run)]
        yield Row(KERAS, number, Outcome.LOADED, records=tuple(records))


def _trained(row: Mapping[str, str], name: str, accuracy: Performance | None, names: Names) -> TrainedNetwork:
    return TrainedNetwork(
        name=name,
        label=f"{row['model']} (Keras Applications)",
        network=names.network(SOURCE.name, row["model"]),
        training_data_set=names.training_data("Imagenet"),  # all networks of the page are trained on it
        layers=int(row["depth"]) if row["depth"] else None,
        parameters=int(row["parameters"]),
        performance=(accuracy.name,) if accuracy else None,
    )


def _accuracy(row: Mapping[str, str], name: str, names: Names) -> Performance:
    return Performance(
        name=name,
        accuracy_percent=float(row["top1_accuracy_percent"]),
        top5_accuracy_percent=float(row["top5_accuracy_percent"]),
        metric=names.metric("Top-1", "%"),
        test_set=names.data_set(row["dataset"]),
        evidence=Grade.PUBLISHED,
        source=SOURCE.name,
        source_detail="the page's table, on no stated device",
        current=True,
    )


def _run(row: Mapping[str, str], names: Names) -> Performance:
    step_ms = float(row["latency_ms"])
    batch = int(row["batch_size"]) if row["batch_size"] else None
    detail = f"{row['source']}; {row['latency_note']}"
    if batch is None:
        detail += "; which processor ran and how many pictures at a time is not said"
    return Performance(
        name=f"{_name(row, names)}-run",
        # `batch` pictures in `step_ms` milliseconds.
        throughput_per_s=None if batch is None else round(1000 * batch / step_ms, 3),
        size_kib=float(row["size_kb"]),
        printed_latency_ms=step_ms,
        batch_size=batch,
        evidence=Grade.PUBLISHED,
        source=SOURCE.name,
        source_detail=detail,
        current=batch is not None,
    )


def _model(row: Mapping[str, str], figures: tuple[str, ...], names: Names) -> Model:
    device = names.device(row["device"])
    unit = "" if not row["batch_size"] else "GPU" if row["device"].startswith("NVIDIA") else "CPU"
    return Model(
        name=_name(row, names),
        label=f"{row['model']}, {names.label('dev', device)} (Keras Applications)",
        source=SOURCE.name,
        network=names.network(SOURCE.name, row["model"]),
        trained_network=f"keras-{row['model']}".lower(),
        optimization=names.optimization("float"),
        device=device,
        runtime=names.runtime("keras", unit),
        purpose=names.purpose("Image Classification"),
        obtain=SOURCE.url,
        performance=figures,
    )


def _name(row: Mapping[str, str], names: Names) -> str:
    return f"keras-{row['model']}-{names.device(row['device'])}".lower()
