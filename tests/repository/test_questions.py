"""Every named question has a header that can be read, and an answer that is known: by hand on the tiny graph, or from
the printed tables (the second half)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import Graph as Words

from ontology.namespaces import NAMESPACE, PREFIXES
from ontology.records import Grade
from repository.graph import EmbeddedGraph
from repository.guard import check
from repository.knowledge import Knowledge
from repository.questions import (
    QUESTIONS,
    BadParameter,
    UnknownQuestion,
    answered,
    bound,
    parsed,
    question,
    questions,
)
from repository.terms import local
from tests.repository.asked import asked_graph

FACTS = Path("repository/facts")
NAMES = [q.name for q in questions()]


@pytest.fixture(scope="module")
def graph() -> EmbeddedGraph:
    return asked_graph()


IC, OD, TG = "Image classification", "Object detection", "Text generation"
FLOAT, Q8 = "No technique", "Quantization"
A, OTHER = "A benchmark", "Another source"
LR = "LiteRT on CPU"

# question → columns, and the rows of the answer in them
KNOWN: dict[str, tuple[str, list[tuple[object, ...]]]] = {
    "coverage-map": (
        "purpose_label device_label technique_label models",
        [
            (IC, "Board A", FLOAT, 4), (IC, "Board A", Q8, 4), (IC, "Board B", FLOAT, 1), (IC, "Board B", Q8, 1),
            (IC, "Board C", FLOAT, 1), (IC, "Board D", Q8, 1), (IC, "Board E", FLOAT, 1), (IC, "Chip", FLOAT, 1),
            (IC, "New board", FLOAT, 2), (OD, "Board A", FLOAT, 1), (OD, "Board C", FLOAT, 1),
        ],
    ),
    "slower-when-quantized": (
        "device_label optimization_label runtime_label pairs slower slower_percent worst_times",
        [
            ("Board A", "Quantization, int8", LR, 3, 2, pytest.approx(200 / 3), 2.0),
            ("Board B", "Quantization, w8a8", LR, 1, 0, 0.0, 0.5),
        ],
    ),
    "slowest-after-quantization": (
        "model_label float_ms quantized_ms times",
        [("Model ab-int8", 10.0, 20.0, 2.0), ("Model a-int8", 10.0, 15.0, 1.5)],
    ),
    "technique-effect": (  # the middle of 0.5, 1.5 and 2
        "device_label optimization_label median_times pairs",
        [("Board A", "Quantization, int8", 1.5, 3), ("Board B", "Quantization, w8a8", 0.5, 1)],
    ),
    "best-runtime": ("device_label purpose_label runtime_label fastest", [("Board A", IC, "LiteRT on NPU", 1)]),
    "pareto-set": (  # each of the five is slower and better than the one before; q, with 60 % in 100 ms, is beaten
        "model_label latency_ms accuracy_percent carried",
        [(m, ms, p, "false") for m, ms, p in zip("abcde", (10, 20, 30, 40, 50), (60, 65, 70, 75, 80), strict=True)],
    ),
    "cheapest-fleet": (  # 100 of them; the server, at 1 USD, serves for comparison only, and board C is too slow
        "device_label price_usd fleet_usd price_evidence_label models fastest_ms",
        [("Board A", 100.0, 10_000.0, "declared", 7, 5.0), ("Board B", 200.0, 20_000.0, "declared", 1, 20.0)],
    ),
    "oldest-evidence": (
        "source_label evidence_label oldest newest performances undated",
        [
            (A, "declared", "not stated", None, 2, 2), (A, "measured", "not stated", None, 7, 7),
            (OTHER, "literature", "2020-05-05", "2020-05-05", 1, 0),
            (A, "published", "2025-06-01", "2025-06-01", 15, 7), (OTHER, "published", "2025-06-01", "2025-06-01", 3, 2),
            (OTHER, "measured", "2026-04-04", "2026-04-04", 1, 0),
        ],
    ),
    "not-comparable": (
        "purpose_label metric_label test_set_label models",
        [
            (IC, "Mean average precision", "Flowers", 1), (IC, "Top-1 accuracy", None, 1),
            (IC, "Top-1 accuracy", "Flowers, test", 6),
        ],
    ),
    "devices-without-price": ("device_label models", [("New board", 2), ("Chip", 1)]),
    "without-accuracy": (
        "purpose_label source_label models without without_percent",
        [
            (IC, A, 16, 10, 62.5), (TG, OTHER, 2, 2, 100.0), (IC, OTHER, 2, 1, 50.0), (OD, A, 1, 1, 100.0),
            (OD, OTHER, 1, 1, 100.0),
        ],
    ),
    "carried-figures": ("device_label measured_on_label models", [("Chip", "Board A", 1)]),
    "drift": (  # 10 ms now and 12 ms before; the 99 ms were withdrawn
        "model_label figure_label repeats lowest highest spread_percent first last",
        [("a", "inference latency", 2, 10.0, 12.0, 20.0, "2024-01-01", "2024-01-01")],
    ),
    "withdrawn": (
        "model_label performance_label withdrawn_at withdrawn_by because obtained",
        [("a", "a-bad", "2024-03-03", "ann", "wrong board", "2024-02-02")],
    ),
    "grades-and-sources": (
        "source_label evidence_label figure_label figures",
        [
            (A, "declared", "accuracy", 1), (A, "declared", "inference latency", 2), (A, "measured", "accuracy", 6),
            (A, "measured", "other value of quality", 1), (A, "published", "inference latency", 15),
            (A, "published", "size", 5), (OTHER, "literature", "energy", 1),
            (OTHER, "literature", "inference latency", 1), (OTHER, "literature", "peak memory", 1),
            (OTHER, "literature", "size", 1), (OTHER, "measured", "inference latency", 1),
            (OTHER, "published", "inference latency", 1), (OTHER, "published", "time to the first token", 1),
            (OTHER, "published", "tokens per second", 1),
        ],
    ),
    "no-commercial-use": (
        "licence commercial_use purpose_label models",
        [(None, None, IC, 12), (None, None, OD, 2), ("GPL-3.0", "false", IC, 1)],
    ),
    "energy": (
        "model_label energy_mj latency_ms detail evidence_label", [("Model q", 1.5, 100.0, "table 2", "literature")],
    ),
    "language-models": (
        "network_label device_label precision tokens_per_s first_token_ms context_length",
        [("TinyLM", "Board E", "int8", 12.5, 80.0, 1024)],
    ),
    "several-sources": ("network_label sources models", [("SmallNet", 2, 20)]),
    "disagreement": (
        "device_label one_source_label one other_source_label other times",
        [
            ("Board C", A, 30.0, OTHER, 3.0, 10.0), ("Board A", A, 7.0, OTHER, 30.0, pytest.approx(30 / 7)),
            *[("Board A", A, 10.0, OTHER, 30.0, 3.0)] * 3,
        ],
    ),
    "parameters-disagree": (
        "network_label least most times sources", [("SmallNet", 1_000_000, 5_000_000, 5.0, 1)],
    ),
    "int8-on-cpu": ("device_label library models on_cpu on_cpu_percent", [("Board A", "LiteRT", 4, 3, 75.0)]),
    "small-and-fast": ("model_label latency_ms size_kib", [("Model q", 100.0, 500.0)]),
    "user-votes": ("model_label objective mean_rating votes last", [("a", "latency", 4.5, 2, "2026-01-03")]),
    "registered-last": ("obtained model_label evidence_label latency_ms", [("2026-04-04", "My own", "measured", 3.0)]),
    "sources": (
        "source_label version licence table outcome rows",
        [(OTHER, "2", "MIT", "t.csv", "left out", 3), (OTHER, "2", "MIT", "t.csv", "loaded", 7)],
    ),
    "left-out": ("table reason rows", [("t.csv", "no device", 2), ("t.csv", "no figure", 1)]),
    "rating-scales": (
        "objective purpose_label scaled_figure members version",
        [
            ("complexity", IC, "parameters", 5, "1"), ("cost", IC, "price_usd", 5, "1"),
            ("latency", IC, "inference_latency_ms", 5, "1"), ("performance", IC, "accuracy_percent", 5, "1"),
            ("reliability", IC, "retained_percent", 5, "1"),
        ],
    ),
    "prices": (
        "device_label price_usd evidence_label",
        [
            ("Server", 1.0, "declared"), ("Board A", 100.0, "declared"), ("Board B", 200.0, "declared"),
            ("Board C", 300.0, "declared"), ("Board D", 400.0, "declared"), ("Board E", 500.0, "declared"),
            ("Skin board", 785.12, "declared"),
        ],
    ),
    "quality-kept": (  # tiny.py: 100, 98 and 96 % in float, 99 and 97 % in w8a8; 0.5 of 0.625 is 80 %
        "optimization_label metric_label values mean_percent worst_percent",
        [
            ("No optimization (float)", "Top-1 accuracy", 3, pytest.approx(98), pytest.approx(96)),
            ("Quantization, w8a8", "Mean average precision", 1, pytest.approx(80), pytest.approx(80)),
            ("Quantization, w8a8", "Top-1 accuracy", 2, pytest.approx(98), pytest.approx(97)),
        ],
    ),
    "fastest-models": ("model_label latency_ms price_usd", [("My own", 3.0, 300.0), ("p", 7.0, 100.0)]),
    "memory-of-devices": ("model_label peak_memory_mib ram_mib share_percent", [("Model q", 0.25, 0.5, 50.0)]),
    "same-run": ("device_label ran_on_label performances", [("New board", "Board A", 1)]),
    "in-parts": (
        "network_label part_label lowest_ms highest_ms models",
        [("TinyLM", "decoder", 4.0, 4.0, 1), ("TinyLM", "encoder", 3.0, 3.0, 1)],
    ),
    "decisions": (
        "decided_at decided_by chosen_label winner_label score",
        [("2026-03-04T05:06:00Z", "ann", "Model q", "Model o", 4.2)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_on_the_tiny_graph_is_the_one_found_by_hand(graph: EmbeddedGraph, name: str) -> None:
    columns, rows = KNOWN[name]
    found = answered(graph, question(name))[columns.split()]
    assert [tuple(None if pd.isna(v) else v for v in row) for row in found.itertuples(index=False)] == rows


def test_there_are_at_least_twenty_two_and_each_file_is_one() -> None:
    assert len(NAMES) >= 22
    assert sorted(NAMES) == sorted(f.stem for f in QUESTIONS.iterdir()) == sorted(KNOWN)


@pytest.mark.parametrize("name", NAMES)
def test_a_question_can_be_read_run_and_drawn(graph: EmbeddedGraph, name: str) -> None:
    one = question(name)
    assert check(bound(one)) is False  # an analyst could send it: a table, and nothing that would be refused
    answer = answered(graph, one)
    drawn = {c for c in (one.chart.x, one.chart.y, one.chart.colour) if c}
    assert drawn | one.units.keys() <= set(answer.columns)
    assert one.title[0].isupper()
    assert len(one.answers) > 40
    numbers = set(answer.select_dtypes("number").columns)
    assert numbers <= one.units.keys(), "a column of numbers without a unit"


@pytest.mark.parametrize("name", NAMES)
def test_every_column_of_iris_has_one_of_labels(graph: EmbeddedGraph, name: str) -> None:
    answer = answered(graph, question(name))
    bases = tuple(PREFIXES.values())
    iris = [c for c in answer.columns if any(str(v).startswith(bases) for v in answer[c].dropna())]
    for column in iris:
        assert f"{column}_label" in answer.columns, column
        assert answer.loc[answer[column].notna(), f"{column}_label"].notna().all(), column


def test_every_term_of_ours_in_a_question_is_in_the_ontology() -> None:
    words = {str(s) for s in Words().parse("ontology/dlom.ttl").subjects()}
    for one in questions():
        query = re.sub(r'"[^"]*"', "", "\n".join(line for line in one.text.splitlines() if not line.startswith("#")))
        used = {NAMESPACE + term for term in re.findall(r"(?<![\w-]):([A-Za-z]\w*)", query)}
        assert used, one.name
        assert used <= words, (one.name, used - words)


def test_parameters_change_the_answer(graph: EmbeddedGraph) -> None:
    fleet = question("cheapest-fleet")
    assert list(answered(graph, fleet, {"latency_ms": 30, "devices": "3"})["fleet_usd"]) == [300, 600, 900]
    assert list(answered(graph, fleet, {"purpose": ["object-detection"]})["device_label"]) == ["Board A", "Board C"]
    assert list(answered(graph, fleet, {"purpose": ["object-detection", "image-classification"]})["models"]) == [
        8,
        1,
        1,
    ]
    effect = question("technique-effect")
    assert list(answered(graph, effect, {"device": "board-b"})["median_times"]) == [0.5]
    assert bound(effect, {"device": "any"}) == bound(effect) == bound(effect, {"device": None})
    assert list(answered(graph, question("coverage-map"), {"figure": "energy_mj"})["device_label"]) == ["Chip"]
    assert list(answered(graph, question("small-and-fast"), {"device_type": "edge-device"})["latency_ms"])[:3] == [
        3,
        5,
        5,
    ]
    assert answered(graph, question("small-and-fast"), {"size_kib_at_most": 499.5}).empty


@pytest.mark.parametrize(
    ("name", "given_", "message"),
    [
        ("prices", {"device": "x"}, "prices has no parameter device; it has none"),
        ("cheapest-fleet", {"latency": 3}, "no parameter latency; it has purpose, latency_ms, devices"),
        ("cheapest-fleet", {"latency_ms": "fast"}, "latency_ms is 'fast'; write a number, such as 20.0"),
        ("cheapest-fleet", {"latency_ms": float("nan")}, "latency_ms is nan"),
        ("cheapest-fleet", {"latency_ms": True}, "latency_ms is True"),
        ("cheapest-fleet", {"latency_ms": -5}, "latency_ms is -5; write a number from 0.001 to 60,000, such as 20.0"),
        (
            "cheapest-fleet",
            {"devices": "999999999999"},
            "devices is '999999999999'; write a number from 1 to 10,000,000",
        ),
        ("cheapest-fleet", {"devices": 1.5}, "devices is 1.5; write a whole number, such as 100"),
        ("cheapest-fleet", {"purpose": "any"}, "purpose must be given: the task (such as image-classification)"),
        ("cheapest-fleet", {"purpose": []}, "purpose is an empty list"),
        ("technique-effect", {"device": " "}, "device is ' '; write a name, such as samsung-galaxy-s24"),
        ("drift", {"figure": "speed"}, "figure is 'speed'; it is one of inference_latency_ms, "),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_to_write(name: str, given_: dict[str, object], message: str) -> None:
    with pytest.raises(BadParameter) as error:
        bound(question(name), given_)
    assert message in str(error.value)


def test_an_unknown_question_lists_those_that_there_are() -> None:
    with pytest.raises(UnknownQuestion, match=r"^there is no question 'x'; there are: best-runtime, "):
        question("x")


@settings(max_examples=60, deadline=None)
@given(text=st.text(min_size=1).filter(lambda t: t.strip() and t != "any"))
def test_a_hostile_name_stays_one_term(graph: EmbeddedGraph, text: str) -> None:
    one = question("technique-effect")
    if any("\ud800" <= c <= "\udfff" for c in text):
        return
    query = bound(one, {"device": text})
    inert = re.compile(r"VALUES \?device \{ (dev:[a-z0-9._-]+|<https://w3id.org/dlom/device/[A-Za-z0-9%._~-]+>) \}")
    assert len(inert.findall(query)) == query.count("VALUES ?device {") == 4
    assert query.count("\n") == bound(one).count("\n") + query.count("PREFIX dev:")
    assert answered(graph, one, {"device": text}).empty == (text not in ("board-a", "board-b"))


HEAD = "# title: T\n# answers: a,\n#   and b\n# for: analyst\n# chart: none\n"


def test_a_header_goes_on_over_lines() -> None:
    assert parsed("x", HEAD + "SELECT * WHERE {}").answers == "a, and b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# title: T\nSELECT", "x.rq: the header lacks answers, chart, for"),
        (HEAD + "# title: U\nASK {}", "x.rq: the header says something twice"),
        (HEAD.replace("analyst", "boss"), "x.rq: for boss: write some of manager, engineer, analyst"),
        (HEAD.replace("none", "pie x=a"), "x.rq: chart 'pie x=a': write one of bar, line"),
        (HEAD.replace("none", "none x=a"), "x.rq: chart 'none x=a'"),
        (HEAD + "# parameter: d | dev | any\nASK {}", "x.rq: parameter 'd | dev | any': write name | vocabulary"),
        (HEAD + "# parameter: d | dev | any | m\nASK {}", "x.rq: no line VALUES ?d { … } for that parameter"),
        (HEAD + "# parameter: d | number 1..x | 2 | m\nASK {}", "write a range as number 0.1..50, with the default"),
        (HEAD + "# parameter: d | number 1..3 | 4 | m\nASK {}", "write a range as number 0.1..50, with the default"),
        (HEAD + "# parameter: d | dev 1..3 | 2 | m\nASK {}", "write a range as number 0.1..50, with the default"),
        (HEAD + "# parameter: d | number 1.. | 2 | m\nASK {}", "write name | vocabulary | default | what it means"),
        (HEAD + "# units: ms\nASK {}", "x.rq: 'ms' lacks a ="),
        ("#title: T\n", "neither `# key: text` nor goes on with one"),
    ],
)  # fmt: skip
def test_a_header_that_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        parsed("x", text)
    assert message in str(error.value)


# The shipped facts, beside what pandas finds in the printed tables.


def aihub_pairs() -> pd.DataFrame:
    """Float beside quantized, from AI Hub's table: models of one part, on one device, runtime and compute unit."""
    rows = pd.read_csv(FACTS / "aihub_perf.csv")
    key = ["model_id", "precision", "device", "runtime"]
    rows = rows[~rows.duplicated(key, keep=False)]
    same = ["model_id", "device", "runtime", "compute_unit"]
    pairs = rows[rows["precision"] == "float"].merge(rows[rows["precision"] != "float"], on=same, suffixes=("", "_q"))
    pairs["times"] = pairs["latency_ms_q"] / pairs["latency_ms"]
    return pairs


