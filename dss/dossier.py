"""All that is kept of an answered request: the answer, the words and charts of its report, and the facts behind it.

Everything is plain data that JSON holds, so that a report written from a record years later is the report of today.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dss.card import card, short
from dss.comparison import compare, scored_row
from dss.cost import CLOUD_FIELDS, cost_of, monthly_usd
from dss.explanation import explain, sentences, shown
from dss.groups import as_group
from dss.matching import Candidates, counts
from dss.pairs_of_limits import pairs
from dss.ranking import Scored
from dss.ratings import BASES
from dss.record import FEW, PAIRS, answer, comparison_data
from dss.robust_words import opinion_words, robustness_words, switch_words
from dss.selection import Selection
from dss.words import limit_words, near_miss_pair_words, near_miss_words, verdict_words
from ontology.records import Grade, Source
from ontology.requirement import Outcome, Verdict
from repository.projection import Coded, Projection

FORMAT = 1  # of the dossier; raised when a key changes its meaning
RUNNERS_UP = 10
MOST_POINTS = 300  # of the chart
CHANCES, SWITCHES = 6, 2  # most likely winners, and weights at which the winner changes, that are told
_ROOMS = ("ontology", "repository", "dss")
# Beside the limits' own figures and those of the ratings: what groups models, and what parts equal scores.
_ALWAYS = ("purpose", "metric", "test_set", "size_kib", "inference_latency_ms", "other_cost_usd")
_GRADES = tuple(g.value for g in Grade)


def dossier(selection: Selection, sources: Sequence[Source], chosen: str | None = None) -> dict[str, Any]:
    """What a decision keeps of a selection. `chosen` is a model, the winner when None.

    Keys: `answer` (as `select --json`), `chosen`, `in_words`, `cards`, `runners_up`, `chart`, `sure`, `prices`,
    `cloud`, `sources`, `scales`, `program`, `format`. `chosen` is None for a model that the graph does not have, or
    no longer has.
    """
    candidates, ranking = selection.candidates, selection.ranking
    p = candidates.projection
    winner = None if ranking.winner is None else ranking.winner.row
    row = winner if chosen is None else p.positions.get(chosen)
    listed = [s.row for s in ranking.scored[: RUNNERS_UP + 1]]
    described = list(dict.fromkeys(r for r in (winner, row) if r is not None))
    shown = list(dict.fromkeys([*described, *listed, *(c.row for c in selection.closest)]))
    used = _used_sources(p, shown)
    return {
        "format": FORMAT,
        "program": program(),
        "scales": scales(p),
        "answer": answer(selection),
        "chosen": None if row is None else _chosen(selection, row),
        "in_words": _in_words(selection),
        "cards": {str(p.models["model"].iat[r]): asdict(card(candidates, r)) for r in described},
        "runners_up": [_runner_up(candidates, s) for s in ranking.scored[: RUNNERS_UP + 1]],
        "chart": _chart(selection, row),
        "sure": _sure(selection),
        "prices": _prices(candidates, shown),
        "cloud": _cloud(candidates),
        "sources": [asdict(s) | {"used": s.name in used} for s in sources],
    }


def facts(candidates: Candidates) -> dict[str, Any]:
    """Every figure of every model that could bear on the answer, with its grade and source; prices by device.

    `{"figures": {figure: {model: [value, grade, source]}}, "prices": {device: …}, "models", "matches", "votes",
    "clouds", "scales"}`. Equal tables give equal answers from one version of the program.
    """
    p = candidates.projection
    asked = [limit.figure for limit in candidates.limits if limit.field not in CLOUD_FIELDS]
    names = [str(m) for m in p.models["model"]]
    figures = dict.fromkeys([*_ALWAYS, *(b.figure for b in BASES), *asked])
    clouds = {c: {k: _plain(v) for k, v in described.items()} for c, described in p.clouds.items()}
    return {
        "models": names,
        "matches": [names[row] for row in candidates.matches],
        "figures": {f: _column(p, f, names) for f in figures if f in p.columns and f != "price_usd"}
        | {"samples": _samples(p, names)},
        "prices": {
            device: [float(d["price_usd"]), d.get("price_evidence", ""), d.get("price_source", "")]
            for device, d in p.devices.items()
            if d.get("price_usd") is not None
        },
        "votes": sorted([str(m), str(o), str(r)] for m, o, r in p.votes[["model", "objective", "rating"]].to_numpy()),
        "clouds": clouds if candidates.cloud is not None else {},
        "scales": scales(p),
    }


def used(kept: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the sources that a dossier shows facts of."""
    return tuple(sorted(s["name"] for s in kept["sources"] if s["used"]))


