"""Model files measured here: any file, a registered model once more, and what a device package measured elsewhere.

The story (`flow.py`) knows the search; here is what an engineer asks of one file. Nothing is stored unless it is said.
"""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from building import this_device_record
from device.data import MAP, MARD, METRICS, RMSE, sha256
from device.machine import this_machine
from device.measure import measure
from device.measured import Machine, Measured
from device.package import PackageError, make_package
from device.runtimes import runtime_for, runtimes_for
from device.runtimes.contract import MeasureError, ModelFileError, RuntimeSpec
from device.signed import SignatureError, SignedResult, verify
from ontology.records import DataSet, Device, Record
from ontology.settings import Settings
from optimizer.brought import OPTIMIZATIONS, network_told, slug
from optimizer.data import KNOWN, DataError
from optimizer.examples import Examples, examples, random_examples, same_examples
from optimizer.inspect import InspectionFailed, ModelFile, RefusedFile, inspect
from repository import device_keys, this_device
from repository.artifacts import ArtifactError, ArtifactStore
from repository.knowledge import Knowledge
from repository.measured import MAP_OF_LABELS, device_name, local_device, measured_records, model_name
from repository.reproduction import Reproduction, compare, repeats_like
from repository.runs import (
    MeasuredModel,
    OnRecord,
    RegisteredFigure,
    changes_since,
    examples_named,
    measured_model,
    on_record,
)
from repository.this_device import DeviceProfile, ProfileError

SECONDS = 3.0  # for the latency of one file
ALL = "all"  # runtimes


class ReproductionError(ValueError):
    """A model cannot be measured again here; the message says why, and what to do."""


class ResultError(ValueError):
    """A device's result cannot be registered as it was asked; the message says why, and what to do."""


MENDABLE = (
    ReproductionError, ResultError, SignatureError, device_keys.BadKey, PackageError, MeasureError, DataError,
    RefusedFile, InspectionFailed, ArtifactError, ProfileError,
)  # fmt: skip
"""Errors that a person can mend; their message says how."""


@dataclass(frozen=True)
class Trial:
    """A file with one runtime: what was measured, or why it was not."""

    runtime: str
    measured: Measured | None
    reason: str = ""


@dataclass(frozen=True)
class Tried:
    """What a file holds (None: machine code, which is not read), on what it was measured, and with which runtimes."""

    file: ModelFile | None
    examples: Examples
    trials: tuple[Trial, ...]


def try_file(
    path: Path,
    data: str | None,
    *,
    runtime: str | None = None,
    threads: int = 1,
    metric: str | None = None,
    trusted: bool = False,
    seconds: float = SECONDS,
    tell: Callable[[str], None] = lambda _: None,
) -> Tried:
    """Read a file in isolation, then measure it with a runtime, the first that takes it, or `all` of them.

    Without data random numbers are fed: then nothing is said of its answers. Raises RefusedFile, DataError or
    MeasureError; with `all` only when no runtime could measure it.
    """
    if metric not in (None, *METRICS):
        raise DataError(f"there is no metric {metric!r}; there are: {', '.join(METRICS)}")
    try:
        specs = runtimes_for(path) if runtime == ALL else (runtime_for(path, runtime),)
    except ModelFileError:
        if runtime in (None, ALL) and path.suffix.lower() != ".npz":
            inspect(path)  # what reads files knows better why a pickle or a script is no model, and what to do
        raise
    file = None if specs[0].native else inspect(path)
    with tempfile.TemporaryDirectory(prefix="dlom-examples-") as folder:
        given = _random(file, path, Path(folder)) if data is None else examples(data, Path(folder), metric)
        trials = []
        for spec in specs:
            tell(f"measuring {path.name} with {spec.name}")
            trials.append(_trial(path, given, spec, threads, metric, trusted, seconds, several=len(specs) > 1))
    if not any(t.measured for t in trials):
        raise MeasureError("; ".join(f"{t.runtime}: {t.reason}" for t in trials))
    return Tried(file, given, tuple(trials))


