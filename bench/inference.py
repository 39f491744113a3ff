"""Every format of the report's chain with every installed runtime, beside Keras and the machine's peak.

Three networks: the report's CNN, MobileNet v2 and ResNet-50 v2. Each row runs in a process of its own on one thread,
all of them on the same core, interleaved in rounds. Then our own measuring is compared with an independent loop, and
our results with those that the report prints. What is not known is "–".

Settings (`Sizes`): DLOM_BENCH_TUNING_MINUTES, DLOM_BENCH_ROUNDS, DLOM_BENCH_PAIRS, DLOM_BENCH_EXAMPLES,
DLOM_BENCH_EPOCHS, DLOM_BENCH_NETS, DLOM_BENCH_DATA.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench import Table, roofline
from bench.agreement import Pairs, agreement
from bench.inference_engines import PREDICT, Case, Found, measured
from bench.inference_nets import MAIN_FORMATS, NETS, Files, Made, files_of
from bench.roofline import Peaks
from device.runtimes import RUNTIMES
from optimizer.formats.contract import Format
from optimizer.formats.shelf import FORMATS

CNN, MOBILENET, RESNET = "report-cnn", "mobilenet", "resnet"
COMPILED, PREDICTED, ONNX = ("h5", "keras-cpu"), ("h5", PREDICT), ("onnx", "onnx-runtime-cpu")
TUNING_SHARE = {CNN: 0.3, MOBILENET: 0.2, RESNET: 0.5}  # of the minutes in all
BLOCK_S = {CNN: 0.15, MOBILENET: 0.25, RESNET: 0.6}  # of one row in one round
AGREED = ("tflite", "fiq", "onnx")  # whose p50 is compared with an independent loop
UNKNOWN = "–"
HEAD = (
    "format", "runtime", "computes in", "accuracy %", "KiB", "MMAC", "p50 ms", "p95 ms",
    "vs tf.function", "vs predict()", "vs ORT", "of peak",
)  # fmt: skip

# What the report prints. Its clock goes forward in steps of 8 ms, and it does not say which call it times.
REPORT_KERAS_MS, REPORT_ONNX_MS = 3.7643, 0.6173  # Figures 2 and 11, means of 100
REPORT_TVM_MS, REPORT_TUNED_MS = 636.86, 454.04  # Figure 7, means of 100; medians 529.73 and 397.32


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is done; `tuning_minutes` are for all networks together."""

    tuning_minutes: float = 8.0
    rounds: int = 10
    pairs: int = 10
    pair_s: float = 0.7
    examples: int = 10_000
    epochs: int = 3
    nets: tuple[str, ...] = (CNN, MOBILENET, RESNET)
    data: str = "fashion-mnist"  # a known set, or the path of an archive
    formats: tuple[str, ...] = tuple(FORMATS)  # of the CNN

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Sizes:
        """Raises ValueError for a network that is not there, or what is no number."""
        nets = tuple(environ.get("DLOM_BENCH_NETS", ",".join(NETS)).split(","))
        if not set(nets) <= set(NETS):
            raise ValueError(f"DLOM_BENCH_NETS is {','.join(nets)}; there are {','.join(NETS)}")
        return cls(
            tuning_minutes=float(environ.get("DLOM_BENCH_TUNING_MINUTES", cls.tuning_minutes)),
            rounds=int(environ.get("DLOM_BENCH_ROUNDS", cls.rounds)),
            pairs=int(environ.get("DLOM_BENCH_PAIRS", cls.pairs)),
            examples=int(environ.get("DLOM_BENCH_EXAMPLES", cls.examples)),
            epochs=int(environ.get("DLOM_BENCH_EPOCHS", cls.epochs)),
            nets=nets,
            data=environ.get("DLOM_BENCH_DATA", cls.data),
        )


@dataclass(frozen=True)
class Result:
    """A network's files, and what was measured of each (format, runtime)."""

    files: Files
    found: Mapping[tuple[str, str], Found]

    def p50(self, case: tuple[str, str]) -> float | None:
        """In ms; None where it was not measured."""
        found = self.found.get(case)
        return None if found is None or found.timing is None else found.timing.p50_ms


def main() -> Iterable[Table]:
    """One table for each network, the agreement, and the report's results beside ours."""
    return tables(Sizes.from_environment(os.environ))


def tables(sizes: Sizes) -> Iterator[Table]:
    """As `main`, in these sizes."""
    peaks = roofline.peaks()
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory(prefix="dlom-inference-") as name:
        for net in sizes.nets:
            folder = Path(name) / net
            folder.mkdir()
            results[net] = result(net, folder, sizes)
            yield of_network(NETS[net].title, results[net], peaks)
        first = results.get(CNN) or next(iter(results.values()))
        files = {m.format: Path(m.file) for m in first.files.made if m.format in AGREED and m.file}
        if sizes.pairs and files:
            yield agreement(files, first.files.data, Pairs(sizes.pairs, sizes.pair_s))
    if CNN in results or RESNET in results:
        yield beside_the_report(results.get(CNN), results.get(RESNET))


