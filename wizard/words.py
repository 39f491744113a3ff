"""Limits, relaxations and misses in a manager's words. Nothing here knows Streamlit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dss.explanation import shown
from dss.near_misses import NearMiss
from ontology.records import Grade
from ontology.requirement import FieldSpec, Limit, Outcome, Relation, Requirement, Step, Verdict, limits, spec, specs
from repository.projection import Projection
from wizard.state import given

STEP_WORDS: Mapping[str, str] = {
    "project": "Project",
    "network": "Network",
    "device": "Device",
    "cloud": "Cloud",
    "optimization": "Optimization",
    "performance": "Performance",
    "preferences": "Preferences",
    "results": "Results",
}
STEP_QUESTIONS: Mapping[str, str] = {
    Step.PROJECT: "What is it for, and what may it cost?",
    Step.NETWORK: "Does the neural network itself matter to you?",
    Step.DEVICE: "What will it run on?",
    Step.CLOUD: "Do you need a server beside the devices?",
    Step.OPTIMIZATION: "How may the network have been made smaller or faster?",
    Step.PERFORMANCE: "How good and how fast must it be?",
}


@dataclass(frozen=True)
class Mark:
    """How a grade of evidence is shown: a shape and a word, and a colour only beside them."""

    shape: str
    word: str
    meaning: str

    def __str__(self) -> str:
        """`◆ published`."""
        return f"{self.shape} {self.word}"


MARKS: Mapping[Grade, Mark] = {
    Grade.MEASURED: Mark("●", "measured", "measured by DLOM's own procedure on a named installation"),
    Grade.PUBLISHED: Mark("◆", "published", "printed by a benchmark, with its version"),
    Grade.LITERATURE: Mark("■", "literature", "from a table of a paper"),
    Grade.DECLARED: Mark("▲", "declared", "somebody's word, such as a price from general knowledge"),
    Grade.PREDICTED: Mark("○", "predicted", "calculated by a model, not measured"),
}


def number(value: float) -> str:
    """A number in full, as a person writes it: `14,000`, `0.05`."""
    return f"{value:,.15g}"


def quantity(value: float, unit: str) -> str:
    """A number with its unit, as it can be entered again."""
    return f"{number(value)} {unit}".strip()


def _rounded(value: float) -> str:
    return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"


def chosen(field: FieldSpec, names: tuple[str, ...], projection: Projection) -> str:
    """The labels of chosen names."""
    labels = projection.choices.get(field.vocabulary, {})
    return ", ".join(labels.get(name, name) for name in names)


def limit_words(limit: Limit, projection: Projection) -> tuple[str, str]:
    """What is asked, as (label, value): `("Total budget", "at most 14,000 USD")`."""
    if isinstance(limit.value, bool):
        return limit.label, "yes"
    if isinstance(limit.value, tuple):
        text = chosen(spec(limit.field), limit.value, projection)
        return limit.label, {Relation.ALL_OF: "all of ", Relation.NONE_OF: "none of "}.get(limit.relation, "") + text
    return _bare(limit), f"{limit.relation.value} {_rounded(limit.value)} {limit.unit}".strip()


def given_words(requirement: Requirement, projection: Projection) -> list[tuple[str, str]]:
    """Everything that was filled in, as (label, value), in the order of the steps."""
    asked = {limit.field: limit for limit in limits(requirement)}
    return [
        limit_words(asked[name], projection) if name in asked else (spec(name).label, str(getattr(requirement, name)))
        for name in given(requirement)
    ]


def _bare(limit: Limit) -> str:
    """A label without the relation that stands beside it anyway."""
    return limit.label.removesuffix(", at least").removesuffix(", at most")


def near_miss_words(miss: NearMiss, projection: Projection) -> str:
    """`Inference latency 0.05 → 0.197 ms admits 1 model`."""
    limit, admits = miss.limit, models(miss.admits)
    if miss.value is None:
        return f"Do without “{limit.label}”: admits {admits}"
    if isinstance(miss.value, tuple):
        s = spec(limit.field)
        if s.single:
            return f"{limit.label}: {chosen(s, miss.value, projection)} instead, admits {admits}"
        added = tuple(n for n in miss.value if not isinstance(limit.value, tuple) or n not in limit.value)
        return f"{limit.label}: also {chosen(s, added, projection)}, admits {admits}"
    assert isinstance(limit.value, float | int)
    return (
        f"{_bare(limit)} {_rounded(limit.value)} → {_rounded(miss.value)} {limit.unit}".rstrip() + f" admits {admits}"
    )


def models(n: int) -> str:
    """`1 model`, `1,527 models`."""
    return f"{n:,} model" if n == 1 else f"{n:,} models"


def verdict_words(verdict: Verdict, projection: Projection) -> str:
    """How a model stands to one limit: `needs at most 0.05 ms, has 0.197 ms: 0.147 ms over`."""
    limit = verdict.limit
    asked = limit_words(limit, projection)[1]
    if verdict.outcome is Outcome.UNKNOWN:
        return f"needs {asked}, but no figure is known"
    if isinstance(verdict.actual, bool):
        return f"needs {asked}, has {'yes' if verdict.actual else 'no'}"
    if isinstance(verdict.actual, frozenset):
        s = spec(limit.field)
        labels = projection.choices.get(s.vocabulary, {})
        return f"needs {asked}, is {', '.join(sorted(labels.get(n, n) for n in verdict.actual)) or 'none'}"
    if verdict.actual is None:
        return f"needs {asked}"
    has = f"needs {asked}, has {_rounded(verdict.actual)} {limit.unit}".rstrip()
    if verdict.excess is None:
        return has
    way = "over" if limit.relation is Relation.AT_MOST else "short"
    return f"{has}: {shown(verdict.excess)} {limit.unit}".rstrip() + f" {way}"


def readable(message: str) -> str:
    """A message in which fields go by their labels: “Accuracy is meant as” for `performance.metric`."""
    return _FIELD.sub(lambda m: f"“{_LABELS[m.group(1)]}”" if m.group(1) in _LABELS else m.group(0), message)


_FIELD = re.compile(rf"\b(?:{'|'.join(Step)})\.([a-z_]+)")
_LABELS = {name: s.label for name, s in specs()}


def plain(text: str) -> str:
    """Text that Streamlit's Markdown shows as it stands: no links, pictures, formulas, icons or colours."""
    return "".join(f"\\{c}" if c in _MARKDOWN else c for c in text)


_MARKDOWN = frozenset("\\`*_{}[]()<>#+-!|$~:&^=")
