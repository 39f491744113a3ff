"""Does a column of an analyst's result mix metrics or data sets? Accuracies compare only within one of each.

The query is parsed, columns are traced back to `:accuracyPercent` and `:metricValue` (through BIND, aggregates and
sub-selects), and the same pattern is asked once more for the metrics and data sets behind each such column. So a FILTER
or VALUES that fixes the metric counts, and so does a pattern that happens to find one metric only.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pandas as pd

from ontology.namespaces import NAMESPACE, PREFIXES
from repository.clauses import CannotFollow, Clauses, after_prologue, cut, is_select, sub_selects, without_comments
from repository.graph import Format, Graph, GraphError
from repository.guard import RefusedQuery, check
from repository.knowledge import Knowledge
from repository.terms import local, prologue, with_prologue

CHECK_SECONDS = 5.0  # for each query of the check, beside the analyst's own: no answer waits long for a warning
QUALITY = (NAMESPACE + "accuracyPercent", NAMESPACE + "metricValue")
_METRIC, _TEST_SET = NAMESPACE + "metric", NAMESPACE + "testSet"
_LABELS = (PREFIXES["rdfs"] + "label", PREFIXES["skos"] + "prefLabel")
_OWN = "mixing_"  # what our variables begin with
_NO_QUALITY = ("Aggregate_Count", "RelationalExpression", "Builtin_BOUND")  # whose value is no longer one of quality


@dataclass(frozen=True)
class Group:
    """One metric on one data set, as a person reads them; None where the graph does not say."""

    metric: str | None
    test_set: str | None


@dataclass(frozen=True)
class Mixed:
    """A column of the result whose values do not all compare, with what it mixes, in alphabetical order.

    `told` says that the metric and the data set are themselves columns wherever they differ: the reader can see which
    rows compare, but sorting or averaging the column would still mix them.
    """

    column: str
    groups: tuple[Group, ...]
    told: bool

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it mixes, at least one."""
        return tuple(dict.fromkeys(g.metric or "not stated" for g in self.groups))

    @property
    def test_sets(self) -> tuple[str, ...]:
        """The data sets that it mixes, at least one."""
        return tuple(dict.fromkeys(g.test_set or "not stated" for g in self.groups))


@dataclass(frozen=True)
class Checked:
    """What was found. `reason` says why the query could not be checked; it is empty where it could."""

    mixed: tuple[Mixed, ...] = ()
    reason: str = ""


@dataclass
class _Level:
    """One SELECT, with patterns that find the metric and the data set behind its columns."""

    query: Clauses
    where: str
    added: list[str] = field(default_factory=list)
    behind: dict[str, set[int]] = field(default_factory=dict)  # column → the sources of quality behind it
    columns: list[str] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)  # columns that are variables of the pattern
    aggregated: bool = False
    told: dict[int, tuple[set[str], set[str]]] = field(default_factory=dict)  # columns of a source's metric, test set


