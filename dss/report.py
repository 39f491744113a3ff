"""An answered request as text for a terminal."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator

import pandas as pd

from dss.card import card, replaced, short
from dss.comparison import compare, comparison_sentences
from dss.cost import cost_of, money, straddling
from dss.deployment import Method, deployments
from dss.explanation import sentences
from dss.matching import counts
from dss.near_misses import NearMiss
from dss.pairs_of_limits import pairs
from dss.record import FEW
from dss.selection import Selection
from dss.words import (
    SHAPES,
    deployment_sentences,
    deployment_words,
    limit_words,
    near_miss_pair_words,
    near_miss_words,
    verdict_words,
)
from ontology.records import Grade
from ontology.requirement import Outcome
from repository.projection import Projection
from repository.terms import shortened

WIDTH = 110
PAIRS = 5
LEGEND = "  ".join(f"{SHAPES[g]} {g}" for g in Grade if g is not Grade.PREDICTED) + "  → carried from another device"


def report(selection: Selection, top: int) -> str:
    """The counts, the winner's card with the reasons and the runners-up; or what to relax when nothing fits."""
    lines = [*_head(selection), *(_winner(selection, top) if selection.ranking.winner else _nothing(selection))]
    return "\n".join(lines)


def _head(selection: Selection) -> Iterator[str]:
    c = counts(selection.candidates)
    yield selection.requirement.title or "Requirement"
    for limit in selection.candidates.limits:
        yield f"  {limit_words(limit, selection.candidates.projection)}"
    yield ""
    yield f"{c.matches:,} of {c.total:,} models match; {c.if_measured:,} more would match if measured."
    if c.excludes_most is not None and c.without_it > c.matches:
        yield f"Without “{limit_words(c.excludes_most, selection.candidates.projection)}” {c.without_it:,} would match."
    if c.hidden:
        yield f"{c.hidden:,} on reference devices are left out; device.reference_devices shows them, too."
    risky = straddling(selection.requirement, selection.candidates.projection, selection.candidates.cloud)
    if number := int(risky[selection.candidates.matches].sum()):
        yield f"Of the matches {number:,} may cost more than the budget, since their prices are estimates."
    if not selection.requirement.task and c.matches:
        yield "No task is given, so models for different tasks compete; give project.task to compare like with like."


def _winner(selection: Selection, top: int) -> Iterator[str]:
    ranking, candidates = selection.ranking, selection.candidates
    assert ranking.winner is not None and selection.explanation is not None
    best = card(candidates, ranking.winner.row)
    yield ""
    yield f"Best: {best.title}"
    yield f"      {best.subtitle}"
    if told := replaced(candidates.projection, ranking.winner.row):
        yield f"      {told}"
    for line in best.lines:
        mark = SHAPES[line.evidence] if line.evidence else " "
        carried = " →" if line.carried_from else ""
        yield f"  {line.label + ':':<34} {mark} {line.text}{carried}"
    cost = cost_of(selection.requirement, candidates.projection, ranking.winner.row, candidates.cloud)
    if cost.low_usd != cost.high_usd:
        parts = ", ".join(f"{part}: {s.meaning}" for part, s in cost.spreads)
        told = f"The total may lie between {money(cost.low_usd)} and {money(cost.high_usd)} ({parts})."
        yield textwrap.fill(told, WIDTH, initial_indent="  ", subsequent_indent="  ")
    if best.obtain:
        yield f"  {'Get it from:':<34}  {best.obtain} ({best.licence})"
    yield f"  {LEGEND}"
    yield ""
    yield "Why"
    yield from _wrapped(sentences(selection.explanation))
    yield f"  {selection.consistency.in_words()}"
    yield ""
    yield f"{'':>4} {'score':>5}  runners-up"
    for scored in ranking.scored[1 : top + 1]:
        at_best = f" (up to {scored.score_at_best:.2f})" if scored.score_at_best - scored.score > 0.005 else ""
        told = replaced(candidates.projection, scored.row)
        yield f"{scored.place:>4} {scored.score:>5.2f}  {short(candidates, scored.row)}{at_best}{_mark(told)}"
    if len(ranking.scored) > 1:
        yield ""
        yield "Why not the next"
        found = compare(candidates, ranking, ranking.winner.row, ranking.scored[1].row)
        yield from _wrapped(comparison_sentences(found, candidates.projection))
    if selection.near_misses:
        yield ""
        yield "More would match if you gave way"
        yield from _ladder(selection.near_misses[:5], candidates.projection)
    if len(candidates.matches) < FEW:
        yield from _beyond(selection)


