"""Other ways to deploy when little or nothing fits: a stronger device, a fog node, a shielded cloud (DLOM², Table 1).

Each is a concrete alternative from the graph: a device or cloud that is on record, with what it costs for this request,
the limits that it breaks, and what stays unknown. A figure is shown only where a model was measured on that device; a
network's delay between device and server is on nobody's record, so it is always named as unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from dss.cost import CLOUD_FIELDS, QUOTED, OfferedCloud, Spread, offer_cloud, price_spread, summed, total_cost_usd
from dss.matching import MET, Candidates
from dss.near_misses import NearMiss, relative_excess
from dss.technique_notes import TechniqueNote, technique_note
from ontology.records import Fact, Grade
from ontology.requirement import Limit, Outcome, Requirement, Value, Verdict, judge
from repository.projection import IntArray, Projection

# Limits on what the user puts up on site; a stronger device may break these, never one on what the model must do.
DEVICE_FIELDS = frozenset({
    "device_types", "device_names", "ram_mib_at_least", "processors", "cpu_cores_at_least", "frameworks", "camera",
    "device_price_usd_at_most", "device_power_w_at_most", "sold_singly",
})  # fmt: skip
FOG_TYPE = "edge-pc"
MOST = 3  # alternatives of each method
_ON_SITE = DEVICE_FIELDS | {"budget_usd"}


class Method(StrEnum):
    """A method of deployment, by the name of its row in Table 1."""

    STRONGER_DEVICE = "hardware-optimization"
    FOG_NODE = "fog-computing"
    SHIELDED_CLOUD = "shielded-execution"


class Unknown(StrEnum):
    """What is not on record of an alternative."""

    NETWORK_LATENCY = "the network's latency between the devices and it"
    INFERENCE_LATENCY = "the inference latency on it, since no model for this was measured there"
    SYSTEM_LATENCY = "the system latency on it: only the time in the model alone is known"
    CAPACITY = "how many devices one can serve"
    OVERHEAD = "how much shielding slows the inference"
    PRICE = "its price"
    END_DEVICE = "the price of the devices on site, since the requirement does not say which"


@dataclass(frozen=True)
class CostPart:
    """One part of what an alternative costs for this request, with where the price comes from."""

    what: str
    number: int  # devices or nodes; of a cloud the months
    amount_usd: float | None
    evidence: Grade | None
    source: str
    spread: Spread
    monthly: bool = False


@dataclass(frozen=True)
class Gain:
    """A limit that the alternative keeps and the model on the devices allowed now does not."""

    limit: Limit
    now: Value
    then: Value
    fact: Fact | None  # how the alternative's figure is known


@dataclass(frozen=True)
class Deployment:
    """One alternative. `row` is the model that would run, `instead_of` the closest one on what is allowed now."""

    method: Method
    name: str
    label: str
    row: int | None
    instead_of: int | None
    parts: tuple[CostPart, ...]
    total_usd: float | None
    low_usd: float | None
    high_usd: float | None
    gains: tuple[Gain, ...]
    breaks: tuple[Verdict, ...]
    unknown: tuple[Unknown, ...]
    note: TechniqueNote  # Table 1 and Figure 2


def deployments(candidates: Candidates, most: int = MOST) -> tuple[Deployment, ...]:
    """The alternatives of each method, nearest first, at most `most` of each."""
    found: list[Deployment] = []
    for one_method in (_stronger_devices(candidates), _fog_nodes(candidates), _shielded_cloud(candidates)):
        found += [d for _, d in zip(range(most), one_method, strict=False)]
    return tuple(found)


def apply(requirement: Requirement, found: Deployment) -> Requirement:
    """The requirement that asks for an alternative: what one click does.

    Its device or cloud is named, and each limit that it breaks gives way as far as it must. A fog node is asked for by
    itself: one node, without the limits on the devices that send it their inputs, whose cost is then not counted.
    """
    if found.method is Method.SHIELDED_CLOUD:
        change: dict[str, Any] = {"shielded_execution": True, "clouds": (found.name,)}
    else:
        change = {"device_names": (found.name,)}
    if found.method is Method.FOG_NODE:
        blank = Requirement()
        change = {name: getattr(blank, name) for name in DEVICE_FIELDS} | {"devices": 1} | change
    changed = requirement
    for verdict in found.breaks:
        number = verdict.actual if verdict.excess is not None and isinstance(verdict.actual, float) else None
        changed = NearMiss(verdict.limit, number, 0).apply(changed)
    return replace(changed, **change)


def _stronger_devices(candidates: Candidates) -> Iterator[Deployment]:
    """Devices that are not allowed now, on which a network keeps the limits that it misses on an allowed one.

    The network and its optimization are the same on both, so that the device makes the difference; of several networks
    the one that misses by least now is told. Nearest is what breaks fewest limits, then what costs least.
    """
    p = candidates.projection
    on_site, of_model = _sides(candidates)
    able = candidates.visible & of_model.all(axis=0) & ~on_site.all(axis=0)
    short_of = candidates.visible & on_site.all(axis=0) & (candidates.violations > 0) & ~of_model.all(axis=0)
    named = p.models[["network", "trained", "optimization"]].fillna("")
    networks = (named["network"] + " " + named["trained"] + " " + named["optimization"]).to_numpy(dtype=object)
    excess = relative_excess(candidates)
    now = _first_of_each(networks, np.flatnonzero(short_of), candidates.violations, candidates.unknowns, excess)
    rows = np.flatnonzero(
        able & np.array([n in now for n in networks], bool) & p.models["device"].notna().to_numpy(dtype=bool)
    )
    missed_now = np.full(len(p), np.inf)
    missed_now[rows] = [excess[now[networks[row]]] for row in rows]
    misses = candidates.violations + candidates.unknowns
    cost = np.nan_to_num(total_cost_usd(candidates.requirement, p, candidates.cloud), nan=np.inf)
    nearest = _first_of_each(p.models["device"].to_numpy(dtype=object), rows, misses, missed_now)
    for device, row in sorted(nearest.items(), key=lambda item: (misses[item[1]], cost[item[1]], item[1])):
        parts = [
            _priced(p, str(device), candidates.requirement.devices),
            *_cloud_parts(candidates.requirement, candidates.cloud),
        ]
        lacks = [Unknown.PRICE] if parts[0].amount_usd is None else []
        if p.fact(row, "system_latency_ms") is None:
            lacks.append(Unknown.SYSTEM_LATENCY)
        yield _deployment(candidates, Method.STRONGER_DEVICE, str(device), row, now[networks[row]], parts, lacks)


def _fog_nodes(candidates: Candidates) -> Iterator[Deployment]:
    """An edge PC near the devices, which send it their inputs: those with a fitting model first, then the cheapest."""
    p = candidates.projection
    _, of_model = _sides(candidates)
    nodes = [d for d, s in p.devices.items() if FOG_TYPE in _up(p, s.get("device_type", ()))]
    prices = {d: float(p.devices[d].get("price_usd", np.inf)) for d in nodes}
    fitting = np.flatnonzero(
        candidates.visible & of_model.all(axis=0) & p.models["device"].isin(nodes).to_numpy(dtype=bool)
    )
    best = _first_of_each(
        p.models["device"].to_numpy(dtype=object), fitting, candidates.violations, candidates.unknowns
    )
    for node in sorted(nodes, key=lambda d: (d not in best, prices[d], d)):
        row = best.get(node)
        parts = [_end_device_part(candidates), _priced(p, node, 1)]
        lacks = [Unknown.NETWORK_LATENCY, Unknown.CAPACITY]
        lacks += [Unknown.INFERENCE_LATENCY] if row is None else []
        yield _deployment(candidates, Method.FOG_NODE, node, row, None, parts, lacks)


def _shielded_cloud(candidates: Candidates) -> Iterator[Deployment]:
    """The cheapest cloud with shielded execution that keeps the cloud's other limits, or misses fewest of them."""
    asked = replace(candidates.requirement, shielded_execution=True)
    cloud = offer_cloud(asked, candidates.projection)
    if cloud is None or not cloud.name or cloud.described.get("shielded_execution") != "true":
        return
    parts = [_end_device_part(candidates), *_cloud_parts(asked, cloud)]
    lacks = [Unknown.NETWORK_LATENCY, Unknown.INFERENCE_LATENCY, Unknown.OVERHEAD]
    found = _deployment(candidates, Method.SHIELDED_CLOUD, cloud.name, None, None, parts, lacks)
    missed = tuple(v for v in cloud.verdicts if v.outcome is not Outcome.MET)
    yield replace(found, label=cloud.label, breaks=(*missed, *found.breaks))


