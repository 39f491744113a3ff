"""Ratings from frozen quantiles, blended with votes."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import flow
from dss.cost import OfferedCloud
from dss.preferences import Preferences
from dss.ratings import BASES, LEAST_MEMBERS, Groups, Scaled, better_when_higher, freeze, place, places, rate, security
from ontology.records import Device, Grade, Model, Objective, Performance, Vote
from ontology.requirement import Requirement
from repository.knowledge import Knowledge
from repository.store import store
from repository.terms import node
from repository.triples import quads
from tests.tiny import tiny_graph

finite = st.floats(-1e6, 1e6)


def ratings_of(knowledge: Knowledge, model: str) -> dict[str, float]:
    rated = rate(knowledge.projection, None)
    row = knowledge.projection.positions[model]
    return {o.value: float(rated.values[o][row]) for o in Objective}


@pytest.mark.parametrize(
    ("model", "quality", "rest"), [("a", 1, 5), ("b", 2, 4), ("c", 3, 3), ("d", 4, 2), ("e", 5, 1)]
)
def test_five_models_take_the_five_ratings(tiny: Knowledge, model: str, quality: float, rest: float) -> None:
    rated = ratings_of(tiny, model)
    assert rated["performance"] == pytest.approx(quality)
    for objective in ("reliability", "cost", "latency", "complexity"):  # less is better, or less is lost
        assert rated[objective] == pytest.approx(rest)
    assert rated["security"] == 4.0


def test_a_newcomer_is_placed_on_the_frozen_scale(tiny: Knowledge) -> None:
    """n has 5 ms, faster than all five; it has no price and no accuracy, so nothing is said of those."""
    rated = ratings_of(tiny, "n")
    assert rated["latency"] == 5.0
    assert np.isnan(rated["cost"])
    assert np.isnan(rated["performance"])


def test_no_scale_for_fewer_than_five(tiny: Knowledge) -> None:
    """p is the only object detector: its latency of 7 ms compares with nothing."""
    assert np.isnan(ratings_of(tiny, "p")["latency"])
    assert all(s.members >= LEAST_MEMBERS for s in tiny.projection.scales)


def test_registering_a_model_reverses_no_other_two() -> None:
    graph = tiny_graph()
    before = {m: ratings_of(Knowledge(graph), m) for m in "abcde"}
    newcomers = [
        record
        for i in range(20)
        for record in (
            Performance(name=f"x{i}-run", inference_latency_ms=11.0 + i, evidence=Grade.PUBLISHED, current=True),
            Device(name=f"x{i}", label="X", price_usd=150.0, price_evidence=Grade.DECLARED),
            Model(
                name=f"x{i}", source="bench", network="small-net", device=f"x{i}", purpose="image-classification",
                performance=(f"x{i}-run",),
            ),
        )
    ]  # fmt: skip
    graph.replace(node("g", "models-x"), [q for r in newcomers for q in quads(r, node("g", "models-x"))])
    assert {m: ratings_of(Knowledge(graph), m) for m in "abcde"} == before


def test_a_refresh_is_an_event_and_makes_a_new_version() -> None:
    graph = tiny_graph()
    assert {s.version for s in Knowledge(graph).projection.scales} == {1}
    for _ in flow.refresh_scales(graph, date(2026, 2, 1)):
        pass
    assert {(s.version, s.obtained) for s in Knowledge(graph).projection.scales} == {(2, "2026-02-01")}
    assert (
        len([q for q in graph.quads(flow.DECISIONS) if q.predicate.value.endswith("scaleVersion")]) == 5 + 5
    )  # the old ones stay on record


def test_a_reference_device_is_on_no_scale() -> None:
    """The five devices cost 100 to 500 USD; a server at 1 USD would make every one of them look dear."""
    graph = tiny_graph()
    before = list(freeze(Knowledge(graph).projection, 2, date(2026, 11, 1)))
    records = (
        Device(name="server", reference_device=True, price_usd=1.0, price_evidence=Grade.DECLARED),
        Model(
            name="on-server",
            source="tiny",
            network="net-a",
            device="server",
            runtime="rt",
            purpose="image-classification",
            performance=("on-server",),
        ),
        Performance(name="on-server", inference_latency_ms=0.01, evidence=Grade.PUBLISHED, current=True),
    )
    graph.replace(
        node("g", "models-reference"), [q for record in records for q in quads(record, node("g", "models-reference"))]
    )
    assert list(freeze(Knowledge(graph).projection, 2, date(2026, 11, 1))) == before


def test_votes_are_blended_with_a_weight_of_three() -> None:
    """(3 × 1 + 5 + 4) / (3 + 2) = 2.4 for a's performance; e's cost is rated 1 and gets one vote of 5: 2."""
    graph = tiny_graph()
    votes = [
        Vote(name="1", model="a", objective=Objective.PERFORMANCE, rating=5, rated_by="Ann"),
        Vote(name="2", model="a", objective=Objective.PERFORMANCE, rating=4, rated_by="Bob"),
        Vote(name="3", model="e", objective=Objective.COST, rating=5, rated_by="Ann"),
        Vote(name="4", model="n", objective=Objective.COST, rating=2, rated_by="Ann"),
    ]
    graph.replace(node("g", "votes"), [q for v in votes for q in quads(v, node("g", "votes"))])
    knowledge = Knowledge(graph)
    assert ratings_of(knowledge, "a")["performance"] == pytest.approx(2.4)
    assert ratings_of(knowledge, "e")["cost"] == pytest.approx(2.0)
    assert ratings_of(knowledge, "n")["cost"] == 2.0  # nothing derived: votes alone


def test_ratings_are_worked_out_once_and_again_after_a_vote() -> None:
    """a's performance is rated 1 by its accuracy; one vote of 5 makes it (3 × 1 + 5) / 4 = 2."""
    knowledge = Knowledge(tiny_graph())
    before = rate(knowledge.projection, None)
    assert rate(knowledge.projection, None) is before
    assert ratings_of(knowledge, "a")["performance"] == pytest.approx(1.0)
    store(knowledge, [Vote(name="1", model="a", objective=Objective.PERFORMANCE, rating=5, rated_by="Ann")])
    assert ratings_of(knowledge, "a")["performance"] == pytest.approx(2.0)
    with pytest.raises(ValueError, match="read-only"):
        before.values[Objective.COST][0] = 5.0


