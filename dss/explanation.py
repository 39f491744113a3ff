"""Why this one: typed reasons first, sentences from them last.

Reasons are facts that can be checked: contributions that sum to the score, the figure under each rating with its
evidence, limits that were nearly missed, what the techniques are known to do and risk, and what is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dss.cost import TotalCost, cost_of, money
from dss.effects import Help, helped_here, latency_sentence
from dss.matching import Candidates
from dss.ranking import Contribution, Ranking, Scored
from dss.technique_notes import OBJECTIVE_WORDS, TechniqueNote, technique_notes, technique_sentence
from ontology.records import Fact, Grade, Objective, figure_kinds
from ontology.requirement import NUMERIC, Outcome, Verdict
from repository.projection import Coded, Projection

TIGHT = 0.10  # a limit is tight when a candidate keeps it by less than a tenth

FIGURE_WORDS: Mapping[str, str] = {
    "accuracy_percent": "accuracy",
    "metric_value": "measure of quality",
    "retained_percent": "quality beside its float original's",
    "stability_percent": "stability",
    "price_usd": "price of the device",
    "inference_latency_ms": "inference latency",
    "system_latency_ms": "system latency",
    "macs": "multiply-accumulates",
    "parameters": "parameters",
    "security": "where the input is processed",
}


@dataclass(frozen=True)
class Reason:
    """One contribution to the score with the fact that its rating rests on."""

    contribution: Contribution
    fact: Fact | None
    share_beaten: float | None  # 0 to 1: the place among the models of the same purpose, as the rating says


@dataclass(frozen=True)
class TightLimit:
    """A limit that is kept, but only just: `margin` is the room left as a share of the limit."""

    verdict: Verdict
    margin: float


@dataclass(frozen=True)
class Explanation:
    """Everything that is known about why a candidate stands where it stands."""

    scored: Scored
    reasons: tuple[Reason, ...]
    tight: tuple[TightLimit, ...]
    not_specific: tuple[Verdict, ...]
    unknown_ratings: tuple[Objective, ...]
    set_aside: tuple[Objective, ...]
    carried: tuple[str, ...]  # figures that were measured on another device
    weakest: Grade | None  # the weakest evidence under the score and the limits
    techniques: tuple[TechniqueNote, ...]
    cost: TotalCost
    help: Help | None = None  # what its optimization did on this device; None when it has none


@dataclass(frozen=True)
class Difference:
    """How much one objective speaks for the first of two candidates (negative: for the second), in points."""

    objective: Objective
    points: float


def explain(candidates: Candidates, ranking: Ranking, scored: Scored) -> Explanation:
    """The reasons for one candidate's place."""
    p, row = candidates.projection, scored.row
    verdicts = candidates.verdicts(row)
    reasons = tuple(reason_for(candidates, c, row) for c in scored.contributions)
    facts = {r.contribution.figure: r.fact for r in reasons if r.fact}
    for v in verdicts:
        if v.limit.figure in p.figure_rows and (fact := p.fact(row, v.limit.figure)):
            facts[v.limit.figure] = fact
    cost = cost_of(candidates.requirement, p, row, candidates.cloud)
    grades = [f.evidence for f in facts.values()]
    return Explanation(
        scored=scored,
        reasons=reasons,
        tight=tuple(t for t in map(tightness, verdicts) if t is not None),
        not_specific=tuple(v for v in verdicts if v.not_specific),
        unknown_ratings=tuple(
            c.objective for c in scored.contributions if c.rating is None and c.objective not in ranking.set_aside
        ),
        set_aside=ranking.set_aside,
        carried=tuple(sorted(figure for figure, fact in facts.items() if fact.carried_from)),
        weakest=max(grades, key=lambda g: g.rank) if grades else None,
        techniques=_techniques(candidates, row),
        cost=cost,
        help=helped_here(p, row),
    )


def difference(first: Scored, second: Scored) -> tuple[Difference, ...]:
    """Why the first and not the second: what each objective says for it; they sum to the difference of the scores."""
    pairs = zip(first.contributions, second.contributions, strict=True)
    found = [Difference(a.objective, a.points - b.points) for a, b in pairs]
    return tuple(sorted(found, key=lambda d: -d.points))


def of_original(projection: Projection, row: int) -> str:
    """Of what a share of the original's figure is one: the metric says whether more of it is better."""
    metric = projection.models["metric"].iat[row]
    is_error = isinstance(metric, str) and not projection.higher_is_better.get(metric, True)
    return "of its float original's error; less is better" if is_error else "of its float original's quality"


