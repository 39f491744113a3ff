"""One answered request as typed data: what `--json` prints and what a decision's record keeps.

Every figure carries its unit, its evidence grade and its source; a flag says when it was carried from another device.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dss.card import card
from dss.comparison import Comparison, compare, comparison_sentences
from dss.cost import cost_of, straddling
from dss.deployment import Deployment, deployments
from dss.effects import Help, help_sentences
from dss.explanation import sentences
from dss.matching import Candidates, counts
from dss.near_misses import NearMiss
from dss.pairs_of_limits import NearMissPair, pairs
from dss.query import describe
from dss.ranking import Contribution, Scored
from dss.selection import Selection
from dss.words import deployment_sentences, deployment_words
from ontology.records import Fact, figure_kinds
from ontology.requirement import Value, Verdict
from ontology.requirement_json import to_json

DETAILED = 20  # candidates that are written out with all their figures
FEW = 3  # with fewer matches, pairs of relaxations and other ways to deploy are told, too
PAIRS = 10
MODELS = 50  # models named in lists of what would match if measured


def model(candidates: Candidates, row: int) -> dict[str, Any]:
    """One model with every figure that is known of it, and the verdict on every limit."""
    p = candidates.projection
    m = p.models.iloc[row]
    facts = {kind.name: p.fact(row, kind.name) for kind in figure_kinds()}
    names = (
        "network",
        "device",
        "runtime",
        "optimization",
        "purpose",
        "source",
        "metric",
        "test_set",
        "licence",
        "obtain",
    )
    return {
        "model": str(m["model"]),
        "title": card(candidates, row).title,
        **{name: m[name] for name in names if isinstance(m[name], str)},
        "figures": {name: fact_data(f) for name, f in facts.items() if f is not None},
        "not_known": [name for name, f in facts.items() if f is None],
        "verdicts": [verdict_data(v) for v in candidates.verdicts(row)],
    }


def fact_data(fact: Fact) -> dict[str, Any]:
    """A figure with how it is known; what is not stated is left out."""
    data = asdict(fact)
    return {key: value for key, value in data.items() if value not in (None, "")} | {"unit": fact.unit}


def verdict_data(verdict: Verdict) -> dict[str, Any]:
    """The outcome for one limit, with the value judged and how far it lies beyond."""
    data: dict[str, Any] = {
        "field": verdict.limit.field, "outcome": verdict.outcome.value, "actual": _plain(verdict.actual),
    }  # fmt: skip
    if verdict.excess is not None:
        data["excess"] = verdict.excess
    if verdict.not_specific:
        data["not_specific"] = True
    return data


def near_miss_data(miss: NearMiss) -> dict[str, Any]:
    """One relaxation and how many models it admits."""
    value = list(miss.value) if isinstance(miss.value, tuple) else miss.value
    return {
        "field": miss.limit.field,
        "limit": describe(miss.limit),
        "relax_to": value,
        "unit": miss.limit.unit,
        "admits": miss.admits,
    }


def near_miss_pair_data(pair: NearMissPair) -> dict[str, Any]:
    """Two relaxations that help together."""
    return {
        "changes": [near_miss_data(pair.first), near_miss_data(pair.second)],
        "admits": pair.admits,
        "admits_only_together": pair.together,
        "relative_sizes": list(pair.sizes),
        "smallest": pair.smallest,
    }


def deployment_data(candidates: Candidates, found: Deployment) -> dict[str, Any]:
    """Another way to deploy, with the evidence of each number and what is not known."""
    models = candidates.projection.models["model"]
    return {
        "method": found.method.value,
        "name": found.name,
        "label": found.label,
        "model": None if found.row is None else str(models.iat[found.row]),
        "instead_of": None if found.instead_of is None else str(models.iat[found.instead_of]),
        "total_cost_usd": found.total_usd,
        "total_cost_range_usd": [found.low_usd, found.high_usd],
        "parts": [
            asdict(part) | {"evidence": None if part.evidence is None else part.evidence.value} for part in found.parts
        ],
        "gains": [
            {"field": gain.limit.field, "now": _plain(gain.now), "then": _plain(gain.then)}
            | ({"fact": fact_data(gain.fact)} if gain.fact else {})
            for gain in found.gains
        ],
        "breaks": [verdict_data(v) for v in found.breaks],
        "not_known": [u.value for u in found.unknown],
        "in_words": [
            deployment_words(found, candidates.projection),
            *deployment_sentences(found, candidates.projection),
        ],
    }


def help_data(found: Help) -> dict[str, Any]:
    """What an optimization did on this device over comparable pairs, beside what is said in general."""
    return {
        "optimization": found.optimization,
        "device": found.device,
        "runtime": found.runtime,
        "pairs": [
            asdict(e) | {"share_worse": e.share_worse, "grades": [g.value for g in e.grades]} for e in found.here
        ],
        "in_general": [
            {
                "technique": note.name,
                "good_for": [o.value for o in note.raises],
                "bad_for": [o.value for o in note.lowers],
                "risks": [issue.label for issue in note.risks],
            }
            for note in found.in_general
        ],
        "opposite_of_table_1": found.contradicted,
        "in_words": help_sentences(found),
    }


def comparison_data(comparison: Comparison, candidates: Candidates) -> dict[str, Any]:
    """Why one and not the other; the objectives' points sum to the difference of the scores."""
    models = candidates.projection.models["model"]
    return {
        "first": str(models.iat[comparison.first.scored.row]),
        "second": str(models.iat[comparison.second.scored.row]),
        "points": comparison.points,
        "objectives": [{"objective": d.objective.value, "points": d.points} for d in comparison.objectives],
        "in_words": comparison_sentences(comparison, candidates.projection),
    }