def test_how_often_w8a8_is_slower_on_a_phone_is_what_the_printed_table_says(facts: Knowledge) -> None:
    printed = aihub_pairs()
    printed = printed[(printed["device"] == "Samsung Galaxy S24") & (printed["precision_q"] == "w8a8")]
    answer = answered(facts.graph, question("slower-when-quantized"), {"device": "samsung-galaxy-s24"})
    answer = answer[answer["optimization"].map(local) == "w8a8"]
    one_pass = 7  # networks whose parts are summed up are not in the table above
    assert 0 <= answer["pairs"].sum() - len(printed) <= 3 * one_pass
    for runtime, unit, label in (("tflite", "NPU", "LiteRT on NPU"), ("tflite", "CPU", "LiteRT on CPU")):
        mine = printed[(printed["runtime"] == runtime) & (printed["compute_unit"] == unit)]
        found = answer[answer["runtime_label"] == label]
        assert found["slower"].sum() >= (mine["times"] > 1).sum()
        assert found["worst_times"].max() >= mine["times"].max() - 1e-9 if len(mine) else True


def test_the_median_effect_is_what_pandas_finds(facts: Knowledge) -> None:
    projection = facts.projection
    models = projection.models.assign(ms=projection.columns["inference_latency_ms"]).dropna(subset=["ms", "trained"])
    same = ["trained", "device", "runtime"]
    pairs = models[models["optimization"] == "float"].merge(
        models[models["optimization"] != "float"], on=same, suffixes=("", "_q")
    )
    pairs = pairs[pairs["ms"] > 0]
    pairs["times"] = pairs["ms_q"] / pairs["ms"]
    expected = pairs.groupby(["device", "optimization_q"])["times"].quantile(0.5, interpolation="lower")
    answer = answered(facts.graph, question("technique-effect"))
    found = {(local(r.device), local(r.optimization)): r.median_times for r in answer.itertuples()}
    assert found.keys() == set(expected.index)
    for key, value in expected.items():
        assert found[key] == pytest.approx(value), key


