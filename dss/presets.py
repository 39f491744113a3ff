"""Strategies of Lee et al. for low-, mid- and high-end AIoT services as presets, and what the facts say of them.

Lee, Lee and Lee, "A Method of Deep Learning Model Optimization for Image Classification on Edge Device", Sensors 2022,
22(19), 7344, section 4.3 (from their Tables 5 to 14). The paper names techniques for each kind of service and says
which qualities matter; it gives neither limits in figures nor weights. The constraints are its techniques; the
preferences are our reading of its words on the four-step scale.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dss.effects import Effect, comparable, effect, effect_sentence
from dss.preferences import Preferences
from ontology.requirement import Choices, Requirement
from ontology.requirement_json import from_text
from repository.projection import Projection

EXAMPLES = Path(__file__).parent.parent / "examples"
KEPT = 0.99  # of the float network's quality: the target of MLPerf Inference (Reddi et al. 2020, section IV)


class Expected(StrEnum):
    """What the paper says that a technique does to a figure."""

    SMALLER = "smaller"
    KEPT = "kept"
    NOT_SLOWER = "not slower"


@dataclass(frozen=True)
class Claim:
    """One statement of the paper that pairs of models can be asked about."""

    optimization: str
    figure: str
    expected: Expected
    where: str  # in the paper


@dataclass(frozen=True)
class Support:
    """What the graph's comparable pairs say of a claim; `supported` is None where there is no pair."""

    claim: Claim
    effect: Effect | None
    supported: bool | None


@dataclass(frozen=True)
class Preset:
    """A strategy as a requirement with preferences."""

    name: str
    label: str
    advice: str
    cites: str
    requirement: Requirement
    preferences: Preferences
    claims: tuple[Claim, ...]


def _claims(optimization: str) -> tuple[Claim, ...]:
    size = Claim(optimization, "size_kib", Expected.SMALLER, "section 4.3; Tables 5 to 11 and 13")
    quality = Claim(optimization, "accuracy_percent", Expected.KEPT, "section 4.3; Tables 5 to 11 and 13")
    latency = Claim(optimization, "inference_latency_ms", Expected.NOT_SLOWER, "section 4.3; Tables 5 to 11 and 13")
    return (size, quality) if optimization == _PRQ else (size, quality, latency)


_PRQ, _PRN, _F16 = "pruning-baseline-quantization", "pruning", "float16-quantization"
_LISTED = (
    (
        "lee-low-end",
        "Low-end service: small memory, no hurry",
        "Pruning and quantization together (PRQ): the smallest file, with little loss of accuracy.",
        (_PRQ,),
    ),
    (
        "lee-mid-end",
        "Mid-end service: in real time, easy to recognise",
        "Pruning (PRN): accuracy, latency and size are all served.",
        (_PRN,),
    ),
    (
        "lee-high-end",
        "High-end service: in real time and accurate",
        "Float 16 quantization (F16) or pruning (PRN): accuracy, latency and size are all served.",
        (_F16, _PRN),
    ),
)
_CITES = "Lee, Lee and Lee 2022 (Sensors 22(19), 7344), section 4.3"


def presets(choices: Choices) -> tuple[Preset, ...]:
    """The three strategies, read from `examples/`. `choices` are the names of the graph (`Projection.choices`).

    Raises RequirementError when the graph does not know a name that a file uses.
    """
    return tuple(
        _read(name, label, advice, tuple(claim for o in used for claim in _claims(o)), choices)
        for name, label, advice, used in _LISTED
    )


def _read(name: str, label: str, advice: str, claims: tuple[Claim, ...], choices: Choices) -> Preset:
    text = (EXAMPLES / f"{name}.json").read_bytes()
    preferences = Preferences.from_json(json.loads(text)["preferences"])
    return Preset(name, label, advice, _CITES, from_text(text, choices), preferences, claims)


def support(preset: Preset, projection: Projection) -> tuple[Support, ...]:
    """For each claim of a strategy what the comparable pairs of all sources say.

    Smaller or not slower: in more than half of the pairs. Kept: at least 99 % of the float network's at the median.
    """
    every = comparable(projection)
    found = []
    for claim in preset.claims:
        seen = effect(projection, every[every["optimization"] == claim.optimization], claim.figure)
        found.append(Support(claim, seen, None if seen is None else _holds(claim, seen)))
    return tuple(found)


def _holds(claim: Claim, seen: Effect) -> bool:
    return seen.median >= KEPT if claim.expected is Expected.KEPT else seen.share_worse < 0.5


_FIGURE = {"size_kib": "size", "accuracy_percent": "accuracy", "inference_latency_ms": "latency"}


def support_sentences(found: tuple[Support, ...], projection: Projection) -> list[str]:
    """The same in plain words, one sentence or two a claim."""
    told = []
    for one in found:
        what = projection.label("opt", one.claim.optimization)
        says = f"{what}, {_FIGURE[one.claim.figure]} {one.claim.expected.value}"
        if one.effect is None:
            told.append(f"Not decided: {says}. No comparable pair on record has the figure.")
        else:
            verdict = "Supported" if one.supported else "Not supported"
            pairs = effect_sentence(one.effect, what[0].lower() + what[1:], "Wherever it can be compared")
            told.append(f"{verdict}: {says}. {pairs}")
    return told
