"""A requirement as one SPARQL query: a fragment for each limit, values bound as terms, readable by an analyst.

The query returns exactly the models that meet every limit. The columnar verdicts of `matching.py` must say the same,
which a test holds over random requirements.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dss.cost import CLOUD_FIELDS, HOURS_PER_MONTH, wants_cloud
from ontology.records import camel, figure_kinds
from ontology.requirement import NUMERIC, Limit, Relation, Requirement, limits, shows_references, specs
from repository.terms import Name, Term, prologue, values

FIGURES = frozenset(kind.name for kind in figure_kinds())

# Where the value that a limit judges stands in the graph, as a path from the model. A taxonomy is walked upwards, so
# that asking for a broader concept finds the narrower ones.
PATHS: Mapping[str, str] = {
    "application_area": ":applicationArea/skos:broader*",
    "purpose": ":purpose/skos:broader*",
    "device_type": ":device/:deviceType/skos:broader*",
    "year_created": ":yearCreated",
    "number_of_devices": ":numberOfDevices",
    "network": ":network",
    "family": ":network/:family",
    "training_data_set": ":trainedNetwork/:trainingDataSet/:subsetOf*",
    "training_domain": ":trainedNetwork/:trainingDataSet/:domain/skos:broader*",
    "classes": ":trainedNetwork/:trainingDataSet/:classes",
    "examples": ":trainedNetwork/:trainingDataSet/:examples",
    "layers": ":trainedNetwork/:layers",
    "parameters": ":trainedNetwork/:parameters",
    "inputs": ":trainedNetwork/:inputs",
    "outputs": ":trainedNetwork/:outputs",
    "activation": ":trainedNetwork/:activation",
    "loss_function": ":trainedNetwork/:lossFunction",
    "hyper_parameters": ":trainedNetwork/:hyperParameters",
    "commercial_use": ":commercialUse",
    "device": ":device",
    "ram_mib": ":device/:ramMib",
    "processor_kind": ":device/:processorKind",
    "cpu_cores": ":device/:cpuCores",
    "framework": ":device/:framework",
    "has_camera": ":device/:hasCamera",
    "runtime_library": ":runtime/:library",
    "price_usd": ":device/:priceUsd",
    "device_power_w": ":device/:devicePowerW",
    "sold_singly": ":device/:soldSingly",
    "technique": ":optimization/:technique/skos:broader*",
    "precision": ":optimization/:precision",
    "algorithm": ":optimization/:algorithm",
}
CLOUD_PATHS: Mapping[str, str] = {
    "cloud_provider": ":provider",
    "host_address": ":hostAddress",
    "response_time_ms": ":responseTimeMs",
    "shielded_execution": ":shieldedExecution",
    "security_protocol": ":securityProtocol",
    "has_backup_address": ":backupAddress",
}
# Metric and data set say of which performance an accuracy is meant, so all of these are asked of one performance.
_QUALITY = frozenset({"accuracy_percent", "metric_value", "metric", "test_set"})

_VOCABULARY = {name: s.vocabulary for name, s in specs()}


@dataclass(frozen=True)
class Fragment:
    """What one limit adds to the query: a comment, patterns with variables, and the terms bound to some of them."""

    comment: str
    patterns: str
    bound: Mapping[str, tuple[Term, ...]] = field(default_factory=dict)
    shows: tuple[str, ...] = ()  # variables worth a column in the result

    def text(self) -> str:
        """The fragment as SPARQL."""
        bindings = "".join(f"  {values(v, terms)}\n" for v, terms in self.bound.items())
        # Not splitlines: it would also cut at characters such as U+0085, which a name may hold.
        body = "".join(f"  {line}\n" for line in self.patterns.split("\n"))
        return f"\n  # {self.comment}\n{bindings}{body}"


def compose(requirement: Requirement) -> str:
    """The query whose rows are the models that meet every limit of `requirement`."""
    plain = [_fragment(limit, requirement) for limit in _plain(requirement)]
    fragments = [*_cloud(requirement), *plain, *_quality(requirement), *_references(requirement)]
    # MINUS parts the group in two for the engine's ordering of joins, so it comes last: five times faster at 12 limits.
    fragments.sort(key=lambda f: "MINUS {" in f.patterns)
    shown = "".join(f" ?{v}" for f in fragments for v in f.shows)
    body = "".join(f.text() for f in fragments)
    head = f"{prologue(*_PREFIXES)}\nSELECT DISTINCT ?model{shown}"
    # No ORDER BY: sorting IRIs takes a quarter of the time, and nobody reads the rows in that order.
    return f"{head}\nWHERE {{\n  ?model a :Model .\n{body}}}\n"


_PREFIXES = (
    "", "m", "net", "dev", "cloud", "purpose", "area", "dtype", "tech", "data", "metric", "domain", "skos",
)  # fmt: skip


def _references(requirement: Requirement) -> list[Fragment]:
    """Servers and graphics cards that serve for comparison are left out unless asked for.

    Where devices are named nothing else can match, so a reference device that is named is found without more ado.
    """
    if shows_references(requirement) or requirement.device_names:
        return []
    return [
        Fragment(
            "reference devices, which serve for comparison only, are left out",
            "MINUS { ?referenceDevice :referenceDevice true . ?model :device ?referenceDevice }",
        )
    ]


def _plain(requirement: Requirement) -> list[Limit]:
    return [
        limit
        for limit in limits(requirement)
        if limit.field not in CLOUD_FIELDS and limit.figure not in _QUALITY
    ]  # fmt: skip


def _fragment(limit: Limit, requirement: Requirement) -> Fragment:
    comment = describe(limit)
    if limit.figure == "total_cost_usd":
        return _total_cost(limit, requirement, comment)
    if limit.figure == "user_rating":
        return _user_rating(limit, comment)
    if limit.figure in FIGURES:
        figure, var = camel(limit.figure), camel(limit.field)
        performance = f"?performanceOf{figure[0].upper()}{figure[1:]}"
        patterns = (
            f"?model :performance {performance} .\n{performance} :{figure} ?{figure} {_accepted(requirement, figure)}"
        )
        return Fragment(comment, f"{patterns}\n{_compare(limit, figure, var)}", {var: _terms(limit)}, (figure,))
    path, var = PATHS[limit.figure], camel(limit.field)
    if limit.relation in NUMERIC:
        value = camel(limit.figure)
        return Fragment(
            comment, f"?model {path} ?{value} .\n{_compare(limit, value, var)}", {var: _terms(limit)}, (value,)
        )
    if limit.relation is Relation.ALL_OF:
        bound = {f"{var}{i}": (term,) for i, term in enumerate(_terms(limit), start=1)}
        return Fragment(comment, "\n".join(f"?model {path} ?{v} ." for v in bound), bound)
    if limit.relation is Relation.NONE_OF:
        stated = path.split("/skos:broader*")[0]
        minus = f"MINUS {{ {values(var, _terms(limit))} ?model {path} ?{var} }}"
        return Fragment(comment, f"?model {stated} ?stated{var[0].upper()}{var[1:]} .\n{minus}")
    if limit.relation is Relation.ONE_OF_IF_STATED:
        # Written without EXISTS, which engines evaluate once a row: thirty times faster on the shipped facts.
        first, _, up = path.partition("/")
        narrow, wide = f"?stated{var[0].upper()}{var[1:]}", f"?widerThan{var[0].upper()}{var[1:]}"
        return Fragment(
            comment,
            f"OPTIONAL {{ ?model {first} {narrow} . {narrow} {up} {wide} }}\n"
            f"FILTER (!BOUND({wide}) || {wide} = ?{var})",
            {var: _terms(limit)},
        )
    return Fragment(comment, f"?model {path} ?{var} .", {var: _terms(limit)})


def _compare(limit: Limit, figure: str, var: str) -> str:
    sign = "<=" if limit.relation is Relation.AT_MOST else ">="
    return f"FILTER (?{figure} {sign} ?{var})"


def _accepted(requirement: Requirement, figure: str) -> str:
    """The end of a performance's pattern: only current figures, on evidence that is strong enough."""
    rank = f"?rankOf{figure[0].upper()}{figure[1:]}"
    return f"; :current true ; :evidence/:rank {rank} .\nFILTER ({rank} <= {requirement.evidence.rank})"


