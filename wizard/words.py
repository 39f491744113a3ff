"""What the pages say beside `dss.words`: steps, marks of evidence, entries. Nothing here knows Streamlit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dss.words import SHAPES, named, precise
from ontology.records import Grade
from ontology.requirement import Limit, Relation, Requirement, Step, limits, spec, specs
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
    Grade.MEASURED: Mark(
        SHAPES[Grade.MEASURED], "measured", "measured by DLOM's own procedure on a named installation"
    ),
    Grade.PUBLISHED: Mark(SHAPES[Grade.PUBLISHED], "published", "printed by a benchmark, with its version"),
    Grade.LITERATURE: Mark(SHAPES[Grade.LITERATURE], "literature", "from a table of a paper"),
    Grade.DECLARED: Mark(SHAPES[Grade.DECLARED], "declared", "somebody's word, such as a price from general knowledge"),
    Grade.PREDICTED: Mark(SHAPES[Grade.PREDICTED], "predicted", "calculated by a model, not measured"),
}


def number(value: float) -> str:
    """A number in full, as a person writes it: `14,000`, `0.05`."""
    return f"{value:,.15g}"


def quantity(value: float, unit: str) -> str:
    """A number with its unit, as it can be entered again."""
    return f"{number(value)} {unit}".strip()


def limit_words(limit: Limit, projection: Projection) -> tuple[str, str]:
    """What is asked, as (label, value): `("Total budget", "at most 14,000 USD")`."""
    if isinstance(limit.value, bool):
        return limit.label, "yes"
    if isinstance(limit.value, tuple):
        text = ", ".join(named(limit.field, name, projection) for name in limit.value)
        return limit.label, {Relation.ALL_OF: "all of ", Relation.NONE_OF: "none of "}.get(limit.relation, "") + text
    label = limit.label.removesuffix(f", {limit.relation.value}")  # the value says it
    return label, f"{limit.relation.value} {precise(float(limit.value))} {limit.unit}".strip()


def given_words(requirement: Requirement, projection: Projection) -> list[tuple[str, str]]:
    """Everything that was filled in, as (label, value), in the order of the steps."""
    asked = {limit.field: limit for limit in limits(requirement)}
    return [
        limit_words(asked[name], projection) if name in asked else (spec(name).label, str(getattr(requirement, name)))
        for name in given(requirement)
    ]


def models(n: int) -> str:
    """`1 model`, `1,527 models`."""
    return f"{n:,} model" if n == 1 else f"{n:,} models"


def readable(message: str) -> str:
    """A message in which fields go by their labels: “Accuracy is meant as” for `performance.metric`."""
    return _FIELD.sub(lambda m: f"“{_LABELS[m.group(1)]}”" if m.group(1) in _LABELS else m.group(0), message)


_FIELD = re.compile(rf"\b(?:{'|'.join(Step)})\.([a-z_]+)")
_LABELS = {name: s.label for name, s in specs()}


def plain(text: str) -> str:
    """Text that Streamlit's Markdown shows as it stands: no links, pictures, formulas, icons or colours."""
    unlinked = _ADDRESS.sub("\\g<0>\N{ZERO WIDTH SPACE}", text)  # Markdown makes links of bare addresses, too
    return "".join(f"\\{c}" if c in _MARKDOWN else c for c in unlinked)


_ADDRESS = re.compile(r"(?i)https?(?=:)|ftp(?=:)|www(?=\.)|mailto(?=:)|xmpp(?=:)|@")
_MARKDOWN = frozenset("\\`*_{}[]()<>#+-!|$~:&^=")
