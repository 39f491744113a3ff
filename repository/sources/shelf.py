"""The sources that DLOM knows, in the order in which they are loaded."""

from __future__ import annotations

from pathlib import Path

from repository.sources import aihub, clouds, devices, dlom2
from repository.sources.rows import SourceTables

FACTS = Path(__file__).parent.parent / "facts"
NAMES = FACTS / "names"

# AI Hub's figures of language models (tokens a second) are left out: no figure of a Performance holds them yet.
SOURCES: tuple[SourceTables, ...] = (
    SourceTables(devices.SOURCE, devices.TABLES, 1, devices.read),
    SourceTables(clouds.SOURCE, clouds.TABLES, 1, clouds.read),
    SourceTables(dlom2.SOURCE, dlom2.TABLES, 1, dlom2.read),
    SourceTables(aihub.SOURCE, aihub.TABLES, 1, aihub.read),
)