def _sides(candidates: Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Which limits each model meets: those on what stands on site, and those on the model itself; no cloud's."""
    met = candidates.outcomes == MET
    fields = [limit.field for limit in candidates.limits]
    on_site = np.array([f in _ON_SITE for f in fields], bool)
    of_model = np.array([f not in _ON_SITE and f not in CLOUD_FIELDS for f in fields], bool)
    return met[on_site], met[of_model]


def _first_of_each(groups: np.ndarray, rows: IntArray, *by: np.ndarray) -> dict[object, int]:
    """Of each group the row that is least in `by`, the first key first."""
    ordered = rows[np.lexsort((rows, *(key[rows] for key in reversed(by))))]
    found: dict[object, int] = {}
    for row in ordered:
        found.setdefault(groups[row], int(row))
    return found


def _deployment(
    candidates: Candidates,
    method: Method,
    name: str,
    row: int | None,
    instead_of: int | None,
    parts: Sequence[CostPart],
    lacks: Sequence[Unknown],
) -> Deployment:
    p = candidates.projection
    total, low, high = summed([(part.what, part.amount_usd, part.spread) for part in parts])
    budget = next((limit for limit in candidates.limits if limit.field == "budget_usd"), None)
    breaks: list[Verdict] = []
    if row is not None and method is Method.STRONGER_DEVICE:
        breaks = [v for v in candidates.verdicts(row) if v.outcome is not Outcome.MET and v.limit != budget]
    if budget is not None and (verdict := judge(budget, total)).outcome is not Outcome.MET:
        breaks.append(verdict)
    unknown = list(lacks)
    if any(part.what == _UNNAMED for part in parts):
        unknown.append(Unknown.END_DEVICE)
    return Deployment(
        method=method,
        name=name,
        label=p.label("dev", name),
        row=row,
        instead_of=instead_of,
        parts=tuple(parts),
        total_usd=total,
        low_usd=low,
        high_usd=high,
        gains=() if row is None or instead_of is None else tuple(_gains(candidates, row, instead_of)),
        breaks=tuple(breaks),
        unknown=tuple(dict.fromkeys(unknown)),
        note=technique_note(method.value),
    )


def _gains(candidates: Candidates, row: int, instead_of: int) -> Iterator[Gain]:
    p = candidates.projection
    for now, then in zip(candidates.verdicts(instead_of), candidates.verdicts(row), strict=True):
        if now.outcome is not Outcome.MET and then.outcome is Outcome.MET:
            figure = now.limit.figure
            yield Gain(now.limit, now.actual, then.actual, p.fact(row, figure) if figure in p.figure_rows else None)


def _priced(p: Projection, device: str, number: int) -> CostPart:
    described = p.devices.get(device, {})
    price = float(described["price_usd"]) if "price_usd" in described else None
    return CostPart(p.label("dev", device), number, None if price is None else price * number, *_evidence(described))


def _cloud_parts(requirement: Requirement, cloud: OfferedCloud | None) -> list[CostPart]:
    if cloud is None:
        return []
    amount = None if cloud.monthly_usd is None else cloud.monthly_usd * requirement.months
    return [CostPart(cloud.label, requirement.months, amount, *_evidence(cloud.described), monthly=True)]


def _evidence(described: Mapping[str, Any]) -> tuple[Grade | None, str, Spread]:
    grade = Grade(described["price_evidence"]) if "price_evidence" in described else None
    return grade, described.get("price_source", ""), price_spread(described)


_UNNAMED = "devices on site"


def _end_device_part(candidates: Candidates) -> CostPart:
    """The cheapest device that keeps the limits on devices: beside a server it need not run the model itself."""
    p, number = candidates.projection, candidates.requirement.devices
    asked = [limit for limit in candidates.limits if limit.field in DEVICE_FIELDS]
    named = [limit for limit in asked if limit.field in ("device_types", "device_names")]
    fits = [
        d
        for d, described in p.devices.items()
        if "price_usd" in described
        and all(judge(limit, _of_device(p, d, described, limit)).outcome is Outcome.MET for limit in asked)
    ]
    if not named or not fits:
        return CostPart(_UNNAMED, number, None, None, "", QUOTED)
    return _priced(p, min(fits, key=lambda d: (float(p.devices[d]["price_usd"]), d)), number)


def _of_device(p: Projection, name: str, described: Mapping[str, Any], limit: Limit) -> Value:
    """What a device that may have no model yet is judged by."""
    if limit.figure == "device":
        return frozenset({name})
    value = described.get(limit.figure)
    if value is None:
        return None
    if limit.figure == "device_type":
        return _up(p, value)
    if isinstance(value, tuple):
        return frozenset(value)
    return value == "true" if value in ("true", "false") else float(value)


def _up(p: Projection, types: Sequence[str]) -> frozenset[str]:
    return frozenset().union(*(p.with_broader("dtype", t) for t in types))


__all__ = ["CostPart", "Deployment", "Gain", "Method", "Unknown", "apply", "deployments"]
