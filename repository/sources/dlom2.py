"""The DLOM² paper's own example: the model on its result card (Figure 8b), kept as the paper declares it.

The card's device costs 785.12 USD, a real Raspberry Pi 3 about 35: the card has a device of its own, a variant of the
real one, so that neither price is taken for the other. The card names no runtime, no optimization and no data set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from ontology.records import Cloud, Device, Grade, Model, Performance, Record, Source, TrainedNetwork
from ontology.units import to_unit
from repository.sources.names import UNSTATED, Names
from repository.sources.rows import Outcome, Room, Row, table

EXAMPLE, EFFECTS, CLASSES = TABLES = ("seed_dlom2_example.csv", "seed_dlom2_table1.csv", "seed_dlom2_table3.csv")

SOURCE = Source(
    name="dlom2-paper",
    label="DLOM² paper",
    title="The DLOM² paper's example (Figures 7 and 8, section 4.1) and its Tables 1 and 3",
    licence="quoted facts; check the paper's licence before reproducing its text",
)

MODEL = "dlom2-skin-cancer-resnet-50-raspberry-pi-3"
CLOUD = "dlom2-google-tpu"
MAIN_DLN = "dlom2-resnet-50"

_ELSEWHERE: Mapping[str, tuple[Outcome, str]] = MappingProxyType(
    {
        "request": (Outcome.MERGED, "is examples/abc-medical.json"),
        "request_form_options_step1": (Outcome.MERGED, "is the wizard's fields"),
        "request_form_options_step2": (Outcome.MERGED, "is the wizard's fields"),
        "preference_elicitation": (Outcome.MERGED, "is the wizard's comparisons of objectives"),
        "xml_example_end_device": (
            Outcome.LEFT_OUT,
            "shows the file format with made-up values: its memory, camera and framework are not those of the device",
        ),
        "latency_example": (Outcome.LEFT_OUT, "an illustration of latency, not a fact about a model"),
    }
)


def read(folder: Path, names: Names) -> Iterator[Row]:
    """One Row for each row of the three tables in `folder`."""
    rows = list(table(folder, EXAMPLE))
    parts: dict[str, dict[str, Mapping[str, str]]] = {}
    for _, row in rows:
        parts.setdefault(row["part"], {})[row["key"]] = row
    written = {
        "result_card": (MODEL, _card(parts["result_card"], names)),
        "main_dln_example": (MAIN_DLN, (_main_dln(parts["main_dln_example"], names),)),
    }
    begun: set[str] = set()
    for number, row in rows:
        part = row["part"]
        if part in _ELSEWHERE:
            yield Row(EXAMPLE, number, *_ELSEWHERE[part])
        elif part in begun:
            yield Row(EXAMPLE, number, Outcome.MERGED, f"one more line about {written[part][0]}")
        else:
            begun.add(part)
            yield Row(EXAMPLE, number, Outcome.LOADED, records=written[part][1])
    for name in (EFFECTS, CLASSES):
        for number, _ in table(folder, name):
            yield Row(name, number, Outcome.MERGED, "written in ontology/dlom.ttl")


def _card(card: Mapping[str, Mapping[str, str]], names: Names) -> tuple[tuple[Room, Record], ...]:
    value = {key: row["value"] for key, row in card.items()}
    device = Device(
        name=names.device(value["iot_device"]),
        price_usd=float(value["cost_per_device"]),
        price_evidence=Grade.DECLARED,
        price_source="DLOM² paper, Figure 8b",
    )
    cloud = Cloud(
        name=CLOUD,
        label=f"{value['cloud_server']} (as in the DLOM² paper)",
        provider="Google Cloud",
        kind="TPU",
        accelerator="Google TPU",
    )
    figures = Performance(
        name=f"{MODEL}-card",
        inference_latency_ms=to_unit(f"{value['inference_latency']} {card['inference_latency']['unit']}", "ms"),
        system_latency_ms=to_unit(f"{value['system_latency']} {card['system_latency']['unit']}", "ms"),
        accuracy_percent=float(value["accuracy"]),
        metric=names.metric("accuracy", card["accuracy"]["unit"]),
        stability_percent=float(value["stability"]),
        average_memory_mib=to_unit(f"{value['avg_runtime_memory']} {card['avg_runtime_memory']['unit']}", "MiB"),
        evidence=Grade.DECLARED,
        source=SOURCE.name,
        source_detail="Figure 8b",
        current=True,
    )
    devices = int(value["no_iot_devices"])
    hardware = devices * Decimal(value["cost_per_device"])
    if hardware != Decimal(value["check_devices_cost"]):
        raise ValueError(f"{devices} × {value['cost_per_device']} USD is {hardware}, not {value['check_devices_cost']}")
    model = Model(
        name=MODEL,
        label="ResNet-50 for skin cancer on Raspberry Pi 3.0 (DLOM² paper)",
        source=SOURCE.name,
        network=names.network(SOURCE.name, value["dln"]),
        optimization=UNSTATED,
        device=device.name,
        runtime=UNSTATED,
        cloud=CLOUD,
        purpose=names.purpose(value["purpose"]),
        application_area=(names.area(value["field"]),),
        year_created=int(value["year_created"]),
        number_of_devices=devices,
        declared_total_cost_usd=float(value["total_cost"]),
        other_cost_usd=float(Decimal(value["total_cost"]) - hardware),
        declared_rating=float(value["rating"]),
        performance=(figures.name,),
    )
    return ((Room.DEVICES, device), (Room.CLOUDS, cloud), (Room.MODELS, model), (Room.MODELS, figures))


def _main_dln(lines: Mapping[str, Mapping[str, str]], names: Names) -> tuple[Room, Record]:
    """Section 4.1: "DLN is ResNet-50, activation is SoftMax, input and output layer size are 300"."""
    size = int(lines["input_output_layer_size"]["value"])
    return Room.NETWORKS, TrainedNetwork(
        name=MAIN_DLN,
        label="ResNet-50 (example of the DLOM² paper)",
        network=names.network(SOURCE.name, lines["dln"]["value"]),
        activation=lines["activation"]["value"],
        inputs=size,
        outputs=size,
    )
