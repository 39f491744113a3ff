"""Records survive the way to another process, and nothing else gets through."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.records import Grade, Model, Objective, Performance, Record, Vote
from repository.records_json import dumps, loads

RECORDS: list[Record] = [
    Model(
        name="a", network="net", performance=("p1", "p2"), application_area=(), commercial_use=True, year_created=2026
    ),
    Performance(
        name="p1", inference_latency_ms=3.0, evidence=Grade.MEASURED, obtained=date(2026, 11, 20), current=True
    ),
    Vote(name="v", model="a", objective=Objective.COST, rating=4, rated_by="Ann", rated_at=date(2026, 1, 2)),
]


def test_what_is_written_is_read_back() -> None:
    assert loads(dumps(RECORDS)) == RECORDS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "a list of records"),
        ('[{"kind": "Toaster", "name": "x"}]', "expected a record of kind"),
        ('[{"kind": "Model"}]', "missing"),
        ('[{"kind": "Model", "name": "x", "wheels": 4}]', "a Model has no 'wheels'"),
        ('[{"kind": "Model", "name": 7}]', "Model.name: '7' is not of the right kind"),
        ('[{"kind": "Model", "name": "x", "performance": "p"}]', "Model.performance"),
        ('[{"kind": "Vote", "name": "x", "rating": true}]', "Vote.rating"),
        ('[{"kind": "Performance", "name": "x", "evidence": "hearsay"}]', "hearsay"),
        (
            '[{"kind": "Vote", "name": "x", "rated_at": "yesterday"}]',
            "Vote.rated_at: 'yesterday' is not a date; write it",
        ),
        ('[{"kind": "Device", "name": "x", "price_usd": NaN}]', "Device.price_usd: nan is not a finite number"),
        ('[{"kind": "Device", "name": "x", "price_usd": 1e999}]', "Device.price_usd: inf is not a finite number"),
        (f'[{{"kind": "Device", "name": "x", "price_usd": {"9" * 400}}}]', "is not a finite number"),
        ('[{"kind": "Device", "name": "x", "label": "\\ud800"}]', "Device.label: the text holds half a character"),
        ('[{"kind": "Device", "name": "x", "name": "y"}]', "'name' is given twice in one record"),
        ("[" * 5000 + "]" * 5000, "nested too deeply"),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        loads(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_hostile_json_never_does_more_than_be_refused(data: object) -> None:
    with suppress(ValueError):  # any other exception is a fault
        assert loads(json.dumps(data)) == []
