"""Every attribute of the DLOM² paper's Table 3 can be a constraint, alone and together with all others."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import flow
from ontology.records import (
    Cloud,
    DataSet,
    Device,
    Grade,
    Model,
    Network,
    Optimization,
    Performance,
    Runtime,
    Source,
    TrainedNetwork,
)
from ontology.requirement import Requirement, limits, spec
from ontology.requirement_json import RequirementError, from_json
from repository.knowledge import Knowledge
from repository.sources.names import Concept
from tests.dss.small import knowledge
from tests.dss.test_query import by_columns, by_query

TABLE = Path(flow.__file__).parent / "repository" / "facts" / "seed_dlom2_table3.csv"

# (class, attribute) of the table → a constraint that `full` meets, and one that it does not.
FIELDS: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {
    ("Performance", "System Latency"): ({"system_latency_ms_at_most": 340}, {"system_latency_ms_at_most": 339}),
    ("Performance", "Inference Latency"): (
        {"inference_latency_ms_at_most": 123}, {"inference_latency_ms_at_most": 122},
    ),
    ("Performance", "Accuracy"): ({"accuracy_percent_at_least": 94.356}, {"accuracy_percent_at_least": 95}),
    ("Performance", "Stability (variance in accuracy for the same target)"): (
        {"stability_percent_at_least": 89}, {"stability_percent_at_least": 90},
    ),
    ("Performance", "Average power consumption"): ({"average_power_w_at_most": 3}, {"average_power_w_at_most": 2}),
    ("Performance", "Throughput"): ({"throughput_per_s_at_least": 8}, {"throughput_per_s_at_least": 9}),
    ("End devices Specs.", "Name"): ({"device_names": ("board",)}, {"device_names": ("other",)}),
    ("End devices Specs.", "CPU, GPU"): ({"processors": ("GPU",)}, {"processors": ("NPU",)}),
    ("End devices Specs.", "Memory"): ({"ram_mib_at_least": 1024}, {"ram_mib_at_least": 2048}),
    ("End devices Specs.", "Camera"): ({"camera": True}, {}),
    ("End devices Specs.", "DL mobile Framework"): ({"frameworks": ("ncnn",)}, {"frameworks": ("TVM",)}),
    ("End devices Specs.", "Price"): ({"device_price_usd_at_most": 70}, {"device_price_usd_at_most": 69}),
    ("Main DLN", "Name"): ({"networks": ("resnet-50",)}, {"networks": ("vgg-16",)}),
    ("Main DLN", "Training Dataset"): ({"training_data": ("skin",)}, {"training_data": ("cats",)}),
    ("Main DLN", "Hyper parameters"): ({"hyper_parameters": ("lr 0.1",)}, {"hyper_parameters": ("lr 1",)}),
    ("Main DLN", "Activation/loss functions"): (
        {"activation": ("SoftMax",), "loss_function": ("cross-entropy",)},
        {"activation": ("SoftMax",), "loss_function": ("hinge",)},
    ),
    ("Main DLN", "No of layers"): ({"layers_at_least": 50}, {"layers_at_least": 100}),
    ("Main DLN", "No. of input/outputs"): (
        {"inputs_at_most": 300, "outputs_at_least": 300}, {"inputs_at_most": 299, "outputs_at_least": 300},
    ),
    ("Optimization", "Quantization"): (
        {"techniques_wanted": ("quantization",)}, {"techniques_excluded": ("quantization",)},
    ),
    ("Optimization", "KD"): (
        {"techniques_one_of": ("knowledge-distillation",)}, {"techniques_excluded": ("knowledge-distillation",)},
    ),
    ("Optimization", "TD"): (
        {"techniques_wanted": ("tensor-decomposition",)}, {"techniques_excluded": ("tensor-decomposition",)},
    ),
    ("Optimization", "Pruning"): ({"techniques_wanted": ("pruning",)}, {"techniques_excluded": ("pruning",)}),
    ("Optimization", "Fine-tuning"): (
        {"techniques_wanted": ("fine-tuning",)}, {"techniques_excluded": ("fine-tuning",)},
    ),
    ("Optimization", "Algorithms"): ({"algorithms": ("k-means",)}, {"algorithms": ("other",)}),
    ("Cloud Conf.", "Host address"): ({"host_addresses": ("ml.example.org",)}, {"host_addresses": ("example.com",)}),
    ("Cloud Conf.", "Response time"): ({"response_time_ms_at_most": 50}, {"response_time_ms_at_most": 49}),
    ("Cloud Conf.", "Shielded execution"): ({"shielded_execution": True}, {}),
    ("Cloud Conf.", "Security protocols"): ({"security_protocols": ("TLS", "mTLS")}, {"security_protocols": ("SSH",)}),
    ("Cloud Conf.", "Cost plan"): ({"monthly_cost_usd_at_most": 73}, {"monthly_cost_usd_at_most": 72}),  # 0.1 × 730
    ("Cloud Conf.", "Backup-Address"): ({"backup_address": True}, {}),
    ("Model", "Year created"): ({"year_at_least": 2019}, {"year_at_least": 2020}),
    ("Model", "Rating"): ({"rating_at_least": 3.9}, {"rating_at_least": 4}),
    ("Model", "Application area"): ({"business_focus": ("medical",)}, {"business_focus": ("industrial",)}),
    ("Model", "Total cost"): ({"budget_usd": 700, "devices": 10}, {"budget_usd": 699, "devices": 10}),  # 10 × 70
    ("Model", "Purpose"): ({"task": ("object-detection",)}, {"task": ("text-generation",)}),
    ("Model", "No. IoT devices"): ({"deployed_devices_at_least": 6}, {"deployed_devices_at_least": 7}),
}  # fmt: skip
TECHNIQUES = ("quantization", "knowledge-distillation", "tensor-decomposition", "pruning", "fine-tuning")

FULL = (
    Source(name="bench"),
    Concept("area", "skin-cancer", "Skin cancer", broader=("medical",)),
    DataSet(name="skin"),
    Network(name="resnet-50"),
    TrainedNetwork(
        name="tn", network="resnet-50", training_data_set="skin", hyper_parameters="lr 0.1", activation="SoftMax",
        loss_function="cross-entropy", layers=50, inputs=300, outputs=300,
    ),
    Device(
        name="board", processor_kind=("CPU", "GPU"), ram_mib=1024.0, has_camera=True, framework=("LiteRT", "ncnn"),
        price_usd=70.0, price_evidence=Grade.LITERATURE,
    ),
    Optimization(name="all", technique=TECHNIQUES, algorithm=("k-means",)),
    Runtime(name="rt", library="LiteRT"),
    Cloud(
        name="server", provider="X", host_address="ml.example.org", response_time_ms=50.0, shielded_execution=True,
        security_protocol=("TLS", "mTLS"), price_usd_per_hour=0.1, backup_address="ml2.example.org",
    ),
    Model(
        name="full", source="bench", network="resnet-50", trained_network="tn", optimization="all", device="board",
        runtime="rt", purpose="object-detection", application_area=("skin-cancer",), year_created=2019,
        number_of_devices=6, declared_rating=3.9, performance=("full-run",),
    ),
    Performance(
        name="full-run", system_latency_ms=340.0, inference_latency_ms=123.0, accuracy_percent=94.356,
        stability_percent=89.0, average_power_w=3.0, throughput_per_s=8.0, evidence=Grade.DECLARED, source="bench",
        current=True,
    ),
    Model(name="silent", source="bench"),
)  # fmt: skip


@pytest.fixture(scope="module")
def two() -> Knowledge:
    """A model that states everything, and one that states nothing."""
    return knowledge(*FULL)


def attributes() -> list[tuple[str, str]]:
    with TABLE.open(encoding="utf-8") as file:
        return [(row["class"], row["attribute"]) for row in csv.DictReader(file)]


def test_the_table_is_covered_row_by_row() -> None:
    assert attributes() == list(FIELDS)
    assert len(FIELDS) == 36


@pytest.mark.parametrize("attribute", FIELDS, ids=lambda a: "-".join(a))
def test_an_attribute_alone(two: Knowledge, attribute: tuple[str, str]) -> None:
    """What is met is found, by the query as by the columns; what is not met, or not stated, is not."""
    met, missed = FIELDS[attribute]
    asked = Requirement(**met)
    assert {limit.field for limit in limits(asked)} == {name for name in met if spec(name).relation is not None}
    names = {"full", "silent"} if _of_the_cloud(met) or "business_focus" in met else {"full"}
    assert set(by_query(asked, two)) == set(by_columns(asked, two)) == names
    if missed:
        asked = Requirement(**missed)
        left = {"silent"} if "business_focus" in missed else set()
        assert set(by_query(asked, two)) == set(by_columns(asked, two)) == left


def test_all_attributes_together(two: Knowledge) -> None:
    met: dict[str, Any] = {}
    for fields, _ in FIELDS.values():
        for name, value in fields.items():
            met[name] = (*met[name], *value) if isinstance(value, tuple) and name in met else value
    asked = replace(Requirement(**met), budget_usd=700 + 12 * 73.0)  # ten boards, and the cloud for twelve months
    assert by_query(asked, two) == by_columns(asked, two) == ["full"]
    for name in met:
        if spec(name).relation is not None:
            assert name in {limit.field for limit in limits(asked)}


def test_what_a_cloud_states_can_be_chosen_by_name(two: Knowledge) -> None:
    choices = two.projection.choices
    assert from_json({"cloud": {"host_addresses": "ml.example.org"}}, choices).host_addresses == ("ml.example.org",)
    assert from_json({"device": {"frameworks": ["ncnn"]}}, choices).frameworks == ("ncnn",)
    with pytest.raises(RequirementError, match=r"did you mean ml\.example\.org"):
        from_json({"cloud": {"host_addresses": "ml.example.com"}}, choices)


def _of_the_cloud(fields: dict[str, Any]) -> bool:
    """A cloud is chosen for the whole request, so each model meets it."""
    return all(spec(name).step == "cloud" for name in fields)
