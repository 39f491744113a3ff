"""One answered request as typed data: what `--json` prints and what a decision's record keeps.

Every figure carries its unit, its evidence grade and its source; a flag says when it was carried from another device.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dss.card import card
from dss.explanation import sentences
from dss.matching import Candidates, counts
from dss.near_misses import NearMiss
from dss.query import describe
from dss.ranking import Contribution, Scored
from dss.selection import Selection
from ontology.records import Fact, figure_kinds
from ontology.requirement import Verdict
from ontology.requirement_json import to_json
from repository.projection import Coded

DETAILED = 20  # candidates that are written out with all their figures
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
    actual = sorted(verdict.actual) if isinstance(verdict.actual, frozenset) else verdict.actual
    data: dict[str, Any] = {"field": verdict.limit.field, "outcome": verdict.outcome.value, "actual": actual}
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


def answer(selection: Selection) -> dict[str, Any]:
    """Everything that the result page shows, as plain data."""
    candidates, ranking, explanation = selection.candidates, selection.ranking, selection.explanation
    consistency = selection.consistency
    c = counts(candidates)
    if_measured = candidates.would_match_if_measured
    return {
        "counts": {
            "models": c.total,
            "matches": c.matches,
            "would_match_if_measured": c.if_measured,
            "violate": c.total - c.matches - c.if_measured,
            "excludes_most": None if c.excludes_most is None else c.excludes_most.field,
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
        "card": None if ranking.winner is None else asdict(card(candidates, ranking.winner.row)),
        "would_match_if_measured": [_unmeasured(candidates, int(row)) for row in if_measured[:MODELS]],
        "missing_measurements": candidates.missing(),
        "near_misses": [near_miss_data(m) for m in selection.near_misses],
        "closest": [model(candidates, c.row) for c in selection.closest],
    }


def _scored(candidates: Candidates, scored: Scored) -> dict[str, Any]:
    return {
        "place": scored.place,
        "score": scored.score,
        "score_at_best": scored.score_at_best,
        "contributions": [_contribution(c) for c in scored.contributions],
        **model(candidates, scored.row),
        "total_cost_usd": _total(candidates, scored.row),
    }


def _contribution(c: Contribution) -> dict[str, Any]:
    return asdict(c) | {"objective": c.objective.value}


def _total(candidates: Candidates, row: int) -> float | None:
    column = candidates.column("total_cost_usd")
    assert not isinstance(column, Coded)
    value = float(column[row])
    return None if value != value else value


def _unmeasured(candidates: Candidates, row: int) -> dict[str, Any]:
    missing = [v.limit.field for v in candidates.verdicts(row) if v.outcome.value == "unknown"]
    return {"model": str(candidates.projection.models["model"].iat[row]), "missing": missing}
