"""What the pages say beside `dss.words`: steps, marks of evidence, entries. Nothing here knows Streamlit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dss.asked import Asked as Questions
from dss.cost import TotalCost, money
from dss.effects import Help, share
from dss.robust_words import percent
from dss.robustness import Robustness
from dss.words import SHAPES, named, precise
from ontology.records import Grade
from ontology.requirement import Limit, Relation, Requirement, Step, limits, spec, specs
from repository.projection import Projection
from wizard.state import given

STEP_WORDS: Mapping[str, str] = {
    "project": "Project",
    "network": "Network",
    "device": "Device",
    "cloud": "Cloud",
    "optimization": "Optimization",
    "performance": "Performance",
    "preferences": "Preferences",
    "results": "Results",
}
STEP_QUESTIONS: Mapping[str, str] = {
    Step.PROJECT: "What is it for, and what may it cost?",
    Step.NETWORK: "Does the neural network itself matter to you?",
    Step.DEVICE: "What will it run on?",
    Step.CLOUD: "Do you need a server beside the devices?",
    Step.OPTIMIZATION: "How may the network have been made smaller or faster?",
    Step.PERFORMANCE: "How good and how fast must it be?",
}


@dataclass(frozen=True)
class Mark:
    """How a grade of evidence is shown: a shape and a word, and a colour only beside them."""

    shape: str
    word: str
    meaning: str

    def __str__(self) -> str:
        """`◆ published`."""
        return f"{self.shape} {self.word}"


MARKS: Mapping[Grade, Mark] = {
    Grade.MEASURED: Mark(
        SHAPES[Grade.MEASURED], "measured", "measured by DLOM's own procedure on a named installation"
    ),
    Grade.PUBLISHED: Mark(SHAPES[Grade.PUBLISHED], "published", "printed by a benchmark, with its version"),
    Grade.LITERATURE: Mark(SHAPES[Grade.LITERATURE], "literature", "from a table of a paper"),
    Grade.DECLARED: Mark(SHAPES[Grade.DECLARED], "declared", "somebody's word, such as a price from general knowledge"),
    Grade.PREDICTED: Mark(SHAPES[Grade.PREDICTED], "predicted", "calculated by a model, not measured"),
}


def number(value: float) -> str:
    """A number in full, as a person writes it: `14,000`, `0.05`."""
    return f"{value:,.15g}"


def quantity(value: float, unit: str) -> str:
    """A number with its unit, as it can be entered again."""
    return f"{number(value)} {unit}".strip()


def limit_words(limit: Limit, projection: Projection) -> tuple[str, str]:
    """What is asked, as (label, value): `("Total budget", "at most 14,000 USD")`."""
    if isinstance(limit.value, bool):
        return limit.label, "yes"
    if isinstance(limit.value, tuple):
        text = ", ".join(named(limit.field, name, projection) for name in limit.value)
        return limit.label, {Relation.ALL_OF: "all of ", Relation.NONE_OF: "none of "}.get(limit.relation, "") + text
    label = limit.label.removesuffix(f", {limit.relation.value}")  # the value says it
    return label, f"{limit.relation.value} {precise(float(limit.value))} {limit.unit}".strip()


def given_words(requirement: Requirement, projection: Projection) -> list[tuple[str, str]]:
    """Everything that was filled in, as (label, value), in the order of the steps."""
    asked = {limit.field: limit for limit in limits(requirement)}
    return [
        limit_words(asked[name], projection) if name in asked else (spec(name).label, str(getattr(requirement, name)))
        for name in given(requirement)
    ]


def models(n: int) -> str:
    """`1 model`, `1,527 models`."""
    return f"{n:,} model" if n == 1 else f"{n:,} models"


def sure_word(found: Robustness, with_copies: float) -> str:
    """The verdict in one sentence; `with_copies` is the chance of the winner and its near-copies together."""
    first = found.of(found.winner).first
    if first >= 0.9:
        return "The choice is safe."
    if with_copies >= 0.9:
        return "The choice of network and device is safe; the runtime is nearly a tie."
    if with_copies >= 0.6:
        return "Likely, but not certain."
    if with_copies >= 0.3:
        return "A front-runner, no more."
    return "Do not take the first place for settled: too much is unknown or nearly a tie."


def sure_words(found: Robustness, with_copies: float) -> str:
    """How often it comes first, and in cases of what."""
    first, drawn = found.of(found.winner).first, found.drawn
    kinds = [
        (drawn.judgements, "your answers half a step either way"),
        (drawn.unjoined_parts, "any weights where you compared nothing"),
        (drawn.measured_ratings, "measurements within their spread"),
        (drawn.voted_ratings, "votes within theirs"),
        (drawn.unknown_ratings, "unknown figures anywhere from worst to best"),
    ]
    what = [words for n, words in kinds if n]
    if not what:
        return "Nothing about it is uncertain."
    often = percent(first) if first else "none"
    told = f"First in {often} of {found.samples:,} plausible cases: {', '.join(what)}."
    if with_copies - first >= 0.005:
        told += f" {percent(with_copies)} with the same network on the same device under another runtime."
    return told


def asked_words(found: Questions) -> str:
    """Whether further answers can change the winner, for a manager."""
    number, left = len(found.questions), len(found.questions) + len(found.needless)
    if not left:
        return "All fifteen comparisons are made."
    if found.settled:
        return "Further answers cannot change the winner."
    verb = "answer still matters" if number == 1 else "answers still matter"
    told = f"{_small(number).capitalize()} {verb}"
    return told + (f"; {_small(left - number)} cannot change the winner." if left > number else ".")


def open_words(found: Questions) -> str:
    """Beside a result: what the comparisons that nobody made could still do to it."""
    number = len(found.questions)
    if found.settled or not number:
        return asked_words(found)
    which = "one comparison" if number == 1 else f"{_small(number)} comparisons"
    return f"You left open {which} whose answers could still change the winner."


def _small(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return words[number] if number < len(words) else str(number)


def help_words(found: Help) -> str:
    """Whether the optimization helps on this device: pairs, the share that got slower, and where that is from."""
    effect = found.effect("inference_latency_ms")
    if effect is None:
        return "Will it help on this device? No pair on record compares it here with the unoptimized network."
    pairs = "the one comparable pair" if effect.pairs == 1 else f"{effect.pairs:,} comparable pairs"
    told = (
        f"Will it help on this device? In {pairs} it took {effect.median:.2f} × as long"
        f"{' at the median' if effect.pairs > 1 else ''}; slower in {share(effect.worse, effect.pairs)} "
        f"({', '.join(effect.sources)}; {', '.join(g.value for g in effect.grades)})."
    )
    return told + (" Table 1 says the opposite in general." if found.contradicted else "")


def cost_range_words(cost: TotalCost) -> str:
    """`May be $5,993 to $13,983: …`, or nothing where every part is quoted."""
    if cost.low_usd is None or cost.high_usd is None or cost.low_usd == cost.high_usd:
        return ""
    low, high = (money(float(round(end))) for end in (cost.low_usd, cost.high_usd))
    parts = " and ".join(f"the price of the {part}" if part != "other cost" else "the other cost"
                         for part, _ in cost.spreads)  # fmt: skip
    verb = "is" if len(cost.spreads) == 1 else "are"
    return f"May be {low} to {high}, as {parts} {verb} no quotation."


def readable(message: str) -> str:
    """A message in which fields go by their labels: “Accuracy is meant as” for `performance.metric`."""
    return _FIELD.sub(lambda m: f"“{_LABELS[m.group(1)]}”" if m.group(1) in _LABELS else m.group(0), message)


_FIELD = re.compile(rf"\b(?:{'|'.join(Step)})\.([a-z_]+)")
_LABELS = {name: s.label for name, s in specs()}


def plain(text: str) -> str:
    """Text that Streamlit's Markdown shows as it stands: no links, pictures, formulas, icons or colours."""
    unlinked = _ADDRESS.sub("\\g<0>\N{ZERO WIDTH SPACE}", text)  # Markdown makes links of bare addresses, too
    return "".join(f"\\{c}" if c in _MARKDOWN else c for c in unlinked)


_ADDRESS = re.compile(r"(?i)https?(?=:)|ftp(?=:)|www(?=\.)|mailto(?=:)|xmpp(?=:)|@")
_MARKDOWN = frozenset("\\`*_{}[]()<>#+-!|$~:&^=")
