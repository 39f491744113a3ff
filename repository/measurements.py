"""An engineer's own table of measurements, as CSV: what each row would register, or why it is refused.

Reading stores nothing. The figures are `declared`: DLOM did not take them.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from ontology.records import DataSet, Device, Grade, Model, Network, Performance, Record, TrainedNetwork
from repository.columns import FIELD, FIELDS, NOT_KNOWN, Column, columns, decimal_sign, number
from repository.comparables import Known
from repository.plausibility import Severity, Signature, findings, signature
from repository.register import LOCAL
from repository.sources.names import Names
from repository.vocabulary import Labels, UnclearName, Vocabulary, key, slug

MOST_ROWS = 20_000
_SPEED = (
    "inference_latency_ms", "system_latency_ms", "throughput_per_s", "peak_memory_mib", "size_kib", "average_power_w",
    "energy_mj", "tokens_per_s", "time_to_first_token_ms",
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


@dataclass(frozen=True)
class Named:
    """What a written name was taken for, where a person should confirm it.

    `name` is the local name: of another word for it, or with `new` of something that is registered with it; empty when
    nobody knows the written one. `near` are known names that are written like it.
    """

    field: str
    written: str
    name: str = ""
    new: bool = False
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One row of the table: its records, or the reasons why it is refused; warnings do not refuse it.

    `doubtful` is one that a person may still find to be right. `texts` (field → name as written) and `figures` (field →
    number in its unit) are what was read of it, refused or not.
    """

    line: int  # of the file, 1 for the header
    records: tuple[Record, ...] = ()
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    named: tuple[Named, ...] = ()
    doubtful: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


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

    @property
    def named(self) -> tuple[Named, ...]:
        """Every name that a person should confirm, once."""
        return tuple(dict.fromkeys(one for row in self.rows for one in row.named))


@dataclass(frozen=True)
class Taken:
    """What a person has said of a table, beyond the table itself.

    `chosen` (header → field, "" for none) replaces the proposal for a column; `defaults` (field → text) holds for empty
    or missing cells, such as one purpose for all rows; `meant` (written → known name) says what a name stands for. Of
    unknown networks, devices and data sets `new` takes those named, or with True all, as new ones. `sure` says that
    figures which differ from all that is known have been looked at.
    """

    chosen: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    meant: Mapping[str, str] = field(default_factory=dict)
    new: Collection[str] | bool = False
    sure: bool = False


def proposal(csv_text: str, chosen: Mapping[str, str] | None = None) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """What the columns of a table are taken for, and the required fields that none gives; no row is read yet.

    Raises ValueError for text that is no table.
    """
    header, _, _ = _table(csv_text)
    proposed = columns(header, chosen)
    return proposed, tuple(f.name for f in FIELDS if f.required and f.name not in {c.field for c in proposed})


def read(
    csv_text: str,
    names: Names,
    *,
    labels: Labels | None = None,
    known: Known | None = None,
    taken: Taken | None = None,
    source: str = LOCAL.name,
) -> Preview:
    """What a CSV would register; nothing is stored. About 0.2 ms a row.

    `labels` adds the names of the graph to the reviewed ones, `known` is what figures are compared with, `taken` what a
    person has said of the table. Raises ValueError for text that is no table.
    """
    taken = taken or Taken()
    header, lines, delimiter = _table(csv_text)
    unknown = sorted(set(taken.chosen) - set(header))
    if unknown:
        raise ValueError(f"no column is called {unknown[0]!r}; there are {', '.join(filter(None, header))}")
    proposed = columns(header, taken.chosen)
    given = {c.field for c in proposed} | {f for f, text in taken.defaults.items() if text}
    numbers = [i for i, c in enumerate(proposed) if c.field and FIELD[c.field].unit is not None]
    decimal = "." if delimiter == "," else decimal_sign(cells[i] for _, cells in lines for i in numbers)
    reader = _Reader(Vocabulary(names, labels or {}), known or Known(), taken, source, decimal)
    rows = [reader.row(line, dict(zip(proposed, cells, strict=False))) for line, cells in lines]
    missing = tuple(f.label for f in FIELDS if f.required and f.name not in given)
    return Preview(proposed, missing, tuple(rows))


