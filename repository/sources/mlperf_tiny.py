"""MLPerf Tiny v1.2 (closed division): microcontrollers and small accelerators on four tasks.

Every benchmark here is single stream: one inference after the other, so that 1000 / throughput is the latency of one
(https://mlcommons.org/en/inference-tiny). The quality of three tasks is top-1 accuracy, that of anomaly detection is
the area under the ROC curve, which keeps its name. Precision is known only where the system's name tells it. Later
editions have a streaming wake word, whose energy is that of a whole stream: it is never the energy of an inference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType

from ontology.records import Grade, Model, Performance, Source
from repository.sources.names import UNSTATED, Names
from repository.sources.rows import Outcome, Room, Row, table

RESULTS = "mlperf_tiny_v1_2.csv"
TABLES = (RESULTS,)
COMMIT = "cadb362343f559d459e7cdb8748685ba76b9eb23"
RELEASED = date(2024, 4, 17)

SOURCE = Source(
    name="mlperf-tiny-1.2",
    label="MLPerf Tiny v1.2",
    title="MLPerf Tiny v1.2 results, closed division",
    licence="Apache-2.0; MLPerf is a trademark of MLCommons",
    version=f"v1.2 (2024-04-17), commit {COMMIT}",
    url=f"https://github.com/mlcommons/tiny_results_v1.2/tree/{COMMIT}",
)
NOT_STATED = frozenset({"", "N/A", "None"})  # of a runtime
STREAMING = frozenset({"sww"})  # benchmarks whose energy covers a stream and not one inference
_TASK: Mapping[str, str] = MappingProxyType({"ic": "Image Classification"})  # the others: by their network


def read(folder: Path, names: Names) -> Iterator[Row]:
    """One Row for each row of the table in `folder`."""
    for number, row in table(folder, RESULTS):
        figures = performance(row)
        quality = _quality(row, names)
        model = _model(row, (figures.name, quality.name), names)
        records = tuple((Room.MODELS, record) for record in (model, figures, quality))
        yield Row(RESULTS, number, Outcome.LOADED, records=records)


def performance(row: Mapping[str, str]) -> Performance:
    """Speed and energy of one row; the energy in millijoules for one inference, or none for a stream."""
    detail = f"{row['organization']}, {row['system_id']}, {row['benchmark']}; latency: 1000 / throughput, single stream"
    if row["hardware_notes"]:
        detail += f"; {row['hardware_notes']}"
    streaming = row["benchmark"] in STREAMING
    if streaming and row["energy_uj"]:
        detail += f"; {row['energy_uj']} µJ for the whole stream"
    return Performance(
        name=f"{_name(row)}-run",
        inference_latency_ms=float(row["latency_ms_derived"]) if row["latency_ms_derived"] else None,
        throughput_per_s=float(row["throughput_inf_per_s"]) if row["throughput_inf_per_s"] else None,
        energy_mj=None if streaming or not row["energy_uj"] else round(float(row["energy_uj"]) / 1000, 9),
        batch_size=1,
        runtime_version=row["runtime"] if row["runtime"] not in NOT_STATED else None,
        evidence=Grade.PUBLISHED,
        source=SOURCE.name,
        source_detail=detail,
        obtained=RELEASED,
        current=True,
    )


def _quality(row: Mapping[str, str], names: Names) -> Performance:
    accuracy, auc = row["accuracy_percent"], row["auc"]
    return Performance(
        name=f"{_name(row)}-quality",
        accuracy_percent=float(accuracy) if accuracy else None,
        metric_value=float(auc) if auc else None,
        metric=names.metric("Top-1", "%") if accuracy else names.metric("Area Under the ROC Curve", "1"),
        test_set=names.data_set(row["dataset"], "MLPerf Tiny"),
        evidence=Grade.PUBLISHED,
        source=SOURCE.name,
        source_detail=f"{row['organization']}, {row['system_id']}, {row['benchmark']}",
        obtained=RELEASED,
        current=True,
    )


def _model(row: Mapping[str, str], figures: tuple[str, ...], names: Names) -> Model:
    device = names.device(row["device"])
    stated = [text for text in (row["runtime"], row["libraries"]) if text not in NOT_STATED]
    library = re.sub(r" (v|version )[\d.]+$", "", stated[0]) if stated else ""
    unit = "NPU" if row["accelerator"] else "CPU"
    return Model(
        name=_name(row),
        label=f"{row['reference_model']}, {names.label('dev', device)}, {row['system_id']} (MLPerf Tiny)",
        source=SOURCE.name,
        network=names.network(SOURCE.name, row["reference_model"]),
        optimization=_optimization(row["system_id"], names),
        device=device,
        runtime=names.runtime(library, unit) if library else UNSTATED,
        purpose=names.purpose_of(SOURCE.name, row["reference_model"], _TASK.get(row["benchmark"], "")),
        obtain=SOURCE.url,
        performance=figures,
    )


def _optimization(system: str, names: Names) -> str:
    """`NUCLEO_H7A3ZI_int8_min_ram` is int8; most names tell nothing."""
    told = [word for word in ("int8", "float") if word in system.lower().split("_")]
    return names.optimization(told[0]) if told else UNSTATED


def _name(row: Mapping[str, str]) -> str:
    return f"mlperf-tiny-{row['system_id']}-{row['benchmark']}".lower()
