"""What matters more to the organisation: pairwise judgements on the six objectives, and the weights they imply.

DLOM² (section 6, Figure 8a) asks seven comparisons, each with four strengths. Any set of comparisons will do here:
the weights are least squares on the logarithms of the stated ratios (`dss.pairwise`), and they say so when the
comparisons leave something open.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from dss.pairwise import Matrix, components, log_weight_operator, normalised
from ontology.records import Objective

Pair = tuple[Objective, Objective]

_O = Objective
PAPER_PAIRS: tuple[Pair, ...] = (
    (_O.PERFORMANCE, _O.COST),
    (_O.LATENCY, _O.SECURITY),
    (_O.SECURITY, _O.COMPLEXITY),
    (_O.COMPLEXITY, _O.PERFORMANCE),
    (_O.COST, _O.RELIABILITY),
    (_O.RELIABILITY, _O.LATENCY),
    (_O.COST, _O.LATENCY),
)
"""The comparisons of the paper's Figure 8a, in its order; they connect all six objectives."""

ALL_PAIRS: tuple[Pair, ...] = PAPER_PAIRS + tuple(
    (first, second)
    for k, first in enumerate(Objective)
    for second in list(Objective)[k + 1 :]
    if (first, second) not in PAPER_PAIRS and (second, first) not in PAPER_PAIRS
)
"""All fifteen comparisons of the six objectives, the paper's seven first."""


class PreferenceError(ValueError):
    """Judgements that cannot be used. `problems` lists all that was found, each with what to do about it."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Strength(IntEnum):
    """How much more one objective matters, as a ratio (Saaty 1977); the words are those of the paper's Figure 8a."""

    EQUAL = 1
    WEAK = 3
    STRONG = 5
    ABSOLUTE = 9

    @property
    def word(self) -> str:
        """The word for it in files and on the page."""
        return self.name.lower()


SIGNED_SCALE = tuple(-s for s in reversed(Strength) if s > 1) + tuple(int(s) for s in Strength)
"""Every answer to "first or second?": -9 -5 -3 1 3 5 9, negative when the second is preferred."""


@dataclass(frozen=True)
class Preference:
    """One judgement: `more` matters `strength` times as much as `less`. Which is which is idle when equal."""

    more: Objective
    less: Objective
    strength: Strength

    def __post_init__(self) -> None:
        if self.more == self.less:
            raise PreferenceError(f"{self.more} is compared with itself: choose two different objectives")

    @classmethod
    def between(cls, first: Objective, second: Objective, signed: int) -> Preference:
        """The judgement of one row of the page, as one of `SIGNED_SCALE`."""
        if signed not in SIGNED_SCALE:
            raise PreferenceError(f"{first}-{second}: {signed} is not on the scale, use one of {_scale_words()}")
        more, less = (second, first) if signed < 0 else (first, second)
        return cls(more, less, Strength(abs(signed)))

    def signed(self, first: Objective) -> int:
        """The strength, negative when the objective named is the one that matters less."""
        if first not in (self.more, self.less):
            raise PreferenceError(f"the judgement of {self.more} against {self.less} says nothing about {first}")
        return -int(self.strength) if first == self.less and self.strength > 1 else int(self.strength)

    @property
    def pair(self) -> frozenset[Objective]:
        """The two objectives, in no order."""
        return frozenset((self.more, self.less))

    def in_words(self) -> str:
        """The judgement as a person would say it: "performance over cost: strong"."""
        if self.strength == Strength.EQUAL:
            return f"{self.more} and {self.less}: equal"
        return f"{self.more} over {self.less}: {self.strength.word}"


