"""Specifications and prices of end and edge devices: general knowledge of data sheets, a few prices from a page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from ontology.records import Device, Grade, Source
from repository.sources.names import Names
from repository.sources.rows import Outcome, Room, Row, table

DEVICES = "devices.csv"
TABLES = (DEVICES,)

SOURCE = Source(
    name="device-specifications",
    label="Device specifications",
    title="Specifications and prices of end and edge devices, not verified",
    licence="facts",
)

# What a word in the description of a processor means; reviewed against every row of the table.
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "GPU": r"\bGPU\b|VideoCore|\bMali\b|\bAdreno\b|\bIris Xe\b|\bVivante GC\b|\bRTX\b|NVIDIA A100",
        "NPU": r"\bNPU\b|Neural Engine|NVDLA|CNN accelerator|Syntiant Core|\bMMA\b",
        "TPU": r"Edge TPU",
        "VPU": r"\bVPU\b",
        "FPGA": r"\bFPGA\b|Virtex",
        "DSP": r"\bDSP\b",
    }
)
_NOTHING = re.compile(r"none\b|vector instructions")  # vector instructions belong to the CPU


def read(folder: Path, names: Names) -> Iterator[Row]:
    """One Row for each row of the table in `folder`."""
    for number, row in table(folder, DEVICES):
        yield Row(DEVICES, number, Outcome.LOADED, records=((Room.DEVICES, device(row, names)),))


def device(row: Mapping[str, str], names: Names) -> Device:
    """The record of one row. ValueError when a processor is described in words that nobody has reviewed."""
    price = _number(row["price_usd"])
    source = row["price_source"].removeprefix("price: ")
    cpu = None if row["cpu"] in ("", "none", "(needs a host)") else row["cpu"]
    accelerator = None if not row["gpu_npu"] or _NOTHING.match(row["gpu_npu"]) else row["gpu_npu"]
    systems = tuple(part for part in row["os"].split("|") if part not in ("", "host"))
    return Device(
        name=names.device(row["device"]),
        cpu=cpu,
        cpu_cores=int(row["cpu_cores"]) if row["cpu_cores"] else None,
        clock_ghz=_number(row["clock_ghz"]),
        accelerator=accelerator,
        processor_kind=processor_kinds(cpu or "", accelerator or "") or None,
        ram_mib=mebibytes(row["ram_mb"]),
        flash_mib=mebibytes(row["flash_mb"]),
        camera=row["camera"] or None,
        has_camera=has_camera(row["camera"]),
        operating_system=systems or None,
        framework=tuple(part for part in row["dl_frameworks"].split("|") if part) or None,
        device_power_w=_number(row["power_w_typical_max"]),
        price_usd=price,
        price_evidence=None if price is None else price_evidence(row["price_source"]),
        price_source=None if price is None else source,
        specification_source=row["source"].removeprefix("specification: ") or None,
    )


def processor_kinds(cpu: str, accelerator: str) -> tuple[str, ...]:
    """CPU, GPU, NPU, TPU, VPU, FPGA and DSP, as far as the descriptions name them.

    ValueError for an accelerator that none of the reviewed words describes.
    """
    found = ["CPU"] if cpu else []
    kinds = [kind for kind, pattern in _KINDS.items() if re.search(pattern, accelerator)]
    if accelerator and not kinds:
        raise ValueError(
            f"no reviewed word for the accelerator {accelerator!r}; add one to repository/sources/devices.py"
        )
    if "DSP" in cpu and "DSP" not in kinds:
        kinds.append("DSP")
    return (*found, *kinds)


def has_camera(text: str) -> bool | None:
    """True for a camera or a connector for one, also when the camera is sold apart; None when nothing is said."""
    return None if not text else not text.startswith("none")


def mebibytes(text: str) -> float | None:
    """Memory as sold, in MiB: `4096` is 4096 MiB, `0.264` is the 264 KiB of a microcontroller = 0.2578 MiB.

    Below 1 the table counts thousands of KiB (RP2040 datasheet, section 2.6.2: 264 kB in banks of 64 and 4 KiB), but
    0.5 is half a MiB.
    """
    number = _number(text)
    if number is None or number >= 1 or number == 0.5:
        return number
    return number * 1000 / 1024


def price_evidence(source: str) -> Grade:
    """`literature` for a price found on a page that the table names, else `declared`."""
    return Grade.LITERATURE if source.startswith("price:") else Grade.DECLARED


def _number(text: str) -> float | None:
    return float(text) if text else None
