"""Servers and graphics cards that serve for comparison are in no answer unless they are named or asked for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

import flow
from dss.matching import counts
from dss.near_misses import NearMiss, closest, near_misses
from dss.pairs_of_limits import NearMissPair, pairs
from ontology.records import Device, Optimization
from ontology.requirement import Requirement, limits
from ontology.requirement_json import from_json, from_link, to_json, to_link
from repository.knowledge import Knowledge
from tests.dss.small import knowledge, measured, model
from tests.dss.test_query import by_columns, by_query, requirements


def graph() -> Knowledge:
    return knowledge(
        Optimization(name="float", technique=(), precision="float"),
        Device(name="board", label="Board", device_type=("single-board-computer",), price_usd=50.0),
        Device(name="gpu", label="GPU", device_type=("reference-server",), reference_device=True, price_usd=1500.0),
        Device(name="pc", label="PC", device_type=("pc",), reference_device=False),
        model("on-board", device="board", optimization="float"), measured("on-board", inference_latency_ms=40.0),
        model("on-gpu", device="gpu", optimization="float"), measured("on-gpu", inference_latency_ms=1.0),
        model("on-pc", device="pc"), measured("on-pc", inference_latency_ms=10.0),
        model("nowhere"), measured("nowhere", inference_latency_ms=2.0),
    )  # fmt: skip


KNOWN = graph()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Requirement(), ["nowhere", "on-board", "on-pc"]),
        (Requirement(reference_devices=True), ["nowhere", "on-board", "on-gpu", "on-pc"]),
        (Requirement(device_names=("gpu",)), ["on-gpu"]),
        (Requirement(device_names=("gpu", "board")), ["on-board", "on-gpu"]),
        (Requirement(device_types=("reference-server",)), ["on-gpu"]),
        (Requirement(device_types=("pc",)), ["on-pc"]),
        (Requirement(inference_latency_ms_at_most=5.0), ["nowhere"]),
        (Requirement(inference_latency_ms_at_most=5.0, reference_devices=True), ["nowhere", "on-gpu"]),
    ],
)
def test_by_query_and_by_columns(asked: Requirement, found: list[str]) -> None:
    assert by_query(asked, KNOWN) == by_columns(asked, KNOWN) == found


def test_counts_leave_them_out_and_say_so() -> None:
    hidden = counts(flow.find_candidates(Requirement(inference_latency_ms_at_most=5.0), KNOWN))
    assert (hidden.total, hidden.matches, hidden.without_it, hidden.hidden) == (3, 1, 3, 1)
    shown = counts(flow.find_candidates(Requirement(inference_latency_ms_at_most=5.0, reference_devices=True), KNOWN))
    assert (shown.total, shown.matches, shown.without_it, shown.hidden) == (4, 2, 4, 0)
    nothing = counts(flow.find_candidates(Requirement(inference_latency_ms_at_most=0.5), KNOWN))
    assert (nothing.matches, nothing.without_it) == (0, 3)  # the graphics card would be the fourth


def test_nothing_hidden_is_suggested() -> None:
    """A latency of 1 ms is on record, but only on the graphics card."""
    found = flow.find_candidates(Requirement(inference_latency_ms_at_most=0.5), KNOWN)
    assert next(m.value for m in near_misses(found)) == 2.0
    assert "on-gpu" not in [KNOWN.projection.models["model"].iat[c.row] for c in closest(found)]


def test_giving_a_limit_up_never_hides_what_it_named() -> None:
    """Without the name the graphics card would be left out again, so only other names are offered beside it."""
    offered = near_misses(flow.find_candidates(Requirement(device_names=("gpu",)), KNOWN))
    assert [m.value for m in offered] == [("gpu", "board"), ("gpu", "pc")]
    boards = near_misses(flow.find_candidates(Requirement(device_names=("board",)), KNOWN))
    assert [m.value for m in boards] == [("board", "pc"), None]  # here nothing is lost


def test_the_flag_is_no_limit_and_survives_file_and_link() -> None:
    asked = Requirement(reference_devices=True)
    assert limits(asked) == ()
    assert to_json(asked) == {"device": {"reference_devices": True}}
    assert from_json(to_json(asked), {}) == from_link(to_link(asked), {}) == asked


@settings(max_examples=150, deadline=None)
@given(requirements(KNOWN))
def test_the_two_spellings_agree_and_relaxations_keep_their_word(asked: Requirement) -> None:
    assert by_query(asked, KNOWN) == by_columns(asked, KNOWN)
    found = flow.find_candidates(asked, KNOWN)
    before = set(found.matches.tolist())
    relaxations: list[NearMiss | NearMissPair] = [*near_misses(found), *pairs(found)]
    for miss in relaxations:
        after = set(flow.find_candidates(miss.apply(asked), KNOWN).matches.tolist())
        assert len(after - before) == miss.admits


def test_the_shipped_servers_are_hidden(facts: Knowledge) -> None:
    hidden = ~flow.find_candidates(Requirement(), facts).visible
    devices = set(facts.projection.models["device"][hidden])
    assert {"nvidia-rtx-3090", "nvidia-rtx-4090"} <= devices
    assert "reference-server" in {t for d in devices for t in facts.projection.devices[d]["device_type"]}
