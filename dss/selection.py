"""One requirement answered: everything that a face shows, and that the decision's record keeps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from dss.asked import Asked, ask
from dss.consistency import Consistency
from dss.deployment import Deployment, deployments
from dss.explanation import Explanation
from dss.groups import Judged
from dss.matching import Candidates
from dss.near_misses import Closest, NearMiss
from dss.pairs_of_limits import NearMissPair, pairs
from dss.preferences import Preferences, Weights
from dss.ranking import Ranking
from dss.ratings import Ratings, rate
from dss.robustness import Robustness, robustness_of
from dss.second_opinion import SecondOpinion, second_opinion
from dss.sensitivity import OtherAnswer, Switch, other_answers, switches
from ontology.requirement import Requirement


@dataclass(frozen=True)
class Selection:
    """The way from a requirement to an explained recommendation, or to what must be relaxed for one.

    What is not always looked at, and costs time, is worked out when it is first asked for, and kept.
    """

    requirement: Requirement
    preferences: Judged
    query: str
    candidates: Candidates
    weights: Weights
    consistency: Consistency
    ranking: Ranking
    explanation: Explanation | None  # of the winner; None when nothing matches
    near_misses: tuple[NearMiss, ...]
    closest: tuple[Closest, ...]

    @cached_property
    def rated(self) -> Ratings:
        """The rating of every model on every objective."""
        return rate(self.candidates.projection, self.candidates.cloud)

    @cached_property
    def robustness(self) -> Robustness | None:
        """How sure the first place is; None when nothing matches. About 0.1 s for 1,000 matches, some for 10,000."""
        return robustness_of(self.candidates, self.ranking, self.preferences, rated=self.rated)

    @cached_property
    def opinion(self) -> SecondOpinion | None:
        """The ranking by another rule."""
        return second_opinion(self.ranking, self.rated)

    @cached_property
    def switches(self) -> tuple[Switch, ...]:
        """The weight of each objective at which the winner changes, the nearest first."""
        return switches(self.ranking, self.rated)

    @cached_property
    def other_answers(self) -> tuple[OtherAnswer, ...]:
        """The nearest other answers that would change the winner; of a group none, as nobody's answer is its own."""
        if not isinstance(self.preferences, Preferences):
            return ()
        return other_answers(self.ranking, self.rated, self.preferences)

    @cached_property
    def asked(self) -> Asked | None:
        """Which comparisons can still change the winner; None when nothing matches."""
        return ask(self.ranking, self.rated, self.preferences)

    @cached_property
    def pairs(self) -> tuple[NearMissPair, ...]:
        """The smallest changes of two limits at once that admit a model."""
        return pairs(self.candidates)

    @cached_property
    def deployments(self) -> tuple[Deployment, ...]:
        """A stronger device, a fog node, a shielded cloud, each with its cost."""
        return deployments(self.candidates)
