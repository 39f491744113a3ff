"""Records as JSON, both ways: how one process hands another what it wants to have stored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from enum import StrEnum
from typing import Any, get_args, get_type_hints

from ontology.records import RECORDS, Record

_KINDS = {kind.__name__: kind for kind in RECORDS}
_HINTS = {kind: get_type_hints(kind) for kind in RECORDS}


def dumps(records: Sequence[Record]) -> str:
    """`[{"kind": "Model", "name": …}, …]`; what is not known is left out."""
    return json.dumps([_as_data(r) for r in records])


def loads(text: str | bytes) -> list[Record]:
    """What `dumps` wrote. Raises ValueError, saying what is wrong, for anything else."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(data, list):
        raise ValueError("expected a list of records")
    return [_as_record(one) for one in data]


def _as_data(record: Record) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": type(record).__name__}
    for f in fields(record):
        value = getattr(record, f.name)
        if value is not None:
            data[f.name] = value.isoformat() if isinstance(value, date) else value
    return data


def _as_record(data: object) -> Record:
    if not isinstance(data, dict) or data.get("kind") not in _KINDS:
        raise ValueError(f"expected a record of kind {', '.join(_KINDS)}; got {str(data)[:80]}")
    kind = _KINDS[data["kind"]]
    hints = _HINTS[kind]
    given: dict[str, Any] = {}
    for key, value in data.items():
        if key == "kind":
            continue
        if key not in hints or key == "prefix":
            raise ValueError(f"a {kind.__name__} has no {str(key)[:40]!r}")
        given[key] = _value(value, hints[key], f"{kind.__name__}.{key}")
    try:
        return kind(**given)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


def _value(value: Any, hint: Any, where: str) -> Any:
    kinds = [k for k in (get_args(hint) or (hint,)) if k is not type(None)]
    kind = kinds[0]
    if get_args(kind):  # tuple[str, ...]
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
    elif kind is date and isinstance(value, str):
        return date.fromisoformat(value)
    elif isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise ValueError(f"{where}: {str(value)[:40]!r} is not of the right kind")