def answer(selection: Selection) -> dict[str, Any]:
    """Everything that the result page shows, as plain data."""
    candidates, ranking, explanation = selection.candidates, selection.ranking, selection.explanation
    consistency = selection.consistency
    c = counts(candidates)
    if_measured = candidates.would_match_if_measured
    little = c.matches < FEW
    risky = straddling(selection.requirement, candidates.projection, candidates.cloud)[candidates.matches]
    return {
        "counts": {
            "models": c.total,
            "matches": c.matches,
            "would_match_if_measured": c.if_measured,
            "violate": c.total - c.matches - c.if_measured,
            "excludes_most": None if c.excludes_most is None else c.excludes_most.field,
            "on_reference_devices_left_out": c.hidden,
            "matches_that_may_exceed_the_budget": int(risky.sum()),
        },
        "requirement": to_json(selection.requirement),
        "preferences": selection.preferences.to_json(),
        "consistency": {"ratio": consistency.ratio, "in_words": consistency.in_words()},
        "query": selection.query,
        "weights": {
            "elicited": {o.value: w for o, w in ranking.weights.items()},
            "used": {o.value: w for o, w in ranking.used.items()},
            "undecided_by_evidence": [o.value for o in ranking.set_aside],
        },
        "ranking": [_scored(candidates, s) for s in ranking.scored[:DETAILED]],
        "ranked": ranking.total,
        "explanation": None if explanation is None else sentences(explanation),
        "help_on_this_device": None if explanation is None or explanation.help is None else help_data(explanation.help),
        "winner_against_the_next": _against_the_next(selection),
        "card": None if ranking.winner is None else asdict(card(candidates, ranking.winner.row)),
        "would_match_if_measured": [_unmeasured(candidates, int(row)) for row in if_measured[:MODELS]],
        "missing_measurements": candidates.missing(),
        "near_misses": [near_miss_data(m) for m in selection.near_misses],
        "near_miss_pairs": [near_miss_pair_data(p) for p in pairs(candidates)[:PAIRS]] if little else [],
        "deployments": [deployment_data(candidates, d) for d in deployments(candidates)] if little else [],
        "closest": [model(candidates, c.row) for c in selection.closest],
    }


def _scored(candidates: Candidates, scored: Scored) -> dict[str, Any]:
    return {
        "place": scored.place,
        "score": scored.score,
        "score_at_best": scored.score_at_best,
        "contributions": [_contribution(c) for c in scored.contributions],
        **model(candidates, scored.row),
        **_total(candidates, scored.row),
    }


def _against_the_next(selection: Selection) -> dict[str, Any] | None:
    ranking = selection.ranking
    if len(ranking.scored) < 2:
        return None
    first, second = (s.row for s in ranking.scored[:2])
    return comparison_data(compare(selection.candidates, ranking, first, second), selection.candidates)


def _plain(value: Value) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _contribution(c: Contribution) -> dict[str, Any]:
    return asdict(c) | {"objective": c.objective.value}


def _total(candidates: Candidates, row: int) -> dict[str, Any]:
    cost = cost_of(candidates.requirement, candidates.projection, row, candidates.cloud)
    return {
        "total_cost_usd": cost.total_usd,
        "total_cost_range_usd": [cost.low_usd, cost.high_usd],
        "may_exceed_the_budget": cost.straddles,
    }


def _unmeasured(candidates: Candidates, row: int) -> dict[str, Any]:
    missing = [v.limit.field for v in candidates.verdicts(row) if v.outcome.value == "unknown"]
    return {"model": str(candidates.projection.models["model"].iat[row]), "missing": missing}
