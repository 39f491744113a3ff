"""The SPARQL page: questions, links, what a fault looks like, and that it stays up when a query is killed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import flow
from ontology.settings import Settings
from repository.graph import EmbeddedGraph
from repository.knowledge import STORE
from tests import browser
from tests.tiny import tiny_graph
from tests.wizard.conftest import MAIN
from tests.wizard.pages import address, html, opened, text
from tests.wizard.test_console import RUNAWAY
from wizard.console_state import packed, unpacked

SPARQL = {"view": "sparql"}


@pytest.fixture(scope="module")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that holds the tiny graph and that no process has open."""
    home = tmp_path_factory.mktemp("tiny") / "home"
    home.mkdir()
    tiny_graph().snapshot(home / STORE)
    return home


@pytest.fixture(scope="module")
def home(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of it for this process."""
    copy = Path(shutil.copytree(tiny_home, tmp_path_factory.mktemp("copy") / "home"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DLOM_HOME", str(copy))
        yield copy
    flow.installation(Settings(home=copy)).close()  # and no other: those of other tests stay open


@pytest.fixture
def app(home: Path) -> AppTest:
    """The page's app, not run yet."""
    return AppTest.from_file(str(MAIN), default_timeout=30)


def answered(app: AppTest) -> AppTest:
    """The page once the query that runs has been answered and checked."""
    for run in app.session_state["console-runs"].values():
        assert run.done.wait(60)
    app.run()
    assert not app.exception
    return app


def test_a_questions_link_runs_it_and_shows_rows_chart_and_downloads(app: AppTest) -> None:
    opened(app, {**SPARQL, "question": "prices"})
    answered(app)
    assert app.subheader[0].value == "How well is each device's price known"
    assert "<b>6</b> rows in" in html(app)  # boards A to E, and the skin board
    table = app.dataframe[0].value
    assert sorted(table["price_usd"]) == [100, 200, 300, 400, 500, 785.12]
    assert [d.proto.label for d in app.get("download_button")][:2] == ["CSV", "JSON"]
    assert app.get("plotly_chart")


def test_a_click_on_a_question_asks_it_and_the_address_holds_it(app: AppTest) -> None:
    opened(app, SPARQL)
    app.text_input(key="question-search").input("cheapest fleet").run()
    assert [b.key for b in app.button if str(b.key).startswith("question-")] == ["question-cheapest-fleet"]
    app.button(key="question-cheapest-fleet").click().run()
    assert address(app) == {**SPARQL, "question": "cheapest-fleet"}
    answered(app)
    assert list(app.dataframe[0].value["fleet_usd"]) == [10_000, 20_000]  # 100 of board A, of board B
    latency = next(n for n in app.number_input if str(n.key).startswith("console-latency_ms"))
    assert (latency.min, latency.max) == (0.001, 60_000)
    latency.set_value(10.0).run()
    assert address(app) == {**SPARQL, "question": "cheapest-fleet", "latency_ms": "10.0"}
    answered(app)
    assert list(app.dataframe[0].value["fleet_usd"]) == [10_000]  # board A alone is as fast


def test_a_query_that_came_with_a_link_waits_for_run(app: AppTest) -> None:
    query = "SELECT ?accuracy { ?performance :accuracyPercent ?accuracy }"
    opened(app, {**SPARQL, "query": query})
    assert "console-runs" not in app.session_state or not app.session_state["console-runs"]
    assert "then press **Run**" in text(app)
    app.button(key="console-run").click().run()
    answered(app)
    assert len(app.dataframe[0].value) == 6
    (warning,) = app.warning
    assert "Not all of these rows compare" in warning.value
    assert "“accuracy” mixes" in warning.value.replace("\\", "")


def test_a_cut_answer_says_so(app: AppTest) -> None:
    opened(app, {**SPARQL, "query": "SELECT ?s ?p ?o { ?s ?p ?o }"})
    app.number_input(key="console-rows").set_value(5).run()
    app.button(key="console-run").click().run()
    answered(app)
    assert len(app.dataframe[0].value) == 5
    assert "only the first 5; there are more" in app.warning[0].value


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * {\n SERVICE <http://127.0.0.1:9/> { ?s ?p ?o }\n}", "**SERVICE is refused.** Line 2, column 2."),
        ("SELECT * {\n ?s ?p ?o\n", "**The query cannot be read.** Line 3"),
        ("SELECT * { <b>&*_ }", "**The query cannot be read.** Line 1"),
    ],
)
def test_a_fault_is_shown_with_its_line(app: AppTest, query: str, said: str) -> None:
    opened(app, {**SPARQL, "q": packed(query)})
    app.button(key="console-run").click().run()
    answered(app)
    assert app.error[0].value.startswith(said)


