"""Total cost for one request: devices, the cloud over the months in service, and what the source declares besides.

    total = device price × number of devices + declared other cost + cloud per month × months

The cloud counts only when the request asks for one; a model that runs on the device needs none. Building costs
nothing for a model that exists. A part that is not known leaves the total unknown; the hardware is then shown alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ontology.requirement import Limit, Outcome, Requirement, Step, Value, Verdict, judge, limits, specs
from repository.projection import Coded, FloatArray, Projection

HOURS_PER_MONTH = 730.0  # 8,760 hours a year / 12
CLOUD_FIELDS = frozenset(name for name, s in specs() if s.step is Step.CLOUD)


@dataclass(frozen=True)
class OfferedCloud:
    """The cloud that the request is answered with, and how it stands to each of the cloud's limits."""

    name: str
    label: str
    monthly_usd: float | None
    verdicts: tuple[Verdict, ...]
    described: Mapping[str, Any]

    @property
    def fits(self) -> bool:
        """Whether every limit on the cloud is met."""
        return all(v.outcome is Outcome.MET for v in self.verdicts)


@dataclass(frozen=True)
class TotalCost:
    """The parts of a total, each None when not known. Money in USD."""

    devices: int
    device_price_usd: float | None
    hardware_usd: float | None
    other_usd: float | None
    cloud_usd: float | None
    months: int
    total_usd: float | None
    price_evidence: str
    price_source: str


def wants_cloud(requirement: Requirement) -> bool:
    """Whether the request asks for a cloud: any limit of the cloud's step is given."""
    return any(limit.field in CLOUD_FIELDS for limit in limits(requirement))


def monthly_usd(cloud: Mapping[str, Any]) -> float | None:
    """What one server costs when it runs all month."""
    hourly = cloud.get("price_usd_per_hour")
    return None if hourly is None else float(hourly) * HOURS_PER_MONTH


def offer_cloud(requirement: Requirement, projection: Projection) -> OfferedCloud | None:
    """The cheapest cloud that meets the limits; when none does, the one that misses fewest. None when none is asked.

    A cloud without a price is never the cheapest: its total could not be told.
    """
    if not wants_cloud(requirement):
        return None
    asked = [limit for limit in limits(requirement) if limit.field in CLOUD_FIELDS]
    best: tuple[tuple[int, int, float, str], OfferedCloud] | None = None
    for name, described in projection.clouds.items():
        price = monthly_usd(described)
        if price is None:
            continue
        verdicts = tuple(judge(limit, _value(limit, name, described)) for limit in asked)
        order = (
            sum(v.outcome is Outcome.VIOLATED for v in verdicts),
            sum(v.outcome is Outcome.UNKNOWN for v in verdicts),
            price,
            name,
        )
        if best is None or order < best[0]:
            best = order, OfferedCloud(name, projection.label("cloud", name), price, verdicts, described)
    if best is None:
        return OfferedCloud("", "none on record", None, tuple(judge(limit, None) for limit in asked), {})
    return best[1]


def _value(limit: Limit, name: str, cloud: Mapping[str, Any]) -> Value:
    match limit.figure:
        case "cloud":
            return frozenset({name})
        case "cloud_provider":
            return frozenset({cloud["provider"]}) if "provider" in cloud else None
        case "response_time_ms":
            return float(cloud["response_time_ms"]) if "response_time_ms" in cloud else None
        case "shielded_execution":
            return {"true": True, "false": False}.get(cloud.get("shielded_execution", ""))
        case "security_protocol":
            return frozenset(cloud["security_protocol"]) if "security_protocol" in cloud else None
        case "cloud_monthly_usd":
            return monthly_usd(cloud)
        case "has_backup_address":
            return True if "backup_address" in cloud else None
        case _:
            raise KeyError(f"no cloud has a {limit.figure}")


def total_cost_usd(requirement: Requirement, projection: Projection, cloud: OfferedCloud | None) -> FloatArray:
    """The total for every model, in the same order of operations as the composed query; NaN where not known."""
    price, other = projection.columns["price_usd"], projection.columns["other_cost_usd"]
    assert not isinstance(price, Coded) and not isinstance(other, Coded)
    total = price * float(requirement.devices) + np.nan_to_num(other, nan=0.0)
    if cloud is not None:
        total = total + (np.nan if cloud.monthly_usd is None else cloud.monthly_usd) * float(requirement.months)
    return total


def cost_of(requirement: Requirement, projection: Projection, row: int, cloud: OfferedCloud | None) -> TotalCost:
    """The total of one model with its parts and where the price comes from."""
    device = projection.devices.get(str(projection.models["device"].iat[row]), {})
    price = float(device["price_usd"]) if "price_usd" in device else None
    hardware = None if price is None else price * requirement.devices
    other = projection.columns["other_cost_usd"]
    assert not isinstance(other, Coded)
    other_usd = None if np.isnan(other[row]) else float(other[row])
    cloud_usd = None
    if cloud is not None and cloud.monthly_usd is not None:
        cloud_usd = cloud.monthly_usd * requirement.months
    total = total_cost_usd(requirement, projection, cloud)[row]
    return TotalCost(
        requirement.devices, price, hardware, other_usd, 0.0 if cloud is None else cloud_usd, requirement.months,
        None if np.isnan(total) else float(total), device.get("price_evidence", ""), device.get("price_source", ""),
    )  # fmt: skip
