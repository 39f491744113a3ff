"""What a source's loader yields: for every row of its tables what became of it, with the records that it gave.

A loader is a pure function from tables and reviewed names to rows; it knows nothing of RDF or of the store.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ontology.records import Record, Source
from repository.sources.names import Names


class Room(StrEnum):
    """The paper's four repositories, and the identities that all sources share."""

    NETWORKS = "networks"
    DEVICES = "devices"  # client side
    CLOUDS = "clouds"  # server side
    MODELS = "models"  # models and performance
    IDENTITIES = "identities"


class Outcome(StrEnum):
    """What became of a row of a table."""

    LOADED = "loaded"
    MERGED = "merged"  # its facts went into a record that another row had begun
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Row:
    """One row of a table, accounted for. `reason` says why it was merged or left out; empty when loaded."""

    table: str
    number: int  # 1 for the first row below the header
    outcome: Outcome
    reason: str = ""
    records: tuple[tuple[Room, Record], ...] = ()


@dataclass(frozen=True)
class SourceTables:
    """A source on the shelf: who it is, which files it reads, and the loader that reads them.

    `read(folder, names)` yields exactly one Row for each row of each table. Two rows never yield a record of the
    same name with different fields: what several rows say of one thing is collected first and yielded once.
    """

    source: Source
    tables: tuple[str, ...]
    version: int  # raised whenever the loader reads the same tables differently, so that they are loaded again
    read: Callable[[Path, Names], Iterator[Row]]


def table(folder: Path, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV with their numbers, values stripped."""
    with (folder / name).open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=1):
            yield number, {key: (value or "").strip() for key, value in row.items()}
