"""What a replay found, in plain words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dss.decision import Change, Kind, Known, Replay
from dss.explanation import FIGURE_WORDS
from dss.words import precise
from ontology.records import figure_kinds

MOST = 20  # changes told one by one
CAUSES = frozenset(Kind) - {Kind.PROGRAM, Kind.SOURCE}  # what an answer follows from; these two only led to it
NAMED = 3  # models named in a change of many
_UNIT_OF_NAME = re.compile("_(ms|percent|per_s|kib|mib|gib|mj|w|usd)$")
_UNITS = {k.name: k.unit.replace("1/s", "per second") for k in figure_kinds()} | {
    "other_cost_usd": "USD",
    "retained_percent": "%",
}


def told(replay: Replay) -> list[str]:
    """The outcome, a sentence a line: whether the answer is the same, what became of it, and what changed."""
    if replay.same:
        lines = [_same(replay)]
    else:
        lines = [f"{replay.decision}: the answer is not the same."]
        lines += _outcome(replay)
    if replay.changes:
        lines.append("Changed since, without a bearing on the answer:" if replay.same else "Changed since:")
        lines += [f"  {change_words(c)}" for c in replay.changes[:MOST]]
        if len(replay.changes) > MOST:
            lines.append(f"  and {len(replay.changes) - MOST:,} more changes")
    if not replay.same and not any(c.kind in CAUSES for c in replay.changes):
        lines.append("No fact or scale that was compared has changed; these parts of the answer have:")
        lines += [f"  {d.part}: {_value(d.before)} → {_value(d.after)}" for d in replay.differences[:MOST]]
    if not replay.facts_kept:
        lines.append("The facts of that day are not kept here, so only those that the answer shows were compared.")
    return lines


def _same(replay: Replay) -> str:
    if replay.identical:
        return f"{replay.decision}: the same answer, byte for byte."
    more = f"; the program has learnt to say more since: {', '.join(replay.said_since)}" if replay.said_since else ""
    return f"{replay.decision}: the same answer{more}."


def _outcome(replay: Replay) -> Iterator[str]:
    then, now = replay.winner
    if then != now:
        yield f"Recommended then: {then or 'nothing matched'}; now: {now or 'nothing matches'}."
    elif then is not None:
        yield f"The recommendation is the same: {then}."
    if replay.chosen is not None and replay.chosen_place[0] != replay.chosen_place[1]:
        places = [f"place {p}" if p else "not among the matches" for p in replay.chosen_place]
        yield f"The chosen {replay.chosen}: then {places[0]}, now {places[1]}."
    a, b = replay.matches
    if a != b:
        yield f"Then {a:,} models matched, now {b:,}."
    parts = sorted({d.part.split(".")[0].replace("_", " ") for d in replay.differences})
    if parts:
        yield f"Different in the answer: {', '.join(parts)}."


def change_words(change: Change) -> str:
    """One change as a sentence without its full stop: model, figure, old value and source → new."""
    models, before, after = _models(change), _known(change.before), _known(change.after)
    match change.kind:
        case Kind.RECORD:
            return "the record itself was altered: its answer does not have the digest that was recorded with it"
        case Kind.CAME | Kind.WENT:
            verb = "came" if change.kind is Kind.CAME else "went"
            return f"{len(change.models):,} {'model' if len(change.models) == 1 else 'models'} {verb}: {models}"
        case Kind.FIGURE:
            unit = f" {_UNITS[change.what]}" if _UNITS.get(change.what) else ""
            return f"{models}: {_figure(change.what)} {_fact(change.before, unit)} → {_fact(change.after, unit)}"
        case Kind.PRICE:
            return f"price of {change.what}: {_fact(change.before, ' USD')} → {_fact(change.after, ' USD')}"
        case Kind.VOTE:
            verb = f"a vote of {before} was taken back" if change.after is None else f"a vote of {after} came"
            return f"{models}: on {change.what} {verb}"
        case Kind.CLOUD:
            return (
                f"cloud {change.what}: {'its description changed' if change.before and change.after else _gone(change)}"
            )
        case Kind.SCALES if not change.what:
            return f"the rating scales were frozen anew: version {before} → {after}"
        case Kind.SCALES:
            return f"rating scale {change.what}: {'frozen anew' if change.before and change.after else _gone(change)}"
        case Kind.SOURCE:
            return f"source {change.what}: {f'its tables {before} → {after}' if before and after else _gone(change)}"
        case Kind.PROGRAM:
            return f"the program: version {before} → {after}"


def _gone(change: Change) -> str:
    return "new" if change.before is None else "no longer there"


def _models(change: Change) -> str:
    named = ", ".join(change.models[:NAMED])
    more = len(change.models) - NAMED
    return f"{named} and {more:,} more" if more > 0 else named


def _figure(name: str) -> str:
    return FIGURE_WORDS.get(name, _UNIT_OF_NAME.sub("", name).replace("_", " "))


def _fact(known: Known | None, unit: str) -> str:
    return "not known" if known is None else _known(known, unit)


def _known(known: Known | None, unit: str = "") -> str:
    if known is None:
        return ""
    said = ", ".join(part for part in (known.evidence, known.source) if part)
    return f"{_value(known.value)}{unit}" + (f" ({said})" if said else "")


def _value(value: Any) -> str:
    if value is None:
        return "not there"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return precise(float(value))
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
