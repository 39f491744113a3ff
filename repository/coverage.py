"""The coverage map: how many models have a figure, for each task and device, or any two other things; and the holes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from repository.export import NONE_KNOWN, narrowest
from repository.projection import Coded, Projection

# What a map may be drawn over, with the prefix of its names.
DIMENSIONS: Mapping[str, str] = MappingProxyType(
    {
        "purpose": "purpose",
        "application_area": "area",
        "network": "net",
        "family": "",
        "device": "dev",
        "device_type": "dtype",
        "runtime": "rt",
        "runtime_library": "",
        "compute_unit": "",
        "optimization": "opt",
        "technique": "tech",
        "precision": "",
        "source": "src",
    }
)


@dataclass(frozen=True)
class Coverage:
    """Counts of models: `counts[i, j]` have a figure in row i and column j; 0 is a hole.

    A model that is of several kinds (two techniques, say) counts in each. `models` is how many have a figure and a
    place.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    counts: NDArray[np.int64]
    models: int

    @property
    def holes(self) -> int:
        """How many places have no model with a figure."""
        return int((self.counts == 0).sum())

    def frame(self) -> pd.DataFrame:
        """The counts as a table with labels, for a heat map."""
        return pd.DataFrame(self.counts, index=list(self.row_labels), columns=list(self.column_labels))


def coverage(
    projection: Projection,
    rows: str = "purpose",
    columns: str = "device",
    *,
    figure: str | None = None,
    only: Mapping[str, str] | None = None,
    reference: bool = False,
) -> Coverage:
    """How many models have a figure, over two of DIMENSIONS; in the order of the labels.

    `figure` is one of `ontology.records.figure_kinds()`, or None for any. `only` keeps the models of one name in
    further dimensions, narrower names included (`{"technique": "quantization"}`; `none` for: known to be without).
    Rows and columns that no model with a figure reaches are shown too, as long as some model is there. Reference
    devices, which serve for comparison only, are left out unless `reference`. Raises ValueError for a name that is not
    known here.
    """
    for dimension in (rows, columns, *(only or ())):
        if dimension not in DIMENSIONS:
            raise ValueError(f"{dimension!r} is nothing to draw a map over; choose from {', '.join(DIMENSIONS)}")
    if figure is not None and figure not in projection.evidence:
        raise ValueError(f"{figure!r} is no figure; choose from {', '.join(projection.evidence)}")
    kept = np.ones(len(projection), dtype=bool)
    if not reference:
        kept &= ~_flag(projection, "reference_device")
    for dimension, name in (only or {}).items():
        kept &= _has(projection, dimension, name)
    known = np.zeros(len(projection), dtype=bool)
    for kind in projection.evidence if figure is None else (figure,):
        known |= projection.evidence[kind] >= 0
    down, across = _places(projection, rows), _places(projection, columns)
    row_names, column_names = (_in_order(projection, d, p, kept) for d, p in ((rows, down), (columns, across)))
    counts = np.zeros((len(row_names), len(column_names)), dtype=np.int64)
    row_at, column_at = ({name: i for i, name in enumerate(names)} for names in (row_names, column_names))
    pairs, times = np.unique(np.stack([down[0], across[0]])[:, kept & known], axis=1, return_counts=True)
    placed = 0
    for (i, j), number in zip(pairs.T, times, strict=True):
        for row in down[1][i]:
            for column in across[1][j]:
                counts[row_at[row], column_at[column]] += number
        placed += int(number) if down[1][i] and across[1][j] else 0
    labels = [
        tuple(_label(projection, d, n) for n in names) for d, names in ((rows, row_names), (columns, column_names))
    ]
    return Coverage(row_names, column_names, labels[0], labels[1], counts, placed)


def _flag(projection: Projection, name: str) -> NDArray[np.bool_]:
    column = projection.columns[name]
    assert isinstance(column, Coded)
    return np.array([value is True for value in column.values], dtype=bool)[column.codes]


def _has(projection: Projection, dimension: str, name: str) -> NDArray[np.bool_]:
    """Which models are of this name in a dimension, or of a narrower one."""
    prefix = DIMENSIONS[dimension]
    codes, places = _places(projection, dimension)
    found = [any(name in ({n} | projection.with_broader(prefix, n)) for n in place) for place in places]
    return np.array(found, dtype=bool)[codes]


def _places(projection: Projection, dimension: str) -> tuple[NDArray[np.int64], list[tuple[str, ...]]]:
    """For each model a code, and for each code the names that the model has; none where that is not known."""
    if dimension in projection.columns:
        column = projection.columns[dimension]
        assert isinstance(column, Coded)
        prefix = DIMENSIONS[dimension]
        names = [
            (narrowest(projection, prefix, v) or (NONE_KNOWN,)) if isinstance(v, frozenset) else ()
            for v in column.values
        ]
        return column.codes % len(names), names  # -1 reads the last, which is not known
    codes, uniques = pd.factorize(projection.models[dimension])
    return codes.astype(np.int64) % (len(uniques) + 1), [*((str(u),) for u in uniques), ()]


def _in_order(
    projection: Projection,
    dimension: str,
    places: tuple[NDArray[np.int64], list[tuple[str, ...]]],
    kept: NDArray[np.bool_],
) -> tuple[str, ...]:
    """The names that some model kept has, in the order of their labels."""
    used = {name for code in np.unique(places[0][kept]) for name in places[1][code]}
    return tuple(sorted(used, key=lambda name: (_label(projection, dimension, name).casefold(), name)))


def _label(projection: Projection, dimension: str, name: str) -> str:
    prefix = DIMENSIONS[dimension]
    return projection.label(prefix, name) if prefix else name