def result(net: str, folder: Path, sizes: Sizes) -> Result:
    """Makes the files of a network in `folder`, and measures each with every runtime that is installed for it."""
    files = files_of(
        net, folder, sizes.formats if NETS[net].trained else MAIN_FORMATS,
        tuning_s=60 * sizes.tuning_minutes * TUNING_SHARE[net], epochs=sizes.epochs, data=sizes.data,
    )  # fmt: skip
    cases = {f"{c.format} with {c.runtime}": c for made in files.made for c in cases_of(made)}
    rounds = sizes.rounds if NETS[net].trained else max(2, sizes.rounds // 2)
    found = measured(cases, files.data, rounds=rounds, block_s=BLOCK_S[net], examples=sizes.examples)
    if sizes.examples < Sizes.examples:
        files = replace(files, said=f"{files.said}; accuracy of at most {sizes.examples:,} of them")
    return Result(files, {(c.format, c.runtime): found[name] for name, c in cases.items()})


def cases_of(made: Made) -> Iterator[Case]:
    """A file with each installed runtime that takes it; the trained network also with `predict()`."""
    kind = FORMATS[made.format]
    if not made.file or not kind.runs_here:
        return
    for spec in RUNTIMES:
        if kind.suffix in spec.formats and spec.installed() is not None:
            yield Case(made.format, Path(made.file), spec.name)
    if (made.format, PREDICT) == PREDICTED:
        yield Case(made.format, Path(made.file), PREDICT)


def of_network(title: str, result: Result, peaks: Peaks) -> Table:
    """Each format and runtime in one row; what failed with its reason below."""
    lines: list[tuple[str, ...]] = []
    notes = [
        result.files.said,
        "vs: how many times as fast by p50 (tf.function is h5 with keras-cpu, ORT onnx with it)",
    ]
    for made in result.files.made:
        kind = FORMATS[made.format]
        ran = [(case, found) for case, found in result.found.items() if case[0] == made.format]
        if made.fault:
            notes.append(f"{made.format} was not made: {made.fault}")
        elif not ran:
            why = "not run" if kind.runs_here else "for a board"
            lines.append((made.format, why, *[UNKNOWN] * 2, _shown(made.size_kib, ".0f"), *[UNKNOWN] * 7))
        for case, found in ran:
            if found.timing is None:
                notes.append(f"{made.format} with {case[1]} failed: {found.fault}")
            else:
                lines.append(_line(made, case, found, result, peaks))
        if made.seconds and kind.tuned and not made.fault:
            notes.append(f"{made.format}: {made.seconds:.0f} s for tuning, compiling and the check")
    notes.append(
        f"of peak: share of what one core reaches in a product of matrices, {peaks.float32:.0f} · 10⁹ "
        f"multiply-accumulates a second in 32-bit floats ({peaks.float32_by}), {peaks.int8:.0f} in 8-bit integers "
        f"({peaks.int8_by}), by what the row computes in"
    )
    if any(cells[-1] != UNKNOWN and float(cells[-1].split()[0]) > 100 for cells in lines):
        notes.append("more than the peak cannot be: others worked while it was measured. Run it again when it is quiet")
    known = any(found.accuracy_percent is not None for found in result.found.values())
    widest = _widest_check(result.files.made, trained=known)
    return Table(title, HEAD, tuple(lines), (*notes, *([widest] if widest else [])))


def _line(made: Made, case: tuple[str, str], found: Found, result: Result, peaks: Peaks) -> tuple[str, ...]:
    assert found.timing is not None
    p50, macs = found.timing.p50_ms, made.macs or result.files.macs
    gains = (times(result.p50(other), p50) for other in (COMPILED, PREDICTED, ONNX))
    return (
        *case,
        found.arithmetic,
        _shown(found.accuracy_percent, ".2f"),
        _shown(made.size_kib, ".0f"),
        _shown(None if macs is None else macs / 1e6, ".4g"),
        f"{p50:.4g}",
        f"{found.timing.p95_ms:.4g}",
        *gains,
        share_of_peak(macs, p50, found.arithmetic, peaks),
    )


def share_of_peak(macs: int | None, p50_ms: float, arithmetic: str, peaks: Peaks) -> str:
    """Such as "46 % i8". Layers of several precisions are held against the highest rate; others have no peak here."""
    bits = {"int8": 8, "mixed": 8, "float32": 32}.get(arithmetic)
    if macs is None or bits is None:
        return UNKNOWN
    share = 100 * peaks.share(macs, p50_ms / 1000, bits)
    return f"{_short(share)} % {'i8' if bits == 8 else 'f32'}"


def beside_the_report(cnn: Result | None, resnet: Result | None) -> Table:
    """Its two results, the same steps here, and against what the gain is fairly counted."""
    lines: list[tuple[str, ...]] = []
    if cnn is not None:
        predict, compiled = cnn.p50(PREDICTED), cnn.p50(COMPILED)
        onnx = cnn.p50(("onnx-tflite-optimized", ONNX[1])) or cnn.p50(ONNX)
        fastest, by = _fastest(cnn)
        said = times(REPORT_KERAS_MS, REPORT_ONNX_MS)
        lines += [
            _beside("CNN: Keras → ONNX Runtime, its result", REPORT_KERAS_MS, REPORT_ONNX_MS, said, predict, onnx),
            _beside("CNN: compiled Keras → ONNX Runtime (fair)", None, None, UNKNOWN, compiled, onnx),
            _beside(f"CNN: compiled Keras → {by} (our fastest)", None, None, UNKNOWN, compiled, fastest),
        ]
    if resnet is not None:
        untuned, tuned = resnet.p50(("tvm", "tvm-cpu")), resnet.p50(("tvm-tuned", "tvm-cpu"))
        onnx = resnet.p50(ONNX)
        said = times(REPORT_TVM_MS, REPORT_TUNED_MS)
        lines += [
            _beside("ResNet-50 v2: TVM → TVM tuned, its result", REPORT_TVM_MS, REPORT_TUNED_MS, said, untuned, tuned),
            _beside("ResNet-50 v2: ONNX Runtime → TVM tuned (fair)", None, None, UNKNOWN, onnx, tuned),
        ]
    return Table(
        "The report's results beside ours",
        ("from → to", "report ms", "gain", "here ms", "gain"),
        tuple(lines),
        (
            "report: other machines, means of 100; ours: p50 on one thread. Only the gains can be compared, not the ms",
            "CNN: the report times Keras of TensorFlow 1.15 in Python on Windows and does not print the call (Figure "
            "2); its clock goes on in steps of 8 ms, so single calls read 0 or 8 ms. Its first row is held against "
            "predict() here, which is mostly the overhead of a call",
            "the fair baseline is the same network compiled by Keras's own runtime (tf.function), on the same thread",
            "ResNet-50: TVM untuned is no baseline that anybody would ship; the fair one is ONNX Runtime on the same "
            "file. By the medians that the report prints as well (529.73 and 397.32 ms) its gain is 1.33 ×",
        ),
    )


def _beside(
    what: str, before: float | None, after: float | None, said: str, ours: float | None, then: float | None
) -> tuple[str, ...]:
    theirs = UNKNOWN if before is None or after is None else f"{before:.4g} → {after:.4g}"
    here = f"{_shown(ours, '.4g')} → {_shown(then, '.4g')}"
    return what, theirs, said, here, times(ours, then)


def _fastest(result: Result) -> tuple[float | None, str]:
    known = {case: result.p50(case) for case in result.found}
    timed = {case: p50 for case, p50 in known.items() if p50 is not None}
    if not timed:
        return None, "nothing"
    best = min(timed, key=lambda case: timed[case])
    return timed[best], f"{best[0]} with {best[1]}"


def _widest_check(made: Iterable[Made], *, trained: bool) -> str:
    """How far the float files are from the first of the chain, and how the quantized ones agree with it.

    Of random weights all scores are nearly alike, so that which of them is the largest says nothing.
    """
    checks = [(m, FORMATS[m.format]) for m in made if m.difference is not None]
    exact = [m.difference for m, kind in checks if _is_exact(kind) and m.difference is not None]
    rounded = [f"{m.format} {m.agreement:.1f} %" for m, kind in checks if trained and not _is_exact(kind)]
    parts = [f"files in 32-bit floats differ from Keras by at most {max(exact):.1g} in a score"] if exact else []
    parts += [f"the same prediction as Keras: {', '.join(rounded)}"] if rounded else []
    return "; ".join(parts)


def _is_exact(kind: Format) -> bool:
    return kind.tolerance is not None and kind.tolerance <= 1e-3


def times(before: float | None, after: float | None) -> str:
    """How many times as fast `after` is, such as "6.1 ×"; a dash where one of them was not measured."""
    return UNKNOWN if before is None or not after else f"{_short(before / after)} ×"


def _short(value: float) -> str:
    """Three digits, and no powers of ten."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.2g}"


def _shown(value: float | None, form: str) -> str:
    return UNKNOWN if value is None else format(value, form)
