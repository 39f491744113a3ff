"""Several people's judgements: combined, how far they agree, and who differs where.

Judgements are combined by their geometric mean (AIJ, aggregation of individual judgements), the only way that keeps
comparisons reciprocal and treats all alike (Aczél and Saaty, J. Math. Psychology 27, 1983). Or each person's weights
are (AIP, aggregation of individual priorities; both in Forman and Peniwati, European J. Oper. Research 108, 1998).
The figure of consensus is that of AHP-OS (Goepel, "Implementing the Analytic Hierarchy Process as a standard method for
multi-criteria decision making in corporate enterprises", Proc. ISAHP 2013, with the bounds he published in 2022).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from dss.consistency import Consistency, consistency
from dss.pairwise import Matrix, Vector, components, consistency_ratio, log_weight_operator, normalised
from dss.preferences import Pair, Preference, PreferenceError, Preferences, Weights, missing_pairs, weights
from ontology.records import Objective

LONGEST_NAME = 80
_SCALE_MOST = 9.0  # the strongest answer


@dataclass(frozen=True)
class Person:
    """One person's judgements. The name is "" for the only person of a file that names nobody."""

    name: str
    preferences: Preferences


@dataclass(frozen=True)
class Group:
    """People who judge together, each with a name of their own. Raises PreferenceError with every problem found."""

    people: tuple[Person, ...]

    def __post_init__(self) -> None:
        if problems := _name_problems([p.name for p in self.people]):
            raise PreferenceError(*problems)

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people)

    def __len__(self) -> int:
        return len(self.people)

    @classmethod
    def alone(cls, preferences: Preferences) -> Group:
        """One person who need not be named."""
        return cls((Person("", preferences),))

    def with_person(self, name: str, preferences: Preferences) -> Group:
        """The same, with these judgements in the place of those of the same name, or added at the end."""
        one = Person(name.strip(), preferences)
        if all(p.name != one.name for p in self.people):
            return Group((*self.people, one))
        return Group(tuple(one if p.name == one.name else p for p in self.people))

    def without(self, name: str) -> Group:
        """The same, without this person."""
        return Group(tuple(p for p in self.people if p.name != name))

    def to_json(self) -> object:
        """The form in files: `{"Ann": [judgements], "Ben": [judgements]}`, and for one without a name the bare list."""
        if len(self) == 1 and not self.people[0].name:
            return self.people[0].preferences.to_json()
        return {p.name: p.preferences.to_json() for p in self.people}

    @classmethod
    def from_json(cls, data: object) -> Group:
        """Read what `to_json` wrote; a bare list is one person. Raises PreferenceError with every problem found."""
        if isinstance(data, list):
            return cls.alone(Preferences.from_json(data))
        if not isinstance(data, Mapping):
            raise PreferenceError(
                f"preferences are a list of judgements, or one list for each person's name, got {type(data).__name__}"
            )
        people, problems = [], []
        for name, judgements in data.items():
            try:
                people.append(Person(str(name), Preferences.from_json(judgements)))
            except PreferenceError as error:
                problems += [f"{name}: {problem}" for problem in error.problems]
        problems += _name_problems([str(name) for name in data])
        if problems:
            raise PreferenceError(*problems)
        return cls(tuple(people))

    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The comparisons that anybody made, as positions in `Objective`, the lower first."""
        return tuple(sorted({(min(i, j), max(i, j)) for p in self for i, j in p.preferences.indices()}))

    def matrix(self) -> Matrix:
        """The combined comparison matrix, shape (6, 6): geometric means of those who judged, `nan` where nobody did."""
        logs = np.log([p.preferences.matrix() for p in self]) if len(self) else np.full((1, 6, 6), np.nan)
        known = ~np.isnan(logs)
        number = known.sum(axis=0)
        mean = np.where(number > 0, np.where(known, logs, 0.0).sum(axis=0) / np.maximum(number, 1), np.nan)
        np.fill_diagonal(mean, 0.0)
        # Written from one half, so that the two halves are reciprocal to the last digit.
        combined: Matrix = np.exp(np.triu(mean))
        below = np.tril_indices(len(Objective), -1)
        combined[below] = 1 / combined.T[below]
        return combined


Judged = Preferences | Group
"""Whoever judged: one person, or several."""


def as_group(judged: Judged) -> Group:
    """The same as a group."""
    return judged if isinstance(judged, Group) else Group.alone(judged)


def simplest(group: Group) -> Judged:
    """One person who is not named as preferences alone, any other group as it is."""
    alone = len(group) == 1 and not group.people[0].name
    return group.people[0].preferences if alone else group


def weights_of(judged: Judged) -> Weights:
    """The weights of one person's judgements, or of a group's."""
    return weights(judged) if isinstance(judged, Preferences) else group_weights(judged)


def consistency_of(judged: Judged) -> Consistency:
    """The consistency of one person's judgements, or of a group's combined ones.

    Of a group no single judgement is named: the combined ratio is nobody's answer. Each person's own consistency says
    what that person may look at again.
    """
    if isinstance(judged, Preferences):
        return consistency(judged)
    if len(judged) == 1:
        return consistency(judged.people[0].preferences)
    pairs = list(judged.pairs())
    return Consistency(
        ratio=group_consistency_ratio(judged),
        judgements=sum(len(p.preferences) for p in judged),
        checks=len(pairs) - len(Objective) + len(components(len(Objective), pairs)),
    )


def group_weights(group: Group) -> Weights:
    """The weights of the combined judgements (AIJ), by least squares as for one person."""
    matrix, pairs = group.matrix(), list(group.pairs())
    logs = np.log(np.array([matrix[pair] for pair in pairs], dtype=np.float64))
    shares = normalised(np.exp(log_weight_operator(len(Objective), pairs) @ logs))
    return Weights(tuple(shares.tolist()), missing_pairs(pairs))


def mean_of_weights(group: Group) -> Weights:
    """The geometric mean of everybody's weights, scaled to sum to 1 (AIP). Raises ValueError when nobody is in it.

    For complete judgements it is the same as `group_weights`; where people answered different questions it differs.
    """
    if not len(group):
        raise ValueError("nobody is in the group: add a person's judgements first")
    logs = np.log([weights(p.preferences).shares for p in group])
    shares: Vector = normalised(np.exp(logs.mean(axis=0)))
    return Weights(tuple(shares.tolist()), missing_pairs(list(group.pairs())))


def group_consistency_ratio(group: Group) -> float:
    """Saaty's consistency ratio of the combined judgements."""
    return consistency_ratio(group.matrix())


