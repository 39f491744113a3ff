"""A build's outcome as text: every candidate with its figures, the one chosen with the reason, or the closest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from device.data import TOP1
from dss.explanation import shown
from dss.groups import Judged, as_group, weights_of
from dss.matching import Candidates
from dss.quality import METRICS, Metric, Quality
from dss.words import verdict_words
from ontology.records import Objective
from ontology.requirement import Outcome, Verdict


@dataclass(frozen=True)
class BuiltRow:
    """One candidate of a build, as a table shows it. Times in ms, sizes in KiB, memory in MiB."""

    model: str
    network: str
    format: str
    quality: Quality | None
    latency_p50_ms: float
    latency_p95_ms: float
    throughput_per_s: float
    throughput_batch: int  # at which so many inputs a second were reached
    peak_memory_mib: float
    size_kib: float
    reason: str
    runtime: str  # its name on the shelf


def metric_of(rows: Sequence[BuiltRow]) -> Metric:
    """By which the candidates of one build are judged."""
    return METRICS[next((r.quality.metric for r in rows if r.quality is not None), TOP1)]


def _formats(rows: Sequence[BuiltRow]) -> list[str]:
    """What the table calls each file, all as wide: its format, with the runtime where two runtimes took it."""
    often = Counter(r.format for r in rows)
    told = [f"{r.format} {r.runtime}" if often[r.format] > 1 else r.format for r in rows]
    width = max(map(len, ("format", *told))) + 2
    return [f"{text:<{width}}" for text in told]


def _head(rows: Sequence[BuiltRow]) -> str:
    width = len(_formats(rows)[0])
    return (
        f"{'network':<18}{'format':<{width}}{metric_of(rows).label:>22}{'p50 ms':>9}{'p95 ms':>9}{'per s @batch':>14}"
        f"{'MiB':>8}{'KiB':>9}  verdict"
    )


def lines(
    rows: Sequence[BuiltRow],
    candidates: Candidates,
    chosen: str | None,
    preferences: Judged,
    closest: Sequence[Verdict],
    failures: Sequence[tuple[str, str]],
) -> Iterator[str]:
    """The table, the choice, and what failed."""
    if rows:
        yield _head(rows)
    for row, told in zip(rows, _formats(rows), strict=True):
        yield _row(row, told, candidates, chosen)
    for what, why in failures:
        yield f"failed: {what}: {why}"
    if rows:
        yield ""
    if chosen is not None:
        best = next(r for r in rows if r.model == chosen)
        yield f"Chosen: {best.network} as {best.format}, which meets every limit ({chosen})"
        yield f"  {best.reason}"
        yield f"  {ranked_by(preferences)}"
    elif rows:
        yield "None of them meets every limit. The closest misses:"
        for verdict in closest:
            if verdict.outcome is not Outcome.MET:
                yield f"  {verdict_words(verdict, candidates.projection)}"
    else:
        yield nothing_measured(failures)


def ranked_by(preferences: Judged) -> str:
    """Whose preferences decide among those that meet every limit, and what counts most for them."""
    judging = [p for p in as_group(preferences) if len(p.preferences)]
    if not judging:
        return "Ranked with all six objectives counting alike: no preferences were given with the request."
    weights = weights_of(preferences)
    counts = ", ".join(f"{o} {weights[o]:.0%}".replace("%", " %") for o in sorted(Objective, key=lambda o: -weights[o]))
    names = [p.name for p in judging if p.name]
    whose = f"of {', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else f"of {names[0]}" if names else ""
    return f"Ranked by the preferences {whose or 'given with the request'}: {counts}."


def nothing_measured(failures: Sequence[tuple[str, str]]) -> str:
    """What to do after a build that came to nothing."""
    if failures:
        return "Nothing was measured: what failed is said above."
    return (
        "Nothing was measured before the build ended. Give it more minutes; one that was stopped goes on with "
        "./dlom builds --resume JOB"
    )


def cut_off(unfinished: Sequence[str]) -> str:
    """Which candidates a build did not come to."""
    return (
        f"not reached before the build ended: {', '.join(unfinished)}; more --minutes would make them, too, "
        "and a build that was stopped goes on with ./dlom builds --resume JOB"
    )


def _row(row: BuiltRow, told: str, candidates: Candidates, chosen: str | None) -> str:
    quality = "not measured" if row.quality is None else row.quality.with_interval
    position = candidates.projection.positions.get(row.model)
    if position is None:
        verdict = "not registered yet"
    else:
        missed = [v for v in candidates.verdicts(position) if v.outcome is not Outcome.MET]
        verdict = ", ".join(v.limit.label.lower() for v in missed) or "meets every limit"
        verdict = f"misses {verdict}" if missed else verdict
    pace = f"{shown(row.throughput_per_s)} @{row.throughput_batch}"
    mark = " ← chosen" if row.model == chosen else ""
    return (
        f"{row.network:<18}{told}{quality:>22}{shown(row.latency_p50_ms):>9}{shown(row.latency_p95_ms):>9}"
        f"{pace:>14}{shown(row.peak_memory_mib):>8}{shown(row.size_kib):>9}  {verdict}{mark}"
    )
