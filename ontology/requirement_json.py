"""A requirement as JSON and as the flat text of a link, both ways, with every problem reported at once.

{"title": "Find people", "project": {"task": "object-detection", "devices": 10},
 "performance": {"inference_latency_ms_at_most": "20 ms"}}
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from ontology.records import Grade
from ontology.requirement import NUMERIC, Choices, FieldSpec, Relation, Requirement, Step, specs
from ontology.units import to_unit

ANY = "any"
LONGEST_TITLE = 200
MOST_CHOICES = 100
LONGEST_FILE = 1_000_000  # bytes; a requirement with every field given is under 10,000


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a requirement: where, and what to do about it."""

    field: str
    message: str

    def __str__(self) -> str:
        """`performance.inference_latency_ms_at_most: …`."""
        return f"{self.field}: {self.message}"


class RequirementError(ValueError):
    """A requirement that cannot be used; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems and make one message of them."""
        self.problems = tuple(problems)
        super().__init__("; ".join(str(p) for p in self.problems))


def from_text(text: str | bytes, choices: Choices) -> Requirement:
    """A requirement from a JSON file's text; the key `preferences` is left to its own reader.

    Raises RequirementError.
    """
    return from_json(_json_object(text), choices)


def _json_object(text: str | bytes) -> Mapping[str, Any]:
    if len(text) > LONGEST_FILE:
        raise RequirementError(
            [Problem("file", f"longer than {LONGEST_FILE:,} bytes; a requirement is a short JSON file")]
        )
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequirementError([Problem("file", f"not JSON ({error}); see examples/abc-medical.json")]) from error
    if not isinstance(data, dict):
        raise RequirementError([Problem("file", "a requirement is a JSON object; see examples/abc-medical.json")])
    return data


def from_json(data: Mapping[str, Any], choices: Choices) -> Requirement:
    """A requirement from its JSON object. Raises RequirementError."""
    problems: list[Problem] = []
    flat: dict[str, Any] = {}
    steps = {step.value for step in Step}
    of_step = {name: s.step.value for name, s in specs()}
    for key, value in data.items():
        if key in ("title", "preferences"):
            continue
        if key not in steps:
            where = f"; {key!r} belongs under {of_step[key]!r}" if key in of_step else _nearest(key, steps)
            problems.append(Problem(_shown(key), f"unknown section{where}"))
        elif not isinstance(value, dict):
            problems.append(Problem(key, "must be an object with the step's fields"))
        else:
            for name, given in value.items():
                if of_step.get(name) == key:
                    flat[name] = given
                else:
                    known = [n for n, step in of_step.items() if step == key]
                    where = f"; it belongs under {of_step[name]!r}" if name in of_step else _nearest(name, known)
                    problems.append(Problem(f"{key}.{_shown(name)}", f"unknown field{where}"))
    return _checked(flat, data.get("title", ""), choices, problems)


def from_link(parameters: Mapping[str, str], choices: Choices) -> Requirement:
    """A requirement from the parameters of a link; parameters that are no fields are left to others.

    Raises RequirementError.
    """
    flat: dict[str, Any] = {}
    for name, s in specs():
        if name in parameters:
            text = parameters[name]
            flat[name] = (
                text.split("|") if s.vocabulary else (text == "yes" if s.relation is Relation.IS_TRUE else text)
            )
    return _checked(flat, parameters.get("title", ""), choices, [])


def to_json(requirement: Requirement) -> dict[str, Any]:
    """The JSON object of what is given; what has its default is left out. `from_json` reads it back."""
    data: dict[str, Any] = {"title": requirement.title} if requirement.title else {}
    for name, s, value in _given(requirement):
        shown = list(value) if isinstance(value, tuple) else value
        if s.single and isinstance(value, tuple):
            shown = value[0]
        data.setdefault(s.step.value, {})[name] = shown
    return data


def to_link(requirement: Requirement) -> dict[str, str]:
    """The parameters of a link that restores the requirement."""
    link = {"title": requirement.title} if requirement.title else {}
    for name, _, value in _given(requirement):
        if isinstance(value, tuple):
            link[name] = "|".join(value)
        elif isinstance(value, bool):
            link[name] = "yes"
        else:
            link[name] = f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
    return link


