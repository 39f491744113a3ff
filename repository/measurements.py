"""An engineer's own table of measurements, as CSV: what each row would register, or why it is refused.

Reading stores nothing. The figures are `declared`: DLOM did not take them.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from ontology.records import DataSet, Device, Grade, Model, Network, Performance, Record, TrainedNetwork
from repository.columns import FIELD, FIELDS, NOT_KNOWN, Column, columns, number
from repository.plausibility import Known, Severity, findings
from repository.register import LOCAL
from repository.sources.names import Names

MOST_ROWS = 2000  # the rules take about 7 ms a row, during which nobody else may write
Labels = Mapping[tuple[str, str], str]
"""What a person reads for each prefix and local name: `Projection.labels`."""

_SPEED = (
    "inference_latency_ms", "system_latency_ms", "throughput_per_s", "peak_memory_mib", "size_kib", "average_power_w",
    "energy_mj",
)  # fmt: skip
_QUALITY = ("accuracy_percent", "stability_percent")
_COUNTS = ("parameters", "samples", "batch", "year_created")
_LOOKED_UP = {
    "network": "net", "device": "dev", "optimization": "opt", "runtime": "rt", "purpose": "purpose", "metric": "metric",
    "test_set": "data", "device_type": "dtype",
}  # fmt: skip
_MAY_BE_NEW: Mapping[str, type[Network] | type[Device] | type[DataSet]] = {
    "network": Network,
    "device": Device,
    "test_set": DataSet,
}
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
_RUNTIMES = (("tensorflowlite", "litert"), ("tflite", "litert"), ("ort", "onnxruntime"))


@dataclass(frozen=True)
class Row:
    """One row of the table: its records, or the reasons why it is refused; warnings do not refuse it."""

    line: int  # of the file, 1 for the header
    records: tuple[Record, ...] = ()
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What a table would register. `missing` are the labels of required fields that no column gives."""

    columns: tuple[Column, ...]
    missing: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def rejected(self) -> tuple[Row, ...]:
        """The rows that would not be stored."""
        return tuple(row for row in self.rows if row.reasons)

    @property
    def records(self) -> list[Record]:
        """What the other rows register, each thing once: the input of `register`."""
        return list(dict.fromkeys(record for row in self.rows if not row.reasons for record in row.records))