def _trial(
    path: Path, given: Examples, spec: RuntimeSpec, threads: int, metric: str | None, trusted: bool, seconds: float,
    *, several: bool,
) -> Trial:  # fmt: skip
    try:
        found = measure(
            path, given.path, runtime=spec.name, threads=threads, metric=metric, trusted=trusted, seconds=seconds
        )
    except MeasureError as error:
        if not several:
            raise
        return Trial(spec.name, None, str(error))
    return Trial(spec.name, found)


def _random(file: ModelFile | None, path: Path, folder: Path) -> Examples:
    if file is None or len(file.inputs) != 1 or file.inputs[0].shape is None:
        raise DataError(f"{path.name} does not say what it takes; give examples with --data")
    return random_examples(file.inputs[0].shape, folder)


def reproducible(name: str, knowledge: Knowledge, data: str | None = None) -> OnRecord:
    """What measuring a registered model again needs to know; afterwards the store may be let go.

    `data` is where a user's own examples lie. Raises ReproductionError where there is no such model, no file of it,
    nothing measured on record, or where its examples are not to be had without `data`.
    """
    found = on_record(knowledge.graph, name)
    if found is None:
        near = difflib.get_close_matches(name, knowledge.projection.positions, n=3)
        raise ReproductionError(f"there is no model {name[:80]!r}" + (f"; near: {', '.join(near)}" if near else ""))
    model = found.model
    if model.artifact is None or model.runtime is None:
        raise ReproductionError(
            f"{name} has no file here: its figures were published or declared, not measured by DLOM. Get the file, and "
            f"register it: ./dlom register FILE --data DATA --network {model.network}"
        )
    if not found.registered:
        raise ReproductionError(f"{name} has no measured figure that holds, so there is nothing to compare with")
    _source(found, data, knowledge)
    return found


def reproduce(
    then: OnRecord,
    settings: Settings,
    *,
    data: str | None = None,
    threads: int | None = None,
    trusted: bool = False,
    seconds: float = SECONDS,
) -> Reproduction:
    """Measure a registered model again, on the same examples and threads; this takes minutes and needs no store.

    Raises ReproductionError where its file or its examples are not to be had, DataError or MeasureError.
    """
    model, registered = then.model, then.registered
    threads = threads or next((r.threads for r in registered if r.threads), 1)
    with tempfile.TemporaryDirectory(prefix="dlom-reproduce-") as folder:
        given, metric = _examples_of(then, _source(then, data), Path(folder))
        found = measure(
            _file_of(model, settings, Path(folder)), given.path, runtime=model.runtime, threads=threads,
            trusted=trusted, seconds=seconds, metric=metric,
        )  # fmt: skip
    # By name, as it was when it was registered: the copy that was measured has another.
    found = replace(found, file_name=model.file_name or found.file_name)
    return compare(model, registered, found, repeats_like(then.drifted, found))


def _file_of(model: MeasuredModel, settings: Settings, folder: Path) -> Path:
    """A copy of the kept file under the name that its runtime knows it by. Raises ReproductionError."""
    store = ArtifactStore(settings.home / "artifacts")
    assert model.artifact is not None
    if not store.has(model.artifact):
        raise ReproductionError(
            f"the file of {model.name} is not kept here (SHA-256 {model.artifact[:12]}…); bring it with ./dlom "
            "register: FILE --data DATA, or beside the device's result --file FILE"
        )
    store.verify(model.artifact)
    suffix = Path(model.file_name or "").suffix or f".{model.format}"
    copy = folder / f"model{suffix}"
    shutil.copyfile(store.path(model.artifact), copy)  # a process that is shut in may not follow a link out of it
    return copy


def _source(then: OnRecord, data: str | None, knowledge: Knowledge | None = None) -> str:
    """What to measure on: as told, else the known set that it was measured on. Raises ReproductionError."""
    test_set = next((r.test_set for r in _tested(then.registered)), None)
    known = (test_set or "").removesuffix("-test")
    source = data or (known if known in KNOWN else None)
    if source is None:
        on = "data that are not on record by name" if test_set is None else test_set
        if knowledge is not None and test_set is not None:
            on = knowledge.projection.label("data", test_set)
        raise ReproductionError(f"{then.model.name} was measured on {on}; say where they lie: --data PATH")
    return source