def test_the_pareto_set_is_what_comparing_all_with_all_gives(facts: Knowledge) -> None:
    p = facts.projection
    models = p.models.assign(ms=p.columns["inference_latency_ms"], percent=p.columns["accuracy_percent"])
    models = models[(models["purpose"] == "image-classification") & (models["device"] == "samsung-galaxy-s24")]
    models = models.dropna(subset=["ms", "percent", "metric", "test_set"])
    expected = set()
    for _, group in models.groupby(["metric", "test_set"]):
        ms, percent = group["ms"].to_numpy(), group["percent"].to_numpy()
        no_worse = (ms[:, None] <= ms) & (percent[:, None] >= percent)
        beaten = (no_worse & ((ms[:, None] < ms) | (percent[:, None] > percent))).any(axis=0)
        expected |= set(group["model"].to_numpy()[~beaten])
    answer = answered(facts.graph, question("pareto-set"), {"device": "samsung-galaxy-s24"})
    assert {local(m) for m in answer["model"]} == expected
    assert len(expected) >= 5


def test_each_accuracy_is_carried_to_every_other_device_that_ran_it(facts: Knowledge) -> None:
    perf, accuracy = (pd.read_csv(FACTS / f"aihub_{t}.csv") for t in ("perf", "accuracy"))
    same = ["model_id", "precision", "runtime"]
    ran = perf[perf["device"] == "Samsung Galaxy S24"].drop_duplicates(same)
    carried = ran.merge(accuracy.drop_duplicates(same), on=same)
    answer = answered(facts.graph, question("carried-figures")).set_index("device_label")
    assert answer.loc["Samsung Galaxy S24", "models"] == len(carried)
    assert set(answer["measured_on_label"]) == {"Samsung Galaxy S25"}