class Limited:
    """A graph for `mixing`, whose queries keep within `CHECK_SECONDS` and the limits for queries from outside."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def query(self, text: str, format: Format = Format.CSV) -> bytes:
        """A query of the check. Raises GraphError or RefusedQuery."""
        return self._knowledge.answer(text, format, seconds=CHECK_SECONDS).body


def mixing(text: str, graph: Graph) -> Checked:
    """What the columns of a SELECT's result mix. `graph` answers up to one query for each column of quality.

    Give a graph with limits of time for queries from outside. Never raises for a query: one that cannot be read,
    followed or run gives a reason instead. HAVING and LIMIT of a query with aggregates are not taken into account, so
    that such a query may be warned of although the rows that it keeps do compare.
    """
    try:
        whole = without_comments(with_prologue(text))
        if check(whole):
            return Checked()  # a graph has no columns
        if not is_select(whole):
            return Checked()
        begin = after_prologue(whole)
        declared = whole[:begin]
        level = _level(declared, whole[begin:], count())
        found = [_mixed(graph, declared, level, column) for column in level.columns if level.behind.get(column)]
    except (RefusedQuery, GraphError, CannotFollow) as error:
        return Checked(reason=str(error))
    except RecursionError:
        return Checked(reason="the query is nested too deeply")
    except Exception as error:  # noqa: BLE001 - rdflib's translation raises many kinds; a warning must stop no answer
        return Checked(reason=f"the query could not be followed ({type(error).__name__})")
    return Checked(tuple(m for m in found if m is not None))


def said(checked: Checked) -> tuple[str, ...]:
    """A sentence for each column, or the one that says why nothing could be said."""
    if checked.reason:
        return (f"Whether this mixes metrics or data sets could not be checked: {checked.reason}",)
    return tuple(_sentence(m) for m in checked.mixed)


def _sentence(mixed: Mixed) -> str:
    parts = []
    if len(mixed.metrics) > 1:
        parts.append(f"{len(mixed.metrics)} metrics ({_listed(mixed.metrics)})")
    if len(mixed.test_sets) > 1:
        parts.append(f"{len(mixed.test_sets)} data sets ({_listed(mixed.test_sets)})")
    ending = "compare only rows in which both are the same" if mixed.told else "its values do not compare"
    return f"Column {mixed.column} mixes {' and '.join(parts)}; {ending}."


def _listed(names: Iterable[str], most: int = 4) -> str:
    several = list(names)
    return ", ".join(several[:most]) + (f" and {len(several) - most} more" if len(several) > most else "")


def _level(declared: str, text: str, fresh: count[int]) -> _Level:
    """Everything that one SELECT says of its columns, sub-selects first."""
    query = cut(text)
    inner: dict[str, set[int]] = {}
    told: dict[int, tuple[set[str], set[str]]] = {}
    pieces, at = [], 0
    body = query.where
    for begin, end in sub_selects(body):
        below = _level(declared, body[begin:end], fresh)
        beside = _beside(below)
        pieces += [body[at:begin], f"{{ {body[begin:end]} }} {beside}" if beside else body[begin:end]]
        at = end
        for column, sources in below.behind.items():
            inner.setdefault(column, set()).update(sources)
        told.update(below.told)
    level = _Level(query, "".join([*pieces, body[at:]]))
    _follow(level, declared + text, inner, told, fresh)
    return level


def _beside(level: _Level) -> str:
    """A second sub-select to join with the first: the metrics and data sets behind its rows."""
    sources = sorted(set().union(*level.behind.values())) if level.behind else []
    if not sources:
        return ""
    names = " ".join([*(f"?{c}" for c in level.plain), *(f"?{v}" for s in sources for v in _variables(s))])
    return f"{{ SELECT DISTINCT {names} WHERE {{ {level.where} {' '.join(level.added)} }} }}"


def _follow(
    level: _Level,
    text: str,
    inner: Mapping[str, set[int]],
    inner_told: Mapping[int, tuple[set[str], set[str]]],
    fresh: count[int],
) -> None:
    """Trace the columns of one SELECT, whose sub-selects have been traced into `inner`."""
    from rdflib.plugins.sparql.algebra import translateQuery
    from rdflib.plugins.sparql.parser import parseQuery

    algebra = translateQuery(parseQuery(text)).algebra
    nodes = list(_own_nodes(algebra))
    triples = [t for n in nodes if n.name == "BGP" for t in n.triples]
    behind: dict[str, set[int]] = {column: set(sources) for column, sources in inner.items()}
    for subject, predicate, value in triples:
        path = _quality_path(predicate)
        if path is not None and _is_variable(value):
            number = next(fresh)
            level.added.append(_pattern(number, subject, predicate, path, value, triples))
            behind.setdefault(str(value), set()).add(number)
            level.told[number] = (_named(subject, _METRIC, triples), _named(subject, _TEST_SET, triples))
    level.told.update(inner_told)
    made: dict[str, Any] = {}
    for node in nodes:
        if node.name == "Extend":
            made[str(node.var)] = node.expr
        elif node.name == "AggregateJoin":
            level.aggregated = True
            made |= {str(one.res): one for one in node.A}
    for _ in range(len(made) + 1):  # each round carries sources one step further
        for name, expression in made.items():
            through = set().union(*(behind.get(v, set()) for v in _used(expression)))
            if through:
                behind.setdefault(name, set()).update(through)
    level.columns = [str(v) for v in algebra.PV]
    level.behind = {c: behind[c] for c in level.columns if behind.get(c)}
    level.plain = [c for c in level.columns if c not in made or not level.aggregated]
    if level.aggregated:  # in algebra a grouped variable is made by SAMPLE, and is still one of the pattern
        in_pattern = {str(x) for t in triples for x in t if _is_variable(x)} | set(inner)
        level.plain = [c for c in level.columns if c in in_pattern]


def _own_nodes(algebra: Any) -> Iterator[Any]:
    """The nodes of one SELECT's algebra, without those of its sub-selects."""
    from rdflib.plugins.sparql.parserutils import CompValue

    stack = [algebra]
    while stack:
        node = stack.pop()
        if isinstance(node, CompValue):
            yield node
            if node.name != "ToMultiSet":
                stack += [value for key, value in node.items() if key not in ("_vars", "PV")]
        elif isinstance(node, list | tuple):
            stack += node


