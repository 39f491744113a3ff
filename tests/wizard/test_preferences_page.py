"""The page of preferences: what is asked first, what the answers imply, and several people."""

from __future__ import annotations

import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from dss.consistency import consistency
from dss.groups import Group, agreement, group_weights
from dss.preferences import ALL_PAIRS, PAPER_PAIRS, SIGNED_SCALE, PreferenceError, Preferences, weights
from dss.robust_words import agreement_words
from flow import select
from ontology.requirement import Requirement
from repository.knowledge import Knowledge
from tests.wizard.pages import address, html, opened, text, upload, widgets
from wizard.people import read
from wizard.preferences import AT_FIRST

PHONES = {"step": "preferences", "task": "object-detection", "device_types": "android-phone"}
CONTRADICTION = "performance-cost:9,cost-latency:9,performance-latency:-9"  # p > c > l > p


def shown(app: AppTest) -> list[str]:
    """The comparisons on the page, in their order: `performance-cost`."""
    return [str(w.key).rpartition("-")[0] for w in widgets(app, "button_group") if "." in str(w.key)]


def answer(app: AppTest, pair: str, signed: int | None) -> AppTest:
    (row,) = [w for w in widgets(app, "button_group") if str(w.key).startswith(f"{pair}-")]
    row.set_value(signed).run()
    assert not app.exception
    return app


def asked_of(prefs: str, knowledge: Knowledge) -> list[str]:
    asked = Requirement(task=("object-detection",), device_types=("android-phone",))
    found = select(asked, Preferences.from_text(prefs), knowledge).asked
    assert found is not None
    return ["-".join(question.pair) for question in found.questions]


def test_the_comparisons_that_decide_most_are_asked_first(app: AppTest, knowledge: Knowledge) -> None:
    opened(app, PHONES)
    assert shown(app) == asked_of("", knowledge)[:AT_FIRST]
    app.button(key="ask-all").click().run()
    assert sorted(shown(app)) == sorted("-".join(pair) for pair in ALL_PAIRS)
    app.button(key="ask-few").click().run()
    assert shown(app) == asked_of("", knowledge)[:AT_FIRST]


def test_rows_keep_their_places_while_they_are_answered(app: AppTest, knowledge: Knowledge) -> None:
    before = shown(opened(app, PHONES))
    answer(app, before[2], 5)
    assert shown(app)[: len(before)] == before
    left = len(asked_of(address(app)["prefs"], knowledge))
    assert left
    assert re.search(r"answers? still matter", text(app))


def test_when_no_answer_can_change_the_winner_the_page_says_so(app: AppTest) -> None:
    few = {"budget_usd": "800", "precisions": "w8a8", "peak_memory_mib_at_most": "3", "camera": "yes"}
    opened(app, {**PHONES, "task": "semantic-segmentation", "device_types": "edge-device", **few})
    assert "**Further answers cannot change the winner.**" in text(app)
    assert shown(app) == []  # none is worth asking
    app.button(key="ask-all").click().run()
    assert len(shown(app)) == len(ALL_PAIRS)
    assert html(app).count("cannot change the winner") == len(ALL_PAIRS)


def test_without_a_match_nothing_can_be_decided_and_answers_are_kept(app: AppTest) -> None:
    opened(app, {"step": "preferences", "task": "object-detection", "inference_latency_ms_at_most": "0.001"})
    assert shown(app) == ["-".join(pair) for pair in PAPER_PAIRS]
    assert "no answer can change a winner" in text(app)
    assert address(answer(app, "performance-cost", 5))["prefs"] == "performance-cost:5"


def test_preferences_move_the_weights_and_may_stay_unanswered(app: AppTest) -> None:
    opened(app, {"step": "preferences"})
    app.button(key="ask-all").click().run()
    answer(app, "performance-cost", 5)
    assert address(app)["prefs"] == "performance-cost:5"
    for objective, share in weights(Preferences.from_text("performance-cost:5")).items():
        assert re.search(rf"{objective.value.capitalize()}</td><td>{share:.0%}</td>", html(app))
    assert any("compare" in m.value and "to settle it" in m.value for m in app.markdown)
    app.button(key="no-judgement").click().run()
    assert "prefs" not in address(app)


