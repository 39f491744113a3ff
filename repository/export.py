"""One wide table for analysts outside: the projection itself, one row a model, and the dictionary of its columns.

Both come from one list of columns, so that none is without its words; the words are those of `ontology/dlom.ttl`.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

import numpy as np
import pandas as pd
import pyoxigraph as ox
from numpy.typing import NDArray

from ontology.namespaces import NAMESPACE
from ontology.records import (
    DataSet,
    Device,
    Grade,
    Model,
    Network,
    Optimization,
    Performance,
    Record,
    Runtime,
    TrainedNetwork,
    camel,
    figure_kinds,
)
from repository.projection import Coded, Projection
from repository.terms import curie_node

SEPARATOR = "; "  # between several names in one cell
MOST_VALUES = 40  # names that the dictionary lists for a column; of a longer list it says how many there are
NONE_KNOWN = "none"  # written where a list is known to be empty; an empty cell is not known

# The columns before the figures, in order: name in the projection, and the record and field that it is.
_LAYOUT: tuple[tuple[str, type[Record], str], ...] = (
    ("source", Model, "source"),
    ("network", Model, "network"),
    ("family", Network, "family"),
    ("purpose", Model, "purpose"),
    ("application_area", Model, "application_area"),
    ("device", Model, "device"),
    ("device_type", Device, "device_type"),
    ("runtime", Model, "runtime"),
    ("runtime_library", Runtime, "library"),
    ("compute_unit", Runtime, "compute_unit"),
    ("optimization", Model, "optimization"),
    ("technique", Optimization, "technique"),
    ("precision", Optimization, "precision"),
    ("algorithm", Optimization, "algorithm"),
    ("cloud", Model, "cloud"),
    ("year_created", Model, "year_created"),
    ("licence", Model, "licence"),
    ("commercial_use", Model, "commercial_use"),
    ("obtain", Model, "obtain"),
    ("number_of_devices", Model, "number_of_devices"),
    ("declared_total_cost_usd", Model, "declared_total_cost_usd"),
    ("other_cost_usd", Model, "other_cost_usd"),
    ("declared_rating", Model, "declared_rating"),
    ("replaced_by", Model, "replaced_by"),
    ("trained", Model, "trained_network"),
    ("weights_name", TrainedNetwork, "weights_name"),
    ("training_data_set", TrainedNetwork, "training_data_set"),
    ("training_domain", DataSet, "domain"),
    ("classes", DataSet, "classes"),
    ("examples", DataSet, "examples"),
    ("hyper_parameters", TrainedNetwork, "hyper_parameters"),
    ("activation", TrainedNetwork, "activation"),
    ("loss_function", TrainedNetwork, "loss_function"),
    ("layers", TrainedNetwork, "layers"),
    ("inputs", TrainedNetwork, "inputs"),
    ("outputs", TrainedNetwork, "outputs"),
    ("input_shape", TrainedNetwork, "input_shape"),
    ("parameters", TrainedNetwork, "parameters"),
    ("macs", TrainedNetwork, "macs"),
    ("cpu_cores", Device, "cpu_cores"),
    ("clock_ghz", Device, "clock_ghz"),
    ("processor_kind", Device, "processor_kind"),
    ("ram_mib", Device, "ram_mib"),
    ("flash_mib", Device, "flash_mib"),
    ("has_camera", Device, "has_camera"),
    ("framework", Device, "framework"),
    ("chipset", Device, "chipset"),
    ("vendor", Device, "vendor"),
    ("form_factor", Device, "form_factor"),
    ("sold_singly", Device, "sold_singly"),
    ("reference_device", Device, "reference_device"),
    ("device_power_w", Device, "device_power_w"),
    ("price_usd", Device, "price_usd"),
    ("price_evidence", Device, "price_evidence"),
    ("price_source", Device, "price_source"),
)
_BESIDE_ACCURACY = (("metric", Performance, "metric"), ("test_set", Performance, "test_set"))

# Columns that are no property of the ontology, and the three published terms that it does not describe.
_DERIVED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "model": ("name of the model", "The local name at the end of its IRI, after https://w3id.org/dlom/model/."),
        "model_label": ("model", "What a person reads for it."),
        "retained_percent": (
            "quality kept",
            "100 × quality of the model over that of its float original, in the same metric on the same samples.",
        ),
        "user_rating": (
            "user rating",
            "Mean of the users' votes, 1 to 5; what the source declares where nobody has voted.",
        ),
        "metric_unit": ("unit of the metric", "The unit of metric_value."),
        "licence": ("licence", "Of the model, as its source states it."),
        "replaced_by": ("replaced by", "The model that is used in its place, as someone decided here."),
        "source": ("source", "Who tells of the model."),
        "_source": ("source of the figure", "Who tells of it."),
        "_obtained": ("date of the figure", "When it was obtained or published, where that is stated."),
        "_carried": ("carried over", "Whether it was obtained on another device and carried over to this one."),
    }
)
HERE = "DLOM's wide table"


@dataclass(frozen=True)
class _Column:
    """One column of the table with its words."""

    name: str
    label: str
    meaning: str
    unit: str
    type: str  # text, names, number, integer, flag or date
    words: str
    make: Callable[[Projection], pd.Series]
    listed: bool = False  # whether its values are worth listing


def wide_table(projection: Projection) -> pd.DataFrame:
    """One row a model: names beside labels, and each figure beside its grade, source, date and whether it was carried.

    Numbers are float64, counts Int64, flags boolean, the rest text; what is not known is missing, never zero.
    """
    return pd.DataFrame({c.name: c.make(projection) for c in _columns()}, index=pd.RangeIndex(len(projection)))


def dictionary(projection: Projection) -> pd.DataFrame:
    """For each column of the table: column, label, meaning, unit, type, allowed values, and whose words these are."""
    return pd.DataFrame(
        [(c.name, c.label, c.meaning, c.unit, c.type, _allowed(c, projection), c.words) for c in _columns()],
        columns=["column", "label", "meaning", "unit", "type", "allowed", "words"],
    )


def as_csv(projection: Projection, rows: Sequence[int] | NDArray[np.int64] | None = None) -> bytes:
    """The table, or these rows of it, as CSV in UTF-8; an empty cell is not known, flags are true and false."""
    table = wide_table(projection)
    if rows is not None:
        table = table.iloc[rows].copy()
    for column in table.columns[table.dtypes == "boolean"]:
        table[column] = table[column].map({True: "true", False: "false"}, na_action="ignore").astype("string")
    return bytes(table.to_csv(index=False, lineterminator="\n").encode("utf-8"))


def as_parquet(projection: Projection) -> bytes:
    """The table as Parquet; every column carries its label, meaning and unit as metadata of its field."""
    import pyarrow as pa  # type: ignore[import-untyped]  # heavy, and needed for this only
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    table = pa.Table.from_pandas(wide_table(projection), preserve_index=False)
    described = [
        table.schema.field(c.name).with_metadata({"label": c.label, "meaning": c.meaning, "unit": c.unit})
        for c in _columns()
    ]
    buffer = io.BytesIO()
    pq.write_table(table.cast(pa.schema(described, metadata=table.schema.metadata)), buffer)
    return buffer.getvalue()


def read_csv(content: bytes) -> pd.DataFrame:
    """A CSV of `as_csv` with the types of `wide_table`, as an analyst would read it with the dictionary at hand."""
    kinds = {"number": "float64", "integer": "Int64", "flag": "boolean"}
    types = {c.name: kinds.get(c.type, "string") for c in _columns()}
    return pd.read_csv(io.BytesIO(content), dtype=types, keep_default_na=False, na_values=[""])


def export(projection: Projection, file: Path) -> int:
    """Write the table to FILE.csv or FILE.parquet, or the dictionary to FILE.dictionary.csv; the rows written.

    The file is there whole or not at all. Raises ValueError for another ending.
    """
    if file.name.endswith(".dictionary.csv"):
        table = dictionary(projection)
        content, rows = table.to_csv(index=False, lineterminator="\n").encode("utf-8"), len(table)
    elif file.suffix == ".csv":
        content, rows = as_csv(projection), len(projection)
    elif file.suffix == ".parquet":
        content, rows = as_parquet(projection), len(projection)
    else:
        raise ValueError(f"{file.name} ends in {file.suffix or 'nothing'}; write a name that ends in .csv or .parquet")
    handle, temporary = tempfile.mkstemp(dir=file.absolute().parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return rows


@cache
def _columns() -> tuple[_Column, ...]:
    found = [
        _derived("model", lambda p: _text(p.models["model"])),
        _derived("model_label", lambda p: _text(p.models["label"])),
    ]
    for name, record, field in _LAYOUT:
        found += _described(name, record, field)
    found.append(_derived("user_rating", lambda p: _number(p.columns["user_rating"]), kind="number"))
    for kind in figure_kinds():
        found += _figure(kind.name)
        if kind.name == "accuracy_percent":
            for name, record, field in _BESIDE_ACCURACY:
                found += _described(name, record, field)
            found += [
                _derived("metric_unit", lambda p: _text([p.metric_units.get(m) for m in p.models["metric"]])),
                _of_field("samples", Performance, "samples", _samples, kind="integer"),
                _derived("retained_percent", lambda p: _number(p.columns["retained_percent"]), kind="number", unit="%"),
            ]
    return tuple(found)


def _described(name: str, record: type[Record], field: str) -> Iterator[_Column]:
    """The column of one property, and of names the column of their labels."""
    about = _field(record, field)
    prefix = about.metadata.get("prefix", "")
    hint = next(a for a in get_args(get_type_hints(record)[field]) if a is not type(None))  # of `X | None` the X
    plain = {float: "number", int: "integer", bool: "flag", Grade: "text"}
    kind = "names" if get_args(hint) else plain.get(hint, "text")

    def make(p: Projection) -> pd.Series:
        values = _values(p, name, prefix)
        if kind == "number":
            return _number(values)
        if kind == "integer":
            return pd.Series(_number(values)).astype("Int64")
        if kind == "flag":
            return pd.Series(values, dtype="boolean")
        return _text([_joined(v) for v in values])

    if name in _DERIVED:
        yield _derived(name, make, kind=kind, listed=True)
    else:
        yield _of_field(name, record, field, make, kind=kind, listed=bool(prefix) or hint is Grade)
    if prefix:

        def labels(p: Projection) -> pd.Series:
            return _text([_joined(v, lambda n: p.label(prefix, n)) for v in _values(p, name, prefix)])

        yield _Column(f"{name}_label", f"label of {name}", f"What a person reads for {name}.", "", kind, HERE, labels)


def _figure(name: str) -> Iterator[_Column]:
    """A figure, and how it was obtained."""
    yield _of_field(name, Performance, name, lambda p: _number(p.columns[name]), kind="number")

    def taken(p: Projection, column: str) -> list[Any]:
        values = [*p.performances[column], None]
        return [values[row] for row in p.figure_rows[name]]

    grades = [grade.value for grade in Grade]
    yield _of_field(
        f"{name}_grade",
        Performance,
        "evidence",
        lambda p: _text([grades[rank] if rank >= 0 else None for rank in p.evidence[name]]),
        listed=True,
    )
    yield _derived(f"{name}_source", lambda p: _text(taken(p, "source")), like="_source", listed=True)
    yield _derived(f"{name}_obtained", lambda p: _text(taken(p, "obtained")), kind="date", like="_obtained")
    yield _derived(
        f"{name}_carried",
        lambda p: pd.Series(
            [
                None if row < 0 else isinstance(origin, str)
                for row, origin in zip(p.figure_rows[name], taken(p, "carried_from"), strict=True)
            ],
            dtype="boolean",
        ),
        kind="flag",
        like="_carried",
    )


def _samples(p: Projection) -> pd.Series:
    """How many examples stand behind the model's quality."""
    rows = np.maximum(p.figure_rows["accuracy_percent"], p.figure_rows["metric_value"])
    values = [*p.performances["samples"], None]
    return pd.Series(pd.to_numeric(pd.Series([values[row] for row in rows], dtype=object))).astype("Int64")


