"""Other ways to deploy, each from what is on record, with its cost and what is not known."""

from __future__ import annotations

import pytest

import flow
from dss.deployment import Method, Unknown, deployments
from dss.words import deployment_sentences, deployment_words
from ontology.records import Cloud, Device, Grade, Network, Objective, Optimization
from ontology.requirement import Requirement
from repository.knowledge import Knowledge
from repository.sources.names import Concept
from tests.dss.small import knowledge, measured, model

ESTIMATE = "estimate (general knowledge, not a quotation)"


def device(name: str, kind: str, price: float | None, source: str = ESTIMATE) -> Device:
    return Device(
        name=name, label=name.capitalize(), device_type=(kind,), price_usd=price,
        price_evidence=None if price is None else Grade.DECLARED, price_source=None if price is None else source,
    )  # fmt: skip


@pytest.fixture(scope="module")
def known() -> Knowledge:
    """One network on four devices: 40 ms on the board, 20 on the phone, 10 on the tablet, 5 on the robot."""
    latencies = {"board": 40.0, "phone": 20.0, "tablet": 10.0, "robot": 5.0}
    return knowledge(
        Concept("dtype", "edge-pc", "Edge PC"),
        Concept("dtype", "board", "Board"),
        Network(name="net", label="Net"),
        Network(name="other", label="Other net"),
        Optimization(name="float", technique=(), precision="float"),
        Optimization(name="w8a8", technique=("quantization",), precision="w8a8"),
        device("board", "board", 50.0, "printed by the shop"),
        device("phone", "phone", 300.0), device("tablet", "tablet", 200.0), device("robot", "robot", None),
        device("mini", "edge-pc", 400.0), device("maxi", "edge-pc", 900.0),
        Cloud(name="open", label="Open", price_usd_per_hour=0.1, shielded_execution=False),
        Cloud(name="vault", label="Vault", price_usd_per_hour=0.2, price_evidence=Grade.DECLARED, price_source=ESTIMATE,
              shielded_execution=True),
        *(model(d, network="net", optimization="float", device=d) for d in latencies),
        *(measured(d, inference_latency_ms=latency) for d, latency in latencies.items()),
        model("small", network="net", optimization="w8a8", device="phone"), measured("small", inference_latency_ms=1.0),
        model("else", network="other", optimization="float", device="phone"),
        measured("else", inference_latency_ms=1.0),
    )  # fmt: skip


ON_A_BOARD = Requirement(device_types=("board",), inference_latency_ms_at_most=15.0, budget_usd=1000.0, devices=4)


def test_the_nearest_stronger_device_runs_the_same_network_in_time(known: Knowledge) -> None:
    """The phone is too slow with it (20 ms), and what else it runs is another network or optimization.

    The tablet takes 10 ms and costs 4 × 200; it comes before the robot, whose price is not known.
    """
    found = [d for d in deployments(flow.find_candidates(ON_A_BOARD, known)) if d.method is Method.STRONGER_DEVICE]
    assert [d.name for d in found] == ["tablet", "robot"]
    tablet, robot = found
    names = known.projection.models["model"]
    assert tablet.row is not None
    assert tablet.instead_of is not None
    assert (names.iat[tablet.row], names.iat[tablet.instead_of]) == ("tablet", "board")
    assert [(g.limit.field, g.now, g.then) for g in tablet.gains] == [("inference_latency_ms_at_most", 40.0, 10.0)]
    assert tablet.gains[0].fact is not None
    assert tablet.gains[0].fact.evidence is Grade.PUBLISHED
    assert (tablet.total_usd, tablet.low_usd, tablet.high_usd) == (800.0, 600.0, 1400.0)  # -25 % and +75 %
    assert [v.limit.field for v in tablet.breaks] == ["device_types"]
    assert tablet.unknown == (Unknown.SYSTEM_LATENCY,)
    assert robot.total_usd is None
    assert Unknown.PRICE in robot.unknown
    assert "budget_usd" in [v.limit.field for v in robot.breaks]


def test_a_dearer_device_is_one_that_the_price_forbids(known: Knowledge) -> None:
    """Up to 100 USD a piece there is the board; the tablet costs 200, the phone is too slow at any price."""
    asked = Requirement(device_price_usd_at_most=100.0, inference_latency_ms_at_most=15.0, precisions=("float",))
    found = [d for d in deployments(flow.find_candidates(asked, known)) if d.method is Method.STRONGER_DEVICE]
    assert found[0].name == "tablet"
    assert [v.limit.field for v in found[0].breaks] == ["device_price_usd_at_most"]
    assert "phone" not in [d.name for d in found]


