"""The SQL on one wide table says what the columns and the composed query say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import wide_table
from bench.live_counts import count_query
from bench.wide_table import Sql, connect
from dss import matching
from dss.query import compose
from flow import find_candidates
from ontology.records import Grade
from ontology.requirement import Requirement
from repository.graph import frame
from tests.tiny import tiny_knowledge

pytest.importorskip("duckdb")
KNOWN = tiny_knowledge()
TABLE = connect(KNOWN.projection)


def ask(sql: Sql) -> list[tuple[Any, ...]]:
    return TABLE.execute(sql.text, sql.values).fetchall()


def models(requirement: Requirement) -> str:
    return "".join(row[0] for row in ask(wide_table.matching(requirement)))


@pytest.mark.parametrize(
    ("requirement", "found"),
    [
        (Requirement(), "abcdenps"),
        (Requirement(inference_latency_ms_at_most=30.0), "abcnp"),
        (Requirement(accuracy_percent_at_least=70.0), "cdes"),
        (Requirement(inference_latency_ms_at_most=30.0, evidence=Grade.PUBLISHED), "abcp"),  # n is declared
        (Requirement(accuracy_percent_at_least=70.0, evidence=Grade.MEASURED), "cde"),  # s is declared
        (Requirement(metric=("top-1",), evidence=Grade.MEASURED), "abcde"),
        (Requirement(budget_usd=1000.0, devices=5), "abp"),  # 100 and 200 USD each; s has 7,604 USD of other cost
        (Requirement(business_focus=("medical",)), "abcdenps"),  # s is for skin cancer, the others state nothing
        (Requirement(business_focus=("industrial",)), "abcdenp"),
        (Requirement(task=("object-detection",)), "p"),
        (Requirement(device_types=("edge-device",)), "abcdenps"),
        (Requirement(commercial_use=True), "abcde"),
        (Requirement(techniques_wanted=("quantization",)), "bd"),
        (Requirement(techniques_excluded=("quantization",)), "acenp"),  # nothing is known of s
        (Requirement(task=("nothing'; DROP TABLE models; --",)), ""),
    ],
)
def test_the_table_finds_what_can_be_read_off_the_tiny_graph(requirement: Requirement, found: str) -> None:
    assert models(requirement) == found


def test_the_counts_of_a_limit_that_keeps_most_out() -> None:
    asked = Requirement(task=("image-classification",), accuracy_percent_at_least=75.0, inference_latency_ms_at_most=45)
    # d matches; n would if its accuracy were measured; the latency alone keeps e and s out, the accuracy a, b, c, n.
    assert ask(wide_table.counts(asked)) == [(8, 1, 1, 0, 4, 2)]


def test_a_cloud_cannot_be_asked_of_the_table() -> None:
    with pytest.raises(ValueError, match="shielded_execution: the wide table has no clouds"):
        wide_table.matching(Requirement(shielded_execution=True))


CHOICES: dict[str, list[Any]] = {
    "task": [("image-classification",), ("object-detection",)],
    "business_focus": [("medical",), ("skin-cancer",), ("industrial",)],
    "budget_usd": [500.0, 1000.0, 9000.0],
    "devices": [1, 2, 10],
    "device_types": [("edge-device",), ("phone",), ("phone", "single-board-computer")],
    "commercial_use": [True],
    "parameters_at_most": [3e6],
    "techniques_wanted": [("quantization",)],
    "techniques_excluded": [("quantization",)],
    "precisions": [("float",), ("float", "w8a8")],
    "accuracy_percent_at_least": [65.0, 94.0],
    "metric": [("top-1",)],
    "test_data": [("flowers",), ("flowers-test",)],
    "inference_latency_ms_at_most": [5.0, 30.0],
    "size_kib_at_most": [2000.0],
    "evidence": [Grade.MEASURED, Grade.PUBLISHED, Grade.DECLARED],
}


@settings(max_examples=60, deadline=None)
@given(st.fixed_dictionaries({}, optional={name: st.sampled_from(c) for name, c in CHOICES.items()}))
def test_table_columns_and_query_agree(chosen: dict[str, Any]) -> None:
    requirement = Requirement(**chosen)
    found = matching.counts(find_candidates(requirement, KNOWN))
    total, matches, if_measured, *alone = ask(wide_table.counts(requirement))[0]
    assert (total, matches, if_measured) == (found.total, found.matches, found.if_measured)
    assert matches + max(alone) == found.without_it
    assert len(models(requirement)) == found.matches
    assert len(frame(KNOWN.graph, compose(requirement))["model"].unique()) == found.matches
    assert frame(KNOWN.graph, count_query(requirement))["count"].astype(int).tolist() == [found.matches]
