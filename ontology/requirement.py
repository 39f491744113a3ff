"""A requirement: six steps of optional fields, the limits they set, and the verdict on a value.

The class below is the one list of all fields. The wizard's widgets, the JSON form, the link in the address bar,
the SPARQL query and the verdicts are all derived from it. Limits and verdicts are pure; the composed query, the
columnar search and the optimizer must all give the answers that `judge` gives.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache

from ontology.records import Grade
from ontology.requirement_fields import NUMERIC as NUMERIC
from ontology.requirement_fields import FieldSpec as FieldSpec
from ontology.requirement_fields import Relation as Relation
from ontology.requirement_fields import Step as Step
from ontology.requirement_fields import at_least, at_most, choice, given, yes

P, N, D, C, O, F = Step  # noqa: E741 - one letter per step keeps the list below readable


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """What an organisation needs. Every field is optional; what is not given limits nothing."""

    title: str = ""

    # 1 Project
    business_focus: tuple[str, ...] = choice(
        P, "Business focus", "application_area", "area",
        "Models made for another field are left out. A model whose source names no field counts as any field.",
        Relation.ONE_OF_IF_STATED, single=True,
    )  # fmt: skip
    task: tuple[str, ...] = choice(
        P, "Task", "purpose", "purpose", "What the model does, for example find objects in a picture.", single=True,
    )  # fmt: skip
    budget_usd: float | None = at_most(
        P, "Total budget", "total_cost_usd", "USD",
        "For all devices, the cloud over the months in service, and any cost the source declares.",
    )  # fmt: skip
    devices: int = given(
        1, P, "Number of devices", "How many devices you will equip; the budget counts all of them.", None, "devices",
        unit="devices", lowest=1, highest=1_000_000, whole=True,
    )  # fmt: skip
    device_types: tuple[str, ...] = choice(
        P, "Types of devices", "device_type", "dtype", "Any kind of device counts when nothing is chosen.",
    )  # fmt: skip
    months: int = given(
        12, P, "Months in service", "The cloud's monthly cost is counted for so many months.", None, "months",
        unit="months", lowest=1, highest=600, whole=True,
    )  # fmt: skip
    year_at_least: float | None = at_least(
        P, "Created in or after", "year_created", "year", "The year in which the model was published.",
        rare=True, lowest=1950, highest=2100, whole=True,
    )  # fmt: skip
    rating_at_least: float | None = at_least(
        P, "User rating", "user_rating", "", "The mean of the users' votes, 1 to 5.", rare=True, lowest=1, highest=5,
    )  # fmt: skip
    deployed_devices_at_least: float | None = at_least(
        P, "Devices it was deployed on", "number_of_devices", "", "As its source states; few do.",
        rare=True, whole=True,
    )  # fmt: skip

    # 2 Network
    networks: tuple[str, ...] = choice(
        N, "Networks", "network", "net", "Architectures such as ResNet-50 or MobileNet v2.",
    )  # fmt: skip
    families: tuple[str, ...] = choice(
        N, "Families of networks", "family", "text:family", "All sizes and versions of an architecture.",
    )  # fmt: skip
    training_data: tuple[str, ...] = choice(
        N, "Training data set", "training_data_set", "data", "What the network learnt from.",
    )  # fmt: skip
    training_domain: tuple[str, ...] = choice(
        N, "Domain of the training data", "training_domain", "domain", "Medical, general, real estate …",
    )  # fmt: skip
    layers_at_least: float | None = at_least(
        N, "Layers", "layers", "", "Depth of the network; few sources state it.", whole=True,
    )  # fmt: skip
    parameters_at_most: float | None = at_most(
        N, "Parameters", "parameters", "", "Numbers the network has learnt; write 5M for five million.", whole=True,
    )  # fmt: skip
    commercial_use: bool = yes(
        N, "Usable in a closed commercial product", "commercial_use",
        "Leaves out licences that oblige you to publish your own source (GPL, AGPL) or forbid commerce.",
    )  # fmt: skip
    classes_at_least: float | None = at_least(
        N, "Classes it can tell apart", "classes", "", "Classes of the training data.", rare=True, whole=True,
    )  # fmt: skip
    examples_at_least: float | None = at_least(
        N, "Training examples", "examples", "", "Size of the training data.", rare=True, whole=True,
    )  # fmt: skip
    inputs_at_most: float | None = at_most(
        N, "Inputs", "inputs", "", "Values that the network reads at once, where stated.", rare=True, whole=True,
    )  # fmt: skip
    outputs_at_least: float | None = at_least(
        N, "Outputs", "outputs", "", "Values that the network gives at once, where stated.", rare=True, whole=True,
    )  # fmt: skip
    activation: tuple[str, ...] = choice(
        N, "Activation function", "activation", "text:activation", "Of the output layer, where stated.", rare=True,
    )  # fmt: skip
    loss_function: tuple[str, ...] = choice(
        N, "Loss function", "loss_function", "text:loss_function", "Where stated.", rare=True,
    )  # fmt: skip
    hyper_parameters: tuple[str, ...] = choice(
        N, "Hyper-parameters", "hyper_parameters", "text:hyper_parameters", "Where stated.", rare=True,
    )  # fmt: skip

    # 3 Device
    device_names: tuple[str, ...] = choice(D, "Devices", "device", "dev", "Only on these devices.")
    ram_mib_at_least: float | None = at_least(
        D, "Memory of the device", "ram_mib", "MiB", "Working memory built in; write 4 GiB for four gibibytes.",
    )  # fmt: skip
    processors: tuple[str, ...] = choice(
        D, "Processors", "processor_kind", "text:processor_kind", "The device has at least one of these.",
    )  # fmt: skip
    camera: bool = yes(D, "Has a camera or a connector for one", "has_camera", "For pictures taken on the spot.")
    cpu_cores_at_least: float | None = at_least(
        D, "Processor cores", "cpu_cores", "", "Of the device's main processor.", rare=True, whole=True,
    )  # fmt: skip
    frameworks: tuple[str, ...] = choice(
        D, "Frameworks of the device", "framework", "text:framework",
        "The device supports at least one of these, whichever runs the model.", rare=True,
    )  # fmt: skip
    runtimes: tuple[str, ...] = choice(
        D, "Framework or runtime", "runtime_library", "text:runtime_library", "The library that runs the model.",
    )  # fmt: skip
    device_price_usd_at_most: float | None = at_most(D, "Price of one device", "price_usd", "USD", "Without the cloud.")
    device_power_w_at_most: float | None = at_most(
        D, "Power of the device", "device_power_w", "W", "Typical maximum of the whole device.",
    )  # fmt: skip
    sold_singly: bool = yes(
        D, "Can be bought singly", "sold_singly",
        "Leaves out vendors' reference designs, development platforms for cars, and stand-ins.",
    )  # fmt: skip
    reference_devices: bool = yes(
        D, "Show reference devices, too", "reference_device",
        "Servers and graphics cards that serve for comparison only. Left out unless you name one or ask for all here.",
        rare=True, widens=True,
    )  # fmt: skip

    # 4 Cloud
    clouds: tuple[str, ...] = choice(C, "Configurations", "cloud", "cloud", "Only these cloud servers.")
    cloud_hosts: tuple[str, ...] = choice(C, "Hosts", "cloud_provider", "text:cloud_provider", "Only these providers.")
    host_addresses: tuple[str, ...] = choice(
        C, "Host addresses", "host_address", "text:host_address", "Only servers at these addresses.", rare=True,
    )  # fmt: skip
    response_time_ms_at_most: float | None = at_most(
        C, "Response time of the cloud", "response_time_ms", "ms", "From the request to the answer.",
    )  # fmt: skip
    shielded_execution: bool = yes(
        C, "Shielded execution", "shielded_execution", "The server's owner cannot read what runs (secure enclave).",
    )  # fmt: skip
    security_protocols: tuple[str, ...] = choice(
        C, "Security protocols", "security_protocol", "text:security_protocol", "All of these.", Relation.ALL_OF,
    )  # fmt: skip
    monthly_cost_usd_at_most: float | None = at_most(
        C, "Monthly cost of the cloud", "cloud_monthly_usd", "USD/month", "One server, running all month (730 hours).",
    )  # fmt: skip
    backup_address: bool = yes(C, "Backup address", "has_backup_address", "A second address to fall back to.")

    # 5 Optimization
    techniques_wanted: tuple[str, ...] = choice(
        O, "Techniques wanted", "technique", "tech", "All of these were applied.", Relation.ALL_OF,
    )  # fmt: skip
    techniques_one_of: tuple[str, ...] = choice(
        O, "Techniques, any of", "technique", "tech", "At least one of these was applied.", rare=True,
    )  # fmt: skip
    techniques_excluded: tuple[str, ...] = choice(
        O, "Techniques excluded", "technique", "tech", "None of these was applied.", Relation.NONE_OF,
    )  # fmt: skip
    precisions: tuple[str, ...] = choice(
        O, "Precision", "precision", "text:precision", "w8a8: weights and activations in 8 bits; float: unchanged.",
    )  # fmt: skip
    algorithms: tuple[str, ...] = choice(
        O, "Algorithms", "algorithm", "text:algorithm", "Where stated.", rare=True,
    )  # fmt: skip

    # 6 Performance
    accuracy_percent_at_least: float | None = at_least(
        F, "Accuracy", "accuracy_percent", "%", "Share of right answers; accuracies on different data do not compare.",
        highest=100,
    )  # fmt: skip
    metric: tuple[str, ...] = choice(
        F, "Accuracy is meant as", "metric", "metric", "The measure of quality that was taken.", single=True,
    )  # fmt: skip
    test_data: tuple[str, ...] = choice(
        F, "Accuracy was measured on", "test_set", "data", "The data set of the test.", single=True,
    )  # fmt: skip
    metric_value_at_least: float | None = at_least(
        F, "Other measure of quality", "metric_value", "",
        "For mAP, mIoU, PSNR … in the measure's own unit; choose the measure above.", lowest=-math.inf,
    )  # fmt: skip
    metric_value_at_most: float | None = at_most(
        F, "Other measure of error", "metric_value", "",
        "For measures of error, where less is better; choose the measure above.", rare=True, lowest=-math.inf,
    )  # fmt: skip
    inference_latency_ms_at_most: float | None = at_most(
        F, "Inference latency", "inference_latency_ms", "ms", "Time for one input, in the model alone.",
    )  # fmt: skip
    system_latency_ms_at_most: float | None = at_most(
        F, "System latency", "system_latency_ms", "ms", "Time for one input, with preparation and transport.",
    )  # fmt: skip
    throughput_per_s_at_least: float | None = at_least(F, "Throughput", "throughput_per_s", "1/s", "Inputs a second.")
    peak_memory_mib_at_most: float | None = at_most(
        F, "Peak memory", "peak_memory_mib", "MiB", "Most memory in use while the model runs.",
    )  # fmt: skip
    average_memory_mib_at_most: float | None = at_most(
        F, "Average memory", "average_memory_mib", "MiB", "In use while the model runs, where stated.", rare=True,
    )  # fmt: skip
    size_kib_at_most: float | None = at_most(F, "Size of the file", "size_kib", "KiB", "As stored on the device.")
    stability_percent_at_least: float | None = at_least(
        F, "Stability", "stability_percent", "%", "100 × (1 − spread / mean) of the accuracy over days or folds.",
        highest=100,
    )  # fmt: skip
    average_power_w_at_most: float | None = at_most(
        F, "Average power of the model", "average_power_w", "W", "While it runs.",
    )  # fmt: skip
    energy_mj_at_most: float | None = at_most(
        F, "Energy for one inference", "energy_mj", "mJ", "As a meter or a benchmark gives it; few sources do.",
        rare=True,
    )  # fmt: skip
    tokens_per_s_at_least: float | None = at_least(
        F, "Tokens a second", "tokens_per_s", "1/s", "Of models that write text.", rare=True,
    )  # fmt: skip
    time_to_first_token_ms_at_most: float | None = at_most(
        F, "Time to the first token", "time_to_first_token_ms", "ms", "Of models that write text.", rare=True,
    )  # fmt: skip
    evidence: Grade = given(
        Grade.DECLARED, F, "Weakest evidence accepted",
        "measured > published > literature > declared. Figures on weaker evidence count as not known.",
        None, "evidence",
    )  # fmt: skip


@dataclass(frozen=True)
class Limit:
    """One thing that a candidate must satisfy. `value` is in `unit`; several values for choices."""

    field: str
    step: Step
    label: str
    figure: str
    relation: Relation
    value: float | tuple[str, ...] | bool
    unit: str = ""


class Outcome(StrEnum):
    """What can be said of one limit: three different answers, never merged."""

    MET = "met"
    VIOLATED = "violated"
    UNKNOWN = "unknown"


Value = float | bool | frozenset[str] | None
"""A candidate's value: a number, a flag, the names that hold of it (with their broader ones), or not known."""


