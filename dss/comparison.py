"""Why this one and not that one: what each objective says for either of two models, with the facts under it.

The differences of the objectives sum to the difference of the scores. Either model may be any of the graph, also one
that violates limits or stands far down: then what it misses is told before what it scores.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dss.card import short, written
from dss.cost import TotalCost, cost_of, money
from dss.explanation import FIGURE_WORDS, Reason, TightLimit, reason_for, tightness
from dss.matching import Candidates
from dss.ranking import Ranking, Scored, contributions
from dss.ratings import rate
from dss.technique_notes import OBJECTIVE_WORDS
from dss.words import verdict_words
from ontology.records import Objective
from ontology.requirement import Outcome, Verdict
from repository.projection import Projection

NO_PLACE = 0  # of a model that was not ranked
_WORTH_TELLING = 0.005  # points; less rounds to 0.00


@dataclass(frozen=True)
class Side:
    """One of the two: its score with the reasons, the limits that it keeps only just, and those it does not keep."""

    scored: Scored
    title: str
    reasons: tuple[Reason, ...]
    tight: tuple[TightLimit, ...]
    missed: tuple[Verdict, ...]
    cost: TotalCost

    @property
    def matches(self) -> bool:
        """Whether it meets every limit."""
        return not self.missed


@dataclass(frozen=True)
class ObjectiveDifference:
    """What one objective says for the first of the two (negative: for the second), in points, and why."""

    objective: Objective
    points: float
    first: Reason
    second: Reason


@dataclass(frozen=True)
class Comparison:
    """Two models side by side. The points of `objectives` sum to `points`, the difference of the two scores."""

    first: Side
    second: Side
    points: float
    objectives: tuple[ObjectiveDifference, ...]  # what speaks most for the first comes first


def compare(candidates: Candidates, ranking: Ranking, first: int, second: int) -> Comparison:
    """Two rows of the projection, as the ranking's weights see them. Raises IndexError for rows that do not exist."""
    for row in (first, second):
        if not 0 <= row < len(candidates.projection):
            raise IndexError(f"there is no model in row {row}; rows run from 0 to {len(candidates.projection) - 1}")
    one, other = (_side(candidates, ranking, row) for row in (first, second))
    differences = [
        ObjectiveDifference(a.contribution.objective, a.contribution.points - b.contribution.points, a, b)
        for a, b in zip(one.reasons, other.reasons, strict=True)
    ]
    return Comparison(
        one,
        other,
        one.scored.score - other.scored.score,
        tuple(sorted(differences, key=lambda d: (-d.points, d.objective))),
    )


def scored_row(candidates: Candidates, ranking: Ranking, row: int) -> Scored:
    """A model's score by the ranking's weights; with place 0 where it was not ranked, as it does not match."""
    ranked = next((s for s in ranking.scored if s.row == row), None)
    if ranked is not None:
        return ranked
    parts = contributions(row, rate(candidates.projection, candidates.cloud), ranking.used)
    place = ranking.order.index(row) + 1 if row in ranking.order else NO_PLACE
    return Scored(row, place, sum(c.points for c in parts), sum(c.points_at_best for c in parts), parts)


def _side(candidates: Candidates, ranking: Ranking, row: int) -> Side:
    p = candidates.projection
    scored = scored_row(candidates, ranking, row)
    verdicts = candidates.verdicts(row)
    return Side(
        scored=scored,
        title=short(candidates, row),
        reasons=tuple(reason_for(candidates, c, row) for c in scored.contributions),
        tight=tuple(t for t in map(tightness, verdicts) if t is not None),
        missed=tuple(v for v in verdicts if v.outcome is not Outcome.MET),
        cost=cost_of(candidates.requirement, p, row, candidates.cloud),
    )


def swapped(comparison: Comparison) -> Comparison:
    """The same comparison seen from the other side."""
    turned = [replace(d, points=-d.points, first=d.second, second=d.first) for d in reversed(comparison.objectives)]
    return Comparison(comparison.second, comparison.first, -comparison.points, tuple(turned))


def comparison_sentences(comparison: Comparison, projection: Projection) -> list[str]:
    """Why the first and not the second, in plain words."""
    first, second = comparison.first, comparison.second
    told = [_score_sentence(comparison)]
    for side in (second, first):
        told += [f"{side.title} does not meet every limit. {verdict_words(v, projection)}." for v in side.missed]
    told += [_objective_sentence(d) for d in comparison.objectives if abs(d.points) >= _WORTH_TELLING]
    if all(abs(d.points) < _WORTH_TELLING for d in comparison.objectives):
        told.append("No objective tells the two apart.")
    told += [_tight_sentence(side, t) for side in (first, second) for t in side.tight]
    totals = [side.cost.total_usd for side in (first, second)]
    if totals[0] != totals[1]:
        told.append(f"Total cost: {money(totals[0])} for the first, {money(totals[1])} for the second.")
    return told


def _score_sentence(comparison: Comparison) -> str:
    one, other = comparison.first.scored.score, comparison.second.scored.score
    lead = (
        "level with" if abs(comparison.points) < _WORTH_TELLING else "ahead of" if comparison.points > 0 else "behind"
    )
    by = "" if lead == "level with" else f" by {abs(comparison.points):.2f} points"
    return f"{comparison.first.title} is {lead} {comparison.second.title}{by} ({one:.2f} and {other:.2f} of 5)."


def _objective_sentence(difference: ObjectiveDifference) -> str:
    what = OBJECTIVE_WORDS[difference.objective].capitalize()
    whom = "first" if difference.points > 0 else "second"
    text = f"{what} speaks for the {whom} by {abs(difference.points):.2f}"
    return f"{text}: {_known(difference.first)} against {_known(difference.second)}."


def _known(reason: Reason) -> str:
    rating = reason.contribution.rating
    if rating is None:
        return "nothing known, which counts as the lowest rating"
    if reason.fact is None:
        return f"rated {rating:.1f}"
    fact = reason.fact
    carried = ", from another device" if fact.carried_from else ""
    figure = FIGURE_WORDS.get(reason.contribution.figure, reason.contribution.figure)
    return f"{figure} {written(fact)} ({fact.evidence.value}{carried}; rated {rating:.1f})"


def _tight_sentence(side: Side, tight: TightLimit) -> str:
    label = tight.verdict.limit.label
    room = f"with only {tight.margin:.0%} to spare" if tight.margin >= 0.005 else "exactly at the limit"
    return f"{label[0] + label[1:].lower()} is kept by {side.title} {room}."
