"""All models as a catalogue: typed words and facets narrow it down, and each choice is counted. Knows no Streamlit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dss.card import replaced
from ontology.records import Grade, figure_kinds
from repository.coverage import DIMENSIONS
from repository.export import NONE_KNOWN, narrowest
from repository.projection import Coded, IntArray, Projection
from wizard import chart, table
from wizard.words import MARKS

FACETS: Mapping[str, str] = MappingProxyType(
    {
        "purpose": "Task",
        "device_type": "Kind of device",
        "device": "Device",
        "technique": "Technique",
        "precision": "Precision",
        "runtime": "Runtime",
        "source": "Source",
        "grade": "Evidence",
        "has": "Has a figure for",
        "commercial": "Commercial use",
        "network": "Network",
    }
)
FIGURES: Mapping[str, str] = MappingProxyType(
    {
        "accuracy_percent": "accuracy",
        "metric_value": "another quality",
        "inference_latency_ms": "inference latency",
        "system_latency_ms": "system latency",
        "throughput_per_s": "throughput",
        "peak_memory_mib": "peak memory",
        "average_memory_mib": "average memory",
        "size_kib": "size",
        "stability_percent": "stability",
        "average_power_w": "power",
        "energy_mj": "energy",
        "tokens_per_s": "tokens per second",
        "time_to_first_token_ms": "time to first token",
    }
)
ANY_FIGURE = "any"
ONLY = ".only"  # after a name: this kind was stated, and no narrower one
_COMMERCIAL = {True: "yes", False: "no", None: "unknown"}
_COMMERCIAL_WORDS = {"yes": "allowed", "no": "not allowed", "unknown": "not known"}
_LONGEST = 200  # characters of the words that are looked for
_BETWEEN = ","

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Wanted:
    """What is looked for: models that hold every word and, of each facet chosen, one of its names."""

    words: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reference: bool = False  # whether devices that serve for comparison only are shown

    def parameters(self) -> dict[str, str]:
        """The same as parameters of a link."""
        found = {"q": self.words} if self.words else {}
        found |= {facet: _BETWEEN.join(self.chosen[facet]) for facet in FACETS if self.chosen.get(facet)}
        return found | ({"reference": "yes"} if self.reference else {})

    def choosing(self, facet: str, names: tuple[str, ...]) -> Wanted:
        """The same with other names of one facet."""
        return replace(self, chosen={**self.chosen, facet: names})

    @property
    def narrows(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.words or any(self.chosen.values()))


def wanted(parameters: Mapping[str, str]) -> Wanted:
    """Read the parameters of a link; what belongs to no facet is left out."""
    words = parameters.get("q", "").strip()[:_LONGEST]
    chosen = {
        facet: tuple(dict.fromkeys(n for n in parameters[facet].split(_BETWEEN) if n))
        for facet in FACETS
        if parameters.get(facet)
    }
    return Wanted(words, chosen, parameters.get("reference") == "yes")


@dataclass(frozen=True)
class _Facet:
    """For each model a code, and for each code the names by which the model is found."""

    codes: IntArray  # -1 reads the last, which is not known
    names: tuple[frozenset[str], ...]

    def mask(self, chosen: tuple[str, ...]) -> Mask:
        return np.array([not names.isdisjoint(chosen) for names in self.names], dtype=bool)[self.codes]

    def counts(self, kept: Mask) -> Counter[str]:
        found: Counter[str] = Counter()
        size = len(self.names)
        for names, number in zip(self.names, np.bincount(self.codes[kept] % size, minlength=size), strict=True):
            found.update(dict.fromkeys(names, int(number)))
        return found


class Catalogue:
    """The models of one projection with what it takes to look through them in milliseconds."""

    def __init__(self, projection: Projection) -> None:
        """Costs some tenths of a second for ten thousand models."""
        self.projection = projection
        self._facets = {facet: _facet(projection, facet) for facet in FACETS}
        self._reference = _flag(projection, "reference_device")
        self._texts = _texts(projection)
        self._last = ("", np.ones(len(projection), bool))

    def found(self, asked: Wanted) -> IntArray:
        """The rows of the models that are looked for, in the order of the projection."""
        return np.flatnonzero(self._kept(asked))

    def listed(self, rows: IntArray) -> IntArray:
        """The rows as a page lists them, whatever is looked for.

        Strongest evidence first, then most figures (a quality of 0 is none), then the youngest; of equals one of each
        network in turn, so that a page shows many.
        """
        return rows[np.argsort(self._places[rows], kind="stable")]

    def options(self, facet: str, asked: Wanted) -> dict[str, int]:
        """The names that can be chosen in a facet, in the order of their labels.

        Each comes with how many models it would leave, all else staying. Names that are chosen are there, if with 0.
        """
        counted = self._facets[facet].counts(self._kept(asked, without=facet))
        chosen = asked.chosen.get(facet, ())
        known = {n for names in self._facets[facet].names for n in names}
        used = {n for n in known if counted[n] or n in chosen}
        used = {n for n in used if n in chosen or not n.endswith(ONLY) or counted[n] != counted[n.removesuffix(ONLY)]}
        return {n: counted[n] for n in sorted(used, key=lambda n: self._place(facet, n))}

    def unknown(self, asked: Wanted) -> list[tuple[str, str]]:
        """What a link asks for and no model has: (facet, name)."""
        known = {f: {n for names in self._facets[f].names for n in names} for f in asked.chosen}
        return [(facet, n) for facet, names in asked.chosen.items() for n in names if n not in known[facet]]

    def known(self, asked: Wanted) -> Wanted:
        """The same without names that no model has."""
        wrong = set(self.unknown(asked))
        chosen = {f: tuple(n for n in names if (f, n) not in wrong) for f, names in asked.chosen.items()}
        return replace(asked, chosen=chosen)

    def cell(self, dimension: str, name: str) -> str:
        """The name by which exactly the models of a place of the coverage map are found."""
        only = f"{name}{ONLY}"
        return only if any(only in names for names in self._facets[dimension].names) else name

    def label(self, facet: str, name: str) -> str:
        """What a person reads for a name of a facet."""
        if facet == "has":
            return "any figure" if name == ANY_FIGURE else FIGURES.get(name, name)
        if facet == "grade":
            return str(MARKS[Grade(name)])
        if facet == "commercial":
            return _COMMERCIAL_WORDS[name]
        if name.endswith(ONLY):
            return f"{self.label(facet, name.removesuffix(ONLY))}, narrower kinds left out"
        prefix = DIMENSIONS[facet]
        return self.projection.label(prefix, name) if prefix else name

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Every model as a line of the table, in the order of the projection."""
        p = self.projection
        rows = np.arange(len(p))
        accuracy, other = (np.array(table.marks(p, f, rows), object) for f in ("accuracy_percent", "metric_value"))
        good = p.evidence["accuracy_percent"] >= 0
        found = pd.DataFrame(
            {
                "Network": _labels(p, "network"),
                "Device": _labels(p, "device"),
                "Task": _labels(p, "purpose"),
                "Optimization": _labels(p, "optimization"),
                "Runtime": _labels(p, "runtime"),
                "Latency (ms)": p.columns["inference_latency_ms"],
                "Latency evidence": pd.Categorical(table.marks(p, "inference_latency_ms", rows)),
                "Quality": chart.quality(p),
                "Measure of quality": _measures(p),
                "Quality evidence": pd.Categorical(np.where(good, accuracy, other)),
                "Per second": p.columns["throughput_per_s"],
                "Size (KiB)": p.columns["size_kib"],
                "Peak memory (MiB)": p.columns["peak_memory_mib"],
                "Licence": pd.Categorical([n if isinstance(n, str) else "not stated" for n in p.models["licence"]]),
                "Source": _labels(p, "source"),
            }
        )
        marked = p.models["replaced_by"].notna().to_numpy()
        if marked.any():
            told = [replaced(p, int(row)).removeprefix("replaced ") if marked[row] else "" for row in rows]
            found.insert(found.columns.get_loc("Device") + 1, "Replaced", told)
        return found

    @cached_property
    def _places(self) -> IntArray:
        """For each model its place in a list of all."""
        p = self.projection
        ranks = np.array([p.evidence[figure] for figure in FIGURES])
        known = (ranks >= 0).sum(axis=0) - (p.columns["accuracy_percent"] == 0)
        strongest = np.where(ranks >= 0, ranks, len(Grade)).min(axis=0)
        days, _ = pd.factorize(p.performances["obtained"], sort=True)  # as ISO dates sort; -1 where none is told
        youngest = np.full(len(p), -1)
        np.maximum.at(youngest, p.performances["row"].to_numpy(dtype=np.int64), days)
        places = np.empty(len(p), dtype=np.int64)
        order = np.lexsort((-youngest, -known, strongest))
        turns = np.empty(len(p), dtype=np.int64)
        turns[order] = p.models["network"].iloc[order].groupby(p.models["network"], sort=False, dropna=False).cumcount()
        places[np.lexsort((turns, -youngest, -known, strongest))] = np.arange(len(p))
        return places

    def _kept(self, asked: Wanted, without: str = "") -> Mask:
        kept = np.ones(len(self.projection), bool) if asked.reference else ~self._reference
        for facet, names in asked.chosen.items():
            if names and facet != without:
                kept &= self._facets[facet].mask(names)
        return kept & self._said(asked.words) if asked.words else kept

    def _said(self, words: str) -> Mask:
        last, found = self._last  # the facets ask for the same words one after the other
        if last != words:
            each = words.casefold().split()
            found = np.array([all(w in text for w in each) for text in self._texts], dtype=bool)
            self._last = (words, found)
        return found

    def _place(self, facet: str, name: str) -> tuple[int, str]:
        if facet == "grade":
            return -Grade(name).rank, name
        if facet == "has":
            return [ANY_FIGURE, *FIGURES].index(name), name
        return 0, self.label(facet, name).casefold()


