"""What the graph knows of models that are like a new one: the measure against which its figures are held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ontology.records import Device, Network, Optimization, Record, Runtime
from repository.projection import Coded, FloatArray, IntArray, Projection

Like = Mapping[str, str]
"""What a model is like: its `network`, `device`, `unit` (of computing), `kind` (of device), `family`, `precision` …"""

COMPARED = ("inference_latency_ms", "peak_memory_mib", "size_kib", "accuracy_percent")
KEYS = ("network", "device", "unit", "kind", "family", "precision", "metric", "test_set")


@dataclass(frozen=True)
class Group:
    """The known values of one figure among models that are alike."""

    values: FloatArray
    what: str  # in words: `resnet-50 on samsung-galaxy-s24, NPU`

    @property
    def centre(self) -> float:
        """Their median: half of them are larger."""
        return float(np.median(self.values))

    def times_outside(self, value: float) -> float:
        """By which factor a value lies below the least or above the greatest of them; 1 between."""
        return max(float(self.values.min()) / value, value / float(self.values.max()), 1.0)

    @property
    def spread(self) -> float:
        """The greatest over the least of them."""
        return float(self.values.max() / self.values.min())

    @property
    def shown(self) -> str:
        """`3 known, 0.9 to 2.1`."""
        low, high = f"{self.values.min():g}", f"{self.values.max():g}"
        return f"{len(self.values)} known, {low if low == high else f'{low} to {high}'}"


@dataclass(frozen=True)
class Known:
    """Figures of the models on record by what they are like; empty when there is nothing to compare with."""

    positions: Mapping[str, int] = field(default_factory=dict)
    codes: Mapping[str, IntArray] = field(default_factory=dict)
    numbers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # of what is coded
    figures: Mapping[str, FloatArray] = field(default_factory=dict)
    devices: tuple[str, ...] = ()  # by their code
    families: Mapping[str, str] = field(default_factory=dict)  # of networks
    kinds: Mapping[str, str] = field(default_factory=dict)  # of devices
    precisions: Mapping[str, str] = field(default_factory=dict)  # of optimizations
    units: Mapping[str, str] = field(default_factory=dict)  # of runtimes
    ram_mib: Mapping[str, float] = field(default_factory=dict)  # of devices

    def rows(self, like: Like, without: str) -> IntArray:
        """The models that are like this, the one called `without` not among them."""
        found: IntArray | None = None
        for key, value in like.items():
            number = self.numbers.get(key, {}).get(value, -1)
            if number < 0:
                return np.array([], dtype=np.int64)
            codes = self.codes[key]
            found = np.flatnonzero(codes == number) if found is None else found[codes[found] == number]
        own = self.positions.get(without, -1)
        return np.array([], dtype=np.int64) if found is None else found[found != own]

    def group(self, figure: str, like: Like, *, without: str) -> Group | None:
        """The known values of a figure, None when there are none. The model itself is not compared with itself."""
        if figure not in self.figures:
            return None
        values = self.figures[figure][self.rows(like, without)]
        values = values[values > 0]
        return Group(values, _told(like)) if len(values) else None

    def with_records(self, records: Sequence[Record]) -> Known:
        """With what is registered at the same time of networks, devices, runtimes and optimizations."""
        kinds, families, precisions, units, ram = {}, {}, {}, {}, {}
        for r in records:
            if isinstance(r, Network) and r.family:
                families[r.name] = r.family
            elif isinstance(r, Device):
                if r.device_type:
                    kinds[r.name] = _kinds(r.device_type)
                if r.ram_mib:
                    ram[r.name] = r.ram_mib
            elif isinstance(r, Runtime) and r.compute_unit:
                units[r.name] = r.compute_unit
            elif isinstance(r, Optimization) and (r.weight_bits or r.precision):
                precisions[r.name] = f"w{r.weight_bits}" if r.weight_bits else r.precision or ""
        if not (kinds or families or precisions or units or ram):
            return self
        return replace(
            self, families={**self.families, **families}, kinds={**self.kinds, **kinds},
            precisions={**self.precisions, **precisions}, units={**self.units, **units},
            ram_mib={**self.ram_mib, **ram},
        )  # fmt: skip


def known(projection: Projection) -> Known:
    """What a graph knows, from its columns."""
    models, columns = projection.models, projection.columns
    kinds = {name: _kinds(said["device_type"]) for name, said in projection.devices.items() if "device_type" in said}
    plain = {
        "network": models["network"], "device": models["device"], "unit": models["compute_unit"],
        "kind": models["device"].map(kinds), "metric": models["metric"], "test_set": models["test_set"],
    }  # fmt: skip
    codes: dict[str, IntArray] = {}
    numbers: dict[str, Mapping[str, int]] = {}
    listed: dict[str, tuple[str, ...]] = {}
    for key, series in plain.items():
        coded, uniques = series.factorize()
        codes[key], listed[key] = coded.astype(np.int64), tuple(uniques)
        numbers[key] = {str(value): i for i, value in enumerate(uniques)}
    for key in ("family", "precision"):
        column = columns[key]
        assert isinstance(column, Coded)
        codes[key] = column.codes
        numbers[key] = {next(iter(v)): i for i, v in enumerate(column.values) if isinstance(v, frozenset) and v}
    figures = {}
    for name in COMPARED:
        values = columns[name]
        assert isinstance(values, np.ndarray)
        figures[name] = values
    ram = columns["ram_mib"]
    assert isinstance(ram, np.ndarray)
    first = {int(code): int(row) for code, row in zip(*np.unique(codes["device"], return_index=True), strict=True)}
    runtimes = models[["runtime", "compute_unit"]].drop_duplicates().dropna()
    return Known(
        positions=projection.positions,
        codes=codes,
        numbers=numbers,
        figures=figures,
        devices=listed["device"],
        families=_by_name(projection, "network", "family"),
        kinds=kinds,
        precisions=_by_name(projection, "optimization", "precision"),
        units=dict(zip(runtimes["runtime"], runtimes["compute_unit"], strict=True)),
        ram_mib={listed["device"][c]: float(ram[row]) for c, row in first.items() if c >= 0 and ram[row] > 0},
    )


def _by_name(projection: Projection, name: str, said: str) -> dict[str, str]:
    """What a column says of each thing that the models name."""
    column = projection.columns[said]
    assert isinstance(column, Coded)
    things = projection.models[name]
    firsts = np.flatnonzero((~things.duplicated() & things.notna()).to_numpy(dtype=bool))
    told = {str(things.iat[row]): column.values[column.codes[row]] for row in firsts}
    return {thing: next(iter(value)) for thing, value in told.items() if isinstance(value, frozenset) and value}


def _told(like: Like) -> str:
    """`resnet-50 on samsung-galaxy-s24 by NPU`."""
    thing = like.get("network") or f"{like.get('family')} networks"
    parts = [thing]
    if "device" in like:
        parts.append(f"on {like['device']}")
    elif "kind" in like:
        kind = like["kind"].replace("-", " ")
        parts.append(f"on {'an' if kind[0] in 'aeiou' else 'a'} {kind}")
    for key, words in (("unit", "by {}"), ("precision", "at {}"), ("test_set", "on {}")):
        if like.get(key):
            parts.append(words.format(like[key]))
    return " ".join(parts)


def _kinds(types: Sequence[str]) -> str:
    return " ".join(sorted(types))


__all__ = ["Group", "Known", "Like", "known"]
