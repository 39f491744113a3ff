"""The report says everything that the decision rests on, whatever its texts hold, and is the same file each time."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flow
from dss import html_report, report_charts
from dss.decision import recorded
from dss.preferences import Preference, Preferences, Strength
from ontology.records import Decision, Objective
from ontology.requirement import Requirement
from ontology.settings import Settings
from repository.graph import EmbeddedGraph
from repository.knowledge import Knowledge
from repository.terms import node, prologue
from tests.browser import browser
from tests.tiny import tiny_knowledge

if TYPE_CHECKING:
    from playwright.sync_api import Dialog

CLASSIFIERS = Requirement(
    task=("image-classification",), test_data=("flowers",), title="Flowers", inference_latency_ms_at_most=45.0
)
QUALITY_FIRST = Preferences((Preference(Objective.PERFORMANCE, Objective.COST, Strength.STRONG),))
HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">"\'&{{7*7}}'


class Page(HTMLParser):
    """The tags and attributes of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def made(knowledge: Knowledge, home: Path, requirement: Requirement = CLASSIFIERS, comment: str = "") -> Decision:
    selection = flow.select(requirement, QUALITY_FIRST, knowledge)
    at = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    return flow.decide(selection, knowledge, Settings(home=home), by="Jane", comment=comment, at=at)


@pytest.fixture(scope="module")
def decision(tmp_path_factory: pytest.TempPathFactory) -> Decision:
    """What Jane decided on the tiny graph, of which `e` is too slow."""
    return made(tiny_knowledge(), tmp_path_factory.mktemp("home"), comment="for the pilot")


@pytest.fixture(scope="module")
def page(decision: Decision) -> str:
    return html_report.page(recorded(decision), decision)


def test_a_manager_finds_the_question_the_answer_and_the_reasons(page: str, decision: Decision) -> None:
    text = Page(page).text
    assert f"Decision {decision.name}, made by Jane on 20 November 2026, 09:30 UTC" in text
    assert "Chosen: SmallNet on Board A" in text
    assert "“for the pilot”" in text
    assert "Inference latency at most 45 ms: has 10 ms" in text
    assert "4 of 8 models meet every limit" in text
    assert "performance over cost: strong" in text
    assert f"First, with a score of {decision.score:.2f} out of 5." in text
    assert "Inference latency 45 → 50 ms admits 1 model" in text
    assert "draws of what is uncertain" in text
    assert f"./dlom replay {decision.name}" in text
    assert "SELECT" in text


def test_the_card_has_every_line_of_the_papers_figure_8b_with_its_evidence(page: str) -> None:
    text = Page(page).text
    labels = re.findall(r'<th scope="row">(.*?)</th>', page)
    assert labels == [
        "Total cost", "Purpose", "Rating by users", "Year created", "Field", "Number of devices", "Cost of each device",
        "Device", "Network", "Cloud server", "Accuracy (Top-1 accuracy)", "System latency", "Inference latency",
        "Throughput", "Stability", "Memory", "Size of the file", "Optimization methods", "Get it from",
    ]  # fmt: skip
    assert "10 ms ◆ published A benchmark" in text.replace("more details", "").replace("  ", " ")
    assert "60 %" in text
    assert "● measured" in text
    assert "$100" in text
    assert "○ declared" in text


def test_prices_and_sources_are_listed_with_licences(page: str) -> None:
    prices = Page(page[page.index("<h2>Prices") : page.index("<h2>How to check")]).text
    assert "Board A $100 ○ declared" in prices
    assert "Board D $400 ○ declared" in prices
    assert "A benchmark not stated not stated" in prices


def test_the_contributions_are_bars_that_sum_to_the_score(decision: Decision) -> None:
    first = recorded(decision)["answer"]["ranking"][0]
    chart = report_charts.contribution_bars(first["contributions"], first["score"], first["score_at_best"])
    *parts, total = chart.rows
    assert sum(bar.width for bar in parts) == pytest.approx(total.width)
    assert total.width == pytest.approx(report_charts.BARS * first["score"] / 5)
    for before, after in pairwise(parts):
        assert before.x + before.width == pytest.approx(after.x)
    assert total.text == f"{first['score']:.2f} of 5"


