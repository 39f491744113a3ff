"""Lee, Lee and Lee 2022 (Sensors 22(19), 7344): what quantization, pruning and distillation did to eight networks.

The paper names no device, so its rows are literature. Its latency is said to be for 10,000 pictures, which most
values cannot be: it is kept as printed, and never becomes the latency of one inference. A KB is 1000 bytes here:
ResNet-50 with ten classes, its norms folded into the convolutions, has 23,501,962 numbers of 4 bytes = 94,008 KB and
is printed as 94,052; one hundred classes instead of ten add 184,410 numbers = 738 KB, which is the printed difference.
Of Table 14, the rows without distillation repeat Tables 8 to 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ontology.records import Grade, Model, Performance, Record, Source, TrainedNetwork
from repository.sources.names import Names
from repository.sources.rows import Outcome, Room, Row, table
from repository.sources.timm import millions

SETUPS, IMAGENET = TABLES = ("seed_lee2022.csv", "seed_lee2022_table12.csv")
IMAGES = 10_000  # "for 10,000 validation images"

SOURCE = Source(
    name="lee-2022",
    label="Lee et al. 2022",
    title="Lee, Lee and Lee: optimization strategies for edge devices, Tables 5 to 14",
    licence="CC-BY-4.0",
    version="Sensors 2022, 22(19), 7344",
    url="https://doi.org/10.3390/s22197344",
)
_FIGURES = ("accuracy_percent", "size_kb", "latency_ms")
_KEY = ("network", "dataset", "setup", "kd")


def read(folder: Path, names: Names) -> Iterator[Row]:
    """One Row for each row of the two tables in `folder`."""
    first: dict[tuple[str, ...], Mapping[str, str]] = {}
    trained: set[str] = set()
    for number, row in table(folder, SETUPS):
        before = first.setdefault(tuple(row[column] for column in _KEY), row)
        if before is not row and all(before[column] == row[column] for column in _FIGURES):
            yield Row(SETUPS, number, Outcome.MERGED, "Table 14 repeats a row of an earlier table")
            continue
        figures = performance(row, names)
        records: list[tuple[Room, Record]] = [(Room.MODELS, _model(row, figures, names)), (Room.MODELS, figures)]
        if _trained_name(row) not in trained:
            trained.add(_trained_name(row))
            records.append((Room.NETWORKS, _trained(row, names)))
        yield Row(SETUPS, number, Outcome.LOADED, records=tuple(records))
    for number, row in table(folder, IMAGENET):
        accuracy = _table12(row, names)
        network = TrainedNetwork(
            name=accuracy.name.removesuffix("-accuracy"),
            label=f"{row['network']} {row['width']}, ImageNet (Lee et al. 2022, Table 12)",
            network=names.network(SOURCE.name, row["network"]),
            parameters=millions(row["params_millions"]),
            macs=millions(row["madds_millions"]),
            performance=(accuracy.name,),
        )
        yield Row(IMAGENET, number, Outcome.LOADED, records=((Room.NETWORKS, network), (Room.MODELS, accuracy)))


def performance(row: Mapping[str, str], names: Names) -> Performance:
    """The figures of one row. Where the printed digits cannot be split surely, size and latency are left out."""
    detail = row["source"].partition("; text of")[0]
    printed = None
    if row["latency_ms"]:
        printed = float(row["latency_ms"])
        detail += f"; latency printed as {row['latency_ms']} ms {row['latency_note']}"
    if row["split_certainty"] != "certain":
        detail += f"; the printed digits cannot be split surely: {row['alternatives']}"
    certain = row["split_certainty"] == "certain"
    return Performance(
        name=f"{_name(row)}-table",
        accuracy_percent=float(row["accuracy_percent"]),
        size_kib=round(float(row["size_kb"]) * 1000 / 1024, 3) if row["size_kb"] and certain else None,
        printed_latency_ms=printed if certain else None,
        metric=names.metric("Top-1", "%"),
        test_set=names.data_set(row["dataset"], "validation images", IMAGES),
        samples=IMAGES,
        evidence=Grade.LITERATURE,
        source=SOURCE.name,
        source_detail=detail,
        current=True,
    )


def _model(row: Mapping[str, str], figures: Performance, names: Names) -> Model:
    optimization = names.optimization(row["setup"].lower() + ("+kd" if row["kd"] == "1" else ""))
    return Model(
        name=_name(row),
        label=f"{row['network']} on {row['dataset']}, {names.label('opt', optimization)} (Lee et al. 2022)",
        source=SOURCE.name,
        network=names.network(SOURCE.name, row["network"]),
        trained_network=_trained_name(row),
        optimization=optimization,
        runtime=names.runtime(row["runtime"]),
        purpose=names.purpose("Image Classification"),
        year_created=2022,
        performance=(figures.name,),
    )


def _trained(row: Mapping[str, str], names: Names) -> TrainedNetwork:
    taught = f", taught by {row['kd_teacher']}" if row["kd"] == "1" else ""
    return TrainedNetwork(
        name=_trained_name(row),
        label=f"{row['network']} on {row['dataset']}{taught} (Lee et al. 2022)",
        network=names.network(SOURCE.name, row["network"]),
        training_data_set={"CIFAR10": "cifar10", "CIFAR100": "cifar100"}[row["dataset"]],
    )


def _table12(row: Mapping[str, str], names: Names) -> Performance:
    return Performance(
        name=f"lee-2022-table-12-{row['network']}-{row['width']}-accuracy".lower().replace(" ", "-"),
        accuracy_percent=float(row["top1_accuracy_percent"]),
        metric=names.metric("Top-1", "%"),
        test_set=names.data_set(row["dataset"]),
        evidence=Grade.LITERATURE,
        source=SOURCE.name,
        source_detail=row["source"].partition("; text of")[0],
        current=True,
    )


def _name(row: Mapping[str, str]) -> str:
    distilled = "-kd" if row["kd"] == "1" else ""
    return f"lee-2022-{row['network']}-{row['dataset']}-{row['setup']}{distilled}".lower().replace(" ", "-")


def _trained_name(row: Mapping[str, str]) -> str:
    distilled = "-kd" if row["kd"] == "1" else ""
    return f"lee-2022-{row['network']}-{row['dataset']}{distilled}".lower().replace(" ", "-")