@dataclass(frozen=True)
class Verdict:
    """The outcome for one limit. `excess` is how far beyond the limit a number lies, in the limit's unit."""

    limit: Limit
    outcome: Outcome
    actual: Value
    excess: float | None = None
    not_specific: bool = False


@cache
def specs() -> tuple[tuple[str, FieldSpec], ...]:
    """Every field that the wizard shows, with its description, in the order of the steps."""
    return tuple((f.name, f.metadata["spec"]) for f in fields(Requirement) if "spec" in f.metadata)


REFERENCE_TYPE = "reference-server"  # the type of a device that nobody would put to work at the edge


def shows_references(requirement: Requirement) -> bool:
    """Whether all reference devices are searched, too: by the flag, or because their type is named.

    A single reference device that is named in `device_names` is searched without this.
    """
    return requirement.reference_devices or REFERENCE_TYPE in requirement.device_types


def spec(name: str) -> FieldSpec:
    """The description of one field."""
    return dict(specs())[name]


def limits(requirement: Requirement) -> tuple[Limit, ...]:
    """What the given fields demand, in the order of the steps."""
    found = []
    for name, s in specs():
        value = getattr(requirement, name)
        if s.relation is None or s.widens or value is None or value == () or value is False:
            continue
        found.append(Limit(name, s.step, s.label, s.figure, s.relation, value, s.unit))
    return tuple(found)


