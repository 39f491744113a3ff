"""Total cost for one request, to the cent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dss.cost import (
    DECLARED,
    ESTIMATE,
    QUOTED,
    cost_of,
    offer_cloud,
    spread,
    straddling,
    total_cost_range,
    total_cost_usd,
    wants_cloud,
)
from dss.matching import find
from ontology.records import Cloud
from ontology.requirement import Outcome, Requirement
from repository.knowledge import Knowledge
from repository.terms import node
from repository.triples import quads
from tests.tiny import tiny_graph

CLOUDS = (
    Cloud(name="open", provider="X", price_usd_per_hour=0.05, shielded_execution=False),
    Cloud(name="shielded", provider="X", price_usd_per_hour=0.1, shielded_execution=True),
    Cloud(name="other", provider="Y", price_usd_per_hour=0.2),
    Cloud(name="timed", provider="Z", price_usd_per_hour=0.3, response_time_ms=20.0),
    Cloud(name="unpriced", provider="X", shielded_execution=True),
)


@pytest.fixture(scope="module")
def clouded() -> Knowledge:
    graph = tiny_graph()
    graph.replace(node("g", "clouds-bench"), [q for c in CLOUDS for q in quads(c, node("g", "clouds-bench"))])
    return Knowledge(graph)


def test_the_papers_card_for_ten_devices(tiny: Knowledge) -> None:
    """10 × 785.12 + 7,604.28 = 15,455.48: the 14,000 of the request are exceeded by 1,455.48."""
    p = tiny.projection
    cost = cost_of(Requirement(devices=10), p, p.positions["s"], None)
    assert (cost.hardware_usd, cost.other_usd, cost.cloud_usd) == (7851.2, 7604.28, 0.0)
    assert cost.total_usd == pytest.approx(15455.48)
    assert cost.price_evidence == "declared"


def test_an_unknown_price_leaves_the_total_unknown(tiny: Knowledge) -> None:
    p = tiny.projection
    cost = cost_of(Requirement(devices=10), p, p.positions["n"], None)
    assert cost.device_price_usd is None
    assert cost.total_usd is None


def test_no_cloud_unless_one_is_asked_for(clouded: Knowledge) -> None:
    assert not wants_cloud(Requirement(months=24))
    assert offer_cloud(Requirement(months=24), clouded.projection) is None


@pytest.mark.parametrize(
    ("asked", "chosen", "fits"),
    [
        (Requirement(cloud_hosts=("X",)), "open", True),
        (Requirement(shielded_execution=True), "shielded", True),
        (Requirement(cloud_hosts=("Y",)), "other", True),
        (Requirement(clouds=("other", "shielded")), "shielded", True),
        (Requirement(shielded_execution=True, monthly_cost_usd_at_most=70.0), "open", False),  # 0.1 × 730 = 73 a month
        (Requirement(response_time_ms_at_most=50.0), "timed", True),  # dearer, but the only one that states it
        (Requirement(response_time_ms_at_most=10.0), "open", False),  # unknown is nearer than violated
    ],
)
def test_the_cheapest_cloud_that_fits_is_offered(
    clouded: Knowledge, asked: Requirement, chosen: str, fits: bool
) -> None:
    offered = offer_cloud(asked, clouded.projection)
    assert offered is not None
    assert (offered.name, offered.fits) == (chosen, fits)


def test_the_cloud_counts_for_the_months_in_service(clouded: Knowledge) -> None:
    """2 × 100 for board a, and 0.1 × 730 × 12 = 876 for the cloud: 1,076."""
    asked = Requirement(devices=2, months=12, shielded_execution=True)
    p = clouded.projection
    cloud = offer_cloud(asked, p)
    assert total_cost_usd(asked, p, cloud)[p.positions["a"]] == pytest.approx(1076.0)
    cost = cost_of(asked, p, p.positions["a"], cloud)
    assert cost.hardware_usd == 200.0
    assert cost.cloud_usd == pytest.approx(876.0)


def test_query_and_columns_agree_on_budgets_with_a_cloud(clouded: Knowledge) -> None:
    from tests.dss.test_query import by_columns, by_query

    base = Requirement(devices=2, months=12, shielded_execution=True)
    for budget, expected in ((1076.0, ["a", "p"]), (1075.99, []), (1300.0, ["a", "b", "p"])):
        asked = replace(base, budget_usd=budget)
        assert by_query(asked, clouded) == by_columns(asked, clouded) == expected


def test_a_cloud_that_nobody_describes_is_unknown_not_refused(clouded: Knowledge) -> None:
    offered = offer_cloud(Requirement(backup_address=True), clouded.projection)
    assert offered is not None
    assert [v.outcome for v in offered.verdicts] == [Outcome.UNKNOWN]


@pytest.mark.parametrize(
    ("evidence", "source", "expected"),
    [
        ("declared", "estimate (general knowledge of list prices)", ESTIMATE),
        ("declared", "said by its owner", DECLARED),
        ("declared", "", DECLARED),
        ("literature", "price: a table", QUOTED),
        ("published", "estimate", QUOTED),
        ("predicted", "", ESTIMATE),
        ("", "", QUOTED),
    ],
)
def test_how_far_a_price_may_lie_off(evidence: str, source: str, expected: object) -> None:
    assert spread(evidence, source) is expected


def test_the_total_as_a_range(tiny: Knowledge) -> None:
    """The paper's card: 10 × 785.12 and 7,604.28 are somebody's word, so -5 % to +10 % of 15,455.48."""
    p = tiny.projection
    cost = cost_of(Requirement(devices=10, budget_usd=16000.0), p, p.positions["s"], None)
    assert (cost.low_usd, cost.high_usd) == pytest.approx((14682.706, 17001.028))
    assert [part for part, _ in cost.spreads] == ["device", "other cost"]
    assert cost.straddles
    assert cost_of(Requirement(devices=10), p, p.positions["n"], None).low_usd is None


def test_it_is_judged_by_the_total_and_marked_where_the_range_holds_the_budget(tiny: Knowledge) -> None:
    """Boards at 100 to 500 USD, declared: 95 to 110, 190 to 220, 285 to 330 … The budget of 210 lies in that of b."""
    asked = Requirement(budget_usd=210.0)
    p = tiny.projection
    found = find(asked, p)
    names = p.models["model"]
    assert sorted(names.iloc[found.matches]) == ["a", "b", "p"]
    assert sorted(names[straddling(asked, p, None)]) == ["b"]
    low, high = total_cost_range(asked, p, None)
    for name in "abcdes":
        cost = cost_of(asked, p, p.positions[name], None)
        assert (low[p.positions[name]], high[p.positions[name]]) == pytest.approx((cost.low_usd, cost.high_usd))
        assert cost.straddles == (name == "b")
    assert not straddling(Requirement(), p, None).any()


def test_a_cloud_adds_its_own_spread(clouded: Knowledge) -> None:
    """These clouds' prices state no evidence, so they count as printed: 2 × 100, -5 % to +10 %, and 876 as it is."""
    asked = Requirement(devices=2, months=12, shielded_execution=True)
    p = clouded.projection
    cost = cost_of(asked, p, p.positions["a"], offer_cloud(asked, p))
    assert (cost.low_usd, cost.high_usd) == pytest.approx((190 + 876, 220 + 876))


def test_a_range_is_never_stored(tiny: Knowledge) -> None:
    before = len(tiny.graph)  # type: ignore[arg-type]
    p = tiny.projection
    cost_of(Requirement(devices=10), p, p.positions["s"], None)
    total_cost_range(Requirement(), p, None)
    assert len(tiny.graph) == before  # type: ignore[arg-type]
    assert not [column for column in p.columns if "range" in column or "low_usd" in column]