@dataclass(frozen=True)
class Preferences:
    """A manager's judgements, at most one for a pair. Raises PreferenceError that names a pair judged twice."""

    judgements: tuple[Preference, ...] = ()

    def __post_init__(self) -> None:
        if problems := _judged_twice(self.judgements):
            raise PreferenceError(*problems)

    def __iter__(self) -> Iterator[Preference]:
        return iter(self.judgements)

    def __len__(self) -> int:
        return len(self.judgements)

    def on(self, first: Objective, second: Objective) -> Preference | None:
        """The judgement on these two objectives, in either order."""
        return next((j for j in self.judgements if j.pair == {first, second}), None)

    def with_judgement(self, judgement: Preference) -> Preferences:
        """The same, with this judgement in the place of one on the same pair, or added at the end."""
        if self.on(judgement.more, judgement.less) is None:
            return Preferences((*self.judgements, judgement))
        return Preferences(tuple(judgement if j.pair == judgement.pair else j for j in self.judgements))

    def without(self, first: Objective, second: Objective) -> Preferences:
        """The same, with no judgement on these two objectives."""
        return Preferences(tuple(j for j in self.judgements if j.pair != {first, second}))

    def indices(self) -> list[tuple[int, int]]:
        """For each judgement the positions of `more` and `less` in `Objective`."""
        order = list(Objective)
        return [(order.index(j.more), order.index(j.less)) for j in self.judgements]

    def matrix(self) -> Matrix:
        """The comparison matrix, shape (6, 6) in the order of `Objective`, `nan` where nothing was judged."""
        matrix = np.full((len(Objective), len(Objective)), np.nan)
        np.fill_diagonal(matrix, 1.0)
        for (i, j), judgement in zip(self.indices(), self.judgements, strict=True):
            matrix[i, j], matrix[j, i] = judgement.strength, 1 / judgement.strength
        return matrix

    def to_json(self) -> list[dict[str, str]]:
        """The form in files: `[{"more": "performance", "less": "cost", "strength": "strong"}, …]`."""
        return [{"more": j.more.value, "less": j.less.value, "strength": j.strength.word} for j in self.judgements]

    @classmethod
    def from_json(cls, data: object) -> Preferences:
        """Read what `to_json` wrote. Raises PreferenceError with every problem found."""
        if not isinstance(data, list):
            raise PreferenceError(f"preferences are a list of judgements, got {type(data).__name__}")
        return cls._read((f"judgement {k}", _judgement_problems(entry)) for k, entry in enumerate(data, start=1))

    def to_text(self) -> str:
        """The form in a link: `performance-cost:5,latency-security:-3`, negative where the second is preferred."""
        parts = []
        for j in self.judgements:
            swapped = (j.less, j.more) in ALL_PAIRS and j.strength > 1
            first, second = (j.less, j.more) if swapped else (j.more, j.less)
            parts.append(f"{first}-{second}:{j.signed(first)}")
        return ",".join(parts)

    @classmethod
    def from_text(cls, text: str) -> Preferences:
        """Read what `to_text` wrote; an empty text holds no judgement. Raises PreferenceError with every problem."""
        parts = text.split(",") if text.strip() else []
        return cls._read((f"'{part.strip()}'", _text_problems(part)) for part in parts)

    @classmethod
    def _read(cls, entries: Iterable[tuple[str, Preference | list[str]]]) -> Preferences:
        judgements: list[Preference] = []
        problems: list[str] = []
        for where, found in entries:
            if isinstance(found, Preference):
                judgements.append(found)
            else:
                problems += [f"{where}: {problem}" for problem in found]
        problems += _judged_twice(judgements)
        if problems:
            raise PreferenceError(*problems)
        return cls(tuple(judgements))


@dataclass(frozen=True)
class Weights(Mapping[Objective, float]):
    """How much each objective counts: a mapping from every objective to its share; the shares sum to 1.

    `missing` is a smallest set of comparisons that would connect all objectives. While it is not empty the weights
    rest on an assumption: objectives that no comparison joins, directly or through others, count the same on
    (geometric) average.
    """

    shares: tuple[float, ...]  # in the order of Objective
    missing: tuple[Pair, ...] = ()

    def __post_init__(self) -> None:
        if len(self.shares) != len(Objective) or not all(s >= 0 for s in self.shares):
            raise ValueError(f"weights are six shares, none negative, got {self.shares}")
        if not math.isclose(sum(self.shares), 1, abs_tol=1e-9):
            raise ValueError(f"weights sum to 1, these sum to {sum(self.shares)}: divide each by the sum")

    def __getitem__(self, objective: Objective) -> float:
        return self.shares[list(Objective).index(objective)]

    def __iter__(self) -> Iterator[Objective]:
        return iter(Objective)

    def __len__(self) -> int:
        return len(self.shares)

    def of(self, objective: Objective) -> float:
        """The share of one objective."""
        return self[objective]

    @property
    def connected(self) -> bool:
        """Whether the judgements alone fix the weights."""
        return not self.missing

    def in_words(self) -> str:
        """For a manager: the order of the weights, and which comparison is still open."""
        if len(self.missing) == len(Objective) - 1:
            return "You have not compared anything yet, so all six objectives count the same."
        order = sorted(Objective, key=lambda o: -self[o])
        words = "Most to least important: " + ", ".join(f"{o} {self[o]:.0%}" for o in order) + "."
        if self.missing:
            open_pairs = " and ".join(f"{first} with {second}" for first, second in self.missing)
            words += f" Part of this is an assumption: compare {open_pairs} to settle it."
        return words


