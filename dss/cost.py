"""Total cost for one request: devices, the cloud over the months in service, and what the source declares besides.

    total = device price × number of devices + declared other cost + cloud per month × months

The cloud counts only when the request asks for one; a model that runs on the device needs none. Building costs
nothing for a model that exists. A part that is not known leaves the total unknown; the hardware is then shown alone.

Most prices are somebody's word. A total is therefore also told as a range, from the spreads below; the range is shown
and never stored, and a limit is judged by the total itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ontology.records import Grade
from ontology.requirement import Limit, Outcome, Requirement, Step, Value, Verdict, judge, limits, specs
from repository.projection import Coded, FloatArray, Projection

NOT_KNOWN = "not known"
HOURS_PER_MONTH = 730.0  # 8,760 hours a year / 12
CLOUD_FIELDS = frozenset(name for name, s in specs() if s.step is Step.CLOUD)


@dataclass(frozen=True)
class Spread:
    """How far a price may lie from what is on record, as factors, and why."""

    low: float
    high: float
    meaning: str


# Accuracy ranges of cost estimates: PMI, A Guide to the Project Management Body of Knowledge, 6th edition, section 7.2.
ESTIMATE = Spread(0.75, 1.75, "an estimate from general knowledge: -25 % to +75 %, as a rough order of magnitude")
DECLARED = Spread(0.95, 1.10, "somebody's word: -5 % to +10 %, as a definitive estimate")
QUOTED = Spread(1.0, 1.0, "as its source prints it")


def spread(evidence: str, source: str) -> Spread:
    """The spread of a price, from its grade of evidence and what its source says of it."""
    if evidence not in (Grade.DECLARED, Grade.PREDICTED):
        return QUOTED
    return ESTIMATE if evidence == Grade.PREDICTED or source.casefold().startswith("estimate") else DECLARED


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
    low_usd: float | None = None  # the range in which the total may lie; both ends None when the total is not known
    high_usd: float | None = None
    spreads: tuple[tuple[str, Spread], ...] = ()  # each part that is no quotation: "device", "cloud", "other cost"
    budget_usd: float | None = None

    @property
    def straddles(self) -> bool:
        """Whether the budget lies within the range, so that the verdict on it may be wrong."""
        if self.budget_usd is None or self.low_usd is None or self.high_usd is None:
            return False
        return self.low_usd <= self.budget_usd < self.high_usd


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
        verdicts = judged_cloud(asked, name, described)
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


def judged_cloud(asked: Sequence[Limit], name: str, described: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """The verdict on one cloud for each of the cloud's limits."""
    return tuple(judge(limit, _value(limit, name, described)) for limit in asked)


def _value(limit: Limit, name: str, cloud: Mapping[str, Any]) -> Value:
    match limit.figure:
        case "cloud":
            return frozenset({name})
        case "cloud_provider":
            return frozenset({cloud["provider"]}) if "provider" in cloud else None
        case "host_address":
            return frozenset({cloud["host_address"]}) if "host_address" in cloud else None
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


def total_cost_range(
    requirement: Requirement, projection: Projection, cloud: OfferedCloud | None
) -> tuple[FloatArray, FloatArray]:
    """The lowest and the highest total for every model, by the spread of each part; NaN where it is not known."""
    price, other = projection.columns["price_usd"], projection.columns["other_cost_usd"]
    assert not isinstance(price, Coded) and not isinstance(other, Coded)
    of_device = {name: price_spread(d) for name, d in projection.devices.items()}
    spreads = projection.models["device"].map(of_device)
    ends = []
    for end in ("low", "high"):
        factor = spreads.map(lambda s, end=end: getattr(s, end), na_action="ignore").to_numpy(dtype=np.float64)
        total = price * factor * float(requirement.devices) + np.nan_to_num(other, nan=0.0) * getattr(DECLARED, end)
        if cloud is not None:
            monthly = np.nan if cloud.monthly_usd is None else cloud.monthly_usd
            total = total + monthly * getattr(price_spread(cloud.described), end) * float(requirement.months)
        ends.append(total)
    return ends[0], ends[1]


def straddling(requirement: Requirement, projection: Projection, cloud: OfferedCloud | None) -> NDArray[np.bool_]:
    """The models whose range of totals holds the budget: whether they keep it depends on prices nobody quoted."""
    if requirement.budget_usd is None:
        return np.zeros(len(projection), bool)
    low, high = total_cost_range(requirement, projection, cloud)
    return np.asarray((low <= requirement.budget_usd) & (requirement.budget_usd < high))


def price_spread(priced: Mapping[str, Any]) -> Spread:
    """The spread of the price of a device or a cloud as the projection describes it."""
    return spread(priced.get("price_evidence", ""), priced.get("price_source", ""))


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
    parts: list[tuple[str, float | None, Spread]] = [("device", hardware, price_spread(device))]
    if other_usd is not None:
        parts.append(("other cost", other_usd, DECLARED))
    if cloud is not None:
        parts.append(("cloud", cloud_usd, price_spread(cloud.described)))
    total, low, high = summed(parts)
    return TotalCost(
        requirement.devices, price, hardware, other_usd, 0.0 if cloud is None else cloud_usd, requirement.months, total,
        device.get("price_evidence", ""), device.get("price_source", ""), low, high,
        tuple((name, s) for name, amount, s in parts if amount is not None and s is not QUOTED), requirement.budget_usd,
    )  # fmt: skip


def summed(
    parts: Sequence[tuple[str, float | None, Spread]],
) -> tuple[float | None, float | None, float | None]:
    """The sum of the parts with its lowest and highest value; all None as soon as one part is not known."""
    total = low = high = 0.0
    for _, amount, spread_of_it in parts:
        if amount is None:
            return None, None, None
        total, low, high = total + amount, low + amount * spread_of_it.low, high + amount * spread_of_it.high
    return total, low, high


def money(value: float | None) -> str:
    """`$14,000`, `$785.12`, or that it is not known."""
    if value is None:
        return NOT_KNOWN
    return f"${value:,.0f}" if value == round(value) else f"${value:,.2f}"
