"""Pictures say in their widths what the numbers say; hostile names stay text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import flow
from dss.card import card
from dss.comparison import compare, swapped
from dss.cost import DECLARED, ESTIMATE, TotalCost
from dss.preferences import Preferences
from dss.presets import Claim, Expected, Support
from dss.robustness import Chance, Drawn, Robustness
from dss.sensitivity import Switch, Turn
from ontology.records import Objective
from ontology.requirement import Requirement
from repository.knowledge import Knowledge
from wizard import pictures, strategies
from wizard.words import asked_words, cost_range_words, sure_word, sure_words

CLASSIFIERS = Requirement(task=("image-classification",), test_data=("flowers",))


def robust(first: float, **drawn: int) -> Robustness:
    kinds = {"judgements": 0, "unjoined_parts": 0, "measured_ratings": 0, "voted_ratings": 0, "unknown_ratings": 0}
    return Robustness(
        winner=1,
        chances=(Chance(1, (first, 0.0, 0.0, 0.0, 0.0), None),),
        judgement=None,
        measurement=None,
        drawn=Drawn(**(kinds | drawn)),
        samples=10_000,
        seed=1,
        ranked=3,
        compared=3,
    )


def test_a_bar_is_as_wide_as_its_chance_and_names_stay_text() -> None:
    found = [Chance(1, (0.83, 0.1, 0.07, 0.0, 0.0), None), Chance(2, (0.17, 0.5, 0.0, 0.0, 0.0), None)]
    page = pictures.chances(found, lambda row: (f"<b>{row}", "float & CPU"), winner=1)
    widths = [float(w) for w in re.findall(r"width:([\d.]+)%", page)]
    assert widths == [83, 10, 7, 0, 0, 17, 50, 0, 0, 0]
    assert "★ &lt;b&gt;1" in page
    assert "float &amp; CPU" in page
    assert page.count("★") == 1
    assert "<b>83 %</b>" in page


def test_the_range_in_which_the_winner_stays_is_drawn_between_its_ends() -> None:
    page = pictures.switches([
        Switch(Objective.COST, 0.10, Turn(0.04, 2), Turn(0.23, 3)),
        Switch(Objective.LATENCY, 0.5, None, None),
    ])  # fmt: skip
    assert "left:4.0%;width:19.0%" in page
    assert "left:10.0%" in page
    assert "stays first from 4 % to 23 %" in page
    assert "left:0.0%;width:100.0%" in page
    assert "stays first always" in page


def test_differences_of_two_models_sum_whichever_comes_first(tiny: Knowledge) -> None:
    selection = flow.select(CLASSIFIERS, Preferences(), tiny)
    one, other = selection.ranking.order[:2]
    found = compare(selection.candidates, selection.ranking, one, other)
    for comparison in (found, swapped(found)):
        page = pictures.differences(comparison)
        signed = []
        for row in re.findall(r"<tr class=.*?</tr>", page):
            said = float(re.findall(r"<td>([\d.]+)</td></tr>", row)[0])
            signed.append(said if re.search(r'class="toleft"><i', row) else -said)
        assert len(signed) == len(Objective) + 1
        assert sum(signed[:-1]) == pytest.approx(signed[-1], abs=0.04)


def test_side_by_side_tells_once_what_is_the_same(tiny: Knowledge) -> None:
    selection = flow.select(CLASSIFIERS, Preferences(), tiny)
    rows = selection.ranking.order[:2]
    found = compare(selection.candidates, selection.ranking, *rows)
    cards = [card(selection.candidates, row) for row in rows]
    page = pictures.side_by_side(cards, [found.first, found.second], ["Recommended", "Place 2"])
    assert page.count("Image classification") == 1  # the purpose of both
    for c in cards:
        latency = next(line.text for line in c.lines if line.label == "Inference latency")
        assert f"<td>{latency} " in page
    assert f"<b>{found.first.scored.score:.2f}</b>" in page
    assert f">{found.second.scored.score - found.first.scored.score:+.2f}</em>" in page


@pytest.mark.parametrize(
    ("first", "with_copies", "word"),
    [
        (0.95, 0.95, "The choice is safe."),
        (0.55, 0.93, "The choice of network and device is safe; the runtime is nearly a tie."),
        (0.83, 0.83, "Likely, but not certain."),
        (0.30, 0.41, "A front-runner, no more."),
        (0.0, 0.0, "Do not take the first place for settled: too much is unknown or nearly a tie."),
    ],
)
def test_how_sure_it_is_in_one_word(first: float, with_copies: float, word: str) -> None:
    assert sure_word(robust(first), with_copies) == word


def test_how_sure_it_is_in_one_sentence() -> None:
    assert sure_words(robust(0.83, judgements=7), 0.83) == (
        "First in 83 % of 10,000 plausible cases: your answers half a step either way."
    )
    assert sure_words(robust(0.3, unknown_ratings=2, judgements=1), 0.7).endswith(
        "unknown figures anywhere from worst to best. 70 % with the same network on the same device under another "
        "runtime."
    )
    assert sure_words(robust(0.0, judgements=1), 0.0).startswith("First in none of 10,000")
    assert sure_words(robust(1.0), 1.0) == "Nothing about it is uncertain."


def test_the_answers_that_still_matter_are_counted(tiny: Knowledge) -> None:
    found = flow.select(CLASSIFIERS, Preferences(), tiny).asked
    assert found is not None
    question = found.questions[0]
    two = replace(found, questions=(question, question), needless=(), settled=False)
    assert asked_words(two) == "Two answers still matter."
    one = replace(found, questions=(question,), needless=(question,) * 3, settled=False)
    assert asked_words(one) == "One answer still matters; three cannot change the winner."
    none = replace(found, questions=(), needless=(question,), settled=True)
    assert asked_words(none) == "Further answers cannot change the winner."
    assert asked_words(replace(none, needless=())) == "All fifteen comparisons are made."


def test_a_range_of_cost_says_what_is_no_quotation() -> None:
    cost = TotalCost(10, 100.0, 1000.0, 500.0, 0.0, 12, 1500.0, "declared", "", 1225.0, 2300.0,
                     (("device", ESTIMATE), ("other cost", DECLARED)))  # fmt: skip
    assert cost_range_words(cost) == (
        "May be $1,225 to $2,300, as the price of the device and the other cost are no quotation."
    )
    assert cost_range_words(replace(cost, low_usd=1500.0, high_usd=1500.0)) == ""
    assert cost_range_words(replace(cost, low_usd=None, high_usd=None)) == ""


def test_a_strategys_claims_are_counted_as_they_are_judged() -> None:
    claim = Claim("pruning", "size_kib", Expected.SMALLER, "Table 5")
    judged = tuple(Support(claim, None, verdict) for verdict in (True, False, None))
    assert strategies.verdict(judged) == "The facts here support 1 of its 3 claims; 1 is not decided."
    assert strategies.verdict(judged[:2]) == "The facts here support 1 of its 2 claims."