@cache
def program() -> str:
    """Which version of the program computed: a digest of the code, queries and words that answers come from."""
    root = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for room in _ROOMS:
        for file in sorted(f for f in (root / room).rglob("*") if f.suffix in (".py", ".rq", ".ttl")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def scales(p: Projection) -> dict[str, Any]:
    """The frozen rating scales in use: their version, and for each a digest of its breakpoints."""
    each = {
        "/".join((s.objective, s.figure, s.purpose or "", s.metric or "", s.test_set or "")): hashlib.sha256(
            repr(s.breakpoints).encode()
        ).hexdigest()[:12]
        for s in p.scales
    }
    return {"version": max((s.version for s in p.scales), default=0), "each": each}


def _column(p: Projection, figure: str, names: Sequence[str]) -> dict[str, list[Any]]:
    column = p.columns[figure]
    if isinstance(column, Coded):
        values = [sorted(v) if isinstance(v, frozenset) else v for v in column.values]
        return {
            name: [values[code]]
            for name, code in zip(names, column.codes.tolist(), strict=True)
            if values[code] is not None
        }
    known = np.flatnonzero(~np.isnan(column)).tolist()
    if figure not in p.figure_rows:
        return {names[row]: [float(column[row])] for row in known}
    said_by = p.performances["source"].to_numpy(dtype=object)
    rows, ranks = p.figure_rows[figure], p.evidence[figure]
    return {names[row]: [float(column[row]), _GRADES[ranks[row]], _text(said_by[rows[row]])] for row in known}


def _samples(p: Projection, names: Sequence[str]) -> dict[str, list[Any]]:
    """On how many samples each accuracy stands: the fewer, the less sure is the choice."""
    rows, samples = p.figure_rows["accuracy_percent"], p.performances["samples"].to_numpy(dtype=object)
    known = [row for row in np.flatnonzero(rows >= 0).tolist() if not pd.isna(samples[rows[row]])]
    return {names[row]: [int(samples[rows[row]])] for row in known}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | frozenset | set) else value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _chosen(selection: Selection, row: int) -> dict[str, Any]:
    """The model that was chosen: its place and score, its verdict on every limit, and how it differs from the winner.

    `place` is None for one that does not meet every limit; its score is then what the same weights give it.
    """
    candidates, ranking = selection.candidates, selection.ranking
    winner = ranking.winner
    scored = scored_row(candidates, ranking, row) if winner is not None else None
    against = None if winner is None or winner.row == row else compare(candidates, ranking, winner.row, row)
    return {
        "model": str(candidates.projection.models["model"].iat[row]),
        "place": None if scored is None else scored.place or None,
        "score": None if scored is None else _score(scored),
        "verdicts": [
            {"field": v.limit.field, "outcome": v.outcome.value, "text": _verdict(v, candidates.projection)}
            for v in candidates.verdicts(row)
        ],
        "explanation": [] if scored is None or not scored.place else sentences(explain(candidates, ranking, scored)),
        "against_winner": None if against is None else comparison_data(against, candidates),
    }


def _verdict(verdict: Verdict, p: Projection) -> str:
    if verdict.outcome is not Outcome.MET:
        return verdict_words(verdict, p)
    asked = limit_words(verdict.limit, p)
    if verdict.not_specific:
        return f"{asked} (its source names none; it counts as made for any)"
    if isinstance(verdict.actual, float | int) and not isinstance(verdict.actual, bool):
        return f"{asked}: has {shown(verdict.actual)} {verdict.limit.unit}".rstrip()
    return asked


def _score(scored: Scored) -> dict[str, Any]:
    return {
        "score": scored.score,
        "score_at_best": scored.score_at_best,
        "contributions": [asdict(c) | {"objective": c.objective.value} for c in scored.contributions],
    }


def _sure(selection: Selection) -> dict[str, Any] | None:
    """How sure the first place is: chances by Monte Carlo, what would change the winner, and a second rule's word."""
    candidates = selection.candidates
    found = selection.robustness
    if found is None:
        return None

    def named(row: int) -> str:
        return short(candidates, row)

    opinion = selection.opinion
    likely = [c for c in found.chances if c.first > 0 and c.row != found.winner][: CHANCES - 1]
    turns = [s for s in selection.switches if s.nearest is not None]
    return {
        "seed": found.seed,
        "samples": found.samples,
        "sentences": [
            *robustness_words(found, named),
            *(switch_words(s, named) for s in turns[:SWITCHES]),
            *([] if opinion is None else [opinion_words(opinion, named)]),
        ],
        "chances": [
            {
                "model": str(candidates.projection.models["model"].iat[c.row]),
                "title": named(c.row),
                "first": c.first,
            }
            for c in sorted([found.of(found.winner), *likely], key=lambda c: -c.first)
        ],
    }


