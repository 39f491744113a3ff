"""Pairwise comparison matrices of any size, complete or not: weights, completion, consistency ratio.

A comparison matrix is a float array of shape (n, n). Entry (i, j) says how many times as much item i matters as
item j; the diagonal is 1, entry (j, i) is the reciprocal of entry (i, j), and `nan` at both stands for a comparison
that nobody made. The known comparisons are the edges of a graph on the items; most results are unique only when
that graph is connected.

Sources: Saaty, "A scaling method for priorities in hierarchical structures", J. Math. Psychology 15 (1977), for
the eigenvector, the ratio and its limit; Bozóki, Fülöp and Rónyai, "On optimal completion of incomplete pairwise
comparison matrices", Math. Comput. Modelling 52 (2010), for least squares and completion of incomplete matrices.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
Indices = tuple[int, ...]

# Saaty's random indices, the mean consistency index of random complete matrices, by number of items.
RANDOM_INDEX = {3: 0.58, 4: 0.90, 5: 1.12, 6: 1.24, 7: 1.32, 8: 1.41}

# For incomplete matrices: by number of items, then of missing entries from 1 on, down to the last that leaves a cycle.
# Means of 100,000 random matrices each (standard error at most 0.002), by `tests/dss/random_indices.py`, November 2026.
INCOMPLETE_RANDOM_INDEX: dict[int, tuple[float, ...]] = {
    3: (),
    4: (0.577, 0.285),
    5: (0.923, 0.735, 0.547, 0.361, 0.177),
    6: (1.130, 1.006, 0.881, 0.757, 0.629, 0.499, 0.371, 0.243, 0.120),
}

_TIE = 1e-9  # consistency ratios closer than this count as equal, so that rounding does not choose between them
_LINE_SEARCH = tuple(0.5**k for k in range(40))


def known_pairs(matrix: Matrix) -> list[tuple[int, int]]:
    """The comparisons that were made, as (i, j) with i < j, row by row."""
    n = len(matrix)
    return [(i, j) for i in range(n) for j in range(i + 1, n) if not np.isnan(matrix[i, j])]


def components(n: int, pairs: Iterable[tuple[int, int]]) -> tuple[Indices, ...]:
    """The connected parts of the graph on 0 … n-1 with these edges; each part and the parts themselves ascend."""
    part = list(range(n))
    for i, j in pairs:
        old, new = max(part[i], part[j]), min(part[i], part[j])
        part = [new if p == old else p for p in part]
    return tuple(tuple(k for k in range(n) if part[k] == p) for p in sorted(set(part)))


def log_weight_operator(n: int, pairs: Sequence[tuple[int, int]]) -> Matrix:
    """The linear map from logarithms of the stated ratios to logarithms of the weights, shape (n, len(pairs)).

    Least squares on log ratios: the Laplacian of the comparison graph times the log weights equals the transposed
    incidence matrix times the log ratios (Bozóki, Fülöp and Rónyai 2010, section 4). Log weights have mean 0 in each
    connected part, which joins separate parts by the neutral assumption that their geometric means are equal.
    Multiply it with a (len(pairs), samples) array to solve many sets of answers to the same questions at once.
    """
    incidence = np.zeros((len(pairs), n))
    for row, (i, j) in enumerate(pairs):
        incidence[row, i], incidence[row, j] = 1.0, -1.0
    grounded = incidence.T @ incidence
    for part in components(n, pairs):
        # The Laplacian cannot see a constant added to a part; this term fixes it and changes nothing else.
        grounded[np.ix_(part, part)] += 1.0 / len(part)
    operator: Matrix = np.linalg.solve(grounded, incidence.T).astype(np.float64)
    return operator


def log_weights_of_many(n: int, pairs: Sequence[tuple[int, int]], logs: Matrix) -> Matrix:
    """Logarithms of the weights for many sets of answers, `nan` where one was left open, shape (sets, n).

    `logs` has one row a set and one column a pair: the logarithm of how many times i matters as much as j. The same
    least squares as in `log_weight_operator`, for questions that differ from set to set.
    """
    known = ~np.isnan(logs)
    laplacian, right = np.zeros((len(logs), n, n)), np.zeros((len(logs), n))
    reach = np.zeros((len(logs), n, n), dtype=np.int64) + np.eye(n, dtype=np.int64)
    for k, (i, j) in enumerate(pairs):
        there, value = known[:, k].astype(np.float64), np.nan_to_num(logs[:, k])
        laplacian[:, i, i] += there
        laplacian[:, j, j] += there
        laplacian[:, i, j] -= there
        laplacian[:, j, i] -= there
        right[:, i] += value
        right[:, j] -= value
        reach[:, i, j] = reach[:, j, i] = known[:, k]
    for _ in range(math.ceil(math.log2(max(2, n)))):  # paths of doubled length, until all that is joined is seen
        reach = (reach @ reach > 0).astype(np.int64)
    grounded = laplacian + reach / reach.sum(axis=2, keepdims=True)
    solved: Matrix = np.linalg.solve(grounded, right[:, :, None])[:, :, 0]
    return solved


def log_least_squares(matrix: Matrix) -> Vector:
    """Weights of a comparison matrix, shape (n,), summing to 1; the row geometric means when it is complete.

    Raises ValueError when the array is no comparison matrix.
    """
    check(matrix)
    pairs = known_pairs(matrix)
    logs = np.log(np.array([matrix[pair] for pair in pairs], dtype=np.float64))
    return normalised(np.exp(log_weight_operator(len(matrix), pairs) @ logs))


def normalised(values: Vector) -> Vector:
    """The same proportions, summing to 1."""
    shares: Vector = values / values.sum()
    return shares


def principal(matrix: Matrix) -> tuple[float, Vector]:
    """The largest eigenvalue of a complete comparison matrix and its eigenvector, summing to 1 (Saaty 1977)."""
    check(matrix)
    if np.isnan(matrix).any():
        raise ValueError("the matrix has missing comparisons: fill them with complete() first")
    value, vector = _perron(matrix)
    return value, normalised(vector)


def complete(matrix: Matrix) -> Matrix:
    """The matrix with its missing entries chosen so that the largest eigenvalue is smallest.

    The completion is unique when the comparisons connect all items (Bozóki, Fülöp and Rónyai 2010, theorem 2).
    Raises ValueError when they do not, or when the array is no comparison matrix.
    """
    check(matrix)
    parts = components(len(matrix), known_pairs(matrix))
    if len(parts) > 1:
        raise ValueError(
            f"no comparison joins the parts {' and '.join(str(list(part)) for part in parts)}, so the best completion "
            "is not unique: add a comparison between them"
        )
    return _complete(matrix)[0]


def random_index(n: int, missing: int = 0) -> float:
    """Mean consistency index of random matrices of n items (3 to 8) with so many missing entries above the diagonal.

    Saaty's for complete matrices. For incomplete ones of up to 6 items simulated as Ágoston and Csató do,
    "Inconsistency thresholds for incomplete pairwise comparison matrices", Omega 108 (2022), arXiv:2102.10558; for 7
    and 8 items their equation 3, RI(n, m) ≈ (1 - 2m / ((n-1)(n-2))) RI(n, 0). It is 0 where no cycle is left. For one n
    and m it also varies with which entries are missing (the same authors, arXiv:2510.27011); the mean is taken.
    """
    most = (n - 1) * (n - 2) // 2
    if n not in RANDOM_INDEX or not 0 <= missing <= most:
        raise ValueError(
            f"no random index is known for {n} items with {missing} missing comparisons: "
            f"it is for {min(RANDOM_INDEX)} to {max(RANDOM_INDEX)} items with 0 to (n-1)(n-2)/2 missing"
        )
    if n in INCOMPLETE_RANDOM_INDEX and 0 < missing < most:
        return INCOMPLETE_RANDOM_INDEX[n][missing - 1]
    return RANDOM_INDEX[n] * (1 - missing / most)


def consistency_ratio(matrix: Matrix) -> float:
    """Saaty's consistency ratio, of the best completion where entries are missing; 0 where nothing can contradict.

    When the comparisons fall into separate parts, the ratio of the worst part. Raises ValueError when the array is no
    comparison matrix, or a part with a cycle has more than 8 items.
    """
    check(matrix)
    return max((_ratio(matrix[np.ix_(part, part)]) for part in _cyclic_parts(matrix)), default=0.0)


@dataclass(frozen=True)
class Change:
    """Entry (i, j), i < j, that is worth reconsidering.

    `value` is the value on the scale that fits best and `ratio` the consistency ratio of the whole matrix with it;
    `implied` is the ratio that the other comparisons imply by themselves.
    """

    i: int
    j: int
    value: float
    implied: float
    ratio: float


def best_change(matrix: Matrix, scale: Sequence[float]) -> Change | None:
    """The one comparison and its new value on `scale` that lower the consistency ratio most; None if none lowers it.

    `scale` holds every ratio that can be answered, in both directions. Of changes that do equally well the smallest
    step on the scale wins, then the first entry.
    """
    check(matrix)
    ratios = {part: _ratio(matrix[np.ix_(part, part)]) for part in _cyclic_parts(matrix)}
    if not ratios:
        return None
    worst = max(ratios, key=lambda part: ratios[part])
    rest = max((ratio for part, ratio in ratios.items() if part != worst), default=0.0)
    found = _best_change_connected(matrix[np.ix_(worst, worst)], sorted(scale))
    if found is None or max(found.ratio, rest) >= ratios[worst] - _TIE:
        return None
    return Change(worst[found.i], worst[found.j], found.value, found.implied, max(found.ratio, rest))


def check(matrix: Matrix) -> None:
    """Raise ValueError unless the array is a comparison matrix as described at the top of this file."""
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < 1:
        raise ValueError(f"a comparison matrix is square, got shape {matrix.shape}")
    for i, j in np.ndindex(matrix.shape):
        value, mirror = float(matrix[i, j]), float(matrix[j, i])
        if i == j and value != 1:
            raise ValueError(f"entry ({i}, {i}) compares an item with itself and must be 1, got {value}")
        if math.isnan(value) != math.isnan(mirror):
            raise ValueError(f"entries ({i}, {j}) and ({j}, {i}) must both be given or both be nan")
        if not math.isnan(value) and not (0 < value < math.inf and math.isclose(value * mirror, 1, rel_tol=1e-6)):
            raise ValueError(
                f"entries ({i}, {j}) and ({j}, {i}) must be positive and each the reciprocal of the other, "
                f"got {value} and {mirror}"
            )


def _cyclic_parts(matrix: Matrix) -> list[Indices]:
    """The connected parts in which one comparison can contradict others."""
    pairs = known_pairs(matrix)
    parts = components(len(matrix), pairs)
    return [part for part in parts if sum(i in part for i, _ in pairs) >= len(part)]


def _ratio(connected: Matrix, eigenvalue: float | None = None) -> float:
    """The consistency ratio of one connected part, given its smallest largest eigenvalue if that is known already."""
    n = len(connected)
    missing = n * (n - 1) // 2 - len(known_pairs(connected))
    index = random_index(n, missing)
    if eigenvalue is None:
        eigenvalue = _complete(connected)[1]
    # A consistent matrix has eigenvalue n; rounding may put it a hair below.
    return max(0.0, (eigenvalue - n) / (n - 1) / index)


def _best_change_connected(matrix: Matrix, scale: Sequence[float]) -> Change | None:
    n, pairs = len(matrix), known_pairs(matrix)
    bounds = []
    for i, j in pairs:
        if len(components(n, [pair for pair in pairs if pair != (i, j)])) > 1:
            continue  # a bridge: no other comparison speaks about it
        filled, eigenvalue = _complete(_with_entry(matrix, i, j, math.nan))
        bounds.append((_ratio(matrix, eigenvalue), i, j, float(filled[i, j])))
    best: tuple[tuple[float, float, int, int], Change] | None = None
    for bound, i, j, implied in sorted(bounds):
        if best is not None and bound > best[1].ratio + _TIE:
            break  # a value on the scale cannot do better than the free value did
        current = float(matrix[i, j])
        for value in _around(implied, scale, leave_out=current):
            ratio = _ratio(matrix, _complete(_with_entry(matrix, i, j, value))[1])
            key = (round(ratio, 9), round(abs(math.log(value / current)), 9), i, j)
            if best is None or key < best[0]:
                best = (key, Change(i, j, value, implied, ratio))
    return best[1] if best else None


def _around(value: float, scale: Sequence[float], *, leave_out: float) -> list[float]:
    """The values of an ascending scale next to `value`: the eigenvalue is convex, so the best is one of them."""
    others = [s for s in scale if not math.isclose(s, leave_out)]
    return [s for s in others if s <= value][-1:] + [s for s in others if s > value][:1]


def _with_entry(matrix: Matrix, i: int, j: int, value: float) -> Matrix:
    changed = matrix.copy()
    changed[i, j], changed[j, i] = value, 1 / value
    return changed


def _complete(connected: Matrix) -> tuple[Matrix, float]:
    """The best completion and its largest eigenvalue.

    The eigenvalue is strictly convex in the logarithms of the missing entries, so Newton's method with a halving
    line search finds the minimum; first and second derivatives of a simple eigenvalue are those of Magnus,
    "On differentiating eigenvalues and eigenvectors", Econometric Theory 1 (1985).
    """
    filled = connected.copy()
    i, j = np.nonzero(np.triu(np.isnan(connected)))
    if not len(i):
        return filled, _perron(filled)[0]
    weights = log_least_squares(connected)  # close to the optimum, and the optimum itself when consistent
    logs = np.log(weights[i] / weights[j])
    filled[i, j], filled[j, i] = np.exp(logs), np.exp(-logs)
    value, right = _perron(filled)
    for _ in range(100):
        gradient, hessian = _derivatives(filled, i, j, value, right)
        step = np.linalg.solve(hessian, gradient)
        decrement = float(gradient @ step)
        for size in _LINE_SEARCH:
            trial = logs - size * step
            filled[i, j], filled[j, i] = np.exp(trial), np.exp(-trial)
            reached, right = _perron(filled)
            # The last term lets a step through whose gain is below what doubles can show.
            if reached <= value - 0.1 * size * decrement + 1e-12 * value:
                break
        logs, value = trial, reached
        if decrement < 1e-12 * value:
            return filled, value
    raise ArithmeticError(f"the completion of {connected.tolist()} did not converge; please report this matrix")


def _perron(matrix: Matrix) -> tuple[float, Vector]:
    """The largest eigenvalue of a positive matrix and its positive right eigenvector, of length 1."""
    values, vectors = np.linalg.eig(matrix)
    k = int(np.argmax(values.real))
    vector: Vector = np.abs(vectors[:, k].real)
    return float(values[k].real), vector


def _derivatives(
    matrix: Matrix, i: NDArray[np.intp], j: NDArray[np.intp], value: float, right: Vector
) -> tuple[Vector, Matrix]:
    """Gradient and Hessian of the largest eigenvalue in the logarithms of the entries (i, j), shapes (m,), (m, m)."""
    n, m = len(matrix), len(i)
    inverse = np.linalg.inv(value * np.eye(n) - matrix + np.outer(right, right))
    left = inverse.T @ right
    left = left / (left @ right)
    projector = np.eye(n) - np.outer(right, left)
    group_inverse = projector @ inverse @ projector
    # Raising log entry k raises (i, j) and lowers (j, i): D_k = a_ij e_i e_jᵀ - a_ji e_j e_iᵀ.
    k = np.arange(m)
    columns = np.zeros((n, m))  # D_k right
    columns[i, k], columns[j, k] = matrix[i, j] * right[j], -matrix[j, i] * right[i]
    rows = np.zeros((m, n))  # left D_k
    rows[k, j], rows[k, i] = left[i] * matrix[i, j], -left[j] * matrix[j, i]
    mixed = rows @ group_inverse @ columns
    up, down = rows[k, j] * right[j], -rows[k, i] * right[i]
    return up - down, np.diag(up + down) + mixed + mixed.T
