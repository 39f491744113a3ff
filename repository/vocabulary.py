"""What people write for the names of networks, devices, runtimes, data sets …, and which name they mean."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from repository.sources.names import Names

Labels = Mapping[tuple[str, str], str]
"""What a person reads for each prefix and local name: `Projection.labels`."""

MOST_NEAR = 3
# Usual words for names that the reviewed tables have otherwise; used only where the graph has the name.
_ALSO = {
    "opt": {
        **dict.fromkeys(("fp32", "float32", "f32", "original", "unoptimized"), "float"),
        **dict.fromkeys(("int8", "uint8", "8bit"), "w8a8"),
        **dict.fromkeys(("fp16", "float16", "f16"), "float16-quantization"),
        **dict.fromkeys(("blq", "dynamicrange", "dynamicrangequantization"), "baseline-quantization"),
        **dict.fromkeys(("fiq", "fullinteger", "int8fullinteger"), "full-integer-quantization"),
    }
}
# Who makes a device may be left out. Only makers: "Pi 5" must not become an Orange Pi 5.
_MAKERS = ("amd", "apple", "arduino", "asus", "google", "intel", "nvidia", "qualcomm", "renesas", "samsung", "xiaomi",
           "xilinx")  # fmt: skip
_RUNTIMES = (("tensorflowlite", "litert"), ("tflite", "litert"), ("ort", "onnxruntime"))


class UnclearName(LookupError):
    """A name that nobody knows, or that may mean several things; `near` are local names that are like it."""

    def __init__(self, message: str, near: tuple[str, ...]) -> None:
        self.near = near
        super().__init__(message)


@dataclass(frozen=True)
class Vocabulary:
    """Every name that a cell may mean, by what people write for it."""

    names: Names
    labels: Labels

    @cached_property
    def written(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        """Prefix → writing without spaces and signs → local names."""
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        concepts = [(c.prefix, c.name, text) for c in self.names.concepts() for text in (c.label, *c.alt_labels)]
        stored = [(prefix, name, label) for (prefix, name), label in self.labels.items()]
        for prefix, name, text in (*self._identities, *concepts, *self.names.alternative_names(), *stored):
            for writing in (name, text):
                found[prefix][key(writing)].add(name)
        return {prefix: {k: frozenset(v) for k, v in keys.items()} for prefix, keys in found.items()}

    def find(self, prefix: str, text: str) -> str:
        """The local name. Raises UnclearName with the nearest ones."""
        known, wanted = self.written.get(prefix, {}), key(text)
        meant = known.get(wanted) or known.get(key(_ALSO.get(prefix, {}).get(wanted, "")), frozenset())
        if prefix == "rt" and not meant:
            start = next(((old, new) for old, new in _RUNTIMES if wanted.startswith(old)), ("", ""))
            meant = known.get(start[1] + wanted.removeprefix(start[0]), frozenset())
        if prefix == "dev" and not meant:
            meant = self._without_maker.get(wanted, frozenset())
        exact = {name for name in meant if key(name) == wanted}
        if len(exact or meant) == 1:
            return next(iter(exact or meant))
        if meant:
            near = tuple(sorted(meant))
            raise UnclearName(f"{text!r} may mean {' or '.join(near)}; write one of them", near)
        near = self.near(prefix, text)
        raise UnclearName(f"{text!r} is not known" + (f" (near: {' or '.join(near)})" if near else ""), near)

    def near(self, prefix: str, text: str) -> tuple[str, ...]:
        """Local names that are written like this text, the nearest first."""
        known = self.written.get(prefix, {})
        close = difflib.get_close_matches(key(text), known, n=MOST_NEAR, cutoff=0.6)
        return tuple(dict.fromkeys(name for k in close for name in sorted(known[k])))

    def is_plain(self, prefix: str, name: str, text: str) -> bool:
        """Whether a text is the name or its label, and no other word for it."""
        return key(text) in {key(name), key(self._labels.get((prefix, name), name))}

    def label(self, prefix: str, name: str) -> str:
        """What a person reads for a local name; the name itself when nobody has labelled it."""
        return self._labels.get((prefix, name)) or name

    @cached_property
    def _without_maker(self) -> Mapping[str, frozenset[str]]:
        """Writings of devices without who makes them; `12` of a Xiaomi 12 says too little."""
        found: dict[str, set[str]] = defaultdict(set)
        for writing, names in self.written.get("dev", {}).items():
            for maker in _MAKERS:
                rest = writing.removeprefix(maker)
                if rest != writing and len(rest) >= 4:
                    found[rest] |= names
        return {writing: frozenset(names) for writing, names in found.items()}

    @cached_property
    def _identities(self) -> tuple[tuple[str, str, str], ...]:
        return tuple((r.prefix, r.name, r.label or "") for r in self.names.identities())

    @cached_property
    def _labels(self) -> Labels:
        concepts = {(c.prefix, c.name): c.label for c in self.names.concepts()}
        return {**{(p, n): label for p, n, label in self._identities}, **concepts, **self.labels}


def key(text: str) -> str:
    """A writing without spaces and signs: `Samsung Galaxy S23` and `samsung-galaxy-s23` are one."""
    return re.sub(r"[^a-z0-9+]", "", re.sub(r"\bon\b", "", text.casefold()))


def slug(text: str) -> str:
    """A local name made of what a person writes; empty when nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")


__all__ = ["Labels", "UnclearName", "Vocabulary", "key", "slug"]