def test_the_figures_of_a_source_are_counted(facts: Knowledge) -> None:
    answer = answered(facts.graph, question("grades-and-sources"))
    answer = answer[answer["source"].map(local) == "aihub-0.46.1"]
    assert set(answer["evidence_label"]) == {Grade.PUBLISHED.value}
    counts = answer.set_index(answer["figure"].map(local))["figures"]
    p = facts.projection
    mine = (p.models["source"] == "aihub-0.46.1").to_numpy()
    for column, term in (("inference_latency_ms", "inferenceLatencyMs"), ("metric_value", "metricValue")):
        values = p.columns[column]
        assert isinstance(values, np.ndarray)
        assert counts[term] == (~np.isnan(values) & mine).sum()
    assert counts["accuracyPercent"] + counts["metricValue"] >= 491


@pytest.mark.parametrize("name", ["sources", "left-out"])
def test_every_row_of_a_table_is_told(facts: Knowledge, name: str) -> None:
    answer = answered(facts.graph, question(name))
    rows = answer[answer["table"] == "aihub_perf.csv"]["rows"].sum()
    assert rows == (len(pd.read_csv(FACTS / "aihub_perf.csv")) if name == "sources" else 929)


def test_licences_that_forbid_commerce_are_those_printed(facts: Knowledge) -> None:
    perf, accuracy = (pd.read_csv(FACTS / f"aihub_{t}.csv") for t in ("perf", "accuracy"))
    networks = set(perf[perf["model_license"].str.lower() == "agpl-3.0"]["model_id"])
    rows = pd.concat([t[["model_id", "precision", "runtime", "device"]] for t in (perf, accuracy)])
    agpl = rows[rows["model_id"].isin(networks)].drop_duplicates()
    answer = answered(facts.graph, question("no-commercial-use"))
    assert answer[answer["licence"] == "AGPL-3.0"]["models"].sum() == len(agpl)
