"""Real alternatives first: the same trained network, optimized alike, on the same device is told once.

Such near-copies differ in the runtime or the compute unit only. Listed one by one they push every other network off
the first page, and they share the chance of first place among themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from dss.card import short
from dss.matching import Candidates
from dss.robustness import Robustness
from repository.projection import Projection

_SAME = ["network", "trained", "optimization", "device"]


def kinds(projection: Projection, rows: Sequence[int]) -> list[int]:
    """A number for each row; near-copies have the same one. A model that names no network is like no other."""
    table = projection.models.iloc[list(rows)][_SAME]
    alone = table["network"].isna().to_numpy()
    keys = table.fillna("").agg("\0".join, axis=1).to_numpy(dtype=object)
    keys = [f"\0{i}" if single else key for i, (single, key) in enumerate(zip(alone, keys, strict=True))]
    return [int(code) for code in pd.factorize(pd.Series(keys, dtype=object))[0]]


def best_of_each(projection: Projection, rows: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Of each kind the first row, with its near-copies in their order; `rows` come best first."""
    found: dict[int, list[int]] = {}
    for kind, row in zip(kinds(projection, rows), rows, strict=True):
        found.setdefault(kind, []).append(row)
    return {members[0]: tuple(members[1:]) for members in found.values()}


def chance_with_copies(projection: Projection, found: Robustness) -> float:
    """How often the winner or a near-copy of it comes first."""
    rows = [found.winner, *(c.row for c in found.chances if c.row != found.winner)]
    kind = kinds(projection, rows)
    return sum(found.of(row).first for row, k in zip(rows, kind, strict=True) if k == kind[0])


def naming(candidates: Candidates, told_apart: Sequence[int]) -> Callable[[int], str]:
    """What to call a candidate: network and device, with the runtime where that alone would not tell some apart."""
    titles = pd.Series([titled(candidates, row)[0] for row in dict.fromkeys(told_apart)])
    ambiguous = set(titles[titles.duplicated(keep=False)])

    def name(row: int) -> str:
        title = titled(candidates, row)[0]
        return short(candidates, row) if title in ambiguous else title

    return name


def titled(candidates: Candidates, row: int) -> tuple[str, str]:
    """A candidate's name in two lines: the network on its device; its optimization and runtime."""
    p = candidates.projection
    m = p.models.iloc[row]
    network, device, optimization, runtime = (
        p.label(prefix, m[name]) if isinstance(m[name], str) else unknown
        for prefix, name, unknown in (
            ("net", "network", "not known"),
            ("dev", "device", "no stated device"),
            ("opt", "optimization", "not known"),
            ("rt", "runtime", "runtime not stated"),
        )
    )
    return f"{network} on {device}", f"{optimization} · {runtime}"