@dataclass
class _Reader:
    vocabulary: Vocabulary
    known: Known
    taken: Taken
    source: str
    decimal: str
    seen: dict[str, int] = field(default_factory=dict)  # model → line
    figures: dict[tuple[str, Signature], tuple[int, str]] = field(default_factory=dict)  # → line and device
    fresh: dict[str, Record] = field(default_factory=dict)
    looked_up: dict[tuple[str, str], Named | UnclearName] = field(default_factory=dict)

    def row(self, line: int, cells: Mapping[Column, str]) -> Row:
        """What one line becomes."""
        texts = {name: text.strip() for name, text in self.taken.defaults.items() if text.strip()}
        texts |= {c.field: v.strip() for c, v in cells.items() if c.field and v.strip().casefold() not in NOT_KNOWN}
        reasons: list[str] = []
        values = self._numbers(cells, reasons)
        judged = self._judged(line, cells, texts, values, reasons)
        not_known = tuple(
            f"{c.header}: {text.strip()} is read as not known"
            for c, text in cells.items()
            if c.field and FIELD[c.field].unit is not None and text.strip().casefold() == "nan"
        )
        told = (*judged.reasons, *not_known) if judged.reasons else ()  # it may be the cause
        return replace(judged, texts=texts, figures=values, reasons=told, warnings=(*judged.warnings, *not_known))

    def _judged(
        self, line: int, cells: Mapping[Column, str], texts: Mapping[str, str], values: Mapping[str, float],
        reasons: list[str],
    ) -> Row:  # fmt: skip
        told = self._named(texts, reasons)
        named = {one.field: one.name for one in told if one.name}
        fresh = [self.fresh[one.name] for one in told if one.new]
        to_confirm = tuple(one for one in told if one.new or one.near or not self._is_plain(one))
        day = self._day(texts, reasons)
        if not any(values.get(f) is not None for f in (*_SPEED, *_QUALITY)):
            reasons.append("no figure is given; fill in at least one, such as a latency in ms")
        if reasons:
            return Row(line, reasons=tuple(reasons), named=to_confirm)
        metric = named.get("metric") or next((c.metric for c in cells if c.metric), None)
        records = self._records(texts, named, values, day, metric)
        model = records[-1]
        assert isinstance(model, Model)
        if self.seen.setdefault(model.name, line) != line:
            same = f"it measures the same network, optimization, runtime and device as line {self.seen[model.name]}"
            return Row(line, reasons=(f"{same}; keep one, or tell them apart in a column called variant",))
        batch = int(values.get("batch") or 1)
        found = findings([*fresh, *records], self.known, batch=batch, sure=self.taken.sure)
        errors = tuple(str(f) for f in found if f.severity is Severity.ERROR)
        warnings = tuple(str(f) for f in found if f.severity is Severity.WARNING)
        certain = any(f.severity is Severity.ERROR and not f.may_be_right for f in found)
        errors, warnings = self._compared(line, model, records, errors, warnings)
        if values.get("accuracy_percent") is not None and "test_set" not in named:
            warnings += ("accuracy without its test data compares with no other; add a column called dataset",)
        kept = () if errors else (*fresh, *records)
        return Row(line, kept, errors, warnings, to_confirm, doubtful=bool(errors) and not certain)

    def _compared(
        self, line: int, model: Model, records: Sequence[Record], errors: tuple[str, ...], warnings: tuple[str, ...]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """With the rows above it: the same figures once more are a copied row."""
        figures = signature([r for r in records if isinstance(r, Performance)])
        if not figures:
            return errors, warnings
        other, device = self.figures.setdefault((model.network or "", figures), (line, model.device or ""))
        if other == line:
            return errors, warnings
        told = f"its figures are exactly those of line {other}"
        if device == model.device or self.taken.sure:
            return errors, (*warnings, f"{told}; check that they were taken again")
        return (*errors, f"{told}, on another device; leave out what was not measured on {model.device}"), warnings

    def _is_plain(self, one: Named) -> bool:
        return self.vocabulary.is_plain(_LOOKED_UP[one.field], one.name, one.written)

    def _numbers(self, cells: Mapping[Column, str], reasons: list[str]) -> dict[str, float]:
        found = {}
        for column, text in cells.items():
            if not column.field or FIELD[column.field].unit is None:
                continue
            try:
                value = number(text, column, self.decimal)
            except ValueError as error:
                reasons.append(f"{column.header}: {error}")
                continue
            if value is not None and column.field in _COUNTS and (value != int(value) or value < 1):
                reasons.append(f"{column.header}: {text.strip()} is not a whole number of at least 1")
            elif value is not None:
                found[column.field] = value
        return found

    def _named(self, texts: Mapping[str, str], reasons: list[str]) -> list[Named]:
        """What each name of the row stands for; the reasons gain those that are missing or unclear."""
        found: list[Named] = []
        for name in _LOOKED_UP:
            text, known_as = texts.get(name, ""), FIELD[name]
            if not text:
                if known_as.required:
                    told = f"fill it in, or add a column called {known_as.headers[0]}"
                    reasons.append(f"the {known_as.label} is missing; {told}")
                continue
            unit = texts.get("compute_unit", "")
            if name == "runtime" and text not in self.taken.meant and not key(text).endswith(key(unit)):
                text = f"{text} {unit}"
            one = self._looked_up(name, text)
            if isinstance(one, Named):
                found.append(one)
                continue
            if name in _MAY_BE_NEW and (self.taken.new is True or text in self._accepted):
                found.append(self._new(name, text, one.near, texts))
                continue
            found.append(Named(name, text, near=one.near))
            new = "; correct it, or allow new names" if name in _MAY_BE_NEW else "; correct it"
            reasons.append(f"{known_as.label} {one}{new}")
        return found

    @cached_property
    def _accepted(self) -> Collection[str]:
        return () if isinstance(self.taken.new, bool) else self.taken.new

    def _looked_up(self, name: str, text: str) -> Named | UnclearName:
        """Looked up once in a table: finding near ones takes milliseconds."""
        if (name, text) not in self.looked_up:
            try:
                meant = self.vocabulary.find(_LOOKED_UP[name], self.taken.meant.get(text, text))
                self.looked_up[name, text] = Named(name, text, meant)
            except UnclearName as unclear:
                self.looked_up[name, text] = unclear
        return self.looked_up[name, text]

    def _new(self, name: str, text: str, near: tuple[str, ...], texts: Mapping[str, str]) -> Named:
        tail = slug(text) or hashlib.sha256(text.encode()).hexdigest()[:12]
        local = f"{self.source}-{tail}"
        if local not in self.fresh:
            record = _MAY_BE_NEW[name](name=local, label=text)
            kind = self._looked_up("device_type", texts["device_type"]) if "device_type" in texts else None
            if isinstance(record, Device) and isinstance(kind, Named):
                record = replace(record, device_type=(kind.name,))
            self.fresh[local] = record
        return Named(name, text, local, new=True, near=near)

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
        parts = [named[f] for f in ("network", "optimization", "runtime", "device")]
        variant = slug(texts.get("variant", ""))
        name = "-".join((self.source, *parts, *filter(None, (variant,))))
        parameters = int(values["parameters"]) if "parameters" in values else None
        trained = None
        if parameters is not None or variant:
            tail = "-".join(filter(None, (variant, str(parameters or ""))))
            trained = TrainedNetwork(
                name=f"{self.source}-{named['network']}-{tail}", network=named["network"], parameters=parameters,
                weights_name=texts.get("variant"),
            )  # fmt: skip
        performances = list(self._performances(name, values, texts.get("note"), day, metric, named.get("test_set")))
        told = self._label
        weights = " ".join(filter(None, (told("network", named), texts.get("variant"), named["optimization"])))
        model = Model(
            name=name, label=f"{weights}, {told('runtime', named)}, {told('device', named)}",
            source=self.source, network=named["network"], optimization=named["optimization"],
            trained_network=trained.name if trained else None, runtime=named["runtime"], device=named["device"],
            purpose=named["purpose"], performance=tuple(p.name for p in performances),
            year_created=int(values["year_created"]) if "year_created" in values else None,
        )  # fmt: skip
        return [*([trained] if trained else []), *performances, model]

    def _label(self, field: str, named: Mapping[str, str]) -> str:
        fresh = self.fresh.get(named[field])
        return (fresh.label if fresh else None) or self.vocabulary.label(_LOOKED_UP[field], named[field])

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


def _table(text: str) -> tuple[list[str], Sequence[tuple[int, list[str]]], str]:
    """The header, the lines below it with their numbers, and what parts their cells."""
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
    return header, lines[1:], delimiter


def _repeated(texts: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [t for t in texts if t in seen or seen.add(t)]  # type: ignore[func-returns-value]