def test_a_cloud_changes_security_alone() -> None:
    """4 without a cloud; 1 + 2 for the device, nothing for a cloud that is neither shielded nor has protocols: 3."""
    p = Knowledge(tiny_graph()).projection
    alone, with_cloud = rate(p, None), rate(p, OfferedCloud("plain", "Plain", 1.0, (), {}))
    a = p.positions["a"]
    assert (alone.values[Objective.SECURITY][a], with_cloud.values[Objective.SECURITY][a]) == (4.0, 3.0)
    assert rate(p, None) is alone
    for objective in set(Objective) - {Objective.SECURITY}:
        assert with_cloud.values[objective] is alone.values[objective]


def test_security_says_nothing_of_a_model_with_a_cloud_of_its_own() -> None:
    graph = tiny_graph()
    own = Model(name="o", source="bench", network="small-net", cloud="somewhere", purpose="image-classification")
    graph.replace(node("g", "models-o"), list(quads(own, node("g", "models-o"))))
    p = Knowledge(graph).projection
    assert np.isnan(security(p, None)[p.positions["o"]])
    assert security(p, None)[p.positions["a"]] == 4.0


@given(st.lists(finite, min_size=2, max_size=30), st.lists(finite, min_size=1, max_size=10))
def test_a_place_is_a_share_and_follows_the_order(members: list[float], asked: list[float]) -> None:
    points = np.quantile(np.array(members), np.linspace(0, 1, 21))
    values = np.sort(np.array(asked))
    found = place(values, points.tolist())
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= -1e-12).all()


def test_places_by_hand() -> None:
    points = [0.0, 10.0, 10.0, 10.0, 20.0]
    assert place(np.array([-1.0, 0.0, 5.0, 10.0, 15.0, 20.0, 21.0]), points).tolist() == [
        0.0, 0.0, 0.125, 0.5, 0.875, 1.0, 1.0,
    ]  # fmt: skip
    assert np.isnan(place(np.array([np.nan]), points)).all()
    assert place(np.array([3.0]), [3.0] * 21).tolist() == [0.5]  # all equal: everybody in the middle


@given(st.lists(st.tuples(st.lists(finite, min_size=2, max_size=30), st.lists(finite | st.just(np.nan), max_size=6))))
def test_values_of_several_scales_have_the_places_that_they_have_on_each(
    groups: list[tuple[list[float], list[float]]],
) -> None:
    """To the last digit, whatever the lengths of the scales, and with members of the scale itself among the values."""
    scales = [np.sort(np.round(members, 1)).tolist() for members, _ in [([0.0, 1.0], []), *groups]]
    asked = [np.array([*values, *scale[:2]]) for scale, (_, values) in zip(scales, [([], []), *groups], strict=True)]
    found = places(np.concatenate(asked), [len(values) for values in asked], scales)
    alone = [place(values, scale) for values, scale in zip(asked, scales, strict=True)]
    assert np.array_equal(found, np.concatenate(alone), equal_nan=True)


def test_the_shipped_models_are_rated_as_each_group_by_itself(facts: Knowledge) -> None:
    p = facts.projection
    groups = Groups(p)
    scaled, scales = Scaled(p), {(s.objective, s.figure, s.purpose, s.metric, s.test_set): s for s in p.scales}
    for basis in BASES:
        values, expected = p.columns[basis.figure], np.full(len(p), np.nan)
        assert isinstance(values, np.ndarray)
        for group, rows in groups.of(basis).items():
            if (scale := scales.get((basis.objective.value, basis.figure, *group))) is not None:
                share = place(values[rows], scale.breakpoints)
                higher = better_when_higher(p, basis, group[1])
                expected[rows] = 1 + 4 * (share if higher else 1 - share)
        assert np.array_equal(scaled.ratings[basis], expected, equal_nan=True)


def test_every_objective_but_security_has_a_basis() -> None:
    assert {b.objective for b in BASES} == set(Objective) - {Objective.SECURITY}


def test_shipped_scales_compare_only_like_with_like(facts: Knowledge) -> None:
    quality = [s for s in facts.projection.scales if s.figure in ("accuracy_percent", "metric_value")]
    assert quality
    assert all(s.metric and s.test_set and s.purpose for s in quality)
    assert {s.objective for s in facts.projection.scales} == {
        "performance", "reliability", "cost", "latency", "complexity",
    }  # fmt: skip


def test_freezing_twice_gives_the_same_scales(tiny: Knowledge) -> None:
    today = date(2026, 1, 1)
    assert list(freeze(tiny.projection, 1, today)) == list(freeze(tiny.projection, 1, today))


def test_matches_without_evidence_set_the_objective_aside(tiny: Knowledge) -> None:
    """Of p nothing but a price is known, and no scale is made of one: only security can be rated."""
    found = flow.find_candidates(Requirement(task=("object-detection",)), tiny)
    ranking = flow.rank_candidates(found, Preferences(()))
    assert set(ranking.set_aside) == set(Objective) - {Objective.SECURITY}
    assert ranking.used[Objective.SECURITY] == 1.0
