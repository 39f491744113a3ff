"""The smallest changes of two limits at once: by hand, and equal to trying everything on random small graphs."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flow
from dss.matching import Candidates, find
from dss.near_misses import NearMiss, narrowest, near_misses, with_name
from dss.pairs_of_limits import apply, pairs
from dss.words import near_miss_pair_words
from ontology.records import Cloud, Device, Grade, Optimization
from ontology.requirement import Limit, Outcome, Relation, Requirement, limits
from repository.knowledge import Knowledge
from repository.projection import Coded
from tests.dss.small import knowledge, measured, model
from tests.dss.test_query import TINY, requirements


def words(asked: Requirement, known: Knowledge) -> list[str]:
    return [near_miss_pair_words(p, known.projection) for p in pairs(flow.find_candidates(asked, known))]


def test_the_staircase_of_two_numbers(tiny: Knowledge) -> None:
    """At least 90 % within 9 ms: a has 60 % in 10 ms, b 65 in 20, c 70 in 30, d 75 in 40, e 80 in 50."""
    asked = Requirement(accuracy_percent_at_least=90.0, inference_latency_ms_at_most=9.0)
    assert words(asked, tiny) == [
        "Accuracy 90 → 60 % and Inference latency 9 → 10 ms, together: admits 1 model",
        "Accuracy 90 → 65 % and Inference latency 9 → 20 ms, together: admits 1 model",
        "Accuracy 90 → 70 % and Inference latency 9 → 30 ms, together: admits 1 model",
        "Accuracy 90 → 75 % and Inference latency 9 → 40 ms, together: admits 1 model",
        "Accuracy 90 → 80 % and Inference latency 9 → 50 ms, together: admits 1 model",
    ]


def test_what_two_numbers_admit_counts_everybody_and_says_who_needs_both(tiny: Knowledge) -> None:
    """At least 85 % within 15 ms: a needs the accuracy alone, 60; the nearest of those that need both is b."""
    asked = Requirement(accuracy_percent_at_least=85.0, inference_latency_ms_at_most=15.0)
    best = pairs(flow.find_candidates(asked, tiny))[0]
    assert (best.first.value, best.second.value) == (65.0, 20.0)
    assert (best.first.admits, best.second.admits) == (0, 0)  # a needs 60 %
    assert (best.admits, best.together) == (1, 1)
    assert best.sizes == pytest.approx((5 / 15, 20 / 85))
    assert best.smallest


def test_a_name_and_a_number(tiny: Knowledge) -> None:
    """w8a8 on a phone within 15 ms: none is a phone; b and d are w8a8, in 20 and 40 ms; a, n and p are float."""
    asked = Requirement(device_types=("phone",), precisions=("w8a8",), inference_latency_ms_at_most=15.0)
    assert words(asked, tiny) == [
        "Types of devices: also allow Single-board computer and Inference latency 15 → 20 ms, together: admits 1 model",
        "Types of devices: also allow Single-board computer and Precision: also allow float, together: admits 3 models",
    ]


def test_of_two_names_the_one_with_the_smaller_number_is_told(tiny: Knowledge) -> None:
    """Of the float models a takes 10 ms, of those in w8a8 b 20 and d 40; n (5 ms) and p (7 ms) need the name alone."""
    asked = Requirement(precisions=("w4a16",), inference_latency_ms_at_most=8.0)
    (only,) = pairs(flow.find_candidates(asked, tiny))
    assert near_miss_pair_words(only, tiny.projection) == (
        "Precision: also allow float and Inference latency 8 → 10 ms, together: admits 3 models"
    )
    assert (only.first.admits, only.second.admits, only.together) == (2, 0, 1)


def test_one_click_applies_both(tiny: Knowledge) -> None:
    asked = Requirement(accuracy_percent_at_least=90.0, inference_latency_ms_at_most=9.0)
    found = flow.find_candidates(asked, tiny)
    assert apply(asked, pairs(found)[0]) == Requirement(
        accuracy_percent_at_least=60.0, inference_latency_ms_at_most=10.0
    )
    single = near_misses(flow.find_candidates(Requirement(inference_latency_ms_at_most=4.0), tiny))[0]
    assert apply(asked, single) == replace(asked, inference_latency_ms_at_most=5.0)


def test_what_the_model_is_for_and_what_is_not_known_are_no_matter_of_relaxing(tiny: Knowledge) -> None:
    assert pairs(flow.find_candidates(Requirement(task=("object-detection",), precisions=("w8a8",)), tiny)) == ()
    lacking = Requirement(throughput_per_s_at_least=1.0, inference_latency_ms_at_most=1.0)  # nobody has a throughput
    assert pairs(flow.find_candidates(lacking, tiny)) == ()
    assert pairs(flow.find_candidates(Requirement(), tiny)) == ()


CLOUDS = (
    Cloud(name="cheap", provider="X", price_usd_per_hour=0.1, shielded_execution=False, response_time_ms=20.0),
    Cloud(name="dear", provider="X", price_usd_per_hour=1.0, shielded_execution=True, response_time_ms=10.0),
)


def test_the_cloud_gives_way_too() -> None:
    """`cheap` costs 73 USD a month and answers in 20 ms, `dear` 730 USD in 10 ms; the model takes 8 ms."""
    known = knowledge(*CLOUDS, model("m"), measured("m", inference_latency_ms=8.0))
    asked = Requirement(monthly_cost_usd_at_most=50.0, response_time_ms_at_most=25.0, inference_latency_ms_at_most=4.0)
    assert words(asked, known) == [
        "Monthly cost of the cloud 50 → 73 USD/month and Inference latency 4 → 8 ms, together: admits 1 model"
    ]
    asked = Requirement(monthly_cost_usd_at_most=50.0, response_time_ms_at_most=15.0)
    assert words(asked, known) == [
        "Response time of the cloud 15 → 20 ms and Monthly cost of the cloud 50 → 73 USD/month, "
        "together: admits 1 model"
    ]


@settings(max_examples=200, deadline=None)
@given(requirements(TINY, most=5))
def test_every_pair_admits_exactly_what_it_says(asked: Requirement) -> None:
    found = flow.find_candidates(asked, TINY)
    before = set(found.matches.tolist())
    for pair in pairs(found):
        after = {miss: admitted(miss.apply(asked), before) for miss in (pair.first, pair.second, pair)}
        assert len(after[pair]) == pair.admits > 0
        assert len(after[pair] - after[pair.first] - after[pair.second]) == pair.together > 0
        if found.cloud is None or found.cloud.fits:
            assert (len(after[pair.first]), len(after[pair.second])) == (pair.first.admits, pair.second.admits)


def admitted(asked: Requirement, before: set[int]) -> set[int]:
    return set(find(asked, TINY.projection).matches.tolist()) - before


# Random small graphs: up to seven models with figures from a few values, so that ties and gaps are frequent.
OPTIMIZATIONS = (
    Optimization(name="float", technique=(), precision="float"),
    Optimization(name="w8a8", technique=("quantization",), precision="w8a8"),
)
DEVICES = tuple(
    Device(name=f"d{i}", price_usd=100.0 * i if i else None, price_evidence=Grade.DECLARED, device_type=("board",))
    for i in range(4)
)
values = st.one_of(st.none(), st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0]))


@st.composite
def graphs(draw: st.DrawFn) -> Knowledge:
    records = []
    for i in range(draw(st.integers(1, 7))):
        figures = {f: draw(values) for f in ("inference_latency_ms", "accuracy_percent", "size_kib")}
        optimization = draw(st.sampled_from([None, "float", "w8a8"]))
        device = draw(st.sampled_from([None, "d0", "d1", "d2", "d3"]))
        records += [model(f"m{i}", optimization=optimization, device=device), measured(f"m{i}", **figures)]
    return knowledge(*OPTIMIZATIONS, *DEVICES, *records)


ASKED = st.builds(
    Requirement,
    inference_latency_ms_at_most=st.sampled_from([None, 0.5, 2.0]),
    accuracy_percent_at_least=st.sampled_from([None, 4.0, 9.0]),
    size_kib_at_most=st.sampled_from([None, 2.0]),
    budget_usd=st.sampled_from([None, 150.0]),
    precisions=st.sampled_from([(), ("w8a8",), ("w4",)]),
    techniques_wanted=st.sampled_from([(), ("quantization",)]),
    device_names=st.sampled_from([(), ("d1",), ("d1", "d2")]),
)


@settings(max_examples=150, deadline=None)
@given(graphs(), ASKED)
def test_the_pairs_are_those_of_an_exhaustive_search(known: Knowledge, asked: Requirement) -> None:
    found = find(asked, known.projection)
    told = {
        (p.first.limit.field, p.second.limit.field, p.first.size, p.second.size): (p.admits, p.together)
        for p in pairs(found)
    }
    assert told.keys() == {key for key, _ in exhaustive(found)}
    for key, counts in told.items():
        assert counts in [c for k, c in exhaustive(found) if k == key]
    sizes = [p.sizes for p in pairs(found)]
    for p in pairs(found):
        undercut = any(a <= p.sizes[0] and b <= p.sizes[1] and (a, b) != p.sizes for a, b in sizes)
        assert p.smallest == (not undercut)


Key = tuple[str, str, float, float]


def exhaustive(found: Candidates) -> list[tuple[Key, tuple[int, int]]]:
    """Every pair of changes is tried by asking anew; those that another undercuts are dropped."""
    asked, p = found.requirement, found.projection

    def admits(requirement: Requirement) -> set[int]:
        return set(find(requirement, p).matches.tolist()) - set(found.matches.tolist())

    kept = []
    for one, other in combinations(limits(asked), 2):
        tried = []
        for a, b in product(every_change(found, one), every_change(found, other)):
            both = admits(b.apply(a.apply(asked)))
            # Whoever lacks a figure is a matter of measuring, so only those count that violate both limits.
            needing = {
                row
                for row in both - admits(a.apply(asked)) - admits(b.apply(asked))
                if all(v.outcome is Outcome.VIOLATED for v in found.verdicts(row) if v.limit in (one, other))
            }
            if needing:
                tried.append(((one.field, other.field, a.size, b.size), (len(both), len(needing))))
        kept += [
            (key, counts)
            for key, counts in tried
            if not any(k[2] <= key[2] and k[3] <= key[3] and k != key for k, _ in tried)
        ]
    return kept


def every_change(found: Candidates, limit: Limit) -> list[NearMiss]:
    column = found.column(limit.figure)
    if isinstance(column, Coded):
        if limit.relation is not Relation.ONE_OF:
            return [NearMiss(limit, None, 0)]
        names = {n for v in column.values if isinstance(v, frozenset) for n in narrowest(found, limit, v)}
        assert isinstance(limit.value, tuple)
        return [NearMiss(limit, with_name(limit, n), 0) for n in names - set(limit.value)]
    numbers = {float(v) for v in column[~np.isnan(column)]}
    assert isinstance(limit.value, float)
    worse = {v for v in numbers if (v > limit.value) == (limit.relation is Relation.AT_MOST) and v != limit.value}
    return [NearMiss(limit, v, 0, abs(v - limit.value)) for v in worse]