def _is_variable(term: Any) -> bool:
    from rdflib import Variable

    return isinstance(term, Variable)


def _quality_path(predicate: Any) -> tuple[Any, ...] | None:
    """The steps before a property of quality at the end of a predicate or path; None for any other."""
    from rdflib.paths import AlternativePath, SequencePath

    if str(predicate) in QUALITY:
        return ()
    if isinstance(predicate, AlternativePath):
        paths = {_quality_path(one) for one in predicate.args}
        return () if () in paths else None
    if isinstance(predicate, SequencePath):
        *before, last = predicate.args
        return None if _quality_path(last) is None else (*before, *(_quality_path(last) or ()))
    return None


def _variables(source: int) -> tuple[str, str, str]:
    """Where the metric and the data set of a source stand, and what is bound where it has a value at all."""
    return f"{_OWN}metric_{source}", f"{_OWN}test_set_{source}", f"{_OWN}seen_{source}"


def _pattern(number: int, subject: Any, predicate: Any, path: tuple[Any, ...], value: Any, triples: list[Any]) -> str:
    """What finds the metric and the data set behind one value of quality, and nothing where the value is unbound."""
    from rdflib import BNode

    owner, held = f"?{_OWN}owner_{number}", f"?{_OWN}value_{number}"
    metric, test_set, seen = _variables(number)
    if path:
        if isinstance(subject, BNode):
            raise CannotFollow("a path that begins at a blank node is not followed; write a variable in its place")
        steps = "/".join(_written(step) for step in path)
        found = f"{subject.n3()} {steps} {owner} . {owner} <{QUALITY[0]}>|<{QUALITY[1]}> {held} ."
    elif isinstance(subject, BNode):  # the same blank node cannot be named twice: its triples once more, with a name
        ends = {subject: owner, value: held}
        found = " ".join(
            f"{ends.get(s) or _renamed(s, number)} {_written(p)} {ends.get(o) or _renamed(o, number)} ."
            for s, p, o in triples
            if subject in (s, o)
        )
    else:
        found = f"{subject.n3()} {_written(predicate)} {held} . BIND ({subject.n3()} AS {owner})"
    return (
        f"BIND (COALESCE({value.n3()}, <urn:none>) AS {held}) OPTIONAL {{ {found} BIND (1 AS ?{seen}) "
        f"OPTIONAL {{ {owner} <{_METRIC}> ?{metric} }} OPTIONAL {{ {owner} <{_TEST_SET}> ?{test_set} }} }}"
    )


def _renamed(term: Any, number: int) -> str:
    from rdflib import BNode

    return f"?{_OWN}{number}_{term}" if isinstance(term, BNode) else str(term.n3())


