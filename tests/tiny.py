"""Five models whose ranking can be checked by hand, and three that differ in one thing each.

| model | accuracy | kept of the float original | latency | price | parameters |
|---|---|---|---|---|---|
| a | 60 % | 100 % | 10 ms | 100 USD | 1 M |
| b | 65 % |  99 % | 20 ms | 200 USD | 2 M |
| c | 70 % |  98 % | 30 ms | 300 USD | 3 M |
| d | 75 % |  97 % | 40 ms | 400 USD | 4 M |
| e | 80 % |  96 % | 50 ms | 500 USD | 5 M |

The five stand at the quantiles 0, ¼, ½, ¾ and 1, so that they are rated 1, 2, 3, 4, 5 (or the reverse). Then the
scales are frozen, and three more come: `n` has no price, `p` another purpose, and `s` is a declared model for skin
cancer with other cost, as the paper's card is.
"""

from __future__ import annotations

from datetime import date

import flow
from ontology.records import (
    DataSet,
    Device,
    Grade,
    Model,
    Network,
    Optimization,
    Performance,
    Record,
    Runtime,
    Source,
    TrainedNetwork,
)
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.load import concept_quads
from repository.sources.names import Concept
from repository.terms import node
from repository.triples import quads

CONCEPTS = (
    Concept("purpose", "image-classification", "Image classification"),
    Concept("purpose", "object-detection", "Object detection"),
    Concept("area", "medical", "Medical"),
    Concept("area", "skin-cancer", "Skin cancer", broader=("medical",)),
    Concept("area", "industrial", "Industrial"),
    Concept("dtype", "edge-device", "Edge device"),
    Concept("dtype", "single-board-computer", "Single-board computer", broader=("edge-device",)),
    Concept("dtype", "phone", "Phone"),
    Concept("metric", "top-1", "Top-1 accuracy", extra={"higher_is_better": True, "unit": "%"}),
)
IDENTITIES: tuple[Record, ...] = (
    DataSet(name="flowers", label="Flowers", classes=5, examples=3670),
    DataSet(name="flowers-test", label="Flowers, test", subset_of="flowers"),
    Network(name="small-net", label="SmallNet", family="Net"),
    Optimization(name="float", label="No optimization (float)", technique=(), precision="float"),
    Optimization(name="w8a8", label="Quantization, w8a8", technique=("quantization",), precision="w8a8"),
    Runtime(name="litert-cpu", label="LiteRT on CPU", library="LiteRT", compute_unit="CPU"),
)
SOURCE = Source(name="bench", label="A benchmark")


def _five() -> list[Record]:
    found: list[Record] = []
    for i, letter in enumerate("abcde", start=1):
        accuracy = 55.0 + 5 * i
        found += [
            Device(name=f"board-{letter}", label=f"Board {letter.upper()}", device_type=("single-board-computer",)),
            TrainedNetwork(
                name=f"net-{letter}", network="small-net", training_data_set="flowers", parameters=i * 10**6,
            ),
            Performance(
                name=f"{letter}-run", inference_latency_ms=10.0 * i, size_kib=1000.0 * i, evidence=Grade.PUBLISHED,
                source="bench", current=True,
            ),
            Performance(
                name=f"{letter}-accuracy", accuracy_percent=accuracy, original_value=accuracy / (1.01 - 0.01 * i),
                metric="top-1", test_set="flowers-test", samples=500, evidence=Grade.MEASURED, source="bench",
                current=True,
            ),
            Model(
                name=letter, source="bench", network="small-net", trained_network=f"net-{letter}",
                optimization="float" if i % 2 else "w8a8", device=f"board-{letter}", runtime="litert-cpu",
                purpose="image-classification", commercial_use=True, licence="MIT",
                performance=(f"{letter}-run", f"{letter}-accuracy"),
            ),
        ]  # fmt: skip
    return found


PRICES = {f"board-{letter}": 100.0 * i for i, letter in enumerate("abcde", start=1)}
LATER: tuple[Record, ...] = (
    Device(name="new-board", label="New board", device_type=("single-board-computer",)),
    Performance(name="n-run", inference_latency_ms=5.0, evidence=Grade.DECLARED, source="bench", current=True),
    Model(
        name="n", source="bench", network="small-net", optimization="float", device="new-board", runtime="litert-cpu",
        purpose="image-classification", performance=("n-run",),
    ),
    Model(
        name="p", source="bench", network="small-net", optimization="float", device="board-a", runtime="litert-cpu",
        purpose="object-detection", performance=("p-run",),
    ),
    Performance(name="p-run", inference_latency_ms=7.0, evidence=Grade.PUBLISHED, source="bench", current=True),
    Device(
        name="skin-board", label="Skin board", device_type=("single-board-computer",), price_usd=785.12,
        price_evidence=Grade.DECLARED,
    ),
    Model(
        name="s", source="bench", network="small-net", device="skin-board", purpose="image-classification",
        application_area=("skin-cancer",), other_cost_usd=7604.28, number_of_devices=6, declared_total_cost_usd=12315.0,
        declared_rating=3.9, performance=("s-card",),
    ),
    Performance(
        name="s-card", accuracy_percent=94.356, metric="top-1", inference_latency_ms=123.0, evidence=Grade.DECLARED,
        source="bench", current=True,
    ),
)  # fmt: skip


def tiny_graph() -> EmbeddedGraph:
    """The tables above as a graph in memory, its rating scales frozen, as an installation would have it."""
    graph = EmbeddedGraph()
    graph.load_turtle(flow.WORDS.read_bytes(), node("g", "ontology"))
    identities = node("g", "identities")
    graph.replace(
        identities,
        [*(q for c in CONCEPTS for q in concept_quads(c)), *(q for r in IDENTITIES for q in quads(r, identities))],
    )
    models = node("g", "models-bench")
    priced = [Device(name=n, price_usd=p, price_evidence=Grade.DECLARED) for n, p in PRICES.items()]
    graph.replace(
        models,
        [
            *(q for record in (SOURCE, *_five()) for q in quads(record, models)),
            *(q for device in priced for q in quads(device, models, typed=False)),
        ],
    )
    for _ in flow.refresh_scales(graph, date(2026, 1, 1)):
        pass
    later = node("g", "models-later")
    graph.replace(later, [q for record in LATER for q in quads(record, later)])
    return graph


def tiny_knowledge() -> Knowledge:
    """The same, ready to be asked."""
    return Knowledge(tiny_graph())