@dataclass(frozen=True)
class _Vocabulary:
    """Every name that a cell may mean, by what people write for it."""

    names: Names
    labels: Labels

    @cached_property
    def written(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        """Prefix → writing without spaces and signs → local names."""
        found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        identities = [(r.prefix, r.name, r.label or "") for r in self.names.identities()]
        concepts = [(c.prefix, c.name, text) for c in self.names.concepts() for text in (c.label, *c.alt_labels)]
        stored = [(prefix, name, label) for (prefix, name), label in self.labels.items()]
        for prefix, name, text in (*identities, *concepts, *self.names.alternative_names(), *stored):
            for writing in (name, text):
                found[prefix][_key(writing)].add(name)
        return {prefix: {k: frozenset(v) for k, v in keys.items()} for prefix, keys in found.items()}

    def find(self, prefix: str, text: str) -> str:
        """The local name. Raises LookupError with the nearest ones."""
        known, key = self.written.get(prefix, {}), _key(text)
        meant = known.get(key) or known.get(_key(_ALSO.get(prefix, {}).get(key, "")), frozenset())
        if prefix == "rt" and not meant:
            start = next(((old, new) for old, new in _RUNTIMES if key.startswith(old)), ("", ""))
            meant = known.get(start[1] + key.removeprefix(start[0]), frozenset())
        exact = {name for name in meant if _key(name) == key}
        if len(exact or meant) == 1:
            return next(iter(exact or meant))
        if meant:
            raise LookupError(f"{text!r} may mean {' or '.join(sorted(meant))}; write one of them")
        close = difflib.get_close_matches(key, known, n=3, cutoff=0.6)  # the nearest first
        near = dict.fromkeys(name for k in close for name in sorted(known[k]))
        raise LookupError(f"{text!r} is not known" + (f" (near: {' or '.join(near)})" if near else ""))


def read(
    csv_text: str,
    names: Names,
    *,
    labels: Labels | None = None,
    known: Known | None = None,
    allow_new: bool = False,
    chosen: Mapping[str, str] | None = None,
    defaults: Mapping[str, str] | None = None,
    source: str = LOCAL.name,
) -> Preview:
    """What a CSV would register; nothing is stored.

    `labels` adds the names of the graph to the reviewed ones, `known` what latencies are compared with. `chosen`
    (header → field) replaces the proposal for a column, `defaults` (field → text) holds for empty or missing cells,
    such as one purpose for all rows. With `allow_new`, networks, devices and data sets that nobody knows become new
    ones of this installation. Raises ValueError for text that is no table.
    """
    header, lines = _table(csv_text)
    proposed = columns(header, chosen)
    given = {c.field for c in proposed} | set(defaults or {})
    reader = _Reader(_Vocabulary(names, labels or {}), known or Known(), allow_new, dict(defaults or {}), source)
    rows = [reader.row(line, dict(zip(proposed, cells, strict=False))) for line, cells in lines]
    missing = tuple(f.label for f in FIELDS if f.required and f.name not in given)
    return Preview(proposed, missing, tuple(rows))


@dataclass
class _Reader:
    vocabulary: _Vocabulary
    known: Known
    allow_new: bool
    defaults: Mapping[str, str]
    source: str
    seen: dict[str, int] = field(default_factory=dict)  # model → line

    def row(self, line: int, cells: Mapping[Column, str]) -> Row:
        reasons: list[str] = []
        texts = dict(self.defaults)
        texts |= {c.field: v.strip() for c, v in cells.items() if c.field and v.strip().casefold() not in NOT_KNOWN}
        values = self._numbers(cells, reasons)
        named, fresh = self._named(texts, reasons)
        day = self._day(texts, reasons)
        if not any(values.get(f) is not None for f in (*_SPEED, *_QUALITY)):
            reasons.append("no figure is given; fill in at least one, such as a latency in ms")
        if reasons:
            return Row(line, reasons=tuple(reasons))
        metric = named.get("metric") or next((c.metric for c in cells if c.metric), None)
        records = self._records(texts, named, values, day, metric)
        model = records[-1]
        if self.seen.setdefault(model.name, line) != line:
            told = f"it measures the same network, optimization, runtime and device as line {self.seen[model.name]}"
            return Row(line, reasons=(f"{told}; keep one, or tell them apart in a column called variant",))
        found = findings([*fresh, *records], self.known, batch=int(values.get("batch") or 1))
        errors = tuple(str(f) for f in found if f.severity is Severity.ERROR)
        warnings = tuple(str(f) for f in found if f.severity is Severity.WARNING)
        if values.get("accuracy_percent") is not None and "test_set" not in named:
            warnings += ("accuracy without its test data compares with no other; add a column called dataset",)
        return Row(line, () if errors else (*fresh, *records), errors, warnings)

    def _numbers(self, cells: Mapping[Column, str], reasons: list[str]) -> dict[str, float]:
        found = {}
        for column, text in cells.items():
            if not column.field or FIELD[column.field].unit is None:
                continue
            try:
                value = number(text, column)
            except ValueError as error:
                reasons.append(f"{column.header}: {error}")
                continue
            if value is not None and column.field in _COUNTS and (value != int(value) or value < 1):
                reasons.append(f"{column.header}: {text.strip()} is not a whole number of at least 1")
            elif value is not None:
                found[column.field] = value
        return found

    def _named(self, texts: Mapping[str, str], reasons: list[str]) -> tuple[dict[str, str], list[Record]]:
        found: dict[str, str] = {}
        fresh: list[Record] = []
        for name, prefix in _LOOKED_UP.items():
            text, known_as = texts.get(name, ""), FIELD[name]
            if not text:
                if known_as.required:
                    told = f"fill it in, or add a column called {known_as.headers[0]}"
                    reasons.append(f"the {known_as.label} is missing; {told}")
                continue
            unit = texts.get("compute_unit", "")
            if name == "runtime" and not _key(text).endswith(_key(unit)):
                text = f"{text} {unit}"
            try:
                found[name] = self.vocabulary.find(prefix, text)
            except LookupError as error:
                if name in _MAY_BE_NEW and self.allow_new:
                    found[name] = f"{self.source}-{_slug(text)}"
                    kind = _MAY_BE_NEW[name]
                    fresh.append(kind(name=found[name], label=text))
                else:
                    new = "; correct it, or allow new names" if name in _MAY_BE_NEW else "; correct it"
                    reasons.append(f"{known_as.label} {error}{new}")
        kinds = (found["device_type"],) if "device_type" in found else None
        return found, [
            r if not isinstance(r, Device) else Device(name=r.name, label=r.label, device_type=kinds) for r in fresh
        ]

    def _day(self, texts: Mapping[str, str], reasons: list[str]) -> date | None:
        text = texts.get("date")
        try:
            return date.fromisoformat(text[:10]) if text else None
        except ValueError:
            reasons.append(f"date {text!r} is not a day; write it as 2026-11-20")
            return None

    def _records(
        self,
        texts: Mapping[str, str],
        named: Mapping[str, str],
        values: Mapping[str, float],
        day: date | None,
        metric: str | None,
    ) -> list[Record]:
        """All records of a row, the model last. Names follow from the content, so that twice is once."""
        key = [named[f] for f in ("network", "optimization", "runtime", "device")]
        variant = _slug(texts.get("variant", ""))
        name = "-".join((self.source, *key, *filter(None, (variant,))))
        parameters = int(values["parameters"]) if "parameters" in values else None
        trained = None
        if parameters is not None or variant:
            tail = "-".join(filter(None, (variant, str(parameters or ""))))
            trained = TrainedNetwork(
                name=f"{self.source}-{named['network']}-{tail}", network=named["network"], parameters=parameters,
                weights_name=texts.get("variant"),
            )  # fmt: skip
        performances = list(self._performances(name, values, texts.get("note"), day, metric, named.get("test_set")))
        model = Model(
            name=name, source=self.source, network=named["network"], optimization=named["optimization"],
            trained_network=trained.name if trained else None, runtime=named["runtime"], device=named["device"],
            purpose=named["purpose"], performance=tuple(p.name for p in performances),
            year_created=int(values["year_created"]) if "year_created" in values else None,
        )  # fmt: skip
        return [*([trained] if trained else []), *performances, model]

    def _performances(
        self,
        model: str,
        values: Mapping[str, float],
        note: str | None,
        day: date | None,
        metric: str | None,
        test_set: str | None,
    ) -> Iterator[Performance]:
        for kind, figures in (("speed", _SPEED), ("quality", _QUALITY)):
            given: dict[str, Any] = {f: values[f] for f in figures if f in values}
            if not given:
                continue
            quality = (metric, test_set, values.get("samples")) if kind == "quality" else ()
            content = repr((sorted(given.items()), quality, note, day))
            yield Performance(
                name=f"{model}-{kind}-{hashlib.sha256(content.encode()).hexdigest()[:12]}",
                evidence=Grade.DECLARED,
                source=self.source,
                source_detail=note,
                obtained=day,
                current=True,
                metric=metric if kind == "quality" else None,
                test_set=test_set if kind == "quality" else None,
                samples=int(values["samples"]) if kind == "quality" and "samples" in values else None,
                **given,
            )


def _table(text: str) -> tuple[list[str], Sequence[tuple[int, list[str]]]]:
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise ValueError(f"this is not CSV: line {reader.line_num}: {error}; check its quotes") from error
    if len(lines) < 2:
        raise ValueError("the table has no rows; give a header line and at least one row below it")
    if len(lines) > MOST_ROWS + 1:
        raise ValueError(f"the table has {len(lines) - 1:,} rows; register at most {MOST_ROWS:,} at a time")
    header = [cell.strip() for cell in lines[0][1]]
    if repeated := _repeated(filter(None, header)):
        raise ValueError(f"the header has {', '.join(repeated)} twice; rename one")
    wide = [line for line, cells in lines[1:] if len(cells) != len(header)]
    if wide:
        raise ValueError(f"line {wide[0]} does not have {len(header)} cells as the header has; quote cells with commas")
    return header, lines[1:]


def _repeated(texts: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [t for t in texts if t in seen or seen.add(t)]  # type: ignore[func-returns-value]


def _key(text: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", re.sub(r"\bon\b", "", text.casefold()))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")