def _facet(p: Projection, facet: str) -> _Facet:
    if facet == "grade":
        return _flags(len(p), {g.value: np.any([e == g.rank for e in p.evidence.values()], axis=0) for g in Grade})
    if facet == "has":
        known = {kind.name: p.evidence[kind.name] >= 0 for kind in figure_kinds()}
        return _flags(len(p), {ANY_FIGURE: np.any(list(known.values()), axis=0), **known})
    if facet == "commercial":
        column = p.columns["commercial_use"]
        assert isinstance(column, Coded)
        return _Facet(column.codes, tuple(frozenset({_COMMERCIAL[v]}) for v in column.values))  # type: ignore[index]
    if facet not in p.columns:
        codes, uniques = pd.factorize(p.models[facet])
        return _Facet(codes.astype(np.int64), (*(frozenset({str(u)}) for u in uniques), frozenset()))
    column = p.columns[facet]
    assert isinstance(column, Coded)
    broad = _broader(p, DIMENSIONS[facet], column)
    return _Facet(column.codes, tuple(_names(p, DIMENSIONS[facet], v, broad) for v in column.values))


def _broader(p: Projection, prefix: str, column: Coded) -> frozenset[str]:
    """The names that some value has only because it is a narrower case of them."""
    sets = [v for v in column.values if isinstance(v, frozenset)]
    return frozenset().union(*(v - set(narrowest(p, prefix, v)) for v in sets)) if prefix else frozenset()


