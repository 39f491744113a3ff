"""Energy as a limit, on the rows of MLPerf Tiny v1.2 that state it: keyword spotting, in µJ for one inference.

| system | energy | latency |
|---|---|---|
| Syntiant NDP9120, 0.9 V, 30 MHz | 31.537 | 4.3672 ms |
| Syntiant NDP9120, 1.1 V, 98 MHz | 43.802 | 1.4814 ms |
| NUCLEO-U575ZI-Q | 656.163 | 29.0563 ms |
| NUCLEO-H7A3ZI-Q | 1375.599 | 11.3179 ms |
| NUCLEO-L4R5ZI | 1820.454 | 43.1872 ms |
"""

from __future__ import annotations

import pytest

import flow
from dss.card import card
from dss.near_misses import near_misses
from dss.preferences import Preferences
from ontology.records import Grade
from ontology.requirement import Requirement
from ontology.requirement_json import from_json, from_link, to_json, to_link
from repository.knowledge import Knowledge
from tests.dss.test_query import by_columns, by_query

SPOTTING = {"task": "keyword-spotting"}


def asked(energy: object, facts: Knowledge) -> Requirement:
    return from_json({"project": SPOTTING, "performance": {"energy_mj_at_most": energy}}, facts.projection.choices)


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        ("0.1 mJ", [0.031537, 0.043802]),
        (0.043802, [0.031537, 0.043802]),  # equality is allowed
        ("40 µJ", [0.031537]),
        ("0.000031 J", []),
        ("1 mJ", [0.031537, 0.043802, 0.656163]),
    ],
)
def test_the_thrifty_ones_are_found(limit: object, found: list[float], facts: Knowledge) -> None:
    requirement = asked(limit, facts)
    assert by_query(requirement, facts) == by_columns(requirement, facts)
    candidates = flow.find_candidates(requirement, facts)
    energy = candidates.column("energy_mj")
    assert sorted(float(energy[row]) for row in candidates.matches) == found  # type: ignore[arg-type]


def test_what_states_none_would_match_if_measured(facts: Knowledge) -> None:
    """Fourteen systems spot keywords; five state their energy."""
    candidates = flow.find_candidates(asked("0.1 mJ", facts), facts)
    assert (len(candidates.matches), len(candidates.would_match_if_measured)) == (2, 9)
    assert candidates.missing() == {"energy_mj_at_most": 9}


def test_the_near_misses_say_how_much_more_is_needed(facts: Knowledge) -> None:
    found = near_misses(flow.find_candidates(asked("30 µJ", facts), facts))
    assert [(n.value, n.admits) for n in found if n.limit.field == "energy_mj_at_most"][:2] == [
        (0.031537, 1),
        (1.820454, 5),
    ]


def test_the_cards_of_a_request_have_its_line_or_none_has(facts: Knowledge) -> None:
    selection = flow.select(asked("0.1 mJ", facts), Preferences(()), facts)
    lines = {line.label: line for line in card(selection.candidates, selection.ranking.order[0]).lines}
    energy = lines["Energy for one inference"]
    assert (energy.text, energy.evidence) == ("0.0438 mJ", Grade.PUBLISHED)
    without = flow.find_candidates(
        from_json({"project": {"task": "super-resolution"}}, facts.projection.choices), facts
    )
    assert all(line.label != "Energy for one inference" for line in card(without, int(without.matches[0])).lines)


def test_it_is_said_in_files_and_links(facts: Knowledge) -> None:
    requirement, choices = asked("100 µJ", facts), facts.projection.choices
    assert to_json(requirement)["performance"] == {"energy_mj_at_most": 0.1}
    assert to_link(requirement)["energy_mj_at_most"] == "0.1"
    assert from_json(to_json(requirement), choices) == from_link(to_link(requirement), choices) == requirement
