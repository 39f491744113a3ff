"""The sources that DLOM knows, in the order in which they are loaded."""

from __future__ import annotations

from pathlib import Path

from repository.sources import aihub, clouds, devices, dlom2, keras_applications, lee2022, mlperf_tiny, timm
from repository.sources.rows import SourceTables

FACTS = Path(__file__).parent.parent / "facts"
NAMES = FACTS / "names"

SOURCES: tuple[SourceTables, ...] = (
    SourceTables(devices.SOURCE, devices.TABLES, 1, devices.read),
    SourceTables(clouds.SOURCE, clouds.TABLES, 1, clouds.read),
    SourceTables(dlom2.SOURCE, dlom2.TABLES, 1, dlom2.read),
    SourceTables(lee2022.SOURCE, lee2022.TABLES, 1, lee2022.read),
    SourceTables(aihub.SOURCE, aihub.TABLES, 2, aihub.read),
    SourceTables(mlperf_tiny.SOURCE, mlperf_tiny.TABLES, 1, mlperf_tiny.read),
    SourceTables(keras_applications.SOURCE, keras_applications.TABLES, 1, keras_applications.read),
    SourceTables(timm.SOURCE, timm.TABLES, 1, timm.read),
)