def test_the_weights_are_bars_that_sum_to_one(decision: Decision) -> None:
    chart = report_charts.weight_bars(recorded(decision)["answer"]["weights"])
    assert sum(bar.width for bar in chart.rows) == pytest.approx(report_charts.BARS)


def test_the_scatter_chart_stands_where_the_figures_say() -> None:
    """1 and 100 ms on a logarithmic scale from 1 to 100: at both edges, and 10 ms half way."""

    def point(model: str, ms: float, quality: float, place: int) -> dict[str, object]:
        return {
            "model": model, "title": model, "latency_ms": ms, "quality": quality, "place": place,
            "latency_evidence": "measured", "quality_evidence": "measured",
        }  # fmt: skip

    chart = {
        "points": [point("a", 1, 60, 1), point("b", 10, 80, 2), point("c", 100, 70, 3)],
        "quality": "Top-1", "unit": "%", "data_set": "", "higher_is_better": True,
    }  # fmt: skip
    drawn = report_charts.scatter(chart, "a")
    left, top, width, height = report_charts.PLOT
    at = {p.text[0]: (p.x, p.y) for p in drawn.points}
    assert at == {"a": (left, top + height), "b": (left + width / 2, top), "c": (left + width, top + height / 2)}
    assert drawn.front == f"{left:.1f},{top + height:.1f} {left + width / 2:.1f},{top:.1f}"  # b beats c in both
    assert [p.place for p in drawn.points] == ["2", "3", ""]  # the leading one is a star, drawn last
    assert "Fastest: a, 1 ms. Best Top-1: b, 80 %." in drawn.described


def test_every_chart_can_be_read_without_seeing_it(page: str) -> None:
    found = Page(page)
    assert found.tags["svg"] == 4
    named = [value.split() for name, value in found.attributes if name == "aria-labelledby"]
    ids = {value for name, value in found.attributes if name == "id"}
    assert len(named) == 4
    assert {i for pair in named for i in pair} <= ids
    described = re.search(r'<desc id="weights-desc">(.*?)</desc>', page)
    assert described is not None
    assert re.fullmatch(r"Performance \d+%(, [A-Z][a-z ]+ \d+%){5}", described[1])


def test_the_file_needs_nothing_from_outside(page: str) -> None:
    found = Page(page)
    assert not found.tags.keys() & {"script", "img", "link", "iframe", "object", "embed", "form", "base"}
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in ("src", "srcset")]
    assert "url(" not in page
    assert "@import" not in page
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in found.attributes
    assert found.tags["h1"] == 1


