"""The pages on a real installation, without a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dss.matching import counts
from dss.preferences import Preferences
from flow import find_candidates, installation, read_request, select
from ontology.requirement import Requirement
from ontology.settings import Settings
from repository.knowledge import Knowledge
from tests.wizard.pages import address, html, opened, widgets
from wizard import session
from wizard.state import PAGES

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
LINK = {"step": "device", "business_focus": "medical", "budget_usd": "14000", "devices": "10", "camera": "yes"}


def matching(app: AppTest) -> int:
    found = re.search(r'class="big[^"]*">([\d,]+)<', html(app))
    assert found
    return int(found.group(1).replace(",", ""))


def test_every_page_opens(app: AppTest) -> None:
    for page in PAGES:
        opened(app, {"step": page})


def test_a_link_restores_the_page_and_its_fields(app: AppTest) -> None:
    opened(app, LINK)
    assert app.subheader[0].value == "What will it run on?"
    assert next(t for t in app.toggle if t.label.startswith("Has a camera")).value is True
    app.button(key="go-project").click().run()
    assert {t.label: t.value for t in app.text_input if t.value} == {
        "Total budget, at most": "14,000 USD",
        "Number of devices": "10 devices",
    }
    assert next(s for s in app.selectbox if s.label == "Business focus").value == "medical"
    assert address(app) == LINK | {"step": "project"}


def test_the_live_count_is_that_of_the_story(app: AppTest, knowledge: Knowledge) -> None:
    opened(app, LINK)
    asked = Requirement(business_focus=("medical",), budget_usd=14000.0, devices=10, camera=True)
    found = counts(find_candidates(asked, knowledge))
    assert matching(app) == found.matches
    assert f"{found.if_measured:,} more would match if measured" in html(app)


def test_going_through_all_pages_and_back_keeps_everything(app: AppTest) -> None:
    opened(app, {})
    next(t for t in app.text_input if t.label == "Total budget, at most").input("14k USD").run()
    for _ in PAGES[1:-1]:
        app.button(key="next").click().run()
    app.button(key="next").click().run()
    assert address(app) == {"step": "results", "budget_usd": "14000"}
    app.button(key="go-preferences").click().run()
    for _ in PAGES[:-2]:
        app.button(key="back").click().run()
    assert address(app) == {"step": "project", "budget_usd": "14000"}
    assert next(t for t in app.text_input if t.label == "Total budget, at most").value == "14,000 USD"


def test_a_wrong_number_is_told_beside_its_field_and_not_counted(app: AppTest) -> None:
    everything = matching(opened(app, {}))
    next(t for t in app.text_input if t.label == "Total budget, at most").input("14 bananas").run()
    assert not app.exception
    (told,) = app.error
    assert told.value.startswith("“14 bananas” is not counted: unknown unit 'bananas'; write 20 USD")
    assert matching(app) == everything
    app.button(key="go-network").click().run()
    app.button(key="go-project").click().run()
    assert next(t for t in app.text_input if t.label == "Total budget, at most").value == "14 bananas"


def test_a_bad_link_names_what_is_wrong_and_keeps_the_rest(app: AppTest) -> None:
    opened(app, {"budget_usd": "-5", "networks": "<img src=x>", "devices": "10", "budgte": "1", "step": "network"})
    (told,) = app.warning
    assert "**Total budget** (budget\\_usd, step Project)" in told.value
    assert "**budgte**: is no field of a requirement; did you mean budget\\_usd?" in told.value
    assert "\\<img src\\=x\\>" in app.error[0].value
    app.button(key="go-project").click().run()
    assert next(t for t in app.text_input if t.label == "Number of devices").value == "10 devices"


@pytest.mark.parametrize("name", sorted(f.stem for f in EXAMPLES.glob("*.json")))
def test_an_example_leads_to_the_answer_of_the_story(app: AppTest, knowledge: Knowledge, name: str) -> None:
    opened(app, {})
    app.button(key=f"example-{name}").click().run()
    app.button(key="go-results").click().run()
    assert not app.exception
    answer = select(*read_request((EXAMPLES / f"{name}.json").read_bytes(), knowledge), knowledge)
    if answer.ranking.winner is None:
        assert app.subheader[0].value.startswith("Nothing meets every limit yet")
        return
    assert f"<b>{answer.ranking.winner.score:.2f}</b>" in html(app)
    assert app.subheader[0].value.startswith(f"{answer.ranking.total:,} model")
    table = app.dataframe[0].value
    listed = [answer.ranking.scored[place - 1] for place in table["Place"]]
    assert listed[0] is answer.ranking.winner
    assert list(table["Score"]) == [round(s.score, 2) for s in listed]
    app.button(key="run-query").click().run()
    assert app.success[0].value == f"It returned {answer.ranking.total:,} models, the same as above."


def test_contributions_on_the_page_sum_to_the_score(app: AppTest) -> None:
    opened(app, {"step": "results", "task": "object-detection", "prefs": "performance-cost:5"})
    page = html(app)
    points = [float(p) for p in re.findall(r"<td>(\d\.\d\d)</td><td class=\"bar\">", page)]
    score = float(re.search(r"<td>Score</td><td></td><td></td><td>([\d.]+)", page).group(1))  # type: ignore[union-attr]
    assert sum(points) == pytest.approx(score, abs=0.005 * (len(points) + 1))


@pytest.mark.parametrize(("page", "button"), [("results", "relax-nothing-0"), ("performance", "relax-live-0")])
def test_a_near_miss_is_applied_by_one_click(app: AppTest, knowledge: Knowledge, page: str, button: str) -> None:
    opened(app, {"step": page, "task": "object-detection", "inference_latency_ms_at_most": "0.05"})
    asked = Requirement(task=("object-detection",), inference_latency_ms_at_most=0.05)
    miss = select(asked, Preferences(), knowledge).near_misses[0]
    if page == "results":
        assert app.subheader[0].value.startswith("Nothing meets every limit yet")
    else:
        assert matching(app) == 0
    app.button(key=button).click().run()
    assert float(address(app)["inference_latency_ms_at_most"]) == miss.value
    found = len(find_candidates(miss.apply(asked), knowledge).matches)
    assert found == miss.admits
    if page == "results":
        assert app.subheader[0].value.startswith(f"{found} model")
    else:
        assert matching(app) == found


def test_a_link_that_comes_from_outside_is_taken_over(app: AppTest) -> None:
    opened(app, {"budget_usd": "14000", "task": "object-detection"})
    app.query_params["budget_usd"] = "500"  # as when the visitor goes back
    app.query_params["task"] = "pose-estimation"
    app.run()
    assert next(s for s in app.selectbox if s.label == "Task").value == "pose-estimation"
    assert next(t for t in app.text_input if t.label == "Total budget, at most").value == "500 USD"


def test_a_click_that_overtakes_the_address_loses_nothing(app: AppTest) -> None:
    opened(app, {})
    next(t for t in app.text_input if t.label == "Total budget, at most").input("500").run()
    del app.query_params["budget_usd"]  # the browser had not heard of it yet
    del app.query_params["step"]
    app.button(key="next").click().run()
    assert address(app) == {"step": "network", "budget_usd": "500"}


def test_a_wrong_file_is_told_with_every_problem(app: AppTest) -> None:
    opened(app, {})
    wrong = {"project": {"budget_usd": -1, "task": "juggling"}, "preferences": []}
    widgets(app, "file_uploader")[0].set_value(("r.json", json.dumps(wrong).encode(), "application/json")).run()
    assert not app.exception
    (told,) = app.error
    assert "project\\.budget" in told.value or "budget\\_usd\\: must be more than 0 USD" in told.value
    assert "juggling" in told.value
    app.button(key="forget").click().run()
    assert not app.error


def test_an_installation_without_models_says_what_to_run(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLOM_HOME", str(tmp_path / "new"))
    app.run()
    assert not app.exception
    assert app.title[0].value == "There are no models here yet"
    assert app.code[0].value == "./dlom run"


def test_the_session_asks_the_installation_of_the_environment(home: Path) -> None:
    assert session.knowledge() is installation(Settings(home=home))