def _written(step: Any) -> str:
    return str(step.n3()) if not hasattr(step, "args") else f"({step.n3()})"


def _named(subject: Any, predicate: str, triples: list[Any]) -> set[str]:
    """The variables that hold the subject's metric or data set, or its label."""
    found = {str(o) for s, p, o in triples if s == subject and str(p) == predicate and _is_variable(o)}
    return found | {str(o) for s, p, o in triples if str(s) in found and str(p) in _LABELS and _is_variable(o)}


def _used(expression: Any) -> Iterator[str]:
    """The variables whose values go into an expression's value: not those that are only counted or compared."""
    from rdflib.plugins.sparql.parserutils import CompValue

    if _is_variable(expression):
        yield str(expression)
    elif isinstance(expression, CompValue):
        if expression.name in _NO_QUALITY and not _is_plain(expression):
            return
        for key, part in expression.items():
            if key not in ("_vars", "res", "distinct", "op"):
                yield from _used(part)
    elif isinstance(expression, list | tuple):
        for part in expression:
            yield from _used(part)


def _is_plain(expression: Any) -> bool:
    """rdflib keeps a plain operand as a comparison without an operator."""
    return expression.name == "RelationalExpression" and not expression.get("op")


def _mixed(graph: Graph, declared: str, level: _Level, column: str) -> Mixed | None:
    sources = sorted(level.behind[column])
    groups: set[Group] = set()
    for source in sources:
        groups |= _groups(graph, declared, level, source)
    if len(groups) < 2:
        return None
    metrics, test_sets = {g.metric for g in groups}, {g.test_set for g in groups}
    shown = set(level.columns)
    told = all(
        (len(metrics) < 2 or level.told[s][0] & shown) and (len(test_sets) < 2 or level.told[s][1] & shown)
        for s in sources
    )
    return Mixed(column, tuple(sorted(groups, key=lambda g: (g.metric or "", g.test_set or ""))), told)


def _groups(graph: Graph, declared: str, level: _Level, source: int) -> set[Group]:
    metric, test_set, seen = _variables(source)
    pattern = f"{{ {level.where} {' '.join(level.added)} }}"
    if level.aggregated:
        rows = f"SELECT ?{metric} ?{test_set} ?{seen} WHERE {pattern}"
    else:  # with ORDER BY and LIMIT as they stand, so that only the rows of the result count
        more = "" if "*" in level.query.select.split() else f" ?{metric} ?{test_set} ?{seen}"
        rows = f"{level.query.select}{more} WHERE {pattern} {level.query.rest}"
    asked = f"SELECT DISTINCT ?{metric} ?{test_set} WHERE {{ {{ {rows} }} FILTER (BOUND(?{seen})) }}"
    text = (
        f"{_without_labels(declared)}{prologue('rdfs', 'skos')}"
        f"SELECT ?{metric} ?{test_set} ?metric_label ?test_set_label {level.query.dataset} WHERE {{ {{ {asked} }}\n"
        # An unbound variable would take the label of everything.
        f"BIND (COALESCE(?{metric}, <urn:none>) AS ?{_OWN}m) BIND (COALESCE(?{test_set}, <urn:none>) AS ?{_OWN}t)\n"
        f"OPTIONAL {{ ?{_OWN}m skos:prefLabel ?metric_label }} OPTIONAL {{ ?{_OWN}t rdfs:label ?test_set_label }} }}"
    )
    found = pd.read_csv(io.BytesIO(graph.query(text)), dtype=str, keep_default_na=False, skip_blank_lines=False)
    return {
        Group(r[2] or (local(r[0]) if r[0] else None), r[3] or (local(r[1]) if r[1] else None))
        for r in found.itertuples(index=False)
    }


def _without_labels(declared: str) -> str:
    """The declarations of the query without those of rdfs: and skos:, which ours replace."""
    return re.sub(r"(?i)\bprefix\s+(rdfs|skos)\s*:\s*<[^>]*>", "", declared)