@dataclass(frozen=True)
class Consensus:
    """How far the weights of several people agree: 1 when they are the same, 0 when they could not differ more."""

    value: float
    people: int

    @property
    def word(self) -> str:
        """AHP-OS's word for it; its author found a mean of 0.64 in the group decisions of its users."""
        steps = ((0.875, "very high"), (0.75, "high"), (0.625, "moderate"), (0.5, "low"))
        return next((word for least, word in steps if self.value >= least), "very low")


def consensus(shares: Sequence[Sequence[float]]) -> Consensus:
    """Goepel's consensus of several people's weights, each row one person's, summing to 1.

    With H the Shannon entropy, γ that of the mean weights, α the mean of each person's: S = (1 / exp(Hγ - Hα) - m) /
    (1 - m), where m = exp(least Hα) / n is the smallest possible value, least Hα being the entropy of weights in which
    one of n items counts 9 times as much as each of the others. Chains of judgements can give weights more extreme
    than that; the value then stays at 0. Raises ValueError for fewer than two people.
    """
    table = np.asarray(shares, dtype=np.float64)
    if table.ndim != 2 or len(table) < 2:
        raise ValueError(f"a consensus takes two people or more, got {len(table)}")
    n = table.shape[1]
    alpha = float(np.mean([_entropy(row) for row in table]))
    gamma = _entropy(table.mean(axis=0))
    extreme = np.array([_SCALE_MOST] + [1.0] * (n - 1))
    least = math.exp(_entropy(extreme / extreme.sum())) / n
    similarity = 1 / math.exp(gamma - alpha)
    return Consensus(min(1.0, max(0.0, (similarity - least) / (1 - least))), len(table))


