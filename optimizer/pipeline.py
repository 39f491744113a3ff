"""A build from its recipes to measured files, step by step; every finished step is kept, so that a kill costs one.

    data ─► train ─► convert ─► measure ─► convert ─► measure … ─► train (the next network) …

A training, or a user's own model, gives the first file of a conversion chain; each further file is made from the one
before it, checked against the first, and kept.

The job's folder holds `job.json` (what to build), `steps/` (one file for each finished step), `files/` (the models,
under names with a suffix) and, when someone wants it to end, a file `stop`.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Generator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from device.measure import MeasureError, measure
from device.measured import Measured
from device.runtimes.contract import shown
from ontology.events import Event, Finished, Note, Progress, Started
from optimizer import training
from optimizer.candidate import Lineage, Made, MeasuredCandidate
from optimizer.confined import Confined
from optimizer.converter import Converter, Here, saved_whole
from optimizer.data import KNOWN, Data, load
from optimizer.formats.chain import route
from optimizer.formats.check import NumericCheck
from optimizer.formats.contract import Budget, ConversionError
from optimizer.formats.shelf import FORMATS
from optimizer.inspect import InspectionFailed, ModelFile, RefusedFile, inspect
from optimizer.layout import fitted, model_shape
from optimizer.networks.contract import NetworkError
from optimizer.networks.own import OWN, copied
from optimizer.networks.shelf import NETWORKS
from optimizer.recipe import Recipe
from optimizer.spec import SPEC, JobSpec, Step, kept_steps, plan, read_json, write_json
from optimizer.told import said, time_left, versions
from repository.artifacts import ArtifactStore

if TYPE_CHECKING:
    import keras

WHAT = "Building"
STOP, STEPS, FILES, TEST_DATA, OWN_FILES = "stop", "steps", "files", "test.npz", "own"
TRAINING_SHARE, MEASURING_SHARE = 0.6, 0.3  # of the time given; the rest is for loading and converting
TUNING_SHARE = 0.5  # of the time left, so that what was tuned can still be measured
LATENCY_SECONDS = (0.5, 5.0)


class BuildError(RuntimeError):
    """The job cannot go on; the message says why and what to do."""


def build(job: Path, tell: Callable[[Event], None] | None = None) -> Generator[Event, None, str]:
    """Does what is left to do of the job in that folder, and returns "finished" or "stopped".

    Stopped means by the file `stop` or for want of time: after the step at hand (a training is cut short), keeping
    what is finished. A candidate that fails is told as a Note and does not end the job. Files go to the folder
    `artifacts` two levels above the job's, by their sha256. The time of a step that a kill interrupted is not
    counted. `tell` hears at once what is not yielded: how far a conversion is. Raises BuildError, or DataError for data
    that cannot be used.
    """
    return (yield from _Build(job, tell).run())


class _Build:
    def __init__(self, job: Path, tell: Callable[[Event], None] | None) -> None:
        spec = read_json(job / SPEC)
        if spec is None:
            raise BuildError(f"there is no {SPEC} in {job.name}; create the job first")
        self.job = job
        self.tell = tell
        self.at_hand: Step | None = None  # the conversion that is being done
        self.spec = JobSpec.from_json(spec)
        self.steps = plan(self.spec)
        self.store = ArtifactStore(job.parent.parent / "artifacts")
        self.done = kept_steps(job / STEPS, self.steps)
        self.data: Data | None = None
        self.own: ModelFile | None = None
        self.converters: dict[bool, Converter] = {}  # for a model of the user's own, and for what is trained here
        self.began = time.monotonic()

    def run(self) -> Generator[Event, None, str]:
        try:
            return (yield from self._steps())
        finally:
            for converter in self.converters.values():
                converter.close()

    def _steps(self) -> Generator[Event, None, str]:
        yield Started(WHAT, len(self.steps))
        if self.done:
            yield Note(f"going on after {len(self.done)} of {len(self.steps)} finished steps")
        for step in self.steps:
            if step in self.done:
                continue
            ended = self._why_stop()
            if ended:
                yield Note(ended)
                yield Finished(WHAT, f"stopped: {self._result()}")
                return "stopped"
            self.began = time.monotonic()
            yield self._progress(step, "")
            kept = yield from self._take(step)
            write_json(self._kept(step), {**kept, "seconds": time.monotonic() - self.began})
            self.done[step] = {**kept, "seconds": time.monotonic() - self.began}
            if "failed" in kept and not kept.get("told"):
                yield Note(f"{said(step, self.spec)} failed: {kept['failed']}")
            elif "note" in kept:
                yield Note(kept["note"])
        shutil.rmtree(self.job / FILES, ignore_errors=True)
        yield Progress(WHAT, len(self.steps), len(self.steps), "")
        yield Finished(WHAT, self._result())
        return "finished"

    def _take(self, step: Step) -> Generator[Event, None, dict[str, Any]]:
        """What is to be kept of the step; a failure is kept too, so that it is not tried again."""
        recipe = step.recipe
        if recipe is None:
            return self._load()
        earlier = self._failed_before(step)
        if earlier is not None:
            return {"failed": earlier, "told": True}
        try:
            if step.kind == "train":
                return (yield from self._train(step, recipe)) if recipe.network != OWN else self._enter(step, recipe)
            if step.kind == "convert":
                return self._convert(step, recipe)
            return self._measure(recipe)
        except (
            NetworkError,
            training.TrainingError,
            ConversionError,
            MeasureError,
            RefusedFile,
            InspectionFailed,
        ) as error:
            return {"failed": str(error)}

    def _load(self) -> dict[str, Any]:
        data = self._data()
        file = self.job / TEST_DATA
        beside = file.with_name(f".{file.name}")
        with beside.open("wb") as out:
            np.savez(out, x=data.x_test, y=data.y_test)  # the same bytes as optimizer/examples.py writes of them
        beside.replace(file)
        return {"data": data.name, "sha256": data.sha256, "description": data.description}

    def _train(self, step: Step, recipe: Recipe) -> Generator[Event, None, dict[str, Any]]:
        data = self._data()
        training.make_repeatable(recipe.seed)
        model: keras.Model = NETWORKS[recipe.network].build(data.input_shape, data.classes, data.value_range)
        networks = len({r.training for r in self.spec.recipes if r.network != OWN})
        share = min(self.spec.minutes * 60 * TRAINING_SHARE / networks, self._left())
        epochs = training.train(model, data, recipe, share, (self.job / STOP).exists)
        try:
            while True:
                epoch = next(epochs)
                yield self._progress(
                    step,
                    f"epoch {epoch.number} of at most {recipe.epochs}, "
                    f"{epoch.validation_accuracy_percent:.1f} % right on examples set aside",
                )
        except StopIteration as end:
            trained: training.Trained = end.value
        out = self._file(step, ".h5")
        return {
            "network": recipe.network,
            "own_sha256": None,
            "epochs": trained.epochs,
            "training_seconds": trained.seconds,
            "best": asdict(trained.best),
            "check": asdict(saved_whole(model, out, data)),
            **self._found(out),
            "parameters": int(model.count_params()),
            "layers": sum(1 for layer in model.layers if layer.weights),
        }

    def _enter(self, step: Step, recipe: Recipe) -> dict[str, Any]:
        """The user's model becomes the first file of its chain."""
        own, file = self._own()
        entry = self.spec.entry(recipe)
        data = self._data_of(recipe)
        model = copied(own, file, self.job / FILES / OWN_FILES)
        out = self._file(step, FORMATS[entry].suffix)
        entered = self._converter(recipe).enter(model, entry, out)
        suffix = entered.suffix or out.suffix
        found = self._found(out.with_suffix(suffix))
        note = f"{own.name} takes {shown(data.input_shape)}, channels first: the examples are turned for it"
        return {
            "network": recipe.network,
            "own_sha256": file.sha256,
            "epochs": 0,
            "training_seconds": 0.0,
            "check": asdict(entered.check),
            "suffix": suffix,
            **found,
            "parameters": file.parameters if entered.parameters is None else entered.parameters,
            "layers": file.layers if entered.layers is None else entered.layers,
            "macs": file.macs if found["macs"] is None else found["macs"],
            **({"note": note} if data.input_shape != self._data().input_shape else {}),
        }

    def _convert(self, step: Step, recipe: Recipe) -> dict[str, Any]:
        *_, parent, _ = way = self._way(recipe)
        out = self._file(step, FORMATS[recipe.format].suffix)
        self.at_hand = step
        made_of, first = self._file_of(parent), self._file_of(way[0])
        seconds = max(1.0, TUNING_SHARE * self._left())
        check = self._converter(recipe).convert(recipe.format, made_of, first, out, seconds=seconds)
        kept = {"check": None if check is None else asdict(check), "parent_sha256": self.done[parent]["sha256"]}
        return {**kept, **self._found(out)}

    def _measure(self, recipe: Recipe) -> dict[str, Any]:
        way = self._way(recipe)
        last, learnt = way[-1], self.done[way[0]]
        made = self.done[last]
        share = self.spec.minutes * 60 * MEASURING_SHARE / len(self.spec.recipes)
        seconds = min(max(share / 2, LATENCY_SECONDS[0]), LATENCY_SECONDS[1])
        same = self._measured_already(made["sha256"], recipe)
        measured = same or measure(
            self._file_of(last),
            self.job / TEST_DATA,
            runtime=recipe.runtime,
            trusted=True,  # machine code that was compiled here
            metric=self.spec.metric,
            threads=self.spec.threads,
            seconds=seconds,
        )
        data = self._data_of(recipe)
        lineage = Lineage(
            data_name=data.name,
            data_is_known=self.spec.data in KNOWN,
            data_sha256=data.sha256,
            data_description=data.description,
            train_samples=len(data.x_train),
            test_samples=len(data.x_test),
            classes=data.classes if data.has_classes else None,
            outputs=data.outputs,
            input_shape=data.input_shape,
            seed=recipe.seed,
            epochs=learnt["epochs"],
            training_seconds=learnt["training_seconds"],
            versions=versions(),
            parent_sha256=self.done[way[-2]]["sha256"] if len(way) > 1 else None,
            own_sha256=learnt["own_sha256"],
            own_label=self.spec.label(recipe) if learnt["own_sha256"] else None,
            chain=tuple(self._made(step) for step in way[:-1]),
        )
        candidate = MeasuredCandidate(
            recipe=recipe,
            sha256=made["sha256"],
            measured=measured,
            check=NumericCheck(**made["check"]),
            parameters=learnt["parameters"],
            layers=learnt["layers"],
            lineage=lineage,
            macs=learnt.get("macs"),
        )
        note = f"{FORMATS[recipe.format].label} of {candidate.network} is the same file as one before; measured once"
        return {"candidate": candidate.to_json(), **({} if same is None else {"note": note})}

    def _measured_already(self, sha256: str, recipe: Recipe) -> Measured | None:
        """What was measured of the same bytes with the same runtime: two ways through the chain may meet."""
        for step, kept in self.done.items():
            if step.kind == "measure" and step.recipe and step.recipe.runtime == recipe.runtime and "candidate" in kept:
                candidate = MeasuredCandidate.from_json(kept["candidate"])
                if candidate.sha256 == sha256:
                    return candidate.measured
        return None

    def _found(self, file: Path) -> dict[str, Any]:
        """The file is kept; its name and what it costs to compute, where a reader can tell."""
        try:
            macs = inspect(file).macs
        except (RefusedFile, InspectionFailed):  # of our own making, so only a kind that is not read, as TVM's code
            macs = None
        return {"sha256": self.store.add(file), "size_kib": file.stat().st_size / 1024, "macs": macs}

    def _made(self, step: Step) -> Made:
        kept, recipe = self.done[step], step.recipe
        name = "" if recipe is None else self.spec.entry(recipe) if step.kind == "train" else recipe.format
        check = kept["check"]
        return Made(
            format=name,
            sha256=kept["sha256"],
            size_kib=kept["size_kib"],
            check=None if check is None else NumericCheck(**check),
        )

    def _data(self) -> Data:
        """Loaded once in a process. Raises BuildError when it is not what the job began with."""
        if self.data is None:
            data = load(self.spec.data, metric=self.spec.metric)
            begun_with = self.done.get(self.steps[0])
            if begun_with is not None and begun_with["sha256"] != data.sha256:
                raise BuildError(
                    f"the data {self.spec.data} have changed since the job began "
                    f"(sha256 {begun_with['sha256'][:12]} then, {data.sha256[:12]} now); start a new job"
                )
            self.data = data
        return self.data

    def _own(self) -> tuple[Path, ModelFile]:
        """The user's model, read in isolation. Raises RefusedFile for what is no model, or holds code.

        A job that goes on reads its own copy: the user may have moved or changed the model since.
        """
        own = Path(self.spec.own_model or "")
        if self.own is None:
            entered = any(kept.get("own_sha256") for kept in self.done.values())
            copies = list((self.job / FILES / OWN_FILES).glob("*")) if entered else []
            self.own = inspect(copies[0] if copies else own)
        return own, self.own

    def _data_of(self, recipe: Recipe) -> Data:
        """In the layout that the recipe's network takes."""
        if recipe.network != OWN:
            return self._data()
        own, file = self._own()
        return fitted(self._data(), model_shape(file, own.name), own.name)

    def _converter(self, recipe: Recipe) -> Converter:
        foreign = recipe.network == OWN
        if foreign not in self.converters:
            budget = Budget(
                trials=self.spec.tuning_trials,
                seconds=self.spec.tuning_minutes * 60,
                threads=self.spec.threads,
                told=self._told,
            )
            data = self._data_of(recipe)
            self.converters[foreign] = Confined(data, budget, self.job / FILES) if foreign else Here(data, budget)
        return self.converters[foreign]

    def _file(self, step: Step, suffix: str) -> Path:
        folder = self.job / FILES
        folder.mkdir(exist_ok=True)
        return folder / (Path(step.file_name).stem + suffix)

    def _file_of(self, step: Step) -> Path:
        """What a step made, taken from the store again where a kill lost or damaged it."""
        recipe = step.recipe
        name = "" if recipe is None else self.spec.entry(recipe) if step.kind == "train" else recipe.format
        kept = self.done[step]
        sha256, file = kept["sha256"], self._file(step, kept.get("suffix") or FORMATS[name].suffix)
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            shutil.copyfile(self.store.path(sha256), file)
        return file

    def _kept(self, step: Step) -> Path:
        return self.job / STEPS / step.file_name

    def _way(self, recipe: Recipe) -> list[Step]:
        """The steps that lead to a recipe's file: its training, then each conversion of its chain."""
        of_it = [s for s in self.steps if s.recipe is not None and s.recipe.training == recipe.training]
        first = next(s for s in of_it if s.kind == "train")
        made = {s.recipe.format: s for s in of_it if s.kind == "convert" and s.recipe is not None}
        return [first, *(made[name] for name in route(recipe.format, self.spec.entry(recipe))[1:])]

    def _failed_before(self, step: Step) -> str | None:
        """Why what this step needs is not there."""
        if step.kind == "train" or step.recipe is None:
            return None
        needed = self._way(step.recipe)[-1 if step.kind == "measure" else -2]
        failed: str | None = self.done[needed].get("failed")
        return failed

    def _left(self) -> float:
        """Seconds that are left of the time given."""
        spent: float = sum(kept["seconds"] for kept in self.done.values())
        return self.spec.minutes * 60 - spent - (time.monotonic() - self.began)

    def _why_stop(self) -> str | None:
        if (self.job / STOP).exists():
            return "stopped as asked; what is finished is kept"
        self.began = time.monotonic()
        if self._left() <= 0:
            return f"the {self.spec.minutes:g} minutes are over; what is finished is kept"
        return None

    def _told(self, how_far: str) -> None:
        if self.tell is not None and self.at_hand is not None:
            self.tell(self._progress(self.at_hand, how_far))

    def _progress(self, step: Step, more: str) -> Progress:
        parts = (said(step, self.spec), more, time_left(self._left()))
        return Progress(WHAT, len(self.done), len(self.steps), ", ".join(p for p in parts if p))

    def _result(self) -> str:
        finished = sum(1 for kept in self.done.values() if "candidate" in kept)
        return f"{finished} of {sum(step.kind == 'measure' for step in self.steps)} candidates measured"