def _names(p: Projection, prefix: str, value: object, broad: frozenset[str]) -> frozenset[str]:
    if not isinstance(value, frozenset):
        return frozenset()
    if not value:
        return frozenset({NONE_KNOWN})
    return value | {f"{n}{ONLY}" for n in narrowest(p, prefix, value) if n in broad}


def _flags(size: int, masks: Mapping[str, Mask]) -> _Facet:
    """A facet of which a model may have several names: each combination of them is a code."""
    bits = np.zeros(size, np.int64)
    for i, mask in enumerate(masks.values()):
        bits |= mask.astype(np.int64) << i
    combined, codes = np.unique(bits, return_inverse=True)
    names = [frozenset(n for i, n in enumerate(masks) if (int(c) >> i) & 1) for c in combined]
    return _Facet(codes.astype(np.int64), tuple(names) or (frozenset(),))


def _flag(p: Projection, name: str) -> Mask:
    column = p.columns[name]
    assert isinstance(column, Coded)
    return np.array([value is True for value in column.values], dtype=bool)[column.codes]


_LABELLED = {"network": "net", "device": "dev", "source": "src", "purpose": "purpose", "optimization": "opt",
             "runtime": "rt"}  # fmt: skip
_MARKS_OF_NAMES = re.compile(r"[\W_]+")


def _texts(p: Projection) -> list[str]:
    """For each model what a typed word is looked for in; names also without their hyphens and spaces."""
    told = []
    for column, prefix in _LABELLED.items():
        codes, uniques = pd.factorize(p.models[column])
        texts = [_searched(p.label(prefix, str(u)), str(u)) for u in uniques]
        told.append([texts[c] if c >= 0 else "" for c in codes])
    return [" ".join(parts) for parts in zip(p.models["model"].str.casefold(), *told, strict=True)]


def _searched(label: str, name: str) -> str:
    return f"{label} {name} {_MARKS_OF_NAMES.sub('', label)}".casefold()


def _labels(p: Projection, column: str) -> pd.Categorical:
    codes, uniques = pd.factorize(p.models[column])
    prefix = _LABELLED[column]
    said = [p.label(prefix, str(u)) for u in uniques]
    return pd.Categorical([said[c] if c >= 0 else "not stated" for c in codes])


def _measures(p: Projection) -> pd.Categorical:
    """`Top-1 accuracy on ImageNet`: what a model's quality is, and on which data."""
    told = [
        " on ".join(p.label(prefix, n) for prefix, n in (("metric", m), ("data", d)) if isinstance(n, str))
        for m, d in zip(p.models["metric"], p.models["test_set"], strict=True)
    ]
    return pd.Categorical(told)
