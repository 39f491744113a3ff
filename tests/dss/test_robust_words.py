"""What a manager reads about how sure a choice is."""

from __future__ import annotations

import pytest

from dss.asked import Asked, Question, ask
from dss.groups import Group, Person, agreement
from dss.preferences import Preferences
from dss.ratings import Ratings
from dss.robust_words import (
    agreement_words,
    answer_words,
    asked_words,
    opinion_words,
    percent,
    robustness_words,
    switch_words,
)
from dss.robustness import Chance, Drawn, JudgementEffect, MeasurementEffect, Robustness, robustness
from dss.second_opinion import SecondOpinion, second_opinion
from dss.sensitivity import Switch, Turn, other_answers
from ontology.records import Objective
from tests.dss.rated import only, ranked, rated

JUDGEMENT = Preferences.from_text("performance-cost:3").judgements[0]


def named(row: int) -> str:
    return f"Model {'ABC'[row]}"


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.0001, "less than 1 %"), (0.424, "42 %"), (0.9999, "more than 99 %"), (1, "100 %")],
)
def test_a_share_is_never_rounded_to_nothing_or_to_all(share: float, words: str) -> None:
    assert percent(share) == words


def test_how_sure_the_first_place_is() -> None:
    chances = tuple(Chance(row, (p, 0.0, 0.0, 0.0, 0.0), None) for row, p in ((0, 0.7), (1, 0.29), (2, 0.01)))
    found = Robustness(
        winner=0, chances=chances,
        judgement=JudgementEffect("", JUDGEMENT, 0.6, 0.8),
        measurement=MeasurementEffect(2, Objective.COST, 0.0, 0.4),
        drawn=Drawn(7, 0, 1, 0, 2), samples=10_000, seed=1, ranked=3, compared=3,
    )  # fmt: skip
    assert robustness_words(found, named) == [
        "Model A came first in 70 % of 10,000 draws of what is uncertain (7 judgements, 1 measured rating and 2 "
        "unknown ratings).",
        "Next likeliest: Model B (29 %) and Model C (1 %).",
        "It hangs most on your judgement 'performance over cost: weak': Model A is first in 80 % of the draws where "
        "performance matters more against cost than that, and in 60 % of the others.",
        "The missing figure that would tell most is the cost of Model C: rated best it would be first in 40 % of the "
        "draws, rated worst in 0 %.",
    ]


def test_a_sure_first_place() -> None:
    ratings = rated([5.0] * 6, [4.0] * 6)
    found = robustness(ranked(ratings, Preferences()), ratings, Preferences(), samples=500)
    assert found is not None
    assert robustness_words(found, named) == [
        "Model A came first in all of 500 draws of what is uncertain (6 groups of objectives that you did not compare)."
    ]


def test_where_the_winner_changes() -> None:
    cost = Switch(Objective.COST, 0.1, Turn(0.04, 2), Turn(0.23, 1))
    assert switch_words(cost, named) == (
        "Cost weighs 10 % now: above 23 % Model B would be first, below 4 % Model C would be first."
    )
    assert switch_words(Switch(Objective.COST, 0.1, None, None), named) == (
        "Cost weighs 10 % now: the winner stays first whatever it weighs."
    )
    ratings, answers = mirror(), Preferences((JUDGEMENT,))
    (answer,) = other_answers(ranked(ratings, answers), ratings, answers)
    assert answer_words(answer, named) == (
        "Had you said 'cost over performance: weak' instead of 'performance over cost: weak', Model B would be first."
    )


def mirror() -> Ratings:
    return rated(only(performance=5, cost=1), only(performance=1, cost=5))


def test_what_is_left_to_ask() -> None:
    first, other = (Objective.PERFORMANCE, Objective.COST), (Objective.COST, Objective.LATENCY)
    some = Asked((Question(first, 0.5, ()),), (Question(other, 0, ()),), False, True, (0, 1), 2, 0, 64)
    assert asked_words(some) == (
        "1 open comparison can still change the winner; performance against cost decides most often. 1 other cannot."
    )
    settled = ask(ranked(rated([5.0] * 6), Preferences()), rated([5.0] * 6), Preferences())
    assert settled is not None
    assert asked_words(settled) == ("No further answer can change the winner: the 15 open comparisons can stay open.")
    assert asked_words(Asked((), (), True, True, (0,), 2, 0, 1)) == "You have made all fifteen comparisons."


def test_another_rule() -> None:
    found = second_opinion(ranked(rated([5.0] * 6, [4.0] * 6), Preferences()), rated([5.0] * 6, [4.0] * 6))
    assert found is not None
    rule = "By another rule, TOPSIS (near the best that was seen, far from the worst),"
    assert opinion_words(found, named) == (
        f"{rule} the same one is first; 2 of the first 2 are the same, and the two orders hardly differ "
        "(Kendall's tau 1.00)."
    )
    other = SecondOpinion((1, 0, 2), (0.7, 0.6, 0), False, 2, 3, -0.5, 2)
    assert opinion_words(other, named) == (
        f"{rule} Model B is first and the winner comes in place 2; 2 of the first 3 are the same, and the two orders "
        "run against each other (Kendall's tau -0.50)."
    )


def test_who_agrees_with_whom() -> None:
    same, other = Preferences.from_text("performance-cost:3"), Preferences.from_text("cost-performance:9")
    told = agreement_words(agreement(Group((Person("Ann", same), Person("Ben", same), Person("Cem", other)))))
    assert told[0].startswith("The consensus of the 3 people is ")
    assert told[1:] == [
        "They differ most on performance against cost: Ann says 'performance over cost: weak', Cem 'cost over "
        "performance: absolute'.",
        "The widest range of weights is that of cost: 41 % for Cem, 9 % for Ann.",
        "Without Cem the others would agree most.",
    ]
