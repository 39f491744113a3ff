"""How sure a choice is, in a manager's words. The typed data come first (`robustness`, `sensitivity`, `asked` …)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dss.asked import Asked
from dss.groups import Agreement
from dss.preferences import Preference
from dss.robustness import JudgementEffect, MeasurementEffect, Robustness
from dss.second_opinion import SecondOpinion
from dss.sensitivity import OtherAnswer, Switch

Named = Callable[[int], str]
"""What a reader calls the candidate in a row of the projection."""


def percent(share: float) -> str:
    """`87 %`; a share that is not quite nothing, or not quite all, is not rounded to it."""
    if 0 < share < 0.005:
        return "less than 1 %"
    if 0.995 < share < 1:
        return "more than 99 %"
    return f"{share:.0%}".replace("%", " %")


def robustness_words(found: Robustness, named: Named) -> list[str]:
    """One sentence on how sure the first place is, and one each on what it hangs on most."""
    first = found.of(found.winner).first
    told = []
    if not any((found.drawn.judgements, found.drawn.unjoined_parts, found.drawn.measured_ratings)) and not any(
        (found.drawn.voted_ratings, found.drawn.unknown_ratings)
    ):
        told.append(f"{named(found.winner)} is first, and nothing about it is uncertain.")
    elif first == 1:
        told.append(
            f"{named(found.winner)} came first in all of {found.samples:,} draws of what is uncertain "
            f"({_drawn_words(found)})."
        )
    else:
        told.append(
            f"{named(found.winner)} came first in {percent(first)} of {found.samples:,} draws of what is uncertain "
            f"({_drawn_words(found)})."
        )
        rivals = [c for c in found.chances if c.row != found.winner and c.first > 0]
        if rivals:
            told.append(f"Next likeliest: {' and '.join(f'{named(c.row)} ({percent(c.first)})' for c in rivals[:2])}.")
    if found.judgement is not None:
        told.append(judgement_words(found.judgement, named(found.winner)))
    if found.measurement is not None:
        told.append(measurement_words(found.measurement, named))
    return told


def judgement_words(effect: JudgementEffect, winner: str) -> str:
    """How much the winner hangs on one judgement."""
    whose = f"{effect.person}'s judgement" if effect.person else "your judgement"
    return (
        f"It hangs most on {whose} '{effect.judgement.in_words()}': {winner} is first in "
        f"{percent(effect.first_if_stronger)} of the draws where {_meant(effect.judgement)} than that, "
        f"and in {percent(effect.first_if_weaker)} of the others."
    )


def measurement_words(effect: MeasurementEffect, named: Named) -> str:
    """How much one missing figure would tell."""
    return (
        f"The missing figure that would tell most is the {effect.objective} of {named(effect.row)}: rated best it "
        f"would be first in {percent(effect.first_if_best)} of the draws, rated worst in "
        f"{percent(effect.first_if_worst)}."
    )


def switch_words(switch: Switch, named: Named) -> str:
    """`Cost weighs 10 % now: from 23 % on, B would be first; below 4 %, C.`"""
    now = f"{switch.objective.capitalize()} weighs {percent(switch.weight)} now"
    turns = []
    if switch.higher is not None:
        turns.append(f"above {percent(switch.higher.weight)} {named(switch.higher.row)} would be first")
    if switch.lower is not None:
        turns.append(f"below {percent(switch.lower.weight)} {named(switch.lower.row)} would be first")
    return f"{now}: {', '.join(turns)}." if turns else f"{now}: the winner stays first whatever it weighs."


def answer_words(answer: OtherAnswer, named: Named) -> str:
    """The nearest other answer that would change the winner."""
    return (
        f"Had you said '{answer.instead.in_words()}' instead of '{answer.said.in_words()}', "
        f"{named(answer.row)} would be first."
    )


def asked_words(asked: Asked) -> str:
    """What is left to ask, or that nothing is."""
    left = len(asked.questions) + len(asked.needless)
    if not left:
        return "You have made all fifteen comparisons."
    if asked.settled:
        return f"No further answer can change the winner: the {_number(left, 'open comparison')} can stay open."
    first, second = asked.questions[0].pair
    told = f"{_number(len(asked.questions), 'open comparison')} can still change the winner; "
    told += f"{first} against {second} decides most often."
    if asked.needless:
        sure = "cannot" if asked.complete else "was not found to"
        told += f" {_number(len(asked.needless), 'other')} {sure}."
    return told


def opinion_words(opinion: SecondOpinion, named: Named) -> str:
    """Whether another rule agrees."""
    rule = "By another rule, TOPSIS (near the best that was seen, far from the worst),"
    if opinion.same_winner:
        told = f"{rule} the same one is first"
    else:
        told = f"{rule} {named(opinion.winner)} is first and the winner comes in place {opinion.place_of_winner}"
    if opinion.among > 1:
        told += f"; {opinion.shared} of the first {opinion.among} are the same"
    if opinion.tau is not None:
        told += f", and the two orders {_tau_words(opinion.tau)} (Kendall's tau {opinion.tau:.2f})"
    return told + "."


def agreement_words(agreement: Agreement) -> list[str]:
    """How far a group agrees, and who differs where."""
    consensus = agreement.consensus
    told = [f"The consensus of the {consensus.people} people is {consensus.word} ({percent(consensus.value)})."]
    if agreement.on_pairs:
        widest = agreement.on_pairs[0]
        (one, high), (other, low) = widest.highest, widest.lowest
        told.append(f"They differ most on {_joined(widest.pair)}: {one} says '{high.in_words()}', {other} "
                    f"'{low.in_words()}'.")  # fmt: skip
    weight = agreement.on_weights[0]
    if weight.range > 0.005:
        told.append(
            f"The widest range of weights is that of {weight.objective}: {percent(weight.highest[1])} for "
            f"{weight.highest[0]}, {percent(weight.lowest[1])} for {weight.lowest[0]}."
        )
    if agreement.apart is not None:
        told.append(f"Without {agreement.apart} the others would agree most.")
    return told


def _drawn_words(found: Robustness) -> str:
    drawn = found.drawn
    kinds = [
        (drawn.judgements, "judgement"),
        (drawn.unjoined_parts, "group of objectives that you did not compare"),
        (drawn.measured_ratings, "measured rating"),
        (drawn.voted_ratings, "rating by votes"),
        (drawn.unknown_ratings, "unknown rating"),
    ]
    plural = {"group of objectives that you did not compare": "groups of objectives that you did not compare",
              "rating by votes": "ratings by votes"}  # fmt: skip
    parts = [f"{n:,} {word if n == 1 else plural.get(word, word + 's')}" for n, word in kinds if n]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _meant(judgement: Preference) -> str:
    return f"{judgement.more} matters more against {judgement.less}"


def _joined(pair: Sequence[object]) -> str:
    return f"{pair[0]} against {pair[1]}"


def _number(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _tau_words(tau: float) -> str:
    steps = (
        (0.9, "hardly differ"),
        (0.7, "are much alike"),
        (0.4, "are somewhat alike"),
        (0.0, "have little in common"),
    )
    return next((words for least, words in steps if tau >= least), "run against each other")
