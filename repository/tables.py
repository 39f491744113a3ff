"""What a projection is made of: what the graph says, of all models or of some, by the columns that it fills."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from ontology.namespaces import PREFIXES
from repository.graph import Graph
from repository.rq import bind, query
from repository.terms import Name, local

Described = Mapping[str, Mapping[str, Any]]
Table = dict[str, list[str | None]]
"""Columns of equal length by the names of a query's variables, as text; None where one is unbound."""
Statements = dict[str, list[tuple[str, str]]]
"""For each column of `queries/projection/statements.rq` whole IRIs of things, each with what is said of it."""

_SEVERAL = frozenset({"device_type", "processor_kind", "operating_system", "framework", "security_protocol"})
_OF_THINGS_NAMED = ("performance", "trained", "optimization", "runtime", "network")  # by models
_NAMED = frozenset({"model", "metric", "property", "scale", "purpose", "test_set", "device", "cloud"})
_PREFIX_OF = {iri: prefix for prefix, iri in PREFIXES.items()}
_FEW = 1_000  # lines; a reader for many takes a millisecond to begin


@dataclass(frozen=True)
class Scale:
    """A frozen rating scale: the figure's values at equally spaced quantiles of the group it was made from."""

    objective: str
    figure: str
    purpose: str | None
    metric: str | None
    test_set: str | None
    version: int
    members: int
    breakpoints: tuple[float, ...]
    obtained: str


@dataclass(frozen=True)
class Around:
    """What the rows of models are read with: everything that is not a row a model."""

    devices: Described
    clouds: Described
    labels: Mapping[tuple[str, str], str]
    broader: Mapping[tuple[str, str], frozenset[str]]
    scales: tuple[Scale, ...]
    higher_is_better: Mapping[str, bool]
    metric_units: Mapping[str, str]
    rules: Mapping[str, str]


@dataclass(frozen=True)
class Tables:
    """What the graph says of models and of what they name, by whole IRIs; `votes` has local names."""

    models: Collection[str]
    said: Statements
    votes: Table

    def one(self, column: str) -> dict[str | None, str]:
        """What is said of each thing; the smallest text where there are several, whatever order the engine has."""
        told = self.said.get(column, [])
        found = dict(told)
        return cast("dict[str | None, str]", found if len(found) == len(told) else dict(sorted(told, reverse=True)))

    def several(self, column: str) -> dict[str | None, list[str]]:
        """All that is said of each thing, sorted."""
        found: dict[str | None, list[str]] = defaultdict(list)
        for thing, value in sorted(self.said.get(column, [])):
            found[thing].append(value)
        return dict(found)


def read(graph: Graph) -> Tables:
    """What is said of all models, and of everything else."""
    models = cast("list[str]", _read(graph, query("projection/models"))["model"])
    return Tables(models, statements(graph), _table(graph, "votes"))


def read_some(graph: Graph, models: Collection[str]) -> Tables:
    """What is said of these models (local names) only, and of what they name."""
    wanted = [Name("m", name) for name in sorted(models)]
    known = _read(graph, bind(query("projection/models"), model=wanted))["model"]
    said = statements(graph, wanted)
    for columns in (_OF_THINGS_NAMED, ("training_data_set",)):
        named = {value for column in columns for _, value in said.get(column, ())}
        for column, told in statements(graph, [name for name in map(_name, sorted(named)) if name]).items():
            said.setdefault(column, []).extend(told)
    return Tables(cast("list[str]", known), said, _table(graph, "votes", "model", wanted))


def statements(graph: Graph, things: Collection[Name] | None = None) -> Statements:
    """What is said of all things, or of these."""
    text = query("projection/statements")
    if things is not None:
        if not things:
            return {}
        text = bind(text, thing=things)
    told = graph.query(text)
    if told.count(b"\n") < _FEW:
        rows = iter(csv.reader(io.StringIO(told.decode(), newline="")))
        next(rows)
        found: Statements = defaultdict(list)
        for thing, column, value in rows:
            found[column].append((thing, value))
        return dict(found)
    frame = pd.read_csv(io.BytesIO(told), dtype=object, keep_default_na=False)
    codes, columns = pd.factorize(frame["column"])
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(columns) + 1))
    named, values = (frame[n].to_numpy(dtype=object)[order].tolist() for n in ("thing", "value"))
    return {
        column: list(zip(named[begin:end], values[begin:end], strict=True))
        for column, begin, end in zip(columns, ends, ends[1:], strict=False)
    }


def read_around(graph: Graph, tables: Tables) -> Around:
    """Everything that is not a row a model; `tables` are those of all models."""
    metrics, rules = _table(graph, "metrics"), _table(graph, "rules")
    return Around(
        devices=described(graph, "devices"),
        clouds=described(graph, "clouds"),
        labels=labels(tables.said, tables.models),
        broader=broader(graph),
        scales=scales(graph),
        higher_is_better={m: d != "false" for m, d in _pairs(metrics, "metric", "higher_is_better")},
        metric_units={m: u for m, u in _pairs(metrics, "metric", "unit") if u is not None},
        rules={o: str(r) for o, r in _pairs(rules, "objective", "rule")},
    )


