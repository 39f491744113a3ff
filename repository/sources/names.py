"""Reviewed names: what each source prints, and the one local name that DLOM uses for it.

Sources meet in devices, networks, data sets, runtimes and optimizations; the tables under `facts/names/` say which
printed names mean the same thing. Labels, identities and concepts (purposes, areas, device types, metrics, domains)
are written here only, so that two sources never assert the same triple. A printed name that no table has is an
error: a person must look at it first. Techniques are written in `ontology/dlom.ttl`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ontology.records import DataSet, Device, Network, Optimization, Record, Runtime

UNSTATED = "unstated"  # the runtime and the optimization of a source that names none
REFERENCE = "reference-server"  # the kind of device that serves for comparison only

_Row = Mapping[str, str]


class UnknownName(LookupError):
    """A printed name that no reviewed table has; the message says which table to add it to."""

    def __init__(self, what: str, printed: tuple[str, ...], file: str) -> None:
        shown = ", ".join(repr(part) for part in printed)
        super().__init__(f"unknown {what} {shown}: add a row for it to facts/names/{file}, after looking what it is")


@dataclass(frozen=True)
class Concept:
    """A concept of a SKOS scheme: `prefix:name`, the schemes being those of `ontology.records.PREFIXES`.

    `broader` holds local names under the same prefix. `extra` holds further properties by their field name, for a
    metric `unit`, `higher_is_better` and `is_accuracy`.
    """

    prefix: str
    name: str
    label: str
    alt_labels: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()
    note: str = ""
    extra: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Licence:
    """A licence as DLOM shows it; `commercial_use` means in a closed commercial product."""

    label: str
    url: str
    commercial_use: bool
    note: str = ""


@dataclass(frozen=True)
class _Table:
    """One CSV of reviewed names: what it describes, and the columns that together are the printed name."""

    what: str
    file: str
    keys: tuple[str, ...]
    local: tuple[str, ...] = ()  # columns that describe the printed name, not the thing it names
    rows: tuple[_Row, ...] = ()
    printed: Mapping[tuple[str, ...], _Row] = field(default_factory=dict)
    named: Mapping[str, _Row] = field(default_factory=dict)  # the first row of each local name, in the file's order

    def load(self, folder: Path) -> _Table:
        """This table with its rows. ValueError when a printed name occurs twice or two rows of a name differ."""
        with (folder / self.file).open(encoding="utf-8", newline="") as file:
            rows = tuple({key: (value or "").strip() for key, value in row.items()} for row in csv.DictReader(file))
        printed: dict[tuple[str, ...], _Row] = {}
        first: dict[str, _Row] = {}
        for row in rows:
            for text in filter(None, row["printed"].split("|")):
                key = tuple(text if column == "printed" else row[column] for column in self.keys)
                if key in printed:
                    raise ValueError(f"facts/names/{self.file}: {self.what} {key} occurs twice; keep one row")
                printed[key] = row
            began = first.setdefault(row.get("name", row["printed"]), row)
            differ = [c for c in row if c not in (*self.keys, *self.local, "printed", "note") and row[c] != began[c]]
            if differ:
                name = row["name"]
                raise ValueError(f"facts/names/{self.file}: two rows of {name!r} differ in {', '.join(differ)}")
        return replace(self, rows=rows, printed=printed, named=first)

    def find(self, *key: str) -> _Row:
        """The row of a printed name, or UnknownName."""
        try:
            return self.printed[key]
        except KeyError:
            raise UnknownName(self.what, key, self.file) from None

    def alternatives(self, name: str) -> tuple[str, ...]:
        """The printed names of `name` other than its label, sorted."""
        printed = {key[self.keys.index("printed")] for key, row in self.printed.items() if row["name"] == name}
        return tuple(sorted(printed - {self.named[name]["label"]}))


_TABLES = {
    "dev": _Table("device", "devices.csv", ("printed",)),
    "net": _Table("network", "networks.csv", ("source", "printed"), ("purpose",)),
    "data": _Table("data set", "data_sets.csv", ("printed", "split", "samples")),
    "rt": _Table("runtime", "runtimes.csv", ("printed", "compute_unit")),
    "opt": _Table("precision", "optimizations.csv", ("printed",)),
    "purpose": _Table("purpose", "purposes.csv", ("printed",)),
    "area": _Table("application area", "areas.csv", ("printed",)),
    "dtype": _Table("device type", "device_types.csv", ("printed",)),
    "metric": _Table("metric", "metrics.csv", ("printed", "printed_unit")),
    "domain": _Table("domain", "domains.csv", ("printed",)),
    "checkpoint": _Table("checkpoint", "checkpoints.csv", ("printed",)),
    "licence": _Table("licence", "licences.csv", ("printed",)),
}
_SCHEMES = ("purpose", "area", "dtype", "metric", "domain")
_REFERENCES = (  # table, column, the table that the column's names must be in
    ("dev", "device_types", "dtype"),
    ("dev", "variant_of", "dev"),
    ("net", "purpose", "purpose"),
    ("data", "subset_of", "data"),
    ("data", "domain", "domain"),
    ("checkpoint", "training_data_set", "data"),
    *((scheme, "broader", scheme) for scheme in ("purpose", "area", "dtype", "domain")),
)


class Names:
    """All reviewed names. Every lookup of a printed name returns a local name or raises UnknownName."""

    def __init__(self, tables: Mapping[str, _Table]) -> None:
        self._tables = tables
        for table, column, target in _REFERENCES:
            known = tables[target].named
            for row in tables[table].rows:
                for name in _split(row[column]):
                    if name not in known:
                        file = tables[table].file
                        raise ValueError(f"facts/names/{file}: {column} {name!r} is not in {tables[target].file}")

    @classmethod
    def load(cls, folder: Path) -> Names:
        """Read the tables in `folder` (`repository/facts/names`); ValueError when they contradict one another."""
        return cls({prefix: table.load(folder) for prefix, table in _TABLES.items()})

    def device(self, printed: str) -> str:
        """The `dev:` name of a device."""
        return self._tables["dev"].find(printed)["name"]

    def network(self, source: str, printed: str) -> str:
        """The `net:` name of a network as `source` prints it (for AI Hub, its model_id)."""
        return self._tables["net"].find(source, printed)["name"]

    def data_set(self, printed: str, split: str = "", samples: int | None = None) -> str:
        """The `data:` name of the examples that were used: the set, its split and how many of it, where stated."""
        return self._tables["data"].find(printed, split, "" if samples is None else str(samples))["name"]

    def training_data(self, checkpoint: str) -> str | None:
        """The `data:` name of what a checkpoint was trained on; None where the printed text is not certain."""
        row = self._tables["checkpoint"].printed.get((checkpoint,))
        return row["training_data_set"] if row else None

    def runtime(self, printed: str, compute_unit: str = "") -> str:
        """The `rt:` name of a runtime on NPU, GPU, CPU or `mixed`; an empty unit is one that is not stated."""
        return self._tables["rt"].find(printed, compute_unit)["name"]

    def optimization(self, precision: str) -> str:
        """The `opt:` name of a printed precision."""
        return self._tables["opt"].find(precision)["name"]

    def purpose(self, printed: str) -> str:
        """The `purpose:` name of a printed use case."""
        return self._tables["purpose"].find(printed)["name"]

    def purpose_of(self, source: str, network: str, printed: str) -> str:
        """The purpose of one network: the reviewed narrower one where there is one, else the printed use case's."""
        return self._tables["net"].find(source, network)["purpose"] or self.purpose(printed)

    def area(self, printed: str) -> str:
        """The `area:` name of a printed application area."""
        return self._tables["area"].find(printed)["name"]

    def device_type(self, printed: str) -> str:
        """The `dtype:` name of a printed kind of device."""
        return self._tables["dtype"].find(printed)["name"]

    def metric(self, printed: str, unit: str) -> str:
        """The `metric:` name of a measure as printed with its unit."""
        return self._tables["metric"].find(printed, unit)["name"]

    def is_accuracy(self, metric: str) -> bool:
        """Whether a metric (its local name) is a share of right answers, in percent."""
        return self._tables["metric"].named[metric]["is_accuracy"] == "true"

    def licence(self, printed: str) -> Licence:
        """What a printed licence allows."""
        row = self._tables["licence"].find(printed)
        return Licence(row["label"], row["url"], row["commercial_use"] == "true", row["note"])

    def label(self, prefix: str, name: str) -> str:
        """The label of a local name, for example `label("dev", "samsung-galaxy-s24")`."""
        return self._tables[prefix].named[name]["label"]

    def notes(self) -> Iterator[tuple[str, str, str]]:
        """Prefix, local name and note of every identity that the reviewer had a remark on."""
        for prefix in ("dev", "net", "data", "rt", "opt"):
            for row in self._tables[prefix].rows:
                if row["note"]:
                    yield prefix, row["name"], row["note"]

    def identities(self) -> Iterator[Record]:
        """Devices, networks, data sets, runtimes and optimizations with what no source says of them again."""
        for name, row in self._tables["dev"].named.items():
            yield Device(
                name=name,
                label=row["label"],
                device_type=_split(row["device_types"]),
                sold_singly={"true": True, "false": False, "": None}[row["sold_singly"]],
                reference_device=REFERENCE in _split(row["device_types"]),
                variant_of=row["variant_of"] or None,
            )
        for name, row in self._tables["net"].named.items():
            yield Network(name=name, label=row["label"], family=row["family"] or None)
        for name, row in self._tables["data"].named.items():
            yield DataSet(
                name=name,
                label=row["label"],
                subset_of=row["subset_of"] or None,
                domain=row["domain"] or None,
                classes=_whole(row["classes"]),
                examples=_whole(row["examples"]),
            )
        for name, row in self._tables["rt"].named.items():
            yield Runtime(
                name=name,
                label=row["label"],
                library=row["library"] or None,
                compute_unit=row["compute_unit"] or None,
            )
        for name, row in self._tables["opt"].named.items():
            yield Optimization(
                name=name,
                label=row["label"],
                technique=_techniques(row["technique"]),
                precision=row["precision"] or None,
                weight_bits=_whole(row["weight_bits"]),
                activation_bits=_whole(row["activation_bits"]),
                algorithm=_split(row["algorithm"]) or None,
            )

    def alternative_names(self) -> Iterator[tuple[str, str, str]]:
        """Prefix, local name and printed name (`skos:altLabel`) of every identity printed otherwise than its label."""
        for prefix in ("dev", "net"):
            for name in self._tables[prefix].named:
                for printed in self._tables[prefix].alternatives(name):
                    yield prefix, name, printed

    def concepts(self) -> Iterator[Concept]:
        """Every purpose, application area, device type, metric and domain."""
        for prefix in _SCHEMES:
            table = self._tables[prefix]
            for name, row in table.named.items():
                extra: dict[str, str | bool] = {}
                if prefix == "metric":
                    extra = {"unit": row["unit"]} | {c: row[c] == "true" for c in ("higher_is_better", "is_accuracy")}
                yield Concept(
                    prefix,
                    name,
                    row["label"],
                    table.alternatives(name),
                    _split(row.get("broader", "")),
                    row["note"],
                    extra,
                )


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split("|") if part)


def _techniques(text: str) -> tuple[str, ...] | None:
    """`none` is the known fact that no technique was applied, an empty cell that nobody said."""
    return () if text == "none" else _split(text) or None


def _whole(text: str) -> int | None:
    return int(text) if text else None