def _examples_of(then: OnRecord, source: str, folder: Path) -> tuple[Examples, str | None]:
    """With the metric to ask for."""
    tested = _tested(then.registered)
    for figure in tested:  # a model may have been tested on several sets
        metric = _asked_metric(figure)
        found = same_examples(source, figure.data_sha256, folder, metric)
        if found is not None:
            return found, metric
    metric = _asked_metric(tested[0]) if tested else None
    return examples(source, folder, metric), metric


def _tested(registered: Sequence[RegisteredFigure]) -> list[RegisteredFigure]:
    """The figures of quality, accuracy first."""
    return [r for name in ("accuracy_percent", "metric_value") for r in registered if r.figure == name]


def _asked_metric(figure: RegisteredFigure) -> str | None:
    """What must be asked for, because the data leave a choice."""
    if figure.metric in (RMSE, MARD):
        return figure.metric
    return MAP if figure.metric == MAP_OF_LABELS else None


def reproduction_records(
    then: OnRecord, compared: Reproduction, knowledge: Knowledge, settings: Settings
) -> list[Record]:
    """What is registered of a model that was measured again. Nothing is stored.

    Raises ReproductionError for other examples, and where what was read of the model holds no longer.
    """
    model, found = then.model, compared.measured
    tested = next((r for r in _tested(then.registered) if r.data_sha256 == found.data_sha256), None)
    test_set = None if tested is None else tested.test_set
    unnamed = test_set is None and (found.accuracy_percent is not None or found.metric_value is not None)
    if not compared.same_examples or unnamed or not (model.network and model.optimization and model.purpose):
        raise ReproductionError(
            f"not stored: these are other examples than those of {model.name}; give the same ones with --data, or "
            "register the file on them: ./dlom register FILE --data DATA"
        )
    changed = changes_since(then, knowledge.graph)
    if changed:
        raise ReproductionError(
            f"not stored: {model.name} changed while it was measured: {'; '.join(changed)}. Look at ./dlom history "
            f"{model.name}, and reproduce it again if it still counts"
        )
    return measured_records(
        found,
        network=model.network,
        optimization=model.optimization,
        purpose=model.purpose,
        device=device_of(found.machine, knowledge, settings, None, date.today()),
        data_set=test_set,
        trained_network=model.trained_network,
        original_value=None if tested is None else tested.original_value,
    )


def make_device_package(
    settings: Settings, out: Path, today: date, data: str | None = None
) -> tuple[Path, str, Examples | None]:
    """A package with a key of its own, which is kept here: its path, its id, and what to measure on there.

    With `data` the examples are written beside the package, as they are measured on here. Raises PackageError or
    DataError; nothing is left behind then.
    """
    with tempfile.TemporaryDirectory(prefix="dlom-examples-") as folder:
        given = None if data is None else examples(data, Path(folder))
        beside = None if given is None or data is None else _beside(out, data, given)
        key = device_keys.keep_new(settings.home, today)
        try:
            made = make_package(out, key)
        except BaseException:
            device_keys.forget(settings.home, key.id)
            raise
        if given is not None and beside is not None:
            shutil.copyfile(given.path, beside)
            given = replace(given, path=beside)
    return made, key.id, given


def _beside(out: Path, data: str, given: Examples) -> Path | None:
    """Where the examples go; None for a folder, which stays where it is. Raises PackageError for another file there."""
    if not given.path.is_file():
        return None
    name = data if data in KNOWN else Path(data).stem
    beside = out.with_name(f"{name}-examples.npz")
    if beside.exists() and not (beside.is_file() and sha256(beside) == sha256(given.path)):
        raise PackageError(f"{beside} is there already and holds something else; move it away, or name another --out")
    return beside


def verified_result(text: bytes, settings: Settings, today: date) -> SignedResult:
    """A device's result, when a package that was made here signed it as it stands. Raises SignatureError or BadKey."""
    return verify(text, device_keys.keys(settings.home), today)


