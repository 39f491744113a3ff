"""Qualcomm AI Hub Models 0.46.1: latency and memory on fourteen devices, accuracy on one of them.

Several rows may be components of one model; the accuracy of a variant was measured on the Samsung Galaxy S25 and is
carried to the other devices with a mark. Sizes and memory are printed as KB and MB and mean 1024 bytes and 1024²:
MobileNet v2 has 3.49M parameters of 4 bytes = 13,633 KiB and is printed as 13,619 KB.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from ontology.records import Device, Grade, Model, Part, Performance, Record, Source, TrainedNetwork
from repository.sources import aihub_llm
from repository.sources.names import Names
from repository.sources.rows import Outcome, Room, Row, table

PERF, ACCURACY, DEVICES = ("aihub_perf.csv", "aihub_accuracy.csv", "aihub_devices.csv")
TABLES = (PERF, ACCURACY, DEVICES, aihub_llm.LANGUAGE)
COMMIT = "52c080d245d2d20c634459208ff2548ce10b3c9f"
RELEASED = date(2026, 2, 12)

SOURCE = Source(
    name="aihub-0.46.1",
    label="Qualcomm AI Hub Models 0.46.1",
    title="Qualcomm AI Hub Models: performance and accuracy on devices",
    licence="BSD-3-Clause",
    version=f"0.46.1, commit {COMMIT}",
    url=f"https://github.com/quic/ai-hub-models/tree/{COMMIT}",
)

# Every component runs exactly once for one input, so that their latencies add up. All other models in several parts
# repeat a part (diffusion steps, a decoder's tokens, one pass for each prompt, text line, found object or frame).
ONE_PASS: Mapping[str, str] = MappingProxyType(
    {
        "bevfusion_det": "the encoders and the decoder are one network, cut where the runtime needs it",
        "detectron2_detection": "the head judges all proposals of a picture in one batch",
        "fomm": "detector and generator run once for each frame",
        "mediapipe_face": "detector, then landmarks of one face",
        "mediapipe_hand": "detector, then landmarks of one hand",
        "mediapipe_hand_gesture": "detector, landmarks, then the gesture of one hand",
        "mediapipe_pose": "detector, then landmarks of one person",
    }
)

# SA7255P was not run: its rows repeat those of the stand-in.
SAME_RUN: Mapping[str, str] = MappingProxyType({"SA7255P ADP": "QCS8275 (Proxy)"})

Numbered = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class Variant:
    """What AI Hub tells apart: the printed columns that make up a Model's identity."""

    model_id: str
    precision: str
    runtime: str
    device: str

    @classmethod
    def of(cls, row: Mapping[str, str]) -> Variant:
        """The variant that a row of either table is about."""
        return cls(row["model_id"], row["precision"], row["runtime"], row["device"])

    def name(self, names: Names) -> str:
        """The local name of its Model."""
        return f"aihub-{self.model_id}-{self.precision}-{self.runtime}-{names.device(self.device)}".lower()


def read(folder: Path, names: Names) -> Iterator[Row]:
    """One Row for each row of the four tables in `folder`."""
    yield from _devices(folder, names)
    perf = list(table(folder, PERF))
    accuracy = list(table(folder, ACCURACY))
    runs: defaultdict[Variant, list[Numbered]] = defaultdict(list)
    for number, row in perf:
        runs[Variant.of(row)].append((number, row))
    yield from _runs(perf, runs, {Variant.of(row) for _, row in accuracy}, names)
    yield from _accuracies(accuracy, runs, names)
    yield from aihub_llm.read(folder, names, SOURCE.name, RELEASED)


def _devices(folder: Path, names: Names) -> Iterator[Row]:
    for number, row in table(folder, DEVICES):
        device = Device(
            name=names.device(row["device"]),
            os_release=f"{row['os']} {row['os_version']}".strip(),
            chipset=row["chipset"] or None,
            vendor=row["vendor"] or None,
            form_factor=row["form_factor"] or None,
        )
        yield Row(DEVICES, number, Outcome.LOADED, records=((Room.DEVICES, device),))