def _quality_limits(requirement: Requirement) -> list[Limit]:
    return [limit for limit in limits(requirement) if limit.figure in _QUALITY]


def _quality(requirement: Requirement) -> list[Fragment]:
    """Accuracy, its metric and its data set are asked of one performance: figures of different tests never mix."""
    asked = _quality_limits(requirement)
    if not asked:
        return []
    numeric = [limit for limit in asked if limit.relation in NUMERIC]
    lines = ["?model :performance ?quality .", f"?quality :current true {_rank_of_quality(requirement)}"]
    bound: dict[str, tuple[Term, ...]] = {}
    shows: dict[str, None] = {}
    for limit in numeric:
        figure, var = camel(limit.figure), camel(limit.field)
        if figure not in shows:
            lines.append(f"?quality :{figure} ?{figure} .")
        lines.append(_compare(limit, figure, var))
        bound[var] = _terms(limit)
        shows[figure] = None
    if not numeric:
        lines.append("?quality :accuracyPercent|:metricValue ?qualityValue .")
    for limit in asked:
        if limit.relation not in NUMERIC:
            var = camel(limit.figure)
            lines.append(f"?quality :{var}{'/:subsetOf*' if limit.figure == 'test_set' else ''} ?{var} .")
            bound[var] = _terms(limit)
            shows[var] = None
    return [Fragment("; ".join(describe(limit) for limit in asked), "\n".join(lines), bound, tuple(shows))]