def test_the_same_record_gives_the_same_bytes_whatever_became_of_the_facts(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    decision = made(knowledge, tmp_path)
    before = flow.report_page(decision, knowledge)
    assert isinstance(knowledge.graph, EmbeddedGraph)
    knowledge.graph.drop(node("g", "models-later"))
    knowledge.changed()
    assert flow.report_page(decision, knowledge).encode() == before.encode()


def test_a_selection_has_a_report_before_anything_is_decided(tiny: Knowledge) -> None:
    selection = flow.select(CLASSIFIERS, QUALITY_FIRST, tiny)
    text = Page(flow.report_page(selection, tiny, made=date(2026, 11, 20))).text
    assert "Recommendation of 20 November 2026; no decision is recorded" in text
    assert "Recommended: SmallNet on Board A" in text


def test_when_nothing_fits_the_report_says_what_would_have_to_give_way(tiny: Knowledge) -> None:
    selection = flow.select(replace(CLASSIFIERS, inference_latency_ms_at_most=4.0), QUALITY_FIRST, tiny)
    text = Page(flow.report_page(selection, tiny)).text
    assert "No model meets these limits." in text
    assert "Inference latency 4 → 10 ms admits 1 model" in text
    assert "Inference latency at most 4 ms: has 10 ms, 6 over" in text


def test_one_who_chose_another_model_reads_why_it_was_not_recommended(tmp_path: Path) -> None:
    knowledge = tiny_knowledge()
    selection = flow.select(CLASSIFIERS, QUALITY_FIRST, knowledge)
    chosen = flow.decide(selection, knowledge, Settings(home=tmp_path), by="Jane", chosen="e")
    text = Page(flow.report_page(chosen, knowledge)).text
    assert "Chosen: SmallNet on Board E" in text
    assert "the chosen model is not among the models that meet every limit" in text
    assert "Inference latency at most 45 ms: has 50 ms, 5 over" in text
    assert "Why not the recommended model" in text


def test_the_requirement_in_the_report_can_be_asked_again(page: str, tiny: Knowledge) -> None:
    shown = re.search(r"<pre>(\{.*?)</pre>", page, re.DOTALL)
    assert shown is not None
    given = shown[1].replace("&#34;", '"')
    requirement, preferences = flow.read_request(given, tiny)
    assert (requirement, preferences) == (CLASSIFIERS, QUALITY_FIRST)
    assert json.loads(given)["title"] == "Flowers"


def hostile_decision(home: Path) -> tuple[Decision, Knowledge]:
    """Every text that anyone could have registered tries to run a script."""
    knowledge = tiny_knowledge()
    graph = knowledge.graph
    assert isinstance(graph, EmbeddedGraph)
    text = json.dumps(HOSTILE)  # JSON's escapes are SPARQL's
    labels = "GRAPH ?g { ?x rdfs:label ?l } VALUES ?x { dev:board-a net:small-net src:bench rt:litert-cpu opt:float }"
    graph.update(
        f"{prologue()} DELETE {{ GRAPH ?g {{ ?x rdfs:label ?l }} }} INSERT {{ GRAPH ?g {{ ?x rdfs:label {text} }} }} "
        f"WHERE {{ {labels} }} ; DELETE WHERE {{ GRAPH g:models-bench {{ m:a dcterms:license ?l }} }} ; "
        f"INSERT DATA {{ GRAPH g:models-bench {{ m:a :obtain 'javascript:alert(3)' ; dcterms:license {text} . "
        f"dev:board-a :cpu {text} ; :priceSource {text} . p:a-run :sourceDetail {text} . "
        f"src:bench dcterms:title {text} ; dcterms:license {text} ; dcat:landingPage ' javascript:alert(4)' }} }}"
    )
    asked = replace(CLASSIFIERS, title=HOSTILE[:200])
    return made(knowledge, home, asked, comment=HOSTILE), knowledge


def test_no_text_of_the_graph_becomes_markup(tmp_path: Path) -> None:
    decision, knowledge = hostile_decision(tmp_path)
    written = flow.report_page(decision, knowledge)
    found = Page(written)
    assert "<script" not in written
    assert "<img" not in written
    assert "49" not in re.findall(r"&amp;(\w+)", written)  # nor does a text become a template
    assert found.text.count("<script>alert(1)</script>") > 5
    links = [value for name, value in found.attributes if name == "href"]
    assert all(link.startswith("data:application/json;base64,") for link in links), links
    assert "javascript:alert(3)" in found.text


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=80))
def test_the_texts_never_change_what_the_page_is_made_of(decision: Decision, text: str) -> None:
    """Law: whatever is written in a name or a comment, the page has the same tags and attributes."""
    plain = replace(decision, decided_by="x", comment="x")
    kept = recorded(decision)
    odd = {**kept, "in_words": {**kept["in_words"], "title": text or "x"}}
    other = Page(html_report.page(odd, replace(plain, decided_by=text, comment=text or "x")))
    one = Page(html_report.page(kept, plain))
    assert other.tags == one.tags
    assert sorted(other.attributes) == sorted(one.attributes)


@pytest.mark.browser
def test_in_a_browser_nothing_runs_and_nothing_is_fetched(tmp_path: Path) -> None:
    decision, knowledge = hostile_decision(tmp_path)
    file = tmp_path / "report.html"
    file.write_text(flow.report_page(decision, knowledge), encoding="utf-8")
    dialogs: list[str] = []
    requests: list[str] = []

    def dismissed(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    with browser() as chromium:
        tab = chromium.new_page(viewport={"width": 390, "height": 844})  # a phone
        tab.on("dialog", dismissed)
        tab.on("request", lambda r: requests.append(r.url))
        tab.goto(file.as_uri())
        assert tab.locator("svg").count() == 4
        assert tab.evaluate("document.documentElement.scrollWidth") == 390  # nothing hangs over the edge
        for summary in tab.locator("summary").all():
            summary.click()
    assert dialogs == []
    assert requests == [file.as_uri()]