def _runs(
    perf: Sequence[Numbered], runs: Mapping[Variant, list[Numbered]], judged: set[Variant], names: Names
) -> Iterator[Row]:
    """The profiled models. `judged` are the variants with an accuracy, on the device on which it was measured."""
    by_network: defaultdict[str, list[Numbered]] = defaultdict(list)
    for number, row in perf:
        by_network[row["model_id"]].append((number, row))
    with_accuracy = {(v.model_id, v.precision, v.runtime) for v in judged}
    for number, row in perf:
        variant = Variant.of(row)
        group = runs[variant]
        began, _ = group[0]
        if number != began:
            yield Row(PERF, number, Outcome.MERGED, "a further component of a model that runs in several parts")
            continue
        records: list[tuple[Room, Record]] = []
        if by_network[variant.model_id][0][0] == number:
            components = [r for _, r in by_network[variant.model_id]]
            records.append((Room.NETWORKS, trained_network(components, names)))
        components = [r for _, r in group]
        run, parts = performance(variant, components, names)
        run = replace(run, same_run_as=_twin(variant, run, runs, names))
        figures = [run.name]
        if (variant.model_id, variant.precision, variant.runtime) in with_accuracy:
            figures.append(_accuracy_name(variant, names))
        units = {r["compute_unit"] for r in components}
        unit = units.pop() if len(units) == 1 else "mixed"
        records += [(Room.MODELS, record) for record in (_model(variant, row, unit, tuple(figures), names), run)]
        records += [(Room.MODELS, part) for part in parts]
        yield Row(PERF, number, Outcome.LOADED, records=tuple(records))


def _accuracies(accuracy: Sequence[Numbered], runs: Mapping[Variant, list[Numbered]], names: Names) -> Iterator[Row]:
    """The accuracies: a Performance of the device that was measured, carried to every other device."""
    about = {variant.model_id: group[0][1] for variant, group in runs.items()}
    others: defaultdict[tuple[str, str, str], list[Variant]] = defaultdict(list)
    for variant in runs:
        others[(variant.model_id, variant.precision, variant.runtime)].append(variant)
    for number, row in accuracy:
        variant = Variant.of(row)
        measured = _accuracy(variant, row, names)
        records: list[tuple[Room, Record]] = []
        if variant not in runs:
            records.append((Room.MODELS, _model(variant, about[variant.model_id], "", (measured.name,), names)))
        records.append((Room.MODELS, measured))
        for other in others[(variant.model_id, variant.precision, variant.runtime)]:
            if other != variant:
                carried = replace(measured, name=_accuracy_name(other, names), carried_from=measured.name)
                records.append((Room.MODELS, carried))
        yield Row(ACCURACY, number, Outcome.LOADED, records=tuple(records))


def trained_network(components: Sequence[Mapping[str, str]], names: Names) -> TrainedNetwork:
    """The network that all rows of one model_id share; a property that its components print differently is left out."""
    model_id = components[0]["model_id"]
    checkpoint = _common(components, "checkpoint")
    if checkpoint == "None":
        checkpoint = None
    parameters = _common(components, "parameters")
    return TrainedNetwork(
        name=f"aihub-{model_id}".lower(),
        label=f"{components[0]['model']} (AI Hub)",
        network=names.network(SOURCE.name, model_id),
        training_data_set=names.training_data(checkpoint) if checkpoint else None,
        weights_name=checkpoint,
        input_shape=_common(components, "input_resolution"),
        parameters=count(parameters) if parameters else None,
    )


def performance(
    variant: Variant, components: Sequence[Mapping[str, str]], names: Names
) -> tuple[Performance, tuple[Part, ...]]:
    """The profile of one variant: totals where they may be claimed, and its parts where there are several."""
    model = variant.name(names)
    several = len(components) > 1
    total = not several or variant.model_id in ONE_PASS
    version = _common(components, "qairt_version")
    peak = None if several else _memory_mib(components[0])
    detail = components[0]["source_path"]
    if not several and peak is None:
        detail += "; peak memory is printed as 0, which is no figure"
    run = Performance(
        name=f"{model}-run",
        inference_latency_ms=_sum(components, "latency_ms") if total else None,
        peak_memory_mib=peak,
        size_kib=_sum(components, "size_kb") if total else None,
        runtime_operators=_operators(components) if total else None,
        runtime_version=f"QAIRT {version}" if version else None,
        part=tuple(f"{model}-{row['component']}".lower() for row in components) if several else None,
        evidence=Grade.PUBLISHED,
        source=SOURCE.name,
        source_detail=detail,
        obtained=RELEASED,
        current=True,
    )
    parts = tuple(
        Part(
            name=f"{model}-{row['component']}".lower(),
            label=row["component"],
            part_latency_ms=float(row["latency_ms"]),
            part_peak_memory_mib=_memory_mib(row),
            part_size_kib=float(row["size_kb"]) if row["size_kb"] else None,
            part_compute_unit=row["compute_unit"],
        )
        for row in components
    )
    return run, parts if several else ()


