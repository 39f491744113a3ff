"""Will it help on this device? What an optimization did wherever it can be compared with the unoptimized network.

A comparable pair is the same trained network of the same source, on the same device, with the same runtime and compute
unit, once with no technique and once optimized. What holds on one device need not hold on another: quantization, said
to lower latency (DLOM², Table 1), made some networks slower, and the pairs say where.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from dss.technique_notes import TechniqueNote, technique_notes, technique_sentence
from ontology.records import Grade, Objective, figure_kinds
from repository.projection import Coded, Projection

FIGURES = ("inference_latency_ms", "peak_memory_mib", "size_kib", "accuracy_percent", "metric_value")
_SAME = ["source", "network", "trained", "device", "runtime", "compute_unit"]
_QUALITY = frozenset({"accuracy_percent", "metric_value"})


@dataclass(frozen=True)
class Effect:
    """One figure over all comparable pairs: ratios are that of the optimized model to the unoptimized one."""

    figure: str
    pairs: int
    networks: int
    worse: int  # pairs in which the optimized model is worse
    median: float
    lowest: float
    highest: float
    sources: tuple[str, ...]  # labels
    grades: tuple[Grade, ...]  # of both sides of the pairs, strongest first
    carried: int  # pairs with a figure that was taken over from another device

    @property
    def share_worse(self) -> float:
        """The share of the pairs in which the optimized model is worse, 0 to 1."""
        return self.worse / self.pairs


@dataclass(frozen=True)
class Help:
    """What is known of an optimization's help: on one device with one runtime, anywhere, and in general."""

    optimization: str
    device: str | None
    runtime: str | None
    here: tuple[Effect, ...]  # one for each figure that any pair has
    anywhere: tuple[Effect, ...]
    in_general: tuple[TechniqueNote, ...]
    labels: tuple[str, str, str]  # of the optimization, the device ("any device") and the runtime ("" for any)

    def effect(self, figure: str) -> Effect | None:
        """The effect on one figure here, None when no pair tells."""
        return next((e for e in self.here if e.figure == figure), None)

    @property
    def contradicted(self) -> bool:
        """Whether most pairs here say the opposite for latency of what Table 1 says of every technique used."""
        effect = self.effect("inference_latency_ms")
        if effect is None or not self.in_general:
            return False
        if all(Objective.LATENCY in note.raises for note in self.in_general):
            return effect.share_worse > 0.5
        return all(Objective.LATENCY in note.lowers for note in self.in_general) and effect.share_worse < 0.5


def comparable(projection: Projection, among: np.ndarray | None = None) -> pd.DataFrame:
    """Every comparable pair: the rows `base` and `variant`, and the columns that both share.

    Of all models, or of those that a mask leaves.
    """
    models = projection.models
    techniques = projection.columns["technique"]
    assert isinstance(techniques, Coded)
    none = np.array([value == frozenset() for value in techniques.values])[techniques.codes]
    some = np.array([bool(value) for value in techniques.values])[techniques.codes]
    if among is not None:
        none, some = none & among, some & among
    # A missing name is a name of its own here: two rows that state no device were obtained in the same way.
    base = models.loc[none, _SAME].fillna("").assign(base=np.flatnonzero(none))
    variant = models.loc[some, _SAME].fillna("").assign(variant=np.flatnonzero(some))
    found = base.merge(variant, on=_SAME)
    return found.assign(optimization=models["optimization"].to_numpy(dtype=object)[found["variant"].to_numpy()])


def effect(projection: Projection, pairs: pd.DataFrame, figure: str) -> Effect | None:
    """One figure over `pairs` (of `comparable`, cut down as one likes); None when no pair has it on both sides.

    Qualities are compared only within one metric and data set, and one act of testing counts once, on however many
    devices its result was taken over.
    """
    values = projection.columns[figure]
    assert isinstance(values, np.ndarray)
    base, variant = pairs["base"].to_numpy(), pairs["variant"].to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values[variant] / values[base]
    kept = np.isfinite(ratio)
    better_high = np.full(len(pairs), {k.name: bool(k.higher_is_better) for k in figure_kinds()}[figure])
    if figure in _QUALITY:
        tests = projection.models[["metric", "test_set"]].fillna("").to_numpy(dtype=object)
        kept &= (tests[base] == tests[variant]).all(axis=1)
        once = pairs.assign(metric=tests[base, 0], test=tests[base, 1], was=values[base], now=values[variant])
        kept &= ~once.duplicated(["source", "network", "trained", "optimization", "metric", "test", "was", "now"])
        if figure == "metric_value":
            better_high = np.array([projection.higher_is_better.get(m, True) for m in tests[base, 0]], dtype=bool)
    if not kept.any():
        return None
    ratios, better = ratio[kept], better_high[kept]
    worse = np.where(better, ratios < 1, ratios > 1)
    return Effect(
        figure=figure,
        pairs=len(ratios),
        networks=int(pairs["network"][kept].nunique()),
        worse=int(worse.sum()),
        median=float(np.median(ratios)),
        lowest=float(ratios.min()),
        highest=float(ratios.max()),
        sources=tuple(sorted({projection.label("src", s) for s in pairs["source"][kept].unique()})),
        grades=_grades(projection, figure, np.concatenate([base[kept], variant[kept]])),
        carried=int((_carried(projection, figure, base) | _carried(projection, figure, variant))[kept].sum()),
    )


def _carried(projection: Projection, figure: str, rows: np.ndarray) -> np.ndarray:
    stated = np.append(projection.performances["carried_from"].notna().to_numpy(dtype=bool), False)
    return np.asarray(stated[projection.figure_rows[figure][rows]])


