"""Lee et al.'s three strategies: what they ask for, and what the facts say of what they promise."""

from __future__ import annotations

import numpy as np
import pytest

import flow
from dss.preferences import weights
from dss.presets import Preset, presets, support, support_sentences
from ontology.records import Objective
from repository.knowledge import Knowledge


@pytest.fixture(scope="module")
def three(facts: Knowledge) -> dict[str, Preset]:
    return {p.name: p for p in presets(facts.projection.choices)}


def test_the_techniques_are_the_papers(three: dict[str, Preset]) -> None:
    """Section 4.3: PRQ for the low end, PRN for the middle, F16 or PRN for the high end."""
    low, mid, high = (three[f"lee-{end}-end"].requirement for end in ("low", "mid", "high"))
    assert low.techniques_wanted == ("pruning", "quantization")
    assert (mid.techniques_wanted, mid.techniques_excluded) == (("pruning",), ("quantization",))
    assert high.techniques_one_of == ("float16-quantization", "pruning")
    assert all("section 4.3" in p.cites and "section 4.3" in p.requirement.title for p in three.values())


def test_the_preferences_follow_its_words(three: dict[str, Preset]) -> None:
    """Low end: small, not sensitive to delay. Middle: all alike. High end: in real time and accurate."""
    low, mid, high = (weights(three[f"lee-{end}-end"].preferences) for end in ("low", "mid", "high"))
    assert low[Objective.COMPLEXITY] > low[Objective.PERFORMANCE] > low[Objective.LATENCY]
    assert (
        mid[Objective.LATENCY] == pytest.approx(mid[Objective.PERFORMANCE]) == pytest.approx(mid[Objective.COMPLEXITY])
    )
    assert high[Objective.LATENCY] == pytest.approx(high[Objective.PERFORMANCE])
    assert high[Objective.LATENCY] > 4 * high[Objective.COMPLEXITY]


def test_each_is_answered_by_what_it_asks_for(facts: Knowledge, three: dict[str, Preset]) -> None:
    for preset in three.values():
        selection = flow.select(preset.requirement, preset.preferences, facts)
        assert selection.ranking.winner is not None, preset.name
        optimizations = set(facts.projection.models["optimization"].iloc[selection.candidates.matches])
        assert {c.optimization for c in preset.claims} <= optimizations


def test_pruned_and_quantized_files_are_smaller_counted_by_hand(facts: Knowledge, three: dict[str, Preset]) -> None:
    """Lee et al., Tables 5 to 11 and 13: every PRQ row beside the NQ row of the same network and data set."""
    p = facts.projection
    size, models = p.columns["size_kib"], p.models
    assert isinstance(size, np.ndarray)
    rows = models[(models["source"] == "lee-2022") & ~np.isnan(size)]
    base = {r["trained"]: size[i] for i, r in rows[rows["optimization"] == "float"].iterrows()}
    prq = rows[rows["optimization"] == "pruning-baseline-quantization"]
    ratios = [size[i] / base[r["trained"]] for i, r in prq.iterrows() if r["trained"] in base]
    found = {s.claim.figure: s for s in support(three["lee-low-end"], p)}
    assert found["size_kib"].effect is not None
    assert found["size_kib"].effect.pairs == len(ratios) >= 14
    assert found["size_kib"].effect.median == pytest.approx(float(np.median(ratios)))
    assert found["size_kib"].effect.highest == pytest.approx(7 / 56, abs=1e-3)  # Table 5: VGGNet, 56 to 7 KB
    assert found["size_kib"].supported
    assert found["accuracy_percent"].supported


def test_what_no_pair_tells_is_not_decided(facts: Knowledge, three: dict[str, Preset]) -> None:
    """The paper's latency is printed for 10,000 pictures, so there is no latency of an inference to compare."""
    found = [s for s in support(three["lee-high-end"], facts.projection) if s.claim.figure == "inference_latency_ms"]
    assert [(s.effect, s.supported) for s in found] == [(None, None), (None, None)]
    assert support_sentences(tuple(found), facts.projection)[0] == (
        "Not decided: Float 16 quantization (F16), latency not slower. No comparable pair on record has the figure."
    )
