"""The GROUP BY on one table counts what the catalogue counts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import engines, facet_table, facets, shipped
from repository.knowledge import STORE
from tests.tiny import tiny_graph
from wizard.catalogue import Wanted

pytest.importorskip("duckdb")


@pytest.fixture(scope="module")
def quads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file beside which the projection of the tiny graph is kept."""
    home = tmp_path_factory.mktemp("home")
    tiny_graph().snapshot(home / STORE)
    assert len(shipped.project_once(home, home / "tiny.nq")) == 8
    return home / "tiny.nq"


def table(quads: Path, asked: Wanted) -> Mapping[str, Mapping[str, int]]:
    engine = engines.duckdb_facets(quads)
    found: Mapping[str, Mapping[str, int]] = engine.read(engine.run(facet_table.counts(asked)))
    return found


def test_counts_that_can_be_read_off_the_tiny_graph(quads: Path) -> None:
    counts = table(quads, Wanted(chosen={"technique": ("quantization",)}))
    assert counts["purpose"] == {"image-classification": 2}  # b and d
    assert counts["device"] == {"board-b": 1, "board-d": 1}
    assert counts["technique"] == {"none": 5, "quantization": 2}  # as if none were chosen; s has none that is known
    assert counts["has"]["inference_latency_ms"] == counts["has"]["any"] == 2
    assert counts["grade"] == {"measured": 2, "published": 2}
    assert table(quads, Wanted(words="Board-A smallnet"))["purpose"] == {
        "image-classification": 1,
        "object-detection": 1,
    }


@settings(max_examples=40, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "purpose": st.sampled_from([("image-classification",), ("object-detection", "image-classification")]),
            "device_type": st.sampled_from([("edge-device",), ("phone",)]),
            "technique": st.sampled_from([("none",), ("quantization",), ("quantization", "none")]),
            "commercial": st.sampled_from([("yes",), ("unknown", "no")]),
            "has": st.sampled_from([("any",), ("accuracy_percent",)]),
            "grade": st.sampled_from([("measured",), ("declared", "published")]),
        },
    ),
    st.sampled_from(["", "board", "skin", "SMALLNET board-c", "' OR 1=1 --"]),
    st.booleans(),
)
def test_both_count_the_same(quads: Path, chosen: dict[str, tuple[str, ...]], words: str, reference: bool) -> None:
    asked = Wanted(words, chosen, reference)
    ours = engines.facet_counts(quads)
    assert ours.read(ours.run(asked)) == table(quads, asked)


@pytest.mark.slow
def test_the_benchmark_times_both_for_each_state(quads: Path) -> None:
    rows = list(facets.measured(quads, "8"))
    assert [r.name for r in rows] == [f"8, {s}: {e}" for s in facets.STATES for e in (facets.OURS, facets.TABLE)]
    assert rows[0].ratio_to == "8, nothing chosen: DuckDB"
