"""The projection of a graph, kept, and brought up to date with what is told of writes when it is next asked for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from repository.graph import EmbeddedGraph, Graph
from repository.incremental import updated
from repository.projection import Projection, project

_REMEMBERED = 1_000  # writes; who is further behind reads everything


@dataclass(frozen=True)
class _Write:
    """What a write touched, and the graph's version before and after it."""

    number: int  # 1, 2, … in the order in which they were told
    touched: frozenset[str]
    before: int
    after: int


@dataclass(frozen=True)
class _State:
    """What is kept. Each change makes a new one, so that who has read meanwhile can tell by `is`."""

    projection: Projection | None
    version: int | None
    told: int  # the writes up to this number are in the projection
    drops: int  # how often everything was said to have changed


class KeptProjection:
    """One reader at a time reads the graph; who finds a projection that is up to date waits for nobody."""

    def __init__(self, graph: Graph) -> None:
        """Nothing is read yet."""
        self._graph = graph
        self._reading = threading.Lock()
        self._lock = threading.Lock()  # only for assignments: never held while reading or waiting for another lock
        self._writes: deque[_Write] = deque(maxlen=_REMEMBERED)
        self._told = 0
        self._state = _State(None, None, 0, 0)

    @property
    def version(self) -> int | None:
        """The graph's version that the kept projection is of; None without one, or of a graph that has no version.

        While it equals the graph's version, nothing has been written since. A write that nobody has told of leaves it
        behind until the graph is read anew.
        """
        return self._state.version

    def get(self) -> Projection:
        """The graph in columns, with everything in it that has been told. Raises GraphError."""
        state = self._state
        if state.projection is not None and state.told == self._told:
            return state.projection
        version = self._version_now()  # before the other lock: a writer holds the graph's and may ask for this
        with self._reading:
            while True:
                state, last, writes = self._behind()
                if state.projection is None or len(writes) < last - state.told:
                    whole = project(self._graph)
                    self._keep(state, whole, version, last)
                    return whole  # even if everything was said to have changed meanwhile: it was asked for before
                if not writes:
                    return state.projection
                read = updated(state.projection, self._graph, frozenset().union(*(w.touched for w in writes)))
                if self._keep(state, read, _reached(state.version, writes), last):
                    return read

    def touched(self, names: Collection[str], before: int, after: int) -> None:
        """A write from version `before` to `after` has touched nothing but these short names (`m:local-1`)."""
        with self._lock:
            self._told += 1
            self._writes.append(_Write(self._told, frozenset(names), before, after))

    def drop(self) -> None:
        """Anything may have changed."""
        with self._lock:
            self._state = _State(None, None, self._told, self._state.drops + 1)

    def reread(self) -> None:
        """Read the graph anew beside those who use the last reading, then put the new one in its place."""
        version = self._version_now()
        state, last, _ = self._behind()
        read = project(self._graph)
        with self._lock:
            if self._state.drops == state.drops:  # else the next reader reads anew
                self._state = _State(read, version, last, state.drops)

    def _behind(self) -> tuple[_State, int, list[_Write]]:
        """What is kept, the number of the last write, and the remembered writes that are not in what is kept."""
        with self._lock:
            return self._state, self._told, [w for w in self._writes if w.number > self._state.told]

    def _keep(self, state: _State, read: Projection, version: int | None, told: int) -> bool:
        """Put it in the place of `state`, unless something else has taken that place."""
        with self._lock:
            if self._state is not state:
                return False
            self._state = _State(read, version, told, state.drops)
            return True

    def _version_now(self) -> int | None:
        if not isinstance(self._graph, EmbeddedGraph):
            return None
        with self._graph.lock:  # a version is counted when its write begins
            return self._graph.version


def _reached(version: int | None, writes: Iterable[_Write]) -> int | None:
    """The version up to which nothing is missing, when these writes come to it."""
    for write in writes:
        if version is not None and write.before <= version:
            version = max(version, write.after)
    return version
