"""Whose preferences rank a build's candidates, in words."""

from __future__ import annotations

from dss.build_report import ranked_by
from dss.groups import Group, Person
from dss.preferences import Preferences


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
