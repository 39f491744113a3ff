"""Cloud configurations and prices: general knowledge of list prices in the United States about 2024."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ontology.records import Cloud, Grade, Source
from repository.sources.names import Names
from repository.sources.rows import Outcome, Room, Row, table

CLOUD = "cloud.csv"
TABLES = (CLOUD,)

SOURCE = Source(
    name="cloud-configurations",
    label="Cloud configurations",
    title="Cloud configurations, list prices of about 2024 and shielded execution, not verified",
    licence="facts",
)


def read(folder: Path, names: Names) -> Iterator[Row]:
    """One Row for each row of the table in `folder`."""
    for number, row in table(folder, CLOUD):
        if row["provider"] == "none":
            yield Row(CLOUD, number, Outcome.LEFT_OUT, "the absence of a cloud: a model then has none")
        else:
            yield Row(CLOUD, number, Outcome.LOADED, records=((Room.CLOUDS, cloud(row)),))


def cloud(row: Mapping[str, str]) -> Cloud:
    """The record of one row; memory is in GiB, as the providers count it."""
    price = _number(row["price_usd_per_hour"])
    label = f"{row['provider']} {row['configuration']}"
    return Cloud(
        name=re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-"),
        label=label,
        provider=row["provider"],
        kind=row["kind"] or None,
        vcpus=_whole(row["vcpus"]),
        ram_gib=_number(row["ram_gb"]),
        accelerator=row["accelerator"] or None,
        accelerator_count=_whole(row["accelerator_count"]),
        accelerator_memory_gib=_number(row["accelerator_memory_gb_each"]),
        shielded_execution={"yes": True, "no": False, "": None}[row["shielded_execution"]],
        shielded_execution_note=row["shielded_execution_note"] or None,
        price_usd_per_hour=price,
        price_evidence=None if price is None else Grade.DECLARED,
        price_source=None if price is None else row["price_source"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def _whole(text: str) -> int | None:
    return int(text) if text else None