def reason_for(candidates: Candidates, contribution: Contribution, row: int) -> Reason:
    """The fact under one contribution, with its evidence."""
    p, figure = candidates.projection, contribution.figure
    share = None if contribution.rating is None else (contribution.rating - 1) / 4
    if not figure:
        return Reason(contribution, None, share)
    if figure in p.figure_rows:
        return Reason(contribution, p.fact(row, figure), share)
    if figure == "retained_percent":
        base = p.fact(row, "accuracy_percent") or p.fact(row, "metric_value")
        column = p.columns[figure]
        assert isinstance(column, np.ndarray)
        if base is None:
            return Reason(contribution, None, share)
        fact = Fact(
            float(column[row]), "%", base.evidence, base.source, base.carried_from, of_original(p, row),
            base.obtained, base.samples,
        )  # fmt: skip
        return Reason(contribution, fact, share)
    if figure == "price_usd":
        device = p.devices.get(str(p.models["device"].iat[row]), {})
        grade = Grade(device["price_evidence"]) if "price_evidence" in device else Grade.DECLARED
        price = p.columns["price_usd"]
        assert isinstance(price, np.ndarray)
        return Reason(contribution, Fact(float(price[row]), "USD", grade, device.get("price_source", "")), share)
    if figure in ("macs", "parameters"):
        column = p.columns[figure]
        assert isinstance(column, np.ndarray)
        source = p.label("src", str(p.models["source"].iat[row]))
        ranks = [int(found[row]) for found in p.evidence.values() if found[row] >= 0]
        grade = list(Grade)[min(ranks)] if ranks else Grade.DECLARED  # it was told along with the figures
        return Reason(contribution, Fact(float(column[row]), "", grade, source), share)
    return Reason(contribution, None, share)


def tightness(verdict: Verdict) -> TightLimit | None:
    """How little room a kept limit leaves; None when it leaves a tenth or more, or is no number."""
    limit = verdict.limit
    if limit.relation not in NUMERIC or verdict.outcome is not Outcome.MET or not isinstance(verdict.actual, float):
        return None
    if not isinstance(limit.value, float | int) or not limit.value:
        return None
    margin = abs(verdict.actual - limit.value) / abs(limit.value)
    return TightLimit(verdict, margin) if margin < TIGHT else None


def _techniques(candidates: Candidates, row: int) -> tuple[TechniqueNote, ...]:
    column = candidates.projection.columns["technique"]
    assert isinstance(column, Coded)
    names = column[row]
    if not isinstance(names, frozenset):
        return ()
    return technique_notes(candidates.projection, names)


def shown(value: float) -> str:
    """A number with sensible digits: at least three significant ones, thousands separated."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def sentences(explanation: Explanation) -> list[str]:
    """The explanation in plain words, for a manager."""
    scored = explanation.scored
    told = [_score_sentence(scored)]
    strongest = sorted(explanation.reasons, key=lambda r: -r.contribution.points)
    for reason in strongest[:3]:
        if (sentence := _reason_sentence(reason)) is not None:
            told.append(sentence)
    if explanation.unknown_ratings:
        names = ", ".join(o.value for o in explanation.unknown_ratings)
        told.append(
            f"Nothing is known of its {names}; that counts as the lowest rating, so the score can only rise "
            f"(to at most {scored.score_at_best:.2f})."
        )
    if explanation.set_aside:
        names = ", ".join(o.value for o in explanation.set_aside)
        told.append(
            f"Undecided by evidence: {names}. No candidate has a figure there that can be compared within a group of "
            "at least five networks, so the other weights were scaled up."
        )
    for tight in explanation.tight:
        limit = tight.verdict.limit
        spare = f"with only {tight.margin:.0%} to spare" if tight.margin >= 0.005 else "exactly at the limit"
        told.append(f"{limit.label} is kept {spare}.")
    for verdict in explanation.not_specific:
        told.append(f"Its source names no {verdict.limit.label.lower()}; it counts as made for any.")
    if explanation.carried:
        names = ", ".join(FIGURE_WORDS.get(f, f) for f in explanation.carried)
        told.append(f"Measured on another device, in the same precision and library: {names}.")
    if explanation.cost.straddles:
        told.append(
            f"Its total cost may lie between {money(explanation.cost.low_usd)} and {money(explanation.cost.high_usd)}: "
            f"whether it keeps the budget of {money(explanation.cost.budget_usd)} depends on prices that nobody quoted."
        )
    for note in explanation.techniques:
        told.append(technique_sentence(note))
    if explanation.help is not None:
        told.append(latency_sentence(explanation.help))
    return told


def _score_sentence(scored: Scored) -> str:
    place = "First" if scored.place == 1 else f"Place {scored.place}"
    return f"{place}, with a score of {scored.score:.2f} out of 5."


def _reason_sentence(reason: Reason) -> str | None:
    c = reason.contribution
    if c.rating is None or c.weight == 0:
        return None
    what = OBJECTIVE_WORDS[c.objective].capitalize()
    text = f"{what} adds {c.points:.2f}: rated {c.rating:.1f} at a weight of {c.weight:.0%}"
    if reason.fact is not None and reason.share_beaten is not None:
        fact = reason.fact
        what = FIGURE_WORDS.get(c.figure, c.figure)
        text += f" ({what} {shown(fact.value)} {fact.unit}".rstrip()
        text += f", better than {reason.share_beaten:.0%} of its kind; {fact.evidence.value})"
    return text + "."


__all__ = ["Explanation", "difference", "explain", "figure_kinds", "sentences"]
