"""A user's own model through the whole conversion chain: every format that it admits, made, checked and measured.

The story (`flow.py`) tells it on; it is the optimization report's use case, without a requirement to meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from device.data import TOP1
from device.runtimes import RUNTIMES
from device.runtimes.contract import RuntimeSpec
from dss.quality import check_tolerance
from ontology.requirement import Requirement
from ontology.requirement_json import to_json
from ontology.settings import Settings
from optimizer import jobs
from optimizer.brought import TASKS
from optimizer.checked import Checked, checked
from optimizer.data import KNOWN
from optimizer.formats.chain import entry_of, reachable
from optimizer.formats.contract import ConversionError, Format
from optimizer.formats.shelf import FORMATS
from optimizer.inspect import ModelFile, inspect
from optimizer.layout import check_answers, model_shape, turns
from optimizer.networks.contract import NetworkError
from optimizer.networks.own import OWN
from optimizer.proposals import ALL, chosen
from optimizer.recipe import Recipe
from optimizer.spec import JobSpec, SpecError

TRIALS = 64
TUNING_SHARE = 0.3  # of the minutes given: the most that tuning one file may take
TUNING_FROM_MINUTES = 20.0  # a build of less time proposes no tuning by itself


@dataclass(frozen=True)
class Optimization:
    """A started job. `left_out` are the formats that are not made of this model, each with the reason."""

    job: str
    file: ModelFile
    metric: str  # by which the answers are judged
    turned: bool  # the examples are given with their channels first
    left_out: Mapping[str, str]


def start_optimization(
    model: Path,
    settings: Settings,
    *,
    data: str,
    minutes: float,
    formats: Sequence[str] = (ALL,),
    threads: int = 1,
    trials: int = TRIALS,
    network: str | None = None,
    task: str | None = None,
    metric: str | None = None,
    tolerance: float | None = None,
) -> Optimization:
    """Read the model in isolation, check that the data fit it, and start a job that makes and measures the formats.

    `formats` are names of the shelf, or "all": those that the model admits, the model as it is always among them. The
    first runtime of each kind of file measures it; where others are installed, one file of each precision is measured
    with those, too. `network` is the one that the model is, on record or new, as `check_network` has checked; without
    it is named by its file. `metric` is how the answers are judged, where the data leave a choice; `task`, a purpose on
    record, what they are about; `tolerance` only has to be one of that metric. Raises RefusedFile, InspectionFailed,
    DataError, ToleranceError, ProposalError, SpecError or JobError; nothing is left behind then.
    """
    file = inspect(model)
    entry = _entry(model)
    wanted = [f.name for f in chosen(formats)]
    ways, barred = reachable(entry, wanted)
    if ALL not in formats and barred:
        raise SpecError(f"{'; '.join(barred.values())}; of {model.name} can be made: {', '.join(reachable(entry)[0])}")
    found = checked(data, metric)
    turned = admitted(model, file, found)
    if tolerance is not None:
        check_tolerance(tolerance, found.metric)
    left_out = dict.fromkeys(barred, f"no conversion leads there from {FORMATS[entry].label}")
    recipes: list[Recipe] = []
    seen: set[tuple[str, str]] = set()
    for f in FORMATS.values():
        if f.name not in ways and f.name != entry:
            continue
        takers = runtimes_of(f)
        if f.runs_here and not takers:
            left_out[f.name] = f"{f.library} is not installed here; ./dlom runtimes says what to install"
            continue
        alike = (f.suffix, f.precision)
        others = () if alike in seen else takers[1:]
        seen.add(alike)
        for runtime in (None, *(spec.name for spec in others)):
            recipes.append(Recipe(network=OWN, format=f.name, runtime=runtime, reason=f"{f.label}: {f.why}."))
    spec = JobSpec(
        data=data if data in KNOWN else str(Path(data).expanduser().absolute()),
        minutes=minutes,
        recipes=tuple(recipes),
        requirement=to_json(Requirement(title=f"Optimize {model.name}"[:200], task=(task or TASKS[found.metric],))),
        own_model=str(model.absolute()),
        own_network=network,
        threads=threads,
        tuning_trials=trials,
        tuning_minutes=TUNING_SHARE * minutes,
        metric=found.metric,
    )
    job = jobs.create(settings.home, spec)
    jobs.start(settings.home, job)
    return Optimization(job=job, file=file, metric=found.metric, turned=turned, left_out=left_out)


def admitted(model: Path, file: ModelFile, data: Checked) -> bool:
    """Whether such examples are turned for a user's model, their channels first.

    Raises SpecError with both shapes when the data do not fit what it takes or gives, or when it enters the chain
    nowhere.
    """
    _entry(model)
    try:
        turned = turns(model_shape(file, model.name), data.input_shape, model.name)
        check_answers(file, model.name, data.outputs, has_classes=data.metric == TOP1)
        return turned
    except NetworkError as error:
        raise SpecError(str(error)) from error


def _entry(model: Path) -> str:
    try:
        return entry_of(model)
    except ConversionError as error:
        raise SpecError(str(error)) from error


def runtimes_of(f: Format) -> tuple[RuntimeSpec, ...]:
    """The installed runtimes that take the files of a format, the best first."""
    return tuple(spec for spec in RUNTIMES if f.suffix in spec.formats and spec.installed() is not None)


def worth_proposing(minutes: float) -> tuple[str, ...]:
    """The formats that a build of so many minutes proposes by itself: tuned ones only where there is time for them."""
    tuned = [f.name for f in FORMATS.values() if f.tuned and f.runs_here and runtimes_of(f)]
    return (*(f.name for f in chosen([])), *(tuned if minutes >= TUNING_FROM_MINUTES else ()))
