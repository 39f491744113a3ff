"""PyTorch Image Models (timm): speed on two CPUs and two GPUs, and the accuracy of every published set of weights.

The accuracy is a property of the weights: a Performance of a trained network, on no device. A measured model with
those weights has it as carried over: one such Performance, which all its models share. On the GPUs many pictures ran
at a time, so that those rows give a throughput and no latency. `size_kb_fp32_derived` counts 1024 bytes. The weights
have licences of their own, which the tables do not print: the licence is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from ontology.records import Grade, Model, Performance, Record, Source, TrainedNetwork
from repository.sources.names import Names
from repository.sources.rows import Outcome, Room, Row, table

ACCURACY, MEASURED = TABLES = ("timm_imagenet_accuracy.csv", "timm_measured.csv")
COMMIT = "aa4b5850c1543fa488abf260f18390eda46cf85d"

SOURCE = Source(
    name="timm-aa4b5850",
    label="PyTorch Image Models (timm)",
    title="PyTorch Image Models: inference benchmarks and ImageNet accuracies",
    licence="Apache-2.0",
    version=f"commit {COMMIT}",
    url=f"https://github.com/huggingface/pytorch-image-models/tree/{COMMIT}/results",
)
CODE = "https://github.com/huggingface/pytorch-image-models"

Sized = tuple[str, str]  # what the weights, or the architecture, are called, and the side of a picture in pixels


def read(folder: Path, names: Names) -> Iterator[Row]:
    """One Row for each row of the two tables in `folder`."""
    measured = list(table(folder, MEASURED))
    macs = {(row["model"], row["infer_img_size"]): _macs(row["gmacs"]) for _, row in measured}
    runs = {_sized(row) for _, row in measured if row["accuracy_weights"]}
    for number, row in table(folder, ACCURACY):
        sized = (row["model"], row["img_size"])
        accuracy = _accuracy(row, names)
        trained = TrainedNetwork(
            name=_name(sized),
            label=f"{row['model']}, {row['img_size']} pixels (timm)",
            network=names.network(SOURCE.name, row["architecture"]),
            weights_name=row["model"],
            input_shape=f"{row['img_size']}x{row['img_size']}",
            parameters=millions(row["params_millions"]),
            macs=macs.get((row["architecture"], row["img_size"])),
            performance=(accuracy.name,),
        )
        records: list[tuple[Room, Record]] = [(Room.NETWORKS, trained), (Room.MODELS, accuracy)]
        if sized in runs:
            carried = replace(accuracy, name=_carried(sized), carried_from=accuracy.name)
            records.append((Room.MODELS, carried))
        yield Row(ACCURACY, number, Outcome.LOADED, records=tuple(records))
    yield from _measured(measured, names)


def _measured(measured: list[tuple[int, dict[str, str]]], names: Names) -> Iterator[Row]:
    told: set[Sized] = set()
    for number, row in measured:
        sized = _sized(row)
        run = _run(row, names)
        records: list[tuple[Room, Record]] = [(Room.MODELS, _model(row, run.name, names)), (Room.MODELS, run)]
        if not row["accuracy_weights"] and sized not in told:
            told.add(sized)
            trained = TrainedNetwork(
                name=_name(sized),
                label=f"{row['model']}, {row['infer_img_size']} pixels (timm, no published weights)",
                network=names.network(SOURCE.name, row["model"]),
                input_shape=f"{row['infer_img_size']}x{row['infer_img_size']}",
                parameters=millions(row["params_millions"]),
                macs=_macs(row["gmacs"]),
            )
            records.append((Room.NETWORKS, trained))
        yield Row(MEASURED, number, Outcome.LOADED, records=tuple(records))


def _accuracy(row: Mapping[str, str], names: Names) -> Performance:
    return Performance(
        name=f"{_name((row['model'], row['img_size']))}-accuracy",
        accuracy_percent=float(row["top1_accuracy_percent"]),
        top5_accuracy_percent=float(row["top5_accuracy_percent"]),
        metric=names.metric("Top-1", "%"),
        test_set=names.data_set(row["dataset"]),
        evidence=Grade.PUBLISHED,
        source=SOURCE.name,
        source_detail=f"results/results-imagenet.csv; {row['model']} at {row['img_size']} pixels, on no stated device",
        current=True,
    )


def _run(row: Mapping[str, str], names: Names) -> Performance:
    batch = int(row["batch_size"])
    detail = row["source_path"]
    if batch > 1:
        detail += f"; {batch} pictures at a time take {row['step_time_ms']} ms, which is no latency of one"
    return Performance(
        name=f"{_model_name(row, names)}-run",
        inference_latency_ms=float(row["latency_ms"]) if row["latency_ms"] and batch == 1 else None,
        throughput_per_s=float(row["throughput_img_per_s"]),
        size_kib=float(row["size_kb_fp32_derived"]),
        printed_latency_ms=float(row["step_time_ms"]) if batch > 1 else None,
        batch_size=batch,
        runtime_version=row["runtime"],
        evidence=Grade.PUBLISHED,
        source=SOURCE.name,
        source_detail=f"{detail}; the size is the parameters in 4 bytes each",
        current=True,
    )


def _model(row: Mapping[str, str], run: str, names: Names) -> Model:
    sized = _sized(row)
    device = names.device(row["device"])
    library, unit = ("PyTorch CUDA", "GPU") if "CUDA" in row["runtime"] else ("PyTorch dynamo", "CPU")
    what = f"{row['model']} {row['infer_img_size']} pixels"
    return Model(
        name=_model_name(row, names),
        label=f"{what}, {row['precision']}, {names.label('dev', device)} (timm)",
        source=SOURCE.name,
        network=names.network(SOURCE.name, row["model"]),
        trained_network=_name(sized),
        optimization=names.optimization(row["precision"]),
        device=device,
        runtime=names.runtime(library, unit),
        purpose=names.purpose("Image Classification"),
        obtain=CODE,
        performance=(run, _carried(sized)) if row["accuracy_weights"] else (run,),
    )


def _model_name(row: Mapping[str, str], names: Names) -> str:
    return f"timm-{row['model']}-{row['infer_img_size']}-{names.device(row['device'])}".lower()


def _sized(row: Mapping[str, str]) -> Sized:
    """Which weights at which size a measured row is about; the architecture where none are published."""
    return row["accuracy_weights"] or row["model"], row["infer_img_size"]


def _name(sized: Sized) -> str:
    return f"timm-{sized[0]}-{sized[1]}".lower()


def _carried(sized: Sized) -> str:
    return f"{_name(sized)}-carried"


def millions(text: str) -> int | None:
    """`25.56` → 25560000, `1,014.45` → 1014450000; None for an empty cell."""
    return int(Decimal(text.replace(",", "")) * 10**6) if text else None


def _macs(text: str) -> int | None:
    return int(Decimal(text) * 10**9) if text else None
