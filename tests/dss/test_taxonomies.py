"""The shipped taxonomies at work: a broader word finds the narrower thing, and what names no field is marked."""

from __future__ import annotations

import pytest

import flow
from dss.card import card
from dss.explanation import sentences
from dss.preferences import Preferences
from ontology.records import Device
from ontology.requirement import Requirement
from repository.knowledge import Knowledge
from repository.sources.names import Names
from repository.sources.shelf import NAMES
from tests.dss.small import knowledge, measured, model
from tests.dss.test_query import by_columns, by_query

RASPBERRY = "raspberry-pi-4-model-b-4gb"


@pytest.fixture(scope="module")
def known() -> Knowledge:
    """The shipped words, the shipped Raspberry Pi 4, and two models on it: one for skin cancer, one for any field."""
    names = Names.load(NAMES)
    boards = [record for record in names.identities() if isinstance(record, Device) and record.name == RASPBERRY]
    words = [c for c in names.concepts() if c.prefix in ("dtype", "area", "purpose")]
    return knowledge(
        *words, *boards,
        model("for-skin", device=RASPBERRY, application_area=("skin-cancer",), purpose="image-classification"),
        measured("for-skin", inference_latency_ms=40.0),
        model("for-any", device=RASPBERRY, purpose="image-classification"),
        measured("for-any", inference_latency_ms=40.0),
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["edge-device", "single-board-computer"])
def test_an_edge_device_finds_a_raspberry_pi_4(known: Knowledge, kind: str) -> None:
    asked = Requirement(device_types=(kind,))
    assert by_query(asked, known) == by_columns(asked, known) == ["for-any", "for-skin"]
    assert by_columns(Requirement(device_types=("phone",)), known) == []


def test_what_names_no_field_is_found_for_medical_and_marked(known: Knowledge) -> None:
    asked = Requirement(business_focus=("medical",))
    assert by_query(asked, known) == by_columns(asked, known) == ["for-any", "for-skin"]
    selection = flow.select(asked, Preferences(()), known)
    marked = {
        known.projection.models["model"].iat[row]: [v.not_specific for v in selection.candidates.verdicts(row)]
        for row in selection.candidates.matches
    }
    assert marked == {"for-any": [True], "for-skin": [False]}
    row = known.projection.positions["for-any"]
    assert next(line.text for line in card(selection.candidates, row).lines if line.label == "Field") == "not specific"
    assert selection.explanation is not None
    named = known.projection.models["model"].iat[selection.explanation.scored.row]
    assert any("names no business focus" in s for s in sentences(selection.explanation)) == (named == "for-any")


def test_another_field_is_not_found_by_it(known: Knowledge) -> None:
    asked = Requirement(business_focus=("retail",))
    assert by_query(asked, known) == by_columns(asked, known) == ["for-any"]
