"""Will it help on this device? On four pairs that can be divided by hand, and on the shipped facts."""

from __future__ import annotations

import numpy as np
import pytest

import flow
from dss.effects import comparable, effect, help_sentences, helped, helped_here
from dss.preferences import Preferences
from ontology.records import Device, Grade, Network, Optimization, Runtime, Source
from ontology.requirement import Requirement
from repository.knowledge import Knowledge
from tests.dss.small import knowledge, measured, model

# network → latency in ms of the float network and of the one in w8a8, on the phone with its NPU
PAIRS = {"one": (10.0, 4.0), "two": (20.0, 10.0), "three": (30.0, 24.0), "four": (10.0, 15.0)}
ON_THE_PHONE = {"device": "phone", "runtime": "rt-npu"}


@pytest.fixture(scope="module")
def known() -> Knowledge:
    records = []
    for network, (before, after) in PAIRS.items():
        for optimization, latency in (("float", before), ("w8a8", after)):
            name = f"{network}-{optimization}"
            figures = {"inference_latency_ms": latency, "size_kib": 400.0 if optimization == "float" else 100.0}
            records += [
                Network(name=network),
                model(name, network=network, optimization=optimization, **ON_THE_PHONE),
                measured(name, **figures),
            ]
    alone = model("on-cpu", network="one", optimization="w8a8", device="phone", runtime="rt-cpu")
    elsewhere = [
        model("board-float", network="one", optimization="float", device="board", runtime="rt-npu"),
        model("board-w8a8", network="one", optimization="w8a8", device="board", runtime="rt-npu"),
    ]
    return knowledge(
        Source(name="bench", label="A benchmark"),
        Device(name="phone", label="Phone"),
        Device(name="board", label="Board"),
        Runtime(name="rt-npu", label="RT on NPU", library="RT", compute_unit="NPU"),
        Runtime(name="rt-cpu", label="RT on CPU", library="RT", compute_unit="CPU"),
        Optimization(name="float", label="Float", technique=(), precision="float"),
        Optimization(name="w8a8", label="Quantization, w8a8", technique=("quantization",), precision="w8a8"),
        *records, alone, measured("on-cpu", inference_latency_ms=100.0),
        *elsewhere, measured("board-float", inference_latency_ms=10.0),
        measured("board-w8a8", inference_latency_ms=40.0),
    )  # fmt: skip


def test_a_pair_shares_everything_but_the_technique(known: Knowledge) -> None:
    """Four on the phone and one on the board; the one that ran on the CPU has no float partner there."""
    pairs = comparable(known.projection)
    models = known.projection.models["model"]
    named = sorted(zip(models.iloc[pairs["base"]], models.iloc[pairs["variant"]], strict=True))
    assert named == [("board-float", "board-w8a8"), *((f"{n}-float", f"{n}-w8a8") for n in sorted(PAIRS))]


def test_four_ratios_by_hand(known: Knowledge) -> None:
    """0.4, 0.5, 0.8 and 1.5: one of four is slower, and the median is 0.65."""
    here = helped(known.projection, "w8a8", "phone", "rt-npu")
    found = here.effect("inference_latency_ms")
    assert found is not None
    assert (found.pairs, found.networks, found.worse, found.share_worse) == (4, 4, 1, 0.25)
    assert (found.median, found.lowest, found.highest) == pytest.approx((0.65, 0.4, 1.5))
    assert (found.sources, found.grades, found.carried) == (("A benchmark",), (Grade.PUBLISHED,), 0)
    assert not here.contradicted
    anywhere = next(e for e in here.anywhere if e.figure == "inference_latency_ms")
    assert (anywhere.pairs, anywhere.worse, anywhere.highest) == (5, 2, 4.0)


def test_a_device_may_say_the_opposite_of_table_1(known: Knowledge) -> None:
    """On the board quantization made the one network four times slower; Table 1 says that it lowers latency."""
    board = helped(known.projection, "w8a8", "board")
    assert board.contradicted
    assert help_sentences(board) == [
        "On Board, quantization, w8a8 took the latency to 4.00 × that of the unoptimized network over the one "
        "comparable pair. It was slower. Source: A benchmark (published).",
        "In general quantization is good for low latency, low cost and low complexity, but bad for performance and "
        "reliability (DLOM², Table 1).",
        "For latency most pairs here say the opposite of what Table 1 says in general.",
    ]


def test_no_pair_is_told_as_such(known: Knowledge) -> None:
    found = helped(known.projection, "w8a8", "phone", "rt-cpu")
    assert found.here == ()
    told = help_sentences(found)
    assert told[0] == (
        "On Phone with RT on CPU no pair on record compares the latency of quantization, w8a8 with the unoptimized "
        "network."
    )
    assert told[1].startswith(
        "On other devices, quantization, w8a8 took the latency to 0.80 × at the median (0.40 to 4.00)"
    )


def test_a_model_tells_of_its_own_device(known: Knowledge) -> None:
    p = known.projection
    own = helped_here(p, p.positions["two-w8a8"])
    assert own is not None
    assert own.here == helped(p, "w8a8", "phone", "rt-npu").here
    assert helped_here(p, p.positions["two-float"]) is None


def test_a_quality_taken_over_from_another_device_counts_once(facts: Knowledge) -> None:
    """AI Hub measured quality on one phone; on all its devices together there are no more pairs than there."""
    p = facts.projection
    pairs = comparable(p)
    w8a8 = pairs[(pairs["optimization"] == "w8a8") & pairs["source"].str.startswith("aihub")]
    everywhere, phone = (
        effect(p, found, "accuracy_percent") for found in (w8a8, w8a8[w8a8["device"] == "samsung-galaxy-s25"])
    )
    assert everywhere is not None
    assert phone is not None
    assert everywhere.pairs < 3 * phone.pairs < len(w8a8) / 10


def test_int8_on_the_shipped_devices(facts: Knowledge) -> None:
    """Counted anew from the columns, pair by pair: same trained network, device, runtime and compute unit."""
    p = facts.projection
    models, latency = p.models, p.columns["inference_latency_ms"]
    assert isinstance(latency, np.ndarray)
    rows = models[models["source"].str.startswith("aihub") & ~np.isnan(latency)]
    keys = ["trained", "device", "runtime"]
    base = {tuple(r[k] for k in keys): latency[i] for i, r in rows[rows["optimization"] == "float"].iterrows()}
    ratios = [
        latency[i] / base[key]
        for i, r in rows[rows["optimization"] == "w8a8"].iterrows()
        if (key := tuple(r[k] for k in keys)) in base
    ]
    pairs = comparable(p)
    ours = pairs[(pairs["optimization"] == "w8a8") & pairs["source"].str.startswith("aihub")]
    found = effect(p, ours, "inference_latency_ms")
    assert found is not None
    assert (found.pairs, found.worse) == (len(ratios), sum(r > 1 for r in ratios)) == (1433, 92)


def test_the_explanation_carries_it(facts: Knowledge) -> None:
    asked = Requirement(
        task=("image-classification",), device_names=("samsung-galaxy-s24",), runtimes=("LiteRT",), precisions=("w8a8",)
    )
    explained = flow.select(asked, Preferences(()), facts).explanation
    assert explained is not None
    assert explained.help is not None
    assert explained.help.device == "samsung-galaxy-s24"
    found = explained.help.effect("inference_latency_ms")
    assert found is not None
    assert found.pairs > 40