def _values(p: Projection, name: str, prefix: str) -> Any:
    """What the projection holds under a name: an array of numbers, or a list of names, sets of names and flags."""
    if name in p.models.columns and name not in p.columns:
        return p.models[name]
    if name not in p.columns:
        return [p.devices.get(d, {}).get(name) if isinstance(d, str) else None for d in p.models["device"]]
    column = p.columns[name]
    if not isinstance(column, Coded):
        return column
    meant = [narrowest(p, prefix, v) if isinstance(v, frozenset) else v for v in column.values]
    return [meant[code] for code in column.codes]


def narrowest(projection: Projection, prefix: str, names: frozenset[str]) -> tuple[str, ...]:
    """Of names with their broader ones those that were stated: no other one is a narrower case of them."""
    return tuple(sorted(n for n in names if not any(n != m and n in projection.with_broader(prefix, m) for m in names)))


def _joined(value: object, read: Callable[[str], str] = str) -> str | None:
    if isinstance(value, str):
        return read(value)
    if isinstance(value, tuple | frozenset):
        return SEPARATOR.join(read(n) for n in value) if value else NONE_KNOWN
    return None


def _text(values: Iterable[Any]) -> pd.Series:
    return pd.Series([v if isinstance(v, str) else None for v in values], dtype="string")


