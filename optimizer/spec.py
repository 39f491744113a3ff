"""What a job is asked to build, and the steps that this takes. Plain data, kept in the job's folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from device.data import TOP1
from optimizer.formats.chain import TRAINED, called, entry_of, route
from optimizer.formats.contract import ConversionError
from optimizer.formats.shelf import FORMATS
from optimizer.networks.own import OWN
from optimizer.networks.shelf import NETWORKS
from optimizer.recipe import Recipe

SPEC = "job.json"


class SpecError(ValueError):
    """A job is asked for something that cannot be; the message says what to change."""


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """`recipes` are tried in their order, within `minutes` in all.

    `requirement` is the JSON of what the build is for, with the preferences that rank what comes of it; it is kept
    beside the results and not read here. `data` is a name or path as `optimizer.data.load` takes it, `own_model` the
    path of the user's model (Keras, TFLite, ONNX or frozen graph, or a SavedModel, as a folder or packed in a .zip),
    needed where a recipe's network is "own"; `own_network` is the network that they say it is, else it is named by its
    file. `threads` is for the measurements. `tuning_trials` and `tuning_minutes` bound the tuning of one file,
    whichever ends first. `metric` is how answers are judged, as `optimizer.data.load` takes it. Raises SpecError.
    """

    data: str
    minutes: float
    recipes: tuple[Recipe, ...]
    requirement: Mapping[str, Any] = field(default_factory=dict)
    own_model: str | None = None
    own_network: str | None = None
    threads: int = 1
    tuning_trials: int = 64
    tuning_minutes: float = 2.0
    metric: str = TOP1

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
        if self.tuning_trials < 1 or not self.tuning_minutes > 0:
            raise SpecError(
                f"{self.tuning_trials} trials in {self.tuning_minutes:g} minutes tune nothing; write at least 1 trial "
                "and more than 0 minutes"
            )
        if self.metric != TOP1 and any(r.network != OWN for r in self.recipes):
            raise SpecError(f"networks of the shelf tell classes apart; for {self.metric} bring a model of your own")
        try:
            for recipe in self.recipes:
                route(recipe.format, self.entry(recipe))
        except ConversionError as error:
            raise SpecError(str(error)) from error

    def label(self, recipe: Recipe) -> str:
        """What a recipe's network is called: its name on the shelf, or what its user calls the model of their own."""
        if recipe.network != OWN or self.own_model is None:
            return recipe.network
        name = self.own_network or called(self.own_model)
        return f"{name} (your file)" if name in NETWORKS else name

    def named(self, recipe: Recipe) -> str:
        """The same with the format, such as report-cnn-fiq."""
        return f"{self.label(recipe)}{recipe.name.removeprefix(recipe.network)}"

    def entry(self, recipe: Recipe) -> str:
        """The format of the first file of a recipe's chain: H5 of what is trained, else what the user's model is."""
        return entry_of(self.own_model) if recipe.network == OWN else TRAINED

    def to_json(self) -> dict[str, Any]:
        """A JSON object; `from_json` reads it back."""
        return {
            "data": self.data,
            "minutes": self.minutes,
            "recipes": [r.to_json() for r in self.recipes],
            "requirement": dict(self.requirement),
            "own_model": self.own_model,
            "own_network": self.own_network,
            "threads": self.threads,
            "tuning_trials": self.tuning_trials,
            "tuning_minutes": self.tuning_minutes,
            "metric": self.metric,
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
    """One thing to do. `recipe` is `None` for the data, and the first that needs it for a training or conversion."""

    number: int
    kind: str  # data, train, convert or measure
    recipe: Recipe | None = None

    @property
    def name(self) -> str:
        """Without its number, such as measure-report-cnn-fiq."""
        of = "" if self.recipe is None else f"-{self.recipe.network if self.kind == 'train' else self.recipe.name}"
        return f"{self.kind}{of}"

    @property
    def file_name(self) -> str:
        """Where its result is kept, such as 003-measure-report-cnn-fiq.json."""
        return f"{self.number:03d}-{self.name}.json"


def plan(spec: JobSpec) -> tuple[Step, ...]:
    """The steps of a job, in order: the same for the same spec, so that it can go on after a kill.

    A training gives the first file of the chain. What a format is made from is made once, before it, whether or not
    anybody wants to measure it; formats for another processor are made and not measured.
    """
    steps = [Step(0, "data")]
    trained: set[object] = set()
    made: set[object] = set()
    for recipe in spec.recipes:
        if recipe.training not in trained:
            steps.append(Step(len(steps), "train", recipe))
            trained.add(recipe.training)
        for name in route(recipe.format, spec.entry(recipe))[1:]:
            if (recipe.training, name) not in made:
                steps.append(Step(len(steps), "convert", replace(recipe, format=name, runtime=None)))
                made.add((recipe.training, name))
        if FORMATS[recipe.format].runs_here:
            steps.append(Step(len(steps), "measure", recipe))
    return tuple(steps)


def kept_steps(folder: Path, steps: Sequence[Step]) -> dict[Step, dict[str, Any]]:
    """What is kept of these steps in the folder of a job's steps.

    A job of an earlier version, whose steps were numbered otherwise, is read by their names.
    """
    files = {f.name: f for f in folder.glob("*.json")} if folder.is_dir() else {}
    by_name: dict[str, list[Path]] = {}
    for file in files.values():
        by_name.setdefault(file.stem.partition("-")[2], []).append(file)
    found: dict[Step, dict[str, Any]] = {}
    for step in steps:
        alike = by_name.get(step.name, [])
        named = files.get(step.file_name) or (alike[0] if len(alike) == 1 else None)
        kept = None if named is None else read_json(named)
        if kept is not None:
            found[step] = kept
    return found


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
