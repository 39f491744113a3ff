"""How one field of a requirement is described: its step, its words, and how a candidate's value must stand to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Step(StrEnum):
    """The wizard's six steps, the six classes of the DLOM² paper (Figure 7, Table 3)."""

    PROJECT = "project"
    NETWORK = "network"
    DEVICE = "device"
    CLOUD = "cloud"
    OPTIMIZATION = "optimization"
    PERFORMANCE = "performance"


class Relation(StrEnum):
    """How a candidate's value must stand to the value of a field."""

    AT_MOST = "at most"
    AT_LEAST = "at least"
    ONE_OF = "one of"
    ONE_OF_IF_STATED = "one of, if stated"  # a record that states nothing counts as any, and is marked
    ALL_OF = "all of"
    NONE_OF = "none of"
    IS_TRUE = "yes"


NUMERIC = frozenset({Relation.AT_MOST, Relation.AT_LEAST})


@dataclass(frozen=True)
class FieldSpec:
    """What the wizard, the query and the verdicts need to know about one field."""

    step: Step
    label: str
    help: str
    relation: Relation | None  # None: a parameter of the request, not a limit
    figure: str  # the column of the projection that is judged
    unit: str = ""
    vocabulary: str = ""  # the prefix of the concepts to choose from, or "text:column" for the values in use
    single: bool = False  # one choice instead of several
    rare: bool = False  # shown under "more"
    lowest: float = 0.0
    highest: float = math.inf
    whole: bool = False
    widens: bool = False  # a flag that limits nothing: it lets more be searched


def given(default: Any, step: Step, label: str, help: str, relation: Relation | None, figure: str, **more: Any) -> Any:
    """A field with any relation."""
    return field(default=default, metadata={"spec": FieldSpec(step, label, help, relation, figure, **more)})


def at_most(step: Step, label: str, figure: str, unit: str, help: str, **more: Any) -> Any:
    """A number that a candidate's figure may not exceed."""
    return given(None, step, label, help, Relation.AT_MOST, figure, unit=unit, **more)


def at_least(step: Step, label: str, figure: str, unit: str, help: str, **more: Any) -> Any:
    """A number that a candidate's figure must reach."""
    return given(None, step, label, help, Relation.AT_LEAST, figure, unit=unit, **more)


def choice(
    step: Step,
    label: str,
    figure: str,
    vocabulary: str,
    help: str,
    relation: Relation = Relation.ONE_OF,
    **more: Any,
) -> Any:
    """Names, of which a candidate must have one (or as `relation` says)."""
    return given((), step, label, help, relation, figure, vocabulary=vocabulary, **more)


def yes(step: Step, label: str, figure: str, help: str, **more: Any) -> Any:
    """A flag that a candidate must have."""
    return given(False, step, label, help, Relation.IS_TRUE, figure, **more)
