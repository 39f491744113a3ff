"""The words of DLOM as frozen records: one class for each class of `dlom.ttl`, one field for each property.

A field's name in camel case is the property's local name (`inference_latency_ms` is `:inferenceLatencyMs`);
`tests/ontology/test_vocabulary.py` holds the two spellings together. Units are part of a name. `None` means
not known: never zero, never an average. Names that refer to other records or to concepts are local names
(`network="mobilenet-v2"`); the field says which prefix they belong to.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from typing import ClassVar

from ontology.fields import Record as Record
from ontology.fields import attribute, link, links
from ontology.fields import camel as camel
from ontology.grades import REVERSE_SCALED as REVERSE_SCALED
from ontology.grades import Grade as Grade
from ontology.grades import Objective as Objective
from ontology.obtained import Artifact as Artifact
from ontology.obtained import MeasurementRun as MeasurementRun
from ontology.obtained import Part as Part
from ontology.obtained import Performance as Performance


@dataclass(frozen=True, kw_only=True)
class Source(Record):
    """Where facts come from: a table of a paper or a benchmark, at a version."""

    prefix: ClassVar[str] = "src"
    title: str | None = attribute(prop="dcterms:title")
    licence: str | None = attribute(prop="dcterms:license")
    digest: str | None = attribute()
    version: str | None = attribute(prop="dcterms:hasVersion")
    url: str | None = attribute(prop="dcat:landingPage")


@dataclass(frozen=True, kw_only=True)
class DataSet(Record):
    """A set of examples. A subset is a data set of its own, so that accuracies on different sets never mix."""

    prefix: ClassVar[str] = "data"
    subset_of: str | None = link("data")
    domain: str | None = link("domain")
    classes: int | None = attribute()
    examples: int | None = attribute()


@dataclass(frozen=True, kw_only=True)
class Network(Record):
    """An architecture, shared by all sources."""

    prefix: ClassVar[str] = "net"
    family: str | None = attribute()


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork(Record):
    """The paper's Main DLN: an architecture as one source trained it (DLOM², Table 3)."""

    prefix: ClassVar[str] = "tn"
    network: str | None = link("net")
    training_data_set: str | None = link("data")
    weights_name: str | None = attribute()
    hyper_parameters: str | None = attribute()
    activation: str | None = attribute()
    loss_function: str | None = attribute()
    layers: int | None = attribute()
    inputs: int | None = attribute()
    outputs: int | None = attribute()
    input_shape: str | None = attribute()
    parameters: int | None = attribute()
    macs: int | None = attribute()
    seed: int | None = attribute()
    performance: tuple[str, ...] | None = links("p")  # figures of the network itself, on no device


@dataclass(frozen=True, kw_only=True)
class Device(Record):
    """An end or edge device (the paper's End Devices Specifications)."""

    prefix: ClassVar[str] = "dev"
    device_type: tuple[str, ...] | None = links("dtype")
    sold_singly: bool | None = attribute()
    reference_device: bool | None = attribute()
    variant_of: str | None = link("dev")
    cpu: str | None = attribute()
    cpu_cores: int | None = attribute()
    clock_ghz: float | None = attribute(unit="GHz")
    accelerator: str | None = attribute()
    processor_kind: tuple[str, ...] | None = attribute()
    ram_mib: float | None = attribute(unit="MiB")
    flash_mib: float | None = attribute(unit="MiB")
    camera: str | None = attribute()
    has_camera: bool | None = attribute()
    operating_system: tuple[str, ...] | None = attribute()
    os_release: str | None = attribute()
    framework: tuple[str, ...] | None = attribute()
    chipset: str | None = attribute()
    vendor: str | None = attribute()
    form_factor: str | None = attribute()
    device_power_w: float | None = attribute(unit="W")
    price_usd: float | None = attribute(unit="USD")
    price_evidence: Grade | None = attribute()
    price_source: str | None = attribute()
    specification_source: str | None = attribute()
    fingerprint: str | None = attribute()


@dataclass(frozen=True, kw_only=True)
class Cloud(Record):
    """A server-side configuration (the paper's Cloud Configuration)."""

    prefix: ClassVar[str] = "cloud"
    provider: str | None = attribute()
    host_address: str | None = attribute()
    kind: str | None = attribute()
    vcpus: int | None = attribute()
    ram_gib: float | None = attribute(unit="GiB")
    accelerator: str | None = attribute()
    accelerator_count: int | None = attribute()
    accelerator_memory_gib: float | None = attribute(unit="GiB")
    response_time_ms: float | None = attribute(unit="ms")
    shielded_execution: bool | None = attribute()
    shielded_execution_note: str | None = attribute()
    security_protocol: tuple[str, ...] | None = attribute()
    backup_address: str | None = attribute()
    price_usd_per_hour: float | None = attribute(unit="USD/h")
    price_evidence: Grade | None = attribute()
    price_source: str | None = attribute()


@dataclass(frozen=True, kw_only=True)
class Optimization(Record):
    """A combination of techniques applied to a network. No technique at all is a known fact: `()`."""

    prefix: ClassVar[str] = "opt"
    technique: tuple[str, ...] | None = links("tech")
    precision: str | None = attribute()
    weight_bits: int | None = attribute()
    activation_bits: int | None = attribute()
    algorithm: tuple[str, ...] | None = attribute()


@dataclass(frozen=True, kw_only=True)
class Runtime(Record):
    """A library that runs models, on one kind of compute unit."""

    prefix: ClassVar[str] = "rt"
    library: str | None = attribute()
    compute_unit: str | None = attribute()


