"""The decision on the page: how sure it is, models side by side, the record, other ways when nothing fits."""

from __future__ import annotations

import os
import re
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

import flow
from dss.comparison import compare as side_with
from dss.comparison import comparison_sentences
from dss.deployment import apply as deploy_like
from dss.matching import find
from dss.preferences import Preferences
from dss.presets import presets, support
from dss.robust_words import opinion_words
from dss.words import near_miss_pair_words
from flow import Selection, select
from ontology.requirement import Requirement
from ontology.requirement_json import to_link
from ontology.settings import Settings
from repository.decisions import find_decision
from repository.knowledge import Knowledge
from tests.wizard.pages import address, html, opened, text
from wizard import alternatives, results_compare, strategies
from wizard.words import cost_range_words, help_words, sure_words

PHONES = {"step": "results", "task": "object-detection", "device_types": "android-phone", "prefs": "performance-cost:5"}
TIGHT = {
    "step": "results", "task": "semantic-segmentation", "device_types": "edge-device", "devices": "25",
    "budget_usd": "20000", "precisions": "w8a8", "inference_latency_ms_at_most": "0.5", "camera": "yes",
}  # fmt: skip
ASKED = Requirement(
    task=("semantic-segmentation",), device_types=("edge-device",), devices=25, budget_usd=20000.0,
    precisions=("w8a8",), inference_latency_ms_at_most=0.5, camera=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def phones(knowledge: Knowledge) -> Selection:
    asked = Requirement(task=("object-detection",), device_types=("android-phone",))
    return select(asked, Preferences.from_text("performance-cost:5"), knowledge)


def plainly(app: AppTest) -> str:
    """The page's text without Markdown's and HTML's escapes."""
    return text(app).replace("\\", "").replace("&#x27;", "'").replace("&amp;", "&")


def test_the_page_says_how_sure_the_first_place_is(app: AppTest, phones: Selection) -> None:
    opened(app, PHONES)
    found, told = phones.robustness, plainly(app)
    assert found is not None and phones.opinion is not None
    share = alternatives.chance_with_copies(phones.candidates.projection, found)
    assert sure_words(found, share) in told
    assert share >= found.of(found.winner).first
    likeliest = [*(c.row for c in found.chances[:10])]
    named = alternatives.naming(phones.candidates, [found.winner, *likeliest, *phones.ranking.order[:10]])
    assert opinion_words(phones.opinion, named) in told
    assert len(re.findall(r'class="chance"', told)) == 5


def test_with_very_many_matches_the_visitor_is_asked_before_it_is_worked_out(app: AppTest) -> None:
    opened(app, {"step": "results"})
    assert app.button(key="work-out").label == "Work it out"
    assert 'class="chance"' not in html(app)


def test_the_card_says_whether_the_optimization_helps_and_what_it_may_cost(app: AppTest, knowledge: Knowledge) -> None:
    opened(app, {**PHONES, "precisions": "w8a8"})
    found = select(
        Requirement(task=("object-detection",), device_types=("android-phone",), precisions=("w8a8",)),
        Preferences.from_text("performance-cost:5"),
        knowledge,
    ).explanation
    assert found is not None and found.help is not None
    assert help_words(found.help).startswith("Will it help on this device?")
    assert help_words(found.help) in plainly(app)
    assert cost_range_words(found.cost).startswith("May be $")
    assert cost_range_words(found.cost) in plainly(app)


def test_models_that_are_ticked_stand_side_by_side_and_their_differences_sum(app: AppTest, phones: Selection) -> None:
    opened(app, PHONES)
    order = phones.ranking.order
    app.session_state["look"] = (phones.requirement, (order[3], order[9]))
    app.run()
    assert not app.exception
    page = html(app)
    for other in (order[3], order[9]):
        found = side_with(phones.candidates, phones.ranking, order[0], other)
        for sentence in comparison_sentences(found, phones.candidates.projection):
            assert sentence in plainly(app)
        assert sum(d.points for d in found.objectives) == pytest.approx(found.points)
    rows = [re.findall(r'<em class="\w+">([^<]+)</em>', row) for row in re.findall(r"<tr.*?</tr>", page)]
    points = [[0.0 if d == "±0" else float(d) for d in row] for row in rows if len(row) == 2]
    assert len(points) == 7  # six objectives and the score
    for k in range(2):
        assert sum(row[k] for row in points[:6]) == pytest.approx(points[6][k], abs=0.04)  # six rounded to 0.01
    app.button(key="look-no-more").click().run()
    assert "Points for each objective" not in html(app)


def test_what_was_picked_for_another_request_is_not_shown(app: AppTest, phones: Selection) -> None:
    app.session_state["look"] = (Requirement(devices=7), phones.ranking.order[1:2])
    opened(app, PHONES)
    assert "Points for each objective" not in html(app)


def test_a_decision_is_recorded_and_its_report_can_be_read(fresh_app: AppTest) -> None:
    opened(fresh_app, PHONES)
    fresh_app.button(key="decide").click().run()
    assert any("names who made it" in e.value for e in fresh_app.error)
    fresh_app.text_input(key="decide-by").input("Jane").run()
    fresh_app.text_area(key="decide-why").input("Cheap enough.").run()
    fresh_app.button(key="decide").click().run()
    assert not fresh_app.exception
    (told,) = fresh_app.success
    name = re.search(r"replay (\S+)`", told.value)
    assert name is not None
    knowledge = flow.installation(Settings.from_environment(os.environ))
    decision = find_decision(knowledge.graph, name.group(1))
    assert (decision.decided_by, decision.comment) == ("Jane", "Cheap enough.")
    assert decision.chosen_model == decision.winner
    assert "Cheap enough." in flow.report_page(decision, knowledge)


def test_when_nothing_fits_two_limits_together_are_one_click(app: AppTest, knowledge: Knowledge) -> None:
    opened(app, TIGHT)
    found = select(ASKED, Preferences(), knowledge)
    assert found.ranking.winner is None
    pair = next(p for p in found.pairs if p.smallest)
    button = app.button(key="relax-pair-0")
    assert button.label.replace("\\", "") == near_miss_pair_words(pair, knowledge.projection)
    button.click().run()
    assert app.subheader[0].value.startswith(f"{pair.admits} model")


def test_another_way_to_deploy_is_one_click_too(app: AppTest, knowledge: Knowledge) -> None:
    asked = replace(ASKED, networks=("ffnet-78s-lowres",), inference_latency_ms_at_most=7.0)
    (found, *_) = [d for d in select(asked, Preferences(), knowledge).deployments if d.row is not None]
    opened(app, {"step": "results", **to_link(asked)})
    assert app.subheader[0].value.startswith("Nothing meets every limit yet")
    app.button(key=f"deploy-{found.method.value}-{found.name}").click().run()
    wanted = deploy_like(asked, found)
    assert address(app) == {"step": "results", **to_link(wanted)}
    matches = find(wanted, knowledge.projection).matches
    assert found.row in matches
    assert app.subheader[0].value.startswith(f"{len(matches)} model")


def test_a_published_strategy_says_what_it_sets_and_whether_the_facts_bear_it_out(
    app: AppTest, knowledge: Knowledge
) -> None:
    p = knowledge.projection
    opened(app, {})
    for preset in presets(p.choices):
        assert strategies.verdict(support(preset, p)) in plainly(app)
    app.button(key="example-lee-low-end").click().run()
    assert next(e.label for e in app.expander if "published strategy" in e.label)
    assert "Supported: " in plainly(app)
    low_end = presets(p.choices)[0]
    assert address(app)["prefs"] == low_end.preferences.to_text()


def test_only_the_first_three_stand_side_by_side(phones: Selection, monkeypatch: pytest.MonkeyPatch) -> None:
    order = phones.ranking.order
    monkeypatch.setattr(results_compare, "picked", lambda _: order[2:8])
    assert results_compare.columns(phones) == (order[0], order[2], order[3])
    monkeypatch.setattr(results_compare, "picked", lambda _: order[:1])
    assert results_compare.columns(phones) == ()


def test_near_copies_differ_in_runtime_only(phones: Selection) -> None:
    p = phones.candidates.projection
    rows = phones.ranking.order[:60]
    for best, copies in alternatives.best_of_each(p, rows).items():
        for copy in copies:
            assert rows.index(best) < rows.index(copy)
            one, other = p.models.iloc[best], p.models.iloc[copy]
            assert (one["network"], one["device"], one["optimization"]) == (
                other["network"],
                other["device"],
                other["optimization"],
            )
            assert (one["runtime"], one["compute_unit"]) != (other["runtime"], other["compute_unit"])