def _given(requirement: Requirement) -> Iterable[tuple[str, FieldSpec, Any]]:
    defaults = {f.name: f.default for f in fields(Requirement)}
    for name, s in specs():
        value = getattr(requirement, name)
        if value != defaults[name]:
            yield name, s, value


def _checked(flat: Mapping[str, Any], title: Any, choices: Choices, problems: list[Problem]) -> Requirement:
    known = dict(specs())
    kept: dict[str, Any] = {}
    for name, given in flat.items():
        s = known[name]
        try:
            value = _value(s, given, choices)
        except ValueError as error:
            problems.append(Problem(f"{s.step.value}.{name}", str(error)))
        else:
            if value is not None:
                kept[name] = value
    if not isinstance(title, str) or len(title) > LONGEST_TITLE or not title.isprintable():
        problems.append(Problem("title", f"must be one line of text, at most {LONGEST_TITLE} characters"))
        title = ""
    for name in ("metric_value_at_least", "metric_value_at_most"):
        if name in kept and not kept.get("metric"):
            problems.append(
                Problem(f"performance.{name}", "say which measure is meant: give performance.metric as well")
            )
    if problems:
        raise RequirementError(problems)
    return Requirement(title=title.strip(), **kept)


def _value(s: FieldSpec, given: Any, choices: Choices) -> Any:
    """The value of one field, or None when nothing is asked. Raises ValueError with what to do."""
    if given is None:
        return None
    if s.vocabulary:
        return _choices(s, given, choices)
    if s.relation is Relation.IS_TRUE:
        if not isinstance(given, bool):
            raise ValueError(f"expected true or false, got {given!r:.40}")
        return given
    if s.figure == "evidence":
        grades = [g.value for g in Grade if g is not Grade.PREDICTED]
        if given not in grades:
            raise ValueError(f"expected one of {', '.join(grades)}, got {given!r:.40}")
        return Grade(given)
    return _number(s, given)


def _number(s: FieldSpec, given: Any) -> float | int | None:
    if given == "":
        return None
    number = to_unit(given, s.unit)
    if number < s.lowest or (s.relation is Relation.AT_MOST and number == 0 == s.lowest):
        what = "more than 0" if s.lowest == 0 else f"at least {s.lowest:g}"
        raise ValueError(f"must be {what} {s.unit}".rstrip() + f", got {number:g}; leave it out for no limit")
    if number > s.highest:
        raise ValueError(f"must be at most {s.highest:,.0f} {s.unit}".rstrip() + f", got {number:g}")
    if s.whole and number != math.floor(number):
        raise ValueError(f"must be a whole number, got {number:g}")
    return number if s.relation in NUMERIC else int(number)


def _choices(s: FieldSpec, given: Any, choices: Choices) -> tuple[str, ...]:
    several = [given] if isinstance(given, str) else given
    if not isinstance(several, list | tuple) or not all(isinstance(one, str) for one in several):
        raise ValueError(f"expected a name or a list of names, got {given!r:.60}")
    several = [one for one in several if one and one != ANY]
    if len(several) > (1 if s.single else MOST_CHOICES):
        raise ValueError(f"at most {1 if s.single else MOST_CHOICES} may be chosen, got {len(several)}")
    known = choices.get(s.vocabulary, {})
    by_label = {label.casefold(): name for name, label in known.items()}
    chosen = []
    for one in several:
        name = one if one in known else by_label.get(one.strip().casefold())
        if name is None:
            raise ValueError(f"{_shown(one)!r} is not known here{_nearest(one, known)}")
        if name not in chosen:
            chosen.append(name)
    return tuple(chosen)


def _nearest(word: str, known: Iterable[str]) -> str:
    names = list(known)
    close = difflib.get_close_matches(word[:60], names, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; choose from {', '.join(sorted(names)[:12])}{' …' if len(names) > 12 else ''}" if names else ""


def _shown(text: str) -> str:
    """Foreign text as it may be printed: short, on one line, without control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:60])
