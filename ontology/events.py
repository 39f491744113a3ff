"""What long work tells while it runs: four records, and each as one line of JSON.

The work yields events; a face draws them, and a job writes them to its `events.jsonl`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class Started:
    """`what` begins. `total` is the number of steps, `None` when it is not known beforehand."""

    what: str
    total: int | None = None


@dataclass(frozen=True)
class Progress:
    """`done` steps of `what` are behind us, out of `total` (`None`: not known); `detail` is the one at hand."""

    what: str
    done: int
    total: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Finished:
    """`what` ended well; `detail` is its result in a few words."""

    what: str
    detail: str = ""


@dataclass(frozen=True)
class Note:
    """Something worth reading that is no step: a choice made, a fact left out, a warning."""

    text: str


Event = Started | Progress | Finished | Note

_KINDS: dict[str, type[Event]] = {
    "started": Started,
    "progress": Progress,
    "finished": Finished,
    "note": Note,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_ACCEPTED: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "int | None": (int, type(None))}


def to_line(event: Event) -> str:
    r"""One line of JSON without the line's end, such as `{"event": "note", "text": "no camera"}`.

    ASCII only, so that a reader that splits on exotic line separators (U+2028) still sees one line.
    """
    return json.dumps({"event": _NAMES[type(event)], **asdict(event)})


def from_line(line: str) -> Event:
    """The event that `to_line` wrote. Raises ValueError, quoting the line, for anything else."""
    try:
        told = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as fault:
        raise ValueError(f"not a line of JSON ({fault}): {line[:80]!r}") from None
    name = told.pop("event", None) if isinstance(told, dict) else None
    if not isinstance(name, str) or name not in _KINDS:
        raise ValueError(f"not an event; expected one of {', '.join(_KINDS)}: {line[:80]!r}")
    kind = _KINDS[name]
    types = {f.name: str(f.type) for f in fields(kind)}
    for key, value in told.items():
        if key not in types:
            raise ValueError(f"{name} has no {key!r}; it has {', '.join(types)}: {line[:80]!r}")
        if isinstance(value, bool) or not isinstance(value, _ACCEPTED[types[key]]):
            raise ValueError(f"{name}: {key} must be {types[key]}, got {value!r}: {line[:80]!r}")
    try:
        return kind(**told)
    except TypeError as missing:
        raise ValueError(f"{name} is incomplete ({missing}): {line[:80]!r}") from None
