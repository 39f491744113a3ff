"""A decision as a record, and what a replay of it finds: the same answer, or the facts that changed.

Pure functions on plain data: `flow.decide` and `flow.replay` bring the graph and the files to them.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from dss.dossier import dossier, used
from dss.groups import Group, Judged, simplest
from dss.selection import Selection
from ontology.records import Decision, Source
from ontology.requirement import Choices, Requirement, specs
from ontology.requirement_json import from_json
from repository.decisions import canonical_json, digest_of

SAME_TO = 1e-9  # relative: numbers of two machines may part in the last digit
SAME_CHANCE = 0.005
LONGEST_COMMENT = 4_000  # characters
LONGEST_NAME = 200
_Found = dict[str, list[Any]]


class DecisionError(ValueError):
    """A decision that cannot be recorded or replayed; the message says what to do."""


class Kind(StrEnum):
    """What a change is of."""

    RECORD = "record"  # the record itself is no longer what was recorded
    SOURCE = "source"
    CAME = "came"
    WENT = "went"
    FIGURE = "figure"
    PRICE = "price"
    VOTE = "vote"
    CLOUD = "cloud"
    SCALES = "scales"
    PROGRAM = "program"


@dataclass(frozen=True)
class Known:
    """A value as it was known: with its grade and source where the facts say them."""

    value: Any
    evidence: str = ""
    source: str = ""


@dataclass(frozen=True)
class Change:
    """One thing that is no longer as it was; `before` is None for what came, `after` for what went."""

    kind: Kind
    what: str  # the figure, device, source or cloud that it is of
    before: Known | None = None
    after: Known | None = None
    models: tuple[str, ...] = ()  # those that it concerns, the recommended and the chosen first


@dataclass(frozen=True)
class Difference:
    """A part of the answer that is no longer the same: `ranking.0.score`, with both values (None: not there)."""

    part: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Replay:
    """The recorded question asked again. `same`: every recorded part of the answer is as it was."""

    decision: str
    same: bool
    identical: bool  # byte for byte, with nothing said now that was not said then
    winner: tuple[str | None, str | None]  # then and now, as the next three
    matches: tuple[int, int]
    chosen: str | None
    chosen_place: tuple[int | None, int | None]
    changes: tuple[Change, ...]
    differences: tuple[Difference, ...]
    said_since: tuple[str, ...] = field(default=())  # parts of the answer that the record does not have
    facts_kept: bool = True  # else only facts that the answer shows could be compared


def decided(
    selection: Selection,
    sources: Sequence[Source],
    *,
    by: str,
    at: datetime,
    facts_digest: str,
    chosen: str | None = None,
    comment: str = "",
) -> Decision:
    """The record of one decision; nothing is stored. `chosen` is a model of the graph, the winner when None.

    Raises DecisionError without a name, for a text that is too long or cannot be written, or an unknown model.
    """
    by, comment = _text(by, "the name", LONGEST_NAME), _text(comment, "the comment", LONGEST_COMMENT)
    if not by:
        raise DecisionError("a decision names who made it; give a name")
    positions = selection.candidates.projection.positions
    if chosen is not None and chosen not in positions:
        near = difflib.get_close_matches(chosen, positions, 3)
        what = f"did you mean {' or '.join(near)}?" if near else "take the name of one from ./dlom select --json"
        raise DecisionError(f"there is no model {chosen[:80]!r}; {what}")
    kept = dossier(selection, sources, chosen)
    ranking = kept["answer"]["ranking"]
    asked = {key: kept["answer"][key] for key in ("requirement", "preferences")}
    moment = at.astimezone(UTC)
    answered = digest_of(kept["answer"])
    key = canonical_json([moment.isoformat(), by, chosen, comment, asked, answered, facts_digest])
    return Decision(
        name=f"{moment:%Y-%m-%d}-{hashlib.sha256(key.encode()).hexdigest()[:8]}",
        decided_at=moment,
        decided_by=by,
        requirement_json=canonical_json(asked["requirement"]),
        preferences_json=canonical_json(asked["preferences"]),
        facts_digest=facts_digest,
        scale_version=kept["scales"]["version"] or None,
        seed=None if kept["sure"] is None else kept["sure"]["seed"],
        chosen_model=None if kept["chosen"] is None else kept["chosen"]["model"],
        winner=ranking[0]["model"] if ranking else None,
        runner_up=tuple(sorted(r["model"] for r in kept["runners_up"][1:])) or None,
        used_source=used(kept) or None,
        score=ranking[0]["score"] if ranking else None,
        answer_json=canonical_json(kept),
        answer_digest=answered,
        comment=comment or None,
    )


def _text(given: str, what: str, longest: int) -> str:
    text = given.strip()
    if len(text) > longest:
        raise DecisionError(f"{what} has {len(text):,} characters; at most {longest:,}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DecisionError(f"{what} holds a character that cannot be written ({error.reason}); leave it out") from None
    return text


def recorded(decision: Decision) -> dict[str, Any]:
    """The dossier that a decision keeps. Raises DecisionError when there is none that can be read."""
    try:
        kept = json.loads(decision.answer_json or "")
    except ValueError as error:
        raise DecisionError(f"the answer of decision {decision.name} cannot be read ({error})") from error
    if not isinstance(kept, dict) or not isinstance(kept.get("answer"), dict):
        raise DecisionError(f"the answer of decision {decision.name} cannot be read; it is no dossier")
    return kept


def asked(decision: Decision, choices: Choices) -> tuple[Requirement, Judged]:
    """What a decision was asked for. A name that it gives and that `choices` has lost since is still taken.

    Raises DecisionError for a record that today's program cannot read.
    """
    try:
        given = json.loads(decision.requirement_json or "")
        requirement = from_json(given, _with_recorded(given, choices))
        return requirement, simplest(Group.from_json(json.loads(decision.preferences_json or "[]")))
    except (ValueError, AttributeError, TypeError) as error:
        raise DecisionError(f"decision {decision.name} cannot be asked again: {error}") from error


def _with_recorded(given: Mapping[str, Any], choices: Choices) -> Choices:
    """The choices with those that the requirement names: what is no longer on record matches nothing, as it should."""
    of_field = dict(specs())
    wider = {vocabulary: dict(names) for vocabulary, names in choices.items()}
    for step in (v for v in given.values() if isinstance(v, dict)):
        for name, value in step.items():
            if name in of_field and (vocabulary := of_field[name].vocabulary):
                for one in value if isinstance(value, list) else [value]:
                    wider.setdefault(vocabulary, {}).setdefault(str(one), str(one))
    return wider


def compare(
    decision: Decision,
    then: Mapping[str, Any] | None,
    kept_now: Mapping[str, Any],
    now: Mapping[str, Any],
) -> Replay:
    """What a replay found. `then` and `now` are the facts (`dss.dossier.facts`), `kept_now` is today's dossier."""
    kept = recorded(decision)
    before, after = kept["answer"], json.loads(canonical_json(kept_now["answer"]))
    differences = (*_differences("", before, after), *_chances(kept.get("sure"), kept_now["sure"]))
    first = [m for m in (decision.winner, decision.chosen_model, _winner(after)) if m]
    changes = [] if digest_of(before) == decision.answer_digest else [Change(Kind.RECORD, decision.name)]
    changes += _sources(kept.get("sources", []), kept_now["sources"])
    changes += _shown(before, after, known=() if then is None else then["figures"])
    changes += () if then is None else _facts(then, now)
    changes += _scales(kept["scales"], kept_now["scales"])
    if kept.get("program") != kept_now["program"]:
        changes.append(Change(Kind.PROGRAM, "", Known(kept.get("program", "")), Known(kept_now["program"])))
    return Replay(
        decision=decision.name,
        same=not differences and (not changes or changes[0].kind is not Kind.RECORD),
        identical=canonical_json(before) == canonical_json(after),
        winner=(_winner(before), _winner(after)),
        matches=(before["counts"]["matches"], after["counts"]["matches"]),
        chosen=decision.chosen_model,
        chosen_place=(_place(kept), _place(kept_now)),
        changes=tuple(sorted(_merged(changes, first), key=lambda c: _order(c, first, then or {}, now))),
        differences=differences,
        said_since=tuple(sorted(after.keys() - before.keys())),
        facts_kept=then is not None,
    )


