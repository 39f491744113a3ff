"""Whose preferences rank a build's candidates, in words."""

from __future__ import annotations

from dss.build_report import BuiltRow, lines, ranked_by
from dss.groups import Group, Person
from dss.matching import find
from dss.preferences import Preferences
from ontology.requirement import Requirement
from tests.tiny import tiny_knowledge


def prefers(text: str) -> Preferences:
    return Preferences.from_text(text)


def test_nobody_asked() -> None:
    alike = "Ranked with all six objectives counting alike: no preferences were given with the request."
    assert ranked_by(Preferences()) == alike
    assert ranked_by(Group((Person("Ann", Preferences()), Person("Ben", Preferences())))) == alike


def test_weights_are_told_the_largest_first() -> None:
    """All others as much as cost, which counts a fifth of performance: 5 / (5 + 5) is half, and each other a tenth."""
    others = ("reliability", "security", "latency", "complexity")
    chain = prefers(",".join(["performance-cost:5", *(f"cost-{other}:1" for other in others)]))
    assert ranked_by(chain) == (
        "Ranked by the preferences given with the request: performance 50 %, reliability 10 %, security 10 %, "
        "cost 10 %, latency 10 %, complexity 10 %."
    )


def test_only_those_who_answered_are_named() -> None:
    ann, ben, cid = (Person(n, prefers("cost-latency:3")) for n in ("Ann", "Ben", "Cid"))
    assert ranked_by(Group((ann,))).startswith("Ranked by the preferences of Ann: cost ")
    assert ranked_by(Group((ann, ben, cid, Person("Dan", Preferences())))).startswith(
        "Ranked by the preferences of Ann, Ben and Cid: "
    )


def test_a_format_that_two_runtimes_take_is_told_apart_and_columns_stay_in_line() -> None:
    def row(format_: str, runtime: str) -> BuiltRow:
        return BuiltRow("m", "net", format_, None, 1.0, 2.0, 1000.0, 1, 3.0, 40.0, "", runtime)

    rows = (row("onnx", "onnx-runtime-cpu"), row("onnx", "openvino-cpu"), row("tflite-optimized", "litert-cpu"))
    candidates = find(Requirement(), tiny_knowledge().projection)
    head, *told = list(lines(rows, candidates, None, Preferences(), (), ()))[:4]
    assert [line[18:].split("  ")[0] for line in told] == [
        "onnx onnx-runtime-cpu", "onnx openvino-cpu", "tflite-optimized",
    ]  # fmt: skip
    end = head.index("accuracy") + len("accuracy")
    assert [line[:end].split()[-1] for line in told] == 3 * ["measured"]
