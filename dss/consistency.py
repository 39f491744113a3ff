"""Whether a manager's judgements agree with one another, and which one to look at again if they do not.

Saaty's consistency ratio, for any set of comparisons (`dss.pairwise`). Computed on every click of the page, so it
has to stay within a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from dss.pairwise import Change, best_change, components, consistency_ratio
from dss.preferences import SIGNED_SCALE, Preference, Preferences
from ontology.records import Objective

LIMIT = 0.10  # Saaty's rule of thumb (1977): a tenth of the inconsistency of random answers

# Every ratio that can be answered, in both directions.
_SCALE = tuple(float(s) if s > 0 else -1 / s for s in SIGNED_SCALE)


@dataclass(frozen=True)
class Reconsideration:
    """The judgement to look at again, the one that would fit best in its place, and the ratio then reached.

    `implied` is how many times as much `judgement.more` matters as `judgement.less` by the other judgements alone;
    below 1 they say the opposite.
    """

    judgement: Preference
    better: Preference
    implied: float
    ratio: float

    def in_words(self) -> str:
        """For a manager: what to look at again, and what would fit."""
        more, less = self.judgement.more, self.judgement.less
        value = f"'{self.better.strength.word}'"
        if self.better.strength > 1 and (self.better.more != more or self.judgement.strength == 1):
            value += f" in favour of {self.better.more}"
        said = f"'{self.judgement.strength.word}'"
        if self.better.more != more and self.judgement.strength > 1:
            said += f" in favour of {more}"
        after = f"the ratio would be {_shown(self.ratio)}"
        if self.ratio > LIMIT:
            after += ", still above the limit, so there is more to look at"
        return f"Look again at {more} against {less}: {value} would fit better than {said} ({after})."


@dataclass(frozen=True)
class Consistency:
    """How well the judgements agree.

    `ratio` is Saaty's consistency ratio: 0 is perfect, 1 is as contradictory as random answers. `judgements` is
    their number, `checks` the number of independent cycles among them, each a chance to contradict. `look_again` is
    given above the limit, unless no single change would help.
    """

    ratio: float
    judgements: int
    checks: int
    look_again: Reconsideration | None = None

    @property
    def acceptable(self) -> bool:
        """Whether the ratio is within Saaty's limit of 0.10."""
        return self.ratio <= LIMIT

    def in_words(self) -> str:
        """One or two plain sentences for a manager."""
        if not self.judgements:
            return "There is nothing to contradict yet: you have not compared anything."
        if not self.checks:
            return "There is nothing to contradict yet: no answer can be checked against the others."
        if self.acceptable:
            return f"Your answers agree well (ratio {_shown(self.ratio)}; up to {LIMIT:.2f} is fine)."
        words = f"Some answers pull against each other (ratio {_shown(self.ratio)}; up to {LIMIT:.2f} is fine). "
        if self.look_again is None:
            return words + "No single change would help: go through them once more."
        return words + self.look_again.in_words()


def consistency(preferences: Preferences) -> Consistency:
    """Saaty's consistency ratio of the judgements made, and above 0.10 the judgement to look at again.

    Missing comparisons take the values that make the ratio smallest, and count as chances to contradict that were
    not taken (`dss.pairwise.random_index`). Where the judgements fall into parts that nothing joins, the ratio is
    that of the worst part.
    """
    matrix = preferences.matrix()
    parts = components(len(Objective), preferences.indices())
    ratio = consistency_ratio(matrix)
    change = best_change(matrix, _SCALE) if ratio > LIMIT else None
    return Consistency(
        ratio=ratio,
        judgements=len(preferences),
        checks=len(preferences) - len(Objective) + len(parts),
        look_again=None if change is None else _reconsideration(preferences, change),
    )


def _reconsideration(preferences: Preferences, change: Change) -> Reconsideration:
    order = list(Objective)
    first, second = order[change.i], order[change.j]
    judgement = preferences.on(first, second)
    if judgement is None:
        raise LookupError(f"no judgement on {first} and {second} to reconsider")
    if judgement.more == first:
        value, implied = change.value, change.implied
    else:
        value, implied = 1 / change.value, 1 / change.implied
    signed = round(value) if value >= 1 else -round(1 / value)
    return Reconsideration(
        judgement=judgement,
        better=Preference.between(judgement.more, judgement.less, signed),
        implied=implied,
        ratio=change.ratio,
    )


def _shown(ratio: float) -> str:
    """Two decimals, or more where two would hide that the ratio is above the limit."""
    for decimals in (2, 3):
        if ratio <= LIMIT or round(ratio, decimals) > LIMIT:
            return f"{ratio:.{decimals}f}"
    return f"{ratio:.4f}"