def test_stop_ends_a_runaway_query_and_the_page_stays_up(app: AppTest) -> None:
    opened(app, {**SPARQL, "q": packed(RUNAWAY)})
    app.button(key="console-run").click().run()
    assert not app.exception
    assert app.button(key="console-run").disabled
    app.button(key="console-stop").click().run()
    answered(app)
    assert "The query was stopped" in app.info[0].value
    assert not app.button(key="console-run").disabled
    app.button(key="question-prices").click().run()
    answered(app)
    assert len(app.dataframe[0].value) == 6


def test_a_class_brings_a_starter_query(app: AppTest) -> None:
    opened(app, SPARQL)
    assert ":Model" in html(app)
    app.button(key="console-starter").click().run()
    query = unpacked(address(app)["q"])
    assert query is not None
    assert "?model a :Model ." in query
    app.button(key="console-run").click().run()
    answered(app)
    assert set(app.dataframe[0].value["model"]) == {f"/?model={name}" for name in "abcdenps"}


def test_a_link_with_faults_keeps_what_is_right(app: AppTest) -> None:
    opened(app, {**SPARQL, "question": "cheapest-fleet", "latency_ms": "soon", "devices": "7"})
    answered(app)
    assert "soon" in app.warning[0].value
    assert list(app.dataframe[0].value["fleet_usd"]) == [700, 1400]


@pytest.mark.browser
def test_in_a_browser_type_run_stop_go_back_and_click_the_picture(tiny_home: Path) -> None:
    from playwright.sync_api import expect

    with browser.browser() as chromium, browser.app(tiny_home) as url:
        page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(20_000)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{url}/?view=sparql&question=prices")
        page.get_by_text("6 rows in").wait_for()
        browser.at_rest(page)
        editor = page.locator(".editor textarea")
        expect(page.locator(".editor .variable").first).to_have_text("?device_label")

        # Typed and run at once: nothing typed is lost, and Stop really ends it.
        editor.fill(RUNAWAY)
        page.locator(".st-key-console-run button").click()
        page.locator(".st-key-console-stop button").click()
        page.get_by_text("The query was stopped").wait_for()
        editor.fill("SELECT ?m {\n  ?m :device dev:board-a\n  ?m :purpose ?p }")
        editor.press("Control+Enter")
        page.get_by_text("The query cannot be read").wait_for()
        expect(page.locator(".gutter .fault")).to_have_text("3")

        # Back, to the query before and to the question, each with its answer.
        page.go_back()
        page.get_by_text("The query was stopped").wait_for()
        browser.at_rest(page)
        expect(editor).to_have_value(RUNAWAY)
        page.go_back()
        page.get_by_text("6 rows in").wait_for()
        browser.at_rest(page)
        expect(editor).to_have_value(re.compile(r"^SELECT \?device_label"))

        # The picture can be clicked.
        page.get_by_role("tab", name="Schema").click()
        page.locator('[data-class="Performance"]').click()
        page.locator(".schemaclass code", has_text=":Performance").wait_for()
        page.get_by_role("button", name="Put a starter query").click()
        page.get_by_text("then press Run").wait_for()
        browser.at_rest(page)
        expect(editor).to_have_value(re.compile(r"\?performance a :Performance"))
        assert faults == []
    with pytest.MonkeyPatch.context() as patch:  # the app has let the store go
        patch.setenv("DLOM_HOME", str(tiny_home))
        EmbeddedGraph(tiny_home / STORE).close()
