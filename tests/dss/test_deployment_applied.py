"""Asking for an alternative deployment: the model that would run is then a match."""

from __future__ import annotations

import pytest

from dss.deployment import Method, apply, deployments
from dss.matching import find
from ontology.requirement import Requirement
from repository.knowledge import Knowledge

CASES = [
    Requirement(
        task=("semantic-segmentation",), device_types=("edge-device",), devices=25, budget_usd=20000.0,
        precisions=("w8a8",), inference_latency_ms_at_most=7.0, networks=("ffnet-78s-lowres",),
    ),
    Requirement(task=("object-detection",), device_types=("android-phone",), inference_latency_ms_at_most=1.0),
    Requirement(task=("image-classification",), device_price_usd_at_most=100.0, inference_latency_ms_at_most=2.0),
]  # fmt: skip


@pytest.mark.parametrize("asked", CASES)
def test_the_model_of_an_alternative_matches_once_it_is_asked_for(facts: Knowledge, asked: Requirement) -> None:
    for found in deployments(find(asked, facts.projection)):
        wanted = apply(asked, found)
        assert wanted.task == asked.task
        if found.method is Method.SHIELDED_CLOUD:
            assert (wanted.clouds, wanted.shielded_execution) == ((found.name,), True)
            assert find(wanted, facts.projection).cloud.name == found.name  # type: ignore[union-attr]
            continue
        assert wanted.device_names == (found.name,)
        if found.row is not None:
            assert found.row in find(wanted, facts.projection).matches


def test_a_fog_node_is_asked_for_alone_and_a_stronger_device_for_all(facts: Knowledge) -> None:
    asked = CASES[0]
    by_method = {d.method: d for d in deployments(find(asked, facts.projection))}
    assert apply(asked, by_method[Method.FOG_NODE]).devices == 1
    assert apply(asked, by_method[Method.FOG_NODE]).device_types == ()
    assert apply(asked, by_method[Method.STRONGER_DEVICE]).devices == 25


def test_without_a_broken_limit_nothing_else_changes(facts: Knowledge) -> None:
    asked = Requirement(task=("object-detection",), device_names=("raspberry-pi-4",), inference_latency_ms_at_most=5.0)
    for found in deployments(find(asked, facts.projection)):
        if found.method is Method.STRONGER_DEVICE and not found.breaks:
            wanted = apply(asked, found)
            assert (wanted.inference_latency_ms_at_most, wanted.device_names) == (5.0, (found.name,))
