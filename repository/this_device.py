"""This machine as a device: what its owner says of it, beside the fingerprint that identifies it.

Asked once, before the first measurement, and kept in `DLOM_HOME/device.json`. What the owner says is declared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from ontology.units import to_unit

FILE = "device.json"
LONGEST_LABEL = 80
DEFAULT_TYPE = "edge-pc"


class ProfileError(ValueError):
    """What was said of this machine cannot be used; the message says what to write."""


@dataclass(frozen=True)
class DeviceProfile:
    """What the owner says of a machine: a name for people, the kind of device, and what one costs (None: not said)."""

    fingerprint: str
    label: str
    device_type: str
    price_usd: float | None = None
    told: str = ""  # the day, ISO 8601


def profile(
    fingerprint: str,
    label: str,
    device_type: str,
    price: str | float | None,
    known_types: Mapping[str, str],
    today: date,
) -> DeviceProfile:
    """A checked profile. `price` may carry a unit. Raises ProfileError naming what is wrong."""
    label = " ".join(label.split())
    if not label or len(label) > LONGEST_LABEL or not label.isprintable():
        raise ProfileError(f"the device's name must be a text of 1 to {LONGEST_LABEL} characters")
    if device_type not in known_types:
        raise ProfileError(f"{device_type[:40]!r} is no kind of device; choose from {', '.join(sorted(known_types))}")
    if price in (None, ""):
        return DeviceProfile(fingerprint, label, device_type, told=today.isoformat())
    try:
        usd = to_unit(price, "USD")
    except ValueError as error:
        raise ProfileError(f"the device's price: {error}") from error
    if usd <= 0:
        raise ProfileError(f"the device's price must be more than 0 USD, got {usd:g}; leave it out if it is not known")
    return DeviceProfile(fingerprint, label, device_type, usd, today.isoformat())


def unnamed(fingerprint: str, cpu: str) -> DeviceProfile:
    """A machine whose owner has said nothing: named by its processor, of unknown price."""
    return DeviceProfile(fingerprint, f"This machine ({cpu})"[:LONGEST_LABEL], DEFAULT_TYPE)


def load(home: Path, fingerprint: str) -> DeviceProfile | None:
    """What is kept of the machine with this fingerprint; None when its owner has not been asked yet."""
    try:
        found = DeviceProfile(**json.loads((home / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.fingerprint == fingerprint else None


def save(home: Path, said: DeviceProfile) -> None:
    """Keep what the owner said."""
    home.mkdir(parents=True, exist_ok=True)
    beside = home / f".{FILE}"
    beside.write_text(json.dumps(asdict(said)), encoding="utf-8")
    beside.replace(home / FILE)