def judge(limit: Limit, actual: Value) -> Verdict:
    """Whether `actual` meets `limit`, by how much it misses, or that it is not known.

    Numbers compare as IEEE doubles with equality allowed, exactly as the composed query does.
    """
    if limit.relation in NUMERIC:
        return _judge_number(limit, actual)
    if actual is None:
        if limit.relation is Relation.ONE_OF_IF_STATED:
            return Verdict(limit, Outcome.MET, None, not_specific=True)
        return Verdict(limit, Outcome.UNKNOWN, None)
    if limit.relation is Relation.IS_TRUE:
        return Verdict(limit, Outcome.MET if actual else Outcome.VIOLATED, actual)
    if not isinstance(actual, frozenset) or not isinstance(limit.value, tuple):
        raise TypeError(f"{limit.field}: a choice is judged on a set of names, got {actual!r}")
    asked = frozenset(limit.value)
    met = {
        Relation.ONE_OF: bool(asked & actual),
        Relation.ONE_OF_IF_STATED: bool(asked & actual),
        Relation.ALL_OF: asked <= actual,
        Relation.NONE_OF: not asked & actual,
    }[limit.relation]
    return Verdict(limit, Outcome.MET if met else Outcome.VIOLATED, actual)


def _judge_number(limit: Limit, actual: Value) -> Verdict:
    if actual is None or (isinstance(actual, float) and math.isnan(actual)):
        return Verdict(limit, Outcome.UNKNOWN, None)
    if isinstance(actual, frozenset) or isinstance(limit.value, tuple):
        raise TypeError(f"{limit.field}: a number is judged on a number, got {actual!r}")
    over = actual - limit.value if limit.relation is Relation.AT_MOST else limit.value - actual
    if over <= 0:
        return Verdict(limit, Outcome.MET, actual)
    return Verdict(limit, Outcome.VIOLATED, actual, excess=over)


Choices = Mapping[str, Mapping[str, str]]
"""For each vocabulary (`FieldSpec.vocabulary`) the names that may be chosen, with their labels."""