@dataclass(frozen=True, kw_only=True)
class Model(Record):
    """One variant of a network, on one device, with one runtime: what is chosen."""

    prefix: ClassVar[str] = "m"
    source: str | None = link("src", prop="prov:hadPrimarySource")
    network: str | None = link("net")
    trained_network: str | None = link("tn")
    optimization: str | None = link("opt")
    device: str | None = link("dev")
    runtime: str | None = link("rt")
    cloud: str | None = link("cloud")
    purpose: str | None = link("purpose")
    application_area: tuple[str, ...] | None = links("area")
    year_created: int | None = attribute()
    licence: str | None = attribute(prop="dcterms:license")
    commercial_use: bool | None = attribute()
    obtain: str | None = attribute()
    number_of_devices: int | None = attribute()
    declared_total_cost_usd: float | None = attribute(unit="USD")
    other_cost_usd: float | None = attribute(unit="USD")
    declared_rating: float | None = attribute()
    artifact: str | None = link("sha256")
    derived_from: str | None = link("m", prop="prov:wasDerivedFrom")
    replaced_by: str | None = link("m", prop="dcterms:isReplacedBy")
    performance: tuple[str, ...] | None = links("p")


@dataclass(frozen=True, kw_only=True)
class Vote(Record):
    """A user's rating of a model on one objective, 1 to 5, 5 best; the latest of a user is the current one."""

    prefix: ClassVar[str] = "vote"
    model: str | None = link("m")
    objective: Objective | None = attribute()
    rating: int | None = attribute()
    rated_by: str | None = attribute()
    rated_at: date | None = attribute(prop="prov:generatedAtTime")
    comment: str | None = attribute(prop="rdfs:comment")


@dataclass(frozen=True, kw_only=True)
class Tally(Record):
    """How many rows of a source's table had one outcome, and why."""

    prefix: ClassVar[str] = "tally"
    source: str | None = link("src", prop="prov:hadPrimarySource")
    table: str | None = attribute()
    outcome: str | None = attribute()
    reason: str | None = attribute()
    rows: int | None = attribute()


@dataclass(frozen=True, kw_only=True)
class RatingScale(Record):
    """Frozen quantiles by which a figure becomes a rating, so that new models reverse no older two."""

    prefix: ClassVar[str] = "scale"
    objective: Objective | None = attribute()
    purpose: str | None = link("purpose")
    metric: str | None = link("metric")
    test_set: str | None = link("data")
    scaled_figure: str | None = attribute()
    scale_version: int | None = attribute()
    members: int | None = attribute()
    breakpoints: str | None = attribute()
    obtained: date | None = attribute(prop="prov:generatedAtTime")


@dataclass(frozen=True, kw_only=True)
class Decision(Record):
    """One choice made with DLOM: what was asked, of which facts, what was answered and what was chosen.

    The order of `runner_up` is in `answer_json`; `answer_digest` is what a replay compares first.
    """

    prefix: ClassVar[str] = "decision"
    decided_at: datetime | None = attribute(prop="prov:endedAtTime")
    decided_by: str | None = attribute()
    requirement_json: str | None = attribute()
    preferences_json: str | None = attribute()
    facts_digest: str | None = attribute()
    scale_version: int | None = attribute()
    seed: int | None = attribute()
    chosen_model: str | None = link("m")
    winner: str | None = link("m")
    runner_up: tuple[str, ...] | None = links("m")
    used_source: tuple[str, ...] | None = links("src", prop="prov:used")
    score: float | None = attribute()
    answer_json: str | None = attribute()
    answer_digest: str | None = attribute()
    comment: str | None = attribute(prop="rdfs:comment")


@dataclass(frozen=True, kw_only=True)
class Replacement(Record):
    """Someone's decision to use a successor in the place of a model; a withdrawn one stays on record."""

    prefix: ClassVar[str] = "replacement"
    model: str | None = link("m")
    successor: str | None = link("m")
    decided_at: datetime | None = attribute(prop="prov:endedAtTime")
    decided_by: str | None = attribute()
    comment: str | None = attribute(prop="rdfs:comment")
    withdrawn_at: date | None = attribute(prop="prov:invalidatedAtTime")
    withdrawn_by: str | None = attribute()
    withdrawn_because: str | None = attribute()


RECORDS: tuple[type[Record], ...] = (
    Source,
    DataSet,
    Network,
    TrainedNetwork,
    Device,
    Cloud,
    Optimization,
    Runtime,
    Part,
    Artifact,
    MeasurementRun,
    Performance,
    Model,
    Vote,
    Tally,
    RatingScale,
    Decision,
    Replacement,
)


@dataclass(frozen=True)
class FigureKind:
    """A figure that a Performance may hold: its column name, unit and which way is better."""

    name: str
    unit: str
    higher_is_better: bool | None


@cache
def figure_kinds() -> tuple[FigureKind, ...]:
    """Every figure of `Performance`, in the order in which the record lists them."""
    return tuple(
        FigureKind(f.name, f.metadata["unit"], f.metadata["higher_is_better"])
        for f in fields(Performance)
        if f.metadata.get("figure")
    )


@dataclass(frozen=True)
class Fact:
    """A value as shown to a person: with its unit and everything that says how far to trust it."""

    value: float
    unit: str
    evidence: Grade
    source: str
    carried_from: str | None = None
    detail: str = ""
    obtained: str = ""
    samples: int | None = None
