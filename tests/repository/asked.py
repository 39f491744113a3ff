"""The tiny graph with a little of everything that the named questions ask for. All numbers can be checked by hand.

Beside `tests/tiny.py`, where `a` is float on board A with 10 ms and `b` is w8a8 on board B with 20 ms:

| pair on one board and runtime | float | quantized | times |
|---|---|---|---|
| net-a on board A, LiteRT on CPU (`a`, `a-int8`) | 10 ms | 15 ms | 1.5 |
| net-b on board A, LiteRT on CPU | 10 ms | 20 ms | 2 |
| net-c on board A, LiteRT on CPU | 10 ms |  5 ms | 0.5 |
| net-b on board B, LiteRT on CPU (`b-float`, `b`) | 40 ms | 20 ms | 0.5 |
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from ontology.records import (
    Decision,
    Device,
    Grade,
    Model,
    Network,
    Objective,
    Optimization,
    Part,
    Performance,
    Record,
    Runtime,
    Source,
    Tally,
    Vote,
)
from repository.graph import EmbeddedGraph
from repository.load import concept_quads
from repository.sources.names import Concept
from repository.terms import node
from repository.triples import quads
from tests.tiny import tiny_graph

CONCEPTS = (
    Concept("dtype", "microcontroller", "Microcontroller", broader=("edge-device",)),
    Concept("purpose", "text-generation", "Text generation"),
    Concept("metric", "map", "Mean average precision", extra={"higher_is_better": True, "unit": ""}),
)


def timed(
    name: str, ms: float, trained: str | None, board: str, optimization: str, runtime: str, **more: object
) -> tuple[Record, ...]:
    """A model of SmallNet with one latency."""
    source = str(more.pop("source", "bench"))
    run = Performance(
        name=f"{name}-run", inference_latency_ms=ms, evidence=Grade.PUBLISHED, source=source, current=True,
        obtained=date(2025, 6, 1),
    )  # fmt: skip
    model = Model(
        name=name, label=f"Model {name}", source=source, network="small-net", trained_network=trained, device=board,
        optimization=optimization, runtime=runtime, purpose="image-classification", performance=(run.name,),
        **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return run, model


MORE: tuple[Record, ...] = (
    Source(name="other", label="Another source", version="2", licence="MIT", url="https://example.org/other"),
    Network(name="tiny-lm", label="TinyLM", family="LM"),
    Optimization(name="int8", label="Quantization, int8", technique=("quantization",), precision="int8", weight_bits=8),
    Runtime(name="litert-npu", label="LiteRT on NPU", library="LiteRT", compute_unit="NPU"),
    Device(name="server", label="Server", reference_device=True, price_usd=1.0, price_evidence=Grade.DECLARED),
    Device(name="chip", label="Chip", device_type=("microcontroller",), ram_mib=0.5),
    *timed("a-int8", 15.0, "net-a", "board-a", "int8", "litert-cpu"),
    *timed("a-npu", 5.0, "net-a", "board-a", "int8", "litert-npu"),
    *timed("ab-float", 10.0, "net-b", "board-a", "float", "litert-cpu"),
    *timed("ab-int8", 20.0, "net-b", "board-a", "int8", "litert-cpu"),
    *timed("ac-float", 10.0, "net-c", "board-a", "float", "litert-cpu"),
    *timed("ac-int8", 5.0, "net-c", "board-a", "int8", "litert-cpu"),
    *timed("b-float", 40.0, "net-b", "board-b", "float", "litert-cpu"),
    *timed("on-server", 1.0, None, "server", "float", "litert-cpu"),
    *timed("o", 30.0, None, "board-a", "float", "litert-npu", source="other"),
    # a chip: energy, size, memory, a carried accuracy, and a licence that forbids commerce
    Performance(
        name="q-run", inference_latency_ms=100.0, energy_mj=1.5, size_kib=500.0, peak_memory_mib=0.25,
        evidence=Grade.LITERATURE, source="other", source_detail="table 2", current=True, obtained=date(2020, 5, 5),
    ),
    Performance(
        name="q-accuracy", accuracy_percent=60.0, metric="top-1", test_set="flowers-test", evidence=Grade.MEASURED,
        source="bench", current=True, carried_from="a-accuracy",
    ),
    Model(
        name="q", label="Model q", source="other", network="small-net", device="chip", optimization="float",
        runtime="litert-cpu", purpose="image-classification", licence="GPL-3.0", commercial_use=False,
        performance=("q-run", "q-accuracy"),
    ),
    # a language model, a model in two parts, and the run of `a` told again of another device
    Performance(
        name="lm-run", tokens_per_s=12.5, time_to_first_token_ms=80.0, context_length=1024, evidence=Grade.PUBLISHED,
        source="other", current=True,
    ),
    Model(
        name="lm", label="Model lm", source="other", network="tiny-lm", device="board-e", optimization="int8",
        runtime="litert-npu", purpose="text-generation", commercial_use=True, performance=("lm-run",),
    ),
    Part(name="encoder", label="encoder", part_latency_ms=3.0),
    Part(name="decoder", label="decoder", part_latency_ms=4.0),
    Performance(name="parts", part=("encoder", "decoder"), evidence=Grade.PUBLISHED, source="other", current=True),
    Model(
        name="in-parts", source="other", network="tiny-lm", device="board-e", optimization="float",
        purpose="text-generation", commercial_use=True, performance=("parts",),
    ),
    Performance(
        name="twin", inference_latency_ms=10.0, evidence=Grade.PUBLISHED, source="bench", current=True,
        same_run_as="a-run",
    ),
    Model(
        name="twin", source="bench", network="small-net", device="new-board", optimization="float",
        runtime="litert-cpu", purpose="image-classification", performance=("twin",),
    ),
    # another metric for the same task, and what happened to `a` since
    Performance(
        name="d-map", metric_value=0.5, metric="map", test_set="flowers", original_value=0.625, evidence=Grade.MEASURED,
        source="bench", current=True,
    ),
    Performance(
        name="a-old", inference_latency_ms=12.0, evidence=Grade.PUBLISHED, source="bench", current=False,
        obtained=date(2024, 1, 1),
    ),
    Performance(
        name="a-bad", inference_latency_ms=99.0, evidence=Grade.PUBLISHED, source="bench", current=False,
        obtained=date(2024, 2, 2), withdrawn_at=date(2024, 3, 3), withdrawn_by="ann", withdrawn_because="wrong board",
    ),
    Vote(name="1", model="a", objective=Objective.LATENCY, rating=4, rated_by="ann", rated_at=date(2026, 1, 2)),
    Vote(name="2", model="a", objective=Objective.LATENCY, rating=5, rated_by="bob", rated_at=date(2026, 1, 3)),
    Decision(
        name="1", decided_at=datetime(2026, 3, 4, 5, 6, tzinfo=UTC), decided_by="ann",
        chosen_model="q", winner="o", score=4.2,
    ),
)  # fmt: skip
LATER_SAID = (Model(name="a", performance=("a-old", "a-bad")), Model(name="d", performance=("d-map",)))
LOCAL = (
    Performance(
        name="mine-run", inference_latency_ms=3.0, evidence=Grade.MEASURED, source="other", current=True,
        obtained=date(2026, 4, 4),
    ),
    Model(
        name="mine", label="My own", source="other", network="small-net", device="board-c", optimization="float",
        runtime="litert-cpu", purpose="object-detection", performance=("mine-run",),
    ),
)  # fmt: skip
TALLIES = (
    Tally(name="1", source="other", table="t.csv", outcome="loaded", rows=7),
    Tally(name="2", source="other", table="t.csv", outcome="left out", reason="no device", rows=2),
    Tally(name="3", source="other", table="t.csv", outcome="left out", reason="no figure", rows=1),
)


def asked_graph() -> EmbeddedGraph:
    """The tiny graph and all of the above."""
    graph = tiny_graph()
    names = node("g", "identities-more")
    graph.replace(names, [q for concept in CONCEPTS for q in concept_quads(concept)])
    more = node("g", "models-more")
    graph.replace(
        more,
        [
            *(q for record in MORE for q in quads(record, more)),
            *(q for record in LATER_SAID for q in quads(record, more, typed=False)),
        ],
    )
    for name, records in (("models-local", LOCAL), ("catalog", TALLIES)):
        graph.replace(node("g", name), [q for record in records for q in quads(record, node("g", name))])
    return graph
