"""Copies of the store for those who read beside its writers: one for each state that is asked about."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from repository.graph import EmbeddedGraph


class Snapshots:
    """The latest state of a store as a folder to open for reading; older ones go when nobody reads them any more.

    The store can be open in one process only, so what lies in `folder` at the start was left behind, and goes.
    """

    def __init__(self, graph: EmbeddedGraph, folder: Path) -> None:
        self.folder = folder
        self._graph = graph
        self._lock = threading.Lock()
        self._users: dict[Path, int] = {}
        self._latest: tuple[int, Path] | None = None
        self._numbers = count(1)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)

    @contextmanager
    def latest(self) -> Iterator[Path]:
        """A folder with everything that was written before this call."""
        asked = self._graph.version
        with self._lock:
            if self._latest is None or self._latest[0] < asked:
                new = self.folder / str(next(self._numbers))
                version = self._graph.snapshot(new)
                old, self._latest = self._latest, (version, new)
                if old is not None and not self._users.get(old[1]):
                    shutil.rmtree(old[1], ignore_errors=True)
            path = self._latest[1]
            self._users[path] = self._users.get(path, 0) + 1
        try:
            yield path
        finally:
            with self._lock:
                self._users[path] -= 1
                if not self._users[path]:
                    del self._users[path]
                    if self._latest_path() != path:
                        shutil.rmtree(path, ignore_errors=True)

    def _latest_path(self) -> Path | None:
        return self._latest[1] if self._latest else None

    @contextmanager
    def own(self) -> Iterator[tuple[Path, int]]:
        """A copy to write to, and the version of the store that it is of; what is put beside it goes with it."""
        folder = self.folder / f"own-{next(self._numbers)}"
        folder.mkdir()
        try:
            version = self._graph.snapshot(folder / "copy")
            yield folder / "copy", version
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Take all of them away."""
        with self._lock:
            self._latest = None
            shutil.rmtree(self.folder, ignore_errors=True)
