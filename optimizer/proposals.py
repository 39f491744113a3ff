"""What to build first, and why: from the limits of the requirement, Table 1 of the DLOM² paper, and the facts.

Table 1 says what a technique does in general; the facts say how often it did so in comparable pairs. Where the facts
contradict the table, they win.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ontology.records import Objective
from ontology.requirement import Limit, Outcome, Relation, judge
from ontology.techniques import ancestors, technique
from optimizer.formats.chain import TRAINED, reachable
from optimizer.formats.contract import Format
from optimizer.formats.shelf import FORMATS
from optimizer.networks.own import OWN
from optimizer.networks.shelf import NETWORKS
from optimizer.recipe import EPOCHS, Recipe

# Which objective of Table 1 is at stake when a figure is limited.
OBJECTIVE_OF = {
    "inference_latency_ms": Objective.LATENCY,
    "system_latency_ms": Objective.LATENCY,
    "throughput_per_s": Objective.LATENCY,
    "size_kib": Objective.COMPLEXITY,
    "peak_memory_mib": Objective.COMPLEXITY,
    "parameters": Objective.COMPLEXITY,
    "average_power_w": Objective.COMPLEXITY,
    "energy_mj": Objective.COMPLEXITY,
    "accuracy_percent": Objective.PERFORMANCE,
    "metric_value": Objective.PERFORMANCE,
    "stability_percent": Objective.RELIABILITY,
}
ALL = "all"
LIGHT = frozenset({Objective.LATENCY, Objective.COMPLEXITY})
OFTEN_SLOWER = 0.5  # from this share of slower pairs on, the facts contradict Table 1's lower latency
KEPT_WELL_PERCENT = 99.0  # of the float model's accuracy; below it, a limit on accuracy counts against quantization
_EFFECTS = {
    Objective.LATENCY: {1: "lowers latency", -1: "raises latency", 0: "leaves latency"},
    Objective.COMPLEXITY: {1: "makes the model smaller", -1: "makes the model larger", 0: "leaves the size"},
    Objective.PERFORMANCE: {1: "raises accuracy", -1: "costs accuracy", 0: "leaves accuracy"},
    Objective.RELIABILITY: {1: "raises reliability", -1: "costs reliability", 0: "leaves reliability"},
}


class ProposalError(ValueError):
    """Nothing on the shelves could meet the requirement; the message names the limits that rule it out."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a technique did in `pairs` of models that differ in it alone, for the purpose asked for.

    `slower` of the pairs got slower; `median_ratio` is the latency with the technique over that without;
    `median_kept_percent` is the accuracy that was kept, in percent of the float model's, `None` where no pair tells.
    """

    technique: str
    pairs: int
    slower: int
    median_ratio: float
    median_kept_percent: float | None = None

    @property
    def slower_share(self) -> float:
        """Of the pairs, 0 to 1."""
        return self.slower / self.pairs if self.pairs else 0.0


def propose(
    limits: Sequence[Limit],
    *,
    evidence: Iterable[Evidence] = (),
    input_shape: tuple[int, ...] | None = None,
    own: bool = False,
    entry: str = TRAINED,
    wanted: Sequence[str] = (),
    seed: int = 0,
    epochs: int = EPOCHS,
) -> tuple[Recipe, ...]:
    """Recipes in the order in which to try them, each with its reason.

    `limits` are the requirement's; those on networks, families, techniques, precision and runtime leave out what
    cannot meet them. `input_shape` (of one example, if known) leaves out networks that need pictures. With `own`, the
    user's trained model comes first, in the formats that can be made of it; `entry` is the one that it has. `wanted`
    are names of formats, or "all"; none are those that promise most, which the shelf marks. All formats of one network
    follow one another, because they share its training. Raises ProposalError when nothing is left.
    """
    known = {e.technique: e for e in evidence if e.pairs > 0}
    formats = [f for f in chosen(wanted) if _fits(f, limits)]
    networks = _networks(limits, input_shape)
    if own:
        networks.insert(0, OWN)
    if not formats or not networks:
        named = ("technique", "precision", "runtime_library") if not formats else ("network", "family")
        ruled = [_said(limit) for limit in limits if limit.figure in named]
        what = "format" if not formats else "network"
        shelf = ", ".join(FORMATS if not formats else NETWORKS)
        raise ProposalError(
            f"no {what} that can be built here ({shelf}) is left by: {'; '.join(ruled) or 'the shape of the data'}"
        )
    at_stake = _at_stake(limits)
    ordered = sorted(formats, key=lambda f: _rank(f, at_stake, known))
    ways, barred = reachable(entry, [f.name for f in ordered])
    if own and not ways and networks == [OWN]:
        raise ProposalError("; ".join(barred.values()))
    return tuple(
        Recipe(
            network=network,
            format=f.name,
            seed=seed,
            epochs=epochs,
            reason=f"{_why_network(network)} {_why_format(f, limits, at_stake, known)}",
        )
        for network in networks
        for f in ordered
        if network != OWN or f.name in ways
    )


def chosen(wanted: Sequence[str]) -> list[Format]:
    """The formats of these names, in the order of the shelf; of "all", every one; of none, those that are proposed.

    Raises ProposalError for a name that is not on the shelf.
    """
    if not wanted:
        return [f for f in FORMATS.values() if f.proposed]
    unknown = [name for name in wanted if name not in FORMATS and name != ALL]
    if unknown:
        raise ProposalError(f"no format {', '.join(map(repr, unknown))}; there are {', '.join(FORMATS)}, or {ALL}")
    return [f for f in FORMATS.values() if f.name in wanted or ALL in wanted]


def _at_stake(limits: Iterable[Limit]) -> frozenset[Objective]:
    return frozenset(OBJECTIVE_OF[limit.figure] for limit in limits if limit.figure in OBJECTIVE_OF)


def _fits(f: Format, limits: Iterable[Limit]) -> bool:
    """Whether no limit on techniques, precision or runtime rules the format out."""
    values = {
        "technique": frozenset(name for t in f.techniques for name in (t, *ancestors(t))),
        "precision": frozenset({f.precision}),
        "runtime_library": frozenset({f.library}),
    }
    judged = (judge(limit, values[limit.figure]) for limit in limits if limit.figure in values)
    return all(verdict.outcome is Outcome.MET for verdict in judged)


def _networks(limits: Sequence[Limit], input_shape: tuple[int, ...] | None) -> list[str]:
    """Names on the shelf that no limit rules out, the likeliest to meet the limits first."""
    at_stake = _at_stake(limits)
    light, accurate = bool(at_stake & LIGHT), bool(at_stake - LIGHT) or not at_stake
    left: list[tuple[int, int, int, str]] = []
    for spec in NETWORKS.values():
        values = {"network": frozenset({spec.name}), "family": frozenset({spec.family})}
        judged = (judge(limit, values[limit.figure]) for limit in limits if limit.figure in values)
        if all(v.outcome is Outcome.MET for v in judged) and not (
            spec.pictures_only and input_shape is not None and len(input_shape) != 3
        ):
            ranks = [spec.light_rank] * light + [spec.accurate_rank] * accurate
            left.append((sum(ranks), max(ranks), len(left), spec.name))
    return [name for *_, name in sorted(left)]


def _rank(f: Format, at_stake: frozenset[Objective], known: dict[str, Evidence]) -> tuple[float, ...]:
    """Sorts the most promising first."""
    light_only = bool(at_stake & LIGHT) and not at_stake - LIGHT
    bits = f.weight_bits or 32
    # Among equals: the smallest number of bits where only speed and size count, else the largest.
    among_equals = (bits, f.activation_bits or 32) if light_only else (-bits, -(f.activation_bits or 32))
    # The H5 needs all of TensorFlow on the device: it is the reference, not a candidate to hope for.
    return (-_promise(f, at_stake, known), f.library == "Keras", *among_equals)


def _promise(f: Format, at_stake: frozenset[Objective], known: dict[str, Evidence]) -> float:
    """How many of the objectives at stake the format helps, less those it harms: by Table 1, corrected by the facts."""
    promise = 0.0
    for name in f.techniques:
        found = _evidence(name, known)
        effects = technique(name).effects
        for objective in at_stake:
            sign = effects.get(objective, 0)
            if found is not None and objective is Objective.LATENCY and found.slower_share >= OFTEN_SLOWER:
                sign = -1
            kept = found.median_kept_percent if found is not None else None
            if objective is Objective.PERFORMANCE and kept is not None and kept >= KEPT_WELL_PERCENT:
                sign = 0
            promise += sign
    return promise


def _evidence(name: str, known: dict[str, Evidence]) -> Evidence | None:
    """Of the technique itself, else of the nearest broader one."""
    return next((known[t] for t in (name, *ancestors(name)) if t in known), None)


def _why_network(network: str) -> str:
    if network == OWN:
        return "Your own trained model: nothing has to be learnt anew."
    spec = NETWORKS[network]
    return f"{spec.label}: {spec.why}."


def _why_format(f: Format, limits: Sequence[Limit], at_stake: frozenset[Objective], known: dict[str, Evidence]) -> str:
    """Sentences with the limits at stake, Table 1's signs and the facts' numbers."""
    said = [_said(limit) for limit in limits if limit.figure in OBJECTIVE_OF]
    asked = f"You ask for {', '.join(said)}. " if said else ""
    if not f.techniques:
        return f"{asked}{f.label}: {f.why}."
    name = f.techniques[0]
    effects = technique(name).effects
    # A technique that the paper does not name, such as operator fusion, has no effects there.
    signs = [_EFFECTS[o][effects.get(o, 0)] for o in OBJECTIVE_OF.values() if effects and o in at_stake]
    broadest = technique((name, *ancestors(name))[-1]).label.lower()
    table = f" Table 1 of the DLOM² paper says that {broadest} {_joined(dict.fromkeys(signs))}." if signs else ""
    return f"{asked}{f.label}: {f.why}.{table}{_facts(_evidence(name, known))}"


def _facts(found: Evidence | None) -> str:
    if found is None:
        return ""
    kept = ""
    if found.median_kept_percent is not None:
        kept = f" and {found.median_kept_percent:.1f} % of its accuracy kept"
    return (
        f" In {found.pairs:,} comparable pairs for this purpose, {technique(found.technique).label.lower()} was slower "
        f"in {found.slower:,} ({found.slower_share:.0%}), with a median of {found.median_ratio:.2f} times the latency "
        f"of float{kept}."
    )


def _said(limit: Limit) -> str:
    """A limit as people write it: "Inference latency at most 5 ms"."""
    value = ", ".join(limit.value) if isinstance(limit.value, tuple) else f"{limit.value:g}"
    relation = "" if limit.relation is Relation.IS_TRUE else f" {limit.relation.value}"
    return f"{limit.label}{relation} {value} {limit.unit}".strip()


def _joined(words: Iterable[str]) -> str:
    *head, last = words
    return f"{', '.join(head)} and {last}" if head else last