def described(graph: Graph, table: str, names: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
    """property → value of each of the `devices` or `clouds`; tuples where a thing may have several.

    With `names` only of these.
    """
    key, prefix = ("device", "dev") if table == "devices" else ("cloud", "cloud")
    rows = _table(graph, table, key, None if names is None else [Name(prefix, n) for n in sorted(names)])
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for thing, prop, value in _rows(rows, key, "property", "value"):
        name = _snake(prop)
        if name in _SEVERAL:
            short = local(value) if name == "device_type" else value
            found[thing][name] = tuple(sorted({*found[thing].get(name, ()), short}))
        else:
            found[thing][name] = local(value) if name in ("price_evidence", "variant_of") else value
    return dict(found)


def labels(said: Statements, models: Collection[str]) -> dict[tuple[str, str], str]:
    """What a person reads, by prefix and local name; that of a model is in its row."""
    found, left_out = {}, frozenset(models)
    for column in ("pref_label", "label"):
        told = [row for row in said.get(column, ()) if row[0] not in left_out]
        for thing, label in sorted(told, reverse=True):  # of several the smallest, whatever order the engine has
            if name := _name(thing):
                found[name.prefix, name.local] = label
    return found


def broader(graph: Graph) -> dict[tuple[str, str], frozenset[str]]:
    """Every narrower name with itself and all its broader ones, transitively."""
    rows = _read(graph, query("projection/broader"))
    direct: dict[tuple[str, str], set[str]] = defaultdict(set)
    for narrower, wider in _rows(rows, "narrower", "broader"):
        direct[_PREFIX_OF[narrower[: narrower.rfind("/") + 1]], local(narrower)].add(local(wider))

    def closure(prefix: str, name: str, seen: frozenset[str]) -> frozenset[str]:
        if name in seen:
            return seen
        for wider in direct.get((prefix, name), ()):
            seen = closure(prefix, wider, seen | {name})
        return seen | {name}

    return {(prefix, name): closure(prefix, name, frozenset()) for prefix, name in direct}


def touched_models(graph: Graph, things: Collection[Name]) -> set[str]:
    """Local names of the models whose rows say something of these things."""
    found = _read(graph, bind(query("projection/touched"), thing=things))["model"]
    return {local(iri) for iri in found if iri is not None and iri.startswith(PREFIXES["m"])}


def _table(graph: Graph, name: str, variable: str = "", only: Collection[Name] | None = None) -> Table:
    """The rows of `queries/projection/NAME.rq` with local names for our IRIs; each distinct one is cut once."""
    text = query(f"projection/{name}")
    table = _read(graph, text if only is None else bind(text, **{variable: only}))
    for column in _NAMED.intersection(table):
        short = {iri: local(iri) for iri in set(table[column]) if iri is not None}
        table[column] = [None if iri is None else short[iri] for iri in table[column]]
    return table


def _read(graph: Graph, text: str) -> Table:
    # Not by pandas: a table of one row takes it a millisecond, and bringing a projection up to date reads ten.
    lines = csv.reader(io.StringIO(graph.query(text).decode(), newline=""))
    names = next(lines)
    # The row of a single unbound variable is a blank line.
    columns = list(zip(*(line or [""] for line in lines), strict=True)) or [()] * len(names)
    return {name: [value or None for value in column] for name, column in zip(names, columns, strict=True)}


def _name(iri: str) -> Name | None:
    """An IRI of a namespace of ours as prefix and local name."""
    prefix = _PREFIX_OF.get(iri[: max(iri.rfind("/"), iri.rfind("#")) + 1])
    return None if prefix is None else Name(prefix, local(iri))


def _rows(table: Table, *columns: str) -> Iterator[tuple[str, ...]]:
    """The rows of columns that are bound in every row."""
    return zip(*(cast("list[str]", table[c]) for c in columns), strict=True)


def _pairs(table: Table, key: str, value: str) -> Iterator[tuple[str, str | None]]:
    return zip(cast("list[str]", table[key]), table[value], strict=True)


def _snake(camel: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in camel)


def scales(graph: Graph) -> tuple[Scale, ...]:
    """The rating scales of the newest version, in the order of their names."""
    rows = _table(graph, "scales")
    bound = ("objective", "figure", "version", "members", "breakpoints")
    optional = zip(rows["purpose"], rows["metric"], rows["test_set"], rows["obtained"], strict=True)
    found = []
    for (objective, figure, version, members, breakpoints), (purpose, metric, test_set, obtained) in zip(
        _rows(rows, *bound), optional, strict=True
    ):
        points = tuple(float(b) for b in breakpoints.split())
        scale = Scale(objective, figure, purpose, metric, test_set, int(version), int(members), points, str(obtained))
        found.append(scale)
    newest = max((s.version for s in found), default=0)
    return tuple(s for s in found if s.version == newest)
