"""The comparison of a build's files in words, as a table for a terminal, and as plain data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from dss.build_comparison import Comparison, Contender, Side, noise_percent
from dss.card import written_ms
from dss.explanation import shown

WIDTH = 120
_MOST_OPERATORS = 5  # kinds that are named in a line


def named(row: Contender) -> str:
    """`TFLite, full integer quantization (litert-cpu)`."""
    return f"{row.label} ({row.runtime})"


def times(ratio: float | None) -> str:
    """`6.1×`; empty where it is not known."""
    return "" if ratio is None else f"{ratio:.3g}×" if ratio < 100 else f"{ratio:,.0f}×"


def sentences(found: Comparison) -> list[str]:
    """What won and why, what is uncertain about it, or why nothing did."""
    metric = found.metric
    within = f"within {metric.amount(found.tolerance)} of the original's {metric.label}"
    original, winner = found.original, found.winner
    if original is None:
        return [
            "The original was not measured in this build, so nothing can be compared with it. Build again with more "
            "minutes; if you choose the formats, with Keras H5 among them."
        ]
    if winner is None:
        return [f"The original's {metric.label} was not measured, so no file can be judged by a tolerance."]
    if len(found.sides) == 1:
        return ["Only the original was measured, so there is nothing to compare it with."]
    told = []
    if found.closest is not None:
        lost = metric.amount(abs(found.side(found.closest).change or 0.0))
        told.append(
            f"No other file is {within}. The closest is {named(found.closest)}, {lost} worse: "
            f"{found.closest.quality} against {original.quality}. Keep the original, or allow a greater tolerance."
        )
    elif winner.is_original:
        told.append(f"None of the files {within} is faster than the original; keep it.")
    else:
        told.append(_won(found, found.side(winner), within))
        told += _sure(found, winner, original)
    if found.tied:
        others = " and ".join(named(r) for r in found.tied[:3])
        noise = max(noise_percent(winner, r) for r in found.tied)
        told.append(
            f"As fast within the noise of the measurements ({noise:.2g} %): {others}; of those the smallest file is "
            "taken."
        )
    if not winner.is_original and winner.noisy:
        told.append("Its repeats spread by more than 10 %: measure it again on a quiet machine before you rely on it.")
    return told


def _won(found: Comparison, side: Side, within: str) -> str:
    row, change, metric = side.row, side.change or 0.0, found.metric
    better = "better" if (change > 0) == metric.higher_is_better else "worse"
    good = "the same" if change == 0 else f"{metric.amount(abs(change))} {better} than the original's"
    smaller = f", {times(side.times_smaller)} smaller" if (side.times_smaller or 0) > 1 else ""
    fair = ""
    if found.baseline is not None and not found.baseline.is_original:
        fair = f" ({times(side.times_baseline)} as fast as the compiled Keras function)"
    return (
        f"The fastest {within}: {named(row)}, {written_ms(row.latency_p50_ms)}, {times(side.times_original)} as fast "
        f"as the original{fair}{smaller}, its {metric.label} {good} ({row.quality})."
    )


def _sure(found: Comparison, winner: Contender, original: Contender) -> Iterator[str]:
    overlaps = found.side(winner).overlaps
    samples = f"{winner.samples:,} examples" if winner.samples else "the examples"
    if not found.side(winner).change:
        pass
    elif overlaps is True:
        yield f"The 95 % intervals of the two overlap: {samples} do not tell them apart."
    elif overlaps is False:
        yield "The 95 % intervals of the two do not overlap: the difference is more than chance."
    else:
        yield f"No interval of the {found.metric.label} is known: whether {samples} tell the two apart is not said."
    if original.noisy:
        yield "The original's own repeats spread by more than 10 %, so the ratio is rough."


_LEGEND = (
    "◆ no other is as good and as fast, and better in one; ◇ likewise with the size. change: of the {label}, {unit}. "
    "speed, smaller: how many times, against the original. MiB: peak memory above what the process needed before the "
    "model. MMAC: millions of multiply-accumulates of one inference. {check}"
)
_CHECKS = {
    True: "difference, agree: of the scores, from the network's own.",
    False: "difference: the largest of one output from the network's own, then in percent of the range of its outputs.",
}


def _head(found: Comparison) -> str:
    return (
        f"{'file':<22}{'runtime':<18}{found.metric.label:>24}{'change':>8}{'p50 ms':>9}{'p95':>9}{'p99':>9}{'speed':>8}"
        f"{'per s @batch':>15}{'MiB':>7}"
    )


def _files_head(found: Comparison) -> str:
    alike = "agree" if agrees(found) else "of range"
    return (
        f"{'file':<22}{'KiB':>9}{'gzip':>9}{'smaller':>9}{'nodes':>7}{'MMAC':>10}{'difference':>12}{alike:>11}"
        "  operators"
    )


def agrees(found: Comparison) -> bool:
    """Whether the files were checked by the agreement of classes; otherwise against the range of the outputs."""
    return any(s.row.check_agreement_percent is not None for s in found.sides)


def _legend(found: Comparison) -> str:
    unit = "in points" if found.metric.unit else "in its own unit"
    less = "" if found.metric.higher_is_better else " (less is better)"
    return _LEGEND.format(label=found.metric.label, unit=unit + less, check=_CHECKS[agrees(found)])


def lines(comparisons: Sequence[Comparison], names: dict[str, str] | None = None) -> Iterator[str]:
    """Two tables for each network, what was measured and what is in the files, then the sentences.

    `names` says how a network is called.
    """
    for found in comparisons:
        yield f"{(names or {}).get(found.network, found.network)}, tolerance {found.metric.amount(found.tolerance)}"
        yield ""
        yield _head(found)
        for side in found.sides:
            yield _measured(found, side)
        if found.baseline is not None and not found.baseline.is_original:
            told = ", ".join(f"{s.row.format} {times(s.times_baseline)}" for s in found.sides)
            yield f"against the compiled Keras function: {told}"
        yield ""
        yield _files_head(found)
        for side in {(s.row.sha256, s.row.format): s for s in found.sides}.values():
            yield _file(side)
        yield ""
        yield from textwrap.wrap(_legend(found), WIDTH)
        for sentence in sentences(found):
            yield from textwrap.wrap(sentence, WIDTH)
        yield ""


def _measured(found: Comparison, side: Side) -> str:
    row = side.row
    quality = "not measured" if row.quality is None else row.quality.with_interval
    digits = "+z.2f" if found.metric.unit else "+.3g"
    change = "" if side.change is None or row.is_original else f"{side.change:{digits}}"
    p99 = "" if row.latency_p99_ms is None else shown(row.latency_p99_ms)
    mark = "◆" if side.on_front else "◇" if side.on_size_front else " "
    words = [w for w, holds in (("original", row.is_original), ("noisy", row.noisy)) if holds]
    if row == found.winner:
        words.insert(0, "← winner")
    return (
        f"{row.format:<22}{row.runtime:<18}{quality:>24}{change:>8}{shown(row.latency_p50_ms):>9}"
        f"{shown(row.latency_p95_ms):>9}{p99:>9}{times(side.times_original):>8}"
        f"{f'{shown(row.throughput_per_s)} @{row.throughput_batch}':>15}{shown(row.peak_memory_mib):>7} {mark} "
        f"{', '.join(words)}"
    ).rstrip()


def _file(side: Side) -> str:
    row, held = side.row, side.row.structure
    gzip = "" if row.size_gzip_kib is None else shown(row.size_gzip_kib)
    nodes = "" if held is None or held.nodes is None else f"{held.nodes:,}"
    macs = "" if held is None or held.macs is None else shown(held.macs / 1e6)
    return (
        f"{row.format:<22}{shown(row.size_kib):>9}{gzip:>9}{times(side.times_smaller):>9}{nodes:>7}{macs:>10}"
        f"{f'{row.check_difference:.2g}':>12}{_alike(row):>11}  {operators(row)}"
    ).rstrip()


def _alike(row: Contender) -> str:
    if row.check_agreement_percent is not None:
        return f"{row.check_agreement_percent:.1f} %"
    return "" if row.check_range_percent is None else f"{row.check_range_percent:.2g} %"


def operators(row: Contender) -> str:
    """`26: 13 Conv2D, 6 DepthwiseConv2D, …`, the most frequent first; empty where the file was not read."""
    if row.structure is None:
        return ""
    kinds = sorted(row.structure.operators.items(), key=lambda item: (-item[1], item[0]))
    told = ", ".join(f"{number} {kind}" for kind, number in kinds[:_MOST_OPERATORS])
    return f"{sum(row.structure.operators.values()):,}: {told}{', …' if len(kinds) > _MOST_OPERATORS else ''}"


def as_data(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """The same as typed data: names of models, every figure, ratios, and the sentences."""
    return [
        {
            "network": found.network,
            "metric": asdict(found.metric),
            "tolerance": found.tolerance,
            "original": None if found.original is None else found.original.model,
            "baseline": None if found.baseline is None else found.baseline.model,
            "winner": None if found.winner is None else found.winner.model,
            "successor": None if found.successor is None else found.successor.model,
            "tied": [r.model for r in found.tied],
            "closest": None if found.closest is None else found.closest.model,
            "in_words": sentences(found),
            "files": [_plain(side) for side in found.sides],
        }
        for found in comparisons
    ]


def _plain(side: Side) -> dict[str, Any]:
    row = asdict(side.row)
    row.pop("group")
    return row | {
        "times_original": side.times_original,
        "times_baseline": side.times_baseline,
        "times_smaller": side.times_smaller,
        "change": side.change,
        "intervals_overlap": side.overlaps,
        "pareto_quality_latency": side.on_front,
        "pareto_with_size": side.on_size_front,
    }