@dataclass(frozen=True)
class PairDifference:
    """Two people who judged the same pair most differently: how many times their ratios differ, at least 1."""

    pair: Pair
    highest: tuple[str, Preference]  # who says most for the first of the pair
    lowest: tuple[str, Preference]
    factor: float


@dataclass(frozen=True)
class WeightDifference:
    """What an objective weighs for the person to whom it matters most, and for whom it matters least."""

    objective: Objective
    highest: tuple[str, float]
    lowest: tuple[str, float]

    @property
    def range(self) -> float:
        """The difference of the two weights."""
        return self.highest[1] - self.lowest[1]


@dataclass(frozen=True)
class Agreement:
    """A group looked at: its consensus, who differs where (most first), and who stands farthest from the others."""

    consensus: Consensus
    on_pairs: tuple[PairDifference, ...]
    on_weights: tuple[WeightDifference, ...]
    apart: str | None  # without this person the others agree most; None when nobody's leaving would help


def agreement(group: Group) -> Agreement:
    """Who agrees with whom. Raises ValueError for fewer than two people."""
    shares = [weights(p.preferences).shares for p in group]
    whole = consensus(shares)
    without = {
        p.name: consensus([s for i, s in enumerate(shares) if i != k]).value
        for k, p in enumerate(group)
        if len(group) > 2
    }
    best = max(without, key=lambda name: without[name], default=None)
    return Agreement(
        consensus=whole,
        on_pairs=_on_pairs(group),
        on_weights=_on_weights(group, shares),
        apart=best if best is not None and without[best] > whole.value + 1e-9 else None,
    )


def _on_pairs(group: Group) -> tuple[PairDifference, ...]:
    found = []
    for pair in combinations(Objective, 2):
        judged = [(p.name, j) for p in group if (j := p.preferences.on(*pair)) is not None]
        if len(judged) < 2:
            continue
        ratio = {name: _ratio(j, pair[0]) for name, j in judged}
        highest, lowest = max(judged, key=lambda one: ratio[one[0]]), min(judged, key=lambda one: ratio[one[0]])
        factor = ratio[highest[0]] / ratio[lowest[0]]
        if factor > 1 + 1e-9:
            found.append(PairDifference(pair, highest, lowest, factor))
    return tuple(sorted(found, key=lambda d: -d.factor))


def _on_weights(group: Group, shares: Sequence[Sequence[float]]) -> tuple[WeightDifference, ...]:
    names = [p.name for p in group]
    found = []
    for k, objective in enumerate(Objective):
        column = [row[k] for row in shares]
        high, low = int(np.argmax(column)), int(np.argmin(column))
        found.append(WeightDifference(objective, (names[high], column[high]), (names[low], column[low])))
    return tuple(sorted(found, key=lambda d: -d.range))


def _ratio(judgement: Preference, first: Objective) -> float:
    return float(judgement.strength) if judgement.more == first else 1 / judgement.strength


def _entropy(shares: Vector) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())


def _name_problems(names: Sequence[str]) -> list[str]:
    problems = []
    if len(names) > 1 or (names and names[0]):
        problems += [
            f"{name!r} is no name for a person: use 1 to {LONGEST_NAME} characters, without spaces at the ends"
            for name in names
            if not name or name != name.strip() or len(name) > LONGEST_NAME or not name.isprintable()
        ]
    problems += [
        f"two people are called {name!r}: give each a name of their own"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    return problems