def _winner(answer: Mapping[str, Any]) -> str | None:
    return answer["ranking"][0]["model"] if answer["ranking"] else None


def _place(kept: Mapping[str, Any]) -> int | None:
    place: int | None = (kept.get("chosen") or {}).get("place")
    return place


def _differences(part: str, before: Any, after: Any) -> Iterator[Difference]:
    """Every recorded leaf that is not the same now; what is said only now is no difference."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before):
            yield from _differences(f"{part}.{key}".lstrip("."), before[key], after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        for i in range(max(len(before), len(after))):
            old, new = (given[i] if i < len(given) else None for given in (before, after))
            yield from _differences(f"{part}.{i}", old, new)
    elif not _equal(before, after):
        yield Difference(part, before, after)


def _chances(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[Difference]:
    """Chances of first place that are not the same; they come from samples, so small parts of a percent may differ."""
    if before is None:
        return
    old, new = ({c["model"]: c["first"] for c in (given or {"chances": []})["chances"]} for given in (before, after))
    for model in sorted(old):
        if abs(old[model] - new.get(model, 0.0)) > SAME_CHANCE:
            yield Difference(f"sure.{model}", old[model], new.get(model))


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, float) or isinstance(b, float):
        return isinstance(a, float | int) and isinstance(b, float | int) and math.isclose(a, b, rel_tol=SAME_TO)
    return type(a) is type(b) and bool(a == b)


def _sources(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    old, new = ({s["name"]: s for s in given} for given in (before, after))
    for name in sorted(old.keys() | new.keys()):
        a, b = old.get(name), new.get(name)
        if a is None or b is None or a["digest"] != b["digest"]:
            was, is_ = (
                None if s is None else Known(s["digest"] or "no digest", source=s["version"] or "") for s in (a, b)
            )
            yield Change(Kind.SOURCE, name, was, is_)


def _facts(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    old, new = frozenset(then["models"]), frozenset(now["models"])
    for kind, names in ((Kind.CAME, new - old), (Kind.WENT, old - new)):
        if names:
            yield Change(kind, "model", models=tuple(sorted(names)))
    for figure in sorted(then["figures"].keys() & now["figures"].keys()):
        for model, a, b in _unequal(then["figures"][figure], now["figures"][figure], old & new):
            yield Change(Kind.FIGURE, figure, a, b, (model,))
    for device, a, b in _unequal(then["prices"], now["prices"]):
        yield Change(Kind.PRICE, device, a, b)
    for model, objective, rating in (v for v in now["votes"] if v not in then["votes"]):
        yield Change(Kind.VOTE, objective, None, Known(rating), (model,))
    for model, objective, rating in (v for v in then["votes"] if v not in now["votes"]):
        yield Change(Kind.VOTE, objective, Known(rating), None, (model,))
    for cloud in sorted(then["clouds"].keys() | now["clouds"].keys()):
        a, b = then["clouds"].get(cloud), now["clouds"].get(cloud)
        if a != b:
            yield Change(Kind.CLOUD, cloud, None if a is None else Known(a), None if b is None else Known(b))


def _unequal(
    before: _Found, after: _Found, among: frozenset[str] | None = None
) -> Iterator[tuple[str, Known | None, Known | None]]:
    for name in sorted(before.keys() | after.keys()):
        a, b = before.get(name), after.get(name)
        if a != b and (among is None or name in among):
            yield name, None if a is None else Known(*a), None if b is None else Known(*b)


def _shown(before: Mapping[str, Any], after: Mapping[str, Any], known: Collection[str]) -> Iterator[Change]:
    """Figures that both answers show, other than those in `known`: these are compared from the facts themselves."""
    old, new = ({m["model"]: m for m in (*a["ranking"], *a["closest"])} for a in (before, after))
    for model in sorted(old.keys() & new.keys()):
        a, b = old[model]["figures"], new[model]["figures"]
        for figure in sorted((a.keys() | b.keys()) - set(known)):
            was, is_ = (
                Known(f["value"], f["evidence"], f["source"]) if (f := given.get(figure)) else None for given in (a, b)
            )
            if was != is_:
                yield Change(Kind.FIGURE, figure, was, is_, (model,))


def _scales(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    a, b = before["version"], after["version"]
    if a != b:
        yield Change(Kind.SCALES, "", Known(a), Known(b))
        return
    for name in sorted(before["each"].keys() | after["each"].keys()):
        old, new = before["each"].get(name), after["each"].get(name)
        if old != new:
            yield Change(Kind.SCALES, name, None if old is None else Known(old), None if new is None else Known(new))


def _merged(changes: Sequence[Change], first: Sequence[str]) -> Iterator[Change]:
    """One change for all models that it is the same for."""
    groups: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        key = (change.kind.value, change.what, _plain(change.before), _plain(change.after))
        groups[canonical_json(key)].append(change)
    for alike in groups.values():
        models = sorted({m for c in alike for m in c.models}, key=lambda m: (m not in first, m))
        yield Change(alike[0].kind, alike[0].what, alike[0].before, alike[0].after, tuple(models))


def _plain(known: Known | None) -> list[Any] | None:
    return None if known is None else [known.value, known.evidence, known.source]


def _order(
    change: Change, first: Sequence[str], then: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[int, int, str, str]:
    """A damaged record first; then what concerns the recommended, the chosen and the matching models."""
    matching = {*then.get("matches", ()), *now.get("matches", ())}
    near = 0 if any(m in first for m in change.models) else 1 if any(m in matching for m in change.models) else 2
    kinds = list(Kind)
    return (-1 if change.kind is Kind.RECORD else near, kinds.index(change.kind), change.what, str(change.models[:1]))
