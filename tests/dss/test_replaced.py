"""A replaced model stays in the answer to a request, where it is marked."""

from __future__ import annotations

from datetime import UTC, datetime

import flow
from dss.card import replaced
from dss.preferences import Preferences
from dss.report import report
from ontology.records import Grade, Model, Performance, Record
from ontology.requirement import Requirement
from repository.knowledge import Knowledge
from repository.replacements import replacement
from repository.store import store
from tests.tiny import tiny_graph
from wizard.table import ranked


def own(name: str, optimization: str) -> list[Record]:
    model = Model(
        name=name, source="local", network="small-net", optimization=optimization, device="board-a",
        runtime="litert-cpu", purpose="image-classification", performance=(f"{name}-run",),
    )  # fmt: skip
    return [model, Performance(name=f"{name}-run", inference_latency_ms=9.0, evidence=Grade.MEASURED, source="local")]


def test_the_replaced_model_is_ranked_as_before_and_says_by_what() -> None:
    with Knowledge(tiny_graph()) as knowledge:
        store(knowledge, [*own("original", "float"), *own("int8", "w8a8")])
        before = flow.select(Requirement(), Preferences(()), knowledge)
        assert "Replaced" not in ranked(before)
        assert "replaced by" not in report(before, 20)
        store(knowledge, [replacement("original", "int8", by="Ann", at=datetime(2026, 11, 20, tzinfo=UTC))])
        p = knowledge.projection
        told = {str(m): replaced(p, row) for row, m in enumerate(p.models["model"])}
        assert {m: words for m, words in told.items() if words} == {
            "original": "replaced by Quantization, w8a8, LiteRT on CPU"
        }
        after = flow.select(Requirement(), Preferences(()), knowledge)
        assert after.ranking.order == before.ranking.order
        table = ranked(after)
        assert list(table.loc[table["Replaced"] != ""].index) == [p.positions["original"]]
        assert report(after, 20).count("replaced by Quantization, w8a8, LiteRT on CPU") == 1