def _number(values: Any) -> pd.Series:
    return pd.Series(pd.to_numeric(pd.Series(values)), dtype="float64").reset_index(drop=True)


def _of_field(
    name: str,
    record: type[Record],
    field: str,
    make: Callable[[Projection], pd.Series],
    *,
    kind: str = "text",
    listed: bool = False,
) -> _Column:
    term = NAMESPACE + camel(field)
    label, comment = _words()[term]
    unit = _field(record, field).metadata.get("unit", "")
    unit = "as metric_unit says" if field == "metric_value" else unit
    return _Column(name, label, comment, unit, kind, f"ontology, :{camel(field)}", make, listed)


def _derived(
    name: str,
    make: Callable[[Projection], pd.Series],
    *,
    kind: str = "text",
    unit: str = "",
    like: str = "",
    listed: bool = False,
) -> _Column:
    label, meaning = _DERIVED[like or name]
    return _Column(name, label, meaning, unit, kind, HERE, make, listed)


def _field(record: type[Record], name: str) -> Field[Any]:
    return next(f for f in fields(record) if f.name == name)


@cache
def _words() -> Mapping[str, tuple[str, str]]:
    """Label and comment of every term of the ontology."""
    store = ox.Store()
    store.load(files("ontology").joinpath("dlom.ttl").read_bytes(), format=ox.RdfFormat.TURTLE)
    said: dict[str, dict[str, str]] = {"rdfs:label": {}, "rdfs:comment": {}}
    for curie, found in said.items():
        for quad in store.quads_for_pattern(None, curie_node(curie), None):
            if isinstance(quad.subject, ox.NamedNode) and isinstance(quad.object, ox.Literal):
                found[quad.subject.value] = quad.object.value
    return {term: (label, said["rdfs:comment"].get(term, "")) for term, label in said["rdfs:label"].items()}


def _allowed(column: _Column, projection: Projection) -> str:
    if column.type == "flag":
        return "true, false"
    if column.label == "evidence" or column.name == "price_evidence":
        return ", ".join(grade.value for grade in Grade)
    if not column.listed:
        return ""
    cells = column.make(projection).dropna().unique()
    used = sorted({name for cell in cells for name in str(cell).split(SEPARATOR)})
    return ", ".join(used) if len(used) <= MOST_VALUES else f"{len(used)} different ones"