def _in_words(selection: Selection) -> dict[str, Any]:
    candidates = selection.candidates
    p, c = candidates.projection, counts(candidates)
    most = c.excludes_most if c.excludes_most is not None and c.without_it > c.matches else None
    missing = candidates.missing()
    together = pairs(candidates)[:PAIRS] if c.matches < FEW else ()
    return {
        "title": selection.requirement.title or "Requirement",
        "limits": [limit_words(limit, p) for limit in candidates.limits],
        "no_task": not selection.requirement.task,
        "judgements": [
            f"{person.name}: {j.in_words()}" if person.name else j.in_words()
            for person in as_group(selection.preferences)
            for j in person.preferences
        ],
        "excludes_most": None if most is None else {"limit": limit_words(most, p), "without_it": c.without_it},
        "missing": [{"limit": x.label, "models": missing[x.field]} for x in candidates.limits if x.field in missing],
        "near_misses": [near_miss_words(m, p) for m in selection.near_misses],
        "near_miss_pairs": [near_miss_pair_words(pair, p) for pair in together],
        "closest": [
            {
                "model": str(p.models["model"].iat[near.row]),
                "title": card(candidates, near.row).title,
                "subtitle": card(candidates, near.row).subtitle,
                "misses": [verdict_words(v, p) for v in near.verdicts if v.outcome is not Outcome.MET],
            }
            for near in selection.closest
        ],
    }


def _runner_up(candidates: Candidates, scored: Scored) -> dict[str, Any]:
    described = card(candidates, scored.row)
    lines = {line.label.split(" (")[0]: asdict(line) | {"details": []} for line in described.lines}
    wanted = ("Total cost", "Cost of each device", "Accuracy", "Inference latency", "System latency")
    return {
        "place": scored.place,
        "model": described.model,
        "title": described.title,
        "subtitle": described.subtitle,
        "score": scored.score,
        "score_at_best": scored.score_at_best,
        "licence": described.licence,
        "lines": {name: line for label, line in lines.items() for name in wanted if label.startswith(name)},
    }


def _chart(selection: Selection, chosen: int | None) -> dict[str, Any] | None:
    """Latency against quality of the matches (of the closest where nothing matches), on one metric and data set."""
    candidates, ranking = selection.candidates, selection.ranking
    p = candidates.projection
    latency = candidates.column("inference_latency_ms")
    metric, test_set = p.models["metric"], p.models["test_set"]
    assert not isinstance(latency, Coded)
    places = {s.row: s.place for s in ranking.scored}
    first = [r for r in (chosen, *places, *(c.row for c in selection.closest)) if r is not None]
    rows = list(dict.fromkeys([*first, *(int(r) for r in candidates.matches)]))
    for reference in rows:
        for figure in ("accuracy_percent", "metric_value"):
            quality = candidates.column(figure)
            assert not isinstance(quality, Coded)
            if np.isnan(quality[reference]) or np.isnan(latency[reference]) or pd.isna(metric.iat[reference]):
                continue
            group = (metric.iat[reference], test_set.iat[reference])
            alike = [
                row
                for row in rows
                if not np.isnan(quality[row])
                and not np.isnan(latency[row])
                and (metric.iat[row], test_set.iat[row]) == group
            ]
            if len(alike) < 2:
                continue
            name = str(group[0])
            return {
                "quality": p.label("metric", name),
                "unit": "%" if figure == "accuracy_percent" else p.metric_units.get(name, ""),
                "data_set": p.label("data", group[1]) if isinstance(group[1], str) else "",
                "higher_is_better": p.higher_is_better.get(name, True),
                "matching": bool(len(candidates.matches)),
                "candidates": len(rows),
                "comparable": len(alike),
                "points": [
                    {
                        "model": str(p.models["model"].iat[row]),
                        "title": card(candidates, row).title,
                        "latency_ms": float(latency[row]),
                        "quality": float(quality[row]),
                        "latency_evidence": _GRADES[p.evidence["inference_latency_ms"][row]],
                        "quality_evidence": _GRADES[p.evidence[figure][row]],
                        "place": places.get(row),
                    }
                    for row in alike[:MOST_POINTS]
                ],
            }
    return None


def _prices(candidates: Candidates, rows: Iterable[int]) -> list[dict[str, Any]]:
    """The price of each device that is shown, with how it is known."""
    p = candidates.projection
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        device = p.models["device"].iat[row]
        if isinstance(device, str):
            cost = cost_of(candidates.requirement, p, row, candidates.cloud)
            found.setdefault(
                device,
                {
                    "device": p.label("dev", device),
                    "price_usd": cost.device_price_usd,
                    "evidence": cost.price_evidence,
                    "source": cost.price_source,
                },
            )
    return list(found.values())


def _cloud(candidates: Candidates) -> dict[str, Any] | None:
    cloud = candidates.cloud
    if cloud is None:
        return None
    return {
        "label": cloud.label,
        "monthly_usd": monthly_usd(cloud.described),
        "evidence": cloud.described.get("price_evidence", ""),
        "source": cloud.described.get("price_source", ""),
        "verdicts": [verdict_words(v, candidates.projection) for v in cloud.verdicts],
    }


def _used_sources(p: Projection, rows: Iterable[int]) -> frozenset[str]:
    """The sources of the models that are shown, and of every figure of theirs."""
    said_by = p.performances["source"].to_numpy(dtype=object)
    found: set[object] = set()
    for row in rows:
        found.add(p.models["source"].iat[row])
        found |= {said_by[positions[row]] for positions in p.figure_rows.values() if positions[row] >= 0}
    return frozenset(name for name in found if isinstance(name, str))
