"""What every record has, and how a record's field says which property it is and what its value means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar


def attribute(*, unit: str = "", prop: str = "") -> Any:
    """A plain property. `prop` names a published term that is used instead of one of ours."""
    return field(default=None, metadata={"unit": unit, "property": prop})


def link(prefix: str, *, prop: str = "") -> Any:
    """A property whose value is the local name of something under `prefix`."""
    return field(default=None, metadata={"prefix": prefix, "property": prop})


def links(prefix: str, *, prop: str = "") -> Any:
    """A property with several such values; `None` when nothing is known, `()` when it is known to be none."""
    return field(default=None, metadata={"prefix": prefix, "property": prop})


def figure(unit: str, *, higher_is_better: bool | None) -> Any:
    """A property of a Performance that can be limited, charted and compared."""
    return field(default=None, metadata={"unit": unit, "figure": True, "higher_is_better": higher_is_better})


def camel(name: str) -> str:
    """`inference_latency_ms` → `inferenceLatencyMs`, the spelling used in the graph."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


@dataclass(frozen=True, kw_only=True)
class Record:
    """What every record has. `name` is the local name of its IRI, `label` what a person reads."""

    prefix: ClassVar[str] = ""
    name: str
    label: str | None = attribute(prop="rdfs:label")
