"""This machine as a device: what its owner says of it, beside the fingerprint that identifies it.

Asked once, before the first measurement, and kept in `DLOM_HOME/device.json`. What the owner says is declared.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ontology.records import Device, Grade
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

    @property
    def name(self) -> str:
        """The local name of its `dev:`: the same machine is the same device, whatever it is called."""
        return f"local-{self.fingerprint}"


def profile(
    fingerprint: str, label: str, device_type: str, price: str | float | None, known_types: dict[str, str]
) -> DeviceProfile:
    """A checked profile. `price` may carry a unit. Raises ProfileError naming what is wrong."""
    label = " ".join(label.split())
    if not label or len(label) > LONGEST_LABEL or not label.isprintable():
        raise ProfileError(f"the device's name must be a text of 1 to {LONGEST_LABEL} characters")
    if device_type not in known_types:
        raise ProfileError(f"{device_type[:40]!r} is no kind of device; choose from {', '.join(sorted(known_types))}")
    if price in (None, ""):
        return DeviceProfile(fingerprint, label, device_type)
    try:
        usd = to_unit(price, "USD")
    except ValueError as error:
        raise ProfileError(f"the device's price: {error}") from error
    if usd <= 0:
        raise ProfileError(f"the device's price must be more than 0 USD, got {usd:g}; leave it out if it is not known")
    return DeviceProfile(fingerprint, label, device_type, usd)


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


def record(said: DeviceProfile, *, cpu: str, cores: int, memory_mib: float, system: str) -> Device:
    """The device as it is registered: its specification read from the machine, name, kind and price as declared."""
    return Device(
        name=said.name,
        label=said.label,
        device_type=(said.device_type,),
        cpu=cpu,
        cpu_cores=cores,
        ram_mib=memory_mib,
        processor_kind=("CPU",),
        os_release=system,
        fingerprint=said.fingerprint,
        price_usd=said.price_usd,
        price_evidence=None if said.price_usd is None else Grade.DECLARED,
        price_source=None if said.price_usd is None else "declared by its owner",
    )