def weights(preferences: Preferences) -> Weights:
    """Weights by logarithmic least squares on the judgements made (Bozóki, Fülöp and Rónyai 2010).

    They are unique when the judgements connect all six objectives; otherwise `Weights.missing` says what to compare.
    With no judgement at all, the weights are equal.
    """
    pairs = preferences.indices()
    logs = np.log(np.array([j.strength for j in preferences], dtype=np.float64))
    shares = normalised(np.exp(log_weight_operator(len(Objective), pairs) @ logs))
    return Weights(tuple(shares.tolist()), missing_pairs(pairs))


@dataclass(frozen=True)
class Fit:
    """One judgement beside the weights: the ratio stated, and the ratio of the two weights, more to less."""

    judgement: Preference
    stated: float
    weighted: float

    @property
    def factor(self) -> float:
        """How many times the two ratios differ, at least 1; 1 is a perfect fit."""
        return max(self.stated / self.weighted, self.weighted / self.stated)


def fit(preference: Preference, weights: Weights) -> Fit:
    """How well the weights reproduce one judgement. Raises ValueError when one of the two weights is 0."""
    more, less = weights.of(preference.more), weights.of(preference.less)
    if more == 0 or less == 0:
        raise ValueError(f"{preference.more} weighs {more} and {preference.less} {less}: their ratio says nothing")
    return Fit(preference, float(preference.strength), more / less)


def missing_pairs(pairs: list[tuple[int, int]]) -> tuple[Pair, ...]:
    """The first comparisons of `ALL_PAIRS` that each join two parts (Kruskal 1956), so as few as possible."""
    order, found = list(Objective), []
    part_of = {order[k]: part for part in components(len(order), pairs) for k in part}
    for first, second in ALL_PAIRS:
        one, other = part_of[first], part_of[second]
        if one != other:
            part_of = {o: one if part == other else part for o, part in part_of.items()}
            found.append((first, second))
    return tuple(found)


def _judged_twice(judgements: Iterable[Preference]) -> list[str]:
    first: dict[frozenset[Objective], Preference] = {}
    problems = []
    for j in judgements:
        earlier = first.setdefault(j.pair, j)
        if earlier is not j:
            problems.append(
                f"{earlier.more} and {earlier.less} are compared twice ({earlier.in_words()}; {j.in_words()}): "
                "keep one of the two"
            )
    return problems


def _judgement_problems(entry: object) -> Preference | list[str]:
    keys = ("more", "less", "strength")
    if not isinstance(entry, dict) or set(entry) != set(keys):
        return [f"a judgement has exactly the keys {', '.join(keys)}, got {entry!r}"]
    more, less = _objective(entry["more"]), _objective(entry["less"])
    strength = next((s for s in Strength if s.word == entry["strength"]), None)
    problems = [found for found in (more, less) if not isinstance(found, Objective)]
    if strength is None:
        problems.append(f"unknown strength {entry['strength']!r}, use one of {', '.join(s.word for s in Strength)}")
    if isinstance(more, Objective) and isinstance(less, Objective) and strength is not None:
        return _attempt(more, less, int(strength))
    return problems


def _text_problems(part: str) -> Preference | list[str]:
    names, colon, number = part.strip().partition(":")
    first_name, dash, second_name = names.partition("-")
    if not (colon and dash):
        return ["write a judgement as in performance-cost:5, negative when the second is preferred"]
    first, second = _objective(first_name), _objective(second_name)
    problems = [found for found in (first, second) if not isinstance(found, Objective)]
    if number not in {str(value) for value in SIGNED_SCALE}:
        problems.append(f"{number!r} is not on the scale, use one of {_scale_words()}")
    elif isinstance(first, Objective) and isinstance(second, Objective):
        return _attempt(first, second, int(number))
    return problems


def _attempt(first: Objective, second: Objective, signed: int) -> Preference | list[str]:
    try:
        return Preference.between(first, second, signed)
    except PreferenceError as error:
        return list(error.problems)


def _objective(name: object) -> Objective | str:
    """The objective of this name, or what is wrong with the name."""
    found = next((o for o in Objective if o.value == name), None)
    return found or f"unknown objective {name!r}, use one of {', '.join(Objective)}"


def _scale_words() -> str:
    return ", ".join(str(value) for value in SIGNED_SCALE)
