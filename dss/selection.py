"""One requirement answered: everything that a face shows, and that the decision's record keeps."""

from __future__ import annotations

from dataclasses import dataclass

from dss.consistency import Consistency
from dss.explanation import Explanation
from dss.matching import Candidates
from dss.near_misses import Closest, NearMiss
from dss.preferences import Preferences, Weights
from dss.ranking import Ranking
from ontology.requirement import Requirement


@dataclass(frozen=True)
class Selection:
    """The way from a requirement to an explained recommendation, or to what must be relaxed for one."""

    requirement: Requirement
    preferences: Preferences
    query: str
    candidates: Candidates
    weights: Weights
    consistency: Consistency
    ranking: Ranking
    explanation: Explanation | None  # of the winner; None when nothing matches
    near_misses: tuple[NearMiss, ...]
    closest: tuple[Closest, ...]
