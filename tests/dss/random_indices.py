"""How `dss/pairwise.py` got its random indices of incomplete matrices: `python -m tests.dss.random_indices`.

For n items with m comparisons missing: random matrices whose entries above the diagonal are drawn evenly from Saaty's
scale 1/9, 1/8, …, 1/2, 1, 2, …, 9, m of them left out at random such that the others still connect all items, completed
so that the largest eigenvalue is smallest; the mean of (eigenvalue - n) / (n - 1). The design is that of Ágoston and
Csató, "Inconsistency thresholds for incomplete pairwise comparison matrices", Omega 108 (2022).
"""

from __future__ import annotations

import sys
from itertools import combinations

import numpy as np

from dss.pairwise import complete, components, known_pairs, principal

SCALE = np.array([*(1 / k for k in range(9, 1, -1)), *range(1, 10)], dtype=np.float64)
SEED = 2022


def simulated(n: int, missing: int, matrices: int) -> tuple[float, float]:
    """The mean index of so many random matrices, and its standard error."""
    rng = np.random.default_rng([SEED, n, missing])
    pairs = list(combinations(range(n), 2))
    indices: list[float] = []
    while len(indices) < matrices:
        matrix = np.eye(n)
        left_out = set(rng.choice(len(pairs), missing, replace=False).tolist())
        for k, (i, j) in enumerate(pairs):
            value = float(rng.choice(SCALE))
            matrix[i, j], matrix[j, i] = (np.nan, np.nan) if k in left_out else (value, 1 / value)
        if len(components(n, known_pairs(matrix))) == 1:
            indices.append((principal(complete(matrix))[0] - n) / (n - 1))
    return float(np.mean(indices)), float(np.std(indices, ddof=1) / np.sqrt(matrices))


def main(matrices: int) -> None:
    """Print the table."""
    for n in range(3, 7):
        for missing in range((n - 1) * (n - 2) // 2):
            mean, error = simulated(n, missing, matrices)
            sys.stdout.write(f"{n} {missing} {mean:.4f} ± {error:.4f}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