def _rank_of_quality(requirement: Requirement) -> str:
    return f"; :evidence/:rank ?rankOfQuality .\nFILTER (?rankOfQuality <= {requirement.evidence.rank})"


def _total_cost(limit: Limit, requirement: Requirement, comment: str) -> Fragment:
    cloud = " + ?cloudMonthlyUsd * ?months" if wants_cloud(requirement) else ""
    bound: dict[str, tuple[Term, ...]] = {"devices": (float(requirement.devices),), "budgetUsd": _terms(limit)}
    if cloud:
        bound["months"] = (float(requirement.months),)
    return Fragment(
        comment,
        "?model :device/:priceUsd ?devicePriceUsd .\n"
        "OPTIONAL { ?model :otherCostUsd ?otherCostUsd }\n"
        f"BIND (?devicePriceUsd * ?devices + COALESCE(?otherCostUsd, 0.0e0){cloud} AS ?totalCostUsd)\n"
        "FILTER (?totalCostUsd <= ?budgetUsd)",
        bound,
        ("totalCostUsd",),
    )


def _user_rating(limit: Limit, comment: str) -> Fragment:
    return Fragment(
        comment,
        "OPTIONAL {\n"
        "  { SELECT ?model (AVG(?vote) AS ?meanOfVotes) WHERE { ?v :model ?model ; :rating ?vote } GROUP BY ?model }\n"
        "}\n"
        "OPTIONAL { ?model :declaredRating ?declaredRating }\n"
        "BIND (COALESCE(?meanOfVotes, ?declaredRating) AS ?userRating)\n"
        "FILTER (?userRating >= ?ratingAtLeast)",
        {"ratingAtLeast": _terms(limit)},
        ("userRating",),
    )


def _cloud(requirement: Requirement) -> list[Fragment]:
    """The cheapest cloud that meets the cloud's limits, once for the whole request; no row at all if none does."""
    if not wants_cloud(requirement):
        return []
    asked = [limit for limit in limits(requirement) if limit.field in CLOUD_FIELDS]
    lines, outer = (
        ["?cloud a :Cloud ; :priceUsdPerHour ?hourly .", f"BIND (?hourly * {HOURS_PER_MONTH} AS ?monthly)"],
        [],
    )
    for limit in asked:
        var = camel(limit.field)
        if limit.figure == "cloud":
            outer.append(values("cloud", _terms(limit)))
            continue
        if limit.figure == "cloud_monthly_usd":
            outer.append(values(var, _terms(limit)))
            lines.append(f"FILTER (?monthly <= ?{var})")
        elif limit.figure == "has_backup_address":
            lines.append(f"?cloud {CLOUD_PATHS[limit.figure]} ?backup .")
        elif limit.relation in NUMERIC:
            outer.append(values(var, _terms(limit)))
            lines.append(f"?cloud {CLOUD_PATHS[limit.figure]} ?responseTimeMs . FILTER (?responseTimeMs <= ?{var})")
        elif limit.relation is Relation.ALL_OF:
            for i, term in enumerate(_terms(limit), start=1):
                outer.append(values(f"{var}{i}", (term,)))
                lines.append(f"?cloud {CLOUD_PATHS[limit.figure]} ?{var}{i} .")
        else:
            outer.append(values(var, _terms(limit)))
            lines.append(f"?cloud {CLOUD_PATHS[limit.figure]} ?{var} .")
    inner = "\n    ".join([*outer, *lines])
    return [
        Fragment(
            "the cheapest cloud: " + "; ".join(describe(limit) for limit in asked),
            "{\n  SELECT ?cloud (?monthly AS ?cloudMonthlyUsd)\n  WHERE {\n    "
            f"{inner}\n  }}\n  ORDER BY ?monthly ?cloud LIMIT 1\n}}",
            shows=("cloud", "cloudMonthlyUsd"),
        )
    ]


def _terms(limit: Limit) -> tuple[Term, ...]:
    """The limit's value as terms: names of concepts, texts as strings, numbers as doubles."""
    if isinstance(limit.value, tuple):
        prefix = _VOCABULARY[limit.field]
        return tuple(v if prefix.startswith("text:") else Name(prefix, v) for v in limit.value)
    return (limit.value if isinstance(limit.value, bool) else float(limit.value),)


def describe(limit: Limit) -> str:
    """`performance: inference latency at most 20 ms`; one line whatever the values contain."""
    if isinstance(limit.value, tuple):
        value = " ".join(" or ".join(limit.value).split())
        value = "".join(c for c in value if c.isprintable())
    else:
        value = "yes" if limit.value is True else f"{limit.value:,g} {limit.unit}".strip()
    relation = "" if limit.relation is Relation.IS_TRUE else f" {limit.relation.value}"
    return (
        f"{limit.step.value}: {limit.label[0].lower()}{limit.label[1:]}{relation}{':' if not relation else ''} {value}"
    )