def _mark(told: str) -> str:
    return f" [{told}]" if told else ""


def _nothing(selection: Selection) -> Iterator[str]:
    yield ""
    yield "Nothing matches. The smallest change of one limit that helps:"
    if selection.near_misses:
        yield from _ladder(selection.near_misses, selection.candidates.projection)
    else:
        yield "  none: no single change is enough."
    missing = selection.candidates.missing()
    for limit in selection.candidates.limits:
        if limit.field in missing:
            number = missing[limit.field]
            models = "model" if number == 1 else "models"
            yield f"  measure {limit.label.lower()}: {number:,} {models} might match then"
    lacking = selection.candidates.lacking()
    if lacking and not missing:
        figures = ", ".join(f"{limit.label.lower()} ({n:,})" for limit, n in lacking.items())
        yield f"  {len(selection.candidates.would_match_if_measured):,} models violate nothing, but lack: {figures}"
    yield "  or build one: ./dlom build FILE trains, measures and registers what this machine can run"
    yield from _beyond(selection)
    yield ""
    yield "Closest"
    for near in selection.closest:
        yield f"  {short(selection.candidates, near.row)}"
        for v in near.verdicts:
            if v.outcome is not Outcome.MET:
                yield f"      {verdict_words(v, selection.candidates.projection)}"


def _beyond(selection: Selection) -> Iterator[str]:
    """Pairs of relaxations, and other ways to deploy."""
    candidates, p = selection.candidates, selection.candidates.projection
    found = pairs(candidates)[:PAIRS]
    if found:
        yield ""
        yield "The smallest changes of two limits together"
        yield from (f"  {near_miss_pair_words(pair, p)}" for pair in found)
    ways = deployments(candidates, most=1)
    if ways:
        yield ""
        yield "Other ways to deploy (DLOM², Table 1)"
    if ways and all(d.method is not Method.STRONGER_DEVICE for d in ways):
        yield "  A stronger device: none on record meets the limits with a network that runs on the devices allowed."
    for way in ways:
        yield f"  {deployment_words(way, p)}"
        yield from _wrapped(deployment_sentences(way, p), "      ")


def _wrapped(told: Iterable[str], indent: str = "  ") -> Iterator[str]:
    for sentence in told:
        yield textwrap.fill(sentence, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _ladder(misses: Iterable[NearMiss], projection: Projection) -> Iterator[str]:
    for miss in misses:
        yield f"  {near_miss_words(miss, projection)}"


def table(csv: bytes, most: int = 1000) -> str:
    """A result as an aligned table; IRIs cut to their prefixed names."""
    frame = pd.read_csv(io.BytesIO(csv), dtype=str, keep_default_na=False, skip_blank_lines=False)
    shown_rows = frame.head(most).map(shortened)
    text = shown_rows.to_string(index=False) if len(shown_rows) else "  ".join(frame.columns)
    count = f"{len(frame):,} row" + ("" if len(frame) == 1 else "s")
    return f"{text}\n({count}{', the first ' + format(most, ',') + ' shown' if len(frame) > most else ''})"


def sources_report(tallies: pd.DataFrame) -> str:
    """For each source and table: rows, and how many were loaded, merged or left out, with the reasons."""
    lines = []
    for (source, name), group in tallies.groupby(["source", "table"]):
        total = int(group["rows"].sum())
        by = group.groupby("outcome")["rows"].sum()
        parts = ", ".join(f"{int(by.get(o, 0)):,} {o}" for o in ("loaded", "merged", "left out"))
        lines.append(f"{source}  {name}: {total:,} rows = {parts}")
        for _, row in group.iterrows():
            if isinstance(row["reason"], str):
                lines.append(f"    {row['rows']:>6,} {row['outcome']}: {row['reason']}")
    return "\n".join(lines)