def _model(variant: Variant, row: Mapping[str, str], unit: str, figures: tuple[str, ...], names: Names) -> Model:
    licence = names.licence(row["model_license"])
    device, runtime = names.device(variant.device), names.runtime(variant.runtime, unit)
    return Model(
        name=variant.name(names),
        label=f"{row['model']} {variant.precision}, {names.label('rt', runtime)}, {names.label('dev', device)}",
        source=SOURCE.name,
        network=names.network(SOURCE.name, variant.model_id),
        trained_network=f"aihub-{variant.model_id}".lower(),
        optimization=names.optimization(variant.precision),
        device=device,
        runtime=runtime,
        purpose=names.purpose_of(SOURCE.name, variant.model_id, row["use_case"]),
        licence=licence.label,
        commercial_use=licence.commercial_use,
        obtain=f"https://aihub.qualcomm.com/models/{variant.model_id}",
        performance=figures,
    )


def _accuracy(variant: Variant, row: Mapping[str, str], names: Names) -> Performance:
    metric = names.metric(row["metric_name"], row["metric_unit"])
    value = float(row["metric_value"])
    percent = names.is_accuracy(metric)
    detail = row["source"].partition(") ")[2]
    if percent and 0 < value < 1:
        detail += "; printed with the unit %, looks like a fraction"
    return Performance(
        name=_accuracy_name(variant, names),
        accuracy_percent=value if percent else None,
        metric_value=None if percent else value,
        metric=metric,
        test_set=names.data_set(row["dataset"], row["dataset_split"], int(row["n_samples"])),
        samples=int(row["n_samples"]),
        original_value=float(row["torch_fp32_metric"]) if row["torch_fp32_metric"] else None,
        evidence=Grade.PUBLISHED,
        source=SOURCE.name,
        source_detail=detail,
        obtained=RELEASED,
        current=True,
    )


def _accuracy_name(variant: Variant, names: Names) -> str:
    return f"{variant.name(names)}-accuracy"


def _twin(variant: Variant, run: Performance, runs: Mapping[Variant, list[Numbered]], names: Names) -> str | None:
    """The Performance of the stand-in that this one repeats, if its printed figures are really the same."""
    if variant.device not in SAME_RUN:
        return None
    twin = replace(variant, device=SAME_RUN[variant.device])
    if twin not in runs:
        return None
    figures = ("component", "compute_unit", "latency_ms", "peak_memory_max_mb", "layers_total", "size_kb")
    mine, other = ([tuple(row[f] for f in figures) for _, row in runs[v]] for v in (variant, twin))
    return f"{twin.name(names)}-run" if sorted(mine) == sorted(other) else None


def count(text: str) -> int:
    """`3.49M` → 3490000, `878K` → 878000, `91` → 91."""
    factors = {"K": 10**3, "M": 10**6, "B": 10**9}
    return int(Decimal(text.rstrip("KMB")) * factors.get(text[-1], 1))


def _common(components: Sequence[Mapping[str, str]], column: str) -> str | None:
    values = {row[column] for row in components}
    return (values.pop() or None) if len(values) == 1 else None


def _sum(components: Sequence[Mapping[str, str]], column: str) -> float | None:
    if not all(row[column] for row in components):
        return None
    return round(math.fsum(float(row[column]) for row in components), 6)


def _operators(components: Sequence[Mapping[str, str]]) -> int | None:
    total = _sum(components, "layers_total")
    return None if total is None else int(total)


def _memory_mib(row: Mapping[str, str]) -> float | None:
    """The printed maximum; the minimum is 0 in most rows. A maximum of 0, on Windows only, is no figure either."""
    return float(row["peak_memory_max_mb"] or 0) or None
