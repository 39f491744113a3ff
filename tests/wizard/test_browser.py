"""The ABC case of the DLOM² paper in a real browser, and a requirement that nothing meets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from tests import browser

if TYPE_CHECKING:
    from playwright.sync_api import Page

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
HEADINGS = {
    "project": "What is it for, and what may it cost?",
    "network": "Does the neural network itself matter to you?",
    "device": "What will it run on?",
    "cloud": "Do you need a server beside the devices?",
    "optimization": "How may the network have been made smaller or faster?",
    "performance": "How good and how fast must it be?",
    "preferences": "What matters more to you?",
}


def heading(page: Page, text: str) -> None:
    """Wait until a page with this heading is drawn and Streamlit is at rest, with nothing left of the page before."""
    page.get_by_role("heading", name=text).first.wait_for()
    browser.at_rest(page)


def parameters(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def has_parameters(page: Page, **expected: str) -> None:
    """Wait until the address bar says so."""
    page.wait_for_function(
        "want => Object.entries(want).every(([k, v]) => new URLSearchParams(location.search).get(k) === v)",
        arg=expected,
    )


@pytest.mark.browser
def test_the_paper_case_from_example_to_choice_and_back_and_a_near_miss(loaded: Path) -> None:
    from playwright.sync_api import expect

    with browser.browser() as chromium, browser.app(loaded) as address:
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(15_000)
        page = context.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        heading(page, HEADINGS["project"])

        # Start from the paper's example and walk through all steps.
        page.get_by_role("button", name="Start from an example").click()
        page.get_by_role("button", name="Medical company ABC").click()
        has_parameters(page, business_focus="medical", budget_usd="14000", devices="10")
        expect(page.get_by_role("button", name="Medical company ABC")).to_have_count(0)  # the list has closed
        heading(page, HEADINGS["project"])
        expect(page.get_by_label("Total budget, at most")).to_have_value("14,000 USD")
        for step in list(HEADINGS)[1:]:
            page.locator(".st-key-next button").click()
            heading(page, HEADINGS[step])
        expect(page.get_by_role("radio", checked=True)).to_have_count(7)
        page.locator(".st-key-next button").click()
        heading(page, "models meet every limit")
        page.get_by_text("Recommended for you").wait_for()
        page.get_by_text("Why this one").wait_for()
        winner = page.locator(".card h3").first.inner_text()
        restored = page.url

        # It says how sure that is; a row that is ticked stands beside the winner; the decision is recorded.
        page.get_by_text("plausible cases").wait_for()
        expect(page.locator(".chance")).to_have_count(5)
        table = page.locator('[data-testid="stDataFrame"]').first
        table.scroll_into_view_if_needed()
        corner = table.bounding_box()
        assert corner is not None
        page.mouse.click(corner["x"] + 18, corner["y"] + 35 + 35 + 17)  # the box of the second row
        page.get_by_role("heading", name="Side by side").wait_for()
        expect(page.locator(".beside th b")).to_have_count(2)
        page.get_by_role("button", name="Record this decision").click()
        page.get_by_label("Your name").fill("Jane")
        page.locator(".st-key-decide button").click()
        page.get_by_text("Recorded as").wait_for()
        assert page.url == restored

        # The browser's back and forward lose nothing.
        for step in reversed(list(HEADINGS)):
            page.go_back()
            heading(page, HEADINGS[step])
            has_parameters(page, step=step, business_focus="medical", budget_usd="14000", devices="10")
        expect(page.get_by_label("Number of devices")).to_have_value("10 devices")
        for step in list(HEADINGS)[1:]:
            page.go_forward()
            heading(page, HEADINGS[step])
        page.go_forward()
        heading(page, "models meet every limit")
        expect(page.locator(".card h3").first).to_have_text(winner)

        # The link restores the same answer in a new tab.
        other = context.new_page()
        other.goto(restored)
        heading(other, "models meet every limit")
        expect(other.locator(".card h3").first).to_have_text(winner)
        other.close()

        # A value typed and not yet taken in is not lost by an immediate click on Next.
        page.locator(".st-key-go-project button").click()
        heading(page, HEADINGS["project"])
        page.get_by_label("Number of devices").fill("11")
        page.locator(".st-key-next button").click()
        has_parameters(page, step="network", devices="11")
        heading(page, HEADINGS["network"])

        # Nothing meets this; one click on a near miss makes it fit.
        page.goto(f"{address}/?step=results&task=object-detection&inference_latency_ms_at_most=0.05")
        heading(page, "Nothing meets every limit yet")
        page.locator(".st-key-relax-nothing-0 button").click()
        page.get_by_text("Recommended for you").wait_for()
        assert float(parameters(page)["inference_latency_ms_at_most"]) > 0.05

        # On a phone the parts of the app stand side by side, within the page.
        page.set_viewport_size({"width": 390, "height": 844})
        boxes = [box for part in page.locator(".st-key-parts button").all() if (box := part.bounding_box())]
        assert len(boxes) == 5
        assert len({box["y"] for box in boxes}) == 1
        assert max(box["x"] + box["width"] for box in boxes) <= 390
        assert faults == []


PRESS_BACK = """() => {
    const button = document.querySelector(".st-key-back button");
    button?.click();
    return button !== null;
}"""


@pytest.mark.browser
def test_back_pressed_again_while_the_page_is_still_being_drawn_goes_one_more_step(loaded: Path) -> None:
    """The address changes before the page is drawn; each next press comes as soon as there is a button again."""
    with browser.browser() as chromium, browser.app(loaded) as address:
        page = chromium.new_page()
        page.set_default_timeout(15_000)
        page.goto(f"{address}/?step=performance&task=image-classification")
        heading(page, HEADINGS["performance"])
        for step in ("optimization", "cloud", "device", "network", "project"):
            page.wait_for_function(PRESS_BACK)
            has_parameters(page, step=step, task="image-classification")
        heading(page, HEADINGS["project"])


def test_the_example_in_this_test_is_the_papers() -> None:
    project = json.loads((EXAMPLES / "abc-medical.json").read_text())["project"]
    assert project == {"business_focus": "medical", "budget_usd": 14000, "devices": 10}
