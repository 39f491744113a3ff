"""A build from its recipes to measured files, step by step; every finished step is kept, so that a kill costs one.

    data ─► train ─► convert ─► measure ─► convert ─► measure … ─► train (the next network) …

The job's folder holds `job.json` (what to build), `steps/` (one file for each finished step), `files/` (the models,
under names with a suffix) and, when someone wants it to end, a file `stop`.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import time
from collections.abc import Generator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from device.measure import MeasureError, measure
from ontology.events import Event, Finished, Note, Progress, Started
from optimizer import training
from optimizer.candidate import Lineage, MeasuredCandidate
from optimizer.data import Data, load
from optimizer.formats.check import NumericCheck, converted
from optimizer.formats.contract import ConversionError
from optimizer.formats.h5 import H5
from optimizer.formats.shelf import FORMATS
from optimizer.inspect import InspectionFailed, RefusedFile, inspect
from optimizer.networks import own
from optimizer.networks.contract import NetworkError
from optimizer.networks.shelf import NETWORKS
from optimizer.recipe import Recipe
from optimizer.spec import SPEC, JobSpec, Step, plan, read_json, write_json
from repository.artifacts import ArtifactStore

if TYPE_CHECKING:
    import keras

WHAT = "Building"
STOP, STEPS, FILES, TEST_DATA = "stop", "steps", "files", "test.npz"
TRAINING_SHARE, MEASURING_SHARE = 0.6, 0.3  # of the time given; the rest is for loading and converting
LATENCY_SECONDS = (0.5, 5.0)
LIBRARIES = ("tensorflow", "keras", "numpy", "ai-edge-litert", "onnx", "onnxruntime", "tf2onnx", "scikit-learn")


class BuildError(RuntimeError):
    """The job cannot go on; the message says why and what to do."""


def build(job: Path) -> Generator[Event, None, str]:
    """Does what is left to do of the job in that folder, and returns "finished" or "stopped".

    Stopped means by the file `stop` or for want of time: after the step at hand (a training is cut short), keeping
    what is finished. A candidate that fails is told as a Note and does not end the job. Files go to the folder
    `artifacts` two levels above the job's, by their sha256. The time of a step that a kill interrupted is not
    counted. Raises BuildError, or DataError for data that cannot be used.
    """
    return (yield from _Build(job).run())


class _Build:
    def __init__(self, job: Path) -> None:
        spec = read_json(job / SPEC)
        if spec is None:
            raise BuildError(f"there is no {SPEC} in {job.name}; create the job first")
        self.job = job
        self.spec = JobSpec.from_json(spec)
        self.steps = plan(self.spec.recipes)
        self.store = ArtifactStore(job.parent.parent / "artifacts")
        self.done = {s: kept for s in self.steps if (kept := read_json(self._kept(s))) is not None}
        self.data: Data | None = None
        self.model: tuple[str, keras.Model] | None = None
        self.began = time.monotonic()

    def run(self) -> Generator[Event, None, str]:
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
                yield Note(f"{_said(step)} failed: {kept['failed']}")
        shutil.rmtree(self.job / FILES, ignore_errors=True)
        yield self._at_end()
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
                return (yield from self._train(step, recipe))
            if step.kind == "convert":
                return self._convert(step, recipe)
            return self._measure(step, recipe)
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
            np.savez(out, x=data.x_test, y=data.y_test)
        beside.replace(file)
        return {"data": data.name, "sha256": data.sha256, "description": data.description}

    def _train(self, step: Step, recipe: Recipe) -> Generator[Event, None, dict[str, Any]]:
        data = self._data()
        training.make_repeatable(recipe.seed)
        kept: dict[str, Any] = {"network": recipe.network, "own_sha256": None, "epochs": 0, "training_seconds": 0.0}
        if recipe.network == own.OWN:
            file = Path(self.spec.own_model or "")
            kept["own_sha256"] = inspect(file).sha256  # refuses what is no model, or holds code
            model = own.load(file, data.input_shape, data.classes)
        else:
            model = NETWORKS[recipe.network].build(data.input_shape, data.classes, data.value_range)
            networks = len({r.training for r in self.spec.recipes if r.network != own.OWN})
            share = min(self.spec.minutes * 60 * TRAINING_SHARE / networks, self._left())
            epochs = training.train(model, data, recipe, share, self._stopping)
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
            kept |= {"epochs": trained.epochs, "training_seconds": trained.seconds, "best": asdict(trained.best)}
        out = self._file(step, H5.suffix)
        H5.convert(model, data, out)
        layers = sum(1 for layer in model.layers if layer.weights)
        return {**kept, "sha256": self.store.add(out), "parameters": int(model.count_params()), "layers": layers}

    def _convert(self, step: Step, recipe: Recipe) -> dict[str, Any]:
        kind = FORMATS[recipe.format]
        parent = self.done[self._training_of(recipe)]["sha256"]
        out = self._file(step, kind.suffix)
        check = converted(kind, self._model(parent, recipe), self._data(), out)
        return {"sha256": self.store.add(out), "check": asdict(check), "parent_sha256": parent}

    def _measure(self, step: Step, recipe: Recipe) -> dict[str, Any]:
        convert_step = self.steps[step.number - 1]
        made, learnt = self.done[convert_step], self.done[self._training_of(recipe)]
        file = self._from_store(made["sha256"], self._file(convert_step, FORMATS[recipe.format].suffix))
        share = self.spec.minutes * 60 * MEASURING_SHARE / len(self.spec.recipes)
        seconds = min(max(share / 2, LATENCY_SECONDS[0]), LATENCY_SECONDS[1])
        measured = measure(file, self.job / TEST_DATA, threads=self.spec.threads, seconds=seconds)
        data = self._data()
        lineage = Lineage(
            data_name=data.name,
            data_sha256=data.sha256,
            data_description=data.description,
            train_samples=len(data.x_train),
            test_samples=len(data.x_test),
            classes=data.classes,
            input_shape=data.input_shape,
            seed=recipe.seed,
            epochs=learnt["epochs"],
            training_seconds=learnt["training_seconds"],
            versions=versions(),
            parent_sha256=None if made["sha256"] == made["parent_sha256"] else made["parent_sha256"],
            own_sha256=learnt["own_sha256"],
        )
        candidate = MeasuredCandidate(
            recipe=recipe,
            sha256=made["sha256"],
            measured=measured,
            check=NumericCheck(**made["check"]),
            parameters=learnt["parameters"],
            layers=learnt["layers"],
            lineage=lineage,
        )
        return {"candidate": candidate.to_json()}

    def _data(self) -> Data:
        """Loaded once in a process. Raises BuildError when it is not what the job began with."""
        if self.data is None:
            data = load(self.spec.data)
            begun_with = self.done.get(self.steps[0])
            if begun_with is not None and begun_with["sha256"] != data.sha256:
                raise BuildError(
                    f"the data {self.spec.data} have changed since the job began "
                    f"(sha256 {begun_with['sha256'][:12]} then, {data.sha256[:12]} now); start a new job"
                )
            self.data = data
        return self.data

    def _model(self, sha256: str, recipe: Recipe) -> keras.Model:
        """Read back from the H5, also right after training, so that a job that was interrupted converts the same."""
        import keras

        if self.model is None or self.model[0] != sha256:
            training.make_repeatable(recipe.seed)
            file = self._from_store(sha256, self._file(self._training_of(recipe), H5.suffix))
            self.model = sha256, keras.saving.load_model(file, compile=False)
        return self.model[1]

    def _file(self, step: Step, suffix: str) -> Path:
        folder = self.job / FILES
        folder.mkdir(exist_ok=True)
        return folder / (Path(step.file_name).stem + suffix)

    def _from_store(self, sha256: str, file: Path) -> Path:
        """`file`, taken from the store again where a kill lost or damaged it."""
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            shutil.copyfile(self.store.path(sha256), file)
        return file

    def _kept(self, step: Step) -> Path:
        return self.job / STEPS / step.file_name

    def _training_of(self, recipe: Recipe) -> Step:
        return next(s for s in self.steps if s.kind == "train" and s.recipe and s.recipe.training == recipe.training)

    def _failed_before(self, step: Step) -> str | None:
        """Why what this step needs is not there."""
        if step.kind == "train" or step.recipe is None:
            return None
        needed = self.steps[step.number - 1] if step.kind == "measure" else self._training_of(step.recipe)
        failed: str | None = self.done[needed].get("failed")
        return failed

    def _left(self) -> float:
        """Seconds that are left of the time given."""
        spent: float = sum(kept["seconds"] for kept in self.done.values())
        return self.spec.minutes * 60 - spent - (time.monotonic() - self.began)

    def _stopping(self) -> bool:
        return (self.job / STOP).exists()

    def _why_stop(self) -> str | None:
        if self._stopping():
            return "stopped as asked; what is finished is kept"
        self.began = time.monotonic()
        if self._left() <= 0:
            return f"the {self.spec.minutes:g} minutes are over; what is finished is kept"
        return None

    def _progress(self, step: Step, more: str) -> Progress:
        parts = (_said(step), more, time_left(self._left()))
        return Progress(WHAT, len(self.done), len(self.steps), ", ".join(p for p in parts if p))

    def _at_end(self) -> Progress:
        return Progress(WHAT, len(self.steps), len(self.steps), "")

    def _result(self) -> str:
        finished = sum(1 for kept in self.done.values() if "candidate" in kept)
        return f"{finished} of {len(self.spec.recipes)} candidates measured"


def versions() -> dict[str, str]:
    """Of Python and the libraries that take part in a build; one that is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def time_left(seconds: float) -> str:
    """At most how long it may still take, such as "at most 3 min 20 s left"."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    return f"at most {minutes} min {rest} s left" if minutes else f"at most {rest} s left"


_VERBS = {"data": "loading the data", "train": "training", "convert": "converting", "measure": "measuring"}


def _said(step: Step) -> str:
    if step.recipe is None:
        return _VERBS[step.kind]
    if step.kind == "train":
        return f"{_VERBS['train']} {step.recipe.network}"
    return f"{_VERBS[step.kind]} {step.recipe.network} as {FORMATS[step.recipe.format].label}"
