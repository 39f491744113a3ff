"""Every column that a requirement judges is a field of a record, or derived from fields in a known way."""

from __future__ import annotations

from dataclasses import fields

import pytest

from ontology.namespaces import PREFIXES
from ontology.records import RECORDS, Record
from ontology.requirement import FieldSpec, specs

COLUMNS: dict[str, list[type[Record]]] = {}
for _record in RECORDS:
    for _field in fields(_record):
        COLUMNS.setdefault(_field.name, []).append(_record)

# Column of the projection → the fields that it is made from.
DERIVED = {
    "total_cost_usd": ("Device.price_usd", "Cloud.price_usd_per_hour", "Model.other_cost_usd"),
    "user_rating": ("Vote.rating",),
    "training_domain": ("DataSet.domain", "TrainedNetwork.training_data_set"),
    "runtime_library": ("Runtime.library",),
    "cloud_provider": ("Cloud.provider",),
    "cloud_monthly_usd": ("Cloud.price_usd_per_hour",),
    "has_backup_address": ("Cloud.backup_address",),
}
OF_THE_REQUEST = {"devices", "months"}  # parameters, which no model has
WORDS_FOR_COUNTS = {"year"}  # "units" that only help the reader

SPECS = [pytest.param(name, spec, id=name) for name, spec in specs()]


@pytest.mark.parametrize(("name", "spec"), SPECS)
def test_each_column_is_known(name: str, spec: FieldSpec) -> None:
    places = [spec.figure in COLUMNS, spec.figure in DERIVED, spec.figure in OF_THE_REQUEST]
    assert sum(places) == 1, (
        f"{name} judges {spec.figure!r}: a field, a derived column and a parameter exclude each other"
    )
    assert (spec.figure in OF_THE_REQUEST) <= (spec.relation is None)


def test_derived_columns_are_used_and_made_from_real_fields() -> None:
    assert set(DERIVED) <= {spec.figure for _, spec in specs()}
    real = {f"{r.__name__}.{f.name}" for r in RECORDS for f in fields(r)}
    assert {part for parts in DERIVED.values() for part in parts} <= real


@pytest.mark.parametrize(("name", "spec"), SPECS)
def test_a_column_has_one_unit(name: str, spec: FieldSpec) -> None:
    units = {
        f.metadata.get("unit", "") for r in COLUMNS.get(spec.figure, []) for f in fields(r) if f.name == spec.figure
    }
    if units and spec.unit not in WORDS_FOR_COUNTS:
        assert units == {spec.unit}


@pytest.mark.parametrize(("name", "spec"), SPECS)
def test_choices_come_from_the_namespace_of_their_field(name: str, spec: FieldSpec) -> None:
    if not spec.vocabulary:
        return
    if spec.vocabulary.startswith("text:"):
        assert spec.vocabulary == f"text:{spec.figure}"
        return
    assert spec.vocabulary in PREFIXES
    prefixes = {
        f.metadata.get("prefix") for r in COLUMNS.get(spec.figure, []) for f in fields(r) if f.name == spec.figure
    }
    assert prefixes <= {spec.vocabulary}
