"""What a job is asked to build, and the steps that this takes. Plain data, kept in the job's folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimizer.networks.own import OWN
from optimizer.recipe import Recipe

SPEC = "job.json"


class SpecError(ValueError):
    """A job is asked for something that cannot be; the message says what to change."""


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """`recipes` are tried in their order, within `minutes` in all.

    `requirement` is the JSON of what the build is for; it is kept beside the results and not read here. `data` is a
    name or path as `optimizer.data.load` takes it, `own_model` the path of the user's Keras file, needed where a
    recipe's network is "own". `threads` is for the measurements. Raises SpecError.
    """

    data: str
    minutes: float
    recipes: tuple[Recipe, ...]
    requirement: Mapping[str, Any] = field(default_factory=dict)
    own_model: str | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.recipes:
            raise SpecError("there is no recipe to build; ask for proposals first")
        if not 0 < self.minutes <= 60 * 24 * 7:
            raise SpecError(f"{self.minutes:g} minutes is no time to build in; write more than 0, at most a week")
        if self.threads < 1:
            raise SpecError(f"{self.threads} threads measure nothing; write 1 or more")
        if len(set(self.recipes)) < len(self.recipes):
            raise SpecError("a recipe is given twice; give each once")
        if self.own_model is None and any(r.network == OWN for r in self.recipes):
            raise SpecError('a recipe is for the network "own", and no model of your own is named')

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` reads it back."""
        return {
            "data": self.data,
            "minutes": self.minutes,
            "recipes": [r.to_json() for r in self.recipes],
            "requirement": dict(self.requirement),
            "own_model": self.own_model,
            "threads": self.threads,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> JobSpec:
        """Raises SpecError or RecipeError for an object that is no job."""
        try:
            return cls(**{**data, "recipes": tuple(Recipe.from_json(r) for r in data["recipes"])})
        except (TypeError, KeyError) as error:
            raise SpecError(f"not a job: {error}") from error


@dataclass(frozen=True)
class Step:
    """One thing to do. `recipe` is `None` for the data, and the first that needs it for a training."""

    number: int
    kind: str  # data, train, convert or measure
    recipe: Recipe | None = None

    @property
    def file_name(self) -> str:
        """Where its result is kept, such as 003-measure-report-cnn-fiq.json."""
        of = "" if self.recipe is None else f"-{self.recipe.network if self.kind == 'train' else self.recipe.name}"
        return f"{self.number:03d}-{self.kind}{of}.json"


def plan(recipes: Sequence[Recipe]) -> tuple[Step, ...]:
    """The steps for these recipes, in order: the same for the same recipes, so that a job can go on after a kill."""
    steps = [Step(0, "data")]
    trained = set()
    for recipe in recipes:
        kinds = ("convert", "measure") if recipe.training in trained else ("train", "convert", "measure")
        trained.add(recipe.training)
        for kind in kinds:
            steps.append(Step(len(steps), kind, recipe))
    return tuple(steps)


def write_json(file: Path, data: Mapping[str, Any]) -> None:
    """All of it or nothing, also when the power fails: written beside, synchronised, then renamed."""
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as out:
        json.dump(data, out, indent=1, ensure_ascii=False)
        out.flush()
        os.fsync(out.fileno())
    beside.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_json(file: Path) -> dict[str, Any] | None:
    """What `write_json` wrote; `None` when there is no such file."""
    try:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return data
