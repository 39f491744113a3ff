"""What the columns of an engineer's table mean: a field and a unit for each header, and numbers in our units."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ontology.units import FACTORS, to_unit

NOT_KNOWN = frozenset({"", "-", "–", "n/a", "na", "nan", "none", "null", "?", "unknown"})

# What people write, in lower case, beside what `ontology/units.py` knows. kB, MB and GB are decimal.
_UNITS: Mapping[str, Mapping[str, float]] = {
    "ms": {
        **dict.fromkeys(("sec", "secs", "second", "seconds"), 1000.0),
        **dict.fromkeys(("msec", "msecs", "millisecond", "milliseconds"), 1.0),
        **dict.fromkeys(("usec", "microsecond", "microseconds"), 0.001),
        "min": 60_000.0,
    },
    "%": {"pct": 1.0, "fraction": 100.0, "ratio": 100.0, "0-1": 100.0, "0..1": 100.0},
    "1/s": dict.fromkeys(
        ("hz", "ips", "qps", "img/s", "images/s", "inf/s", "inferences/s", "samples/s", "tok/s", "tokens/s", "t/s"), 1.0
    ),
    "W": dict.fromkeys(("uw", "µw", "μw"), 1e-6),  # both signs for micro, U+00B5 and U+03BC
    "mJ": {"mj": 1.0, "j": 1000.0, **dict.fromkeys(("uj", "µj", "μj"), 0.001), "wh": 3.6e6, "mwh": 3600.0},
    "KiB": {"bytes": 1 / 1024},
    "MiB": {"bytes": 1 / 1024**2},
    "": {"million": 1e6, "millions": 1e6, "thousand": 1e3, "thousands": 1e3, "b": 1e9},
}
_NUMBER = re.compile(r"\s*([+-]?[\d.,_]+(?:[eE][+-]?\d+)?)\s*(\D.*?)?\s*")  # and its unit
_TIMES = ("runtime", "time", "run time", "execution time", "elapsed")  # mean a latency only with a unit of time


@dataclass(frozen=True)
class Field:
    """Something that a column may hold. `unit` is ours; None for a name or a text."""

    name: str
    label: str
    unit: str | None
    headers: tuple[str, ...]
    required: bool = False


FIELDS: tuple[Field, ...] = (
    Field("network", "network", None, ("network", "net", "model", "model name", "architecture", "dln", "dnn"), True),
    Field("device", "device", None, ("device", "hardware", "board", "phone", "target", "machine", "device name"), True),
    Field(
        "optimization", "precision or optimization", None,
        ("precision", "optimization", "optimisation", "quantization", "quantisation", "dtype", "data type"),
        True,
    ),
    Field("runtime", "runtime", None, ("runtime", "framework", "library", "engine", "backend"), True),
    Field("purpose", "purpose", None, ("purpose", "task", "use case"), True),
    Field("compute_unit", "compute unit", None, ("compute unit", "unit", "processor", "delegate", "accelerator")),
    Field("test_set", "test data", None, ("dataset", "data set", "test set", "test data", "testset", "evaluated on")),
    Field("metric", "metric", None, ("metric",)),
    Field("variant", "variant of the weights", None, ("variant", "weights", "checkpoint", "weights name", "version")),
    Field("device_type", "kind of device", None, ("device type", "kind of device", "device kind")),
    Field("note", "note", None, ("note", "notes", "comment", "comments", "remark", "source", "reference")),
    Field("date", "date", None, ("date", "day", "measured on", "measured at")),
    Field(
        "inference_latency_ms", "latency", "ms",
        ("latency", "inference latency", "inference time", "inference", "latency p50", "median latency", "mean latency",
         "average latency", "avg latency", "latency mean", "latency median", "latency avg", "time per inference"),
    ),
    Field(
        "system_latency_ms", "system latency", "ms",
        ("system latency", "end to end latency", "e2e latency", "e2e", "total latency", "response time"),
    ),
    Field(
        "throughput_per_s", "throughput", "1/s",
        ("throughput", "fps", "ips", "qps", "images per second", "inferences per second", "frames per second",
         "samples per second", "inf per sec"),
    ),
    Field("accuracy_percent", "accuracy", "%", ("accuracy", "acc", "test accuracy", "top1", "top 1", "top 1 accuracy",
                                                "top1 accuracy", "top 1 acc", "top1 acc")),
    Field("stability_percent", "stability", "%", ("stability",)),
    Field("size_kib", "size", "KiB", ("size", "model size", "file size", "disk size")),
    Field(
        "peak_memory_mib", "peak memory", "MiB",
        ("memory", "peak memory", "ram", "peak ram", "memory usage", "memory peak", "max memory"),
    ),
    Field("average_power_w", "power", "W", ("power", "average power", "avg power", "power draw")),
    Field("tokens_per_s", "tokens a second", "1/s", ("tokens per second", "tokens", "tok per s", "generation speed")),
    Field("time_to_first_token_ms", "time to first token", "ms", ("time to first token", "ttft")),
    Field("energy_mj", "energy", "mJ", ("energy", "energy per inference")),
    Field("parameters", "parameters", "", ("params", "parameters", "number of parameters", "num params")),
    Field("samples", "samples", "", ("samples", "test samples", "number of samples")),
    Field("batch", "batch size", "", ("batch", "batch size", "batchsize")),
    Field("year_created", "year", "", ("year", "year created")),
)  # fmt: skip
FIELD = {f.name: f for f in FIELDS}
_BY_HEADER = {header: f.name for f in FIELDS for header in f.headers}


@dataclass(frozen=True)
class Column:
    """What one column was taken for; `field` is empty for one that is not used, and `fault` says why if it is wrong.

    `unit` is as the header has it, `factor` turns its numbers into the field's unit; without a unit in the header
    the numbers are taken to be in ours, and `assumed` says so.
    """

    header: str
    field: str
    unit: str = ""
    factor: float = 1.0
    assumed: bool = False
    metric: str = ""
    fault: str = ""


def columns(headers: Iterable[str], chosen: Mapping[str, str] | None = None) -> tuple[Column, ...]:
    """A proposal for each header; `chosen` (header → field, "" for none) is what a person said instead.

    Raises ValueError when `chosen` names a field that there is not.
    """
    chosen = chosen or {}
    unknown = sorted(set(chosen.values()) - set(FIELD) - {""})
    if unknown:
        raise ValueError(f"no field is called {', '.join(unknown)}; there are {', '.join(FIELD)}")
    found: list[Column] = []
    for header in headers:
        column = _column(header, chosen.get(header))
        first = next((c for c in found if column.field and c.field == column.field), None)
        if first is not None:
            column = Column(header, "", fault=f"{first.header!r} is taken for {FIELD[column.field].label} already")
        found.append(column)
    return tuple(found)


def decimal_sign(cells: Iterable[str]) -> str:
    """What parts off the decimals in a table whose cells semicolons part: "," or ".", or "" when no cell tells.

    `0,31` and `1.234,5` tell a comma, `0.31` a point, and of `1,234` alone nobody can know. Where both are told, it is
    the point, so that numbers with a comma are refused.
    """
    found = {sign for cell in cells if (match := _NUMBER.fullmatch(cell)) for sign in _told_by(match[1])}
    return "." if "." in found else "," if found else ""


def number(text: str, column: Column, decimal: str = ".") -> float | None:
    """The number in a cell, in the unit of its field; a unit in the cell goes before that of the header.

    `decimal` is as `decimal_sign` has it. None for an empty cell. Raises ValueError for what is no number, may be two
    of them, or has a unit that is not known.
    """
    if text.strip().casefold() in NOT_KNOWN:
        return None
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text.strip()[:40]!r} is not a number")
    factor = column.factor
    if match[2]:
        unit = FIELD[column.field].unit or ""
        given = _factor(match[2], unit)
        if given is None:
            raise ValueError(f"{match[2][:20]!r} in {text.strip()[:40]!r} is not a unit of {FIELD[column.field].label}")
        factor = given
    return to_unit(_with_point(match[1], decimal), "") * factor


def _told_by(digits: str) -> Iterator[str]:
    """The sign of the decimals, where a number can be read in one way only."""
    for sign, other in ((",", "."), (".", ",")):
        whole, parted, decimals = digits.partition(sign)
        grouped = re.fullmatch(rf"[+-]?\d{{1,3}}(?:\{other}\d{{3}})+", whole) is not None
        plain = re.fullmatch(r"[+-]?\d*", whole) is not None
        may_be_group = re.fullmatch(r"[+-]?[1-9]\d{0,2}", whole) is not None and re.fullmatch(r"\d{3}", decimals)
        if parted and re.fullmatch(r"\d+(?:[eE][+-]?\d+)?", decimals) and (grouped or (plain and not may_be_group)):
            yield sign


def _with_point(digits: str, decimal: str) -> str:
    """The same number as English writes it. Raises ValueError where `1,234` may be two numbers."""
    other = "." if decimal == "," else ","
    if decimal == "." or digits.count(",") > 1:
        return digits
    if re.fullmatch(rf"[+-]?[1-9]\d{{0,2}}\{other}\d{{3}}", digits):
        groups, decimals = re.sub(r"[.,]", "", digits), digits.replace(".", ",")
        raise ValueError(f"{digits} may be a thousand times {decimals}; write {groups} or {decimals}0")
    return digits.replace(".", "").replace(",", ".") if decimal == "," else digits


def _column(header: str, chosen: str | None) -> Column:
    base, unit = _split(header)
    words = _words(base)
    name = _BY_HEADER.get(words, "") if chosen is None else chosen
    if chosen is None and words in _TIMES and unit and _factor(unit, "ms") is not None:
        name = "inference_latency_ms"
    if not name and chosen is None and not unit:
        return Column(header, "")
    if not name:
        words = _words(header)
        name = _BY_HEADER.get(words, "") if chosen is None else ""
        unit = ""
        if not name:
            return Column(header, "")
    field = FIELD[name]
    metric = "top-1" if words.startswith(("top1", "top 1")) else ""
    if field.unit is None:
        return Column(header, name)
    if not unit:
        stated = words in ("fps", "ips", "qps") or "per second" in words or not field.unit
        return Column(header, name, field.unit, assumed=not stated, metric=metric)
    factor = _factor(unit, field.unit)
    if factor is None:
        return Column(header, "", unit, fault=f"{unit!r} is not a unit of {field.label}; write it in {field.unit}")
    return Column(header, name, unit, factor, metric=metric)


def _split(header: str) -> tuple[str, str]:
    """`latency (s)`, `latency [s]`, `latency_s`, `latency in s` → (`latency`, `s`)."""
    bracketed = re.fullmatch(r"\s*(.*?)\s*[(\[]\s*([^()\[\]]+?)\s*[)\]]\s*", header)
    if bracketed:
        return bracketed[1], bracketed[2]
    trailing = re.fullmatch(r"\s*(.+?)(?:\s+in\s+|[\s_,]+|(?=%))([^\s_]+)\s*", header)
    if trailing and any(
        _factor(trailing[2], unit) is not None for unit in {f.unit for f in FIELDS if f.unit is not None}
    ):
        return trailing[1], trailing[2]
    return header, ""


def _factor(unit: str, target: str) -> float | None:
    """How many of our unit one of the written unit is; None for a unit of something else."""
    written = unit.strip().casefold()
    known = {name.casefold(): factor for name, factor in FACTORS.get(target, {}).items() if name}
    return {**known, **_UNITS.get(target, {})}.get(written)


def _words(text: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9]+", " ", text.casefold()).split())
