"""Pictures of a decision as HTML: how likely each place is, where the winner changes, and models side by side.

Every text is escaped here, and a picture says in words what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dss.card import Card
from dss.comparison import Comparison, Side
from dss.ranking import Scored
from dss.robust_words import percent
from dss.robustness import Chance
from dss.sensitivity import Switch
from ontology.records import Objective
from wizard.parts import mark, safe, swatch
from wizard.theme import OBJECTIVE_COLOURS, PLACE_COLOURS

Titled = Callable[[int], tuple[str, str]]
"""A candidate's name in two lines: the network on its device, and how it runs there."""

_WORTH_TELLING = 0.005  # points; less rounds to 0.00


def chances(found: Sequence[Chance], titled: Titled, winner: int) -> str:
    """For each candidate a bar of its chances of the places, first place darkest, and the first place as a number."""
    rows = ""
    for chance in found:
        title, how = titled(chance.row)
        bar = "".join(
            f'<i style="width:{100 * share:.2f}%;background:{colour}" title="place {place}: {percent(share)}"></i>'
            for place, (share, colour) in enumerate(zip(chance.places, PLACE_COLOURS, strict=False), start=1)
        )
        said = ", ".join(f"place {k} {percent(s)}" for k, s in enumerate(chance.places, start=1))
        star = "★ " if chance.row == winner else ""
        rows += (
            f'<div class="chance"><div><b>{star}{safe(title)}</b><small>{safe(how)}</small></div>'
            f'<div class="places" role="img" aria-label="{safe(said)}">{bar}</div><b>{percent(chance.first)}</b></div>'
        )
    key = "".join(
        f'<span><i class="swatch" style="background:{colour}"></i>{place}</span>'
        for place, colour in zip(("1st", "2nd", "3rd", "4th", "5th"), PLACE_COLOURS, strict=True)
    )
    return f'<div class="chances">{rows}<div class="legend">Share of cases in each place: {key}</div></div>'


def switches(found: Sequence[Switch]) -> str:
    """For each objective a scale of its weight: where it is now, and the range in which the winner stays first."""
    rows = ""
    for switch in found:
        low = 0.0 if switch.lower is None else switch.lower.weight
        high = 1.0 if switch.higher is None else switch.higher.weight
        stays = f"stays first from {percent(low)} to {percent(high)}" if high - low < 1 else "stays first always"
        rows += (
            f"<tr><td>{swatch(switch.objective)}</td><td>{percent(switch.weight)}</td>"
            f'<td class="scale"><div role="img" aria-label="{safe(stays)}">'
            f'<i style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></i>'
            f'<u style="left:{100 * switch.weight:.1f}%"></u></div></td><td class="said">{stays}</td></tr>'
        )
    return f'<table class="bars">{rows}</table>'


def side_by_side(cards: Sequence[Card], sides: Sequence[Side], headings: Sequence[str]) -> str:
    """Two or three models as columns: points for each objective that sum to the score, then every line of their cards.

    Beside the points of another model stands how far they lie from the first's. What is the same for all is told once.
    """
    head = "".join(
        f"<th><small>{safe(heading)}</small><b>{safe(c.title)}</b><span>{safe(c.subtitle)}</span></th>"
        for heading, c in zip(headings, cards, strict=True)
    )
    scored = [side.scored for side in sides]
    rows = f'<tr class="part"><td colspan="{len(cards) + 1}">Points for each objective: weight × rating</td></tr>'
    for k, contribution in enumerate(scored[0].contributions):
        points = [s.contributions[k].points for s in scored]
        rows += _points_row(contribution.objective, points, [s.contributions[k].rating for s in scored])
    scores = [s.score for s in scored]
    cells = "".join(_cell(f"<b>{s:.2f}</b>", s - scores[0], at != 0, "") for at, s in enumerate(scores))
    rows += f'<tr class="sum"><td>Score: the sum</td>{cells}</tr>'
    rows += f'<tr class="part"><td colspan="{len(cards) + 1}">Facts</td></tr>'
    alike = []
    for lines in zip(*(c.lines for c in cards), strict=True):
        if len({(line.label, line.text, line.evidence) for line in lines}) == 1:
            alike.append(lines[0])
            continue
        one_label = len({line.label for line in lines}) == 1
        label = lines[0].label if one_label else lines[0].label.split(" (")[0]
        cells = "".join(
            f"<td>{'' if one_label else f'<small>{safe(line.label)}</small> '}{safe(line.text)} "
            f"{mark(line.evidence if line.known else None, carried=bool(line.carried_from), source=line.source)}</td>"
            for line in lines
        )
        rows += f"<tr><td>{safe(label)}</td>{cells}</tr>"
    if alike:
        same = "; ".join(f"{line.label} {line.text}" for line in alike if line.known)
        unknown = ", ".join(line.label for line in alike if not line.known)
        told = f"{safe(same)}." + (f" Not known of any: {safe(unknown)}." if unknown else "")
        rows += f'<tr class="same"><td>The same for all</td><td colspan="{len(cards)}">{told}</td></tr>'
    return f'<div class="beside"><table><tr><th></th>{head}</tr>{rows}</table></div>'


def _points_row(objective: Objective, points: Sequence[float], ratings: Sequence[float | None]) -> str:
    cells = ""
    for at, (value, rating) in enumerate(zip(points, ratings, strict=True)):
        style = f"width:{min(100.0, 100 * value / 2.5):.1f}%;background:{OBJECTIVE_COLOURS[objective]}"
        known = f"rated {rating:.1f}" if rating is not None else "no evidence"
        cells += _cell(
            f"{value:.2f} <small>{known}</small>", value - points[0], at != 0, f'<i class="point" style="{style}"></i>'
        )
    return f"<tr><td>{swatch(objective)}</td>{cells}</tr>"


def _cell(html: str, difference: float, told: bool, below: str) -> str:
    away = ""
    if told:
        kind = "gain" if difference >= _WORTH_TELLING else "loss" if difference <= -_WORTH_TELLING else "even"
        away = f'<em class="{kind}">{"±0" if kind == "even" else f"{difference:+.2f}"}</em>'
    return f"<td>{html}{away}{below}</td>"


def differences(found: Comparison) -> str:
    """For each objective how many points speak for the first or the second, left and right of a middle line.

    They sum to the last line, the difference of the scores.
    """
    most = max([abs(d.points) for d in found.objectives] + [abs(found.points), 1e-9])
    rows = "".join(
        _apart(swatch(d.objective), d.points, most, OBJECTIVE_COLOURS[d.objective]) for d in found.objectives
    )
    return (
        f'<table class="bars apart"><tr><th></th><th>◂ for the first</th><th>for the second ▸</th><th></th></tr>{rows}'
        f"{_apart('In all', found.points, most, '#41525b', 'sum')}</table>"
    )


def _apart(name: str, points: float, most: float, colour: str, kind: str = "") -> str:
    bar = f'<i style="width:{100 * abs(points) / most:.1f}%;background:{colour}"></i>' if points else ""
    first, second = (bar, "") if points > 0 else ("", bar)
    told = f"{abs(points):.2f}" if abs(points) >= _WORTH_TELLING else "0"
    return (
        f'<tr class="{kind}"><td>{name}</td><td class="toleft">{first}</td><td class="toright">{second}</td>'
        f"<td>{told}</td></tr>"
    )


def place_words(scored: Scored) -> str:
    """`Recommended`, `Place 3`, or that it does not match."""
    return "Recommended" if scored.place == 1 else f"Place {scored.place}" if scored.place else "Does not match"