@pytest.mark.parametrize("signed", SIGNED_SCALE)
def test_every_choice_of_a_comparison_is_taken_as_it_stands(app: AppTest, signed: int) -> None:
    opened(app, {**PHONES, "prefs": "performance-cost:3"})
    answer(app, "performance-cost", signed)
    assert address(app)["prefs"] == f"performance-cost:{signed}"
    answer(app, "performance-cost", None)  # the same choice once more takes it back
    assert "prefs" not in address(app)


def test_a_click_that_changes_nothing_loses_nothing_either(app: AppTest) -> None:
    opened(app, PHONES)
    pair = shown(app)[0]
    answer(app, pair, 5)
    kept = address(app)
    del app.query_params["prefs"]  # the browser had not heard of it yet
    app.button(key="ask-all").click().run()
    assert address(app) == kept


def test_the_value_that_would_fit_is_taken_by_one_click(app: AppTest) -> None:
    found = consistency(Preferences.from_text(CONTRADICTION)).look_again
    assert found is not None
    opened(app, {**PHONES, "prefs": CONTRADICTION})
    (told,) = app.warning
    assert "Look again at" in told.value
    app.button(key="take-better").click().run()
    made = Preferences.from_text(address(app)["prefs"])
    assert made.on(found.better.more, found.better.less) == found.better
    assert len(made) == 3
    assert consistency(made).ratio == pytest.approx(found.ratio)


def test_two_people_answer_and_the_weights_are_of_both(app: AppTest) -> None:
    opened(app, {**PHONES, "prefs": "performance-cost:9,cost-latency:1"})
    (name,) = [t for t in app.text_input if t.label == "Answer as another person"]
    name.input("Ben").run()
    assert address(app)["person"] == "Ben"
    app.button(key="ask-all").click().run()
    answer(app, "performance-cost", -9)
    assert address(app)["prefs"] == "Person 1=performance-cost:9,cost-latency:1|Ben=performance-cost:-9"
    group = Group.from_json({
        "Person 1": Preferences.from_text("performance-cost:9,cost-latency:1").to_json(),
        "Ben": Preferences.from_text("performance-cost:-9").to_json(),
    })  # fmt: skip
    shares = group_weights(group)
    assert f"Performance</td><td>{shares.shares[0]:.0%}</td>" in html(app)
    assert agreement_words(agreement(group))[0] in html(app).replace("&#x27;", "'")
    app.button(key="drop-person").click().run()
    assert address(app)["prefs"] == "Person 1=performance-cost:9,cost-latency:1"


def test_a_colleagues_file_is_added_under_its_own_name(app: AppTest) -> None:
    opened(app, {**PHONES, "prefs": "performance-cost:5"})
    (key,) = [w.key for w in widgets(app, "file_uploader") if str(w.key).startswith("people-file")]
    theirs = {"project": {"devices": 3}, "preferences": Preferences.from_text("latency-security:3").to_json()}
    upload(app, key, "Cleo.json", json.dumps(theirs).encode())
    assert address(app)["prefs"] == "Person 1=performance-cost:5|Cleo=latency-security:3"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "is no JSON"),
        (b'{"project": {"devices": 3}}', "holds no preferences"),
        (b'[{"more": "speed", "less": "cost", "strength": "weak"}]', "unknown objective 'speed'"),
        (b'"x"', "list of judgements"),
        (b"{}", "nobody's answers"),
    ],
)
def test_a_file_that_holds_no_answers_says_what_is_wrong(content: bytes, told: str) -> None:
    with pytest.raises(PreferenceError, match=told):
        read(content, "theirs.json")


def test_a_file_of_several_people_keeps_their_names() -> None:
    group = Group.from_json({"Ann": [], "Ben": Preferences.from_text("cost-latency:3").to_json()})
    assert read(json.dumps(group.to_json()).encode(), "x.json") == group
    assert read(json.dumps({"preferences": group.to_json()}).encode(), "x.json") == group
    alone = Preferences.from_text("cost-latency:3")
    assert [p.name for p in read(json.dumps(alone.to_json()).encode(), "Dora.json")] == ["Dora"]
    assert [p.name for p in read(json.dumps({"preferences": alone.to_json()}).encode(), "Dora.json")] == ["Dora"]