def _grades(projection: Projection, figure: str, rows: np.ndarray) -> tuple[Grade, ...]:
    ranks = np.unique(projection.evidence[figure][rows])
    return tuple(list(Grade)[rank] for rank in ranks if rank >= 0)


def helped(projection: Projection, optimization: str, device: str | None = None, runtime: str | None = None) -> Help:
    """What an optimization (`w8a8`) did on a device with a runtime, anywhere, and what it is said to do in general.

    Without a runtime: with any one of that device, as long as both models of a pair use the same.
    """
    pairs = comparable(projection)
    pairs = pairs[pairs["optimization"] == optimization]
    here = pairs
    if device is not None:
        here = here[here["device"] == device]
    if runtime is not None:
        here = here[here["runtime"] == runtime]
    return Help(
        optimization,
        device,
        runtime,
        _effects(projection, here),
        _effects(projection, pairs),
        _in_general(projection, optimization),
        _labels(projection, optimization, device, runtime),
    )


def helped_here(projection: Projection, row: int) -> Help | None:
    """What is known of a model's own optimization on its own device with its runtime; None when it has none.

    Only this device is looked at, which is quick; `helped` also tells of all others.
    """
    column = projection.columns["technique"]
    assert isinstance(column, Coded)
    models = projection.models
    own, names = models.iloc[row], column[row]
    if not isinstance(names, frozenset) or not names or not isinstance(own["optimization"], str):
        return None
    device, runtime = (own[k] if isinstance(own[k], str) else None for k in ("device", "runtime"))
    here = np.ones(len(models), bool)
    for key, name in (("device", device), ("runtime", runtime)):
        here &= (models[key].isna() if name is None else models[key] == name).to_numpy(dtype=bool)
    pairs = comparable(projection, here)
    found = _effects(projection, pairs[pairs["optimization"] == own["optimization"]])
    return Help(
        own["optimization"], device, runtime, found, (), technique_notes(projection, names),
        _labels(projection, own["optimization"], device, runtime, "no stated device"),
    )  # fmt: skip


def _labels(
    projection: Projection, optimization: str, device: str | None, runtime: str | None, no_device: str = "any device"
) -> tuple[str, str, str]:
    return (
        projection.label("opt", optimization),
        projection.label("dev", device) if device else no_device,
        projection.label("rt", runtime) if runtime else "",
    )


def _effects(projection: Projection, pairs: pd.DataFrame) -> tuple[Effect, ...]:
    found = (effect(projection, pairs, figure) for figure in FIGURES)
    return tuple(e for e in found if e is not None)


def _in_general(projection: Projection, optimization: str) -> tuple[TechniqueNote, ...]:
    column = projection.columns["technique"]
    assert isinstance(column, Coded)
    rows = np.flatnonzero((projection.models["optimization"] == optimization).to_numpy(dtype=bool))
    names = column[int(rows[0])] if len(rows) else None
    return technique_notes(projection, names if isinstance(names, frozenset) else frozenset())


def share(part: int, whole: int) -> str:
    """`3 of 57 (5 %)`."""
    return f"{part:,} of {whole:,} ({100 * part / whole:.0f} %)"


_SAID = {
    "inference_latency_ms": ("latency", "slower"),
    "peak_memory_mib": ("peak memory", "hungrier for memory"),
    "size_kib": ("size", "larger"),
    "accuracy_percent": ("accuracy", "less accurate"),
    "metric_value": ("quality", "of less quality"),
}


def effect_sentence(found: Effect, what: str, where: str) -> str:
    """One effect in plain words: pairs, share that got worse, median and range, sources and grade."""
    figure, worse = _SAID[found.figure]
    pairs = "the one comparable pair" if found.pairs == 1 else f"{found.pairs:,} comparable pairs"
    spread = (
        f"{found.median:.2f} ×"
        if found.pairs == 1
        else (f"{found.median:.2f} × at the median ({found.lowest:.2f} to {found.highest:.2f})")
    )
    grades = ", ".join(g.value for g in found.grades)
    told = "It was not" if found.pairs == 1 and not found.worse else f"{share(found.worse, found.pairs)} were"
    told = "It was" if found.pairs == 1 and found.worse else told
    carried = f" Taken over from another device in {found.carried:,} of them." if found.carried else ""
    return (
        f"{where}, {what} took the {figure} to {spread} that of the unoptimized network over {pairs}. "
        f"{told} {worse}.{carried} Source: {', '.join(found.sources)} ({grades})."
    )


def _subject(help_found: Help) -> tuple[str, str]:
    what, device, runtime = help_found.labels
    return what[0].lower() + what[1:], f"On {device} with {runtime}" if runtime else f"On {device}"


def help_sentences(help_found: Help) -> list[str]:
    """Will it help on this device? Pairs first, then what the paper says in general, and where the two part."""
    what, where = _subject(help_found)
    told = [effect_sentence(e, what, where) for e in help_found.here]
    if not help_found.here:
        told.append(latency_sentence(help_found))
        told += [effect_sentence(e, what, "On other devices") for e in help_found.anywhere[:1]]
    told += [technique_sentence(note) for note in help_found.in_general]
    if help_found.contradicted:
        told.append("For latency most pairs here say the opposite of what Table 1 says in general.")
    return told


def latency_sentence(help_found: Help) -> str:
    """What the pairs on this device say of latency, and whether Table 1 says the opposite."""
    what, where = _subject(help_found)
    found = help_found.effect("inference_latency_ms")
    if found is None:
        return f"{where} no pair on record compares the latency of {what} with the unoptimized network."
    told = effect_sentence(found, what, where)
    return f"{told} That is the opposite of what Table 1 says in general." if help_found.contradicted else told