def result_records(
    result: SignedResult,
    knowledge: Knowledge,
    settings: Settings,
    *,
    network: str,
    purpose: str,
    device: Device,
    optimization: str | None = None,
    data_set: str | None = None,
    file: Path | None = None,
    keep: bool = True,
) -> tuple[ModelFile | None, list[Record]]:
    """What is registered of a device's result, with what its file holds where that came, too; with `keep` it is kept.

    `network`, `optimization` and `data_set` are names on record; a network and a data set may be new. Left out, the
    optimization is that of the model on record or what the file shows, the data set the one that these very examples
    are on record as. Raises ResultError, RefusedFile, or ValueError for names that cannot be used.
    """
    found, choices = result.measured, knowledge.projection.choices
    if purpose not in choices["purpose"]:
        raise ResultError(f"{purpose[:40]!r} is no task on record; choose from {', '.join(choices['purpose'])}")
    inspected = None if file is None else _brought_with(file, found)
    known_model = measured_model(knowledge.graph, model_name(found.sha256, found.runtime, device.name))
    if optimization is None and known_model is not None:
        optimization = known_model.optimization
    if optimization is None:
        optimization = "unstated" if inspected is None else OPTIMIZATIONS.get(inspected.precision or "", "unstated")
    known = sorted(n for prefix, n in knowledge.projection.labels if prefix == "opt")
    if optimization not in known:
        near = difflib.get_close_matches(optimization, known, n=3, cutoff=0.3)
        raise ResultError(f"{optimization[:40]!r} is no optimization on record; near: {', '.join(near) or 'none'}")
    records = measured_records(
        found,
        network=network_told(network, choices["net"]),
        optimization=optimization,
        purpose=purpose,
        device=device,
        data_set=_data_set(found, data_set or examples_named(knowledge.graph, found.data_sha256), choices["data"]),
        device_package=f"{result.package} of {result.package_made}",
    )
    if file is not None and keep:
        ArtifactStore(settings.home / "artifacts").add(file)
    return inspected, records


def _brought_with(file: Path, found: Measured) -> ModelFile | None:
    if not file.is_file():
        raise ResultError(f"there is no file {file}; check its name and folder")
    digest = sha256(file)
    if digest != found.sha256:
        raise ResultError(
            f"{file.name} is not the file that was measured: its SHA-256 is {digest[:12]}…, that of the measured "
            f"{found.file_name} {found.sha256[:12]}…; give that one, or leave --file out"
        )
    return None if runtime_for(file).native else inspect(file)


def _data_set(found: Measured, told: str | None, known: Mapping[str, str]) -> DataSet | str | None:
    """What was named, else the examples themselves by their digest; None where nothing was said of answers."""
    if found.metric_value is None and found.accuracy_percent is None and told is None:
        return None
    if told is not None:
        return told if told in known else DataSet(name=slug(told), label=told, examples=found.samples)
    digest = (found.data_sha256 or "unknown")[:12]
    return DataSet(name=f"local-{digest}", label=f"Examples with SHA-256 {digest}…", examples=found.samples)


def device_of(
    machine: Machine, knowledge: Knowledge, settings: Settings, said: DeviceProfile | None, today: date
) -> Device:
    """The machine that measured as a device: as is said of it, as it is on record, else named by its processor."""
    if said is not None:
        return local_device(
            machine, label=said.label, device_type=(said.device_type,), price_usd=said.price_usd, told=today
        )
    if this_device.load(settings.home, machine.fingerprint) is not None:
        return this_device_record(settings, machine)
    if device_name(machine) in knowledge.projection.devices:
        bare = local_device(machine, label="", device_type=(), price_usd=None, told=today)
        return replace(bare, label=None, device_type=None)  # what is on record stays
    named = this_device.unnamed(machine.fingerprint, machine.cpu)
    label = named.label if machine.fingerprint == this_machine().fingerprint else f"Device ({machine.cpu})"[:80]
    return local_device(machine, label=label, device_type=(named.device_type,), price_usd=None, told=today)
