"""How strong evidence is, and what models are rated on: the two short lists that every room needs."""

from __future__ import annotations

from enum import StrEnum


class Grade(StrEnum):
    """How a figure was obtained, strongest first. "Carried from another device" is a flag beside it."""

    MEASURED = "measured"
    PUBLISHED = "published"
    LITERATURE = "literature"
    DECLARED = "declared"
    PREDICTED = "predicted"

    @property
    def rank(self) -> int:
        """0 for the strongest grade, rising as the evidence gets weaker."""
        return list(Grade).index(self)

    def accepted_by(self, weakest: Grade) -> bool:
        """Whether this grade is at least as strong as `weakest`."""
        return self.rank <= weakest.rank


class Objective(StrEnum):
    """The six objectives of the DLOM² paper, section 2.5."""

    PERFORMANCE = "performance"
    RELIABILITY = "reliability"
    SECURITY = "security"
    COST = "cost"
    LATENCY = "latency"
    COMPLEXITY = "complexity"


REVERSE_SCALED = frozenset({Objective.COST, Objective.LATENCY, Objective.COMPLEXITY})
