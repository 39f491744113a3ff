"""One app for all tests of a folder that leave its graph as they found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.http.served import Served, served


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The app, with five models. A test that writes takes back what it wrote."""
    with served(tmp_path_factory.mktemp("http")) as one:
        yield one
