"""All sources, read once from the real tables."""

from collections.abc import Mapping

import pytest

from ontology.records import Record
from repository.sources.names import Names
from repository.sources.rows import Row
from repository.sources.shelf import FACTS, NAMES, SOURCES

Rows = Mapping[str, tuple[Row, ...]]


@pytest.fixture(scope="session")
def names() -> Names:
    return Names.load(NAMES)


@pytest.fixture(scope="session")
def rows(names: Names) -> Rows:
    """The rows of every source, by the source's name."""
    return {shelf.source.name: tuple(shelf.read(FACTS, names)) for shelf in SOURCES}


@pytest.fixture(scope="session")
def aihub(rows: Rows) -> Mapping[str, Record]:
    """The records of AI Hub by kind and name, as in `Model:aihub-…`."""
    return by_name(rows, "aihub-0.46.1")


def by_name(rows: Rows, source: str) -> Mapping[str, Record]:
    """The records of a source by kind and name, as in `Model:timm-…`."""
    return {f"{type(record).__name__}:{record.name}": record for row in rows[source] for _, record in row.records}
