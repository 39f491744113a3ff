"""What another program or a person sends to be registered: a table, Turtle, JSON-LD or records, and one answer to it.

All of it is stored or none, unless the sender asks for the good part. The same body again changes nothing and says so.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ontology.records import Grade, Model, Performance, Record, Vote
from repository import records_json, records_rdf
from repository.acts import claimed_words, latest_day, to_come_words
from repository.change import RegistrationError, turtle
from repository.comparables import known
from repository.graph import EmbeddedGraph, GraphError
from repository.knowledge import Knowledge
from repository.measurements import Named, Taken, read
from repository.plausibility import Severity, findings
from repository.register import LOCAL, Registered, trial
from repository.remote import RemoteGraph
from repository.shapes import validate
from repository.sources.names import Names
from repository.store import store
from repository.terms import node, shortened
from repository.triples import quads
from repository.withdraw import withdrawn_among

CSV, TURTLE, JSON_LD, JSON = "text/csv", "text/turtle", "application/ld+json", "application/json"
MEDIA_TYPES: Mapping[str, tuple[str, ...]] = {
    CSV: (".csv",),
    TURTLE: (".ttl",),
    JSON_LD: (".jsonld",),
    JSON: (".json",),
}
"""What can be sent, with the endings of files that hold it."""
LARGEST = 16 * 2**20  # bytes
_MEND = "mend them, or ask for the good ones only"
_ROUNDS = 5  # in which what depended on a refused thing is refused, too
_FOCUS = re.compile(r"(\w+:\S*?)(?::?\s|$)")  # the thing that a reason is about: `p:mine :sizeKib: …`, `m:mine: …`


@dataclass(frozen=True)
class Remark:
    """Something told of one row or record: `where` is `line 3` or a short name such as `m:mine`."""

    where: str
    messages: tuple[str, ...]

    def __str__(self) -> str:
        """The sentence for a person."""
        return f"{self.where}: {'; '.join(self.messages)}"


@dataclass(frozen=True)
class Outcome:
    """What came of it. Names are short (`m:mine`); with `dry_run` nothing was stored, and they say what would be.

    `new`, `updated` and `unchanged` are empty when everything was refused; `reasons` say why beyond the rows.
    `confirmations` are names that were taken for others or are new, and those that nobody knows.
    """

    new: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    rejected: tuple[Remark, ...] = ()
    warnings: tuple[Remark, ...] = ()
    confirmations: tuple[Named, ...] = ()
    reasons: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)  # of a table: header → field, or why it is not used
    dry_run: bool = False

    @property
    def refused(self) -> bool:
        """Whether nothing of it is in the graph."""
        return not (self.new or self.updated or self.unchanged)

    @property
    def status(self) -> str:
        """`stored`, `unchanged` (all of it was known), or `refused`; of a trial `would be stored`."""
        if self.refused:
            return "refused"
        if not self.new and not self.updated:
            return "unchanged"
        return "would be stored" if self.dry_run else "stored"

    @property
    def exit_code(self) -> int:
        """0 when it is in the graph (or would be), 2 when nothing of it is."""
        return 2 if self.refused else 0

    def to_json(self) -> dict[str, Any]:
        """The same as plain data, for another program."""
        return {
            "status": self.status,
            "dry_run": self.dry_run,
            "new": list(self.new),
            "updated": list(self.updated),
            "unchanged": list(self.unchanged),
            "rejected": [{"where": r.where, "reasons": list(r.messages)} for r in self.rejected],
            "warnings": [{"where": r.where, "messages": list(r.messages)} for r in self.warnings],
            "confirmations": [
                {"field": c.field, "written": c.written, "name": c.name or None, "new": c.new, "near": list(c.near)}
                for c in self.confirmations
            ],
            "reasons": list(self.reasons),
            "columns": dict(self.columns),
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Outcome:
        """What `to_json` has written. Raises KeyError or TypeError for anything else."""
        return cls(
            new=tuple(said["new"]),
            updated=tuple(said["updated"]),
            unchanged=tuple(said["unchanged"]),
            rejected=tuple(Remark(r["where"], tuple(r["reasons"])) for r in said["rejected"]),
            warnings=tuple(Remark(r["where"], tuple(r["messages"])) for r in said["warnings"]),
            confirmations=tuple(
                Named(c["field"], c["written"], c["name"] or "", c["new"], tuple(c["near"]))
                for c in said["confirmations"]
            ),
            reasons=tuple(said["reasons"]),
            columns=dict(said["columns"]),
            dry_run=said["dry_run"],
        )


@dataclass(frozen=True)
class _Bundle:
    """Records that are stored or refused together: those of one row, or of one model."""

    where: str
    records: tuple[Record, ...]


def incoming(
    body: bytes,
    media_type: str,
    knowledge: Knowledge,
    facts: Path,
    *,
    allow_new: Collection[str] | bool = False,
    good: bool = False,
    purpose: str | None = None,
    dry_run: bool = False,
    sure: bool = False,
    chosen: Mapping[str, str] | None = None,
    meant: Mapping[str, str] | None = None,
    measured_here: bool = False,
) -> Outcome:
    """Register what was sent. `facts` is the folder of the shipped facts, whose reviewed names are used.

    Of a table, `allow_new` takes unknown networks, devices and data sets (those named, or all) as new ones, `purpose`
    holds for rows that have none, `chosen` (header → field) and `meant` (written → known name) go before what is
    proposed. `good` stores what has no fault and tells the rest; `sure` accepts figures that only differ from what is
    known; `dry_run` stores nothing. `measured_here` lets acts be :measured, for what DLOM itself has measured. What is
    wrong with the body is told in the outcome; raises GraphError when the store cannot be reached.
    """
    kind = media_type.partition(";")[0].strip().lower()
    taken = Taken(chosen or {}, {"purpose": purpose} if purpose else {}, meant or {}, allow_new, sure)
    try:
        if len(body) > LARGEST:
            raise ValueError(f"{len(body):,} bytes are too many; send at most {LARGEST:,} at a time")
        if isinstance(knowledge.graph, RemoteGraph) and kind in MEDIA_TYPES and isinstance(allow_new, bool) and (
            measured_here or kind == CSV or not any(_claims(b) for b in _by_model(_records(body, kind)))
        ):  # fmt: skip
            switches = {"allow-new": allow_new, "good": good, "dry-run": dry_run, "sure": sure}
            given = [(name, "yes") for name, is_on in switches.items() if is_on]
            given += [("purpose", purpose)] if purpose else []
            given += [("map", f"{theirs}={ours}") for theirs, ours in taken.chosen.items()]
            given += [("meaning", f"{theirs}={ours}") for theirs, ours in taken.meant.items()]
            return _sent(body, kind, knowledge, knowledge.graph, given)
        if kind == CSV:
            judged, bundles = _table(body, knowledge, facts, taken)
        else:
            return records_incoming(
                _records(body, kind), knowledge, good=good, dry_run=dry_run, sure=sure, measured_here=measured_here
            )
    except RegistrationError as error:
        return Outcome(reasons=error.reasons, dry_run=dry_run)
    except ValueError as error:
        return Outcome(reasons=(str(error),), dry_run=dry_run)
    return _settled(replace(judged, dry_run=dry_run), bundles, knowledge, good=good, what="rows")


def _sent(
    body: bytes, kind: str, knowledge: Knowledge, graph: RemoteGraph, given: Sequence[tuple[str, str]]
) -> Outcome:
    """The same by the app that holds the store: it has the projection at hand, which takes seconds to fetch."""
    answer = graph.send(body, kind, given)
    try:
        outcome = Outcome.from_json(answer)
    except (KeyError, TypeError) as error:
        raise GraphError(f"{graph.url} gave an answer of another version; start the app again") from error
    if not outcome.dry_run:
        knowledge.changed()  # others write there too
    return outcome


def records_incoming(
    records: Sequence[Record],
    knowledge: Knowledge,
    *,
    good: bool = False,
    dry_run: bool = False,
    sure: bool = False,
    measured_here: bool = True,
) -> Outcome:
    """The same for records that are at hand, such as those of a model that was measured here."""
    judged, bundles = replace(judged_records(records, knowledge, sure=sure), dry_run=dry_run), _by_model(records)
    if not measured_here:
        claimed = _remarks((b.where, _claims(b)) for b in bundles)
        judged = replace(judged, rejected=(*judged.rejected, *claimed))
    return _settled(judged, bundles, knowledge, good=good, what="records")


def _settled(judged: Outcome, bundles: Sequence[_Bundle], knowledge: Knowledge, *, good: bool, what: str) -> Outcome:
    if judged.reasons:
        return judged
    judged = replace(judged, rejected=(*judged.rejected, *_remarks((b.where, _to_come(b)) for b in bundles)))
    if judged.rejected and not good:
        return replace(judged, reasons=(f"{len(judged.rejected)} of {len(bundles)} {what} are refused; {_MEND}",))
    bad = {r.where for r in judged.rejected}
    return _stored([b for b in bundles if b.where not in bad], knowledge, judged, good=good)


def _claims(bundle: _Bundle) -> list[str]:
    """Acts that say of themselves that DLOM measured them, which only DLOM can know."""
    return [
        claimed_words(f"p:{r.name}")
        for r in bundle.records
        if isinstance(r, Performance) and r.evidence is Grade.MEASURED
    ]


def _to_come(bundle: _Bundle) -> list[str]:
    """Acts of a day that has not begun anywhere on Earth."""
    return [
        to_come_words(f"p:{r.name}", r.obtained)
        for r in bundle.records
        if isinstance(r, Performance) and r.obtained is not None and r.obtained > latest_day()
    ]


def judged_records(records: Sequence[Record], knowledge: Knowledge, *, sure: bool = False) -> Outcome:
    """What looks wrong in the figures of records: models that are refused for it, and warnings."""
    owner = {p: f"m:{r.name}" for r in records if isinstance(r, Model) for p in r.performance or ()}
    told: dict[Severity, dict[str, list[str]]] = {s: defaultdict(list) for s in Severity}
    if any(isinstance(r, Performance) for r in records):
        for f in findings(records, known(knowledge.projection), sure=sure):
            told[f.severity][owner.get(f.record, f"p:{f.record}")].append(str(f))
    rejected, warnings = (_remarks(told[s].items()) for s in (Severity.ERROR, Severity.WARNING))
    return Outcome(rejected=rejected, warnings=warnings)


def _table(body: bytes, knowledge: Knowledge, facts: Path, taken: Taken) -> tuple[Outcome, list[_Bundle]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"the table is not text in UTF-8 (byte {error.start:,}); save it as CSV UTF-8") from error
    p = knowledge.projection
    preview = read(text, _names(facts), labels=p.labels, known=known(p), taken=taken)
    told = {c.header: c.fault or c.field or "not used" for c in preview.columns if c.header}
    outcome = Outcome(
        rejected=_remarks((f"line {r.line}", r.reasons) for r in preview.rejected),
        warnings=_remarks((f"line {r.line}", r.warnings) for r in preview.rows if not r.reasons),
        confirmations=preview.named,
        columns=told,
        reasons=tuple(f"no column gives the {label.lower()}" for label in preview.missing),
    )
    return outcome, [_Bundle(f"line {row.line}", row.records) for row in preview.rows]


def _records(body: bytes, kind: str) -> list[Record]:
    if kind == TURTLE:
        found = records_rdf.from_turtle(body)
    elif kind == JSON_LD:
        found = records_rdf.from_json_ld(body)
    elif kind == JSON:
        found = records_json.loads(body)
    else:
        raise ValueError(f"{kind[:60]!r} is not read; send {', '.join(MEDIA_TYPES)}")
    if not found:
        raise ValueError("there is no record in it; send at least one")
    votes = sum(isinstance(r, Vote) for r in found)
    if 0 < votes < len(found):
        raise ValueError("votes are sent by themselves, since they are stored beside what is registered")
    return [_from_here(r) for r in found]


def _from_here(record: Record) -> Record:
    """What names no source is from this installation."""
    if isinstance(record, Model | Performance) and record.source is None:
        return replace(record, source=LOCAL.name)
    return record


def _by_model(records: Sequence[Record]) -> list[_Bundle]:
    """A model with its performances, and every other record by itself: models may share it."""
    named = {(r.prefix, r.name): r for r in records}
    found, used = [], set()
    for r in records:
        if isinstance(r, Model):
            acts = [("p", name) for name in r.performance or () if ("p", name) in named]
            used |= {*acts, (r.prefix, r.name)}
            found.append(_Bundle(f"m:{r.name}", (*(named[key] for key in acts), r)))
    others = [r for r in records if (r.prefix, r.name) not in used]
    return [*(_Bundle(f"{r.prefix}:{r.name}", (r,)) for r in others), *found]


def _stored(bundles: Sequence[_Bundle], knowledge: Knowledge, judged: Outcome, *, good: bool) -> Outcome:
    for _ in range(_ROUNDS):
        records = list(dict.fromkeys(r for b in bundles for r in b.records))
        if not records:
            break
        try:
            gone = withdrawn_among(knowledge.graph, {r.name for r in records if isinstance(r, Performance)})
            if gone:
                raise RegistrationError(gone.values())
            done = _tried(knowledge, records) if judged.dry_run else store(knowledge, records)
        except RegistrationError as error:
            blamed = _blamed(bundles, error.reasons)
            told = replace(judged, rejected=(*judged.rejected, *_remarks(blamed.items())))
            if not blamed:
                return replace(told, reasons=error.reasons)
            if not good:
                return replace(told, reasons=(f"the graph refuses {len(blamed)} of {len(bundles)}; {_MEND}",))
            judged, bundles = told, [b for b in bundles if b.where not in blamed]
        else:
            names = {shortened(node(r.prefix, r.name).value) for r in records}
            same = names - set(done.new) - set(done.updated)
            late = _remarks((told.partition(" ")[0], (told,)) for told in done.history)
            return replace(
                judged, new=done.new, updated=done.updated, unchanged=tuple(sorted(same)),
                warnings=(*judged.warnings, *late),
            )  # fmt: skip
    return replace(judged, reasons=("nothing is left to store",))


def _blamed(bundles: Sequence[_Bundle], reasons: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The bundles that the reasons are about; none at all when a reason is about none of them."""
    at = defaultdict(list)
    for b in bundles:
        for r in b.records:
            at[shortened(node(r.prefix, r.name).value)].append(b.where)
    found: dict[str, list[str]] = defaultdict(list)
    for reason in reasons:
        focus = _FOCUS.match(reason)
        places = at.get(focus[1], []) if focus else []
        if not places:
            return {}
        for where in places:
            found[where].append(reason)
    return {where: tuple(told) for where, told in found.items()}


def _tried(knowledge: Knowledge, records: Sequence[Record]) -> Registered:
    """What storing would come to. Raises RegistrationError as it would.

    A graph that lies elsewhere is not asked: there, links are looked up only when the records are stored.
    """
    graph = knowledge.graph
    if not isinstance(graph, EmbeddedGraph):
        broken = [str(v) for v in validate(turtle(q for r in records for q in quads(r, node("g", "trial"))))]
        if broken:
            raise RegistrationError(broken)
        fresh = [f"m:{r.name}" for r in records if isinstance(r, Model)]
        known_models = knowledge.projection.positions
        return Registered(tuple(m for m in fresh if m.removeprefix("m:") not in known_models), ())
    return trial(graph, [r for r in records if not isinstance(r, Vote)])


def _remarks(told: Iterable[tuple[str, Sequence[str]]]) -> tuple[Remark, ...]:
    return tuple(Remark(where, tuple(messages)) for where, messages in told if messages)


@cache
def _names(facts: Path) -> Names:
    return Names.load(facts / "names")


__all__ = ["LARGEST", "MEDIA_TYPES", "Outcome", "Remark", "incoming", "judged_records", "records_incoming"]
