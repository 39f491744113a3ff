"""What each field lets a manager choose: the names that models really use, with labels and how many use them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from dss.matching import visible
from ontology.requirement import REFERENCE_TYPE, FieldSpec, Relation, Requirement, Step
from repository.projection import Coded, IntArray, Projection

_BLANK = Requirement()


def counted(field: FieldSpec, projection: Projection, requirement: Requirement = _BLANK) -> dict[str, int]:
    """For each name of a field's vocabulary how many models it holds of; empty where models do not carry it.

    Models on reference devices are in no answer unless they are asked for, so they are counted only where choosing the
    name asks for them, or `requirement` does already.
    """
    column = projection.columns.get(field.figure)
    if not isinstance(column, Coded):
        return {}
    everything = _by_name(column, column.codes)
    if field.figure == "device":
        return everything
    found = _by_name(column, column.codes[visible(requirement, projection)])
    if field.figure == "device_type" and REFERENCE_TYPE in everything:
        found[REFERENCE_TYPE] = everything[REFERENCE_TYPE]
    return found


def _by_name(column: Coded, codes: IntArray) -> dict[str, int]:
    found: Counter[str] = Counter()
    for code, n in Counter(codes.tolist()).items():
        value = column.values[code]
        if isinstance(value, frozenset):
            found.update(dict.fromkeys(value, n))
    return dict(found)


def offered(field: FieldSpec, projection: Projection, requirement: Requirement = _BLANK) -> dict[str, str]:
    """The names to choose from with their labels, each with the number of models that have it.

    Names that no model uses are left out: choosing one could only leave nothing. Clouds are offered whole, since they
    are chosen for the request and not for a model; so is a field where a model that states nothing counts as any.
    """
    labels = projection.choices.get(field.vocabulary, {})
    if field.step is Step.CLOUD or field.relation is Relation.ONE_OF_IF_STATED:
        return dict(labels)
    counts = counted(field, projection, requirement)
    return {name: f"{label} ({counts[name]:,})" for name, label in labels.items() if counts.get(name)}


def is_stated(field: FieldSpec, projection: Projection) -> bool:
    """Whether any model (for the cloud's fields: any cloud) states what the field asks for."""
    if field.relation is None:
        return True
    if field.step is Step.CLOUD:
        return _any_cloud_states(field, projection)
    if field.vocabulary:
        return bool(offered(field, projection))
    column = projection.columns.get(field.figure)
    if column is None:  # worked out for each request, as the total cost is
        return True
    if isinstance(column, Coded):
        used = set(column.codes.tolist())
        return any(v is not None and i in used for i, v in enumerate(column.values))
    return bool((~np.isnan(column)).any())


def _any_cloud_states(field: FieldSpec, projection: Projection) -> bool:
    if field.vocabulary:
        return bool(projection.choices.get(field.vocabulary))
    prop = {"cloud_monthly_usd": "price_usd_per_hour", "has_backup_address": "backup_address"}.get(
        field.figure, field.figure
    )
    return any(prop in cloud for cloud in projection.clouds.values())


def is_several(field: FieldSpec) -> bool:
    """Whether more than one name may be chosen."""
    return bool(field.vocabulary) and not field.single and field.relation is not Relation.IS_TRUE
