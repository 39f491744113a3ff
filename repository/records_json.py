"""Records as JSON, both ways: how one process hands another what it wants to have stored."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime
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
        data = json.loads(text, object_pairs_hook=once)
    except RecursionError as error:
        raise ValueError("not JSON that can be read: it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise ValueError("not JSON: the text is not UTF-8; save it as UTF-8") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(data, list):
        raise ValueError("expected a list of records")
    return [_as_record(one) for one in data]


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, each key once: else the last would win, and the others be lost without a word."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [k for k, _ in pairs]
        raise ValueError(f"{next(k for k in keys if keys.count(k) > 1)[:40]!r} is given twice in one record; keep one")
    return found


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
            return tuple(_text(v, where) for v in value)
    elif kind in (date, datetime) and isinstance(value, str):
        return _day(value, kind, where)
    elif isinstance(kind, type) and issubclass(kind, StrEnum):
        if value in [one.value for one in kind]:
            return kind(value)
        raise ValueError(f"{where}: {str(value)[:40]!r} is none of {', '.join(one.value for one in kind)}")
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return _finite(value, where)
    elif kind is str and isinstance(value, str):
        return _text(value, where)
    elif isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise ValueError(f"{where}: {str(value)[:40]!r} is not of the right kind")


def _day(text: str, kind: type[date], where: str) -> date:
    try:
        return kind.fromisoformat(text)
    except ValueError:
        example = "2026-11-20T10:00:00+00:00" if kind is datetime else "2026-11-20"
        raise ValueError(f"{where}: {text[:40]!r} is not a {kind.__name__}; write it as {example}") from None


def _finite(value: float, where: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{where}: {str(value)[:40]} is not a finite number; leave out what is not known")
    return number


def _text(value: str, where: str) -> str:
    """Text that can be stored: JSON may hold halves of characters, which no other program can read."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{where}: the text holds half a character (a lone surrogate); write it anew") from None
    return value
