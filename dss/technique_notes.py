"""What a technique is known to do in general (DLOM², Table 1) and to risk (its Figure 2), as data and in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ontology.records import Objective
from ontology.techniques import Issue, technique
from repository.projection import Projection

OBJECTIVE_WORDS: Mapping[Objective, str] = {
    Objective.PERFORMANCE: "performance (quality of its answers)",
    Objective.RELIABILITY: "reliability",
    Objective.SECURITY: "security",
    Objective.COST: "low cost",
    Objective.LATENCY: "low latency",
    Objective.COMPLEXITY: "low complexity",
}


@dataclass(frozen=True)
class TechniqueNote:
    """What a technique used here is known to do in general (DLOM², Table 1) and to risk (Figure 2)."""

    name: str
    label: str
    raises: tuple[Objective, ...]
    lowers: tuple[Objective, ...]
    risks: tuple[Issue, ...]


def technique_note(name: str) -> TechniqueNote:
    """What is known of one technique. Raises KeyError for an unknown name."""
    known = technique(name)
    raises = tuple(o for o, sign in known.effects.items() if sign > 0)
    lowers = tuple(o for o, sign in known.effects.items() if sign < 0)
    return TechniqueNote(name, known.label, raises, lowers, known.risks)


def technique_notes(projection: Projection, names: frozenset[str]) -> tuple[TechniqueNote, ...]:
    """The notes on the narrowest of some techniques: what a narrower one says includes its broader ones."""
    broader = {w for n in names for w in projection.with_broader("tech", n) if w != n}
    return tuple(technique_note(name) for name in sorted(names - broader))


def technique_sentence(note: TechniqueNote) -> str:
    """The note in plain words."""
    risks = f"; watch for {', '.join(i.label.lower() for i in note.risks)}" if note.risks else ""
    if not note.raises and not note.lowers:
        return f"{note.label} was applied{risks}."
    parts = []
    if note.raises:
        parts.append(f"is good for {_listed(note.raises)}")
    if note.lowers:
        parts.append(f"bad for {_listed(note.lowers)}" if parts else f"is bad for {_listed(note.lowers)}")
    return f"In general {note.label.lower()} {', but '.join(parts)} (DLOM², Table 1){risks}."


def _listed(objectives: tuple[Objective, ...]) -> str:
    words = [OBJECTIVE_WORDS[o].split(" (")[0] for o in objectives]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