def test_a_fog_node_serves_the_cheapest_device_that_is_allowed(known: Knowledge) -> None:
    """Four boards at 50 USD and one edge PC at 400; no model was measured on it, and nobody knows the network."""
    found = [d for d in deployments(flow.find_candidates(ON_A_BOARD, known)) if d.method is Method.FOG_NODE]
    assert [(d.name, d.total_usd) for d in found] == [("mini", 600.0), ("maxi", 1100.0)]
    mini, maxi = found
    assert [(p.what, p.number, p.amount_usd) for p in mini.parts] == [("Board", 4, 200.0), ("Mini", 1, 400.0)]
    assert (mini.low_usd, mini.high_usd) == pytest.approx((200 * 0.95 + 400 * 0.75, 200 * 1.1 + 400 * 1.75))
    assert set(mini.unknown) == {Unknown.NETWORK_LATENCY, Unknown.CAPACITY, Unknown.INFERENCE_LATENCY}
    assert [v.limit.field for v in maxi.breaks] == ["budget_usd"]
    assert maxi.breaks[0].excess == 100.0
    assert Objective.LATENCY in mini.note.lowers  # Table 1: fog computing


def test_a_fog_node_on_which_a_fitting_model_was_measured_comes_first() -> None:
    known = knowledge(
        device("mini", "edge-pc", 400.0), device("maxi", "edge-pc", 900.0),
        model("there", device="maxi"), measured("there", inference_latency_ms=3.0),
    )  # fmt: skip
    asked = Requirement(device_names=("none",), inference_latency_ms_at_most=5.0)
    found = [d for d in deployments(flow.find_candidates(asked, known)) if d.method is Method.FOG_NODE]
    assert [(d.name, d.row) for d in found] == [("maxi", 0), ("mini", None)]
    assert Unknown.INFERENCE_LATENCY not in found[0].unknown
    assert found[0].total_usd is None  # the devices on site are not on record
    assert Unknown.END_DEVICE in found[0].unknown


def test_a_shielded_cloud_costs_by_the_month(known: Knowledge) -> None:
    """0.2 USD an hour are 146 a month: 1,752 for twelve, and 200 for the boards; 952 over the budget."""
    (cloud,) = (d for d in deployments(flow.find_candidates(ON_A_BOARD, known)) if d.method is Method.SHIELDED_CLOUD)
    assert cloud.name == "vault"
    assert cloud.total_usd == pytest.approx(1952.0)
    assert [v.limit.field for v in cloud.breaks] == ["budget_usd"]
    assert cloud.breaks[0].excess == pytest.approx(952.0)
    assert set(cloud.unknown) == {Unknown.NETWORK_LATENCY, Unknown.INFERENCE_LATENCY, Unknown.OVERHEAD}
    assert [issue.name for issue in cloud.note.risks] == ["performance-overhead"]
    told = deployment_sentences(cloud, known.projection)
    assert deployment_words(cloud, known.projection) == "A shielded cloud: Vault, $1,952 (may be $1,504 to $3,286)"
    assert (
        told[0]
        == "Cost for this request: 4 × Board $200 (declared), Vault for 12 months $1,752 (declared, an estimate)."
    )
    assert "It does not keep: Total budget at most 1,000 USD: has 1,952 USD, 952 over." in told


def test_nothing_is_made_up_where_nothing_is_on_record(tiny: Knowledge) -> None:
    """No edge PC, no cloud, and no stronger device that would do."""
    assert deployments(flow.find_candidates(Requirement(inference_latency_ms_at_most=0.1), tiny)) == ()


def test_every_alternative_of_the_shipped_facts_is_one_on_record(facts: Knowledge) -> None:
    asked = Requirement(
        task=("object-detection",), device_names=("samsung-galaxy-s24",), inference_latency_ms_at_most=0.5,
        devices=5, budget_usd=5000.0,
    )  # fmt: skip
    p = facts.projection
    found = deployments(flow.find_candidates(asked, facts))
    assert {d.method for d in found} == set(Method)
    for d in found:
        assert d.name in p.devices or d.name in p.clouds
        assert d.unknown
        if d.method is Method.STRONGER_DEVICE:
            assert d.row is not None
            assert d.instead_of is not None
            same = p.models.loc[[d.row, d.instead_of], ["network", "trained", "optimization"]]
            assert len(same.drop_duplicates()) == 1
            latency = p.fact(d.row, "inference_latency_ms")
            assert latency is not None
            assert latency.value <= 0.5
        for part in d.parts:
            assert part.amount_usd is None or part.evidence is not None
