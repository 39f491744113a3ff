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


def points(number: float) -> str:
    """`1 point`, `0.3 points`."""
    return "1 point" if f"{number:g}" == "1" else f"{number:.3g} points"


def times(ratio: float | None) -> str:
    """`6.1×`; empty where it is not known."""
    return "" if ratio is None else f"{ratio:.3g}×" if ratio < 100 else f"{ratio:,.0f}×"


def sentences(found: Comparison) -> list[str]:
    """What won and why, what is uncertain about it, or why nothing did."""
    within = f"within {points(found.tolerance_points)} of the original's accuracy"
    original, winner = found.original, found.winner
    if original is None:
        return ["The original was not measured in this build, so nothing can be compared with it. Build its H5, too."]
    if winner is None:
        return ["How often the original is right was not measured, so no file can be judged by a tolerance."]
    told = []
    if found.closest is not None:
        lost = -(found.side(found.closest).accuracy_points or 0.0)
        told.append(
            f"No other file is {within}. The closest is {named(found.closest)}, {points(lost)} below: "
            f"{found.closest.accuracy_percent:.2f} % against {original.accuracy_percent:.2f} %. Keep the original, or "
            "allow a greater tolerance."
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
    row, change = side.row, side.accuracy_points or 0.0
    right = (
        "as often right" if abs(change) < 0.005 else f"{points(abs(change))} {'more' if change > 0 else 'less'} right"
    )
    than = "than" if "as often" not in right else "as"
    smaller = f", {times(side.times_smaller)} smaller" if (side.times_smaller or 0) > 1 else ""
    fair = ""
    if found.baseline is not None and not found.baseline.is_original:
        fair = f" ({times(side.times_baseline)} as fast as the compiled Keras function)"
    return (
        f"The fastest {within}: {named(row)}, {written_ms(row.latency_p50_ms)}, {times(side.times_original)} as fast "
        f"as the original{fair}{smaller}, {right} {than} the original ({row.accuracy_percent:.2f} %)."
    )


def _sure(found: Comparison, winner: Contender, original: Contender) -> Iterator[str]:
    overlaps = found.side(winner).overlaps
    samples = f"{winner.samples:,} examples" if winner.samples else "the examples"
    if winner.accuracy_percent == original.accuracy_percent:
        pass
    elif overlaps is True:
        yield f"The 95 % intervals of the two accuracies overlap: {samples} do not tell them apart."
    elif overlaps is False:
        yield "The 95 % intervals of the two accuracies do not overlap: the difference is more than chance."
    if original.noisy:
        yield "The original's own repeats spread by more than 10 %, so the ratio is rough."


_HEAD = (
    f"{'file':<22}{'runtime':<18}{'accuracy':>24}{'change':>8}{'p50 ms':>9}{'p95':>9}{'p99':>9}{'speed':>8}"
    f"{'per s @batch':>15}{'MiB':>7}"
)
_FILES = (
    f"{'file':<22}{'KiB':>9}{'gzip':>9}{'smaller':>9}{'nodes':>7}{'MMAC':>8}{'difference':>12}{'agree':>9}  operators"
)
_LEGEND = (
    "◆ no other is as right and as fast, and better in one; ◇ likewise with the size. change: of accuracy, in points. "
    "speed, smaller: how many times, against the original. MiB: peak memory above what the process needed before the "
    "model. MMAC: millions of multiply-accumulates of one inference. difference, agree: of the scores, from the "
    "network's own."
)


def lines(comparisons: Sequence[Comparison], names: dict[str, str] | None = None) -> Iterator[str]:
    """Two tables for each network, what was measured and what is in the files, then the sentences.

    `names` says how a network is called.
    """
    for found in comparisons:
        yield f"{(names or {}).get(found.network, found.network)}, tolerance {points(found.tolerance_points)}"
        yield ""
        yield _HEAD
        for side in found.sides:
            yield _measured(found, side)
        if found.baseline is not None and not found.baseline.is_original:
            told = ", ".join(f"{s.row.format} {times(s.times_baseline)}" for s in found.sides)
            yield f"against the compiled Keras function: {told}"
        yield ""
        yield _FILES
        for side in {(s.row.sha256, s.row.format): s for s in found.sides}.values():
            yield _file(side)
        yield ""
        yield from textwrap.wrap(_LEGEND, WIDTH)
        for sentence in sentences(found):
            yield from textwrap.wrap(sentence, WIDTH)
        yield ""


def _measured(found: Comparison, side: Side) -> str:
    row = side.row
    accuracy = "not measured"
    if row.accuracy_percent is not None:
        interval = (
            ""
            if row.accuracy_low_percent is None or row.accuracy_high_percent is None
            else f" [{row.accuracy_low_percent:.1f}, {row.accuracy_high_percent:.1f}]"
        )
        accuracy = f"{row.accuracy_percent:.2f} %{interval}"
    change = "" if side.accuracy_points is None or row.is_original else f"{side.accuracy_points:+.2f}"
    p99 = "" if row.latency_p99_ms is None else shown(row.latency_p99_ms)
    mark = "◆" if side.on_front else "◇" if side.on_size_front else " "
    words = [w for w, holds in (("original", row.is_original), ("noisy", row.noisy)) if holds]
    if row == found.winner:
        words.insert(0, "← winner")
    return (
        f"{row.format:<22}{row.runtime:<18}{accuracy:>24}{change:>8}{shown(row.latency_p50_ms):>9}"
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
        f"{row.format:<22}{shown(row.size_kib):>9}{gzip:>9}{times(side.times_smaller):>9}{nodes:>7}{macs:>8}"
        f"{f'{row.check_difference:.2g}':>12}{f'{row.check_agreement_percent:.1f} %':>9}  {operators(row)}"
    ).rstrip()


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
            "tolerance_points": found.tolerance_points,
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
        "accuracy_points": side.accuracy_points,
        "intervals_overlap": side.overlaps,
        "pareto_accuracy_latency": side.on_front,
        "pareto_with_size": side.on_size_front,
    }
